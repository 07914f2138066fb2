#!/usr/bin/env python3
"""A disk that is full, or read-only, is temporary, and what was acknowledged
before stays."""

import base64
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, message  # noqa: E402
from harness.process import Process  # noqa: E402

SETUP = """
set -e
mount --make-rprivate /
mount -t tmpfs -o size=6m okapi-test "$1"
echo mounted
exec sleep infinity
"""


def hexadecimal():
    return os.urandom(300000).hex().encode() + b"\r\n"


def attachment():
    """A file beside the store."""
    return base64.encodebytes(os.urandom(1100000)).replace(b"\n", b"\r\n")


class DiskFull(Case):
    def test_full_then_room_again(self):
        self.fill(hexadecimal)

    def test_full_of_attachments(self):
        self.fill(attachment)

    def mounted(self):
        """An Okapi whose store lies on a small file system of its own."""
        self.needs_root()
        directory = self.directory()
        self.place = os.path.join(directory, "store")
        os.makedirs(self.place)
        holder = Process(["unshare", "--mount", "sh", "-c", SETUP, "sh",
                          self.place])
        self.addCleanup(holder.kill)
        try:
            holder.wait_for("mounted")
        except AssertionError as error:
            self.skipTest(f"no mount namespace here: {error}")
        self.prefix = ["nsenter", "-t", str(holder.pid), "-m", "--"]
        okapi = Okapi(directory, store_timeout="2s", prefix=self.prefix)
        self.addCleanup(okapi.stop)
        return okapi

    def remount(self, options):
        subprocess.run([*self.prefix, "mount", "-o", "remount," + options,
                        self.place], check=True)

    def test_read_only_then_writable_again(self):
        okapi = self.mounted()
        self.assertEqual(okapi.deliver(message("before"), "anna").status, 0)
        self.remount("ro")
        for options, status in ((), 75), (("-q",), 111):
            done = okapi.deliver(message("after"), *options, "anna")
            self.assertEqual(done.status, status, done)
            self.assertRegex(done.first_line, r"^4\.3\.\d .*Read-only")
        daemon = okapi.start_dagent(wait=False)
        self.assertIn(daemon.child.wait(60), (75, 78), daemon.text())
        self.assertEqual(okapi.subjects("anna"), ["before"])
        self.remount("rw")
        okapi.start_dagent()
        self.assertEqual(okapi.deliver(message("after"), "anna").status, 0)
        self.assertEqual(okapi.subjects("anna"), ["after", "before"])

    def fill(self, body):
        okapi = self.mounted()
        okapi.start_dagent()
        client = Lmtp(("127.0.0.1", okapi.port))
        stored, refused = [], None
        for number in range(40):
            name = f"fill {number}"
            data = (f"Subject: {name}\r\n\r\n").encode() + body()
            code, text = client.deliver("c@x.test", ["anna"], data)[-1]
            if code == 250:
                stored.append(name)
            else:
                refused = (code, text)
                break
        self.assertTrue(refused, "it never filled")
        self.assertIn(refused[0], (451, 452), refused)
        self.assertTrue(refused[1].startswith("4.3."), refused)
        self.assertTrue(okapi.dagent.running())
        # Nothing that could be kept in less.
        done = okapi.deliver(message("pipe") + hexadecimal() * 4, "anna")
        self.assertEqual(done.status, 75, done)
        # Reading works on a full disk, and nothing acknowledged is gone.
        self.assertEqual(okapi.subjects("anna"), sorted(stored))
        self.remount("size=40m")
        again = client.deliver("c@x.test", ["anna"], data)[-1]
        self.assertEqual(again[0], 250, again)
        self.assertEqual(okapi.subjects("anna"), sorted([*stored, name]))
        done = okapi.admin("store", "check")
        self.assertEqual(done.status, 0, done)


if __name__ == "__main__":
    main()

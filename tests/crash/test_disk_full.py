#!/usr/bin/env python3
"""A full disk is temporary, and what was acknowledged before stays."""

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

    def fill(self, body):
        self.needs_root()
        directory = self.directory()
        os.makedirs(os.path.join(directory, "store"))
        holder = Process(["unshare", "--mount", "sh", "-c", SETUP, "sh",
                          os.path.join(directory, "store")])
        self.addCleanup(holder.kill)
        try:
            holder.wait_for("mounted")
        except AssertionError as error:
            self.skipTest(f"no mount namespace here: {error}")
        prefix = ["nsenter", "-t", str(holder.pid), "-m", "--"]
        okapi = Okapi(directory, store_timeout="2s", prefix=prefix)
        self.addCleanup(okapi.stop)
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
        subprocess.run([*prefix, "mount", "-o", "remount,size=40m",
                        os.path.join(directory, "store")], check=True)
        again = client.deliver("c@x.test", ["anna"], data)[-1]
        self.assertEqual(again[0], 250, again)
        self.assertEqual(okapi.subjects("anna"), sorted([*stored, name]))
        done = okapi.admin("store", "check")
        self.assertEqual(done.status, 0, done)


if __name__ == "__main__":
    main()

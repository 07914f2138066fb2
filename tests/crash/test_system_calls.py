#!/usr/bin/env python3
"""A system call may fail, or be the last one a process makes: strace sees to
it.  What was acknowledged is there once; everything else is temporary, and
comes when it is sent again."""

import base64
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, crlf, message, strace  # noqa: E402
from harness.process import Process  # noqa: E402

USERS = ("anna", "bert")


def small(name):
    return crlf(message(name))


def large(name):
    """An attachment that is a file beside the store."""
    return crlf(message(
        name, headers=["MIME-Version: 1.0",
                       "Content-Type: application/octet-stream",
                       "Content-Transfer-Encoding: base64"],
        body=base64.encodebytes(os.urandom(1500000)).decode()))


class Traced(Case):
    def setUp(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        if subprocess.run(["strace", "-o", "/dev/null", "true"],
                          capture_output=True, check=False).returncode:
            self.skipTest("strace may not trace here")
        self.okapi = Okapi(self.directory(), users=USERS, store_timeout="2s")
        self.addCleanup(self.okapi.stop)
        self.trace = os.path.join(self.okapi.directory, "trace")
        self.sent = []

    def deliver(self, data):
        """Codes of the replies; what broke off has none."""
        try:
            with Lmtp(("127.0.0.1", self.okapi.port)) as client:
                return [code for code, _ in
                        client.deliver("c@x.test", USERS, data)]
        except (OSError, EOFError):
            return []

    def again(self, name, data):
        """As the MTA does that was not told 250."""
        self.assertEqual(self.deliver(data), [250, 250], name)
        self.sent.append(name)

    def each_once(self):
        for user in USERS:
            self.assertEqual(self.okapi.subjects(user), sorted(self.sent))
        self.okapi.must("store", "check")


class Fails(Traced):
    """A file system that turns read-only, a disk that breaks, that is full,
    that has a quota: while the daemon runs."""

    CALLS = (("pwrite64", small), ("pwrite64", large), ("fdatasync", small),
             ("fsync", large), ("openat", large))
    ERRORS = ("EROFS", "EIO", "ENOSPC", "EDQUOT")

    def tracer(self, call, error):
        """Attached to the daemon: this call fails from now on."""
        tracer = Process(["strace", "-f", "-o", self.trace, "-p",
                          str(self.okapi.dagent.pid), "-e", "trace=" + call,
                          "-e", f"inject={call}:error={error}"])
        self.addCleanup(tracer.kill)
        tracer.wait_for("attached")
        return tracer

    def test_and_is_temporary(self):
        self.okapi.start_dagent()
        for call, make in self.CALLS:
            for error in self.ERRORS:
                name = f"{call} {error} {make.__name__}"
                with self.subTest(name):
                    data = make(name)
                    tracer = self.tracer(call, error)
                    codes = self.deliver(data)
                    tracer.stop()
                    with open(self.trace, encoding="utf-8",
                              errors="replace") as file:
                        self.assertIn("INJECTED", file.read())
                    self.assertIn(codes, ([451, 451], [452, 452]))
                    self.assertTrue(self.okapi.dagent.running())
                    self.again(name, data)
        self.each_once()


class Dies(Traced):
    def test_the_daemon_around_its_commit(self):
        """Before and after it wrote, synced, answered.  The tracer is the
        daemon's child (-D), so that it goes with it."""
        deaths = 0
        for call, calls in (("fdatasync", (1, 2, 3)), ("sendto", (4, 5, 6, 7)),
                            ("pwrite64", (2, 4, 8))):
            for when in calls:
                name = f"{call} {when}"
                with self.subTest(name):
                    daemon = Process(
                        strace("-D", "-o", self.trace, "-e", "trace=" + call,
                               "-e", f"inject={call}:signal=KILL:when={when}")
                        + [self.okapi.program("okapi-dagentd"), "-l", "-c",
                           self.okapi.config], cwd="/")
                    self.addCleanup(daemon.kill)
                    self.eventually("it listens, or is dead", lambda: (
                        "ready" in daemon.text() or not daemon.running()))
                    data = small(name)
                    deaths += self.deliver(data) == []
                    daemon.kill()
                    self.okapi.start_dagent()
                    self.again(name, data)
                    self.okapi.stop()
        self.assertGreater(deaths, 4)
        self.each_once()

    def test_who_brings_a_message_on_stdin(self):
        """Handing over to the daemon, and alone with the store."""
        self.okapi.start_dagent()
        deaths = [self.kill_in(call) for call in (
            "connect", "read", "sendmsg", "recvfrom")]
        self.okapi.stop()
        deaths += [self.kill_in(call) for call in (
            "openat", "read", "pwrite64", "fdatasync")]
        self.assertNotIn(0, deaths)
        self.each_once()

    def kill_in(self, call):
        """How many it killed of those that it might have."""
        deaths = 0
        for when in (1, 2, 3, 7):
            name = f"stdin {call} {when} {len(self.sent)}"
            args = ["-c", self.okapi.config, "--sender", "c@x.test", *USERS]
            done = subprocess.run(
                strace("-o", self.trace, "-e", "trace=" + call, "-e",
                       f"inject={call}:signal=KILL:when={when}")
                + [self.okapi.program("okapi-dagent"), *args],
                input=message(name), capture_output=True, timeout=60,
                check=False)
            self.assertIn(done.returncode, (0, 137, -9), done)
            deaths += done.returncode != 0
            done = self.okapi.deliver(message(name), *args[2:])
            self.assertEqual(done.status, 0, f"{name}: {done}")
            self.sent.append(name)
        return deaths


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Other people's clients against our LMTP: swaks and smtp-source."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi  # noqa: E402


class Generators(Case):
    def setUp(self):
        if not mta.unpacked("postfix", "swaks"):
            self.skipTest("swaks and smtp-source could not be fetched "
                          "(tests/e2e/unpack)")

    def serve(self, **settings):
        okapi = Okapi(self.directory(), **settings)
        self.addCleanup(okapi.stop)
        okapi.start_dagent()
        return okapi

    def swaks(self, okapi, *args):
        return mta.run_tool("swaks", "--protocol", "LMTP", "--helo",
                            "client.test", *args)

    def test_swaks_over_tcp(self):
        okapi = self.serve()
        done = self.swaks(
            okapi, "--server", "127.0.0.1", "--port", str(okapi.port),
            "--from", "swaks@example.org", "--to",
            "anna@okapi.test,bert@okapi.test", "--header", "Subject: swaks",
            "--attach", "@/etc/hostname")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count(b"250 2.1.5"), 4, done.stdout)
        mail, = okapi.mails("anna")
        self.assertEqual((mail["subject"], mail["attachments"]), ("swaks", 1))

    def test_swaks_over_a_unix_socket(self):
        directory = self.directory()
        path = os.path.join(directory, "lmtp.sock")
        okapi = Okapi(directory, lmtp_listen=f"unix:{path}")
        self.addCleanup(okapi.stop)
        okapi.start_dagent()
        done = self.swaks(okapi, "--socket", path, "--from",
                          "swaks@example.org", "--to", "anna@okapi.test")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(okapi.mails("anna")), 1)

    def test_swaks_sees_the_refusal(self):
        okapi = self.serve()
        done = self.swaks(okapi, "--server", "127.0.0.1", "--port",
                          str(okapi.port), "--to", "nobody@okapi.test")
        self.assertEqual(done.returncode, 24, done.stdout)
        self.assertIn(b"550 5.1.1", done.stdout)

    def test_smtp_source(self):
        """Every message has a sender of its own, so that none counts as
        repeated: -s sessions, -m messages, one and two recipients."""
        okapi = self.serve(duplicate_window="0")
        for more, count in ((["-d"], 100), ([], 50)):
            done = mta.run_tool(
                "smtp-source", "-4", "-L", "-s", "8", "-m", str(count), "-l",
                "4000", "-f", "source@example.org", "-t", "anna@okapi.test",
                *more, f"127.0.0.1:{okapi.port}")
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertNotIn(b"fatal", done.stdout)
        self.assertEqual(len(okapi.mails("anna")), 150)


if __name__ == "__main__":
    main()

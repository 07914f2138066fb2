#!/usr/bin/env python3
"""Rules as a user meets them: put, listed, run on mail that arrives, explained.
"""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402

USAGE = 64


class Rules(Case):
    settings = {}

    def setUp(self):
        self.okapi = Okapi(self.directory(), **self.settings)
        self.addCleanup(self.okapi.stop)
        self.okapi.start_dagent()

    def rule(self, text, *more, user="anna", name="r"):
        self.okapi.must("rule", "put", user, name, "-", *more, input=text)

    def deliver(self, subject="test", user="anna", **more):
        """Delivers and returns the folders it is in now."""
        done = self.okapi.deliver(message(subject, **more), user)
        self.assertEqual(done.status, 0, done)
        return sorted(m["folder"] for m in self.okapi.mails(user)
                      if m["subject"] == subject)

    def write(self, name, text):
        path = os.path.join(self.okapi.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class Flags(Rules):
    AWAY = 'require ["fileinto", "mailbox"]; fileinto :create "Away";'

    def away(self, **window):
        options = [word for key, value in window.items()
                   for word in ("--" + key, value)]
        self.okapi.must("oof", "on", "anna", "--subject", "Away",
                        "--message-file", self.write("away", "Away.\n"),
                        *options)

    def test_only_when_oof_is_off_on_and_off_again(self):
        self.rule(self.AWAY, "--only-when-oof")
        self.assertEqual(self.deliver("before"), ["Inbox"])
        self.away()
        self.assertEqual(self.deliver("while"), ["Away"])
        self.okapi.must("oof", "off", "anna")
        self.assertEqual(self.deliver("after"), ["Inbox"])

    def test_only_when_oof_keeps_to_its_window(self):
        stamp = "%Y-%m-%dT%H:%M:%SZ"
        hour = 3600
        now = time.time()
        self.rule(self.AWAY, "--only-when-oof")
        for name, since, until, folder in (
                ("over", now - 2 * hour, now - hour, "Inbox"),
                ("now", now - hour, now + hour, "Away"),
                ("not yet", now + hour, now + 2 * hour, "Inbox")):
            with self.subTest(name):
                self.away(**{
                    "from": time.strftime(stamp, time.gmtime(since)),
                    "until": time.strftime(stamp, time.gmtime(until))})
                self.assertEqual(self.deliver(name), [folder])

    def test_exit_level_ends_later_rules_but_not_those_for_oof(self):
        self.rule('require "fileinto"; if header :is "subject" "x" '
                  '{ fileinto "Drafts"; }', "--exit-level", name="a")
        self.rule('require ["fileinto", "mailbox", "copy"]; '
                  'fileinto :copy :create "Later";', name="b")
        self.rule('require ["fileinto", "mailbox", "copy"]; '
                  'fileinto :copy :create "Away";', "--only-when-oof",
                  name="c")
        self.away()
        self.assertEqual(self.deliver("x"), ["Away", "Drafts"])
        self.assertEqual(self.deliver("y"), ["Away", "Inbox", "Later"])

    def test_set_and_list(self):
        self.rule("keep;", "--exit-level", "--only-when-oof")
        listed, = self.okapi.json("rule", "list", "anna")
        self.assertTrue(listed["exit_level"] and listed["only_when_oof"])
        self.okapi.must("rule", "set", "anna", "r", "--exit-level", "no",
                        "--sequence", "7")
        listed, = self.okapi.json("rule", "list", "anna")
        self.assertFalse(listed["exit_level"])
        self.assertTrue(listed["only_when_oof"] and listed["enabled"])
        self.assertEqual(listed["sequence"], 7)
        self.assertEqual(self.okapi.must("rule", "get", "anna", "r").strip(),
                         "keep;")
        self.assertIn("only-when-oof", self.okapi.must("rule", "list", "anna"))
        done = self.okapi.admin("rule", "set", "anna", "r", "--exit-level",
                                "perhaps")
        self.assertEqual(done.status, USAGE, done)


class Duplicates(Rules):
    def test_two_at_once_are_decided_one_after_the_other(self):
        """Sixteen sessions bring the same Message-ID at one time, each with
        another text: one of them is the first."""
        self.rule('require "duplicate"; if duplicate { discard; }')
        for turn in range(4):
            replies = []
            gate = threading.Barrier(16)

            def bring(number):
                data = crlf(message(f"turn {turn}", ident=f"turn{turn}",
                                    body=f"number {number}\n"))
                with Lmtp(("127.0.0.1", self.okapi.port)) as client:
                    gate.wait()
                    replies.append(client.deliver("q@x.test",
                                                  ["anna@okapi.test"], data))

            sessions = [threading.Thread(target=bring, args=(n,))
                        for n in range(16)]
            for session in sessions:
                session.start()
            for session in sessions:
                session.join()
            self.assertEqual([r[0][0] for r in replies], [250] * 16)
            self.assertEqual(self.okapi.subjects("anna").count(
                f"turn {turn}"), 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Junk: what spam filters write is found and filed, and the log says by what."""

import os
import re
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.mta import MTA, perl_path, tool_env, unpacked  # noqa: E402
from harness.okapi import TOP, Okapi, crlf, message  # noqa: E402

JUNK = "Junk E-mail"
# As okapi.cfg(5) recommends them.
MARKS = r"X-Spam-Flag:YES X-Spam:Yes X-Spamd-Result~^default:\sTrue"
# The test string that every filter takes for spam.
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def recorded(name):
    """(is junk, header lines) of each message that the filter judged."""
    with open(os.path.join(TOP, "tests/data/junk", name),
              encoding="ascii") as file:
        for block in file.read().strip().split("\n\n"):
            verdict, *lines = block.split("\n")
            yield verdict == "junk", lines


class Junk(Case):
    settings = {"spam_headers": MARKS}

    def setUp(self):
        self.okapi = Okapi(self.directory(), **self.settings)
        self.addCleanup(self.okapi.stop)
        self.start()
        self.number = 0

    def start(self):
        self.okapi.start_dagent()
        self.client = Lmtp(("127.0.0.1", self.okapi.port))
        self.addCleanup(self.client.close)

    def deliver(self, headers=(), sender="a@x.test", data=None):
        """Delivers; returns the folder and the junk words of the log line."""
        self.number += 1
        if data is None:
            data = message(f"m{self.number}", sender=sender, headers=headers)
        since = len(self.okapi.dagent.lines)
        reply, = self.client.deliver(sender, ["anna@okapi.test"], crlf(data))
        self.assertEqual(reply[0], 250, reply)
        ident = re.search(r"id (\d+)", reply[1]).group(1)
        line = self.okapi.dagent.wait_for(f"id={ident} ", since=since)
        folder = re.search(r'folder=("[^"]*"|\S+)', line).group(1).strip('"')
        words = re.search(r'\b((?:not_)?junk=(?:"[^"]*"|\S+))', line)
        return folder, words.group(1) if words else None


class Recorded(Junk):
    """Header fields as rspamd (milter) and SpamAssassin wrote them over real
    ham and spam."""

    def check(self, name):
        found = {True: 0, False: 0}
        for is_junk, lines in recorded(name):
            with self.subTest(number=self.number, lines=lines[:1]):
                folder, words = self.deliver(lines)
                self.assertEqual(folder, JUNK if is_junk else "Inbox")
                self.assertEqual(bool(words), is_junk, words)
                found[is_junk] += 1
        self.assertGreater(min(found.values()), 5)

    def test_rspamd(self):
        self.check("rspamd.txt")

    def test_spamassassin(self):
        self.check("spamassassin.txt")

    def test_rspamd_by_its_score(self):
        self.okapi.stop()
        self.okapi.configure(spam_headers="X-Spamd-Result>=6",
                             spam_header_name="")
        self.start()
        self.check("rspamd.txt")


class Marks(Junk):
    def test_what_decided_is_in_the_log(self):
        self.okapi.must("junk", "block", "anna", "evil.test")
        self.okapi.must("junk", "allow", "anna", "good@x.test")
        for name, headers, sender, folder, words in (
                ("status", ["X-Spam-Status: Yes, score=9"], "a@x.test", JUNK,
                 'junk="header X-Spam-Status:Yes"'),
                ("flag", ["X-Spam-Flag: yes"], "a@x.test", JUNK,
                 'junk="header X-Spam-Flag:YES"'),
                ("folded", ["X-Spamd-Result:\n default: True\n [20.1 / 15]"],
                 "a@x.test", JUNK,
                 'junk="header X-Spamd-Result~^default:\\\\sTrue"'),
                ("repeated", ["X-Spam-Flag: NO", "X-Spam-Flag: NO",
                              "x-spam-flag: YES"], "a@x.test", JUNK,
                 'junk="header X-Spam-Flag:YES"'),
                # A sender can mark his own mail as clean; it changes nothing.
                ("forged", ["X-Spam-Flag: NO", "X-Spam-Status: Yes"],
                 "a@x.test", JUNK, 'junk="header X-Spam-Status:Yes"'),
                ("in another value", ["X-A: X-Spam-Flag: YES"], "a@x.test",
                 "Inbox", None),
                ("blocked", [], "b@mail.evil.test", JUNK,
                 'junk="blocked evil.test"'),
                ("allowed", ["X-Spam-Flag: YES"], "good@x.test", "Inbox",
                 'not_junk="allowed good@x.test, although header '
                 'X-Spam-Flag:YES"'),
                ("allowed, unmarked", [], "good@x.test", "Inbox", None)):
            with self.subTest(name):
                self.assertEqual(self.deliver(headers, sender),
                                 (folder, words))

    def test_no_folder_for_it(self):
        self.okapi.stop()
        with sqlite3.connect(self.okapi.settings["store_path"]) as store:
            store.execute("UPDATE hierarchy SET role = 0 WHERE name = ?",
                          [JUNK])
        self.start()
        self.assertEqual(self.deliver(["X-Spam-Flag: YES"])[0], "Inbox")

    def test_what_is_no_mark(self):
        self.okapi.configure(spam_headers="X-Spam-Flag:YES X-Spam~(")
        done = self.okapi.admin("config", "check")
        self.assertEqual(done.status, 78, done)
        self.assertIn('spam_headers: "X-Spam~(" has no regular expression',
                      done.err)
        done = self.okapi.deliver(message("later"), "-c", self.okapi.config,
                                  "anna")
        self.assertEqual(done.status, 0, "the daemon goes on as before")
        self.okapi.stop()
        done = self.okapi.deliver(message("later"), "anna")
        self.assertEqual(done.status, 75, done)
        self.assertTrue(done.first_line.startswith("4.3.5 "), done)


class Scl(Junk):
    """The spam confidence level of an Exchange in front of us."""

    settings = {"trust_exchange_headers": "yes"}
    trusted = True

    def test_levels(self):
        for level, is_junk in (("7", True), ("5", True), ("4", False),
                               ("-1", False), ("x", False)):
            with self.subTest(level):
                folder, words = self.deliver(
                    [f"X-MS-Exchange-Organization-SCL: {level}"])
                is_junk = is_junk and self.trusted
                self.assertEqual(folder, JUNK if is_junk else "Inbox")
                self.assertEqual(words, f'junk="scl {level}"' if is_junk
                                 else None)


class ForgedScl(Scl):
    settings = {}
    trusted = False


class Live(Junk):
    """SpamAssassin itself, before us in the pipe."""

    def setUp(self):
        super().setUp()
        if not unpacked("spamassassin", group="filter"):
            self.skipTest("SpamAssassin could not be fetched "
                          "(tests/e2e/unpack)")
        self.env = dict(os.environ, **tool_env(),
                        HOME=self.okapi.directory, LC_ALL="C")
        # With -T Perl does not look at PERL5LIB.
        self.perl = ["perl", "-T", *("-I" + p for p in perl_path())]

    def filter(self, messages):
        """All in one run: it takes seconds to start."""
        mbox = b"".join(b"From a@x.test Mon Nov 23 10:00:00 2026\n" + m + b"\n"
                        for m in messages)
        done = subprocess.run(
            [*self.perl, os.path.join(MTA, "usr/bin/spamassassin"), "-L", "-x",
             "--mbox",
             f"--configpath={MTA}/usr/share/spamassassin",
             f"--siteconfigpath={MTA}/etc/spamassassin",
             "--cf=report_safe 0"],
            input=mbox, env=self.env, stdout=subprocess.PIPE, timeout=60,
            check=True)
        return re.split(rb"^From .*\n", done.stdout, flags=re.M)[1:]

    def test_spam_and_ham(self):
        judged = self.filter([message("spam", body=GTUBE + "\n"),
                              message("ham", body="See you at eight.\n")])
        self.assertEqual(len(judged), 2)
        # It gives them back in an order of its own.
        for data in judged:
            folder = JUNK if b"\nSubject: spam" in data else "Inbox"
            with self.subTest(folder):
                self.assertIn(b"X-Spam-Status: ", data)
                self.assertEqual(self.deliver(data=data)[0], folder)


if __name__ == "__main__":
    main()

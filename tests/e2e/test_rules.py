#!/usr/bin/env python3
"""Rules as a user meets them: put, listed, run on mail that arrives, explained.
"""

import calendar
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import crlf, message  # noqa: E402
from harness.rules import Rules  # noqa: E402

USAGE = 64


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
        self.assertIn("nothing to set", self.okapi.admin(
            "rule", "set", "anna", "r").err)
        done = self.okapi.admin("rule", "put", "anna", "a\nb", "-",
                                input="keep;")
        self.assertEqual(done.status, 65, done)
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


class Discard(Rules):
    def test_the_answer_names_the_delivery_that_left_no_message(self):
        self.rule("discard;")
        with Lmtp(("127.0.0.1", self.okapi.port)) as client:
            (code, text), = client.deliver("q@x.test", ["anna@okapi.test"],
                                           crlf(message("away")))
        self.assertEqual(code, 250)
        self.assertRegex(text, r"id [0-9A-Za-z.-]{4,}$")


class EditHeader(Rules):
    EDIT = ('require ["editheader", "fileinto", "copy", "mailbox"];'
            'redirect :copy "plain@y.test";'
            'fileinto :copy :create "As it came";'
            'deleteheader "subject"; addheader "Subject" "[list] Gr\u00fcn";'
            'addheader :last "X-Last" "yes";'
            'redirect :copy "edited@y.test";')

    def raw(self, folder):
        mail, = self.okapi.mails("anna", folder)
        return self.okapi.raw("anna", mail["id"])

    def test_what_was_decided_before_is_as_it_came(self):
        self.rule(self.EDIT)
        came = crlf(message("plain"))
        self.okapi.deliver(message("plain"), "anna")
        self.assertTrue(self.raw("As it came").endswith(came))
        edited = self.raw("Inbox")
        self.assertIn(b"\r\nX-Last: yes\r\n\r\nHello.\r\n", edited)
        self.assertNotIn(b"Subject: plain", edited)
        self.assertEqual(self.okapi.subjects("anna", "Inbox"),
                         ["[list] Gr\u00fcn"])
        sent = {entry["recipients"][0]["address"]:
                self.okapi.admin("queue", "show", str(entry["id"]),
                                 "--raw").raw
                for entry in self.okapi.queue()}
        self.assertTrue(sent["plain@y.test"].endswith(came))
        self.assertIn(b"X-Last: yes", sent["edited@y.test"])

    def test_the_duplicate_window_knows_the_message_as_it_came(self):
        self.rule(self.EDIT)
        data = crlf(message("again"))
        for _ in range(2):
            with Lmtp(("127.0.0.1", self.okapi.port)) as client:
                reply, = client.deliver("q@x.test", ["anna@okapi.test"], data)
            self.assertEqual(reply[0], 250)
        self.assertEqual(len(self.okapi.mails("anna", "Inbox")), 1)
        self.assertEqual(len(self.okapi.queue()), 2)
        self.okapi.dagent.wait_for("duplicate of")

    def test_a_redirect_that_is_repeated_is_a_duplicate_of_the_first(self):
        """nothing was stored: the log tells when that was, and names no
        delivery of its own"""
        self.rule('redirect "away@y.test";')
        data = crlf(message("away"))
        for _ in range(2):
            with Lmtp(("127.0.0.1", self.okapi.port)) as client:
                reply, = client.deliver("q@x.test", ["anna@okapi.test"], data)
            self.assertEqual(reply[0], 250)
        self.assertEqual(len(self.okapi.queue()), 1)
        line = self.okapi.dagent.wait_for("duplicate of")
        seen = re.search('result="duplicate of the delivery at (.+?Z)"', line)
        self.assertTrue(seen, line)
        then = time.strptime(seen[1], "%Y-%m-%dT%H:%M:%SZ")
        self.assertLess(abs(calendar.timegm(then) - time.time()), 60, line)

    def test_a_store_with_changed_messages_is_sound(self):
        self.rule(self.EDIT)
        self.okapi.deliver(message("sound"), "anna")
        self.okapi.must("store", "check")


class Include(Rules):
    def test_another_rule_on_or_off_and_global_ones(self):
        directory = os.path.join(self.okapi.directory, "global")
        os.mkdir(directory)
        self.okapi.stop()
        self.okapi.configure(sieve_global=directory)
        self.okapi.start_dagent()
        done = self.okapi.admin(
            "rule", "put", "anna", "main", "-",
            input='require "include"; include "part"; '
                  'include :global :optional "site";')
        self.assertEqual(done.status, 0, done)
        self.assertIn('there is no script "part"', repr(done))
        self.assertEqual(self.deliver("too early"), ["Inbox"])
        listed, = self.okapi.json("rule", "list", "anna")
        self.assertIn('there is no script "part"', listed["error"])
        self.rule('require ["fileinto", "include"]; '
                  'if header :is "subject" "x" { fileinto "Drafts"; return; }'
                  'keep;', "--disabled", name="part")
        self.assertEqual(self.deliver("x"), ["Drafts"])
        self.write("global/site.sieve",
                   'require ["fileinto", "copy"]; fileinto :copy "Notes";')
        self.assertEqual(self.deliver("y"), ["Inbox", "Notes"])
        # The included rule is no rule of its own while it is off.
        self.okapi.must("rule", "put", "anna", "part", "-", "--disabled",
                        input="discard;")
        self.assertEqual(self.deliver("z"), ["Notes"])
        # A directory that is away is no reason to lose or to file wrongly.
        os.rename(directory, directory + ".away")
        done = self.okapi.deliver(message("later"), "anna")
        self.assertEqual(done.status, 75, done)

    def test_included_bodies_and_loops(self):
        self.rule('require "include"; include "b"; include "a";', name="a")
        self.rule('require ["body", "fileinto"]; '
                  'if body :contains "needle" { fileinto "Drafts"; }',
                  "--disabled", name="b")
        self.assertEqual(self.deliver("body", body="a needle here\n"),
                         ["Inbox"])
        error = self.okapi.json("rule", "list", "anna")[0]["error"]
        self.assertIn("includes itself", error)
        self.rule('require "include"; include "b";', name="a")
        self.assertEqual(self.deliver("found", body="a needle here\n"),
                         ["Drafts"])

    def test_many_that_lead_to_each_other(self):
        for name, other in (("a", "b"), ("b", "a")):
            self.rule('require "include";' + f'include "{other}";' * 50,
                      name=name)
        self.assertEqual(self.deliver("round"), ["Inbox"])
        self.assertIn("includes itself",
                      self.okapi.json("rule", "list", "anna")[0]["error"])


class Put(Rules):
    def test_folders_that_are_not_there_are_told_and_the_rule_is_taken(self):
        for folder, why in (
                ('"Nowhere"', "the folder does not exist"),
                ('"INBOX.Lists"', "the folder does not exist"),
                ('"user:nobody/Inbox"', "no such user: nobody"),
                ('"user:bert/Inbox"', "no right to put mail there"),
                ('"Drafts"', None), (':create "Nowhere"', None),
                (':specialuse "\\\\Junk" "Spam"', None),
                ('"${x}"', None), ('"INBOX.Trash"', None)):
            with self.subTest(folder):
                done = self.okapi.admin(
                    "rule", "put", "anna", "r", "-", input='require '
                    '["fileinto", "mailbox", "special-use", "variables"];\n'
                    f"fileinto {folder};")
                self.assertEqual(done.status, 0, done)
                self.assertEqual(
                    done.err, f"okapi-admin: note: r:2:10: mail for {folder} "
                    f"would be kept in the Inbox now: {why}\n" if why else "")


class Spam(Rules):
    def test_what_was_tested_counts_and_nothing_else(self):
        """RFC 5235 section 3.1."""
        self.rule("""require ["spamtestplus", "relational", "fileinto",
"mailbox", "comparator-i;ascii-numeric"];
if spamtest :percent :count "eq" :comparator "i;ascii-numeric" "0" {
    fileinto :create "unknown";
} elsif spamtest :percent :value "eq" :comparator "i;ascii-numeric" "0" {
    fileinto :create "clean";
} elsif spamtest :count "eq" :comparator "i;ascii-numeric" "1" {
    fileinto :create "some";
}
""")
        for score, folder in ((None, "unknown"), ("-1.2", "clean"),
                              ("2.5", "some")):
            headers = [f"X-Spam-Status: No, score={score} required=5.0"
                       ] * bool(score)
            self.assertEqual(self.deliver(f"score {score}", headers=headers),
                             [folder])


if __name__ == "__main__":
    main()

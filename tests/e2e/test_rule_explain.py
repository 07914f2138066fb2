#!/usr/bin/env python3
"""What rules tell of themselves: rule test, rule run, the log."""

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import main  # noqa: E402
from harness.okapi import message  # noqa: E402
from harness.rules import Rules  # noqa: E402

SCRIPT = """require ["fileinto", "imap4flags", "vnd.okapi.property"];
if anyof (header :contains "subject" ["offer", "price"],
          allof (address :domain "from" "boss.test", size :over 10K)) {
    addflag "Work";
    fileinto "Drafts";
} elsif not property :value "ge" "PR_IMPORTANCE" "1" {
    discard;
}
if property "PR_CLIENT_SUBMIT_TIME" "2026-01-01" { fileinto "Notes"; }
"""


class Test(Rules):
    def explain(self, data, *more):
        path = self.write("m.eml", data.decode())
        result, = self.okapi.json("rule", "test", "anna", path, *more)
        return result

    def test_a_value_that_is_seen_twice_is_told_once(self):
        self.rule('if header ["subject", "subject"] "x" { discard; }')
        self.assertEqual(self.explain(message("low"))["steps"][0]["values"],
                         ["low"])

    def test_every_test_with_the_values_it_saw(self):
        self.rule(SCRIPT)
        result = self.explain(message("low", sender="a@boss.test",
                                      headers=["Importance: low"]))
        self.assertEqual((result["rule"], result["line"]), ("r", 7))
        self.assertEqual(
            [(s["line"], s["depth"], s.get("result"),
              s.get("test") or s["command"], s["values"])
             for s in result["steps"]],
            [(2, 0, False, "anyof", []),
             (2, 1, False, 'header :contains "subject" ["offer", "price"]',
              ["low"]),
             (3, 1, False, "allof", []),
             (3, 2, True, 'address :domain "from" "boss.test"',
              ["boss.test"]),
             (3, 2, False, "size :over 10240", [str(len(message(
                 "low", sender="a@boss.test",
                 headers=["Importance: low"]).replace(b"\n", b"\r\n")))]),
             (6, 0, True, "not", []),
             (6, 1, False, 'property :value "ge" "PR_IMPORTANCE" "1"',
              ["0"]),
             (7, 0, None, "discard", []),
             (9, 0, False,
              'property "PR_CLIENT_SUBMIT_TIME" "2026-01-01"',
              ["2026-11-23T10:00:00Z"])])
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_values_of_every_kind_of_property(self):
        """Compared with each other, numbers, octets, times; and nothing where
        there is none."""
        self.rule("""require ["vnd.okapi.property", "relational"];
if property :compare :value "lt" "PR_IMPORTANCE" "PR_PRIORITY" { stop; }
if property :compare "PR_SUBJECT" "PR_SENDER_NAME" { stop; }
if property "PR_SEARCH_KEY" "U01UUA==" { stop; }
if property :bitmask "PR_IMPORTANCE" "1" { stop; }
if property :size :over "PR_SUBJECT" 9 { stop; }
if property :contains "PR_REPLY_RECIPIENT_NAMES" "x" { stop; }
if header "x-nothing" "x" { stop; }
if address :count "ge" "to" "2" { stop; }
""")
        result = self.explain(message(
            "low", sender="Carol <carol@example.org>",
            headers=["Importance: low", "X-Priority: 5"]))
        saw = {s["line"]: s["values"] for s in result["steps"]}
        self.assertEqual(saw[2], ["0", "-1"])
        self.assertEqual(saw[3], ["low", "Carol"])
        self.assertEqual([saw[line] for line in (5, 6, 7, 8, 9)],
                         [["0"], ["3"], [], [], ["anna@okapi.test", "1"]])
        path = os.path.join(self.okapi.directory, "m.eml")
        text = " ".join(self.okapi.must("rule", "test", "anna", path).split())
        self.assertIn('header "x-nothing" "x" saw nothing', text)
        self.assertEqual(text.count("saw nothing"), 3)

    def test_a_rule_that_fails(self):
        self.rule('require ["fileinto", "variables"]; '
                  'fileinto "Drafts";\nset "x" "";\n'
                  'fileinto "${x}"; discard;')
        result = self.explain(message("low"))
        error, = result["errors"]
        self.assertTrue(error.startswith("r:3:1: fileinto"), error)
        self.assertEqual((result["actions"], result["implicit_keep"]),
                         ([], True))
        path = os.path.join(self.okapi.directory, "m.eml")
        text = self.okapi.must("rule", "test", "anna", path)
        self.assertTrue(error.endswith("what the rule decided is undone"))
        self.assertIn(f"=> {error}\n    => keep (a rule failed)", text)

    def test_a_rule_that_goes_on_behind_an_error(self):
        self.rule('require ["fileinto", "regex", "variables"]; '
                  'fileinto "Drafts";\nset "x" "[";\n'
                  'if not header :regex "subject" "${x}" { discard; }')
        result = self.explain(message("low"))
        error, = result["errors"]
        self.assertTrue(error.startswith("r:3:1: regular expression"), error)
        self.assertTrue(error.endswith("the test is false, and the mail is "
                                       "kept"), error)
        self.assertEqual([a["action"] for a in result["actions"]],
                         ["fileinto"])
        self.assertTrue(result["implicit_keep"])

    def test_a_loop_is_foreseen(self):
        self.rule('require "vnd.okapi.forward";\n'
                  'redirect "anna@okapi.test";\nforward "far@y.test";')
        path = self.write("m.eml", (b"X-Okapi-Redirected-For: anna@okapi.test"
                                    b"\n" + message("back")).decode())
        text = self.okapi.must("rule", "test", "anna", path)
        self.assertIn("redirect anna@okapi.test (r, line 2): kept instead, "
                      "mail loop", text)
        self.assertIn("(r, line 3): kept instead, mail loop", text)
        path = self.write("n.eml", message("on").decode())
        text = self.okapi.must("rule", "test", "anna", path)
        self.assertEqual(text.count("mail loop"), 1)

    def test_for_people(self):
        self.rule(SCRIPT)
        path = self.write("m.eml", message("a price").decode())
        text = self.okapi.must("rule", "test", "anna", path)
        for line in ("junk false nothing marks it", "r:2 true anyof",
                     'saw "a price"', 'r:5 does fileinto "Drafts"',
                     "=> fileinto Drafts, +Work (r, line 5)"):
            self.assertIn(line, " ".join(text.split()))

    def test_values_are_short_and_cannot_play_with_the_terminal(self):
        self.rule('if header :contains "subject" "y" { discard; }')
        result = self.explain(message("x" * 900 + "\x1b[31m"))
        value, = result["steps"][0]["values"]
        self.assertTrue(value.startswith("xxx") and value.endswith("..."))
        self.assertLess(len(value), 130)
        result = self.explain(message("=?utf-8?q?=1B[31m?="))
        self.assertNotIn("\x1b", repr(result))

    def test_junk_is_decided_as_in_a_delivery(self):
        self.okapi.must("junk", "block", "anna", "spam.test")
        self.okapi.must("junk", "allow", "anna", "friend@example.org")
        self.rule("discard;")
        for name, mail, junk, reason in (
                ("mark", message("x", headers=["X-Spam-Status: Yes"]), True,
                 "header X-Spam-Status:Yes"),
                ("list", message("x", sender="a@spam.test"), True,
                 "blocked spam.test"),
                ("allowed", message("x", sender="friend@example.org",
                                    headers=["X-Spam-Status: Yes"]), False,
                 "allowed friend@example.org, although header "
                 "X-Spam-Status:Yes"),
                ("none", message("x"), False, None)):
            with self.subTest(name):
                result = self.explain(mail)
                self.assertEqual((result["junk"], result["junk_reason"]),
                                 (junk, reason))
                # Junk meets no rule.
                self.assertEqual([a["action"] for a in result["actions"]],
                                 [] if junk else ["discard"])

    def test_a_folder_tells_what_rule_run_changes(self):
        for number, subject in enumerate(("an offer", "plain", "low")):
            self.accepted(message(
                subject, headers=["Importance: low"] * (subject == "low")))
        self.rule(SCRIPT)
        before = self.okapi.mails("anna")
        listed = self.okapi.json("rule", "test", "anna", "--folder", "Inbox")
        self.assertEqual(
            [(m["from"], m["to"], m["adds"], m["stays"], m["discarded"],
              m["changes"], m["line"]) for m in listed],
            [("Inbox", ["Drafts"], ["Work"], False, False, True, 5),
             ("Inbox", [], [], True, False, False, None),
             ("Inbox", [], [], False, True, True, 7)])
        text = self.okapi.must("rule", "test", "anna", "--folder", "Inbox")
        first = before[0]["id"]
        self.assertIn(f"{first}: Inbox -> Drafts, +Work (r, line 5): an offer",
                      text)
        self.assertNotIn("plain", text)
        self.assertIn("looked at: 3, would change: 2", text)
        self.assertIn('saw "plain"', self.okapi.must(
            "rule", "test", "anna", "--folder", "Inbox", "--explain"))
        self.assertEqual(self.okapi.mails("anna"), before)
        done = json.loads(self.okapi.must("rule", "run", "anna", "--folder",
                                          "Inbox", "--yes", "--json"))
        self.assertEqual((done["looked_at"], done["filed"],
                          done["discarded"], done["complete"]),
                         (3, 1, 1, True))
        moved, = self.okapi.mails("anna", "Drafts")
        self.assertEqual(moved["flags"], ["Work"])
        self.assertEqual(self.okapi.subjects("anna", "Inbox"), ["plain"])

    def test_a_folder_tells_properties_without_a_name(self):
        self.deliver("x")
        self.rule('require "vnd.okapi.setproperty";'
                  'setproperty "0x66010014" "5"; keep;')
        told, = self.okapi.json("rule", "test", "anna", "--folder", "Inbox")
        self.assertEqual(told["adds"], ["0x66010014"])
        self.assertIn(", +0x66010014 (", self.okapi.must(
            "rule", "test", "anna", "--folder", "Inbox"))

    def test_what_cannot_be_looked_up_is_no_forecast(self):
        """A store that does not answer: told and to be tried again, never
        "stays"."""
        self.accepted(message("x"))
        number = str(self.okapi.mails("anna")[0]["id"])
        self.okapi.must("folder", "create", "anna", "Public/Lists")
        self.rule('require "fileinto"; fileinto "Public/Lists";')
        path = self.write("m.eml", message("x").decode())
        with sqlite3.connect(self.okapi.settings["store_path"]) as store:
            store.execute("ALTER TABLE acl RENAME TO acl_away")
        for what in (["--folder", "Inbox"], [path], [number]):
            for json_too in ([], ["--json"]):
                with self.subTest(what=what, json=json_too):
                    done = self.okapi.admin("rule", "test", "anna", *what,
                                            *json_too)
                    self.assertEqual(done.status, 75, done)
                    self.assertIn("acl", done.err)
                    self.assertNotIn("kept instead", done.out)
                    self.assertNotIn("would change", done.out)


class Run(Rules):
    def test_marks_of_every_kind(self):
        self.accepted(message("x"))
        self.rule('require ["imap4flags", "vnd.okapi.setproperty"];'
                  'addflag ["\\\\Seen", "Blue", "Work"];'
                  'setproperty "PR_IMPORTANCE" "2";')
        self.assertIn("marked: 1", self.okapi.must(
            "rule", "run", "anna", "--folder", "Inbox"))
        mail, = self.okapi.mails("anna")
        self.assertEqual(mail["flags"], ["\\Seen", "Blue", "Work"])
        props = self.okapi.json("mail", "show", "anna", str(mail["id"]),
                                "--props")
        self.assertEqual(props["PR_IMPORTANCE"], 2)
        self.okapi.must("rule", "run", "anna", "--folder", "Inbox")
        self.assertEqual(self.okapi.mails("anna")[0]["flags"],
                         ["\\Seen", "Blue", "Work"])

    def test_nothing_leaves_the_house(self):
        self.accepted(message("x"))
        self.rule('require ["copy", "vnd.okapi.forward", "vnd.okapi.reply"];'
                  'forward "a@b.test"; reply "x"; redirect "c@d.test";')
        done = self.okapi.admin("rule", "run", "anna", "--folder", "Inbox")
        self.assertIn("are left out; the message stays", done.err)
        self.assertEqual(self.okapi.queue(), [])
        self.assertEqual(self.okapi.subjects("anna", "Inbox"), ["x"])

    def fill(self, count):
        path = os.path.join(self.okapi.directory, "mbox")
        with open(path, "wb") as file:
            for number in range(count):
                file.write(b"From a@b.test Mon Nov 23 10:00:00 2026\n"
                           + message(f"m{number:03}") + b"\n")
        self.okapi.must("mail", "import", "anna", "Inbox", path)

    def test_interrupted_it_is_consistent_and_goes_on_later(self):
        """Ctrl-C while the first 50 messages wait for the store: they are
        filed, the others are as they were, and a second run does the rest."""
        count = 400
        self.fill(count)
        self.rule('require ["fileinto", "imap4flags"]; addflag "Done";'
                  'fileinto "Drafts";')
        store = sqlite3.connect(self.okapi.settings["store_path"],
                                isolation_level=None)
        self.addCleanup(store.close)
        store.execute("BEGIN IMMEDIATE")
        terminal, stderr = pty.openpty()
        with subprocess.Popen(
                [self.okapi.program("okapi-admin"), "-c", self.okapi.config,
                 "rule", "run", "anna", "--folder", "Inbox"],
                stdout=subprocess.PIPE, stderr=stderr) as run:
            shown = b""
            os.close(stderr)
            while b"\033[K" not in shown:
                shown += os.read(terminal, 4096)
            time.sleep(0.3)
            run.send_signal(signal.SIGINT)
            store.execute("ROLLBACK")
            out = run.communicate(timeout=60)[0].decode()
        os.close(terminal)
        self.assertIn(b"messages looked at", shown)
        self.assertIn("looked at: 400", out)
        self.assertIn("not complete", out)
        self.assertEqual(run.returncode, 75)
        filed = self.okapi.mails("anna", "Drafts")
        left = self.okapi.mails("anna", "Inbox")
        # None where a busy machine had the signal come before the first.
        self.assertIn(len(filed), (0, 50))
        self.assertEqual(len(filed) + len(left), count)
        self.assertTrue(all(m["flags"] == ["Done"] for m in filed))
        self.assertTrue(all(m["flags"] == [] for m in left))
        self.okapi.must("store", "check")
        self.okapi.must("rule", "run", "anna", "--folder", "Inbox")
        self.assertEqual(len(self.okapi.mails("anna", "Drafts")), count)


class Log(Rules):
    def two_deliveries(self):
        lines = [line for line in self.okapi.dagent.lines
                 if "delivery id=" in line]
        return lines if len(lines) == 2 else None

    def test_the_log_names_the_rule_and_its_line(self):
        self.rule('require "fileinto";\nif false { stop; }\n'
                  'if header :is "subject" "x" {\n    fileinto "Drafts";\n}\n'
                  'if true {\n}\n', name="filing")
        self.accepted(message("x"))
        self.accepted(message("y"))
        lines = self.eventually("two deliveries", self.two_deliveries)
        self.assertIn("rule=filing rule_line=4", lines[0])
        self.assertNotIn("rule=", lines[1])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""okapi-admin rule, oof, junk, quota: what users set."""

import contextlib
import json
import os
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin import (  # noqa: E402
    DATA, EXISTS, NO_INPUT, NO_USER, ODD, USAGE, Admin)
from harness.cases import main  # noqa: E402
from harness.okapi import DOMAIN, crlf, message  # noqa: E402


class Rules(Admin):
    GOOD = ('require "fileinto";\n'
            'if header :contains "subject" "boss" { fileinto "Boss"; }\n')

    def test_life_of_a_rule(self):
        self.must("rule", "put", "anna", "boss", "-", "--sequence", "5",
                  input=self.GOOD)
        self.must("rule", "put", "anna", "first", "-", "--sequence", "1",
                  "--disabled", input="stop;\n")
        rules = self.json("rule", "list", "anna")
        self.assertEqual([r["name"] for r in rules], ["first", "boss"])
        self.assertEqual([r["enabled"] for r in rules], [False, True])
        self.assertEqual(rules[1]["error"], None)
        self.assertEqual(self.must("rule", "get", "anna", "boss"), self.GOOD)
        self.must("rule", "enable", "anna", "first")
        self.must("rule", "disable", "anna", "boss")
        self.assertEqual([r["enabled"] for r in
                          self.json("rule", "list", "anna")], [True, False])
        self.refused(USAGE, "rule", "remove", "anna", "boss", says="--yes")
        self.must("rule", "remove", "anna", "boss", "--yes")
        for verb in ("get", "enable", "disable"):
            self.refused(NO_INPUT, "rule", verb, "anna", "boss")
        self.refused(NO_INPUT, "rule", "remove", "anna", "boss", "--yes")

    def test_a_faulty_script_is_shown_and_not_stored(self):
        bad = 'require "fileinto";\nif true { fileintoo "x"; }\n'
        result = self.refused(DATA, "rule", "put", "anna", "r", "-", input=bad)
        lines = result.err.splitlines()
        self.assertTrue(lines[0].startswith("r:2:"), lines)
        self.assertIn("fileintoo", lines[1])
        self.assertEqual(lines[2].strip(), "^")
        self.assertEqual(self.json("rule", "list", "anna"), [])
        path = self.write("bad.sieve", bad)
        result = self.refused(DATA, "rule", "check", path)
        self.assertTrue(result.err.startswith(path + ":2:"), result)
        self.must("rule", "check", "-", input=self.GOOD)
        self.refused(NO_INPUT, "rule", "check", "/no/such.sieve")
        self.refused(DATA, "rule", "check", "-", input=b"\xff\xfe\x00")

    def test_test_shows_the_plan_and_does_nothing(self):
        self.must("rule", "put", "anna", "boss", "-", input=self.GOOD)
        path = self.write("m.eml", message("from the boss"))
        plan = self.json("rule", "test", "anna", path)
        self.assertEqual(plan[0]["actions"][0]["action"], "fileinto")
        self.assertEqual(plan[0]["actions"][0]["argument"], "Boss")
        self.assertFalse(plan[0]["implicit_keep"])
        ident = self.put(message("hello"))
        self.assertIn("keep", self.must("rule", "test", "anna", ident))
        rule = self.write("r.sieve", "discard;\n")
        plan = self.json("rule", "test", "anna", "--rule", rule, "--folder",
                         "Inbox")
        self.assertEqual(plan[0]["actions"][0]["action"], "discard")
        self.assertEqual(len(self.okapi.mails("anna")), 1)
        self.assertNotIn("Boss", [f["path"] for f in
                                  self.json("folder", "list", "anna")])
        self.refused(USAGE, "rule", "test", "anna")
        self.refused(NO_INPUT, "rule", "test", "anna", "/no/such/file")
        self.refused(NO_INPUT, "rule", "test", "anna", "99999")


    def test_run_files_what_is_there(self):
        for subject in ("from the boss", "spam", "hello"):
            self.put(message(subject))
        rule = self.write("r.sieve", """require ["fileinto", "mailbox",
            "imap4flags"];
            if header :contains "subject" "boss" {
                fileinto :create :flags "\\\\Flagged" "Boss"; stop; }
            if header :is "subject" "spam" { discard; }
            if header :is "subject" "hello" { fileinto "None"; }""")
        run = ["rule", "run", "anna", "--folder", "Inbox", "--rule", rule]
        self.refused(USAGE, *run, says="--yes")
        self.assertEqual(len(self.okapi.mails("anna", "Inbox")), 3)
        self.assertIn("filed: 1, discarded: 1", self.must(*run, "--yes"))
        self.assertEqual(self.okapi.subjects("anna", "Inbox"), ["hello"])
        boss = self.okapi.mails("anna", "Boss")
        self.assertEqual([m["flags"] for m in boss], [["\\Flagged"]])
        self.must("mail", "restore", "anna")
        self.assertEqual(self.okapi.subjects("anna", "Inbox"),
                         ["hello", "spam"])
        self.refused(USAGE, "rule", "run", "anna")
        self.refused(NO_INPUT, "rule", "run", "anna", "--folder", "No")
        self.must("store", "check")


class Settings(Admin):
    def test_junk_lists(self):
        self.must("junk", "block", "anna", "Spam@Example.ORG")
        self.must("junk", "allow", "anna", "example.net")
        found = {e["pattern"]: e["verdict"]
                 for e in self.json("junk", "list", "anna")}
        self.assertEqual(found, {"spam@example.org": "block",
                                 "example.net": "allow"})
        self.must("junk", "allow", "anna", "spam@example.org")
        self.must("junk", "remove", "anna", "EXAMPLE.net")
        self.assertEqual(self.json("junk", "list", "anna"), [
            {"pattern": "spam@example.org", "verdict": "allow"}])
        self.refused(NO_INPUT, "junk", "remove", "anna", "example.net")
        self.refused(NO_USER, "junk", "list", "nobody")
        self.refused(DATA, "junk", "block", "anna", b"\xff")

    def test_out_of_office(self):
        text = self.write("oof.txt", "Bin weg.\nGrüße\n")
        self.must("oof", "on", "anna", "--subject", "Weg", "--message-file",
                  text, "--until", "2030-01-01")
        oof = self.json("oof", "show", "anna")
        self.assertEqual(oof, {"on": True, "subject": "Weg",
                               "message": "Bin weg.\nGrüße\n", "html": "",
                               "from": None, "until": "2030-01-01T00:00:00Z",
                               "external": "all", "external_message": "",
                               "external_html": ""})
        self.assertIn("Bin weg.", self.must("oof", "show", "anna"))
        self.must("oof", "off", "anna")
        self.assertFalse(self.json("oof", "show", "anna")["on"])
        self.assertFalse(self.json("oof", "show", "bert")["on"])
        self.refused(USAGE, "oof", "on", "anna", "--subject", "x")
        self.refused(USAGE, "oof", "on", "anna", "--subject", "x",
                     "--message-file", text, "--from", "soon")
        self.refused(USAGE, "oof", "on", "anna", "--subject", "x",
                     "--message-file", text, "--from", "2030-01-02", "--until",
                     "2030-01-01")
        over = self.admin("oof", "on", "anna", "--subject", "x",
                          "--message-file", text, "--until", "2001-01-01")
        self.assertEqual(over.status, 0)
        self.assertIn("--until is over already", over.err)
        self.refused(NO_INPUT, "oof", "on", "anna", "--subject", "x",
                     "--message-file", "/no/file")
        self.refused(DATA, "oof", "on", "anna", "--subject", "x",
                     "--message-file", self.write("data", b"\xff\n"))

    def test_quota_of_the_server_until_there_is_an_own_one(self):
        def hard(*more):
            return self.json("user", "show", "anna", *more)["quota"]["hard"]

        self.assertEqual((hard(), hard("-o", "quota_hard=7")), (0, 7))
        self.must("user", "set", "anna", "--quota-hard", "3")
        self.assertEqual(hard("-o", "quota_hard=7"), 3)
        self.must("user", "set", "anna", "--quota-hard", "0")
        self.assertEqual(hard("-o", "quota_hard=7"), 0)
        self.must("user", "set", "anna", "--quota-hard", "default")
        self.assertEqual(hard("-o", "quota_hard=7"), 7)

    def test_rename_a_user(self):
        ident = self.put(message("one"))
        self.must("acl", "set", "bert", "Inbox", "anna", "secretary")
        self.must("group", "create", "staff")
        self.must("group", "add", "staff", "anna")
        self.refused(EXISTS, "user", "rename", "anna", "bert")
        self.refused(EXISTS, "user", "rename", "anna", "Staff")
        self.refused(EXISTS, "user", "rename", "anna", "bert@" + DOMAIN)
        for name in ODD:
            if name != "\U0001f992" and name != "%" and name[:1] != ".":
                self.refused(DATA, "user", "rename", "--", "anna", name)
        self.must("user", "rename", "anna", "Änne")
        self.refused(NO_USER, "mail", "list", "anna")
        self.assertEqual(self.okapi.raw("änne", ident), crlf(message("one")))
        self.assertEqual(self.okapi.deliver(message("two"),
                                            "anna@" + DOMAIN).status, 0)
        self.assertEqual(self.okapi.subjects("Änne"), ["one", "two"])
        self.assertEqual(self.json("acl", "list", "bert", "Inbox"), [{
            "who": "Änne", "rights": [
                "read", "create", "edit-own", "delete-own", "edit-all",
                "delete-all", "visible"]}])
        self.assertIn({"name": "staff", "members": ["Änne"]},
                      self.json("group", "list"))
        self.must("user", "rename", "änne", "ÄNNE")
        self.must("store", "check")

    def test_groups_in_groups(self):
        for name in ("a", "b", "c"):
            self.must("group", "create", name)
        self.must("group", "add", "a", "b")
        self.must("group", "add", "b", "c")
        self.must("group", "add", "c", "anna")
        self.refused(DATA, "group", "add", "c", "a", says="itself")
        self.refused(DATA, "group", "add", "a", "a")
        self.refused(NO_USER, "group", "add", "a", "nobody")
        self.assertIn({"name": "a", "members": ["b"]},
                      self.json("group", "list"))
        self.refused(DATA, "acl", "set", "bert", "Inbox", "a", "everything",
                     says="fullcontrol")
        self.must("acl", "set", "bert", "Inbox", "a",
                  "read_items,folder_visible")
        self.assertEqual(self.json("acl", "list", "bert", "Inbox")[0],
                         {"who": "a", "rights": ["read", "visible"]})
        self.must("group", "remove", "a", "b")
        self.must("store", "check")

    def test_quota_warnings_once_a_crossing(self):
        self.must("user", "set", "anna", "--quota-warn", "1", "--quota-soft",
                  "2", "--quota-hard", "3")
        self.must("user", "create", "root", "--email", "root@" + DOMAIN,
                  "--admin")

        def grow(ident):
            return self.put(message(f"big {ident}", ident=str(ident),
                                    body=f"{ident} " * 2 ** 19))

        def warned():
            told = self.json("quota", "check")
            now = {m["subject"] for m in self.okapi.mails("anna", "Inbox")
                   if not m["subject"].startswith("big")}
            both = {m["subject"] for m in self.okapi.mails("root", "Inbox")}
            self.assertEqual({"[quota] " + s for s in now}, both)
            return told, len(self.okapi.mails("root", "Inbox"))

        self.assertEqual(warned(), ([], 0))
        first = grow(1)
        for level, count in (("warn", 1), ("soft", 2), ("hard", 3)):
            told, mails = warned()
            self.assertEqual([(t["reached"], t["warned"]) for t in told],
                             [(level, True)])
            self.assertEqual(mails, count)
            told, mails = warned()  # not again
            self.assertEqual([t["warned"] for t in told], [False])
            self.assertEqual(mails, count)
            last = grow(count + 1)
        self.assertEqual(self.okapi.queue(), [])
        # Below the limit, and above it again: told again.
        for ident in (first, last):
            self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.json("quota", "check")
        self.assertEqual(len(self.okapi.mails("root", "Inbox")), 3)
        grow(9)
        self.assertTrue(self.json("quota", "check")[0]["warned"])
        self.assertEqual(len(self.okapi.mails("root", "Inbox")), 4)
        raw = self.okapi.raw("root", self.okapi.mails("root", "Inbox")[0]["id"])
        self.assertIn(b"Auto-Submitted: auto-generated\r\n", raw)
        self.assertIn(b"anna <anna@okapi.test>", raw)
        self.must("store", "check")

    def test_quota_check_goes_on_behind_a_mailbox_that_is_damaged(self):
        for user in ("anna", "bert"):
            self.must("user", "set", user, "--quota-warn", "1")
            self.put(message(user, body="x " * 2 ** 19), user=user)
        with contextlib.closing(sqlite3.connect(self.okapi.settings["store_path"])) as db, db:
            db.execute("update hierarchy set role = 0 where role = 1 and store "
                       "= (select store from users where name = 'anna')")
        result = self.admin("quota", "check", "--json")
        self.assertNotEqual(result.status, 0)
        self.assertIn("okapi-admin: anna: ", result.err)
        self.assertEqual(result.err.count("\n"), 1, result.err)
        self.assertEqual([(u["name"], u["warned"]) for u in
                          json.loads(result.out)], [("bert", True)])

    def test_without_an_administrator_the_postmaster_is_told(self):
        self.must("user", "set", "anna", "--quota-warn", "1")
        self.put(message("big", body="x " * 2 ** 19))
        self.must("quota", "check")
        entry, = self.okapi.queue()
        self.assertEqual(entry["sender"], "")
        self.assertEqual([r["address"] for r in entry["recipients"]],
                         ["postmaster@" + DOMAIN])

    def test_quota(self):
        self.must("user", "set", "anna", "--quota-warn", "1")
        self.assertEqual(self.json("quota", "check"), [])
        self.put(message("big", body="x" * 70 + "\n") + b"y" * (1 << 20))
        found = self.json("quota", "check")
        self.assertEqual([(q["name"], q["reached"]) for q in found],
                         [("anna", "warn")])
        shown = self.json("quota", "show", "anna")
        self.assertGreater(shown["size"], 1 << 20)
        self.assertIn("1 MB", self.must("quota", "show", "anna"))
        self.refused(NO_USER, "quota", "show", "nobody")
        self.must("user", "set", "anna", "--quota-warn", "0")
        shown = self.must("quota", "show", "anna", "-o", "quota_warn=5",
                          "-o", "quota_soft=6", "-o", "quota_hard=7")
        self.assertRegex(shown, r"warn +none\b")
        self.assertRegex(shown, r"soft +6 MB")
        self.assertRegex(shown, r"hard +7 MB")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""okapi-admin user, group: names, addresses, who is in what."""

import contextlib
import os
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin import (  # noqa: E402
    DATA, EXISTS, NO_INPUT, NO_USER, ODD, USAGE, Admin)
from harness.cases import main  # noqa: E402
from harness.okapi import DOMAIN, message  # noqa: E402


class Users(Admin):
    def test_fields(self):
        self.must("user", "create", "dora", "--email", "dora@okapi.test",
                  "--alias", "d@okapi.test", "--alias", "a@okapi.test",
                  "--fullname", "Dör\u00e4", "--admin", "--quota-warn", "3",
                  "--quota-hard", "5", "--inactive")
        user = [u for u in self.json("user", "list") if u["name"] == "dora"][0]
        self.assertEqual(user, {
            "name": "dora", "email": "dora@okapi.test",
            "aliases": ["a@okapi.test", "d@okapi.test"],
            "fullname": "Dör\u00e4", "admin": True, "active": False,
            "quota": {"warn": 3, "soft": 0, "hard": 5},
            "size": 0, "messages": 0, "send_as": [], "send_on_behalf": [],
            "groups": ["Everyone"]})
        self.assertEqual(self.json("user", "show", "dora"), user)
        self.assertIn("dora@okapi.test", self.must("user", "show", "dora"))

    def test_who_may_send_in_whose_name(self):
        self.must("group", "create", "office")
        self.must("user", "set", "anna", "--send-as", "bert", "--send-as",
                  "office", "--send-on-behalf", "Everyone")
        user = self.json("user", "show", "anna")
        self.assertEqual(user["send_as"], ["bert", "office"])
        self.assertEqual(user["send_on_behalf"], ["Everyone"])
        self.assertIn("send as    by bert, office",
                      self.must("user", "show", "anna"))
        self.must("user", "set", "anna", "--no-send-as", "bert",
                  "--no-send-on-behalf", "everyone")
        user = self.json("user", "show", "anna")
        self.assertEqual(user["send_as"], ["office"])
        self.assertEqual(user["send_on_behalf"], [])
        self.refused(NO_INPUT, "user", "set", "anna", "--no-send-as", "bert")
        self.refused(NO_USER, "user", "set", "anna", "--send-as", "nobody")

    def test_set_changes_what_is_given_only(self):
        self.must("user", "set", "anna", "--alias", "x@okapi.test",
                  "--quota-hard", "9")
        self.must("user", "set", "anna", "--fullname", "A")
        user = self.json("user", "show", "anna")
        self.assertEqual(user["aliases"], ["x@okapi.test"])
        self.assertEqual(user["fullname"], "A")
        self.assertEqual(user["quota"]["hard"], 9)
        self.must("user", "set", "anna", "--alias", "", "--quota-hard",
                  "default", "--inactive")
        user = self.json("user", "show", "anna")
        self.assertEqual(user["aliases"], [])
        self.assertEqual(user["quota"]["hard"], 0)
        self.assertFalse(user["active"])

    def test_taken_names_and_addresses(self):
        self.refused(EXISTS, "user", "create", "anna", "--email", "n@x.test")
        self.refused(EXISTS, "user", "create", "ANNA", "--email", "n@x.test")
        self.refused(EXISTS, "user", "create", "new", "--email",
                     "anna@" + DOMAIN)
        self.refused(EXISTS, "user", "set", "bert", "--alias",
                     "anna@" + DOMAIN)
        self.assertEqual(len(self.json("user", "list")), 2)

    def test_unknown_users(self):
        for args in (["show"], ["set", "--fullname", "x"],
                     ["delete", "--yes"]):
            self.refused(NO_USER, "user", args[0], "nobody", *args[1:])
        for name in ODD:
            self.refused(NO_USER, "user", "show", "--", name)
            self.refused(NO_USER, "folder", "list", "--", name)

    def test_odd_names_are_refused_and_nothing_breaks(self):
        for name in ODD:
            result = self.admin("user", "create", "--email", "odd@x.test",
                                "--", name)
            self.assertIn(result.status, (0, DATA), f"{name!r}: {result}")
            if result.status == 0:
                self.must("user", "delete", "--yes", "--", name)
        self.refused(DATA, "user", "create", b"\xff\xfe", "--email", "x@y.test")
        for address in ("", "no-at", "a@", "@b", "a b@c.test", "a\r\n@c.test"):
            result = self.admin("user", "create", "odd", "--email", address)
            self.assertIn(result.status, (0, DATA), f"{address!r}: {result}")
            if result.status == 0:
                self.must("user", "delete", "odd", "--yes")
        self.assertEqual(len(self.json("user", "list")), 2)

    def test_limits_are_numbers(self):
        for value in ("", "-1", "x", "1e9", "99999999999999999999", "1.5"):
            self.refused(USAGE, "user", "set", "anna",
                         f"--quota-hard={value}")

    def test_deleting_asks(self):
        self.refused(USAGE, "user", "delete", "anna", says="--yes")
        self.assertEqual(len(self.json("user", "list")), 2)
        self.must("user", "delete", "anna", "--yes")
        self.must("user", "delete", "bert", "--yes", "--keep-store")
        self.assertEqual(self.json("user", "list"), [])

    def test_a_store_that_was_kept_comes_back(self):
        self.assertEqual(self.okapi.deliver(message("kept"), "anna").status, 0)
        self.must("folder", "create", "anna", "Inbox/Boss")
        self.must("user", "delete", "anna", "--yes", "--keep-store")
        orphan, = self.json("store", "orphans")
        self.assertEqual((orphan["name"], orphan["messages"]),
                         ("anna (without owner)", 1))
        self.assertIn("anna (without owner)", self.must("store", "orphans"))
        # A new user of that name has nothing of it.
        self.must("user", "create", "anna", "--email", "anna@okapi.test")
        self.assertEqual(self.okapi.mails("anna"), [])
        number = str(orphan["id"])
        self.must("user", "create", "cora", "--email", "cora@okapi.test",
                  "--store", number)
        self.assertEqual(self.okapi.subjects("cora"), ["kept"])
        self.assertIn("Inbox/Boss", [f["path"] for f in
                                     self.json("folder", "list", "cora")])
        self.assertEqual(self.json("store", "orphans"), [])
        self.must("store", "check")

    def test_stores_that_are_nobodys_to_take(self):
        self.must("user", "delete", "bert", "--yes")
        with contextlib.closing(sqlite3.connect(
                self.okapi.settings["store_path"])) as store:
            # anna's, bert's that is deleted, the public one
            stores = [row[0] for row in store.execute(
                "SELECT id FROM hierarchy WHERE type = 1")]
        self.assertEqual(len(stores), 3)
        for number in (*stores, 999999):
            with self.subTest(number):
                self.refused(NO_INPUT, "user", "create", "cora", "--email",
                             "cora@okapi.test", f"--store={number}",
                             says="store orphans")
        for number in ("", "x", "-1", "1x", "0"):
            self.refused(USAGE, "user", "create", "cora", "--email",
                         "cora@okapi.test", f"--store={number}")

    def test_passwords_come_from_files(self):
        path = self.write("pw", "s3cret\n")
        self.must("user", "set", "anna", "--password-file", path)
        self.must("user", "set", "anna", "--password-file", "-",
                  input="other")
        for bad in (b"", b"\n", b"\na\n", b"\xff\n", b"x" * 5000):
            self.refused(DATA, "user", "set", "anna", "--password-file", "-",
                         input=bad)
        self.refused(NO_INPUT, "user", "set", "anna", "--password-file",
                     self.dir + "/none")
        self.refused(USAGE, "user", "set", "anna", "--password", "x")


class Groups(Admin):
    def test_members(self):
        self.must("group", "create", "staff")
        self.refused(EXISTS, "group", "create", "staff")
        self.must("group", "add", "staff", "bert")
        self.must("group", "add", "staff", "anna")
        groups = {g["name"]: g["members"] for g in self.json("group", "list")}
        self.assertEqual(groups["staff"], ["anna", "bert"])
        self.must("group", "remove", "staff", "bert")
        self.refused(NO_USER, "group", "add", "staff", "nobody")
        self.refused(NO_USER, "group", "add", "nogroup", "anna")
        self.refused(NO_USER, "group", "delete", "nogroup", "--yes")
        self.refused(USAGE, "group", "delete", "staff", says="--yes")
        self.must("group", "delete", "staff", "--yes")
        self.assertNotIn("staff", [g["name"] for g in
                                   self.json("group", "list")])


if __name__ == "__main__":
    main()

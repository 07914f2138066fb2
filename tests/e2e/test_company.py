#!/usr/bin/env python3
"""A small firm, set up by okapi-admin alone: groups, a shared mailbox, public
folders, delegates, a catch-all, and who gets past what with --as."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import DOMAIN, Okapi, message  # noqa: E402

DATA, NO_INPUT, NO_USER, NO_PERMISSION = 65, 66, 67, 77
STAFF = ("anna", "bert", "carl", "dora", "emil")


class Company(Case):
    def setUp(self):
        self.dir = self.directory()
        self.okapi = Okapi(self.dir, users=("boss", "info", *STAFF))
        self.must = self.okapi.must
        self.json = self.okapi.json

    def refused(self, status, *words, says=""):
        result = self.okapi.admin(*words)
        self.assertEqual(result.status, status, f"{words}: {result}")
        self.assertIn(says, result.err)

    def fields(self, user):
        return self.json("user", "show", user)

    def test_groups(self):
        """Many at once, all or none of them; each user says where they are."""
        self.must("group", "create", "sales")
        self.must("group", "create", "everybody else")
        self.must("group", "add", "sales", "anna", "bert", "carl")
        self.must("group", "add", "everybody else", "sales", "dora")
        self.refused(NO_USER, "group", "add", "sales", "dora", "nobody")
        # By whatever way: the rights are those of all of them.
        self.assertEqual(self.fields("anna")["groups"],
                         ["everybody else", "Everyone", "sales"])
        self.assertEqual(self.fields("dora")["groups"],
                         ["everybody else", "Everyone"])
        self.assertIn("groups     everybody else, Everyone, sales\n",
                      self.must("user", "show", "anna"))
        self.assertIn(self.fields("anna"), self.json("user", "list"))
        self.refused(NO_INPUT, "group", "remove", "sales", "anna", "dora",
                     says="dora is not in sales")
        self.assertIn("sales", self.fields("anna")["groups"])
        self.must("group", "remove", "sales", "anna", "bert")
        self.assertEqual(self.fields("anna")["groups"], ["Everyone"])

    def test_aliases_one_by_one(self):
        def aliases():
            return self.fields("boss")["aliases"]

        self.must("user", "set", "boss", "--alias", "b@okapi.test", "--alias",
                  "chief@okapi.test")
        self.must("user", "set", "boss", "--add-alias", "@okapi.test",
                  "--add-alias", "head@okapi.test")
        self.assertEqual(aliases(), ["@okapi.test", "b@okapi.test",
                                     "chief@okapi.test", "head@okapi.test"])
        self.must("user", "set", "boss", "--no-alias", "B@okapi.test",
                  "--no-alias", "head@okapi.test", "--add-alias",
                  "x@okapi.test")
        self.assertEqual(aliases(), ["@okapi.test", "chief@okapi.test",
                                     "x@okapi.test"])
        self.refused(NO_INPUT, "user", "set", "boss", "--add-alias",
                     "y@okapi.test", "--no-alias", "none@okapi.test",
                     says="none@okapi.test")
        self.refused(NO_INPUT, "user", "set", "boss", "--no-alias",
                     "boss@" + DOMAIN)
        self.refused(73, "user", "set", "boss", "--add-alias", "anna@" + DOMAIN)
        self.refused(DATA, "user", "set", "boss", "--add-alias", "")
        self.refused(64, "user", "set", "boss", "--add-alias", "y@okapi.test",
                     "--alias", "z@okapi.test")
        self.assertEqual(aliases(), ["@okapi.test", "chief@okapi.test",
                                     "x@okapi.test"])
        self.assertEqual(self.okapi.deliver(message("one"),
                                            "whoever@okapi.test").status, 0)
        self.assertEqual(self.okapi.subjects("boss"), ["one"])

    def test_a_mailbox_that_is_shared(self):
        """Rights on all of it, at its top."""
        self.must("group", "create", "sales")
        self.must("group", "add", "sales", "anna", "bert")
        self.okapi.deliver(message("offer"), "info@" + DOMAIN)
        anna = ("--as", "anna")
        self.refused(NO_PERMISSION, *anna, "mail", "list", "info", "Inbox")
        self.must("acl", "set", "info", "/", "sales", "fullcontrol")
        self.assertEqual(self.json("acl", "list", "info", "/")[0]["who"],
                         "sales")
        self.assertEqual(self.json("acl", "list", "info", "Inbox"), [])
        self.assertEqual(len(self.json(*anna, "mail", "list", "info",
                                       "Inbox")), 1)
        self.must(*anna, "folder", "create", "info", "Inbox/Done")
        ident = self.okapi.mails("info")[0]["id"]
        self.must(*anna, "mail", "move", "info", str(ident), "Inbox/Done")
        self.refused(NO_PERMISSION, "--as", "dora", "mail", "list", "info",
                     "Inbox")
        # Full control is not ownership.
        self.refused(NO_PERMISSION, *anna, "acl", "set", "info", "/", "dora",
                     "read")
        self.refused(NO_PERMISSION, *anna, "acl", "list", "info", "/")
        self.must("--as", "info", "acl", "set", "info", "/", "emil", "read")
        self.must("acl", "remove", "info", "/", "sales")
        self.refused(NO_PERMISSION, *anna, "mail", "list", "info", "Inbox")
        self.refused(NO_INPUT, "acl", "remove", "info", "/", "sales")
        self.refused(DATA, "acl", "set", "info", "/", "sales", "",
                     says="none")

    def test_public_folders(self):
        """The top of the public store has rights; who makes a folder there
        owns it."""
        self.assertEqual(
            [e["who"] for e in self.json("acl", "list", "boss", "Public")],
            ["Everyone"])
        self.must("--as", "anna", "folder", "create", "anna",
                  "Public/Forum/Cars")
        for path in ("Public/Forum", "Public/Forum/Cars"):
            self.refused(NO_PERMISSION, "--as", "bert", "folder", "delete",
                         "bert", path, "--yes")
        self.assertEqual(self.json("acl", "list", "anna", "Public/Forum"), [
            {"who": "anna", "rights": self.json(
                "acl", "list", "anna", "Public/Forum")[0]["rights"]}])
        self.assertIn("owner", self.json(
            "acl", "list", "anna", "Public/Forum")[0]["rights"])
        # What Everyone may there goes on.
        self.must("--as", "bert", "mail", "list", "bert", "Public/Forum/Cars")
        self.must("--as", "anna", "folder", "rename", "anna",
                  "Public/Forum/Cars", "Bikes")
        self.must("--as", "anna", "folder", "delete", "anna", "Public/Forum",
                  "--yes")
        self.must("acl", "set", "info", "/", "anna", "create-folder")
        self.must("--as", "anna", "folder", "create", "info", "Cases/New")
        self.assertIn("owner", self.json(
            "acl", "list", "info", "Cases")[0]["rights"])
        # Nobody but administrators changes the top.
        self.refused(NO_PERMISSION, "--as", "anna", "acl", "set", "anna",
                     "Public", "anna", "owner")
        self.must("acl", "set", "boss", "Public", "Everyone", "read,visible")
        self.refused(NO_PERMISSION, "--as", "anna", "folder", "create", "anna",
                     "Public/Mine")
        # In one's own store there is nothing to own.
        self.must("--as", "anna", "folder", "create", "anna", "Inbox/Own")
        self.assertEqual(self.json("acl", "list", "anna", "Inbox/Own"), [])
        self.must("store", "check")

    def test_who_is_inactive_acts_for_nobody(self):
        self.must("user", "set", "emil", "--inactive")
        self.refused(NO_PERMISSION, "--as", "emil", "mail", "list", "emil",
                     says="inactive")
        self.must("mail", "list", "emil")

    def test_what_words_say(self):
        for words, says in (
                (("user", "set", "anna", "--quota-hard", "x"), "--quota-hard"),
                (("junk", "allow", "anna", "*"), "neither"),
                (("junk", "allow", "anna", "a b.test"), "neither"),
                (("junk", "block", "anna", "exa;mple.test"), "neither"),
                (("junk", "block", "anna", "..test"), "neither")):
            result = self.okapi.admin(*words)
            self.assertIn(result.status, (64, DATA), words)
            self.assertIn(says, result.err)
        for good in ("example.org", "b\u00fccher.example", "x_y.test", "local",
                     "a!b@example.org", "@example.com"):
            self.must("junk", "block", "anna", good)
        self.okapi.deliver(message("one"), "anna")
        for words in (("--mbox", "box"), ("--maildir", "dir"),
                      ("--archive", "file")):
            path = os.path.join(self.dir, words[1])
            self.assertEqual(self.must("mail", "export", "anna", words[0],
                                       path), "exported: 1\n")
        self.assertNotIn("exported", self.must("mail", "export", "anna",
                                               "--mbox", "-"))


if __name__ == "__main__":
    main()

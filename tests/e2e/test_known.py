#!/usr/bin/env python3
"""What a running daemon knows of rules, folders and rights is what the store
says: whoever changes it, the next message goes by the change.  And rules see
what they look at, whatever else the same message is converted for."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, crlf  # noqa: E402

HEAD = {"From": "Carol <carol@example.org>", "To": "anna@okapi.test",
        "Subject": "test", "Date": "Mon, 23 Nov 2026 05:58:00 +0100"}


class Known(Case):
    def setUp(self):
        self.directory_of_rules = self.directory()
        self.before = os.path.join(self.directory_of_rules, "before.sieve")
        self.after = os.path.join(self.directory_of_rules, "after.sieve")
        self.globals = os.path.join(self.directory_of_rules, "global")
        os.mkdir(self.globals)
        for path in (self.before, self.after):
            self.write(path, "keep;\n")
        self.okapi = Okapi(self.directory(), users=("anna", "bert", "carl"),
                           sieve_before=self.before, sieve_after=self.after,
                           sieve_global=self.globals)
        self.addCleanup(self.okapi.stop)
        self.okapi.start_dagent()
        self.client = Lmtp(("127.0.0.1", self.okapi.port))
        self.number = 0

    def write(self, path, text):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def put(self, user, script, name="r"):
        self.okapi.must("rule", "put", user, name, "-", input=script)

    def send(self, *users, **fields):
        """Delivers; the subject, by which the message is found again."""
        self.number += 1
        head = {**HEAD, "X-Number": str(self.number),
                **{name.replace("_", "-"): text
                   for name, text in fields.items()}}
        text = "".join(f"{name}: {text}\n" for name, text in head.items())
        answers = self.client.deliver(
            "carol@example.org", [f"{user}@okapi.test" for user in users],
            crlf(f"{text}\nbody\n".encode()))
        self.assertEqual([code for code, _ in answers], [250] * len(users),
                         answers)

    def place(self, user):
        """The folders of the newest message's copies."""
        mails = self.okapi.mails(user)
        newest = max(mail["id"] for mail in mails)
        return next(mail["folder"] for mail in mails if mail["id"] == newest)

    def expect(self, folder, user="anna", **fields):
        self.send(user, **fields)
        self.assertEqual(self.place(user), folder)

    def test_rules(self):
        """put, disabled, enabled, removed, ordered: each while it runs"""
        okapi = self.okapi
        for folder in ("A", "B"):
            okapi.must("folder", "create", "anna", folder)
        self.expect("Inbox")
        self.put("anna", 'require "fileinto"; fileinto "A";')
        self.expect("A")
        self.expect("A")
        self.put("anna", 'require "fileinto"; fileinto "B";')
        self.expect("B")
        okapi.must("rule", "disable", "anna", "r")
        self.expect("Inbox")
        okapi.must("rule", "enable", "anna", "r")
        self.expect("B")
        self.put("anna", 'require "fileinto"; fileinto "A"; stop;', "first")
        okapi.must("rule", "put", "anna", "first", "-", "--sequence", "1",
                   input='require "fileinto"; fileinto "A"; stop;')
        okapi.must("rule", "put", "anna", "r", "-", "--sequence", "2",
                   input='require "fileinto"; fileinto "B";')
        self.expect("A")
        okapi.must("rule", "remove", "anna", "first", "--yes")
        self.expect("B")
        okapi.must("rule", "remove", "anna", "r", "--yes")
        self.expect("Inbox")

    def test_folders(self):
        """renamed, made again, deleted, one that is more exact"""
        okapi = self.okapi
        okapi.must("folder", "create", "anna", "Lists/dev")
        self.put("anna", 'require "fileinto"; fileinto "Lists.dev";')
        self.expect("Lists/dev")
        self.expect("Lists/dev")
        okapi.must("folder", "create", "anna", "Lists.dev")
        self.expect("Lists.dev")
        okapi.must("folder", "delete", "anna", "Lists.dev", "--yes")
        self.expect("Lists/dev")
        okapi.must("folder", "rename", "anna", "Lists", "Old")
        self.expect("Inbox")
        okapi.must("folder", "rename", "anna", "Old", "Lists")
        self.expect("Lists/dev")
        okapi.must("folder", "delete", "anna", "Lists", "--yes")
        self.expect("Inbox")
        rule = okapi.json("rule", "list", "anna")[0]
        self.assertIn("does not exist", rule["error"])
        okapi.must("folder", "create", "anna", "Lists/dev")
        self.expect("Lists/dev")
        self.assertEqual(okapi.json("rule", "list", "anna")[0]["error"], None)

    def test_special_use(self):
        """a special use finds its folder by whatever name"""
        self.put("anna", 'require ["fileinto", "special-use"];'
                 'fileinto :specialuse "\\\\Trash" "Nowhere";')
        self.expect("Deleted Items")
        self.okapi.must("folder", "rename", "anna", "Deleted Items", "Bin")
        self.expect("Bin")
        self.expect("Bin")

    def test_rights(self):
        """another's folder: right given, taken away, by a group, anew"""
        okapi = self.okapi
        okapi.must("folder", "create", "bert", "Shared")
        okapi.must("group", "create", "staff")
        self.put("anna", 'require "fileinto"; fileinto "user:bert/Shared";')

        def theirs():
            before = len(okapi.mails("bert", "Shared"))
            self.send("anna")
            return len(okapi.mails("bert", "Shared")) - before

        self.assertEqual(theirs(), 0)
        okapi.must("acl", "set", "bert", "Shared", "anna", "create")
        self.assertEqual(theirs(), 1)
        self.assertEqual(theirs(), 1)
        okapi.must("acl", "remove", "bert", "Shared", "anna")
        self.assertEqual(theirs(), 0)
        okapi.must("acl", "set", "bert", "Shared", "staff", "create")
        self.assertEqual(theirs(), 0)
        okapi.must("group", "add", "staff", "anna")
        self.assertEqual(theirs(), 1)
        self.assertEqual(theirs(), 1)
        okapi.must("group", "remove", "staff", "anna")
        self.assertEqual(theirs(), 0)
        self.assertEqual(self.place("anna"), "Inbox")

    def test_a_user_of_the_same_name(self):
        """who is deleted and made again has a store of their own"""
        okapi = self.okapi
        okapi.must("folder", "create", "anna", "A")
        self.put("anna", 'require "fileinto"; fileinto "A";')
        self.expect("A")
        okapi.must("user", "delete", "anna", "--yes")
        okapi.add_user("anna")
        self.expect("Inbox")

    def test_files(self):
        """sieve_before, sieve_after, and what a rule includes of
        sieve_global"""
        okapi = self.okapi
        okapi.must("folder", "create", "anna", "A")
        filing = 'require "fileinto"; if header "X-A" "1" {fileinto "A";}\n'
        self.expect("Inbox", X_A="1")
        self.write(self.before, filing)
        self.expect("A", X_A="1")
        self.expect("Inbox", X_A="2")
        self.write(self.before, filing.replace("X-A", "X-B"))
        self.expect("Inbox", X_A="1")
        self.expect("A", X_A="2", X_B="1")
        self.write(self.before, "keep;\n")
        self.write(self.after, filing)
        self.expect("A", X_A="1")
        self.write(self.after, "keep;\n")
        self.put("anna", 'require "include"; include :global "g";')
        self.expect("Inbox", X_A="1")
        self.write(os.path.join(self.globals, "g.sieve"), filing)
        self.expect("A", X_A="1")
        self.write(os.path.join(self.globals, "g.sieve"),
                   filing.replace("X-A", "X-B"))
        self.expect("Inbox", X_A="1")
        self.expect("A", X_B="1")

    # What a script looks at, and the fields of a message that it files.
    LOOKS = (
        ('header "X-A" "1"', {"X-A": "1"}),
        ('header ["X-Z", "x-a"] "1"', {"X-A": "1"}),
        ('exists "X-A"', {"X-A": "="}),
        ('not exists "X-A"', {}),
        ('address :domain "Reply-To" "example.net"',
         {"Reply-To": "Eve <eve@example.net>"}),
        ('address ["To", "Cc"] "team@example.org"',
         {"Cc": "team@example.org"}),
        ('date :zone "+0000" "Date" "date" "2026-11-23"', {}),
        ('size :under 1M', {}),
        ('envelope "from" "carol@example.org"', {}),
        ('string "${name}" "X-A"', {}),
        ('header "${name}" "1"', {"X-A": "1"}),
        ('property :contains "PR_SUBJECT" "other"', {"Subject": "others"}),
        ('property :contains "PR_TRANSPORT_MESSAGE_HEADERS" "X-A: 1"',
         {"X-A": "1"}),
        ('property :recipient :is "PR_SMTP_ADDRESS" "team@example.org"',
         {"Cc": "team@example.org"}),
        ('allof (header "X-A" "1", property "PR_IMPORTANCE" "2")',
         {"X-A": "1", "Importance": "high"}),
        ('allof (header "X-A" "1", body :contains "body")', {"X-A": "1"}),
    )
    NEEDS = ("variables", "envelope", "date", "body", "vnd.okapi.property",
             "fileinto", "editheader", "include", "duplicate")

    def look(self, test):
        words = ", ".join(f'"{word}"' for word in self.NEEDS)
        return (f"require [{words}]; set \"name\" \"X-A\";\n"
                f'if {test} {{ fileinto "A"; }}\n')

    def test_looks(self):
        """each kind of test sees what it asks for, alone and beside a
        recipient whose rules ask for other things"""
        for user in ("anna", "bert"):
            self.okapi.must("folder", "create", user, "A")
        self.put("bert", self.look('header "X-Of-Bert" "yes"'))
        for test, fields in self.LOOKS:
            self.put("anna", self.look(test))
            with self.subTest(test=test):
                self.expect("A", **fields)
            with self.subTest(test=test, beside="bert"):
                self.send("carl", "bert", "anna",
                          **{**fields, "X-Of-Bert": "yes"})
                self.assertEqual([self.place(user) for user in
                                  ("carl", "bert", "anna")],
                                 ["Inbox", "A", "A"])

    def test_lists_and_rules(self):
        """a blocked sender is found by From, whatever rules ask for"""
        self.put("anna", self.look('header "X-A" "1"'))
        self.okapi.must("folder", "create", "anna", "A")
        self.okapi.must("junk", "block", "anna", "eve@example.net")
        self.expect("Junk E-mail", From="eve@example.net", X_A="1")
        self.expect("A", X_A="1")

    def test_changed_header(self):
        """a header that a rule changed is whole for the next one"""
        self.okapi.must("folder", "create", "anna", "A")
        self.put("anna", 'require "editheader"; addheader "X-A" "1";', "a")
        self.put("anna", self.look('header "X-A" "1"'), "b")
        self.expect("A")
        newest = max(m["id"] for m in self.okapi.mails("anna"))
        raw = self.okapi.raw("anna", newest)
        self.assertIn(b"X-A: 1\r\n", raw)
        self.assertIn(b"Subject: test\r\n", raw)

    def test_reply(self):
        """an automatic reply is due or not by fields no rule names"""
        okapi = self.okapi
        self.put("anna", 'require ["vacation", "fileinto"];'
                 'if header "X-A" "1" { vacation "away"; }')
        self.send("anna", X_A="1", Precedence="bulk")
        self.assertEqual(okapi.json("queue", "list"), [])
        self.send("anna", X_A="1")
        self.assertEqual(len(okapi.json("queue", "list")), 1)
        okapi.must("rule", "remove", "anna", "r", "--yes")
        okapi.must("oof", "on", "bert", "--subject", "away",
                   "--message-file", self.before)
        self.put("bert", self.look('header "X-A" "1"'))
        self.send("bert", To="bert@okapi.test", List_Id="<x.example>")
        self.assertEqual(len(okapi.json("queue", "list")), 1)
        self.send("bert", To="bert@okapi.test")
        self.assertEqual(len(okapi.json("queue", "list")), 2)


if __name__ == "__main__":
    main()

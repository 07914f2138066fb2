#!/usr/bin/env python3
"""Every noun and verb of okapi-admin, by the program's own table: --json, bad
input.  A verb without a row here fails."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi, message  # noqa: E402

# A call that works for each verb, in an order in which all of them work.
# {name}: of Table.values().
CALLS = (
    ("init",),
    ("user create", "cora", "--email", "cora@okapi.test"),
    ("user set", "cora", "--fullname", "Cora"),
    ("user rename", "cora", "dora"),
    ("user list",),
    ("user show", "anna"),
    ("user delete", "dora", "--yes"),
    ("group create", "staff"),
    ("group add", "staff", "bert"),
    ("group list",),
    ("group remove", "staff", "bert"),
    ("group delete", "staff", "--yes"),
    ("folder create", "anna", "Work"),
    ("folder rename", "anna", "Work", "Job"),
    ("folder move", "anna", "Job", "Inbox"),
    ("folder localize", "anna", "en"),
    ("folder list", "anna"),
    ("folder delete", "anna", "Inbox/Job", "--yes"),
    ("acl set", "anna", "Inbox", "bert", "read"),
    ("acl list", "anna", "Inbox"),
    ("acl remove", "anna", "Inbox", "bert"),
    ("mail import", "anna", "Inbox", "{message}"),
    ("mail list", "anna", "Inbox"),
    ("mail show", "anna", "{id}"),
    ("mail export", "anna", "Inbox", "--maildir", "{dir}/maildir"),
    ("mail copy", "anna", "{id}", "Drafts"),
    ("mail move", "anna", "{id}", "Notes"),
    ("mail delete", "anna", "{id}", "--permanent", "--yes"),
    ("mail restore", "anna"),
    ("mail submit", "anna", "{id}"),
    ("queue list",),
    ("queue show", "{queue}"),
    ("queue hold", "{queue}"),
    ("queue release", "{queue}"),
    ("queue retry", "{queue}"),
    ("mail recall", "anna", "{outbox}"),
    ("queue delete", "--all", "--yes"),
    ("rule put", "anna", "keep", "{script}"),
    ("rule set", "anna", "keep", "--sequence", "2"),
    ("rule get", "anna", "keep"),
    ("rule list", "anna"),
    ("rule disable", "anna", "keep"),
    ("rule enable", "anna", "keep"),
    ("rule check", "{script}"),
    ("rule test", "anna", "{message}"),
    ("rule run", "anna", "--folder", "Inbox"),
    ("rule remove", "anna", "keep", "--yes"),
    ("oof on", "anna", "--subject", "away", "--message-file", "{message}"),
    ("oof show", "anna"),
    ("oof off", "anna"),
    ("junk block", "anna", "spam.test"),
    ("junk allow", "anna", "good.test"),
    ("junk list", "anna"),
    ("junk remove", "anna", "spam.test"),
    ("quota show", "anna"),
    ("quota check",),
    ("store check",),
    ("store purge",),
    ("store backup", "{dir}/backup"),
    ("store vacuum",),
    ("store stats",),
    ("config show",),
    ("config check",),
    ("convert", "{message}"),
    ("changes", "anna", "--since", "0"),
    ("completion bash",),
    ("completion zsh",),
    ("completion fish",),
)
# It never ends; tests/e2e/test_admin.py has it.
ENDLESS = {"watch"}


def key_of(row):
    return (row["noun"] + " " + row["verb"]).strip()


class Table(Case):
    def setUp(self):
        self.dir = self.directory()
        self.okapi = Okapi(self.dir)
        self.admin = self.okapi.admin
        self.table = {key_of(row): row for row in
                      json.loads(self.okapi.must("--help", "--json"))}

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def values(self):
        """What the calls name, as it is now."""
        mails = self.okapi.mails("anna")
        outbox = self.okapi.mails("anna", "Outbox")
        queue = self.okapi.queue()
        return {"dir": self.dir,
                "message": self.write("m.eml", message("one")),
                "script": self.write("s.sieve", b"keep;\n"),
                "id": mails[0]["id"] if mails else 0,
                "outbox": outbox[0]["id"] if outbox else 0,
                "queue": queue[0]["id"] if queue else 0}

    def command(self, call):
        values = self.values()
        return [*call[0].split(), *[word.format(**values)
                                    for word in call[1:]]]


class Walk(Table):
    def test_every_verb_has_a_row(self):
        self.assertEqual(set(self.table) - ENDLESS, {c[0] for c in CALLS})

    def test_every_verb_prints_one_json_document(self):
        for call in CALLS:
            words = self.command(call)
            result = self.admin(*words, "--json")
            with self.subTest(call[0]):
                self.assertEqual((result.status, result.err), (0, ""), words)
                json.loads(result.out)
        self.okapi.must("store", "check")

    def test_every_verb_explains_itself(self):
        for key, row in self.table.items():
            with self.subTest(key):
                out = self.okapi.must(*key.split(), "--help")
                self.assertIn(row["text"], out)


if __name__ == "__main__":
    main()

"""Every noun and verb of okapi-admin, by the program's own table, each with a
call that works."""

import base64
import json
import os
import random
import re

from harness.cases import Case
from harness.okapi import Okapi, message

# A call that works for each verb, in an order in which all of them work.
# {name}: Table.value().
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
    ("mail submit", "anna", "{outbox}"),
    ("queue delete", "--all", "--yes"),
    ("rule put", "anna", "keep", "{script}"),
    ("rule set", "anna", "keep", "--sequence", "2"),
    ("rule get", "anna", "keep"),
    ("rule list", "anna"),
    ("rule disable", "anna", "keep"),
    ("rule enable", "anna", "keep"),
    ("rule check", "{script}"),
    ("rule test", "anna", "{message}"),
    ("rule run", "anna", "--folder", "Outbox", "--rule", "{marker}"),
    ("rule remove", "anna", "keep", "--yes"),
    ("oof on", "anna", "--subject", "away", "--message-file", "{message}"),
    ("oof show", "anna"),
    ("oof off", "anna"),
    ("contact add", "anna", "carl@example.org", "--name", "Carl"),
    ("contact list", "anna"),
    ("contact export", "anna"),
    ("contact import", "anna", "{card}"),
    ("contact remove", "anna", "carl@example.org"),
    ("junk block", "anna", "spam.test"),
    ("junk allow", "anna", "good.test"),
    ("junk list", "anna"),
    ("junk remove", "anna", "spam.test"),
    ("quota show", "anna"),
    ("mail import", "bert", "Drafts", "{large}"),
    ("user set", "bert", "--quota-warn", "1"),
    ("quota check",),
    ("store check",),
    ("mail delete", "bert", "{draft}", "--permanent", "--yes"),
    ("store purge", "--all", "--yes"),
    ("store backup", "{dir}/backup"),
    ("store vacuum",),
    ("store stats",),
    ("user set", "bert", "--store", "new"),
    ("store orphans",),
    ("store remove", "{orphan}", "--yes"),
    ("config show",),
    ("config check",),
    ("convert", "{message}"),
    ("changes", "anna", "--since", "0"),
    ("completion bash",),
    ("completion zsh",),
    ("completion fish",),
)
# It never ends; tests/e2e/test_admin_store.py has it.
ENDLESS = {"watch"}
# The first message of a mailbox or folder.
MAILS = {"id": ("anna",), "outbox": ("anna", "Outbox"),
         "draft": ("bert", "Drafts")}
CARD = b"BEGIN:VCARD\nVERSION:4.0\nFN:Dan\nEND:VCARD\n"
MARKER = b'require "imap4flags"; addflag "\\Flagged"; keep;\n'


def large_message():
    """Over 1 MB, and in the database: its attachment takes less."""
    noise = random.Random(1).randbytes(900_000)
    return (b"Subject: large\nMIME-Version: 1.0\n"
            b"Content-Type: application/octet-stream\n"
            b"Content-Transfer-Encoding: base64\n\n"
            + base64.encodebytes(noise))


def key_of(row):
    return (row["noun"] + " " + row["verb"]).strip()


class Table(Case):
    def setUp(self):
        self.dir = self.directory()
        self.okapi = Okapi(self.dir)
        self.admin = self.okapi.admin
        self.table = {key_of(row): row for row in
                      json.loads(self.okapi.must("--help", "--json"))}
        self.files = {"dir": self.dir,
                      "message": self.write("m.eml", message("one")),
                      "large": self.write("l.eml", large_message()),
                      "card": self.write("c.vcf", CARD),
                      "marker": self.write("f.sieve", MARKER),
                      "script": self.write("s.sieve", b"keep;\n")}

    def value(self, name):
        """What a call names, as it is now."""
        if name == "queue":
            return self.okapi.queue()[0]["id"]
        if name == "orphan":
            return self.okapi.json("store", "orphans")[0]["id"]
        if name in self.files:
            return self.files[name]
        return self.okapi.mails(*MAILS[name])[0]["id"]

    def command(self, call):
        """The words of a call."""
        return [*call[0].split(), *[
            re.sub(r"{(\w+)}", lambda m: str(self.value(m[1])), word)
            for word in call[1:]]]

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

#!/usr/bin/env python3
"""What the manuals promise, from outside: sentences that no other file here
asks about, with mail and commands that a user comes up with."""

import json
import os
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, message  # noqa: E402

RULES = 'require ["fileinto", "copy", "mailbox", "variables"];\n'


class Contract(Case):
    settings = {}

    def setUp(self):
        self.okapi = Okapi(self.directory(), **self.settings)
        self.addCleanup(self.okapi.stop)

    def rule(self, user, text):
        self.okapi.must("rule", "put", user, "r", "-", input=RULES + text)

    def lmtp(self):
        client = Lmtp(("127.0.0.1", self.okapi.port))
        self.addCleanup(client.close)
        return client

    def where(self, user="anna"):
        return {m["subject"]: m["folder"] for m in self.okapi.mails(user)}


class Folders(Contract):
    """A path that no folder can have does not cost the mail: it may come
    from the sender (an address extension, a rule's variable)."""

    IMPOSSIBLE = (("too long", "a" * 300), ("a line feed", "a\nb"),
                  ("not UTF-8", b"\xff\xfe"), ("no name", "//"),
                  ("dots", "../.."), ("too deep", "d/" * 101),
                  ("a backslash", "a\\"))

    def deliver(self, name, *args):
        return subprocess.run(
            [self.okapi.program("okapi-dagent"), "-c", self.okapi.config,
             *args, "anna"], input=message(name), capture_output=True,
            check=False)

    def test_option(self):
        for door in ("direct", "handed"):
            if door == "handed":
                self.okapi.start_dagent()
            for name, path in self.IMPOSSIBLE:
                with self.subTest(name, door=door):
                    done = self.deliver(f"{name} {door}", "-C", "-F", path)
                    self.assertEqual((done.returncode, done.stdout), (0, b""))
                    self.assertEqual(self.where()[f"{name} {door}"], "Inbox")

    def test_rule(self):
        self.rule("anna", 'if header :matches "X-List" "*"'
                          ' { fileinto :create "Lists/${1}"; }')
        self.okapi.start_dagent()
        for name, value in (("long", "x" * 300), ("deep", "d/" * 150),
                            ("good", "okapi-users")):
            with self.subTest(name):
                done = self.okapi.deliver(
                    message(name, headers=["X-List: " + value]), "anna")
                self.assertEqual(done.status, 0, done)
                reply, = self.lmtp().deliver(
                    "c@x.test", ["anna"], message(
                        name + " lmtp", headers=["X-List: " + value]))
                self.assertEqual(reply[0], 250, reply)
        self.assertEqual(self.where(), {
            "long": "Inbox", "long lmtp": "Inbox", "deep": "Inbox",
            "deep lmtp": "Inbox", "good": "Lists/okapi-users",
            "good lmtp": "Lists/okapi-users"})

    def test_rule_into_a_full_store(self):
        self.okapi.must("user", "set", "bert", "--quota-hard", "1")
        self.okapi.must("acl", "set", "bert", "Inbox", "anna", "create")
        self.okapi.deliver(message("fill", body="f" * 1040000), "bert")
        self.rule("anna", 'fileinto "user:bert/Inbox";')
        done = self.okapi.deliver(message("more", body="f" * 20000), "anna")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.where(), {"more": "Inbox"})
        rule, = self.okapi.json("rule", "list", "anna")
        self.assertIn("mailbox full", rule["error"])


class Input(Contract):
    def test_from_lines(self):
        """One leading line is the mbox's, what follows is the message's."""
        line = b"From a@b.test Mon Nov 23 10:00:00 2026"
        for name, given, kept in (
                ("one", line + b"\nSubject: one\n\nx\n",
                 b"Subject: one\r\n\r\nx\r\n"),
                ("crlf", line + b"\r\nSubject: crlf\r\n\r\nx\r\n",
                 b"Subject: crlf\r\n\r\nx\r\n"),
                ("two", line + b"\n" + line + b"\nSubject: two\n\nx\n",
                 line + b"\r\nSubject: two\r\n\r\nx\r\n"),
                ("quoted", b">" + line + b"\nSubject: quoted\n\nx\n",
                 b">" + line + b"\r\nSubject: quoted\r\n\r\nx\r\n"),
                ("in the body", b"Subject: body\n\n" + line + b"\n",
                 b"Subject: body\r\n\r\n" + line + b"\r\n")):
            with self.subTest(name):
                done = self.okapi.deliver(given, "anna")
                self.assertEqual(done.status, 0, done)
                mail = self.okapi.mails("anna")[-1]
                self.assertTrue(self.okapi.raw("anna", mail["id"]).endswith(
                    b"\r\nDelivered-To: anna\r\n" + kept))
                self.assertEqual(mail["size"], len(kept))
        self.assertEqual(self.okapi.deliver(line + b"\n", "anna").status, 65)

    def test_closed_and_gone(self):
        """Whatever the caller left open, and wherever it stands."""
        gone = os.path.join(self.directory(), "gone")
        dagent = (f"{self.okapi.program('okapi-dagent')} "
                  f"-c {self.okapi.config} ")
        for name, command, status in (
                ("no stdin", dagent + "anna <&-", 75),
                ("no output", dagent + "anna >&- 2>&-", 0),
                ("no output, refused", dagent + "nobody >&- 2>&-", 67),
                ("deleted directory",
                 f"mkdir {gone}; cd {gone}; rmdir {gone}; {dagent} anna", 0),
                ("full output", f"{self.okapi.program('okapi-admin')} -c "
                 f"{self.okapi.config} mail list anna >/dev/full", 75)):
            with self.subTest(name):
                done = subprocess.run(["sh", "-c", command],
                                      input=message(name), check=False,
                                      env={"LC_ALL": "C"}, timeout=60,
                                      capture_output=True)
                self.assertEqual(done.returncode, status, done)
        self.assertEqual(self.okapi.subjects("anna"),
                         ["deleted directory", "no output"])

    def test_awkward_store_path(self):
        path = os.path.join(self.directory(), "Böxen & Schränke", "ein 'db'")
        os.mkdir(os.path.dirname(path))
        okapi = Okapi(self.directory(), store_path=path)
        done = okapi.deliver(message("big", body="x" * 3000000), "anna")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(okapi.json("store", "check"), [])
        self.assertEqual(okapi.subjects("anna"), ["big"])


class Doors(Contract):
    def test_every_name_of_a_recipient_is_one_copy(self):
        self.okapi.must("user", "set", "anna", "--alias", "annie@bücher.test")
        self.okapi.start_dagent()
        names = ["anna", "ANNA@okapi.test", "annie@xn--bcher-kva.test",
                 '"anna"@okapi.test']
        replies = self.lmtp().deliver("c@x.test", names,
                                      b"Subject: once\r\n\r\n")
        self.assertEqual([r[0] for r in replies], [250] * len(names))
        self.assertEqual(self.okapi.subjects("anna"), ["once"])

    def test_commands(self):
        self.okapi.start_dagent()
        client = self.lmtp()
        for line, code, status in (
                ("MAIL FROM:<>", 250, "2.1.0"),
                ("RCPT TO:anna", 501, "5.5.4"), ("DATA", 503, "5.5.1"),
                ("RCPT TO:<nobody>", 550, "5.1.1"), ("RSET", 250, "2.0.0"),
                ("HELO x", 500, "5.5.1"), ("EHLO x", 500, "5.5.1"),
                ("MAIL FROM:<a@b> SIZE=99999999999", 552, "5.3.4"),
                ("NOOP a\rb", 500, "5.5.2"), ("NOOP a\0b", 500, "5.5.2"),
                ("NOOP " + "x" * 5000, 500, "5.5.2")):
            with self.subTest(line[:20]):
                reply = client.command(line)
                self.assertEqual(reply[0], code, reply)
                self.assertTrue(reply[1].startswith(status), reply)


class Replies(Contract):
    """Section 6, line by line: who gets an automatic reply."""

    def setUp(self):
        super().setUp()
        self.okapi.must("user", "set", "anna", "--alias", "annie@okapi.test")
        self.okapi.must("oof", "on", "anna", "--subject", "Away",
                        "--message-file", "/dev/stdin", input="Gone.\n")
        self.number = 0

    def replied(self, headers=(), sender=None, to="anna@okapi.test", args=()):
        self.number += 1
        if sender is None:
            sender = f"c{self.number}@x.test"
        done = self.okapi.deliver(
            message("m", sender=sender or "x@y.test", to=to, headers=headers,
                    ident=f"i{self.number}"),
            "--sender", sender, *args, "anna")
        self.assertEqual(done.status, 0, done)
        queue = self.okapi.queue()
        if queue:
            self.assertEqual(queue[0]["sender"], "")
            self.okapi.must("queue", "delete", "--all", "--yes")
        return bool(queue)

    def test_never(self):
        for header in (
                "Auto-Submitted: auto-generated", "AUTO-SUBMITTED: Auto-Replied",
                "Precedence: Bulk", "precedence: list", "Precedence: junk",
                "List-Id: <x>", "List-Post: <x>",
                "X-Auto-Response-Suppress: DR, OOF",
                "X-Auto-Response-Suppress: AutoReply",
                "x-auto-response-suppress: all", "X-Okapi-Vacation: x",
                "X-Zarafa-Vacation: x", "X-Kopano-Vacation: x",
                "X-Spam-Status:\n yes"):
            with self.subTest(header):
                self.assertFalse(self.replied([header]))
        for sender in ("", "MAILER-DAEMON@x.test", "owner-l@x.test",
                       "l-request@x.test", "no-reply@x.test",
                       "NoReply@x.test", "annie@okapi.test"):
            with self.subTest("sender " + sender):
                self.assertFalse(self.replied(sender=sender))
        self.assertFalse(self.replied(to="list@x.test"))
        self.assertFalse(self.replied(args=["-j"]))

    def test_to_whom(self):
        for name, more in (
                ("Auto-Submitted: no", {"headers": ["Auto-Submitted: no"]}),
                ("delivery reports only",
                 {"headers": ["X-Auto-Response-Suppress: DR"]}),
                ("Cc", {"headers": ["Cc: annie@okapi.test"], "to": "x@y.test"}),
                ("Bcc", {"headers": ["Bcc: anna@okapi.test"],
                         "to": "x@y.test"}),
                ("Resent-Cc", {"headers": ["resent-cc: ANNA@okapi.test"],
                               "to": "x@y.test"}),
                ("in a folded list",
                 {"to": "\"A,B\" <q@x.test>,\n (c) anna@okapi.test"})):
            with self.subTest(name):
                self.assertTrue(self.replied(**more))

    def test_once(self):
        self.assertTrue(self.replied(sender="c@x.test"))
        self.assertFalse(self.replied(sender="C@X.test"))
        self.okapi.must("oof", "on", "anna", "--subject", "Away", "--message-file",
                        "/dev/stdin", input="Gone.\n")
        self.assertTrue(self.replied(sender="c@x.test"))


class Administration(Contract):
    def test_fields(self):
        """Names as okapi-admin(8) has them."""
        self.okapi.deliver(message("m"), "anna")
        self.okapi.sendmail(message("q", to="x@ext.test"), "-t", "-f",
                            "anna@okapi.test")
        self.okapi.run("okapi-spooler", "-c", self.okapi.config, "--once")
        entry, = self.okapi.queue()
        for name, found, fields in (
                ("mail", self.okapi.mails("anna", "Inbox")[0],
                 "id folder subject sender sender_name to received size read "
                 "flags message_class message_id attachments"),
                ("folder", self.okapi.json("folder", "list", "anna")[0],
                 "path role messages unread size"),
                ("queue", entry,
                 "id sender recipients subject size submitted state"),
                ("recipient", entry["recipients"][0],
                 "address state attempts next_attempt last_reply"),
                ("user", self.okapi.json("user", "list")[0],
                 "name email aliases fullname admin active quota size "
                 "messages"),
                ("quota", self.okapi.json("user", "list")[0]["quota"],
                 "warn soft hard")):
            with self.subTest(name):
                self.assertEqual(set(fields.split()) - set(found), set())

    def test_addresses(self):
        for number, (address, status) in enumerate((
                ("plain@x.test", 0), ('"two words"@x.test', 0),
                ('"a@b"@x.test', 0), ("jörg@bücher.test", 0), ("bare", 0),
                ("two words@x.test", 65), ("a@b@x.test", 65),
                ("a@x test", 65), ('a"b@x.test', 65), ("@x.test", 65),
                ("a@", 65), ("", 65), ("<a@x.test>", 65))):
            with self.subTest(address):
                done = self.okapi.admin("user", "create", f"u{number}",
                                        "--email", address)
                self.assertEqual(done.status, status, done)
        done = self.okapi.deliver(message("m"), '"A@B"@x.test')
        self.assertEqual(done.status, 0, done)

    def test_config_check_finds_what_cannot_work(self):
        path = os.path.join(self.directory(), "bad.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write("lmtp_listen = foo 127.0.0.1:2003 unix:/x [::1]:1\n"
                       "metrics_listen = bar\nlmtp_networks = 300.1.1.1\n"
                       "# a comment\nsieve_before = /nonexistent.sieve\n"
                       "smtp_server = mx:x\nsmtp_fallback = [::1\n")
        done = self.okapi.run("okapi-admin", "-c", path, "config", "check")
        self.assertEqual(done.status, 78, done)
        lines = done.err.splitlines()
        self.assertEqual(len(lines), 6, done)
        for line, place in zip(lines, (
                "1: lmtp_listen: \"foo\"", "2: metrics_listen: \"bar\"",
                "3: lmtp_networks: \"300.1.1.1\"",
                "6: smtp_server: 'mx:x' is no relay host",
                "7: smtp_fallback: '[::1' is no relay host",
                "5: sieve_before: there is no /nonexistent.sieve")):
            self.assertIn(f"{path}:{place}", line)
        done = self.okapi.run("okapi-admin", "-c", path, "config", "check",
                              "--json")
        self.assertEqual(len(json.loads(done.out)["errors"]), 6, done)

    def test_store_for_sqlite(self):
        self.okapi.deliver(message("view"), "anna", "bert")
        store = sqlite3.connect(self.okapi.settings["store_path"])
        self.addCleanup(store.close)
        for pragma, value in (("journal_mode", "wal"), ("auto_vacuum", 2),
                              ("integrity_check", "ok")):
            self.assertEqual(store.execute("PRAGMA " + pragma).fetchone()[0],
                             value)
        tables = {name for name, in store.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")}
        self.assertEqual({"hierarchy", "properties", "lob", "outgoingqueue",
                          "users", "usergroup_acl", "acl"} - tables, set())
        self.assertEqual(
            store.execute("SELECT owner, folder, subject, sender FROM mail"
                          " ORDER BY owner").fetchall(),
            [(who, "Inbox", "view", "carol@example.org")
             for who in ("anna", "bert")])


if __name__ == "__main__":
    main()

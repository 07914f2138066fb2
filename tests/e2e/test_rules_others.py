#!/usr/bin/env python3
"""Scripts as other programs write them, put as they are: each compiles without
a word and does what it did there.

The scripts (tests/data/sieve) are ours, in the manner of Roundcube, Horde's
Ingo, ISPConfig, Nextcloud Mail, SOGo, mailcow, websieve, Maildir++ servers and editors by hand.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402
from harness.rules import Rules  # noqa: E402

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "data", "sieve")
ANNA = "anna@okapi.test"
FOLDERS = ("Bills", "Everyone", "Lists", "Lists/dev")


def mail(body="Hello.", **fields):
    fields = {"From": "Carol <carol@example.org>", "To": ANNA,
              "Subject": "test", "Date": "Mon, 23 Nov 2026 05:58:00 +0100",
              **{name.replace("_", "-"): text
                 for name, text in fields.items()}}
    head = "".join(f"{name}: {text}\n" for name, text in fields.items())
    return f"{head}\n{body}\n".encode()


def parts(*items):
    """A multipart of (header lines, body)."""
    inside = "".join(f"--b\n{head}\n\n{body}\n" for head, body in items)
    return mail(MIME_Version="1.0",
                Content_Type="multipart/mixed; boundary=b",
                body=f"{inside}--b--")


PROGRAM = ("Content-Type: application/octet-stream\n"
           "Content-Disposition: attachment; filename=\"Setup.EXE\"", "MZ")
PICTURE = ("Content-Type: image/png; name=a.png", "x")
MEETING = ("Content-Type: text/calendar; charset=utf-8\n"
           "Content-Transfer-Encoding: base64",
           "QkVHSU46VkNBTEVOREFSCk1FVEhPRDpSRVFVRVNUCkVORDpWQ0FMRU5EQVIK")


class Others(Case):
    """file: [(what, message, envelope recipient, reply, folders with flags,
    addresses that something was sent to)]"""

    CASES = {
        "roundcube": [
            ("by its score", mail(X_Spam_Score="7.2"), ANNA, 250,
             ["Junk E-mail"], []),
            ("newsletter", mail(List_Unsubscribe="<mailto:x@y.test>"), ANNA,
             250, ["Newsletters"], []),
            ("not the boss's", mail(From="boss@firma.example",
                                    List_Unsubscribe="<x>"), ANNA, 250,
             ["Inbox"], []),
            ("reject", mail(From="x@spammer.example"), ANNA, 550, [], []),
            ("vacation", mail(Subject="gone fishing"), ANNA, 250, ["Inbox"],
             ["carol@example.org"]),
        ],
        "ingo": [
            ("whitelist", mail(From="friend@nice.example",
                               Subject="accounts"), ANNA, 250, ["Inbox"], []),
            ("blacklist", mail(From="x@nasty.example"), ANNA, 250,
             ["Deleted Items"], []),
            ("accounts", mail(Subject="my accounts"), ANNA, 250,
             ["Drafts \\Flagged"], []),
            ("forwards", mail(Subject="forward me"), ANNA, 250, ["Inbox"],
             ["ann@elsewhere.example", "ben@elsewhere.example"]),
            ("vacation by Received",
             mail(Received="from a by b; 23 Nov 2026 05:58:00 +0100"), ANNA,
             250, ["Inbox"], ["carol@example.org"]),
        ],
        "ispconfig": [
            ("shop", mail(From="a@shop.example"), ANNA, 250, ["Bills"], []),
            ("dev", mail(Subject="[dev] x"), ANNA, 250, [], []),
            ("spam", mail(Subject="*** SPAM *** x"), ANNA, 250,
             ["Junk E-mail"], []),
            ("copy", mail(Subject="copy this"), ANNA, 250, ["Inbox"],
             ["copies@elsewhere.example"]),
            ("detail", mail(), "anna+bills@okapi.test", 250, ["Bills"], []),
            ("detail of no folder", mail(), "anna+none@okapi.test", 250,
             ["Inbox"], []),
        ],
        "nextcloud": [
            ("flag", mail(Subject="a ticket"), ANNA, 250, ["Inbox $ticket"],
             []),
            ("by hand", mail(From="shop@shop.example"), ANNA, 250, ["Bills"],
             []),
        ],
        "sogo": [
            ("everyone", mail(Cc="everyone@firma.example"), ANNA, 250,
             ["Everyone"], []),
            ("build", mail(body="a\nBUILD FAILED\n"), ANNA, 250,
             ["Inbox \\Seen $label2"], []),
            ("away", mail(), ANNA, 250, ["Inbox"], ["carol@example.org"]),
        ],
        "thunderbird": [
            ("list", mail(List_Id="Dev <dev.project>"), ANNA, 250,
             ["Lists/dev"], []),
            ("money", mail(Subject="=?utf-8?b?4oKs4oKs?="), ANNA, 250,
             ["Junk E-mail"], []),
            ("heavy", mail(X_Weight="101"), ANNA, 550, [], []),
            ("light", mail(X_Weight="99"), ANNA, 250, ["Inbox"], []),
        ],
        "mailcow": [
            ("spam", mail(X_Spam_Flag="YES"), ANNA, 250, ["Junk E-mail"], []),
            ("tag", mail(X_Moo_Tag="YES"), "anna+shop@okapi.test", 250,
             ["Inbox/shop"], []),
            ("tag that is skipped", mail(X_Moo_Tag="YES", X_Skip="yes"),
             "anna+shop@okapi.test", 250, ["Inbox"], []),
        ],
        "attachments": [
            ("none", mail(), ANNA, 250, ["Inbox"], []),
            ("a picture", parts(PICTURE), ANNA, 250, ["Inbox"], []),
            ("a program", parts(PICTURE, PROGRAM), ANNA, 250,
             ["Junk E-mail"], []),
            ("a program in an attached message",
             parts(("Content-Type: message/rfc822",
                    parts(PROGRAM).decode())), ANNA, 250, ["Junk E-mail"],
             []),
            ("a meeting", parts(PICTURE, MEETING), ANNA, 250, ["Everyone"],
             []),
        ],
        "cyrus": [
            ("boss", mail(From="boss@firma.example"), ANNA, 250,
             ["Bills \\Flagged"], []),
            ("old", mail(Subject="old"), ANNA, 250, ["Drafts"], []),
            ("others", mail(), ANNA, 250, ["Inbox"], []),
        ],
        "maildir": [
            ("dots", mail(Subject="lists"), ANNA, 250, ["Lists/dev"], []),
            ("below INBOX", mail(Subject="bill"), ANNA, 250, ["Bills"], []),
            ("by role", mail(Subject="trash"), ANNA, 250, ["Deleted Items"],
             []),
            ("slashes", mail(Subject="slash"), ANNA, 250, ["Lists/dev"], []),
            ("no INBOX", mail(Subject="dots"), ANNA, 250, ["Lists/dev"], []),
            ("they are there", mail(), ANNA, 250, ["Inbox"], []),
        ],
        "ox": [
            ("important", mail(Subject="an important one"), ANNA, 250,
             ["Bills \\Flagged $cl_1", "Inbox \\Flagged $cl_1"], []),
            ("away", mail(Subject="holidays"), ANNA, 250, ["Inbox"],
             ["carol@example.org"]),
            ("nothing of it", mail(), ANNA, 250, ["Inbox"], []),
        ],
        "snappymail": [
            ("sender", mail(From="News <news@example.org>"), ANNA, 250,
             ["Lists \\Seen"], []),
            ("digest", mail(Subject="[dev] the digest"), ANNA, 250,
             ["Lists \\Seen"], []),
            ("spam", mail(X_Spam_Status="No, score=4.9 required=5.0"), ANNA,
             250, ["Junk E-mail"], []),
            ("nothing of it", mail(), ANNA, 250, ["Inbox"], []),
        ],
        "windows": [
            ("CRLF", mail(Subject="crlf"), ANNA, 250, ["Drafts"], []),
            ("reject", mail(Subject="no way"), ANNA, 550, [], []),
        ],
    }

    def setUp(self):
        self.okapi = Okapi(self.directory(), duplicate_window="0")
        self.addCleanup(self.okapi.stop)
        self.okapi.start_dagent()
        for folder in FOLDERS:
            self.okapi.must("folder", "create", "anna", folder)
        self.lmtp = Lmtp(("127.0.0.1", self.okapi.port))
        self.addCleanup(self.lmtp.close)

    def what_came(self, before):
        folders = [" ".join([m["folder"], *m["flags"]])
                   for m in self.okapi.mails("anna")
                   if m["id"] not in before]
        sent = sorted(r["address"] for entry in self.okapi.queue()
                      for r in entry["recipients"])
        if sent:
            self.okapi.must("queue", "delete", "--all", "--yes")
        return folders, sent

    def test_every_script_of_the_directory(self):
        names = sorted(name[:-len(".sieve")] for name in os.listdir(SCRIPTS))
        self.assertEqual(names, sorted(self.CASES))
        for name in names:
            path = os.path.join(SCRIPTS, name + ".sieve")
            with self.subTest(name):
                done = self.okapi.admin("rule", "put", "anna", "theirs", path)
                self.assertEqual((done.status, done.err), (0, ""), done)
                self.look(name)
                rule, = self.okapi.json("rule", "list", "anna")
                self.assertFalse(rule["error"], rule)

    def look(self, name):
        for what, text, to, reply, folders, sent in self.CASES[name]:
            with self.subTest(f"{name}: {what}"):
                before = {m["id"] for m in self.okapi.mails("anna")}
                got = self.lmtp.deliver("carol@example.org", [to],
                                        crlf(text))[0]
                self.assertEqual(got[0], reply, got)
                self.assertEqual(self.what_came(before), (folders, sent))


class Places(Rules):
    """Names of folders as other servers have them."""

    def test_where_they_lead(self):
        for what, there, name, at in (
                ("nothing there", [], "INBOX.Lists.dev", "Inbox/Lists/dev"),
                ("any case", [], "Inbox.Lists.dev", "Inbox/Lists/dev"),
                ("one name", [], "INBOX.Spam", "Inbox/Spam"),
                ("slashes", [], "INBOX/Lists/dev", "Inbox/Lists/dev"),
                ("so called", ["INBOX.Lists.dev"], "INBOX.Lists.dev",
                 "INBOX.Lists.dev"),
                ("below the Inbox", ["Inbox/Lists/dev", "Lists/dev"],
                 "INBOX.Lists.dev", "Inbox/Lists/dev"),
                ("beside it", ["Lists/dev"], "INBOX.Lists.dev", "Lists/dev"),
                ("beside it, by slashes", ["Lists/dev"], "INBOX/Lists/dev",
                 "Lists/dev"),
                ("a parent beside it", ["Lists"], "INBOX.Lists.dev",
                 "Lists/dev"),
                ("parents in both", ["Lists", "Inbox/Lists"],
                 "INBOX.Lists.dev", "Inbox/Lists/dev"),
                ("by role", [], "INBOX.Trash", "Deleted Items"),
                ("below a role", [], "INBOX.Trash.old", "Deleted Items/old"),
                ("dots without INBOX", ["Lists/dev"], "Lists.dev",
                 "Lists/dev"),
                ("a domain", [], "example.org", "example.org"),
                ("a domain below", ["Lists"], "Lists/example.org",
                 "Lists/example.org"),
                ("nothing behind", [], "INBOX.", "Inbox"),
                ("a gap", [], "INBOX.a..b", "Inbox"),
                ("the public store itself", [], "Public", "Inbox"),
                ("another's", [], "user:bert/INBOX.a.b", None)):
            with self.subTest(what):
                for folder in there:
                    self.okapi.must("folder", "create", "anna", folder)
                self.okapi.must("acl", "set", "bert", "Inbox", "anna", "owner")
                self.rule('require ["fileinto", "mailbox", "fcc", "vacation"];'
                          f'fileinto :create "{name}";')
                self.assertEqual(self.deliver(what), [at] if at else [])
                if not at:
                    self.assertEqual(self.folders(what, "bert"),
                                     ["Inbox/a/b"])
                    continue
                self.rule('require ["fileinto", "mailbox"]; '
                          f'if mailboxexists "{name}" {{ fileinto "{name}"; }}'
                          'else { discard; }')
                if at != "Inbox":
                    self.assertEqual(self.deliver(what + "2"), [at])
                self.forget(at, there)

    def forget(self, at, there):
        for path in {path.split("/")[0] if not path.startswith("Inbox/")
                     else "/".join(path.split("/")[:2])
                     for path in [at, *there]}:
            if path in ("Inbox", "Deleted Items"):
                continue
            self.okapi.must("folder", "delete", "anna", path, "--yes")
            self.okapi.admin("folder", "delete", "anna",
                             "Deleted Items/" + path.split("/")[-1], "--yes")

    def test_a_new_folder_written_in_two_ways_gets_one_copy(self):
        self.rule('require ["fileinto", "mailbox", "imap4flags"];'
                  'fileinto :create "INBOX.Two.x";'
                  'fileinto :create :flags "\\\\Seen" "Inbox/two/X";')
        self.assertEqual(self.deliver("two"), ["Inbox/Two/x"])
        self.assertTrue(self.okapi.mails("anna")[0]["read"])
        # One and two characters, as the store has them: the same.
        self.rule('require ["fileinto", "mailbox"];'
                  'fileinto :create "\u00c4rger"; fileinto :create "a\u0308rger";')
        self.assertEqual(self.deliver("umlaut"), ["\u00c4rger"])

    def test_a_folder_by_two_names_is_one(self):
        """RFC 5228 2.10.3, whatever is there already and whoever asks."""
        self.okapi.must("folder", "localize", "anna", "de")
        self.okapi.must("acl", "set", "bert", "Inbox", "anna", "owner")
        self.okapi.must("folder", "create", "anna", "Public/Board")
        self.okapi.must("acl", "set", "anna", "Public/Board", "anna", "owner")
        create = 'require ["fileinto", "mailbox", "imap4flags"];' \
                 'fileinto :create "{}"; fileinto :create :flags "x" "{}";'
        for number, (first, second, user, at) in enumerate((
                ("Posteingang/a", "Inbox/A", "anna", "Posteingang/a"),
                ("INBOX.b.c", "Posteingang/b/C", "anna", "Posteingang/b/c"),
                ("Trash/d", "Gel\u00f6schte Objekte/d/", "anna",
                 "Gel\u00f6schte Objekte/d"),
                ("user:bert/Inbox/e", "user:bert/INBOX/E", "bert", "Inbox/e"),
                ("Public/Board/f", "user:bert/Public/board/F", None,
                 "Board/f"))):
            with self.subTest(first):
                self.rule(create.format(first, second))
                for again in ("new", "there"):
                    subject = f"{again} {number}"
                    self.accepted(message(subject))
                    found = self.okapi.mails(user) if user else \
                        self.okapi.mails("anna", "Public/Board/f")
                    self.assertEqual(
                        [m["folder"] for m in found
                         if m["subject"] == subject],
                        [at])

    def test_a_folder_by_two_names_is_one_for_rule_run(self):
        self.accepted(message("x"))
        self.rule('require ["fileinto", "copy", "mailbox", "imap4flags"];'
                  'fileinto :create :flags "a" "INBOX.New";'
                  'fileinto :create :flags "b" "Inbox/new";'
                  'fileinto :flags "c" "Trash";'
                  'fileinto :flags "d" "Deleted Items";')
        told = self.okapi.json("rule", "test", "anna", "--folder", "Inbox")
        self.assertEqual(told[0]["to"], ["INBOX.New", "Trash"])
        done = self.okapi.must("rule", "run", "anna", "--folder", "Inbox")
        self.assertIn("filed: 2", done)
        self.assertEqual(
            sorted((m["folder"], sorted(m["flags"]))
                   for m in self.okapi.mails("anna")),
            [("Deleted Items", ["c", "d"]), ("Inbox/New", ["a", "b"])])

    def test_anothers_mailbox_that_is_full(self):
        """What is told in advance is what happens."""
        self.okapi.must("acl", "set", "bert", "Inbox", "anna", "owner")
        self.okapi.must("user", "set", "bert", "--quota-hard", "1")
        self.rule('require "fileinto"; fileinto "user:bert/Inbox";')
        for size, at in ((1000, []), (2 ** 20, ["Inbox"])):
            with self.subTest(size):
                text = message(f"{size}", body="x" * 70 + "\n" +
                               ("x" * 70 + "\n") * (size // 71))
                path = os.path.join(self.directory(), "m.eml")
                with open(path, "wb") as file:
                    file.write(text)
                told = self.okapi.json("rule", "test", "anna", path)[0]
                self.okapi.deliver(text, "anna")
                self.assertEqual(self.folders(f"{size}"), at)
                self.assertEqual("full" in str(told), bool(at), told)
                if not at:
                    continue
                ident = str(self.okapi.mails("anna", "Inbox")[0]["id"])
                self.assertIn("full", str(self.okapi.json(
                    "rule", "test", "anna", ident)))
                done = self.okapi.admin("rule", "run", "anna", "--folder",
                                        "Inbox")
                self.assertEqual(done.status, 0, done)
                self.assertIn("full", done.err)
                self.assertEqual(self.folders(f"{size}"), at)

    def test_json_of_what_fails_is_nothing(self):
        self.rule("keep;")
        for words in (("rule", "test", "anna", "99999"),
                      ("rule", "test", "anna", "/nowhere/none"),
                      ("contact", "list", "nobody")):
            done = self.okapi.admin(*words, "--json")
            self.assertNotEqual(done.status, 0)
            self.assertEqual(done.out, "", words)

    def test_rule_run_makes_the_same_folder(self):
        self.accepted(message("x"))
        self.rule('require ["fileinto", "mailbox"]; '
                  'fileinto :create "INBOX.Lists.dev";')
        self.okapi.must("rule", "run", "anna", "--folder", "Inbox")
        self.assertEqual(self.folders("x"), ["Inbox/Lists/dev"])

    def test_a_copy_of_a_reply_goes_there_too(self):
        self.rule('require ["vacation", "fcc", "mailbox"]; '
                  'vacation :fcc "INBOX.Replies" :create "Away.";')
        self.accepted(message("x"))
        self.assertEqual(self.folders("Auto: x"), ["Inbox/Replies"])

    def test_a_reply_goes_without_a_copy_that_can_be_nowhere(self):
        self.rule('require ["vacation", "fcc", "mailbox"]; '
                  'vacation :fcc "Public" :create "Away.";')
        self.accepted(message("x"))
        self.assertEqual(len(self.okapi.queue()), 1)


if __name__ == "__main__":
    main()

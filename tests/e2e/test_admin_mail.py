#!/usr/bin/env python3
"""okapi-admin mail: lists, files in and out, what is sent."""

import base64
import email
import email.utils
import hashlib
import json
import mailbox
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin import (  # noqa: E402
    DATA, EXISTS, ISO, MULTIPART, NO_INPUT, NO_USER, TEMPFAIL, USAGE, Admin)
from harness.cases import main  # noqa: E402
from harness.okapi import DOMAIN, crlf, message  # noqa: E402
from harness.sink import Sink  # noqa: E402


class Mail(Admin):
    def test_list_has_the_fields_of_the_contract(self):
        ident = self.put(MULTIPART)
        mail = self.okapi.mails("anna", "Inbox")[0]
        self.assertEqual(list(mail), [
            "id", "folder", "subject", "sender", "sender_name", "to",
            "received", "size", "read", "flags", "message_class",
            "message_id", "attachments"])
        self.assertEqual(str(mail["id"]), ident)
        self.assertEqual(mail["folder"], "Inbox")
        self.assertEqual(mail["subject"], "Gr\u00fc\u00dfe")
        self.assertEqual(mail["sender"], "carol@example.org")
        self.assertEqual(mail["sender_name"], "Carol")
        self.assertIn("Anna", mail["to"])
        self.assertRegex(mail["received"], ISO)
        self.assertEqual(mail["size"], len(crlf(MULTIPART)))
        self.assertFalse(mail["read"])
        self.assertEqual(mail["message_class"], "IPM.Note")
        self.assertEqual(mail["message_id"], "<m1@example.org>")
        self.assertEqual(mail["attachments"], 2)
        self.assertIn("Gr\u00fc\u00dfe", self.must("mail", "list", "anna"))

    def test_show_in_all_forms(self):
        ident = self.put(MULTIPART)
        self.assertEqual(self.okapi.raw("anna", ident), crlf(MULTIPART))
        text = self.must("mail", "show", "anna", ident)
        for word in ("Carol <carol@example.org>", "Gr\u00fc\u00dfe",
                     "The text.", "data.bin"):
            self.assertIn(word, text)
        lines = self.must("mail", "show", "anna", ident, "--props")
        self.assertIn("PR_SUBJECT: Gr\u00fc\u00dfe\n", lines)
        self.assertIn("    PR_ATTACH_LONG_FILENAME: data.bin\n", lines)
        props = json.loads(self.must("mail", "show", "anna", ident, "--props",
                                     "--json"))
        self.assertEqual(props["PR_SUBJECT"], "Gr\u00fc\u00dfe")
        self.assertEqual(props["PR_CLIENT_SUBMIT_TIME"],
                         "2026-11-23T09:00:00Z")
        self.assertIs(props["PR_HASATTACH"], True)
        self.assertEqual(props["PS_INTERNET_HEADERS:x-mailer"], "Test")
        self.assertEqual([r["PR_SMTP_ADDRESS"] for r in props["recipients"]],
                         ["anna@okapi.test", "bert@okapi.test",
                          "dora@example.org"])
        data, inner = props["attachments"]
        self.assertEqual(data["PR_ATTACH_DATA_BIN"], {
            "size": 2048,
            "sha256": hashlib.sha256(bytes(range(256)) * 8).hexdigest()})
        self.assertEqual(inner["embedded"]["PR_SUBJECT"], "inner")
        whole = json.loads(self.must("mail", "show", "anna", ident, "--props",
                                     "--json", "--data"))
        self.assertEqual(base64.b64decode(
            whole["attachments"][0]["PR_ATTACH_DATA_BIN"]),
            bytes(range(256)) * 8)
        shown = self.json("mail", "show", "anna", ident)
        self.assertEqual(shown["body"].strip(), "The text.")

    def test_show_refuses(self):
        ident = self.put(MULTIPART)
        self.refused(NO_INPUT, "mail", "show", "anna", "999999")
        self.refused(NO_INPUT, "mail", "show", "bert", ident)
        self.refused(NO_USER, "mail", "show", "nobody", ident)
        for bad in ("", "x", "-1", "1;drop", "99999999999999999999"):
            self.refused(USAGE, "mail", "show", "anna", "--", bad)
        self.refused(USAGE, "mail", "show", "anna", ident, "--raw", "--json")
        self.refused(USAGE, "mail", "show", "anna", ident, "--data")
        self.refused(NO_INPUT, "mail", "list", "anna", "No Such")

    def test_move_copy_delete_restore(self):
        ident = self.put(message("one"))
        self.must("mail", "move", "anna", ident, "Junk")
        self.assertEqual(self.okapi.subjects("anna", "Junk E-mail"), ["one"])
        copy = self.must("mail", "copy", "anna", ident, "Drafts").strip()
        self.assertEqual(self.okapi.raw("anna", copy),
                         self.okapi.raw("anna", ident))
        self.must("mail", "delete", "anna", ident)
        self.assertEqual(self.okapi.subjects("anna", "Trash"), ["one"])
        self.refused(USAGE, "mail", "delete", "anna", ident, "--permanent",
                     says="--yes")
        self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.assertEqual(self.okapi.subjects("anna", "Trash"), [])
        self.refused(NO_INPUT, "mail", "show", "anna", ident)
        self.refused(NO_INPUT, "mail", "restore", "bert", ident)
        self.must("mail", "restore", "anna", ident)
        self.assertEqual(self.okapi.subjects("anna", "Trash"), ["one"])
        self.must("mail", "restore", "anna", ident)
        self.assertEqual(self.okapi.subjects("anna", "Junk"), ["one"])
        self.refused(NO_INPUT, "mail", "restore", "anna", ident)
        self.refused(NO_INPUT, "mail", "move", "anna", "424242", "Inbox")
        self.refused(NO_INPUT, "mail", "copy", "anna", ident, "None")

    def test_restore_brings_deleted_folders_back(self):
        self.must("folder", "create", "anna", "Inbox/Boss/Old")
        for folder in ("Inbox", "Inbox/Boss", "Inbox/Boss/Old"):
            self.put(message("in " + folder), folder=folder)
        self.must("folder", "delete", "anna", "Inbox/Boss", "--yes")
        self.must("folder", "delete", "anna", "Trash/Boss", "--yes")
        ident, = [str(m["id"]) for m in self.okapi.mails("anna")]
        self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.assertEqual(self.okapi.mails("anna"), [])
        self.must("folder", "create", "anna", "Inbox/Boss")
        self.assertEqual(self.json("mail", "restore", "anna"), [
            {"folder": "Inbox", "messages": 1},
            {"folder": "Inbox/Boss (2)", "messages": 1},
            {"folder": "Inbox/Boss (2)/Old", "messages": 1}])
        self.assertEqual(self.okapi.subjects("anna", "Inbox/Boss (2)/Old"),
                         ["in Inbox/Boss/Old"])
        self.must("store", "check")

    def test_restore_shows_what_could_be(self):
        self.must("folder", "create", "anna", "Inbox/A\\/B")
        idents = [self.put(message(name), folder=folder) for name, folder in
                  (("one", "Inbox"), ("two", "Inbox/A\\/B"),
                   ("three", "Inbox"))]
        self.must("mail", "delete", "anna", idents[0], "--permanent", "--yes")
        self.must("mail", "delete", "anna", idents[1], "--permanent", "--yes")
        self.must("mail", "delete", "anna", idents[2])
        self.must("folder", "delete", "anna", "Inbox/A\\/B", "--yes")
        self.must("folder", "delete", "anna", "Trash/A\\/B", "--yes")
        shown = self.json("mail", "restore", "anna", "--list")
        self.assertEqual([(str(m["id"]), m["folder"], m["subject"],
                           bool(m["deleted"])) for m in shown], [
            (idents[0], "Inbox", "one", True),
            (idents[2], "Inbox", "three", False),
            (idents[1], "Inbox/A\\/B", "two", True)])
        self.assertRegex(self.must("mail", "restore", "anna", "--list"),
                         r"(?s)Inbox:\n.*one\n.*three\n")
        self.assertEqual(len(self.json("mail", "restore", "anna", "--list",
                                       "--folder", "Inbox")), 2)
        self.assertEqual(self.json("mail", "restore", "anna", "--list",
                                   "--since", "2099-01-01"), [])
        self.refused(USAGE, "mail", "restore", "anna", "--list", idents[0])
        # Nothing was restored by looking.
        self.assertEqual(self.okapi.subjects("anna"), ["three"])
        self.must("mail", "restore", "anna")
        self.assertEqual(self.okapi.subjects("anna", "Inbox/A\\/B"), ["two"])

    def test_restore_by_folder_and_time(self):
        for name in ("one", "two"):
            ident = self.put(message(name), folder="Inbox")
            self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.must("mail", "restore", "anna", "--since", "2099-01-01")
        self.assertEqual(self.okapi.subjects("anna"), [])
        self.refused(USAGE, "mail", "restore", "anna", "--since", "soon")
        self.must("mail", "restore", "anna", "--folder", "Junk")
        self.assertEqual(self.okapi.subjects("anna"), [])
        self.must("mail", "restore", "anna", "--folder", "Inbox")
        self.assertEqual(self.okapi.subjects("anna", "Inbox"), ["one", "two"])

    def test_a_hostile_subject_does_not_reach_the_terminal(self):
        ident = self.put(b"Subject: =?utf-8?q?=1B[2Jx=C2=9B?=\nFrom: a@b.test"
                         b"\n\nbody \x1b]0;title\x07\n")
        for args in (["list", "anna"], ["show", "anna", ident],
                     ["show", "anna", ident, "--props"]):
            out = self.must("mail", *args)
            self.assertNotRegex(out, "[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Files(Admin):
    def test_mbox_goes_out_and_comes_back(self):
        texts = [message(f"m{i}", body=f"From here\n>From {i}\n\n")
                 for i in range(5)]
        for text in texts:
            self.put(text)
        path = self.dir + "/out.mbox"
        self.must("mail", "export", "anna", "Inbox", "--mbox", path)
        box = mailbox.mbox(path)
        self.assertEqual(len(box), 5)
        self.assertEqual([m["Subject"] for m in box],
                         [f"m{i}" for i in range(5)])
        self.refused(EXISTS, "mail", "export", "anna", "--mbox", path)
        self.must("mail", "import", "bert", "Inbox", path)
        mails = self.okapi.mails("bert", "Inbox")
        self.assertEqual([self.okapi.raw("bert", m["id"]) for m in mails],
                         [crlf(t) for t in texts])
        self.assertEqual([m["received"] for m in mails],
                         [m["received"] for m in
                          self.okapi.mails("anna", "Inbox")])
        with open(path, encoding="ascii") as file:
            self.assertEqual(self.must("mail", "export", "anna", "--mbox",
                                       "-"), file.read())

    def test_maildir_goes_out_and_comes_back(self):
        self.put(message("in"))
        self.put(message("junk"), folder="Junk")
        self.must("folder", "create", "anna", "Inbox/v1.2 ü")
        self.put(message("deep"), folder="Inbox/v1.2 ü")
        path = self.dir + "/Maildir"
        self.must("mail", "export", "anna", "--maildir", path)
        box = mailbox.Maildir(path, create=False)
        self.assertEqual([m["Subject"] for m in box], ["in"])
        self.assertIn(".Junk E-mail", os.listdir(path))
        self.assertIn(".Inbox.v1&AC4-2 &APw-", os.listdir(path))
        old = os.listdir(path + "/new")[0]
        os.rename(f"{path}/new/{old}", f"{path}/cur/{old}:2,FS")
        self.must("mail", "import", "bert", "Inbox", path)
        mail = self.okapi.mails("bert", "Inbox")[0]
        self.assertTrue(mail["read"])
        self.assertEqual(mail["flags"], ["\\Seen", "\\Flagged"])
        self.assertEqual(mail["received"],
                         self.okapi.mails("anna", "Inbox")[0]["received"])
        self.assertEqual(self.okapi.subjects("bert", "Junk"), ["junk"])
        self.assertEqual(self.okapi.subjects("bert", "Inbox/v1.2 ü"), ["deep"])
        self.must("mail", "import", "bert", "Drafts", path)
        self.assertEqual(self.okapi.subjects("bert", "Drafts/Junk E-mail"),
                         ["junk"])

    def test_what_cannot_be_read(self):
        empty = self.write("empty", b"")
        self.refused(DATA, "mail", "import", "anna", "Inbox", empty)
        self.refused(NO_INPUT, "mail", "import", "anna", "Inbox", "/no/file")
        self.refused(NO_INPUT, "mail", "import", "anna", "None", empty)
        self.refused(DATA, "mail", "import", "anna", "Inbox", self.dir)
        self.refused(USAGE, "mail", "export", "anna")
        self.refused(USAGE, "mail", "export", "anna", "--mbox", "a",
                     "--maildir", "b")
        self.refused(NO_INPUT, "mail", "export", "anna", "--mbox",
                     "/no/dir/x")
        self.refused(NO_INPUT, "mail", "export", "anna", "--maildir",
                     "/no/dir/x")
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_nobody_reads_what_is_exported(self):
        """A copy that did not arrive is none, however small it is."""
        self.put(message("small"))
        for large in (False, True):
            for form in ("--mbox", "--archive"):
                with self.subTest((form, large)):
                    reads, writes = os.pipe()
                    os.close(reads)
                    done = subprocess.run(
                        [self.okapi.program("okapi-admin"), "-c",
                         self.okapi.config, "mail", "export", "anna", form,
                         "-"], stdout=writes, stderr=subprocess.PIPE,
                        check=False, timeout=60)
                    os.close(writes)
                    self.assertEqual(done.returncode, TEMPFAIL, done.stderr)
                    self.assertIn(b"Broken pipe", done.stderr)
            self.put(message("large", body="x\n" * 100000))

    def test_flags_of_an_mbox(self):
        path = self.write("box", b"From a@b Mon Nov 23 06:03:11 2026\n"
                                 b"Subject: s\nStatus: RO\nX-Status: AF\n\nx\n")
        self.must("mail", "import", "anna", "Inbox", path)
        mail = self.okapi.mails("anna", "Inbox")[0]
        self.assertEqual(mail["flags"], ["\\Seen", "\\Flagged", "\\Answered"])
        self.assertEqual(mail["received"], "2026-11-23T06:03:11Z")


class Submit(Admin):
    def test_a_property_set_is_composed_and_queued(self):
        path = self.write("props", json.dumps({
            "PR_SUBJECT": "Grüße", "PR_BODY": "Hallo",
            "recipients": [
                {"PR_RECIPIENT_TYPE": 1, "PR_SMTP_ADDRESS": "x@example.org",
                 "PR_DISPLAY_NAME": "X"},
                {"PR_RECIPIENT_TYPE": 3, "PR_SMTP_ADDRESS": "b@example.org"}],
            "attachments": []}))
        ident = self.must("mail", "submit", "anna", "--props", path).strip()
        entry = self.json("queue", "show", ident)
        self.assertEqual(list(entry), ["id", "sender", "recipients", "subject",
                                       "size", "submitted", "state"])
        self.assertEqual(entry["sender"], "anna@" + DOMAIN)
        self.assertEqual(entry["subject"], "Grüße")
        self.assertEqual([r["address"] for r in entry["recipients"]],
                         ["x@example.org", "b@example.org"])
        self.assertEqual(set(entry["recipients"][0]), {
            "address", "state", "attempts", "next_attempt", "last_reply"})
        raw = self.must("queue", "show", ident, "--raw")
        date = email.utils.parsedate_to_datetime(
            email.message_from_string(raw)["Date"])
        self.assertLess(abs(date.timestamp() - time.time()), 60)
        self.assertIn("From: ", raw)
        self.assertTrue(raw.endswith("\n"))
        self.assertNotIn("b@example.org", raw)
        self.assertEqual(self.okapi.subjects("anna", "Outbox"), ["Grüße"])

    def test_a_stored_message_leaves_without_bcc(self):
        ident = self.put(message("draft", to="x@example.org",
                                 headers=["Bcc: b@example.org"]),
                         folder="Drafts")
        queue = self.must("mail", "submit", "anna", ident).strip()
        raw = self.must("queue", "show", queue, "--raw")
        self.assertNotIn("Bcc", raw)
        entry = self.json("queue", "show", queue)
        self.assertEqual(sorted(r["address"] for r in entry["recipients"]),
                         ["b@example.org", "x@example.org"])
        self.assertEqual(self.okapi.mails("anna", "Drafts"), [])

    def test_what_is_blank_is_missing(self):
        for author, ident in (("", ""), (" ", "\r\n"),
                              ("\t", "<" + "a" * 2000 + "@x>")):
            with self.subTest(ident[:9]):
                props = {"PR_SENT_REPRESENTING_EMAIL_ADDRESS": author,
                         "PR_INTERNET_MESSAGE_ID": ident, "PR_BODY": "b",
                         "recipients": [{"PR_RECIPIENT_TYPE": 1,
                                         "PR_SMTP_ADDRESS": "x@example.org"}]}
                queue = self.must("mail", "submit", "anna", "--props", "-",
                                  input=json.dumps(props))
                raw = self.must("queue", "show", queue.strip(), "--raw")
                self.assertRegex(raw, r"(?m)^Message-ID: <\S+@\S+>\r?$")
                self.assertRegex(raw, r"(?m)^From: .*anna@okapi\.test>?\r?$")

    def test_what_cannot_be_sent(self):
        for text in ("", "{", "[]", '{"PR_SUBJECT": 1}',
                     '{"PR_SUBJECT": "x"}', '{"PR_X": "x"}',
                     '{"recipients": [{"PR_SMTP_ADDRESS": "a b@c"}]}',
                     '{"recipients": [{"PR_SMTP_ADDRESS":'
                     ' "a@exam,ple.org"}]}'):
            self.refused(DATA, "mail", "submit", "anna", "--props", "-",
                         input=text)
        self.refused(USAGE, "mail", "submit", "anna")
        self.refused(NO_INPUT, "mail", "submit", "anna", "4711")
        ident = self.put(b"Subject: nobody\n\nx\n")
        self.refused(DATA, "mail", "submit", "anna", ident)
        self.assertEqual(self.okapi.queue(), [])


class Sent(Admin):
    def submit(self, to):
        return self.must("mail", "submit", "anna", "--props", "-",
                         input=json.dumps({
                             "PR_SUBJECT": to, "PR_BODY": "Hi.\r\n",
                             "recipients": [{"PR_RECIPIENT_TYPE": 1,
                                             "PR_SMTP_ADDRESS": to}]}))

    def test_what_failed_can_be_sent_again(self):
        relay = Sink(self.dir, "RCPT:bad@*=550 5.1.1 no such user",
                     "RCPT:later@*=450 4.2.0 later")
        self.addCleanup(relay.close)
        self.okapi.configure(smtp_port=relay.port)
        for to in ("good@x.test", "bad@x.test", "later@x.test"):
            self.submit(to)
        done = self.okapi.run("okapi-spooler", "--once")
        self.assertEqual(done.status, TEMPFAIL, done)
        entry, = self.okapi.queue()
        self.assertEqual((entry["subject"], entry["state"]),
                         ("later@x.test", "waiting"))
        recipient = entry["recipients"][0]
        self.assertEqual((recipient["attempts"], recipient["last_reply"]),
                         (1, "450 4.2.0 later"))
        self.assertRegex(recipient["next_attempt"], ISO)
        self.assertEqual(self.okapi.subjects("anna", "Sent"),
                         ["good@x.test"])
        outbox = {m["subject"]: m for m in self.okapi.mails("anna", "Outbox")}
        self.assertIn("failed", outbox["bad@x.test"]["flags"])
        self.must("mail", "submit", "anna", str(outbox["bad@x.test"]["id"]))
        self.refused(EXISTS, "mail", "submit", "anna",
                     str(outbox["later@x.test"]["id"]))
        self.assertEqual(len(self.okapi.queue()), 2)
        self.assertEqual(self.okapi.subjects("anna", "Outbox"),
                         ["bad@x.test", "later@x.test"])


    def test_whoever_the_header_does_not_name_is_not_forgotten(self):
        def fail(ident):
            self.must("queue", "retry", ident)
            self.okapi.run("okapi-spooler", "--once")

        def recall(ident):
            mail, = self.okapi.mails("anna", "Outbox")
            self.must("mail", "recall", "anna", str(mail["id"]))

        def delete(ident):
            self.must("queue", "delete", ident, "--yes")

        relay = Sink(self.dir, "RCPT:*=550 5.1.1 no such user")
        self.addCleanup(relay.close)
        self.okapi.configure(smtp_port=relay.port)
        to = ["x@x.test", "bcc@x.test"]
        ident = self.must("mail", "submit", "anna", "--props", "-",
                          input=json.dumps({
                              "PR_SUBJECT": "s", "PR_BODY": "Hi.\r\n",
                              "recipients": [
                                  {"PR_RECIPIENT_TYPE": kind,
                                   "PR_SMTP_ADDRESS": address}
                                  for kind, address in zip((1, 3), to)]}))
        for leave in (recall, delete, fail, recall):
            with self.subTest(leave.__name__):
                leave(ident.strip())
                self.assertEqual(self.okapi.queue(), [])
                mail, = self.okapi.mails("anna", "Outbox")
                ident = self.must("mail", "submit", "anna", str(mail["id"]))
                entry, = self.okapi.queue()
                self.assertEqual([r["address"] for r in entry["recipients"]],
                                 to)
                self.assertNotIn("bcc", self.must("queue", "show",
                                                  ident.strip(), "--raw"))
        self.must("store", "check")


if __name__ == "__main__":
    main()

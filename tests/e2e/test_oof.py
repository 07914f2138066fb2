#!/usr/bin/env python3
"""Out of office: who is told what, and that nobody is ever told by mistake."""

import email
import email.policy
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import corpus  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402

ANNA = "anna@okapi.test"


class Away(Case):
    settings = {"autoreply_interval": "0s"}

    def setUp(self):
        self.okapi = Okapi(self.directory(), **self.settings)
        self.addCleanup(self.okapi.stop)
        self.okapi.start_dagent()
        self.client = Lmtp(("127.0.0.1", self.okapi.port))
        self.addCleanup(self.client.close)
        self.number = 0

    def on(self, *options, text="Gone.\n", **files):
        args = []
        for name, content in files.items():
            path = os.path.join(self.okapi.directory, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            args += [f"--{name.replace('_', '-')}", path]
        self.okapi.must("oof", "on", "anna", "--subject", "Away",
                        "--message-file", "/dev/stdin", *args, *options,
                        input=text)

    def deliver(self, sender="q@x.test", data=None, **more):
        """Delivers to anna; returns the line in the log."""
        self.number += 1
        if data is None:
            data = message(f"m{self.number}", **more)
        since = len(self.okapi.dagent.lines)
        replies = self.client.deliver(sender, [ANNA], crlf(data))
        self.assertEqual([r[0] for r in replies], [250], replies)
        ident = re.search(r"id (\S+)", replies[0][1]).group(1)
        return self.okapi.dagent.wait_for(f"id={ident} ", since=since)

    def reply(self, *args, **more):
        """The reply to one mail, or None; out of the queue again, which says
        self.envelope."""
        line = self.deliver(*args, **more)
        queue = self.okapi.queue()
        self.assertEqual(len(queue), " reply=" in line, line)
        if not queue:
            return None
        self.envelope = (queue[0]["sender"],
                         queue[0]["recipients"][0]["address"])
        done = self.okapi.admin("queue", "show", str(queue[0]["id"]), "--raw")
        self.okapi.must("queue", "delete", "--all", "--yes")
        return email.message_from_bytes(done.raw, policy=email.policy.default)


class Texts(Away):
    def test_subject_and_log(self):
        self.on()
        self.assertIn(" reply=q@x.test", self.deliver())
        self.okapi.must("queue", "delete", "--all", "--yes")
        self.assertEqual(self.reply()["Subject"], "Away [m2]")
        self.assertEqual(self.reply(data=b"To: anna@okapi.test\n\nx\n")
                         ["Subject"], "Away")

    def test_html(self):
        self.on(html_file="<p>Gone, <b>b\u00f6se</b>.</p>\n")
        reply = self.reply()
        self.assertEqual(reply.get_content_type(), "multipart/alternative")
        plain, html = reply.iter_parts()
        self.assertEqual(plain.get_content_type(), "text/plain")
        self.assertEqual(plain.get_content().strip(), "Gone.")
        self.assertEqual(html.get_content_type(), "text/html")
        self.assertIn("<b>b\u00f6se</b>", html.get_content())
        self.assertFalse(reply.defects + plain.defects + html.defects)

    def test_inside_and_outside(self):
        self.on(external_message_file="Away, sorry.\n",
                external_html_file="<i>Away</i>\n")
        for sender, text in (("bert@okapi.test", "Gone."),
                             ("else@OKAPI.test", "Gone."),
                             ("q@x.test", "Away, sorry."),
                             ("okapi.test@x.test", "Away, sorry.")):
            with self.subTest(sender):
                reply = self.reply(sender)
                body = reply.get_body(("plain",)).get_content()
                self.assertEqual(body.strip(), text)
        self.okapi.must("user", "set", "bert", "--alias", "bert@x.test")
        self.assertIn("Gone", self.reply("bert@x.test").get_content())

    def test_nobody_outside(self):
        self.on("--external", "none")
        self.assertIsNone(self.reply("q@x.test"))
        self.okapi.dagent.wait_for("no automatic reply: external")
        self.assertIsNotNone(self.reply("bert@okapi.test"))

    def test_contacts_only(self):
        self.on("--external", "contacts")
        self.okapi.must("junk", "allow", "anna", "friend@x.test")
        self.okapi.must("junk", "allow", "anna", "domain.test")
        for sender in ("q@x.test", "someone@domain.test"):
            self.assertIsNone(self.reply(sender))
        self.assertIsNotNone(self.reply("Friend@X.test"))
        self.assertIsNotNone(self.reply("bert@okapi.test"))
        card = os.path.join(self.okapi.directory, "card.eml")
        with open(card, "wb") as file:
            file.write(message("card", sender="Q <Q@x.test>"))
        self.okapi.must("mail", "import", "anna", "Contacts", card)
        self.assertIsNotNone(self.reply("q@x.test"))
        mail, = self.okapi.mails("anna", "Contacts")
        self.okapi.must("mail", "delete", "anna", str(mail["id"]),
                        "--permanent", "--yes")
        self.assertIsNone(self.reply("q@x.test"))

    def test_show(self):
        self.on("--external", "contacts", "--until", "2999-01-01",
                html_file="<p>h</p>", external_message_file="out")
        shown = self.okapi.json("oof", "show", "anna")
        self.assertEqual(
            {k: shown[k] for k in ("on", "html", "external",
                                   "external_message", "external_html")},
            {"on": True, "html": "<p>h</p>", "external": "contacts",
             "external_message": "out", "external_html": ""})
        for word in ("external: contacts", "<p>h</p>", "-- outside --"):
            self.assertIn(word, self.okapi.must("oof", "show", "anna"))
        for bad in (["--external", "friends"],
                    ["--external-html-file", "/dev/null"]):
            done = self.okapi.admin("oof", "on", "anna", "--subject", "x",
                                    "--message-file", "/dev/null", *bad)
            self.assertEqual(done.status, 64, done)

    def test_the_window_and_a_restart(self):
        self.on("--from", "2001-01-01", "--until", "2002-01-01")
        self.assertIsNone(self.reply())
        self.on("--from", "2998-01-01")
        self.assertIsNone(self.reply())
        self.on("--from", "2001-01-01", "--until", "2998-01-01")
        self.assertIsNotNone(self.reply())
        self.okapi.stop()
        self.okapi.start_dagent()
        self.client = Lmtp(("127.0.0.1", self.okapi.port))
        self.assertIsNotNone(self.reply())

    def test_whose_address_it_is(self):
        self.on()
        self.okapi.must("user", "set", "anna", "--alias", "annie@okapi.test")
        for name, to, headers, replies in (
                ("an alias", "annie@okapi.test", "", True),
                ("the detail of one", "annie+x@okapi.test", "", True),
                ("an alias of the MTA", "info@okapi.test",
                 "X-Original-To: info@okapi.test\n", True),
                ("by Exim", "info@okapi.test",
                 "Envelope-To: info@okapi.test\n", True),
                ("written by the sender", "info@okapi.test",
                 "Received: from y; Mon, 23 Nov 2026 10:00:00 +0000\n"
                 "X-Original-To: info@okapi.test\n", False),
                ("somebody else", "info@okapi.test", "", False)):
            with self.subTest(name):
                data = headers.encode() + message(f"m{self.number}", to=to)
                self.assertEqual(bool(self.reply(data=data)), replies)


class Loops(Away):
    def test_two_who_are_away(self):
        """One reply, and it is not answered."""
        self.on()
        self.okapi.must("oof", "on", "bert", "--subject", "Away too",
                        "--message-file", "/dev/stdin", input="Too.\n")
        reply = self.reply("bert@okapi.test")
        for sender in ("", "anna@okapi.test"):
            replies = self.client.deliver(sender, ["bert@okapi.test"],
                                          reply.as_bytes())
            self.assertEqual(replies[0][0], 250, replies)
        self.assertEqual(self.okapi.queue(), [])

    def test_an_alias_of_oneself(self):
        self.okapi.must("user", "set", "anna", "--alias", "annie@okapi.test")
        self.on()
        self.assertIsNone(self.reply("annie@okapi.test"))
        self.assertIsNone(self.reply("anna+lists@okapi.test"))

    def test_through_a_redirect(self):
        """What anna's rule sends on to bert is answered once by each, and
        the answers by nobody."""
        self.on()
        self.okapi.must("rule", "put", "anna", "r", "-",
                        input='require "copy"; redirect :copy "b@far.test";')
        self.deliver()
        queue = self.okapi.queue()
        self.assertEqual(sorted(e["sender"] for e in queue), ["", "q@x.test"])
        for entry in queue:
            done = self.okapi.admin("queue", "show", str(entry["id"]), "--raw")
            line = self.deliver("q@x.test" if entry["sender"] else "",
                                data=done.raw)
            self.assertNotIn(" reply=", line)


class Settings(Away):
    """What a site sets of its own: Pigeonhole's settings by their names."""

    settings = {"autoreply_interval": "0s", "duplicate_window": "0s"}

    def vacation(self, text="vacation \"Gone.\";", **settings):
        self.okapi.configure(**settings)
        since = len(self.okapi.dagent.lines)
        self.okapi.dagent.child.send_signal(signal.SIGHUP)
        self.okapi.dagent.wait_for("reloaded", since=since)
        self.client.close()  # a session keeps what it began with
        self.client = Lmtp(("127.0.0.1", self.okapi.port))
        self.okapi.must("rule", "put", "anna", "r", "-",
                        input='require "vacation"; ' + text)

    def test_subjects(self):
        bare = b"To: anna@okapi.test\n\nx\n"
        for name, settings, own, expected, expected_bare in (
                ("as it is", {}, "", "Auto: S", "Automated reply"),
                ("set", {"vacation_default_subject": "Not here",
                         "vacation_default_subject_template":
                         "Automatisch: %{subject} / %{subject}"}, "",
                 "Automatisch: S / S", "Not here"),
                ("without the subject",
                 {"vacation_default_subject_template": "50% off"}, "",
                 "50% off", "Not here"),
                ("empty", {"vacation_default_subject": "",
                           "vacation_default_subject_template": ""}, "",
                 "Auto: S", "Automated reply"),
                ("of the rule", {"vacation_default_subject": "Not here"},
                 ':subject "Mine"', "Mine", "Mine")):
            with self.subTest(name):
                self.vacation(f'vacation {own} "Gone.";', **settings)
                self.assertEqual(self.reply(data=message("S"))["Subject"],
                                 expected)
                self.assertEqual(self.reply(data=bare)["Subject"],
                                 expected_bare)

    def test_a_template_that_is_none(self):
        self.okapi.configure(
            vacation_default_subject_template="Re: %{from}")
        self.okapi.dagent.child.send_signal(signal.SIGHUP)
        line = self.okapi.dagent.wait_for("not reloaded")
        self.assertIn('vacation_default_subject_template: "%{from}"', line)

    def test_envelope_sender(self):
        self.vacation()
        self.assertIsNotNone(self.reply())
        self.assertEqual(self.envelope, ("", "q@x.test"))
        self.vacation(vacation_send_from_recipient="yes")
        self.assertEqual(self.reply()["Auto-Submitted"], "auto-replied")
        self.assertEqual(self.envelope, (ANNA, "q@x.test"))

    def test_whom_to_names(self):
        head = ("From: Quentin <q@x.test>\nSender: Sam <s@x.test>\n"
                "To: anna@okapi.test\nSubject: s\n\nx\n").encode()
        srs = "srs0=hash=tt=x.test=q@relay.test"
        for sender, ignore, expected in (
                ("q@x.test", "no", "Quentin <q@x.test>"),
                ("s@x.test", "no", "Sam <s@x.test>"),
                (srs, "no", srs),
                (srs, "yes", "Sam <s@x.test>")):
            with self.subTest(sender, ignore=ignore):
                self.vacation(vacation_to_header_ignore_envelope=ignore)
                self.assertEqual(
                    str(self.reply(sender, head)["To"].addresses[0]), expected)
                self.assertEqual(self.envelope, ("", sender))

    def test_to_of_a_reply_needs_no_smtputf8_for_itself(self):
        """Not every relay host has it."""
        head = ("From: Quentin <q\u00fc@x.test>\nTo: anna@okapi.test\n"
                "Subject: s\n\nx\n").encode()
        self.vacation(vacation_to_header_ignore_envelope="yes")
        self.assertEqual(self.reply("srs0=q@relay.test", head)["To"],
                         "srs0=q@relay.test")

    def test_whether_it_is_addressed(self):
        other = message("m", to="info@okapi.test")
        told = b"X-Original-To: info@okapi.test\n" + other
        for check, original, replies in (("yes", "yes", (False, True)),
                                         ("yes", "no", (False, False)),
                                         ("no", "no", (True, True))):
            with self.subTest(check=check, original=original):
                self.vacation(vacation_check_recipient=check,
                              vacation_use_original_recipient=original)
                self.assertEqual(
                    tuple(self.reply(data=data) is not None
                          for data in (other, told)), replies)


class Once(Away):
    settings = {}

    def test_then_silence_for_the_interval(self):
        self.on()
        self.assertIsNotNone(self.reply("q@x.test"))
        for sender in ("q@x.test", "Q@X.test"):
            self.assertIsNone(self.reply(sender))
        self.assertIsNotNone(self.reply("p@x.test"))


def header(head, name):
    found = re.search(rb"(?im)^" + name + rb":((?:.*(?:\n[ \t].*)*))", head)
    return found.group(1) if found else None


# Tagged for words in them, but by nothing a machine could hold to: written by
# people, or without any mark and with a person as envelope sender.
MARKED_BY_NOTHING = {
    # ask for a receipt, are none
    "chatmail/attach_filename_simple.eml",
    "chatmail/unencrypted_signed_simple.eml",
    "flufl-bounce/groupwise_03.txt",
    "james-project/server/apps/memory-app/src/test/resources/eml/badDkim.eml",
    "james-project/server/apps/memory-app/src/test/resources/eml/goodDkim.eml",
    "sa-public-corpus/spam/00236.2772a068fff32e2f8d7f8a94bd9280cd",
    "sa-public-corpus/spam/00289.61a681a72c71512f115ad65033acc7c9",
    "stalwart-mail-parser/eml/legacy/009.eml",
    # reports of servers that break RFC 5321 4.5.5 and say so nowhere
    "flufl-bounce/bounce_02.txt", "flufl-bounce/simple_20.txt",
    "flufl-bounce/simple_22.txt", "flufl-bounce/simple_43.txt",
    "mdbp/t/corpus/warning-6.msg", "php-bounce-handler/eml/fbl-hotmail.txt",
    "sisimai/maildir/mac/lhost-apachejames-01.eml", "sisimai/maildir/bsd/arf-22.eml",
    "sisimai/maildir/bsd/arf-23.eml", "sisimai/maildir/bsd/arf-24.eml",
    "sisimai/maildir/bsd/lhost-apachejames-01.eml",
    "sisimai/maildir/dos/lhost-apachejames-01.eml",
    # mail about bounces: spam that quotes one, one sent on by hand
    "mdbp/t/corpus/spam-bogus-email-in-report.msg",
    "mdbp/t/corpus/spam-with-badly-parsed-email.msg",
    "mdbp/t/corpus/spam-with-image.msg",
    "sisimai/maildir/err/make-test-36.eml",
}


class RealMail(Away):
    """Mail of the corpus, addressed to anna: whatever a machine sent has no
    reply, what a person wrote has one."""

    settings = {"autoreply_interval": "0s", "duplicate_window": "0s"}
    machines = {"auto-replied", "mdn", "list", "bounce"}

    def setUp(self):
        self.rows = corpus.rows()
        if not self.rows:
            self.skipTest("there is no corpus here (OKAPI_CORPUS)")
        super().setUp()
        self.on()

    def envelope(self, raw):
        """(sender, message to anna), or None if nobody could have sent it."""
        raw = raw.replace(b"\r\n", b"\n")
        if b"\n" not in raw:
            raw = raw.replace(b"\r", b"\n")
        if raw.startswith(b"From "):
            raw = raw.partition(b"\n")[2]
        head, gap, body = raw.partition(b"\n\n")
        path = header(head, b"Return-Path")
        found = re.search(rb"[\w.+=-]+@[\w.-]+",
                          (header(head, b"From") if path is None else path)
                          or b"")
        head, count = re.subn(rb"(?im)^To:.*(?:\n[ \t].*)*",
                              b"To: " + ANNA.encode(), head, count=1)
        if not count:
            head = b"To: " + ANNA.encode() + b"\n" + head
        sender = found.group(0).decode("ascii", "replace") if found else ""
        return sender, head + gap + body

    def replied(self, row):
        sender, data = self.envelope(corpus.read(row["file"]))
        if not sender or not re.fullmatch(r"[\w.+=-]+@[\w.-]+", sender,
                                          re.ASCII):
            return None
        if ".." in sender or re.search(r"^\.|\.@|@[-.]|[-.]$", sender):
            return None
        return " reply=" in self.deliver(sender, data=data)

    def test_machines_have_none(self):
        asked = 0
        for row in self.rows:
            tags = set(row["tags"].split())
            if not tags & self.machines or int(row["bytes"]) > 100000 or \
                    row["file"] in MARKED_BY_NOTHING or \
                    not tags & {"fmt:rfc822", "fmt:rfc822+fromline"}:
                continue
            replied = self.replied(row)
            asked += replied is not None
            with self.subTest(row["file"]):
                self.assertFalse(replied)
        self.assertGreater(asked, 500)

    def test_people_have_one(self):
        ordinary = [r for r in self.rows
                    if r["file"].startswith("sa-public-corpus/easy_ham")
                    and not set(r["tags"].split()) & (self.machines | {
                        "precedence-bulk", "auto-submitted"})]
        found = [self.replied(row) for row in ordinary[:150]]
        self.assertGreater(found.count(True), 0.9 * len(found))


if __name__ == "__main__":
    main()

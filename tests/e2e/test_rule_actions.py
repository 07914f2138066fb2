#!/usr/bin/env python3
"""Every action of a rule, over LMTP: what is in the folders and in the queue
after the reply 250.
"""

import email
import email.policy
import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import main  # noqa: E402
from harness.okapi import crlf, message  # noqa: E402
from harness.rules import Rules  # noqa: E402


def parse(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


class Marks(Rules):
    """Flags, categories, importance: over keep and over fileinto."""

    def one(self, folder, subject):
        mail, = [m for m in self.okapi.mails("anna", folder)
                 if m["subject"] == subject]
        return mail, self.okapi.json("mail", "show", "anna",
                                     str(mail["id"]), "--props")

    def test_marks(self):
        head = ('require ["imap4flags", "fileinto", "copy", "mailbox",'
                ' "vnd.okapi.setproperty"];')
        for name, script, read, flagged, categories, importance in (
                ("read", 'addflag "\\\\Seen";', True, False, [], 1),
                ("flag", 'addflag "\\\\Flagged";', False, True, [], 1),
                ("category", 'addflag ["Work", "Blue"];', False, False,
                 ["Work", "Blue"], 1),
                ("categories", 'addflag "Work"; setproperty "Keywords" '
                 '["Red Category", "Gr\u00fcn"];', False, False,
                 ["Work", "Red Category", "Gr\u00fcn"], 1),
                ("importance", 'setproperty "PR_IMPORTANCE" "2";', False,
                 False, [], 2),
                ("all", 'addflag ["\\\\Seen", "\\\\Flagged", "Work"];'
                 'setproperty "PR_IMPORTANCE" "0";', True, True, ["Work"],
                 0)):
            for kind, folder in (("keep", "Inbox"),
                                 ("fileinto :create", "Filed")):
                with self.subTest(name, kind=kind):
                    subject = f"{name} {folder}"
                    self.rule(head + script + kind
                              + (' "Filed";' if folder == "Filed" else ";"))
                    self.accepted(message(subject))
                    mail, props = self.one(folder, subject)
                    self.assertEqual(mail["read"], read)
                    self.assertEqual("\\Flagged" in mail["flags"], flagged,
                                     mail)
                    self.assertEqual(props.get("PR_IMPORTANCE"), importance)
                    self.assertEqual([flag for flag in mail["flags"]
                                      if not flag.startswith("\\")],
                                     categories)

    def test_a_category_goes_round(self):
        """Set by a rule, shown, foretold, found by a rule, exported, and
        composed into the field Keywords."""
        self.accepted(message("before"))
        self.rule('require "vnd.okapi.setproperty"; '
                  'setproperty "Keywords" ["Red Category", "Boss"];')
        self.accepted(message("new"))
        told, = self.okapi.json("rule", "test", "anna", "--folder",
                                "Inbox")[:1]
        self.assertEqual(told["adds"], ["Red Category", "Boss"])
        self.okapi.must("rule", "run", "anna", "--folder", "Inbox")
        self.assertEqual([t["changes"] for t in self.okapi.json(
            "rule", "test", "anna", "--folder", "Inbox")], [False, False])
        archive = os.path.join(self.okapi.directory, "archive")
        self.okapi.must("mail", "export", "anna", "Inbox", "--archive",
                        archive)
        self.okapi.must("mail", "import", "bert", "Notes", archive)
        for user, subject in (("anna", "before"), ("anna", "new"),
                              ("bert", "before"), ("bert", "new")):
            with self.subTest(user, subject=subject):
                mail, = [m for m in self.okapi.mails(user)
                         if m["subject"] == subject]
                self.assertEqual(mail["flags"], ["Red Category", "Boss"])
                props = self.okapi.json("mail", "show", user,
                                        str(mail["id"]), "--props")
                named = [v for k, v in props.items() if "eywords" in k]
                self.assertEqual(named, [["Red Category", "Boss"]], props)
        # What is composed of these properties says so, and a rule hears it.
        path = self.write("props.json", json.dumps(props))
        self.okapi.must("mail", "submit", "anna", "--props", path)
        composed = self.sent()[-1][2]
        self.assertIn(b"Keywords: Red Category, Boss\r\n", composed)
        self.rule('require ["vnd.okapi.property", "fileinto"]; '
                  'if property "Keywords" "red category" '
                  '{ fileinto "Drafts"; }')
        self.accepted(message("heard", headers=[
            "Keywords: Blue, Red Category"]))
        self.assertEqual(self.folders("heard"), ["Drafts"])

    def test_the_implicit_keep_has_them_too(self):
        self.rule('require "vnd.okapi.setproperty";'
                  'setproperty "PR_IMPORTANCE" "2";')
        self.accepted(message("implicit"))
        self.assertEqual(self.one("Inbox", "implicit")[1]["PR_IMPORTANCE"], 2)

    def test_what_is_set_holds_for_what_comes_after(self):
        self.rule('require ["vnd.okapi.setproperty", "fileinto", "copy"];'
                  'fileinto :copy "Notes"; setproperty "PR_IMPORTANCE" "2";')
        self.accepted(message("after"))
        self.assertEqual(self.one("Notes", "after")[1]["PR_IMPORTANCE"], 1)
        self.assertEqual(self.one("Inbox", "after")[1]["PR_IMPORTANCE"], 2)


class Places(Rules):
    """Deleted Items, own, public and other users' folders."""

    def test_delete_goes_to_deleted_items(self):
        self.rule('require ["fileinto", "special-use"];'
                  'fileinto :specialuse "\\\\Trash" "Deleted Items";')
        self.accepted(message("gone"))
        self.assertEqual(self.okapi.subjects("anna", "Deleted Items"),
                         ["gone"])
        self.assertEqual(self.okapi.subjects("anna", "Inbox"), [])

    def test_no_spelling_goes_around_a_right(self):
        self.okapi.must("folder", "create", "bert", "Public/Closed")
        for path, who, rights in (("Public", "Everyone", "read"),
                                  ("Public/Closed", "anna", "none"),
                                  ("/", "anna", "owner")):
            self.okapi.must("acl", "set", "bert", path, who, rights)
        for name in ("Public.Closed", "INBOX.Public.Closed",
                     "INBOX/Public/Closed", "/Public/Closed", "/Public/New",
                     "user:bert/Public/New"):
            with self.subTest(name):
                self.rule('require ["fileinto", "mailbox"];'
                          f'fileinto :create "{name}";')
                self.assertEqual(self.deliver(name), ["Inbox"])
                rule, = self.okapi.json("rule", "list", "anna")
                self.assertIn("no right to put mail there", rule["error"])

    def test_move_and_copy_by_the_rights_of_the_owner(self):
        for name, target, store, path, rights in (
                ("own", "Projects", "anna", "Projects", None),
                ("public", "Public/Board", "bert", "Public/Board", "create"),
                ("other", "user:bert/Drop", "bert", "Drop", "create")):
            if name == "own":
                self.okapi.must("folder", "create", "anna", "Projects")
            elif name == "public":
                self.okapi.must("folder", "create", "bert", "Public/Board")
            else:
                self.okapi.must("folder", "create", "bert", "Drop")
            for copy in (False, True):
                with self.subTest(name, copy=copy):
                    self.rule('require ["fileinto", "copy"]; fileinto '
                              + (":copy " if copy else "")
                              + f'"{target}";')
                    if rights:
                        self.okapi.must("acl", "set", "bert", path, "anna",
                                        "none")
                        subject = f"{name} {copy} closed"
                        self.accepted(message(subject))
                        self.assertIn(subject,
                                      self.okapi.subjects("anna", "Inbox"))
                        self.assertNotIn(subject,
                                         self.okapi.subjects(store, path))
                        rule, = self.okapi.json("rule", "list", "anna")
                        self.assertIn("no right to put mail there",
                                      rule["error"])
                        self.okapi.must("acl", "set", "bert", path, "anna",
                                        rights)
                    subject = f"{name} {copy} open"
                    self.accepted(message(subject))
                    self.assertIn(subject, self.okapi.subjects(store, path))
                    self.assertEqual(
                        subject in self.okapi.subjects("anna", "Inbox"), copy)

    def test_reject(self):
        self.rule('require "reject"; reject "Gr\u00fc\u00dfe, no.";')
        (code, text), = self.lmtp(message("no"))
        self.assertEqual(code, 550)
        self.assertTrue(text.startswith("5.7.1 "), text)
        self.assertEqual(self.okapi.mails("anna"), [])


class Forward(Rules):
    BODY = "Text of the mail, gr\u00fcn.\n"
    MIXED = (b"From: \"C. Arol\" <carol@example.org>\nTo: anna@okapi.test\n"
             b"Subject: Report\nMessage-ID: <mixed@example.org>\n"
             b"Date: Mon, 23 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
             b"Content-Type: multipart/mixed; boundary=x\n\n"
             b"--x\nContent-Type: multipart/alternative; boundary=y\n\n"
             b"--y\nContent-Type: text/plain; charset=iso-8859-1\n"
             b"Content-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n"
             b"--y\nContent-Type: text/html; charset=iso-8859-1\n"
             b"Content-Transfer-Encoding: quoted-printable\n\n"
             b"<html><body bgcolor=3D\"#fff\"><b>Gr=FC=DFe</b></body></html>\n"
             b"--y--\n"
             b"--x\nContent-Type: application/octet-stream\n"
             b"Content-Disposition: attachment; filename=\"a.bin\"\n"
             b"Content-Transfer-Encoding: base64\n\nAAECA//+\n--x--\n")

    def forward(self, tags=":copy", to='"z@y.test"'):
        self.rule('require ["copy", "vnd.okapi.forward"];'
                  f'forward {tags} {to};')

    def test_inline_has_the_text_and_the_attachments(self):
        self.forward(':copy :message "Zur Kenntnis: \u2603"')
        self.accepted(self.MIXED)
        # Here, and nowhere else: no copy of what is sent in Sent Items.
        self.assertEqual([(m["folder"], m["subject"])
                          for m in self.okapi.mails("anna")],
                         [("Inbox", "Report")])
        (sender, to, octets), = self.sent()
        self.assertEqual((sender, to), ("anna@okapi.test", ["z@y.test"]))
        mail = parse(octets)
        self.assertEqual(mail["Subject"], "FW: Report")
        self.assertIn("anna@okapi.test", mail["From"])
        self.assertEqual(mail["To"], "z@y.test")
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertEqual(mail["X-Okapi-Redirected-For"], "anna@okapi.test")
        plain = mail.get_body(("plain",)).get_content()
        self.assertTrue(plain.startswith("Zur Kenntnis: \u2603"), plain)
        for part in ("-----Original Message-----", "From: ", "C. Arol",
                     "Subject: Report", "Gr\u00fc\u00dfe"):
            self.assertIn(part, plain)
        html = mail.get_body(("html",)).get_content()
        self.assertIn("<b>Gr\u00fc\u00dfe</b>", html)
        self.assertIn("&lt;carol@example.org&gt;", html)
        self.assertLess(html.index("Zur Kenntnis"), html.index("<b>Gr"))
        self.assertGreater(html.index("Zur Kenntnis"), html.index("<body"))
        attached, = mail.iter_attachments()
        self.assertEqual(attached.get_filename(), "a.bin")
        self.assertEqual(attached.get_content(), b"\0\1\2\3\xff\xfe")

    def test_as_attachment_is_byte_for_byte(self):
        for name, data in (
                ("mixed", self.MIXED),
                ("eight bit", message("eight", body="gr\u00fcn\n")),
                ("no line end", message("end", body="x")),
                ("octets", message("octets").replace(
                    b"Hello.", b"a\rb\0c \xff " + b"x" * 2000))):
            with self.subTest(name):
                self.forward(':attachment :copy :subject "Siehe Anhang" '
                             ':message "Hier."')
                before = len(self.sent())
                self.accepted(data)
                octets = self.sent()[before][2]
                came = crlf(data)
                if not came.endswith(b"\r\n"):
                    came += b"\r\n"
                self.assertIn(b"\r\n\r\n" + came + b"\r\n--=_", octets)
                mail = parse(octets)
                self.assertEqual(mail["Subject"], "Siehe Anhang")
                first, second = mail.iter_parts()
                self.assertEqual(first.get_content().strip(), "Hier.")
                self.assertEqual(second.get_content_type(), "message/rfc822")

    def test_without_copy_it_is_not_kept(self):
        self.forward("")
        self.accepted(message("away"))
        self.assertEqual(self.okapi.mails("anna"), [])
        self.assertEqual(len(self.sent()), 1)
        self.okapi.dagent.wait_for("forward=z@y.test")

    def test_several_are_one_message(self):
        self.forward(":copy", '["z@y.test", "q@y.test", "Z@y.test"]')
        self.accepted(message("several"))
        self.assertEqual([to for _, to, _ in self.sent()],
                         [["q@y.test", "z@y.test"]])

    def test_more_than_five_go_to_all(self):
        """As many as sieve_max_redirects lets, not as it is by default."""
        self.okapi.configure(sieve_max_redirects=9)
        self.okapi.dagent.child.send_signal(signal.SIGHUP)
        self.okapi.dagent.wait_for("reloaded")
        many = [f"n{i}@y.test" for i in range(7)]
        self.forward("", "[" + ", ".join(f'"{to}"' for to in many) + "]")
        self.accepted(message("many"))
        self.assertEqual([to for _, to, _ in self.sent()], [many])

    def test_who_is_left_out_for_a_loop_leaves_it_with_the_user(self):
        for others, kept in (('"anna@okapi.test"', 1), ('"q@y.test"', 0)):
            self.forward("", f'["z@y.test", {others}]')
            self.accepted(message(others))
            self.assertEqual(
                self.okapi.subjects("anna", "Inbox").count(others), kept)

    def test_a_bounce_is_forwarded_without_a_sender(self):
        self.forward()
        self.accepted(message("bounce"), sender="")
        self.assertEqual([sender for sender, _, _ in self.sent()], [""])

    def test_the_changed_message_goes_with_editheader(self):
        for number, tag in enumerate((":inline", ":attachment")):
            self.rule('require ["copy", "editheader", "vnd.okapi.forward"];'
                      'deleteheader "subject"; addheader "Subject" "changed";'
                      f'forward :copy {tag} "z@y.test";')
            self.accepted(message("as it was", ident=tag))
            mail = parse(self.sent()[number][2])
            self.assertEqual(mail["Subject"], "FW: changed")
            if number:
                inner = mail.get_payload()[-1].get_payload()[0]
                self.assertEqual(inner["Subject"], "changed")

    def test_loops_end_and_the_mail_is_kept(self):
        """What comes back from the forward, in whatever shape the other end
        gave it, is not forwarded again."""
        for tags in ("", ":attachment"):
            with self.subTest(tags):
                self.forward(tags)
                before = len(self.sent())
                self.accepted(message("round " + tags))
                first = self.sent()[before][2]
                self.accepted(first)
                self.assertEqual(len(self.sent()), before + 1)
                self.assertIn(parse(first)["Subject"],
                              self.okapi.subjects("anna", "Inbox"))
        self.okapi.dagent.wait_for("forward to z@y.test suppressed, mail loop")

    def test_two_users_that_forward_to_each_other(self):
        self.forward("", '"bert@okapi.test"')
        self.rule('require "vnd.okapi.forward"; forward "anna@okapi.test";',
                  user="bert")
        self.accepted(message("ball"))
        octets = self.sent()[0][2]
        self.accepted(octets, sender="anna@okapi.test",
                      to=["bert@okapi.test"])
        octets = self.sent()[1][2]
        self.assertEqual(parse(octets).get_all("X-Okapi-Redirected-For"),
                         ["bert@okapi.test", "anna@okapi.test"])
        self.accepted(octets, sender="bert@okapi.test")
        self.assertEqual(len(self.sent()), 2)
        self.assertEqual(len(self.okapi.mails("anna", "Inbox")), 1)

    def test_to_the_user_itself_is_a_loop(self):
        self.forward("", '["anna@okapi.test", "z@y.test"]')
        self.accepted(message("self"))
        self.assertEqual([to for _, to, _ in self.sent()], [["z@y.test"]])

    def test_a_reject_takes_it_back(self):
        """Nothing goes out with a delivery that is refused."""
        self.rule('require ["copy", "vnd.okapi.forward"];'
                  'forward :copy "z@y.test";', name="a")
        self.rule('require "reject"; reject "no";', name="b")
        (code, _), = self.lmtp(message("both"))
        rules = self.okapi.json("rule", "list", "anna")
        # RFC 5429 2.5: the second rule fails, the mail is kept.
        self.assertEqual(code, 250)
        self.assertIn("do not go together", rules[1]["error"])


class Reply(Rules):
    TEMPLATE = "Danke f\u00fcr Ihre Nachricht \u2014 \u65e5\u672c.\n"

    def reply(self, more="", text=None):
        self.rule('require ["vnd.okapi.reply", "variables"];'
                  f'reply {more} "{text or self.TEMPLATE}";')

    def test_the_template_in_utf_8(self):
        self.reply(':subject "Eingang best\u00e4tigt"')
        self.accepted(message("question", headers=["References: <a@b>"]))
        self.assertEqual(self.okapi.subjects("anna", "Inbox"), ["question"])
        (sender, to, octets), = self.sent()
        self.assertEqual((sender, to), ("", ["carol@example.org"]))
        mail = parse(octets)
        self.assertEqual(mail["Subject"], "Eingang best\u00e4tigt")
        self.assertEqual(mail["Auto-Submitted"], "auto-replied")
        self.assertEqual(mail["In-Reply-To"], "<question@example.org>")
        self.assertIn("<a@b>", mail["References"])
        self.assertEqual(mail.get_content_charset(), "utf-8")
        self.assertEqual(mail.get_content().replace("\r\n", "\n"),
                         self.TEMPLATE)
        self.okapi.dagent.wait_for("replied=carol@example.org")

    def test_subject_of_the_message_and_variables(self):
        self.rule('require ["vnd.okapi.reply", "variables"];'
                  'if header :matches "subject" "*" {'
                  ' reply "You wrote: ${1}"; }')
        self.accepted(message("hello there"))
        mail = parse(self.sent()[0][2])
        self.assertEqual(mail["Subject"], "Re: hello there")
        self.assertEqual(mail.get_content().strip(), "You wrote: hello there")

    def test_a_mime_template(self):
        self.reply(":mime", "Content-Type: text/html; charset=utf-8\n\n"
                   "<p>\u00fc</p>\n")
        self.accepted(message("html"))
        mail = parse(self.sent()[0][2])
        self.assertEqual(mail.get_content_type(), "text/html")

    def test_every_message_but_not_twice_a_minute(self):
        """A robot that does not say that it is one is answered once a
        minute."""
        self.reply()
        for number in range(3):
            self.accepted(message(f"m{number}"))
        self.assertEqual(len(self.sent()), 1)
        self.accepted(message("other", sender="dan@example.org"),
                      sender="dan@example.org")
        self.assertEqual(len(self.sent()), 2)

    def test_never_to(self):
        self.reply()
        for name, headers, sender in (
                ("null sender", (), ""),
                ("automatic", ("Auto-Submitted: auto-replied",), "e@x.test"),
                ("list", ("List-Id: <l.x.test>",), "f@x.test"),
                ("bulk", ("Precedence: bulk",), "g@x.test"),
                ("suppressed", ("X-Auto-Response-Suppress: All",),
                 "h@x.test"),
                ("robot", (), "mailer-daemon@x.test"),
                ("self", (), "anna@okapi.test")):
            with self.subTest(name):
                self.accepted(message(name, headers=headers), sender=sender)
                self.assertEqual(self.sent(), [])

    def test_not_for_junk_and_not_its_own_answer(self):
        self.reply()
        self.accepted(message("spam", headers=["X-Spam-Status: Yes"]))
        self.assertEqual(self.sent(), [])
        self.accepted(message("real"))
        answer = self.sent()[0][2]
        self.accepted(answer.replace(b"carol@example.org",
                                     b"anna@okapi.test"),
                      sender="robot@x.test")
        self.assertEqual(len(self.sent()), 1)

    def test_not_where_a_later_rule_files_into_junk(self):
        self.rule('require ["vnd.okapi.reply", "fileinto", "special-use"];'
                  'reply "x"; fileinto :specialuse "\\\\Junk" "Junk E-mail";')
        self.accepted(message("junk"))
        self.assertEqual(self.sent(), [])

    def test_from_is_the_users_own_or_not_taken(self):
        self.okapi.must("user", "set", "anna", "--alias", "help@okapi.test")
        self.reply(':from "Help <help@okapi.test>"')
        self.accepted(message("one"))
        self.assertEqual(parse(self.sent()[0][2])["From"],
                         "Help <help@okapi.test>")
        self.reply(':from "boss@example.org"', "another")
        self.accepted(message("two"))
        self.assertIn("anna@okapi.test", parse(self.sent()[1][2])["From"])


if __name__ == "__main__":
    main()

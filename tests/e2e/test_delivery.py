#!/usr/bin/env python3
"""What happens to mail on its way: rules, replies, rights, what the operator
sees of it."""

import email
import email.policy
import os
import resource
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.certificates import Authority  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402
from harness.process import free_port  # noqa: E402
from harness.served import ANNA, BERT, Served  # noqa: E402


class Delivering(Served):
    def lmtp(self, data, sender="q@x.test", to=(ANNA,)):
        """Delivers and returns the first reply."""
        return self.client().deliver(sender, list(to), data)[0]

    def mail(self, user, subject):
        mail, = [m for m in self.okapi.mails(user) if m["subject"] == subject]
        return mail

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.okapi.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def queued(self, ident):
        done = self.okapi.admin("queue", "show", str(ident), "--raw")
        self.assertEqual(done.status, 0, done)
        return email.message_from_bytes(done.raw,
                                        policy=email.policy.default)


class Rules(Delivering):
    def rule(self, text, user="anna", name="r"):
        self.okapi.must("rule", "put", user, name, "-", input=text)

    def test_redirect_and_its_loop(self):
        self.rule('if header :is "subject" "on" '
                  '{ redirect "far@y.test"; redirect "far@y.test"; }')
        self.assertEqual(self.lmtp(crlf(message("on")))[0], 250)
        entry, = self.okapi.queue()
        self.assertEqual(entry["sender"], "q@x.test")
        self.assertEqual([r["address"] for r in entry["recipients"]],
                         ["far@y.test"])
        sent = self.queued(entry["id"])
        self.assertEqual(sent["X-Okapi-Redirected-For"], ANNA)
        self.assertEqual(sent["X-Sieve-Redirected-From"], ANNA)
        self.assertTrue(sent.as_bytes().endswith(b"Hello.\n"))
        self.assertEqual(self.okapi.mails("anna"), [])
        # It comes back: kept this time.
        self.assertEqual(self.lmtp(crlf(message(
            "on", headers=[f"X-Okapi-Redirected-For: {ANNA}"],
            ident="back")))[0], 250)
        self.assertEqual(len(self.okapi.queue()), 1)
        self.assertEqual(self.okapi.subjects("anna"), ["on"])

    def test_a_failing_rule_is_marked_until_it_is_well(self):
        self.rule('require "fileinto"; if header :contains "subject" "bad" '
                  '{ fileinto "Nowhere"; }')
        self.okapi.deliver(message("bad"), "anna")
        rule, = self.okapi.json("rule", "list", "anna")
        self.assertIn("Nowhere", rule["error"])
        self.assertEqual(self.mail("anna", "bad")["folder"], "Inbox")
        self.okapi.dagent.wait_for("rule 'r' failed")
        self.okapi.deliver(message("good"), "anna")
        rule, = self.okapi.json("rule", "list", "anna")
        self.assertFalse(rule["error"])

    def test_flags_and_two_copies(self):
        self.rule('require ["fileinto", "mailbox", "imap4flags", "copy"];'
                  'fileinto :copy :create :flags ["\\\\Seen", "work"] "A/B";')
        self.lmtp(crlf(message("two")))
        found = {m["folder"]: m for m in self.okapi.mails("anna")}
        self.assertEqual(set(found), {"Inbox", "A/B"})
        self.assertTrue(found["A/B"]["read"])
        self.assertFalse(found["Inbox"]["read"])

    def test_discard_is_answered_like_a_delivery(self):
        self.rule("discard;")
        self.assertEqual(self.lmtp(crlf(message("gone")))[0], 250)
        self.assertEqual(self.okapi.mails("anna"), [])
        line = self.okapi.dagent.wait_for("result=discarded")
        self.assertIn("rule=r", line)

    def test_what_was_discarded_suppresses_nothing(self):
        """It comes again, and the rule has gone: it was never stored."""
        self.rule("discard;")
        data = crlf(message("again"))
        self.assertEqual(self.lmtp(data)[0], 250)
        self.okapi.must("rule", "remove", "anna", "r", "--yes")
        for _ in range(2):
            self.assertEqual(self.lmtp(data)[0], 250)
            self.assertEqual(self.okapi.subjects("anna"), ["again"])

    def test_a_redirect_goes_once(self):
        self.rule('redirect "far@y.test";')
        for _ in range(2):
            self.assertEqual(self.lmtp(crlf(message("again")))[0], 250)
        self.assertEqual(len(self.okapi.queue()), 1)

    def test_junk_does_not_meet_rules(self):
        self.rule("discard;")
        self.lmtp(crlf(message("spam", headers=["X-Spam-Status: Yes"])))
        self.assertEqual(self.mail("anna", "spam")["folder"], "Junk E-mail")

    def test_public_folder_takes_a_right(self):
        self.rule('require ["fileinto", "mailbox"]; '
                  'fileinto :create "Public/Board";')
        self.lmtp(crlf(message("posted")))
        self.okapi.dagent.wait_for("folder=Public/Board")
        self.assertEqual(self.okapi.mails("anna"), [])
        self.okapi.must("acl", "set", "anna", "Public/Board", "Everyone",
                        "read")
        self.lmtp(crlf(message("kept")))
        self.assertEqual(self.mail("anna", "kept")["folder"], "Inbox")
        self.okapi.dagent.wait_for("no right")

    def test_other_folder_of_another_user(self):
        self.rule('require "fileinto"; fileinto "user:bert/Inbox";')
        self.lmtp(crlf(message("private")))
        self.assertEqual(self.mail("anna", "private")["folder"], "Inbox")
        self.assertEqual(self.okapi.mails("bert"), [])
        self.okapi.must("acl", "set", "bert", "Inbox", "anna", "create")
        self.lmtp(crlf(message("shared")))
        self.assertEqual(self.mail("bert", "shared")["folder"], "Inbox")

    def test_a_folder_made_for_another_user(self):
        self.rule('require ["fileinto", "mailbox"]; '
                  'fileinto :create "user:bert/Inbox/New/Deep";')
        self.okapi.must("acl", "set", "bert", "Inbox", "anna", "create")
        self.lmtp(crlf(message("kept")))
        self.assertEqual(self.mail("anna", "kept")["folder"], "Inbox")
        self.okapi.must("acl", "set", "bert", "Inbox", "anna",
                        "create,create-folder")
        self.lmtp(crlf(message("made")))
        self.assertEqual(self.mail("bert", "made")["folder"],
                         "Inbox/New/Deep")

    def test_rule_test_answers_as_the_delivery_does(self):
        before = self.write("before.sieve", 'if header :is "subject" "away" '
                            '{ discard; stop; }')
        after = self.write("after.sieve", 'require "fileinto"; '
                           'if header :is "subject" "late" '
                           '{ fileinto "Notes"; }')
        self.okapi.stop()
        self.okapi.configure(sieve_before=before, sieve_after=after,
                             recipient_delimiter="-")
        self.okapi.must("user", "set", "anna", "--alias", "ann@okapi.test")
        self.okapi.must("folder", "create", "anna", "Plus")
        self.okapi.must("acl", "set", "bert", "Inbox", "anna", "create")
        self.rule("""require ["fileinto", "envelope", "subaddress",
            "vnd.okapi.property", "mailbox"];
            if envelope :detail "to" "plus" { fileinto "Plus"; stop; }
            if header :is "subject" "own" {
                if property "PR_MESSAGE_TO_ME" "true" { fileinto "Tasks"; }
                stop; }
            if header :is "subject" "shared" { fileinto "user:bert/Inbox"; }
            if header :is "subject" "nowhere" { fileinto "user:bert/Notes"; }
            if allof (header :is "subject" "may",
                      mailboxexists "user:bert/Inbox",
                      not mailboxexists "user:bert/Notes") {
                fileinto "Drafts"; }""")
        self.okapi.start_dagent()
        for subject, to, header, folder in (
                ("away", ANNA, ANNA, None), ("late", ANNA, ANNA, "Notes"),
                ("detail", "anna-plus@okapi.test", ANNA, "Plus"),
                ("own", ANNA, "ann@okapi.test", "Tasks"),
                ("shared", ANNA, ANNA, "user:bert/Inbox"),
                ("nowhere", ANNA, ANNA, "Inbox"), ("may", ANNA, ANNA, "Drafts"),
                ("plain", ANNA, ANNA, "Inbox")):
            with self.subTest(subject):
                data = message(subject, to=header)
                path = self.write("m.eml", data.decode())
                plan, = self.okapi.json("rule", "test", "anna", path,
                                        "--to", to)
                self.lmtp(crlf(data), to=(to,))
                found = [m["folder"] for m in self.okapi.mails("anna")
                         if m["subject"] == subject]
                if subject == "shared":
                    found = ["user:bert/" + m["folder"]
                             for m in self.okapi.mails("bert")]
                self.assertEqual(found, [folder] if folder else [])
                planned = ["Inbox" if a["problem"] else a["argument"]
                           for a in plan["actions"]
                           if a["action"] == "fileinto"]
                if plan["implicit_keep"]:
                    planned.append("Inbox")
                self.assertEqual(planned, found)
        # Stored mail has its recipient in the trace on top.
        ident, = [m["id"] for m in self.okapi.mails("anna")
                  if m["subject"] == "detail"]
        self.assertIn("Plus", self.okapi.must("rule", "test", "anna",
                                              str(ident)))
        done = self.okapi.admin("rule", "test", "anna", path, "--to",
                                "bert@okapi.test")
        self.assertEqual(done.status, 64, done)
        self.lmtp(crlf(message("shared", ident="second")), to=(ANNA,))
        self.okapi.must("mail", "import", "anna", "Tasks",
                        self.write("m.eml", message("shared").decode()))
        self.assertIn("filed: 1", self.okapi.must("rule", "run", "anna",
                                                  "--folder", "Tasks"))
        self.assertEqual(len(self.okapi.mails("bert", "Inbox")), 3)

    def test_duplicates_are_remembered_with_the_delivery(self):
        self.rule('require "duplicate"; if duplicate { discard; }')
        for hop in ("a", "b"):
            self.lmtp(crlf(message("twice", ident="same",
                                   headers=[f"X-Hop: {hop}"])))
        self.lmtp(crlf(message("other", ident="other")))
        self.assertEqual(self.okapi.subjects("anna"), ["other", "twice"])
        self.okapi.dagent.wait_for("result=discarded")
        # Each user remembers alone.
        self.lmtp(crlf(message("twice", ident="same", to="bert@okapi.test")),
                  to=("bert@okapi.test",))
        self.assertEqual(self.okapi.subjects("bert"), ["twice"])
        self.okapi.must("store", "check")

    def test_scripts_of_the_server(self):
        before = self.write("before.sieve",
                            'require "fileinto"; '
                            'if header :is "subject" "first" { stop; }'
                            'if header :is "subject" "away" { discard; }')
        after = self.write("after.sieve", 'require "fileinto";'
                           'fileinto "Notes";')
        self.okapi.stop()
        self.okapi.configure(sieve_before=before, sieve_after=after)
        self.okapi.start_dagent()
        for subject in ("first", "away", "other"):
            self.assertEqual(self.lmtp(crlf(message(subject)))[0], 250)
        self.assertEqual({m["subject"]: m["folder"]
                          for m in self.okapi.mails("anna")},
                         {"first": "Inbox", "other": "Notes"})
        # A script that is away is no reason to lose or to misfile mail.
        os.rename(before, before + ".away")
        reply = self.lmtp(crlf(message("waits")))
        self.assertEqual(reply[0], 451, reply)
        # Nor is one that is none, and nobody waits for its other end.
        os.mkfifo(before)
        reply = self.lmtp(crlf(message("waits")))
        self.assertEqual(reply[0], 451, reply)
        os.rename(before + ".away", before)
        self.assertEqual(self.lmtp(crlf(message("waits")))[0], 250)


class Replies(Delivering):
    def away(self, user="anna"):
        path = self.write("away", "Ich bin nicht da.\nGr\u00fc\u00dfe\n")
        self.okapi.must("oof", "on", user, "--subject", "Fort \u2013 weg",
                        "--message-file", path)

    def test_built_in(self):
        self.away()
        for ident in ("one", "two"):
            self.lmtp(crlf(message("hello", ident=ident)))
        entry, = self.okapi.queue()
        self.assertEqual(entry["sender"], "")
        self.assertEqual([r["address"] for r in entry["recipients"]],
                         ["q@x.test"])
        reply = self.queued(entry["id"])
        self.assertEqual(reply["Subject"], "Fort \u2013 weg [hello]")
        self.assertEqual(reply["From"].addresses[0].addr_spec, ANNA)
        self.assertEqual(reply["To"].addresses[0].addr_spec, "q@x.test")
        self.assertEqual(reply["Auto-Submitted"], "auto-replied")
        self.assertEqual(reply["In-Reply-To"], "<one@example.org>")
        self.assertEqual(reply["References"], "<one@example.org>")
        for name in ("X-Okapi-Vacation", "X-Zarafa-Vacation", "Date",
                     "Message-ID"):
            self.assertIsNotNone(reply[name], name)
        self.assertEqual(reply.get_content().replace("\r\n", "\n"),
                         "Ich bin nicht da.\nGr\u00fc\u00dfe\n")
        # Forgotten when switched on again.
        self.away()
        self.lmtp(crlf(message("again")))
        self.assertEqual(len(self.okapi.queue()), 2)

    def test_never(self):
        self.away()
        for name, data, sender in (
                ("null sender", message("n1"), ""),
                ("not addressed", message("n2", to="all@okapi.test"),
                 "q@x.test"),
                ("list", message("n3", headers=["List-Id: <l>"]), "q@x.test"),
                ("junk", message("n4", headers=["X-Spam-Status: Yes"]),
                 "q@x.test"),
                ("robot", message("n5"), "no-reply@x.test"),
                ("self", message("n6"), "Anna@Okapi.test"),
                ("bulk", message("n7", headers=["Precedence: bulk"]),
                 "q@x.test")):
            with self.subTest(name):
                self.assertEqual(self.lmtp(crlf(data), sender=sender)[0], 250)
                self.assertEqual(self.okapi.queue(), [])
        self.okapi.must("rule", "put", "anna", "r", "-", input="discard;")
        self.lmtp(crlf(message("n8")))
        self.assertEqual(self.okapi.queue(), [])

    def test_never_for_what_a_rule_files_as_junk(self):
        self.away()
        self.okapi.must("rule", "put", "anna", "r", "-", input=
                        'require "fileinto"; fileinto "Junk";')
        self.assertEqual(self.lmtp(crlf(message("j1")))[0], 250)
        self.assertEqual(len(self.okapi.mails("anna", "Junk E-mail")), 1)
        self.assertEqual(self.okapi.queue(), [])

    def vacation(self, text, name="r"):
        self.okapi.must("rule", "put", "anna", name, "-",
                        input='require ["vacation", "vacation-seconds", '
                        '"fcc", "mailbox", "imap4flags"]; ' + text)

    def test_a_rule_replies(self):
        self.vacation('vacation :subject "Fort" :days 3 "Bin weg.";')
        for ident in ("one", "two"):
            self.assertEqual(self.lmtp(crlf(message("hello",
                                                    ident=ident)))[0], 250)
        entry, = self.okapi.queue()
        self.assertEqual(entry["sender"], "")
        self.assertEqual([r["address"] for r in entry["recipients"]],
                         ["q@x.test"])
        reply = self.queued(entry["id"])
        self.assertEqual(reply["Subject"], "Fort")
        self.assertEqual(reply["Auto-Submitted"], "auto-replied")
        self.assertEqual(reply["In-Reply-To"], "<one@example.org>")
        self.assertEqual(reply.get_content().strip(), "Bin weg.")
        self.assertEqual(len(self.okapi.mails("anna", "Inbox")), 2)
        # Another sender; another text is another handle.
        self.lmtp(crlf(message("hello", ident="3")), sender="p@x.test")
        self.assertEqual(len(self.okapi.queue()), 2)
        self.vacation('vacation "Noch immer weg.";')
        self.lmtp(crlf(message("hello", ident="4")))
        self.assertEqual(len(self.okapi.queue()), 3)
        self.okapi.must("store", "check")

    def test_a_rule_never_replies_to(self):
        self.vacation('vacation "Bin weg.";')
        for name, data, sender in (
                ("null sender", message("v1"), ""),
                ("not addressed", message("v2", to="all@okapi.test"),
                 "q@x.test"),
                ("list", message("v3", headers=["List-Id: <l>"]), "q@x.test"),
                ("junk", message("v4", headers=["X-Spam-Status: Yes"]),
                 "q@x.test"),
                ("automatic", message(
                    "v5", headers=["Auto-Submitted: auto-replied"]),
                 "q@x.test")):
            with self.subTest(name):
                self.assertEqual(self.lmtp(crlf(data), sender=sender)[0], 250)
                self.assertEqual(self.okapi.queue(), [])
        self.vacation('vacation "Bin weg."; discard;')
        self.lmtp(crlf(message("v6")))
        self.assertEqual(self.okapi.queue(), [])
        # Unless the rule says that it is the user.
        self.vacation('vacation :addresses "all@okapi.test" "Bin weg.";')
        self.lmtp(crlf(message("v7", to="all@okapi.test")))
        self.assertEqual(len(self.okapi.queue()), 1)

    def test_a_rule_replies_from_with_mime_and_a_copy(self):
        self.okapi.must("user", "set", "anna", "--alias", "ann@okapi.test")
        self.vacation(
            'vacation :from "Ann <ann@okapi.test>" :mime :handle "h" '
            ':fcc "Replies" :create :flags "\\\\Answered" '
            '"Content-Type: text/html\r\nBcc: x@x.test\r\n\r\n'
            '<p>weg</p>\r\n";')
        self.lmtp(crlf(message("hello")))
        entry, = self.okapi.queue()
        reply = self.queued(entry["id"])
        self.assertEqual(reply["From"].addresses[0].addr_spec,
                         "ann@okapi.test")
        self.assertEqual(reply["From"].addresses[0].display_name, "Ann")
        self.assertEqual(reply.get_content_type(), "text/html")
        self.assertEqual(reply.get_content().strip(), "<p>weg</p>")
        self.assertIsNone(reply["Bcc"])
        copy, = self.okapi.mails("anna", "Replies")
        self.assertEqual(copy["subject"], "Auto: hello")
        self.assertIn("\\Answered", copy["flags"])
        # The same handle, and a name that is not the user's.
        self.vacation('vacation :handle "h" "x";')
        self.lmtp(crlf(message("hello", ident="2")))
        self.assertEqual(len(self.okapi.queue()), 1)
        self.vacation('vacation :from "bert@okapi.test" "x";')
        self.lmtp(crlf(message("hello", ident="3")))
        new = max(self.okapi.queue(), key=lambda e: e["id"])
        self.assertEqual(self.queued(new["id"])["From"].addresses[0]
                         .addr_spec, ANNA)
        self.assertEqual(len(self.okapi.mails("anna", "Replies")), 1)

    def test_a_rule_replies_from_the_address_that_was_written_to(self):
        self.okapi.must("user", "set", "anna", "--alias", "sales@okapi.test")
        self.vacation('vacation :addresses "ann@elsewhere.test" "Away.";')
        for number, (to, address) in enumerate((
                ("Sales <SALES@okapi.test>", "sales@okapi.test"),
                ("sales+offers@okapi.test", "sales@okapi.test"),
                ("x@y.test\nCc: anna@okapi.test", ANNA),
                # Not an address of the user's, whatever the rule says.
                ("ann@elsewhere.test", ANNA))):
            with self.subTest(to):
                data = message("hello", to=to, ident=str(number),
                               body="\u00fc\n" * number)
                self.lmtp(crlf(data), sender=f"q{number}@x.test")
                new = max(self.okapi.queue(), key=lambda e: e["id"])
                reply = self.queued(new["id"])
                self.assertEqual(reply["From"].addresses[0].addr_spec,
                                 address)

    def test_a_reply_in_ascii_is_not_encoded_and_has_a_subject(self):
        self.vacation('vacation "Away.\n--=_x\n.";')
        self.lmtp(crlf(message("")))
        self.vacation('vacation "Away: ask Ben.";')
        self.lmtp(crlf(message("", ident="2")))
        self.vacation('vacation "F\u00fcnf.";')
        self.lmtp(crlf(message("", ident="3")))
        replies = [self.queued(entry["id"]) for entry in
                   sorted(self.okapi.queue(), key=lambda e: e["id"])]
        self.assertEqual(
            [(r["Subject"], r["Content-Transfer-Encoding"],
              r.get_content().replace("\r", "")) for r in replies],
            [("Automated reply", "base64", "Away.\n--=_x\n.\n"),
             ("Automated reply", "7bit", "Away: ask Ben.\n"),
             ("Automated reply", "base64", "F\u00fcnf.\n")])

    def test_out_of_office_goes_before_a_rule(self):
        self.away()
        self.vacation('vacation :subject "Rule" "x";')
        self.lmtp(crlf(message("hello")))
        entry, = self.okapi.queue()
        self.assertEqual(self.queued(entry["id"])["Subject"],
                         "Fort \u2013 weg [hello]")

    def test_program(self):
        seen = os.path.join(self.okapi.directory, "seen")
        program = self.write(
            "responder", "#!/bin/sh\nprintf '%s\\n' \"$@\" | head -n 4 >"
            f"{seen}.new\ncat \"$5\" >>{seen}.new\nenv >>{seen}.new\n"
            f"mv {seen}.new {seen}\necho said\nexit 3\n", 0o755)
        self.okapi.stop()
        self.okapi.configure(autoresponder=program)
        self.okapi.start_dagent()
        self.away()
        self.assertEqual(self.lmtp(crlf(message("hi")),
                                   sender="`id`$HOME@x.test")[0], 250)
        self.eventually("the program ran", lambda: os.path.exists(seen))
        with open(seen, encoding="utf-8") as file:
            lines = file.read().split("\n")
        self.assertEqual(lines[:4], [ANNA, "`id`$HOME@x.test",
                                     "Fort \u2013 weg [hi]", "anna"])
        self.assertIn("Auto-Submitted: auto-replied", lines)
        self.assertNotIn("HOME=", "\n".join(lines))
        line = self.okapi.dagent.wait_for("autoresponder user=anna")
        self.assertIn("exit=3 output=said", line)
        self.assertEqual(self.okapi.queue(), [])

    def test_program_by_option(self):
        seen = os.path.join(self.okapi.directory, "seen")
        program = self.write("responder", f"#!/bin/sh\necho x >{seen}\n",
                             0o755)
        self.away()
        done = self.okapi.deliver(message("hi"), "-a", program, "--sender",
                                  "q@x.test", "anna")
        self.assertEqual(done.status, 0, done)
        self.eventually("the program ran", lambda: os.path.exists(seen))

    def test_a_program_that_is_missing_costs_no_mail(self):
        self.away()
        done = self.okapi.deliver(message("hi"), "-a", "/nowhere/x",
                                  "--sender", "q@x.test", "anna")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.okapi.subjects("anna"), ["hi"])


class Rights(Delivering):
    def test_private_options_only_on_the_private_socket(self):
        reply = self.client().command("MAIL FROM:<a@b.test> X-OKAPI=junk+3D1")
        self.assertEqual(reply[0], 555, reply)

    def test_foreign_networks_are_refused(self):
        self.okapi.stop()
        self.okapi.configure(lmtp_networks="10.0.0.0/8")
        self.okapi.start_dagent()
        with socket.create_connection(("127.0.0.1", self.okapi.port)) as sock:
            self.assertEqual(sock.makefile("rb").readline()[:9],
                             b"421 4.7.1")

    def test_a_certificate_opens_the_door(self):
        good = Authority(self.directory())
        good.issue("client")
        where = good.directory
        other = Authority(where, "other")
        self.okapi.stop()
        self.okapi.configure(lmtp_networks="10.0.0.0/8",
                             tls_cert_file=other.path("other.pem"),
                             tls_key_file=other.path("other.key"),
                             tls_client_ca_file=good.path("ca.pem"))
        self.okapi.start_dagent()
        for name, cert, code in (("none", None, 451), ("right", "client", 250),
                                 ("clear", "", 451)):
            with self.subTest(name):
                client = self.client()
                if cert != "":
                    self.assertEqual(client.command("STARTTLS")[0], 220)
                    context = ssl.create_default_context()
                    context.check_hostname = False
                    context.verify_mode = ssl.CERT_NONE
                    if cert:
                        context.load_cert_chain(f"{where}/{cert}.pem",
                                                f"{where}/{cert}.key")
                    client.file.close()
                    client.socket = context.wrap_socket(client.socket)
                    client.file = client.socket.makefile("rb")
                    client.command("LHLO me.test")
                reply = client.deliver("a@b.test", [ANNA],
                                       crlf(message("tls " + name)))[0]
                self.assertEqual(reply[0], code, reply)
        mail, = self.okapi.mails("anna")
        self.assertIn(b"with LMTPS id", self.okapi.raw("anna", mail["id"]))

    def test_an_untrusted_user(self):
        self.needs_root()
        self.okapi.add_user("mail")
        done = self.okapi.deliver(message("x"), "-P", "Board", "-C", "mail",
                                  user=8, cwd="/")
        self.assertEqual(done.status, 75, done)
        self.assertTrue(done.first_line.startswith("4.7.1 "), done)
        done = self.okapi.deliver(message("y"), "-a", "/bin/false", "mail",
                                  user=8, cwd="/")
        self.assertEqual(done.status, 0, done)
        self.okapi.dagent.wait_for("not in trusted_users")


class CatchAll(Delivering):
    """The address "@domain" is whatever nobody else has there."""

    def test_both_doors(self):
        must = self.okapi.must
        client = self.client()
        client.command(b"MAIL FROM:<q@x.test>")
        self.assertEqual(client.command(b"RCPT TO:<any@Rest.test>")[0], 550)
        client.command(b"RSET")
        must("user", "create", "cora", "--email", "cora@okapi.test",
             "--alias", "gone@rest.test", "--inactive")
        must("user", "set", "anna", "--alias", "@rest.test", "--alias",
             "@B\u00fccher.test")
        must("user", "set", "bert", "--alias", "bert@rest.test")
        for address, owner in (
                ("any@rest.test", "anna"), ("ANY@REST.Test", "anna"),
                ("any+detail@rest.test", "anna"),
                ("x@xn--bcher-kva.test", "anna"),
                ("bert@rest.test", "bert"), ("Bert+x@rest.test", "bert"),
                ("gone@rest.test", None), ("gone+x@rest.test", None),
                ("gone+a..b@rest.test", None),
                ('"gone+a b"@rest.test', None),
                ("any@sub.rest.test", None), ("@rest.test", None)):
            with self.subTest(address):
                before = {name: len(self.okapi.mails(name, "Inbox"))
                          for name in ("anna", "bert")}
                wanted = dict(before)
                code = self.lmtp(message(address), to=[address])[0]
                if owner:
                    wanted[owner] += 2
                self.assertEqual(code == 250, bool(owner), code)
                done = self.okapi.deliver(message("pipe " + address), address)
                self.assertEqual(done.status, 0 if owner else 67, done)
                self.assertEqual({name: len(self.okapi.mails(name, "Inbox"))
                                  for name in wanted}, wanted)

    def test_conflicts(self):
        admin, must = self.okapi.admin, self.okapi.must
        must("user", "set", "anna", "--alias", "@rest.test")
        for words in (["user", "set", "bert", "--alias", "@REST.test"],
                      ["user", "create", "cora", "--email", "c@x.test",
                       "--alias", "@rest.test"]):
            result = admin(*words)
            self.assertEqual(result.status, 73, result)
            self.assertIn("taken by anna", result.err)
        for address in ("@", "@@x.test"):
            result = admin("user", "set", "bert", "--alias", address)
            self.assertEqual(result.status, 65, result)
        self.assertEqual(admin("user", "set", "bert", "--email",
                               "@x.test").status, 65)


class Pipe(Delivering):
    def test_public_folder(self):
        done = self.okapi.deliver(message("note"), "-P", "Board/News", "-C",
                                  "anna")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.okapi.mails("anna"), [])
        self.okapi.dagent.wait_for('folder=Public/Board/News')

    def test_delivery_time(self):
        received = ("Received: from a by b; Sun, 22 Nov 2026 08:09:10 +0100")
        for subject, args, headers, expected in (
                ("of the line", [], [received], "2026-11-22T07:09:10"),
                ("now", ["-n"], [received], time.strftime("%Y-", time.gmtime())),
                ("future", [], ["Received: from a by b; "
                                "Sun, 22 Nov 2037 08:09:10 +0100"],
                 time.strftime("%Y-", time.gmtime()))):
            with self.subTest(subject):
                done = self.okapi.deliver(
                    "\n".join(headers).encode() + b"\n" + message(subject),
                    *args, "anna")
                self.assertEqual(done.status, 0, done)
                stored = self.mail("anna", subject)["received"]
                self.assertTrue(stored.startswith(expected), stored)
                if subject == "now":
                    self.assertNotEqual(stored[:19], "2026-11-22T07:09:10")

    def test_large(self):
        body = ("x" * 75 + "\n") * 90000
        done = self.okapi.deliver(message("large", body=body), "anna", "bert")
        self.assertEqual(done.status, 0, done)
        for user in ("anna", "bert"):
            raw = self.okapi.raw(user, self.mail(user, "large")["id"])
            self.assertTrue(raw.endswith(crlf(message("large", body=body))))

    def test_too_large(self):
        done = self.okapi.deliver(message("big", body="x\n" * 700000), "-o",
                                  "message_size_limit=1", "anna")
        self.assertEqual((done.status, done.first_line[:6]), (65, "5.3.4 "))

    def test_a_hundred_hops(self):
        done = self.okapi.deliver(b"Received: x\n" * 101 + message("l"),
                                  "anna")
        self.assertEqual((done.status, done.first_line[:6]), (65, "5.4.6 "))

    def test_silent_and_many(self):
        done = self.okapi.deliver(message("x"), "-s", "nobody")
        self.assertEqual((done.status, done.out, done.err), (67, "", ""))
        done = self.okapi.deliver(message("many"), *["anna"] * 3000)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.okapi.subjects("anna"), ["many"])

    def test_odd_senders(self):
        for sender, kept in (("no domain", b"<>"), ("local", b"<local>"),
                             ("#@[]", b"<#@[]>"),
                             ("b\u00fccher@x.test",
                              "<b\u00fccher@x.test>".encode())):
            with self.subTest(sender):
                done = self.okapi.deliver(message("from " + sender),
                                          "--sender", sender, "anna")
                self.assertEqual(done.status, 0, done)
                raw = self.okapi.raw(
                    "anna", self.mail("anna", "from " + sender)["id"])
                self.assertIn(b"Return-Path: " + kept + b"\r\n", raw)

    def test_no_notify(self):
        watch = self.okapi.start_watch(self)
        told = watch.text()
        self.okapi.deliver(message("quiet"), "-N", "anna")
        time.sleep(0.5)
        self.assertEqual(watch.text(), told)
        self.okapi.deliver(message("loud"), "anna")
        self.eventually("woken", lambda: watch.text() != told)


class Alone(Case):
    def test_root_leaves_nothing_that_the_daemon_cannot_read(self):
        self.needs_root()
        okapi = Okapi(self.directory(), user="mail")
        store = os.path.dirname(okapi.settings["store_path"])
        for path, _, names in os.walk(store):
            for name in [path] + [os.path.join(path, n) for n in names]:
                os.chown(name, 8, 8)
        done = okapi.deliver(message("big", body="x\n" * 1500000), "anna")
        self.assertEqual(done.status, 0, done)
        for path, _, names in os.walk(store):
            for name in names:
                self.assertEqual(os.stat(os.path.join(path, name)).st_uid, 8,
                                 name)


class Operator(Delivering):
    def test_a_temporary_directory_that_is_none(self):
        done = self.okapi.run("okapi-dagent", "anna",
                              input=message("big", body="x\n" * 200000),
                              env={"TMPDIR": "/none/such"})
        self.assertEqual(done.status, 0, done)

    def test_one_line_a_delivery_and_no_text(self):
        self.lmtp(crlf(message("a secret subject", body="a secret body\n")))
        line = self.okapi.dagent.wait_for("result=delivered")
        mail, = self.okapi.mails("anna")
        for part in (f" id={mail['id']} ", " from=q@x.test ", f" to={ANNA} ",
                     " user=anna ", " folder=Inbox ", " size=", " time="):
            self.assertIn(part, line + " ")
        self.assertNotIn("secret", self.okapi.dagent.text())

    def test_a_forged_line_cannot_be(self):
        self.okapi.deliver(message("x"), "--sender", "a\nb@x.test", "anna")
        self.lmtp(crlf(message("y")), to=["a\u2028b=\"c@okapi.test"])
        for line in self.okapi.dagent.lines:
            self.assertIn("okapi-dagent[", line)

    def test_metrics(self):
        port = free_port()
        self.okapi.stop()
        self.okapi.configure(metrics_listen=f"127.0.0.1:{port}")
        self.okapi.start_dagent()
        self.lmtp(crlf(message("counted")))
        self.lmtp(crlf(message("counted")))
        self.lmtp(crlf(message("both")), to=[ANNA, BERT])
        self.assertEqual(self.lmtp(crlf(message("none")),
                                   to=["nobody@okapi.test"])[0], 550)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics",
                                    timeout=60) as answer:
            text = answer.read().decode()
        self.assertIn('okapi_dagent_deliveries_total{result="delivered"} 3\n',
                      text)
        self.assertIn('okapi_dagent_deliveries_total{result="duplicate"} 1\n',
                      text)
        self.assertIn("okapi_dagent_delivery_seconds_count 4\n", text)
        # Also what never came to a message: a refused RCPT.
        self.assertIn('okapi_dagent_deliveries_total{result="refused"} 1\n',
                      text)
        # The repetition is found in a unit of its own, which writes nothing.
        self.assertIn("okapi_dagent_commits_total 3\n", text)
        self.assertTrue(text.endswith("# EOF\n"))

    def test_a_key_that_is_set_twice_is_logged(self):
        with open(self.okapi.config, "a") as file:
            file.write("quota_warn = 1\nquota_warn = 2\n")
        self.okapi.dagent.child.send_signal(signal.SIGHUP)
        line = self.okapi.dagent.wait_for("quota_warn: it is set in line")
        self.assertIn("too: this one counts", line)

    def test_a_bad_reload_changes_nothing(self):
        before = len(self.okapi.dagent.lines)
        self.okapi.configure(quota_hard="lots")
        self.okapi.dagent.child.send_signal(signal.SIGHUP)
        self.okapi.dagent.wait_for("not reloaded", since=before)
        self.assertEqual(self.lmtp(crlf(message("still here")))[0], 250)

    def test_a_reload_without_descriptors_changes_nothing(self):
        """However many of those that it needs there are."""
        daemon, done = self.okapi.dagent, []
        usual = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        for room in range(60):
            used = {int(n) for n in os.listdir(f"/proc/{daemon.pid}/fd")}
            limit = next(n for n in range(4096)
                         if n - len([u for u in used if u < n]) == room)
            before = len(daemon.lines)
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE,
                             (limit, usual[1]))
            daemon.child.send_signal(signal.SIGHUP)
            done.append("not " not in daemon.wait_for("reloaded",
                                                      since=before))
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, usual)
            self.assertEqual(self.lmtp(crlf(message(f"r{room}")))[0], 250)
            if all(done[-3:]):
                break
        self.assertEqual(done[-3:], [True] * 3)
        self.assertGreater(done.count(False), 5)
        done = self.okapi.deliver(message("pipe"), "anna")
        self.assertEqual(done.status, 0, done)

    def test_reload_moves_listeners(self):
        old, new = self.okapi.port, free_port()
        self.okapi.configure(lmtp_listen=f"127.0.0.1:{new}")
        with Lmtp(("127.0.0.1", old)) as talking:
            self.okapi.dagent.child.send_signal(signal.SIGHUP)
            self.okapi.dagent.wait_for("reloaded")
            reply, = talking.deliver("q@x.test", [ANNA],
                                     crlf(message("old session")))
            self.assertEqual(reply[0], 250, reply)
        self.okapi.port = new
        self.assertEqual(self.lmtp(crlf(message("new port")))[0], 250)
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", old)).close()
        self.assertEqual(self.okapi.deliver(message("pipe"), "anna").status, 0)

    def test_many_reloads_leave_nothing(self):
        """No stacks of threads that are over, no descriptors."""
        dagent = self.okapi.dagent

        def reload(times):
            for _ in range(times):
                since = dagent.text().count("reloaded")
                dagent.child.send_signal(signal.SIGHUP)
                self.eventually("reloaded", lambda: dagent.text().count(
                    "reloaded") > since)

        def has():
            with open(f"/proc/{dagent.pid}/maps", encoding="utf-8") as maps:
                return (len(maps.readlines()),
                        len(os.listdir(f"/proc/{dagent.pid}/fd")))
        reload(8)
        before = has()
        reload(16)
        self.eventually("as before", lambda: all(
            now < then + 8 for now, then in zip(has(), before)))

    def test_many_reloads_under_load(self):
        refused = []

        def load(number):
            for i in range(15):
                try:
                    reply = self.lmtp(crlf(message(f"m{number}.{i}")))
                    if reply[0] not in (250, 421):
                        refused.append(reply)
                except (OSError, EOFError) as error:
                    refused.append(error)
        threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            self.okapi.dagent.child.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        for thread in threads:
            thread.join()
        self.assertEqual(refused, [])
        self.assertGreaterEqual(len(self.okapi.mails("anna")), 55)


if __name__ == "__main__":
    main()

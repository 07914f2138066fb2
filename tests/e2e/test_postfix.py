#!/usr/bin/env python3
"""A real Postfix in front, by mailbox_command and by lmtp, and behind."""

import os
import re
import smtplib
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402


class Behind(Case):
    """Okapi in the machine's namespace, so that both know the same users."""

    def prepare(self, **settings):
        directory = self.directory()
        self.machine = mta.Machine(self, directory)
        self.okapi = Okapi(directory, prefix=self.machine.prefix, **settings)
        self.addCleanup(self.okapi.stop)

    def send(self, postfix, data, *recipients, sender="carol@example.org"):
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
            client.sendmail(sender, recipients, crlf(data))

    def arrived(self, postfix, user, subject):
        def look():
            return [m for m in self.okapi.mails(user)
                    if m["subject"] == subject]
        try:
            return self.eventually(f"{subject!r} for {user}", look)[0]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{postfix.process.text()}") from None

    def deferred(self, postfix):
        return self.eventually(
            "a deferred message", lambda: [
                m for m in postfix.queue() if m["queue_name"] == "deferred"])


class MailboxCommand(Behind):
    def start(self, args='"$USER"', **settings):
        self.prepare(**settings)
        return mta.Postfix(self, self.machine, {
            "mailbox_command": f"{self.okapi.program('okapi-dagent')} "
                               f"-c {self.okapi.config} {args}"})

    def test_the_recipients_process_hands_over_to_the_daemon(self):
        postfix = self.start()
        self.okapi.start_dagent()
        data = message("by mailbox_command")
        self.send(postfix, data, "anna@okapi.test", "bert@okapi.test")
        for user in ("anna", "bert"):
            mail = self.arrived(postfix, user, "by mailbox_command")
            raw = self.okapi.raw(user, mail["id"])
            self.assertIn(b"Return-Path: <carol@example.org>", raw)
            self.assertTrue(raw.endswith(data.replace(b"\n", b"\r\n")), raw)
        self.eventually("an empty queue", lambda: not postfix.queue())

    def test_the_extension_is_the_detail(self):
        postfix = self.start()
        self.okapi.start_dagent()
        self.okapi.must("rule", "put", "anna", "lists", "-", input=(
            'require ["subaddress", "envelope", "fileinto", "mailbox"];\n'
            'if envelope :detail "to" "lists" '
            '{ fileinto :create "Lists"; }'))
        self.send(postfix, message("detailed"), "anna+lists@okapi.test")
        self.assertEqual(self.arrived(postfix, "anna", "detailed")["folder"],
                         "Lists")

    def test_no_daemon_is_75_and_stays_in_the_queue(self):
        postfix = self.start()
        self.send(postfix, message("waits"), "anna@okapi.test")
        waiting, = self.deferred(postfix)
        reason = waiting["recipients"][0]["delay_reason"]
        self.assertNotIn("5.", reason[:2])
        postfix.process.wait_for("status=deferred")
        self.okapi.start_dagent()
        postfix.flush()
        self.arrived(postfix, "anna", "waits")
        self.eventually("an empty queue", lambda: not postfix.queue())

    def test_a_typo_in_main_cf_bounces_nothing(self):
        postfix = self.start(args='--fodler X "$USER"')
        self.okapi.start_dagent()
        self.send(postfix, message("typo"), "anna@okapi.test")
        waiting, = self.deferred(postfix)
        postfix.process.wait_for("4.3.5")
        self.assertEqual(waiting["sender"], "carol@example.org")

    def test_over_quota_and_unknown_bounce(self):
        """67 and 73 are final: the sender gets Postfix's report, which goes
        to bert here."""
        postfix = self.start()
        self.okapi.start_dagent()
        self.okapi.must("user", "delete", "anna", "--yes")
        self.send(postfix, message("nobody home"), "anna@okapi.test",
                  sender="bert@okapi.test")
        mail = self.arrived(postfix, "bert",
                            "Undelivered Mail Returned to Sender")
        self.assertIn(b"5.1.1", self.okapi.raw("bert", mail["id"]))


class Lmtp(Behind):
    def test_tcp(self):
        self.prepare()
        self.okapi.start_dagent()
        postfix = mta.Postfix(self, self.machine, {
            "mydestination": "", "virtual_mailbox_domains": "okapi.test",
            "virtual_transport": f"lmtp:inet:127.0.0.1:{self.okapi.port}"})
        data = message("by lmtp")
        self.send(postfix, data, "anna@okapi.test", "bert+x@okapi.test")
        for user in ("anna", "bert"):
            mail = self.arrived(postfix, user, "by lmtp")
            self.assertTrue(self.okapi.raw(user, mail["id"]).endswith(
                data.replace(b"\n", b"\r\n")))
        self.eventually("2.1.5 in Postfix's log", lambda: "250 2.1.5"
                        in postfix.process.text())

    def test_dsn(self):
        """Postfix leaves the report of success to us; what rules get is the
        address before its alias."""
        self.prepare()
        self.okapi.must(
            "rule", "put", "anna", "r", "-", input=
            'require ["envelope", "envelope-dsn", "fileinto", "mailbox"];'
            'if envelope "orcpt" "rfc822;info@okapi.test"'
            ' { fileinto :create "Info"; }')
        self.okapi.start_dagent()
        postfix = mta.Postfix(self, self.machine, {
            "mydestination": "", "virtual_mailbox_domains": "okapi.test",
            "virtual_alias_maps": "inline:{info@okapi.test=anna@okapi.test}",
            "virtual_transport": f"lmtp:inet:127.0.0.1:{self.okapi.port}"})
        for to, subject, folder in (
                ("info@okapi.test", "by alias", "Info"),
                ("anna@okapi.test", "straight", "Inbox")):
            with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
                client.sendmail("bert@okapi.test", [to],
                                crlf(message(subject)),
                                ["RET=HDRS", f"ENVID={len(subject)}"],
                                ["NOTIFY=SUCCESS"])
            mail = self.arrived(postfix, "anna", subject)
            self.assertEqual(mail["folder"], folder)
        # Of the alias Postfix told ("expanded"); of the other it is on us.
        self.arrived(postfix, "bert", "Successful Mail Delivery Report")
        entry, = self.okapi.queue()
        raw = self.okapi.admin("queue", "show", str(entry["id"]), "--raw").raw
        for line in (b"Original-Envelope-Id: 8", b"Action: delivered",
                     b"Original-Recipient: rfc822;anna@okapi.test"):
            self.assertIn(line, raw)

    def test_no_sender_that_postfix_takes_bounces(self):
        """What is no address is the null path: nobody could be told."""
        self.prepare()
        self.okapi.start_dagent()
        postfix = mta.Postfix(self, self.machine, {
            "mydestination": "", "virtual_mailbox_domains": "okapi.test",
            "virtual_transport": f"lmtp:inet:127.0.0.1:{self.okapi.port}"})
        for number, (sender, kept) in enumerate((
                ("a..b@x.test", '"a..b"@x.test'), ("@x.test", ""),
                ('""@x.test', ""), ("a\x01b@x.test", ""),
                ("j\u00fcrgen@x.test", "j\u00fcrgen@x.test"))):
            with self.subTest(sender), smtplib.SMTP(
                    "127.0.0.1", postfix.port, timeout=60) as client:
                client.helo()
                client.send(f"MAIL FROM:<{sender}>\r\n".encode())
                self.assertEqual(client.getreply()[0], 250)
                self.assertEqual(client.rcpt("anna@okapi.test")[0], 250)
                client.data(crlf(message(f"m{number}")))
                mail = self.arrived(postfix, "anna", f"m{number}")
                self.assertIn(f"Return-Path: <{kept}>\r\n".encode(),
                              self.okapi.raw("anna", mail["id"]))

    def test_unknown_bounces_and_down_defers(self):
        self.prepare()
        self.okapi.start_dagent()
        postfix = mta.Postfix(self, self.machine, {
            "mydestination": "", "virtual_mailbox_domains": "okapi.test",
            "virtual_transport": f"lmtp:inet:127.0.0.1:{self.okapi.port}"})
        self.send(postfix, message("who"), "nobody@okapi.test",
                  sender="bert@okapi.test")
        mail = self.arrived(postfix, "bert",
                            "Undelivered Mail Returned to Sender")
        self.assertIn(b"5.1.1", self.okapi.raw("bert", mail["id"]))
        self.okapi.stop()
        self.send(postfix, message("while down"), "anna@okapi.test")
        self.deferred(postfix)
        self.okapi.start_dagent()
        postfix.flush()
        self.arrived(postfix, "anna", "while down")

    def test_unix_socket_from_the_chroot(self):
        directory = self.directory()
        self.machine = mta.Machine(self, directory)
        path = os.path.join(self.machine.directory, "postfix", "queue",
                            "okapi", "lmtp")
        self.okapi = Okapi(directory, prefix=self.machine.prefix,
                           lmtp_listen=f"unix:{path}",
                           lmtp_unix_mode="0660",
                           lmtp_unix_owner="root:postfix")
        self.addCleanup(self.okapi.stop)
        postfix = mta.Postfix(self, self.machine, {
            "mydestination": "", "virtual_mailbox_domains": "okapi.test",
            "virtual_transport": "lmtp:unix:okapi/lmtp"}, chroot=True)
        os.makedirs(os.path.dirname(path))
        self.okapi.start_dagent()
        self.send(postfix, message("from the chroot"), "anna@okapi.test")
        self.arrived(postfix, "anna", "from the chroot")

    def test_it_relays_what_okapi_sends(self):
        """Out by the spooler, through this Postfix, to smtp-sink; and what
        is for this domain comes back in by LMTP."""
        directory = self.directory()
        self.machine = mta.Machine(self, directory)
        sink = mta.SmtpSink(self, directory)
        self.okapi = Okapi(directory, prefix=self.machine.prefix)
        self.addCleanup(self.okapi.stop)
        postfix = mta.Postfix(self, self.machine, {
            "mydestination": "", "virtual_mailbox_domains": "okapi.test",
            "virtual_transport": f"lmtp:inet:127.0.0.1:{self.okapi.port}",
            "relayhost": f"[127.0.0.1]:{sink.port}"})
        self.okapi.configure(smtp_port=postfix.port)
        self.okapi.start_dagent()
        self.okapi.start_spooler()
        done = self.okapi.sendmail(
            message("round trip", sender="anna@okapi.test",
                    to="you@example.org, bert@okapi.test",
                    headers=["Bcc: secret@example.org"]),
            "-t", "-f", "anna@okapi.test")
        self.assertEqual(done.status, 0, done)
        self.arrived(postfix, "bert", "round trip")
        self.eventually("both others at the sink", lambda: all(
            name in b"".join(sink.files())
            for name in (b"you@example.org", b"secret@example.org")))
        for text in sink.files():
            self.assertIn(b"Subject: round trip", text)
            header = text[text.index(b"Received:"):]  # below the envelope
            self.assertNotIn(b"secret@", header)
            self.assertNotIn(b"Bcc:", header)
        self.eventually("Sent Items", lambda: self.okapi.subjects(
            "anna", "Sent Items") == ["round trip"])
        self.assertEqual(self.okapi.queue(), [])
        # This Postfix offers CHUNKING: from the second connection on it is
        # given BDAT, several messages over one connection.
        texts = [b"Subject: chunk %d\n\n.\n..\nlast %d" % (i, i)
                 for i in range(5)]
        for text in texts:
            done = self.okapi.sendmail(text, "-i", "-f", "anna@okapi.test",
                                       "bert@okapi.test")
            self.assertEqual(done.status, 0, done)
        for i in range(5):
            self.arrived(postfix, "bert", f"chunk {i}")
        said = re.compile(r"disconnect from .* bdat=\d+ quit=1 commands")
        self.eventually("its last line",
                        lambda: said.search(postfix.process.text()))
        for mail in self.okapi.mails("bert", "Inbox"):
            number = mail["subject"][-1:]
            if mail["subject"].startswith("chunk"):
                self.assertTrue(self.okapi.raw("bert", mail["id"]).endswith(
                    b"\r\n\r\n.\r\n..\r\nlast %s\r\n" % number.encode()))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""LMTP as a client meets it: every reply that docs/protocol.md has."""

import email
import email.policy
import os
import select
import signal
import socket
import sqlite3
import stat
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.certificates import certificate  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402
from harness.process import PATIENCE  # noqa: E402
from harness.served import ANNA, BERT, Served  # noqa: E402


class Delivery(Served):
    def test_delivered_is_in_the_inbox_byte_for_byte(self):
        data = crlf(message("first"))
        reply, = self.client().deliver("carol@example.org", [ANNA], data)
        self.assert_reply(reply, 250, "2.1.5")
        mail, = self.okapi.mails("anna")
        self.assertEqual((mail["folder"], mail["subject"], mail["read"]),
                         ("Inbox", "first", False))
        raw = self.okapi.raw("anna", mail["id"])
        self.assertTrue(raw.endswith(data), raw)
        trace = raw[:-len(data)].decode()
        for name, count in (("Return-Path: <carol@example.org>", 1),
                            ("Delivered-To: ", 1), ("Received: ", 1)):
            self.assertEqual(trace.count(name), count, trace)

    def test_features(self):
        code, text = self.client().features
        self.assertEqual(code, 250)
        offered = text.split("\n")[1:]
        for word in ("PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME",
                     "SMTPUTF8", "CHUNKING"):
            self.assertIn(word, offered)
        self.assertIn(f"SIZE {50 << 20}", offered)
        self.assertNotIn("STARTTLS", offered)

    def test_a_reply_for_each_recipient_in_order(self):
        client = self.client()
        replies = client.envelope("c@example.org",
                                  [ANNA, "nobody@okapi.test", BERT, ANNA])
        self.assert_reply(replies[1], 250, "2.1.5")
        self.assert_reply(replies[2], 550, "5.1.1")
        self.assert_reply(replies[3], 250, "2.1.5")
        self.assert_reply(replies[4], 250, "2.1.5")
        for reply in client.data(crlf(message("several")), 3):
            self.assert_reply(reply, 250, "2.1.5")
        self.assertEqual(self.okapi.subjects("anna"), ["several"],
                         "named twice: two replies, one copy")
        self.assertEqual(self.okapi.subjects("bert"), ["several"])

    def test_pipelined_transactions(self):
        client = self.client()
        data = b"Subject: piped\r\nMessage-ID: <%d@x>\r\n\r\nx\r\n"
        client.send(b"".join(
            b"MAIL FROM:<p%d@example.org>\r\nRCPT TO:<anna>\r\nDATA\r\n" % i
            for i in range(1)))
        self.assertEqual([client.reply()[0] for _ in range(3)],
                         [250, 250, 354])
        client.send(data % 0 + b".\r\nMAIL FROM:<p@example.org>\r\n"
                    b"RCPT TO:<anna>\r\nRCPT TO:<x@nowhere>\r\nDATA\r\n")
        self.assertEqual([client.reply()[0] for _ in range(5)],
                         [250, 250, 250, 550, 354])
        client.send(data % 1 + b".\r\nNOOP\r\nQUIT\r\n")
        self.assertEqual([client.reply()[0] for _ in range(3)],
                         [250, 250, 221])
        self.assertEqual(self.okapi.subjects("anna"), ["piped", "piped"])

    def test_every_octet_is_kept(self):
        bodies = {
            "nul": b"a\0b\r\n", "bare cr": b"a\rb\r\n", "bare lf": b"a\nb\r\n",
            "dot lines": b".\r\n..\r\n...x\r\n", "eight bit": b"\xff\xfe\r\n",
            "dot after bare lf": b"a\n.\r\nb\n.\nc\r\n",
            "dot after bare cr": b"a\r.\r\r\nb\r\n",
            "long line": b"x" * 200000 + b"\r\n", "no body": b"",
        }
        client = self.client()
        for name, body in bodies.items():
            with self.subTest(name):
                data = b"Subject: " + name.encode() + b"\r\n\r\n" + body
                for reply in client.deliver("o@example.org", [ANNA], data):
                    self.assert_reply(reply, 250)
        self.assertEqual(self.okapi.subjects("anna"), sorted(bodies))
        for mail in self.okapi.mails("anna"):
            data = (b"Subject: " + mail["subject"].encode() + b"\r\n\r\n"
                    + bodies[mail["subject"]])
            self.assertTrue(self.okapi.raw("anna", mail["id"]).endswith(data),
                            mail["subject"])

    def test_only_crlf_dot_crlf_ends_the_data(self):
        """SMTP smuggling: other forms of an end are data."""
        client = self.client()
        client.envelope("s@example.org", [ANNA])
        client.command("DATA")
        client.send(b"Subject: smuggled\r\n\r\nx\n.\n\r.\r\n\n.\r\n.\r\r\n"
                    b"MAIL FROM:<evil@example.org>\r\n.\r\n")
        self.assert_reply(client.reply(), 250, "2.1.5")
        self.assert_reply(client.command("NOOP"), 250)
        self.assertEqual(len(self.okapi.mails("anna")), 1)

    def test_bdat(self):
        client = self.client()
        client.envelope("b@example.org", [ANNA, BERT])
        client.send(b"BDAT 19\r\nSubject: chunks\r\n\r\n")
        self.assert_reply(client.reply(), 250)
        client.send(b"BDAT 8 LAST\r\n.\r\nx\n.\r\n")
        for _ in range(2):
            self.assert_reply(client.reply(), 250, "2.1.5")
        for user in ("anna", "bert"):
            mail, = self.okapi.mails(user)
            self.assertTrue(self.okapi.raw(user, mail["id"]).endswith(
                b"Subject: chunks\r\n\r\n.\r\nx\n.\r\n"))

    def test_who_is_meant(self):
        self.okapi.must("user", "create", "dora", "--email",
                        "d.duck@xn--bcher-kva.test", "--alias",
                        "duck@okapi.test")
        client = self.client()
        for rcpt, code in (("dora", 250), ("DORA", 250),
                           ("duck@okapi.test", 250), ("Duck@OKAPI.test", 250),
                           ("duck+lists@okapi.test", 250),
                           ("D.Duck@xn--bcher-kva.test", 250),
                           ("d.duck@b\u00fccher.test", 250),
                           ("duck@example.org", 550), ("du ck", 0),
                           ("dora-x@okapi.test", 550)):
            with self.subTest(rcpt):
                client.command("MAIL FROM:<x@example.org> SMTPUTF8")
                reply = client.command(f"RCPT TO:<{rcpt}>".encode())
                if code:
                    self.assertEqual(reply[0], code, reply)
                else:
                    self.assertIn(reply[0] // 100, (5,), reply)
                client.command("RSET")

    def test_the_protocol_of_smtputf8(self):
        client = self.client()
        client.command("MAIL FROM:<x@example.org> SMTPUTF8")
        client.command(f"RCPT TO:<{ANNA}>")
        client.command("DATA")
        self.assert_reply(client.command(crlf(message("utf8")) + b"."), 250)
        mail, = self.okapi.mails("anna")
        self.assertIn(b") with UTF8LMTP id ",
                      self.okapi.raw("anna", mail["id"]))

    def test_dots_that_need_quotes(self):
        """An alias as some hosts hand it out, as it is written and as Postfix
        writes it."""
        self.okapi.must("user", "set", "anna", "--alias", "a..b@okapi.test")
        for number, path in enumerate(("a..b@okapi.test",
                                       '"a..b"@okapi.test')):
            reply, = self.client().deliver("c..d@x.test", [path],
                                           crlf(message(f"m{number}")))
            self.assert_reply(reply, 250)
            mail, = [m for m in self.okapi.mails("anna")
                     if m["subject"] == f"m{number}"]
            self.assertIn(b'Return-Path: <"c..d"@x.test>\r\n'
                          b'Delivered-To: "a..b"@okapi.test\r\n',
                          self.okapi.raw("anna", mail["id"]))

    def test_null_sender(self):
        reply, = self.client().deliver("", [ANNA], crlf(message("bounce")))
        self.assert_reply(reply, 250)
        mail, = self.okapi.mails("anna")
        self.assertIn(b"Return-Path: <>\r\n",
                      self.okapi.raw("anna", mail["id"]))

    def test_repeated_after_a_lost_250_is_stored_once(self):
        data = crlf(message("repeat"))
        client = self.client()
        client.envelope("c@example.org", [ANNA, BERT])
        client.command("DATA")
        client.send(data + b".\r\n")
        time.sleep(0.5)
        client.close()  # after the dot, before reading the replies
        again = self.client()
        for reply in again.deliver("c@example.org", [ANNA, BERT], data):
            self.assert_reply(reply, 250, "2.1.5")
        self.assertEqual(len(self.okapi.mails("anna")), 1)
        self.assertEqual(len(self.okapi.mails("bert")), 1)
        self.okapi.dagent.wait_for("duplicate of")
        # Another sender, another recipient or other content is no repetition.
        again.deliver("d@example.org", [ANNA], data)
        again.deliver("c@example.org", [ANNA], data + b"x\r\n")
        self.assertEqual(len(self.okapi.mails("anna")), 3)

    def test_a_recipient_has_many_names(self):
        """a login is its address; another detail, and another address, are
        other recipients"""
        data = crlf(message("names"))
        self.okapi.must("user", "set", "anna", "--alias", "anne@okapi.test")
        for names, copies in ((("anna", ANNA, "ANNA", "Anna@OKAPI.test"), 1),
                              (("anna+a", "anna+a@okapi.test"), 2),
                              (("anna+b",), 3), (("anne@okapi.test",), 4)):
            for name in names:
                with self.subTest(name):
                    reply, = self.client().deliver("c@example.org", [name],
                                                   data)
                    self.assert_reply(reply, 250, "2.1.5")
                    self.assertEqual(len(self.okapi.mails("anna")), copies)

    def test_dropped_within_the_data_is_not_stored(self):
        client = self.client()
        client.envelope("c@example.org", [ANNA])
        client.command("DATA")
        client.send(crlf(message("half")) + b"and then")
        client.close()
        reply, = self.client().deliver("c@example.org", [ANNA],
                                       crlf(message("whole")))
        self.assert_reply(reply, 250)
        self.assertEqual(self.okapi.subjects("anna"), ["whole"])


class Dsn(Served):
    """RFC 3461: who delivers tells of success; the MTA of the rest."""

    def deliver(self, mail="", rcpt="", data=None, sender="c@x.test"):
        client = self.client()
        self.assertIn("DSN", client.features[1].split("\n"))
        self.assert_reply(client.command(f"MAIL FROM:<{sender}>{mail}"), 250)
        self.assert_reply(client.command(f"RCPT TO:<{ANNA}>{rcpt}"), 250)
        reply, = client.data(data or crlf(message("hello")))
        self.assert_reply(reply, 250)

    def reports(self):
        found = []
        for entry in self.okapi.queue():
            done = self.okapi.admin("queue", "show", str(entry["id"]), "--raw")
            found.append((entry, email.message_from_bytes(
                done.raw, policy=email.policy.default)))
        return found

    def test_success(self):
        self.deliver(" RET=HDRS ENVID=QQ314159",
                     " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;info+40x.test")
        (entry, report), = self.reports()
        self.assertEqual(entry["sender"], "")
        self.assertEqual([r["address"] for r in entry["recipients"]],
                         ["c@x.test"])
        self.assertEqual(report.get_content_type(), "multipart/report")
        text, status, original = report.iter_parts()
        self.assertIn("was delivered to", text.get_content())
        message_fields, recipient = status.get_payload()
        self.assertEqual(message_fields["Original-Envelope-Id"], "QQ314159")
        self.assertEqual(recipient["Action"], "delivered")
        self.assertEqual(recipient["Status"], "2.1.5")
        self.assertEqual(recipient["Final-Recipient"], f"rfc822;{ANNA}")
        self.assertEqual(recipient["Original-Recipient"], "rfc822;info@x.test")
        self.assertEqual(original.get_content_type(), "text/rfc822-headers")
        self.assertEqual(report.defects, [])

    def test_nobody_asked(self):
        for rcpt in ("", " NOTIFY=NEVER", " NOTIFY=FAILURE,DELAY"):
            self.deliver(rcpt=rcpt, data=crlf(message("m" + rcpt.strip())))
        self.deliver(rcpt=" NOTIFY=SUCCESS", sender="")
        self.assertEqual(self.okapi.queue(), [])

    def test_once_for_a_repetition(self):
        for _ in range(2):
            self.deliver(rcpt=" NOTIFY=SUCCESS")
        self.assertEqual(len(self.reports()), 1)

    def test_goes_with_a_redirect(self):
        self.okapi.must("rule", "put", "anna", "r", "-",
                        input='redirect "far@y.test";')
        self.deliver(" ENVID=e1 RET=FULL",
                     " NOTIFY=SUCCESS ORCPT=rfc822;anna@okapi.test")
        (entry, _), = self.reports()
        self.assertEqual(entry["sender"], "c@x.test")
        with sqlite3.connect(self.okapi.settings["store_path"]) as store:
            self.assertEqual(
                store.execute("SELECT dsn_notify, dsn_orcpt FROM"
                              " outgoingrecipients").fetchall(),
                [(2, "rfc822;anna@okapi.test")])

    def test_rules_see_it(self):
        self.okapi.must(
            "rule", "put", "anna", "r", "-", input=
            'require ["envelope", "envelope-dsn", "fileinto", "mailbox"];'
            'if allof(envelope "orcpt" "rfc822;info@okapi.test",'
            ' envelope "notify" ["DELAY", "x"], envelope "ret" "HDRS",'
            ' envelope "envid" "e2") { fileinto :create "Info"; }')
        for number, (mail, rcpt, folder) in enumerate((
                (" RET=HDRS ENVID=e2",
                 " NOTIFY=FAILURE,DELAY ORCPT=rfc822;info@okapi.test", "Info"),
                (" RET=HDRS ENVID=e2",
                 " NOTIFY=FAILURE ORCPT=rfc822;info@okapi.test", "Inbox"),
                ("", "", "Inbox"))):
            self.deliver(mail, rcpt, crlf(message(f"n{number}")))
            found, = [m for m in self.okapi.mails("anna")
                      if m["subject"] == f"n{number}"]
            self.assertEqual(found["folder"], folder)
        done = self.okapi.admin("rule", "check", "-", input=
                                'require "envelope"; if envelope "orcpt" "x"'
                                ' { stop; }')
        self.assertEqual(done.status, 65, done)
        self.assertIn("envelope-dsn", done.out + done.err)

    def test_a_redirect_goes_in_the_name_of_a_path_only(self):
        """What a client wrote as ORCPT may be none."""
        self.okapi.configure(sieve_redirect_envelope_from="orig_recipient")
        self.okapi.dagent.child.send_signal(signal.SIGHUP)
        self.okapi.dagent.wait_for("reloaded")
        self.okapi.must("rule", "put", "anna", "r", "-",
                        input='redirect "z@y.test";')
        for i, (orcpt, sender) in enumerate((
                ("info@okapi.test", "info@okapi.test"),
                ("no+20path", ANNA), ("a@b>+20<c@d", ANNA))):
            self.deliver(rcpt=f" ORCPT=rfc822;{orcpt}",
                         data=crlf(message(f"m{i}")))
            found, = [q for q in self.okapi.queue()
                      if q["subject"] == f"m{i}"]
            self.assertEqual(found["sender"], sender)

    def test_out_of_office_knows_the_alias(self):
        self.okapi.must("oof", "on", "anna", "--subject", "Away",
                        "--message-file", "/dev/stdin", input="x\n")
        data = crlf(message("m", to="info@okapi.test"))
        self.deliver(data=data)
        self.assertEqual(self.okapi.queue(), [])
        self.deliver(rcpt=" ORCPT=rfc822;info@okapi.test",
                     data=data.replace(b"Hello", b"Again"))
        self.assertEqual(len(self.okapi.queue()), 1)


class Proxy(Served):
    def test_the_trace_names_the_client_behind_it(self):
        client = self.client()
        self.assertIn("XCLIENT NAME ADDR", client.features[1])
        self.assert_reply(client.command(
            "XCLIENT ADDR=192.0.2.7 HELO=spike.example"), 220)
        self.assert_reply(client.command("MAIL FROM:<a@x>"), 503)
        self.assert_reply(client.command("LHLO proxy.test"), 250)
        reply, = client.deliver("c@x.test", [ANNA], crlf(message("behind")))
        self.assert_reply(reply, 250)
        mail, = self.okapi.mails("anna")
        self.assertIn(b"Received: from spike.example ([192.0.2.7])",
                      self.okapi.raw("anna", mail["id"]))

    def test_binarymime(self):
        client = self.client()
        self.assertIn("BINARYMIME", client.features[1].split("\n"))
        data = crlf(message("binary")) + b"\0\r\n.\r\n\xff\n"
        self.assert_reply(client.command(
            "MAIL FROM:<c@x.test> BODY=BINARYMIME"), 250)
        self.assert_reply(client.command(f"RCPT TO:<{ANNA}>"), 250)
        self.assert_reply(client.command("DATA"), 503)
        client.send(b"BDAT %d LAST\r\n" % len(data) + data)
        self.assert_reply(client.reply(), 250)
        mail, = self.okapi.mails("anna")
        self.assertTrue(self.okapi.raw("anna", mail["id"]).endswith(data))


class Crowd(Served):
    settings = {"lmtp_max_sessions_per_peer": 2, "lmtp_message_timeout": "2s"}

    def test_one_peer_has_its_share(self):
        first, second = self.client(), self.client()
        with self.assertRaises(EOFError):
            third = self.client(hello=None)
            self.assert_reply(third.greeting, 421, "4.5.3")
            third.reply()
        first.quit()
        self.eventually("room again", lambda: self.client(
            hello=None).greeting[0] == 220)
        self.assert_reply(second.command("NOOP"), 250)

    def test_an_octet_now_and_then(self):
        """A client that never pauses for long but does not end either."""
        client = self.client()
        client.envelope("c@x.test", [ANNA])
        self.assert_reply(client.command("DATA"), 354)
        begun = time.monotonic()
        while not select.select([client.socket], [], [], 0.2)[0]:
            self.assertLess(time.monotonic() - begun, PATIENCE)
            client.send(b"x")
        self.assert_reply(client.reply(), 421, "4.4.2")
        with self.assertRaises((EOFError, OSError)):
            client.reply()
        self.assertEqual(self.okapi.mails("anna"), [])


class Room(Served):
    """lmtp_max_sessions is for each door: whoever sits in one keeps nobody
    from the other."""

    settings = {"lmtp_max_sessions": 2}

    def private(self):
        client = Lmtp(os.path.join(self.okapi.settings["run_dir"],
                                   "dagent.sock"))
        self.addCleanup(client.close)
        return client

    def waits(self, address):
        """A client that is not greeted; closed again."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family) as one:
            one.connect(address)
            self.assertEqual(select.select([one], [], [], 0.3)[0], [])

    def test_of_lmtp(self):
        for _ in range(2):
            self.client()
        self.waits(("127.0.0.1", self.okapi.port))
        done = self.okapi.deliver(message("beside"), "anna", timeout=PATIENCE)
        self.assertEqual(done.status, 0, done)

    def test_of_programs(self):
        for _ in range(2):
            self.private()
        self.waits(os.path.join(self.okapi.settings["run_dir"],
                                "dagent.sock"))
        reply, = self.client().deliver("c@x.test", [ANNA],
                                       crlf(message("beside")))
        self.assert_reply(reply, 250)


class Refusals(Served):
    settings = {"message_size_limit": 1}

    def test_commands(self):
        for line, code, status in (
                (b"EHLO x", 5, ""), (b"HELO x", 5, ""), (b"BOGUS", 5, "5.5"),
                (b"MAIL FROM:a@b.test", 5, "5."),
                (b"MAIL FROM:<a@b.test", 5, "5."),
                (b"MAIL FROM:<a@b> FOO=1", 5, "5.5.4"),
                (b"MAIL FROM:<a@b> SIZE=x", 5, "5.5.4"),
                (b"RCPT TO:<anna>", 5, "5.5.1"), (b"DATA", 5, "5.5.1"),
                (b"NOOP\0", 5, "5."), (b"NO\rOP", 5, "5."),
                (b"MAIL FROM:<a@b> SIZE=2000000", 5, "5.3.4"),
                (b"NOOP " + b"x" * 5000, 5, "5."),
                (b"NOOP", 2, "2."), (b"RSET", 2, "2."), (b"VRFY anna", 2, "2.")):
            with self.subTest(line[:40]), \
                    Lmtp(("127.0.0.1", self.okapi.port)) as client:
                reply = client.command(line)
                self.assertEqual(reply[0] // 100, code, reply)
                self.assertTrue(reply[1].startswith(status), reply)
                self.assertNotIn("\n", reply[1])

    def test_a_bare_lf_ends_no_command(self):
        client = self.client()
        client.send(b"NOOP\nMAIL FROM:<x@y.test>\r\n")
        reply = client.reply()
        self.assertEqual(reply[0] // 100, 5, reply)

    def test_twenty_errors_end_the_session(self):
        client = self.client()
        codes = []
        try:
            for _ in range(25):
                codes.append(client.command("BOGUS"))
        except (EOFError, ConnectionError):
            pass
        self.assertLessEqual(len(codes), 22)
        self.assert_reply(codes[-1], 421, "4.7.0")

    def test_too_large(self):
        client = self.client()
        client.envelope("c@example.org", [ANNA, BERT])
        big = b"Subject: big\r\n\r\n" + b"x" * 78 * 15000 + b"\r\n"
        for reply in client.data(big, 2):
            self.assert_reply(reply, 552, "5.3.4")
        reply, = client.deliver("c@example.org", [ANNA], b"Subject: x\r\n\r\n")
        self.assert_reply(reply, 250)

    def test_a_hundred_hops(self):
        hops = b"Received: from a by b; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
        client = self.client()
        reply, = client.deliver("c@x.test", [ANNA],
                                hops * 101 + b"Subject: loop\r\n\r\n")
        self.assert_reply(reply, 554, "5.4.6")
        reply, = client.deliver("c@x.test", [ANNA],
                                hops * 100 + b"Subject: far\r\n\r\n")
        self.assert_reply(reply, 250, "2.1.5")

    def test_over_quota(self):
        self.okapi.must("user", "set", "anna", "--quota-hard", "1")
        client = self.client()
        half = b"Subject: half %d\r\n\r\n" + b"x" * 600000 + b"\r\n"
        reply, = client.deliver("c@x.test", [ANNA], half % 1)
        self.assert_reply(reply, 250)
        replies = client.envelope("c@x.test", [ANNA, BERT])
        self.assert_reply(replies[1], 250)
        replies = client.data(half % 2, 2)
        self.assert_reply(replies[0], 552, "5.2.2")
        self.assert_reply(replies[1], 250, "2.1.5")
        client.command("MAIL FROM:<c@x.test> SIZE=600000")
        self.assert_reply(client.command("RCPT TO:<anna>"), 552, "5.2.2")
        self.assertEqual(self.okapi.subjects("anna"), ["half 1"])
        self.okapi.configure(quota_tempfail="yes")
        self.okapi.dagent.child.send_signal(signal.SIGHUP)

        def temporary():
            client = self.client()
            return client.deliver("c@x.test", [ANNA], half % 3)[0]
        self.eventually("452 after a reload",
                        lambda: temporary()[0] == 452)
        self.assert_reply(temporary(), 452, "4.2.2")

    def test_refused_at_rcpt_is_in_the_log(self):
        client = self.client()
        client.command("MAIL FROM:<c@example.org> SIZE=4711")
        client.command("RCPT TO:<nobody@okapi.test>")
        line = self.okapi.dagent.wait_for("to=nobody@okapi.test")
        for word in ("delivery id=", " from=c@example.org ", " size=4711 ",
                     " result=refused ", " status=5.1.1 ", " time="):
            self.assertIn(word, line)

    def test_a_rule_rejects(self):
        self.okapi.must("rule", "put", "anna", "no", "-", input=(
            'require "reject";\n'
            'if header :contains "subject" "offer" { reject "No, thanks."; }'))
        reply, = self.client().deliver("c@x.test", [ANNA],
                                       crlf(message("special offer")))
        self.assert_reply(reply, 550, "5.7.1")
        self.assertEqual(self.okapi.mails("anna"), [])


class StoreTrouble(Served):
    settings = {"store_timeout": "1s"}

    def test_locked_by_another_program_is_temporary(self):
        other = sqlite3.connect(self.okapi.settings["store_path"],
                                isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        data = crlf(message("later"))
        reply = self.client().deliver("c@x.test", [ANNA], data)[0]
        self.assertEqual(reply[0], 451, reply)
        self.assertTrue(reply[1].startswith("4.3"), reply)
        done = self.okapi.deliver(message("later too"), "anna")
        self.assertEqual(done.status, 75, done)
        self.assertTrue(done.first_line.startswith("4."), done)
        other.execute("ROLLBACK")
        other.close()
        reply, = self.client().deliver("c@x.test", [ANNA], data)
        self.assert_reply(reply, 250)
        self.assertEqual(self.okapi.subjects("anna"), ["later"])

    def test_many_recipients_wait_for_it_once(self):
        """Or an MTA would have given up long before the last reply."""
        paths = [f"anna+{n}@okapi.test" for n in range(40)]
        self.okapi.must("oof", "on", "anna", "--subject", "away",
                        "--message-file", "-", input="away")
        other = sqlite3.connect(self.okapi.settings["store_path"],
                                isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        client = self.client()
        for to in (paths, paths[:1]):
            begun = time.monotonic()
            replies = client.deliver("c@x.test", to, crlf(message("later")))
            self.assertLess(time.monotonic() - begun, 30)  # not 40 of 1 s
            self.assertEqual([reply[0] for reply in replies],
                             [451] * len(to))
        other.execute("ROLLBACK")
        other.close()
        replies = client.deliver("c@x.test", paths, crlf(message("later")))
        self.assertEqual([reply[0] for reply in replies], [250] * 40)
        self.assertEqual(len(self.okapi.mails("anna", "Inbox")), 40)


class Listeners(Case):
    def test_unix_listener_has_mode_and_owner(self):
        self.needs_root()
        directory = self.directory()
        path = os.path.join(directory, "lmtp.sock")
        okapi = Okapi(directory, lmtp_listen=f"unix:{path}",
                      lmtp_unix_mode="0620", lmtp_unix_owner="mail:daemon")
        self.addCleanup(okapi.stop)
        okapi.start_dagent()
        info = os.stat(path)
        self.assertTrue(stat.S_ISSOCK(info.st_mode))
        self.assertEqual(stat.S_IMODE(info.st_mode), 0o620)
        self.assertEqual((info.st_uid, info.st_gid), (8, 1))
        with Lmtp(path) as client:
            reply, = client.deliver("c@x.test", [ANNA], crlf(message("unix")))
        self.assertEqual(reply[0], 250, reply)
        okapi.stop()
        self.assertFalse(os.path.exists(path), "a clean stop removes it")

    def test_processes_of_this_machine_are_no_peer(self):
        """lmtp_max_sessions_per_peer is about hosts."""
        directory = self.directory()
        path = os.path.join(directory, "lmtp.sock")
        okapi = Okapi(directory, lmtp_listen=f"unix:{path}",
                      lmtp_max_sessions_per_peer=1)
        self.addCleanup(okapi.stop)
        okapi.start_dagent()
        with Lmtp(path) as one, Lmtp(path) as other:
            self.assertEqual(one.command("NOOP")[0], 250)
            self.assertEqual(other.command("NOOP")[0], 250)

    def test_a_stale_socket_is_replaced(self):
        directory = self.directory()
        path = os.path.join(directory, "lmtp.sock")
        okapi = Okapi(directory, lmtp_listen=f"unix:{path}")
        self.addCleanup(okapi.stop)
        okapi.start_dagent().kill()
        okapi.start_dagent()
        Lmtp(path).quit()

    def test_a_reload_that_fails_leaves_them(self):
        directory = self.directory()
        path = os.path.join(directory, "lmtp.sock")
        okapi = Okapi(directory, lmtp_listen=f"unix:{path}")
        self.addCleanup(okapi.stop)
        dagent = okapi.start_dagent()
        places = path, os.path.join(directory, "run", "dagent.sock")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            for more in ("nonsense", f"127.0.0.1:{taken.getsockname()[1]}",
                         f"unix:{directory}/missing/lmtp.sock"):
                with self.subTest(more):
                    okapi.configure(lmtp_listen=f"unix:{path} {more}")
                    told = len(dagent.lines)
                    dagent.child.send_signal(signal.SIGHUP)
                    dagent.wait_for("not reloaded", since=told)
                    for place in places:
                        Lmtp(place).quit()
        okapi.configure(lmtp_listen=f"unix:{path}")
        told = len(dagent.lines)
        dagent.child.send_signal(signal.SIGHUP)
        dagent.wait_for("reloaded", since=told)
        for place in places:
            Lmtp(place).quit()

    def test_shutdown_says_421(self):
        okapi = Okapi(self.directory())
        self.addCleanup(okapi.stop)
        dagent = okapi.start_dagent()
        client = Lmtp(("127.0.0.1", okapi.port))
        dagent.child.send_signal(signal.SIGTERM)
        code, text = client.reply()
        self.assertEqual((code, text[:5]), (421, "4.3.2"), text)
        self.assertEqual(dagent.child.wait(60), 0)

    def test_nobody_holds_up_a_stop(self):
        """Who takes no replies, and who never shakes hands: a grace of 30 s
        is for messages."""
        directory = self.directory()
        cert, key = certificate(directory)
        okapi = Okapi(directory, tls_cert_file=cert, tls_key_file=key)
        self.addCleanup(okapi.stop)
        dagent = okapi.start_dagent()
        for _ in ("before a reload", "after it"):
            deaf = Lmtp(("127.0.0.1", okapi.port), timeout=0.5)
            self.addCleanup(deaf.close)
            with self.assertRaises(TimeoutError):
                while True:
                    deaf.send(b"NOOP\r\n" * 10000)
            mute = Lmtp(("127.0.0.1", okapi.port))
            self.addCleanup(mute.close)
            self.assertEqual(mute.command("STARTTLS")[0], 220)
            told = len(dagent.lines)
            dagent.child.send_signal(signal.SIGHUP)
            dagent.wait_for("reloaded", since=told)
        self.assertEqual(dagent.stop(timeout=15), 0)

    def test_idle_too_long_says_421(self):
        okapi = Okapi(self.directory(), lmtp_timeout="1s")
        self.addCleanup(okapi.stop)
        okapi.start_dagent()
        client = Lmtp(("127.0.0.1", okapi.port))
        self.assertEqual(client.reply()[0], 421)

    def test_sigint_ends_clean_and_frees_the_port(self):
        okapi = Okapi(self.directory())
        dagent = okapi.start_dagent()
        self.assertEqual(dagent.stop(signal.SIGINT), 0)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", okapi.port))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Every fault at every command of the relay host: nothing is lost, nothing
goes twice outside of the window, and only what is final is reported."""

import email
import os
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import main  # noqa: E402
from harness.certificates import certificate  # noqa: E402
from harness.okapi import TOP, message  # noqa: E402
from test_spooler import Relay, Sending  # noqa: E402

# What the relay host does once, and what that makes of a message by default.
FAULTS = {
    "4xx": ("451 4.3.0 later", "waiting"),
    "5xx": ("554 5.7.1 never", "failed"),
    "421": ("421 4.3.2 closing", "waiting"),
    "drop": ("drop", "waiting"),
    "slow": ("delay 0.2", "sent"),
    "nonsense": ("raw no such protocol\\r\\n", "waiting"),
    "binary": ("raw \\0\\xff\\x80\\r\\n\\0\\r\\n", "waiting"),
    "half": ("cut 25", "waiting"),
    "half 5xx": ("cut 554 5.7.1 never", "waiting"),
    "flood": ("flood 10000 250", "waiting"),
    "floods": ("flood 10000 450", "waiting"),
}
# A final reply to the session speaks of the session, not of the message.
OTHERWISE = {
    ("CONNECT", "5xx"): "waiting",
    ("EHLO", "5xx"): "waiting",
    ("STARTTLS", "5xx"): "waiting",
    ("AUTH", "5xx"): "waiting",
    ("EHLO", "flood"): "sent",  # long, but what it offers is clear
}
# What the relay host has taken and we cannot know: it goes again.
WINDOW = {("DOT", "flood")}


class Faulty(Sending):
    """What a table of faults makes of messages; by another transport, other
    things are otherwise."""
    otherwise = OTHERWISE
    window = WINDOW

    def once(self, relay):
        result = self.okapi.run(
            "okapi-spooler", "-c", self.okapi.config, "--once", "-o",
            f"smtp_server=127.0.0.1:{relay.port}")
        self.assertIn(result.status, (0, 75), repr(result))
        return result.status

    def outcome(self, relay, subject):
        """What became of the one message in the queue after one run."""
        self.once(relay)
        waiting = [e for e in self.okapi.queue() if e["subject"] == subject]
        if waiting:
            return waiting[0]["recipients"][0]["state"]
        if subject in self.okapi.subjects("anna", "Sent Items"):
            return "sent"
        self.assertIn(subject, self.okapi.subjects("anna", "Outbox"))
        return "failed"

    def table(self, verb, options=(), **settings):
        self.okapi_with(None, **settings)
        for fault, (action, usual) in FAULTS.items():
            expected = self.otherwise.get((verb, fault), usual)
            with self.subTest(f"{verb} {fault}"):
                relay = Relay(self, f"{verb}*1={action}", options=options)
                subject = f"{verb} {fault}"
                self.send(message(subject), "x@example.org")
                self.assertEqual(self.outcome(relay, subject), expected)
                if expected == "waiting":
                    self.okapi.must("queue", "retry", "--all")
                    self.assertEqual(self.outcome(relay, subject), "sent")
                taken = [email.message_from_bytes(octets)["Subject"]
                         for _, octets in relay.messages()]
                relay.close()
                times = 0 if expected == "failed" else \
                    2 if (verb, fault) in self.window else 1
                self.assertEqual(taken, [subject] * times)
        reports = self.okapi.subjects("anna", "Inbox")
        self.assertEqual(reports, [
            f"Undeliverable: {verb} {fault}" for fault, (_, usual)
            in FAULTS.items()
            if self.otherwise.get((verb, fault), usual) == "failed"])


class Faults(Faulty):
    def test_greeting(self):
        self.table("CONNECT")

    def test_ehlo(self):
        self.table("EHLO")

    def test_mail(self):
        self.table("MAIL")

    def test_rcpt(self):
        self.table("RCPT")

    def test_data(self):
        self.table("DATA")

    def test_dot(self):
        self.table("DOT")

    def test_codes_without_a_text(self):
        self.okapi_with(None)
        for verb, code, expected in (("CONNECT", "220", "sent"),
                                     ("EHLO", "250", "sent"),
                                     ("MAIL", "250", "sent"),
                                     ("RCPT", "250", "sent"),
                                     ("RCPT", "550", "failed"),
                                     ("DATA", "354", "sent"),
                                     ("DOT", "250", "sent"),
                                     ("DOT", "451", "waiting")):
            with self.subTest(f"{verb} {code}"):
                relay = Relay(self, f"{verb}={code}")
                subject = f"{verb} {code}"
                self.send(message(subject), "x@example.org")
                self.assertEqual(self.outcome(relay, subject), expected)
                self.okapi.must("queue", "delete", "--all", "--yes")
                relay.close()

    def test_a_reply_of_a_thousand_lines_is_understood_the_second_time(self):
        for verb in ("RCPT", "DOT"):
            relay = Relay(self, f"{verb}=flood 1000 554")
            okapi = self.okapi_with(relay, queue_retry_min="1s")
            okapi.start_spooler()
            self.send(message(verb), "x@example.org")
            self.queue_empties()
            okapi.spooler.wait_for("554")
            self.assertEqual(okapi.subjects("anna", "Inbox"),
                             [f"Undeliverable: {verb}"])
            okapi.stop()
            relay.close()

    def test_a_code_with_an_lf_alone_is_understood_the_second_time(self):
        relay = Relay(self, "DOT=raw 250\\n")
        okapi = self.okapi_with(relay, queue_retry_min="1s")
        okapi.start_spooler()
        self.send(message("bare"), "x@example.org")
        self.queue_empties()
        okapi.spooler.wait_for("result=sent")
        self.assertEqual(okapi.spooler.text().count(" result="), 2,
                         okapi.spooler.text())
        okapi.stop()
        relay.close()

    def test_starttls(self):
        cert, key = certificate(self.directory(), "DNS:any.test")
        self.table("STARTTLS", ("--tls-cert", cert, "--tls-key", key),
                   smtp_tls="required")

    def test_auth(self):
        password = os.path.join(self.directory(), "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write("secret\n")
        os.chmod(password, 0o600)
        # One mechanism: libesmtp tries all there are.
        self.table("AUTH", ("--auth", "anna:secret", "--auth-required",
                            "--auth-mechs", "PLAIN"),
                   smtp_user="anna", smtp_password_file=password)

    def test_a_relay_that_hangs_or_drips_costs_its_time_only(self):
        relay = Relay(self, "CONNECT*1=hang", "EHLO*1=drip 0.3",
                      "DATA*1=drip 0.3", "MAIL:m@**1=hang",
                      "RCPT:r@**1=drip 0.3", "DOT:d@**1=hang")
        okapi = self.okapi_with(relay, smtp_timeout="1s", queue_retry_max="1s")
        okapi.start_spooler()
        for name in "mrdx":
            self.send(message(name), "-f", f"{name}@okapi.test",
                      f"{name}@example.org")
        self.queue_empties()
        okapi.spooler.wait_for("did not answer in time")
        okapi.spooler.wait_for("did not answer the end")
        self.assertEqual(sorted(email.message_from_bytes(octets)["Subject"]
                                for _, octets in relay.messages()),
                         list("dmrx"))

    def test_refused_recipients_get_no_data(self):
        for options in ((), ("--no-ext", "PIPELINING")):
            relay = Relay(self, "RCPT:no*=550 5.1.1 no", options=options)
            okapi = self.okapi_with(relay)
            self.send(message("a"), "no@example.org", "no2@example.org")
            self.once(relay)
            self.assertNotIn("DATA", relay.log())
            self.send(message("b"), "yes@example.org", "no@example.org")
            self.assertEqual(self.outcome(relay, "b"), "sent")
            self.assertEqual(len(okapi.mails("anna", "Inbox")), 2)

    def test_a_relay_that_is_down_for_a_while_gets_all_of_it(self):
        relay = Relay(self)
        okapi = self.okapi_with(relay)
        relay.close()
        okapi.start_spooler()
        for i in range(60):
            self.send(message(f"m{i:02}"), "x@example.org")
        self.eventually("a try", lambda: "relay host" in okapi.spooler.text())
        again = Relay(self, port=relay.port)
        self.queue_empties()
        subjects = sorted(email.message_from_bytes(octets)["Subject"]
                          for _, octets in again.messages())
        self.assertEqual(subjects, [f"m{i:02}" for i in range(60)])

    def test_two_spoolers_share_a_queue_and_one_dies(self):
        relay = Relay(self, "DOT=delay 0.1")
        okapi = self.okapi_with(None)
        first = okapi.start_spooler()
        for i in range(60):
            self.send(message(f"m{i:02}"), "x@example.org")
        okapi.stop()
        okapi.must("queue", "hold", "--all")
        okapi.configure(smtp_server=f"127.0.0.1:{relay.port}")
        first = okapi.start_spooler()
        second = okapi.start_spooler()
        second.wait_for("another spooler answers")
        okapi.must("queue", "release", "--all")
        self.eventually("some sent", lambda: len(relay.messages()) > 10)
        first.kill()
        self.queue_empties()
        taken = [email.message_from_bytes(octets)["Subject"]
                 for _, octets in relay.messages()]
        self.assertEqual(set(taken), {f"m{i:02}" for i in range(60)})
        # At most what each of the first one's sessions had under way.
        self.assertLessEqual(len(taken), 60 + 8)
        second.wait_for("result=sent")
        self.send(message("later"), "x@example.org")
        self.eventually("by the drop directory", lambda: any(
            b"Subject: later" in octets for _, octets in relay.messages()))

    def test_two_that_run_once_share_the_drop_directory(self):
        """Whoever ends last knows that nothing is left."""
        relay = Relay(self)
        okapi = self.okapi_with(relay)
        for i in range(40):
            self.send(message(f"m{i:02}"), "x@example.org")
        both = [okapi.start_spooler("--once", wait=False) for _ in range(2)]
        for one in both:
            self.eventually("it ends", lambda one=one: not one.running())
        self.assertIn(0, [one.child.returncode for one in both])
        self.assertEqual(len(relay.messages()), 40)
        for one in both:
            self.assertNotIn("later try", one.text())


def part(mime, octets, *headers):
    return b"".join([b"--b\r\nContent-Type: ", mime.encode(), b"\r\n",
                     *(h.encode() + b"\r\n" for h in headers), b"\r\n",
                     octets, b"\r\n"])


# Options of Postfix's smtp-sink, and what each makes of a message.
SMTP_SINK = (
    (("-r", "MAIL"), "waiting"), (("-r", "RCPT"), "waiting"),
    (("-r", "DATA"), "waiting"), (("-r", "."), "waiting"),
    (("-f", "MAIL"), "failed"), (("-f", "RCPT"), "failed"),
    (("-f", "DATA"), "failed"), (("-f", "."), "failed"),
    (("-q", "EHLO"), "waiting"), (("-q", "MAIL"), "waiting"),
    (("-q", "RCPT"), "waiting"), (("-q", "DATA"), "waiting"),
    (("-q", "."), "waiting"), (("-Q", "MAIL"), "waiting"),
    (("-Q", "."), "waiting"), (("-w", "1"), "sent"),
    (("-W", "RCPT:1"), "sent"),
)


class SmtpSink(Faulty):
    """The same by a program that is not ours."""

    def test_reply_delay_and_drop(self):
        self.okapi_with(None)
        for options, expected in SMTP_SINK:
            subject = " ".join(options)
            with self.subTest(subject):
                sink = mta.SmtpSink(self, self.directory(), *options)
                self.eventually("smtp-sink listens", lambda s=sink: listens(
                    s.port))
                self.send(message(subject), "x@example.org")
                self.assertEqual(self.outcome(sink, subject), expected)
                sink.process.kill()
                self.okapi.must("queue", "delete", "--all", "--yes")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Addresses(Sending):
    """A relay host whose name has several addresses."""

    def setUp(self):
        super().setUp()
        if self.okapi_with(None).is_sanitized():
            self.skipTest("a sanitizer wants to be preloaded first")
        library = os.path.join(self.directory(), "names.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o",
                        library, os.path.join(TOP, "tests/harness/names.c")],
                       check=True)
        self.library = library

    def once(self, relay, *addresses, to=("x@example.org",), **settings):
        okapi = self.okapi_with(None, smtp_server=f"many.test:{relay.port}",
                                **settings)
        self.send(message("x"), "-i", *to)
        return okapi.run("okapi-spooler", "-c", okapi.config, "--once",
                         env={
                             "LD_PRELOAD": self.library,
                             "OKAPI_TEST_ADDRESSES": " ".join(addresses)})

    def at(self, address, port, hang=False):
        """A listener beside the relay host that says no, or nothing at all:
        its queue of connections is full."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind((address, port))
        listener.listen(0 if hang else 5)
        if hang:
            for _ in range(3):
                one = socket.socket()
                self.addCleanup(one.close)
                one.setblocking(False)
                one.connect_ex((address, port))
            return

        def refuse():
            while True:
                try:
                    one, _ = listener.accept()
                except OSError:
                    return
                self.asked += 1
                one.sendall(b"421 4.3.2 not here\r\n")
                one.close()
        self.asked = 0
        threading.Thread(target=refuse, daemon=True).start()

    def test_the_next_is_asked(self):
        relay = Relay(self)
        self.at("127.0.0.2", relay.port)
        self.at("127.0.0.3", relay.port, hang=True)
        for first in (("127.0.0.4",), ("127.0.0.2",), ("127.0.0.3",),
                      ("127.0.0.4", "127.0.0.2", "127.0.0.3"), ("::1",)):
            with self.subTest(first):
                result = self.once(relay, *first, "127.0.0.1",
                                   smtp_timeout="2s")
                self.assertEqual(result.status, 0, repr(result))
        self.assertEqual(len(relay.messages()), 5)
        self.assertEqual(self.asked, 2)

    def fails_in_tls_and_goes(self, address, port):
        """Offers STARTTLS, closes, and does not listen any more."""
        listener = socket.socket()
        listener.bind((address, port))
        listener.listen(5)

        def serve():
            one, _ = listener.accept()
            listener.close()
            with one:
                one.sendall(b"220 x ESMTP\r\n")
                one.recv(500)
                one.sendall(b"250-x\r\n250 STARTTLS\r\n")
                one.recv(500)
                one.sendall(b"220 go on\r\n")
                one.recv(500)  # what comes with the 220 ends it at once
                one.sendall(b"no TLS at all\r\n")
        threading.Thread(target=serve, daemon=True).start()

    def test_tls_that_failed_at_one_is_tried_at_the_next(self):
        """In clear goes what that very address had no TLS for."""
        cert, key = certificate(self.directory())
        for more in ((), ("--auth", "anna:", "--auth-mechs", "XOAUTH2",
                          "--token", "t0ken")):
            with self.subTest(more):
                relay = Relay(self, options=("--tls-cert", cert, "--tls-key",
                                             key, *more))
                self.fails_in_tls_and_goes("127.0.0.2", relay.port)
                settings = {"smtp_user": "anna", "smtp_token_command":
                            "echo t0ken"} if more else {}
                result = self.once(relay, "127.0.0.2", "127.0.0.1",
                                   smtp_tls="opportunistic", **settings)
                self.assertEqual(result.status, 0, repr(result))
                (envelope, _), = relay.messages()
                self.assertTrue(envelope["tls"], relay.log())

    def test_tls_that_works_is_taken_again(self):
        """Behind an address where it failed, and over a second connection: one
        recipient cannot go there."""
        cert, key = certificate(self.directory())
        relay = Relay(self, options=("--tls-cert", cert, "--tls-key", key,
                                     "--no-ext", "SMTPUTF8"))
        self.fails_in_tls_and_goes("127.0.0.2", relay.port)
        result = self.once(relay, "127.0.0.2", "127.0.0.1",
                           to=("jürgen@example.org", "x@example.org"),
                           smtp_tls="opportunistic")
        self.assertEqual(result.status, 0, repr(result))
        (envelope, _), = relay.messages()
        self.assertEqual(envelope["rcpts"], ["x@example.org"])
        self.assertTrue(envelope["tls"], relay.log())

    def test_all_are_asked_once(self):
        relay = Relay(self)
        self.at("127.0.0.2", relay.port)
        result = self.once(relay, "127.0.0.2", "127.0.0.4", "127.0.0.2")
        self.assertEqual(result.status, 75, repr(result))
        self.assertEqual(self.asked, 2)
        self.assertIn("many.test", result.err)
        self.assertIn("421 4.3.2 not here", result.err)

    def test_a_login_that_is_refused_is_refused_once(self):
        password = os.path.join(self.directory(), "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write("wrong\n")
        os.chmod(password, 0o600)
        for mechs in ("PLAIN", "SCRAM-SHA-256"):
            relay = Relay(self, options=("--auth", "anna:secret",
                                         "--auth-mechs", mechs))
            result = self.once(relay, "127.0.0.1", "127.0.0.1",
                               smtp_user="anna", smtp_password_file=password)
            self.assertEqual(result.status, 75, repr(result))
            self.assertEqual(relay.log().count("< AUTH "), 1, relay.log())

    def test_a_login_that_is_refused_for_now_is_tried_at_the_next(self):
        password = os.path.join(self.directory(), "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write("secret\n")
        os.chmod(password, 0o600)
        for mechs in ("PLAIN", "SCRAM-SHA-256"):
            relay = Relay(self, "AUTH*1=454 4.7.0 not now", options=(
                "--auth", "anna:secret", "--auth-mechs", mechs))
            result = self.once(relay, "127.0.0.1", "127.0.0.1",
                               smtp_user="anna", smtp_password_file=password)
            self.assertEqual(result.status, 0, repr(result))
            self.assertEqual(relay.log().count("< AUTH "), 2, relay.log())


class Forms(Sending):
    """A relay host without 8BITMIME or SMTPUTF8."""

    def relayed(self, relay, data, *recipients):
        okapi = self.okapi_with(relay)
        self.send(data, "-i", *recipients)
        self.ran = okapi.run("okapi-spooler", "-c", okapi.config, "--once")
        return okapi

    def test_8bit_becomes_quoted_printable_without_8bitmime(self):
        relay = Relay(self, options=("--no-ext", "8BITMIME"))
        text = "Grüße = ".encode() * 30 + b"\r\n.\r\ntrail \r\n\r\nEnde"
        inner = (b"Subject: inner\r\nContent-Type: text/plain; charset=latin1"
                 b"\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n\xe4\xf6\r\n")
        data = (b"From: anna@okapi.test\r\nSubject: parts\r\n"
                b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n"
                b"\tboundary=\"b\"\r\nContent-Transfer-Encoding: 8bit\r\n"
                b"\r\nwaste \xfc\r\n"
                + part("text/plain; charset=utf-8", text,
                       "content-transfer-encoding: 8bit")
                + part("application/octet-stream", b"aGk=",
                       "Content-Transfer-Encoding: base64")
                + part("message/rfc822", inner)
                + part("text/plain; charset=us-ascii", b"plain") + b"--b--\r\n")
        self.relayed(relay, data, "x@example.org")
        self.assertEqual(len(relay.messages()), 1, self.ran)
        (envelope, octets), = relay.messages()
        self.assertNotIn("BODY=8BITMIME", envelope["mail_args"])
        octets.decode("ascii")
        self.assertLessEqual(max(map(len, octets.split(b"\r\n"))), 76)
        parts = email.message_from_bytes(octets).get_payload()
        self.assertEqual(parts[0].get_payload(decode=True), text)
        self.assertEqual(parts[1].get_payload(decode=True), b"hi")
        self.assertEqual(
            parts[2].get_payload(0).get_payload(decode=True), b"\xe4\xf6\r\n")
        self.assertEqual(parts[3].get_payload(), "plain")

    def test_what_cannot_be_recoded_is_reported(self):
        relay = Relay(self, options=("--no-ext", "8BITMIME"))
        data = (b"Subject: signed\r\nMIME-Version: 1.0\r\nContent-Type: "
                b"multipart/signed; boundary=b\r\n\r\n"
                + part("text/plain", b"\xe4") + b"--b--\r\n")
        okapi = self.relayed(relay, data, "x@example.org")
        self.assertEqual(relay.messages(), [])
        mail, report = self.report()
        self.assertEqual(mail["message_class"], "REPORT.IPM.Note.NDR")
        self.assertEqual(self.statuses(report)["x@example.org"]["Status"],
                         "5.6.3")
        self.assertEqual(okapi.queue(), [])

    def test_smtputf8_is_asked_for_where_it_is_needed(self):
        relay = Relay(self)
        okapi = self.relayed(relay, message("x"), "jürgen@example.org",
                             "x@example.org")
        self.send("Subject: Grüße\n\nx\n".encode(), "y@example.org")
        self.send("Subject: x\n\nGrüße\n".encode(), "z@example.org")
        okapi.run("okapi-spooler", "-c", okapi.config, "--once")
        asked = {e["rcpts"][0]: "SMTPUTF8" in e["mail_args"]
                 for e, _ in relay.messages()}
        self.assertEqual(asked, {"jürgen@example.org": True,
                                 "y@example.org": True,
                                 "z@example.org": False})

    def test_without_smtputf8_only_those_who_need_it_fail(self):
        relay = Relay(self, options=("--no-ext", "SMTPUTF8"))
        okapi = self.relayed(relay, message("x"), "jürgen@example.org",
                             "x@example.org")
        self.send(message("all"), "jörg@example.org")
        okapi.run("okapi-spooler", "-c", okapi.config, "--once")
        (envelope, _), = relay.messages()
        self.assertEqual(envelope["rcpts"], ["x@example.org"])
        self.assertEqual(okapi.queue(), [])
        for mail in okapi.mails("anna", "Inbox"):
            self.assertIn(b"Status: 5.6.7", okapi.raw("anna", mail["id"]))
        self.assertEqual(len(okapi.mails("anna", "Inbox")), 2)

    def test_nor_is_smtputf8_used_where_it_is_switched_off(self):
        relay = Relay(self)
        okapi = self.okapi_with(relay, smtputf8_enable="no")
        self.send(message("x"), "-i", "jürgen@example.org", "x@example.org")
        okapi.run("okapi-spooler", "-c", okapi.config, "--once")
        (envelope, _), = relay.messages()
        self.assertEqual(envelope["rcpts"], ["x@example.org"])
        report, = okapi.mails("anna", "Inbox")
        self.assertIn(b"Status: 5.6.7", okapi.raw("anna", report["id"]))


if __name__ == "__main__":
    main()

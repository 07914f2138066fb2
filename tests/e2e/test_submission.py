#!/usr/bin/env python3
"""Submission over the network: TLS, passwords, SCRAM, limits; smtplib, swaks,
msmtp and curl as clients."""

import base64
import datetime
import email
import json
import os
import re
import shutil
import signal
import smtplib
import sqlite3
import ssl
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.certificates import certificate  # noqa: E402
from harness.okapi import TOP, Okapi, message  # noqa: E402
from harness.process import PATIENCE, free_port  # noqa: E402
from harness.sink import Sink  # noqa: E402

ANNA = "anna@okapi.test"
PASSWORD = "sesam open"


class Network(Case):
    """A spooler with both doors; nothing is sent on: smtp_server does not
    answer, so what was taken lies in the queue."""

    def setUp(self):
        directory = self.directory()
        self.cert, self.key = certificate(directory)
        self.port, self.tls_port = free_port(), free_port()
        self.okapi = Okapi(
            directory, submission_listen=f"127.0.0.1:{self.port}",
            submissions_listen=f"127.0.0.1:{self.tls_port}",
            tls_cert_file=self.cert, tls_key_file=self.key)
        self.addCleanup(self.okapi.stop)
        self.password("anna", PASSWORD)

    def password(self, user, text):
        """Its first line is the password."""
        self.okapi.must("user", "set", user, "--password-file", "-",
                        input=text + "\nno part of it\n")

    def context(self):
        return ssl.create_default_context(cafile=self.cert)

    def client(self, implicit=False, tls=True):
        """smtplib, with TLS."""
        if implicit:
            client = smtplib.SMTP_SSL("127.0.0.1", self.tls_port,
                                      context=self.context(), timeout=60)
        else:
            client = smtplib.SMTP("127.0.0.1", self.port, timeout=60)
        self.addCleanup(client.close)
        if tls and not implicit:
            client.starttls(context=self.context())
        client.ehlo("client.test")
        return client

    def logged_in(self, user="anna", password=PASSWORD):
        client = self.client()
        client.login(user, password)
        return client

    def store(self, sql, *args):
        """Asks, or changes, the file behind Okapi's back."""
        base = sqlite3.connect(self.okapi.settings["store_path"])
        with base:
            rows = base.execute(sql, args).fetchall()
        base.close()
        return rows


class Doors(Network):
    def test_a_password_needs_tls(self):
        self.okapi.start_spooler()
        client = self.client(tls=False)
        self.assertNotIn("auth", client.esmtp_features)
        self.assertIn("starttls", client.esmtp_features)
        plain = base64.b64encode(b"\0anna\0" + PASSWORD.encode()).decode()
        self.assertEqual(client.docmd("AUTH", "PLAIN " + plain)[0], 538)
        self.assertEqual(client.docmd("MAIL", "FROM:<a@b>")[0], 530)
        client.starttls(context=self.context())
        client.ehlo("client.test")
        self.assertEqual(client.esmtp_features["auth"].split(),
                         ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
        code, text = client.docmd("MAIL", "FROM:<a@b>")
        self.assertEqual((code, text), (530, b"5.7.0 AUTH first"))

    def test_what_is_sent_lies_in_outbox_and_queue(self):
        self.okapi.start_spooler()
        for i, implicit in enumerate((False, True)):
            client = self.client(implicit)
            client.login("anna" if i else ANNA, PASSWORD)
            client.sendmail(ANNA, ["x@example.org", "y@example.org"],
                            message(f"m{i}", sender=ANNA))
            client.quit()
        self.assertEqual(self.okapi.subjects("anna", "Outbox"), ["m0", "m1"])
        entry = self.okapi.queue()[0]
        self.assertEqual([r["address"] for r in entry["recipients"]],
                         ["x@example.org", "y@example.org"])
        mail = self.okapi.mails("anna", "Outbox")[0]
        raw = self.okapi.raw("anna", mail["id"]).decode()
        self.assertRegex(raw, r"^Received: from client\.test "
                              r"\(\[127\.0\.0\.1\]\)\r\n\t\(using TLSv1\.[23] "
                              r"\S+\)\r\n\tby mx\.okapi\.test \(Okapi \S+\) "
                              r"with ESMTPSA; ")

    def test_the_protocol_of_smtputf8(self):
        self.okapi.start_spooler()
        client = self.client()
        client.login(ANNA, PASSWORD)
        client.sendmail(ANNA, ["x@example.org"], message("u", sender=ANNA),
                        mail_options=["SMTPUTF8"])
        client.quit()
        mail, = self.okapi.mails("anna", "Outbox")
        self.assertIn(b" with UTF8SMTPSA; ",
                      self.okapi.raw("anna", mail["id"]))

    def test_a_full_door_keeps_no_program_waiting(self):
        """64 that sit in the network's door and say nothing."""
        self.okapi.start_spooler()
        for _ in range(64):
            self.client(tls=False)
        done = self.okapi.sendmail(
            message("beside", sender=ANNA, to="far@x.test"), "-f", ANNA,
            "far@x.test", timeout=PATIENCE)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.okapi.subjects("anna", "Outbox"), ["beside"])

    def test_no_door_without_a_certificate(self):
        self.okapi.configure(tls_cert_file="", tls_key_file="")
        result = self.okapi.run("okapi-spooler", "-c", self.okapi.config)
        self.assertEqual(result.status, 78, repr(result))
        self.assertIn("submission_listen needs tls_cert_file", result.err)
        result = self.okapi.admin("config", "check")
        self.assertEqual(result.status, 78)
        self.assertIn("tls_cert_file", result.out + result.err)

    def test_a_renewed_certificate(self):
        spooler = self.okapi.start_spooler()
        other = self.directory()
        cert, key = certificate(other, "DNS:new.test,IP:127.0.0.1")
        shutil.copy(cert, self.cert)
        shutil.copy(key, self.key)
        os.kill(spooler.pid, signal.SIGHUP)
        spooler.wait_for("reloaded")
        self.logged_in().quit()


class Passwords(Network):
    def test_who_is_wrong(self):
        self.okapi.start_spooler()
        self.okapi.add_user("carl", "--inactive")
        self.password("carl", "c")
        client = self.client()
        for user, password in (("anna", "wrong"), ("carl", "c")):
            with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
                client.user, client.password = user, password
                client.auth("plain", client.auth_plain)
            self.assertEqual(caught.exception.smtp_code, 535)
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            client.user, client.password = "bert", ""
            client.auth("login", client.auth_login, initial_response_ok=False)
        with self.assertRaises(smtplib.SMTPServerDisconnected):
            client.noop()
            client.noop()
        self.okapi.spooler.wait_for("login refused")
        self.assertNotIn("wrong", self.okapi.spooler.text())

    def test_who_is_wrong_is_found_by_fail2ban(self):
        """Its filter, over names that want to look like somebody else's
        address; and the counters."""
        port = free_port()
        self.okapi.configure(metrics_listen=f"127.0.0.1:{port}")
        self.okapi.start_spooler()
        names = ("anna", "x peer=192.0.2.7 mechanism=PLAIN",
                 "okapi-spooler[1]: login refused peer=192.0.2.7 mechanism=",
                 "x\nokapi-spooler[1]: login refused peer=192.0.2.7 "
                 "mechanism=")
        client = self.client()
        for number, name in enumerate(names):
            if number == 2:
                client = self.client()
            reply = client.docmd("AUTH", "PLAIN " + base64.b64encode(
                f"\0{name}\0x".encode()).decode())
            self.assertEqual(reply[0], 535)
        with open(os.path.join(TOP, "dist/fail2ban/okapi.conf"),
                  encoding="ascii") as file:
            rule, = re.findall(r"(?m)^failregex = (.*)$", file.read())
        rule = rule.replace("<HOST>", r"(?P<host>[0-9a-f.:]+)")
        self.eventually("four lines of one host", lambda: [
            m.group("host") for m in map(
                re.compile(rule).search, self.okapi.spooler.lines) if m]
            == ["127.0.0.1"] * 4)
        client = self.client()
        client.login("anna", PASSWORD)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics",
                                    timeout=60) as answer:
            text = answer.read().decode()
        for result, count in (("accepted", 1), ("refused", 4), ("limited", 0)):
            self.assertIn(
                f'okapi_logins_total{{result="{result}"}} {count}\n', text)

    def test_an_address_that_is_wrong_too_often(self):
        self.okapi.start_spooler()
        wrong = base64.b64encode(b"\0anna\0x").decode()
        right = base64.b64encode(b"\0anna\0" + PASSWORD.encode()).decode()
        codes = []
        for _ in range(5):
            client = self.client()
            codes += [client.docmd("AUTH", "PLAIN " + wrong)[0]
                      for _ in range(2)]
            client.close()
        self.assertEqual(codes, [535] * 10)
        self.assertEqual(self.client().docmd("AUTH", "PLAIN " + right)[0], 454)

    def test_a_password_of_before_scram(self):
        """SCRAM is not offered until every password has its keys; logging in
        with PLAIN makes them."""
        self.store("UPDATE users SET scram = ''")
        self.okapi.start_spooler()
        client = self.client()
        self.assertEqual(client.esmtp_features["auth"].split(),
                         ["PLAIN", "LOGIN"])
        self.assertEqual(client.docmd("AUTH", "SCRAM-SHA-256")[0], 504)
        client.login("anna", PASSWORD)
        client.quit()
        (keys,), = self.store("SELECT scram FROM users WHERE name = 'anna'")
        self.assertTrue(keys.startswith("SCRAM-SHA-256$"), keys)
        self.assertIn("SCRAM-SHA-256", self.client().esmtp_features["auth"])


class Limits(Network):
    def test_a_loop(self):
        """okapi-sendmail looks before it sends; other clients do not."""
        self.okapi.start_spooler()
        hop = b"Received: from a.test by b.test; 1 Jan 2026 00:00:00 +0000\n"
        self.logged_in().sendmail(ANNA, ["x@example.org"],
                                  hop * 100 + message("far", sender=ANNA))
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            self.logged_in().sendmail(ANNA, ["x@example.org"], hop * 101
                                      + message("round", sender=ANNA))
        self.assertEqual(caught.exception.smtp_code, 554)
        self.assertIn(b"5.4.6", caught.exception.smtp_error)

    def test_rate_size_and_recipients(self):
        self.okapi.configure(submit_rate=3, submit_recipient_limit=100,
                             message_size_limit=1)
        self.okapi.start_spooler()
        client = self.logged_in()
        refused = client.sendmail(
            ANNA, [f"x{i}@example.org" for i in range(101)],
            message("many", sender=ANNA))
        self.assertEqual(list(refused), ["x100@example.org"])
        self.assertEqual(refused["x100@example.org"][0], 452)
        with self.assertRaises(smtplib.SMTPSenderRefused) as caught:
            client.sendmail(ANNA, ["x@example.org"],
                            message("big", sender=ANNA, body="x\n" * 600000))
        self.assertEqual(caught.exception.smtp_code, 552)
        for i in range(2):
            client.sendmail(ANNA, ["x@example.org"],
                            message(f"m{i}", sender=ANNA))
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            client.sendmail(ANNA, ["x@example.org"],
                            message("fast", sender=ANNA))
        self.assertEqual(caught.exception.smtp_code, 452)
        self.assertIn(b"3 messages a minute", caught.exception.smtp_error)

    def test_soft_quota(self):
        self.okapi.must("user", "set", "anna", "--quota-soft", "1")
        self.okapi.must("mail", "import", "anna", "Inbox", "-",
                        input=message("big", body="x\n" * 600000))
        self.okapi.start_spooler()
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            self.logged_in().sendmail(ANNA, ["x@example.org"],
                                      message("m", sender=ANNA))
        self.assertEqual(caught.exception.smtp_code, 552)
        self.assertIn(b"mailbox full: cannot send",
                      caught.exception.smtp_error)
        result = self.okapi.sendmail(message("m", sender=ANNA), "-f", ANNA,
                                     "x@example.org")
        self.assertEqual(result.status, 73, repr(result))
        self.assertIn("cannot send", result.err)


class Rights(Network):
    """anna sends; boss is a user whose name she wants to send in."""

    def setUp(self):
        super().setUp()
        self.okapi.add_user("boss", "--fullname", "The Boss")
        self.okapi.must("user", "set", "anna", "--fullname", "Anna A")

    def send(self, *headers, sender=ANNA, path=ANNA):
        """(envelope sender, message) of what anna submits."""
        self.logged_in().sendmail(
            path, ["x@example.org"],
            message("m", sender=sender, headers=headers))
        entry = self.okapi.queue()[-1]
        mail = self.okapi.mails("anna", "Outbox")[-1]
        raw = self.okapi.raw("anna", mail["id"])
        return entry["sender"], email.message_from_bytes(raw)

    def refused(self, *args, **more):
        with self.assertRaises(smtplib.SMTPResponseException) as caught:
            self.send(*args, **more)
        self.assertEqual(caught.exception.smtp_code, 550)
        return caught.exception.smtp_error.decode()

    def test_names_that_are_not_granted(self):
        self.okapi.start_spooler()
        self.assertIn("user set boss --send-as anna",
                      self.refused(sender="The Boss <boss@okapi.test>"))
        self.refused(sender="boss+x@okapi.test")
        self.refused(sender='"anna@okapi.test" <boss@okapi.test>')
        self.refused(f"From: {ANNA}", sender="boss@okapi.test")
        self.refused(sender=f"{ANNA}, boss@okapi.test")
        self.refused("Sender: boss@okapi.test")
        self.refused("Resent-From: boss@okapi.test")
        self.refused(path="boss@okapi.test")
        # Nobody's, and mail of others that she passes on.
        self.assertEqual(self.send(sender="anna@example.org")[0], ANNA)
        self.send(f"Resent-From: {ANNA}", sender="boss@okapi.test")
        self.assertEqual(len(self.okapi.queue()), 2)

    def test_send_as(self):
        self.okapi.must("user", "set", "boss", "--send-as", "anna")
        self.okapi.start_spooler()
        path, sent = self.send(f"Sender: {ANNA}",
                               sender="The Boss <boss@okapi.test>")
        self.assertEqual(path, "boss@okapi.test")
        self.assertEqual(sent["From"], "The Boss <boss@okapi.test>")
        self.assertNotIn("Sender", sent)
        self.assertNotIn("Anna A", sent.as_string())
        self.assertEqual(sent.as_string().count("anna"), 1)  # in To
        self.assertEqual(self.send(path="boss@okapi.test",
                                   sender="boss@okapi.test")[0],
                         "boss@okapi.test")

    def test_send_on_behalf(self):
        self.okapi.must("group", "create", "office")
        self.okapi.must("group", "add", "office", "anna")
        self.okapi.must("user", "set", "boss", "--send-on-behalf", "office")
        self.okapi.start_spooler()
        path, sent = self.send("Sender: nobody@example.org",
                               sender="The Boss <boss@okapi.test>",
                               path="boss@okapi.test")
        self.assertEqual(path, ANNA)
        self.assertEqual(sent["From"], "The Boss <boss@okapi.test>")
        self.assertEqual(sent.get_all("Sender"), [f'"Anna A" <{ANNA}>'])
        mail = self.okapi.mails("anna", "Outbox")[-1]
        props = self.okapi.json("mail", "show", "anna", str(mail["id"]),
                                "--props")
        self.assertEqual(props["PR_SENDER_EMAIL_ADDRESS"], ANNA)
        self.assertEqual(props["PR_SENT_REPRESENTING_EMAIL_ADDRESS"],
                         "boss@okapi.test")

    def test_who_is_represented_has_a_copy(self):
        """In Sent Items of both, once it is sent; copy_delegate_mails."""
        sink = Sink(self.directory())
        self.addCleanup(sink.close)
        self.okapi.configure(smtp_server=f"127.0.0.1:{sink.port}")
        self.okapi.add_user("info")
        self.okapi.must("user", "set", "boss", "--send-on-behalf", "anna",
                        "--quota-hard", "1")
        self.okapi.must("user", "set", "info", "--send-as", "anna")
        self.okapi.start_spooler()
        self.okapi.must("mail", "import", "boss", "Inbox", "-",
                        input=message("full", body="x" * 1040000 + "\n"))
        client = self.logged_in()
        for who in ("boss", "info", "anna"):
            client.sendmail(ANNA, ["x@example.org"], message(
                f"of {who}", sender=f"{who}@okapi.test"))
        self.eventually("sent", lambda: len(sink.messages) == 3
                        and not self.okapi.queue())
        self.assertEqual(self.okapi.subjects("anna", "Sent Items"),
                         ["of anna", "of boss", "of info"])
        for who in ("boss", "info"):
            mail, = self.okapi.mails(who, "Sent Items")
            self.assertEqual((mail["subject"], mail["read"]),
                             (f"of {who}", True))
        self.okapi.configure(copy_delegate_mails="no")
        told = len(self.okapi.spooler.lines)
        os.kill(self.okapi.spooler.pid, signal.SIGHUP)
        self.okapi.spooler.wait_for("reloaded", since=told)
        client.sendmail(ANNA, ["x@example.org"],
                        message("alone", sender="info@okapi.test"))
        self.eventually("sent", lambda: len(sink.messages) == 4
                        and not self.okapi.queue())
        self.assertEqual(self.okapi.subjects("info", "Sent Items"),
                         ["of info"])

    def test_items_of_the_outbox(self):
        def submit(status):
            item = {"PR_SUBJECT": "item", "PR_BODY": "x",
                    "PR_SENT_REPRESENTING_EMAIL_ADDRESS": "boss@okapi.test",
                    "recipients": [{"PR_RECIPIENT_TYPE": 1,
                                    "PR_EMAIL_ADDRESS": "x@example.org"}]}
            result = self.okapi.admin("mail", "submit", "anna", "--props", "-",
                                      input=json.dumps(item))
            self.assertEqual(result.status, status, repr(result))
            if status:
                return None, None
            raw = self.okapi.raw("anna",
                                 self.okapi.mails("anna", "Outbox")[-1]["id"])
            return (self.okapi.queue()[-1]["sender"],
                    email.message_from_bytes(raw))
        submit(77)
        self.okapi.must("user", "set", "boss", "--send-as", "anna")
        path, sent = submit(0)
        self.assertEqual((path, sent["Sender"]), ("boss@okapi.test", None))
        self.okapi.must("user", "set", "boss", "--send-on-behalf", "anna")
        path, sent = submit(0)
        self.assertEqual((path, sent["Sender"]), (ANNA, ANNA))
        self.assertIn("boss@okapi.test", sent["From"])

    def test_local_callers(self):
        self.needs_root()
        self.okapi.add_user("nobody")
        self.okapi.start_spooler()
        result = self.okapi.sendmail(
            message("m", sender="boss@okapi.test"), "x@example.org",
            user="nobody")
        self.assertEqual(result.status, 77, repr(result))
        result = self.okapi.sendmail(
            message("m", sender="nobody@okapi.test"), "-f",
            "boss@okapi.test", "x@example.org", user="nobody")
        self.assertEqual(result.status, 0, repr(result))
        result = self.okapi.sendmail(
            message("m", sender="boss@okapi.test"), "-f", ANNA,
            "x@example.org")
        self.assertEqual(result.status, 0, repr(result))
        self.assertEqual([e["sender"] for e in self.okapi.queue()],
                         ["nobody@okapi.test", ANNA])

    def test_other_addresses_for_the_relay_host(self):
        table = os.path.join(self.okapi.directory, "senders")
        with open(table, "w", encoding="utf-8") as file:
            file.write("# what the provider wants\n"
                       f"{ANNA}\taccount17@provider.example\n"
                       "@okapi.test @provider.example\n")
        self.okapi.configure(sender_rewrite=table)
        self.okapi.must("user", "set", "boss", "--send-on-behalf", "anna")
        self.okapi.start_spooler()
        path, sent = self.send(sender=f"Anna <{ANNA}>")
        self.assertEqual(path, "account17@provider.example")
        self.assertEqual(sent["From"], "Anna <account17@provider.example>")
        path, sent = self.send(sender="boss@okapi.test")
        self.assertEqual(path, "account17@provider.example")
        self.assertEqual(sent["From"], "boss@provider.example")
        self.assertEqual(sent["Sender"],
                         '"Anna A" <account17@provider.example>')
        self.assertEqual(sent["To"], ANNA)
        with open(table, "a", encoding="utf-8") as file:
            file.write("one two three\n")
        result = self.okapi.run("okapi-spooler", "-c", self.okapi.config,
                                "--once")
        self.assertEqual(result.status, 78, repr(result))
        self.assertIn("senders:4", result.err)


class Later(Network):
    def due(self):
        entry, = self.okapi.queue()
        to, = entry["recipients"]
        self.assertEqual(to["state"], "waiting")
        due = datetime.datetime.fromisoformat(
            to["next_attempt"].replace("Z", "+00:00"))
        return (due - datetime.datetime.now(datetime.timezone.utc)
                ).total_seconds()

    def submit(self, *options, headers=()):
        client = self.logged_in()
        client.sendmail(ANNA, ["x@example.org"],
                        message("later", sender=ANNA, headers=headers),
                        mail_options=options)

    def test_future_release(self):
        self.okapi.start_spooler()
        client = self.client()
        most, until = client.esmtp_features["futurerelease"].split()
        self.assertGreater(int(most), 86400)
        datetime.datetime.strptime(until, "%Y-%m-%dT%H:%M:%SZ")
        self.submit("HOLDFOR=3600")
        self.assertAlmostEqual(self.due(), 3600, delta=60)
        mail, = self.okapi.mails("anna", "Outbox")
        self.okapi.must("mail", "recall", "anna", str(mail["id"]))
        self.assertEqual(self.okapi.queue(), [])
        mail, = self.okapi.mails("anna", "Outbox")
        self.assertEqual(mail["flags"], ["\\Seen", "unsent"])
        result = self.okapi.admin("mail", "recall", "anna", str(mail["id"]))
        self.assertEqual(result.status, 66, repr(result))

    def test_urgent_mail_goes_first(self):
        self.okapi.start_spooler()
        for headers in (["Importance: high"], ["Priority: non-urgent"], []):
            self.submit("HOLDFOR=3600", headers=headers)
        # What the envelope says (RFC 6710) wins.
        for options, headers in ((["MT-PRIORITY=4"], []),
                                 (["MT-PRIORITY=-4"], ["Importance: high"]),
                                 (["MT-PRIORITY=0"], ["Importance: high"])):
            self.submit("HOLDFOR=3600", *options, headers=headers)
        self.assertEqual(
            self.store("SELECT priority FROM outgoingrecipients ORDER BY id"),
            [(1,), (-1,), (0,), (1,), (-1,), (0,)])
        client = self.client()
        self.assertEqual(client.esmtp_features["mt-priority"], "MIXER")

    def test_deferred_delivery(self):
        when = datetime.datetime.now(datetime.timezone.utc) + \
            datetime.timedelta(hours=2)
        self.okapi.start_spooler()
        self.submit(headers=[
            "Deferred-Delivery: " + when.strftime("%a, %d %b %Y %H:%M:%S +0000")])
        self.assertAlmostEqual(self.due(), 7200, delta=60)


class Clients(Network):
    WORDS = "sesam öffne dich"  # smtplib cannot

    def setUp(self):
        super().setUp()
        self.password("anna", self.WORDS)
        if not mta.unpacked("swaks") or \
                not mta.unpacked("msmtp", group="senders"):
            self.skipTest("swaks and msmtp could not be fetched "
                          "(tests/e2e/unpack)")
        self.okapi.start_spooler()

    def test_swaks(self):
        doors = (("--port", str(self.port), "--tls"),
                 ("--port", str(self.tls_port), "--tls-on-connect"))
        for door in doors:
            for mechanism in ("PLAIN", "LOGIN"):
                done = mta.run_tool(
                    "swaks", "--server", "127.0.0.1", *door, "--auth",
                    mechanism, "--auth-user", ANNA, "--auth-password",
                    self.WORDS, "--from", ANNA, "--to",
                    "x@example.org,y@example.org", "--header",
                    "Subject: swaks")
                self.assertEqual(done.returncode, 0, done.stdout)
        done = mta.run_tool(
            "swaks", "--server", "127.0.0.1", *doors[0], "--auth", "PLAIN",
            "--auth-user", ANNA, "--auth-password", "wrong", "--to", "x@y")
        self.assertEqual(done.returncode, 28, done.stdout)
        self.assertEqual(self.okapi.subjects("anna", "Outbox"), ["swaks"] * 4)

    def msmtp(self, mechanism, port, starttls, password=WORDS):
        config = os.path.join(self.okapi.directory, "msmtprc")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"account default\nhost 127.0.0.1\nport {port}\n"
                       f"auth {mechanism}\nuser anna\nfrom {ANNA}\n"
                       f"password {password}\ntls on\n"
                       f"tls_starttls {starttls}\n"
                       f"tls_trust_file {self.cert}\n")
        os.chmod(config, 0o600)
        return mta.run_tool("msmtp", "-C", config, "x@example.org",
                            input=message("msmtp", sender=ANNA))

    def test_msmtp(self):
        for mechanism in ("scram-sha-256", "plain", "login"):
            done = self.msmtp(mechanism, self.port, "on")
            self.assertEqual(done.returncode, 0, (mechanism, done.stdout))
        done = self.msmtp("scram-sha-256", self.tls_port, "off")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(self.okapi.queue()), 4)
        done = self.msmtp("scram-sha-256", self.port, "on", "wrong")
        self.assertEqual(done.returncode, 77, done.stdout)
        self.okapi.spooler.wait_for("mechanism=SCRAM-SHA-256")

    def test_curl(self):
        if not shutil.which("curl"):
            self.skipTest("there is no curl here")
        path = os.path.join(self.okapi.directory, "mail")
        with open(path, "wb") as file:
            file.write(message("curl", sender=ANNA).replace(b"\n", b"\r\n"))
        for url, more in ((f"smtp://127.0.0.1:{self.port}", ["--ssl-reqd"]),
                          (f"smtps://127.0.0.1:{self.tls_port}", [])):
            done = subprocess.run(
                ["curl", "-sS", url, *more, "--cacert", self.cert,
                 "--user", f"anna:{self.WORDS}", "--mail-from", ANNA,
                 "--mail-rcpt", "x@example.org", "--upload-file", path],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.okapi.subjects("anna", "Outbox"),
                         ["curl", "curl"])


if __name__ == "__main__":
    main()

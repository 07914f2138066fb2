#!/usr/bin/env python3
"""Sending: okapi-sendmail, the spooler, and a relay host that does as told."""

import email
import email.policy
import glob
import json
import os
import signal
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.certificates import certificate  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402
from harness.process import Process, free_port  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ANNA = "anna@okapi.test"


class Relay:
    """tests/e2e/sink.py with rules."""

    def __init__(self, case, *rules, options=(), port=None):
        self.port = port or free_port()
        self.dir = os.path.join(case.directory(), "got")
        self.process = Process(
            [sys.executable, os.path.join(HERE, "sink.py"), "--port",
             str(self.port), "--dir", self.dir, *options,
             *(word for rule in rules for word in ("--rule", rule))])
        self.process.wait_for("ready")
        case.addCleanup(self.close)

    def close(self):
        if self.process.running():
            self.process.stop(signal.SIGTERM)

    def messages(self):
        """(envelope, octets) of what was accepted, in order."""
        found = []
        for path in sorted(glob.glob(os.path.join(self.dir, "[0-9]*.eml"))):
            with open(path, "rb") as octets, \
                    open(path[:-3] + "json", encoding="utf-8") as envelope:
                found.append((json.load(envelope), octets.read()))
        return found

    def let(self, name):
        """Lets it go on where a rule says "until NAME"."""
        with open(os.path.join(self.dir, name), "wb"):
            pass

    def log(self):
        with open(os.path.join(self.dir, "sessions.log"),
                  encoding="utf-8") as file:
            return file.read()


class Sending(Case):
    def okapi_with(self, relay, **settings):
        settings.setdefault("smtp_server", f"127.0.0.1:{relay.port}"
                            if relay else "127.0.0.1:9")
        settings.setdefault("submit_default_user", "anna")
        self.okapi = Okapi(self.directory(), **settings)
        self.addCleanup(self.okapi.stop)
        return self.okapi

    def send(self, data, *args, status=0, **more):
        result = self.okapi.sendmail(data, *args, **more)
        self.assertEqual(result.status, status, repr(result))
        return result

    def sender_table(self, *lines, mode=0o600):
        """Makes smtp_sender_table of these; its path."""
        path = os.path.join(self.directory(), "table")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        os.chmod(path, mode)
        return path

    def queue_empties(self):
        self.eventually("an empty queue", lambda: not self.okapi.queue())

    def report(self):
        """The one report in anna's Inbox, parsed."""
        self.eventually("a report", lambda: self.okapi.mails("anna", "Inbox"))
        mail, = self.okapi.mails("anna", "Inbox")
        raw = self.okapi.raw("anna", mail["id"])
        return mail, email.message_from_bytes(raw, policy=email.policy.SMTP)

    def statuses(self, report):
        """The per-recipient fields of a report, by address."""
        part = report.get_payload()[1]
        self.assertEqual(part.get_content_type(), "message/delivery-status")
        return {fields["Final-Recipient"].split(";")[1]: fields
                for fields in part.get_payload()[1:]}


class Relaying(Sending):
    def test_what_arrives_is_what_the_store_holds(self):
        relay = Relay(self)
        okapi = self.okapi_with(relay)
        okapi.start_spooler()
        data = (b"Return-Path: <old@example.org>\nTo: x@example.org\n"
                b"To: y@example.org\nsubject:no blank\nBcc: z@example.org\n"
                b"Date: Mon, 23 Nov 2026 10:00:00 +0000\n"
                b"From: anna@okapi.test\nMessage-ID: <a@okapi.test>\n"
                b"\n.\n..two\n" + b"x" * 2000 + b"\nend\n")
        self.send(data, "-t", "-i")
        self.queue_empties()
        (envelope, octets), = relay.messages()
        expected = crlf(data).replace(b"Bcc: z@example.org\r\n", b"")
        self.assertEqual(octets, expected)
        self.assertEqual(envelope["mail"], ANNA)
        self.assertEqual(envelope["rcpts"],
                         ["x@example.org", "y@example.org", "z@example.org"])
        sent, = okapi.mails("anna", "Sent Items")
        self.assertTrue(sent["read"])
        self.assertEqual(okapi.raw("anna", sent["id"]), expected)
        self.assertEqual(okapi.mails("anna", "Outbox"), [])

    def test_missing_fields_are_added(self):
        relay = Relay(self)
        okapi = self.okapi_with(relay)
        okapi.start_spooler()
        self.send("To: root\nCc: Group: hans, Eva <eva>;\n\nGrüße\n".encode(),
                  "-t", "-F", "Änna \"A\"")
        self.queue_empties()
        (envelope, octets), = relay.messages()
        parsed = email.message_from_bytes(octets, policy=email.policy.default)
        self.assertEqual(parsed["To"], "root@okapi.test")
        self.assertEqual(parsed["From"].addresses[0].addr_spec, ANNA)
        self.assertEqual(parsed["From"].addresses[0].display_name, 'Änna "A"')
        for name in ("Date", "Message-ID", "MIME-Version"):
            self.assertIn(name, parsed)
        self.assertEqual(parsed.get_content().strip(), "Grüße")
        self.assertIn("BODY=8BITMIME", envelope["mail_args"])
        self.assertEqual(sorted(envelope["rcpts"]),
                         ["eva@okapi.test", "hans@okapi.test",
                          "root@okapi.test"])

    def test_each_recipient_has_its_own_outcome_and_one_report_tells(self):
        relay = Relay(self, "RCPT:no@*=550 5.1.1 never heard of",
                      "RCPT:nay@*=553 5.1.3 nor of\\n553 5.1.3 that one",
                      "RCPT:later@**1=450 4.2.0 busy")
        okapi = self.okapi_with(relay)
        okapi.start_spooler()
        self.send(message("mixed"), "yes@example.org", "no@example.org",
                  "nay@example.org", "later@example.org")
        self.queue_empties()
        self.assertEqual([e["rcpts"] for e, _ in relay.messages()],
                         [["yes@example.org"], ["later@example.org"]])
        mail, report = self.report()
        self.assertEqual(mail["message_class"], "REPORT.IPM.Note.NDR")
        self.assertEqual(report.get_content_type(), "multipart/report")
        self.assertEqual(report.get_param("report-type"), "delivery-status")
        self.assertEqual(report["Subject"], "Undeliverable: mixed")
        told = self.statuses(report)
        self.assertEqual(set(told), {"no@example.org", "nay@example.org"})
        self.assertEqual(told["no@example.org"]["Action"], "failed")
        self.assertEqual(told["no@example.org"]["Status"], "5.1.1")
        self.assertEqual(told["no@example.org"]["Diagnostic-Code"],
                         "smtp;550 5.1.1 never heard of")
        self.assertIn("that one", told["nay@example.org"]["Diagnostic-Code"])
        self.assertIn("never heard of", report.get_payload()[0].get_content())
        original = report.get_payload()[2]
        self.assertEqual(original.get_content_type(), "message/rfc822")
        self.assertEqual(len(okapi.mails("anna", "Sent Items")), 1)

    def test_a_later_failure_replaces_an_unread_report(self):
        relay = Relay(self, "RCPT:no@*=550 5.1.1 never heard of",
                      "RCPT:later@**1=450 4.2.0 busy",
                      "RCPT:later@*=550 5.2.1 gone")
        okapi = self.okapi_with(relay, queue_retry_min="2s")
        okapi.start_spooler()
        self.send(message("mixed"), "no@example.org", "later@example.org")
        self.eventually("a report", lambda: okapi.mails("anna", "Inbox"))
        _, report = self.report()
        self.assertEqual(set(self.statuses(report)), {"no@example.org"})
        self.queue_empties()
        _, report = self.report()
        told = self.statuses(report)
        self.assertEqual(
            {a: (f["Status"], f["Diagnostic-Code"]) for a, f in told.items()},
            {"no@example.org": ("5.1.1", "smtp;550 5.1.1 never heard of"),
             "later@example.org": ("5.2.1", "smtp;550 5.2.1 gone")})

    def test_lifetime_of_a_deferred_message_begins_when_it_is_due(self):
        relay = Relay(self, "RCPT**1=450 4.2.0 busy")
        okapi = self.okapi_with(relay, queue_lifetime="2s", submit_hold="3s")
        okapi.start_spooler()
        self.send(message("deferred"), "x@example.org")
        self.queue_empties()
        self.assertEqual(len(relay.messages()), 1)
        self.assertEqual(okapi.mails("anna", "Inbox"), [])

    def test_wholly_failed_stays_in_the_outbox(self):
        relay = Relay(self, "DATA=554 5.7.1 no such content")
        okapi = self.okapi_with(relay)
        okapi.start_spooler()
        self.send(message("bad"), "x@example.org")
        self.queue_empties()
        failed, = okapi.mails("anna", "Outbox")
        self.assertIn("failed", failed["flags"])
        self.assertEqual(okapi.mails("anna", "Sent Items"), [])
        self.report()

    def test_sessions_that_fail_are_temporary_for_all(self):
        for rule in ("CONNECT=554 5.3.2 go away", "EHLO=550 5.7.1 not you",
                     "MAIL=530 5.7.0 log in first", "DOT=drop", "RCPT=drop",
                     "CONNECT=drop", "DATA=421 4.3.2 closing"):
            with self.subTest(rule):
                relay = Relay(self, rule)
                okapi = self.okapi_with(relay)
                self.send(message("x"), "x@example.org")
                result = okapi.run("okapi-spooler", "-c", okapi.config,
                                   "--once")
                self.assertEqual(result.status, 75, repr(result))
                entry, = okapi.queue()
                to, = entry["recipients"]
                self.assertEqual((to["state"], to["attempts"]), ("waiting", 1))
                self.assertEqual(okapi.mails("anna", "Inbox"), [])
                relay.close()
                again = Relay(self, port=relay.port)
                okapi.must("queue", "retry", "--all")
                result = okapi.run("okapi-spooler", "-c", okapi.config,
                                   "--once")
                self.assertEqual(result.status, 0, repr(result))
                self.assertEqual(len(again.messages()), 1)
                again.close()

    def test_where_none_answers_the_words_are_those_of_the_first(self):
        relays = [Relay(self, f"CONNECT=421 4.3.2 {name}")
                  for name in ("first", "second")]
        okapi = self.okapi_with(
            relays[0], smtp_fallback=f"127.0.0.1:{relays[1].port}")
        self.send(message("x"), "x@example.org")
        done = okapi.run("okapi-spooler", "-c", okapi.config, "--once")
        line, = [line for line in done.err.splitlines()
                 if " relay queue=" in line]
        self.assertIn(f"relay=127.0.0.1:{relays[0].port} ", line)
        self.assertIn("4.3.2 first", line)

    def test_fallback_while_the_server_does_not_answer(self):
        relay = Relay(self)
        okapi = self.okapi_with(None, smtp_fallback=f"127.0.0.1:{relay.port}")
        okapi.start_spooler()
        self.send(message("x"), "x@example.org")
        self.queue_empties()
        self.assertEqual(len(relay.messages()), 1)

    def test_quit_is_not_waited_for(self):
        relay = Relay(self, "QUIT=hang")
        self.okapi_with(relay)
        self.okapi.start_spooler()
        self.send(message("x"), "x@example.org")
        self.queue_empties()
        self.assertEqual(len(relay.messages()), 1)
        self.okapi.spooler.kill()  # a stop would wait for the reply

    def test_stray_cr_and_lf_never_reach_the_relay(self):
        relay = Relay(self)
        okapi = self.okapi_with(relay)
        okapi.start_spooler()
        self.send(b"Subject: x\n\na\r.\rb\n.\nMAIL FROM:<evil@x>\n", "-i",
                  "x@example.org")
        self.queue_empties()
        (_, octets), = relay.messages()
        self.assertIn(b"\r\na . b\r\n.\r\nMAIL FROM:<evil@x>\r\n", octets)
        bare = octets.replace(b"\r\n", b"")
        self.assertNotIn(b"\r", bare)
        self.assertNotIn(b"\n", bare)

    def test_server_of_the_command_line_and_dsn_parameters(self):
        relay = Relay(self)
        okapi = self.okapi_with(None)
        okapi.start_spooler(f"127.0.0.1:{relay.port}")
        self.send(message("x"), "-N", "success,delay", "-R", "hdrs", "-V",
                  "id=1", "x@example.org")
        self.queue_empties()
        (envelope, _), = relay.messages()
        self.assertIn("RET=HDRS", envelope["mail_args"])
        self.assertIn("ENVID=id+3D1", envelope["mail_args"])
        self.assertEqual(envelope["rcpt_args"], [["NOTIFY=SUCCESS,DELAY"]])
        self.assertEqual(okapi.mails("anna", "Inbox"), [])

    def test_notify_never_and_null_senders_hear_nothing(self):
        relay = Relay(self, "RCPT=550 5.1.1 no")
        okapi = self.okapi_with(relay)
        okapi.start_spooler()
        self.send(message("x"), "-N", "never", "x@example.org")
        self.send(message("y"), "-f", "<>", "y@example.org")
        self.queue_empties()
        self.assertEqual(okapi.mails("anna", "Inbox"), [])

    def test_lifetime_ends_in_a_report_and_delay_is_told_once(self):
        relay = Relay(self, "RCPT=451 4.7.1 greylisted")
        okapi = self.okapi_with(relay, queue_lifetime="5s",
                                queue_delay_warning="1s")
        okapi.start_spooler()
        self.send(message("slow"), "x@example.org")
        self.queue_empties()
        mails = okapi.mails("anna", "Inbox")
        self.assertEqual(sorted(m["message_class"] for m in mails),
                         ["REPORT.IPM.Note.Delayed.DR", "REPORT.IPM.Note.NDR"])
        for mail in mails:
            raw = okapi.raw("anna", mail["id"])
            told = self.statuses(email.message_from_bytes(
                raw, policy=email.policy.SMTP))["x@example.org"]
            self.assertEqual(told["Status"], "4.7.1")
            self.assertIn("greylisted", told["Diagnostic-Code"])
            self.assertEqual(mail["subject"] == "Undeliverable: slow",
                             b"again until now, and is no longer" in raw)

    def test_a_delay_that_was_told_of_ends_in_a_word(self):
        relay = Relay(self, "RCPT*2=451 4.7.1 greylisted")
        okapi = self.okapi_with(relay, queue_delay_warning="1s")
        okapi.start_spooler()
        self.send(message("slow"), "-N", "failure,delay", "x@example.org")
        self.queue_empties()
        mails = okapi.mails("anna", "Inbox")
        self.assertEqual([m["subject"] for m in mails],
                         ["Delayed: slow", "Sent after all: slow"])
        self.assertEqual(mails[1]["message_class"], "REPORT.IPM.Note.Relayed.DR")
        told = self.statuses(email.message_from_bytes(
            okapi.raw("anna", mails[1]["id"]),
            policy=email.policy.SMTP))["x@example.org"]
        self.assertEqual((told["Action"], told["Status"]),
                         ("relayed", "2.0.0"))
        self.assertEqual(len(okapi.mails("anna", "Sent Items")), 1)

    def test_rate(self):
        relay = Relay(self)
        okapi = self.okapi_with(relay, smtp_rate=60)
        okapi.start_spooler()
        began = time.monotonic()
        for i in range(3):
            self.send(message(f"m{i}"), "x@example.org")
        self.queue_empties()
        self.assertGreater(time.monotonic() - began, 1.8)

    def test_reload_changes_the_relay(self):
        relay = Relay(self)
        okapi = self.okapi_with(None)
        spooler = okapi.start_spooler()
        okapi.configure(smtp_server=f"127.0.0.1:{relay.port}")
        os.kill(spooler.pid, signal.SIGHUP)
        spooler.wait_for("reloaded")
        self.send(message("x"), "x@example.org")
        self.queue_empties()
        self.assertEqual(relay.messages()[0][0]["rcpts"],
                         ["x@example.org"])
        okapi.configure(origin="other.test", submit_default_user="bert")
        told = len(spooler.lines)
        os.kill(spooler.pid, signal.SIGHUP)
        spooler.wait_for("reloaded", since=told)
        self.send(message("y"), "y")
        self.queue_empties()
        self.assertEqual(relay.messages()[1][0]["rcpts"], ["y@other.test"])
        self.assertEqual(okapi.subjects("bert", "Sent Items"), ["y"])
        okapi.configure(smtp_server="a:b")
        os.kill(spooler.pid, signal.SIGHUP)
        spooler.wait_for("going on as before")

    def test_killed_while_sending_nothing_is_lost(self):
        relay = Relay(self, "DOT=delay 0.02")
        okapi = self.okapi_with(relay)
        okapi.start_spooler()
        for i in range(30):
            self.send(message(f"m{i:02}"), "x@example.org")
        self.eventually("some sent", lambda: len(relay.messages()) > 2)
        okapi.spooler.kill()
        okapi.start_spooler()
        self.queue_empties()
        subjects = {email.message_from_bytes(octets)["Subject"]
                    for _, octets in relay.messages()}
        self.assertEqual(subjects, {f"m{i:02}" for i in range(30)})
        self.assertEqual(len(okapi.mails("anna", "Sent Items")), 30)


class Security(Sending):
    def once(self, relay, **settings):
        okapi = self.okapi_with(relay, **settings)
        self.send(message("x"), "x@example.org")
        return okapi.run("okapi-spooler", "-c", okapi.config, "--once")

    def test_verify_fails_closed(self):
        good = certificate(self.directory(), "IP:127.0.0.1")
        other = certificate(self.directory(), "DNS:other.test")
        for cert, ca, status in ((good, good, 0), (good, other, 75),
                                 (other, other, 75)):
            relay = Relay(self, options=("--tls-cert", cert[0], "--tls-key",
                                         cert[1]))
            result = self.once(relay, smtp_tls="verify",
                               smtp_tls_ca_file=ca[0])
            self.assertEqual(result.status, status, repr(result))
            self.assertEqual(len(relay.messages()), 1 if status == 0 else 0)

    def test_required_and_opportunistic(self):
        cert, key = certificate(self.directory(), "DNS:any.test")
        plain = Relay(self)
        self.assertEqual(self.once(plain, smtp_tls="required").status, 75)
        self.assertEqual(plain.messages(), [])
        self.assertEqual(self.once(plain, smtp_tls="opportunistic").status, 0)
        tls = Relay(self, options=("--tls-cert", cert, "--tls-key", key))
        self.assertEqual(self.once(tls, smtp_tls="opportunistic").status, 0)
        self.assertTrue(tls.messages()[0][0]["tls"])
        broken = Relay(self, "STARTTLS=454 4.7.0 not now", options=(
            "--tls-cert", cert, "--tls-key", key))
        self.assertEqual(self.once(broken, smtp_tls="opportunistic").status, 0)
        injected = Relay(self, r"STARTTLS=raw 220 go\r\n250 hi\r\n", options=(
            "--tls-cert", cert, "--tls-key", key))
        result = self.once(injected, smtp_tls="required")
        self.assertEqual(result.status, 75, repr(result))

    def test_auth(self):
        password = os.path.join(self.directory(), "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write("secret\n")
        options = ("--auth", "anna:secret", "--auth-required")
        relay = Relay(self, options=options)
        settings = {"smtp_user": "anna", "smtp_password_file": password}
        result = self.once(relay, **settings)
        self.assertEqual(result.status, 78, repr(result))
        self.assertIn("chmod 600", result.err)
        os.chmod(password, 0o600)
        result = self.once(relay, **settings)
        self.assertEqual(result.status, 0, repr(result))
        self.assertEqual(relay.messages()[0][0]["auth"], "anna")
        with open(password, "w", encoding="utf-8") as file:
            file.write("wrong\n")
        result = self.once(Relay(self, options=options), **settings)
        self.assertEqual(result.status, 75, repr(result))
        self.assertNotIn("secret", result.err)
        result = self.once(Relay(self), **settings)
        self.assertEqual(result.status, 75, repr(result))


class Submitting(Sending):
    def drop(self, *parts):
        return os.path.join(self.okapi.directory, "drop", *parts)

    def test_drop_directory_holds_mail_until_a_spooler_comes(self):
        relay = Relay(self)
        okapi = self.okapi_with(relay)
        self.send(message("waits"), "-N", "never", "x@example.org")
        name, = os.listdir(self.drop("drop"))
        self.assertEqual(os.stat(self.drop("drop", name)).st_mode & 0o777,
                         0o644)
        okapi.start_spooler()
        self.eventually("sent", lambda: len(relay.messages()) == 1)
        self.assertEqual(relay.messages()[0][0]["rcpt_args"],
                         [["NOTIFY=NEVER"]])
        self.assertEqual(os.listdir(self.drop("drop")), [])

    def test_dropped_files_keep_their_order_and_unfinished_ones_wait(self):
        okapi = self.okapi_with(None, submit_hold="1h")
        for i in range(12):
            self.send(message(f"m{i:02}"), "x@example.org")
        first = sorted(os.listdir(self.drop("drop")))[0]
        os.rename(self.drop("drop", first), self.drop("drop", "." + first))
        okapi.start_spooler()
        self.eventually("taken", lambda: len(okapi.queue()) == 11)
        self.assertEqual([q["subject"] for q in okapi.queue()],
                         [f"m{i:02}" for i in range(1, 12)])
        self.assertEqual(os.listdir(self.drop("drop")), ["." + first])
        os.rename(self.drop("drop", "." + first), self.drop("drop", first))
        self.eventually("taken", lambda: len(okapi.queue()) == 12)
        self.assertEqual(os.listdir(self.drop("drop")), [])

    def test_unfit_files_are_kept_aside(self):
        okapi = self.okapi_with(None)
        okapi.start_spooler()
        secret = os.path.join(self.directory(), "secret")
        with open(secret, "w", encoding="utf-8") as file:
            file.write("okapi-drop 1\nrecipient x@y\nmessage 2\nhi")
        os.symlink(secret, self.drop("drop", "1.link.msg"))
        for name, mode, text in (
                ("2.junk.msg", 0o644, "junk"),
                ("3.open.msg", 0o666, "okapi-drop 1\nmessage 0\n"),
                ("4.cut.msg", 0o644, "okapi-drop 1\nrecipient x@y\n"
                                     "message 20\nhi")):
            part = self.drop("drop", "." + name)
            with open(part, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(part, mode)
            os.rename(part, self.drop("drop", name))
        self.eventually("moved away",
                        lambda: not os.listdir(self.drop("drop")))
        self.assertEqual(len(os.listdir(self.drop("failed"))), 4)
        self.assertEqual(okapi.queue(), [])
        # Whose the other two are cannot be said.
        self.assertEqual(len(okapi.mails("anna", "Inbox")), 2)

    def test_a_file_that_can_never_be_submitted_is_told_of(self):
        okapi = self.okapi_with(None, submit_default_user="",
                                postmaster="bert@okapi.test")
        self.send(message("root has none"), "x@example.org", "y@example.org")
        many = [f"r{i}@example.org" for i in range(101)]
        self.send(message("anna's"), "-f", ANNA, *many)
        okapi.configure(submit_recipient_limit=100)
        okapi.start_spooler()
        self.eventually("moved away",
                        lambda: not os.listdir(self.drop("drop")))
        self.assertEqual(len(os.listdir(self.drop("failed"))), 2)
        for user, status, addresses in (
                ("bert", "5.7.1", {"x@example.org", "y@example.org"}),
                ("anna", "5.5.3", set(many))):
            mail, = okapi.mails(user, "Inbox")
            self.assertEqual(mail["message_class"], "REPORT.IPM.Note.NDR")
            report = email.message_from_bytes(
                okapi.raw(user, mail["id"]), policy=email.policy.SMTP)
            told = report.get_payload()[1].get_payload()[1:]
            self.assertEqual(len(told), len(addresses))
            for fields in told:
                self.assertEqual((fields["Action"], fields["Status"]),
                                 ("failed", status))
            self.assertIn("Hello.", report.get_payload()[2].as_string())

    def test_who_may_be_whom(self):
        self.needs_root()
        relay = Relay(self)
        okapi = self.okapi_with(relay, submit_default_user="")
        okapi.start_spooler()
        result = self.send(message("x"), "x@example.org", status=77)
        self.assertIn("5.7.1", result.err)
        self.assertIn("submit_default_user", result.err)
        self.send(message("bert"), "-f", "bert@okapi.test", "x@example.org")
        self.queue_empties()
        self.assertEqual(okapi.subjects("bert", "Sent Items"), ["bert"])
        okapi.add_user("nobody")
        self.send(message("n"), "-f", ANNA, "x@example.org", user="nobody")
        self.queue_empties()
        self.assertEqual(okapi.subjects("nobody", "Sent Items"), ["n"])
        self.assertEqual(okapi.mails("anna"), [])

    def test_whose_address_it_is_cannot_be_said(self):
        """It waits, and nobody else's mail is made of it."""
        self.needs_root()
        okapi = self.okapi_with(None)
        okapi.start_spooler()
        store = sqlite3.connect(okapi.settings["store_path"])
        store.execute("ALTER TABLE addresses RENAME TO gone")
        store.commit()
        self.send(message("bert's"), "-f", "bert@okapi.test",
                  "x@example.org")
        self.assertEqual(len(os.listdir(self.drop("drop"))), 1)
        store.execute("ALTER TABLE gone RENAME TO addresses")
        store.commit()
        store.close()
        okapi.stop()
        okapi.start_spooler()
        self.eventually("submitted", lambda: okapi.mails("bert", "Outbox"))
        self.assertEqual(okapi.mails("anna", "Outbox"), [])

    def test_lone_dot_bs_mailq_and_flush(self):
        relay = Relay(self, "RCPT*1=450 4.2.0 busy")
        okapi = self.okapi_with(relay, queue_retry_min="1h",
                                queue_retry_max="2h")
        okapi.start_spooler()
        self.assertIn("Mail queue is empty", self.send(b"", "-bp").out)
        dialog = (b"EHLO x\r\nMAIL FROM:<anna@okapi.test>\r\n"
                  b"RCPT TO:<x@example.org>\r\nDATA\r\nSubject: bs\r\n\r\n"
                  b"hi\r\n.\r\nQUIT\r\n")
        self.assertIn("queued as", self.send(dialog, "-bs").out)
        self.eventually("refused once", lambda: okapi.queue()[0][
            "recipients"][0]["attempts"] == 1)
        listed = self.send(b"", "-bp").out
        self.assertIn("x@example.org", listed)
        self.assertIn("450 4.2.0 busy", listed)
        self.assertRegex(listed, r" [A-Z][a-z]{2} [A-Z][a-z]{2} [ 123]\d "
                                 r"\d\d:\d\d:\d\d  ")
        self.send(b"", "-q")
        self.queue_empties()
        self.send(b"Subject: dot\n\none\n.\nMAIL FROM:<a>\n", "y@example.org")
        self.queue_empties()
        self.assertTrue(relay.messages()[-1][1].endswith(b"\r\n\r\none\r\n"))

    def test_hostile_arguments(self):
        okapi = self.okapi_with(None)
        for args, status in ((["a@b\r\nRCPT TO:<c@d>"], 64), (["-z"], 64),
                             ([], 64), (["-N", "often", "x@y"], 64),
                             (["-f", "a\nb", "x@y"], 64), (["-bd"], 64)):
            self.send(message("x"), *args, status=status)
        self.send(b"", "x@example.org", status=65)
        okapi.start_spooler()
        self.send(message("x"), "--", "-oQ/tmp@example.org")
        self.send(message("x"), "a b@example.org", status=67)
        self.send(b"Subject: none\n\nx\n", "-t", status=65)
        entry, = okapi.queue()
        self.assertEqual(entry["recipients"][0]["address"],
                         "-oQ/tmp@example.org")


if __name__ == "__main__":
    main()

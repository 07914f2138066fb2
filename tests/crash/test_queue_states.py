#!/usr/bin/env python3
"""kill -9 in each state of docs/queue.md: what is then at the relay host, in
the queue and in the folders is what that table promises."""

import email
import os
import signal
import sqlite3
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
from harness.cases import main  # noqa: E402
from harness.okapi import message  # noqa: E402
from test_spooler import ANNA, Relay, Sending  # noqa: E402

# The second transport is taken where AUTH is beyond libesmtp.
OAUTH = ("--auth", "anna:", "--auth-mechs", "XOAUTH2", "--token", "t0ken")


class Killed(Sending):
    def start(self, *rules, direct=False, options=(), **settings):
        self.relay = Relay(self, *rules, options=OAUTH if direct else options)
        if direct:
            settings.update(smtp_user="anna",
                            smtp_token_command="echo t0ken")
        self.okapi_with(self.relay, **settings)
        self.spooler = self.okapi.start_spooler()

    def submit(self, subject="m"):
        self.send(message(subject, sender=ANNA), "x@example.org")

    def restart(self):
        self.spooler.kill()
        self.spooler = self.okapi.start_spooler()

    def drain_until_the_second(self):
        """Four messages wait; the relay host has the end of the second."""
        self.spooler.kill()
        for subject in "abcd":
            self.submit(subject)
        self.spooler = self.okapi.start_spooler()
        self.eventually("the second", lambda: self.relay.log().count(
            "< (end of data)") == 2)

    def taken(self):
        return [email.message_from_bytes(octets)["Subject"]
                for _, octets in self.relay.messages()]

    def recipient(self):
        entry, = self.okapi.queue()
        return entry["state"], entry["recipients"][0]

    def lock(self):
        """Nobody commits until the connection is closed."""
        store = sqlite3.connect(self.okapi.settings["store_path"],
                                isolation_level=None)
        store.execute("PRAGMA busy_timeout = 60000")
        store.execute("BEGIN IMMEDIATE")
        self.addCleanup(store.close)
        return store

    def sent_once(self, times=1):
        self.queue_empties()
        self.assertEqual(self.taken(), ["m"] * times)
        self.assertEqual(self.okapi.subjects("anna", "Sent Items"), ["m"])
        self.assertEqual(self.okapi.mails("anna", "Outbox"), [])
        self.assertEqual(self.okapi.mails("anna", "Inbox"), [])


class States(Killed):
    def test_in_the_drop_directory(self):
        """Killed while it takes the file: submitted once."""
        self.start()
        self.spooler.kill()
        self.submit()
        lock = self.lock()
        self.spooler = self.okapi.start_spooler(wait=False)
        self.eventually("it takes the file", self.okapi.writer_waits)
        self.spooler.kill()
        lock.close()
        self.assertEqual(len(os.listdir(os.path.join(
            self.okapi.directory, "drop", "drop"))), 1)
        self.spooler = self.okapi.start_spooler()
        self.eventually("sent", self.relay.messages)
        self.sent_once()

    def test_submitting(self):
        """Killed before the commit: the caller has no answer, and the file it
        leaves instead is submitted once."""
        self.start()
        lock = self.lock()
        caller = threading.Thread(target=self.submit)
        caller.start()
        self.eventually("it is submitted", self.okapi.writer_waits)
        self.restart()
        lock.close()
        caller.join(60)
        self.eventually("sent", self.relay.messages)
        self.sent_once()

    def test_waiting(self):
        self.start("RCPT*1=450 4.2.0 busy", queue_retry_min="1h",
                   queue_retry_max="1h")
        self.submit()
        self.eventually("a try", lambda: self.recipient()[1]["attempts"])
        before = self.recipient()
        self.restart()
        self.assertEqual(self.recipient(), before)
        self.okapi.must("queue", "retry", "--all")
        self.sent_once()

    def test_held(self):
        self.start("RCPT*1=450 4.2.0 busy", queue_retry_min="1h",
                   queue_retry_max="1h")
        self.submit()
        self.eventually("a try", lambda: self.recipient()[1]["attempts"])
        self.okapi.must("queue", "hold", "--all")
        self.restart()
        self.assertIn("in 1 Request", self.send(b"", "-bp").out)
        self.assertEqual(self.recipient()[0], "held")
        self.assertEqual(self.taken(), [])
        self.okapi.must("queue", "release", "--all")
        self.okapi.must("queue", "retry", "--all")
        self.sent_once()

    def sending(self, verb, direct):
        """The relay host has what comes before verb, and does not answer."""
        self.start(f"{verb}*1=hang", direct=direct)
        self.submit()
        self.eventually("sending", lambda: self.recipient()[0] == "sending")
        word = "(end of data)" if verb == "DOT" else verb
        self.eventually(verb, lambda: word == "CONNECT" or
                        "< " + word in self.relay.log())
        self.restart()
        self.eventually("taken up", lambda: self.relay.messages())
        self.sent_once()
        self.okapi.stop()

    def test_sending(self):
        for verb in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"):
            for direct in (False, True):
                with self.subTest(verb, direct=direct):
                    self.sending(verb, direct)

    def test_taken_but_not_recorded(self):
        """The window: it goes once more, and only once."""
        for direct in (False, True):
            with self.subTest(direct=direct):
                self.start("DOT*1=until locked", direct=direct)
                self.submit()
                self.eventually("DATA", lambda: "< DATA" in self.relay.log())
                lock = self.lock()
                self.relay.let("locked")
                self.eventually("taken", self.relay.messages)
                self.spooler.kill()
                lock.close()
                self.assertEqual(self.recipient()[0], "sending")
                self.spooler = self.okapi.start_spooler()
                self.sent_once(times=2)
                self.okapi.stop()

    def test_a_stop_says_what_it_could_not_record(self):
        """Nobody is told of an outcome that the store does not have."""
        self.start("DOT*1=until locked", store_timeout="1s")
        self.submit()
        self.eventually("DATA", lambda: "< DATA" in self.relay.log())
        lock = self.lock()
        self.relay.let("locked")
        self.spooler.wait_for("cannot record")
        self.spooler.stop()
        lock.close()
        log = self.spooler.text()
        self.assertIn("is not recorded", log)
        self.assertNotIn("sent", "".join(
            line for line in log.splitlines() if "x@example.org" in line))
        self.spooler = self.okapi.start_spooler()
        self.sent_once(times=2)

    def test_one_is_unrecorded_at_a_time(self):
        """While the outcome of a message cannot be recorded the next is
        offered, and its content held back."""
        for direct in (False, True):
            with self.subTest(direct=direct):
                self.start("DOT*1=250 2.0.0 kept", "DOT*1=until locked",
                           direct=direct, smtp_max_sessions=1,
                           options=("--no-ext", "PIPELINING"))
                self.drain_until_the_second()
                lock = self.lock()
                self.relay.let("locked")
                self.eventually("the third envelope", lambda:
                                self.relay.log().count("< RCPT") == 3)
                time.sleep(0.3)
                self.assertEqual(self.taken(), ["a", "b"])
                lock.close()
                self.queue_empties()
                self.assertEqual(sorted(self.taken()), list("abcd"))
                self.okapi.stop()

    def test_a_stop_sends_nothing_more(self):
        """What was claimed and read ahead waits for the next start."""
        self.start("DOT*1=250 2.0.0 kept", "DOT*1=until stopping",
                   smtp_max_sessions=1, options=("--no-ext", "PIPELINING"))
        self.drain_until_the_second()
        os.kill(self.spooler.pid, signal.SIGTERM)
        self.spooler.wait_for("stopping")
        self.relay.let("stopping")
        self.assertEqual(self.spooler.stop(), 0)
        self.assertEqual(self.taken(), ["a", "b"])
        self.assertEqual([e["state"] for e in self.okapi.queue()],
                         ["waiting"] * 2)
        self.spooler = self.okapi.start_spooler()
        self.queue_empties()
        self.assertEqual(self.taken(), list("abcd"))

    def test_sent(self):
        self.start()
        self.submit()
        self.sent_once()
        self.restart()
        self.submit("n")
        self.eventually("the next", lambda: len(self.relay.messages()) > 1)
        self.queue_empties()
        self.assertEqual(self.taken(), ["m", "n"])

    def test_failed_but_not_reported(self):
        """Results and report are one unit: never one without the other."""
        self.start("RCPT=until locked;550 5.1.1 no such user")
        self.submit()
        self.eventually("asked", lambda: "< RCPT" in self.relay.log())
        lock = self.lock()
        self.relay.let("locked")
        self.eventually("refused",
                        lambda: "550 5.1.1" in self.relay.log())
        self.spooler.kill()
        lock.close()
        self.spooler = self.okapi.start_spooler()
        self.queue_empties()
        report, = self.okapi.mails("anna", "Inbox")
        self.assertEqual(report["message_class"], "REPORT.IPM.Note.NDR")
        failed, = self.okapi.mails("anna", "Outbox")
        self.assertIn("failed", failed["flags"])
        self.assertEqual(self.okapi.mails("anna", "Sent Items"), [])


if __name__ == "__main__":
    main()

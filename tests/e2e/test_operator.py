#!/usr/bin/env python3
"""What an operator does to a spooler with mail in its queue: other relay hosts
by SIGHUP, a stop in the middle, clocks that are set, mailq."""

import email
import os
import re
import signal
import sqlite3
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import main  # noqa: E402
from harness.clock import Clock  # noqa: E402
from harness.okapi import message  # noqa: E402
from harness.process import Process, free_port  # noqa: E402
from test_spooler import ANNA, Relay, Sending  # noqa: E402

DAY = 24 * 3600


class Operating(Sending):
    def submit(self, subject, *headers):
        self.send(message(subject, sender=ANNA, headers=headers),
                  "x@example.org")

    def submit_many(self, count, **settings):
        """Waiting mail, before there is a spooler."""
        ids = []
        for i in range(count):
            self.okapi.must("mail", "import", "anna", "Outbox", "-",
                            input=message(f"m{i:02}", sender=ANNA))
        for mail in self.okapi.mails("anna", "Outbox"):
            ids.append(self.okapi.must("mail", "submit", "anna",
                                       str(mail["id"])).strip())
        return ids

    def attempts(self):
        return [to["attempts"] for entry in self.okapi.queue()
                for to in entry["recipients"]]

    @staticmethod
    def subjects(*relays):
        return sorted(email.message_from_bytes(octets)["Subject"]
                      for relay in relays for _, octets in relay.messages())

    def reload(self, **settings):
        self.okapi.configure(**settings)
        told = len(self.okapi.spooler.lines)
        os.kill(self.okapi.spooler.pid, signal.SIGHUP)
        self.okapi.spooler.wait_for("reloaded", since=told)


class Reload(Operating):
    def test_mail_that_waits_goes_to_the_new_relay(self):
        relay = Relay(self)
        self.okapi_with(None, smtp_server=f"127.0.0.1:{free_port()}",
                        queue_retry_min="2s", queue_retry_max="2s")
        self.okapi.start_spooler()
        self.submit("waits")
        self.eventually("a try", lambda: any(self.attempts()))
        self.reload(smtp_server=f"127.0.0.1:{relay.port}")
        self.queue_empties()
        self.assertEqual(self.subjects(relay), ["waits"])

    def test_a_shorter_longest_delay_holds_for_mail_that_waits(self):
        relay = Relay(self, "RCPT*1=450 4.2.0 busy")
        self.okapi_with(relay, queue_retry_min="1h", queue_retry_max="2h")
        self.okapi.start_spooler()
        self.submit("waits")
        self.eventually("a try", lambda: self.attempts() == [1])
        self.reload(queue_retry_min="1s", queue_retry_max="1s")
        self.queue_empties()
        self.assertEqual(self.subjects(relay), ["waits"])

    def test_times_are_looked_at_again_where_the_store_was_busy(self):
        relay = Relay(self, "RCPT*1=450 4.2.0 busy")
        self.okapi_with(relay, queue_retry_min="1h", queue_retry_max="2h",
                        store_timeout="1s")
        self.okapi.start_spooler()
        self.submit("waits")
        self.eventually("a try", lambda: self.attempts() == [1])
        store = sqlite3.connect(self.okapi.settings["store_path"],
                                isolation_level=None)
        store.execute("BEGIN IMMEDIATE")
        self.reload(queue_retry_min="1s", queue_retry_max="1s")
        self.okapi.spooler.wait_for("cannot look at the queue's times")
        store.close()
        self.queue_empties()
        self.assertEqual(self.subjects(relay), ["waits"])

    def test_a_backlog_under_way_turns_to_the_new_relay(self):
        old = Relay(self, "DOT=delay 0.1")
        new = Relay(self)
        self.okapi_with(old, smtp_max_sessions=1)
        self.submit_many(20)
        self.okapi.start_spooler()
        self.eventually("some sent", lambda: len(old.messages()) > 2)
        self.reload(smtp_server=f"127.0.0.1:{new.port}")
        had = len(old.messages())
        self.queue_empties()
        self.assertLessEqual(len(old.messages()), had + 2)
        self.assertEqual(self.subjects(old, new),
                         [f"m{i:02}" for i in range(20)])


class Stop(Operating):
    def leases(self):
        with sqlite3.connect(self.okapi.settings["store_path"]) as store:
            (count,), = store.execute("SELECT count(*) FROM outgoingqueue"
                                      " WHERE lease_owner IS NOT NULL")
        return count

    def test_in_the_middle_of_sessions(self):
        relay = Relay(self, "DOT=delay 0.2")
        self.okapi_with(relay)
        self.submit_many(20)
        self.okapi.start_spooler()
        self.eventually("some sent", lambda: relay.messages())
        self.assertEqual(self.okapi.spooler.stop(), 0)
        # What was under way is finished, the rest is as it was: no lease, no
        # attempt.
        taken = len(relay.messages())
        self.assertEqual(self.leases(), 0)
        self.assertEqual(self.attempts(), [0] * (20 - taken))
        self.assertEqual(len(self.okapi.mails("anna", "Sent Items")), taken)
        self.okapi.start_spooler()
        self.queue_empties()
        self.assertEqual(self.subjects(relay), [f"m{i:02}" for i in range(20)])

    def test_before_the_relay_says_a_word(self):
        relay = Relay(self, "CONNECT*9=delay 0.5;220 hi")
        self.okapi_with(relay)
        self.submit_many(3)
        self.okapi.start_spooler()
        self.eventually("sending", self.leases)
        self.assertEqual(self.okapi.spooler.stop(), 0)
        self.assertEqual(self.leases(), 0)
        self.assertLessEqual(set(self.attempts()), {0})


class Clocks(Operating):
    """The machine's clock is set while mail waits."""

    def with_clock(self, relay, **settings):
        self.okapi_with(relay, **settings)
        self.clock = Clock(self, self.okapi.directory,
                           self.okapi.program("okapi-spooler"))

    def start(self):
        okapi = self.okapi
        okapi.spooler = Process(
            [okapi.program("okapi-spooler"), "-c", okapi.config], cwd="/",
            env={**os.environ, **self.clock.env})
        okapi.spooler.wait_for("ready")

    def look(self):
        """The spooler looks at its queue, as it does every half minute."""
        return self.send(b"", "-bp").out

    def test_nothing_deferred_goes_early(self):
        relay = Relay(self)
        self.with_clock(relay, submit_hold="1h")
        self.start()
        self.submit("held")
        self.eventually("a queue", self.okapi.queue)
        for seconds in (-DAY, 0, 3000):
            self.clock.set(seconds)
            self.look()
            time.sleep(0.3)
            self.assertEqual(relay.messages(), [], seconds)
        self.clock.set(3700)
        self.look()
        self.queue_empties()
        self.assertEqual(self.subjects(relay), ["held"])

    def test_forward_past_an_attempt(self):
        relay = Relay(self, "RCPT*1=450 4.2.0 busy")
        self.with_clock(relay, queue_retry_min="1h", queue_retry_max="2h")
        self.start()
        self.submit("again")
        self.eventually("a try", lambda: self.attempts() == [1])
        self.clock.set(2 * 3600)
        self.look()
        self.queue_empties()
        self.assertEqual(self.subjects(relay), ["again"])
        self.assertEqual(self.okapi.mails("anna", "Inbox"), [])

    def test_back_by_a_day_and_attempts_go_on(self):
        relay = Relay(self, "RCPT*1=450 4.2.0 busy")
        self.with_clock(relay)
        self.clock.set(DAY)
        self.start()
        self.submit("again")
        self.eventually("a try", lambda: self.attempts() == [1])
        self.clock.set(0)
        self.look()
        self.okapi.spooler.wait_for("the clock was set back by")
        self.queue_empties()
        self.assertEqual(self.subjects(relay), ["again"])

    def test_back_by_a_day_and_a_rate_goes_on(self):
        relay = Relay(self)
        self.with_clock(relay, smtp_rate=60)
        self.clock.set(DAY)
        self.start()
        for i in range(3):
            self.submit(f"m{i}")
        self.eventually("one", relay.messages)
        self.clock.set(0)
        self.queue_empties()
        self.assertEqual(self.subjects(relay), ["m0", "m1", "m2"])

    def test_submitted_tomorrow(self):
        """The clock was wrong, and set while no spooler ran."""
        relay = Relay(self)
        self.with_clock(relay)
        self.clock.set(DAY)
        self.okapi.must("mail", "import", "anna", "Outbox", "-",
                        input=message("early", sender=ANNA))
        mail, = self.okapi.mails("anna", "Outbox")
        self.okapi.must("mail", "submit", "anna", str(mail["id"]),
                        env=self.clock.env)
        self.assertGreater(self.okapi.queue()[0]["submitted"],
                           time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(
                               time.time() + DAY / 2)))
        self.clock.set(0)
        self.start()
        self.queue_empties()
        self.assertEqual(self.subjects(relay), ["early"])


class Redirected(Operating):
    def test_a_relay_that_knows_only_its_own_senders(self):
        """sender_rewrite holds for a redirect's envelope, and its report goes
        to who sent it."""
        relay = Relay(self, "MAIL:bert@*=550 5.7.1 not yours",
                      "RCPT:no@*=550 5.1.1 no")
        okapi = self.okapi_with(relay)
        table = os.path.join(okapi.directory, "senders")
        with open(table, "w", encoding="ascii") as file:
            file.write("* account@provider.example\n")
        okapi.configure(sender_rewrite=table)
        for who in ("yes", "no"):
            okapi.must("rule", "put", "anna", who, "-", input=(
                f'if header :is "subject" "{who}"'
                f' {{ redirect "{who}@example.org"; }}'))
            done = okapi.deliver(message(who), "--sender", "bert@okapi.test",
                                 "anna")
            self.assertEqual(done.status, 0, repr(done))
        okapi.start_spooler()
        self.eventually("both", lambda: len(relay.messages()) == 2)
        taken = {e["mail"]: (e["rcpts"], octets)
                 for e, octets in relay.messages()}
        rcpts, octets = taken["account@provider.example"]
        self.assertEqual(rcpts, ["yes@example.org"])
        self.assertIn(b"From: carol@example.org\r\n", octets)
        rcpts, octets = taken[""]
        self.assertEqual(rcpts, ["bert@okapi.test"])
        self.assertIn(b"no@example.org", octets)


class Figures(Operating):
    def test_the_queue(self):
        where = f"127.0.0.1:{free_port()}"
        okapi = self.okapi_with(None, metrics_listen=where)
        okapi.start_spooler()

        def depth():
            with urllib.request.urlopen(f"http://{where}/metrics") as answer:
                lines = answer.read().decode().splitlines()
            return dict(line.rsplit(" ", 1) for line in lines
                        if line.startswith("okapi_queue"))
        self.assertEqual(set(depth().values()), {"0"})
        for i in range(3):
            self.submit(f"m{i}")
        okapi.must("queue", "hold", okapi.must("queue", "list").split()[0])
        self.eventually("it waits", lambda: depth()[
            'okapi_queue_messages{state="waiting"}'] == "2")
        self.assertEqual(depth()['okapi_queue_messages{state="held"}'], "1")
        self.eventually("it ages", lambda: int(
            depth()["okapi_queue_oldest_age_seconds"]) > 0)


class Mailq(Operating):
    def test_as_people_know_it(self):
        """The lines of Postfix's mailq: id with its mark, size, arrival,
        sender; reasons in parentheses before recipients."""
        relay = Relay(self, "RCPT:no@*=450 4.2.0 busy",
                      "DOT=until listed;250 2.0.0 kept")
        self.okapi_with(relay, queue_retry_min="1h", queue_retry_max="2h")
        self.okapi.start_spooler()
        self.send(message("deferred"), "-f", ANNA, "no@example.org",
                  "no@example.net")
        self.eventually("a try", lambda: self.attempts() == [1, 1])
        self.okapi.must("queue", "hold", "--all")
        self.send(message("active"), "-f", "<>", "a@example.org")
        self.eventually("sending", lambda: "sending" in [
            q["state"] for q in self.okapi.queue()])
        first, second = self.okapi.queue()
        time_of = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d"
        blank = " " * 42
        self.assertRegex(self.send(b"", "-bp").out, "".join([
            r"\A-Queue ID-  --Size-- ----Arrival Time---- "
            r"-Sender/Recipient-------\n",
            rf"{first['id']:<10}! {first['size']:8} {time_of}  {ANNA}\n",
            re.escape(f"{blank}(450 4.2.0 busy)\n"), f"{blank} no@example.org\n",
            re.escape(f"{blank}(450 4.2.0 busy)\n"), f"{blank} no@example.net\n",
            r"\n",
            rf"{second['id']:<10}\* {second['size']:8} {time_of}  "
            r"MAILER-DAEMON\n", f"{blank} a@example.org\n", r"\n",
            r"-- \d+ Kbytes in 2 Requests\.\n\Z"]))
        self.okapi.must("queue", "delete", str(first["id"]), "--yes")
        relay.let("listed")
        self.queue_empties()
        self.assertEqual(self.send(b"", "-bp").out, "Mail queue is empty\n")

    def test_while_no_spooler_runs(self):
        """The store is read, and an empty list is not taken for an answer."""
        self.okapi_with(Relay(self))
        done = self.send(b"", "-bp")
        self.assertEqual((done.status, done.out), (0, ""))
        self.assertRegex(done.err, r"\Aokapi-sendmail: no spooler answers "
                         r"\(.+\); this is what the store says:\n\Z")


if __name__ == "__main__":
    main()

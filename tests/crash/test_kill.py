#!/usr/bin/env python3
"""kill -9 under load: what was acknowledged is there, exactly once.

A fleet of clients does what an MTA does: it repeats whatever it got no answer
for, the same octets from the same sender.  KILLS in the environment says how
often the daemon dies (`make test-crash`: more)."""

import base64
import collections
import os
import queue
import random
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, message  # noqa: E402
from harness.sink import Sink  # noqa: E402

KILLS = int(os.environ.get("KILLS", "5"))
SESSIONS = 16
USERS = ("anna", "bert", "cora", "dora")
# Attachments that many messages have; the last one is a file of its own.
ATTACHED = [base64.encodebytes(os.urandom(size)).replace(b"\n", b"\r\n")
            for size in (3000, 30000, 300000, 1200000)]


class Fleet:
    """SESSIONS clients with one list of work; a message that was not answered
    with 250 or 5xx goes back to the list."""

    def __init__(self, port, seed):
        self.port = port
        self.work = queue.Queue()
        self.acknowledged = collections.Counter()
        self.refused = []
        self.made = 0
        self.lock = threading.Lock()
        self.random = random.Random(seed)
        self.filling = True
        self.threads = [threading.Thread(target=self.session, daemon=True)
                        for _ in range(SESSIONS)]
        for thread in self.threads:
            thread.start()

    def make(self):
        """(id, recipients, content): mostly small, some with an attachment
        that others have too, or large enough to lie beside the store."""
        with self.lock:
            self.made += 1
            ident = f"m{self.made}"
            size = self.random.choice((100, 3000, 20000, 20000, 400000))
            users = self.random.sample(USERS, self.random.choice((1, 1, 3)))
            attached = self.random.choices(
                (b"", *ATTACHED), (20, 5, 5, 2, 1))[0]
        line = f"{ident} {self.random.random()} ".encode() * 2 + b"\r\n"
        return ident, users, (
            f"Subject: {ident}\r\nMessage-ID: <{ident}@crash.test>\r\n"
            f"From: x@crash.test\r\n\r\n").encode() + \
            line * (size // len(line)) + b"\r\n" + attached

    def next(self):
        try:
            return self.work.get_nowait()
        except queue.Empty:
            return self.make() if self.filling else None

    def session(self):
        client = None
        while True:
            job = self.next()
            if job is None:
                break
            ident, users, content = job
            left = list(users)
            try:
                if client is None:
                    client = Lmtp(("127.0.0.1", self.port), timeout=60)
                left = self.deliver(client, ident, left, content)
            except (OSError, EOFError, socket.timeout, ValueError):
                client = None
                time.sleep(0.05)
            if left:
                self.work.put((ident, left, content))

    def deliver(self, client, ident, users, content):
        """Returns the recipients to be tried again."""
        replies = client.envelope(f"{ident}@crash.test", users)
        if any(r[0] != 250 for r in replies):
            client.command("RSET")
            return users
        code, _ = client.command("DATA")
        if code != 354:
            return users
        client.send(content + b".\r\n")
        again = list(users)
        for user in users:
            code, text = client.reply()
            if code == 250:
                self.acknowledged[ident, user] += 1
                again.remove(user)
            elif code >= 500:
                self.refused.append((ident, user, text))
                again.remove(user)
        return again

    def finish(self, timeout=120):
        """No new messages; what is under way is repeated until answered."""
        self.filling = False
        give_up = time.monotonic() + timeout
        for thread in self.threads:
            thread.join(max(0.1, give_up - time.monotonic()))
        return not any(t.is_alive() for t in self.threads)


class Kill(Case):
    def check_store(self, okapi):
        done = okapi.admin("store", "check", timeout=120)
        self.assertEqual(done.status, 0, done)

    def test_dagent_under_load(self):
        okapi = Okapi(self.directory(), users=USERS, log_level=3)
        self.addCleanup(okapi.stop)
        seed = int(os.environ.get("SEED", str(time.time_ns() % 100000)))
        print(f"note seed {seed}")
        okapi.start_dagent()
        fleet = Fleet(okapi.port, seed)
        for _ in range(KILLS):
            time.sleep(fleet.random.uniform(0.4, 1.6))
            okapi.dagent.kill()
            okapi.start_dagent()
        self.eventually("enough to look at",
                        lambda: len(fleet.acknowledged) > 50)
        self.assertTrue(fleet.finish(), "clients hang")
        okapi.stop()
        self.assertEqual(fleet.refused, [])
        stored = collections.Counter(
            (mail["subject"], user) for user in USERS
            for mail in okapi.mails(user))
        print(f"note {len(fleet.acknowledged)} acknowledged, "
              f"{sum(stored.values())} stored, {KILLS} kills")
        missing = [k for k in fleet.acknowledged if not stored[k]]
        self.assertEqual(missing[:10], [], f"{len(missing)} lost")
        twice = [k for k, n in stored.items() if n > 1]
        self.assertEqual(twice[:10], [], f"{len(twice)} stored twice")
        self.assertEqual(set(stored) - set(fleet.acknowledged), set())
        self.check_store(okapi)

    def test_spooler_while_it_sends(self):
        """Everything submitted arrives; twice only within the window between
        the relay's 250 and our commit, so at most once more a kill and
        session."""
        directory = self.directory()
        sink = Sink(directory, "DOT=delay 0.02")
        self.addCleanup(sink.close)
        okapi = Okapi(directory, smtp_port=sink.port, log_level=3)
        self.addCleanup(okapi.stop)
        kills, count = max(2, KILLS // 2), 60
        # Half wait in the drop directory, half come while it is killed.
        for number in range(count // 2):
            self.submit(okapi, number)
        okapi.start_spooler()
        for number in range(count // 2, count):
            self.submit(okapi, number)
            if number % (count // 2 // kills) == 0:
                okapi.spooler.kill()
                okapi.start_spooler()

        def arrived():
            return collections.Counter(
                s for one in sink.messages
                for s in [subject(one["content"])])
        self.eventually(f"{count} at the sink",
                        lambda: len(arrived()) == count)
        self.eventually("an empty queue", lambda: okapi.queue() == [])
        extra = sum(arrived().values()) - count
        print(f"note {count} sent, {extra} twice, {kills} kills")
        self.assertLessEqual(extra, 8 * kills)
        okapi.stop()
        self.assertEqual(len(okapi.mails("anna", "Sent Items")), count)
        self.check_store(okapi)

    def submit(self, okapi, number):
        done = okapi.sendmail(
            message(f"out{number}", sender="anna@okapi.test",
                    to="you@example.org"),
            "-f", "anna@okapi.test", "you@example.org")
        self.assertEqual(done.status, 0, done)


def subject(content):
    for line in content.split(b"\r\n"):
        if line.startswith(b"Subject: "):
            return line[9:].decode()
    return None


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What many sessions owe each other and the machine: neighbours, memory,
readers, clients and helpers that die, a clock that jumps."""

import base64
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from bench.servers import processes  # noqa: E402
from harness.cases import main  # noqa: E402
from harness.clock import Clock  # noqa: E402
from harness.lmtp import Lmtp, stuff  # noqa: E402
from harness.okapi import crlf, message, strace  # noqa: E402
from harness.process import Process, free_port  # noqa: E402
from harness.served import ANNA, BERT, Served  # noqa: E402


class Sessions(Served):
    def deliver(self, data, to=(ANNA,), sender="q@x.test"):
        """Replies of a delivery in a session of its own."""
        with Lmtp(("127.0.0.1", self.okapi.port)) as client:
            return client.deliver(sender, list(to), data)

    def must_deliver(self, data, to=(ANNA,)):
        for reply in self.deliver(data, to):
            self.assertEqual(reply[0], 250, reply)

    def figure(self, name):
        with urllib.request.urlopen(
                "http://" + self.okapi.settings["metrics_listen"] + "/metrics",
                timeout=60) as answer:
            text = answer.read().decode()
        return int(re.search(rf"^okapi_dagent_{name} (\d+)", text,
                             re.MULTILINE).group(1))


class MessageId(Sessions):
    """message_id_window: one copy of what comes twice in other octets."""

    settings = {"message_id_window": "1h"}

    def mail(self, body, ident="same"):
        return crlf(message(body, ident=ident, body=body + "\n"))

    def test_a_second_one_is_left_out(self):
        self.must_deliver(self.mail("direct"))
        reply, = self.deliver(self.mail("by the list"), sender="list@x.test")
        self.assertEqual(reply[0], 250, reply)
        first, = self.okapi.mails("anna")
        self.assertEqual(first["subject"], "direct")
        self.assertIn(f"id {first['id']}", reply[1])
        line = self.okapi.dagent.wait_for("by Message-ID")
        self.assertIn(f'result="duplicate of {first["id"]} by Message-ID"',
                      line)

    def test_each_recipient_gets_one(self):
        self.must_deliver(self.mail("one"))
        self.must_deliver(self.mail("two"), (ANNA, BERT))
        self.must_deliver(self.mail("three"), ("anna+lists@okapi.test",))
        self.assertEqual(self.okapi.subjects("anna"), ["one", "three"])
        self.assertEqual(self.okapi.subjects("bert"), ["two"])

    def test_without_a_message_id_all_are_taken(self):
        for body in ("one", "two"):
            self.must_deliver(f"Subject: {body}\r\n\r\n.\r\n".encode())
        self.assertEqual(self.okapi.subjects("anna"), ["one", "two"])

    def test_what_was_not_stored_leaves_nothing_out(self):
        self.okapi.must("rule", "put", "anna", "no", "-", input="discard;")
        self.must_deliver(self.mail("discarded"))
        self.okapi.must("rule", "put", "anna", "no", "-",
                        input='require "reject"; reject "no";')
        self.assertEqual(self.deliver(self.mail("refused"))[0][0], 550)
        self.okapi.must("rule", "remove", "anna", "no", "--yes")
        self.must_deliver(self.mail("stored"))
        self.must_deliver(self.mail("left out"))
        self.assertEqual(self.okapi.subjects("anna"), ["stored"])

    def test_not_unless_it_is_wanted(self):
        self.okapi.stop()
        self.okapi.configure(message_id_window="0")
        self.okapi.start_dagent()
        for body in ("one", "two"):
            self.must_deliver(self.mail(body))
        self.assertEqual(self.okapi.subjects("anna"), ["one", "two"])


class Known(Sessions):
    """A daemon keeps what it knows of recipients, until anybody changes it:
    the next RCPT of a session that is open goes by the change."""

    def setUp(self):
        super().setUp()
        self.session = self.client()

    def rcpt(self, to, size=0):
        """The reply to RCPT, asked twice: looked up, and known."""
        codes = []
        for _ in range(2):
            self.session.command(f"MAIL FROM:<q@x.test> SIZE={size}")
            codes.append(self.session.command(f"RCPT TO:<{to}>")[0])
            self.session.command("RSET")
        self.assertEqual(codes[0], codes[1])
        return codes[0]

    def folders(self, subject):
        """Delivers in the session that is open; where it is."""
        reply, = self.session.deliver("q@x.test", [ANNA],
                                      crlf(message(subject)))
        self.assertEqual(reply[0], 250, reply)
        return [f for f in ("Inbox", "Drafts", "Junk E-mail")
                if subject in self.okapi.subjects("anna", f)]

    def test_who_there_is(self):
        must = self.okapi.must
        self.assertEqual(self.rcpt("new@okapi.test"), 550)
        self.okapi.add_user("new")
        self.assertEqual(self.rcpt("new@okapi.test"), 250)
        self.assertEqual(self.rcpt("other@okapi.test"), 550)
        must("user", "set", "new", "--alias", "other@okapi.test")
        self.assertEqual(self.rcpt("other@okapi.test"), 250)
        must("user", "set", "anna", "--inactive")
        self.assertEqual(self.rcpt(ANNA), 550)
        must("user", "set", "anna", "--active")
        self.assertEqual(self.rcpt(ANNA), 250)
        must("user", "delete", "new", "--yes")
        self.assertEqual(self.rcpt("new@okapi.test"), 550)
        self.assertEqual(self.rcpt("other@okapi.test"), 550)

    def test_quota(self):
        must = self.okapi.must
        self.assertEqual(self.rcpt(ANNA, 3_000_000), 250)
        must("user", "set", "anna", "--quota-hard", "2")
        self.assertEqual(self.rcpt(ANNA, 3_000_000), 552)
        self.assertEqual(self.rcpt(ANNA, 1_500_000), 250)
        self.folders("small")
        reply, = self.session.deliver(
            "q@x.test", [ANNA], crlf(message("large", body="x\n" * 400_000)))
        self.assertEqual(reply[0], 250, reply)
        self.assertEqual(self.rcpt(ANNA, 1_500_000), 552)
        mail, = [m for m in self.okapi.mails("anna")
                 if m["subject"] == "large"]
        must("mail", "delete", "anna", str(mail["id"]), "--permanent", "--yes")
        self.assertEqual(self.rcpt(ANNA, 1_500_000), 250)
        must("user", "set", "anna", "--quota-hard", "0")
        self.assertEqual(self.rcpt(ANNA, 3_000_000), 250)

    def test_what_they_have_ordered(self):
        must = self.okapi.must
        self.assertEqual(self.folders("one"), ["Inbox"])
        must("rule", "put", "anna", "r", "-",
             input='require "fileinto"; fileinto "Drafts";')
        self.assertEqual(self.folders("two"), ["Drafts"])
        must("rule", "disable", "anna", "r")
        self.assertEqual(self.folders("three"), ["Inbox"])
        must("rule", "enable", "anna", "r")
        self.assertEqual(self.folders("four"), ["Drafts"])
        must("rule", "remove", "anna", "r", "--yes")
        self.assertEqual(self.folders("five"), ["Inbox"])
        must("junk", "block", "anna", "q@x.test")
        self.assertEqual(self.folders("six"), ["Junk E-mail"])


class Group(Sessions):
    """What is committed together: held back by another program that has the
    store, sent at once, let go."""

    SESSIONS = 64

    def setUp(self):
        self.settings = {"metrics_listen": f"127.0.0.1:{free_port()}"}
        super().setUp()

    def deliver_together(self, jobs):
        """jobs: (recipient, content); their replies, in order."""
        clients = [self.client() for _ in jobs]
        for client, (to, _) in zip(clients, jobs):
            client.envelope("q@x.test", [to])
            self.assertEqual(client.command("DATA")[0], 354)
        other = sqlite3.connect(self.okapi.settings["store_path"],
                                isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        before = self.figure("units_total"), self.figure("commits_total")
        for client, (_, content) in zip(clients, jobs):
            client.send(stuff(content))
        self.ticks = self.quiet = 0
        self.eventually("all are in", self.all_wait)
        other.execute("ROLLBACK")
        other.close()
        replies = [client.reply() for client in clients]
        return replies, [self.figure(name) - old for name, old in zip(
            ("units_total", "commits_total"), before)]

    def all_wait(self):
        """Every session waits for the commit: nothing has run for a while."""
        ticks = self.okapi_ticks()
        self.quiet = self.quiet + 1 if ticks == self.ticks else 0
        self.ticks = ticks
        return self.quiet >= 4

    def okapi_ticks(self):
        pid = self.okapi.dagent.pid
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))

    def test_one_sync_pays_for_eight_and_more(self):
        jobs = [(ANNA if i % 2 else BERT, crlf(message(f"m{i}")))
                for i in range(self.SESSIONS)]
        replies, (units, commits) = self.deliver_together(jobs)
        self.assertEqual([r[0] for r in replies], [250] * self.SESSIONS)
        self.assertEqual(units, self.SESSIONS)
        self.assertGreaterEqual(units, 8 * commits)

    def test_a_failing_delivery_harms_no_neighbour(self):
        """Two that fit one by one and not both: that is found in the
        transaction; and one that a rule refuses."""
        for name in ("full", "strict"):
            self.okapi.add_user(name)
        self.okapi.must("user", "set", "full", "--quota-hard", "1")
        self.okapi.must("rule", "put", "strict", "r", "-",
                        input='require "reject"; reject "no";')
        body = "x" * 60 + "\n"
        large = [crlf(message(f"large{i}", body=body * 10000)) for i in (1, 2)]
        jobs = [(ANNA, crlf(message(f"m{i}"))) for i in range(20)]
        jobs[3:3] = [("full@okapi.test", large[0]),
                     ("strict@okapi.test", crlf(message("unwanted"))),
                     ("full@okapi.test", large[1])]
        replies, _ = self.deliver_together(jobs)
        codes = [r[0] for r in replies]
        self.assertEqual(sorted([codes[3], codes[5]]), [250, 552], replies)
        self.assertEqual(codes[4], 550, replies)
        self.assertEqual(codes[:3] + codes[6:], [250] * 20, replies)
        self.assertEqual(len(self.okapi.mails("full")), 1)
        self.assertEqual(len(self.okapi.mails("anna")), 20)
        self.okapi.must("store", "check")


class Readers(Sessions):
    """okapi-admin may take its time: deliveries do not wait for it, or they
    would be answered 451 after store_timeout."""

    settings = {"store_timeout": "1s"}

    def stopped_in(self, *command):
        """The program and its tracer, stopped in the eleventh read of the
        store: the first ten open it, so what is stopped is the question."""
        path = self.okapi.settings["store_path"]
        trace = os.path.join(self.directory(), "trace")
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        process = Process(
            [*strace("-o", trace, "-P", path, "-P", path + "-wal",
                     "-e", "trace=pread64",
                     "-e", "inject=pread64:signal=SIGSTOP:when=11"),
             self.okapi.program("okapi-admin"), *command,
             "-c", self.okapi.config], cwd="/")
        self.addCleanup(process.kill)

        def stopped():
            if not process.running():
                return True
            with open(trace, encoding="utf-8", errors="replace") as file:
                return "stopped by SIGSTOP" in file.read()

        self.eventually(f"{command} is stopped", lambda: os.path.exists(
            trace) and stopped())
        if not process.running() and "PTRACE" in process.text():
            self.skipTest("strace may not trace here")
        self.assertTrue(process.running(), f"{command} ended before:\n"
                                           + process.text())
        with open(trace, encoding="utf-8", errors="replace") as file:
            return process, int(file.read().split()[0])

    def test_reading(self):
        with Lmtp(("127.0.0.1", self.okapi.port)) as client:
            for i in range(150):
                reply, = client.deliver("q@x.test", [ANNA],
                                        crlf(message(f"old{i}")))
                self.assertEqual(reply[0], 250)
        backup = os.path.join(self.okapi.directory, "backup")
        one = str(self.okapi.mails("anna")[0]["id"])
        commands = [("mail", "list", "anna"), ("mail", "show", "anna", one),
                    ("mail", "export", "anna", "Inbox", "--mbox",
                     os.path.join(self.okapi.directory, "mbox")),
                    ("store", "backup", backup), ("store", "check"),
                    ("store", "stats"), ("folder", "list", "anna")]
        count = 150
        for command in commands:
            process, pid = self.stopped_in(*command)
            with self.subTest(" ".join(command[:2])):
                for _ in range(3):
                    count += 1
                    self.must_deliver(crlf(message(f"new{count}")))
                self.assertTrue(process.running(), "it was stopped")
            os.kill(pid, signal.SIGCONT)
            self.eventually(f"{command} ends", lambda: not process.running())
            self.assertEqual(process.child.returncode, 0, process.text())
        self.assertEqual(len(self.okapi.mails("anna")), count)

    def test_output_that_nobody_takes(self):
        """A list into a pipe that is full."""
        with Lmtp(("127.0.0.1", self.okapi.port)) as client:
            for i in range(60):
                reply, = client.deliver(
                    "q@x.test", [ANNA],
                    crlf(message(f"old{i}", body="word " * 2000)))
                self.assertEqual(reply[0], 250)
        end, into = os.pipe()
        self.addCleanup(os.close, end)
        process = subprocess.Popen(
            [self.okapi.program("okapi-admin"), "mail", "export", "anna",
             "Inbox", "--mbox", "-", "-c", self.okapi.config], stdout=into,
            cwd="/")
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(into)
        self.assertEqual(len(os.read(end, 1)), 1)
        for i in range(5):
            self.must_deliver(crlf(message(f"new{i}")))
        self.assertIsNone(process.poll(), "it has written all it had")
        self.assertEqual(len(self.okapi.mails("anna")), 65)


class Claims(Sessions):
    settings = {"message_size_limit": "2047"}

    def resident(self):
        with open(f"/proc/{self.okapi.dagent.pid}/status",
                  encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def test_a_claimed_length_is_not_allocated(self):
        self.must_deliver(crlf(message("first")))
        before = self.resident()
        clients = [self.client() for _ in range(8)]
        for client in clients:
            reply = client.command("MAIL FROM:<q@x.test> SIZE=2000000000")
            self.assertEqual(reply[0], 250, reply)
            self.assertEqual(client.command(f"RCPT TO:<{ANNA}>")[0], 250)
        for client in clients[:4]:
            client.send(b"BDAT 2000000000\r\nSubject: x\r\n")
        for client in clients[4:]:
            self.assertEqual(client.command("DATA")[0], 354)
            client.send(b"Subject: x\r\n")
        self.must_deliver(crlf(message("second")))
        self.assertLess(self.resident() - before, 16 * 1024)
        for client in clients:
            client.close()
        self.eventually("both are there and nothing else", lambda: len(
            self.okapi.mails("anna")) == 2)


class Memory(Sessions):
    """Sessions that send large messages at once.  `make test-memory` has as
    many as a daemon serves, of the largest size."""

    SESSIONS, SIZE = map(int, os.environ.get("OKAPI_MEMORY",
                                             "24:8").split(":"))
    # Python needs minutes for 13 GB: some sessions begin late.
    settings = {"lmtp_timeout": "1h"}
    # MB of the daemon and its helpers together.
    LIMIT = min(1000, 32 + SESSIONS * SIZE // 2)

    def use(self, key):
        """MB of the daemon and its helpers, of a key of smaps_rollup."""
        total = 0
        for pid in processes(self.okapi.dagent.pid):
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file
                             if line.startswith(key + ":"))
        return total // 1024

    def message(self, number):
        """Half of it an attachment of its own, half text."""
        line = base64.encodebytes(os.urandom(57)).strip() + b"\r\n"
        text = b"%d a line of text as it may be in a log\r\n" % number
        half = self.SIZE * 500_000
        return b"Subject: m%d\r\n\r\n" % number \
            + text * (half // len(text)) + b"\r\n" \
            + line * (half // len(line))

    def send(self, client, number, most):
        client.envelope("q@x.test", [ANNA if number % 2 else BERT])
        self.assertEqual(client.command("DATA")[0], 354)
        data = self.message(number)
        client.send(data)
        self.barrier.wait()
        client.send(b".\r\n")
        most.append(client.reply())

    def test_stays_bounded(self):
        if self.okapi.is_sanitized():
            self.skipTest("a sanitizer needs memory of its own")
        self.barrier = threading.Barrier(self.SESSIONS + 1)
        replies = []
        clients = [self.client(timeout=600) for _ in range(self.SESSIONS)]
        threads = [threading.Thread(target=self.send, args=(c, i, replies))
                   for i, c in enumerate(clients)]
        for thread in threads:
            thread.start()
        self.barrier.wait()
        most = {"Pss": self.use("Pss"), "Pss_Anon": self.use("Pss_Anon")}
        received = dict(most)
        while any(thread.is_alive() for thread in threads):
            for key, old in most.items():
                most[key] = max(old, self.use(key))
        self.assertEqual([r[0] for r in replies], [250] * self.SESSIONS)
        print(f"note {self.SESSIONS} x {self.SIZE} MB: received {received}, "
              f"most {most} MB")
        self.assertLess(most["Pss"], self.LIMIT)


class Deaths(Sessions):
    """Clients, helpers and the daemon end at every state of a session.  What
    was acknowledged is there once, what was not is not, or comes again."""

    DATA = crlf(message("state", body="word " * 400 + "\n"))
    STATES = ("greeted", "mail", "rcpt", "data", "half", "dot", "bdat",
              "bdat half")

    def go_to(self, state):
        """A session in that state: nothing is acknowledged yet."""
        client = self.client()
        if state == "greeted":
            return client
        self.assertEqual(client.command("MAIL FROM:<q@x.test>")[0], 250)
        if state == "mail":
            return client
        self.assertEqual(client.command(f"RCPT TO:<{ANNA}>")[0], 250)
        if state == "rcpt":
            return client
        if state.startswith("bdat"):
            client.send(b"BDAT %d\r\n" % len(self.DATA)
                        + self.DATA[:len(self.DATA) // 2])
            if state == "bdat":
                client.send(self.DATA[len(self.DATA) // 2:])
                self.assertEqual(client.reply()[0], 250)
            return client
        self.assertEqual(client.command("DATA")[0], 354)
        if state != "data":
            client.send(self.DATA[:1000] if state == "half"
                        else stuff(self.DATA)[:-2])
        return client

    def helpers(self):
        pid = str(self.okapi.dagent.pid)
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat", encoding="ascii") as file:
                    head, tail = file.read().rsplit(")", 1)
            except OSError:
                continue
            state, parent = tail.split()[:2]
            if "okapi-convert" in head and parent == pid and state != "Z":
                found.append(int(name))
        return found

    def test_the_client(self):
        for state in self.STATES:
            self.go_to(state).close()
        self.must_deliver(crlf(message("after")))
        self.assertEqual(self.okapi.subjects("anna"), ["after"])
        self.must_deliver(self.DATA)
        self.assertEqual(self.okapi.subjects("anna"), ["after", "state"])

    def test_the_daemon(self):
        for state in self.STATES:
            with self.subTest(state):
                client = self.go_to(state)
                self.okapi.dagent.kill()
                client.close()
                self.okapi.start_dagent()
        self.assertEqual(self.okapi.mails("anna"), [])
        for _ in range(2):
            self.must_deliver(self.DATA)
        self.assertEqual(self.okapi.subjects("anna"), ["state"])
        self.okapi.must("store", "check")

    def test_the_helper(self):
        """Before, between and while it converts: the message is there whole,
        at worst as an attachment."""
        for i, state in enumerate(self.STATES[:5]):
            with self.subTest(state):
                self.must_deliver(crlf(message(f"warm{i}")))
                client = self.go_to(state)
                for pid in self.helpers():
                    os.kill(pid, signal.SIGKILL)
                self.eventually("they are gone", lambda: not self.helpers())
                client.close()
                data = crlf(message(f"whole{i}"))
                self.must_deliver(data)
                mail, = [m for m in self.okapi.mails("anna")
                         if m["subject"] == f"whole{i}"]
                self.assertTrue(
                    self.okapi.raw("anna", mail["id"]).endswith(data))

    def test_the_helper_while_it_converts(self):
        """A fresh one does it."""
        self.must_deliver(crlf(message("warm")))
        helpers = self.helpers()
        self.assertTrue(helpers)
        for pid in helpers:
            os.kill(pid, signal.SIGSTOP)
        client = self.client()
        client.envelope("q@x.test", [ANNA])
        self.assertEqual(client.command("DATA")[0], 354)
        client.send(stuff(self.DATA))
        self.assertEqual(self.okapi.subjects("anna"), ["warm"])
        for pid in helpers:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(client.reply()[0], 250)
        mail, = [m for m in self.okapi.mails("anna")
                 if m["subject"] == "state"]
        self.assertTrue(
            self.okapi.raw("anna", mail["id"]).endswith(self.DATA))
        self.must_deliver(crlf(message("next")))
        self.assertIn("next", self.okapi.subjects("anna"))


class SetClock(Sessions):
    """The machine's clock is set while the daemon runs."""

    def setUp(self):
        super().setUp()
        self.okapi.stop()
        self.clock = Clock(self, self.okapi.directory,
                           self.okapi.program("okapi-dagentd"))
        self.okapi.dagent = Process(
            [self.okapi.program("okapi-dagent"), "-l", "-c",
             self.okapi.config], cwd="/", env={**os.environ, **self.clock.env})
        self.okapi.dagent.wait_for("ready")

    def test_jumps(self):
        hour, day = 3600, 86400
        sent = []
        for number, offset in enumerate((0, hour, -hour, -400 * day, hour,
                                         10 * hour, 0)):
            with self.subTest(offset=offset):
                with Lmtp(("127.0.0.1", self.okapi.port)) as client:
                    client.envelope("q@x.test", [ANNA])
                    self.clock.set(offset)
                    self.assertEqual(client.command("DATA")[0], 354)
                    data = crlf(message(f"m{number}"))
                    client.send(stuff(data))
                    self.assertEqual(client.reply()[0], 250)
                    sent.append((f"m{number}", data))
                    # The answer was lost: all come again.
                    for _, again in sent:
                        self.assertEqual(client.deliver(
                            "q@x.test", [ANNA], again)[0][0], 250)
                self.assertEqual(self.okapi.subjects("anna"),
                                 [name for name, _ in sent])
        self.okapi.must("store", "check")

    def test_beyond_the_window_nothing_is_lost(self):
        self.must_deliver(crlf(message("one")))
        self.clock.set(400 * 86400)
        self.must_deliver(crlf(message("two")))
        self.clock.set(-400 * 86400)
        self.must_deliver(crlf(message("three")))
        self.assertEqual(self.okapi.subjects("anna"), ["one", "three", "two"])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a service manager gives and is told: sockets, states, a watchdog."""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp, stuff  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402
from harness.process import Process, free_port  # noqa: E402

# Puts the descriptors in $FDS at 3 and up and says whose they are, as a
# service manager does between fork and exec.
GIVE = """
import os, sys
fds = list(map(int, os.environ.pop("FDS").split()))
for to, fd in enumerate(fds, 3):
    os.dup2(fd, to)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.execv(sys.argv[1], sys.argv[1:])
"""


class Manager(Case):
    def setUp(self):
        self.okapi = Okapi(self.directory())
        self.addCleanup(self.okapi.stop)
        self.sockets = []

    def where(self, name):
        return os.path.join(self.okapi.directory, "run", name)

    def listen(self, place, backlog=64):
        """A listening socket, as the manager opens it; its descriptor."""
        if isinstance(place, str):
            one = socket.socket(socket.AF_UNIX)
            one.bind(place)
            os.chmod(place, 0o666)
        else:
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(place)
        one.listen(backlog)
        self.sockets.append(one)
        self.addCleanup(one.close)
        return fcntl.fcntl(one, fcntl.F_DUPFD, 30)

    def start(self, *command, fds=(), **env):
        """A program of Okapi with its configuration and sockets."""
        process = Process(
            [sys.executable, "-c", GIVE, self.okapi.program(command[0]), "-c",
             self.okapi.config, *command[1:]], cwd="/", pass_fds=fds,
            env=dict(os.environ, FDS=" ".join(map(str, fds)), **env))
        self.addCleanup(process.kill)
        for fd in fds:
            os.close(fd)
        return process

    def deliver(self, place, subject):
        with Lmtp(place) as client:
            (code, text), = client.deliver(
                "c@x.test", ["anna@okapi.test"], crlf(message(subject)))
            self.assertEqual(code, 250, text)


class Given(Manager):
    def test_by_place_by_name_and_beyond(self):
        extra = self.where("extra.sock")
        fds = [self.listen(("127.0.0.1", self.okapi.port)),
               self.listen(extra), self.listen(self.where("other.sock"))]
        daemon = self.start("okapi-dagent", "-l", fds=fds,
                            LISTEN_FDNAMES="lmtp:lmtp:dagent")
        daemon.wait_for("ready")
        self.deliver(("127.0.0.1", self.okapi.port), "tcp")
        self.deliver(extra, "unix")
        # The one named dagent takes what only Okapi's own socket does.
        with Lmtp(self.where("other.sock")) as client:
            self.assertEqual(client.command(
                "MAIL FROM:<a@x.test> X-OKAPI=junk+3D1")[0], 250)
        self.assertFalse(os.path.exists(self.where("dagent.sock")))
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_for("reloaded")
        self.deliver(("127.0.0.1", self.okapi.port), "tcp again")
        self.deliver(extra, "unix again")
        self.assertEqual(daemon.stop(), 0, daemon.text())
        for name in ("extra.sock", "other.sock"):
            self.assertTrue(os.path.exists(self.where(name)), name)
        self.assertEqual(len(self.okapi.mails("anna")), 4)

    def test_mail_waits_for_a_daemon_that_starts(self):
        """Socket activation: whoever comes first is served, too."""
        fds = [self.listen(self.where("dagent.sock"))]
        client = subprocess.Popen(
            [self.okapi.program("okapi-dagent"), "-c", self.okapi.config,
             "anna"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        client.stdin.write(message("first"))
        client.stdin.close()
        client.stdin = None
        time.sleep(0.2)
        self.assertIsNone(client.poll())
        self.start("okapi-dagent", "-l", fds=fds).wait_for("ready")
        self.assertEqual(client.communicate(timeout=60)[0], b"")
        self.assertEqual(client.returncode, 0)
        self.assertEqual(self.okapi.subjects("anna"), ["first"])

    def test_what_is_no_listener(self):
        loose = socket.socket()
        self.addCleanup(loose.close)
        for one in (loose, sys.stderr):
            fd = fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 30)
            process = self.start("okapi-dagent", "-l", fds=[fd])
            self.assertEqual(process.child.wait(60), 78, process.text())
            process.wait_for("descriptor 3 of the service manager")

    def test_of_another_process(self):
        """$LISTEN_PID of somebody else: not ours."""
        process = Process(
            [self.okapi.program("okapi-dagent"), "-l", "-c",
             self.okapi.config], cwd="/",
            env=dict(os.environ, LISTEN_PID="1", LISTEN_FDS="5"))
        self.addCleanup(process.kill)
        process.wait_for("ready")
        self.assertEqual(process.stop(), 0)

    def test_spooler(self):
        fds = [self.listen(self.where("submission.sock")),
               self.listen(self.where("queue.sock"))]
        spooler = self.start("okapi-spooler", fds=fds)
        spooler.wait_for("ready")
        done = self.okapi.sendmail(message("out"), "-f", "anna@okapi.test",
                                   "x@far.test")
        self.assertEqual(done.status, 0, done)
        done = self.okapi.sendmail(b"", "-bp")
        self.assertIn("x@far.test", done.out)
        self.assertEqual(spooler.stop(), 0, spooler.text())
        self.assertTrue(os.path.exists(self.where("queue.sock")))
        half = self.start("okapi-spooler", fds=[
            self.listen(self.where("half.sock"))], LISTEN_FDNAMES="queue")
        self.assertEqual(half.child.wait(60), 78, half.text())

    def test_systemd_socket_activate(self):
        if not shutil.which("systemd-socket-activate"):
            self.skipTest("systemd-socket-activate is not here")
        port = free_port()
        kept = [f"-E{name}" for name in os.environ
                if name == "G_SLICE" or name.endswith("SAN_OPTIONS")]
        process = Process(
            ["systemd-socket-activate", *kept, "-l", f"127.0.0.1:{port}", "-l",
             self.where("dagent.sock"), self.okapi.program("okapi-dagent"),
             "-l", "-c", self.okapi.config, "-o",
             f"lmtp_listen=127.0.0.1:{port}"], cwd="/")
        self.addCleanup(process.kill)
        process.wait_for("Listening")
        self.eventually("it listens", lambda: os.path.exists(
            self.where("dagent.sock")))
        self.deliver(("127.0.0.1", port), "activated")
        self.assertEqual(self.okapi.deliver(message("x"), "anna").status, 0)
        process.wait_for("ready")
        self.assertEqual(process.stop(), 0, process.text())
        self.assertEqual(self.okapi.subjects("anna"), ["activated", "x"])


class Told(Manager):
    def setUp(self):
        super().setUp()
        self.news = []
        path = os.path.join(self.okapi.directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.env = {"NOTIFY_SOCKET": path}
        threading.Thread(target=self.listen_to_news, daemon=True).start()
        self.addCleanup(self.socket.close)

    def listen_to_news(self):
        while True:
            try:
                self.news.append((time.monotonic(),
                                  self.socket.recv(4096).decode()))
            except OSError:
                return

    def heard(self, word):
        return [text for _, text in list(self.news) if word in text]

    def pings_since(self, when):
        return [at for at, text in list(self.news)
                if text == "WATCHDOG=1" and at > when]

    def test_states_of_both_daemons(self):
        for name, args in (("okapi-dagent", ["-l"]), ("okapi-spooler", [])):
            with self.subTest(name):
                self.news.clear()
                daemon = self.start(name, *args, **self.env,
                                    WATCHDOG_USEC="200000")
                self.eventually("ready", lambda: self.heard("READY=1"))
                self.assertIn("STATUS=ready", self.heard("READY=1")[0])
                self.eventually("pings", lambda: len(self.pings_since(0)) > 3)
                self.reload(daemon, "STATUS=reloaded")
                self.okapi.configure(quota_hard="lots")
                self.reload(daemon, "not reloaded, going on as before: ")
                self.okapi.configure(quota_hard="0")
                self.assertEqual(daemon.stop(), 0, daemon.text())
                self.eventually("stopping", lambda: self.heard("STOPPING=1"))

    def reload(self, daemon, status):
        self.news.clear()
        daemon.child.send_signal(signal.SIGHUP)
        self.eventually("reloading", lambda: self.heard("RELOADING=1\n"))
        self.assertRegex(self.heard("RELOADING=1\n")[0],
                         r"MONOTONIC_USEC=\d+")
        self.eventually("ready again", lambda: self.heard("READY=1"))
        self.assertIn(status, self.heard("READY=1")[0])

    def test_no_pings_unasked_or_for_somebody_else(self):
        for env in ({}, {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}):
            self.news.clear()
            daemon = self.start("okapi-dagent", "-l", **self.env, **env)
            self.eventually("ready", lambda: self.heard("READY=1"))
            time.sleep(0.3)
            self.assertEqual(self.pings_since(0), [])
            self.assertEqual(daemon.stop(), 0, daemon.text())

    def test_a_committer_that_hangs_gives_no_sign_of_life(self):
        """Its thread is stopped; all others go on, and meet in it."""
        self.needs_root()
        daemon = self.start("okapi-dagent", "-l", "-o", "store_timeout=1s",
                            **self.env, WATCHDOG_USEC="200000")
        daemon.wait_for("ready")
        self.eventually("pings", lambda: self.pings_since(0))
        # A thread has its name once it runs.
        tid = self.eventually("the committer runs", lambda: self.thread_of(
            daemon.pid, "committer"))
        libc = ctypes.CDLL(None, use_errno=True)
        seize, interrupt, detach = 0x4206, 0x4207, 17
        for request in (seize, interrupt):
            if libc.ptrace(request, tid, None, None) != 0:
                self.skipTest(f"ptrace: {os.strerror(ctypes.get_errno())}")
        os.waitpid(tid, 0x40000000)  # __WALL
        subjects = [f"held {number}" for number in range(40)]
        left = iter(subjects)
        senders = [threading.Thread(target=self.deliver_all, args=(left,))
                   for _ in range(8)]
        for sender in senders:
            sender.start()
        try:
            daemon.wait_for("no sign of life")
            # The last ones may still be on their way to us.
            self.eventually("silence", self.is_silent)
            began = time.monotonic()
        finally:
            libc.ptrace(detach, tid, None, None)
        for sender in senders:
            sender.join(60)
        self.eventually("pings again", lambda: self.pings_since(began))
        self.assertEqual(self.okapi.subjects("anna"), sorted(subjects))
        self.assertEqual(daemon.stop(), 0, daemon.text())

    def is_silent(self):
        began = time.monotonic()
        time.sleep(0.5)
        return not self.pings_since(began)

    def deliver_all(self, subjects):
        for subject in subjects:
            self.deliver(("127.0.0.1", self.okapi.port), subject)

    def thread_of(self, pid, name):
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as f:
                if f.read().strip() == name:
                    return int(tid)
        return None


class Descriptors(Case):
    """A soft limit is raised to what lmtp_max_sessions needs."""

    def start(self, soft, hard):
        okapi = Okapi(self.directory(), users=("anna",), lmtp_max_sessions=40,
                      prefix=["prlimit", f"--nofile={soft}:{hard}"])
        self.addCleanup(okapi.stop)
        return okapi, okapi.start_dagent()

    def test_as_many_as_sessions_need(self):
        okapi, daemon = self.start(64, 1024)
        clients = []
        for _ in range(40):
            clients.append(Lmtp(("127.0.0.1", okapi.port)))
            self.addCleanup(clients[-1].close)
        large = crlf(message("large", body="twenty octets, no more\n" * 14000))
        for client in clients:
            client.envelope("c@x.test", ["anna@okapi.test"])
            self.assertEqual(client.command("DATA")[0], 354)
            client.send(stuff(large)[:-3])
        for client in clients:
            client.send(b".\r\n")
        self.assertEqual({client.reply()[0] for client in clients}, {250})
        self.assertNotIn("LimitNOFILE", daemon.text())

    def test_the_hard_limit_holds_and_is_told(self):
        _, daemon = self.start(64, 100)
        line = daemon.wait_for("LimitNOFILE")
        self.assertIn("lmtp_max_sessions may need 304 descriptors, and there "
                      "are 100 at most", line)


if __name__ == "__main__":
    main()

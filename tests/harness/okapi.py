"""An Okapi of its own: directory, configuration, store, daemons."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess

from harness.process import Process, free_port

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OKAPI_BUILD", os.path.join(TOP, "build"))
PROGRAMS = ("okapi-dagent", "okapi-dagentd", "okapi-deliver", "okapi-spooler",
            "okapi-sendmail", "okapi-admin", "okapi-convert")
DOMAIN = "okapi.test"


def strace(*options):
    """The words of a tracer, to stand before a program's.  Leaks cannot be
    looked for in what is traced."""
    asan = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return ["strace", "-f", "-E", "ASAN_OPTIONS=" + asan, *options]


class Result:
    """How a program ended: status, out and err as text, raw as bytes."""

    def __init__(self, done):
        self.status = done.returncode
        self.raw = done.stdout
        self.out = done.stdout.decode("utf-8", "replace")
        self.err = done.stderr.decode("utf-8", "replace")

    def __repr__(self):
        return (f"status {self.status}, out {self.out[:1500]!r}, "
                f"err {self.err[:1500]!r}")

    @property
    def first_line(self):
        return (self.out + self.err).split("\n", 1)[0]


class Okapi:
    """users are created as NAME with NAME@okapi.test; settings go into the
    configuration over what a test wants by default; prefix goes before every
    command (a namespace of mta.Machine)."""

    def __init__(self, directory, users=("anna", "bert"), prefix=(),
                 **settings):
        self.directory = directory
        self.prefix = list(prefix)
        self.bin = os.path.join(directory, "bin")
        self.port = free_port()
        self.dagent = self.spooler = None
        self.settings = {
            "store_path": os.path.join(directory, "store", "store.db"),
            "run_dir": os.path.join(directory, "run"),
            "spool_dir": os.path.join(directory, "drop"),
            "hostname": "mx." + DOMAIN,
            "origin": DOMAIN,
            "log_method": "stderr",
            "log_level": "4",
            "lmtp_listen": f"127.0.0.1:{self.port}",
            "smtp_server": "127.0.0.1",
            "smtp_port": "9",
            "smtp_tls": "none",
            "queue_retry_min": "1s",
            "queue_retry_max": "2s",
        }
        self.settings.update({k: str(v) for k, v in settings.items()})
        self.config = os.path.join(directory, "okapi.cfg")
        self.copy_programs()
        for name in ("store", "run", "drop"):
            os.makedirs(os.path.join(directory, name), exist_ok=True)
        os.chmod(os.path.join(directory, "store"), 0o700)
        os.chmod(os.path.join(directory, "run"), 0o755)
        self.configure()
        self.must("init")
        for user in users:
            self.add_user(user)

    def copy_programs(self):
        """Mailbox users run the programs too, and a checkout may lie in a
        directory that only its owner can enter."""
        os.makedirs(self.bin, exist_ok=True)
        for name in PROGRAMS:
            shutil.copy2(os.path.join(BUILD, name), self.bin)

    def configure(self, **settings):
        self.settings.update({k: str(v) for k, v in settings.items()})
        with open(self.config, "w", encoding="utf-8") as file:
            for key, value in self.settings.items():
                file.write(f"{key} = {value}\n")
        os.chmod(self.config, 0o644)

    def program(self, name):
        return os.path.join(self.bin, name)

    def is_sanitized(self):
        """A build that needs more memory than Okapi does."""
        linked = subprocess.run(["ldd", self.program("okapi-dagentd")],
                                capture_output=True, check=True).stdout
        return b"libasan" in linked or b"libtsan" in linked

    def run(self, name, *args, input=b"", env=None, timeout=120, user=None,
            cwd=None):
        """Runs a program; input is what it reads."""
        environment = {k: v for k, v in os.environ.items()
                       if k not in ("SENDER", "RPLINE", "EXTENSION")}
        environment.update(OKAPI_CONFIG=self.config, **(env or {}))
        if isinstance(input, str):
            input = input.encode()
        return Result(subprocess.run(
            [*self.prefix, self.program(name), *args], input=input,
            env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
            user=user, extra_groups=[] if user is not None else None,
            cwd=cwd, check=False))

    # ---- okapi-admin ----

    def admin(self, *args, **more):
        return self.run("okapi-admin", *args, **more)

    def must(self, *args, **more):
        """An okapi-admin command that has to work; returns its output."""
        result = self.admin(*args, **more)
        assert result.status == 0, f"okapi-admin {' '.join(args)}: {result}"
        return result.out

    def json(self, *args):
        return json.loads(self.must(*args, "--json"))

    def add_user(self, name, *more):
        self.must("user", "create", name, "--email", f"{name}@{DOMAIN}", *more)

    def mails(self, user, folder=None):
        return self.json("mail", "list", user, *([folder] if folder else []))

    def subjects(self, user, folder=None):
        return sorted(m["subject"] for m in self.mails(user, folder))

    def raw(self, user, ident):
        result = self.admin("mail", "show", user, str(ident), "--raw")
        assert result.status == 0, repr(result)
        return result.raw

    def queue(self):
        return self.json("queue", "list")

    def writer_waits(self):
        """While the test itself holds SQLite's lock: somebody is at the desk
        (shared/store/lock.c) and waits for it."""
        with open(self.settings["store_path"] + ".lock", "rb+") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1)
            except BlockingIOError:
                return True
        return False

    # ---- delivery and submission ----

    def deliver(self, message, *args, **more):
        """okapi-dagent on stdin."""
        return self.run("okapi-dagent", "-c", self.config, *args,
                        input=message, **more)

    def sendmail(self, message, *args, **more):
        return self.run("okapi-sendmail", *args, input=message, **more)

    # ---- daemons ----

    def start_dagent(self, *more, wait=True):
        self.dagent = Process([*self.prefix, self.program("okapi-dagent"), "-l",
                               "-c", self.config, *more], cwd="/")
        if wait:
            self.dagent.wait_for("ready")
        return self.dagent

    def start_spooler(self, *more, wait=True):
        self.spooler = Process([*self.prefix, self.program("okapi-spooler"),
                                "-c", self.config, *more], cwd="/")
        if wait:
            self.spooler.wait_for("ready")
        return self.spooler

    def start_watch(self, case, *more):
        """okapi-admin watch of anna, who makes folders until it has told of
        all there is to tell."""
        watch = Process([*self.prefix, self.program("okapi-admin"), "-c",
                         self.config, "watch", "anna", *more])
        case.addCleanup(watch.kill)
        names = iter(range(1000))

        def told():
            if not watch.lines:
                self.must("folder", "create", "anna", f"W{next(names)}")
            last = self.json("changes", "anna", "--since", "0")[-1]["change"]
            return watch.lines and str(last) in re.findall(r"\d+",
                                                           watch.lines[-1])
        case.eventually("it watches", told)
        return watch

    def stop(self):
        """Ends the daemons; each must end clean."""
        bad = []
        for daemon in (self.dagent, self.spooler):
            if daemon and daemon.running():
                status = daemon.stop(signal.SIGTERM)
                if status != 0:
                    bad.append(f"{daemon.command[0]} ended with {status}:\n"
                               + "\n".join(daemon.lines[-10:]))
        self.dagent = self.spooler = None
        assert not bad, "\n".join(bad)


def message(subject="test", sender="carol@example.org",
            to="anna@" + DOMAIN, body="Hello.\n", headers=(), ident=None):
    """A small message with line feeds, as a pipe carries it."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}",
             "Date: Mon, 23 Nov 2026 10:00:00 +0000",
             f"Message-ID: <{ident or subject.replace(' ', '.')}@example.org>"]
    return ("\n".join([*lines, *headers]) + "\n\n" + body).encode()


def crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

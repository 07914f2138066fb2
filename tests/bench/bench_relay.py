#!/usr/bin/env python3
"""Draining a queue of 2,000 messages of 10 KB to a relay host, beside Postfix
as a null client in the same run.

    tests/bench/bench_relay.py [--rounds N] [--messages N]

Both fill their queues first, with every message held back; measured is the
time from the command that lets them go (queue retry --all, postqueue -f) to
the last message at the sink, which counts them.  The sink is that of
../shared/bench: it answers at once, or 20 ms after each batch of commands.
CPU is that of all processes of the server, PSS its highest sum seen.

The last rows are of one message at a time: from its last octet at Okapi's
submission socket to the first octet of the session, of MAIL and of the message
at a relay host that is idle.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from bench_lmtp import PLACE, SHARED, Bench, cpu_seconds  # noqa: E402
from harness import mta  # noqa: E402
from harness.okapi import Okapi  # noqa: E402
from harness.process import Process, free_port  # noqa: E402

SIZE = 10000
CASES = (("at once, default", 0, None), ("20 ms, default", 20, None),
         ("20 ms, 20 sessions", 20, 20))


def build_sink():
    source = os.path.join(SHARED, "tinysink.c")
    if not os.path.exists(source):
        raise SystemExit("bench-relay: needs ../shared/bench/tinysink.c")
    os.makedirs(PLACE, exist_ok=True)
    path = os.path.join(PLACE, "tinysink")
    if not os.path.exists(path):
        subprocess.run(["gcc", "-O2", "-w", "-o", path, source], check=True)
    return path


def body(number):
    head = (f"From: anna@okapi.test\r\nTo: x@example.org\r\nSubject: m{number}"
            f"\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: "
            f"<{number}.{time.monotonic_ns()}@okapi.test>\r\n\r\n")
    line = "All work and no play makes a dull queue, said the okapi.\r\n"
    return (head + line * ((SIZE - len(head)) // len(line))).encode()


class Pss(threading.Thread):
    """The highest sum of PSS (MB) below a process while it runs."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.over = pid, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.3):
            self.most = max(self.most, sum(map(self.one, self.tree())) / 1024)

    def tree(self):
        done = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], check=True,
                              capture_output=True, text=True)
        below = {}
        for line in done.stdout.splitlines():
            pid, parent = map(int, line.split())
            below.setdefault(parent, []).append(pid)
        todo, found = [self.pid], []
        while todo:
            found.append(todo.pop())
            todo += below.get(found[-1], [])
        return found

    @staticmethod
    def one(pid):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                return int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M)[1])
        except (OSError, TypeError):
            return 0


class OkapiServer:
    name = "okapi"

    def __init__(self, bench, port, sessions, submit_hold="1h"):
        more = {"smtp_max_sessions": sessions} if sessions else {}
        self.okapi = Okapi(bench.directory(), smtp_port=port,
                           submit_hold=submit_hold,
                           submit_default_user="anna", log_level=3, **more)
        bench.addCleanup(self.okapi.stop)
        self.pid = self.okapi.start_spooler().pid
        self.path = os.path.join(self.okapi.directory, "run",
                                 "submission.sock")

    def fill(self, count):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path)
            file = client.makefile("rwb")

            def ask(octets):
                file.write(octets)
                file.flush()
                while (line := file.readline())[3:4] == b"-":
                    pass
                assert line[:1] in b"23", line
            file.readline()
            ask(b"EHLO bench\r\n")
            for number in range(count):
                ask(b"MAIL FROM:<anna@okapi.test>\r\n")
                ask(b"RCPT TO:<x@example.org>\r\n")
                ask(b"DATA\r\n")
                text = body(number) + b".\r\n"
                self.sent = time.monotonic()
                ask(text)

    def drain(self):
        self.okapi.must("queue", "retry", "--all")


class PostfixServer:
    name = "postfix"

    def __init__(self, bench, port, _):
        machine = mta.Machine(bench, bench.directory())
        self.postfix = mta.Postfix(bench, machine, {
            "relayhost": f"[127.0.0.1]:{port}", "mydestination": "",
            "defer_transports": "smtp relay", "queue_run_delay": "1h",
            "minimal_backoff_time": "1h", "maximal_backoff_time": "1h"})
        self.pid = self.postfix.process.pid
        self.machine = machine

    def fill(self, count):
        done = mta.run_tool(
            "smtp-source", "-s", "10", "-m", str(count), "-l", str(SIZE),
            "-f", "anna@okapi.test", "-t", "x@example.org",
            f"127.0.0.1:{self.postfix.port}")
        assert done.returncode == 0, done.stdout
        for _ in range(600):
            waiting = self.postfix.queue()
            if len(waiting) == count and all(
                    m["queue_name"] == "deferred" for m in waiting):
                break
            time.sleep(0.1)
        main = os.path.join(self.postfix.etc, "main.cf")
        with open(main, "a", encoding="utf-8") as file:
            file.write("defer_transports =\n")
        self.machine.run("postfix", "-c", self.postfix.etc, "reload")
        time.sleep(2)

    def drain(self):
        self.postfix.flush()


def measure(kind, sink_path, case, count):
    """(messages a second, CPU ms a message, MB, connections)"""
    bench = Bench()
    port = free_port()
    stats = os.path.join(bench.directory(), "stats")
    delay = ["-d", str(case[1])] if case[1] else []
    try:
        sink = Process([sink_path, *delay, "-M", str(count), "-T", "300", "-o",
                        stats, str(port)])
        bench.addCleanup(sink.kill)
        server = kind(bench, port, case[2])
        server.fill(count)
        pss, cpu = Pss(server.pid), cpu_seconds(server.pid)
        pss.start()
        began = time.monotonic()
        server.drain()
        sink.child.wait(300)
        time.sleep(0.5)
        cpu = cpu_seconds(server.pid) - cpu
        pss.over.set()
        with open(stats, encoding="ascii") as file:
            seen = json.load(file)
        if seen["msgs"] != count:
            raise SystemExit(f"{kind.name}: {seen['msgs']} of {count} came")
        return (count / (seen["last_msg"] - began), cpu * 1000 / count,
                pss.most, seen["maxconns"])
    finally:
        bench.doCleanups()


class IdleSink(threading.Thread):
    """Answers at once, and notes when it was told what."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.seen, self.over = {}, threading.Event()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rwb", buffering=0) as file:
                self.session(file)

    def session(self, file):
        file.write(b"220 idle\r\n")
        while line := file.readline():
            word = line[:4].upper()
            self.seen.setdefault(word, time.monotonic())
            if word == b"EHLO":
                file.write(b"250-idle\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif word == b"DATA":
                file.write(b"354 go\r\n")
                line = file.readline()
                self.seen.setdefault(b"text", time.monotonic())
                while line and line != b".\r\n":
                    line = file.readline()
                file.write(b"250 kept\r\n")
                self.over.set()
            else:
                file.write(b"250 ok\r\n")
                if word == b"QUIT":
                    return


def first_octets(count):
    """Milliseconds from submission, a list for each step."""
    bench, sink = Bench(), IdleSink()
    found = {b"EHLO": [], b"MAIL": [], b"text": []}
    try:
        sink.start()
        server = OkapiServer(bench, sink.port, None, submit_hold="0s")
        for _ in range(count):
            sink.seen = {}
            sink.over.clear()
            server.fill(1)
            assert sink.over.wait(30), "nothing came"
            for word, times in found.items():
                times.append((sink.seen[word] - server.sent) * 1000)
            time.sleep(0.02)
        return found
    finally:
        sink.listener.close()
        bench.doCleanups()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=2000)
    args = parser.parse_args()
    sink = build_sink()
    kinds = [OkapiServer]
    if os.geteuid() == 0 and mta.unpacked("postfix"):
        kinds.append(PostfixServer)
    else:
        print("note: without Postfix (needs root and tests/e2e/unpack)")
    print(f"{'sink':20} {'server':8} {'messages/s':>10} {'min':>7} {'max':>7} "
          f"{'CPU ms':>7} {'PSS MB':>7} {'sessions':>8}")
    for case in CASES:
        for kind in kinds:
            found = [measure(kind, sink, case, args.messages)
                     for _ in range(args.rounds)]
            rates = [f[0] for f in found]
            print(f"{case[0]:20} {kind.name:8} "
                  f"{statistics.median(rates):10.0f} {min(rates):7.0f} "
                  f"{max(rates):7.0f} "
                  f"{statistics.median(f[1] for f in found):7.2f} "
                  f"{max(f[2] for f in found):7.1f} "
                  f"{max(f[3] for f in found):8d}", flush=True)
    found = first_octets(100)
    for word, what in ((b"EHLO", "session"), (b"MAIL", "MAIL"),
                       (b"text", "message")):
        times = sorted(found[word])
        print(f"submission to first octet of {what + ',':8} idle sink: median "
              f"{statistics.median(times):.1f} ms, nine of ten within "
              f"{times[len(times) * 9 // 10]:.1f} ms")


if __name__ == "__main__":
    main()

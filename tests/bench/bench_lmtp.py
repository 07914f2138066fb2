#!/usr/bin/env python3
"""Deliveries a second over LMTP, beside dovecot-lmtpd in the same run.

    tests/bench/bench_lmtp.py [--rounds N] [--cases SPEC,...]

SPEC is set:sessions:recipients:messages[:letters]; n: a connection for each
message, r: ten Sieve rules a user, beside Pigeonhole.  Both servers are
measured in turn, round by round, because the speed of a machine drifts; every
message has bytes of its own, and what is stored afterwards is counted beside
the rate.  The load generator and the messages are those of ../shared/bench;
without them a slower one in Python and messages of its own take their place,
and the table says so.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from bench.servers import (  # noqa: E402
    RULES, USERS, DovecotServer, MemoryWatch, OkapiServer, cpu_seconds)
from harness.cases import Case  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import TOP  # noqa: E402

SHARED = os.path.join(os.path.dirname(TOP), "shared", "bench")
PLACE = os.path.join(TOP, "build", "bench")
CASES = "m10k:1:1:1000,m10k:16:1:3000,m10k:64:1:3000,m10k:16:10:300," \
        "m2k:16:1:3000,m100k:16:1:600,m5m:4:1:60,m5m:4:10:30," \
        "m10k:16:1:1500:r,m10k:16:1:1500:n"
SIZES = {"m2k": 2000, "m10k": 10000, "m100k": 100000, "m5m": 5000000}


class Bench(Case):
    """A case only for its directory and clean-ups."""

    def runTest(self):
        pass


class Row:
    """What is sent, and how; a line of the table."""

    def __init__(self, spec):
        self.set, *numbers = spec.split(":")
        letters = numbers.pop() if not numbers[-1].isdigit() else ""
        self.sessions, self.recipients, self.messages = map(int, numbers)
        self.connects = "n" in letters
        self.with_rules = "r" in letters
        self.label = (f"{self.set} s={self.sessions} r={self.recipients}"
                      + " new" * self.connects + " rules" * self.with_rules)


def build_generator():
    """lmtpload and its messages, or None."""
    if not os.path.exists(os.path.join(SHARED, "lmtpload.c")):
        return None
    os.makedirs(PLACE, exist_ok=True)
    path = os.path.join(PLACE, "lmtpload")
    if not os.path.exists(path):
        subprocess.run(["gcc", "-O2", "-w", "-o", path,
                        os.path.join(SHARED, "lmtpload.c")], check=True)
    if not os.path.exists(os.path.join(PLACE, "m5m.eml")):
        subprocess.run([sys.executable, os.path.join(SHARED, "gen_msgs.py"),
                        PLACE], check=True, stdout=subprocess.DEVNULL)
    return path


def load(path, port, row):
    """Sends all of a row; returns seconds."""
    # Pipelined, a message's recipients are taken from the round robin in one
    # go; else sessions share it, and one message may name somebody twice.
    more = ["-p"] * (row.recipients > 1) + ["-d"] * (not row.connects)
    done = subprocess.run(
        [path, *more, "-s", str(row.sessions), "-r", str(row.recipients), "-m",
         str(row.messages), "-n", str(USERS), "-t", "u%03d@perf.test", "-u",
         "-F", os.path.join(PLACE, row.set + ".eml"), f"127.0.0.1:{port}"],
        capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise SystemExit("lmtpload: " + done.stderr)
    fields = done.stdout.split("\t")
    assert int(fields[0]) == row.messages and int(fields[2]) == 0, done.stdout
    return float(fields[3])


def deliver_in_python(client, port, row, number):
    rcpts = [f"u{(number * row.recipients + i) % USERS:03d}@perf.test"
             for i in range(row.recipients)]
    line = f"{number} {time.time_ns()} {port}\r\n".encode()
    for code, text in client.deliver(
            "alice@example.org", rcpts,
            b"From: alice@example.org\r\nSubject: bench\r\n\r\n"
            + line * (SIZES[row.set] // len(line))):
        assert code == 250, text


def load_in_python(_, port, row):
    numbers = iter(range(row.messages))
    lock = threading.Lock()

    def session():
        client = None
        while True:
            with lock:
                number = next(numbers, None)
            if client and (number is None or row.connects):
                client.quit()
                client = None
            if number is None:
                return
            client = client or Lmtp(("127.0.0.1", port))
            deliver_in_python(client, port, row, number)

    began = time.perf_counter()
    threads = [threading.Thread(target=session) for _ in range(row.sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


class Figures:
    """Of one server in one row: messages a second and server CPU ms a message
    of each round, the most memory."""

    def __init__(self):
        self.rates = []
        self.cpu = []
        self.memory = 0.0

    def measure(self, server, generator, row):
        """One round; stops if what is stored is not what was sent."""
        before, cpu = server.stored(), cpu_seconds(server.pid)
        with MemoryWatch(server.pid) as watch:
            seconds = (load if generator else load_in_python)(
                generator, server.port, row)
        cpu = cpu_seconds(server.pid) - cpu
        stored = server.stored() - before
        sent = row.recipients * row.messages
        if stored != sent:
            raise SystemExit(f"{server.name}: sent {sent}, stored {stored}")
        self.rates.append(row.messages / seconds)
        self.cpu.append(cpu * 1000 / row.messages)
        self.memory = max(self.memory, watch.most)

    def show(self, name, row):
        rate = statistics.median(self.rates)
        sent = row.recipients * row.messages * len(self.rates)
        print(f"{row.label:22} {name:8} {rate:10.0f} {min(self.rates):7.0f} "
              f"{max(self.rates):7.0f} {rate * row.recipients:12.0f} "
              f"{statistics.median(self.cpu):7.2f} {self.memory:7.0f} "
              f"{sent:14d}", flush=True)


def show_ratio(one, two):
    ratio = [a / b for a, b in zip(one.rates, two.rates)]
    print(f"{'':22} okapi / dovecot {statistics.median(ratio):.2f} "
          f"({min(ratio):.2f} to {max(ratio):.2f})", flush=True)


def start(bench, generator, with_rules):
    """Both servers; every mailbox exists, every process runs."""
    rules = RULES if with_rules else ""
    servers = [OkapiServer(bench, rules)]
    if os.geteuid() == 0 and shutil.which("unshare"):
        try:
            servers.append(DovecotServer(bench, rules))
        except LookupError as error:
            print(f"note: without dovecot: {error}")
    for server in servers:
        (load if generator else load_in_python)(
            generator, server.port, Row("m2k:4:1:200"))
        if with_rules and not server.filed():
            raise SystemExit(f"{server.name}: the rules file nothing")
    return servers


def run(bench, rounds, rows):
    generator = build_generator()
    if not generator:
        print("note: without ../shared/bench; load generator in Python")
    print(f"{'case':22} {'server':8} {'messages/s':>10} {'min':>7} {'max':>7}"
          f" {'deliveries/s':>12} {'CPU ms':>7} {'PSS MB':>7}"
          f" {'stored = sent':>14}")
    servers = {}
    for row in rows:
        if row.with_rules not in servers:
            servers[row.with_rules] = start(bench, generator, row.with_rules)
        found = [(s, Figures()) for s in servers[row.with_rules]]
        for _ in range(rounds):
            for server, figures in found:
                figures.measure(server, generator, row)
        for server, figures in found:
            figures.show(server.name, row)
        if len(found) == 2:
            show_ratio(found[0][1], found[1][1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", default=CASES)
    args = parser.parse_args()
    bench = Bench()
    try:
        run(bench, args.rounds, [Row(s) for s in args.cases.split(",")])
    finally:
        bench.doCleanups()


if __name__ == "__main__":
    main()

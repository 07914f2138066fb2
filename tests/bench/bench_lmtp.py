#!/usr/bin/env python3
"""Deliveries a second over LMTP, beside dovecot-lmtpd in the same run.

    tests/bench/bench_lmtp.py [--rounds N] [--cases SPEC,...]

SPEC is set:sessions:recipients:messages.  Both servers are measured in turn,
round by round, because the speed of a machine drifts; every message has bytes
of its own, and what is stored afterwards is counted beside the rate.  The load
generator and the messages are those of ../shared/bench; without them a slower
one in Python and a message of its own take their place, and the table says so.
"""

import argparse
import glob
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import Case  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import TOP, Okapi  # noqa: E402
from harness.process import Process, free_port  # noqa: E402

SHARED = os.path.join(os.path.dirname(TOP), "shared", "bench")
PLACE = os.path.join(TOP, "build", "bench")
CASES = "m10k:1:1:1000,m10k:16:1:3000,m10k:16:10:300,m2k:16:1:3000," \
        "m100k:16:1:600"
USERS = 100


class Bench(Case):
    """A case only for its directory and clean-ups."""

    def runTest(self):
        pass


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


def load(path, port, case):
    """Runs one case; returns seconds."""
    name, sessions, recipients, messages = case
    # Pipelined, a message's recipients are taken from the round robin in one
    # go; else sessions share it, and one message may name somebody twice.
    pipelined = ["-p"] if recipients > 1 else []
    done = subprocess.run(
        [path, *pipelined, "-s", str(sessions), "-r", str(recipients), "-m",
         str(messages), "-n", str(USERS), "-t", "u%03d@perf.test", "-d", "-u",
         "-F", os.path.join(PLACE, name + ".eml"), f"127.0.0.1:{port}"],
        capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise SystemExit("lmtpload: " + done.stderr)
    fields = done.stdout.split("\t")
    assert int(fields[0]) == messages and int(fields[2]) == 0, done.stdout
    return float(fields[3])


def load_in_python(_, port, case):
    name, sessions, recipients, messages = case
    size = {"m2k": 2000, "m10k": 10000, "m100k": 100000}[name]
    numbers = iter(range(messages))
    lock = threading.Lock()

    def session():
        with Lmtp(("127.0.0.1", port)) as client:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                rcpts = [f"u{(number * recipients + i) % USERS:03d}@perf.test"
                         for i in range(recipients)]
                line = f"{number} {time.time_ns()} {port}\r\n".encode()
                for code, text in client.deliver(
                        "alice@example.org", rcpts,
                        b"Subject: bench\r\n\r\n" + line * (size // len(line))):
                    assert code == 250, text

    began = time.perf_counter()
    threads = [threading.Thread(target=session) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


class OkapiServer:
    name = "okapi"

    def __init__(self, case):
        directory = case.directory()
        self.okapi = Okapi(directory, users=(), log_method="file",
                           log_file=os.path.join(directory, "log"),
                           log_level=3, origin="perf.test",
                           metrics_listen="")
        for number in range(USERS):
            self.okapi.must("user", "create", f"u{number:03d}", "--email",
                            f"u{number:03d}@perf.test")
        self.okapi.start_dagent(wait=False)
        case.addCleanup(self.okapi.stop)
        case.eventually("okapi-dagent answers", lambda: answers(
            self.okapi.port))
        self.port = self.okapi.port
        self.pid = self.okapi.dagent.pid

    def stored(self):
        return sum(u["messages"] for u in self.okapi.json("user", "list"))


DOVECOT = """
base_dir = {d}/base
state_dir = {d}/state
log_path = {d}/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
mail_location = maildir:~/Maildir
first_valid_uid = 1
default_internal_user = dovecot
default_internal_group = dovecot
default_login_user = dovenull
passdb {{
  driver = passwd-file
  args = {d}/users
}}
userdb {{
  driver = passwd-file
  args = {d}/users
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


class DovecotServer:
    """dovecot-lmtpd into maildirs, mail_fsync = optimized (its default)."""

    name = "dovecot"

    def __init__(self, case):
        if not mta.unpacked("dovecot-core", "dovecot-lmtpd", group="bench"):
            raise LookupError("dovecot could not be fetched")
        directory = case.directory()
        machine = mta.Machine(case, directory,
                              users=("dovecot", "dovenull", "perfmail"))
        self.directory = os.path.join(directory, "dovecot")
        self.port = free_port()
        uid = machine.users["perfmail"]
        for name in ("base", "state", "mail"):
            os.makedirs(os.path.join(self.directory, name))
        os.chown(os.path.join(self.directory, "mail"), uid, uid)
        with open(os.path.join(self.directory, "users"), "w",
                  encoding="ascii") as file:
            for number in range(USERS):
                file.write(f"u{number:03d}@perf.test:{{PLAIN}}x:{uid}:{uid}::"
                           f"{self.directory}/mail/{number:03d}::\n")
        log = os.path.join(self.directory, "log")
        with open(log, "w", encoding="ascii"):
            os.chmod(log, 0o666)
        config = os.path.join(self.directory, "dovecot.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(DOVECOT.format(d=self.directory, port=self.port))
        self.process = Process(
            [*machine.prefix, "unshare", "--pid", "--fork",
             "--kill-child=KILL", "sh", "-c", '"$@" & wait', "sh", "dovecot",
             "-F", "-c", config])
        case.addCleanup(self.process.kill)
        try:
            case.eventually("dovecot answers", lambda: answers(self.port))
        except AssertionError:
            with open(log, encoding="utf-8") as file:
                raise LookupError(self.process.text() + file.read()) from None
        self.pid = self.process.pid

    def stored(self):
        return sum(len(os.listdir(d)) for part in ("new", "cur") for d in
                   glob.glob(f"{self.directory}/mail/*/Maildir/{part}"))


def answers(port):
    try:
        Lmtp(("127.0.0.1", port)).quit()
        return True
    except OSError:
        return False


def cpu_seconds(pid):
    """Of a process and all below it, children that ended included."""
    below, ticks = {}, 0
    stats = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            stats[int(name)] = sum(map(int, fields[11:15]))
            below.setdefault(int(fields[1]), []).append(int(name))
    todo = [pid]
    while todo:
        one = todo.pop()
        ticks += stats.get(one, 0)
        todo += below.get(one, [])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(server, generator, case):
    """Messages a second and server CPU ms a message; stops if what is stored
    is not what was sent."""
    before, cpu = server.stored(), cpu_seconds(server.pid)
    run = load if generator else load_in_python
    seconds = run(generator, server.port, case)
    cpu = cpu_seconds(server.pid) - cpu
    stored, sent = server.stored() - before, case[2] * case[3]
    if stored != sent:
        raise SystemExit(f"{server.name}: sent {sent}, stored {stored}")
    return case[3] / seconds, cpu * 1000 / case[3]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", default=CASES)
    args = parser.parse_args()
    cases = []
    for spec in args.cases.split(","):
        name, *numbers = spec.split(":")
        cases.append((name, *map(int, numbers)))
    bench = Bench()
    try:
        run(bench, args, cases)
    finally:
        bench.doCleanups()


def run(bench, args, cases):
    generator = build_generator()
    if not generator:
        print("note: without ../shared/bench; load generator in Python")
    servers = [OkapiServer(bench)]
    if os.geteuid() == 0 and shutil.which("unshare"):
        try:
            servers.append(DovecotServer(bench))
        except LookupError as error:
            print(f"note: without dovecot: {error}")
    for server in servers:  # every mailbox exists, every process runs
        (load if generator else load_in_python)(
            generator, server.port, ("m2k", 4, 1, 200))
    print(f"{'case':22} {'server':8} {'messages/s':>10} {'min':>7} {'max':>7}"
          f" {'deliveries/s':>12} {'CPU ms':>7} {'stored = sent':>14}")
    for case in cases:
        rates = {s.name: [] for s in servers}
        for _ in range(args.rounds):
            for server in servers:
                rates[server.name].append(measure(server, generator, case))
        for name, found in rates.items():
            rate = [r for r, _ in found]
            median = statistics.median(rate)
            label = f"{case[0]} s={case[1]} r={case[2]}"
            print(f"{label:22} {name:8} {median:10.0f} {min(rate):7.0f} "
                  f"{max(rate):7.0f} {median * case[2]:12.0f} "
                  f"{statistics.median([c for _, c in found]):7.2f} "
                  f"{case[2] * case[3] * args.rounds:14d}", flush=True)
        if len(rates) == 2:
            one, two = rates.values()
            ratio = [a[0] / b[0] for a, b in zip(one, two)]
            print(f"{'':22} okapi / dovecot {statistics.median(ratio):.2f} "
                  f"({min(ratio):.2f} to {max(ratio):.2f})", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Deliveries a second by a process a message, beside procmail, maildrop and
dovecot-lda in the same run.

    tests/bench/bench_stdin.py [--rounds N] [--count N] [--workers N]

All are measured in turn, round by round, because the speed of a machine
drifts.  Every message has bytes of its own, and what is stored afterwards is
counted beside the rate.  /bin/true is what starting a process costs.
"""

import argparse
import glob
import os
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from bench.servers import USERS, DovecotServer, cpu_seconds  # noqa: E402
from harness import mta  # noqa: E402
from harness.cases import Case  # noqa: E402
from harness.okapi import BUILD, Okapi  # noqa: E402

SIZE = 10000
LOAD = os.path.join(BUILD, "tests/bench/stdin_load")
USER = "perfmail"


class Bench(Case):
    """A case only for its directory and clean-ups."""

    def runTest(self):
        pass


class Door:
    """Something that is started for each message."""

    pid = None  # of the server behind it
    owner = True  # runs as USER

    def __init__(self, name, command):
        self.name = name
        self.command = command
        self.rates, self.cpus, self.middles, self.lasts = [], [], [], []
        self.sent = 0

    def stored(self):
        return None


class Maildirs(Door):
    def __init__(self, name, command, directory):
        super().__init__(name, command)
        self.directory = directory

    def stored(self):
        return sum(len(os.listdir(d)) for d in
                   glob.glob(os.path.join(self.directory, "*", "new")))


class OkapiDoor(Door):
    def __init__(self, bench, machine, daemon):
        directory = bench.directory()
        # Without a daemon whoever delivers opens the store: its owner.
        self.okapi = Okapi(directory, users=(), prefix=machine.prefix,
                           log_method="file", log_level=3,
                           log_file=os.path.join(directory, "log"),
                           origin="perf.test", trusted_users="root " + USER)
        for number in range(USERS):
            self.okapi.must("user", "create", f"u{number:03d}", "--email",
                            f"u{number:03d}@perf.test")
        self.owner = daemon
        super().__init__("okapi, daemon" if daemon else "okapi alone",
                         [self.okapi.program("okapi-dagent"), "-c",
                          self.okapi.config, "u@@@@perf.test"])
        if daemon:
            self.okapi.start_dagent(wait=False)
            bench.addCleanup(self.okapi.stop)
            bench.eventually("okapi-dagent listens", lambda: os.path.exists(
                os.path.join(self.okapi.settings["run_dir"], "dagent.sock")))
            self.pid = self.okapi.dagent.pid

    def stored(self):
        return sum(u["messages"] for u in self.okapi.json("user", "list"))


def procmail(directory):
    os.makedirs(os.path.join(directory, "mail"))
    rc = os.path.join(directory, "procmailrc")
    with open(rc, "w", encoding="ascii") as file:
        file.write("COMSAT=no\nVERBOSE=no\n:0\n"
                   "* ^Subject:.*will-not-match\n/dev/null\n")
    return Maildirs("procmail", ["/usr/bin/procmail",
                                 f"DEFAULT={directory}/mail/u@@@/", rc],
                    os.path.join(directory, "mail"))


def maildrop(directory):
    for number in range(USERS):
        path = os.path.join(directory, f"u{number:03d}.rc")
        with open(path, "w", encoding="ascii") as file:
            file.write("if (/^Subject:.*will-not-match/)\n"
                       '{\n  to "/dev/null"\n}\n'
                       f'to "{directory}/mail/u{number:03d}"\n')
        os.chmod(path, 0o600)
        for part in ("new", "cur", "tmp"):
            os.makedirs(os.path.join(directory, "mail", f"u{number:03d}",
                                     part))
    return Maildirs("maildrop", ["/usr/bin/maildrop",
                                 f"{directory}/u@@@.rc"],
                    os.path.join(directory, "mail"))


class Lda(Door):
    def __init__(self, bench):
        self.server = DovecotServer(bench)
        self.machine = self.server.machine
        self.pid = self.server.pid
        super().__init__("dovecot-lda", [
            "/usr/lib/dovecot/dovecot-lda", "-c", self.server.config, "-f",
            "alice@example.org", "-d", "u@@@@perf.test"])

    def stored(self):
        return self.server.stored()


def give(directory, uid):
    for root, names, files in os.walk(directory):
        for name in [".", *names, *files]:
            os.chown(os.path.join(root, name), uid, uid)


def doors(bench):
    machine = mta.Machine(bench, bench.directory(), users=(USER,))
    found = [OkapiDoor(bench, machine, True), OkapiDoor(bench, machine, False)]
    for make in (procmail, maildrop):
        directory = bench.directory()
        found.append(make(directory))
        give(directory, machine.users[USER])
    try:
        found.append(Lda(bench))
    except LookupError as error:
        print(f"note: without dovecot: {error}")
    found.append(Door("/bin/true", ["/bin/true"]))
    for door in found:
        door.machine = getattr(door, "machine", machine)
    return found


def write_messages(directory, count, round_number):
    line = b"Nothing of this was said before, and nothing will be.  \n"
    for number in range(count):
        with open(os.path.join(directory, str(number)), "wb") as file:
            ident = f"{round_number}.{number}.{os.getpid()}"
            head = (f"From: alice@example.org\nTo: u@perf.test\n"
                    f"Subject: message {ident}\nMessage-ID: <{ident}@x.test>\n"
                    "MIME-Version: 1.0\nContent-Type: text/plain\n\n")
            file.write(head.encode() + line * ((SIZE - len(head))
                                               // len(line)))


def measure(door, directory, count, workers):
    as_user = []
    if door.owner:
        uid = str(door.machine.users[USER])
        as_user = ["setpriv", "--reuid", uid, "--regid", uid,
                   "--clear-groups", "--"]
    before = door.stored()
    cpu = cpu_seconds(door.pid) if door.pid else 0
    done = subprocess.run(
        [*door.machine.prefix, *as_user, LOAD, "-n", str(count), "-w",
         str(workers), "-u", str(USERS), directory, *door.command],
        capture_output=True, text=True, timeout=120, check=False, cwd="/")
    if done.returncode != 0:
        raise SystemExit(f"{door.name}: {done.stdout}{done.stderr}")
    _, seconds, own, middle, last = map(float, done.stdout.split())
    if door.pid:
        own += (cpu_seconds(door.pid) - cpu) * 1000 / count
    if before is not None and door.stored() - before != count:
        raise SystemExit(f"{door.name}: sent {count}, stored "
                         f"{door.stored() - before}")
    door.sent += count
    door.rates.append(count / seconds)
    door.cpus.append(own)
    door.middles.append(middle)
    door.lasts.append(last)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise SystemExit("bench-stdin: a mount namespace needs root")
    bench = Bench()
    try:
        run(bench, args)
    finally:
        bench.doCleanups()


def run(bench, args):
    found = doors(bench)
    directory = bench.directory()
    write_messages(directory, 100, 0)
    for door in found:  # every mailbox exists, every page is read
        measure(door, directory, 100, args.workers)
        door.rates, door.cpus, door.middles, door.lasts = [], [], [], []
        door.sent = 0
    for number in range(1, args.rounds + 1):
        write_messages(directory, args.count, number)
        for door in found:
            measure(door, directory, args.count, args.workers)
    print(f"{SIZE} octets, {args.workers} workers, {args.rounds} rounds of "
          f"{args.count} in turn; medians")
    print(f"{'':14} {'messages/s':>10} {'min':>6} {'max':>6} {'CPU ms':>7} "
          f"{'p50 ms':>7} {'p99 ms':>7} {'stored = sent':>14}")
    for door in found:
        sent = "" if door.stored() is None else door.sent
        print(f"{door.name:14} {statistics.median(door.rates):10.0f} "
              f"{min(door.rates):6.0f} {max(door.rates):6.0f} "
              f"{statistics.median(door.cpus):7.2f} "
              f"{statistics.median(door.middles):7.2f} "
              f"{statistics.median(door.lasts):7.2f} {sent:>14}")
    one, alone, *others = found
    for mine in (one, alone):
        for peer in others[:-1]:
            ratio = [a / b for a, b in zip(mine.rates, peer.rates)]
            print(f"{mine.name} / {peer.name}: "
                  f"{statistics.median(ratio):.2f} ({min(ratio):.2f} to "
                  f"{max(ratio):.2f})")


if __name__ == "__main__":
    main()

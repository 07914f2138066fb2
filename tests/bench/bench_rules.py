#!/usr/bin/env python3
"""What rules cost, beside Pigeonhole over dovecot-lmtpd in the same run.

    tests/bench/bench_rules.py [--rounds N] [--messages N] [--sessions N]
                               [--okapi]

Each server runs without rules, with one rule that files everything, with ten
and with fifty rules of which the last one files (servers.py), all measured in
turn, round by round.  What evaluation costs is measured without a delivery
around it (bench_evaluate); its share of the delivery's processor time is the
last column.  --okapi: without dovecot.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from bench.bench_lmtp import (  # noqa: E402
    PLACE, Bench, Figures, Row, build_generator, load, load_in_python)
from bench.servers import (  # noqa: E402
    ONE_RULE, RULES, DovecotServer, OkapiServer, fifty_rules)
from harness.okapi import BUILD  # noqa: E402

SCRIPTS = (("none", ""), ("one", ONE_RULE), ("ten", RULES),
           ("fifty", fifty_rules()))


def start(bench, kinds, generator):
    """Servers by kind and number of rules, warm and filing."""
    servers = {}
    for kind in kinds:
        for name, script in SCRIPTS:
            server = kind(bench, script)
            (load if generator else load_in_python)(
                generator, server.port, Row("m2k:4:1:200"))
            if script and not server.filed():
                raise SystemExit(f"{server.name}: {name}: the rules file "
                                 "nothing")
            servers[kind.name, name] = server, Figures()
    return servers


def evaluation(bench):
    """Microseconds an evaluation, by name of the script."""
    program = os.path.join(BUILD, "tests", "bench", "bench_evaluate")
    message = os.path.join(PLACE, "m10k.eml")
    if not os.path.exists(program) or not os.path.exists(message):
        return {}
    directory = bench.directory()
    paths = {}
    for name, script in SCRIPTS:
        if script:
            paths[os.path.join(directory, name)] = name
            with open(os.path.join(directory, name), "w",
                      encoding="ascii") as file:
                file.write(script)
    done = subprocess.run([program, message, *paths], check=True,
                          capture_output=True, text=True)
    lines = (line.split("\t") for line in done.stdout.splitlines())
    return {paths[path]: float(cost) for path, cost in lines}


def show(servers, kinds, costs):
    print(f"{'server':8} {'rules':6} {'messages/s':>10} {'CPU ms':>7} "
          f"{'evaluation us':>13} {'share':>6}")
    for (kind, name), (_, figures) in servers.items():
        cpu = statistics.median(figures.cpu)
        cost = costs.get(name) if kind == OkapiServer.name else None
        print(f"{kind:8} {name:6} {statistics.median(figures.rates):10.0f} "
              f"{cpu:7.3f}"
              + (f" {cost:13.1f} {cost / cpu / 10:5.1f}%" if cost else ""))
    if len(kinds) == 2:
        for name, _ in SCRIPTS:
            ours, theirs = (servers[k.name, name][1] for k in kinds)
            ratio = [a / b for a, b in zip(ours.rates, theirs.rates)]
            cpu = [a / b for a, b in zip(ours.cpu, theirs.cpu)]
            print(f"okapi / dovecot, {name}: rate "
                  f"{statistics.median(ratio):.2f} ({min(ratio):.2f} to "
                  f"{max(ratio):.2f}), CPU {statistics.median(cpu):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=1500)
    parser.add_argument("--sessions", type=int, default=16)
    parser.add_argument("--okapi", action="store_true")
    args = parser.parse_args()
    row = Row(f"m10k:{args.sessions}:1:{args.messages}")
    bench = Bench()
    try:
        generator = build_generator()
        if not generator:
            print("note: without ../shared/bench; load generator in Python")
        kinds = [OkapiServer]
        if not args.okapi and os.geteuid() == 0 and shutil.which("unshare"):
            kinds.append(DovecotServer)
        servers = start(bench, kinds, generator)
        for _ in range(args.rounds):
            for server, figures in servers.values():
                figures.measure(server, generator, row)
        show(servers, kinds, evaluation(bench))
    finally:
        bench.doCleanups()


if __name__ == "__main__":
    main()

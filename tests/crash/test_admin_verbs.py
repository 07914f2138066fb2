#!/usr/bin/env python3
"""Every verb of okapi-admin on a disk that is full from its n-th write to the
store on, and killed with -9 at its n-th write, for every n: all of it is done
or nothing."""

import collections
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin_table import CALLS, ENDLESS, Table  # noqa: E402
from harness.cases import main  # noqa: E402
from harness.okapi import strace  # noqa: E402

WRITES_MAX = 60
# What is not in a table: files, or what goes by itself.
ELSEWHERE = {"mail export", "store backup"}
# Units one after the other, each whole.
IN_STEPS = {"store vacuum", "store purge", "mail import", "mail restore",
            "quota check"}


class Verbs(Table):
    def setUp(self):
        super().setUp()
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        self.store = os.path.join(self.dir, "store")
        self.saved = os.path.join(self.dir, "saved")
        self.trace = os.path.join(self.dir, "trace")
        if self.run_injected(["user", "list"], "error=ENOSPC:when=1+") is None:
            self.skipTest("strace may not trace here")

    def run_injected(self, words, fault):
        """Exit status, and whether the fault was met; None: no trace."""
        path = self.okapi.settings["store_path"]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.trace)
        done = subprocess.run(
            [*strace("-o", self.trace, "-P", path, "-P", path + "-wal",
                     "-e", "trace=pwrite64", "-e", "inject=pwrite64:" + fault),
             self.okapi.program("okapi-admin"), "-c", self.okapi.config,
             *words], stdin=subprocess.DEVNULL, capture_output=True,
            check=False, timeout=60)
        if not os.path.exists(self.trace):
            return None
        with open(self.trace, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if "exited with" not in text and "killed by" not in text:
            return None
        # Helpers are killed, too: at their end.
        return done.returncode, ("INJECTED" in text
                                 or done.returncode in (-9, 137))

    def counts(self):
        """Rows of each table: what is half done changes some of them, or is
        found by the check."""
        with contextlib.closing(sqlite3.connect(
                self.okapi.settings["store_path"])) as store:
            names = [row[0] for row in store.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {name: store.execute(
                f"SELECT count(*) FROM {name}").fetchone()[0]
                for name in names}

    def keep(self):
        shutil.rmtree(self.saved, ignore_errors=True)
        shutil.copytree(self.store, self.saved)

    def go_back(self):
        shutil.rmtree(self.store)
        shutil.copytree(self.saved, self.store)

    def spoil(self, words, fault, before, after, in_steps):
        """One run that meets the fault; False: it wrote less than that."""
        status, met = self.run_injected(words, fault)
        if not met:
            return False
        now = self.counts()
        if not in_steps:
            self.assertIn(now, (before, after), f"{words} {fault}")
        self.assertIn(status, (0, 75, -9, 137), f"{words} {fault}")
        if status == 0:
            self.assertEqual(now, after, f"{words} {fault}")
        self.okapi.must("store", "check")
        return True

    def each(self, fault):
        """Every call, spoilt at each of its writes, then as it should be."""
        spoilt = collections.Counter()
        for call in CALLS:
            words = self.command(call)
            if call[0] in ELSEWHERE:
                continue
            before = self.counts()
            self.keep()
            self.okapi.must(*words)
            after = self.counts()
            done = os.path.join(self.dir, "done")
            shutil.rmtree(done, ignore_errors=True)
            shutil.copytree(self.store, done)
            for n in range(1, WRITES_MAX):
                self.go_back()
                with self.subTest(f"{call[0]} {n}"):
                    if not self.spoil(words, fault % n, before, after,
                                      call[0] in IN_STEPS):
                        break
                    spoilt[call[0]] += 1
            else:
                self.fail(f"{call[0]} writes {WRITES_MAX} times and more: "
                          "not all of it was tried")
            shutil.rmtree(self.store)
            shutil.copytree(done, self.store)
        print(f"note {spoilt.total()} runs spoilt: {fault}")
        self.every_verb_that_writes(spoilt)

    def every_verb_that_writes(self, spoilt):
        """None of them went by without a fault."""
        writes = {key for key, row in self.table.items()
                  if row["changes"]} - ENDLESS - ELSEWHERE
        self.assertEqual({key for key in writes if not spoilt[key]}, set())

    def test_a_full_disk(self):
        self.each("error=ENOSPC:when=%d+")

    def test_killed(self):
        self.each("signal=KILL:when=%d")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Upkeep as an administrator does it, beside daemons: backups under load,
restored; what one user has, taken away and brought back."""

import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import TOP, Okapi, message  # noqa: E402
from harness.process import Process  # noqa: E402

USAGE, DATA, NO_INPUT, NO_USER = 64, 65, 66, 67
EXISTS, TEMPFAIL, CONFIG = 73, 75, 78


class Load:
    """Clients that deliver until they are stopped; what was answered with 250
    by when."""

    def __init__(self, port, sessions=3, seed=1):
        self.port = port
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.acknowledged = {}  # subject: sha256 of the octets
        self.failed = []
        self.on = True
        self.threads = [threading.Thread(target=self.run, args=(n,))
                        for n in range(sessions)]
        for thread in self.threads:
            thread.start()

    def make(self, ident):
        with self.lock:
            size = self.random.choice((200, 3000, 30000, 30000, 1300000))
        # The largest stay beside the database, for they cannot be packed.
        text = os.urandom(size).hex().encode()
        return (f"Subject: {ident}\r\nFrom: x@load.test\r\n"
                f"Message-ID: <{ident}@load.test>\r\n\r\n").encode() + \
            b"".join(text[i:i + 70] + b"\r\n"
                     for i in range(0, len(text), 70))

    def run(self, session):
        client = Lmtp(("127.0.0.1", self.port), timeout=30)
        number = 0
        while self.on:
            number += 1
            ident = f"l{session}-{number}"
            data = self.make(ident)
            client.envelope("x@load.test", ["anna"])
            client.command("DATA")
            client.send(data + b".\r\n")
            code, text = client.reply()
            with self.lock:
                if code == 250:
                    self.acknowledged[ident] = hashlib.sha256(data).hexdigest()
                else:
                    self.failed.append((ident, code, text))

    def so_far(self):
        with self.lock:
            return dict(self.acknowledged)

    def stop(self):
        self.on = False
        for thread in self.threads:
            thread.join(30)
        return self.so_far()


class Upkeep(Case):
    def setUp(self):
        self.dir = self.directory()
        self.okapi = Okapi(self.dir)
        self.must = self.okapi.must
        self.backup = os.path.join(self.dir, "backup")

    def refused(self, status, *args, says=None):
        result = self.okapi.admin(*args)
        self.assertEqual(result.status, status, f"{args}: {result}")
        if says:
            self.assertIn(says, result.err)
        return result

    def copy(self, path):
        """An option for what lies at path."""
        return "-o", f"store_path={path}/store.db"

    def hashes(self, path):
        """Subject: sha256 of every message of the store at path."""
        database = sqlite3.connect(f"file:{path}/store.db?mode=ro", uri=True)
        try:
            return dict(database.execute("SELECT subject, sha256 FROM mail"))
        finally:
            database.close()


class Backup(Upkeep):
    def test_taken_under_load_it_restores(self):
        self.okapi.start_dagent()
        load = Load(self.okapi.port)
        try:
            for _ in range(4):
                time.sleep(0.4)
                before = load.so_far()
                said = self.must("store", "backup", self.backup)
                after = load.so_far()
                found = self.hashes(self.backup)
                self.assertEqual(before, {s: h for s, h in found.items()
                                          if s in before})
                # The last ones were stored and not answered yet.
                self.assertLessEqual(len(found), len(after) + 3)
                self.assertIn("complete", said)
        finally:
            acknowledged = load.stop()
        self.assertEqual(load.failed, [])
        self.assertGreater(len(acknowledged), len(before))
        self.okapi.stop()
        # As docs/store.md says.
        store = os.path.join(self.dir, "store")
        shutil.rmtree(store)
        shutil.copytree(self.backup, store)
        self.assertIn("no fault", self.must("store", "check"))
        restored = {m["subject"]: m["id"] for m in self.okapi.mails("anna")}
        self.assertEqual(set(restored), set(found))
        for subject, ident in list(restored.items())[::7]:
            raw = self.okapi.admin("mail", "show", "anna", str(ident),
                                   "--raw").raw
            content = raw[raw.index(b"Subject: "):]
            self.assertEqual(hashlib.sha256(content).hexdigest(),
                             found[subject])
        self.okapi.start_dagent()
        self.okapi.deliver(message("afterwards"), "anna")
        self.assertIn("afterwards", self.okapi.subjects("anna"))
        self.okapi.stop()

    def test_again_it_takes_what_is_new(self):
        large = message("large", body="x" * 70 + "\n" + ("y" * 70 + "\n")
                        * 300 + os.urandom(1200000).hex())
        for subject in range(40):
            self.okapi.deliver(message(str(subject), body="z\n" * 9000),
                               "anna")
        self.okapi.deliver(large, "anna")
        first = self.must("store", "backup", self.backup)
        self.assertIn("1 of 1 large values", first)
        files = {path: os.stat(path).st_mtime_ns
                 for top, _, names in os.walk(self.backup + "/store.lob")
                 for path in (os.path.join(top, n) for n in names)}
        self.okapi.deliver(message("late"), "bert")
        again = self.must("store", "backup", self.backup)
        self.assertIn("0 of 1 large values", again)
        self.assertEqual(sorted(os.listdir(self.backup)),
                         ["store.db", "store.lob"])
        copied, pages = (int(again.split(" of ")[0].split()[-1]),
                         int(again.split(" of ")[1].split()[0]))
        self.assertLess(copied, pages // 3, again)
        for path, time_ns in files.items():
            self.assertEqual(os.stat(path).st_mtime_ns, time_ns)
        self.must("store", "check", *self.copy(self.backup))
        self.assertEqual(len(self.hashes(self.backup)), 42)

    def test_killed_it_is_the_earlier_one(self):
        for number in range(30):
            self.okapi.deliver(message(f"m{number}", body="x\n" * 20000),
                               "anna")
        self.must("store", "backup", self.backup)
        had = 30
        rand = random.Random(7)
        took = 0.05
        for kill in range(8):
            for number in range(3):
                self.okapi.deliver(message(f"k{kill}.{number}",
                                           body=os.urandom(9000).hex()),
                                   "anna")
            began = time.monotonic()
            with subprocess.Popen(
                    [self.okapi.program("okapi-admin"), "-c",
                     self.okapi.config, "store", "backup", self.backup],
                    stdout=subprocess.DEVNULL) as child:
                if kill:
                    time.sleep(rand.random() * took)
                    child.send_signal(signal.SIGKILL)
                child.wait()
            if not kill:
                took = time.monotonic() - began
            self.must("store", "check", *self.copy(self.backup))
            has = len(self.hashes(self.backup))
            self.assertIn(has, (had, 33 + 3 * kill))
            had = has
        self.must("store", "backup", self.backup)
        self.assertEqual(len(self.hashes(self.backup)), 54)

    def test_where_it_may_not_go(self):
        self.must("store", "backup", self.backup)
        other = os.path.join(self.dir, "other")
        self.must("init", *self.copy(other))
        self.refused(EXISTS, "store", "backup", other, says="not of this")
        self.refused(EXISTS, "store", "backup",
                     os.path.join(self.dir, "store"), says="itself")
        self.refused(EXISTS, "store", "backup", self.dir, says="neither")
        self.refused(NO_INPUT, "store", "backup", self.dir + "/a/b")
        with open(os.path.join(self.dir, "file"), "wb"):
            pass
        self.refused(EXISTS, "store", "backup", self.dir + "/file")
        self.assertEqual(self.must("store", "backup", self.backup)[-1], "\n")


SMALL_DISK = """
set -e
mount --make-rprivate /
mount -t tmpfs -o size=1m okapi-test "$1"
cp "$2" "$1/store.db"
echo mounted
exec sleep infinity
"""


class Upgrade(Upkeep):
    """What init does with a store of an earlier version."""

    def old(self, filler=0):
        """A store of schema 1 in a directory of its own."""
        where = os.path.join(self.dir, "old")
        os.makedirs(where)
        with open(os.path.join(TOP, "tests/data/store/schema-1.sql"),
                  encoding="utf-8") as file:
            database = sqlite3.connect(where + "/store.db")
            database.executescript(file.read())
        database.execute("INSERT INTO rules SELECT 99, 1, 'filler', 99, 0,"
                         " hex(randomblob(?)), '', 1", (filler,))
        database.commit()
        database.execute("PRAGMA journal_mode = WAL")
        database.close()
        return where

    def version(self, path):
        database = sqlite3.connect(f"file:{path}/store.db?mode=ro", uri=True)
        try:
            return database.execute("PRAGMA user_version").fetchone()[0]
        finally:
            database.close()

    def test_a_backup_is_made_first(self):
        old = self.old()
        self.refused(CONFIG, "store", "check", *self.copy(old),
                     says="okapi-admin init")
        said = self.must("init", *self.copy(old))
        self.assertIn("from schema 1 to", said)
        copy = old + "/store.db.schema-1"
        self.assertIn(copy, said)
        self.assertEqual(self.version(copy), 1)
        self.must("store", "check", *self.copy(old))
        self.assertEqual(set(self.hashes(old)), {"first", "second"})
        self.assertIn("up to date", self.must("init", *self.copy(old)))

    def test_elsewhere_or_not_at_all(self):
        old = self.old()
        there = os.path.join(self.dir, "there")
        self.refused(USAGE, "init", "--backup", there, "--no-backup",
                     *self.copy(old))
        self.must("init", "--backup", there, *self.copy(old))
        self.assertEqual(self.version(there), 1)
        self.assertFalse(os.path.exists(old + "/store.db.schema-1"))
        shutil.rmtree(old)
        old = self.old()
        self.must("init", "--no-backup", *self.copy(old))
        self.assertEqual([n for n in os.listdir(old) if "schema" in n], [])
        self.assertEqual(set(self.hashes(old)), {"first", "second"})

    def test_a_full_disk_leaves_it_as_it_is(self):
        self.needs_root()
        old = self.old(filler=260000)
        where = os.path.join(self.dir, "small")
        os.makedirs(where)
        holder = Process(["unshare", "--mount", "sh", "-c", SMALL_DISK, "sh",
                          where, old + "/store.db"])
        self.addCleanup(holder.kill)
        try:
            holder.wait_for("mounted")
        except AssertionError as error:
            self.skipTest(f"no mount namespace here: {error}")
        self.okapi.prefix = ["nsenter", "-t", str(holder.pid), "-m", "--"]
        self.refused(TEMPFAIL, "init", *self.copy(where),
                     says="--backup DIR")
        self.refused(CONFIG, "store", "check", *self.copy(where),
                     says="okapi-admin init")
        there = os.path.join(self.dir, "there")
        self.must("init", "--backup", there, *self.copy(where))
        self.assertEqual(self.version(there), 1)
        self.must("store", "stats", *self.copy(where))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Upkeep as an administrator does it, beside daemons: backups under load,
restored; what one user has, taken away and brought back."""

import hashlib
import json
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
from harness import corpus  # noqa: E402
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
        client = Lmtp(("127.0.0.1", self.port), timeout=60)
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
            thread.join(60)
        return self.so_far()


SMALL_DISK = """
set -e
mount --make-rprivate /
mount -t tmpfs -o size=1m okapi-test "$1"
[ -z "${2-}" ] || cp "$2" "$1/store.db"
echo mounted
exec sleep infinity
"""


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

    def small_disk(self, *file):
        """A directory of one megabyte, for programs that are started from
        here on; with file in it as store.db."""
        self.needs_root()
        where = os.path.join(self.dir, "small")
        os.makedirs(where)
        holder = Process(["unshare", "--mount", "sh", "-c", SMALL_DISK, "sh",
                          where, *file])
        self.addCleanup(holder.kill)
        try:
            holder.wait_for("mounted")
        except AssertionError as error:
            self.skipTest(f"no mount namespace here: {error}")
        self.okapi.prefix = ["nsenter", "-t", str(holder.pid), "-m", "--"]
        return where

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

    def test_a_full_disk_leaves_the_earlier_one(self):
        self.okapi.deliver(message("early"), "anna")
        where = self.small_disk()
        copy = self.copy(where + "/b")
        self.must("store", "backup", where + "/b")
        for size in (700000, 1300000):  # in the database, and beside it
            self.okapi.deliver(message(f"late {size}",
                                       body=os.urandom(size).hex()), "anna")
            self.refused(TEMPFAIL, "store", "backup", where + "/b",
                         says="No space left on device")
            self.must("store", "check", *copy)
            self.assertEqual(
                [m["subject"] for m in
                 self.okapi.json("mail", "list", "anna", *copy)], ["early"])

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


class Progress(Upkeep):
    """Long work says how far it is, on a terminal only."""

    def on_terminal(self, *args):
        """What okapi-admin writes to a terminal that its stderr is."""
        master, slave = os.openpty()
        with subprocess.Popen(
                [self.okapi.program("okapi-admin"), "-c", self.okapi.config,
                 *args], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                stderr=slave) as child:
            os.close(slave)
            out = child.stdout.read().decode()
        written = b""
        try:
            while chunk := os.read(master, 4096):
                written += chunk
        except OSError:  # the other end is closed
            pass
        os.close(master)
        return out, written.decode()

    def test_of_each(self):
        for number in range(3):
            self.okapi.deliver(message(f"m{number}"), "anna")
        ident = str(self.okapi.mails("anna")[0]["id"])
        self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        for args, word in (
                (("store", "check"), "messages"),
                (("store", "backup", self.backup), "steps"),
                (("store", "purge", "--all", "--yes"), "messages"),
                (("store", "vacuum"), "pages"),
                (("mail", "export", "anna", "--archive", self.dir + "/a"),
                 "messages"),
                (("mail", "import", "bert", "/", self.dir + "/a"),
                 "records checked")):
            with self.subTest(args):
                out, written = self.on_terminal(*args)
                self.assertRegex(written, r"^\r[0-9]+( of [0-9]+)? [a-z]")
                self.assertIn(word, written)
                self.assertTrue(written.endswith("\r\033[K"), written)
                self.assertNotIn("\r", out)
        # What went wrong stands on a line of its own.
        _, written = self.on_terminal("store", "backup", self.dir)
        self.assertTrue(written.split("\033[K")[-1].startswith(
            "okapi-admin: "), written)
        self.assertEqual(self.okapi.admin("store", "check").err, "")


class Stats(Upkeep):
    def test_of_users(self):
        for subject in ("one", "two", "three"):
            self.okapi.deliver(message(subject), "anna")
        ident = self.okapi.mails("anna")[0]
        self.must("mail", "delete", "anna", str(ident["id"]), "--permanent",
                  "--yes")
        self.okapi.deliver(message("read"), "-r", "bert")
        self.must("mail", "submit", "bert",
                  str(self.okapi.mails("bert")[0]["id"]))
        rows = {row["name"]: row for row in
                self.okapi.json("store", "stats", "--users")}
        self.assertEqual(set(rows), {"anna", "bert"})
        left = self.okapi.mails("anna")
        self.assertEqual(rows["anna"], {
            "name": "anna", "messages": 2, "unread": 2,
            "size": sum(m["size"] for m in left), "deleted": 1,
            "deleted_size": ident["size"], "queue": 0})
        self.assertEqual(rows["bert"]["queue"], 1)
        self.assertEqual(self.okapi.json("store", "stats", "anna"),
                         rows["anna"])
        text = self.must("store", "stats", "--users", "--openmetrics")
        self.assertIn('\nokapi_user_deleted_messages{user="anna"} 1\n', text)
        self.assertTrue(text.endswith("# EOF\n"))
        self.assertIn("anna", self.must("store", "stats", "anna"))
        self.refused(NO_USER, "store", "stats", "nobody")
        self.refused(USAGE, "store", "stats", "anna", "--users")


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
        old = self.old(filler=260000)
        where = self.small_disk(old + "/store.db")
        self.refused(TEMPFAIL, "init", *self.copy(where),
                     says="--backup DIR")
        self.refused(CONFIG, "store", "check", *self.copy(where),
                     says="okapi-admin init")
        there = os.path.join(self.dir, "there")
        self.must("init", "--backup", there, *self.copy(where))
        self.assertEqual(self.version(there), 1)
        self.must("store", "stats", *self.copy(where))


def archive(*records, head=b'{"okapi_archive":1,"user":"x","made":"now"}'):
    """An archive of these records (an object, or an object and octets), with
    an end that fits."""
    out = head + b"\n"
    for record in records:
        octets = b""
        if isinstance(record, tuple):
            record, octets = record[0], record[1] + b"\n"
        out += json.dumps(record).encode() + b"\n" + octets
    end = {"records": len(records), "sha256": hashlib.sha256(out).hexdigest()}
    return out + json.dumps({"end": end}).encode() + b"\n"


def record(folder="Inbox", octets=b"Subject: x\r\n\r\nx\r\n", **more):
    return {"message": {
        "folder": folder, "received": 1795413600000000, "flags": 1,
        "keywords": [], "trace": 0, "size": len(octets),
        "sha256": hashlib.sha256(octets).hexdigest(), "properties": {},
        **more}}, octets


INBOX = {"folder": {"path": "Inbox", "role": "Inbox"}}


class Archive(Upkeep):
    """One user's mailbox in a file, and back."""

    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.dir, "anna.okapi")
        self.there = os.path.join(self.dir, "there")
        self.to = self.copy(self.there)
        self.must("init", *self.to)
        self.must("user", "create", "dora", "--email", "dora@there.test",
                  *self.to)

    def everything(self, path):
        """What is known of each copy, but for its id."""
        database = sqlite3.connect(f"file:{path}/store.db?mode=ro", uri=True)
        try:
            rows = database.execute(
                "SELECT v.folder, v.subject, m.received, m.flags, m.keywords,"
                " m.trace, v.sha256, m.size, (SELECT group_concat(tag || '=' ||"
                "  hex(value), ' ') FROM (SELECT tag, value FROM properties"
                "  WHERE object = m.id ORDER BY tag))"
                " FROM mail v JOIN hierarchy m ON m.id = v.id").fetchall()
            return sorted(rows, key=repr)
        finally:
            database.close()

    def fill(self):
        """Real mail in several folders, of all flags, with what rules and
        clients add."""
        mails = corpus.messages(44) or [
            (str(n), message(f"made {n}", body=os.urandom(99).hex()))
            for n in range(44)]
        self.must("rule", "put", "anna", "mark", "-", "--exit-level",
                  input='require "imap4flags"; addflag ["work", "\\\\Flagged"];')
        self.must("rule", "put", "anna", "off", "-", "--disabled",
                  input="keep;")
        self.must("junk", "block", "anna", "spam.test")
        self.must("oof", "on", "anna", "--subject", "Away \u00e4",
                  "--message-file", self.write("oof.txt", b"Back soon.\n"))
        for path in ("Inbox/Boss\\/x", "Inbox/Boss\\/x/Deep", "K\u00f6ln"):
            self.must("folder", "create", "anna", path)
        folders = ("Inbox", "Inbox/Boss\\/x/Deep", "K\u00f6ln", "Sent Items")
        for number, (_, data) in enumerate(mails):
            self.okapi.deliver(data, "-F", folders[number % 4], "anna")
        self.okapi.deliver(message("by rule"), "--sender", "c@x.test", "anna")
        self.okapi.deliver(message("by rule"), "-r", "anna")
        database = sqlite3.connect(self.dir + "/store/store.db")
        database.execute(
            "INSERT INTO properties SELECT m.id, 0x10900003, 2 FROM mail m"
            " WHERE m.owner = 'anna' AND m.id % 3 = 0")
        database.execute(
            "INSERT INTO properties SELECT m.id, 0x66100102, x'6f00ff'"
            " FROM mail m WHERE m.owner = 'anna' AND m.id % 5 = 0")
        database.execute("UPDATE hierarchy SET flags = id % 16 WHERE type = 3"
                         " AND deleted IS NULL")
        database.commit()
        database.close()
        self.must("store", "check", "--repair")

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def test_it_restores_into_another_store(self):
        self.fill()
        self.must("mail", "export", "anna", "--archive", self.file)
        said = self.must("mail", "import", "dora", "/", self.file, *self.to)
        before = self.everything(self.dir + "/store")
        self.assertGreater(len(before), 40)
        self.assertEqual(said, f"imported: {len(before)}\n")
        self.assertEqual(self.everything(self.there), before)
        self.must("store", "check", *self.to)
        for noun in ("rule", "junk"):
            self.assertEqual(self.okapi.json(noun, "list", "dora", *self.to),
                             self.okapi.json(noun, "list", "anna"))
        self.assertEqual(self.okapi.json("oof", "show", "dora", *self.to),
                         self.okapi.json("oof", "show", "anna"))
        self.assertEqual(
            [(f["path"], f["role"], f["messages"], f["unread"], f["size"])
             for f in self.okapi.json("folder", "list", "dora", *self.to)],
            [(f["path"], f["role"], f["messages"], f["unread"], f["size"])
             for f in self.okapi.json("folder", "list", "anna")])
        # Again: nothing is doubled, and what is new there stays.
        result = self.okapi.admin("mail", "import", "dora", "/", self.file,
                                  *self.to)
        self.assertEqual(result.out, "imported: 0\n")
        self.assertIn(f"{len(before)} were there already", result.err)
        self.assertEqual(self.everything(self.there), before)
        # One that was lost comes back.
        gone = self.okapi.json("mail", "list", "dora", "K\u00f6ln", *self.to)[3]
        self.must("mail", "delete", "dora", str(gone["id"]), "--permanent",
                  "--yes", *self.to)
        self.must("mail", "import", "dora", "/", self.file, *self.to)
        self.assertEqual(self.everything(self.there), before)

    def test_equal_copies_and_one_folder(self):
        self.okapi.configure(duplicate_window="0")
        for _ in range(2):
            self.okapi.deliver(message("twin"), "anna")
        database = sqlite3.connect(self.dir + "/store/store.db")
        database.execute("UPDATE hierarchy SET received = 1795413600000000"
                         " WHERE type = 3")
        database.commit()
        database.close()
        self.okapi.deliver(message("sent"), "-F", "Sent Items", "anna")
        self.must("mail", "export", "anna", "--archive", self.file)
        for _ in range(2):
            self.must("mail", "import", "dora", "/", self.file, *self.to)
            self.assertEqual(
                [m["subject"] for m in
                 self.okapi.json("mail", "list", "dora", *self.to)],
                ["twin", "twin", "sent"])
        one = os.path.join(self.dir, "one.okapi")
        self.must("mail", "export", "anna", "Sent Items", "--archive", one)
        self.must("mail", "import", "dora", "Notes", one, *self.to)
        self.assertEqual(
            [m["folder"] for m in
             self.okapi.json("mail", "list", "dora", *self.to)][-1],
            "Notes/Sent Items")
        self.refused(EXISTS, "mail", "export", "anna", "--archive", one)
        self.refused(USAGE, "mail", "export", "anna", "--archive", one,
                     "--mbox", one)
        self.refused(USAGE, "mail", "import", "anna", "/",
                     self.write("m.eml", message("one")))

    def test_folders_are_found_by_their_role(self):
        self.must("folder", "create", "anna", "Inbox/Below")
        self.okapi.deliver(message("deep"), "-F", "Inbox/Below", "anna")
        self.okapi.deliver(message("junk"), "-j", "anna")
        self.must("mail", "export", "anna", "--archive", self.file)
        self.must("folder", "localize", "dora", "de", *self.to)
        self.must("mail", "import", "dora", "/", self.file, *self.to)
        folders = {m["subject"]: m["folder"] for m in
                   self.okapi.json("mail", "list", "dora", *self.to)}
        self.assertEqual(folders, {"deep": "Posteingang/Below",
                                   "junk": "Junk-E-Mail"})

    def state(self):
        return (self.everything(self.there),
                self.okapi.json("folder", "list", "dora", *self.to),
                self.okapi.json("rule", "list", "dora", *self.to))

    def test_a_bad_one_leaves_nothing(self):
        good = archive(INBOX, record(), {"rule": {
            "name": "r", "script": "keep;", "sequence": 1, "enabled": True,
            "flags": 0}})
        empty = self.state()

        def folder(path, role=""):
            return {"folder": {"path": path, "role": role}}

        large = record()
        large[0]["message"]["size"] = 1 << 40
        cases = {
            "cut in the end": good[:-3],
            "without an end": good[:good.rindex(b'{"end')],
            "cut in a message": good[:good.index(b"Subject") + 3],
            "cut in a line": good[:60],
            "head alone": good[:good.index(b"\n") + 1],
            "something after the end": good + b"x",
            "another octet": good.replace(b"Subject: x", b"Subject: y"),
            "another flag": good.replace(b'"flags": 1', b'"flags": 3'),
            "a record left out": archive(record()),
            "newer version": archive(INBOX,
                                     head=b'{"okapi_archive":2}'),
            "dot dot": archive(folder("../../etc")),
            "dot dot below": archive(INBOX, folder("Inbox/../x")),
            "control": archive(folder("a\nb")),
            "no name": archive(folder("")),
            "long name": archive(folder("x" * 300)),
            "too deep": archive(folder("/".join("a" * 101))),
            "into the public store": archive(folder("Public/x")),
            "unknown role": archive(folder("x", "Root")),
            "twice": archive(INBOX, INBOX),
            "unknown kind": archive({"user": {"name": "root"}}),
            "two members": archive({"folder": {}, "rule": {}}),
            "not an object": archive([1, 2]),
            "larger than the file": archive(INBOX, large),
            "below nothing": archive(INBOX, record(size=-1)),
            "trace beyond": archive(INBOX, record(trace=1000)),
            "flags": archive(INBOX, record(flags=4096)),
            "received": archive(INBOX, record(received=-5)),
            "received after the year 9999": archive(INBOX, record(
                received=253402300800000000)),
            "received as text": archive(INBOX, record(received="now")),
            "keywords": archive(INBOX, record(keywords=[1])),
            "property": archive(INBOX, record(properties={"PR_NONE": 1})),
            "property's value": archive(INBOX, record(
                properties={"PR_SUBJECT": 1})),
            "named property": archive(INBOX, record(
                properties={"PS_PUBLIC_STRINGS:x": "y"})),
            "rule without a name": archive({"rule": {
                "name": "", "script": "", "sequence": 1, "enabled": True,
                "flags": 0}}),
            "rule's flags": archive({"rule": {
                "name": "x", "script": "", "sequence": 1, "enabled": True,
                "flags": 1}}),
            "NUL in a text": archive(folder("a\0b")),
        }
        for name, data in cases.items():
            with self.subTest(name):
                result = self.refused(DATA, "mail", "import", "dora", "/",
                                      self.write("bad.okapi", data), *self.to)
                self.assertIn("bad.okapi", result.err)
                self.assertEqual(self.state(), empty)
        self.must("mail", "import", "dora", "/",
                  self.write("good.okapi", good), *self.to)
        self.assertEqual(len(self.everything(self.there)), 1)

    def test_public_is_but_a_name_below_another(self):
        """At the top it would be the public store."""
        data = archive({"folder": {"path": "Public", "role": ""}},
                       {"folder": {"path": "Public/x", "role": ""}},
                       record(folder="Public/x"))
        path = self.write("public.okapi", data)
        self.refused(DATA, "mail", "import", "dora", "/", path, *self.to)
        self.must("mail", "import", "dora", "Drafts", path, *self.to)
        self.assertEqual(
            [m["folder"] for m in self.okapi.json(
                "mail", "list", "dora", *self.to)], ["Drafts/Public/x"])

    def test_any_changed_octet_is_noticed(self):
        self.okapi.deliver(message("one", body=os.urandom(200).hex()), "anna")
        self.must("mail", "export", "anna", "--archive", self.file)
        with open(self.file, "rb") as file:
            data = bytearray(file.read())
        empty = self.state()
        rand = random.Random(5)
        for at in rand.sample(range(20, len(data) - 1), 40):
            changed = bytearray(data)
            changed[at] ^= 1 << rand.randrange(8)
            self.refused(DATA, "mail", "import", "dora", "/",
                         self.write("changed.okapi", changed), *self.to)
        self.assertEqual(self.state(), empty)

    def test_killed_and_begun_again(self):
        self.must("mail", "import", "anna", "Inbox", self.write(
            "many.mbox", b"".join(b"From c@x.test Mon Nov 23 10:00:00 2026\n" +
                                  message(f"m{n}") + b"\n"
                                  for n in range(300))))
        self.must("mail", "export", "anna", "--archive", self.file)
        for seconds in (0.05, 0.1, 0.2):
            with subprocess.Popen(
                    [self.okapi.program("okapi-admin"), "-c",
                     self.okapi.config, "mail", "import", "dora", "/",
                     self.file, *self.to],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL) as child:
                time.sleep(seconds)
                child.kill()
        self.must("mail", "import", "dora", "/", self.file, *self.to)
        self.assertEqual(self.everything(self.there),
                         self.everything(self.dir + "/store"))
        self.must("store", "check", *self.to)


if __name__ == "__main__":
    main()

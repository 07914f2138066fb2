#!/usr/bin/env python3
"""Bad words in every place of every command line of okapi-admin: a clear
error, the exit code of the manual, no effect."""

import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin_table import CALLS, Table  # noqa: E402
from harness.cases import main  # noqa: E402
from harness.okapi import BUILD  # noqa: E402

BAD = (b"", b" ", b"x" * 1048576, "\u00fc\U0001f992".encode(), b"\xff\xfe",
       b"a\x1b[2Jb", b"a\nb", b"a\r\nb", b"'; DROP TABLE users; --",
       b'" OR 1=1 --', b"$(reboot)`id`|;&", b"..", b"../../etc/passwd", b"/",
       b"-1", b"99999999999999999999", b"%s%n%x", b"*")
# For files, which a command may make: nowhere but below the test's directory.
NOT_FOR_FILES = (b"..", b"../../etc/passwd", b"/")
BAD_FILES = (*[bad for bad in BAD if bad not in NOT_FOR_FILES],
             b"none/../../x", b"/proc/none/x", b"/dev/null/x")

# What a command may say to a bad word, by what the table calls the word.
# 0: the word may be good after all; it then has its effect and nothing else.
USAGE, DATA, NO_INPUT, NO_USER = 64, 65, 66, 67
EXISTS, TEMPFAIL, NO_PERMISSION, CONFIG = 73, 75, 77, 78
SAYS = {
    "USER": {NO_USER, DATA}, "MEMBER": {NO_USER, DATA},
    "GROUP": {NO_USER, DATA}, "WHO": {NO_USER, DATA},
    "NAME": {NO_USER, DATA}, "NEW": {0, DATA, NO_INPUT, EXISTS},
    "ID": {USAGE, NO_INPUT, DATA},
    "PATH": {NO_INPUT, DATA}, "FOLDER": {NO_INPUT, DATA},
    "PARENT": {0, NO_INPUT, DATA},
    "RIGHTS": {0, DATA}, "LANGUAGE": {DATA},
    "ADDRESS|DOMAIN": {0, DATA}, "ADDR": {0, DATA}, "ADDRESS": {0, DATA},
    "FILE": {NO_INPUT, DATA, EXISTS}, "FILE|-": {NO_INPUT, DATA},
    "FILE|DIR": {NO_INPUT, DATA}, "MESSAGE": {NO_INPUT, DATA},
    "ID|new": {USAGE, NO_INPUT, DATA},
    "DIR": {0, NO_INPUT, DATA, EXISTS},
    "STATE": {USAGE, DATA}, "TEXT": {0, DATA}, "MB": {USAGE, DATA}, "N": {USAGE, DATA},
    "TIME": {USAGE, DATA}, "yes|no": {USAGE, DATA},
    "all|contacts|none": {USAGE, DATA},
}
# Where a word of that kind means something else.
SAYS_HERE = {
    ("user create", "NAME"): {0, DATA}, ("group create", "NAME"): {0, DATA},
    ("folder create", "PATH"): {0, DATA},
    ("rule put", "NAME"): {0, DATA},
    ("mail import", "FOLDER"): {USAGE, NO_INPUT, DATA},
    ("mail export", "--archive"): {0, NO_INPUT, DATA, EXISTS},
    ("mail export", "--mbox"): {0, NO_INPUT, DATA, EXISTS},
    ("mail export", "--maildir"): {0, NO_INPUT, DATA, EXISTS},
    ("rule test", "--to"): {0, DATA, NO_USER},
    ("rule test", "MESSAGE"): {USAGE, NO_INPUT, DATA},
    # It goes with a text.
    ("oof on", "--external-html-file"): {USAGE, NO_INPUT, DATA},
    ("junk remove", "ADDRESS|DOMAIN"): {NO_INPUT, DATA},
    ("contact remove", "ADDRESS"): {NO_INPUT, DATA},
    ("user set", "--no-alias"): {NO_INPUT, DATA},
    ("user create", "--no-alias"): {NO_INPUT, DATA},
    # "/" is the whole store.
    ("acl set", "PATH"): {0, NO_INPUT, DATA},
    ("acl list", "PATH"): {0, NO_INPUT, DATA},
    ("acl remove", "PATH"): {0, NO_INPUT, DATA},
    **{(f"rule {verb}", "NAME"): {NO_INPUT, DATA} for verb in
       ("get", "set", "enable", "disable", "remove")},
}

# Options that stand in the place of others, and of arguments but the first.
ALONE = {("mail export", "mbox"): 2, ("mail export", "maildir"): 2,
         ("mail export", "archive"): 1,
         ("mail submit", "props"): 1, ("mail restore", "folder"): 1,
         ("mail restore", "since"): 1, ("rule test", "folder"): 1,
         **{(f"queue {verb}", name): 0
            for verb in ("hold", "release", "retry", "delete")
            for name in ("sender", "recipient", "state", "before", "after",
                         "all")}}


class Batch:
    """Command lines without a process each (tests/tools/admin_batch.c)."""

    def __init__(self, okapi, **more):
        # A directory of its own for what is written by accident.
        self.cwd = os.path.join(okapi.directory, "here", "below")
        os.makedirs(self.cwd, exist_ok=True)
        self.child = subprocess.Popen(
            [os.path.join(BUILD, "okapi-admin-batch")], cwd=self.cwd,
            env=dict(os.environ, OKAPI_CONFIG=okapi.config),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)

    def run(self, words):
        data = b"".join((w if isinstance(w, bytes) else str(w).encode())
                        + b"\0" for w in ["okapi-admin", *words])
        self.child.stdin.write(struct.pack("I", len(data)) + data)
        self.child.stdin.flush()
        head = self.child.stdout.read(12)
        assert len(head) == 12, f"it died of {words!r:.300}"
        status, out, err = struct.unpack("III", head)
        return (status, self.child.stdout.read(out),
                self.child.stdout.read(err))

    def close(self):
        self.child.stdin.close()
        return self.child.wait()


class BadInput(Table):
    def setUp(self):
        super().setUp()
        self.batch = Batch(self.okapi)
        self.addCleanup(lambda: self.batch.close())
        self.store = os.path.dirname(self.okapi.settings["store_path"])

    def state(self):
        """What a command could have changed."""
        found = hashlib.sha256()
        for directory, names, files in sorted(os.walk(self.store)):
            names.sort()
            for name in sorted(files):
                path = os.path.join(directory, name)
                if name.endswith(("-shm", ".lock")) or \
                        not os.path.getsize(path):
                    continue
                with open(path, "rb") as file:
                    found.update(name.encode() + file.read())
        return found.digest()

    def refused(self, words, says, what):
        """The command fails as it may, tells why, and has done nothing; or
        the word was good, and what it did is taken back."""
        before = self.state()
        status, _, err = self.batch.run(words)
        self.assertIn(status, says, f"{what}: {err[:300]}")
        if status == 0:
            for name in os.listdir(self.store):
                if name.startswith("store.db"):
                    os.unlink(os.path.join(self.store, name))
            shutil.copy(self.saved, os.path.join(self.store, "store.db"))
            for name in os.listdir(self.batch.cwd.encode()):
                subprocess.run(["rm", "-rf", "--", name],
                               cwd=self.batch.cwd, check=True)
            return
        text = err.decode("utf-8")
        self.assertTrue(text.strip(), f"{what}: says nothing")
        self.assertLess(len(text), 5000, what)
        self.assertFalse([c for c in text if c < " " and c != "\n"],
                         f"{what}: {text[:300]!r}")
        self.assertEqual(self.state(), before, f"{what}: had an effect")

    def split(self, call):
        """Verb, arguments and options of a call."""
        words = self.command(call)[len(call[0].split()):]
        row = self.table[call[0]]
        takes = {o["name"]: o["arg"] for o in row["options"]}
        takes.update(yes=None, json=None)
        args, options = [], []
        while words:
            word = words.pop(0)
            if not word.startswith("--"):
                args.append(word)
            elif takes[word[2:]]:
                options.append(f"{word}={words.pop(0)}")
            else:
                options.append(word)
        return call[0].split(), args, options

    @staticmethod
    def bad_words(kind):
        return BAD_FILES if re.search("FILE|DIR|MESSAGE", kind) else BAD

    def bad_arguments(self, call):
        verb, args, options = self.split(call)
        row_args = self.table[call[0]]["args"]
        tokens = row_args.split()
        for i, token in enumerate(tokens):
            bare = token.strip("[].")
            says = SAYS_HERE.get((call[0], bare), SAYS[bare])
            good = [*args[:i], *["x"] * (i - len(args))]
            for bad in self.bad_words(bare):
                self.refused([*verb, *options, "--", *good, bad,
                              *args[i + 1:]], says,
                             f"{call[0]} {token} {bad[:40]!r}")
        if len(args) == len(tokens) and not row_args.endswith("..."):
            self.refused([*verb, *options, "--", *args, "one", "two"],
                         {USAGE, NO_INPUT}, f"{call[0]} and more")
        if args and not tokens[0].startswith("["):
            self.refused([*verb, *options], {USAGE}, f"{call[0]} nobody")

    def bad_options(self, call):
        verb, args, options = self.split(call)
        for option in self.table[call[0]]["options"]:
            name, kind = option["name"], option["arg"]
            others = [o for o in options if not o.startswith(f"--{name}")]
            words = args
            if (call[0], name) in ALONE:
                others = [o for o in options if o == "--yes"]
                words = args[:ALONE[call[0], name]]
            if not kind:
                self.refused([*verb, *others, f"--{name}=x", "--", *words],
                             {USAGE}, f"{call[0]} --{name}=x")
                continue
            says = SAYS_HERE.get((call[0], f"--{name}"), SAYS[kind])
            for bad in self.bad_words(kind):
                self.refused([*verb, *others, f"--{name}=".encode() + bad,
                              "--", *words], says,
                             f"{call[0]} --{name} {bad[:40]!r}")
            self.refused([*verb, *others, *words, f"--{name}"], {USAGE},
                         f"{call[0]} --{name} without a value")
        for bad in ("--no-such", "--no-such=1", "-z", "--", "---"):
            if bad != "--":
                self.refused([*verb, *options, bad, "--", *args], {USAGE},
                             f"{call[0]} {bad}")

    def test_every_word_of_every_verb(self):
        self.saved = os.path.join(self.dir, "saved.db")
        for call in CALLS:
            # What is in the log goes into the file.
            self.batch.run(["store", "vacuum"])
            shutil.copy(os.path.join(self.store, "store.db"), self.saved)
            with self.subTest(call[0]):
                self.bad_arguments(call)
                self.bad_options(call)
            status, _, err = self.batch.run(self.command(call))
            self.assertEqual(status, 0, f"{call}: {err}")
        self.okapi.must("store", "check")

    def without_store(self):
        """Verbs that need neither store nor configuration."""
        return {"convert", "config show", "config check", "rule check",
                "completion bash", "completion zsh", "completion fish"}

    def test_no_store_there(self):
        text = self.write("text", b"no database, but long enough\n" * 99)
        empty = self.write("empty", b"")
        for path, says in ((self.dir + "/none/store.db", {CONFIG}),
                           (self.dir + "/none.db", {CONFIG}),
                           (self.dir, {CONFIG}), (text, {CONFIG}),
                           (empty, {CONFIG}), ("/dev/null", {CONFIG}),
                           ("", {CONFIG})):
            for call in CALLS:
                if call[0] in self.without_store() or \
                        (call[0] == "init" and path.endswith(
                            (".db", "empty"))):
                    continue
                words = [re.sub("{(id|queue|outbox|draft|orphan)}", "1", word)
                         for word in call[1:]]
                words = self.command((call[0], *words))
                with self.subTest(f"{call[0]} {path}"):
                    self.refused([*words, "-o", f"store_path={path}"], says,
                                 call[0])
        self.assertFalse(os.path.exists(self.dir + "/none"))
        with open(text, "rb") as file:
            self.assertTrue(file.read().startswith(b"no database"))

    def test_a_store_that_may_only_be_read(self):
        self.needs_root()
        os.chmod(self.store, 0o755)
        for name in os.listdir(self.store):
            os.chmod(os.path.join(self.store, name), 0o644)
        os.chmod(self.dir, 0o755)
        self.batch.close()
        self.batch = Batch(self.okapi, user="nobody", extra_groups=[])
        for call in CALLS:
            if not self.table[call[0]]["changes"]:
                continue
            words = [re.sub("{(id|queue|outbox|draft|orphan)}", "1", word)
                     for word in call[1:]]
            with self.subTest(call[0]):
                self.refused(self.command((call[0], *words)),
                             {NO_PERMISSION}, call[0])


class AtOnce(Table):
    """Two administrators and more: one wins, the others are told."""

    def race(self, *commands):
        """All at once; their exit codes, sorted."""
        env = dict(os.environ, OKAPI_CONFIG=self.okapi.config)
        running = [subprocess.Popen(
            [self.okapi.program("okapi-admin"), *words], env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True) for words in commands]
        codes = []
        for child in running:
            _, err = child.communicate(timeout=60)
            codes.append(child.returncode)
            self.assertEqual(child.returncode == 0, not err.strip(), err)
        return sorted(codes)

    def test_one_wins(self):
        must = self.okapi.must
        must("folder", "create", "anna", "A")
        must("group", "create", "one")
        must("group", "create", "two")
        must("acl", "set", "anna", "Inbox", "bert", "read")
        must("mail", "import", "anna", "Inbox", self.files["message"])
        ident = str(self.okapi.mails("anna")[0]["id"])
        create = ["user", "create", "eva", "--email"]
        for name, commands, codes in (
                ("create", [[*create, f"e{i}@x.test"] for i in range(4)],
                 [0, EXISTS, EXISTS, EXISTS]),
                ("one address", [["user", "create", f"u{i}", "--email",
                                  "same@x.test"] for i in range(4)],
                 [0, EXISTS, EXISTS, EXISTS]),
                ("alias and group", [
                    ["user", "set", "eva", "--alias", "clash"],
                    ["group", "create", "clash"]], [0, EXISTS]),
                ("rename to one name", [
                    ["user", "rename", "anna", "new"],
                    ["user", "rename", "bert", "new"]], [0, EXISTS]),
                ("rename one", [["user", "rename", "eva", f"eva{i}"]
                                for i in range(3)], [0, NO_USER, NO_USER]),
                ("groups in each other", [
                    ["group", "add", "one", "two"],
                    ["group", "add", "two", "one"]], [0, DATA])):
            with self.subTest(name):
                self.assertEqual(self.race(*commands), codes)
        left = "bert" if self.okapi.admin("user", "show",
                                          "anna").status else "anna"
        must("user", "rename", "new", "bert" if left == "anna" else "anna")
        for name, commands, codes in (
                ("folder", [["folder", "create", "anna", "New"]] * 3,
                 [0, EXISTS, EXISTS]),
                ("rename a folder", [["folder", "rename", "anna", "A", f"B{i}"]
                                     for i in range(3)],
                 [0, NO_INPUT, NO_INPUT]),
                ("rights", [["acl", "set", "anna", "Inbox", "bert", right]
                            for right in ("read", "create", "none")],
                 [0, 0, 0]),
                ("no rights", [["acl", "remove", "anna", "Inbox", "bert"]] * 3,
                 [0, NO_INPUT, NO_INPUT]),
                ("delete a message", [["mail", "delete", "anna", ident,
                                       "--permanent", "--yes"]] * 3,
                 [0, NO_INPUT, NO_INPUT]),
                ("delete a user", [["user", "delete", "bert", "--yes"]] * 3,
                 [0, NO_USER, NO_USER])):
            with self.subTest(name):
                self.assertEqual(self.race(*commands), codes)
        must("store", "check")


if __name__ == "__main__":
    main()

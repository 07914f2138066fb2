#!/usr/bin/env python3
"""What cannot be read at the moment is not taken for what is not there: an
archive and a backup, with each of their reads failing once."""

import contextlib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi, message, strace  # noqa: E402

READS_MAX = 400


class Reads(Case):
    def setUp(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        self.dir = self.directory()
        self.okapi = Okapi(self.dir)
        self.store = self.okapi.settings["store_path"]
        self.saved = os.path.join(self.dir, "saved")
        self.trace = os.path.join(self.dir, "trace")

    def inject(self, path, n, *words):
        """Runs with the n-th read of a file failing: exit status, errors;
        None: it reads less often than that."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.trace)
        done = subprocess.run(
            [*strace("-o", self.trace, "-P", path, "-P", path + "-wal",
                     "-e", "trace=pread64",
                     "-e", f"inject=pread64:error=EIO:when={n}"),
             self.okapi.program("okapi-admin"), "-c", self.okapi.config,
             *words], stdin=subprocess.DEVNULL, capture_output=True,
            check=False, timeout=60)
        try:
            with open(self.trace, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except FileNotFoundError:
            self.skipTest("strace may not trace here")
        if "INJECTED" not in text:
            return None
        return done.returncode, done.stderr.decode()

    def test_a_maildir_is_synced(self):
        """Or the export has failed."""
        self.okapi.deliver(message("one"), "anna")
        done = subprocess.run(
            [*strace("-o", self.trace, "-e", "trace=syncfs",
                     "-e", "inject=syncfs:error=EIO"),
             self.okapi.program("okapi-admin"), "-c", self.okapi.config,
             "mail", "export", "anna", "Inbox", "--maildir",
             os.path.join(self.dir, "md")],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=60)
        if not os.path.exists(self.trace):
            self.skipTest("strace may not trace here")
        self.assertEqual(done.returncode, 75, done)
        self.assertIn(b"cannot sync", done.stderr)

    def keep(self):
        shutil.copytree(os.path.dirname(self.store), self.saved)

    def go_back(self):
        shutil.rmtree(os.path.dirname(self.store))
        shutil.copytree(self.saved, os.path.dirname(self.store))

    def test_an_archive(self):
        """Rules of that name stay as they are, and folders with a role are
        found, whatever they are called."""
        archive = os.path.join(self.dir, "anna.okapi")
        script = os.path.join(self.dir, "s.sieve")
        for name, text in (("anna", b"keep;\n"), ("bert", b"stop;\n")):
            with open(script, "wb") as file:
                file.write(text)
            self.okapi.must("rule", "put", name, "mine", script)
        self.okapi.deliver(message("one"), "anna")
        self.okapi.must("folder", "localize", "anna", "de")
        self.okapi.must("folder", "localize", "bert", "fr")
        self.okapi.must("mail", "export", "anna", "--archive", archive)
        folders = [f["path"] for f in self.okapi.json("folder", "list", "bert")]
        self.keep()
        failed = 0
        for n in range(1, READS_MAX):
            self.go_back()
            met = self.inject(self.store, n, "mail", "import", "bert", "/",
                              archive)
            if met is None:
                break
            with self.subTest(n):
                self.assertIn(met[0], (0, 75), met[1])
                failed += met[0] != 0
                self.assertEqual(
                    self.okapi.must("rule", "get", "bert", "mine"), "stop;\n")
                self.assertEqual([f["path"] for f in self.okapi.json(
                    "folder", "list", "bert")], folders)
        self.assertLess(n, READS_MAX - 1)
        self.assertGreater(failed, 20)
        print(f"note {failed} of {n - 1} reads failed the import")

    def test_a_backup(self):
        """Nothing is said against a copy that could not be read."""
        target = os.path.join(self.dir, "backup")
        self.okapi.must("store", "backup", target)
        failed = 0
        for n in range(1, READS_MAX):
            met = self.inject(os.path.join(target, "store.db"), n, "store",
                              "backup", target)
            if met is None:
                break
            with self.subTest(n):
                self.assertIn(met[0], (0, 75), met[1])
                self.assertNotIn("directory", met[1])
                failed += met[0] != 0
        self.assertLess(n, READS_MAX - 1)
        self.assertGreater(failed, 2)
        print(f"note {failed} of {n - 1} reads failed the backup")
        self.okapi.must("store", "backup", target)
        self.okapi.must("-o", f"store_path={target}/store.db", "store",
                        "check")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The runner itself: what it must not let pass."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import BUILD, TOP  # noqa: E402
from harness.process import Process  # noqa: E402


def run(*args):
    # ASan's options are this run's own; the inner run makes its own.
    return subprocess.run([os.path.join(TOP, "tests/run"), *args],
                          capture_output=True, text=True, timeout=300,
                          check=False)


class Runner(Case):
    def test_sanitizer_finding_in_a_criterion_child_fails_the_run(self):
        binary = os.path.join(BUILD, "tests/selftest/test_finding")
        # Its finding is not one of this run, so not into this run's log.
        clean = {k: v for k, v in os.environ.items() if "SAN_OPTIONS" not in k}
        alone = subprocess.run([binary, "--jobs", "1"], capture_output=True,
                               text=True, check=False, env=clean)
        self.assertIn("Failing: 0", alone.stderr + alone.stdout,
                      "Criterion itself calls it passed")
        done = run("--unit-dir", os.path.dirname(binary), "unit")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("LeakSanitizer", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "2 passed, 1 failed")

    def test_a_run_of_nothing_fails(self):
        empty = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, empty)
        done = run("--unit-dir", empty, "unit")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 0 failed")

    def test_what_hangs_ends_the_run_and_says_where(self):
        binaries = self.directory()
        for name in ("test_hangs", "test_never_begins"):
            path = os.path.join(binaries, name)
            with open(path, "w", encoding="ascii") as file:
                file.write("#!/bin/sh\necho '[RUN ] one::fine'\n"
                           "echo '[PASS] one::fine: (0.00s)'\n"
                           "echo '[RUN ] one::hangs'\nexec sleep 600\n")
            os.chmod(path, 0o755)
        done = run("--unit-dir", binaries, "--jobs", "1", "--limit", "1.5",
                   "unit")
        self.assertEqual(done.returncode, 1, done.stdout)
        for words in ("test_hangs: 0 passed, 1 failed", "[RUN ] one::hangs",
                      "ended after 1 s",
                      "test_never_begins: 0 passed, 1 failed",
                      "not run: the whole run took 1 s already"):
            self.assertIn(words, done.stdout)
        self.assertNotIn("one::fine", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 2 failed")

    def test_a_case_that_hangs_says_where(self):
        path = os.path.join(self.directory(), "test_hangs.py")
        with open(path, "w", encoding="ascii") as file:
            file.write("import sys, threading\n"
                       f"sys.path.insert(0, {os.path.join(TOP, 'tests')!r})\n"
                       "from harness.cases import Case, main\n"
                       "class Hangs(Case):\n    def test_it(self):\n"
                       "        print('begun', flush=True)\n"
                       "        threading.Event().wait()\nmain()\n")
        case = Process([sys.executable, path])
        self.addCleanup(case.kill)
        case.wait_for("begun")
        self.assertEqual(case.stop(), -signal.SIGTERM)
        self.assertIn("in test_it", case.text())


class Checks(Case):
    def check(self, name, path, text):
        """What scripts/check says of a tree that holds one file."""
        tree = self.directory()
        shutil.copytree(os.path.join(TOP, "scripts"),
                        os.path.join(tree, "scripts"))
        shutil.copy(os.path.join(TOP, ".clang-format"), tree)
        os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
            file.write(text)
        return subprocess.run([os.path.join(tree, "scripts/check"), name],
                              capture_output=True, text=True, check=False)

    def test_findings(self):
        for name, path, text, word in (
                ("layers", "dagent/x.c", "#include <sqlite3.h>\n", "SQLite"),
                ("layers", "spooler/x.c", "#include <openssl/ssl.h>\n",
                 "OpenSSL"),
                ("layers", "spooler/report.c", "#include <libesmtp.h>\n",
                 "libesmtp"),
                ("layers", "shared/convert/helper.c",
                 "#include <gmime/gmime.h>\n", "GMime"),
                ("layers", "shared/smtp/x.c", "#include <sys/socket.h>\n",
                 "without sockets"),
                ("format", "shared/x.c", "int  x ;\n", "x.c:1"),
                ("man", "docs/man/x.8", ".Dd today\n.Sh NAME\n", "x.8"),
                ("words", "docs/x.md", "see https://" + "mirror.org/pool\n",
                 "mirror.org")):
            with self.subTest(name=name, text=text):
                done = self.check(name, path, text)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertIn(word, done.stdout)

    def test_layers_see_the_room_of_an_include(self):
        tree = self.directory()
        for path, text in (("spooler/x.c", '#include "dagent/pipe.h"\n'),
                           ("dagent/pipe.h", '#include "fault.h"\n'),
                           ("shared/fault.h", "")):
            os.makedirs(os.path.join(tree, os.path.dirname(path)),
                        exist_ok=True)
            with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
                file.write(text)
        shutil.copytree(os.path.join(TOP, "scripts"),
                        os.path.join(tree, "scripts"))
        done = subprocess.run([os.path.join(tree, "scripts/check"), "layers"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout, "spooler/x.c: dagent/pipe.h: spooler may"
                         " not use dagent\nlayers: 1 findings\n")


if __name__ == "__main__":
    main()

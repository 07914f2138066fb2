#!/usr/bin/env python3
"""Pigeonhole's test suite on our language: every file as docs/sieve-suite.md
has it.  The files are read from SVTEST_DIR; without it, skipped aloud."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OKAPI_BUILD", os.path.join(TOP, "build"))
ROW = re.compile(r"^\| `(\S+\.svtest)` \| (passes|fails) \|", re.M)


class Suite(Case):
    def test_every_file_as_the_table_has_it(self):
        directory = os.environ.get("SVTEST_DIR")
        if not directory:
            self.skipTest("SVTEST_DIR is not set: Pigeonhole's tests are "
                          "not part of Okapi")
        with open(os.path.join(TOP, "docs", "sieve-suite.md"),
                  encoding="utf-8") as file:
            table = ROW.findall(file.read())
        self.assertEqual(len(table), 146)
        for name, result in table:
            with self.subTest(name):
                done = subprocess.run(
                    [os.path.join(BUILD, "okapi-sieve-test"), name],
                    cwd=directory, capture_output=True, text=True,
                    errors="replace", timeout=60, check=False)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                self.assertEqual(
                    "passes" if done.returncode == 0 else "fails", result,
                    done.stdout[-2000:])


if __name__ == "__main__":
    main()

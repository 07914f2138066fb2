#!/usr/bin/env python3
"""Every fuzz target links, and takes what its corpus holds (tests/fuzz/fuzz.mk:
fuzz_plain)."""

import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import BUILD, TOP  # noqa: E402

FUZZ = os.path.join(TOP, "tests", "fuzz")


class Targets(Case):
    def test_each_takes_its_corpus(self):
        names = sorted(os.path.basename(path)[:-2] for path in
                       glob.glob(os.path.join(FUZZ, "fuzz_*.c")))
        self.assertIn("fuzz_sieve", names)
        for name in names:
            with self.subTest(name):
                corpus = os.path.join(FUZZ, name.removeprefix("fuzz_"))
                done = subprocess.run(
                    [os.path.join(BUILD, "tests", "fuzz", name), corpus],
                    capture_output=True, timeout=120, check=False)
                self.assertEqual(done.returncode, 0, done.stderr[-2000:])
                self.assertIn(b"%d inputs\n" % len(os.listdir(corpus)),
                              done.stderr)


if __name__ == "__main__":
    main()

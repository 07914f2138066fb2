#!/usr/bin/env python3
"""Messages of ../shared/corpus that other projects have expectations of: ours
against theirs (judges_check.py).  An eighth of each project's; all with
OKAPI_CORPUS_ALL=1 (`make test-corpus`)."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import judges_check  # noqa: E402
from harness import corpus  # noqa: E402
from harness.cases import Case, main  # noqa: E402


class Judges(Case):
    def setUp(self):
        if not corpus.messages(1):
            self.skipTest("../shared/corpus is not here")

    def test_agree_with_others(self):
        share = 1 if os.environ.get("OKAPI_CORPUS_ALL") else 8
        claims, agreed, differ = judges_check.check(share=share)
        unknown, stale = judges_check.report(claims, agreed, differ,
                                             judges_check.known())
        print(f"note {len(claims)} messages: {sum(agreed.values())} values "
              f"agree, {len(differ)} differ for a known reason")
        self.assertGreater(len(claims), 100)
        self.assertEqual(sorted(unknown), [])
        self.assertEqual(stale, [])

    def test_classes_are_explained(self):
        with open(os.path.join(judges_check.TOP, "docs", "conversion.md"),
                  encoding="utf-8") as file:
            text = file.read()
        kinds = set(judges_check.known().values())
        for kind in kinds:
            self.assertIn(f"\n| {kind} |", text)

    def test_each_difference_has_its_reason(self):
        with open(judges_check.KNOWN, encoding="utf-8") as file:
            lines = [line.rstrip("\n").split("\t") for line in file]
        for line in lines:
            self.assertEqual(len(line), 5, line)
            self.assertGreater(len(line[4]), 2, line)


if __name__ == "__main__":
    main()

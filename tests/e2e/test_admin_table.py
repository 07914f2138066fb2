#!/usr/bin/env python3
"""Every noun and verb of okapi-admin works, and has --json and --help.  A verb
without a row in harness/admin_table.py fails."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin_table import CALLS, ENDLESS, Table  # noqa: E402
from harness.cases import main  # noqa: E402


class Walk(Table):
    def test_every_verb_has_a_row(self):
        self.assertEqual(set(self.table) - ENDLESS, {c[0] for c in CALLS})

    def test_every_verb_prints_one_json_document(self):
        for call in CALLS:
            words = self.command(call)
            result = self.admin(*words, "--json")
            with self.subTest(call[0]):
                self.assertEqual((result.status, result.err), (0, ""), words)
                json.loads(result.out)
        self.okapi.must("store", "check")

    def test_every_verb_explains_itself(self):
        for key, row in self.table.items():
            with self.subTest(key):
                out = self.okapi.must(*key.split(), "--help")
                self.assertIn(row["text"], out)


if __name__ == "__main__":
    main()

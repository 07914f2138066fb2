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

    def test_what_destroys_asks(self):
        """Without --yes and without a terminal it does nothing, and says what
        it would have done."""
        asked = set()
        for call in CALLS:
            words = self.command(call)
            if "--yes" in words:
                asked.add(call[0])
                without = [word for word in words if word != "--yes"]
                with self.subTest(call[0]):
                    result = self.admin(*without)
                    self.assertEqual(result.status, 64, result)
                    self.assertIn("?  Nobody to ask: say --yes", result.err)
            self.okapi.must(*words)
        # No verb whose name destroys goes without.
        self.assertEqual({key for key in self.table
                          if key.endswith(("delete", "purge"))} - asked, set())

    def test_every_word_is_guessed(self):
        for key, row in self.table.items():
            with self.subTest(key):
                result = self.admin(row["noun"] + "x")
                self.assertEqual(result.status, 64)
                self.assertIn(f'did you mean "{row["noun"]}"?', result.err)
                if row["verb"]:
                    result = self.admin(row["noun"], row["verb"] + "x")
                    self.assertEqual(result.status, 64)
                    self.assertIn(f'did you mean "{row["verb"]}', result.err)

    def test_every_verb_is_completed(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.okapi.must("completion", shell)
            for key, row in self.table.items():
                with self.subTest(f"{shell}: {key}"):
                    self.assertIn(row["noun"], script)
                    self.assertIn(row["verb"], script)
                    for option in row["options"]:
                        self.assertIn(option["name"], script)

    def test_every_verb_explains_itself(self):
        for key, row in self.table.items():
            with self.subTest(key):
                out = self.okapi.must(*key.split(), "--help")
                self.assertIn(row["text"], out)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""200 messages of ../shared/corpus: their properties against Python's own
reading of them (properties_check.py)."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import properties_check  # noqa: E402
from harness import corpus  # noqa: E402
from harness.cases import Case, main  # noqa: E402


class Properties(Case):
    def test_agree_with_python(self):
        if not corpus.messages(1):
            self.skipTest("../shared/corpus is not here")
        messages, agreed, differences = properties_check.check()
        unknown = sorted(k for k in differences
                         if k not in properties_check.KNOWN)
        stale = sorted(k for k in properties_check.KNOWN
                       if k not in differences)
        print(f"{messages} messages: {agreed} values agree, "
              f"{len(differences)} differ")
        self.assertEqual(messages, 200)
        self.assertEqual(unknown, [])
        self.assertEqual(stale, [])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""okapi-admin store, watch: upkeep and changes."""

import json
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin import (  # noqa: E402
    CONFIG, DATA, NO_INPUT, TEMPFAIL, USAGE, Admin)
from harness.cases import main  # noqa: E402
from harness.okapi import message  # noqa: E402


class Upkeep(Admin):
    def test_what_cannot_be_read_is_left_out(self):
        """Of an export with --keep-going; without it there is none."""
        for subject in ("first", "broken", "last"):
            self.put(message(subject))
        broken = next(m["id"] for m in self.okapi.mails("anna")
                      if m["subject"] == "broken")
        store = sqlite3.connect(self.okapi.settings["store_path"])
        store.execute("UPDATE lob SET form = 1, packed = NULL,"
                      " data = zeroblob(size) WHERE id = (SELECT c.lob"
                      " FROM hierarchy m JOIN hierarchy c ON c.id = m.content"
                      " WHERE m.id = ?)", (broken,))
        store.commit()
        store.close()
        self.assertIn(f"(message {broken} of anna)",
                      self.admin("store", "check").out)
        for form in ("mbox", "archive", "maildir"):
            path = os.path.join(self.okapi.directory, form)
            words = ("mail", "export", "anna", f"--{form}", path)
            done = self.admin(*words)
            self.assertEqual(done.status, 75, done)
            self.assertIn("--keep-going", done.err)
            if form == "maildir":
                shutil.rmtree(path)
            self.assertFalse(os.path.exists(path))
            done = self.admin(*words, "--keep-going")
            self.assertEqual(done.status, DATA, done)
            self.assertEqual(done.out, "exported: 2\n")
            self.assertIn(f"message {broken}: ", done.err)
            self.must("user", "create", form, "--email", f"{form}@x.test")
            self.must("mail", "import", form,
                      "/" if form == "archive" else "Inbox", path)
            self.assertEqual(sorted(self.okapi.subjects(form)),
                             ["first", "last"])

    def test_a_file_that_is_damaged(self):
        path = self.okapi.settings["store_path"]
        self.must("store", "vacuum")
        with open(path, "r+b") as file:
            file.seek(8192)
            file.write(b"\xff" * (os.path.getsize(path) - 8192))
        result = self.admin("user", "list")
        self.assertEqual(result.status, CONFIG, result)
        self.assertIn("is damaged", result.err)
        self.assertIn("backup", result.err)

    def test_figures(self):
        self.put(message("one"))
        stats = self.json("store", "stats")
        self.assertEqual((stats["users"], stats["messages"]), (2, 1))
        text = self.must("store", "stats", "--openmetrics")
        self.assertIn("\nokapi_store_messages 1\n", text)
        self.assertTrue(text.endswith("# EOF\n"))
        self.refused(USAGE, "store", "stats", "--json", "--openmetrics")

    def test_check_purge_vacuum(self):
        ident = self.put(message("gone", body="x\n" * 200000))
        self.assertEqual(json.loads(self.must("store", "check", "--json")), [])
        self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.assertIn("purged: 0", self.must("store", "purge"))
        self.refused(USAGE, "store", "purge", "--all", says="--yes")
        self.assertIn("purged: 1", self.must("store", "purge", "--all",
                                             "--yes"))
        self.assertEqual(self.json("store", "stats")["contents"], 0)
        self.must("store", "vacuum")
        self.must("store", "check")
        self.refused(NO_INPUT, "mail", "restore", "anna", ident)
        self.assertIn("no fault", self.must("store", "check", "--repair"))

    def test_what_can_be_derived_is_repaired(self):
        self.put(message("one"))
        database = sqlite3.connect(
            os.path.join(self.dir, "store", "store.db"))
        database.execute("UPDATE hierarchy SET messages = 9 WHERE messages = 1")
        database.commit()
        database.close()
        before = self.refused(DATA, "store", "check", says="faults in")
        self.assertIn("counts 9", before.out)
        told = json.loads(self.must("store", "check", "--repair", "--json"))
        self.assertEqual(len(told), 2, told)
        self.assertTrue(all(line.startswith("repaired: ") for line in told))
        self.must("store", "check")

    def test_a_backup_is_a_store(self):
        small = self.put(message("small"))
        large = self.put(message("large", body="x" * 70 + "\n" +
                                 ("y" * 70 + "\n") * 60000))
        to = self.dir + "/backup"
        self.must("store", "backup", to)
        self.must("mail", "delete", "anna", small, "--permanent", "--yes")
        copy = ["-o", f"store_path={to}/store.db"]
        self.must("store", "check", *copy)
        for ident in (small, large):
            result = self.admin("mail", "show", "anna", ident, "--raw", *copy)
            self.assertEqual(result.status, 0, result)
        self.assertEqual(result.raw, self.okapi.raw("anna", large))
        self.refused(NO_INPUT, "store", "backup", "/no/such/dir/x")


class Changes(Admin):
    def last(self):
        return max([c["change"] for c in
                    self.json("changes", "anna", "--since", "0")] or [0])

    def test_changes_since(self):
        before = self.last()
        ident = self.put(message("new"))
        found = self.json("changes", "anna", "--since", str(before))
        self.assertIn(int(ident), [c["id"] for c in found
                                   if c["kind"] == "message"])
        middle = self.last()
        self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        found = self.json("changes", "anna", "--since", str(middle))
        self.assertIn((int(ident), True), [(c["id"], c["deleted"])
                                           for c in found])
        self.assertEqual(self.json("changes", "anna", "--since",
                                   str(self.last())), [])
        self.refused(USAGE, "changes", "anna")
        self.refused(USAGE, "changes", "anna", "--since", "x")
        self.refused(TEMPFAIL, "changes", "anna", "--since", "99999999",
                     says="resync")

    def test_a_number_older_than_the_purge_is_resync(self):
        ident = self.put(message("new"))
        seen = self.last()
        self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.must("store", "purge", "--all", "--yes")
        self.refused(TEMPFAIL, "changes", "anna", "--since", str(seen),
                     says="resync")

    def test_watch(self):
        watch = self.okapi.start_watch(self, "--json")
        ident = self.put(message("new"))
        watch.wait_for(f'"kind":"message","id":{ident},')
        for line in map(json.loads, watch.lines):
            self.assertIn(line["kind"], ("message", "folder"))


if __name__ == "__main__":
    main()

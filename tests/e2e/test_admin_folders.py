#!/usr/bin/env python3
"""okapi-admin folder, acl: paths, moves, rights."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin import (  # noqa: E402
    DATA, EXISTS, NO_INPUT, NO_PERMISSION, NO_USER, ODD, USAGE, Admin)
from harness.cases import main  # noqa: E402
from harness.okapi import crlf, message  # noqa: E402


class Folders(Admin):
    def paths(self, user="anna"):
        return [f["path"] for f in self.json("folder", "list", user)]

    def test_the_folders_of_a_store(self):
        listed = self.json("folder", "list", "anna")
        self.assertEqual(set(listed[0]),
                         {"path", "role", "messages", "unread", "size"})
        for name in ("Inbox", "Outbox", "Sent Items", "Deleted Items",
                     "Drafts", "Junk E-mail", "Calendar", "Contacts", "Tasks",
                     "Notes", "Journal"):
            self.assertIn(name, self.paths())

    def test_create_rename_delete(self):
        self.must("folder", "create", "anna", "Inbox/Boss/Old")
        self.assertIn("Inbox/Boss/Old", self.paths())
        self.refused(EXISTS, "folder", "create", "anna", "INBOX/Boss")
        self.must("folder", "rename", "anna", "Inbox/Boss", "Chef")
        self.assertIn("Inbox/Chef/Old", self.paths())
        self.must("folder", "rename", "anna", "Inbox/Chef", "Inbox/Boß")
        self.assertIn("Inbox/Boß", self.paths())
        self.refused(NO_INPUT, "folder", "rename", "anna", "Inbox/Boß", "A/B")
        self.refused(USAGE, "folder", "delete", "anna", "Inbox/Boß",
                     says="--yes")
        self.must("folder", "delete", "anna", "Inbox/Boß", "--yes")
        self.assertNotIn("Inbox/Boß", self.paths())
        self.refused(NO_PERMISSION, "folder", "delete", "anna", "Inbox",
                     "--yes")
        self.refused(NO_INPUT, "folder", "delete", "anna", "None", "--yes")
        self.refused(NO_INPUT, "folder", "rename", "anna", "None", "x")

    def test_move(self):
        self.must("folder", "create", "anna", "A/B/C")
        self.must("folder", "create", "anna", "D/B")
        self.must("mail", "import", "anna", "A/B/C",
                  self.write("m.eml", message("deep")))
        self.refused(EXISTS, "folder", "move", "anna", "A/B", "D")
        self.must("folder", "rename", "anna", "A/B", "D/E\\/F")
        self.assertIn("D/E\\/F/C", self.paths())
        self.assertEqual(self.okapi.subjects("anna", "D/E\\/F/C"), ["deep"])
        self.refused(DATA, "folder", "move", "anna", "D", "D/E\\/F")
        self.must("folder", "move", "anna", "D/E\\/F/C", "/")
        self.must("folder", "move", "anna", "C", "Inbox")
        self.assertEqual(self.okapi.subjects("anna", "Inbox/C"), ["deep"])
        self.refused(NO_INPUT, "folder", "move", "anna", "Inbox/C", "None")
        self.refused(NO_PERMISSION, "folder", "move", "anna", "Drafts", "D")
        self.refused(EXISTS, "folder", "rename", "anna", "A", "Sent")
        self.refused(EXISTS, "folder", "rename", "anna", "A", "Public")
        self.refused(EXISTS, "folder", "create", "anna", "public")
        self.must("folder", "create", "anna", "Public/P")
        self.refused(NO_PERMISSION, "folder", "move", "anna", "A", "Public/P")
        self.must("store", "check")

    def test_names_in_other_languages(self):
        self.must("folder", "create", "anna", "Posteingang")
        self.put(message("one"))
        self.must("folder", "localize", "anna", "de")
        self.assertIn("Posteingang (2)", self.paths())
        self.assertIn("Gelöschte Objekte", self.paths())
        self.assertNotIn("Inbox", self.paths())
        # By role, whatever they are called.
        ident, = [str(m["id"]) for m in self.okapi.mails("anna", "Inbox")]
        self.must("mail", "delete", "anna", ident)
        self.assertEqual(self.okapi.subjects("anna", "Gelöschte Objekte"),
                         ["one"])
        self.must("mail", "restore", "anna", ident)
        self.assertEqual(self.okapi.deliver(message("two"), "anna").status, 0)
        self.assertEqual(self.okapi.subjects("anna", "INBOX"), ["one", "two"])
        self.must("folder", "rename", "anna", "Inbox", "Eingang")
        self.assertEqual(self.okapi.subjects("anna", "eingang"),
                         ["one", "two"])
        self.must("folder", "localize", "anna", "en")
        self.assertIn("Inbox", self.paths())
        self.refused(DATA, "folder", "localize", "anna", "klingon",
                     says="de, en")
        self.refused(NO_PERMISSION, "folder", "delete", "anna", "Trash",
                     "--yes")
        self.must("store", "check")

    def test_public(self):
        self.must("folder", "create", "anna", "Public/Sales")
        self.assertNotIn("Sales", self.paths())
        shown = self.json("folder", "list", "anna", "--public")
        self.assertEqual([f["path"] for f in shown], ["Public/Sales"])
        # As other commands take it.
        self.assertIn("Public/Sales",
                      self.must("folder", "list", "anna", "--public"))
        self.must("mail", "list", "anna", shown[0]["path"])

    def test_a_public_folder_comes_back(self):
        self.must("folder", "create", "anna", "Public/Sales/New")
        self.must("mail", "import", "anna", "Public/Sales/New",
                  self.write("m.eml", message("offer")))
        self.must("folder", "delete", "anna", "Public/Sales", "--yes")
        self.assertEqual(self.json("mail", "restore", "anna", "--list"), [])
        found, = self.json("mail", "restore", "anna", "--list", "--folder",
                           "Public")
        self.assertEqual(found["subject"], "offer")
        for rights in (None, "read,delete-all"):
            if rights:  # folders below may be closed all the same
                self.must("acl", "set", "anna", "Public", "bert", rights)
            self.refused(NO_PERMISSION, "--as", "bert", "mail", "restore",
                         "bert", "--list", "--folder", "Public")
        self.must("mail", "restore", "anna", "--folder", "Public")
        self.assertEqual(self.okapi.subjects("bert", "Public/Sales/New"),
                         ["offer"])

    def test_mail_in_public_folders(self):
        self.must("folder", "create", "anna", "Public/Sales")
        self.must("mail", "import", "anna", "Public/Sales",
                  self.write("m.eml", message("offer")))
        mail = self.okapi.mails("bert", "Public/Sales")[0]
        self.assertEqual(mail["subject"], "offer")
        self.assertEqual(self.okapi.raw("bert", mail["id"]),
                         crlf(message("offer")))
        self.assertIn("Subject: offer", self.must(
            "mail", "export", "bert", "public/Sales", "--mbox", "-"))
        self.must("mail", "copy", "bert", str(mail["id"]), "Inbox")
        self.assertEqual(self.okapi.subjects("bert"), ["offer"])
        self.must("mail", "delete", "bert", str(mail["id"]), "--permanent",
                  "--yes")
        self.assertEqual(self.okapi.mails("anna", "Public/Sales"), [])
        self.must("mail", "restore", "anna", "--folder", "Public/Sales")
        self.assertEqual(self.okapi.subjects("anna", "Public/Sales"),
                         ["offer"])
        self.must("store", "check")

    def test_odd_paths(self):
        for path in ODD:
            result = self.admin("folder", "create", "anna", "--", path)
            self.assertIn(result.status, (0, DATA, NO_INPUT, USAGE),
                          f"{path!r}: {result}")
            self.refused(NO_INPUT, "mail", "list", "anna", "--",
                         path + "/none")
        self.refused(DATA, "folder", "create", "anna", b"\xff")
        self.refused(DATA, "folder", "create", "anna", "Inbox/..")
        self.must("store", "check")

    def test_rights(self):
        before = self.json("acl", "list", "anna", "Calendar")
        self.assertEqual(set(before[0]), {"who", "rights"})
        self.must("acl", "set", "anna", "Inbox", "bert", "read")
        entry = [e for e in self.json("acl", "list", "anna", "Inbox")
                 if e["who"] == "bert"]
        self.assertIn("read", entry[0]["rights"])
        self.refused(DATA, "acl", "set", "anna", "Inbox", "bert", "fly")
        self.refused(NO_USER, "acl", "set", "anna", "Inbox", "nobody", "read")
        self.refused(NO_INPUT, "acl", "list", "anna", "None")
        self.must("acl", "remove", "anna", "Inbox", "bert")
        self.assertEqual([e for e in self.json("acl", "list", "anna", "Inbox")
                          if e["who"] == "bert"], [])


if __name__ == "__main__":
    main()

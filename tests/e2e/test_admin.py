#!/usr/bin/env python3
"""okapi-admin: its command line, in whose name, many at once; conversion."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin import (  # noqa: E402
    CONFIG, DATA, MULTIPART, NO_INPUT, NO_PERMISSION, NO_USER, TEMPFAIL,
    USAGE, Admin)
from harness.cases import main  # noqa: E402
from harness.okapi import crlf, message  # noqa: E402


class CommandLine(Admin):
    def test_help_and_version_go_to_stdout(self):
        for args in (["--help"], ["user", "--help"], ["--version"], ["-V"],
                     ["mail", "list", "--help"]):
            result = self.admin(*args)
            self.assertEqual(result.status, 0, args)
            self.assertTrue(result.out)
            self.assertEqual(result.err, "")

    def test_what_cannot_be_printed_is_told(self):
        for args in (["--help"], ["--version"], ["config", "check"],
                     ["config", "check", "--json"], ["user", "list"]):
            with self.subTest(args), open("/dev/full", "wb") as full:
                done = subprocess.run(
                    [self.okapi.program("okapi-admin"), "-c",
                     self.okapi.config, *args], stdout=full,
                    stderr=subprocess.PIPE, check=False, timeout=60)
                self.assertEqual(done.returncode, 75)
                self.assertIn(b"cannot write to standard output", done.stderr)

    def test_without_standard_input_nothing_is_taken_from_it(self):
        self.must("rule", "put", "anna", "kept", "-", input="keep;")
        done = subprocess.run(
            ["sh", "-c", '"$@" <&-', "sh", self.okapi.program("okapi-admin"),
             "-c", self.okapi.config, "rule", "put", "anna", "kept", "-"],
            capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 75, done)
        self.assertIn(b"cannot read standard input", done.stderr)
        self.assertEqual(self.must("rule", "get", "anna", "kept"), "keep;")

    def test_unknown_words_are_told_with_what_was_meant(self):
        self.refused(USAGE, "usr", "list", says='did you mean "user"')
        self.refused(USAGE, "user", "lits", says='did you mean "list"')
        self.refused(USAGE, "store", "restore",
                     says='did you mean "mail restore"')
        self.refused(USAGE, "store", "--repiar", "check",
                     says='did you mean "repair"')
        self.refused(USAGE, "--jsno", "user", "list",
                     says='did you mean "json"')
        self.refused(USAGE, "user", "list", "--confg=/x",
                     says='did you mean "config"')
        self.refused(USAGE, "user", "set", "anna", "--emial", "x",
                     says='did you mean "email"')
        self.refused(USAGE, "\x1b[2J")
        self.refused(USAGE)

    def test_names_are_told_with_what_was_meant(self):
        self.must("group", "create", "office")
        self.must("rule", "put", "anna", "lists", "-", input="keep;")
        for words, meant in (
                (("user", "show", "ana"), "anna"),
                (("user", "set", "Annna", "--admin"), "anna"),
                (("mail", "list", "bret"), "bert"),
                (("acl", "set", "anna", "Inbox", "offce", "read"), "office"),
                (("group", "add", "offise", "bert"), "office"),
                (("group", "add", "office", "brt"), "bert")):
            self.refused(NO_USER, *words, says=f'did you mean "{meant}"?')
        self.refused(NO_INPUT, "rule", "get", "anna", "list",
                     says='no rule list; did you mean "lists"?')
        self.refused(NO_INPUT, "mail", "list", "anna", "Drfts",
                     says='did you mean "Drafts"?')
        self.assertNotIn("did you mean",
                         self.admin("user", "show", "xyz").err)

    def test_numbers_of_a_table_end_below_each_other(self):
        head, *rows = self.must("folder", "list", "anna").splitlines()
        for name in ("MESSAGES", "UNREAD", "SIZE"):
            end = head.index(name) + len(name)
            self.assertEqual({row[end - 2:end] for row in rows}, {" 0"})
        self.assertEqual(head.index("FOLDER"), rows[0].index("Inbox"))

    def test_options_anywhere(self):
        self.must("--json", "user", "list")
        self.must("user", "--json", "list", "-c", self.okapi.config)
        self.must("user", "set", "--fullname", "Anna", "anna")
        self.must("-o", "quota_hard=7", "user", "list")
        self.must("user", "--fullname", "Anna", "set", "anna")
        self.refused(USAGE, "user", "--fullname", "Anna", "list")

    def test_settings_are_checked(self):
        self.refused(CONFIG, "user", "list", "-o", "no_such_key=1")
        self.refused(CONFIG, "user", "list", "-c", "/no/such/file")
        self.refused(USAGE, "user", "list", "-o", "quota_hard")

    def test_no_store_is_a_matter_of_configuration(self):
        for path in ("/no/such/dir/store.db", self.dir,
                     self.write("text", "not a database, but long enough\n"
                                * 100)):
            result = self.admin("user", "list", "-o", f"store_path={path}")
            self.assertIn(result.status, (CONFIG, TEMPFAIL), result)
            self.assertEqual(len(result.err.splitlines()), 1, result)

    def test_who_may_not_is_told_so(self):
        self.needs_root()
        for args in (["user", "list"], ["mail", "delete", "anna", "1"],
                     ["init", "-o", f"store_path={self.dir}/store/new.db"]):
            result = self.admin(*args, user="nobody")
            self.assertEqual(result.status, NO_PERMISSION, result)
            self.assertIn("Permission denied", result.err)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [self.okapi.program("okapi-admin"), "-c", self.okapi.config,
                 "user", "list"], stdout=full, stderr=subprocess.PIPE,
                check=False)
        self.assertEqual(done.returncode, TEMPFAIL)

    def test_init_is_idempotent(self):
        before = self.json("user", "list")
        self.must("init")
        self.assertEqual(self.json("user", "list"), before)


class As(Admin):
    """--as USER: what the rights on folders allow, and nothing else."""

    def test_what_the_rights_allow(self):
        must, refused = self.must, self.refused
        ident = self.put(message("one"))
        bert = ["--as", "bert"]
        self.assertEqual([f["path"] for f in self.json(
            *bert, "folder", "list", "anna")], ["Calendar"])
        self.json(*bert, "mail", "list", "anna", "Calendar")
        look = (["mail", "list", "anna", "Inbox"],
                ["mail", "show", "anna", ident],
                ["mail", "copy", "bert", ident, "Inbox"],
                ["mail", "export", "anna", "Inbox", "--mbox", "-"])
        for words in look[:2] + look[3:]:
            refused(NO_PERMISSION, *bert, *words, says="bert has no right")
        refused(NO_PERMISSION, *bert, "mail", "list", "anna")
        must("group", "create", "staff")
        must("group", "add", "staff", "bert")
        must("acl", "set", "anna", "Inbox", "staff", "read")
        for words in look[:2] + look[3:]:
            must(*bert, *words)
        file = self.write("m.eml", message("two"))
        change = (["mail", "import", "anna", "Inbox", file],
                  ["mail", "move", "anna", ident, "Inbox"],
                  ["mail", "delete", "anna", ident],
                  ["folder", "create", "anna", "Inbox/New"],
                  ["folder", "rename", "anna", "Inbox/Sub", "Other"],
                  ["acl", "list", "anna", "Inbox"],
                  ["acl", "set", "anna", "Inbox", "bert", "fullcontrol"])
        must("folder", "create", "anna", "Inbox/Sub")
        for words in change:
            refused(NO_PERMISSION, *bert, *words)
        must("acl", "set", "anna", "Inbox", "bert", "read,create,delete-all")
        must(*bert, *change[0])
        must(*bert, *change[1])
        must(*bert, *change[2])
        for words in change[3:]:
            refused(NO_PERMISSION, *bert, *words)
        must("acl", "set", "anna", "Inbox", "bert", "owner")
        for words in change[3:]:
            must(*bert, *words)
        # The nearest entry decides, also if it takes away.
        must("acl", "set", "anna", "Inbox/New", "bert", "none")
        refused(NO_PERMISSION, *bert, "mail", "list", "anna", "Inbox/New")
        must("store", "check")

    def test_what_is_for_administrators(self):
        for words in (["user", "list"], ["user", "delete", "anna", "--yes"],
                      ["user", "set", "bert", "--admin"],
                      ["group", "create", "g"], ["queue", "list"],
                      ["store", "stats"], ["quota", "check"],
                      ["rule", "list", "anna"], ["oof", "off", "anna"],
                      ["mail", "restore", "anna"], ["user", "show", "anna"]):
            self.refused(NO_PERMISSION, "--as", "bert", *words)
        # An archive has rules, too, and makes folders.
        archive = os.path.join(self.dir, "archive")
        self.must("mail", "export", "bert", "--archive", archive)
        self.must("acl", "set", "anna", "Notes", "bert", "owner")
        for words in (("export", "anna", "Notes", "--archive", archive + "2"),
                      ("import", "anna", "Notes", archive),
                      ("import", "anna", "/", archive)):
            self.refused(NO_PERMISSION, "--as", "bert", "mail", *words,
                         says="archive")
        self.refused(NO_USER, "--as", "nobody", "user", "list")
        self.refused(USAGE, "--as", "bert", "config", "show")
        self.must("user", "set", "bert", "--admin")
        self.must("--as", "bert", "user", "list")
        self.must("--as", "bert", "mail", "list", "anna")

    def test_in_ones_own_store(self):
        ident = self.put(message("one"))
        for words in (["mail", "list", "anna"], ["folder", "list", "anna"],
                      ["mail", "show", "anna", ident],
                      ["folder", "create", "anna", "Inbox/New"],
                      ["mail", "move", "anna", ident, "Inbox/New"],
                      ["acl", "set", "anna", "Inbox", "bert", "read"],
                      ["oof", "show", "anna"], ["quota", "show", "anna"],
                      ["mail", "delete", "anna", ident]):
            self.must("--as", "anna", *words)
        # In the public store everybody has what Everyone has there.
        self.must("--as", "anna", "folder", "create", "anna", "Public/Sales")
        self.refused(NO_PERMISSION, "--as", "bert", "folder", "delete",
                     "bert", "Public/Sales", "--yes")


class Convert(Admin):
    def test_the_forms(self):
        path = self.write("m.eml", MULTIPART)
        props = json.loads(self.must("convert", path, "--json"))
        self.assertEqual(props["PR_SUBJECT"], "Gr\u00fc\u00dfe")
        self.assertEqual(len(props["recipients"]), 3)
        self.assertIn("PR_SUBJECT: Gr\u00fc\u00dfe\n",
                      self.must("convert", path, "--props"))
        self.assertEqual(self.must("convert", path),
                         self.must("convert", "-", input=MULTIPART))
        self.assertEqual(self.admin("convert", path, "--raw").raw,
                         crlf(MULTIPART))
        again = self.admin("convert", path, "--rfc822")
        self.assertEqual(again.status, 0, again)
        self.assertIn(b"Subject: ", again.raw)

    def test_the_same_object_as_the_stored_message(self):
        ident = self.put(MULTIPART)
        path = self.write("m.eml", MULTIPART)
        file = json.loads(self.must("convert", path, "--json"))
        stored = json.loads(self.must("mail", "show", "anna", ident, "--props",
                                      "--json"))
        for name in ("PR_SUBJECT", "PR_BODY", "PR_SENDER_NAME", "recipients",
                     "PR_INTERNET_MESSAGE_ID", "attachments"):
            self.assertEqual(file[name], stored[name], name)

    def test_neither_store_nor_good_configuration_is_needed(self):
        with open(self.okapi.config, "w", encoding="ascii") as file:
            file.write("nonsense\n")
        self.refused(CONFIG, "user", "list")
        result = self.admin("convert", "-", "--json", input=message("x"))
        self.assertEqual(result.status, 0, result)
        self.assertEqual(json.loads(result.out)["PR_SUBJECT"], "x")

    def test_refusals(self):
        self.refused(DATA, "convert", "-", input=b"")
        self.refused(NO_INPUT, "convert", "/no/such/file")
        self.refused(NO_INPUT, "convert", self.dir)
        self.refused(USAGE, "convert")
        self.refused(USAGE, "convert", "-", "--raw", "--rfc822", input=b"x")


class Many(Admin):
    def test_a_long_list_is_one_stream(self):
        count = 2000
        path = self.write("many", b"".join(
            b"From a@b Mon Nov 23 06:03:11 2026\n"
            + message(f"n{i}", ident=f"n{i}") + b"\n" for i in range(count)))
        self.must("mail", "import", "anna", "Inbox", path, timeout=120)
        mails = self.okapi.mails("anna", "Inbox")
        self.assertEqual(len(mails), count)
        self.assertEqual(mails[0]["subject"], "n0")
        self.assertEqual(mails[-1]["subject"], f"n{count - 1}")


if __name__ == "__main__":
    main()

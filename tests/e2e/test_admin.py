#!/usr/bin/env python3
"""okapi-admin: every noun, what it refuses and how it exits."""

import base64
import email
import email.utils
import hashlib
import json
import mailbox
import os
import re
import shutil
import contextlib
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import DOMAIN, Okapi, crlf, message  # noqa: E402
from harness.sink import Sink  # noqa: E402

USAGE, DATA, NO_INPUT, NO_USER = 64, 65, 66, 67
EXISTS, TEMPFAIL, NO_PERMISSION, CONFIG = 73, 75, 77, 78
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

# Names that have broken programs before.
ODD = ["", " ", ".", "..", "../x", "a'; DROP TABLE users; --", '"', "%", "\\",
       "a\nb", "a" * 300, "\U0001f992"]

MULTIPART = (b"From: Carol <carol@example.org>\nTo: Anna <anna@okapi.test>, "
             b"bert@okapi.test\nCc: dora@example.org\n"
             b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"
             b"Date: Mon, 23 Nov 2026 10:00:00 +0100\n"
             b"Message-ID: <m1@example.org>\nX-Mailer: Test\n"
             b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
             b"\n--b\nContent-Type: text/plain; charset=utf-8\n\nThe text.\n"
             b"--b\nContent-Type: application/octet-stream\n"
             b"Content-Disposition: attachment; filename=data.bin\n"
             b"Content-Transfer-Encoding: base64\n\n"
             + base64.encodebytes(bytes(range(256)) * 8) +
             b"--b\nContent-Type: message/rfc822\n\n"
             b"Subject: inner\nFrom: x@example.org\n\ninside\n--b--\n")


class Admin(Case):
    def setUp(self):
        self.dir = self.directory()
        self.okapi = Okapi(self.dir)
        self.admin = self.okapi.admin
        self.must = self.okapi.must
        self.json = self.okapi.json

    def refused(self, status, *args, says=None, **more):
        result = self.admin(*args, **more)
        self.assertEqual(result.status, status, f"{args}: {result}")
        self.assertTrue(result.err.strip(), f"{args}: says nothing")
        self.assertNotIn("Sanitizer", result.err)
        if says:
            self.assertIn(says, result.err)
        return result

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        return path

    def put(self, data, user="anna", folder="Inbox"):
        """A message in a folder; returns its id."""
        known = {m["id"] for m in self.okapi.mails(user)}
        self.must("mail", "import", user, folder, self.write("put.eml", data))
        new = [m["id"] for m in self.okapi.mails(user) if m["id"] not in known]
        self.assertEqual(len(new), 1)
        return str(new[0])


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


class Config(Admin):
    def test_show_has_value_default_and_origin(self):
        shown = self.json("config", "show")
        self.assertEqual(shown["smtp_port"]["value"], "9")
        self.assertEqual(shown["smtp_port"]["default"], "25")
        self.assertIn(self.okapi.config, shown["smtp_port"]["origin"])
        self.assertEqual(shown["quota_hard"]["origin"], "default")

    def test_check_finds_all_errors_at_once(self):
        path = self.write("bad.cfg", "quota_hard = many\nlmtp_port = 2003\n"
                                     "\nno_key = 1\nlmtp_listen = 127.0.0.1\n"
                                     "hostname = a b\nsieve_after = /no/where\n"
                                     "user = nobody_here\n"
                                     "lmtp_unix_owner = root:nobody_here\n"
                                     "group = nobody_here\n"
                                     "sieve_redirect_envelope_from = me\n"
                                     "vacation_default_subject_template = "
                                     "%{from}\nvirustest_type = none\n")
        result = self.refused(CONFIG, "config", "check", "-c", path)
        for word in (":1: quota_hard", ":2: lmtp_port", "lmtp_listen",
                     ":4: no_key", ":5: lmtp_listen", ":6: hostname",
                     ":7: sieve_after", ":8: user", ":9: lmtp_unix_owner",
                     ":10: group", ":11: sieve_redirect_envelope_from: \"me",
                     ":12: vacation_default_subject_template: \"%{from}",
                     ":13: virustest_type: "):
            self.assertIn(word, result.err)
        result = self.admin("config", "check", "-c", path, "--json")
        self.assertEqual(result.status, CONFIG)
        self.assertEqual(len(json.loads(result.out)["errors"]), 12)
        result = self.admin("config", "show", "-c", path)
        self.assertEqual((result.status, result.out), (CONFIG, ""))
        self.assertIn(":4: no_key", result.err)
        self.assertTrue(self.json("config", "check")["ok"])


    def test_check_finds_what_a_daemon_would_not_start_with(self):
        shared = self.write("shared", "secret\n")
        os.chmod(shared, 0o644)
        places = " ".join(f"127.0.0.1:{port}" for port in (2003, 2004, 2003))
        for line, text in (
                ("store_path =", "it cannot be empty"),
                ("run_dir =", "it cannot be empty"),
                ("spool_dir =", "it cannot be empty"),
                ("store_path = /tmp", "is a directory"),
                ("queue_retry_min = 5h", "it is larger than"),
                ("queue_retry_max = 5s", "it is smaller than"),
                (f"lmtp_listen = {places}", "127.0.0.1:2003 is named twice"),
                ("user = root:root", "no user with a colon"),
                ("postmaster = a@b@c.test", "is not an address"),
                ("smtp_server = mail example.org", "is no relay host"),
                ("smtp_token_command = get \"it", "quot"),
                (f"smtp_password_file = {shared}", "chmod 600"),
                (f"smtp_sender_table = {shared}", "chmod 600"),
                (f"smtp_tls_ca_file = {shared}", "certificate"),
                ("sieve_before = /tmp", "is a directory"),
                (f"sieve_global = {shared}", "is no directory"),
                (f"autoresponder = {shared}", "cannot be executed"),
                ("spam_header_name = X Spam", "the name of a header field"),
                ("spam_headers = X-Spam~(",
                 "no regular expression behind ~: missing"),
                ("spamtest_header = X-Spam: (", "no regular expression"),
                ("virustest_max_header = X: [", "no regular expression"),
                ("submission_listen = 127.0.0.1:587", "it needs tls_cert_file"),
                ("log_timestamp = on", "is not yes or no"),
                ("= x", "is not \"key = value\"")):
            with self.subTest(line):
                path = self.write("one.cfg", f"{line}\n")
                result = self.refused(CONFIG, "config", "check", "-c", path)
                self.assertEqual(result.err.count("\n"), 1, result.err)
                key = line.split(" =")[0] if line[0] != "=" else ""
                self.assertIn(f"{path}:1: {key}", result.err)
                self.assertIn(text, result.err)
        path = self.write("tls.cfg", f"tls_cert_file = {shared}\n"
                                     f"tls_key_file = {shared}\n")
        self.assertIn(":1: tls_cert_file", self.refused(
            CONFIG, "config", "check", "-c", path).err)

    def test_a_key_that_is_set_twice_is_a_warning(self):
        path = self.write("twice.cfg", "quota_hard = 5\nquota_hard = 6\n")
        result = self.admin("config", "check", "-c", path)
        self.assertEqual(result.status, 0)
        self.assertIn("warning: ", result.err)
        self.assertIn(":2: quota_hard: it is set in line 1", result.err)
        checked = json.loads(self.must("config", "check", "-c", path, "--json"))
        self.assertTrue(checked["ok"])
        self.assertEqual(len(checked["warnings"]), 1)
        result = self.admin("config", "show", "-c", path)
        self.assertIn("warning: ", result.err)
        self.assertEqual(self.json("config", "check")["warnings"], [])

    def test_a_rule_is_checked_as_it_would_be_put(self):
        rule = self.write("r.sieve", 'redirect "\u00e4nna@y.test";\n')
        path = self.write("ascii.cfg", "smtputf8_enable = no\n")
        self.must("rule", "check", rule)
        self.assertIn("r.sieve:1:10: ", self.refused(
            DATA, "rule", "check", "-c", path, rule).err)
        self.refused(DATA, "rule", "check", "-o", "smtputf8_enable=no",
                     rule)
        bad = self.write("bad.cfg", "no_key = 1\n")
        self.refused(CONFIG, "rule", "check", "-c", bad, rule)

    def test_a_nul_in_the_file(self):
        path = self.write("nul.cfg", "quota_hard = 5\n\0quota_warn = 2\n")
        self.assertIn(":2: there is a NUL", self.refused(
            CONFIG, "config", "check", "-c", path).err)
        self.assertIn(":2: there is a NUL", self.refused(
            CONFIG, "user", "list", "-c", path).err)

    def test_names_that_name_nothing(self):
        path = self.write("names.cfg",
                          "default_charset = klingon\nhostname = a b\n"
                          "origin = -x.test\npostmaster = a@b@\n")
        result = self.refused(CONFIG, "config", "check", "-c", path)
        for word in (":1: default_charset: \"klingon\" is not a charset",
                     ":2: hostname: \"a b\" is not a host name",
                     ":3: origin", ":4: postmaster"):
            self.assertIn(word, result.err)
        for name in ("-l", "--once"):
            daemon = "okapi-dagent" if name == "-l" else "okapi-spooler"
            done = self.okapi.run(daemon, name, "-c", self.okapi.config, "-o",
                                  "hostname=a..b", timeout=60)
            self.assertIn(done.status, (CONFIG, TEMPFAIL), done)
            self.assertIn("-o: hostname", done.err + done.out)
        for good in ("default_charset=iso-8859-15", "hostname=my_host",
                     "origin=b\u00fccher.example", "hostname=a.b.",
                     "default_charset=koi8-r", "postmaster=root"):
            self.must("config", "check", "-o", good)


class Users(Admin):
    def test_fields(self):
        self.must("user", "create", "dora", "--email", "dora@okapi.test",
                  "--alias", "d@okapi.test", "--alias", "a@okapi.test",
                  "--fullname", "Dör\u00e4", "--admin", "--quota-warn", "3",
                  "--quota-hard", "5", "--inactive")
        user = [u for u in self.json("user", "list") if u["name"] == "dora"][0]
        self.assertEqual(user, {
            "name": "dora", "email": "dora@okapi.test",
            "aliases": ["a@okapi.test", "d@okapi.test"],
            "fullname": "Dör\u00e4", "admin": True, "active": False,
            "quota": {"warn": 3, "soft": 0, "hard": 5},
            "size": 0, "messages": 0, "send_as": [], "send_on_behalf": [],
            "groups": ["Everyone"]})
        self.assertEqual(self.json("user", "show", "dora"), user)
        self.assertIn("dora@okapi.test", self.must("user", "show", "dora"))

    def test_who_may_send_in_whose_name(self):
        self.must("group", "create", "office")
        self.must("user", "set", "anna", "--send-as", "bert", "--send-as",
                  "office", "--send-on-behalf", "Everyone")
        user = self.json("user", "show", "anna")
        self.assertEqual(user["send_as"], ["bert", "office"])
        self.assertEqual(user["send_on_behalf"], ["Everyone"])
        self.assertIn("send as    by bert, office",
                      self.must("user", "show", "anna"))
        self.must("user", "set", "anna", "--no-send-as", "bert",
                  "--no-send-on-behalf", "everyone")
        user = self.json("user", "show", "anna")
        self.assertEqual(user["send_as"], ["office"])
        self.assertEqual(user["send_on_behalf"], [])
        self.refused(NO_INPUT, "user", "set", "anna", "--no-send-as", "bert")
        self.refused(NO_USER, "user", "set", "anna", "--send-as", "nobody")

    def test_set_changes_what_is_given_only(self):
        self.must("user", "set", "anna", "--alias", "x@okapi.test",
                  "--quota-hard", "9")
        self.must("user", "set", "anna", "--fullname", "A")
        user = self.json("user", "show", "anna")
        self.assertEqual(user["aliases"], ["x@okapi.test"])
        self.assertEqual(user["fullname"], "A")
        self.assertEqual(user["quota"]["hard"], 9)
        self.must("user", "set", "anna", "--alias", "", "--quota-hard",
                  "default", "--inactive")
        user = self.json("user", "show", "anna")
        self.assertEqual(user["aliases"], [])
        self.assertEqual(user["quota"]["hard"], 0)
        self.assertFalse(user["active"])

    def test_taken_names_and_addresses(self):
        self.refused(EXISTS, "user", "create", "anna", "--email", "n@x.test")
        self.refused(EXISTS, "user", "create", "ANNA", "--email", "n@x.test")
        self.refused(EXISTS, "user", "create", "new", "--email",
                     "anna@" + DOMAIN)
        self.refused(EXISTS, "user", "set", "bert", "--alias",
                     "anna@" + DOMAIN)
        self.assertEqual(len(self.json("user", "list")), 2)

    def test_unknown_users(self):
        for args in (["show"], ["set", "--fullname", "x"],
                     ["delete", "--yes"]):
            self.refused(NO_USER, "user", args[0], "nobody", *args[1:])
        for name in ODD:
            self.refused(NO_USER, "user", "show", "--", name)
            self.refused(NO_USER, "folder", "list", "--", name)

    def test_odd_names_are_refused_and_nothing_breaks(self):
        for name in ODD:
            result = self.admin("user", "create", "--email", "odd@x.test",
                                "--", name)
            self.assertIn(result.status, (0, DATA), f"{name!r}: {result}")
            if result.status == 0:
                self.must("user", "delete", "--yes", "--", name)
        self.refused(DATA, "user", "create", b"\xff\xfe", "--email", "x@y.test")
        for address in ("", "no-at", "a@", "@b", "a b@c.test", "a\r\n@c.test"):
            result = self.admin("user", "create", "odd", "--email", address)
            self.assertIn(result.status, (0, DATA), f"{address!r}: {result}")
            if result.status == 0:
                self.must("user", "delete", "odd", "--yes")
        self.assertEqual(len(self.json("user", "list")), 2)

    def test_limits_are_numbers(self):
        for value in ("", "-1", "x", "1e9", "99999999999999999999", "1.5"):
            self.refused(USAGE, "user", "set", "anna",
                         f"--quota-hard={value}")

    def test_deleting_asks(self):
        self.refused(USAGE, "user", "delete", "anna", says="--yes")
        self.assertEqual(len(self.json("user", "list")), 2)
        self.must("user", "delete", "anna", "--yes")
        self.must("user", "delete", "bert", "--yes", "--keep-store")
        self.assertEqual(self.json("user", "list"), [])

    def test_a_store_that_was_kept_comes_back(self):
        self.assertEqual(self.okapi.deliver(message("kept"), "anna").status, 0)
        self.must("folder", "create", "anna", "Inbox/Boss")
        self.must("user", "delete", "anna", "--yes", "--keep-store")
        orphan, = self.json("store", "orphans")
        self.assertEqual((orphan["name"], orphan["messages"]),
                         ("anna (without owner)", 1))
        self.assertIn("anna (without owner)", self.must("store", "orphans"))
        # A new user of that name has nothing of it.
        self.must("user", "create", "anna", "--email", "anna@okapi.test")
        self.assertEqual(self.okapi.mails("anna"), [])
        number = str(orphan["id"])
        self.must("user", "create", "cora", "--email", "cora@okapi.test",
                  "--store", number)
        self.assertEqual(self.okapi.subjects("cora"), ["kept"])
        self.assertIn("Inbox/Boss", [f["path"] for f in
                                     self.json("folder", "list", "cora")])
        self.assertEqual(self.json("store", "orphans"), [])
        self.must("store", "check")

    def test_stores_that_are_nobodys_to_take(self):
        self.must("user", "delete", "bert", "--yes")
        with contextlib.closing(sqlite3.connect(
                self.okapi.settings["store_path"])) as store:
            # anna's, bert's that is deleted, the public one
            stores = [row[0] for row in store.execute(
                "SELECT id FROM hierarchy WHERE type = 1")]
        self.assertEqual(len(stores), 3)
        for number in (*stores, 999999):
            with self.subTest(number):
                self.refused(NO_INPUT, "user", "create", "cora", "--email",
                             "cora@okapi.test", f"--store={number}",
                             says="store orphans")
        for number in ("", "x", "-1", "1x", "0"):
            self.refused(USAGE, "user", "create", "cora", "--email",
                         "cora@okapi.test", f"--store={number}")

    def test_passwords_come_from_files(self):
        path = self.write("pw", "s3cret\n")
        self.must("user", "set", "anna", "--password-file", path)
        self.must("user", "set", "anna", "--password-file", "-",
                  input="other")
        for bad in (b"", b"\n", b"\na\n", b"\xff\n", b"x" * 5000):
            self.refused(DATA, "user", "set", "anna", "--password-file", "-",
                         input=bad)
        self.refused(NO_INPUT, "user", "set", "anna", "--password-file",
                     self.dir + "/none")
        self.refused(USAGE, "user", "set", "anna", "--password", "x")


class Groups(Admin):
    def test_members(self):
        self.must("group", "create", "staff")
        self.refused(EXISTS, "group", "create", "staff")
        self.must("group", "add", "staff", "bert")
        self.must("group", "add", "staff", "anna")
        groups = {g["name"]: g["members"] for g in self.json("group", "list")}
        self.assertEqual(groups["staff"], ["anna", "bert"])
        self.must("group", "remove", "staff", "bert")
        self.refused(NO_USER, "group", "add", "staff", "nobody")
        self.refused(NO_USER, "group", "add", "nogroup", "anna")
        self.refused(NO_USER, "group", "delete", "nogroup", "--yes")
        self.refused(USAGE, "group", "delete", "staff", says="--yes")
        self.must("group", "delete", "staff", "--yes")
        self.assertNotIn("staff", [g["name"] for g in
                                   self.json("group", "list")])


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


class Mail(Admin):
    def test_list_has_the_fields_of_the_contract(self):
        ident = self.put(MULTIPART)
        mail = self.okapi.mails("anna", "Inbox")[0]
        self.assertEqual(list(mail), [
            "id", "folder", "subject", "sender", "sender_name", "to",
            "received", "size", "read", "flags", "message_class",
            "message_id", "attachments"])
        self.assertEqual(str(mail["id"]), ident)
        self.assertEqual(mail["folder"], "Inbox")
        self.assertEqual(mail["subject"], "Gr\u00fc\u00dfe")
        self.assertEqual(mail["sender"], "carol@example.org")
        self.assertEqual(mail["sender_name"], "Carol")
        self.assertIn("Anna", mail["to"])
        self.assertRegex(mail["received"], ISO)
        self.assertEqual(mail["size"], len(crlf(MULTIPART)))
        self.assertFalse(mail["read"])
        self.assertEqual(mail["message_class"], "IPM.Note")
        self.assertEqual(mail["message_id"], "<m1@example.org>")
        self.assertEqual(mail["attachments"], 2)
        self.assertIn("Gr\u00fc\u00dfe", self.must("mail", "list", "anna"))

    def test_show_in_all_forms(self):
        ident = self.put(MULTIPART)
        self.assertEqual(self.okapi.raw("anna", ident), crlf(MULTIPART))
        text = self.must("mail", "show", "anna", ident)
        for word in ("Carol <carol@example.org>", "Gr\u00fc\u00dfe",
                     "The text.", "data.bin"):
            self.assertIn(word, text)
        lines = self.must("mail", "show", "anna", ident, "--props")
        self.assertIn("PR_SUBJECT: Gr\u00fc\u00dfe\n", lines)
        self.assertIn("    PR_ATTACH_LONG_FILENAME: data.bin\n", lines)
        props = json.loads(self.must("mail", "show", "anna", ident, "--props",
                                     "--json"))
        self.assertEqual(props["PR_SUBJECT"], "Gr\u00fc\u00dfe")
        self.assertEqual(props["PR_CLIENT_SUBMIT_TIME"],
                         "2026-11-23T09:00:00Z")
        self.assertIs(props["PR_HASATTACH"], True)
        self.assertEqual(props["PS_INTERNET_HEADERS:x-mailer"], "Test")
        self.assertEqual([r["PR_SMTP_ADDRESS"] for r in props["recipients"]],
                         ["anna@okapi.test", "bert@okapi.test",
                          "dora@example.org"])
        data, inner = props["attachments"]
        self.assertEqual(data["PR_ATTACH_DATA_BIN"], {
            "size": 2048,
            "sha256": hashlib.sha256(bytes(range(256)) * 8).hexdigest()})
        self.assertEqual(inner["embedded"]["PR_SUBJECT"], "inner")
        whole = json.loads(self.must("mail", "show", "anna", ident, "--props",
                                     "--json", "--data"))
        self.assertEqual(base64.b64decode(
            whole["attachments"][0]["PR_ATTACH_DATA_BIN"]),
            bytes(range(256)) * 8)
        shown = self.json("mail", "show", "anna", ident)
        self.assertEqual(shown["body"].strip(), "The text.")

    def test_show_refuses(self):
        ident = self.put(MULTIPART)
        self.refused(NO_INPUT, "mail", "show", "anna", "999999")
        self.refused(NO_INPUT, "mail", "show", "bert", ident)
        self.refused(NO_USER, "mail", "show", "nobody", ident)
        for bad in ("", "x", "-1", "1;drop", "99999999999999999999"):
            self.refused(USAGE, "mail", "show", "anna", "--", bad)
        self.refused(USAGE, "mail", "show", "anna", ident, "--raw", "--json")
        self.refused(USAGE, "mail", "show", "anna", ident, "--data")
        self.refused(NO_INPUT, "mail", "list", "anna", "No Such")

    def test_move_copy_delete_restore(self):
        ident = self.put(message("one"))
        self.must("mail", "move", "anna", ident, "Junk")
        self.assertEqual(self.okapi.subjects("anna", "Junk E-mail"), ["one"])
        copy = self.must("mail", "copy", "anna", ident, "Drafts").strip()
        self.assertEqual(self.okapi.raw("anna", copy),
                         self.okapi.raw("anna", ident))
        self.must("mail", "delete", "anna", ident)
        self.assertEqual(self.okapi.subjects("anna", "Trash"), ["one"])
        self.refused(USAGE, "mail", "delete", "anna", ident, "--permanent",
                     says="--yes")
        self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.assertEqual(self.okapi.subjects("anna", "Trash"), [])
        self.refused(NO_INPUT, "mail", "show", "anna", ident)
        self.refused(NO_INPUT, "mail", "restore", "bert", ident)
        self.must("mail", "restore", "anna", ident)
        self.assertEqual(self.okapi.subjects("anna", "Trash"), ["one"])
        self.must("mail", "restore", "anna", ident)
        self.assertEqual(self.okapi.subjects("anna", "Junk"), ["one"])
        self.refused(NO_INPUT, "mail", "restore", "anna", ident)
        self.refused(NO_INPUT, "mail", "move", "anna", "424242", "Inbox")
        self.refused(NO_INPUT, "mail", "copy", "anna", ident, "None")

    def test_restore_brings_deleted_folders_back(self):
        self.must("folder", "create", "anna", "Inbox/Boss/Old")
        for folder in ("Inbox", "Inbox/Boss", "Inbox/Boss/Old"):
            self.put(message("in " + folder), folder=folder)
        self.must("folder", "delete", "anna", "Inbox/Boss", "--yes")
        self.must("folder", "delete", "anna", "Trash/Boss", "--yes")
        ident, = [str(m["id"]) for m in self.okapi.mails("anna")]
        self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.assertEqual(self.okapi.mails("anna"), [])
        self.must("folder", "create", "anna", "Inbox/Boss")
        self.assertEqual(self.json("mail", "restore", "anna"), [
            {"folder": "Inbox", "messages": 1},
            {"folder": "Inbox/Boss (2)", "messages": 1},
            {"folder": "Inbox/Boss (2)/Old", "messages": 1}])
        self.assertEqual(self.okapi.subjects("anna", "Inbox/Boss (2)/Old"),
                         ["in Inbox/Boss/Old"])
        self.must("store", "check")

    def test_restore_shows_what_could_be(self):
        self.must("folder", "create", "anna", "Inbox/A\\/B")
        idents = [self.put(message(name), folder=folder) for name, folder in
                  (("one", "Inbox"), ("two", "Inbox/A\\/B"),
                   ("three", "Inbox"))]
        self.must("mail", "delete", "anna", idents[0], "--permanent", "--yes")
        self.must("mail", "delete", "anna", idents[1], "--permanent", "--yes")
        self.must("mail", "delete", "anna", idents[2])
        self.must("folder", "delete", "anna", "Inbox/A\\/B", "--yes")
        self.must("folder", "delete", "anna", "Trash/A\\/B", "--yes")
        shown = self.json("mail", "restore", "anna", "--list")
        self.assertEqual([(str(m["id"]), m["folder"], m["subject"],
                           bool(m["deleted"])) for m in shown], [
            (idents[0], "Inbox", "one", True),
            (idents[2], "Inbox", "three", False),
            (idents[1], "Inbox/A\\/B", "two", True)])
        self.assertRegex(self.must("mail", "restore", "anna", "--list"),
                         r"(?s)Inbox:\n.*one\n.*three\n")
        self.assertEqual(len(self.json("mail", "restore", "anna", "--list",
                                       "--folder", "Inbox")), 2)
        self.assertEqual(self.json("mail", "restore", "anna", "--list",
                                   "--since", "2099-01-01"), [])
        self.refused(USAGE, "mail", "restore", "anna", "--list", idents[0])
        # Nothing was restored by looking.
        self.assertEqual(self.okapi.subjects("anna"), ["three"])
        self.must("mail", "restore", "anna")
        self.assertEqual(self.okapi.subjects("anna", "Inbox/A\\/B"), ["two"])

    def test_restore_by_folder_and_time(self):
        for name in ("one", "two"):
            ident = self.put(message(name), folder="Inbox")
            self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.must("mail", "restore", "anna", "--since", "2099-01-01")
        self.assertEqual(self.okapi.subjects("anna"), [])
        self.refused(USAGE, "mail", "restore", "anna", "--since", "soon")
        self.must("mail", "restore", "anna", "--folder", "Junk")
        self.assertEqual(self.okapi.subjects("anna"), [])
        self.must("mail", "restore", "anna", "--folder", "Inbox")
        self.assertEqual(self.okapi.subjects("anna", "Inbox"), ["one", "two"])

    def test_a_hostile_subject_does_not_reach_the_terminal(self):
        ident = self.put(b"Subject: =?utf-8?q?=1B[2Jx=C2=9B?=\nFrom: a@b.test"
                         b"\n\nbody \x1b]0;title\x07\n")
        for args in (["list", "anna"], ["show", "anna", ident],
                     ["show", "anna", ident, "--props"]):
            out = self.must("mail", *args)
            self.assertNotRegex(out, "[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Files(Admin):
    def test_mbox_goes_out_and_comes_back(self):
        texts = [message(f"m{i}", body=f"From here\n>From {i}\n\n")
                 for i in range(5)]
        for text in texts:
            self.put(text)
        path = self.dir + "/out.mbox"
        self.must("mail", "export", "anna", "Inbox", "--mbox", path)
        box = mailbox.mbox(path)
        self.assertEqual(len(box), 5)
        self.assertEqual([m["Subject"] for m in box],
                         [f"m{i}" for i in range(5)])
        self.refused(EXISTS, "mail", "export", "anna", "--mbox", path)
        self.must("mail", "import", "bert", "Inbox", path)
        mails = self.okapi.mails("bert", "Inbox")
        self.assertEqual([self.okapi.raw("bert", m["id"]) for m in mails],
                         [crlf(t) for t in texts])
        self.assertEqual([m["received"] for m in mails],
                         [m["received"] for m in
                          self.okapi.mails("anna", "Inbox")])
        with open(path, encoding="ascii") as file:
            self.assertEqual(self.must("mail", "export", "anna", "--mbox",
                                       "-"), file.read())

    def test_maildir_goes_out_and_comes_back(self):
        self.put(message("in"))
        self.put(message("junk"), folder="Junk")
        self.must("folder", "create", "anna", "Inbox/v1.2 ü")
        self.put(message("deep"), folder="Inbox/v1.2 ü")
        path = self.dir + "/Maildir"
        self.must("mail", "export", "anna", "--maildir", path)
        box = mailbox.Maildir(path, create=False)
        self.assertEqual([m["Subject"] for m in box], ["in"])
        self.assertIn(".Junk E-mail", os.listdir(path))
        self.assertIn(".Inbox.v1&AC4-2 &APw-", os.listdir(path))
        old = os.listdir(path + "/new")[0]
        os.rename(f"{path}/new/{old}", f"{path}/cur/{old}:2,FS")
        self.must("mail", "import", "bert", "Inbox", path)
        mail = self.okapi.mails("bert", "Inbox")[0]
        self.assertTrue(mail["read"])
        self.assertEqual(mail["flags"], ["\\Seen", "\\Flagged"])
        self.assertEqual(mail["received"],
                         self.okapi.mails("anna", "Inbox")[0]["received"])
        self.assertEqual(self.okapi.subjects("bert", "Junk"), ["junk"])
        self.assertEqual(self.okapi.subjects("bert", "Inbox/v1.2 ü"), ["deep"])
        self.must("mail", "import", "bert", "Drafts", path)
        self.assertEqual(self.okapi.subjects("bert", "Drafts/Junk E-mail"),
                         ["junk"])

    def test_what_cannot_be_read(self):
        empty = self.write("empty", b"")
        self.refused(DATA, "mail", "import", "anna", "Inbox", empty)
        self.refused(NO_INPUT, "mail", "import", "anna", "Inbox", "/no/file")
        self.refused(NO_INPUT, "mail", "import", "anna", "None", empty)
        self.refused(DATA, "mail", "import", "anna", "Inbox", self.dir)
        self.refused(USAGE, "mail", "export", "anna")
        self.refused(USAGE, "mail", "export", "anna", "--mbox", "a",
                     "--maildir", "b")
        self.refused(NO_INPUT, "mail", "export", "anna", "--mbox",
                     "/no/dir/x")
        self.refused(NO_INPUT, "mail", "export", "anna", "--maildir",
                     "/no/dir/x")
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_flags_of_an_mbox(self):
        path = self.write("box", b"From a@b Mon Nov 23 06:03:11 2026\n"
                                 b"Subject: s\nStatus: RO\nX-Status: AF\n\nx\n")
        self.must("mail", "import", "anna", "Inbox", path)
        mail = self.okapi.mails("anna", "Inbox")[0]
        self.assertEqual(mail["flags"], ["\\Seen", "\\Flagged", "\\Answered"])
        self.assertEqual(mail["received"], "2026-11-23T06:03:11Z")


class Submit(Admin):
    def test_a_property_set_is_composed_and_queued(self):
        path = self.write("props", json.dumps({
            "PR_SUBJECT": "Grüße", "PR_BODY": "Hallo",
            "recipients": [
                {"PR_RECIPIENT_TYPE": 1, "PR_SMTP_ADDRESS": "x@example.org",
                 "PR_DISPLAY_NAME": "X"},
                {"PR_RECIPIENT_TYPE": 3, "PR_SMTP_ADDRESS": "b@example.org"}],
            "attachments": []}))
        ident = self.must("mail", "submit", "anna", "--props", path).strip()
        entry = self.json("queue", "show", ident)
        self.assertEqual(list(entry), ["id", "sender", "recipients", "subject",
                                       "size", "submitted", "state"])
        self.assertEqual(entry["sender"], "anna@" + DOMAIN)
        self.assertEqual(entry["subject"], "Grüße")
        self.assertEqual([r["address"] for r in entry["recipients"]],
                         ["x@example.org", "b@example.org"])
        self.assertEqual(set(entry["recipients"][0]), {
            "address", "state", "attempts", "next_attempt", "last_reply"})
        raw = self.must("queue", "show", ident, "--raw")
        date = email.utils.parsedate_to_datetime(
            email.message_from_string(raw)["Date"])
        self.assertLess(abs(date.timestamp() - time.time()), 60)
        self.assertIn("From: ", raw)
        self.assertTrue(raw.endswith("\n"))
        self.assertNotIn("b@example.org", raw)
        self.assertEqual(self.okapi.subjects("anna", "Outbox"), ["Grüße"])

    def test_a_stored_message_leaves_without_bcc(self):
        ident = self.put(message("draft", to="x@example.org",
                                 headers=["Bcc: b@example.org"]),
                         folder="Drafts")
        queue = self.must("mail", "submit", "anna", ident).strip()
        raw = self.must("queue", "show", queue, "--raw")
        self.assertNotIn("Bcc", raw)
        entry = self.json("queue", "show", queue)
        self.assertEqual(sorted(r["address"] for r in entry["recipients"]),
                         ["b@example.org", "x@example.org"])
        self.assertEqual(self.okapi.mails("anna", "Drafts"), [])

    def test_what_cannot_be_sent(self):
        for text in ("", "{", "[]", '{"PR_SUBJECT": 1}',
                     '{"PR_SUBJECT": "x"}', '{"PR_X": "x"}',
                     '{"recipients": [{"PR_SMTP_ADDRESS": "a b@c"}]}',
                     '{"recipients": [{"PR_SMTP_ADDRESS":'
                     ' "a@exam,ple.org"}]}'):
            self.refused(DATA, "mail", "submit", "anna", "--props", "-",
                         input=text)
        self.refused(USAGE, "mail", "submit", "anna")
        self.refused(NO_INPUT, "mail", "submit", "anna", "4711")
        ident = self.put(b"Subject: nobody\n\nx\n")
        self.refused(DATA, "mail", "submit", "anna", ident)
        self.assertEqual(self.okapi.queue(), [])


class Sent(Admin):
    def submit(self, to):
        return self.must("mail", "submit", "anna", "--props", "-",
                         input=json.dumps({
                             "PR_SUBJECT": to, "PR_BODY": "Hi.\r\n",
                             "recipients": [{"PR_RECIPIENT_TYPE": 1,
                                             "PR_SMTP_ADDRESS": to}]}))

    def test_what_failed_can_be_sent_again(self):
        relay = Sink(self.dir, "RCPT:bad@*=550 5.1.1 no such user",
                     "RCPT:later@*=450 4.2.0 later")
        self.addCleanup(relay.close)
        self.okapi.configure(smtp_port=relay.port)
        for to in ("good@x.test", "bad@x.test", "later@x.test"):
            self.submit(to)
        done = self.okapi.run("okapi-spooler", "--once")
        self.assertEqual(done.status, TEMPFAIL, done)
        entry, = self.okapi.queue()
        self.assertEqual((entry["subject"], entry["state"]),
                         ("later@x.test", "waiting"))
        recipient = entry["recipients"][0]
        self.assertEqual((recipient["attempts"], recipient["last_reply"]),
                         (1, "450 4.2.0 later"))
        self.assertRegex(recipient["next_attempt"], ISO)
        self.assertEqual(self.okapi.subjects("anna", "Sent"),
                         ["good@x.test"])
        outbox = {m["subject"]: m for m in self.okapi.mails("anna", "Outbox")}
        self.assertIn("failed", outbox["bad@x.test"]["flags"])
        self.must("mail", "submit", "anna", str(outbox["bad@x.test"]["id"]))
        self.refused(EXISTS, "mail", "submit", "anna",
                     str(outbox["later@x.test"]["id"]))
        self.assertEqual(len(self.okapi.queue()), 2)
        self.assertEqual(self.okapi.subjects("anna", "Outbox"),
                         ["bad@x.test", "later@x.test"])


    def test_whoever_the_header_does_not_name_is_not_forgotten(self):
        def fail(ident):
            self.must("queue", "retry", ident)
            self.okapi.run("okapi-spooler", "--once")

        def recall(ident):
            mail, = self.okapi.mails("anna", "Outbox")
            self.must("mail", "recall", "anna", str(mail["id"]))

        def delete(ident):
            self.must("queue", "delete", ident, "--yes")

        relay = Sink(self.dir, "RCPT:*=550 5.1.1 no such user")
        self.addCleanup(relay.close)
        self.okapi.configure(smtp_port=relay.port)
        to = ["x@x.test", "bcc@x.test"]
        ident = self.must("mail", "submit", "anna", "--props", "-",
                          input=json.dumps({
                              "PR_SUBJECT": "s", "PR_BODY": "Hi.\r\n",
                              "recipients": [
                                  {"PR_RECIPIENT_TYPE": kind,
                                   "PR_SMTP_ADDRESS": address}
                                  for kind, address in zip((1, 3), to)]}))
        for leave in (recall, delete, fail, recall):
            with self.subTest(leave.__name__):
                leave(ident.strip())
                self.assertEqual(self.okapi.queue(), [])
                mail, = self.okapi.mails("anna", "Outbox")
                ident = self.must("mail", "submit", "anna", str(mail["id"]))
                entry, = self.okapi.queue()
                self.assertEqual([r["address"] for r in entry["recipients"]],
                                 to)
                self.assertNotIn("bcc", self.must("queue", "show",
                                                  ident.strip(), "--raw"))
        self.must("store", "check")


class Queue(Admin):
    def submit(self, sender, *recipients):
        path = self.write("p", json.dumps({
            "PR_SUBJECT": "q", "PR_BODY": "x", "recipients": [
                {"PR_RECIPIENT_TYPE": 1, "PR_SMTP_ADDRESS": r}
                for r in recipients]}))
        return self.must("mail", "submit", sender, "--props", path).strip()

    def states(self):
        return {str(q["id"]): q["state"] for q in self.okapi.queue()}

    def test_operating(self):
        one = self.submit("anna", "x@example.org")
        two = self.submit("bert", "y@example.org", "z@example.org")
        self.must("queue", "hold", one)
        self.assertEqual(self.states(), {one: "held", two: "waiting"})
        self.must("queue", "hold", "--sender", "BERT@" + DOMAIN)
        self.assertEqual(self.states()[two], "held")
        self.must("queue", "release", "--recipient", "z@example.org")
        self.assertEqual(self.states(), {one: "held", two: "waiting"})
        self.must("queue", "release", "--all")
        self.refused(USAGE, "queue", "hold", "--all", "--sender", "x@y")
        self.assertIn("held: 1", self.must(
            "queue", "hold", "--recipient", "@example.ORG", "--sender",
            "anna@" + DOMAIN))
        self.assertIn("held: 0", self.must("queue", "hold", "--sender", "<>"))
        self.assertEqual(self.states(), {one: "held", two: "waiting"})
        self.refused(NO_INPUT, "queue", "release", one, "77")  # all or none
        self.assertEqual(self.states()[one], "held")
        self.assertIn("released: 1", self.must("queue", "release", one, one))
        self.must("queue", "retry", one, two)
        self.assertEqual(set(self.states().values()), {"waiting"})
        self.refused(USAGE, "queue", "delete", one, says="--yes")
        self.must("queue", "delete", one, "--yes")
        self.must("queue", "delete", "--all", "--yes")
        self.assertEqual(self.okapi.queue(), [])

    def test_refusals(self):
        self.refused(NO_INPUT, "queue", "show", "77")
        self.refused(NO_INPUT, "queue", "hold", "77")
        self.refused(USAGE, "queue", "hold")
        self.refused(USAGE, "queue", "hold", "1", "--all")
        self.refused(USAGE, "queue", "hold", "x")
        self.refused(USAGE, "queue", "hold", "--state", "lost")
        self.refused(USAGE, "queue", "hold", "--since", "yesterday")
        self.refused(USAGE, "queue", "hold", "--all", "--state", "held")
        self.must("queue", "hold", "--all")

    def test_selections(self):
        """Each selection against the ids it must find."""
        held = self.submit("anna", "x@example.org")
        deferred = self.submit("bert", "y@example.org")
        fresh = self.submit("anna", "z@example.net")
        self.must("queue", "hold", held)
        store = sqlite3.connect(self.okapi.settings["store_path"])
        with store:
            store.execute("UPDATE outgoingrecipients SET attempts = 1"
                          " WHERE queue = ?", (deferred,))
            store.execute("UPDATE outgoingqueue SET submitted = submitted"
                          " - 86400000000 WHERE id = ?", (deferred,))
        store.close()
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                            time.gmtime(time.time() - 3600))
        for name, words, found in (
                ("all", (), (held, deferred, fresh)),
                ("sender", ("--sender", "anna@" + DOMAIN), (held, fresh)),
                ("domain", ("--recipient", "@example.org"), (held, deferred)),
                ("held", ("--state", "held"), (held,)),
                ("waiting", ("--state", "waiting"), (deferred, fresh)),
                ("deferred", ("--state", "deferred"), (deferred,)),
                ("sending", ("--state", "sending"), ()),
                ("old", ("--before", now), (deferred,)),
                ("new", ("--since", now), (held, fresh)),
                ("all of them", ("--since", now, "--state", "waiting",
                                 "--sender", "@" + DOMAIN), (fresh,))):
            with self.subTest(name):
                listed = json.loads(self.must("queue", "list", *words,
                                              "--json"))
                self.assertEqual([str(q["id"]) for q in listed], list(found))
        self.assertIn("deleted: 1", self.must("queue", "delete", "--before",
                                              now, "--yes"))
        self.assertEqual(set(self.states()), {held, fresh})


class Rules(Admin):
    GOOD = ('require "fileinto";\n'
            'if header :contains "subject" "boss" { fileinto "Boss"; }\n')

    def test_life_of_a_rule(self):
        self.must("rule", "put", "anna", "boss", "-", "--sequence", "5",
                  input=self.GOOD)
        self.must("rule", "put", "anna", "first", "-", "--sequence", "1",
                  "--disabled", input="stop;\n")
        rules = self.json("rule", "list", "anna")
        self.assertEqual([r["name"] for r in rules], ["first", "boss"])
        self.assertEqual([r["enabled"] for r in rules], [False, True])
        self.assertEqual(rules[1]["error"], None)
        self.assertEqual(self.must("rule", "get", "anna", "boss"), self.GOOD)
        self.must("rule", "enable", "anna", "first")
        self.must("rule", "disable", "anna", "boss")
        self.assertEqual([r["enabled"] for r in
                          self.json("rule", "list", "anna")], [True, False])
        self.refused(USAGE, "rule", "remove", "anna", "boss", says="--yes")
        self.must("rule", "remove", "anna", "boss", "--yes")
        for verb in ("get", "enable", "disable"):
            self.refused(NO_INPUT, "rule", verb, "anna", "boss")
        self.refused(NO_INPUT, "rule", "remove", "anna", "boss", "--yes")

    def test_a_faulty_script_is_shown_and_not_stored(self):
        bad = 'require "fileinto";\nif true { fileintoo "x"; }\n'
        result = self.refused(DATA, "rule", "put", "anna", "r", "-", input=bad)
        lines = result.err.splitlines()
        self.assertTrue(lines[0].startswith("r:2:"), lines)
        self.assertIn("fileintoo", lines[1])
        self.assertEqual(lines[2].strip(), "^")
        self.assertEqual(self.json("rule", "list", "anna"), [])
        path = self.write("bad.sieve", bad)
        result = self.refused(DATA, "rule", "check", path)
        self.assertTrue(result.err.startswith(path + ":2:"), result)
        self.must("rule", "check", "-", input=self.GOOD)
        self.refused(NO_INPUT, "rule", "check", "/no/such.sieve")
        self.refused(DATA, "rule", "check", "-", input=b"\xff\xfe\x00")

    def test_test_shows_the_plan_and_does_nothing(self):
        self.must("rule", "put", "anna", "boss", "-", input=self.GOOD)
        path = self.write("m.eml", message("from the boss"))
        plan = self.json("rule", "test", "anna", path)
        self.assertEqual(plan[0]["actions"][0]["action"], "fileinto")
        self.assertEqual(plan[0]["actions"][0]["argument"], "Boss")
        self.assertFalse(plan[0]["implicit_keep"])
        ident = self.put(message("hello"))
        self.assertIn("keep", self.must("rule", "test", "anna", ident))
        rule = self.write("r.sieve", "discard;\n")
        plan = self.json("rule", "test", "anna", "--rule", rule, "--folder",
                         "Inbox")
        self.assertEqual(plan[0]["actions"][0]["action"], "discard")
        self.assertEqual(len(self.okapi.mails("anna")), 1)
        self.assertNotIn("Boss", [f["path"] for f in
                                  self.json("folder", "list", "anna")])
        self.refused(USAGE, "rule", "test", "anna")
        self.refused(NO_INPUT, "rule", "test", "anna", "/no/such/file")
        self.refused(NO_INPUT, "rule", "test", "anna", "99999")


    def test_run_files_what_is_there(self):
        for subject in ("from the boss", "spam", "hello"):
            self.put(message(subject))
        rule = self.write("r.sieve", """require ["fileinto", "mailbox",
            "imap4flags"];
            if header :contains "subject" "boss" {
                fileinto :create :flags "\\\\Flagged" "Boss"; stop; }
            if header :is "subject" "spam" { discard; }
            if header :is "subject" "hello" { fileinto "None"; }""")
        run = ["rule", "run", "anna", "--folder", "Inbox", "--rule", rule]
        self.refused(USAGE, *run, says="--yes")
        self.assertEqual(len(self.okapi.mails("anna", "Inbox")), 3)
        self.assertIn("filed: 1, discarded: 1", self.must(*run, "--yes"))
        self.assertEqual(self.okapi.subjects("anna", "Inbox"), ["hello"])
        boss = self.okapi.mails("anna", "Boss")
        self.assertEqual([m["flags"] for m in boss], [["\\Flagged"]])
        self.must("mail", "restore", "anna")
        self.assertEqual(self.okapi.subjects("anna", "Inbox"),
                         ["hello", "spam"])
        self.refused(USAGE, "rule", "run", "anna")
        self.refused(NO_INPUT, "rule", "run", "anna", "--folder", "No")
        self.must("store", "check")


class Settings(Admin):
    def test_junk_lists(self):
        self.must("junk", "block", "anna", "Spam@Example.ORG")
        self.must("junk", "allow", "anna", "example.net")
        found = {e["pattern"]: e["verdict"]
                 for e in self.json("junk", "list", "anna")}
        self.assertEqual(found, {"spam@example.org": "block",
                                 "example.net": "allow"})
        self.must("junk", "allow", "anna", "spam@example.org")
        self.must("junk", "remove", "anna", "EXAMPLE.net")
        self.assertEqual(self.json("junk", "list", "anna"), [
            {"pattern": "spam@example.org", "verdict": "allow"}])
        self.refused(NO_INPUT, "junk", "remove", "anna", "example.net")
        self.refused(NO_USER, "junk", "list", "nobody")
        self.refused(DATA, "junk", "block", "anna", b"\xff")

    def test_out_of_office(self):
        text = self.write("oof.txt", "Bin weg.\nGrüße\n")
        self.must("oof", "on", "anna", "--subject", "Weg", "--message-file",
                  text, "--until", "2030-01-01")
        oof = self.json("oof", "show", "anna")
        self.assertEqual(oof, {"on": True, "subject": "Weg",
                               "message": "Bin weg.\nGrüße\n", "html": "",
                               "from": None, "until": "2030-01-01T00:00:00Z",
                               "external": "all", "external_message": "",
                               "external_html": ""})
        self.assertIn("Bin weg.", self.must("oof", "show", "anna"))
        self.must("oof", "off", "anna")
        self.assertFalse(self.json("oof", "show", "anna")["on"])
        self.assertFalse(self.json("oof", "show", "bert")["on"])
        self.refused(USAGE, "oof", "on", "anna", "--subject", "x")
        self.refused(USAGE, "oof", "on", "anna", "--subject", "x",
                     "--message-file", text, "--from", "soon")
        self.refused(USAGE, "oof", "on", "anna", "--subject", "x",
                     "--message-file", text, "--from", "2030-01-02", "--until",
                     "2030-01-01")
        self.refused(NO_INPUT, "oof", "on", "anna", "--subject", "x",
                     "--message-file", "/no/file")
        self.refused(DATA, "oof", "on", "anna", "--subject", "x",
                     "--message-file", self.write("data", b"\xff\n"))

    def test_quota_of_the_server_until_there_is_an_own_one(self):
        def hard(*more):
            return self.json("user", "show", "anna", *more)["quota"]["hard"]

        self.assertEqual((hard(), hard("-o", "quota_hard=7")), (0, 7))
        self.must("user", "set", "anna", "--quota-hard", "3")
        self.assertEqual(hard("-o", "quota_hard=7"), 3)
        self.must("user", "set", "anna", "--quota-hard", "0")
        self.assertEqual(hard("-o", "quota_hard=7"), 0)
        self.must("user", "set", "anna", "--quota-hard", "default")
        self.assertEqual(hard("-o", "quota_hard=7"), 7)

    def test_rename_a_user(self):
        ident = self.put(message("one"))
        self.must("acl", "set", "bert", "Inbox", "anna", "secretary")
        self.must("group", "create", "staff")
        self.must("group", "add", "staff", "anna")
        self.refused(EXISTS, "user", "rename", "anna", "bert")
        self.refused(EXISTS, "user", "rename", "anna", "Staff")
        self.refused(EXISTS, "user", "rename", "anna", "bert@" + DOMAIN)
        for name in ODD:
            if name != "\U0001f992" and name != "%" and name[:1] != ".":
                self.refused(DATA, "user", "rename", "--", "anna", name)
        self.must("user", "rename", "anna", "Änne")
        self.refused(NO_USER, "mail", "list", "anna")
        self.assertEqual(self.okapi.raw("änne", ident), crlf(message("one")))
        self.assertEqual(self.okapi.deliver(message("two"),
                                            "anna@" + DOMAIN).status, 0)
        self.assertEqual(self.okapi.subjects("Änne"), ["one", "two"])
        self.assertEqual(self.json("acl", "list", "bert", "Inbox"), [{
            "who": "Änne", "rights": [
                "read", "create", "edit-own", "delete-own", "edit-all",
                "delete-all", "visible"]}])
        self.assertIn({"name": "staff", "members": ["Änne"]},
                      self.json("group", "list"))
        self.must("user", "rename", "änne", "ÄNNE")
        self.must("store", "check")

    def test_groups_in_groups(self):
        for name in ("a", "b", "c"):
            self.must("group", "create", name)
        self.must("group", "add", "a", "b")
        self.must("group", "add", "b", "c")
        self.must("group", "add", "c", "anna")
        self.refused(DATA, "group", "add", "c", "a", says="itself")
        self.refused(DATA, "group", "add", "a", "a")
        self.refused(NO_USER, "group", "add", "a", "nobody")
        self.assertIn({"name": "a", "members": ["b"]},
                      self.json("group", "list"))
        self.refused(DATA, "acl", "set", "bert", "Inbox", "a", "everything",
                     says="fullcontrol")
        self.must("acl", "set", "bert", "Inbox", "a",
                  "read_items,folder_visible")
        self.assertEqual(self.json("acl", "list", "bert", "Inbox")[0],
                         {"who": "a", "rights": ["read", "visible"]})
        self.must("group", "remove", "a", "b")
        self.must("store", "check")

    def test_quota_warnings_once_a_crossing(self):
        self.must("user", "set", "anna", "--quota-warn", "1", "--quota-soft",
                  "2", "--quota-hard", "3")
        self.must("user", "create", "root", "--email", "root@" + DOMAIN,
                  "--admin")

        def grow(ident):
            return self.put(message(f"big {ident}", ident=str(ident),
                                    body=f"{ident} " * 2 ** 19))

        def warned():
            told = self.json("quota", "check")
            now = {m["subject"] for m in self.okapi.mails("anna", "Inbox")
                   if not m["subject"].startswith("big")}
            both = {m["subject"] for m in self.okapi.mails("root", "Inbox")}
            self.assertEqual({"[quota] " + s for s in now}, both)
            return told, len(self.okapi.mails("root", "Inbox"))

        self.assertEqual(warned(), ([], 0))
        first = grow(1)
        for level, count in (("warn", 1), ("soft", 2), ("hard", 3)):
            told, mails = warned()
            self.assertEqual([(t["reached"], t["warned"]) for t in told],
                             [(level, True)])
            self.assertEqual(mails, count)
            told, mails = warned()  # not again
            self.assertEqual([t["warned"] for t in told], [False])
            self.assertEqual(mails, count)
            last = grow(count + 1)
        self.assertEqual(self.okapi.queue(), [])
        # Below the limit, and above it again: told again.
        for ident in (first, last):
            self.must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.json("quota", "check")
        self.assertEqual(len(self.okapi.mails("root", "Inbox")), 3)
        grow(9)
        self.assertTrue(self.json("quota", "check")[0]["warned"])
        self.assertEqual(len(self.okapi.mails("root", "Inbox")), 4)
        raw = self.okapi.raw("root", self.okapi.mails("root", "Inbox")[0]["id"])
        self.assertIn(b"Auto-Submitted: auto-generated\r\n", raw)
        self.assertIn(b"anna <anna@okapi.test>", raw)
        self.must("store", "check")

    def test_quota_check_goes_on_behind_a_mailbox_that_is_damaged(self):
        for user in ("anna", "bert"):
            self.must("user", "set", user, "--quota-warn", "1")
            self.put(message(user, body="x " * 2 ** 19), user=user)
        with contextlib.closing(sqlite3.connect(self.okapi.settings["store_path"])) as db, db:
            db.execute("update hierarchy set role = 0 where role = 1 and store "
                       "= (select store from users where name = 'anna')")
        result = self.admin("quota", "check", "--json")
        self.assertNotEqual(result.status, 0)
        self.assertIn("okapi-admin: anna: ", result.err)
        self.assertEqual(result.err.count("\n"), 1, result.err)
        self.assertEqual([(u["name"], u["warned"]) for u in
                          json.loads(result.out)], [("bert", True)])

    def test_without_an_administrator_the_postmaster_is_told(self):
        self.must("user", "set", "anna", "--quota-warn", "1")
        self.put(message("big", body="x " * 2 ** 19))
        self.must("quota", "check")
        entry, = self.okapi.queue()
        self.assertEqual(entry["sender"], "")
        self.assertEqual([r["address"] for r in entry["recipients"]],
                         ["postmaster@" + DOMAIN])

    def test_quota(self):
        self.must("user", "set", "anna", "--quota-warn", "1")
        self.assertEqual(self.json("quota", "check"), [])
        self.put(message("big", body="x" * 70 + "\n") + b"y" * (1 << 20))
        found = self.json("quota", "check")
        self.assertEqual([(q["name"], q["reached"]) for q in found],
                         [("anna", "warn")])
        shown = self.json("quota", "show", "anna")
        self.assertGreater(shown["size"], 1 << 20)
        self.assertIn("1 MB", self.must("quota", "show", "anna"))
        self.refused(NO_USER, "quota", "show", "nobody")
        self.must("user", "set", "anna", "--quota-warn", "0")
        shown = self.must("quota", "show", "anna", "-o", "quota_warn=5",
                          "-o", "quota_soft=6", "-o", "quota_hard=7")
        self.assertRegex(shown, r"warn +none\b")
        self.assertRegex(shown, r"soft +6 MB")
        self.assertRegex(shown, r"hard +7 MB")


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


class Zarafa(Admin):
    def zarafa(self, *args, **more):
        return self.admin("zarafa-admin", *args, **more)

    def test_the_flags(self):
        done = self.zarafa("-c", "dora", "-e", "dora@okapi.test", "-f", "Dora",
                           "-p", "secret", "-a", "yes", "--qh", "7")
        self.assertEqual(done.status, 0, done)
        user = self.json("user", "show", "dora")
        self.assertEqual((user["fullname"], user["admin"],
                          user["quota"]["hard"]), ("Dora", True, 7))
        for args in (["-u", "dora", "-f", "D", "--qd", "1", "-n", "yes"],
                     ["-u", "dora", "-P"], ["-g", "staff"],
                     ["-u", "dora", "--add-sendas", "anna"],
                     ["-u", "dora", "--add-sendas", "bert"],
                     ["-u", "dora", "--del-sendas", "bert"],
                     ["-b", "dora", "-i", "staff"],
                     ["-B", "dora", "-i", "staff"], ["-G", "staff"]):
            done = self.zarafa(*args, input=b"secret\n")
            self.assertEqual(done.status, 0, f"{args}: {done}")
        user = self.json("user", "show", "dora")
        self.assertEqual((user["fullname"], user["active"],
                          user["quota"]["hard"]), ("D", False, 0))
        self.assertEqual(user["send_as"], ["anna"])
        self.assertRegex(self.zarafa("--list-sendas", "dora").out,
                         r"(?m)^send as +by anna$")
        self.assertIn("dora", self.zarafa("-l").out)
        self.assertEqual(self.zarafa("-L").status, 0)
        self.assertEqual(self.zarafa("-d", "dora").status, 0)
        self.assertEqual([o["name"] for o in self.json("store", "orphans")],
                         ["dora (without owner)"])
        self.refused(NO_USER, "user", "show", "dora")

    def test_the_flags_for_stores(self):
        """unhook keeps a store, hook gives it back, remove deletes it."""
        must = self.okapi.must
        self.okapi.deliver(message("one"), "anna")
        self.assertEqual(self.zarafa("--unhook-store", "anna").status, 0)
        self.assertEqual(self.okapi.mails("anna"), [])
        orphan, = self.json("store", "orphans")
        self.assertIn("anna (without owner)", self.zarafa(
            "--list-orphans").out)
        number = str(orphan["id"])
        self.assertEqual(self.zarafa("--hook-store", number, "-u",
                                     "bert").status, 0)
        self.assertEqual(self.okapi.subjects("bert"), ["one"])
        self.assertEqual([o["name"] for o in self.json("store", "orphans")],
                         ["bert (without owner)"])
        old = str(self.json("store", "orphans")[0]["id"])
        self.assertEqual(self.zarafa("--remove-store", number).status,
                         NO_INPUT)
        self.assertEqual(self.zarafa("--remove-store", old).status, 0)
        self.assertEqual(self.json("store", "orphans"), [])
        self.okapi.deliver(message("two"), "anna")
        self.assertEqual(self.okapi.subjects("anna"), ["two"])
        ident = str(self.okapi.mails("anna")[0]["id"])
        must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.assertIn("purged: 0", self.zarafa("--purge-softdelete",
                                               "3").out)
        self.assertIn("purged: 1", self.zarafa("--purge-softdelete",
                                               "0").out)
        must("store", "check")
        # By okapi-admin's own words.
        must("user", "set", "anna", "--store", "new")
        orphan, = self.json("store", "orphans")
        self.refused(USAGE, "store", "remove", str(orphan["id"]),
                     says="anna (without owner)")
        self.refused(USAGE, "store", "remove", "x")
        must("store", "remove", str(orphan["id"]), "--yes")
        self.refused(NO_INPUT, "store", "remove", str(orphan["id"]), "--yes")
        self.refused(NO_INPUT, "store", "remove", "1", "--yes")
        self.refused(NO_INPUT, "user", "set", "anna", "--store",
                     str(orphan["id"]))
        must("store", "check")

    def test_the_other_flags(self):
        self.assertEqual(self.zarafa("-u", "anna", "-U", "hanna").status, 0)
        self.assertIn("hanna", self.zarafa("--details", "hanna", "--type",
                                           "user").out)
        self.assertIn("hanna", self.zarafa("--list-users").out)
        self.assertIn("Everyone", self.zarafa("--list-groups").out)
        self.assertIn("messages", self.zarafa("--user-count").out)
        self.assertEqual(self.zarafa("--reset-folder-count",
                                     "hanna").status, 0)
        for args, hard in ((["--qo", "yes", "--qh", "5"], 5),
                           (["--qo", "no"], 0)):
            done = self.zarafa("-u", "hanna", *args)
            self.assertEqual(done.status, 0, done)
            self.assertEqual(self.json("user", "show",
                                       "hanna")["quota"]["hard"], hard)
        self.assertEqual(self.zarafa(
            "-c", "dora", "--email", "dora@okapi.test", "--fullname", "Dora",
            "--password", "x").status, 0)

    def test_what_there_is_nothing_for(self):
        """Each says why, and how else."""
        for args, says in ((["--sync"], "users live in the store"),
                           (["--clear-cache=1"], "no cache"),
                           (["-u", "anna", "--mr-accept", "yes"], "meeting"),
                           (["--create-company", "x"], "one company"),
                           (["--create-store", "anna"], "--unhook-store"),
                           (["-l", "--host", "x"], "--config"),
                           (["-s"], "public store")):
            done = self.zarafa(*args)
            self.assertEqual(done.status, USAGE, f"{args}: {done}")
            self.assertIn(says, done.err)
        for args in (["-u", "anna", "-U", "x", "-f", "y"],
                     ["-l", "-U", "x"], ["--hook-store", "7"],
                     ["-l", "--type", "user"], ["--purge-softdelete", "x"],
                     ["--details", "anna", "--type", "company"],
                     ["-u", "anna", "--qo", "yes", "--qd", "1"],
                     ["-u", "anna", "--qo", "perhaps"]):
            done = self.zarafa(*args)
            self.assertEqual(done.status, USAGE, f"{args}: {done}")

    def test_as_a_link(self):
        link = self.dir + "/bin/zarafa-admin"
        os.symlink("okapi-admin", link)
        done = subprocess.run([link, "--config", self.okapi.config, "-l"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("anna", done.stdout)

    def test_refusals(self):
        for args in ([], ["-x"], ["-c"], ["-c", "a", "-d", "b"], ["-b", "a"],
                     ["-l", "-e", "x@y"], ["-l", "more"],
                     ["-u", "anna", "-a", "maybe"],
                     ["-u", "anna", "--qd", "2"],
                     ["-u", "anna", "--qd", "1", "--qh", "3"],
                     ["-c", "new"]):
            result = self.zarafa(*args)
            self.assertEqual(result.status, USAGE, f"{args}: {result}")
        self.assertEqual(self.zarafa("-d", "nobody").status, NO_USER)


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

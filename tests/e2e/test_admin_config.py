#!/usr/bin/env python3
"""okapi-admin config: what is wrong with a configuration."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin import CONFIG, DATA, TEMPFAIL, Admin  # noqa: E402
from harness.cases import main  # noqa: E402


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
        shared = self.write("shared", "# secret\n")
        os.chmod(shared, 0o644)
        script = self.write("after.sieve", "keep;\nfoo;\n")
        fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(fifo, 0o600)
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
                ("smtp_token_command = get", "it needs smtp_user"),
                (f"smtp_tls_key_file = {shared}",
                 "it needs smtp_tls_cert_file"),
                (f"smtp_sender_table = {shared}", "chmod 600"),
                (f"smtp_tls_ca_file = {shared}", "certificate"),
                ("sieve_before = /tmp", "is a directory"),
                (f"sieve_after = {script}", f'{script}:2:1: unknown command'),
                (f"sieve_before = {fifo}", "is no file"),
                (f"smtp_sender_table = {fifo}", "is no file"),
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
        login = f"smtp_user = us\nsmtp_password_file = {shared}\n"
        path = self.write("login.cfg", login)
        self.refused(CONFIG, "config", "check", "-c", path,
                     says=":2: smtp_password_file: "
                          f"{shared} can be read by others")
        path = self.write("tls.cfg", f"tls_cert_file = {shared}\n"
                                     f"tls_key_file = {shared}\n")
        self.assertIn(":1: tls_cert_file", self.refused(
            CONFIG, "config", "check", "-c", path).err)

    def test_a_password_that_nobody_asks_for_is_none(self):
        shared = self.write("shared", "# secret\n")
        os.chmod(shared, 0o644)
        for text in (f"smtp_password_file = {shared}\n",
                     "smtp_password_file = /no/where\n",
                     f"smtp_password_file = {shared}\nsmtp_user = us\n"
                     "smtp_token_command = get it\n"):
            with self.subTest(text):
                path = self.write("one.cfg", text)
                self.must("config", "check", "-c", path)

    def test_the_lines_of_tables_are_checked(self):
        senders = self.write("senders",
                             "# comment\n\na@b.test relay.test\n"
                             "a@b.test\nab relay.test\n@b.test relay.test us\n"
                             "@c.test relay.test:x us pass word\n"
                             "@d.test [::1]:25 us |get it\n")
        os.chmod(senders, 0o600)
        rewrite = self.write("rewrite",
                             "# comm\u00e9nt\na@b.test c@d.test\r\n"
                             "a@b.test e@d.test\nab c@d.test\n* @d.test\n"
                             "@b.test\n")
        path = self.write("tables.cfg", f"smtp_sender_table = {senders}\n"
                                        f"sender_rewrite = {rewrite}\n")
        result = self.refused(CONFIG, "config", "check", "-c", path)
        for line, text in ((4, "it must be: SENDER RELAY"),
                           (5, "it must be: SENDER RELAY"),
                           (6, "it must be: SENDER RELAY"), (7, "relay.test:x")):
            self.assertIn(f":1: smtp_sender_table: {senders}:{line}: ",
                          result.err)
            self.assertIn(text, result.err)
        for line, text in ((3, "a@b.test stands here twice"),
                           (4, "'ab' is no address and no @domain"),
                           (6, "an address and what is sent instead")):
            self.assertIn(f":2: sender_rewrite: {rewrite}:{line}: {text}",
                          result.err)
        self.assertEqual(result.err.count("\n"), 7, result.err)

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


if __name__ == "__main__":
    main()

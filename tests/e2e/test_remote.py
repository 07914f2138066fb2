#!/usr/bin/env python3
"""dagent_server: okapi-dagent hands over to the daemon of another machine."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.certificates import Authority  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402


class Remote(Case):
    """self.far has the store, self.near nothing but a certificate."""

    def setUp(self):
        keys = self.directory()
        self.ca = Authority(keys)
        self.ca.issue("far")
        self.ca.issue("near", alt="DNS:near.test")
        self.far = Okapi(self.directory(), lmtp_networks="10.0.0.0/8",
                         tls_client_ca_file=self.ca.path("ca.pem"),
                         **self.pair("tls", "far"))
        self.addCleanup(self.far.stop)
        self.near = Okapi(self.directory(), users=(),
                          dagent_server=f"127.0.0.1:{self.far.port}",
                          dagent_tls_ca_file=self.ca.path("ca.pem"),
                          hostname="near.test", **self.pair("dagent_tls",
                                                            "near"))
        # Whatever is tried on this machine would be seen.
        self.near.configure(store_path="/nowhere/store.db")

    def pair(self, prefix, name):
        return {prefix + "_cert_file": self.ca.path(name + ".pem"),
                prefix + "_key_file": self.ca.path(name + ".key")}

    def assert_waits(self, word, *args):
        """Temporary, with the reason, and nothing was delivered."""
        for more, status in (((), 75), (("-q",), 111)):
            done = self.near.deliver(message("lost"), *more, *args, "anna")
            self.assertEqual((done.status, done.err), (status, ""), done)
            self.assertRegex(done.out, r"\A4\.\d\.\d [^\n]*\n\Z")
            self.assertIn(word, done.out)
        self.assertEqual(self.far.mails("anna"), [])


class Delivers(Remote):
    def test_what_was_asked_is_done_there(self):
        self.far.start_dagent()
        self.far.must("folder", "create", "anna", "Lists")
        self.far.must("rule", "put", "anna", "r", "-", input=(
            'require ["envelope", "subaddress", "fileinto"];\n'
            'if envelope :detail "to" "urgent" { fileinto "Lists"; }\n'))
        for subject, args, env, folder in (
                ("plain", (), {}, "Inbox"),
                ("junk", ("-j",), {}, "Junk E-mail"),
                ("made", ("-C", "-F", "New"), {}, "New"),
                ("detail", (), {"EXTENSION": "urgent"}, "Lists")):
            with self.subTest(subject):
                done = self.near.deliver(message(subject), "--sender",
                                         "c@x.test", *args, "anna", env=env)
                self.assertEqual((done.status, done.out, done.err),
                                 (0, "", ""))
                self.assertEqual(self.far.subjects("anna", folder), [subject])
        mail, = self.far.mails("anna", "Inbox")
        raw = self.far.raw("anna", mail["id"])
        self.assertTrue(raw.endswith(crlf(message("plain"))), raw)
        self.assertIn(b"Return-Path: <c@x.test>\r\n", raw)
        self.assertIn(b"with LMTPS id", raw)

    def test_verdicts_come_back(self):
        self.far.must("user", "set", "bert", "--quota-hard", "1")
        self.far.start_dagent()
        for data, recipient, status, word in (
                (message("x"), "nobody", 67, "5.1.1 "),
                (message("x", body="y" * 70 * 20000), "bert", 73, "5.2.2 "),
                (b"", "anna", 65, "5.6.0 ")):
            with self.subTest(word):
                done = self.near.deliver(data, recipient)
                self.assertEqual(done.status, status, done)
                self.assertTrue(done.out.startswith(word), done)
        done = self.near.deliver(message("two"), "anna", "nobody")
        self.assertEqual(done.status, 67, done)
        self.assertEqual(self.far.subjects("anna"), ["two"])

    def test_large_and_to_many(self):
        names = [f"u{number:03d}" for number in range(120)]
        for name in names[:3] + names[-1:]:
            self.far.add_user(name)
        self.far.start_dagent()
        data = message("large", body=("z" * 70 + "\n") * 40000)
        done = self.near.deliver(data, *names)
        self.assertEqual(done.status, 67, done)
        for name in names[:3] + names[-1:]:
            mail, = self.far.mails(name)
            self.assertTrue(self.far.raw(name, mail["id"]).endswith(
                crlf(data)))

    def test_a_program_of_there_is_not_run(self):
        self.far.start_dagent()
        done = self.near.deliver(message("x"), "-a", "/bin/false", "anna")
        self.assertEqual(done.status, 0, done)
        self.far.dagent.wait_for("is not used")


class Waits(Remote):
    def test_nobody_there(self):
        self.assert_waits("cannot connect")

    def test_the_far_side_speaks_in_the_clear_only(self):
        self.far.configure(tls_cert_file="", tls_key_file="",
                           tls_client_ca_file="", lmtp_networks="127.0.0.0/8")
        self.far.start_dagent()
        self.assert_waits("no STARTTLS")

    def test_the_far_side_refuses_the_network(self):
        self.far.configure(tls_client_ca_file="")
        self.far.start_dagent()
        self.assert_waits("not in lmtp_networks")

    def test_certificates_of_the_far_side(self):
        other = Authority(self.ca.directory, "other")
        other.issue("stranger")
        self.ca.issue("elsewhere", alt="DNS:elsewhere.test")
        self.ca.issue("expired", days=-1)
        for name in ("stranger", "elsewhere", "expired"):
            with self.subTest(name):
                self.far.configure(**self.pair("tls", name))
                self.far.start_dagent()
                self.assert_waits("certificate verify failed")
                self.far.stop()

    def test_certificates_of_this_side(self):
        Authority(self.ca.directory, "other").issue("unknown")
        self.ca.issue("late", days=-1)
        self.far.start_dagent()
        for name in ("unknown", "late"):
            with self.subTest(name):
                self.near.configure(**self.pair("dagent_tls", name))
                self.assert_waits("does not trust the certificate")

    def test_what_is_set_wrong(self):
        self.far.start_dagent()
        for settings, word in (
                (["dagent_tls_ca_file=/nowhere.pem"], "/nowhere.pem"),
                (["dagent_tls_key_file=/nowhere.key"], "/nowhere.key"),
                (["dagent_server=nowhere"], "host:port"),
                (["dagent_tls_cert_file=", "dagent_tls_key_file="],
                 "needs dagent_tls_cert_file")):
            with self.subTest(word):
                self.assert_waits(word, *(w for one in settings
                                          for w in ("-o", one)))
        done = self.near.admin("config", "check", "-o",
                               "dagent_tls_ca_file=/nowhere.pem")
        self.assertEqual(done.status, 78, done)


if __name__ == "__main__":
    main()

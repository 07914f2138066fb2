#!/usr/bin/env python3
"""okapi-dagent on a pipe: options, exit codes, first lines, bad input."""

import base64
import hashlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402

STATUS_LINE = re.compile(r"[45]\.\d{1,3}\.\d{1,3} \S")


class Door(Case):
    """Each case twice: handed to the daemon, and without one."""

    daemon = True
    settings = {}

    def setUp(self):
        self.okapi = Okapi(self.directory(), **self.settings)
        self.addCleanup(self.okapi.stop)
        if self.daemon:
            self.okapi.start_dagent()

    def assert_refused(self, done, status, word):
        """The exit code, one line, its class agreeing with the code."""
        self.assertEqual(done.status, status, done)
        line = done.first_line
        self.assertRegex(line, STATUS_LINE)
        self.assertTrue(line.startswith(word), done)
        self.assertEqual((done.out + done.err).count("\n"), 1, done)
        temporary = status in (75, 111)
        self.assertEqual(line[0] == "4", temporary, done)


class Handed(Door):
    def test_delivered(self):
        done = self.okapi.deliver(message("pipe"), "--sender", "c@x.test",
                                  "anna")
        self.assertEqual((done.status, done.out), (0, ""), done)
        mail, = self.okapi.mails("anna")
        raw = self.okapi.raw("anna", mail["id"])
        self.assertTrue(raw.endswith(
            message("pipe").replace(b"\n", b"\r\n")), raw)
        self.assertIn(b"Return-Path: <c@x.test>\r\n", raw)

    def test_without_date_submitted_when_delivered(self):
        self.okapi.deliver(b"Subject: none\n\nx\n", "anna")
        mail, = self.okapi.mails("anna")
        props = self.okapi.json("mail", "show", "anna", str(mail["id"]),
                                "--props")
        self.assertEqual(props["PR_CLIENT_SUBMIT_TIME"],
                         props["PR_MESSAGE_DELIVERY_TIME"])

    def test_line_ends(self):
        for subject, given, kept in (
                ("mixed", b"a\r\nb\nc\rd\r\r\n", b"a\r\nb\r\nc\rd\r\r\n"),
                ("no last end", b"a\nb", b"a\r\nb\r\n"),
                ("bare cr last", b"a\r", b"a\r\r\n"),
                ("nul", b"a\0b\n", b"a\0b\r\n"), ("dots", b".\n..\n",
                                                  b".\r\n..\r\n")):
            with self.subTest(subject):
                head = b"Subject: %s\n\n" % subject.encode()
                done = self.okapi.deliver(head + given, "anna")
                self.assertEqual(done.status, 0, done)
                mail, = [m for m in self.okapi.mails("anna")
                         if m["subject"] == subject]
                self.assertTrue(self.okapi.raw("anna", mail["id"]).endswith(
                    head.replace(b"\n", b"\r\n") + kept))

    def test_envelope_sender(self):
        from_line = b"From mbox@x.test Mon Nov 23 10:00:00 2026\n"
        daemon_line = b"From MAILER-DAEMON Mon Nov 23 10:00:00 2026\n"
        head = b"Return-Path: <rp@x.test>\n"
        for name, args, env, prefix, expected in (
                ("option", ["--sender", "o@x.test"], {"SENDER": "e@x.test"},
                 b"", "o@x.test"),
                ("SENDER", [], {"SENDER": "e@x.test"}, head, "e@x.test"),
                ("SENDER empty", [], {"SENDER": ""}, head, ""),
                ("RPLINE", [], {"RPLINE": "Return-Path: <q@x.test>\n"}, b"",
                 "q@x.test"),
                ("Return-Path", [], {}, head, "rp@x.test"),
                ("From_", [], {}, from_line, "mbox@x.test"),
                ("From_ daemon", [], {}, daemon_line, "")):
            with self.subTest(name):
                done = self.okapi.deliver(
                    prefix + message("from " + name), *args, "anna", env=env)
                self.assertEqual(done.status, 0, done)
                mail, = [m for m in self.okapi.mails("anna")
                         if m["subject"] == "from " + name]
                raw = self.okapi.raw("anna", mail["id"])
                self.assertIn(f"Return-Path: <{expected}>\r\n".encode(), raw)
                self.assertNotIn(b"From mbox", raw)
                self.assertNotIn(b"From MAILER", raw)

    def test_a_from_line_without_line_feed_is_the_message(self):
        mac = b"From a@x.test Mon Nov 23\rSubject: mac\r\rbody\r"
        for data in (mac, mac + b"\nlast\n", b"From x" * 10000):
            done = self.okapi.deliver(data, "--sender", "c@x.test", "anna")
            self.assertEqual(done.status, 0, done)
            kept = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            self.assertTrue(any(
                kept.rstrip() in self.okapi.raw("anna", m["id"])
                for m in self.okapi.mails("anna")), data[:60])

    def test_where_it_goes(self):
        self.okapi.must("folder", "create", "anna", "Inbox/Boss")
        for args, folder in ((["-j"], "Junk E-mail"),
                             (["-F", "Inbox/Boss"], "Inbox/Boss"),
                             (["-F", "Inbox.Boss", "-p", "."], "Inbox/Boss"),
                             (["-F", "Nowhere"], "Inbox"),
                             (["-F", "New/Deep", "-C"], "New/Deep"),
                             (["-F", "Drafts"], "Drafts")):
            with self.subTest(args):
                subject = " ".join(args)
                done = self.okapi.deliver(message(subject), *args, "anna")
                self.assertEqual(done.status, 0, done)
                mail, = [m for m in self.okapi.mails("anna")
                         if m["subject"] == subject]
                self.assertEqual(mail["folder"], folder)

    def test_read_and_file(self):
        path = os.path.join(self.okapi.directory, "mail")
        with open(path, "wb") as file:
            file.write(message("by file"))
        done = self.okapi.deliver(b"", "-r", "-f", path, "anna")
        self.assertEqual(done.status, 0, done)
        mail, = self.okapi.mails("anna")
        self.assertEqual((mail["subject"], mail["read"]), ("by file", True))

    def test_refusals(self):
        for name, args, given, status, qmail, word in (
                ("unknown recipient", ["nobody@okapi.test"], b"x: y\n\n", 67,
                 100, "5.1.1 <nobody@okapi.test>"),
                ("empty input", ["anna"], b"", 65, 100, "5.6.0 "),
                ("only a From_ line", ["anna"], b"From a@b x\n", 65, 100,
                 "5.6.0 "),
                ("unreadable file", ["-f", "/nowhere/mail", "anna"], b"", 75,
                 111, "4."),
                ("a directory as file", ["-f", "/", "anna"], b"", 75, 111,
                 "4."),
                ("unknown option", ["--bogus", "anna"], b"x: y\n\n", 75, 111,
                 "4.3.5 "),
                ("no recipient", [], b"x: y\n\n", 75, 111, "4.3.5 "),
                ("empty recipient", ["anna", ""], b"x: y\n\n", 75, 111,
                 "4.3.5 "),
                ("-e with -R", ["-e", "-R", "anna"], b"x: y\n\n", 75, 111,
                 "4.3.5 "),
                ("unknown key", ["-o", "stoer_path=/x", "anna"], b"x: y\n\n",
                 75, 111, "4.3.5 ")):
            with self.subTest(name):
                done = self.okapi.deliver(given, *args)
                self.assert_refused(done, status, word)
                done = self.okapi.deliver(given, "-q", *args)
                self.assertEqual(done.status, qmail, done)
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_several_recipients(self):
        done = self.okapi.deliver(message("two"), "anna", "bert@okapi.test")
        self.assertEqual(done.status, 0, done)
        done = self.okapi.deliver(message("one of two"), "nobody", "bert")
        self.assert_refused(done, 67, "5.1.1 ")
        self.assertEqual(self.okapi.subjects("bert"), ["one of two", "two"])
        self.assertEqual(self.okapi.subjects("anna"), ["two"])

    def test_over_quota(self):
        self.okapi.must("user", "set", "anna", "--quota-hard", "1")
        big = message("big", body="x" * 70 + "\n") * 12000
        done = self.okapi.deliver(big, "anna")
        self.assert_refused(done, 73, "5.2.2 ")
        self.assertIn("mailbox full", done.first_line)

    def test_a_rule_rejects(self):
        self.okapi.must("rule", "put", "anna", "no", "-", input=(
            'require "reject"; reject "No.";'))
        done = self.okapi.deliver(message("x"), "anna")
        self.assert_refused(done, 77, "5.7.1 ")

    def test_repeated_on_a_pipe(self):
        plain = b"Subject: cron\n\nthe same every day\n"
        for _ in range(2):
            self.assertEqual(self.okapi.deliver(plain, "anna").status, 0)
            self.assertEqual(
                self.okapi.deliver(message("once"), "anna").status, 0)
        self.assertEqual(self.okapi.subjects("anna"),
                         ["cron", "cron", "once"])

    def test_detail_for_rules(self):
        self.okapi.must("rule", "put", "anna", "lists", "-", input=(
            'require ["subaddress", "envelope", "fileinto", "mailbox"];\n'
            'if envelope :detail "to" "lists" '
            '{ fileinto :create "Lists"; }'))
        for args, env in ((["anna+lists@okapi.test"], {}),
                          (["anna"], {"EXTENSION": "lists"}),
                          (["anna"], {"LOCAL_PART_SUFFIX": "+lists"})):
            with self.subTest(args):
                done = self.okapi.deliver(message(f"to {args[0]}"), *args,
                                          env=env)
                self.assertEqual(done.status, 0, done)
        self.assertEqual({m["folder"] for m in self.okapi.mails("anna")},
                         {"Lists"})

    def test_original_recipient_for_rules(self):
        """What an alias was before the MTA resolved it."""
        self.okapi.must("rule", "put", "anna", "aliases", "-", input=(
            'require ["envelope", "envelope-dsn", "fileinto", "mailbox"];\n'
            'if envelope "orcpt" "rfc822;sales@okapi.test" '
            '{ fileinto :create "Sales"; }'))
        for subject, original, folder in (
                ("alias", "sales@okapi.test", "Sales"),
                ("none", None, "Inbox"),
                ("injected", "sales@okapi.test> SIZE=1\r\nRSET", "Inbox"),
                ("longer than a path", "a" * 600 + "@okapi.test", "Inbox")):
            with self.subTest(subject):
                env = {"ORIGINAL_RECIPIENT": original} if original else {}
                done = self.okapi.deliver(message(subject), "anna", env=env)
                self.assertEqual(done.status, 0, done)
                mail, = [m for m in self.okapi.mails("anna")
                         if m["subject"] == subject]
                self.assertEqual(mail["folder"], folder)

    def test_strip_and_require(self):
        self.assertEqual(self.okapi.deliver(
            message("e"), "-e", "anna@elsewhere.test").status, 0)
        self.assert_refused(self.okapi.deliver(message("R"), "-R", "anna"),
                            67, "5.1.1 ")

    def test_junk_by_header(self):
        self.okapi.must("junk", "block", "anna", "evil@x.test")
        self.okapi.must("junk", "allow", "anna", "good@x.test")
        for subject, sender, header, folder in (
                ("flagged", "a@x.test", "X-Spam-Status: Yes, score=9",
                 "Junk E-mail"),
                ("folded", "a@x.test", "x-spam-status:\n yes", "Junk E-mail"),
                ("clean", "a@x.test", "X-Spam-Status: No", "Inbox"),
                ("blocked", "evil@x.test", "X: y", "Junk E-mail"),
                ("allowed", "good@x.test", "X-Spam-Status: Yes", "Inbox")):
            with self.subTest(subject):
                done = self.okapi.deliver(
                    message(subject, sender=sender, headers=[header]),
                    "--sender", sender, "anna")
                self.assertEqual(done.status, 0, done)
                mail, = [m for m in self.okapi.mails("anna")
                         if m["subject"] == subject]
                self.assertEqual(mail["folder"], folder)


class Alone(Handed):
    """The same without a daemon: it opens the store itself."""

    daemon = False

    def test_scl_counts_where_it_is_trusted(self):
        for trust, folder in (("no", "Inbox"), ("yes", "Junk E-mail")):
            with self.subTest(trust):
                done = self.okapi.deliver(
                    message(f"trust {trust}",
                            headers=["X-MS-Exchange-Organization-SCL: 9"]),
                    "-o", f"trust_exchange_headers={trust}", "anna")
                self.assertEqual(done.status, 0, done)
                mail, = [m for m in self.okapi.mails("anna")
                         if m["subject"] == f"trust {trust}"]
                self.assertEqual(mail["folder"], folder)

    def test_log_says_what_was_not_converted(self):
        path = os.path.join(self.okapi.directory, "notes.log")
        done = self.okapi.deliver(
            b"Date: tomorrow\nSubject: s\n"
            b"Content-Type: text/plain; charset=x-nobody\n\nx\n",
            "-o", "log_method=file", "-o", f"log_file={path}", "anna")
        self.assertEqual(done.status, 0, done)
        with open(path, encoding="utf-8") as file:
            log = file.read()
        self.assertIn("Date is no date", log)
        self.assertIn("unknown charset", log)
        self.assertNotIn("tomorrow", log)

    def test_hashes_are_right_at_every_size(self):
        """Two libraries make them: one where there is little to hash."""
        sent = {}
        for size in (1, 48_000, 65_000, 66_000, 200_000, 2_000_000):
            file = base64.encodebytes(os.urandom(size)).decode()
            data = message(f"size {size}", body=file, headers=[
                "Content-Type: application/octet-stream; name=f",
                "Content-Transfer-Encoding: base64"])
            done = self.okapi.deliver(data, "anna")
            self.assertEqual(done.status, 0, done)
            sent[f"size {size}"] = hashlib.sha256(crlf(data)).hexdigest()
        base = sqlite3.connect(self.okapi.settings["store_path"])
        self.addCleanup(base.close)
        self.assertEqual(dict(base.execute("SELECT subject, sha256 FROM mail")),
                         sent)
        # Those of the attachments, by okapi-admin's OpenSSL.
        self.okapi.must("store", "check")


class Rights(Case):
    def setUp(self):
        self.needs_root()
        self.okapi = Okapi(self.directory(), users=("anna", "mail"))
        self.addCleanup(self.okapi.stop)

    def test_a_user_delivers_to_the_own_store_only(self):
        self.okapi.start_dagent()
        done = self.okapi.deliver(message("mine"), "mail", user=8, cwd="/")
        self.assertEqual(done.status, 0, done)
        # Nobody learns who is here and who is not.
        for words in (["anna"], ["mail", "anna"], ["nobody"], ["mail", "none"],
                      ["mail@elsewhere.test"],
                      ["-P", "Team", "-C", "mail"], ["-P", "Team", "mail"]):
            with self.subTest(" ".join(words)):
                done = self.okapi.deliver(message("not mine"), *words, user=8,
                                          cwd="/")
                self.assertEqual(done.status, 75, done)
                self.assertTrue(done.first_line.startswith("4.7.1 "), done)
        self.okapi.must("user", "delete", "mail", "--yes")
        done = self.okapi.deliver(message("own"), "mail", user=8, cwd="/")
        self.assertEqual(done.status, 67, done)
        self.okapi.add_user("mail")
        for path in ("Public/Team", "user:anna/Inbox"):
            with self.subTest(path):
                done = self.okapi.deliver(message("odd"), "-C", "-F", path,
                                          "mail", user=8, cwd="/")
                self.assertEqual(done.status, 0, done)
        self.assertEqual(self.okapi.mails("anna"), [])
        paths = [f["path"] for f in self.okapi.json("folder", "list", "anna")]
        self.assertFalse([p for p in paths if "Team" in p], paths)

    def test_a_trusted_user_delivers_to_anybody(self):
        self.okapi.configure(trusted_users="root mail")
        self.okapi.start_dagent()
        done = self.okapi.deliver(message("trusted"), "anna", user=8, cwd="/")
        self.assertEqual(done.status, 0, done)

    def test_without_a_daemon_and_right_it_is_temporary(self):
        done = self.okapi.deliver(message("x"), "mail", user=8, cwd="/")
        self.assertEqual(done.status, 75, done)
        self.assertRegex(done.first_line, r"^4\.\d\.\d ")
        done = self.okapi.deliver(message("x"), "-q", "mail", user=8, cwd="/")
        self.assertEqual(done.status, 111, done)

    def test_the_socket_is_open_to_all(self):
        self.okapi.start_dagent()
        path = os.path.join(self.okapi.settings["run_dir"], "dagent.sock")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o666)

    def test_a_killed_daemon_leaves_no_trap(self):
        """A socket file without a listener must not lose or block mail."""
        self.okapi.start_dagent().kill()
        done = self.okapi.deliver(message("after"), "anna")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.okapi.subjects("anna"), ["after"])


class Thin(Case):
    """What MTAs start for each message hands over, and else becomes
    okapi-deliver."""

    def setUp(self):
        self.okapi = Okapi(self.directory())
        self.addCleanup(self.okapi.stop)

    def start(self, *args):
        """One that waits for its message."""
        return subprocess.Popen(
            [self.okapi.program("okapi-dagent"), "-c", self.okapi.config,
             *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def test_none_loads_what_it_does_not_need(self):
        for name, libraries in (
                ("okapi-dagent", ("sqlite", "gmime", "ssl", "crypto", "idn")),
                ("okapi-deliver", ("ssl", "crypto", "xml", "ical"))):
            done = subprocess.run(["ldd", self.okapi.program(name)],
                                  capture_output=True, text=True, check=False)
            said = done.stdout + done.stderr
            self.assertRegex(said, "statically|not a dynamic|libc")
            for library in libraries:
                self.assertNotIn(library, said, name)

    def test_a_message_that_comes_slowly(self):
        self.okapi.start_dagent()
        client = self.start("anna")
        data = message("slow")
        client.stdin.write(data[:20])
        client.stdin.flush()
        time.sleep(2.2)
        self.assertEqual(client.communicate(data[20:], 60), (b"", b""))
        self.assertEqual(client.returncode, 0)
        self.assertEqual(self.okapi.subjects("anna"), ["slow"])

    def test_a_daemon_that_dies_while_the_message_is_read(self):
        for args, status in (((), 75), (("-q",), 111)):
            with self.subTest(status):
                daemon = self.okapi.start_dagent()
                client = self.start(*args, "anna")
                daemon.wait_for("from local")
                daemon.kill()
                out, err = client.communicate(message("x"), 60)
                self.assertEqual((client.returncode, err), (status, b""), out)
                self.assertRegex(out, rb"^4\.4\.2 .*\n$")
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_half_an_installation_keeps_the_mail(self):
        for name in ("okapi-dagentd", "okapi-deliver"):
            os.unlink(self.okapi.program(name))
        for args, status in (((), 75), (("-q",), 111)):
            done = self.okapi.deliver(message("x"), *args, "anna")
            self.assertEqual(done.status, status, done)
            self.assertRegex(done.out, r"^4\.3\.0 .*okapi-deliver.*\n$")
        done = self.okapi.run("okapi-dagent", "-l", "-c", self.okapi.config)
        self.assertEqual((done.status, done.out), (75, ""), done)
        self.assertIn("okapi-dagentd", done.err)

    def test_its_helper_has_nothing_but_its_stream(self):
        """While somebody else holds the store."""
        base = sqlite3.connect(self.okapi.settings["store_path"],
                               isolation_level=None)
        self.addCleanup(base.close)
        base.execute("BEGIN IMMEDIATE")
        client = self.start("anna")
        client.stdin.write(message("x"))
        client.stdin.close()
        self.eventually("it waits", self.okapi.writer_waits)
        with open(f"/proc/{client.pid}/task/{client.pid}/children",
                  encoding="ascii") as file:
            helper, = file.read().split()
        with open(f"/proc/{helper}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        files = {int(name): os.readlink(f"/proc/{helper}/fd/{name}")
                 for name in os.listdir(f"/proc/{helper}/fd")}
        base.execute("COMMIT")
        client.stdin = None
        self.assertEqual(client.communicate(timeout=60), (b"", b""))
        self.assertEqual(status["Name"], "okapi-convert")
        self.assertEqual(status["NoNewPrivs"], "1")
        if not self.okapi.is_sanitized():
            self.assertEqual(status["Seccomp"], "2")
        self.assertEqual(sorted(files), [0, 1, 2])
        self.assertRegex(files[0], "socket:")
        self.assertEqual(files[0], files[1])
        self.assertRegex(files[2], "okapi-stderr")
        self.assertEqual(self.okapi.subjects("anna"), ["x"])

    def test_fifty_at_once_without_a_daemon(self):
        """They queue for the store, which somebody else holds at first."""
        base = sqlite3.connect(self.okapi.settings["store_path"],
                               isolation_level=None)
        base.execute("BEGIN IMMEDIATE")
        clients = [self.start("anna") for _ in range(50)]
        for number, client in enumerate(clients):
            client.stdin.write(message(f"{number:02d}"))
            client.stdin.close()
        self.eventually("they wait", self.okapi.writer_waits)
        base.execute("COMMIT")
        base.close()
        for client in clients:
            client.stdin = None
            self.assertEqual(client.communicate(timeout=60), (b"", b""))
            self.assertEqual(client.returncode, 0)
        self.assertEqual(self.okapi.subjects("anna"),
                         [f"{number:02d}" for number in range(50)])


class Owner(Case):
    def test_root_sets_up_what_another_user_runs(self):
        """As installed: directories of okapi, `sudo okapi-admin init`."""
        self.needs_root()
        directory = self.directory()
        for name in ("store", "run", "drop"):
            os.makedirs(os.path.join(directory, name))
            shutil.chown(os.path.join(directory, name), "mail", "mail")
        okapi = Okapi(directory, user="mail", group="mail")
        self.addCleanup(okapi.stop)
        okapi.start_dagent()
        okapi.start_spooler()
        big = message("large", body="x" * 70 + "\n") + b"y" * 300000
        path = os.path.join(directory, "large.eml")
        with open(path, "wb") as file:
            file.write(big)
        okapi.must("mail", "import", "anna", "Inbox", path)
        done = okapi.deliver(big + b"z", "anna")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(len(okapi.mails("anna")), 2)
        for root, names, files in os.walk(os.path.join(directory, "store")):
            for name in names + files:
                path = os.path.join(root, name)
                self.assertEqual(os.stat(path).st_uid, 8, path)


class BadSurroundings(Case):
    """What an administrator gets wrong: a line that says what to do."""

    def setUp(self):
        self.okapi = Okapi(self.directory())
        self.addCleanup(self.okapi.stop)

    def assert_one_line(self, done, status, *words):
        self.assertEqual(done.status, status, done)
        text = (done.err + done.out).strip()
        self.assertEqual(text.count("\n"), 0, text)
        for word in words:
            self.assertIn(word, text)
        for word in ("Traceback", "SUMMARY", "core dumped", "assert"):
            self.assertNotIn(word, text)

    def test_pipe(self):
        not_a_store = os.path.join(self.okapi.directory, "text")
        with open(not_a_store, "w", encoding="utf-8") as file:
            file.write("this is no database " * 100)
        newer = os.path.join(self.okapi.directory, "newer.db")
        shutil.copytree(os.path.dirname(self.okapi.settings["store_path"]),
                        os.path.join(self.okapi.directory, "copy"))
        shutil.copy(os.path.join(self.okapi.directory, "copy", "store.db"),
                    newer)
        base = sqlite3.connect(newer)
        base.execute("PRAGMA user_version = 9999")
        base.commit()
        base.close()
        for name, path in (("missing", "/nowhere/store.db"),
                           ("no store", not_a_store), ("newer", newer),
                           ("a directory", "/tmp")):
            with self.subTest(name):
                done = self.okapi.deliver(message("x"), "-o",
                                          f"store_path={path}", "anna")
                self.assert_one_line(done, 75, "4.")
                self.assertRegex(done.first_line, r"^4\.")
                done = self.okapi.admin("-o", f"store_path={path}", "user",
                                        "list")
                self.assertIn(done.status, (75, 78, 66), done)
                self.assertEqual(done.err.strip().count("\n"), 0, done)
        self.assertFalse(os.path.exists("/nowhere"))

    def test_configuration(self):
        path = os.path.join(self.okapi.directory, "bad.cfg")
        for text, word in (("stoer_path = x\n", "stoer_path"),
                           ("quota_hard = lots\n", "quota_hard"),
                           ("lmtp_port = 2003\n", "lmtp_listen")):
            with self.subTest(text):
                with open(path, "w", encoding="utf-8") as file:
                    file.write("# first\n" + text)
                done = self.okapi.run("okapi-dagent", "-c", path, "anna",
                                      input=message("x"))
                self.assert_one_line(done, 75, word, path)
                self.assertTrue(done.first_line.startswith("4.3.5 "), done)
                done = self.okapi.run("okapi-admin", "-c", path, "user",
                                      "list")
                self.assert_one_line(done, 78, word, path + ":2")
        done = self.okapi.run("okapi-dagent", "-c", "/nowhere.cfg", "anna",
                              input=message("x"))
        self.assert_one_line(done, 75, "/nowhere.cfg")

    def start(self, *args):
        return self.okapi.run("okapi-dagent", "-l", "-c", self.okapi.config,
                              *args, timeout=60)

    def test_daemon(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = self.start("-o", f"lmtp_listen=127.0.0.1:{port}")
            self.assertNotEqual(done.status, 0, done)
            self.assertIn(str(port), done.err)
        done = self.start("-o", "lmtp_listen=unix:/tmp/" + "x" * 120)
        self.assertNotEqual(done.status, 0, done)
        self.assertIn("at most 107 characters", done.err)
        self.assertEqual(self.start("--bogus").status, 64)
        self.assertEqual(self.start("-o", "no_such_key=1").status, 78)
        done = self.start("-o", "store_path=/nowhere/store.db")
        self.assertNotEqual(done.status, 0, done)
        self.assertIn("/nowhere/store.db", done.err)

    def limited(self, name, *args, size=1000, input=b""):
        """What a program makes of RLIMIT_FSIZE, which Postfix sets to
        mailbox_size_limit for what it starts."""
        return subprocess.run(
            ["prlimit", f"--fsize={size}", self.okapi.program(name), *args],
            input=input, capture_output=True, timeout=60, check=False)

    def test_files_may_not_grow(self):
        config = self.okapi.config
        mail = message("large", body="x" * 78 + "\n") * 5000
        done = self.limited("okapi-dagent", "-c", config, "anna", input=mail)
        self.assertEqual(done.returncode, 75, done)
        self.assertRegex(done.stdout, rb"^4\.")
        done = self.limited("okapi-sendmail", "--config", config, "-f",
                            "anna@okapi.test", "x@example.org", input=mail)
        self.assertEqual(done.returncode, 75, done)
        done = self.limited("okapi-admin", "-c", config, "mail", "import",
                            "anna", "Inbox", "-", input=mail)
        self.assertEqual(done.returncode, 75, done)
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_nobody_reads_what_is_printed(self):
        self.okapi.start_dagent()
        done = subprocess.run(
            ["bash", "-c", 'trap - PIPE; ("$@"; echo $? >&2) | true', "-",
             self.okapi.program("okapi-dagent"), "-c", self.okapi.config,
             "nobody"], input=message("x"), capture_output=True, timeout=60,
            check=False)
        self.assertEqual(done.stderr.strip(), b"67", done)

    def test_second_daemon_does_not_steal_the_socket(self):
        self.okapi.start_dagent()
        done = self.start("-o", "lmtp_listen=127.0.0.1:0")
        self.assertNotEqual(done.status, 0, done)
        self.assertEqual(self.okapi.deliver(message("x"), "anna").status, 0)

    def test_many_listeners(self):
        names = [f"{self.okapi.directory}/{i}" for i in range(40)]
        self.okapi.start_dagent("-o", "lmtp_listen=" + " ".join(
            f"unix:{name}" for name in names))
        for name in (names[0], names[-1]):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(name)
                self.assertEqual(client.recv(4), b"220 ")

    def test_help_and_version(self):
        for name in ("okapi-dagent", "okapi-spooler", "okapi-admin"):
            for option in ("--help", "--version", "-V"):
                with self.subTest(f"{name} {option}"):
                    done = self.okapi.run(name, option)
                    self.assertEqual((done.status, done.err), (0, ""), done)
                    self.assertIn(name, done.out)

    def test_daemonize(self):
        pid_file = os.path.join(self.okapi.directory, "pid")
        done = self.start("-d", "-o", f"pid_file={pid_file}", "-o",
                          "log_method=file", "-o",
                          f"log_file={self.okapi.directory}/log")
        self.assertEqual(done.status, 0, done)
        with open(pid_file, encoding="ascii") as file:
            pid = int(file.read())
        try:
            self.assertEqual(self.okapi.deliver(message("d"), "anna").status,
                             0)
        finally:
            os.kill(pid, signal.SIGTERM)
        self.eventually("the daemon has gone",
                        lambda: not os.path.exists(pid_file))


if __name__ == "__main__":
    main()

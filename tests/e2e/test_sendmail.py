#!/usr/bin/env python3
"""What programs may feed okapi-sendmail: every odd message is refused while the
caller listens, or safe; with a spooler and without one."""

import email
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.clock import preload  # noqa: E402
from harness.okapi import Okapi, message  # noqa: E402
from harness.process import Process  # noqa: E402
from harness.sink import Sink  # noqa: E402

TO = "x@example.org"
HEAD = (b"From: anna@okapi.test\nTo: x@example.org\nSubject: odd\n"
        b"Date: Mon, 23 Nov 2026 10:00:00 +0000\n"
        b"Message-ID: <odd@okapi.test>\n\n")


class Sendmail(Case):
    def setUp(self):
        directory = self.directory()
        self.sink = Sink(directory)
        self.addCleanup(self.sink.close)
        self.okapi = Okapi(directory, smtp_server=f"127.0.0.1:{self.sink.port}",
                           smtp_max_sessions=1, submit_default_user="anna")
        self.addCleanup(self.okapi.stop)
        self.drop = os.path.join(directory, "drop", "drop")

    def send(self, data, *args, status=0, **more):
        result = self.okapi.sendmail(data, *args, **more)
        self.assertEqual(result.status, status,
                         f"{args[:3]} {data[:60]!r}: {result!r}")
        return result

    def sent(self, count=1):
        """What the relay host has, once the queue is empty."""
        self.eventually("sent", lambda: not self.okapi.queue() and len(
            self.sink.messages) >= count and not os.listdir(self.drop))
        return self.sink.messages

    def body(self, one):
        return one["content"].split(b"\r\n\r\n", 1)[1]


class Odd(Sendmail):
    def test_line_ends_of_every_kind(self):
        bodies = {b"a\nb\n": b"a\r\nb\r\n", b"a\r\nb\r\n": b"a\r\nb\r\n",
                  b"a\r\nb\nc": b"a\r\nb\r\nc\r\n", b"\n\n\n": b"\r\n\r\n\r\n",
                  b"a\rb\n": b"a b\r\n", b"a\r\r\nb\n\r\n": None}
        for data in bodies:
            self.send(HEAD + data, TO)
        self.okapi.start_spooler()
        for one, (data, wanted) in zip(self.sent(len(bodies)), bodies.items()):
            got = self.body(one)
            if wanted:
                self.assertEqual(got, wanted, data)
            self.assertNotIn(b"\r", got.replace(b"\r\n", b""), data)
            self.assertNotIn(b"\n", got.replace(b"\r\n", b""), data)

    def test_a_lone_dot(self):
        cases = [(b"a\n.\nb\n", ["-i"], b"a\r\n.\r\nb\r\n"),
                 (b"a\n.\nb\n", ["-oi"], b"a\r\n.\r\nb\r\n"),
                 (b"a\n.\nb\n", [], b"a\r\n"),
                 (b"a\r\n.\r\nb\r\n", [], b"a\r\n"),
                 (b"a\n.", [], b"a\r\n"),
                 (b"a\n.", ["-i"], b"a\r\n.\r\n"),
                 (b"a\n..\n.x\nb\n", [], b"a\r\n..\r\n.x\r\nb\r\n")]
        self.okapi.start_spooler()
        for data, args, _ in cases:
            self.send(HEAD + data, *args, TO)
        for one, (data, args, wanted) in zip(self.sent(len(cases)), cases):
            self.assertEqual(self.body(one), wanted, (data, args))

    def test_nul(self):
        """It is kept; the relay host gets it as it came."""
        self.okapi.start_spooler()
        self.send(HEAD + b"a\0b\n", TO)
        self.send(HEAD.replace(b"odd\n", b"o\0dd\n", 1) + b"c\n", TO)
        one, two = self.sent(2)
        self.assertEqual(self.body(one), b"a\0b\r\n")
        self.assertIn(b"Subject: o\0dd\r\n", two["content"])
        self.assertEqual(len(self.okapi.mails("anna", "Sent Items")), 2)

    def test_no_recipients(self):
        for running in (False, True):
            self.send(message("x"), status=64)
            self.send(b"Subject: none\n\nx\n", "-t", status=65)
            self.send(b"To:\nCc: \nSubject: none\n\nx\n", "-t", status=65)
            self.send(b"To: undisclosed recipients: (none) ;\n\nx\n", "-t",
                      status=65)
            self.send(b"To: b@example.org\nResent-From: anna@okapi.test\n"
                      b"\nx\n", "-t", status=65)
            done = self.send(b"To: b@example.org\n\nx\n", "a@", status=67)
            self.assertIn("<a@> is no recipient address", done.err)
            self.send(b"", TO, status=65)
            self.send(b"From mbox Mon Nov 23 10:00:00 2026\n", TO, status=65)
            if not running:
                self.assertFalse(os.path.isdir(self.drop)
                                 and os.listdir(self.drop))
                self.okapi.start_spooler()
        self.assertEqual(self.okapi.queue(), [])

    def test_thousands_of_recipients(self):
        many = [f"r{i}@example.org" for i in range(3000)]
        self.okapi.start_spooler()
        self.send(HEAD, *many)
        self.send(b"To: " + b",\n ".join(m.encode() for m in many)
                  + b"\nSubject: t\n\nx\n", "-t")
        both = self.sent(2)
        self.assertEqual(sorted({r for one in both for r in one["rcpts"]}),
                         sorted(many))
        self.okapi.configure(submit_recipient_limit=100)
        result = self.send(HEAD, *many, status=65)
        self.assertIn("5.5.3 3000 recipients", result.err)

    def test_who_is_named_twice_counts_once(self):
        self.okapi.configure(submit_recipient_limit=100)
        self.okapi.start_spooler()
        few = [f"r{i}@example.org" for i in range(60)]
        self.send(HEAD, *few, *few)
        self.assertEqual(sorted(self.sent(1)[0]["rcpts"]), sorted(few))

    def test_header_only_and_body_only(self):
        self.okapi.start_spooler()
        self.send(b"Subject: head\nTo: x@example.org\n", TO)
        self.send(b"Subject: cut", TO)
        self.send(b"\nno header\n", TO)
        self.send(b"just text, no colon\nmore\n", TO)
        heads = [email.message_from_bytes(one["content"])
                 for one in self.sent(4)]
        self.assertEqual([m["Subject"] for m in heads],
                         ["head", "cut", None, None])
        self.assertEqual([m.get_payload() for m in heads],
                         ["", "", "no header\r\n",
                          "just text, no colon\r\nmore\r\n"])
        for one in heads:
            self.assertIn("anna@okapi.test", one["From"])
            self.assertIn("Message-ID", one)

    def test_eight_bit_headers(self):
        raw = b"Subject: gr\xfc\xdfe \xc3\xa4\nTo: x@example.org\n\nx\n"
        self.okapi.start_spooler()
        self.send(raw, TO)
        one, = self.sent()
        self.assertIn(b"Subject: gr\xfc\xdfe \xc3\xa4\r\n", one["content"])

    def test_smtputf8_addresses(self):
        """With a spooler, and from the drop directory."""
        to = "jürgen@exämple.org"
        self.send(HEAD + b"dropped\n", to)
        self.okapi.start_spooler()
        self.send(HEAD, to)
        for one in self.sent(2):
            self.assertEqual(one["rcpts"], [to])
            self.assertIn("SMTPUTF8", one["mail_args"])
        self.send(HEAD, b"j\xfcrgen@example.org", status=67)

    def test_addresses_that_are_none(self):
        for running in (False, True):
            for args in (["a b@example.org"], ["@example.org"], ["x@"],
                         ["<x@y"], ["-f", "a b@c", TO], ["a@b@c d"],
                         ["x" * 2000 + "@example.org"]):
                self.send(HEAD, *args, status=67)
            for args in (["a@b\r\nRCPT TO:<c@d>"], ["-f", "a@b\nDATA", TO],
                         ["a@b\0"[:3] + "\x7f"]):
                self.send(HEAD, *args, status=64)
            if not running:
                self.okapi.start_spooler()
        self.assertEqual(self.okapi.queue(), [])
        self.assertEqual(self.sink.messages, [])

    def test_recipients_that_are_none(self):
        """-t sends to all that are named, or to nobody and says why."""
        good = b"Subject: x\nTo: good@example.org, "
        for bad, text in ((b"Foo Bar", '"Foo Bar" in To has no address'),
                          (b"Nobody <>", '"Nobody" in To has no address'),
                          (b"Bert,\n \"Foo, Bar\"", "has no address"),
                          (b"a@@b.example", "<a@@b.example> is no recipient"),
                          (b"x@", "<x@> is no recipient")):
            with self.subTest(bad):
                self.send(good + bad + b"\n\nwaits\n", "-t")
                self.okapi.start_spooler()
                self.eventually("told", lambda: any(
                    "Undeliverable" in subject for subject in
                    self.okapi.subjects("anna", "Inbox")))
                told, = self.okapi.mails("anna", "Inbox")
                self.assertIn(text, email.message_from_bytes(
                    self.okapi.raw("anna", told["id"])).get_payload()[0]
                    .get_payload().replace("\n", " "))
                self.okapi.must("mail", "delete", "anna", str(told["id"]),
                                "--permanent", "--yes")
                done = self.send(good + bad + b"\n\nx\n", "-t", status=67)
                self.assertIn(text, done.err)
                self.okapi.stop()
        self.assertEqual(self.okapi.queue(), [])
        self.assertEqual(self.sink.messages, [])

    def test_recipients_without_a_comma_between(self):
        self.okapi.start_spooler()
        self.send(b"Subject: x\nTo: a@example.org b@example.org\n\nx\n", "-t")
        self.assertEqual(self.sent()[0]["rcpts"],
                         ["a@example.org", "b@example.org"])

    def test_fields_that_make_no_resent_message(self):
        """RFC 5322 3.6.6 has seven; with a spooler, and without one."""
        for _ in range(2):
            self.send(b"Subject: x\nTo: a@example.org\nResent-Comment: x\n"
                      b"Resent-To-Whom: b@example.org\n\nx\n", "-t")
            self.send(b"Subject: x\nTo: a@example.org\nResent-Date: now\n"
                      b"\nx\n", "-t", status=65)
            self.okapi.start_spooler()
        self.assertEqual([one["rcpts"] for one in self.sent(2)],
                         [["a@example.org"]] * 2)

    def test_a_sender_who_is_inactive(self):
        """Has no Outbox to send from: submit_default_user's it is."""
        self.okapi.add_user("carl", "--inactive")
        self.okapi.start_spooler()
        self.send(HEAD + b"x\n", "-f", "carl@okapi.test", TO)
        self.sent()
        self.assertEqual([len(self.okapi.mails(user, "Sent Items"))
                          for user in ("anna", "carl")], [1, 0])

    def test_a_caller_who_is_inactive_is_told_so(self):
        self.okapi.configure(submit_default_user="")
        self.okapi.add_user("root", "--inactive")
        self.okapi.start_spooler()
        done = self.send(HEAD + b"x\n", TO, status=77)
        self.assertIn("user root is inactive", done.err)

    def test_a_caller_whose_name_cannot_be_told_now(self):
        """is nobody yet: neither refused nor taken for the default user"""
        library = preload(self, self.okapi.directory,
                          self.okapi.program("okapi-spooler"), "nobody")
        self.okapi.spooler = Process(
            [self.okapi.program("okapi-spooler"), "-c", self.okapi.config],
            cwd="/", env={**os.environ, "LD_PRELOAD": library})
        self.okapi.spooler.wait_for("ready")
        self.send(HEAD + b"x\n", TO)
        self.okapi.spooler.wait_for("waits for a later try: the user of uid")
        self.assertEqual(self.okapi.queue(), [])
        self.okapi.stop()
        self.okapi.start_spooler()
        self.assertEqual(self.sent()[0]["rcpts"], [TO])

    def test_a_loop(self):
        self.send(b"Received: by a\n" * 101 + HEAD, TO, status=65)


class Hostile(Sendmail):
    """Arguments by which callers got programs of this name to open, write or
    run something."""

    def hostile(self, *args, status=0, to=(TO,)):
        """PLACE in an argument is a file that must not come to be."""
        place = os.path.join(self.okapi.directory, "opened")
        with open(os.path.join(self.okapi.directory, "evil.cfg"), "w",
                  encoding="ascii") as file:
            file.write(f"log_method = file\nlog_file = {place}\n")
        self.okapi.start_spooler()
        result = self.send(HEAD, *(a.replace("PLACE", place) for a in args),
                           *(t.replace("PLACE", place) for t in to),
                           status=status)
        if status == 0:
            one, = self.sent()
            self.assertEqual(one["rcpts"],
                             [t.replace("PLACE", place) for t in to])
        else:
            self.assertEqual(self.okapi.queue(), [])
        self.assertFalse(os.path.exists(place))
        return result

    def test_another_queue(self):
        self.hostile("-oQPLACE")

    def test_an_option_by_its_long_name(self):
        self.hostile("-O", "QueueDirectory=PLACE")

    def test_a_log_of_the_dialogue(self):
        self.hostile("-XPLACE")

    def test_a_log_of_the_dialogue_in_the_next_word(self):
        self.hostile("-X", "PLACE")

    def test_another_configuration(self):
        self.hostile("-C", os.path.join(self.okapi.directory, "evil.cfg"),
                     status=64)

    def test_another_configuration_in_the_same_word(self):
        self.hostile("-C" + os.path.join(self.okapi.directory, "evil.cfg"),
                     status=64)

    def test_aliases_of_the_callers(self):
        self.hostile("-oAPLACE", "-APLACE")

    def test_expansions(self):
        """Of Exim: -be '${run{...}}'."""
        self.hostile("-be", "${run{/usr/bin/touch PLACE}}", status=64)

    def test_a_daemon(self):
        self.hostile("-bd", status=64)

    def test_new_aliases(self):
        """Nothing to do, and nothing sent."""
        self.okapi.start_spooler()
        self.send(HEAD, "-bi", TO)
        self.assertEqual(self.okapi.queue(), [])
        self.assertEqual(self.sink.messages, [])

    def test_a_macro(self):
        self.hostile("-DPLACE", status=64)

    def test_recipients_that_begin_with_a_hyphen(self):
        self.hostile(to=(TO, "-oQPLACE@example.org", "-t@example.org",
                         "-XPLACE@example.org"))

    def test_recipients_after_a_double_hyphen(self):
        self.hostile("--", to=("-oQPLACE@example.org", "-be@example.org"))

    def test_programs_and_files_as_recipients(self):
        """They are local parts, if anything."""
        place = os.path.join(self.okapi.directory, "opened")
        self.okapi.start_spooler()
        self.send(HEAD, f"|/usr/bin/touch {place}", status=67)
        for to in (place, f"|{place}", ":include:/etc/passwd"):
            result = self.okapi.sendmail(HEAD, to)
            self.assertIn(result.status, (0, 67), repr(result))
        for entry in self.okapi.queue():
            for to in entry["recipients"]:
                self.assertTrue(to["address"].endswith("@okapi.test"), to)
        self.assertFalse(os.path.exists(place))

    def test_line_ends_in_a_recipient(self):
        self.hostile(to=("a@b\r\nRCPT TO:<c@d>",), status=64)

    def test_line_ends_in_the_sender(self):
        self.hostile("-f", "a@b\nDATA", status=64)

    def test_line_ends_in_the_full_name(self):
        self.okapi.start_spooler()
        self.send(b"Subject: x\n\nx\n", "-t", "-F",
                  "A\r\nBcc: evil@example.org", TO)
        one, = self.sent()
        self.assertEqual(one["rcpts"], [TO])
        sent = email.message_from_bytes(one["content"])
        self.assertIsNone(sent["Bcc"])
        self.assertIn("evil@example.org", sent["From"])

    def test_line_ends_in_the_envelope_id(self):
        self.hostile("-V", "x\r\nRCPT TO:<c@d>", status=64)


class Large(Sendmail):
    def test_a_hundred_megabytes(self):
        line = b"x" * 98 + b"\n"
        result = self.send(HEAD + line * (100 * 2**20 // len(line)), TO,
                           status=65)
        self.assertIn("5.3.4", result.err)
        self.assertFalse(os.path.isdir(self.drop) and os.listdir(self.drop))

    def test_what_grows_beyond_the_limit(self):
        """A line end becomes two octets: judged as it would be sent."""
        self.okapi.configure(message_size_limit=1)
        result = self.send(HEAD + b"\n" * 700000, TO, status=65)
        self.assertIn("5.3.4", result.err)


class Trouble(Sendmail):
    def test_a_machine_where_no_spooler_ever_ran(self):
        """What it makes is as the spooler makes it, and the spooler's."""
        self.needs_root()
        spool = os.path.join(self.okapi.directory, "not", "there")
        self.okapi.configure(spool_dir=spool, user="daemon")
        self.send(HEAD, TO, status=75)  # only spool_dir itself is made
        os.mkdir(os.path.dirname(spool))
        self.send(HEAD, TO)
        self.assertEqual(
            {name: (oct(os.stat(os.path.join(spool, name)).st_mode),
                    os.stat(os.path.join(spool, name)).st_uid)
             for name in (".", "drop", "failed")},
            {".": ("0o40755", 1), "drop": ("0o41733", 1),
             "failed": ("0o40700", 1)})
        for name in ("drop", "failed"):
            shutil.rmtree(os.path.join(spool, name))
        self.okapi.configure(user="")
        self.send(HEAD, TO)
        self.assertEqual([os.stat(os.path.join(spool, name)).st_uid
                          for name in ("drop", "failed")], [1, 1],
                         "whose spool_dir is")
        self.okapi.start_spooler()
        self.eventually("sent", lambda: len(self.sink.messages) == 1)

    def test_a_full_disk(self):
        self.needs_root()
        small = os.path.join(self.okapi.directory, "small")
        os.makedirs(small)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k",
                               "tmpfs", small], check=False,
                              capture_output=True)
        if done.returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", small], check=False)
        self.okapi.configure(spool_dir=small)
        self.send(HEAD, TO)
        result = self.send(HEAD + b"x\n" * 50000, TO, status=75)
        self.assertIn("No space left", result.err)
        self.assertEqual(len(os.listdir(os.path.join(small, "drop"))), 1)
        self.okapi.start_spooler()
        self.eventually("sent", lambda: len(self.sink.messages) == 1)

    def start(self, *args):
        return subprocess.Popen(
            [self.okapi.program("okapi-sendmail"), *args],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, OKAPI_CONFIG=self.okapi.config))

    def test_killed_in_the_middle(self):
        """Half a message is no message: neither of the caller, nor of
        okapi-sendmail itself, nor of the one that writes a file."""
        self.okapi.start_spooler()
        child = self.start(TO)
        child.stdin.write(HEAD + b"half\n")
        child.stdin.flush()
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdin.close()
        part = os.path.join(self.drop, ".0.part.msg.tmp")
        with open(part, "wb") as file:
            file.write(b"okapi-drop 1\nrecipient x%40example.org\nmessage 9\n")
        self.send(HEAD + b"whole\n", TO)
        self.eventually("sent", lambda: self.sink.messages)
        time.sleep(0.3)
        one, = self.sink.messages
        self.assertEqual(self.body(one), b"whole\r\n")
        self.assertEqual(os.listdir(self.drop), [os.path.basename(part)])

    def test_the_spooler_dies_before_it_answers(self):
        """The answer is lost: the message goes once, by the drop directory."""
        spooler = self.okapi.start_spooler()
        os.kill(spooler.pid, signal.SIGSTOP)
        child = self.start(TO)
        child.stdin.write(HEAD + b"once\n")
        child.stdin.close()
        time.sleep(0.3)
        spooler.kill()
        self.assertEqual(child.wait(60), 0)
        self.okapi.start_spooler()
        self.sent()
        self.assertEqual(len(self.okapi.mails("anna", "Sent Items")), 1)


if __name__ == "__main__":
    main()

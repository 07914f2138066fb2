#!/usr/bin/env python3
"""What other delivery agents fell over at their doors, by its number: each
against the whole daemon."""

import os
import random
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import main  # noqa: E402
from harness.lmtp import Lmtp, stuff  # noqa: E402
from harness.okapi import crlf, message  # noqa: E402
from harness.served import ANNA, BERT, Served  # noqa: E402


class Names(Served):
    def test_are_no_question_to_the_store(self):
        """CVE-2026-24031 (SQL), CVE-2026-27860 (LDAP), and the wildcards of
        LIKE and GLOB; msmtp 1.8.19: an option."""
        for local in ("a'/**/or/**/1=1--", "a'or'1'='1", "*", "%", "_nna",
                      "ann?", "anna%00", "-oQ/tmp", "$HOME", "`id`", "anna|x"):
            with self.subTest(local):
                client = self.client()
                client.command("MAIL FROM:<q@x.test>")
                reply = client.command(f"RCPT TO:<{local}@okapi.test>")
                self.assert_reply(reply, 550, "5.1.1")
                done = self.okapi.deliver(message("x"), "--", local)
                self.assertEqual(done.status, 67, done)
        for path in ("a' OR 1=1--@okapi.test", "*)(uid=*@okapi.test",
                     '""@okapi.test', "anna@okapi.test@x", "\\@okapi.test"):
            with self.subTest(path):
                client = self.client()
                client.command("MAIL FROM:<q@x.test>")
                self.assert_reply(client.command(f"RCPT TO:<{path}>"), 501)
        self.assertEqual(len(self.okapi.json("user", "list")), 2)

    def test_cut_anywhere(self):
        """CVE-2020-7046: an address that comes in two pieces, whole and with
        its last character cut off."""
        for name, code in (("j\u00fcrgen\u20ac\U0001d11e".encode(), 550),
                           (b"j\xc3\xbcrgen\xf0\x9d\x84", 501)):
            line = b"RCPT TO:<" + name + b"@okapi.test>\r\n"
            for cut in range(len(line)):
                client = self.client()
                client.socket.setsockopt(socket.IPPROTO_TCP,
                                         socket.TCP_NODELAY, 1)
                client.command("MAIL FROM:<q@x.test> SMTPUTF8")
                client.send(line[:cut])
                client.send(line[cut:])
                self.assert_reply(client.reply(), code)
                client.close()


class Numbers(Served):
    def test_have_more_than_32_bits(self):
        """CVE-2005-1513, CVE-2017-16943."""
        for size in (2**32, 2**32 + 1, 2**64, 2**64 + 1, 10**20 - 1):
            reply = self.client().command(f"MAIL FROM:<q@x.test> SIZE={size}")
            self.assert_reply(reply, 552, "5.3.4")
        for length in (2**64, 2**64 + 4, 10**26, -1, "4 FIRST", "0x4", "4.0"):
            with self.subTest(length=length):
                client = self.client()
                client.envelope("q@x.test", [ANNA])
                self.assert_reply(client.command(f"BDAT {length}"), 501)
                with self.assertRaises(EOFError):
                    client.reply()
        client = self.client()
        client.envelope("q@x.test", [ANNA])
        client.send(b"BDAT %d LAST\r\nSubject: x\r\n" % (2**32 + 4))
        client.close()
        self.assertEqual(self.okapi.mails("anna"), [])


class Sockets(Served):
    def setUp(self):
        self.settings = {"metrics_listen": "unix:" + os.path.join(
            self.directory(), "metrics")}
        super().setUp()

    def test_garbage(self):
        """CVE-2025-62875: whatever is said at the sockets of this machine."""
        noise = random.Random(62875)
        for path in (os.path.join(self.okapi.settings["run_dir"],
                                  "dagent.sock"),
                     self.okapi.settings["metrics_listen"][5:]):
            for _ in range(100):
                with socket.socket(socket.AF_UNIX) as one:
                    one.connect(path)
                    try:
                        one.sendall(noise.choice(
                            (b"", b"GET ", b"LHLO x\r\nBDAT ",
                             b"LHLO x\r\nMAIL FROM:<> X-OKAPI=",
                             b"XDELIVER 200\r\nBDAT 250 LAST\r\n\0-"))
                            + noise.randbytes(noise.choice((1, 300, 9000)))
                            + noise.choice((b"", b"\r\n", b"\n\n", b"\0")))
                    except OSError:
                        pass  # it has hung up
        self.assertTrue(self.okapi.dagent.running())
        done = self.okapi.deliver(message("after"), "anna")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.okapi.subjects("anna"), ["after"])


class AtOnce(Served):
    def together(self, jobs):
        """Runs each job in a thread."""
        threads = [threading.Thread(target=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def test_the_same_message(self):
        """Pigeonhole 0.5.17: who looked it up before the other one had
        written it down stored it, too."""
        for turn in range(5):
            data = stuff(crlf(message(f"same{turn}")))
            clients = [self.client() for _ in range(16)]
            for client in clients:
                client.envelope("q@x.test", [ANNA, BERT])
                self.assertEqual(client.command("DATA")[0], 354)
            self.together([lambda c=c: c.send(data) for c in clients])
            for client in clients:
                for _ in range(2):
                    self.assert_reply(client.reply(), 250, "2.1.5")
                client.close()
        for user in ("anna", "bert"):
            self.assertEqual(self.okapi.subjects(user),
                             [f"same{turn}" for turn in range(5)])

    def test_users_are_not_mixed_up(self):
        """CVE-2025-30189: what is known of one was given for another."""
        names = [f"user{n}" for n in range(8)]
        for name in names:
            self.okapi.add_user(name)
        codes = []

        def session(name):
            with Lmtp(("127.0.0.1", self.okapi.port)) as client:
                for turn in range(20):
                    reply, = client.deliver("q@x.test", [name], crlf(
                        message(f"{turn:02} for {name}")))
                    codes.append(reply[0])
        self.together([lambda n=n: session(n) for n in names])
        self.assertEqual(codes, [250] * 20 * len(names))
        for name in names:
            self.assertEqual(self.okapi.subjects(name), [
                f"{turn:02} for {name}" for turn in range(20)])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A long queue: drained in bounded time by two spoolers of which one is killed,
everything once but for the window, whatever is asked of it meanwhile.

OKAPI_QUEUE=10000 (make test-queue): as long as that; otherwise 400 messages."""

import collections
import glob
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi  # noqa: E402
from harness.sink import Sink  # noqa: E402

COUNT = int(os.environ.get("OKAPI_QUEUE", "400"))
SESSIONS = 8  # smtp_max_sessions by default


class Client:
    """The submission socket."""

    def __init__(self, okapi):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(okapi.directory, "run",
                                         "submission.sock"))
        self.file = self.socket.makefile("rwb")
        self.file.readline()
        self.ask("EHLO test")

    def ask(self, text):
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()
        while (line := self.file.readline())[3:4] == b"-":
            pass
        assert line[:1] in b"23", line

    def submit(self, number):
        self.ask("MAIL FROM:<anna@okapi.test>")
        self.ask("RCPT TO:<x@example.org>")
        self.ask("DATA")
        self.ask(f"From: anna@okapi.test\r\nTo: x@example.org\r\n"
                 f"Subject: m{number:05}\r\n\r\nHello.\r\n.")

    def close(self):
        self.file.close()
        self.socket.close()


def subjects(sink):
    """How often each message was taken."""
    found = collections.Counter()
    for name in glob.glob(os.path.join(sink.directory, "[0-9]*.eml")):
        with open(name, "rb") as file:
            found[file.read().split(b"Subject: ")[1][:6].decode()] += 1
    return found


class Queue(Case):
    def start(self, **settings):
        self.sink = Sink(self.directory())
        self.addCleanup(self.sink.close)
        self.okapi = Okapi(self.directory(), log_level=3,
                           smtp_server=f"127.0.0.1:{self.sink.port}",
                           submit_default_user="anna", **settings)
        self.addCleanup(self.okapi.stop)
        self.okapi.start_spooler()

    def test_a_long_queue(self):
        self.start(submit_hold="1h")
        okapi = self.okapi
        client = Client(okapi)
        for number in range(COUNT):
            client.submit(number)
        client.close()
        began = time.monotonic()
        self.assertEqual(len(okapi.queue()), COUNT)
        okapi.must("queue", "hold", "--sender", "anna@okapi.test")
        okapi.must("queue", "release", "--recipient", "x@example.org")
        listed = okapi.sendmail(b"", "-bp")
        self.assertIn(f"in {COUNT} Requests", listed.out)
        asked = time.monotonic() - began
        first = okapi.spooler
        second = okapi.start_spooler()
        second.wait_for("another spooler answers")
        okapi.must("queue", "retry", "--all")
        self.eventually("some taken", lambda: len(
            glob.glob(self.sink.directory + "/*.eml")) > COUNT // 4)
        first.kill()
        self.eventually("all taken", lambda: not okapi.queue(),
                        30 + COUNT / 50)
        found = subjects(self.sink)
        self.assertEqual(set(found), {f"m{i:05}" for i in range(COUNT)})
        again = sum(found.values()) - COUNT
        self.assertLessEqual(again, SESSIONS, "more than a window a session")
        self.assertEqual(len(okapi.mails("anna", "Sent Items")), COUNT)
        print(f"     {COUNT} messages: asked about in {asked:.1f} s, drained "
              f"{time.monotonic() - began - asked:.1f} s after; {again} again")

    def test_a_message_does_not_wait_for_the_one_before(self):
        """Claims in vain hold off claims, but not of what is new."""
        self.start()
        client = Client(self.okapi)
        quick = number = 0
        while quick < 3:  # each waits half a second where they wait at all
            self.assertLess(number, 200, "all of them waited")
            began = time.monotonic()
            client.submit(number)
            number += 1
            self.eventually("it came", lambda: os.path.exists(os.path.join(
                self.sink.directory, f"{number:04}.eml")))
            quick += number > 1 and time.monotonic() - began < 0.4
        client.close()


if __name__ == "__main__":
    main()

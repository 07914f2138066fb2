#!/usr/bin/env python3
"""Real mail through both doors, back byte for byte.

300 messages of ../shared/corpus; all of them with OKAPI_CORPUS_ALL=1
(`make test-corpus`)."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import corpus  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi  # noqa: E402

# What Okapi itself puts on top, in any order.
TRACE = re.compile(rb"\A(?:(?:Return-Path|Delivered-To|Received):[^\r\n]*\r\n"
                   rb"(?:[ \t][^\r\n]*\r\n)*){2,3}")
SENDER = re.compile(rb"^Return-Path: <m(\d+)@corpus\.test>\r\n", re.M)


EMPTY = 250_000  # octets of a store without mail


def as_sent(data):
    """Over LMTP the data ends with CRLF."""
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def from_pipe(data):
    """The one change to what comes on stdin, and the mbox line
    that is no part of the message."""
    data = re.sub(rb"\AFrom [^\r\n]*\r?\n", b"", data)
    data = re.sub(rb"(?<!\r)\n", b"\r\n", data)
    return data if data.endswith(b"\r\n") else data + b"\r\n"


class Corpus(Case):
    @classmethod
    def setUpClass(cls):
        every = os.environ.get("OKAPI_CORPUS_ALL")
        cls.messages = corpus.messages(0 if every else 300)

    def setUp(self):
        if not self.messages:
            self.skipTest("../shared/corpus is not here")
        self.okapi = Okapi(self.directory(), log_level=3,
                           message_size_limit=200)
        self.addCleanup(self.okapi.stop)
        self.okapi.start_dagent()

    def by_lmtp(self, part):
        wrong = []
        with Lmtp(("127.0.0.1", self.okapi.port), timeout=120) as client:
            for number in range(part, len(self.messages), 4):
                name, data = self.messages[number]
                reply = client.deliver(f"m{number}@corpus.test", ["anna"],
                                       as_sent(data))[-1]
                if reply[0] != 250:
                    wrong.append(f"{name}: {reply}")
        return wrong

    def by_pipe(self, part):
        wrong = []
        for number in range(part, len(self.messages), 2):
            name, data = self.messages[number]
            done = self.okapi.deliver(data, "--sender",
                                      f"m{number}@corpus.test", "anna",
                                      timeout=120)
            if done.status != 0:
                wrong.append(f"{name}: {done}")
        return wrong

    def stored(self):
        """The raw messages by their number."""
        found = {}
        idents = [m["id"] for m in self.okapi.mails("anna")]
        with ThreadPoolExecutor(2) as pool:
            for raw in pool.map(lambda i: self.okapi.raw("anna", i), idents):
                sender = SENDER.search(raw[:4000])
                self.assertTrue(sender, raw[:400])
                self.assertNotIn(int(sender.group(1)), found, "stored twice")
                found[int(sender.group(1))] = raw
        return found

    def compare(self, expected, wrong):
        found = self.stored()
        back = 0
        for number, (name, data) in enumerate(self.messages):
            want, raw = expected(data), found.get(number)
            if raw is None:
                wrong.append(f"{name}: not there")
            elif not raw.endswith(want):
                wrong.append(f"{name}: other bytes")
            elif not TRACE.fullmatch(raw[:len(raw) - len(want)]):
                wrong.append(f"{name}: more than trace on top: "
                             f"{raw[:len(raw) - len(want)][:300]!r}")
            else:
                back += 1
        print(f"note {self.id().split('.')[-1]}: {back} of "
              f"{len(self.messages)} back byte for byte")
        self.assertEqual(wrong[:20], [], f"{len(wrong)} wrong")

    def test_lmtp(self):
        with ThreadPoolExecutor(4) as pool:
            wrong = sum(pool.map(self.by_lmtp, range(4)), [])
        self.compare(as_sent, wrong)
        self.measure()

    def measure(self):
        """What all of it takes on disk, of what it is."""
        self.okapi.stop()  # and what is in the log goes into the database
        taken = sum(os.path.getsize(os.path.join(path, file))
                    for path, _, files in os.walk(
                        os.path.dirname(self.okapi.settings["store_path"]))
                    for file in files)
        size = sum(len(as_sent(data)) for _, data in self.messages)
        print(f"note {taken} octets on disk for {size}: {taken / size:.3f}")
        self.assertLess(taken - EMPTY, 0.7 * size)

    def test_pipe(self):
        with ThreadPoolExecutor(2) as pool:
            wrong = sum(pool.map(self.by_pipe, range(2)), [])
        self.compare(from_pipe, wrong)


if __name__ == "__main__":
    main()

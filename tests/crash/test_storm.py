#!/usr/bin/env python3
"""All at once: hostile mail comes 16 at a time through a real Postfix while
the disk fills up and the daemon is killed.

Whatever Postfix was told is delivered lies in the store exactly once, byte for
byte; everything else is still in Postfix's queue, and comes when there is room
again; and the log has a line for each."""

import collections
import os
import random
import re
import smtplib
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "4"))
SESSIONS = 16
USERS = ("anna", "bert")
DEPTH = 120


def hostile(ident):
    """Too deep, with boundaries that lie, encodings that break off, parts
    without end and noise that cannot be packed."""
    noise = random.Random(ident)
    lines = [f"Subject: {ident}", f"Message-ID: <{ident}@storm.test>",
             "From: \"a@b\" <x@storm.test>, , group: y@storm.test;",
             "Date: Thu, 99 Foo 2026 25:61:61 +9999", "MIME-Version: 1.0"]
    for level in range(DEPTH):
        kind = noise.choice(("mixed", "related", "alternative", "digest"))
        lines += [f"Content-Type: multipart/{kind}; boundary=\"b{level}\";",
                  f" boundary*0=\"b{level - 1}\"; name*=utf-8''%zz", "",
                  f"--b{level}"]
    lines += ["Content-Type: message/rfc822",
              "Content-Transfer-Encoding: base64", "", "=" * 70]
    for level in range(DEPTH - 1, -1, -3):
        lines += [f"--b{level}", "Content-Type: image/png; name=\"../../x\"",
                  "Content-Transfer-Encoding: base64", "",
                  *(noise.randbytes(57).hex()[:noise.randint(1, 114)]
                    for _ in range(20)), f"--b{level}--"]
    lines += ["begin 644 uu", "M" + "~" * 60, "--b0"]
    return "\r\n".join(lines).encode() + b"\r\n"


class Storm(Case):
    def setUp(self):
        directory = self.directory()
        self.machine = mta.Machine(self, directory)
        self.place = os.path.join(directory, "store")
        os.makedirs(self.place)
        self.machine.run("mount", "-t", "tmpfs", "-o", "size=3m",
                         "okapi-test", self.place)
        self.log = os.path.join(directory, "log")
        self.okapi = Okapi(directory, users=USERS, store_timeout="2s",
                           prefix=self.machine.prefix, log_method="file",
                           log_file=self.log, log_level=3)
        self.addCleanup(self.okapi.stop)
        self.postfix = mta.Postfix(self, self.machine, {
            "mydestination": "", "virtual_mailbox_domains": "okapi.test",
            "lmtp_destination_concurrency_limit": str(SESSIONS),
            "lmtp_destination_concurrency_failed_cohort_limit": "0",
            "default_destination_concurrency_limit": str(SESSIONS),
            "maximal_backoff_time": "2s",
            "virtual_transport": f"lmtp:inet:127.0.0.1:{self.okapi.port}"})

    def start(self):
        self.okapi.start_dagent(wait=False)
        self.eventually("okapi-dagent listens", lambda: os.path.exists(
            os.path.join(self.okapi.settings["run_dir"], "dagent.sock")))

    def session(self, number):
        for turn in range(ROUNDS):
            ident = f"s{number}.{turn}"
            with smtplib.SMTP("127.0.0.1", self.postfix.port,
                              timeout=60) as client:
                client.sendmail(f"{ident}@storm.test",
                                [f"{user}@okapi.test" for user in USERS],
                                self.sent[ident])

    def deferred(self):
        return [m for m in self.postfix.queue()
                if m["queue_name"] == "deferred"]

    def test_nothing_is_lost_and_nothing_twice(self):
        self.sent = {f"s{number}.{turn}": hostile(f"s{number}.{turn}")
                     for number in range(SESSIONS) for turn in range(ROUNDS)}
        self.start()
        threads = [threading.Thread(target=self.session, args=(number,))
                   for number in range(SESSIONS)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(random.uniform(0.3, 0.8))
            self.okapi.dagent.kill()
            self.start()
        for thread in threads:
            thread.join(60)
        self.eventually("a full disk", lambda: "said: 452 4.3.1"
                        in self.postfix.process.text())
        waiting = len(self.postfix.queue())
        self.assertGreater(waiting, 0)
        self.machine.run("mount", "-o", "remount,size=200m", self.place)
        self.okapi.dagent.kill()
        self.start()
        self.eventually("an empty queue", self.is_empty)
        self.compare(waiting)

    def is_empty(self):
        self.postfix.flush()
        return not self.postfix.queue()

    def text(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def compare(self, waiting):
        wanted = collections.Counter((ident, user) for ident in self.sent
                                     for user in USERS)

        def sent():
            return len(re.findall(r"status=sent \(250 2\.1\.5",
                                  self.postfix.process.text()))
        self.eventually("Postfix's log", lambda: sent() >= sum(wanted.values()))
        text = self.postfix.process.text()
        self.assertNotIn("status=bounced", text)
        stored = collections.Counter()
        log = self.text()
        for user in USERS:
            for mail in self.okapi.mails(user):
                stored[mail["subject"], user] += 1
                raw = self.okapi.raw(user, mail["id"])
                self.assertTrue(raw.endswith(self.sent[mail["subject"]]),
                                mail)
                self.assertRegex(log, rf"\b(id=|duplicate of ){mail['id']}\b")
        self.assertEqual(stored, wanted)
        said = sent()
        print(f"note {said} acknowledged, {sum(stored.values())} stored, "
              f"{waiting} waited while the disk was full, 4 kills")
        self.assertEqual(said, sum(wanted.values()))
        done = self.okapi.admin("store", "check", timeout=120)
        self.assertEqual(done.status, 0, done)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Our reports, read by programs that read everybody's: flufl.bounce (Mailman),
Sisimai and Mail::DeliveryStatus::BounceParser."""

import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import main  # noqa: E402
from harness.okapi import message  # noqa: E402
from test_spooler import Relay, Sending  # noqa: E402

FLUFL = """
import email, sys
from flufl.bounce import all_failures
later, never = all_failures(email.message_from_binary_file(sys.stdin.buffer))
print(*sorted(a.decode() for a in later))
print(*sorted(a.decode() for a in never))
"""
SISIMAI = 'print Sisimai->dump($ARGV[0], delivered => 1)'
BOUNCE_PARSER = """
local $/; open my $file, "<", $ARGV[0];
my $bounce = Mail::DeliveryStatus::BounceParser->new(<$file>);
print join " ", $bounce->is_bounce ? "bounce" : "none",
    sort map { $_->get("email") . "=" . $_->get("std_reason") }
        $bounce->reports;
"""
# Address, reply, and what the parsers call that: Sisimai, BounceParser.
REFUSED = (
    ("none@example.org", "550 5.1.1 never heard of", "userunknown",
     "user_unknown"),
    ("full@example.com", "552 5.2.2 over quota", "mailboxfull", "over_quota"),
    ("moved@example.net", r"550 5.7.1 <moved>: (no)\n550 5.7.1 =?x?= \"; 450",
     None, None),
)


class Bounces(Sending):
    def setUp(self):
        if not mta.unpacked("python3-flufl.bounce", "libsisimai-perl",
                            "libmail-deliverystatus-bounceparser-perl",
                            group="bounces"):
            self.skipTest("needs tests/e2e/unpack bounces")

    def read(self, *command, data):
        """What a program prints that finds a report as in a mailbox."""
        data = data.replace(b"\r\n", b"\n")
        path = os.path.join(self.directory(), "report.eml")
        with open(path, "wb") as file:
            file.write(data)
        usr = os.path.join(mta.MTA, "usr")
        done = subprocess.run(
            [*command, path], input=data, check=False, timeout=60,
            capture_output=True, env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.path.join(usr, "lib/python3/dist-packages"),
                "PERL5LIB": ":".join(mta.perl_path())})
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def flufl(self, data):
        """(addresses that may be reached later, that may not)"""
        python = shutil.which("python3", path="/usr/bin") or sys.executable
        later, never = self.read(python, "-c", FLUFL,
                                 data=data).split("\n")[:2]
        return later.split(), never.split()

    def sisimai(self, data):
        return {found["recipient"]: found for found in json.loads(
            self.read("perl", "-MSisimai", "-e", SISIMAI, data=data))}

    def bounce_parser(self, data):
        word, *reports = self.read(
            "perl", "-MMail::DeliveryStatus::BounceParser", "-e",
            BOUNCE_PARSER, data=data).split()
        return word, dict(r.split("=") for r in reports)

    def reports(self, relay, count, *args, **settings):
        okapi = self.okapi_with(relay, **settings)
        okapi.start_spooler()
        self.send(message("told of"), *args)
        self.eventually("reports", lambda: len(
            okapi.mails("anna", "Inbox")) == count)
        return [okapi.raw("anna", m["id"])
                for m in okapi.mails("anna", "Inbox")]

    def judge_failures(self, report):
        addresses = sorted(address for address, *_ in REFUSED)
        self.assertEqual(self.flufl(report), ([], addresses))
        found = self.sisimai(report)
        self.assertEqual(sorted(found), addresses)
        word, reasons = self.bounce_parser(report)
        self.assertEqual((word, sorted(reasons)), ("bounce", addresses))
        for address, reply, reason, std_reason in REFUSED:
            one = found[address]
            self.assertEqual(one["deliverystatus"], reply.split()[1])
            self.assertEqual(one["replycode"], reply[:3])
            self.assertEqual(one["action"], "failed")
            self.assertEqual(one["addresser"], "carol@example.org")
            self.assertEqual(one["subject"], "told of")
            self.assertEqual(one["rhost"], "127.0.0.1")
            self.assertIn(reply.split("\\n")[0].split(" ", 2)[2],
                          one["diagnosticcode"])
            if reason:
                self.assertEqual((one["reason"], reasons[address]),
                                 (reason, std_reason))

    def test_failures_with_the_message_and_with_its_header(self):
        for ret in ("full", "hdrs"):
            with self.subTest(ret):
                relay = Relay(self, *(f"RCPT:{address}={reply}" for
                                      address, reply, *_ in REFUSED))
                report, = self.reports(relay, 1, "-R", ret, "yes@example.org",
                                       *(address for address, *_ in REFUSED))
                self.judge_failures(report)
                relay.close()

    def test_a_delay_a_success_and_our_own_words(self):
        relay = Relay(self, "RCPT:x@*=451 4.7.1 come back later")
        delay, failure = self.reports(
            relay, 2, "x@example.org", queue_delay_warning="1s",
            queue_lifetime="3s")
        self.assertEqual(self.flufl(delay), (["x@example.org"], []))
        self.assertEqual(self.bounce_parser(delay)[1], {})
        self.assertEqual(self.flufl(failure), ([], ["x@example.org"]))
        self.assertEqual(self.sisimai(failure)["x@example.org"]["softbounce"],
                         1)
        relay = Relay(self, options=("--no-ext", "DSN"))
        relayed, = self.reports(relay, 1, "-N", "success", "y@example.org")
        self.assertEqual(self.flufl(relayed), ([], []))


if __name__ == "__main__":
    main()

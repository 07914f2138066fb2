#!/usr/bin/env python3
"""okapi-admin queue: what is chosen, and what becomes of it."""

import json
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin import NO_INPUT, USAGE, Admin  # noqa: E402
from harness.cases import main  # noqa: E402
from harness.okapi import DOMAIN  # noqa: E402


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


if __name__ == "__main__":
    main()

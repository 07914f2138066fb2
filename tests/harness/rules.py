"""An Okapi whose user anna has rules, for the tests that write them."""

import os

from harness.lmtp import Lmtp
from harness.okapi import crlf, message
from harness.served import Served


class Rules(Served):
    def rule(self, text, *more, user="anna", name="r"):
        self.okapi.must("rule", "put", user, name, "-", *more, input=text)

    def deliver(self, subject="test", user="anna", **more):
        """Delivers and returns the folders it is in now."""
        done = self.okapi.deliver(message(subject, **more), user)
        self.assertEqual(done.status, 0, done)
        return self.folders(subject, user)

    def folders(self, subject, user="anna"):
        return sorted(m["folder"] for m in self.okapi.mails(user)
                      if m["subject"] == subject)

    def write(self, name, text):
        path = os.path.join(self.okapi.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def lmtp(self, data, sender="carol@example.org", to=("anna@okapi.test",)):
        """Delivers over LMTP; returns the replies."""
        with Lmtp(("127.0.0.1", self.okapi.port)) as client:
            return client.deliver(sender, list(to), crlf(data))

    def accepted(self, data, **more):
        for reply in self.lmtp(data, **more):
            self.assertEqual(reply[0], 250, reply)

    def sent(self):
        """What waits in the queue: (sender, addresses, octets)."""
        return [(entry["sender"],
                 sorted(r["address"] for r in entry["recipients"]),
                 self.okapi.admin("queue", "show", str(entry["id"]),
                                  "--raw").raw)
                for entry in self.okapi.queue()]

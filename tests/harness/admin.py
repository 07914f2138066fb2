"""A store of its own and okapi-admin on it: what the tests of its nouns share."""

import base64
import os
import re

from harness.cases import Case
from harness.okapi import Okapi

# Exit codes, of sysexits.h.
USAGE, DATA, NO_INPUT, NO_USER = 64, 65, 66, 67
EXISTS, TEMPFAIL, NO_PERMISSION, CONFIG = 73, 75, 77, 78
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

# Names that have broken programs before.
ODD = ["", " ", ".", "..", "../x", "a'; DROP TABLE users; --", '"', "%", "\\",
       "a\nb", "a" * 300, "\U0001f992"]

MULTIPART = (b"From: Carol <carol@example.org>\nTo: Anna <anna@okapi.test>, "
             b"bert@okapi.test\nCc: dora@example.org\n"
             b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"
             b"Date: Mon, 23 Nov 2026 10:00:00 +0100\n"
             b"Message-ID: <m1@example.org>\nX-Mailer: Test\n"
             b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
             b"\n--b\nContent-Type: text/plain; charset=utf-8\n\nThe text.\n"
             b"--b\nContent-Type: application/octet-stream\n"
             b"Content-Disposition: attachment; filename=data.bin\n"
             b"Content-Transfer-Encoding: base64\n\n"
             + base64.encodebytes(bytes(range(256)) * 8) +
             b"--b\nContent-Type: message/rfc822\n\n"
             b"Subject: inner\nFrom: x@example.org\n\ninside\n--b--\n")


class Admin(Case):
    def setUp(self):
        self.dir = self.directory()
        self.okapi = Okapi(self.dir)
        self.admin = self.okapi.admin
        self.must = self.okapi.must
        self.json = self.okapi.json

    def refused(self, status, *args, says=None, **more):
        result = self.admin(*args, **more)
        self.assertEqual(result.status, status, f"{args}: {result}")
        self.assertTrue(result.err.strip(), f"{args}: says nothing")
        self.assertNotIn("Sanitizer", result.err)
        if says:
            self.assertIn(says, result.err)
        return result

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        return path

    def put(self, data, user="anna", folder="Inbox"):
        """A message in a folder; returns its id."""
        known = {m["id"] for m in self.okapi.mails(user)}
        self.must("mail", "import", user, folder, self.write("put.eml", data))
        new = [m["id"] for m in self.okapi.mails(user) if m["id"] not in known]
        self.assertEqual(len(new), 1)
        return str(new[0])

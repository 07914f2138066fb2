"""An Okapi that serves LMTP, and clients of it."""

from harness.cases import Case
from harness.lmtp import Lmtp
from harness.okapi import Okapi

ANNA, BERT = "anna@okapi.test", "bert@okapi.test"


class Served(Case):
    settings = {}

    def setUp(self):
        self.okapi = Okapi(self.directory(), **self.settings)
        self.addCleanup(self.okapi.stop)
        self.okapi.start_dagent()

    def client(self, **more):
        client = Lmtp(("127.0.0.1", self.okapi.port), **more)
        self.addCleanup(client.close)
        return client

    def assert_reply(self, reply, code, status=""):
        self.assertEqual(reply[0], code, reply)
        self.assertTrue(reply[1].startswith(status), reply)

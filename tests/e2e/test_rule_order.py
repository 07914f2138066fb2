#!/usr/bin/env python3
"""The order of rules, and deliveries that fail half way: what is not whole is
temporary, never "delivered".
"""

import contextlib
import os
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402
from harness.process import Process  # noqa: E402
from harness.rules import Rules  # noqa: E402

MEGABYTE = 1024 * 1024


class Order(Rules):
    """sieve_before, junk, the user's rules, sieve_after: one script."""

    COPY = 'require ["fileinto", "copy", "mailbox"];' \
           'fileinto :copy :create "{}";'

    def site(self, before="keep;", after="keep;"):
        self.okapi.stop()
        self.okapi.configure(
            sieve_before=self.write("before.sieve", before),
            sieve_after=self.write("after.sieve", after))
        self.okapi.start_dagent()

    def test_all_run_and_have_one_implicit_keep(self):
        self.site(self.COPY.format("1"), self.COPY.format("4"))
        self.rule(self.COPY.format("2"), name="a")
        self.rule(self.COPY.format("3"), name="b")
        self.assertEqual(self.deliver("all"), ["1", "2", "3", "4", "Inbox"])

    def test_a_keep_cancelled_by_one_is_cancelled_for_all(self):
        self.site(self.COPY.format("1"), self.COPY.format("4"))
        self.rule('require "fileinto"; fileinto "Drafts";')
        self.assertEqual(self.deliver("moved"), ["1", "4", "Drafts"])

    def test_stop_ends_all_that_comes_after(self):
        self.site(after=self.COPY.format("4"))
        self.rule("stop;", name="a")
        self.rule(self.COPY.format("3"), name="b")
        self.assertEqual(self.deliver("stopped"), ["Inbox"])

    def test_before_ends_all_where_it_stops_or_keeps_nothing(self):
        self.site('require "fileinto";'
                  'if header :is "subject" "stop" { stop; }'
                  'if header :is "subject" "file" { fileinto "Notes"; }',
                  self.COPY.format("4"))
        self.rule('require "fileinto"; fileinto "Drafts";')
        self.assertEqual(self.deliver("stop"), ["Inbox"])
        self.assertEqual(self.deliver("file"), ["Notes"])
        self.assertEqual(self.deliver("else"), ["4", "Drafts"])

    def test_before_has_the_first_word_on_junk_too(self):
        self.site('if header :is "subject" "gone" { discard; }',
                  self.COPY.format("4"))
        self.rule("discard;")
        spam = ["X-Spam-Status: Yes"]
        self.assertEqual(self.deliver("gone", headers=spam), [])
        self.assertEqual(self.deliver("spam", headers=spam), ["Junk E-mail"])

    def test_exit_level_spares_what_is_the_site_s(self):
        """ST_EXIT_LEVEL: no later rule of the user's runs but those for out
        of office; with ST_ONLY_WHEN_OOF on the same rule, none does."""
        self.site(after=self.COPY.format("site"))
        self.rule(self.COPY.format("exit"), "--exit-level", name="a")
        self.rule(self.COPY.format("plain"), name="b")
        self.rule(self.COPY.format("oof"), "--only-when-oof", name="c")
        self.assertEqual(self.deliver("in"), ["Inbox", "exit", "site"])
        self.okapi.must("oof", "on", "anna", "--subject", "Away",
                        "--message-file", self.write("away", "Away.\n"))
        self.assertEqual(self.deliver("out"),
                         ["Inbox", "exit", "oof", "site"])
        self.okapi.must("rule", "set", "anna", "a", "--only-when-oof", "yes")
        self.assertEqual(self.deliver("both"), ["Inbox", "exit", "site"])
        # While its owner is in the office it ends nothing.
        self.okapi.must("oof", "off", "anna")
        self.assertEqual(self.deliver("back"), ["Inbox", "plain", "site"])


class Failure(Rules):
    def test_a_folder_deleted_between_the_plan_and_the_save(self):
        """The first fileinto could be done; the second one's folder goes
        while the delivery waits for the store."""
        self.okapi.must("folder", "create", "anna", "Second")
        self.rule('require ["fileinto", "copy"]; redirect :copy "far@y.test";'
                  'fileinto "Drafts"; fileinto "Second";')
        database = sqlite3.connect(self.okapi.settings["store_path"],
                                   isolation_level=None)
        self.addCleanup(database.close)
        database.execute("BEGIN IMMEDIATE")
        replies = []
        delivery = threading.Thread(target=lambda: replies.extend(
            self.lmtp(message("between"))))
        delivery.start()
        self.eventually("it waits for the store", self.okapi.writer_waits)
        database.execute("UPDATE hierarchy SET deleted = 1"
                         " WHERE type = 2 AND name = 'Second'")
        database.execute("COMMIT")
        delivery.join()
        self.assertEqual(replies[0][0], 451, replies)
        self.assertEqual(self.okapi.mails("anna"), [])
        self.assertEqual(self.okapi.queue(), [])
        # The MTA tries again; now it is known that there is no such folder.
        self.accepted(message("between"))
        self.assertEqual([m["folder"] for m in self.okapi.mails("anna")],
                         ["Drafts", "Inbox"])
        self.assertEqual(len(self.okapi.queue()), 1)

    def test_a_forbidden_folder_after_one_that_is_not(self):
        self.okapi.must("folder", "create", "bert", "Closed")
        self.rule('require "fileinto"; fileinto "Drafts";'
                  'fileinto "user:bert/Closed";')
        self.assertEqual(self.deliver("closed"), ["Drafts", "Inbox"])
        self.assertEqual(self.okapi.mails("bert"), [])


class Full(Rules):
    """A mailbox with room for less than rules want: another's is a reason to
    keep the mail at home, one's own is temporary; the MTA hears "full" only
    where not even one copy fits."""

    INTO = 'require "fileinto"; fileinto "user:bert/Inbox";'

    def setUp(self):
        super().setUp()
        self.okapi.must("acl", "set", "bert", "Inbox", "anna", "owner")

    @contextlib.contextmanager
    def held(self):
        """What is delivered meanwhile is planned, and waits to be saved."""
        with contextlib.closing(sqlite3.connect(
                self.okapi.settings["store_path"],
                isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    def at_once(self, messages, meanwhile=None, to=("anna",)):
        """Delivers each in a session of its own; the replies' codes."""
        codes = []
        sessions = [threading.Thread(target=lambda m=m: codes.extend(
            reply[0] for reply in self.lmtp(m, to=to))) for m in messages]
        with self.held() as database:
            for session in sessions:
                session.start()
            self.eventually("the first waits", self.okapi.writer_waits)
            if sessions[1:]:
                time.sleep(0.5)  # so that others are planned, too
            if meanwhile:
                database.execute(meanwhile)
        for session in sessions:
            session.join()
        return codes

    def large(self, subject, tenths=6):
        return message(subject, body=("x" * 70 + "\n") *
                       (tenths * MEGABYTE // 720))

    def at(self, user):
        return sorted(m["folder"] for m in self.okapi.mails(user))

    def errors(self, user="anna"):
        return [rule["error"] for rule in self.okapi.json(
            "rule", "list", user)]

    def test_another_s_fills_between_the_plan_and_the_save(self):
        self.rule(self.INTO)
        codes = self.at_once([self.large("late")],
                             "UPDATE users SET quota_hard = 1000"
                             " WHERE name = 'bert'")
        self.assertEqual((codes, self.at("anna"), self.at("bert")),
                         ([250], ["Inbox"], []))
        self.assertIn("mailbox full", str(self.errors()))

    def test_ten_at_once_with_room_for_three(self):
        self.okapi.must("user", "set", "bert", "--quota-hard", "2")
        self.rule(self.INTO)
        codes = self.at_once([self.large(f"n{i}") for i in range(10)])
        self.assertEqual(codes, [250] * 10)
        self.assertEqual(self.at("bert"), ["Inbox"] * 3)
        self.assertEqual(self.at("anna"), ["Inbox"] * 7)
        self.assertEqual(sorted(m["subject"] for user in ("anna", "bert")
                                for m in self.okapi.mails(user)),
                         [f"n{i}" for i in range(10)])

    def test_one_message_for_several_whose_rules_lead_there(self):
        self.okapi.add_user("carl")
        self.okapi.must("acl", "set", "bert", "Inbox", "carl", "owner")
        self.okapi.must("user", "set", "bert", "--quota-hard", "1")
        for user in ("anna", "carl"):
            self.rule(self.INTO, user=user)
        self.accepted(self.large("both"), to=("anna", "carl"))
        self.assertEqual([self.at(user) for user in ("bert", "anna", "carl")],
                         [["Inbox"], [], ["Inbox"]])

    def test_two_folders_of_another_s_that_do_not_fit_together(self):
        self.okapi.must("folder", "create", "bert", "Second")
        self.okapi.must("acl", "set", "bert", "Second", "anna", "owner")
        self.okapi.must("user", "set", "bert", "--quota-hard", "1")
        # The same folder twice is one copy.
        self.rule(self.INTO + 'fileinto "user:bert/INBOX";')
        self.deliver("small")
        self.assertEqual(self.at("bert"), ["Inbox"])
        self.rule(self.INTO + 'fileinto "user:bert/Second";')
        path = self.write("m.eml", self.large("two").decode())
        told = self.okapi.json("rule", "test", "anna", path)[0]["actions"]
        self.assertEqual([bool(a["problem"]) for a in told], [False, True])
        self.accepted(self.large("two"))
        self.assertEqual((self.at("anna"), self.at("bert")),
                         (["Inbox"], ["Inbox", "Inbox"]))
        self.assertIn("'user:bert/Second': bert: mailbox full",
                      self.errors()[0])

    def test_one_s_own_copies_that_do_not_fit_together(self):
        self.okapi.must("user", "set", "anna", "--quota-hard", "1")
        self.rule('require ["fileinto", "copy"]; redirect :copy "far@y.test";'
                  'fileinto "Drafts"; fileinto "Notes";')
        reply = self.lmtp(self.large("two"))[0]
        self.assert_reply(reply, 452, "4.2.2 ")
        self.assertIn("every copy that rules want", reply[1])
        done = self.okapi.deliver(self.large("two"), "anna")
        self.assertEqual((done.status, done.first_line[:5]), (75, "4.2.2"))
        self.assertEqual((self.at("anna"), self.okapi.queue()), ([], []))
        # With room for both it is delivered, where not one fits refused.
        self.accepted(self.large("two", 4))
        self.assertEqual(self.at("anna"), ["Drafts", "Notes"])
        self.assert_reply(self.lmtp(self.large("more", 4))[0], 552, "5.2.2 ")

    def test_one_s_own_fills_between_the_plan_and_the_save(self):
        self.assertEqual(self.at_once(
            [self.large("late")], "UPDATE users SET quota_hard = 1000"
            " WHERE name = 'anna'"), [552])
        self.assertEqual(self.at("anna"), [])


SETUP = """
set -e
mount --make-rprivate /
mount -t tmpfs -o size=24m okapi-test "$1"
echo mounted
exec sleep infinity
"""


class FullDisk(Case):
    """Two fileinto of two contents: with room for the first one only, nothing
    is stored and the reply is temporary."""

    RULE = ('require ["fileinto", "editheader"]; fileinto "Drafts";'
            'addheader "X-Again" "yes"; fileinto "Notes";')

    def setUp(self):
        self.needs_root()
        directory = self.directory()
        self.store = os.path.join(directory, "store")
        os.makedirs(self.store)
        holder = Process(["unshare", "--mount", "sh", "-c", SETUP, "sh",
                          self.store])
        self.addCleanup(holder.kill)
        try:
            holder.wait_for("mounted")
        except AssertionError as error:
            self.skipTest(f"no mount namespace here: {error}")
        self.prefix = ["nsenter", "-t", str(holder.pid), "-m", "--"]
        self.inside = f"/proc/{holder.pid}/root{self.store}"
        self.okapi = Okapi(directory, store_timeout="2s", prefix=self.prefix)
        self.addCleanup(self.okapi.stop)
        self.okapi.must("rule", "put", "anna", "two", "-", input=self.RULE)
        self.okapi.must("rule", "put", "bert", "one", "-",
                        input='require "fileinto"; fileinto "Drafts";')
        self.okapi.start_dagent()

    def leave(self, octets):
        """Fills the disk until so much is free."""
        path = os.path.join(self.inside, "filler")
        with open(path, "wb"):
            pass
        free = os.statvfs(self.inside)
        with open(path, "wb") as file:
            file.write(b"\0" * (free.f_bavail * free.f_bsize - octets))

    def give_back_the_log(self):
        """What SQLite's log holds on the disk is room, too."""
        with contextlib.closing(sqlite3.connect(
                os.path.join(self.inside, "store.db"), timeout=60)) as store:
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def deliver(self, user, subject):
        """A message that is its header: bodies are kept once for all."""
        with Lmtp(("127.0.0.1", self.okapi.port)) as client:
            code = client.deliver("c@x.test", [user], crlf(
                message(subject, headers=[
                    "X-Filler: " + os.urandom(450).hex()
                    for _ in range(3000)])))[-1][0]
        return code, sorted(m["folder"] for m in self.okapi.mails(user)
                            if m["subject"] == subject)

    def test_full_in_the_second_folder(self):
        split = False
        for number, tenths in enumerate(range(30, 110, 10)):
            outcomes = []
            for user, both in (("bert", ["Drafts"]),
                               ("anna", ["Drafts", "Notes"])):
                self.leave(tenths * MEGABYTE // 10)
                code, folders = self.deliver(user, f"m{number}")
                self.assertIn((code, folders),
                              [(250, both), (452, []), (451, [])])
                outcomes.append(code)
                for mail in self.okapi.mails(user):
                    self.leave(12 * MEGABYTE)
                    self.okapi.must("mail", "delete", user, str(mail["id"]),
                                    "--permanent", "--yes")
                self.leave(12 * MEGABYTE)
                self.okapi.must("store", "purge", "--yes")
                self.give_back_the_log()
            split = outcomes[0] == 250 and outcomes[1] != 250
            if split:
                break
        self.assertTrue(split, "one never fitted where two did not")
        self.okapi.must("store", "check")


if __name__ == "__main__":
    main()

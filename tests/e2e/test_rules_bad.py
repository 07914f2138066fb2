#!/usr/bin/env python3
"""Rules that are wrong, or meet what they did not expect: the mail is kept,
once, and the user is told."""

import email
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import main  # noqa: E402
from harness.clock import preload  # noqa: E402
from harness.okapi import message  # noqa: E402
from harness.process import Process  # noqa: E402
from harness.rules import Rules  # noqa: E402

ANNA = "anna@okapi.test"
BERT = "bert@okapi.test"


class Bad(Rules):
    def error(self, name="r", user="anna"):
        found = {r["name"]: r for r in self.okapi.json("rule", "list", user)}
        return found[name]["error"]


class Put(Bad):
    """What is wrong is told when the rule is put, and the old one stays."""

    def put(self, text):
        return self.okapi.admin("rule", "put", "anna", "r", "-", input=text)

    def test_every_error_with_its_caret(self):
        self.rule('redirect "old@y.test";')
        done = self.put('require "fileinto";\r\n'
                        'fileinto 5;\r\n'
                        '\tkeeep;\r\n'
                        'redirect "ünöd";\r\n')
        self.assertEqual(done.status, 65, done)
        self.assertIn('r:2:10: the fileinto command expects a string as '
                      'argument 1 (mailbox), but a number was found\n'
                      'fileinto 5;\n'
                      '         ^\n', done.err)
        self.assertIn('r:3:2: unknown command "keeep"\n'
                      '\tkeeep;\n'
                      '\t^\n', done.err)
        self.assertIn('r:4:10: "ünöd" is no mail address\n'
                      'redirect "ünöd";\n'
                      '         ^\n', done.err)
        self.assertIn("old@y.test",
                      self.okapi.must("rule", "get", "anna", "r"))

    def test_too_large(self):
        done = self.put("#" + "x" * (1024 * 1024))
        self.assertNotEqual(done.status, 0, done)
        self.assertIn("1048576", done.err)
        self.assertEqual(self.okapi.json("rule", "list", "anna"), [])

    def test_as_large_as_may_be(self):
        text = 'if header :contains "subject" [%s] { discard; }' % ",".join(
            '"never %d"' % i for i in range(60000))
        self.assertLess(len(text), 1024 * 1024)
        self.rule(text)
        self.assertEqual(self.deliver("kept"), ["Inbox"])
        self.assertFalse(self.error())

    def test_nested_too_deep(self):
        done = self.put("if true {" * 33 + "}" * 33)
        self.assertEqual(done.status, 65, done)
        self.assertIn("blocks are nested deeper than 32", done.err)
        done = self.put("if " + "not " * 33 + "true {}")
        self.assertIn("tests are nested deeper than 32", done.err)


class Run(Bad):
    def test_half_way_after_a_fileinto(self):
        """Nothing of what it decided is done; once in the Inbox."""
        self.rule('require ["fileinto", "imap4flags", "variables"];\n'
                  'addflag "\\\\Seen";\n'
                  'fileinto "Drafts";\n'
                  'redirect "far@y.test";\n'
                  'set "a" "no address";\n'
                  'redirect "${a}";\n')
        self.assertEqual(self.deliver("half"), ["Inbox"])
        self.assertEqual(self.okapi.queue(), [])
        self.assertFalse(self.okapi.mails("anna")[0]["read"])
        self.assertIn("6:1: redirect", self.error())

    def test_what_an_earlier_rule_decided_stays(self):
        self.rule('require "fileinto"; fileinto "Drafts";', name="first")
        self.rule('require "ihave"; error "oh no";', name="second")
        self.assertEqual(self.deliver("both"), ["Drafts", "Inbox"])
        self.assertFalse(self.error("first"))
        self.assertIn("oh no", self.error("second"))

    def test_half_way_and_temporary(self):
        """A script of the site is away: nothing is stored, the MTA keeps it,
        and all is done when it comes again."""
        directory = os.path.join(self.okapi.directory, "global")
        os.mkdir(directory)
        with open(os.path.join(directory, "site.sieve"), "w",
                  encoding="utf-8") as file:
            file.write('require ["fileinto","copy"]; fileinto :copy "Notes";')
        self.okapi.stop()
        self.okapi.configure(sieve_global=directory)
        self.okapi.start_dagent()
        self.rule('require ["include", "fileinto"];\n'
                  'fileinto "Drafts"; redirect "far@y.test";\n'
                  'include :global "site";')
        os.rename(directory, directory + ".away")
        done = self.okapi.deliver(message("later"), "anna")
        self.assertEqual(done.status, 75, done)
        self.assertEqual(self.folders("later"), [])
        self.assertEqual(self.okapi.queue(), [])
        os.rename(directory + ".away", directory)
        self.assertEqual(self.deliver("later"), ["Drafts", "Notes"])
        self.assertEqual(len(self.okapi.queue()), 1)

    def test_regex_bomb(self):
        self.rule('require "regex";\n'
                  'if not header :regex "subject" "^(([a-z])+.)+[A-Z]+$" '
                  '{ discard; }')
        self.assertEqual(self.deliver("a" * 3000), ["Inbox"])
        self.assertIn("regular expression takes too much work", self.error())

    def test_a_hundred_thousand_fields(self):
        self.rule('if header :contains "x-many" "needle" { discard; }')
        text = message("many").replace(
            b"\n\n", b"\n" + b"X-Many: straw\n" * 100000 + b"\n", 1)
        done = self.okapi.deliver(text, "anna")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.folders("many"), ["Inbox"])
        self.assertFalse(self.error())


class NoHelper(Bad):
    """A rule wants the text of a charset, and who decodes it dies of that, or
    cannot be started: nothing is decided by its octets, and no mail lost."""

    PARAM = ('require ["mime", "fileinto"]; if header :mime :param "filename" '
             ':contains "content-disposition" "gr\u00fc\u00df" '
             '{ fileinto "Drafts"; } else { discard; }')
    HTML = ('require ["vnd.okapi.property", "fileinto"]; if property :contains '
            '"PR_HTML" "gr\u00fc\u00df" { fileinto "Drafts"; }'
            'else { discard; }')
    FORWARD = 'require "vnd.okapi.forward"; forward "far@y.test";'
    MAIL = (b"From: c@x.test\nTo: anna@okapi.test\nSubject: %s\n"
            b"MIME-Version: 1.0\nContent-Type: text/html; "
            b"charset=iso-8859-1\nContent-Disposition: inline; "
            b"filename*=iso-8859-1''gr%%FC%%DF.html\n"
            b"Content-Transfer-Encoding: 8bit\n\n<p>gr\xfc\xdf</p>\n")

    def setUp(self):
        super().setUp()
        self.mortal = {"LD_PRELOAD": preload(
            self, self.okapi.directory, self.okapi.program("okapi-convert"),
            "mortal")}

    def serve(self, env):
        self.okapi.stop()
        self.okapi.dagent = Process(
            [self.okapi.program("okapi-dagent"), "-l", "-c",
             self.okapi.config], cwd="/", env={**os.environ, **env})
        self.okapi.dagent.wait_for("ready")

    def test_who_dies_of_it_each_time_costs_the_rule(self):
        """Not the mail: it is not put off until the MTA gives up."""
        self.serve(self.mortal)
        for name, rule in (("param", self.PARAM), ("html", self.HTML)):
            with self.subTest(name):
                self.rule(rule)
                self.accepted(self.MAIL % name.encode())
                self.assertEqual(self.folders(name), ["Inbox"])
                self.assertIn("the helper died", self.error())
        self.rule(self.FORWARD)
        self.accepted(self.MAIL % b"forward")
        entry, = self.okapi.queue()
        sent = email.message_from_bytes(self.okapi.admin(
            "queue", "show", str(entry["id"]), "--raw").raw)
        self.assertEqual([p.get_content_type() for p in sent.walk()][-2:],
                         ["message/rfc822", "text/html"])
        self.okapi.dagent.wait_for("forwarded as attachment: forward: "
                                   "conversion: the helper died")
        # By hand as well.
        self.rule(self.PARAM)
        path = self.write("m.eml", (self.MAIL % b"m").decode("latin-1"))
        done = self.okapi.admin("rule", "test", "anna", path, env=self.mortal)
        self.assertIn("the helper died", done.err + done.out)
        # With a helper that is well it is decided.
        self.serve({})
        self.accepted(self.MAIL % b"later")
        self.assertEqual(self.folders("later"), ["Drafts"])

    def test_a_program_that_cannot_be_started(self):
        self.okapi.stop()
        self.okapi.bin = os.path.join(self.okapi.directory, "bin")
        self.okapi.copy_programs()
        self.serve(self.mortal)
        self.rule(self.PARAM)
        self.accepted(message("warm"), to=("bert",))
        os.chmod(self.okapi.program("okapi-convert"), 0)
        # The helper that is there converts it, and no other follows.
        reply = self.lmtp(self.MAIL % b"a")[0]
        self.assert_reply(reply, 451, "4.3.0 ")
        self.assertIn("okapi-convert: Permission denied", reply[1])
        self.assertEqual(self.okapi.mails("anna"), [])
        # Now none is: nothing is known of a message, and no rule asked.
        self.accepted(self.MAIL % b"b")
        self.assertEqual([m["folder"] for m in self.okapi.mails("anna")],
                         ["Inbox"])
        self.okapi.dagent.wait_for("no rule is asked")

    def test_nobody_replies_to_what_could_not_be_read(self):
        """It may be of a list, or an automatic reply itself."""
        self.okapi.stop()
        self.okapi.configure(vacation_check_recipient="no", log_level=4)
        self.okapi.bin = os.path.join(self.okapi.directory, "bin")
        self.okapi.copy_programs()
        self.okapi.must("oof", "on", "anna", "--subject", "Away",
                        "--message-file", "/dev/stdin", input="Gone.")
        shutil.copy("/bin/false", self.okapi.program("okapi-convert"))
        self.serve({})
        self.accepted(message("m", headers=["Auto-Submitted: auto-replied"]))
        self.assertEqual(self.okapi.queue(), [])
        self.okapi.dagent.wait_for("no automatic reply: unread")


class Folders(Bad):
    FILE = 'require "fileinto"; fileinto "%s";'

    def expect_kept(self, why):
        self.assertEqual(self.deliver(why), ["Inbox"])
        self.assertIn(why, self.error())

    def test_missing(self):
        self.rule(self.FILE % "Nowhere/at all")
        self.expect_kept("does not exist")

    def test_empty_part_of_a_name(self):
        self.rule('require ["fileinto", "mailbox"]; '
                  'fileinto :create "a//b";')
        self.expect_kept("a part of the name is empty")

    def test_deleted(self):
        self.okapi.must("folder", "create", "anna", "Old")
        self.rule(self.FILE % "Old")
        self.assertEqual(self.deliver("before"), ["Old"])
        self.okapi.must("folder", "delete", "anna", "Old",
                        "--yes")
        self.expect_kept("does not exist")

    def test_deleted_and_made_again(self):
        self.okapi.must("folder", "create", "anna", "Old")
        self.okapi.must("folder", "delete", "anna", "Old",
                        "--yes")
        self.rule('require ["fileinto", "mailbox"]; fileinto :create "Old";')
        self.assertEqual(self.deliver("again"), ["Old"])

    def test_forbidden(self):
        self.rule(self.FILE % "user:bert/Inbox")
        self.expect_kept("no right")
        self.assertEqual(self.okapi.mails("bert"), [])

    def test_nobody_s(self):
        self.rule(self.FILE % "user:nobody/Inbox")
        self.assertEqual(self.deliver("kept"), ["Inbox"])
        self.assertTrue(self.error())


class Redirects(Bad):
    def raw(self, entry):
        done = self.okapi.admin("queue", "show", str(entry["id"]), "--raw")
        self.assertEqual(done.status, 0, done)
        return done.raw

    def hand_on(self):
        """Delivers what waits in the queue to whom it is for."""
        entry, = self.okapi.queue()
        recipient, = entry["recipients"]
        raw = self.raw(entry)
        self.okapi.must("queue", "delete", str(entry["id"]), "--yes")
        done = self.okapi.deliver(raw, recipient["address"].split("@")[0],
                                  "--sender", entry["sender"])
        self.assertEqual(done.status, 0, done)

    def test_two_users_redirecting_to_each_other(self):
        self.rule(f'redirect "{BERT}";', user="anna")
        self.rule(f'redirect "{ANNA}";', user="bert")
        self.assertEqual(self.deliver("ring"), [])
        self.hand_on()  # to Bert, who sends it back
        self.assertEqual(self.folders("ring", "bert"), [])
        self.hand_on()  # to Anna: she had it, so it stays
        self.assertEqual(self.okapi.queue(), [])
        self.assertEqual(self.folders("ring"), ["Inbox"])
        self.assertEqual(self.folders("ring", "bert"), [])
        self.okapi.dagent.wait_for("mail loop; kept")

    def test_to_oneself(self):
        self.rule(f'redirect "{ANNA}";')
        self.assertEqual(self.deliver("self"), ["Inbox"])
        self.assertEqual(self.okapi.queue(), [])

    def test_many_received_lines(self):
        """What the next MTA would take for a loop stays here."""
        self.rule('redirect "far@y.test";')
        for count, folders in ((49, []), (50, ["Inbox"]), (100, ["Inbox"])):
            subject = f"{count} hops"
            text = b"Received: from a by b\n" * count + message(subject)
            done = self.okapi.deliver(text, "anna")
            self.assertEqual(done.status, 0, done)
            self.assertEqual(self.folders(subject), folders)
        self.assertEqual(len(self.okapi.queue()), 1)


class Unanswered(Bad):
    DOUBT = ('require "mailbox";\n'
             'if not mailboxexists "user:bert/Inbox" { discard; }')

    def in_doubt(self):
        """Rights cannot be read from here on; what mends that."""
        store = sqlite3.connect(self.okapi.settings["store_path"])
        self.addCleanup(store.close)
        store.execute("ALTER TABLE acl RENAME TO elsewhere")
        return lambda: store.execute("ALTER TABLE elsewhere RENAME TO acl")

    def test_what_cannot_be_told_is_not_no(self):
        """Rights that cannot be read: the MTA keeps what would be lost."""
        self.rule(self.DOUBT)
        mend = self.in_doubt()
        done = self.okapi.deliver(message("doubt"), "anna")
        self.assertEqual(done.status, 75, done)
        self.assertIn("acl", done.out)
        mend()
        self.okapi.must("acl", "set", "bert", "Inbox", "anna",
                        "read,create")
        self.assertEqual(self.deliver("doubt"), ["Inbox"])

    def test_nor_is_it_where_rules_run_on_what_is_there(self):
        for where in ("the user's rule", "sieve_before"):
            with self.subTest(where):
                self.okapi.deliver(message("here"), "anna")
                if where == "sieve_before":
                    self.okapi.must("rule", "remove", "anna", "r",
                                    "--yes")
                    self.okapi.configure(
                        sieve_before=self.write("before.sieve", self.DOUBT))
                else:
                    self.rule(self.DOUBT)
                mend = self.in_doubt()
                done = self.okapi.admin("rule", "run", "anna",
                                        "--folder", "Inbox", "--yes")
                mend()
                self.assertEqual(done.status, 75, done)
                self.assertIn("acl", done.err)
                self.assertTrue(self.okapi.mails("anna", "Inbox"))


class NoRedirects(Bad):
    settings = {"sieve_max_redirects": "0"}

    def test_none_are_allowed(self):
        self.rule('redirect "far@y.test";')
        self.assertEqual(self.deliver("stays"), ["Inbox"])
        self.assertIn("more than 0", self.error())


class BehindAnError(Bad):
    """A regular expression made of variables that is none: its test is false,
    the rule goes on, and the mail is kept, whatever it does."""

    def failing(self, name, text):
        self.rule('require ["regex", "variables", "fileinto", "reject", '
                  '"imap4flags"];\nset "x" "[";\n'
                  'if not header :regex "subject" "${x}" {%s}' % text)
        folders = self.deliver(name)
        self.assertIn("3:1: regular expression", self.error())
        return folders

    def test_what_it_does_is_done_and_the_mail_is_kept(self):
        for number, (text, folders) in enumerate((
                ('fileinto "Drafts";', ["Drafts", "Inbox"]),
                ("discard;", ["Inbox"]), ("discard; stop;", ["Inbox"]),
                ('reject "no";', ["Inbox"]), ("keep;", ["Inbox"]))):
            with self.subTest(text):
                self.assertEqual(sorted(self.failing(f"m{number}", text)),
                                 folders)

    def test_a_redirect_leaves_a_copy(self):
        self.assertEqual(self.failing("on", 'redirect "far@y.test";'),
                         ["Inbox"])
        self.assertEqual(len(self.okapi.queue()), 1)

    def test_no_later_rule_discards_it(self):
        self.okapi.must("rule", "put", "anna", "z", "-", input="discard;")
        self.assertEqual(self.failing("later", "keep;"), ["Inbox"])
        self.rule("discard;")
        self.assertEqual(self.deliver("none"), [])
        self.assertFalse(self.error())


class AsciiOnly(Bad):
    """smtputf8_enable = no: nothing goes where SMTPUTF8 would be needed."""

    settings = {"smtputf8_enable": "no"}

    def test_refused_when_it_is_put(self):
        for command in ('redirect "rüdiger@y.test";',
                        'require "vnd.okapi.forward"; '
                        'forward ["a@y.test", "b@bücher.test"];'):
            with self.subTest(command):
                done = self.okapi.admin("rule", "put", "anna", "r", "-",
                                        input=command)
                self.assertEqual(done.status, 65, done)
                self.assertIn("is not ASCII (smtputf8_enable = no)", done.err)

    def test_kept_when_it_runs(self):
        """A rule from before, and an address that it makes."""
        self.okapi.configure(smtputf8_enable="yes")
        self.rule('redirect "rüdiger@y.test";')
        self.okapi.configure(smtputf8_enable="no")
        self.assertEqual(self.deliver("one"), ["Inbox"])
        self.assertIn("smtputf8_enable", self.error())
        self.rule('require "variables"; set "at" "ü@y.test"; '
                  'redirect "${at}";')
        self.assertEqual(self.deliver("two"), ["Inbox"])
        self.assertIn("smtputf8_enable", self.error())
        self.assertEqual(self.okapi.queue(), [])


class InTheUsersName(Bad):
    settings = {"sieve_redirect_envelope_from": "user_email"}

    def test_redirects_have_the_user_s_envelope(self):
        self.rule('redirect "far@y.test";')
        done = self.okapi.deliver(message("on"), "anna", "--sender",
                                  "q@x.test")
        self.assertEqual(done.status, 0, done)
        entry, = self.okapi.queue()
        self.assertEqual(entry["sender"], ANNA)


if __name__ == "__main__":
    main()

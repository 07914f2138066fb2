#!/usr/bin/env python3
"""docs/rules.md, run: on moving from procmail and maildrop, where each example
is run by all three on the same messages and they agree; and the conditions and
actions of Outlook's wizard.
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.okapi import TOP, Okapi, message  # noqa: E402

HEAD = {"procmail": "MAILDIR=$HOME/mail\nDEFAULT=$MAILDIR/Inbox/\n"
                    "SENDMAIL=$HOME/sendmail\n",
        "maildrop": 'MAILDIR="$HOME/mail"\nDEFAULT="$MAILDIR/Inbox"\n'
                    'SENDMAIL="$HOME/sendmail"\n'}
REFUSED = "refused"

# By heading: messages, and where each has to be.  "sent" stands for what went
# to the other address.
CASES = {
    "A list into its folder": [
        (dict(headers=["List-Id: Dev <dev.example.org>"]), ["Lists"]),
        (dict(headers=["List-Id: <other.example.org>"]), ["Inbox"])],
    "By sender": [
        (dict(sender='"Ann" <ann@example.com>'), ["Friends"]),
        (dict(sender="ben@example.com"), ["Friends"]),
        (dict(sender="cid@example.com"), ["Inbox"])],
    "To me, by any of the fields": [
        (dict(to="x@y.test, sales@example.org"), ["Sales"]),
        (dict(headers=["Cc: Sales <sales@example.org>"]), ["Sales"]),
        (dict(), ["Inbox"])],
    "All of several conditions": [
        (dict(subject="the report", body="x" * 60 + "\n" + 50 * ("y" * 60
                                                                + "\n")),
         ["Reports"]),
        (dict(subject="the report"), ["Inbox"])],
    "One of several conditions": [
        (dict(subject="[ticket 7] help"), ["Tickets"]),
        (dict(headers=["X-Mailer: Helpdesk 2"]), ["Tickets"]),
        (dict(), ["Inbox"])],
    "Unless": [
        (dict(sender="a@example.org"), ["Inbox"]),
        (dict(sender="a@example.com"), ["Outside"])],
    "A copy, and on": [
        (dict(subject="your invoice"), ["Inbox", "Invoices"]),
        (dict(), ["Inbox"])],
    "Words in the body": [
        (dict(body="To go, unsubscribe here.\n"), ["News"]),
        (dict(), ["Inbox"])],
    "A folder by what matched": [
        (dict(subject="[project-okapi] hello"), ["Project-okapi"]),
        (dict(), ["Inbox"])],
    "Throw away": [
        (dict(headers=["X-Monitor: heartbeat"]), []),
        (dict(headers=["X-Monitor: alarm"]), ["Inbox"])],
    "The same message twice": [
        (dict(ident="twice", body="one\n"), ["Inbox"]),
        (dict(ident="twice", body="two\n"), [])],
    "Another header": [
        (dict(), ["Inbox"])],
    "To another address, and a copy here": [
        (dict(subject="an order"), ["Inbox", "sent"]),
        (dict(), ["Inbox"])],
    "Send it back": [
        (dict(sender="a@spam.example"), [REFUSED]),
        (dict(), ["Inbox"])],
}


def examples():
    """Heading to {language: text}, of those that have all three."""
    with open(os.path.join(TOP, "docs", "rules.md"), encoding="utf-8") as file:
        parts = re.split(r"^#+ (.*)$", file.read(), flags=re.M)
    found = {}
    for heading, text in zip(parts[1::2], parts[2::2]):
        blocks = dict(re.findall(r"^```(procmail|maildrop|sieve)\n(.*?)^```",
                                 text, re.M | re.S))
        if "procmail" in blocks:
            found[heading] = blocks
    return found


class Guide(Case):
    def setUp(self):
        directory = self.directory()
        self.machine = mta.Machine(self, directory)
        self.okapi = Okapi(directory)
        self.addCleanup(self.okapi.stop)
        self.okapi.start_dagent()
        self.folders = {f for cases in CASES.values() for _, where in cases
                        for f in where} - {"Inbox", "sent", REFUSED}
        for folder in self.folders:
            self.okapi.must("folder", "create", "anna", folder)
        self.home = self.machine.home("anna")
        self.machine.write_for("anna", "sendmail",
                               '#!/bin/sh\ncat >"$HOME/mail/sent/new/$$"\n')
        os.chmod(os.path.join(self.home, "sendmail"), 0o755)
        self.mail = os.path.join(self.home, "mail")
        for folder in self.folders | {"Inbox", "sent"}:
            for part in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(self.mail, folder, part))
        self.machine.run("chown", "-R", "anna", self.mail)

    def boxes(self):
        """The messages of each Maildir."""
        return {folder: set(os.listdir(os.path.join(self.mail, folder, "new")))
                for folder in self.folders | {"Inbox", "sent"}}

    def forget(self):
        """What was seen is unseen again: for the next program."""
        cache = os.path.join(self.mail, "msgid.cache")
        if os.path.exists(cache):
            os.unlink(cache)

    def other(self, language, data):
        """Runs procmail or maildrop; where the message is now."""
        before = self.boxes()
        path = os.path.join(self.home, "." + language + "rc")
        command = (["procmail", path] if language == "procmail"
                   else ["maildrop", path])
        done = self.machine.run(*command, user="anna", input=data, env={
            "LOGNAME": "anna", "HOME": self.home})
        if done.returncode == 77:
            return [REFUSED]
        self.assertEqual(done.returncode, 0, done.stdout)
        return sorted(folder for folder, names in self.boxes().items()
                      for _ in names - before[folder])

    def ours(self, data):
        before = {m["id"] for m in self.okapi.mails("anna")}
        queued = len(self.okapi.queue())
        done = self.okapi.deliver(data, "anna")
        if done.status == 77:
            return [REFUSED]
        self.assertEqual(done.status, 0, done)
        return sorted([m["folder"] for m in self.okapi.mails("anna")
                       if m["id"] not in before]
                      + ["sent"] * (len(self.okapi.queue()) - queued))

    def test_every_example_by_all_three(self):
        found = examples()
        self.assertEqual(sorted(found), sorted(CASES))
        for heading, blocks in found.items():
            self.okapi.must("rule", "put", "anna", "r", "-",
                            input=blocks["sieve"])
            for language in HEAD:
                self.machine.write_for("anna", "." + language + "rc",
                                       HEAD[language] + blocks[language])
            for language in (*HEAD, "sieve"):
                for number, (mail, where) in enumerate(CASES[heading]):
                    with self.subTest(heading, language=language,
                                      number=number):
                        data = message(**{
                            "subject": f"{heading} {number}", **mail})
                        self.assertEqual(
                            self.ours(data) if language == "sieve"
                            else self.other(language, data), where)
                if heading == "Another header":
                    self.check_header(language)
                self.forget()

    def check_header(self, language):
        if language == "sieve":
            last = self.okapi.mails("anna", "Inbox")[-1]
            octets = self.okapi.raw("anna", last["id"])
        else:
            inbox = os.path.join(self.mail, "Inbox", "new")
            newest = max(os.listdir(inbox), key=lambda name: os.stat(
                os.path.join(inbox, name)).st_mtime_ns)
            with open(os.path.join(inbox, newest), "rb") as file:
                octets = file.read()
        self.assertIn(b"\nX-Filtered: yes", octets)


def wizard(kind):
    """Rows of a table of Outlook's wizard: its words to the Sieve."""
    with open(os.path.join(TOP, "docs", "rules.md"), encoding="utf-8") as file:
        text = file.read()
    table = text.split(f"| Outlook: {kind} | Sieve |\n", 1)[1]
    rows = re.findall(r"^\| (.*?) \| `(.*?)`.*\|$",
                      table.split("\n\n", 1)[0], re.M)
    return {words: sieve for words, sieve in rows
            if not sieve.endswith("...")}


REQUIRE = ('require ["fileinto", "copy", "mailbox", "special-use", "body",'
           ' "relational", "date", "imap4flags", "vnd.okapi.property",'
           ' "vnd.okapi.forward", "vnd.okapi.reply",'
           ' "vnd.okapi.setproperty"];\n')


def received(date):
    return f"Received: from a.test by b.test; {date} 00:00:00 +0000"


MESSAGES = {
    "A": dict(subject="plain", headers=[received("2 Nov 2025")]),
    "B": dict(subject="an offer", sender="ann@example.org",
              to="team@example.org\nCc: anna@okapi.test",
              headers=[received("31 Oct 2025"),
                       "Importance: high", "Sensitivity: Private",
                       "MIME-Version: 1.0",
                       "Content-Type: multipart/mixed; boundary=b"],
              body="--b\nContent-Type: text/plain\n\nHello.\n"
                   "--b\nContent-Type: application/pdf; name=a.pdf\n"
                   "Content-Disposition: attachment; filename=a.pdf\n\n"
                   "%PDF\n--b--\n"),
    "C": dict(subject="long", sender="x@y.test",
              headers=[received("1 Dec 2025"), "X-Mailer: Foo 1.0",
                       "Auto-Submitted: auto-replied",
                       "Keywords: Blue, Red Category"],
              body="the price\n" + 400 * ("x" * 60 + "\n")),
    "D": dict(subject="meeting", sender="x@y.test",
              headers=["MIME-Version: 1.0",
                       "Content-Type: text/calendar; method=REQUEST"],
              body="BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\n"
                   "BEGIN:VEVENT\nUID:1\nDTSTAMP:20261123T100000Z\n"
                   "DTSTART:20261124T100000Z\nSUMMARY:meeting\n"
                   "END:VEVENT\nEND:VCALENDAR\n"),
}
# Which of them fulfil a condition.
CONDITIONS = {
    "from people or public group": "B",
    "with specific words in the sender's address": "AB",
    "sent to people or public group": "B",
    "with specific words in the recipient's address": "B",
    "where my name is in the To box": "ACD",
    "where my name is in the Cc box": "B",
    "where my name is in the To or Cc box": "ABCD",
    "where my name is not in the To box": "B",
    "sent only to me": "ACD",
    "with specific words in the subject": "B",
    "with specific words in the body": "C",
    "with specific words in the subject or body": "B",
    "with specific words in the message header": "C",
    "marked as importance": "B",
    "marked as sensitivity": "B",
    "which has an attachment": "BD",  # the calendar is kept as one
    "with a size in a specific range": "C",
    "received in a specific date span": "A",
    "uses the form name, meeting invitation or update": "D",
    "which is an automatic reply": "C",
    "assigned to category": "C",
}
# What an action does: its name, argument, flags and properties, and is the message kept
# besides?  None: nothing.
ACTIONS = {
    "move it to the specified folder": ("fileinto", "Folder", [], False),
    "move a copy to the specified folder": ("fileinto", "Folder", [], True),
    "delete it": ("fileinto", "Deleted Items", [], False),
    "permanently delete it": ("discard", None, [], False),
    "redirect it to people": ("redirect", "ann@example.org", [], False),
    "forward it to people": ("forward", "ann@example.org", [], True),
    "forward it to people as an attachment":
        ("forward", "ann@example.org", [], True),
    "mark it as read": ("keep", None, ["\\Seen"], False),
    "mark message with a flag": ("keep", None, ["\\Flagged"], False),
    "assign it to the category": ("keep", None, ["Red Category"], False),
    "mark it as importance": ("keep", None, [("PR_IMPORTANCE", 2)], False),
    "reply using a specific template": ("reply", None, [], True),
    "stop processing more rules": (None, None, [], True),
}


class Wizard(Case):
    def setUp(self):
        self.okapi = Okapi(self.directory())
        self.addCleanup(self.okapi.stop)

    def write(self, name, data):
        path = os.path.join(self.okapi.directory, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def tried(self, script, mail):
        result, = self.okapi.json(
            "rule", "test", "anna", "--rule",
            self.write("r.sieve", (REQUIRE + script).encode()),
            self.write("m.eml", message(**mail)))
        return result

    def plan(self, script, mail):
        return self.tried(script, mail)["actions"]

    def test_conditions(self):
        rows = wizard("condition")
        self.assertEqual(sorted(rows), sorted(CONDITIONS))
        script = "".join(f'if {test} {{ addflag "c{number}"; }}\n'
                         for number, test in enumerate(rows.values()))
        for name, mail in MESSAGES.items():
            flags = [flag for action in self.plan(script, mail)
                     for flag in action["flags"]]
            for number, words in enumerate(rows):
                with self.subTest(words, message=name):
                    self.assertEqual(f"c{number}" in flags,
                                     name in CONDITIONS[words])

    def test_actions(self):
        self.okapi.must("folder", "create", "anna", "Folder")
        rows = wizard("action")
        self.assertEqual(sorted(rows), sorted(ACTIONS))
        for words, sieve in rows.items():
            action, argument, flags, keeps = ACTIONS[words]
            with self.subTest(words):
                plan = self.tried(sieve, MESSAGES["A"])
                self.assertEqual(
                    [(a["action"], a["argument"],
                      a["flags"] + list(a["properties"].items()),
                      a["problem"])
                     for a in plan["actions"]],
                    [(action, argument, flags, None)] if action else [])
                self.assertEqual(plan["implicit_keep"], keeps)


if __name__ == "__main__":
    main()

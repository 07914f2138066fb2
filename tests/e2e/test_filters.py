#!/usr/bin/env python3
"""The filters that MTAs run: procmail and maildrop, and qmail's environment.

A filter must keep the mail when Okapi says 75.  The recipes here are those of
docs/mta."""

import os
import shlex
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi, message  # noqa: E402
from harness.recipes import fill, recipe  # noqa: E402


class Filtered(Case):
    def setUp(self):
        directory = self.directory()
        self.machine = mta.Machine(self, directory)
        self.okapi = Okapi(directory, prefix=self.machine.prefix)
        self.addCleanup(self.okapi.stop)


class Procmail(Filtered):
    def procmail(self, rc, subject):
        path = self.machine.write_for("anna", ".procmailrc", rc)
        return self.machine.run("procmail", "-m", path, user="anna",
                                input=message(subject),
                                env={"LOGNAME": "anna"})

    def test_the_recipe_delivers(self):
        self.okapi.start_dagent()
        done = self.procmail(fill(self.okapi, recipe("procmail.md", "procmail")),
                             "by procmail")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.okapi.subjects("anna"), ["by procmail"])

    def test_the_recipe_says_75_when_okapi_does(self):
        done = self.procmail(fill(self.okapi, recipe("procmail.md", "procmail")),
                             "waits")
        self.assertEqual(done.returncode, 75, done.stdout)
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_without_the_w_flag_procmail_loses_it(self):
        """Why the recipe is what it is: should this change, so may it."""
        rc = fill(self.okapi, "DEFAULT=/dev/null\n:0\n"
                       "| /usr/local/sbin/okapi-dagent anna\n")
        done = self.procmail(rc, "lost")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_in_postfix_75_stays_in_the_queue(self):
        self.machine.write_for("anna", ".procmailrc", fill(self.okapi, 
            recipe("procmail.md", "procmail")))
        postfix = mta.Postfix(self, self.machine, {
            "mailbox_command": 'procmail -a "$EXTENSION"'})
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
            client.sendmail("c@x.test", ["anna@okapi.test"], message("queued"))
        self.eventually("deferred", lambda: [
            m for m in postfix.queue() if m["queue_name"] == "deferred"])
        self.okapi.start_dagent()
        postfix.flush()
        self.eventually("delivered", lambda: self.okapi.subjects("anna")
                        == ["queued"])
        self.eventually("an empty queue", lambda: not postfix.queue())


class Maildrop(Filtered):
    def maildrop(self, subject):
        path = self.machine.write_for("anna", ".mailfilter", fill(self.okapi, 
            recipe("maildrop.md", "maildrop")))
        return self.machine.run("maildrop", path, user="anna",
                                input=message(subject), env={
                                    "LOGNAME": "anna",
                                    "HOME": self.machine.home("anna")})

    def test_the_recipe_delivers(self):
        self.okapi.start_dagent()
        done = self.maildrop("by maildrop")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.okapi.subjects("anna"), ["by maildrop"])

    def test_the_recipe_says_75_when_okapi_does(self):
        done = self.maildrop("waits")
        self.assertEqual(done.returncode, 75, done.stdout)
        self.assertEqual(self.okapi.mails("anna"), [])


class Qmail(Case):
    """qmail-command(8): sh -c, the message on descriptor 0 as a seekable
    file, the environment it sets, and what its exit codes mean."""

    def setUp(self):
        self.okapi = Okapi(self.directory())
        self.addCleanup(self.okapi.stop)

    def qmail(self, data, sender="carol@example.org", user="anna", ext=""):
        path = os.path.join(self.okapi.directory, "message")
        with open(path, "wb") as file:
            file.write(data)
        line = recipe("qmail.md", "qmail").splitlines()[-1]
        self.assertTrue(line.startswith("|"), line)
        command = line[1:].strip().replace(
            "/usr/local/sbin/okapi-dagent",
            f"{shlex.quote(self.okapi.program('okapi-dagent'))} "
            f"-c {shlex.quote(self.okapi.config)}")
        local = user + ("-" + ext if ext else "")
        env = {"PATH": os.environ["PATH"], "SENDER": sender,
               "NEWSENDER": sender, "RECIPIENT": local + "@okapi.test",
               "USER": user, "HOME": self.okapi.directory,
               "HOST": "okapi.test", "HOST2": "okapi", "LOCAL": local,
               "EXT": ext, "DTLINE": f"Delivered-To: {local}@okapi.test\n",
               "RPLINE": f"Return-Path: <{sender}>\n",
               "UFLINE": f"From {sender} Mon Nov 23 10:00:00 2026\n"}
        with open(path, "rb") as file:
            return subprocess.run(
                ["/bin/sh", "-c", command], stdin=file, env=env,
                capture_output=True, check=False, timeout=60,
                cwd=self.okapi.directory)

    def test_delivered(self):
        for sender in ("carol@example.org", ""):
            done = self.qmail(message(f"from <{sender}>"), sender)
            self.assertEqual(done.returncode, 0, done)
        for mail in self.okapi.mails("anna"):
            self.assertIn(b"Return-Path: " + mail["subject"][5:].encode(),
                          self.okapi.raw("anna", mail["id"]))
        self.assertEqual(len(self.okapi.mails("anna")), 2)

    def test_hard_is_100_and_soft_is_111(self):
        self.assertEqual(self.qmail(message("x"), user="nobody").returncode,
                         100)
        self.assertEqual(self.qmail(b"").returncode, 100)
        os.rename(self.okapi.settings["store_path"],
                  self.okapi.settings["store_path"] + ".away")
        self.assertEqual(self.qmail(message("x")).returncode, 111)


if __name__ == "__main__":
    main()

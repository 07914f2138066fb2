#!/usr/bin/env python3
"""Programs of Debian that call sendmail, with okapi-sendmail in its place:
mutt, s-nail, PHP's mail(), git send-email, cron and logwatch."""

import email
import email.policy
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi, message  # noqa: E402
from harness.process import Process  # noqa: E402
from harness.sink import Sink  # noqa: E402

TO = "x@example.org"
ANNA = "anna@okapi.test"


class Senders(Case):
    def setUp(self):
        if not mta.unpacked("mutt", "s-nail", "git-email", "php8.2-cli",
                            group="senders"):
            self.skipTest("the programs that send could not be fetched "
                          "(tests/e2e/unpack)")
        directory = self.directory()
        self.sink = Sink(directory)
        self.addCleanup(self.sink.close)
        self.okapi = Okapi(directory,
                           smtp_server=f"127.0.0.1:{self.sink.port}",
                           submit_default_user="anna")
        self.addCleanup(self.okapi.stop)
        self.okapi.start_spooler()
        self.sendmail = self.okapi.program("okapi-sendmail")

    def run_it(self, command, data=b"", **more):
        env = dict(os.environ, **mta.tool_env(),
                   OKAPI_CONFIG=self.okapi.config, HOME=self.okapi.directory,
                   EMAIL=ANNA, **more)
        done = subprocess.run(command, input=data, env=env, timeout=60,
                              cwd=self.okapi.directory, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def tool(self, name):
        return mta.tool(name)[0]

    def sent(self):
        """The one message that the relay host has, and its envelope."""
        self.eventually("sent", lambda: self.sink.messages
                        and not self.okapi.queue())
        one, = self.sink.messages
        self.assertEqual(one["rcpts"][0], TO)
        self.assertEqual(len(self.okapi.mails("anna", "Sent Items")), 1)
        return email.message_from_bytes(one["content"],
                                        policy=email.policy.default)

    def test_mutt(self):
        path = os.path.join(self.okapi.directory, "file.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("attached\n")
        self.run_it([self.tool("mutt"), "-n", "-F", "/dev/null", "-e",
                     f'set sendmail="{self.sendmail} -oem -oi"', "-e",
                     f'set from="{ANNA}" copy=no charset=utf-8', "-s",
                     "Grüße", "-a", path, "--", TO], "Hallo Ä\n".encode())
        sent = self.sent()
        self.assertEqual(sent["Subject"], "Grüße")
        self.assertIn("Hallo Ä", sent.get_body().get_content())
        self.assertEqual([a.get_filename() for a in sent.iter_attachments()],
                         ["file.txt"])

    def test_s_nail(self):
        self.run_it([self.tool("s-nail"), "-:/", "-Sv15-compat",
                     f"-Smta=file://{self.sendmail}", f"-Sfrom={ANNA}", "-s",
                     "from s-nail", TO], b"one\n.two\n..\n")
        sent = self.sent()
        self.assertEqual(sent["Subject"], "from s-nail")
        self.assertEqual(sent.get_content().split(), ["one", ".two", ".."])

    def test_php_mail(self):
        self.run_it([self.tool("php8.2"), "-n", "-d",
                     f"sendmail_path={self.sendmail} -t -i", "-r",
                     f"exit(mail('{TO}', 'from php', \"a\\n.\\nb\\n\", "
                     f"'From: {ANNA}') ? 0 : 1);"])
        sent = self.sent()
        self.assertEqual(sent["Subject"], "from php")
        self.assertEqual(sent.get_content().split(), ["a", ".", "b"])

    def test_git_send_email(self):
        script = os.path.join(mta.MTA, "usr/lib/git-core/git-send-email")
        if subprocess.run(["perl", "-MGit", "-MError", "-e1"],
                          capture_output=True, check=False).returncode != 0:
            self.skipTest("git's Perl modules are not here")
        path = os.path.join(self.okapi.directory, "0001.patch")
        with open(path, "wb") as file:
            file.write(message("[PATCH] dots", sender=ANNA,
                               body="---\n.\n a | 1 +\n"))
        self.run_it(["perl", script, "--quiet", "--confirm=never",
                     "--suppress-cc=all", f"--from={ANNA}", f"--to={TO}",
                     f"--smtp-server={self.sendmail}", path],
                    GIT_CEILING_DIRECTORIES="/")
        sent = self.sent()
        self.assertEqual(sent["Subject"], "[PATCH] dots")
        self.assertEqual(sent.get_content().splitlines(),
                         ["---", ".", " a | 1 +"])


# In the namespace of a Machine: what calls sendmail finds okapi-sendmail, and
# writes where only this test looks.  $1: that program, $2: a directory.
PLACES = """
set -e
mount --bind "$1" /usr/sbin/sendmail
mount -t tmpfs okapi-test /run
mount -t tmpfs okapi-test /var/cache
mount -t tmpfs okapi-test /var/spool
mount -t tmpfs okapi-test /var/log
mkdir -p /run/lock /var/cache/logwatch /var/spool/cron/crontabs "$2/cron.d"
mount -t overlay -o "lowerdir=$2/etc:/etc" okapi-test /etc
"""


class System(Case):
    """Programs that run for the whole machine."""

    def setUp(self):
        if not mta.unpacked("cron", "logwatch", group="senders"):
            self.skipTest("the programs that send could not be fetched "
                          "(tests/e2e/unpack)")
        directory = self.directory()
        self.machine = mta.Machine(self, directory)
        self.sink = Sink(directory)
        self.addCleanup(self.sink.close)
        self.okapi = Okapi(directory, prefix=self.machine.prefix,
                           smtp_server=f"127.0.0.1:{self.sink.port}",
                           submit_default_user="anna")
        self.addCleanup(self.okapi.stop)
        self.etc = self.machine.etc
        self.write("okapi/okapi.cfg", self.read(self.okapi.config))
        self.okapi.start_spooler()

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        """A file in /etc."""
        path = os.path.join(self.etc, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)

    def places(self):
        done = self.machine.run("sh", "-c", PLACES, "sh",
                                self.okapi.program("okapi-sendmail"),
                                self.machine.directory)
        if done.returncode != 0:
            self.skipTest(f"no such mounts here: {done.stdout!r}")

    def sent(self):
        self.eventually("sent", lambda: self.sink.messages
                        and not self.okapi.queue())
        one, = self.sink.messages
        return one, email.message_from_bytes(one["content"],
                                             policy=email.policy.default)

    def test_cron(self):
        """A job of anna's at the start: what it prints is mailed as anna."""
        self.write("crontab", "")
        # anna has no shadow entry.
        self.write("pam.d/cron", "account required pam_permit.so\n"
                   "auth required pam_permit.so\n"
                   "session required pam_permit.so\n")
        self.write("cron.d/okapi-test", "MAILTO=x@example.org\n"
                   "@reboot anna printf '.\\nGr\\303\\274\\303\\237e\\n'\n")
        self.places()
        cron = Process([*self.machine.prefix, "env",
                        "LD_LIBRARY_PATH=" + mta.library_path(),
                        "/usr/sbin/cron", "-f", "-L", "15"])
        self.addCleanup(cron.kill)
        one, sent = self.sent()
        self.assertEqual((one["mail"], one["rcpts"]),
                         (ANNA, ["x@example.org"]))
        self.assertIn("Cron", sent["Subject"])
        self.assertIn(b"(Cron Daemon)", one["content"])
        self.assertTrue(one["content"].endswith(
            "\r\n\r\n.\r\nGrüße\r\n".encode()), one["content"])
        self.assertEqual(len(self.okapi.mails("anna", "Sent Items")), 1)

    def test_logwatch(self):
        self.places()
        self.machine.run("tee", "/var/log/auth.log", input=b"".join(
            b"Nov 23 10:00:0%d mx sshd[1]: Accepted password for anna from "
            b"192.0.2.1 port 1 ssh2\n" % i for i in range(3)))
        done = self.machine.run(
            "perl", "/usr/share/logwatch/scripts/logwatch.pl", "--output",
            "mail", "--mailto", TO, "--format", "text", "--range", "all",
            "--service", "sshd", "--hostname", "mx", "--debug", "0",
            env={"PERL5LIB": ":".join(mta.perl_path())})
        self.assertEqual(done.returncode, 0, done.stdout)
        one, sent = self.sent()
        self.assertEqual(one["rcpts"], [TO])
        self.assertIn("Logwatch for mx", sent["Subject"])
        self.assertIn("192.0.2.1", sent.get_content())


if __name__ == "__main__":
    main()

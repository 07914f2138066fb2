#!/usr/bin/env python3
"""Exim, OpenSMTPD, fdm and getmail, as Debian has them, with the recipes of
docs/mta: what they hand over is stored, and what Okapi answers with 75 stays
with them."""

import mailbox
import os
import re
import shutil
import smtplib
import socketserver
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import mta  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi, message  # noqa: E402
from harness.process import Process, free_port  # noqa: E402
from harness.recipes import fill, recipe  # noqa: E402


class Mta(Case):
    package = None
    system_users = ()

    def setUp(self):
        directory = self.directory()
        if not mta.unpacked(self.package, group="mtas"):
            self.skipTest(f"{self.package} could not be fetched "
                          "(tests/e2e/unpack)")
        self.machine = mta.Machine(
            self, directory, users=("anna", "bert", *self.system_users))
        self.okapi = Okapi(directory, prefix=self.machine.prefix)
        self.addCleanup(self.okapi.stop)
        self.port = free_port()

    def start(self, *command):
        """A server whose processes end with it."""
        process = Process([*self.machine.prefix, "unshare", "--pid",
                           "--mount-proc", "--fork", "--kill-child=KILL",
                           "sh", "-c", '"$@" & wait', "sh", *command])
        self.addCleanup(process.kill)
        self.eventually("an SMTP greeting", self.greets)
        return process

    def greets(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=60):
                return True
        except OSError:
            return False

    def send(self, recipients, subject):
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as client:
            return client.sendmail("carol@x.test", recipients,
                                   message(subject))

    def start_on_socket(self, document):
        """okapi-dagent with the settings of a recipe; the socket's path."""
        socket = os.path.join(self.okapi.settings["run_dir"], "lmtp")
        lines = recipe(document, "okapi.cfg").splitlines()
        settings = dict(re.split(r"\s*=\s*", line, 1) for line in lines)
        self.assertEqual(settings["lmtp_listen"], "unix:/run/okapi/lmtp")
        group = settings["lmtp_unix_owner"].removeprefix("okapi:")
        self.okapi.configure(lmtp_listen="unix:" + socket,
                             lmtp_unix_owner="root:" + group)
        self.okapi.start_dagent()
        return socket

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.machine.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path


EXIM = """
spool_directory = {spool}
log_file_path = {spool}/log-%s
pid_file_path = {spool}/pid
daemon_smtp_ports = {port}
local_interfaces = <; 127.0.0.1
primary_hostname = mta.okapi.test
domainlist local_domains = okapi.test
tls_advertise_hosts =
queue_only
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept {verify}
begin routers
{routers}
begin transports
{transports}
begin retry
* * F,1h,2s
"""


class Exim(Mta):
    package = "exim4-daemon-light"
    system_users = ("Debian-exim",)

    def exim(self, text, verify=""):
        routers, transports = text.split("# transports\n")
        spool = os.path.join(self.machine.directory, "spool")
        os.makedirs(spool)
        uid = self.machine.users["Debian-exim"]
        os.chown(spool, uid, uid)
        self.install(EXIM.format(
            spool=spool, port=self.port, verify=verify, routers=routers,
            transports=transports))
        self.start("exim4", "-bdf", "-q1s")

    def install(self, text):
        """Exim keeps its rights only with the configuration in its place."""
        etc = self.machine.etc
        os.makedirs(os.path.join(etc, "exim4"))
        self.write("etc/exim4/exim4.conf", text)
        self.machine.run("mount", "-t", "overlay", "-o",
                         f"lowerdir={etc}:/etc", "okapi-test", "/etc")

    def queue(self):
        done = self.machine.run("exim4", "-bp")
        return done.stdout.decode("utf-8", "replace").strip()

    def test_lmtp(self):
        self.okapi.start_dagent()
        port = self.okapi.settings["lmtp_listen"].rpartition(":")[2]
        self.exim(recipe("exim.md", "exim").replace("2003", port))
        self.send(["anna@okapi.test", "bert+x@okapi.test"], "by Exim's LMTP")
        for user in ("anna", "bert"):
            self.eventually(f"{user}'s copy", lambda u=user:
                            self.okapi.subjects(u) == ["by Exim's LMTP"])
        self.eventually("an empty queue", lambda: not self.queue())

    def test_lmtp_over_a_unix_socket(self):
        socket = self.start_on_socket("exim.md")
        routers = recipe("exim.md", "exim").split("# transports\n")[0]
        self.exim(routers + "# transports\n" + recipe(
            "exim.md", "exim-socket").replace("/run/okapi/lmtp", socket))
        self.send(["anna@okapi.test", "bert+x@okapi.test"], "by its socket")
        for user in ("anna", "bert"):
            self.eventually(f"{user}'s copy", lambda u=user:
                            self.okapi.subjects(u) == ["by its socket"], 20)
        self.eventually("an empty queue", lambda: not self.queue(), 10)

    def test_a_callout_refuses_unknown_recipients_at_the_door(self):
        self.okapi.start_dagent()
        port = self.okapi.settings["lmtp_listen"].rpartition(":")[2]
        self.exim(recipe("exim.md", "exim").replace("2003", port),
                  verify="verify = recipient/callout=use_sender")
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
            self.send(["nobody@okapi.test"], "refused")
        self.assertEqual(caught.exception.recipients["nobody@okapi.test"][0],
                         550)
        self.assertEqual(self.send(["anna@okapi.test"], "known"), {})

    def test_pipe_and_what_waits(self):
        self.exim(fill(self.okapi, recipe("exim.md", "exim-pipe")))
        self.send(["anna@okapi.test"], "by Exim's pipe")
        self.eventually("deferred", lambda: "anna@okapi.test" in self.queue())
        self.assertEqual(self.okapi.mails("anna"), [])
        self.okapi.start_dagent()
        self.eventually("the mail", lambda: self.okapi.subjects("anna")
                        == ["by Exim's pipe"])
        self.eventually("an empty queue", lambda: not self.queue())
        self.assertEqual(self.okapi.mails("anna")[0]["sender"],
                         "carol@example.org")


class OpenSmtpd(Mta):
    package = "opensmtpd"
    system_users = ("opensmtpd", "opensmtpq", "vmail")

    def smtpd(self, text):
        users = self.write("users", "anna@okapi.test vmail\n"
                                    "bert@okapi.test vmail\n")
        config = self.write("smtpd.conf", (
            f"table users file:{users}\n"
            f"listen on 127.0.0.1 port {self.port}\n"
            + text.replace("example.org", "okapi.test")))
        for place in ("/var/spool", "/var/lib"):
            self.machine.run("mount", "-t", "tmpfs", "none", place)
        self.machine.run("mkdir", "-p", "/var/lib/opensmtpd/empty")
        self.machine.run("chmod", "711", "/var/lib/opensmtpd",
                         "/var/lib/opensmtpd/empty", "/var/spool")
        return self.start("smtpd", "-d", "-f", config)

    def test_lmtp(self):
        self.okapi.start_dagent()
        self.smtpd(recipe("opensmtpd.md", "smtpd.conf").replace(
            '"/run/okapi/lmtp"', f'"{self.okapi.settings["lmtp_listen"]}"'))
        self.send(["anna@okapi.test", "bert@okapi.test"], "by smtpd's LMTP")
        for user in ("anna", "bert"):
            self.eventually(f"{user}'s copy", lambda u=user:
                            self.okapi.subjects(u) == ["by smtpd's LMTP"])

    def test_lmtp_over_a_unix_socket(self):
        socket = self.start_on_socket("opensmtpd.md")
        self.smtpd(recipe("opensmtpd.md", "smtpd.conf").replace(
            "/run/okapi/lmtp", socket))
        self.send(["anna@okapi.test"], "by smtpd's socket")
        self.eventually("the mail", lambda: self.okapi.subjects("anna")
                        == ["by smtpd's socket"], 20)

    def smtpctl(self, *args):
        """As it is installed: set-group-id."""
        path = os.path.join(self.machine.directory, "smtpctl")
        if not os.path.exists(path):
            shutil.copy(mta.tool("smtpctl")[0], path)
            os.chown(path, 0, self.machine.users["opensmtpq"])
            os.chmod(path, 0o2755)
        return self.machine.run(path, *args).stdout

    def test_mda_and_what_waits(self):
        self.okapi.configure(trusted_users="root vmail")
        text = recipe("opensmtpd.md", "smtpd-mda.conf")
        self.smtpd(fill(self.okapi, text))
        self.send(["anna@okapi.test"], "by smtpd's mda")
        self.eventually("a temporary failure", lambda: b"4.3.5" in
                        self.smtpctl("show", "queue"))
        self.assertEqual(self.okapi.mails("anna"), [])
        self.okapi.start_dagent()
        self.smtpctl("schedule", "all")
        self.eventually("the mail", lambda: self.okapi.subjects("anna")
                        == ["by smtpd's mda"])


class Pop3(socketserver.ThreadingTCPServer):
    """RFC 1939 as far as getmail and fdm go; messages are what is left."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, messages):
        self.messages = dict(enumerate(messages, 1))
        super().__init__(("127.0.0.1", 0), Pop3Session)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Pop3Session(socketserver.StreamRequestHandler):
    def say(self, *lines):
        self.wfile.write(b"".join(line + b"\r\n" for line in lines))

    def handle(self):
        left = dict(self.server.messages)
        deleted = set()
        self.say(b"+OK ready")
        for line in self.rfile:
            verb, *words = line.split()
            numbers = [int(w) for w in words if w.isdigit()]
            verb = verb.upper()
            if verb == b"STAT":
                self.say(b"+OK %d %d" % (len(left),
                                         sum(map(len, left.values()))))
            elif verb in (b"UIDL", b"LIST"):
                self.say(b"+OK", *[
                    b"%d %s" % (n, b"id%d" % n if verb == b"UIDL" else
                                b"%d" % len(data))
                    for n, data in left.items()], b".")
            elif verb == b"RETR":
                data = left[numbers[0]].replace(b"\n.", b"\n..")
                self.say(b"+OK", *data.split(b"\r\n")[:-1], b".")
            elif verb == b"DELE":
                deleted.add(numbers[0])
                self.say(b"+OK")
            elif verb == b"QUIT":
                for number in deleted:
                    self.server.messages.pop(number, None)
                self.say(b"+OK")
                return
            elif verb in (b"USER", b"PASS", b"NOOP"):
                self.say(b"+OK")
            else:
                self.say(b"-ERR")


class Fetched(Mta):
    """Two messages at the server: they stay there while Okapi says 75."""

    def fetch(self):
        raise NotImplementedError

    def left(self):
        raise NotImplementedError

    def both(self):
        done = self.fetch()
        self.assertEqual(self.left(), 2, done.stdout)
        self.assertEqual(self.okapi.mails("anna"), [])
        self.okapi.start_dagent()
        done = self.fetch()
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(sorted(self.okapi.subjects("anna")),
                         ["first", "second"])
        self.assertEqual(self.left(), 0, done.stdout)


MESSAGES = [message(subject).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            for subject in ("first", "second")]


class Getmail(Fetched):
    package = "getmail6"

    def setUp(self):
        super().setUp()
        self.server = Pop3(MESSAGES)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def left(self):
        return len(self.server.messages)

    def fetch(self):
        directory = os.path.join(self.machine.home("anna"), ".getmail")
        if not os.path.exists(directory):
            os.mkdir(directory, 0o700)
            uid = self.machine.users["anna"]
            os.chown(directory, uid, uid)
            text = fill(self.okapi, recipe("getmail.md", "getmailrc"),
                        separate=True)
            self.machine.write_for("anna", ".getmail/getmailrc", (
                "[retriever]\ntype = SimplePOP3Retriever\n"
                "server = 127.0.0.1\nusername = anna\npassword = x\n"
                f"port = {self.server.server_address[1]}\n" + text))
        return self.machine.run("getmail", "--getmaildir", directory,
                                user="anna",
                                env={"HOME": self.machine.home("anna")})

    def test_the_recipe(self):
        self.both()


class Fdm(Fetched):
    package = "fdm"

    def setUp(self):
        super().setUp()
        self.box = mailbox.Maildir(os.path.join(self.machine.home("anna"),
                                                "in"))
        for data in MESSAGES:
            self.box.add(data)
        for root, names, files in os.walk(self.machine.home("anna")):
            for name in names + files:
                uid = self.machine.users["anna"]
                os.chown(os.path.join(root, name), uid, uid)

    def left(self):
        return len(list(self.box.keys()))

    def fetch(self):
        rc = self.machine.write_for("anna", ".fdm.conf", fill(
            self.okapi, recipe("fdm.md", "fdm.conf"))
            + f'account "in" maildir "{self.box._path}"\n')
        return self.machine.run("fdm", "-l", "-v", "-f", rc, "fetch",
                                user="anna", env={
                                    "HOME": self.machine.home("anna"),
                                    "LOGNAME": "anna"})

    def test_the_recipe(self):
        self.both()


if __name__ == "__main__":
    main()

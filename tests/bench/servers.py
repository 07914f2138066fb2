"""The servers that bench_lmtp.py measures, and what their processes cost."""

import glob
import os
import threading

from harness import mta
from harness.lmtp import Lmtp
from harness.okapi import Okapi
from harness.process import Process, free_port

USERS = 100

# Ten rules as people have them: lists, senders, subjects.  The messages of the
# bench meet the last one, so that every test is made.
RULES = """require ["fileinto"];
if header :contains "List-Id" "debian-devel" { fileinto "Lists"; }
elsif header :is "X-Mailing-List" "linux-kernel@vger.kernel.org"
 { fileinto "Lists"; }
elsif address :domain :is "From" "newsletter.example.com"
 { fileinto "News"; }
elsif address :is ["To", "Cc"] "sales@perf.test" { fileinto "Sales"; }
elsif header :contains "Subject" ["[ticket", "[case"] { fileinto "Tickets"; }
elsif header :matches "Subject" "Build * failed*" { fileinto "Builds"; }
elsif header :is "X-Spam-Flag" "YES" { fileinto "Spam"; }
elsif size :over 20M { fileinto "Large"; }
elsif exists "X-GitHub-Reason" { fileinto "Code"; }
elsif address :contains "From" "alice@" { fileinto "Friends"; }
"""
FOLDER = "Friends"
# One rule that files everything: what rules cost before they test anything.
ONE_RULE = f'require "fileinto"; fileinto "{FOLDER}";\n'


def fifty_rules():
    """Fifty rules as a mailbox of many years has them, of which the last one
    files the messages of the bench: every test is made."""
    kinds = (
        'header :contains "List-Id" "list{0}.example.org"',
        'address :domain :is "From" "news{0}.example.com"',
        'address :is ["To", "Cc"] "role{0}@perf.test"',
        'header :contains "Subject" ["[ticket-{0}", "[case-{0}"]',
        'header :matches "Subject" "Build {0} * failed*"',
        'allof (header :is "X-Mailer" "tool{0}", size :over {0}K)',
        'exists "X-Service-{0}"',
        'anyof (address :localpart "From" "robot{0}",'
        ' header :is "Precedence" "bulk{0}")',
        'not anyof (size :under 30M, header :is "X-Kind" "k{0}")',
        'address :contains ["From", "Reply-To"] "@host{0}."')
    rules = [(kinds[n % len(kinds)].format(n), "Never") for n in range(49)]
    rules.append(('address :contains "From" "alice@"', FOLDER))
    return 'require "fileinto";\n' + "".join(
        f'if {test} {{ fileinto "{folder}"; stop; }}\n'
        for test, folder in rules)


def answers(port):
    try:
        Lmtp(("127.0.0.1", port)).quit()
        return True
    except OSError:
        return False


class OkapiServer:
    """Okapi as it comes; rules: the script that every user has, or ""."""

    name = "okapi"

    def __init__(self, case, rules=""):
        directory = case.directory()
        self.okapi = Okapi(directory, users=(), log_method="file",
                           log_file=os.path.join(directory, "log"),
                           log_level=3, origin="perf.test",
                           metrics_listen="")
        for number in range(USERS):
            name = f"u{number:03d}"
            self.okapi.must("user", "create", name, "--email",
                            f"{name}@perf.test")
            if rules:
                self.okapi.must("folder", "create", name, FOLDER)
                self.okapi.must("rule", "put", name, "all", "-", input=rules)
        self.okapi.start_dagent(wait=False)
        case.addCleanup(self.okapi.stop)
        case.eventually("okapi-dagent answers", lambda: answers(
            self.okapi.port))
        self.port = self.okapi.port
        self.pid = self.okapi.dagent.pid

    def stored(self):
        return sum(u["messages"] for u in self.okapi.json("user", "list"))

    def filed(self):
        """What the rules put into FOLDER, of one user."""
        return len(self.okapi.mails("u000", FOLDER))


DOVECOT = """
base_dir = {d}/base
state_dir = {d}/state
log_path = {d}/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
mail_location = maildir:~/Maildir
first_valid_uid = 1
default_internal_user = dovecot
default_internal_group = dovecot
default_login_user = dovenull
passdb {{
  driver = passwd-file
  args = {d}/users
}}
userdb {{
  driver = passwd-file
  args = {d}/users
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""

PIGEONHOLE = """
namespace inbox {{
  inbox = yes
  mailbox {folder} {{
    auto = create
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@perf.test
  mail_plugins = sieve
}}
plugin {{
  sieve = {d}/rules.sieve
}}
"""


class DovecotServer:
    """dovecot-lmtpd into maildirs, mail_fsync = optimized (its default);
    rules: a script for Pigeonhole, compiled beforehand, or ""."""

    name = "dovecot"

    def __init__(self, case, rules=""):
        if not mta.unpacked("dovecot-core", "dovecot-lmtpd", "dovecot-sieve",
                            group="bench"):
            raise LookupError("dovecot could not be fetched")
        directory = case.directory()
        self.machine = mta.Machine(case, directory,
                                   users=("dovecot", "dovenull", "perfmail"))
        self.directory = os.path.join(directory, "dovecot")
        self.port = free_port()
        self.write_files(rules)
        self.process = Process(
            [*self.machine.prefix, "unshare", "--pid", "--fork",
             "--kill-child=KILL", "sh", "-c", '"$@" & wait', "sh", "dovecot",
             "-F", "-c", self.config])
        case.addCleanup(self.process.kill)
        try:
            case.eventually("dovecot answers", lambda: answers(self.port))
        except AssertionError:
            with open(self.log, encoding="utf-8") as file:
                raise LookupError(self.process.text() + file.read()) from None
        self.pid = self.process.pid

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def write_files(self, rules):
        uid = self.machine.users["perfmail"]
        for name in ("base", "state", "mail"):
            os.makedirs(os.path.join(self.directory, name))
        os.chown(os.path.join(self.directory, "mail"), uid, uid)
        self.write("users", "".join(
            f"u{number:03d}@perf.test:{{PLAIN}}x:{uid}:{uid}::"
            f"{self.directory}/mail/{number:03d}::\n"
            for number in range(USERS)))
        self.log = self.write("log", "")
        os.chmod(self.log, 0o666)
        self.config = self.write(
            "dovecot.conf", (DOVECOT + PIGEONHOLE * bool(rules)).format(
                d=self.directory, port=self.port, folder=FOLDER))
        if rules:
            path = self.write("rules.sieve", rules)
            done = self.machine.run("sievec", "-c", self.config, path)
            if done.returncode != 0:
                raise LookupError(f"sievec: {done.stdout.decode()}")

    def count(self, place):
        return sum(len(os.listdir(d)) for part in ("new", "cur") for d in
                   glob.glob(os.path.join(self.directory, "mail", place,
                                          part)))

    def stored(self):
        return self.count("*/Maildir") + self.count("*/Maildir/.*")

    def filed(self):
        return self.count(f"000/Maildir/.{FOLDER}")


def processes(pid):
    """A process and all below it."""
    below = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            below.setdefault(int(fields[1]), []).append(int(name))
    found = [pid]
    for one in found:
        found += below.get(one, [])
    return found


def cpu_seconds(pid):
    """Of a process and all below it, children that ended included."""
    ticks = 0
    for one in processes(pid):
        try:
            with open(f"/proc/{one}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_mb(pid):
    """Proportional set size of all of them: shared pages count once."""
    kilobytes = 0
    for one in processes(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup", encoding="ascii") as file:
                kilobytes += sum(int(line.split()[1]) for line in file
                                 if line.startswith("Pss:"))
        except OSError:
            continue
    return kilobytes / 1024


class MemoryWatch:
    """Looks at the memory of a server while it works: the most it saw."""

    EVERY = 0.3

    def __init__(self, pid):
        self.pid = pid
        self.most = 0.0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(self.EVERY):
            self.most = max(self.most, pss_mb(self.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.most = max(self.most, pss_mb(self.pid))

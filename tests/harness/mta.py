"""Mail servers from build/mta, run in a mount namespace of their own.

The namespace sees build/mta/usr laid over /usr, and over /etc a private passwd
and group with the users of the test.  Nothing on the machine changes, and an
MTA that is installed there is neither used nor touched.
"""

import glob
import json
import os
import shutil
import subprocess

from harness.okapi import TOP
from harness.process import Process, free_port

MTA = os.path.join(TOP, "build", "mta")
FIRST_UID = 21600

# In the namespace: $1 is build/mta, $2 the directory with passwd and group.
# They are laid over, not bound to their places: the kernel would take away what
# is mounted on a file that is replaced (by whoever adds a user meanwhile).
SETUP = """
set -e
mount --make-rprivate /
mount -t overlay -o "lowerdir=$1/usr:/usr" okapi-test /usr
mount -t overlay -o "lowerdir=$2:/etc" okapi-test /etc
echo mounted
exec sleep infinity
"""


def unpacked(*packages, group="test"):
    """Fetches the servers if they are not there yet; True if they are."""
    done = subprocess.run([os.path.join(TOP, "tests/e2e/unpack"), group],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          check=False)
    return done.returncode == 0 and all(
        os.path.exists(os.path.join(MTA, ".done", p)) for p in packages)


def library_path():
    return ":".join(os.path.join(MTA, d) for d in (
        "usr/lib", "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu",
        "usr/lib/postfix"))


def perl_path():
    """Where the Perl modules of build/mta lie."""
    return [os.path.join(MTA, d) for d in (
        "usr/share/perl5", "usr/lib/x86_64-linux-gnu/perl5/5.36",
        "usr/lib/aarch64-linux-gnu/perl5/5.36")]


def tool_env():
    """What programs of build/mta need that run outside the namespace."""
    return {"LD_LIBRARY_PATH": library_path(),
            "PERL5LIB": ":".join(perl_path())}


def tool(name):
    """A program of build/mta that needs no namespace, and its environment."""
    for place in ("usr/bin", "usr/sbin"):
        path = os.path.join(MTA, place, name)
        if os.path.exists(path):
            return path, dict(os.environ, **tool_env())
    raise FileNotFoundError(name)


def run_tool(name, *args, **more):
    path, env = tool(name)
    return subprocess.run([path, *args], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, check=False,
                          **more)


class Machine:
    """The namespace.  prefix puts a command into it; the pid of a command
    that is started so is its own."""

    def __init__(self, case, directory, users=("anna", "bert")):
        if os.geteuid() != 0:
            case.skipTest("a mount namespace needs root")
        if not unpacked("postfix", "procmail", "maildrop"):
            case.skipTest("the mail servers could not be fetched "
                          "(tests/e2e/unpack)")
        self.directory = os.path.join(directory, "machine")
        self.etc = os.path.join(self.directory, "etc")
        os.makedirs(self.etc)
        self.users = {name: FIRST_UID + 10 + i for i, name in enumerate(users)}
        self.write_accounts()
        self.holder = Process(["unshare", "--mount", "sh", "-c", SETUP, "sh",
                               MTA, self.etc])
        case.addCleanup(self.holder.kill)
        try:
            self.holder.wait_for("mounted")
        except AssertionError as error:
            case.skipTest(f"no mount namespace here: {error}")
        self.prefix = ["nsenter", "-t", str(self.holder.pid), "-m", "--"]

    def write_accounts(self):
        lines = {"passwd": [f"postfix:x:{FIRST_UID}:{FIRST_UID}::/:/bin/false"],
                 "group": [f"postfix:x:{FIRST_UID}:",
                           f"postdrop:x:{FIRST_UID + 1}:"]}
        for name, uid in self.users.items():
            home = os.path.join(self.directory, "home", name)
            os.makedirs(home)
            os.chown(home, uid, uid)
            lines["passwd"].append(f"{name}:x:{uid}:{uid}::{home}:/bin/sh")
            lines["group"].append(f"{name}:x:{uid}:")
        for name in ("passwd", "group"):
            taken = tuple(line.split(":")[0] + ":" for line in lines[name])
            with open("/etc/" + name, encoding="utf-8") as file:
                kept = [line for line in file.read().splitlines()
                        if not line.startswith(taken)]
            with open(os.path.join(self.etc, name), "w",
                      encoding="utf-8") as file:
                file.write("\n".join(kept + lines[name]) + "\n")

    def home(self, user):
        return os.path.join(self.directory, "home", user)

    def write_for(self, user, name, text):
        """A file in a user's home, owned by the user."""
        path = os.path.join(self.home(user), name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chown(path, self.users[user], self.users[user])
        os.chmod(path, 0o600)
        return path

    def run(self, *command, user=None, input=b"", env=None):
        as_user = []
        if user:
            uid = str(self.users[user])
            as_user = ["setpriv", "--reuid", uid, "--regid", uid,
                       "--clear-groups", "--"]
        return subprocess.run(
            [*self.prefix, *as_user, *command], input=input,
            env=dict(os.environ, **(env or {})), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60, check=False)


MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
lmtp unix - - {chroot} - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One Postfix on a loopback port.  The lines of main are added to its
    main.cf; chroot is that of its lmtp client."""

    def __init__(self, case, machine, main, chroot=False):
        self.machine = machine
        self.port = free_port()
        self.directory = os.path.join(machine.directory, "postfix")
        self.etc = os.path.join(self.directory, "etc")
        self.queue_directory = os.path.join(self.directory, "queue")
        for name in ("etc", "queue", "data"):
            os.makedirs(os.path.join(self.directory, name))
        os.chown(os.path.join(self.directory, "data"), FIRST_UID, FIRST_UID)
        self.write_config(main, chroot)
        # Its daemons leave the process group: a pid namespace holds them, and
        # all of them end with its first process.  That is a shell, because
        # Postfix changes its user, and that forgets the parent-death signal.
        self.process = Process([*machine.prefix, "unshare", "--pid",
                                "--mount-proc", "--fork", "--kill-child=KILL",
                                "sh", "-c", '"$@" & wait', "sh", "postfix",
                                "-c", self.etc, "start-fg"])
        case.addCleanup(self.stop)
        self.process.wait_for("daemon started")

    def write_config(self, main, chroot):
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": self.queue_directory,
            "data_directory": os.path.join(self.directory, "data"),
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "meta_directory": os.path.join(MTA, "etc/postfix"),
            "mail_owner": "postfix", "setgid_group": "postdrop",
            "maillog_file": "/dev/stdout",
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
            "myhostname": "mta.okapi.test", "mydomain": "okapi.test",
            "myorigin": "okapi.test", "mydestination": "okapi.test",
            "mynetworks": "127.0.0.0/8", "alias_maps": "",
            "alias_database": "", "smtp_dns_support_level": "disabled",
            "smtp_host_lookup": "native", "smtp_tls_security_level": "none",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "recipient_delimiter": "+", "queue_run_delay": "2s",
            "minimal_backoff_time": "2s", "maximal_backoff_time": "4s",
        }
        settings.update(main)
        with open(os.path.join(self.etc, "main.cf"), "w",
                  encoding="utf-8") as file:
            file.writelines(f"{k} = {v}\n" for k, v in settings.items())
        with open(os.path.join(self.etc, "master.cf"), "w",
                  encoding="utf-8") as file:
            file.write(MASTER.lstrip().format(
                port=self.port, chroot="y" if chroot else "n"))

    def stop(self):
        self.process.kill()

    def queue(self):
        """What waits, as postqueue -j shows it."""
        done = self.machine.run("postqueue", "-c", self.etc, "-j")
        return [json.loads(line) for line in done.stdout.splitlines()
                if line.startswith(b"{")]

    def flush(self):
        self.machine.run("postqueue", "-c", self.etc, "-f")


class SmtpSink:
    """Postfix's smtp-sink with its own options; files() are the messages it
    took."""

    def __init__(self, case, directory, *options):
        if not unpacked("postfix"):
            case.skipTest("smtp-sink could not be fetched (tests/e2e/unpack)")
        self.port = free_port()
        self.directory = os.path.join(directory, "smtp-sink")
        os.makedirs(self.directory, exist_ok=True)
        path, env = tool("smtp-sink")
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        if user:
            shutil.chown(self.directory, "nobody")
        self.process = Process(
            [path, *user, *options, "-d", os.path.join(self.directory, "%M."),
             f"127.0.0.1:{self.port}", "100"], env=env)
        case.addCleanup(self.process.kill)

    def files(self):
        texts = []
        for name in sorted(glob.glob(os.path.join(self.directory, "*"))):
            with open(name, "rb") as file:
                texts.append(file.read())
        return texts

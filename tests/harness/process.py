"""Programs that a test starts, waits for and ends, each by its own pid."""

import ctypes
import os
import random
import select
import signal
import socket
import subprocess
import threading
import time

# How long a test waits for what has to come, on a machine that is busy: only
# a test that fails waits so long.
PATIENCE = 60.0

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)

# Below the range the kernel takes for outgoing connections, so that nothing
# sits on a port between our look and the daemon's bind.
PORTS = os.environ.get("OKAPI_TEST_PORTS", "20200-21999")


# Ports that this process was given: a name in the abstract namespace each,
# which goes with the process.  Tests that run beside it look there too.
RESERVED = []


def reserve(port):
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0okapi-test-port-{port}")
    except OSError:
        claim.close()
        return False
    RESERVED.append(claim)
    return True


def free_port():
    first, last = map(int, PORTS.split("-"))
    for port in random.sample(range(first, last + 1), last - first + 1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            if reserve(port):
                return port
    raise RuntimeError(f"no free port in {PORTS}")


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A running program; what it writes is kept, line by line: lines and
    text() have all that it wrote before they were asked for."""

    def __init__(self, command, **more):
        self.command = command
        self.taken = []
        self.begun = b""  # a line whose end has not come
        self.ended = False
        self.news = threading.Condition()
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=die_with_parent, **more)
        self.pid = self.child.pid
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while not self.ended:
            self.waits(None)
            self.take()
        self.child.stdout.close()

    def waits(self, timeout):
        """Something is in the pipe, or its end."""
        pipe = select.poll()
        pipe.register(self.child.stdout, select.POLLIN)
        return pipe.poll(timeout)

    def take(self):
        """What waits in the pipe now, or its end."""
        with self.news:
            if self.ended or not self.waits(0):
                return
            octets = os.read(self.child.stdout.fileno(), 1 << 16)
            *whole, self.begun = (self.begun + octets).split(b"\n")
            if not octets:
                self.ended = True
                whole = [self.begun] if self.begun else []
            self.taken += [line.decode("utf-8", "replace").rstrip()
                           for line in whole]
            self.news.notify_all()

    @property
    def lines(self):
        self.take()
        with self.news:
            return list(self.taken)

    def text(self):
        return "\n".join(self.lines)

    def wait_for(self, word, timeout=PATIENCE, since=0):
        """Waits for a line that contains word and returns it."""
        give_up = time.monotonic() + timeout
        with self.news:
            while True:
                for line in self.lines[since:]:
                    if word in line:
                        return line
                left = give_up - time.monotonic()
                if left <= 0 or (self.child.poll() is not None
                                 and not self.reader.is_alive()):
                    raise AssertionError(
                        f"{self.command[0]}: no line with {word!r} "
                        f"(status {self.child.poll()}):\n"
                        + "\n".join(self.lines[-40:]))
                self.news.wait(min(left, 0.2))

    def running(self):
        return self.child.poll() is None

    def stop(self, sign=signal.SIGTERM, timeout=PATIENCE):
        """Ends it and returns its exit status; KILL if it does not listen."""
        if self.running():
            self.child.send_signal(sign)
        try:
            status = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(
                f"{self.command[0]} did not stop within {timeout:.0f} s:\n"
                + "\n".join(self.lines[-20:])) from None
        self.reader.join(5)
        return status

    def kill(self):
        if self.running():
            self.child.kill()
        self.child.wait()
        self.reader.join(5)

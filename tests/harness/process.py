"""Programs that a test starts, waits for and ends, each by its own pid."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import threading
import time

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
    """A running program; what it writes is kept, line by line."""

    def __init__(self, command, **more):
        self.command = command
        self.lines = []
        self.news = threading.Condition()
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=die_with_parent, **more)
        self.pid = self.child.pid
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.child.stdout:
            with self.news:
                self.lines.append(line.decode("utf-8", "replace").rstrip())
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def text(self):
        with self.news:
            return "\n".join(self.lines)

    def wait_for(self, word, timeout=15.0, since=0):
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

    def stop(self, sign=signal.SIGTERM, timeout=20.0):
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

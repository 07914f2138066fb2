"""Named cases and the one line at the end that tests/run counts."""

import faulthandler
import os
import shutil
import signal
import sys
import tempfile
import time
import unittest

from harness.process import PATIENCE


class Case(unittest.TestCase):
    """A case with a directory of its own, open to every user because mailbox
    users and chrooted servers work in it."""

    maxDiff = 2000

    def directory(self):
        path = tempfile.mkdtemp(prefix="okapi-e2e.", dir="/tmp")
        os.chmod(path, 0o755)
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def eventually(self, what, question, timeout=PATIENCE):
        """Waits until question() is true, and fails naming what."""
        give_up = time.monotonic() + timeout
        while True:
            answer = question()
            if answer:
                return answer
            if time.monotonic() > give_up:
                self.fail(f"not within {timeout:.0f} s: {what}")
            time.sleep(0.05)

    def needs_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")


class Report(unittest.TestResult):
    """One line a case, the trace below the one that failed."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def say(self, word, test, more=""):
        name = test.id().replace("__main__.", "")
        seconds = time.monotonic() - getattr(self, "began", time.monotonic())
        print(f"{word} {name} ({seconds:.1f}s){more}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed = getattr(self, "passed", 0) + 1
        self.say("ok  ", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("skip", test, ": " + reason)

    def bad(self, test, err):
        self.say("FAIL", test)
        text = self._exc_info_to_string(err, test)
        print("     " + text.rstrip().replace("\n", "\n     "), flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.bad(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.bad(subtest, err)


def main():
    """Runs the cases of the calling file, or those named on its command
    line, and ends the process."""
    # Ended because it hangs it says where.
    faulthandler.register(signal.SIGTERM, chain=True)
    loader = unittest.TestLoader()
    module = sys.modules["__main__"]
    suite = loader.loadTestsFromNames(sys.argv[1:], module) \
        if len(sys.argv) > 1 else loader.loadTestsFromModule(module)
    report = Report()
    suite.run(report)
    failed = len(report.failures) + len(report.errors)
    print(f"cases: {getattr(report, 'passed', 0)} passed, {failed} failed, "
          f"{len(report.skipped)} skipped")
    sys.exit(1 if failed else 0)

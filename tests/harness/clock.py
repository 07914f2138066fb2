"""A clock on the wall that a test sets for the programs it starts."""

import os
import subprocess

from harness.okapi import TOP


def preload(case, directory, program, name):
    """Builds what is preloaded into that program: the path of tests/harness/
    NAME.c as a library."""
    linked = subprocess.run(["ldd", program], capture_output=True,
                            check=False).stdout
    if b"libasan" in linked or b"libtsan" in linked:
        case.skipTest("a sanitizer wants to be preloaded first")
    library = os.path.join(directory, f"{name}.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library,
                    os.path.join(TOP, f"tests/harness/{name}.c")], check=True)
    return library


class Clock:
    """env goes to those programs; set(SECONDS) puts their clock so far ahead,
    or back."""

    def __init__(self, case, directory, program):
        library = preload(case, directory, program, "clock")
        self.path = os.path.join(directory, "clock")
        self.set(0)
        self.env = {"LD_PRELOAD": library, "OKAPI_TEST_CLOCK": self.path}

    def set(self, seconds):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(str(seconds))
        os.rename(self.path + ".new", self.path)

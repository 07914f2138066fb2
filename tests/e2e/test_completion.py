#!/usr/bin/env python3
"""The completion scripts, in the shells themselves."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi  # noqa: E402

# Of a shell, with the words typed so far in "$@": one reply a line.
BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_okapi_admin
printf '%s\\n' "${COMPREPLY[@]}"
"""

# name, what is typed (the last word is completed), what has to be offered,
# what must not be
CASES = (
    ("nouns", ["us"], ["user"], ["mail"]),
    ("all nouns", [""], ["user", "mail", "init", "completion"], ["create"]),
    ("verbs", ["user", ""], ["create", "set", "delete"], ["user"]),
    ("a verb", ["mail", "imp"], ["import"], ["list"]),
    ("options", ["user", "set", "anna", "--quota-h"], ["--quota-hard"],
     ["--quota-warn", "--email"]),
    ("options of another verb", ["user", "list", "--q"], [],
     ["--quota-hard"]),
    ("common options", ["user", "list", "--js"], ["--json"], []),
    ("users", ["mail", "list", "a"], ["anna"], ["bert"]),
    ("users behind options", ["-o", "quota_hard=1", "mail", "--json", "list",
                              "b"], ["bert"], ["anna"]),
    ("not a user", ["user", "create", "a"], [], ["anna"]),
    ("a value of some words", ["rule", "set", "anna", "r", "--exit-level",
                               ""], ["yes", "no"], ["anna"]),
    ("behind a value", ["oof", "on", "--subject", "x", "an"], ["anna"], []),
    ("a value of users", ["user", "set", "anna", "--send-as", "be"],
     ["bert"], []),
    ("a noun alone", ["watch", "an"], ["anna"], []),
    ("nothing left", ["mail", "list", "anna", "Inbox", "a"], [], ["anna"]),
)


class Completion(Case):
    def setUp(self):
        self.okapi = Okapi(self.directory())
        self.home = self.okapi.directory
        self.env = dict(os.environ, OKAPI_CONFIG=self.okapi.config,
                        HOME=self.home, TERM="dumb", LC_ALL="C.UTF-8",
                        PATH=self.okapi.bin + ":" + os.environ["PATH"])

    def script(self, shell, name):
        path = os.path.join(self.home, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.okapi.must("completion", shell))
        return path

    def shell(self, name):
        if not shutil.which(name):
            self.skipTest(f"no {name} here: scripts/deps test")

    def run_in(self, *command):
        done = subprocess.run(command, env=self.env, cwd=self.home,
                              capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.stderr, "", command)
        return done.stdout.splitlines()

    def walk(self, complete):
        for name, words, offered, kept_back in CASES:
            with self.subTest(name):
                found = complete(words)
                for word in offered:
                    self.assertIn(word, found, words)
                for word in kept_back:
                    self.assertNotIn(word, found, words)

    def test_bash(self):
        self.shell("bash")
        script = self.script("bash", "okapi-admin.bash")
        self.walk(lambda words: self.run_in(
            "bash", "-c", BASH, "bash", script, "okapi-admin", *words))

    def test_fish(self):
        self.shell("fish")
        script = self.script("fish", "okapi-admin.fish")

        def complete(words):
            line = " ".join(["okapi-admin", *words])
            return [offer.split("\t")[0] for offer in self.run_in(
                "fish", "--no-config", "-c",
                f"source {script}; complete -C '{line}'")]
        self.walk(complete)

    def test_files_are_offered_where_files_belong(self):
        with open(self.home + "/box.mbox", "wb"):
            pass
        self.shell("fish")
        script = self.script("fish", "okapi-admin.fish")
        for line, there in (("mail import anna Inbox bo", True),
                            ("mail export anna --mbox bo", True),
                            ("user create bo", False)):
            out = self.run_in("fish", "--no-config", "-c",
                              f"source {script}; complete -C "
                              f"'okapi-admin {line}'")
            self.assertEqual("box.mbox" in out, there, line)

    def test_zsh(self):
        """In a terminal, as zsh has no other way to complete."""
        self.shell("zsh")
        self.script("zsh", "_okapi-admin")
        terminal = Zsh(self.env, self.home)
        self.addCleanup(terminal.close)
        self.walk(lambda words: terminal.complete(
            " ".join(["okapi-admin", *words])))


class Zsh:
    """An interactive zsh on a terminal of ours."""

    def __init__(self, env, home):
        with open(home + "/.zshrc", "w", encoding="ascii") as file:
            file.write(
                f"fpath=({home} $fpath); autoload -Uz compinit; compinit -u\n"
                "PROMPT='ready> '; LISTMAX=10000; unsetopt automenu\n"
                "zstyle ':completion:*' verbose no\n"
                # Everything that fits is listed, and nothing is inserted.
                "bindkey '^I' list-choices\n")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            os.execvpe("zsh", ["zsh", "-i"], env)
        self.read_until("ready> ")

    def read_until(self, pattern, timeout=60):
        text, end = "", time.monotonic() + timeout
        while not re.search(pattern, text):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r}: {text!r}")
            text += os.read(self.fd, 65536).decode("utf-8", "replace")
        return text

    def complete(self, line):
        """Words that are offered for the end of the line."""
        os.write(self.fd, line.encode() + b"\t")
        # The list and the prompt anew, or a bell: there is none.
        text = self.read_until("ready> |\a")
        os.write(self.fd, b"\x15echo en''d\r")
        self.read_until("end\r\n(.|\n)*ready> ")
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\a", " ", text)
        return text.split("ready>")[0].replace(line, " ", 1).split()

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


if __name__ == "__main__":
    main()

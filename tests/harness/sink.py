"""A relay host on loopback: tests/e2e/sink.py as a process of the test."""

import glob
import json
import os
import sys

from harness.okapi import TOP
from harness.process import Process, free_port


class Sink:
    """rules are those of sink.py: "RCPT:bob@*=550 5.1.1 no such user"."""

    def __init__(self, directory, *rules, port=None):
        self.port = port or free_port()
        self.directory = os.path.join(directory, f"sink-{self.port}")
        os.makedirs(self.directory, exist_ok=True)
        command = [sys.executable, os.path.join(TOP, "tests/e2e/sink.py"),
                   "--port", str(self.port), "--dir", self.directory]
        for rule in rules:
            command += ["--rule", rule]
        self.process = Process(command)
        self.process.wait_for("ready")

    def close(self):
        self.process.kill()

    @property
    def messages(self):
        """What it took: dicts with mail, rcpts and content."""
        taken = []
        for name in sorted(glob.glob(os.path.join(self.directory,
                                                  "[0-9]*.json"))):
            try:
                with open(name, encoding="utf-8") as file:
                    one = json.load(file)
                with open(name[:-5] + ".eml", "rb") as file:
                    one["content"] = file.read()
            except (OSError, ValueError):
                continue  # it is still being written
            taken.append(one)
        return taken

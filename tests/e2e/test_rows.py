#!/usr/bin/env python3
"""What each header field and each kind of part becomes, a case a row.

tests/data/rows/*.txt hold the rows:

    ### name of the case
    option: key=value          # of the configuration, if it needs one
    Subject: the message       # \\xNN is that octet
    ==>
    PR_SUBJECT: "the message"  # a property by its name in --json
    attachments.0.PR_ATTACH_METHOD: 1
    recipients.len: 2

A value is a Python literal; bytes are compared with what base64 holds, absent
says that there is no such property, and has(...) that text is in it.
"""

import base64
import glob
import json
import os
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import BUILD, TOP  # noqa: E402


class Want:
    """A question a value has to answer with yes."""

    def __init__(self, name, question):
        self.name, self.question = name, question

    def __eq__(self, got):
        return self.question(got)

    def __repr__(self):
        return self.name


def octets(value):
    return base64.b64decode(value) if isinstance(value, str) else b""


def starts_with(digits):
    return Want(f"starts with {digits}",
                lambda got: octets(got).hex().startswith(digits))


def has(text):
    return Want(f"has {text!r}",
                lambda got: isinstance(got, str) and text in got)


def html(text):
    return Want(f"is HTML that has {text!r}",
                lambda got: text.encode() in octets(got))


def count_of_flatentries(count):
    """FLATENTRYLIST (MS-OXCDATA 2.3.3): each entry padded to 4 octets."""

    def holds(got):
        data = octets(got)
        found, size = struct.unpack_from("<II", data)
        at = 8
        for _ in range(found):
            at += 4 + (struct.unpack_from("<I", data, at)[0] + 3) // 4 * 4
        return found == count and size == len(data) - 8 and at == len(data)

    return Want(f"{count} entries", holds)


NAMES = {"absent": None, "starts_with": starts_with, "has": has, "html": html,
         "count_of_flatentries": count_of_flatentries, "bytes": bytes,
         "__builtins__": {}}


def find(props, path):
    value = props
    for step in path.split("."):
        if step == "len":
            return len(value)
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else {}
        else:
            value = (value or {}).get(step)
    return value


def message_of(lines):
    text = "\n".join(lines).encode()
    return re.sub(rb"\\x([0-9a-fA-F]{2})",
                  lambda m: bytes([int(m[1], 16)]), text)


def rows(path):
    """(name, options, message, [(path, expected text)])"""
    with open(path, encoding="utf-8") as file:
        blocks = re.split(r"^### ", file.read(), flags=re.M)[1:]
    for block in blocks:
        name, _, rest = block.partition("\n")
        message, _, wanted = rest.partition("\n==>\n")
        lines = message.split("\n")
        options = []
        while lines and lines[0].startswith("option: "):
            options += ["-o", lines.pop(0)[len("option: "):]]
        yield (name.strip(), options, message_of(lines) + b"\n",
               [line.split(": ", 1) for line in wanted.splitlines()
                if line.strip()])


def case(options, message, wanted):
    def run(self):
        done = subprocess.run(
            [os.path.join(BUILD, "okapi-admin"), *options, "convert", "-",
             "--json", "--data"], input=message, capture_output=True,
            check=True)
        props = json.loads(done.stdout)
        self.assertTrue(wanted)
        for path, text in wanted:
            expected = eval(text, NAMES)  # our own file
            got = find(props, path)
            if isinstance(expected, bytes):
                got = octets(got)
            self.assertTrue(expected == got and type(expected) in
                            (Want, type(got)),
                            f"{path} is {got!r}, not {expected!r}")
    return run


class Rows(Case):
    pass


for source in sorted(glob.glob(os.path.join(TOP, "tests/data/rows/*.txt"))):
    topic = os.path.basename(source).removesuffix(".txt")
    for row_name, row_options, row_message, row_wanted in rows(source):
        words = re.sub(r"\W+", "_", row_name).strip("_")
        test_name = f"test_{topic}_{words}"
        if hasattr(Rows, test_name):
            raise SystemExit(f"{source}: two rows named {row_name}")
        setattr(Rows, test_name, case(row_options, row_message, row_wanted))


if __name__ == "__main__":
    main()

"""The recipes of docs/mta, so that what is tested is what is told."""

import os
import re

from harness.okapi import TOP

INSTALLED = "/usr/local/sbin/okapi-dagent"


def recipe(document, language):
    """The one block of a document that is in that language."""
    path = os.path.join(TOP, "docs/mta", document)
    with open(path, encoding="utf-8") as file:
        found = re.search(r"^```" + language + r"\n(.*?)^```", file.read(),
                          re.M | re.S)
    assert found, f"{document} has no {language} block"
    return found.group(1)


def fill(okapi, text, separate=False):
    """A recipe with a test's program in place of the installed; separate:
    its arguments are a tuple of their own (getmail)."""
    assert INSTALLED in text, text
    program = okapi.program("okapi-dagent")
    if separate:
        return text.replace(INSTALLED, program).replace(
            "arguments = (", f'arguments = ("-c", "{okapi.config}", ')
    return text.replace(INSTALLED, f"{program} -c {okapi.config}")

"""Real mail from ../shared/corpus, for machines that have it."""

import csv
import os

from harness.okapi import TOP

CORPUS = os.environ.get("OKAPI_CORPUS", os.path.join(
    os.path.dirname(TOP), "shared", "corpus"))


def rows():
    """The rows of the manifest that are inputs and not empty; [] where the
    corpus is not."""
    manifest = os.path.join(CORPUS, "MANIFEST.tsv")
    if not os.path.exists(manifest):
        return []
    with open(manifest, encoding="utf-8", newline="") as file:
        return [r for r in csv.DictReader(file, delimiter="\t",
                                          quoting=csv.QUOTE_NONE)
                if r["kind"] == "input" and int(r["bytes"])]


def messages(count=0):
    """(name, bytes) of every input (scripts and other odd ones too: any
    octets can arrive as a message), or of count spread evenly over all;
    [] where the corpus is not."""
    found = rows()
    if count and count < len(found):
        found = [found[i * len(found) // count] for i in range(count)]
    return [(r["file"], read(r["file"])) for r in found]


def read(name):
    with open(os.path.join(CORPUS, name), "rb") as file:
        return file.read()

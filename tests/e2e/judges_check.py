#!/usr/bin/env python3
"""Our conversion against what other programs made of the same messages.

    judges_check.py [SOURCE...]

Converts each message that tests/harness/judges.py has a claim for with
`okapi-admin convert --json --data` and compares subject, addresses, date,
Message-ID, the parts with their types, file names and contents, and the text.
Where the two differ for a good reason, tests/data/judges.tsv names the class
of reason, which docs/conversion.md explains, and says why in this message.  Anything else fails, and so
does a row that no longer differs.
"""

import base64
import csv
import hashlib
import html
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import codepage, corpus, judges  # noqa: E402
from harness.judges import Mail, Part  # noqa: E402
from harness.okapi import BUILD, TOP  # noqa: E402

KNOWN = os.path.join(TOP, "tests", "data", "judges.tsv")


# ---- our side ---------------------------------------------------------------------

def convert(data):
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(data)
        file.flush()
        done = subprocess.run(
            [os.path.join(BUILD, "okapi-admin"), "convert", file.name,
             "--json", "--data"], capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"okapi-admin convert: {done.returncode}, "
                           f"{done.stderr[:300]!r}")
    return json.loads(done.stdout)


def date_of(text):
    return datetime.fromisoformat(
        re.sub(r"\.\d+Z$|Z$", "+00:00", text)) if text else None


def boxes_of(rows, kind):
    return [(r.get("PR_DISPLAY_NAME", ""), r.get("PR_SMTP_ADDRESS", ""))
            for r in rows if r["PR_RECIPIENT_TYPE"] == kind
            and "PR_SUPPLEMENTARY_INFO" not in r]


def part_of(row):
    name = row.get("PR_ATTACH_LONG_FILENAME", "")
    part = Part(row.get("PR_ATTACH_MIME_TAG"),
                None if re.match(r"attachment\d+\.", name) else name)
    if "embedded" in row:
        part.mail = mail_of(row["embedded"])
    else:
        part.data = base64.b64decode(row.get("PR_ATTACH_DATA_BIN", ""))
    return part


def mail_of(props):
    """What we made of it, as a Mail; the bodies are its first parts."""
    mail = Mail(
        props.get("PR_SUBJECT"),
        [(props.get("PR_SENT_REPRESENTING_NAME", ""),
          props.get("PR_SENT_REPRESENTING_SMTP_ADDRESS", ""))],
        boxes_of(props["recipients"], 1), boxes_of(props["recipients"], 2),
        date_of(props.get("PR_CLIENT_SUBMIT_TIME")),
        props.get("PR_INTERNET_MESSAGE_ID", "").strip("<>"),
        props.get("PR_BODY"))
    if "PR_HTML" in props:
        mail.html = codepage.decode(base64.b64decode(props["PR_HTML"]),
                                    props["PR_INTERNET_CPID"])
    mail.files = [a.get("PR_ATTACH_LONG_FILENAME")
                  for a in props["attachments"]]
    mail.more = props
    mail.parts = []
    # Where there is HTML, the plain text may be made of it.
    if mail.text is not None:
        mail.parts.append(Part("text/plain", text=mail.text,
                               name="" if mail.html is None else "made"))
    if mail.html is not None:
        mail.parts.append(Part("text/html", text=mail.html, name=""))
    mail.parts += [part_of(a) for a in props["attachments"]]
    return mail


# ---- comparing ------------------------------------------------------------------

def tidy(text):
    """Line ends apart, and what is at both ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.strip(" \t\n\ufeff")


def words(text):
    return re.findall(r"\S+", re.sub(r"[\u00a0*\t\-=|<>]+", " ", text or ""))


def letters(text):
    return "".join(sorted(c for c in text or "" if ord(c) > 127 and
                          c not in "\u00a0\ufeff\u200b\ufffc\u2028"))


def same_box(mine, theirs):
    display = theirs[0] or theirs[1]
    mine_display = mine[0] or mine[1]
    return mine[1].lower() == theirs[1].lower() and \
        re.sub(r"\s+", " ", mine_display) == re.sub(r"\s+", " ", display)


def same_boxes(mine, theirs):
    return len(mine) == len(theirs) and \
        all(same_box(a, b) for a, b in zip(mine, theirs))


def decoded(data, charsets=("utf-8", "cp1252", "latin-1")):
    for charset in charsets:
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            pass
    return None


def same_content(mine, theirs):
    """True, False, or None: nothing is claimed."""
    if theirs.mail is not None or mine.mail is not None:
        return theirs.mail is not None and mine.mail is not None
    if theirs.text is None and theirs.data is None:
        return None if mine.mail is None else False
    if mine.data is not None and theirs.data is not None:
        return mine.data == theirs.data or (
            (theirs.type or "").startswith("text/") and
            tidy(mine.data.decode("latin-1")) ==
            tidy(theirs.data.decode("latin-1")))
    ours = {tidy(mine.text)} if mine.text is not None else \
        {tidy(mine.data.decode(c, "replace"))
         for c in ("utf-8", "cp1252", "latin-1")}
    if theirs.text is not None:
        return tidy(theirs.text) in ours
    return any(tidy(theirs.data.decode(c, "replace")) in ours for c in (
        "utf-8", "cp1252", "iso-8859-15", "koi8-r", "iso-2022-jp"))


def find_part(theirs, mine):
    """Index of the part of ours that is theirs: content counts, then type."""
    def rank(index):
        part = mine[index]
        content = same_content(part, theirs)
        return (content is True, part.type == theirs.type,
                (part.name or "") == (theirs.name or ""), -index)

    best = max(range(len(mine)), key=rank, default=None)
    if best is None or same_content(mine[best], theirs) is False or \
            (same_content(mine[best], theirs) is None and
             theirs.type and mine[best].type != theirs.type):
        return None
    return best


def compare_parts(mine, theirs, where):
    """Yields (aspect, got, want, agree)."""
    left = list(mine)
    for number, part in enumerate(theirs, 1):
        here = f"{where}{number}"
        found = find_part(part, left)
        if found is None:
            yield f"part {here}", brief(left), brief([part]), False
            continue
        got = left.pop(found)
        yield f"part {here}", None, None, True
        if part.type:
            yield f"type {here}", got.type, part.type, got.type == part.type
        # The name of a body is kept nowhere.
        if part.name and got.text is None:
            want = re.sub(r'[/\\:*?"<>|\x00-\x1f\x7f]', "_", part.name)
            yield f"name {here}", got.name, want, got.name == want
        if part.mail is not None:
            yield from compare(got.mail, part.mail, here + ".")
    more = [p for p in left if p.name != "made" and
            (p.data != b"" or p.type != "text/plain")]
    yield f"more {where or 'parts'}", brief(more), "", not [
        p for p in more if p.text is None or tidy(p.text)]


def brief(parts):
    return " | ".join(f"{p.type} {p.name or ''} " + (
        repr(tidy(p.text)[:60]) if p.text is not None else
        "message" if p.mail is not None else
        f"{len(p.data or b'')} octets {(p.data or b'')[:30]!r}")
        for p in parts)


def compare_more(mine, theirs):
    props = mine.more
    for key, want in theirs.items():
        if key.startswith("payload"):
            got = list(payloads(mine))
            yield key, got, want, want in got
        elif key.startswith("report "):
            rows = [r for r in props["recipients"]
                    if "PR_SUPPLEMENTARY_INFO" in r]
            got = sorted((r.get("PR_NDR_STATUS_CODE") for r in rows), key=str) \
                if key == "report rows" else \
                sorted({r["PR_SMTP_ADDRESS"].lower() for r in rows})
            yield key, got, want, len(got) == len(want) and \
                not Counter(w for w in want if w is not None) - Counter(got)
        elif key == "tnef files":
            got = sorted(p.name or "" for p in mine.parts if p.text is None)
            yield key, got, want, got == want
        elif key.startswith("PR_BODY "):
            got = tidy(props.get("PR_BODY", ""))
            yield key, got, want, want in got if "contains" in key else \
                got == want
        elif isinstance(want, datetime):
            got = date_of(props.get(key))
            yield key, got, want, got == want
        else:
            yield key, props.get(key), want, props.get(key) == want


def payloads(mail):
    """(name, md5) of every file, those of messages within as well."""
    for part in mail.parts:
        if part.mail is not None:
            yield from payloads(part.mail)
        elif part.data is not None:
            yield part.name, base64.b64encode(
                hashlib.md5(part.data).digest()).decode().rstrip("=")


def compare(mine, theirs, where=""):
    """Yields (aspect, got, want, agree) for whatever is claimed."""
    for aspect in ("subject", "ident", "date"):
        want = getattr(theirs, aspect)
        got = getattr(mine, aspect)
        if want is not None:
            same = got == want if aspect == "date" else \
                words(got) == words(want) and len(got or "") <= len(want) + 9
            yield where + aspect, got, want, same
    if theirs.sender:
        yield where + "from", mine.sender, theirs.sender, \
            same_box(mine.sender[0], theirs.sender[0])
    for aspect in ("to", "cc"):
        want, got = getattr(theirs, aspect), getattr(mine, aspect)
        if want is not None:
            yield where + aspect, got, want, same_boxes(got, want)
    for aspect in ("text", "html"):
        want, got = getattr(theirs, aspect), getattr(mine, aspect)
        if want is not None:
            yield where + aspect, got, want, \
                got is not None and tidy(got) == tidy(want)
    if theirs.words is not None:
        yield where + "words", mine.text, theirs.words, \
            words(mine.text) == words(theirs.words)
    if theirs.letters is not None:
        # Some show the HTML, some the text.
        got = [letters(mine.text), letters(html.unescape(mine.html or ""))]
        yield where + "letters", got, letters(theirs.letters), \
            letters(theirs.letters) in got
    if theirs.files is not None:
        got = [f for f in mine.files if not re.match(r"attachment\d+\.", f)]
        yield where + "files", got, theirs.files, got == theirs.files
    yield from compare_more(mine, theirs.more)
    if theirs.parts is not None:
        yield from compare_parts(mine.parts, theirs.parts, where)


# ---- all of it ------------------------------------------------------------------

def known():
    """{(source, message, aspect): class of reason}."""
    with open(KNOWN, encoding="utf-8", newline="") as file:
        return {(r["source"], r["message"], r["aspect"]): r["class"]
                for r in csv.DictReader(file, delimiter="\t",
                                        quoting=csv.QUOTE_NONE)}


def judge(claim):
    source, name, data, theirs = claim
    return [(source, name, aspect, got, want, agree) for
            aspect, got, want, agree in compare(mail_of(convert(data)), theirs)]


def check(sources=None, share=1):
    """(messages, agreed, {(source, message, aspect): (got, want)}) of every
    share-th message of each source, and those agreed by source."""
    claims = []
    for source, reader in judges.SOURCES.items():
        if not sources or source in sources:
            claims += [(source, *c) for c in list(reader())[::share]]
    agreed, differ = Counter(), {}
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(judge, claims):
            for source, name, aspect, got, want, agree in found:
                if agree:
                    agreed[source] += 1
                else:
                    differ[source, name, aspect] = got, want
    return claims, agreed, differ


def report(claims, agreed, differ, reasons):
    unknown = {k: v for k, v in differ.items() if k not in reasons}
    messages = Counter(c[0] for c in claims)
    for source in messages:
        classes = Counter(reasons[k] for k in differ
                          if k[0] == source and k in reasons)
        print(f"{source}: {messages[source]} messages, {agreed[source]} agree"
              + "".join(f", {n} {c}" for c, n in sorted(classes.items())))
    for (source, name, aspect), (got, want) in sorted(unknown.items()):
        print(f"{source}\t{name}\t{aspect}\n    got  {str(got)[:400]}\n"
              f"    want {str(want)[:400]}")
    seen = {(c[0], c[1]) for c in claims}
    stale = [k for k in reasons if k[:2] in seen and k not in differ]
    for key in stale:
        print("\t".join(key) + ": no longer differs")
    return unknown, stale


def main():
    if not corpus.messages(1):
        print("judges_check: SKIPPED, ../shared/corpus is not here")
        return 0
    claims, agreed, differ = check(set(sys.argv[1:]))
    unknown, stale = report(claims, agreed, differ, known())
    return 1 if unknown or stale else 0


if __name__ == "__main__":
    sys.exit(main())

"""What other programs made of the messages of ../shared/corpus.

Each reader knows the form in which one project writes down its expectations
and gives (name, octets, Mail): Mail holds only what that project claims, None
or nothing for the rest.  judges_check.py compares with ours."""

import csv
import email.header
import glob
import html
import json
import os
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone

from harness.corpus import CORPUS


@dataclass
class Part:
    """A leaf of the tree, or a message within the message."""
    type: str = None     # "text/plain"
    name: str = None     # of its file
    text: str = None     # decoded
    data: bytes = None   # transfer encoding undone
    mail: "Mail" = None


@dataclass
class Mail:
    subject: str = None
    sender: list = None       # From: [(display, address)], first one counts
    to: list = None
    cc: list = None
    date: datetime = None
    ident: str = None         # Message-ID without brackets
    text: str = None          # of the message as it is shown
    html: str = None
    words: str = None         # text of which only the words count
    letters: str = None       # text of which only what is not ASCII counts
    files: list = None        # names of attachments
    more: dict = field(default_factory=dict)  # property -> value
    parts: list = None        # of Part, in order: all there are
    shape: str = "whole"      # "types": parts claim no content


def read(name):
    with open(os.path.join(CORPUS, name), "rb") as file:
        return file.read()


def load(name):
    return json.loads(read(name))


def names(pattern):
    """Files of the corpus that match, sorted."""
    found = glob.glob(os.path.join(CORPUS, pattern), recursive=True)
    return sorted(os.path.relpath(f, CORPUS) for f in found
                  if os.path.isfile(f))


def crlf(data):
    return re.sub(rb"(?<!\r)\n", b"\r\n", data)


# ---- mail-parser of Stalwart: a parse tree as JSON ----------------------------

def stalwart_addresses(value):
    address = value.get("Address")
    if not isinstance(address, dict):
        return None
    found = []
    for entry in address.get("List", []):
        found.append((entry["name"] or "", entry["address"] or ""))
    for group in address.get("Group", []):
        found += [(a["name"] or "", a["address"] or "")
                  for a in group["addresses"]]
    return found


def stalwart_date(value):
    day = value.get("DateTime") if isinstance(value, dict) else None
    if not day:
        return None
    shift = (day["tz_hour"] * 60 + day["tz_minute"]) * 60
    shift = -shift if day["tz_before_gmt"] else shift
    try:
        local = datetime(day["year"], day["month"], day["day"], day["hour"],
                         day["minute"], day["second"], tzinfo=timezone.utc)
    except ValueError:
        return None
    return datetime.fromtimestamp(local.timestamp() - shift, timezone.utc)


def stalwart_headers(part):
    """The first of each name."""
    out = {}
    for header in part["headers"]:
        if isinstance(header["name"], str):
            out.setdefault(header["name"], header["value"])
    return out


def stalwart_type(headers, otherwise="text/plain"):
    kind = headers.get("content_type")
    kind = kind.get("ContentType") if isinstance(kind, dict) else None
    if not kind:
        return otherwise, {}
    attributes = {a["name"].lower(): a["value"]
                  for a in kind["attributes"] or []}
    if not kind["c_subtype"]:
        return kind["c_type"].lower(), attributes
    return f"{kind['c_type']}/{kind['c_subtype']}".lower(), attributes


def stalwart_part(part):
    headers = stalwart_headers(part)
    kind, attributes = stalwart_type(headers, None)
    where = headers.get("content_disposition")
    where = where.get("ContentType") if isinstance(where, dict) else None
    file = {a["name"].lower(): a["value"] for a in where["attributes"] or []} \
        if where else {}
    out = Part(kind, file.get("filename") or attributes.get("name"))
    (form, body), = part["body"].items()
    if form in ("Text", "Html"):
        out.text = body
        out.type = kind or ("text/html" if form == "Html" else "text/plain")
    elif form == "Message":
        out.mail = stalwart_mail(body)
        out.type = kind or "message/rfc822"
    else:
        out.data = bytes(body)
        out.type = kind
    return out


def stalwart_mail(tree):
    headers = stalwart_headers(tree["parts"][0])

    def text(name):
        value = headers.get(name)
        return value.get("Text") if isinstance(value, dict) else None

    def addresses(name):
        value = headers.get(name)
        return stalwart_addresses(value) if isinstance(value, dict) else None

    mail = Mail(text("subject"), addresses("from"), addresses("to"),
                addresses("cc"), stalwart_date(headers.get("date")),
                text("message_id"))
    mail.parts = [stalwart_part(p) for p in tree["parts"]
                  if "Multipart" not in p["body"]]
    return mail


def stalwart_parser():
    for name in names("stalwart-mail-parser/eml/*/*.crlf.json"):
        source = name.replace(".crlf.json", ".eml")
        yield source, crlf(read(source)), stalwart_mail(load(name))


# ---- mail-parser's header fields: one field, one value -----------------------

def stalwart_fields():
    def message(line):
        return b"X-Judge: field\r\n" + \
            crlf(line.rstrip("\r\n").encode()) + b"\r\n\r\n\r\n"

    for number, case in enumerate(load("stalwart-fields/address.json")):
        found = stalwart_addresses({"Address": case["expected"]})
        yield f"stalwart-fields/address.json#{number}", \
            message("To: " + case["header"]), Mail(to=found or [])
    for number, case in enumerate(load("stalwart-fields/date.json")):
        found = stalwart_date({"DateTime": case["expected"]})
        if found:
            yield f"stalwart-fields/date.json#{number}", \
                message("Date: " + case["header"]), Mail(date=found)
    for number, case in enumerate(load("stalwart-fields/unstructured.json")):
        if "\nX-" not in case["header"]:
            yield f"stalwart-fields/unstructured.json#{number}", \
                message("Subject: " + case["header"]), \
                Mail(subject=case["expected"])
    for number, case in enumerate(load("stalwart-fields/received.json")):
        found = stalwart_date({"DateTime": case["expected"].get("date")})
        if found and found.year > 1990:
            yield f"stalwart-fields/received.json#{number}", \
                message("Received: " + case["header"]), \
                Mail(more={"PR_MESSAGE_DELIVERY_TIME": found})


# ---- Stalwart's server: JMAP ------------------------------------------------

def jmap():
    for name in names("stalwart-server/jmap/email_get/*.json"):
        source = name.replace(".json", ".eml")
        claim = load(name)

        def boxes(key):
            if claim.get(key) is None:
                return None
            return [(b["name"] or "", b["email"]) for b in claim[key]]

        mail = Mail(claim.get("subject"), boxes("from"), boxes("to"),
                    boxes("cc"))
        if claim.get("sentAt"):
            mail.date = datetime.fromisoformat(
                claim["sentAt"].replace("Z", "+00:00"))
        mail.ident = (claim.get("messageId") or [None])[0]
        mail.files = [a["name"] for a in claim.get("attachments", [])
                      if a.get("name")]
        yield source, crlf(read(source)), mail


# ---- mime4j: the tree as XML, each part's content a file of its own --------

def mime4j_fields(text):
    """{name: value} of <field> elements, unfolded."""
    out = {}
    for raw in re.findall(r"<field>\r?\n(.*?)</field>", text, re.S):
        name, _, value = html.unescape(raw).partition(":")
        out.setdefault(name.strip().lower(),
                       re.sub(r"\r?\n(?=[ \t])", "", value).strip())
    return out


def param(value, name):
    """A parameter as it stands there, its encoded words decoded; no RFC
    2231."""
    found = re.search(r";\s*%s\s*=\s*(?:\"((?:\\.|[^\"\\])*)\"|([^;\s]*))"
                      % name, value or "", re.I)
    if not found:
        return None
    text = re.sub(r"\\(.)", r"\1", found.group(1)) \
        if found.group(1) is not None else found.group(2)
    text = re.sub(r"(=\?[^?*]*)\*[^?]*\?", r"\1?", text)  # the language
    return str(email.header.make_header(email.header.decode_header(text)))


MIME4J = re.compile(r"<(/?)(message|body-part|multipart|header|text-body|"
                    r"binary-body)(?:\s+name=\"([^\"]*)\")?\s*(/?)>")


def mime4j_mail(text, folder):
    """One pass over the elements; a stack of the messages that are open."""
    root = Mail(parts=[], shape="whole")
    mails, headers, multiparts, at = [], [], [], 0
    for found in MIME4J.finditer(text):
        close, element, name, _ = found.groups()
        if element == "header" and not close:
            at = found.end()
        elif element == "header":
            headers[-1] = mime4j_fields(text[at:found.start()])
        elif element in ("message", "body-part") and not close:
            if element == "message":
                mail = root if not mails else Mail(parts=[])
                if mails:
                    fields = headers[-1]
                    mails[-1].parts.append(Part(
                        mime4j_type(fields, multiparts), mime4j_name(fields),
                        mail=mail))
                mails.append(mail)
                multiparts.append(None)
            headers.append({})
        elif element in ("message", "body-part"):
            headers.pop()
            if element == "message":
                mails.pop()
                multiparts.pop()
        elif element == "multipart":
            if close:
                multiparts.pop()
            else:
                multiparts.append(mime4j_type(headers[-1], multiparts))
        elif not close:
            fields = headers[-1]
            mails[-1].parts.append(Part(
                mime4j_type(fields, multiparts), mime4j_name(fields),
                data=read(os.path.join(folder, name))))
    return root


def mime4j_type(fields, multiparts):
    kind = re.match(r"\s*([^\s;/]+/[^\s;]+)", fields.get("content-type", ""))
    if kind:
        return kind.group(1).lower()
    inside = multiparts[-1] if multiparts else None
    return "message/rfc822" if inside == "multipart/digest" else "text/plain"


def mime4j_name(fields):
    return param(fields.get("content-disposition"), "filename") or \
        param(fields.get("content-type"), "name")


def mime4j():
    for name in names("james-mime4j/**/*_decoded.xml"):
        source = name.replace("_decoded.xml", ".msg")
        text = read(name).decode("latin-1")
        yield source, read(source), mime4j_mail(text, os.path.dirname(name))


# ---- MIME-tools: Perl hashes ---------------------------------------------------

def mime_tools():
    for name in names("mime-tools/testmsgs/*.ref"):
        source = re.sub(r"(-nest)?\.ref$", ".msg", name)
        if name.endswith(("-none.ref", "-replace.ref", "-extracted.ref")):
            continue  # of other settings of that parser
        text = read(name).decode("latin-1")
        parts = {}
        for key, body in re.findall(r"\"(Msg|Part_[\d_]+)\" => \{(.*?)\}",
                                    text, re.S):
            parts[key] = {k: re.sub(r"\\(.)", r"\1", v) for k, v in re.findall(
                r"\"(\w+)\"\s*=>\s*\"((?:\\.|[^\"\\])*)\"", body)}
        yield source, crlf(read(source)), mime_tools_mail(parts)


def mime_tools_mail(parts):
    head = parts["Msg"]
    mail = Mail(head.get("Subject"), shape="types", parts=[])
    order = sorted((k for k in parts if k != "Msg"),
                   key=lambda k: [int(n) for n in k.split("_")[1:]])
    inside = {}  # of a message/rfc822: its key -> Mail
    for key in order or ["Msg"]:
        one, parent = parts[key], key.rpartition("_")[0]
        holder = inside.get(parent, mail)
        part = Part(one.get("Type"), one.get("Filename"))
        if parent in inside:
            holder.subject = one.get("Subject")
        if part.type == "message/rfc822":
            part.mail = inside[key] = Mail(shape="types", parts=[])
        if not (part.type or "").startswith("multipart/"):
            holder.parts.append(part)
    return mail


# ---- MailCore: JSON of the tree; and of what it would show ---------------------

def mailcore_box(item):
    return item.get("displayName", ""), item.get("mailbox", "")


def mailcore_parts(part, out):
    if part["class"] == "mailcore::Attachment":
        out.append(Part(part["mimeType"].lower(), part.get("filename")))
    elif part["class"] == "mailcore::MessagePart":
        inner = Mail(shape="types", parts=[])
        mailcore_parts(part["mainPart"], inner.parts)
        out.append(Part("message/rfc822", part.get("filename"), mail=inner))
    else:
        for one in part["parts"]["items"]:
            mailcore_parts(one, out)


def mailcore():
    for name in names("mailcore2/parser/output/**/*"):
        source = name.replace("/output/", "/input/")
        tree = load(name)
        head = tree["header"]
        mail = Mail(head.get("subject"), shape="types", parts=[],
                    sender=[mailcore_box(head["from"])])
        for key in ("to", "cc"):
            if key in head:
                setattr(mail, key,
                        [mailcore_box(i) for i in head[key]["items"]])
        data = read(source)
        if re.search(rb"^Date:", data.partition(b"\n\n")[0], re.M | re.I):
            mail.date = datetime.fromtimestamp(
                int(head["date"]) & 0xffffffff, timezone.utc)
        if re.search(rb"^Message-ID:", data, re.M | re.I):
            mail.ident = head["messageID"]
        mailcore_parts(tree["mainPart"], mail.parts)
        yield source, crlf(data), mail


def mailcore_shown():
    for name in names("mailcore2/summary/output/*.txt"):
        source = name.replace("/output/", "/input/").replace(".txt", ".eml")
        text = read(name).decode()
        head, _, body = text.partition("\n\n")
        mail = Mail(letters=body)
        subject = re.search(r"^Subject: (.*)$", head, re.M)
        mail.subject = subject.group(1) if subject else None
        sender = re.search(r"^From: (.*) <(.*)>$", head, re.M)
        if sender:
            mail.sender = [sender.groups()]
        mail.files = re.findall(r"^- (.*), [\d.]+ (?:bytes?|[KM]B)$", body,
                                re.M)
        mail.letters = re.sub(r"^- .*, [\d.]+ (?:bytes?|[KM]B)$", "", body,
                              flags=re.M)
        if os.path.exists(os.path.join(CORPUS, source)):
            yield source, crlf(read(source)), mail


# ---- James: what its indexer sees -----------------------------------------------

def james():
    for name in names("james-project/mailbox/**/*.json"):
        source = re.sub(r"(WithoutAttachmentTextContent|NoHeaders)?\.json$",
                        ".eml", name)
        claim = json.loads(re.sub(rb",(\s*[}\]])", rb"\1", read(name)))

        def boxes(key):
            return [(b["name"] or "", b["address"]) for b in claim[key]]

        mail = Mail(sender=boxes("from"), to=boxes("to"), cc=boxes("cc"))
        mail.subject = (claim["subject"] or [None])[0]
        if claim.get("mimeMessageID"):
            mail.ident = claim["mimeMessageID"].strip("<>")
        mail.words = claim.get("textBody")
        mail.html = claim.get("htmlBody")
        mail.files = [a["fileName"] for a in claim["attachments"]
                      if a["fileName"]]
        yield source, crlf(read(source)), mail


# ---- small ones -------------------------------------------------------------------

def inbucket():
    for name in names("inbucket/**/*.golden"):
        source = name.replace(".golden", ".txt")
        text = read(name).decode()
        box = re.search(r"^From: (.*) <(.*)>$", text, re.M)
        to = re.search(r"^To: \[(.*) <(.*)>\]$", text, re.M)
        body = text.partition("BODY TEXT:\n")[2].partition("\n\nBODY HTML:")[0]
        yield source, crlf(read(source)), Mail(
            re.search(r"^Subject: (.*)$", text, re.M).group(1),
            [box.groups()], [to.groups()], text=body)


def thunderbird():
    for name in names("comm-central/mailnews/test/data/*.out"):
        source = name.replace(".out", "")
        text = read(name).decode()
        mail = Mail(html=text) if "<html>" in text.lower() else \
            Mail(words=text)
        yield source, crlf(read(source)), mail


def kopano():
    codepages = {"utf-8": 65001, "us-ascii": 20127, "iso-8859-1": 28591}
    lines = read("kopano/EXPECTED-derived.tsv").decode().splitlines()[1:]
    for row in csv.DictReader(lines, delimiter="\t"):
        source = "kopano/" + row["file"]
        mail, value = Mail(), row["value"]
        if row["property"] == "PR_SUBJECT":
            mail.subject = value
        elif row["property"] == "PR_BODY":
            mail.more["PR_BODY " + row["match"]] = \
                "\u00a0" if value == "U+00A0" else value
        else:
            mail.more["PR_INTERNET_CPID"] = codepages[value]
        yield f"{source}#{row['property']}", crlf(read(source)), mail


def kopano_html():
    for name in names("kopano/tests/testdata/htmltoplain/*.test"):
        html_text = read(name)
        yield name, b"Content-Type: text/html; charset=utf-8\r\n\r\n" + \
            crlf(html_text), \
            Mail(words=read(name.replace(".test", ".result")).decode())


def charsets():
    """GMime's pairs of one text in a charset and in UTF-8 (its text in Big5
    lacks what that charset lacks)."""
    for name in names("gmime/filters/*.*.txt"):
        stem, charset = os.path.basename(name).split(".")[:2]
        if charset in ("utf-8", "big5") or not names(f"gmime/filters/{stem}.utf-8.txt"):
            continue
        head = f"Content-Type: text/plain; charset={charset}\r\n\r\n"
        yield name, head.encode() + crlf(read(name)), \
            Mail(text=read(f"gmime/filters/{stem}.utf-8.txt").decode())
    yield "gmime/encodings/wikipedia.qp", \
        b"Content-Type: text/plain; charset=utf-8\r\n" \
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + \
        crlf(read("gmime/encodings/wikipedia.qp")), \
        Mail(text=read("gmime/encodings/wikipedia.txt").decode())


def split_mbox(data):
    parts = re.split(rb"(?m)^From .*\d{4}\r?\n", data)
    return [crlf(p) for p in parts[1:]]


def git():
    """mailinfo: who wrote it.  Subjects are not claimed: it takes brackets
    off."""
    for box, info in (("sample.mbox", "info"),
                      ("rfc2047-samples.mbox", "rfc2047-info-")):
        messages = split_mbox(read("git-t5100/t5100/" + box))
        for number, data in enumerate(messages, 1):
            name = f"git-t5100/t5100/{info}{number:04}"
            if not names(name):
                continue
            text = read(name).decode()
            found = re.search(r"^Author: (.*)\nEmail: (.*)$", text, re.M)
            if found:
                yield f"git-t5100/t5100/{box}#{number}", data, \
                    Mail(sender=[found.groups()])


def mimekit_mbox():
    text = read("mimekit/mbox/issue1189-summary.txt").decode()
    claims = re.split(r"(?m)^From .*\r?\n", text)[1:]
    messages = split_mbox_any(read("mimekit/mbox/issue1189.mbox.txt"))
    for number, (data, claim) in enumerate(zip(messages, claims)):
        mail = Mail(shape="types", parts=[])
        mail.subject = re.search(r"^Subject: (.*?)\r?$", claim, re.M).group(1)
        mail.parts = [Part(t) for t in re.findall(
            r"^ *Content-Type: (\S+)", claim, re.M)
            if not t.startswith("multipart/")]
        yield f"mimekit/mbox/issue1189.mbox.txt#{number}", data, mail


def split_mbox_any(data):
    return [crlf(p) for p in re.split(rb"(?m)^From .*\r?\n", data)[1:]]


def mime_is_broken():
    """Each hides one and the same file from careless readers: its name and
    what it holds are known.  (The md5 they carry is that of their own octets.)
    valid(0): against the standards, so there is no right answer."""
    for name in names("mime-is-broken/**/*"):
        data = read(name)
        found = re.search(rb"^X-Payload-Id:\s*(\S+) valid\((\d)\)", data, re.M)
        if not found:
            continue
        valid = "" if found.group(2) != b"0" else " (broken)"
        if "hide-content" in name:
            want = "eicar.zip", "gG+xF9ijaNgcYT8PgbuZ9Q"
        else:
            file = "file.png" if found.group(1).endswith(b".png") \
                else "file.zip"
            want = file, "a30R33TIIt7B5pfharrX/w"
        yield name, crlf(data), Mail(more={"payload" + valid: want})


def tnef():
    """Names of the files in a winmail.dat."""
    for name in names("tnef/datafiles/*.tnef"):
        listed = read(name.replace(".tnef", ".list")).decode().split("\n") \
            if names(name.replace(".tnef", ".list")) else None
        if listed:
            yield name, tnef_mail(read(name)), Mail(
                more={"tnef files": sorted(x for x in listed if x and
                                           "-body." not in x and
                                           not x.startswith("body."))})


def tnef_mail(data):
    import base64
    return b"Subject: s\r\nMIME-Version: 1.0\r\n" \
        b"Content-Type: application/ms-tnef; name=winmail.dat\r\n" \
        b"Content-Transfer-Encoding: base64\r\n\r\n" + \
        crlf(base64.encodebytes(data))


# ---- what bounce parsers make of reports ------------------------------------------

def tables(name):
    """{file: rows} of an EXPECTED-derived.tsv."""
    found = {}
    for row in csv.DictReader(read(name).decode().splitlines()[1:],
                              delimiter="\t"):
        found.setdefault(row["file"], []).append(row)
    return found


def status_code(text):
    """5.1.1 as 511: numbers above 9 are 0 (MS-OXCMAIL 2.2.3.7.1.3).  None for
    numbers sisimai made up."""
    if not re.fullmatch(r"[245]\.\d+\.\d+", text) or \
            re.match(r"[245]\.0\.9\d\d", text):
        return None
    first, *others = (int(n) for n in text.split("."))
    return int("".join(str(n if n < 10 else 0) for n in [first, *others]))


REPORT = re.compile(rb"^content-type:\s*message/(global-)?delivery-status",
                    re.I | re.M)


def sisimai():
    """Codes of those a report tells of; only for mail with a part for
    machines."""
    for name, rows in tables("sisimai/EXPECTED-derived.tsv").items():
        data = crlf(read("sisimai/" + name))
        if not REPORT.search(data):
            continue
        claim = {"report rows": sorted((status_code(r["dsn_status"])
                                        for r in rows), key=str)}
        if any(r["hardbounce"] == "1" for r in rows):
            claim["PR_MESSAGE_CLASS"] = "REPORT.IPM.Note.NDR"
        elif rows[0]["reason"] == "delivered":
            claim["PR_MESSAGE_CLASS"] = "REPORT.IPM.Note.DR"
        yield "sisimai/" + name, data, Mail(more=claim)


def flufl():
    """Addresses that failed, or are waited for."""
    for name, rows in tables("flufl-bounce/EXPECTED-derived.tsv").items():
        data = crlf(read("flufl-bounce/" + name))
        if rows[0]["detector"] != "dsn":
            continue
        claim = {"report addresses": sorted(
            a.lower() for r in rows for a in r["recipients"].split())}
        claim["PR_MESSAGE_CLASS"] = "REPORT.IPM.Note." + (
            "NDR" if rows[0]["class"] == "permanent" else "Delayed.DR")
        yield "flufl-bounce/" + name, data, Mail(more=claim)


SOURCES = {f.__name__: f for f in (
    stalwart_parser, stalwart_fields, jmap, mime4j, mime_tools, mailcore,
    mailcore_shown, james, inbucket, thunderbird, kopano, kopano_html,
    charsets, git, mimekit_mbox, mime_is_broken, tnef,
    sisimai, flufl)}

#!/usr/bin/env python3
"""Properties of real mail, compared with what Python's email package says.

    properties_check.py [--count N] [--all-differences]

For N (200) messages of ../shared/corpus, spread over its sources, computes
what each of PROPERTIES has to be, with nothing but Python's own parser, and
compares with `okapi-admin convert --json`.  Where the two differ for a good
reason, KNOWN names the class of reason; docs/properties.md explains each.
Anything else fails, and so does a KNOWN entry that no longer differs.
"""

import base64
import binascii
import codecs
import email
import email.header
import email.policy
import email.utils
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import datetime, timezone

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import codepage as windows  # noqa: E402
from harness import corpus  # noqa: E402
from harness.okapi import BUILD  # noqa: E402

DEFAULT_CHARSET = "cp1252"

# Of the message, then of each recipient, then of each attachment.
PROPERTIES = """
PR_SUBJECT PR_SUBJECT_PREFIX PR_NORMALIZED_SUBJECT PR_CONVERSATION_TOPIC
PR_SENT_REPRESENTING_NAME PR_SENT_REPRESENTING_ADDRTYPE
PR_SENT_REPRESENTING_EMAIL_ADDRESS PR_SENT_REPRESENTING_SMTP_ADDRESS
PR_SENT_REPRESENTING_ENTRYID PR_SENT_REPRESENTING_SEARCH_KEY
PR_SENDER_NAME PR_SENDER_EMAIL_ADDRESS PR_SENDER_SEARCH_KEY
PR_REPLY_RECIPIENT_NAMES PR_REPLY_RECIPIENT_ENTRIES
PR_DISPLAY_TO PR_DISPLAY_CC PR_DISPLAY_BCC
PR_CLIENT_SUBMIT_TIME PR_MESSAGE_DELIVERY_TIME
PR_INTERNET_MESSAGE_ID PR_IN_REPLY_TO_ID PR_INTERNET_REFERENCES
PR_IMPORTANCE PR_PRIORITY PR_SENSITIVITY PR_INTERNET_PRECEDENCE
PR_LIST_UNSUBSCRIBE PR_AUTO_RESPONSE_SUPPRESS PR_READ_RECEIPT_REQUESTED
PR_MESSAGE_SIZE PR_MESSAGE_CLASS PR_HASATTACH
PR_BODY PR_HTML PR_NATIVE_BODY PR_INTERNET_CPID
PR_TRANSPORT_MESSAGE_HEADERS
""".split()
RECIPIENT_PROPERTIES = ["PR_RECIPIENT_TYPE", "PR_SMTP_ADDRESS",
                        "PR_DISPLAY_NAME"]
ATTACHMENT_PROPERTIES = ["PR_ATTACH_LONG_FILENAME", "PR_ATTACH_MIME_TAG",
                         "PR_ATTACH_METHOD", "PR_ATTACH_DATA_BIN",
                         "PR_ATTACH_CONTENT_ID"]

# (file, property) -> class of docs/properties.md, "Where Python differs".
KNOWN = {(name, prop): kind for kind, name, props in (
    ("address",
     "geary/basic-multipart-alternative.eml",
     "PR_REPLY_RECIPIENT_ENTRIES PR_REPLY_RECIPIENT_NAMES"),
    ("address",
     "geary/basic-text-html.eml",
     "PR_REPLY_RECIPIENT_ENTRIES PR_REPLY_RECIPIENT_NAMES"),
    ("address",
     "hyperkitty/payload-iso8859.txt",
     "PR_SENDER_EMAIL_ADDRESS PR_SENDER_SEARCH_KEY "
     "PR_SENT_REPRESENTING_EMAIL_ADDRESS PR_SENT_REPRESENTING_ENTRYID "
     "PR_SENT_REPRESENTING_SEARCH_KEY PR_SENT_REPRESENTING_SMTP_ADDRESS"),
    ("address",
     "hyperkitty/payload-unknown.txt",
     "PR_SENDER_EMAIL_ADDRESS PR_SENDER_SEARCH_KEY "
     "PR_SENT_REPRESENTING_EMAIL_ADDRESS PR_SENT_REPRESENTING_ENTRYID "
     "PR_SENT_REPRESENTING_SEARCH_KEY PR_SENT_REPRESENTING_SMTP_ADDRESS"),
    ("address",
     "parsedmarc/aggregate/Report_domain-_borschow.com_Submitter-_google"
     ".com_Report-ID-_949348866075514174.eml",
     "PR_DISPLAY_NAME PR_DISPLAY_TO PR_RECIPIENT_TYPE PR_SMTP_ADDRESS"),
    ("address",
     "patchwork/fuzz/base64err.mbox",
     "PR_DISPLAY_CC PR_DISPLAY_NAME PR_DISPLAY_TO PR_RECIPIENT_TYPE "
     "PR_SMTP_ADDRESS"),
    ("base64",
     "git-t5100/t5100/quoted-cr.mbox",
     "PR_BODY"),
    ("base64",
     "php-imap-webklex/imap_mime_header_decode_returns_false.eml",
     "PR_CONVERSATION_TOPIC PR_NORMALIZED_SUBJECT PR_SUBJECT"),
    ("boundary",
     "mime-is-broken/hide-content.d/new/1652908061.06Em",
     "PR_ATTACH_DATA_BIN PR_ATTACH_LONG_FILENAME PR_ATTACH_MIME_TAG "
     "PR_BODY PR_INTERNET_CPID PR_NATIVE_BODY"),
    ("boundary",
     "mime-is-broken/hide-content.d/new/1652908061.Meix",
     "PR_ATTACH_CONTENT_ID PR_ATTACH_DATA_BIN PR_ATTACH_LONG_FILENAME "
     "PR_ATTACH_METHOD PR_ATTACH_MIME_TAG PR_BODY PR_INTERNET_CPID "
     "PR_NATIVE_BODY"),
    ("boundary",
     "mime-tools/testin/multi-digest.msg",
     "PR_ATTACH_CONTENT_ID PR_ATTACH_DATA_BIN PR_ATTACH_LONG_FILENAME "
     "PR_ATTACH_METHOD PR_ATTACH_MIME_TAG PR_BODY PR_HASATTACH"),
    ("charset",
     "kopano/inetmapi/tests/mails/zcp-11699-p.eml",
     "PR_CONVERSATION_TOPIC PR_NORMALIZED_SUBJECT PR_SUBJECT "
     "PR_SUBJECT_PREFIX"),
    ("charset",
     "cyrus-mime/mime/iso-2022-jp.eml",
     "PR_BODY PR_INTERNET_CPID"),
    ("comment",
     "ponymail/rfc2822-A5.eml",
     "PR_DISPLAY_NAME PR_DISPLAY_TO PR_SENDER_NAME "
     "PR_SENT_REPRESENTING_ENTRYID PR_SENT_REPRESENTING_NAME"),
    ("encoding",
     "sup/bad-content-transfer-encoding-1.eml",
     "PR_ATTACH_DATA_BIN PR_ATTACH_METHOD"),
    ("message",
     "sup/embedded-message-rfc6532.eml",
     "PR_ATTACH_METHOD"),
    ("uuencode",
     "alaveteli/incoming-request-bad-uuencoding.eml",
     "PR_ATTACH_CONTENT_ID PR_ATTACH_DATA_BIN PR_ATTACH_LONG_FILENAME "
     "PR_ATTACH_METHOD PR_ATTACH_MIME_TAG PR_BODY PR_HASATTACH"),
    ("winmail.dat",
     "horde-tnef/Itip_Reply.eml",
     "PR_ATTACH_CONTENT_ID PR_ATTACH_DATA_BIN PR_ATTACH_LONG_FILENAME "
     "PR_ATTACH_METHOD PR_ATTACH_MIME_TAG PR_BODY PR_HASATTACH "
     "PR_MESSAGE_CLASS PR_NATIVE_BODY"),
    ("winmail.dat",
     "horde-tnef/tnef_task.eml",
     "PR_ATTACH_DATA_BIN PR_ATTACH_LONG_FILENAME PR_ATTACH_METHOD "
     "PR_ATTACH_MIME_TAG PR_HASATTACH PR_MESSAGE_CLASS PR_NATIVE_BODY"),
    ("unclosed",
     "horde/bug12536.txt",
     "PR_BODY"),
    ("unclosed",
     "mimekit/dkim/multipart-no-end-boundary.msg",
     "PR_HTML"),
    ("unclosed",
     "php-mime-mail-parser/failure.eml",
     "PR_BODY"),
) for prop in props.split()}


# ---- text -------------------------------------------------------------------

def undeclared(octets):
    """Bytes of which no charset is known."""
    octets = octets.replace(b"\0", b"")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode(DEFAULT_CHARSET, "replace")


def declared(octets, charset):
    charset = (charset or "us-ascii").strip().lower()
    if charset in ("us-ascii", "ascii", "", "unknown-8bit", "x-unknown",
                   "default"):
        return undeclared(octets)
    charset = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252",
               "shift_jis": "cp932", "ks_c_5601-1987": "cp949",
               "euc-kr": "cp949", "iso-8859-9": "cp1254",
               "utf8": "utf-8", "iso-2022-jp": "iso2022_jp_2",
               "iso-8859-8-i": "iso-8859-8"}.get(charset, charset)
    try:
        codecs.lookup(charset)
    except (LookupError, ValueError):
        return undeclared(octets)
    return octets.decode(charset, "replace").replace("\0", "")


def fields(message, name):
    """Every raw value of a field."""
    return [v for n, v in message.raw_items() if n.lower() == name.lower()]


def plain(value):
    """A raw header value as text, unfolded."""
    text = undeclared(str(value).encode("utf-8", "surrogateescape"))
    return re.sub(r"[\r\n]", "", text).strip()


def decoded(value):
    """The same with encoded words decoded."""
    text = plain(value)
    try:
        pieces = email.header.decode_header(text)
    except (email.errors.HeaderParseError, binascii.Error):
        return text
    out = "".join(p if isinstance(p, str) else
                  (declared(p, c) if c else p.decode("utf-8", "replace")
                   if is_utf8(p) else p.decode("raw-unicode-escape"))
                  for p, c in pieces)
    return re.sub(r"[\x00-\x1f\x7f]", " ", out).strip()


def is_utf8(octets):
    try:
        octets.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def first(message, name):
    values = fields(message, name)
    return values[0] if values else None


# ---- addresses --------------------------------------------------------------

def addresses(values):
    """email.utils.getaddresses() as it was before it became strict: Debian's
    Python gives up on fields that it used to read."""
    try:
        return email.utils.getaddresses(values, strict=False)
    except TypeError:  # a Python that does not know the question
        return email.utils.getaddresses(values)


def mailboxes(values):
    """(display, address) of fields."""
    out = []
    for name, address in addresses([plain(v) for v in values]):
        name = decoded(name)
        if name or address:
            out.append((name, address))
    return out


def label(box):
    return box[0] or box[1]


def search_key(box):
    return b"SMTP:" + box[1].upper().encode() + b"\0"


def entryid(box):
    flags = struct.pack("<I", 0)
    provider = bytes.fromhex("812b1fa4bea310199d6e00dd010f5402")
    return flags + provider + struct.pack("<HH", 0, 0x8001) + b"".join(
        (s + "\0").encode("utf-16-le") for s in (label(box), "SMTP", box[1]))


def flat_list(boxes):
    entries = b""
    for box in boxes:
        one = entryid(box)
        entries += struct.pack("<I", len(one)) + one + b"\0" * (-len(one) % 4)
    return struct.pack("<II", len(boxes), len(entries)) + entries


def joined(boxes):
    return "; ".join(label(b).replace(";", ",") for b in boxes)


# ---- dates ------------------------------------------------------------------

def date(text):
    """ISO 8601 UTC, or None."""
    parsed = email.utils.parsedate_tz(text) if text else None
    if not parsed:
        return None
    try:
        seconds = email.utils.mktime_tz(parsed)
        when = datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return when.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)


def delivered(message):
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for value in fields(message, "Received"):
        text = plain(value)
        when = date(text.rpartition(";")[2]) if ";" in text else None
        if when and when <= now:
            return when
    return None


# ---- parts ------------------------------------------------------------------

IDENTITY = {"", "7bit", "8bit", "binary", "7-bit", "8-bit", "utf-8", "none",
            "us-ascii", "7bits", "8bits", "iso-8859-1", "7", "8"}
ENCODED = {"base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue"}


def encoding(part):
    value = str(part.get("Content-Transfer-Encoding", "")).lower()
    return re.split(r"[;\s(]", value.strip().strip('"'))[0].strip('"')


def is_opaque(part):
    return encoding(part) not in IDENTITY | ENCODED


def content(part):
    """The octets of a leaf."""
    if part.is_multipart():
        return b""
    octets = part.get_payload(decode=True)
    return octets if octets is not None else b""


def is_attachment(part):
    return part.get_content_disposition() == "attachment"


class Bodies:
    def __init__(self):
        self.text = self.html = None

    def take(self, part):
        kind = part.get_content_type()
        if is_attachment(part) or is_opaque(part):
            return False
        if kind == "text/plain" and self.text is None:
            self.text = part
            return True
        if kind == "text/html" and self.html is None:
            self.html = part
            return True
        return False

    def find(self, part, top=True):
        if part.get_content_maintype() == "message":
            return False
        if not part.is_multipart():
            if part.get_content_maintype() == "multipart" and top:
                self.text = part
                return True
            return self.take(part)
        children = part.get_payload()
        if is_attachment(part) or not children:
            return False
        kind = part.get_content_subtype()
        if kind == "alternative":
            return any([self.find(c, False) for c in children])
        if kind == "related":
            start = part.get_param("start")
            for child in children:
                if start and child.get("Content-ID", "").strip() == start:
                    return self.find(child, False)
            return self.find(children[0], False)
        if kind == "encrypted":
            return False
        if kind in ("signed", "report"):
            return self.find(children[0], False)
        return any(self.find(c, False) for c in children)


def leaves(part, bodies):
    """What becomes an attachment, in order."""
    if part in (bodies.text, bodies.html):
        return []
    if part.get_content_maintype() == "message" and part.is_multipart() and \
            part.get_content_type() != "message/rfc822":
        return [part]
    if part.get_content_type() == "message/rfc822" or not part.is_multipart():
        return [part]
    return [leaf for child in part.get_payload()
            for leaf in leaves(child, bodies)]


def meta_charset(octets):
    found = re.search(rb"<meta[^>]*charset=[\"' ]*([a-z0-9_:.-]+)",
                      octets[:4096].lower())
    return found.group(1).decode() if found else None


def charset_of(part):
    charset = part.get_param("charset")
    if isinstance(charset, tuple):
        charset = email.utils.collapse_rfc2231_value(charset)
    return charset.strip().lower() if charset else None


def text_of(part):
    octets = content(part)
    charset = charset_of(part)
    if (charset == "us-ascii" or charset not in CODEPAGES) and \
            part.get_content_type() == "text/html":
        charset = meta_charset(octets) or charset
    text = declared(octets, charset)
    text = text[1:] if text.startswith("\ufeff") else text
    return re.sub(r"(?<!\r)\n", "\r\n", text)


def unflowed(part):
    """RFC 3676 4.2, a paragraph a line."""
    text = text_of(part)
    if part.get_content_type() != "text/plain" or \
            str(part.get_param("format", "")).lower() != "flowed":
        return text
    delsp = str(part.get_param("delsp", "")).lower() == "yes"
    out = []
    before = None
    lines = text.split("\r\n")
    for number, line in enumerate(lines):
        if number == len(lines) - 1 and not line:
            out.append("")
            break
        words = line.lstrip(">")
        quotes = len(line) - len(words)
        words = words[1:] if words.startswith(" ") else words
        flows = words.endswith(" ") and words != "-- "
        if before == quotes and words != "-- ":
            out[-1] += words[:-1] if flows and delsp else words
        else:
            out.append((">" * quotes + " " if quotes else "") +
                       (words[:-1] if flows and delsp else words))
        before = quotes if flows else None
    return "\r\n".join(out)


CODEPAGES = {
    "utf-8": 65001, "utf8": 65001, "us-ascii": 20127, "ascii": 20127,
    "iso-8859-1": 28591, "iso-8859-2": 28592, "iso-8859-15": 28605,
    "windows-1252": 1252, "cp1252": 1252, "windows-1251": 1251,
    "windows-1250": 1250, "koi8-r": 20866, "gb2312": 936, "gbk": 936,
    "gb18030": 54936, "big5": 950, "shift_jis": 932, "iso-2022-jp": 50220,
    "euc-kr": 51949, "euc-jp": 51932, "ks_c_5601-1987": 949,
    "iso-8859-9": 28599, "windows-1254": 1254, "iso-8859-7": 28597,
    "windows-1255": 1255, "windows-1256": 1256, "windows-1257": 1257,
    "iso-8859-4": 28594, "iso-8859-5": 28595, "iso-8859-8": 28598,
    "iso-8859-8-i": 38598, "iso-8859-13": 28603, "utf-7": 65000,
    "windows-1253": 1253, "tis-620": 874, "windows-874": 874,
}


def codepage_of_text(part):
    charset = charset_of(part)
    octets = content(part)
    if charset not in (None, "us-ascii", "ascii"):
        try:
            codecs.lookup(charset)
            return CODEPAGES.get(charset, 65001)
        except (LookupError, ValueError):
            pass
    if all(c < 128 for c in octets):
        return 20127
    return 65001 if is_utf8(octets) else 1252


# What mail of that name is read by.
WIDER = {28591: 1252, 28599: 1254, 936: 54936, 51949: 949}


def expect_html(part):
    """The octets with their code page where they are text by that, else UTF-8
    with 65001 (MS-OXCMAIL 2.2.3.3.2.1)."""
    octets = re.sub(rb"(?<!\r)\n", b"\r\n", content(part))
    text = text_of(part)
    page = codepage_of_text(part)
    said = charset_of(part)
    seven = all(c < 128 for c in octets)
    if said not in CODEPAGES or (said == "us-ascii" and not seven):
        page = CODEPAGES.get(meta_charset(octets),
                             65001 if said is None and seven else page)
    for guess in (page, WIDER.get(page)):
        try:
            if guess and guess < 65000 and \
                    windows.decode(octets, guess) == text:
                return octets, guess
        except (LookupError, UnicodeDecodeError):
            pass
    return text.encode(), 65001


def file_name(part, number):
    name = part.get_filename()
    name = decoded(name) if name else ""
    name = re.sub(r'[/\\:*?"<>|]', "_", name)[:255]
    if re.sub(r"[. _]", "", name):
        return name
    return re.compile(rf"attachment{number}\..+")


def mime_tag(part):
    if is_opaque(part):
        return "application/octet-stream"
    return part.get_content_type()


# ---- what is expected --------------------------------------------------------

def importance(message):
    words = {"low": 0, "normal": 1, "high": 2}
    urgency = {"non-urgent": 0, "normal": 1, "urgent": 2}
    numbers = {"1": 2, "2": 2, "3": 1, "4": 0, "5": 0}
    for name, table in (("Importance", words), ("Priority", urgency),
                        ("X-Priority", numbers),
                        ("X-MSMail-Priority", words)):
        value = first(message, name)
        text = decoded(value).lower() if value else ""
        if name == "X-Priority":
            text = re.match(r"\d*", text).group(0)
        if text in table:
            return table[text]
    return 1


def suppress(message):
    value = first(message, "X-Auto-Response-Suppress")
    if value is not None:
        bits = {"dr": 1, "ndr": 2, "rn": 4, "nrn": 8, "oof": 16,
                "autoreply": 32, "all": -1}
        out = 0
        for word in re.split(r"[,; ]+", decoded(value).lower()):
            out |= bits.get(word, 0)
        return out
    value = first(message, "Auto-Submitted")
    word = re.split(r"[;( ]", decoded(value))[0].lower() if value else ""
    return 48 if word and word != "no" else None


def params_have(message, name, *values):
    got = message.get_param(name)
    return isinstance(got, str) and got.lower() in values


def report_class(message):
    for part in message.get_payload():
        kind = part.get_content_type()
        if kind in ("message/delivery-status",
                    "message/global-delivery-status"):
            ranks = ["delivered", "expanded", "relayed", "delayed", "failed"]
            names = ["DR", "Expanded.DR", "Relayed.DR", "Delayed.DR", "NDR"]
            text = part.as_bytes().decode("latin-1")
            actions = [a.lower() for a in
                       re.findall(r"^Action:\s*([\w-]+)", text, re.M | re.I)]
            found = [ranks.index(a) for a in actions if a in ranks]
            return "REPORT.IPM.Note." + names[max(found, default=4)]
        if kind == "message/disposition-notification":
            text = part.as_bytes().decode("latin-1")
            found = re.search(r"^Disposition:.*?;\s*([\w-]+)", text,
                              re.M | re.I)
            read = not found or found.group(1).lower() in (
                "displayed", "dispatched", "processed")
            return "REPORT.IPM.Note." + ("IPNRN" if read else "IPNNRN")
    return "IPM.Note"


def meeting_class(message):
    part = message
    while part.get_content_type() == "multipart/mixed" and \
            part.is_multipart() and part.get_payload():
        part = part.get_payload()[0]
    if part.get_content_type() == "multipart/alternative" and \
            part.is_multipart():
        parts = [p for p in part.get_payload()
                 if p.get_content_type() == "text/calendar"]
        part = parts[0] if parts else part
    if part.get_content_type() != "text/calendar" or is_attachment(part):
        return "IPM.Note"
    method = str(part.get_param("method") or "").upper()
    text = content(part).decode("latin-1").upper()
    if text.count("BEGIN:VEVENT") != 1:
        return "IPM.Note"
    reply = re.search(r"PARTSTAT=(ACCEPTED|DECLINED|TENTATIVE)", text)
    answer = {"ACCEPTED": "Pos", "DECLINED": "Neg", "TENTATIVE": "Tent"}
    return {"REQUEST": "IPM.Schedule.Meeting.Request",
            "CANCEL": "IPM.Schedule.Meeting.Canceled",
            "COUNTER": "IPM.Schedule.Meeting.Resp.Tent",
            "REPLY": "IPM.Schedule.Meeting.Resp." + answer[reply.group(1)]
            if reply else "IPM.Note"}.get(method, "IPM.Note")


def message_class(message):
    kind = message.get_content_type()
    if kind == "multipart/signed" and params_have(
            message, "protocol", "application/pkcs7-signature",
            "application/x-pkcs7-signature"):
        return "IPM.Note.SMIME.MultipartSigned"
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime") or (
            kind == "application/octet-stream" and
            str(message.get_filename() or "").lower().endswith(".p7m")):
        return "IPM.Note.SMIME"
    if kind == "multipart/report" and message.is_multipart():
        return report_class(message)
    return meeting_class(message)


def header_block(data):
    """Up to the blank line, or to the first that is no field."""
    block = re.match(rb"(?:[!-9;-~]+[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*)*", data)
    return undeclared(re.sub(
        rb"(?im)^x-ms-exchange-(?:organization-(?!(?:scl|pcl|prd|"
        rb"senderidresult):)|forest-)[^\n]*\n"
        rb"(?:[ \t][^\n]*\n)*", b"", block.group(0)))


def subject_parts(subject):
    found = re.match(r"([^\s:\d]{1,3}:(?: +|$))(.*)", subject, re.S)
    return (found.group(1), found.group(2)) if found else ("", subject)


def expect_addresses(message, out):
    who = mailboxes(fields(message, "From")[:1])[:1]
    sender = mailboxes(fields(message, "Sender")[:1])[:1]
    who, sender = who or sender, sender or who
    for prefix, boxes in (("PR_SENT_REPRESENTING_", who),
                          ("PR_SENDER_", sender)):
        if not boxes:
            continue
        box = boxes[0]
        out[prefix + "NAME"] = label(box)
        out[prefix + "ADDRTYPE"] = "SMTP"
        out[prefix + "EMAIL_ADDRESS"] = box[1]
        out[prefix + "SMTP_ADDRESS"] = box[1]
        out[prefix + "ENTRYID"] = entryid(box)
        out[prefix + "SEARCH_KEY"] = search_key(box)
    reply_to = mailboxes(fields(message, "Reply-To")[:1])
    if reply_to:
        out["PR_REPLY_RECIPIENT_NAMES"] = joined(reply_to)
        out["PR_REPLY_RECIPIENT_ENTRIES"] = flat_list(reply_to)
    rows = []
    for number, name in ((1, "To"), (2, "Cc"), (3, "Bcc")):
        boxes = mailboxes(fields(message, name))
        out["PR_DISPLAY_" + name.upper()] = joined(boxes)
        rows += [{"PR_RECIPIENT_TYPE": number, "PR_SMTP_ADDRESS": b[1],
                  "PR_DISPLAY_NAME": label(b)} for b in boxes]
    return rows


def expect_header(message, out):
    subject = decoded(first(message, "Subject") or "")
    out["PR_SUBJECT"] = subject
    out["PR_SUBJECT_PREFIX"], out["PR_NORMALIZED_SUBJECT"] = \
        subject_parts(subject)
    out["PR_CONVERSATION_TOPIC"] = decoded(first(message, "Thread-Topic") or
                                           "") or out["PR_NORMALIZED_SUBJECT"]
    out["PR_CLIENT_SUBMIT_TIME"] = date(plain(first(message, "Date") or ""))
    out["PR_MESSAGE_DELIVERY_TIME"] = delivered(message)
    out["PR_CLIENT_SUBMIT_TIME"] = out["PR_CLIENT_SUBMIT_TIME"] or \
        out["PR_MESSAGE_DELIVERY_TIME"]
    for name, prop in (("Message-ID", "PR_INTERNET_MESSAGE_ID"),
                       ("In-Reply-To", "PR_IN_REPLY_TO_ID"),
                       ("References", "PR_INTERNET_REFERENCES")):
        value = first(message, name)
        text = re.sub(r"[\s\x00]+", " ", plain(value)).strip() if value else ""
        text = re.sub(r"<[^<>]{,250}>", lambda m: m[0].replace(" ", ""), text)
        out[prop] = text or None
    out["PR_IMPORTANCE"] = importance(message)
    out["PR_PRIORITY"] = out["PR_IMPORTANCE"] - 1
    levels = ["normal", "personal", "private", "company-confidential"]
    word = decoded(first(message, "Sensitivity") or "").lower()
    out["PR_SENSITIVITY"] = levels.index(word) if word in levels else 0
    for name, prop in (("Precedence", "PR_INTERNET_PRECEDENCE"),
                       ("List-Unsubscribe", "PR_LIST_UNSUBSCRIBE")):
        out[prop] = decoded(first(message, name) or "") or None
    out["PR_AUTO_RESPONSE_SUPPRESS"] = suppress(message)
    if mailboxes(fields(message, "Disposition-Notification-To")[:1]):
        out["PR_READ_RECEIPT_REQUESTED"] = True


def expect_bodies(message, out):
    bodies = Bodies()
    bodies.find(message)
    if bodies.text is not None:
        out["PR_BODY"] = unflowed(bodies.text)
    elif bodies.html is not None:
        out["PR_BODY"] = ...  # made of the HTML: nothing Python knows
    out["PR_INTERNET_CPID"] = None if bodies.text is None else \
        codepage_of_text(bodies.text)
    if bodies.html is not None:
        out["PR_HTML"], out["PR_INTERNET_CPID"] = expect_html(bodies.html)
    out["PR_NATIVE_BODY"] = 3 if bodies.html is not None else \
        1 if bodies.text is not None else None
    return bodies


def attachment(part, number):
    embedded = part.get_content_type() == "message/rfc822"
    cid = part.get("Content-ID")
    found = re.search(r"<(.*?)>", plain(cid)) if cid else None
    cid = (found.group(1) if found else plain(cid)) if cid else ""
    return {
        "PR_ATTACH_LONG_FILENAME": file_name(part, number),
        "PR_ATTACH_MIME_TAG": mime_tag(part),
        "PR_ATTACH_METHOD": 5 if embedded else 1,
        # A report's fields are taken apart by Python: not its octets.
        "PR_ATTACH_DATA_BIN": None if embedded else ...
        if part.is_multipart() else content(part),
        "PR_ATTACH_CONTENT_ID": cid or None,
    }


def hidden(part, bodies, parents):
    cid = attachment(part, 0)["PR_ATTACH_CONTENT_ID"]
    if not cid or bodies.html is None:
        return False
    html = text_of(bodies.html)
    used = {email.utils.unquote(c) for c in
            re.findall(r"cid:([^\"'<>\s)]+)", html, re.I)}
    inline = part.get_content_disposition() == "inline" or \
        parents.get(id(part)) == "multipart/related"
    return inline and cid in used | {c.replace("%40", "@") for c in used}


def expect_attachments(message, bodies, out):
    parents = {id(c): p.get_content_type() for p in message.walk()
               if p.is_multipart() for c in p.get_payload()}
    if out["PR_MESSAGE_CLASS"].startswith("IPM.Note.SMIME"):
        out["PR_HASATTACH"] = True
        return [{"PR_ATTACH_LONG_FILENAME": "smime.p7m",
                 "PR_ATTACH_MIME_TAG": message.get_content_type(),
                 "PR_ATTACH_METHOD": 1, "PR_ATTACH_DATA_BIN": ...,
                 "PR_ATTACH_CONTENT_ID": ...}]
    parts = leaves(message, bodies)
    out["PR_HASATTACH"] = any(not hidden(p, bodies, parents) for p in parts)
    return [attachment(p, i + 1) for i, p in enumerate(parts)]


def as_delivered(data):
    """As the stdin door takes it: no mbox line, CRLF, a last line end."""
    if data.startswith(b"From "):
        data = data.partition(b"\n")[2]
    data = re.sub(rb"(?<!\r)\n", b"\r\n", data)
    return data if data.endswith(b"\n") else data + b"\r\n"


def expected(data):
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    out = dict.fromkeys(PROPERTIES)
    rows = expect_addresses(message, out)
    expect_header(message, out)
    bodies = expect_bodies(message, out)
    out["PR_MESSAGE_SIZE"] = len(data)
    out["PR_MESSAGE_CLASS"] = message_class(message)
    out["PR_TRANSPORT_MESSAGE_HEADERS"] = header_block(data)
    return out, rows, expect_attachments(message, bodies, out)


# ---- comparing ----------------------------------------------------------------

def same(got, want):
    if want is ...:
        return True
    if isinstance(want, re.Pattern):
        return isinstance(got, str) and bool(want.fullmatch(got))
    if isinstance(want, bytes):
        if isinstance(got, dict):
            return got == {"size": len(want),
                           "sha256": hashlib.sha256(want).hexdigest()}
        return isinstance(got, str) and base64.b64decode(got) == want
    if isinstance(want, str) and want.endswith("Z") and \
            isinstance(got, str) and got.endswith("Z"):
        return re.sub(r"\.0+Z", "Z", got) == want
    return got == want


def compare(data, got):
    """[(property, got, wanted)] of what differs, and how many agreed."""
    want, rows, parts = expected(data)
    differ = [(name, got.get(name), want[name]) for name in PROPERTIES
              if not same(got.get(name), want[name])]
    agreed = len(PROPERTIES) - len(differ)
    for key, names, wanted in (
            ("recipients", RECIPIENT_PROPERTIES, rows),
            ("attachments", ATTACHMENT_PROPERTIES, parts)):
        # Those a report tells of are not in the header.
        have = [row for row in got.get(key, [])
                if "PR_SUPPLEMENTARY_INFO" not in row]
        for name in names:
            mine = [row.get(name) for row in have]
            theirs = [row[name] for row in wanted]
            if len(mine) == len(theirs) and \
                    all(same(a, b) for a, b in zip(mine, theirs)):
                agreed += 1
            else:
                differ.append((name, mine, theirs))
    return differ, agreed


def convert(data):
    """What okapi-admin says, a dict."""
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(data)
        file.flush()
        done = subprocess.run(
            [os.path.join(BUILD, "okapi-admin"), "convert", file.name,
             "--json"], capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"okapi-admin convert: {done.returncode}, "
                           f"{done.stderr[:300]!r}")
    return json.loads(done.stdout)


def chosen(count):
    """Spread over the sources: the n-th of each in turn; no raw TNEF."""
    by_source = {}
    for name, data in corpus.messages():
        if len(data) <= 300000 and not name.endswith((".tnef", ".dat")) and \
                re.match(rb"(?:From .*\r?\n)?[A-Za-z][\w-]*:", data):
            by_source.setdefault(name.split("/")[0], []).append((name, data))
    out = []
    turn = 0
    while len(out) < count and turn < 5000:
        for source in sorted(by_source):
            if turn < len(by_source[source]) and len(out) < count:
                step = max(1, len(by_source[source]) // 4)
                index = (turn * step) % len(by_source[source])
                one = by_source[source][index]
                if one not in out:
                    out.append(one)
        turn += 1
    return out


def check(count=200, known=None):
    """(messages, values that agreed, {(file, property): (got, want)})."""
    agreed, differences = 0, {}
    messages = chosen(count)
    for name, data in messages:
        differ, some = compare(as_delivered(data), convert(data))
        agreed += some
        for prop, got, want in differ:
            differences[name, prop] = (got, want)
    return len(messages), agreed, differences


def main():
    count = 200
    if "--count" in sys.argv:
        count = int(sys.argv[sys.argv.index("--count") + 1])
    if not corpus.messages(1):
        print("properties_check: SKIPPED, ../shared/corpus is not here")
        return 0
    messages, agreed, differences = check(count)
    unknown = {k: v for k, v in differences.items() if k not in KNOWN}
    names = len(PROPERTIES) + len(RECIPIENT_PROPERTIES) + \
        len(ATTACHMENT_PROPERTIES)
    print(f"properties_check: {messages} messages, {names} properties: "
          f"{agreed} values agree, {len(differences)} differ, "
          f"{len(unknown)} of them without a known reason")
    for kind, number in sorted(Counter(
            KNOWN[k] for k in differences if k in KNOWN).items()):
        print(f"  {kind}: {number}")
    for (name, prop), (got, want) in sorted(unknown.items()):
        print(f"{name}: {prop}\n    got  {str(got)[:300]!r}\n"
              f"    want {str(want)[:300]!r}")
    stale = [k for k in KNOWN if k not in differences] if count == 200 else []
    for name, prop in stale:
        print(f"{name}: {prop}: no longer differs")
    return 1 if unknown or stale else 0


if __name__ == "__main__":
    sys.exit(main())

"""A judge of composed messages: octets, header fields and MIME as the RFCs
have them.  Everything that is wrong, as a list of lines; none: well."""

import email
import email.policy
import re

FIELD = re.compile(rb"[!-9;-~]+:[ \t]?")
WORD = re.compile(rb"=\?[^? ]+\?[BbQq]\?[^? ]*\?=")
ONCE = ("from", "sender", "reply-to", "to", "cc", "subject", "date",
        "message-id", "in-reply-to", "references", "mime-version",
        "content-type", "content-transfer-encoding", "importance",
        "x-priority", "sensitivity")
STRUCTURED = ("from", "sender", "reply-to", "to", "cc", "date",
              "content-type", "content-disposition", "message-id")
# RFC 2047 5 (3) against every reader there is: a name for those that know no
# RFC 2231, as the specification of Exchange has it.
FORGIVEN = ("encoded word inside quoted string",
            "missing trailing whitespace after encoded-word",
            "local part with no domain", "obsolete",
            # addresses beyond ASCII (RFC 6532), which Python leaves as octets
            "non-ASCII characters", "Non-ASCII characters")


def octets(message):
    """Line ends and lengths (RFC 5322 2.1.1, 2.3)."""
    if re.search(rb"(?<!\r)\n|\r(?!\n)", message):
        yield "a CR or LF alone"
    if b"\0" in message:
        yield "a zero octet"
    for line in message.split(b"\r\n"):
        if len(line) > 998:
            yield f"a line of {len(line)} octets"


def header(block):
    """A header: fields that are some, each once, folded, words short."""
    names = []
    for line in block.split(b"\r\n"):
        if line[:1] in b" \t" and line:
            if not line.strip():
                yield "a folded line of blanks alone"
            continue
        match = FIELD.match(line)
        if not match:
            yield f"no field: {line[:80]!r}"
            continue
        names.append(line.split(b":")[0].decode().lower())
    for name in set(names):
        if name in ONCE and names.count(name) > 1:
            yield f"{name}: {names.count(name)} times"
        if name in ("bcc", "resent-bcc"):
            yield "Bcc"
    for word in WORD.findall(block):
        if len(word) > 75:
            yield f"an encoded word of {len(word)}"
    if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", block):
        yield "a control character in the header"


def parts(entity):
    """It and all within it.  Python takes fields for machines beyond ASCII
    (RFC 6533) for messages with a text."""
    yield entity
    if entity.is_multipart() and \
            not entity.get_content_type().startswith("message/global-"):
        for inner in entity.get_payload():
            yield from parts(inner)


def part(entity, whole):
    """A part as Python reads it: no defects, transfer encodings that may be,
    text that is what it says."""
    for defect in entity.defects:
        yield f"{entity.get_content_type()}: {defect!r}"
    for name in STRUCTURED:
        value = entity.get(name)
        for defect in getattr(value, "defects", ()):
            if not any(word in str(defect) for word in FORGIVEN):
                yield f"{name}: {defect!r}: {str(value)[:80]}"
    encoding = str(entity.get("content-transfer-encoding", "7bit")).lower()
    composite = entity.get_content_maintype() in ("multipart", "message")
    if composite and encoding not in ("7bit", "8bit"):
        yield f"{entity.get_content_type()} in {encoding}"
    # RFC 2045 6.2: what is in it is at most what it says
    if encoding == "7bit" and any(
            str(inner.get("content-transfer-encoding")).lower() == "8bit"
            for inner in parts(entity)):
        yield f"{entity.get_content_type()} in 7bit has parts in 8bit"
    if entity.get_content_maintype() == "text":
        data = entity.get_payload(decode=True)
        charset = entity.get_content_charset("us-ascii")
        try:
            data.decode(charset)
        except (LookupError, UnicodeDecodeError) as error:
            yield f"text that is not {charset}: {error}"
    if entity.is_multipart() and entity.get_content_maintype() == "multipart":
        boundary = entity.get_boundary().encode()
        lines = whole.count(b"\r\n--" + boundary)
        if lines != len(entity.get_payload()) + 1:
            yield f"{lines} delimiters of {len(entity.get_payload())} parts"


def judge(message):
    """What is wrong with a message, as a list."""
    found = list(octets(message))
    parsed = email.message_from_bytes(message, policy=email.policy.SMTP)
    found += header(message.split(b"\r\n\r\n", 1)[0])
    for name in ("date", "mime-version", "content-type"):
        if parsed.get(name) is None:
            found.append(f"no {name}")
    if parsed.get("to") is None and parsed.get("cc") is None:
        found.append("for nobody")
    for entity in parts(parsed):
        found += part(entity, message)
    return found

#!/usr/bin/env python3
"""What a property set becomes: `okapi-admin convert --rfc822` of sets as a
client would make them, a case a row, each judged by harness.rfc822 and read
again by Python's email package."""

import base64
import datetime
import email
import email.policy
import hashlib
import json
import os
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import rfc822  # noqa: E402
from harness.cases import Case, main  # noqa: E402
from harness.okapi import BUILD, TOP  # noqa: E402

ADMIN = os.path.join(BUILD, "okapi-admin")


def b64(data):
    return base64.b64encode(data).decode()


def note(**more):
    """A message of Anna to Bert, and what it has else; None: it has it not."""
    base = {"PR_SUBJECT": "s", "PR_BODY": "b",
            "PR_SENT_REPRESENTING_NAME": "Anna",
            "PR_SENT_REPRESENTING_EMAIL_ADDRESS": "anna@x.example",
            "PR_CLIENT_SUBMIT_TIME": "2026-11-23T06:00:00Z",
            "recipients": [to("bert@x.example", "Bert")]}
    base.update(more)
    return {k: v for k, v in base.items() if v is not None}


def to(address, name=None, kind=1, **more):
    row = {"PR_RECIPIENT_TYPE": kind, "PR_EMAIL_ADDRESS": address, **more}
    if name:
        row["PR_DISPLAY_NAME"] = name
    return row


def file(name="a.pdf", data=b"x", kind="application/pdf", **more):
    return {"PR_ATTACH_METHOD": 1, "PR_ATTACH_LONG_FILENAME": name,
            "PR_ATTACH_MIME_TAG": kind, "PR_ATTACH_DATA_BIN": b64(data),
            **more}


def entry(name, address):
    wide = "".join(t + "\0" for t in (name, "SMTP", address))
    data = bytes.fromhex("00000000812b1fa4bea310199d6e00dd010f5402"
                         "00000180") + wide.encode("utf-16le")
    return struct.pack("<I", len(data)) + data + b"\0" * (-len(data) & 3)


def entries(*people):
    flat = b"".join(entry(*person) for person in people)
    return b64(struct.pack("<II", len(people), len(flat)) + flat)


def minutes(year, month, day):
    first = datetime.date(1601, 1, 1)
    return (datetime.date(year, month, day) - first).days * 1440


RTF = b"{\\rtf1\\ansi\\ansicpg1252 Gr\\'fc\\'dfe\\par }"
HTML_RTF = (b"{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 {\\*\\htmltag64 <p>}"
            b"Hello{\\*\\htmltag72 </p>}}")


def rtf(text):
    """Compressed RTF that is not compressed (MS-OXRTFCP 2.1.3.1)."""
    return b64(struct.pack("<IIII", len(text) + 12, len(text), 0x414c454d, 0)
               + text)


HTML = b64("<p>Grüße <img src=\"cid:1@x\"></p>".encode())
GLOBAL_ID = (bytes.fromhex("040000008200E00074C5B7101A82E008") + bytes(20) +
             struct.pack("<I", 16) + bytes(range(16)))
FOREIGN_ID = (GLOBAL_ID[:36] + struct.pack("<I", 12 + 7) +
              b"vCal-Uid\1\0\0\0" + b"abc@x.\0")
ZONE = struct.pack("<iiiH8HH8H", -60, 0, -60, 0, 0, 10, 0, 5, 3, 0, 0, 0,
                   0, 0, 3, 0, 5, 2, 0, 0, 0)
WEEKLY = struct.pack("<HHHHHIIIIIIIIIIIII", 0x3004, 0x3004, 0x200b, 1, 0, 0,
                     1, 0, 0x0a, 0x2021, 10, 1, 1, minutes(2026, 11, 25), 0,
                     minutes(2026, 11, 23), minutes(2026, 12, 23), 0x3006) \
    + struct.pack("<IIIH", 0x3008, 600, 660, 0)
P = "PSETID_Appointment:"
MEETING = {"PR_MESSAGE_CLASS": "IPM.Schedule.Meeting.Request",
           P + "0x820d": "2026-11-23T09:00:00Z",
           P + "0x820e": "2026-11-23T10:30:00Z",
           P + "0x8208": "Room 1",
           "PSETID_Meeting:0x0003": b64(GLOBAL_ID)}
H = "PS_INTERNET_HEADERS:"

# name, set, header fields as they stand (decoded; None: not there)
FIELDS = [
    ("from", note(), {"From": "Anna <anna@x.example>", "Sender": None}),
    ("from: SMTP address before that of another kind",
     note(PR_SENT_REPRESENTING_ADDRTYPE="EX",
          PR_SENT_REPRESENTING_EMAIL_ADDRESS="/O=X/CN=ANNA",
          PR_SENT_REPRESENTING_SMTP_ADDRESS="anna@x.example"),
     {"From": "Anna <anna@x.example>"}),
    ("from: an address of another kind is none",
     note(PR_SENT_REPRESENTING_ADDRTYPE="EX",
          PR_SENT_REPRESENTING_EMAIL_ADDRESS="/O=X/CN=ANNA"),
     {"From": "Anna:;"}),
    ("from: by its entry id",
     note(PR_SENT_REPRESENTING_EMAIL_ADDRESS=None,
          PR_SENT_REPRESENTING_ENTRYID=b64(entry("A", "a@x.example")[4:])),
     {"From": "Anna <a@x.example>"}),
    ("sender is another",
     note(PR_SENDER_NAME="Boss", PR_SENDER_EMAIL_ADDRESS="boss@x.example"),
     {"From": "Anna <anna@x.example>", "Sender": "Boss <boss@x.example>"}),
    ("sender is the same, in other letters",
     note(PR_SENDER_NAME="Anna", PR_SENDER_EMAIL_ADDRESS="ANNA@x.example"),
     {"Sender": None}),
    ("sender alone becomes from",
     note(PR_SENT_REPRESENTING_NAME=None,
          PR_SENT_REPRESENTING_EMAIL_ADDRESS=None,
          PR_SENDER_EMAIL_ADDRESS="boss@x.example"),
     {"From": "boss@x.example", "Sender": None}),
    ("from is a name alone, and a sender",
     note(PR_SENT_REPRESENTING_EMAIL_ADDRESS=None,
          PR_SENDER_EMAIL_ADDRESS="boss@x.example"),
     {"From": "Anna:;", "Sender": "boss@x.example"}),
    ("an at sign alone is no address",
     note(PR_SENT_REPRESENTING_EMAIL_ADDRESS="@",
          PR_SENT_REPRESENTING_NAME="Anna"), {"From": "Anna:;"}),
    ("to, cc, no bcc",
     note(recipients=[to("b@x.example"), to("c@x.example", "C", 2),
                      to("secret@x.example", "Secret", 3)]),
     {"To": "b@x.example", "Cc": "C <c@x.example>", "Bcc": None}),
    ("an envelope recipient is in no field",
     note(recipients=[to("b@x.example"),
                      to("p1@x.example", None, 0x10000001)]),
     {"To": "b@x.example"}),
    ("nobody but bcc", note(recipients=[to("secret@x.example", None, 3)]),
     {"To": "undisclosed-recipients:;"}),
    ("a name with signs",
     note(recipients=[to("b@x.example", "Doe, \"J\" (x)\\")]),
     {"To": "\"Doe, \\\"J\\\" (x)\\\\\" <b@x.example>"}),
    ("a name in any script",
     note(recipients=[to("b@x.example", "梁祐晟 Ünï")]),
     {"To": "梁祐晟 Ünï <b@x.example>"}),
    ("reply-to, the whole list in one field",
     note(PR_REPLY_RECIPIENT_ENTRIES=entries(
         ("R", "r@x.example"), ("s@x.example", "s@x.example"))),
     {"Reply-To": "R <r@x.example>, s@x.example"}),
    ("reply-to of names that are addresses",
     note(PR_REPLY_RECIPIENT_NAMES="r@x.example; Somebody; s@x.example"),
     {"Reply-To": "r@x.example, s@x.example"}),
    ("subject", note(PR_SUBJECT="Re: Grüße ☺"), {"Subject": "Re: Grüße ☺"}),
    ("subject of prefix and rest",
     note(PR_SUBJECT=None, PR_SUBJECT_PREFIX="Re: ",
          PR_NORMALIZED_SUBJECT="rest"), {"Subject": "Re: rest"}),
    ("date", note(), {"Date": "Mon, 23 Nov 2026 06:00:00 +0000"}),
    ("ids as they are",
     note(PR_INTERNET_MESSAGE_ID="<1@x>", PR_IN_REPLY_TO_ID="<0@x>",
          PR_INTERNET_REFERENCES="<9@x> <0@x>"),
     {"Message-ID": "<1@x>", "In-Reply-To": "<0@x>",
      "References": "<9@x> <0@x>"}),
    ("thread", note(PR_NORMALIZED_SUBJECT="s", PR_CONVERSATION_TOPIC="other",
                    PR_CONVERSATION_INDEX=b64(bytes(range(22)))),
     {"Thread-Topic": "other",
      "Thread-Index": b64(bytes(range(22)))}),
    ("no topic that the subject says",
     note(PR_NORMALIZED_SUBJECT="s", PR_CONVERSATION_TOPIC="s"),
     {"Thread-Topic": None}),
    ("importance high", note(PR_IMPORTANCE=2),
     {"Importance": "high", "X-Priority": "1"}),
    ("importance low", note(PR_IMPORTANCE=0),
     {"Importance": "low", "X-Priority": "5"}),
    ("importance of the priority", note(PR_PRIORITY=1),
     {"Importance": "high"}),
    ("importance that is none", note(PR_IMPORTANCE=77), {"Importance": None}),
    ("sensitivity personal", note(PR_SENSITIVITY=1),
     {"Sensitivity": "Personal"}),
    ("sensitivity private", note(PR_SENSITIVITY=2),
     {"Sensitivity": "Private"}),
    ("sensitivity confidential", note(PR_SENSITIVITY=3),
     {"Sensitivity": "Company-Confidential"}),
    ("sensitivity none", note(PR_SENSITIVITY=0), {"Sensitivity": None}),
    ("expiry and reply-by",
     note(PR_EXPIRY_TIME="2026-12-01T00:00:00Z",
          PR_REPLY_TIME="2026-11-30T12:00:00Z"),
     {"Expires": "Tue, 1 Dec 2026 00:00:00 +0000",
      "Reply-By": "Mon, 30 Nov 2026 12:00:00 +0000"}),
    ("read receipt to the sender", note(PR_READ_RECEIPT_REQUESTED=True),
     {"Disposition-Notification-To": "Anna <anna@x.example>"}),
    ("read receipt to the author, not to who sent it for her",
     note(PR_READ_RECEIPT_REQUESTED=True,
          PR_SENDER_EMAIL_ADDRESS="boss@x.example"),
     {"Disposition-Notification-To": "Anna <anna@x.example>"}),
    ("read receipt to who sent it, the author being a name alone",
     note(PR_READ_RECEIPT_REQUESTED=True,
          PR_SENT_REPRESENTING_EMAIL_ADDRESS=None,
          PR_SENDER_EMAIL_ADDRESS="boss@x.example"),
     {"Disposition-Notification-To": "boss@x.example"}),
    ("read receipt to nobody who has an address",
     note(PR_READ_RECEIPT_REQUESTED=True,
          PR_SENT_REPRESENTING_EMAIL_ADDRESS=None),
     {"Disposition-Notification-To": None}),
    ("read receipt to somebody",
     note(PR_READ_RECEIPT_REQUESTED=True,
          PR_READ_RECEIPT_EMAIL_ADDRESS="rr@x.example"),
     {"Disposition-Notification-To": "rr@x.example"}),
    ("read receipt to the author, where the address is none",
     note(PR_READ_RECEIPT_REQUESTED=True,
          PR_READ_RECEIPT_EMAIL_ADDRESS="a@x,y"),
     {"Disposition-Notification-To": "Anna <anna@x.example>"}),
    ("read receipt to nobody, where no address is one",
     note(PR_READ_RECEIPT_REQUESTED=True,
          PR_SENT_REPRESENTING_EMAIL_ADDRESS=None,
          PR_READ_RECEIPT_EMAIL_ADDRESS="a@x,y"),
     {"Disposition-Notification-To": None}),
    ("no read receipt", note(PR_READ_RECEIPT_REQUESTED=False,
                             PR_READ_RECEIPT_EMAIL_ADDRESS="rr@x.example"),
     {"Disposition-Notification-To": None}),
    ("delivery receipt", note(PR_ORIGINATOR_DELIVERY_REPORT_REQUESTED=True),
     {"Return-Receipt-To": "Anna <anna@x.example>"}),
    ("delivery receipt to who sent it",
     note(PR_ORIGINATOR_DELIVERY_REPORT_REQUESTED=True,
          PR_SENDER_EMAIL_ADDRESS="boss@x.example"),
     {"Return-Receipt-To": "boss@x.example"}),
    ("precedence and lists",
     note(PR_INTERNET_PRECEDENCE="list", PR_LIST_HELP="<mailto:h@x>",
          PR_LIST_SUBSCRIBE="<mailto:s@x>",
          PR_LIST_UNSUBSCRIBE="<mailto:u@x>"),
     {"Precedence": "list", "List-Help": "<mailto:h@x>",
      "List-Subscribe": "<mailto:s@x>",
      "List-Unsubscribe": "<mailto:u@x>"}),
    ("suppress all", note(PR_AUTO_RESPONSE_SUPPRESS=-1),
     {"X-Auto-Response-Suppress": "All"}),
    ("suppress none", note(PR_AUTO_RESPONSE_SUPPRESS=0),
     {"X-Auto-Response-Suppress": "None"}),
    ("suppress some", note(PR_AUTO_RESPONSE_SUPPRESS=0x32),
     {"X-Auto-Response-Suppress": "NDR, OOF, AutoReply"}),
    ("suppress replies", note(PR_AUTO_RESPONSE_SUPPRESS=48),
     {"X-Auto-Response-Suppress": "OOF, AutoReply"}),
    ("flag", note(**{"PSETID_Common:0x8530": "Call back"}),
     {"X-Message-Flag": "Call back"}),
    ("categories", note(**{"PS_PUBLIC_STRINGS:Keywords": ["Red", "Grün"]}),
     {"Keywords": "Red, Grün"}),
    ("language", note(PR_MESSAGE_LOCALE_ID=0x407), {"Content-Language": "de-de"}),
    ("accept-language", note(**{H + "accept-language": "de, en"}),
     {"Accept-Language": "de, en"}),
    ("a header of one's own",
     note(**{H + "X-My-Field": "ä", H + "comments": "c"}),
     {"X-My-Field": "ä", "Comments": "c"}),
    ("headers that properties make",
     note(**{H + "subject": "evil", H + "x-priority": "1", H + "to": "e@x",
             H + "message-id": "<e@x>"}),
     {"Subject": "s", "X-Priority": None, "Message-ID": None,
      "To": "Bert <bert@x.example>"}),
    ("headers of the way and the form",
     note(**{H + "bcc": "e@x", H + "resent-to": "e@x", H + "received": "e",
             H + "return-path": "e", H + "content-type": "text/html",
             H + "mime-version": "2.0"}),
     {"Bcc": None, "Resent-To": None, "Received": None, "Return-Path": None,
      "Content-Type": "text/plain; charset=\"us-ascii\"",
      "MIME-Version": "1.0"}),
    ("headers of one organization",
     note(**{H + "x-ms-exchange-organization-scl": "9",
             H + "X-Microsoft-Exchange-Forest-A": "b"}),
     {"X-MS-Exchange-Organization-SCL": None,
      "X-Microsoft-Exchange-Forest-A": None}),
    ("classified",
     note(**{"PSETID_Common:0x85b5": True, "PSETID_Common:0x85b6": "Secret",
             "PSETID_Common:0x85b7": "d", "PSETID_Common:0x85b8": "id",
             "PSETID_Common:0x85ba": True}),
     {"X-Microsoft-Classified": "true", "X-Microsoft-Classification": "Secret",
      "X-Microsoft-ClassDesc": "d", "X-Microsoft-ClassID": "id",
      "X-Microsoft-ClassKeep": "true"}),
    ("voice", note(PR_MESSAGE_CLASS="IPM.Note.Microsoft.Voicemail.UM",
                   PR_SENDER_TELEPHONE_NUMBER="+49",
                   PR_VOICE_MESSAGE_DURATION=12),
     {"Content-Class": "voice", "X-CallingTelephoneNumber": "+49",
      "X-VoiceMessageDuration": "12"}),
    ("body's id and place", note(PR_BODY_CONTENT_ID="1@x",
                                 PR_BODY_CONTENT_LOCATION="http://x/"),
     {"Content-ID": "<1@x>", "Content-Location": "http://x/"}),
    ("has attachments", note(attachments=[file()]),
     {"X-MS-Has-Attach": "yes"}),
    ("has none that show",
     note(PR_HTML=HTML, attachments=[file(PR_ATTACH_CONTENT_ID="1@x")]),
     {"X-MS-Has-Attach": None}),
    ("deferred", note(PR_DEFERRED_SEND_TIME="2026-12-01T00:00:00Z"),
     {"Deferred-Delivery": "Tue, 1 Dec 2026 00:00:00 +0000"}),
]

# name, set, the tree of types
TREES = [
    ("plain", note(), "text/plain"),
    ("html", note(PR_HTML=HTML),
     "multipart/alternative(text/plain text/html)"),
    ("html without plain", note(PR_HTML=HTML, PR_BODY=None),
     "multipart/alternative(text/plain text/html)"),
    ("RTF alone", note(PR_BODY=None, PR_RTF_COMPRESSED=rtf(RTF)),
     "text/plain"),
    ("RTF that was HTML", note(PR_RTF_COMPRESSED=rtf(HTML_RTF)),
     "multipart/alternative(text/plain text/html)"),
    ("RTF that is broken", note(PR_RTF_COMPRESSED=rtf(RTF)[:20]),
     "text/plain"),
    ("nothing but a subject", note(PR_BODY=None), "text/plain"),
    ("attached", note(attachments=[file(), file("b.png", b"y", "image/png")]),
     "multipart/mixed(text/plain application/pdf image/png)"),
    ("attached without text", note(PR_BODY=None, attachments=[file()]),
     "multipart/mixed(application/pdf)"),
    ("html and attached", note(PR_HTML=HTML, attachments=[file()]),
     "multipart/mixed(multipart/alternative(text/plain text/html) "
     "application/pdf)"),
    ("shown, by flag",
     note(PR_HTML=HTML, attachments=[
         file("i.png", b"y", "image/png", PR_ATTACH_CONTENT_ID="1@x",
              PR_ATTACH_FLAGS=4)]),
     "multipart/alternative(text/plain multipart/related(text/html "
     "image/png))"),
    ("shown, as the HTML says",
     note(PR_HTML=HTML, attachments=[
         file("i.png", b"y", "image/png", PR_ATTACH_CONTENT_ID="1@x"),
         file("j.png", b"z", "image/png", PR_ATTACH_CONTENT_ID="2@x")]),
     "multipart/mixed(multipart/alternative(text/plain multipart/related("
     "text/html image/png)) image/png)"),
    ("hidden, with its place",
     note(PR_HTML=b64(b"<p><img src='i.png'></p>"), attachments=[
         file("i.png", b"y", "image/png", PR_ATTACHMENT_HIDDEN=True,
              PR_ATTACH_CONTENT_LOCATION="i.png")]),
     "multipart/alternative(text/plain multipart/related(text/html "
     "image/png))"),
    # MS-OXCMAIL 2.1.3.4.1.2: nobody would see it there.
    ("told to be shown, and the HTML shows it not",
     note(PR_HTML=HTML, attachments=[
         file("z.pdf", b"y", "application/pdf", PR_ATTACH_FLAGS=4,
              PR_ATTACH_CONTENT_ID="z@x")]),
     "multipart/mixed(multipart/alternative(text/plain text/html) "
     "application/pdf)"),
    ("nothing is shown without HTML",
     note(attachments=[file("i.png", b"y", "image/png", PR_ATTACH_FLAGS=4,
                            PR_ATTACH_CONTENT_ID="1@x")]),
     "multipart/mixed(text/plain image/png)"),
    ("a message within",
     note(attachments=[{"PR_ATTACH_METHOD": 5, "embedded": note()}]),
     "multipart/mixed(text/plain message/rfc822(text/plain))"),
    ("a message within one within one",
     note(attachments=[{"PR_ATTACH_METHOD": 5, "embedded": note(attachments=[
         {"PR_ATTACH_METHOD": 5, "embedded": note(PR_HTML=HTML)}])}]),
     "multipart/mixed(text/plain message/rfc822(multipart/mixed(text/plain "
     "message/rfc822(multipart/alternative(text/plain text/html)))))"),
    ("a type that is none", note(attachments=[file(kind="evil\r\nX: y")]),
     "multipart/mixed(text/plain application/octet-stream)"),
    ("a multipart as an attachment",
     note(attachments=[file(kind="multipart/mixed")]),
     "multipart/mixed(text/plain application/octet-stream)"),
    ("read", note(PR_MESSAGE_CLASS="REPORT.IPM.Note.IPNRN", PR_BODY=None,
                  PR_ORIGINAL_MESSAGE_ID="<1@y>"),
     "multipart/report(text/plain message/disposition-notification("
     "text/plain))"),
    ("not delivered",
     note(PR_MESSAGE_CLASS="REPORT.IPM.Note.NDR", PR_BODY=None,
          recipients=[to("b@y", None, 1, PR_NDR_STATUS_CODE=511)],
          attachments=[{"PR_ATTACH_METHOD": 5, "embedded": note()}]),
     "multipart/report(text/plain message/delivery-status(text/plain "
     "text/plain) message/rfc822(text/plain))"),
    ("a meeting", note(**MEETING),
     "multipart/alternative(text/plain text/calendar)"),
    ("a meeting with HTML and a file",
     note(PR_HTML=HTML, attachments=[file()], **MEETING),
     "multipart/mixed(multipart/alternative(text/plain text/html "
     "text/calendar) application/pdf)"),
    ("an answer", note(**dict(MEETING, PR_MESSAGE_CLASS="IPM.Schedule"
                              ".Meeting.Resp.Pos")),
     "multipart/alternative(text/plain text/calendar)"),
    ("an appointment", note(**dict(MEETING,
                                   PR_MESSAGE_CLASS="IPM.Appointment")),
     "multipart/alternative(text/plain text/calendar)"),
    ("a task", note(PR_MESSAGE_CLASS="IPM.Task"),
     "multipart/alternative(text/plain text/calendar)"),
    ("a contact is its text", note(PR_MESSAGE_CLASS="IPM.Contact"),
     "text/plain"),
    ("encrypted", note(PR_MESSAGE_CLASS="IPM.Note.SMIME", PR_BODY=None,
                       attachments=[file("smime.p7m", b"0\x80\x06\x09*\x86H"
                                         b"\x86\xf7\r\x01\x07\x03",
                                         "application/pkcs7-mime")]),
     "application/pkcs7-mime"),
]

# name, set, what has to stand in the octets
OCTETS = [
    ("us-ascii", note(PR_BODY="Hello"), b'charset="us-ascii"'),
    ("iso-8859-1", note(PR_BODY="Grüße"), b'charset="iso-8859-1"'),
    ("utf-8", note(PR_BODY="☺"), b'charset="utf-8"'),
    ("as the client asks", note(PR_BODY="Привет", PR_INTERNET_CPID=20866),
     b'charset="koi8-r"'),
    ("but never lossy", note(PR_BODY="☺", PR_INTERNET_CPID=20127),
     b'charset="utf-8"'),
    ("HTML as it is", note(PR_HTML=b64("<p>Привет".encode("koi8-r")),
                           PR_INTERNET_CPID=20866),
     b'text/html; charset="koi8-r"\r\n'
     b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>=F0=D2=C9"),
    ("and its text beside it",
     note(PR_BODY=None, PR_HTML=b64("<p>Привет".encode("koi8-r")),
          PR_INTERNET_CPID=20866),
     b'text/plain; charset="koi8-r"\r\n'
     b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=F0=D2=C9"),
    ("HTML of another code page than it says",
     note(PR_HTML=b64("<p>日本".encode()), PR_INTERNET_CPID=20127),
     b'text/html; charset="utf-8"'),
    ("HTML in UTF-16, as it must not be",
     note(PR_HTML=b64("<p>ä".encode("utf-16-le")), PR_INTERNET_CPID=1200),
     b'text/html; charset="utf-8"\r\n'
     b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>=C3=A4"),
    ("text in the code page of Korea",
     note(PR_BODY="한글", PR_INTERNET_CPID=949),
     b'charset="ks_c_5601-1987"'),
    ("text that is most of it beyond ASCII", note(PR_BODY="Привет" * 100),
     b"Content-Transfer-Encoding: base64"),
    ("RTF alone", note(PR_BODY=None, PR_RTF_COMPRESSED=rtf(RTF)),
     b"Gr=FC=DFe"),
    ("RTF that was HTML", note(PR_RTF_COMPRESSED=rtf(HTML_RTF)),
     b"<p>Hello"),
    ("line feeds of a client", note(PR_BODY="a\nb\n"), b"7bit\r\n\r\na\r\nb"),
    ("a file name in any script",
     note(attachments=[file("Übersicht ☺.pdf")]),
     b"filename*0*=utf-8''%C3%9Cbersicht"),
    ("and for readers that know no RFC 2231",
     note(attachments=[file("Übersicht.pdf")]), b'name="=?utf-8?B?'),
    ("the charset of a text", note(attachments=[
        file("a.txt", b"x", "text/plain", PR_TEXT_ATTACHMENT_CHARSET="koi8-r")
    ]), b'text/plain; charset="koi8-r"'),
    ("a message within is not encoded",
     note(attachments=[{"PR_ATTACH_METHOD": 5, "embedded": note(
         PR_SUBJECT="inner")}]), b"\r\n\r\nFrom: Anna <anna@x.example>\r\n"),
    ("no Bcc of a message within",
     note(attachments=[{"PR_ATTACH_METHOD": 5, "embedded": note(recipients=[
         to("secret@x.example", None, 3)])}]),
     b"To: undisclosed-recipients:;\r\n"),
    ("a delivery report within goes to whom it was delivered for",
     note(attachments=[{"PR_ATTACH_METHOD": 5, "embedded": note(
         PR_MESSAGE_CLASS="REPORT.IPM.Note.NDR",
         PR_RECEIVED_BY_NAME="Chris",
         PR_RECEIVED_BY_EMAIL_ADDRESS="c@x.example",
         PR_RCVD_REPRESENTING_NAME="Dora",
         PR_RCVD_REPRESENTING_EMAIL_ADDRESS="d@x.example")}]),
     b"To: Dora <d@x.example>\r\nSubject: s\r\n"),
    ("or to whom it was delivered",
     note(attachments=[{"PR_ATTACH_METHOD": 5, "embedded": note(
         PR_MESSAGE_CLASS="REPORT.IPM.Note.Delayed.DR",
         PR_RECEIVED_BY_EMAIL_ADDRESS="c@x.example")}]),
     b"To: c@x.example\r\nSubject: s\r\n"),
    ("any other message within to its recipients",
     note(PR_SUBJECT="outer", attachments=[
         {"PR_ATTACH_METHOD": 5, "embedded": note(
             PR_RECEIVED_BY_EMAIL_ADDRESS="c@x.example")}]),
     b"To: Bert <bert@x.example>\r\nSubject: s\r\n"),
    ("what has a message beyond ASCII within says so",
     note(attachments=[{"PR_ATTACH_METHOD": 5, "embedded": note(
         PR_SENT_REPRESENTING_EMAIL_ADDRESS="jürgen@x.example")}]),
     b'_0"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--=_okapi_'),
    ("a report beyond ASCII is not encoded",
     note(PR_MESSAGE_CLASS="REPORT.IPM.Note.NDR", attachments=[
         file("s", "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: "
              "utf-8; jürgen@y.example\r\nAction: failed\r\n".encode(),
              "message/global-delivery-status")]),
     "8bit\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: utf-8; "
     "jürgen@".encode()),
    ("a calendar that came without text goes without",
     note(PR_BODY=None, PR_MESSAGE_CLASS="IPM.Schedule.Meeting.Resp.Pos",
          attachments=[file("a.ics", b"BEGIN:VCALENDAR\r\n",
                            "text/calendar")]),
     b"MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REPLY"),
    ("a part of a message", note(attachments=[
        file("p", b"Subject: x\r\n\r\nx\r\n", "message/partial", **{
            H + "content-type":
                "message/partial; id=\"i@x\"; number=2; total=3"})]),
     b'message/partial; id="i@x"; number=2; total=3\r\n'),
    ("read", note(PR_MESSAGE_CLASS="REPORT.IPM.Note.IPNRN",
                  PR_PARENT_KEY=b64(b"key")),
     b"Final-Recipient: rfc822;anna@x.example\r\n"
     b"Disposition: manual-action/MDN-sent-automatically; displayed\r\n"
     b"X-MSExch-Correlation-Key: a2V5\r\nX-Display-Name: Anna\r\n"),
    ("not read", note(PR_MESSAGE_CLASS="REPORT.IPM.Note.IPNNRN"),
     b"sent-automatically; deleted\r\n"),
    ("delayed", note(PR_MESSAGE_CLASS="REPORT.IPM.Note.Delayed.DR",
                     recipients=[to("b@y.example", None, 1,
                                    PR_REPORT_TIME="2026-11-23T06:00:00Z")]),
     b"Final-Recipient: rfc822;b@y.example\r\nAction: delayed\r\n"
     b"Status: 4.0.0\r\n"),
    ("a report of an address beyond ASCII is ASCII",
     note(PR_MESSAGE_CLASS="REPORT.IPM.Note.NDR",
          recipients=[to("j\u00fc\\@y.example", None, 1,
                         PR_REPORT_TIME="2026-11-23T06:00:00Z")]),
     b"Final-Recipient: utf-8;j\\x{FC}\\x{5C}@y.example\r\n"),
    ("encrypted says so",
     note(PR_MESSAGE_CLASS="IPM.Note.SMIME", PR_BODY=None,
          attachments=[file("smime.p7m", b"0\x80\x06\x09*\x86H\x86\xf7\r\x01"
                            b"\x07\x03", "application/pkcs7-mime")]),
     b'smime-type="enveloped-data"'),
]

# name, set, lines of the calendar (unfolded)
CALENDARS = [
    ("request", note(**MEETING),
     ["METHOD:REQUEST", "DTSTART:20261123T090000Z", "DTEND:20261123T103000Z",
      "LOCATION:Room 1", "SUMMARY:s", "DESCRIPTION:b", "SEQUENCE:0",
      "UID:" + GLOBAL_ID.hex().upper(),
      "ORGANIZER;CN=Anna:mailto:anna@x.example",
      "ATTENDEE;CN=Bert;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:"
      "mailto:bert@x.example"]),
    ("optional attendees, and nobody of Bcc",
     note(recipients=[to("b@x.example"), to("c@x.example", None, 2),
                      to("secret@x.example", None, 3)], **MEETING),
     ["ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:"
      "mailto:c@x.example"]),
    ("no answer wanted", note(PR_RESPONSE_REQUESTED=False, **MEETING),
     ["ATTENDEE;CN=Bert;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION:"
      "mailto:bert@x.example"]),
    ("another's UID",
     note(**dict(MEETING, **{"PSETID_Meeting:0x0003": b64(FOREIGN_ID)})),
     ["UID:abc@x."]),
    ("cancelled",
     note(**dict(MEETING, PR_MESSAGE_CLASS="IPM.Schedule.Meeting.Canceled")),
     ["METHOD:CANCEL", "STATUS:CANCELLED"]),
    ("accepted", note(**dict(MEETING, PR_MESSAGE_CLASS="IPM.Schedule.Meeting"
                             ".Resp.Pos")),
     ["METHOD:REPLY", "ORGANIZER;CN=Bert:mailto:bert@x.example",
      "ATTENDEE;CN=Anna;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED:"
      "mailto:anna@x.example"]),
    ("declined", note(**dict(MEETING, PR_MESSAGE_CLASS="IPM.Schedule.Meeting"
                             ".Resp.Neg")),
     ["METHOD:REPLY", "ATTENDEE;CN=Anna;ROLE=REQ-PARTICIPANT;"
      "PARTSTAT=DECLINED:mailto:anna@x.example"]),
    ("tentative", note(**dict(MEETING, PR_MESSAGE_CLASS="IPM.Schedule.Meeting"
                              ".Resp.Tent")),
     ["METHOD:REPLY", "ATTENDEE;CN=Anna;ROLE=REQ-PARTICIPANT;"
      "PARTSTAT=TENTATIVE:mailto:anna@x.example"]),
    ("another time", note(**dict(
        MEETING, PR_MESSAGE_CLASS="IPM.Schedule.Meeting.Resp.Tent",
        **{P + "0x8257": True, P + "0x8250": "2026-11-24T09:00:00Z",
           P + "0x8251": "2026-11-24T10:00:00Z"})),
     ["METHOD:COUNTER", "DTSTART:20261124T090000Z",
      "DTEND:20261124T100000Z"]),
    ("a whole day", note(**dict(
        MEETING, **{P + "0x8215": True, P + "0x820d": "2026-11-23T00:00:00Z",
                    P + "0x820e": "2026-11-24T00:00:00Z"})),
     ["DTSTART;VALUE=DATE:20261123", "DTEND;VALUE=DATE:20261124"]),
    ("its zone", note(**dict(MEETING, **{P + "0x8233": b64(ZONE),
                                         P + "0x8234": "Mitteleuropa"})),
     ["DTSTART;TZID=Mitteleuropa:20261123T100000", "TZOFFSETTO:+0100",
      "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"]),
    ("every week", note(**dict(MEETING, **{P + "0x8216": b64(WEEKLY)})),
     ["RRULE:FREQ=WEEKLY;UNTIL=20261223T100000Z;BYDAY=MO,WE",
      "EXDATE:20261125T100000Z"]),
    ("one of a series", note(**dict(
        MEETING, **{"PSETID_Meeting:0x0003": b64(
            GLOBAL_ID[:16] + bytes([0x07, 0xea, 11, 23]) + GLOBAL_ID[20:])})),
     ["UID:" + GLOBAL_ID.hex().upper(), "RECURRENCE-ID;VALUE=DATE:20261123"]),
    ("busy and reminded", note(**dict(
        MEETING, **{P + "0x8205": 3, "PSETID_Common:0x8503": True,
                    "PSETID_Common:0x8501": 15})),
     ["TRANSP:OPAQUE", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "TRIGGER:-PT15M"]),
    ("private and urgent", note(PR_SENSITIVITY=2, PR_IMPORTANCE=2, **MEETING),
     ["CLASS:PRIVATE", "PRIORITY:1"]),
    ("nothing gets out of its line",
     note(**dict(MEETING, PR_SUBJECT="a\r\nMETHOD:CANCEL;,\\", **{
         P + "0x8208": "b\nATTENDEE:mailto:e@x"})),
     ["SUMMARY:a\\nMETHOD:CANCEL\\;\\,\\\\",
      "LOCATION:b\\nATTENDEE:mailto:e@x"]),
    ("a task", note(PR_MESSAGE_CLASS="IPM.Task", **{
        "PSETID_Task:0x8105": "2026-12-01T00:00:00Z",
        "PSETID_Task:0x8102": 0.5}),
     ["BEGIN:VTODO", "DUE;VALUE=DATE:20261201", "PERCENT-COMPLETE:50",
      "STATUS:NEEDS-ACTION"]),
]

# name, set, what stderr says; exit code 65
REFUSED = [
    ("nothing", {}, "no message"),
    ("an attachment without octets",
     note(attachments=[file(), {"PR_ATTACH_LONG_FILENAME": "a"}]),
     "attachments[1]: neither PR_ATTACH_DATA_BIN nor"),
    ("within a message within",
     note(attachments=[{"embedded": note(attachments=[{}])}]),
     "attachments[0]: embedded: attachments[0]: neither"),
    ("a meeting without a start",
     note(PR_MESSAGE_CLASS="IPM.Schedule.Meeting.Request"),
     "PSETID_Appointment:0x820d: a meeting request needs its start"),
    ("a recurrence that is none",
     note(**dict(MEETING, **{P + "0x8216": b64(WEEKLY[:30])})),
     "PSETID_Appointment:0x8216"),
]

EVIL = ("x\r\nEvil: y\r\n\r\nEvil: body", "\x01\x02\x1b[2J\x7f\u0085\u2028",
        "=?utf-8?B?RXZpbDogeQ==?=" * 5, "\"><(;,:@[]\\", "\U0010ffff" * 9,
        "x" * 3000, "Ä" * 3000, "a " * 2000, "=_okapi_", ".", "From x")


def compose(what):
    text = what if isinstance(what, str) else json.dumps(what)
    return subprocess.run([ADMIN, "convert", "--rfc822", "-"],
                          input=text.encode(), capture_output=True,
                          timeout=240, check=False)


def tree(part):
    children = part.get_payload() if part.is_multipart() else []
    inner = " ".join(tree(child) for child in children)
    return part.get_content_type() + (f"({inner})" if inner else "")


def leaves(part):
    return [p for p in part.walk() if not p.is_multipart()]


class Compose(Case):
    def good(self, what):
        """Composed, and nothing wrong with it; its octets."""
        done = compose(what)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(rfc822.judge(done.stdout), [], done.stdout[:3000])
        return done.stdout

    def parsed(self, what):
        return email.message_from_bytes(self.good(what),
                                        policy=email.policy.SMTP)

    def test_fields(self):
        for name, what, want in FIELDS:
            with self.subTest(name):
                got = self.parsed(what)
                for field, value in want.items():
                    self.assertEqual(
                        None if got[field] is None else str(got[field]),
                        value, field)

    def test_trees(self):
        for name, what, want in TREES:
            with self.subTest(name):
                self.assertEqual(tree(self.parsed(what)), want)

    def test_octets(self):
        for name, what, want in OCTETS:
            with self.subTest(name):
                self.assertIn(want, self.good(what))

    def test_calendars(self):
        for name, what, want in CALENDARS:
            with self.subTest(name):
                message = self.parsed(what)
                part, = [p for p in leaves(message)
                         if p.get_content_type() == "text/calendar"]
                text = part.get_content().replace("\r\n", "\n")
                lines = text.replace("\n ", "").split("\n")
                for line in want:
                    self.assertIn(line, lines)
                method, = [x for x in lines if x.startswith("METHOD:")]
                self.assertEqual(part.get_param("method"), method[7:])
                self.assertNotIn(b"secret@", message.as_bytes())

    def test_refused(self):
        for name, what, want in REFUSED:
            with self.subTest(name):
                done = compose(what)
                self.assertEqual(done.returncode, 65)
                self.assertIn(want, done.stderr.decode())
                self.assertEqual(done.stdout, b"")

    def test_what_goes_in_comes_out(self):
        """Subject, addresses, text, HTML and files, in any script, are what
        Python reads."""
        text = "Grüße ☺\r\n" + "a long line " * 200 + "\r\n.\r\nFrom x\r\n"
        names = ["Übersicht für alle, die sehr lange Namen mögen und noch "
                 "längere ☺☺☺☺☺☺☺☺☺.pdf", "a \"b\" \\c.txt", "plain.bin",
                 "=?utf-8?B?eA==?=.x"]
        data = [os.urandom(n) for n in (0, 1, 57, 100000)]
        people = ["a@x.example", "\"john doe\"@x.example", "jörg@x.example"]
        message = self.parsed(note(
            PR_SUBJECT="Grüße ☺ " * 30 + ".", PR_BODY=text, PR_HTML=HTML,
            recipients=[to(p, "Näme, " + p) for p in people],
            attachments=[file(n, d) for n, d in zip(names, data)]))
        self.assertEqual(str(message["subject"]), "Grüße ☺ " * 30 + ".")
        self.assertEqual(
            [a.addr_spec.encode("utf-8", "surrogateescape").decode()
             for a in message["to"].addresses], people)
        self.assertEqual([a.display_name for a in message["to"].addresses],
                         ["Näme, " + p for p in people])
        parts = leaves(message)
        self.assertEqual(parts[0].get_payload(decode=True).decode("utf-8"),
                         text)
        self.assertEqual(parts[1].get_payload(decode=True),
                         base64.b64decode(HTML))
        self.assertEqual([p.get_filename() for p in parts[2:]], names)
        self.assertEqual(
            [hashlib.sha256(p.get_payload(decode=True)).digest()
             for p in parts[2:]], [hashlib.sha256(d).digest() for d in data])

    def every_text(self, value):
        """A set whose every text is that."""
        with open(os.path.join(TOP, "shared", "proptag.def"),
                  encoding="utf-8") as table:
            texts = {tag: value for tag in re.findall(
                r"^PROPTAG\((\w+), 0x[0-9a-f]{4}001f,", table.read(), re.M)}
        texts.pop("PR_MESSAGE_CLASS")
        row = dict(texts, PR_RECIPIENT_TYPE=1)
        return dict(texts, PR_READ_RECEIPT_REQUESTED=True, recipients=[row],
                    attachments=[dict(texts, PR_ATTACH_DATA_BIN="eA==")],
                    **{H + "x-a": value, H + "x-b: c\r\nEvil": value,
                       P + "0x8208": value, "PSETID_Common:0x8530": value,
                       "PS_PUBLIC_STRINGS:Keywords": [value, value]})

    def test_no_value_gets_out_of_its_place(self):
        classes = ("IPM.Note", "IPM.Appointment", "REPORT.IPM.Note.NDR",
                   "REPORT.IPM.Note.IPNRN")
        for n, value in enumerate(EVIL):
            with self.subTest(value[:20]):
                what = self.every_text(value)
                what["PR_MESSAGE_CLASS"] = classes[n % len(classes)]
                done = compose(what)
                self.assertEqual(done.returncode, 0, done.stderr)
                header = done.stdout.split(b"\r\n\r\n", 1)[0]
                wrong = list(rfc822.octets(done.stdout))
                wrong += rfc822.header(header)
                self.assertEqual(wrong, [])
                self.assertNotIn(b"\nEvil:", header)

    def test_megabytes_of_values(self):
        long = "xä " * 250000
        done = compose(note(PR_SUBJECT=long, PR_BODY=long,
                            PR_SENT_REPRESENTING_NAME=long,
                            PR_INTERNET_REFERENCES=long))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(rfc822.octets(done.stdout)), [])
        read = email.message_from_bytes(done.stdout)
        self.assertEqual(read.get_payload(decode=True).decode("latin-1"),
                         long)


if __name__ == "__main__":
    main()

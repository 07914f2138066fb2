#!/usr/bin/env python3
"""okapi-admin contact: contacts made, listed, removed, taken from vCards and
written as such; and what they are good for."""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi, message  # noqa: E402

DATA, NO_INPUT, EXISTS, NO_PERMISSION = 65, 66, 73, 77
BATCH = 64  # messages of an import that are committed at once

# As three programs write them: folded, with groups, types and escapes; a value
# in quoted-printable; nothing but a telephone.
CARDS = """BEGIN:VCARD
VERSION:4.0
FN:Käthe "K" Müller\\, Dr.
N:Müller;Käthe;;Dr.;
item1.EMAIL;TYPE=home:kaethe@home.example
EMAIL;PREF=1:Kaethe@Work.example
ORG:Müller\\; Söhne;Vertrieb
TEL;TYPE="voice,cell":tel:+49-1
TEL;TYPE=fax:+49-2
TEL;TYPE=home:+49-3
NOTE:first line\\nsecond
  line
END:VCARD

BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=4A=
=6F;X
FN:Jo
EMAIL;INTERNET:jo@old.example
TEL;WORK;VOICE:1
END:VCARD
begin:vcard
N:Phone;Only
TEL;CELL:+44
end:vcard
"""


class Contacts(Case):
    def setUp(self):
        self.dir = self.directory()
        self.okapi = Okapi(self.dir)
        self.must = self.okapi.must

    def refused(self, status, *words, **more):
        result = self.okapi.admin(*words, **more)
        self.assertEqual(result.status, status, f"{words}: {result}")
        self.assertTrue(result.err.strip())

    def contacts(self, user="anna"):
        return [(c["name"], c["email"], c["company"])
                for c in self.okapi.json("contact", "list", user)]

    def classes(self, user):
        return {m["message_class"] for m in self.okapi.mails(user)}

    def write(self, text):
        path = os.path.join(self.dir, "cards.vcf")
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def test_one_by_one(self):
        self.assertEqual(self.contacts(), [])
        self.must("contact", "add", "anna", "carl@example.org", "--name",
                  'Carl "C" Ödön, Jr.', "--company", "Ödön & Co", "--phone",
                  "+36 1")
        self.must("contact", "add", "anna", "bare@example.org")
        self.assertEqual(self.contacts(), [
            ('Carl "C" Ödön, Jr.', "carl@example.org", "Ödön & Co"),
            ("bare@example.org", "bare@example.org", "")])
        self.assertIn("Ödön & Co", self.must("contact", "list", "anna"))
        mail = self.okapi.mails("anna", "Contacts")[0]
        self.assertEqual((mail["message_class"], mail["read"]),
                         ("IPM.Contact", True))
        props = self.okapi.json("mail", "show", "anna", str(mail["id"]),
                                "--props")
        self.assertEqual(
            [props[f"PR_{name}"] for name in (
                "MESSAGE_CLASS", "DISPLAY_NAME", "EMAIL_ADDRESS",
                "COMPANY_NAME", "BUSINESS_TELEPHONE_NUMBER")],
            ["IPM.Contact", 'Carl "C" Ödön, Jr.', "carl@example.org",
             "Ödön & Co", "+36 1"])
        self.refused(EXISTS, "contact", "add", "anna", "CARL@example.org")
        for bad in ("", "x", "a@", "@b", "a b@c", "a@b\r\nBcc: x@y", "<a@b>"):
            self.refused(DATA, "contact", "add", "anna", bad)
        self.refused(67, "contact", "list", "nobody")
        self.must("contact", "remove", "anna", "Carl@example.org")
        self.refused(NO_INPUT, "contact", "remove", "anna", "carl@example.org")
        self.assertEqual([c[1] for c in self.contacts()], ["bare@example.org"])
        self.must("store", "check")

    def test_vcards(self):
        path = self.write(CARDS)
        self.assertEqual(self.must("contact", "import", "anna", path),
                         "imported: 3\n")
        self.assertEqual(self.contacts(), [
            ('Käthe "K" Müller, Dr.', "Kaethe@Work.example", "Müller; Söhne"),
            ("Jo", "jo@old.example", ""), ("Only Phone", "", "")])
        ident = str(self.okapi.mails("anna", "Contacts")[0]["id"])
        props = self.okapi.json("mail", "show", "anna", ident, "--props")
        self.assertEqual((props["PR_MOBILE_TELEPHONE_NUMBER"],
                          props["PR_HOME_TELEPHONE_NUMBER"],
                          props["PR_SURNAME"], props["PR_GIVEN_NAME"]),
                         ("+49-1", "+49-3", "Müller", "Käthe"))
        self.assertNotIn("PR_BUSINESS_TELEPHONE_NUMBER", props)
        # Out as they came, and into another mailbox.
        out = self.must("contact", "export", "anna")
        self.assertEqual([line for line in out.splitlines() if line],
                         [line for line in CARDS.splitlines() if line])
        self.assertEqual(self.must("contact", "import", "bert", "-",
                                   input=out), "imported: 3\n")
        self.assertEqual(self.contacts("bert"), self.contacts())
        # Again: who has no address cannot be told from others.
        self.assertEqual(self.must("contact", "import", "bert", "-",
                                   input=out), "imported: 1\n")
        # An archive keeps what they are.
        archive = os.path.join(self.dir, "anna.okapi")
        self.must("mail", "export", "anna", "--archive", archive)
        self.okapi.add_user("cora")
        self.must("mail", "import", "cora", "/", archive)
        self.assertEqual(self.contacts("cora"), self.contacts())
        self.assertEqual({m["message_class"] for m in self.okapi.mails(
            "cora", "Contacts")}, {"IPM.Contact"})
        self.must("store", "check")

    def test_quoted_printable(self):
        """As vCard 2.1 has values: soft line breaks, charsets."""
        self.must("contact", "import", "anna", self.write(
            "BEGIN:VCARD\nVERSION:2.1\n"
            "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCl=\n"
            "ler;K=C3=A4=\n"
            "the\n"
            "ORG;CHARSET=ISO-8859-1;QUOTED-PRINTABLE:S=F6hne=3D=\n"
            "\n"
            "TEL;WORK:=41\n"
            "EMAIL;INTERNET:k@old.example\nEND:VCARD\n"))
        self.assertEqual(self.contacts(), [
            ("Käthe Müller", "k@old.example", "Söhne=")])
        self.assertIn("TEL;WORK:=41\r\n",
                      self.must("contact", "export", "anna"))
        for charset in ("x-none", ""):
            self.must("contact", "import", "bert", self.write(
                f"BEGIN:VCARD\nFN;CHARSET={charset};QUOTED-PRINTABLE:=41=\n"
                "B\nEND:VCARD\n"))
        self.assertEqual([c[0] for c in self.contacts("bert")],
                         ["=41B", "=41B"])

    def test_long_names(self):
        """A line of a header has its end; the name is kept whole."""
        for n, name in enumerate(("x" * 5000, "ü" * 5000, '"' * 5000)):
            self.must("contact", "add", "anna", f"{n}@example.org", "--name",
                      name)
            mail = self.okapi.mails("anna", "Contacts")[n]
            ident = str(mail["id"])
            raw = self.okapi.raw("anna", ident)
            self.assertLessEqual(max(map(len, raw.split(b"\r\n"))), 998)
            self.assertEqual(mail["sender"], f"{n}@example.org")
            props = self.okapi.json("mail", "show", "anna", ident, "--props")
            self.assertEqual(props["PR_DISPLAY_NAME"], name)
        out = self.must("contact", "export", "anna")
        self.assertEqual(self.must("contact", "import", "bert", "-",
                                   input=out), "imported: 3\n")

    def test_a_class_is_the_copys(self):
        """Mail with the very octets of a contact is mail."""
        self.must("contact", "add", "anna", "carl@example.org")
        ident = str(self.okapi.mails("anna", "Contacts")[0]["id"])
        path = self.write(self.okapi.raw("anna", ident))
        self.must("mail", "import", "bert", "Inbox", path)
        self.assertEqual(self.classes("bert"), {"IPM.Note"})
        self.assertEqual(self.classes("anna"), {"IPM.Contact"})
        # And the other way round.
        archive = os.path.join(self.dir, "anna.okapi")
        self.must("mail", "export", "anna", "--archive", archive)
        self.must("contact", "remove", "anna", "carl@example.org")
        self.okapi.add_user("cora")
        self.must("mail", "import", "cora", "/", archive)
        self.assertEqual(self.classes("cora"), {"IPM.Contact"})
        self.assertEqual(self.classes("bert"), {"IPM.Note"})
        with sqlite3.connect(self.okapi.settings["store_path"]) as store:
            self.assertEqual(store.execute(
                "SELECT owner, message_class FROM mail WHERE owner <> 'anna'"
                " ORDER BY owner").fetchall(),
                [("bert", "IPM.Note"), ("cora", "IPM.Contact")])
        store.close()
        self.must("store", "check")

    def test_files_that_are_none(self):
        for text in ("", "hello\n", "BEGIN:VCARD\nFN:x\n", b"\xff\xfe",
                     "BEGIN:VCARD\nBEGIN:VCARD\n", "END:VCARD\n",
                     "BEGIN:VCARD\nEMAIL:no address\nEND:VCARD\n",
                     b"BEGIN:VCARD\nFN:a\0b\nEND:VCARD\n"):
            self.refused(DATA, "contact", "import", "anna", self.write(text))
        many = "".join(f"BEGIN:VCARD\nEMAIL:{n}@example.org\nEND:VCARD\n"
                       for n in range(BATCH + 1))
        self.refused(DATA, "contact", "import", "anna", self.write(
            many + "BEGIN:VCARD\nEMAIL:no address\nEND:VCARD\n"))
        self.refused(NO_INPUT, "contact", "import", "anna", self.dir + "/none")
        self.assertEqual(self.contacts(), [])

    def test_whose_they_are(self):
        self.must("--as", "anna", "contact", "add", "anna", "x@example.org")
        for words in (("list", "anna"), ("add", "anna", "y@example.org"),
                      ("export", "anna")):
            self.refused(NO_PERMISSION, "--as", "bert", "contact", *words)
        # A message that lies there counts by its sender.
        self.okapi.deliver(message("hi"), "anna", "-F", "Contacts")
        self.assertEqual([c[1] for c in self.contacts()],
                         ["x@example.org", "carol@example.org"])
        self.assertIn("EMAIL:carol@example.org",
                      self.must("contact", "export", "anna"))

    def test_out_of_office_for_contacts_only(self):
        text = self.write("away\n")
        self.must("oof", "on", "anna", "--subject", "Away", "--message-file",
                  text, "--external", "contacts")
        self.must("contact", "add", "anna", "friend@example.org")
        for sender in ("friend@example.org", "other@example.org"):
            self.okapi.deliver(message(sender, sender=sender), "anna",
                               "--sender", sender)
        self.assertEqual([r["address"] for q in self.okapi.queue()
                          for r in q["recipients"]], ["friend@example.org"])


if __name__ == "__main__":
    main()

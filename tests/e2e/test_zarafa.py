#!/usr/bin/env python3
"""zarafa-admin: its flags, one by one."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.admin import NO_INPUT, NO_USER, USAGE, Admin  # noqa: E402
from harness.cases import main  # noqa: E402
from harness.okapi import message  # noqa: E402


class Zarafa(Admin):
    def zarafa(self, *args, **more):
        return self.admin("zarafa-admin", *args, **more)

    def test_the_flags(self):
        done = self.zarafa("-c", "dora", "-e", "dora@okapi.test", "-f", "Dora",
                           "-p", "secret", "-a", "yes", "--qh", "7")
        self.assertEqual(done.status, 0, done)
        user = self.json("user", "show", "dora")
        self.assertEqual((user["fullname"], user["admin"],
                          user["quota"]["hard"]), ("Dora", True, 7))
        for args in (["-u", "dora", "-f", "D", "--qd", "1", "-n", "yes"],
                     ["-u", "dora", "-P"], ["-g", "staff"],
                     ["-u", "dora", "--add-sendas", "anna"],
                     ["-u", "dora", "--add-sendas", "bert"],
                     ["-u", "dora", "--del-sendas", "bert"],
                     ["-b", "dora", "-i", "staff"],
                     ["-B", "dora", "-i", "staff"], ["-G", "staff"]):
            done = self.zarafa(*args, input=b"secret\n")
            self.assertEqual(done.status, 0, f"{args}: {done}")
        user = self.json("user", "show", "dora")
        self.assertEqual((user["fullname"], user["active"],
                          user["quota"]["hard"]), ("D", False, 0))
        self.assertEqual(user["send_as"], ["anna"])
        self.assertRegex(self.zarafa("--list-sendas", "dora").out,
                         r"(?m)^send as +by anna$")
        self.assertIn("dora", self.zarafa("-l").out)
        self.assertEqual(self.zarafa("-L").status, 0)
        self.assertEqual(self.zarafa("-d", "dora").status, 0)
        self.assertEqual([o["name"] for o in self.json("store", "orphans")],
                         ["dora (without owner)"])
        self.refused(NO_USER, "user", "show", "dora")

    def test_the_flags_for_stores(self):
        """unhook keeps a store, hook gives it back, remove deletes it."""
        must = self.okapi.must
        self.okapi.deliver(message("one"), "anna")
        self.assertEqual(self.zarafa("--unhook-store", "anna").status, 0)
        self.assertEqual(self.okapi.mails("anna"), [])
        orphan, = self.json("store", "orphans")
        self.assertIn("anna (without owner)", self.zarafa(
            "--list-orphans").out)
        number = str(orphan["id"])
        self.assertEqual(self.zarafa("--hook-store", number, "-u",
                                     "bert").status, 0)
        self.assertEqual(self.okapi.subjects("bert"), ["one"])
        self.assertEqual([o["name"] for o in self.json("store", "orphans")],
                         ["bert (without owner)"])
        old = str(self.json("store", "orphans")[0]["id"])
        self.assertEqual(self.zarafa("--remove-store", number).status,
                         NO_INPUT)
        self.assertEqual(self.zarafa("--remove-store", old).status, 0)
        self.assertEqual(self.json("store", "orphans"), [])
        self.okapi.deliver(message("two"), "anna")
        self.assertEqual(self.okapi.subjects("anna"), ["two"])
        ident = str(self.okapi.mails("anna")[0]["id"])
        must("mail", "delete", "anna", ident, "--permanent", "--yes")
        self.assertIn("purged: 0", self.zarafa("--purge-softdelete",
                                               "3").out)
        self.assertIn("purged: 1", self.zarafa("--purge-softdelete",
                                               "0").out)
        must("store", "check")
        # By okapi-admin's own words.
        must("user", "set", "anna", "--store", "new")
        orphan, = self.json("store", "orphans")
        self.refused(USAGE, "store", "remove", str(orphan["id"]),
                     says="anna (without owner)")
        self.refused(USAGE, "store", "remove", "x")
        must("store", "remove", str(orphan["id"]), "--yes")
        self.refused(NO_INPUT, "store", "remove", str(orphan["id"]), "--yes")
        self.refused(NO_INPUT, "store", "remove", "1", "--yes")
        self.refused(NO_INPUT, "user", "set", "anna", "--store",
                     str(orphan["id"]))
        must("store", "check")

    def test_the_other_flags(self):
        self.assertEqual(self.zarafa("-u", "anna", "-U", "hanna").status, 0)
        self.assertIn("hanna", self.zarafa("--details", "hanna", "--type",
                                           "user").out)
        self.assertIn("hanna", self.zarafa("--list-users").out)
        self.assertIn("Everyone", self.zarafa("--list-groups").out)
        self.assertIn("messages", self.zarafa("--user-count").out)
        self.assertEqual(self.zarafa("--reset-folder-count",
                                     "hanna").status, 0)
        for args, hard in ((["--qo", "yes", "--qh", "5"], 5),
                           (["--qo", "no"], 0)):
            done = self.zarafa("-u", "hanna", *args)
            self.assertEqual(done.status, 0, done)
            self.assertEqual(self.json("user", "show",
                                       "hanna")["quota"]["hard"], hard)
        self.assertEqual(self.zarafa(
            "-c", "dora", "--email", "dora@okapi.test", "--fullname", "Dora",
            "--password", "x").status, 0)

    def test_what_there_is_nothing_for(self):
        """Each says why, and how else."""
        for args, says in ((["--sync"], "users live in the store"),
                           (["--clear-cache=1"], "no cache"),
                           (["-u", "anna", "--mr-accept", "yes"], "meeting"),
                           (["--create-company", "x"], "one company"),
                           (["--create-store", "anna"], "--unhook-store"),
                           (["-l", "--host", "x"], "--config"),
                           (["-s"], "public store")):
            done = self.zarafa(*args)
            self.assertEqual(done.status, USAGE, f"{args}: {done}")
            self.assertIn(says, done.err)
        for args in (["-u", "anna", "-U", "x", "-f", "y"],
                     ["-l", "-U", "x"], ["--hook-store", "7"],
                     ["-l", "--type", "user"], ["--purge-softdelete", "x"],
                     ["--details", "anna", "--type", "company"],
                     ["-u", "anna", "--qo", "yes", "--qd", "1"],
                     ["-u", "anna", "--qo", "perhaps"]):
            done = self.zarafa(*args)
            self.assertEqual(done.status, USAGE, f"{args}: {done}")

    def test_as_a_link(self):
        link = self.dir + "/bin/zarafa-admin"
        os.symlink("okapi-admin", link)
        done = subprocess.run([link, "--config", self.okapi.config, "-l"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("anna", done.stdout)

    def test_refusals(self):
        for args in ([], ["-x"], ["-c"], ["-c", "a", "-d", "b"], ["-b", "a"],
                     ["-l", "-e", "x@y"], ["-l", "more"],
                     ["-u", "anna", "-a", "maybe"],
                     ["-u", "anna", "--qd", "2"],
                     ["-u", "anna", "--qd", "1", "--qh", "3"],
                     ["-c", "new"]):
            result = self.zarafa(*args)
            self.assertEqual(result.status, USAGE, f"{args}: {result}")
        self.assertEqual(self.zarafa("-d", "nobody").status, NO_USER)
        self.assertIn("--nope: there is no such flag", self.zarafa(
            "-u", "anna", "--nope").err)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What the Makefile promises: install, run, demo."""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.lmtp import Lmtp  # noqa: E402
from harness.okapi import BUILD, TOP, crlf, message  # noqa: E402
from harness.process import Process, free_port  # noqa: E402


def make(*args):
    san = os.path.basename(BUILD) if os.path.basename(BUILD) != "build" else ""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "--no-print-directory", f"SAN={san}",
                           *args], cwd=TOP, env=env, capture_output=True,
                          text=True, timeout=200, check=False)


class Manuals(Case):
    def test_help_and_man_page_list_the_same_options(self):
        """okapi-admin's page: tests/unit/admin/test_man.c."""
        for page in ("okapi-dagent.8", "okapi-spooler.8", "okapi-sendmail.1"):
            program = os.path.join(BUILD, page.rpartition(".")[0])
            shown = subprocess.run([program, "--help"], text=True, check=True,
                                   capture_output=True).stdout
            helped = set(re.findall(r"(?<![\w|-])(--?[A-Za-z][a-z-]*)",
                                    "\n".join(line.split("  ")[1] for line in
                                              shown.splitlines()
                                              if line.startswith("  -"))))
            with open(os.path.join(TOP, "docs", "man", page),
                      encoding="utf-8") as file:
                heads = [line for line in file if line.startswith(".It Fl")
                         and " , c , e , " not in line]  # do nothing
            listed = {"-" + name for line in heads
                      for name in re.findall(r"Fl (-?[A-Za-z][a-z-]*)", line)}
            with self.subTest(page):
                self.assertGreater(len(helped), 10)
                self.assertEqual(helped - listed, set(), "in --help only")
                self.assertEqual(listed - helped, set(), "on the page only")


class Install(Case):
    def test_into_a_destdir_and_run_from_there(self):
        tree = self.directory()
        done = make("install", f"DESTDIR={tree}", "PREFIX=/opt/okapi")
        self.assertEqual(done.returncode, 0, done.stderr)
        prefix = os.path.join(tree, "opt/okapi")
        found = {os.path.relpath(os.path.join(d, f), tree)
                 for d, _, names in os.walk(tree) for f in names}
        for path in ("sbin/okapi-dagent", "sbin/okapi-spooler",
                     "sbin/okapi-admin", "sbin/zarafa-admin",
                     "bin/okapi-sendmail", "libexec/okapi/okapi-convert",
                     "libexec/okapi/okapi-dagentd",
                     "libexec/okapi/okapi-deliver",
                     "share/okapi/okapi.cfg.sample",
                     "share/okapi/okapi-autorespond",
                     "share/bash-completion/completions/okapi-admin",
                     "share/zsh/site-functions/_okapi-admin",
                     "share/fish/vendor_completions.d/okapi-admin.fish",
                     "share/man/man8/okapi-dagent.8",
                     "lib/systemd/system/okapi-dagent.service",
                     "lib/systemd/system/okapi-dagent.socket",
                     "lib/systemd/system/okapi-spooler.socket",
                     "lib/systemd/system/okapi-spooler.service"):
            self.assertIn("opt/okapi/" + path, found)
        self.assertIn("etc/okapi/okapi.cfg", found)
        with open(os.path.join(prefix, "lib/systemd/system",
                               "okapi-dagent.service"),
                  encoding="utf-8") as file:
            self.assertIn("ExecStart=/opt/okapi/sbin/okapi-dagent -l\n",
                          file.read())
        self.run_from(prefix, os.path.join(tree, "etc/okapi/okapi.cfg"))
        self.keeps_the_configuration(tree)
        self.leaves_what_is_not_ours(tree)

    def run_from(self, prefix, config):
        """The sample configuration as it is, with paths of this test."""
        where = self.directory()
        options = [w for pair in (
            f"store_path={where}/store.db", f"run_dir={where}",
            f"spool_dir={where}", "origin=okapi.test") for w in ("-o", pair)]

        def run(name, *args, **more):
            done = subprocess.run(
                [os.path.join(prefix, "sbin", name), "-c", config, *options,
                 *args], capture_output=True, text=True, check=False,
                timeout=60, **more)
            self.assertEqual((name, done.returncode, done.stderr),
                             (name, 0, ""))
            return done.stdout

        run("okapi-admin", "config", "check")
        run("okapi-admin", "init")
        run("okapi-admin", "user", "create", "anna", "--email", "a@x.test")
        run("okapi-dagent", "anna", input="Subject: installed\n\nx\n")
        self.assertIn("installed", run("okapi-admin", "mail", "list", "anna"))

    def keeps_the_configuration(self, tree):
        config = os.path.join(tree, "etc/okapi/okapi.cfg")
        with open(config, "w", encoding="utf-8") as file:
            file.write("# mine\n")
        for target in ("install", "uninstall"):
            done = make(target, f"DESTDIR={tree}", "PREFIX=/opt/okapi")
            self.assertEqual(done.returncode, 0, done.stderr)
        with open(config, encoding="utf-8") as file:
            self.assertEqual(file.read(), "# mine\n")
        left = [os.path.join(d, f) for d, _, names in
                os.walk(os.path.join(tree, "opt")) for f in names]
        self.assertEqual(left, [])

    def leaves_what_is_not_ours(self, tree):
        """The directories of programs and data may be everybody's."""
        others = [os.path.join(tree, place, "other")
                  for place in ("usr/lib", "usr/share")]
        for path in others:
            os.makedirs(os.path.dirname(path))
            with open(path, "w", encoding="utf-8"):
                pass
        for target in ("install", "uninstall"):
            done = make(target, f"DESTDIR={tree}", "PREFIX=/usr",
                        "LIBEXECDIR=/usr/lib", "DATADIR=/usr/share")
            self.assertEqual(done.returncode, 0, done.stderr)
        left = [os.path.join(d, f) for d, _, names in
                os.walk(os.path.join(tree, "usr")) for f in names]
        self.assertEqual(sorted(left), others)


class Run(Case):
    def start(self, var, port):
        return Process([os.path.join(TOP, "scripts/run")], cwd=TOP,
                       env=dict(os.environ, VAR=var, LMTP_PORT=str(port),
                                OKAPI_BUILD=BUILD), start_new_session=True)

    def test_twice_over_the_same_store(self):
        var, port = os.path.join(self.directory(), "var"), free_port()
        for subject in ("first run", "second run"):
            process = self.start(var, port)
            self.addCleanup(process.kill)
            process.wait_for("Ctrl-C ends both")
            text = process.text()
            for word in ("deliver ", "look ", "send "):
                self.assertIn("\n  " + word, text)
            with Lmtp(("127.0.0.1", port)) as client:
                reply, = client.deliver("c@x.test", ["demo@localhost"],
                                        crlf(message(subject)))
            self.assertEqual(reply[0], 250, reply)
            # Ctrl-C reaches the script and both daemons.
            os.killpg(process.pid, signal.SIGINT)
            self.assertEqual(process.child.wait(60), 0, process.text())
            with self.assertRaises(OSError):
                Lmtp(("127.0.0.1", port))
        listed = subprocess.run(
            [os.path.join(BUILD, "okapi-admin"), "-c", var + "/okapi.cfg",
             "mail", "list", "demo"], capture_output=True, text=True,
            check=True).stdout
        self.assertIn("first run", listed)
        self.assertIn("second run", listed)

    def test_the_three_lines_work(self):
        var, port = os.path.join(self.directory(), "var"), free_port()
        process = self.start(var, port)
        self.addCleanup(process.kill)
        process.wait_for("Ctrl-C ends both")
        for word in ("deliver", "look", "send"):
            line = process.wait_for("  " + word + " ").strip()
            done = subprocess.run(
                ["sh", "-c", line.split(None, 1)[1]], cwd=TOP,
                capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual((word, done.returncode, done.stderr),
                             (word, 0, ""))
        self.assertEqual(process.stop(signal.SIGTERM), 0)

    def test_port_in_use(self):
        var, port = os.path.join(self.directory(), "var"), free_port()
        first = self.start(var, port)
        self.addCleanup(first.kill)
        first.wait_for("Ctrl-C ends both")
        second = self.start(var + "2", port)
        self.addCleanup(second.kill)
        self.assertNotEqual(second.child.wait(60), 0)
        second.wait_for(f"Is port {port} taken?")
        self.assertEqual(first.stop(signal.SIGTERM), 0)


class Demo(Case):
    def test_it_shows_and_ends(self):
        done = subprocess.run(
            [os.path.join(TOP, "scripts/demo")], cwd=TOP,
            env=dict(os.environ, OKAPI_BUILD=BUILD), text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=100,
            check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for word in ("Junk E-mail", "Sent Items", "Inbox/Lists",
                     "the queue is empty"):
            self.assertIn(word, done.stdout)


if __name__ == "__main__":
    main()

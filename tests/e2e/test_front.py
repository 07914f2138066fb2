#!/usr/bin/env python3
"""What okapi-dagent and the daemon say to each other on dagent.sock
(docs/protocol.md, XDELIVER): whoever speaks it, and whoever dies in it."""

import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import Case, main  # noqa: E402
from harness.okapi import Okapi, crlf, message  # noqa: E402

CHUNK = 256 * 1024  # of okapi-dagent
OUTCOME = re.compile(rb"^(\d{3}) (\S+) exit=(\d+) ?(.*)\r$", re.M)


class Front(Case):
    settings = {}

    def setUp(self):
        self.okapi = Okapi(self.directory(), **self.settings)
        self.addCleanup(self.okapi.stop)
        self.where = os.path.join(self.okapi.settings["run_dir"],
                                  "dagent.sock")

    def start(self, *args):
        """One that waits for its message."""
        return subprocess.Popen(
            [self.okapi.program("okapi-dagent"), "-c", self.okapi.config,
             *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def large(self, size, subject="large"):
        data = message(subject, body="".join(
            f"{n:09d} of a line that is not like any other one\n"
            for n in range(size // 55)))
        return data, hashlib.sha256(crlf(data)).hexdigest()

    def stored(self, user="anna"):
        return {m["subject"]: hashlib.sha256(
            self.body(user, m["id"])).hexdigest()
            for m in self.okapi.mails(user)}

    def body(self, user, ident):
        """Without the trace headers on top."""
        raw = self.okapi.raw(user, ident)
        return raw[raw.index(b"From: carol"):]


class Messages(Front):
    def setUp(self):
        super().setUp()
        self.okapi.start_dagent()

    def test_of_every_size(self):
        """A pipe and a file; those that end where a chunk does."""
        sent = {}
        for size in (200, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3_000_000):
            for way in ("pipe", "file"):
                subject = f"{way} {size}"
                data = message(subject, body="")
                data += b"x" * (size - len(data) - 1) + b"\n"
                path = os.path.join(self.okapi.directory, "mail")
                with open(path, "wb") as file:
                    file.write(data)
                args = ["-f", path] if way == "file" else []
                done = self.okapi.deliver(b"" if args else data, *args, "anna")
                self.assertEqual((done.status, done.out), (0, ""), done)
                sent[subject] = hashlib.sha256(crlf(data)).hexdigest()
        self.assertEqual(self.stored(), sent)

    def test_larger_than_may_be(self):
        data, _ = self.large(3_000_000)
        for args, status, first in ((["-o", "message_size_limit=2"], 65,
                                     "5.3.4 message is larger than 2097152 "),
                                    (["-qo", "message_size_limit=1"], 100,
                                     "5.3.4 message is larger than 1048576 ")):
            done = self.okapi.deliver(data, *args, "anna")
            self.assertEqual(done.status, status, done)
            self.assertTrue(done.first_line.startswith(first), done)
        done = self.okapi.deliver(data, "-s", "-o", "message_size_limit=2",
                                  "anna")
        self.assertEqual((done.status, done.out + done.err), (65, ""), done)
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_one_without_end_is_refused_when_it_is_too_large(self):
        """Not when it has ended, and nothing of it fills a disk here."""
        with open("/dev/zero", "rb") as zero:
            done = subprocess.run(
                [self.okapi.program("okapi-dagent"), "-c", self.okapi.config,
                 "anna"], stdin=zero, capture_output=True, timeout=60,
                check=False)
        self.assertEqual(done.returncode, 65, done)
        self.assertTrue(done.stdout.startswith(b"5.3.4 "), done)

    def test_what_dagent_is_asked_counts_in_the_daemon(self):
        """Usage, configuration and rights are told of as without a daemon."""
        for args, status, first in (
                (["-e", "-R", "anna"], 75, "4.3.5 -e and -R exclude"),
                (["-q", "-e", "-R", "anna"], 111, "4.3.5 -e and -R exclude"),
                (["-o", "stoer_path=/x", "anna"], 75, "4.3.5 "),
                (["-o", "message_size_limit=much", "anna"], 75, "4.3.5 "),
                (["-F", "", "anna"], 75, "4.3.5 the folder has no name"),
                ([], 75, "4.3.5 no recipient given"),
                (["nobody", "anna"], 67, "5.1.1 <nobody>: no such recipient"),
                (["\u00fcnknown@okapi.test"], 67,
                 "5.1.1 <\u00fcnknown@okapi.test>: no such recipient"),
                (["not a path"], 67, "5.1.1 <not a path>: no such")):
            with self.subTest(args):
                done = self.okapi.deliver(message(" ".join(args)), *args)
                self.assertEqual((done.status, done.err), (status, ""), done)
                self.assertTrue(done.first_line.startswith(first), done)
                self.assertEqual(done.out.count("\n"), 1, done)

    def test_a_faulty_configuration_puts_off(self):
        path = os.path.join(self.okapi.directory, "bad.cfg")
        with open(self.okapi.config, encoding="utf-8") as file:
            good = file.read()
        for line, word in (("stoer_path = x", "stoer_path"),
                           ("quota_hard = lots", "quota_hard"),
                           ("what is this", "key = value"),
                           ("x = \0", "NUL"), ("run_dir =", "run_dir")):
            with self.subTest(line):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(good + line + "\n")
                done = self.okapi.run("okapi-dagent", "-c", path, "anna",
                                      input=message("x"))
                self.assertEqual(done.status, 75, done)
                self.assertTrue(done.first_line.startswith("4.3.5 "), done)
                self.assertIn(word, done.first_line)
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_ten_thousand_recipients(self):
        names = [f"nobody{n}@okapi.test" for n in range(10000)]
        done = self.okapi.deliver(message("many"), "anna", *names[1:])
        self.assertEqual(done.status, 67, done)
        self.assertEqual(self.okapi.subjects("anna"), ["many"])
        done = self.okapi.deliver(message("too many"), "anna", *names)
        self.assertEqual(done.status, 75, done)
        self.assertTrue(done.first_line.startswith("4.5.3 "), done)
        done = self.okapi.deliver(message("long"), "anna", *(
            "x" * 100_000 for _ in range(11)))
        self.assertEqual(done.status, 75, done)
        self.assertTrue(done.first_line.startswith("4.5.3 "), done)
        self.assertEqual(self.okapi.subjects("anna"), ["many"])


class Slow(Front):
    settings = {"lmtp_timeout": "2s"}

    def test_a_large_message_that_comes_slowly(self):
        """The daemon is told that it is still coming."""
        self.okapi.start_dagent()
        data, sha256 = self.large(400_000)
        client = self.start("anna")
        client.stdin.write(data[:CHUNK + 10])
        client.stdin.flush()
        for part in (data[CHUNK + 10:CHUNK + 20], data[CHUNK + 20:-5]):
            time.sleep(2.5)
            client.stdin.write(part)
            client.stdin.flush()
        self.assertEqual(client.communicate(data[-5:], 60), (b"", b""))
        self.assertEqual(client.returncode, 0)
        self.assertEqual(self.stored(), {"large": sha256})


class Impatient(Front):
    """A daemon that gives up before the front thinks it may."""
    settings = {"lmtp_timeout": "1s"}

    def test_a_message_that_begins_late(self):
        self.okapi.start_dagent()
        client = self.start("anna")
        time.sleep(1.5)
        self.assertEqual(client.communicate(message("pipe"), 60), (b"", b""))
        self.assertEqual(client.returncode, 0)
        fifo = os.path.join(self.okapi.directory, "fifo")
        os.mkfifo(fifo)
        client = self.start("-f", fifo, "anna")
        time.sleep(2.5)
        with open(fifo, "wb") as file:
            file.write(message("fifo"))
        self.assertEqual(client.communicate(timeout=60), (b"", b""))
        self.assertEqual(client.returncode, 0)
        self.assertEqual(self.okapi.subjects("anna"), ["fifo", "pipe"])


class Deaths(Front):
    def test_of_okapi_dagent(self):
        """Killed at every step, it has delivered nothing."""
        self.okapi.start_dagent()
        data, _ = self.large(900_000)
        for name, octets in (("before the message", 0), ("a few octets", 20),
                             ("one chunk", CHUNK), ("two", 2 * CHUNK),
                             ("more", 3 * CHUNK + 7), ("all", len(data))):
            with self.subTest(name):
                client = self.start("anna")
                client.stdin.write(data[:octets])
                client.stdin.flush()
                self.eventually("it waits", lambda c=client: self.waits(c))
                client.kill()
                client.communicate()
        self.eventually("its sessions are over", lambda: self.sessions() == 0)
        self.assertEqual(self.okapi.mails("anna"), [])
        done = self.okapi.deliver(data, "anna")
        self.assertEqual(done.status, 0, done)

    def waits(self, client):
        """Has it read what there is, and handed over what it could?"""
        with open(f"/proc/{client.pid}/wchan", encoding="ascii") as file:
            where = file.read()
        with open(f"/proc/{client.pid}/stat", encoding="ascii") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        return state == "S" and ("pipe" in where or "poll" in where
                                 or where == "0")

    def sessions(self):
        """Descriptors of the daemon that are connections at its socket."""
        with open("/proc/net/unix", encoding="ascii") as file:
            inodes = {line.split()[6] for line in file
                      if line.rstrip().endswith(self.where)
                      and line.split()[5] == "03"}
        directory = f"/proc/{self.okapi.dagent.pid}/fd"
        count = 0
        for name in os.listdir(directory):
            try:
                link = os.readlink(os.path.join(directory, name))
            except OSError:
                continue
            count += any(f"socket:[{inode}]" == link for inode in inodes)
        return count

    def test_of_the_daemon(self):
        """While a large message is handed over."""
        data, _ = self.large(2_000_000)
        for args, status in (((), 75), (("-q",), 111)):
            daemon = self.okapi.start_dagent()
            client = self.start(*args, "anna")
            client.stdin.write(data[:CHUNK + 5])
            client.stdin.flush()
            daemon.wait_for("from local")
            daemon.kill()
            out, err = client.communicate(data[CHUNK + 5:], 60)
            self.assertEqual((client.returncode, err), (status, b""), out)
            self.assertRegex(out, rb"^4\.4\.2 .*\n$")
        self.assertEqual(self.okapi.mails("anna"), [])


class OtherDaemons(Front):
    """What listens there is not what was expected."""

    def listen(self, answer):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.where)
        listener.listen()
        self.addCleanup(listener.close)

        def serve():
            connection, _ = listener.accept()
            with connection:
                answer(connection)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join)

    def told(self, text, read=True):
        """What okapi-dagent makes of a daemon that says so."""
        def answer(connection):
            if read:
                data = b""
                while not data.endswith(b"QUIT\r\n"):
                    data += connection.recv(65536)
            connection.sendall(text)
        self.listen(answer)
        done = self.okapi.deliver(message("x"), "anna")
        os.unlink(self.where)
        self.assertEqual(done.err, "", done)
        return done

    def test_say_something_else(self):
        old = (b"220 mx LMTP\r\n500 5.5.2 Unknown command\r\n"
               b"503 5.5.1 MAIL first\r\n221 2.0.0 Bye\r\n")
        for name, text, first in (
                ("an older one", old, "4.3.0 the daemon says \"500 5.5.2 Unk"),
                ("nothing", b"", "4.4.2 "),
                ("half a reply", b"220 mx\r\n250 2.0.0 OK\r\n250 2.1.5 exit=0",
                 "4.4.2 "),
                ("no outcome", b"220 mx\r\n250 2.0.0 OK\r\n221 Bye\r\n",
                 "4.4.2 "),
                ("no exit code", b"250 2.1.5 exit=\r\n", "4.4.2 "),
                ("a failure that is none", b"550 5.1.1 exit=0 x\r\n",
                 "4.3.0 "),
                ("a success that is none", b"250 2.1.5 exit=65 x\r\n",
                 "4.4.2 "),
                ("no octet", b"550 5.1.1 exit=256 x\r\n", "4.3.0 "),
                ("below nothing", b"550 5.1.1 exit=-1 x\r\n", "4.3.0 "),
                ("it is full", b"421 4.3.2 mx is shutting down\r\n",
                 "4.3.2 mx is shutting down"),
                ("a refusal for good", b"554 5.3.2 never\r\n", "4.3.0 "),
                ("nonsense", b"\xff\r\n\r\n\r\nx\r\n", "4.3.0 "),
                ("a NUL", b"\0\r\n", "4.4.2 "),
                ("a line without end", b"2" * 100_000, "4.4.2 ")):
            with self.subTest(name):
                done = self.told(text)
                self.assertEqual(done.status, 75, done)
                self.assertTrue(done.first_line.startswith(first), done)
                self.assertEqual(done.out.count("\n"), 1, done)
        self.assertEqual(self.okapi.mails("anna"), [])

    def test_say_no_before_all_was_read(self):
        done = self.told(b"421 4.7.1 not you\r\n", read=False)
        self.assertEqual((done.status, done.out), (75, "4.7.1 not you\n"))

    def test_say_how_to_exit(self):
        done = self.told(b"220 x\r\n250 2.0.0 OK\r\n"
                         b"550 5.7.1 exit=77 no\x1b[2J, \xc3\xbc\r\n")
        self.assertEqual((done.status, done.out), (77, "5.7.1 no [2J, ü\n"))


def block(*words, variables=()):
    return b"".join(w.encode() + b"\0" for w in (*variables, "", *words))


class Hostile(Front):
    """The socket is open to every user of the machine."""

    def setUp(self):
        super().setUp()
        self.okapi.start_dagent()

    def say(self, data):
        """All that the daemon answers."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(self.where)
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has hung up
            said = b""
            try:
                while part := client.recv(65536):
                    said += part
            except ConnectionResetError:
                pass
            return said

    def hand_over(self, arguments, data=message("x"), claimed=None):
        size = len(arguments) if claimed is None else claimed
        return self.say(b"XDELIVER %d\r\nBDAT %d LAST\r\n" % (
            size, len(arguments) + len(data)) + arguments + data)

    def test_arguments(self):
        for name, arguments, status, code in (
                ("none", b"", b"4.3.0", 75), ("no end", b"\0anna", b"4.3.0", 75),
                ("only variables", b"SENDER=x\0", b"4.3.5", 75),
                ("no recipient", block(), b"4.3.5", 75),
                ("an empty one", block("anna", ""), b"4.3.5", 75),
                ("help", block("--help"), b"4.3.5", 75),
                ("version", block("-V", "anna"), b"4.3.5", 75),
                ("serve", block("-l"), b"4.3.5", 75),
                ("daemonize", block("-d", "anna"), b"4.3.5", 75),
                ("no value", block("-o"), b"4.3.5", 75),
                ("many letters", block("-" + "v" * 900_000, "nobody"),
                 b"4.3.5", 75),
                ("many words", block(*["-vvvvv"] * 10000, "nobody"),
                 b"4.3.5", 75),
                ("many clusters", block(*["-" + "v" * 95] * 10000, "nobody"),
                 b"4.3.5", 75),
                ("many settings", block(*["-oa=b"] * 5000, "nobody"),
                 b"4.3.5", 75),
                ("a long key", block("-o", "x" * 900_000 + "=1", "anna"),
                 b"4.3.5", 75),
                ("a long value", block("-o", "store_path=" + "x" * 900_000,
                                       "nobody"), b"5.1.1", 67),
                ("many empty words", b"\0" * 1_000_000, b"4.5.3", 75),
                ("long names", block("x" * 900_000), b"5.1.1", 67),
                ("no UTF-8", b"\0\xff\xfe@okapi.test\0", b"5.1.1", 67),
                ("line ends", block("anna\r\nRCPT TO:<bert>"), b"5.1.1", 67)):
            with self.subTest(name):
                said = self.hand_over(arguments)
                found = OUTCOME.search(said)
                self.assertTrue(found, said[:500])
                self.assertEqual((found[2], int(found[3])), (status, code),
                                 said[:500])
                self.assertLess(len(said), 1000)
        self.assertEqual(self.okapi.mails("anna"), [])
        self.assertTrue(self.okapi.dagent.running())

    def memory(self):
        """The most that the daemon ever had, in MB."""
        with open(f"/proc/{self.okapi.dagent.pid}/status",
                  encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024

    def test_what_each_recipient_keeps(self):
        """Ten thousand recipients may not have a megabyte each."""
        long = "x" * 400_000
        before = self.memory()
        for name in ("EXTENSION=", "LOCAL_PART_SUFFIX=+"):
            said = self.hand_over(block(*["anna"] * 1000,
                                        variables=(name + long,)),
                                  message(name))
            self.assertEqual(int(OUTCOME.search(said)[3]), 0, said)
        self.assertLess(self.memory() - before, 100)
        for path in (long, "x/" * 200_000):
            said = self.hand_over(block("-C", "-F", path, *(
                f"anna+{n}@okapi.test" for n in range(9))))
            found = OUTCOME.search(said)
            self.assertEqual((found[2], found[3]), (b"4.3.5", b"75"), said)
        self.assertEqual(self.okapi.subjects("anna"),
                         ["EXTENSION=", "LOCAL_PART_SUFFIX=+"])

    def test_lengths(self):
        data = block("anna") + message("x")
        for name, octets, expected in (
                ("more than may be", b"XDELIVER 1048577\r\n", b"452 4.5.3"),
                ("2^64", b"XDELIVER 18446744073709551617\r\n", b"452 4.5.3"),
                ("below nothing", b"XDELIVER -1\r\n", b"501 5.5.4"),
                ("no number", b"XDELIVER x\r\n", b"501 5.5.4"),
                ("claimed and not sent", b"XDELIVER 1000000\r\n"
                 b"BDAT 2000000\r\nxxx", b"250 2.0.0"),
                ("more than the message", b"XDELIVER 1000000\r\n"
                 b"BDAT %d LAST\r\n" % len(data) + data, b"451 4.3.0 exit=75 "),
                ("recipients by command", b"XDELIVER 6\r\n"
                 b"RCPT TO:<anna>\r\n", b"503 5.5.1"),
                ("DATA", b"XDELIVER 6\r\nDATA\r\n", b"503 5.5.1"),
                ("twice", b"XDELIVER 6\r\nXDELIVER 6\r\n", b"503 5.5.1"),
                ("a message without LHLO", b"XDELIVER 6\r\nRSET\r\n"
                 b"MAIL FROM:<>\r\n", b"503 5.5.1"),
                ("half, and RSET", b"XDELIVER 6\r\nBDAT 3\r\n\0anRSET\r\n"
                 b"BDAT 3 LAST\r\nna\0", b"503 5.5.1"),
                ("no last chunk", b"XDELIVER 6\r\nBDAT %d\r\n" % len(data)
                 + data, b"250 2.0.0")):
            with self.subTest(name):
                self.assertIn(b"\r\n" + expected, self.say(octets))
        self.assertEqual(self.okapi.mails("anna"), [])
        said = self.say(b"XDELIVER 6\r\n" + b"".join(
            b"BDAT 1\r\n%c" % octet for octet in data) + b"BDAT 0 LAST\r\n")
        self.assertEqual(int(OUTCOME.search(said)[3]), 0, said[-200:])
        self.assertEqual(self.okapi.subjects("anna"), ["x"])

    def test_is_for_this_socket_only(self):
        with socket.create_connection(("127.0.0.1", self.okapi.port)) as tcp:
            tcp.sendall(b"XDELIVER 6\r\nQUIT\r\n")
            said = b""
            while part := tcp.recv(65536):
                said += part
        self.assertIn(b"\r\n500 5.5.2 ", said)

    def test_no_file_of_the_daemon_is_opened(self):
        """-f and -c are the front's: what they name is not looked at."""
        secret = os.path.join(self.okapi.directory, "secret")
        with open(secret, "w", encoding="ascii") as file:
            file.write("Subject: secret\n\nsecret\n")
        said = self.hand_over(block("-f", secret, "-c", secret, "anna"))
        self.assertEqual(int(OUTCOME.search(said)[3]), 0, said)
        self.assertEqual(self.okapi.subjects("anna"), ["x"])

    def test_variables(self):
        said = self.hand_over(block("anna", variables=(
            "SENDER=s@x.test", "PATH=/x", "SENDERS=no", "SENDER", "=",
            "ORIGINAL_RECIPIENT=" + "x" * 900)))
        self.assertEqual(int(OUTCOME.search(said)[3]), 0, said)
        mail, = self.okapi.mails("anna")
        self.assertIn(b"Return-Path: <s@x.test>\r\n",
                      self.okapi.raw("anna", mail["id"]))


if __name__ == "__main__":
    main()

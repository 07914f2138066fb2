#!/usr/bin/env python3
"""Relay hosts that misbehave in every way there is, by each transport: what the
relay host has not taken is not called sent, what it may have taken is not
called failed, and each message arrives once."""

import email
import os
import socket
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import main  # noqa: E402
from harness.certificates import certificate  # noqa: E402
from harness.okapi import message  # noqa: E402
from test_spooler import Sending  # noqa: E402

LARGE = 5 << 20


class Closed(Exception):
    pass


class Peer:
    """One connection of a client, line by line."""

    def __init__(self, rude, sock):
        self.rude, self.sock, self.input = rude, sock, b""
        self.words = list(rude.words)

    def say(self, *replies):
        for reply in replies:
            self.sock.sendall(reply.encode("utf-8", "surrogateescape")
                              + b"\r\n")

    def octets(self, data):
        self.sock.sendall(data)

    def fill(self):
        more = self.sock.recv(65536)
        if not more:
            raise Closed()
        self.input += more

    def line(self):
        while b"\n" not in self.input:
            self.fill()
        line, self.input = self.input.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    def take(self, size):
        while len(self.input) < size:
            self.fill()
        data, self.input = self.input[:size], self.input[size:]
        return data

    def data(self):
        data = bytearray(b"\r\n")
        while not data.endswith(b"\r\n.\r\n"):
            while b"\n" not in self.input:
                self.fill()
            end = self.input.rindex(b"\n") + 1
            at = (bytes(data[-5:]) + self.input).find(b"\r\n.\r\n")
            if at >= 0:
                end = at - len(data[-5:]) + 5
            data += self.input[:end]
            self.input = self.input[end:]
        return bytes(data[2:-3])

    def ehlo(self):
        words = ["rude.test", *self.words]
        return "\r\n".join(f"250{'-' if i + 1 < len(words) else ' '}{word}"
                           for i, word in enumerate(words))

    def reset(self):
        """RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        raise Closed()

    def run(self, hooks):
        def step(name, usual, *args):
            hook = hooks.get(name)
            if hook is None:
                self.say(usual)
            elif isinstance(hook, str):
                self.say(hook)
            elif isinstance(hook, bytes):
                self.octets(hook)
            else:
                return hook(self, *args)
            return None
        step("CONNECT", "220 rude.test")
        while True:
            line = self.line()
            verb = line.split()[0].upper() if line else ""
            if verb in ("EHLO", "HELO", "LHLO"):
                step(verb, self.ehlo() if verb == "EHLO" else "250 rude")
            elif verb in ("DATA", "BDAT"):
                if verb == "DATA":
                    step("DATA", "354 go")
                    data = self.data()
                else:
                    if "BDAT" in hooks and step("BDAT", "") == "unknown":
                        continue
                    data = self.take(int(line.split()[1]))
                done = len(self.rude.taken)
                self.rude.taken.append(data)
                if step("DOT", "250 2.0.0 taken") == "refused":
                    del self.rude.taken[done]
            elif verb == "STARTTLS":
                step("STARTTLS", "220 go")
                self.sock = self.rude.tls.wrap_socket(self.sock,
                                                      server_side=True)
                self.words = self.rude.words_in_tls
            elif verb == "QUIT":
                step("QUIT", "221 bye")
                return
            else:
                step(verb, {"AUTH": "235 ok"}.get(verb, "250 ok"))


class Rude:
    """A relay host; its first connection goes by the hooks, or all do."""

    def __init__(self, hooks, words, tls=None, words_in_tls=None,
                 always=False):
        self.hooks, self.words, self.tls = hooks, words, tls
        self.always = always
        self.words_in_tls = words if words_in_tls is None else words_in_tls
        self.taken = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        # So that much of a large message is still on its way.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        first = True
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            hooks = self.hooks if first or self.always else {}
            first = False
            threading.Thread(target=self.serve, args=(sock, hooks),
                             daemon=True).start()

    def serve(self, sock, hooks):
        peer = Peer(self, sock)
        try:
            peer.run(hooks)
        except (Closed, OSError, ValueError, IndexError):
            pass
        finally:
            peer.sock.close()


def split(reply):
    """An octet a segment."""
    def hook(peer):
        text = peer.ehlo() if reply == "EHLO" else reply
        for octet in text.encode() + b"\r\n":
            peer.octets(bytes([octet]))
    return hook


def refused(*replies):
    """It says so and did not take the message."""
    def hook(peer):
        peer.say(*replies)
        return "refused"
    return hook


def then(end, *replies):
    """Replies, then "close" or "reset"."""
    def hook(peer):
        peer.say(*replies)
        if end == "reset":
            peer.reset()
        raise Closed()
    return hook


def amid(octets, *replies, end="close"):
    """In the middle of a large message."""
    def hook(peer):
        if replies[:1] == ("354 go",):
            peer.say("354 go")
        got = 0
        while got < octets:
            peer.input = b""
            peer.fill()
            got += len(peer.input)
        peer.say(*[r for r in replies if r != "354 go"])
        if end == "reset":
            peer.reset()
        if end == "close":
            raise Closed()
        while True:  # reads on, and keeps nothing
            peer.input = b""
            peer.fill()
    return hook


def ehlo_then(*extra):
    """In one segment: behind BDAT nothing would show a reply that comes when
    the client has gone on."""
    def hook(peer):
        peer.say("\r\n".join([peer.ehlo(), *extra]))
    return hook


# What the first connection does, and what becomes of a message on it: "sent",
# "failed", "waiting".
CASES = {
    "replies octet by octet": ({
        "CONNECT": split("220 hello"), "EHLO": split("EHLO"),
        "MAIL": split("250 ok"), "RCPT": split("250 ok"),
        "DATA": split("354 go"), "DOT": split("250 taken")}, "sent"),
    "a greeting of lines": ({"CONNECT": "220-a\r\n220-b\r\n220 c"}, "sent"),
    "no text": ({"CONNECT": "220", "MAIL": "250", "RCPT": "250",
                 "DATA": "354", "DOT": "250"}, "sent"),
    "bare line feeds": ({"MAIL": b"250 ok\n", "RCPT": b"250 ok\n",
                         "DATA": b"354 go\n", "DOT": b"250 ok\n"}, "sent"),
    "8 bit and NUL in what says yes": ({
        "MAIL": b"250 \xe4\xff\r\n", "RCPT": b"250 \xc3\xa4\r\n",
        "DOT": b"250 \xff\0ok\r\n"}, "sent"),
    "8 bit in what says no": ({"RCPT": b"550 5.1.1 k\xe4in \xff\r\n"},
                              "failed"),
    "a long line": ({"DOT": "250 " + "x" * 800}, "sent"),
    "mixed codes to MAIL": ({"MAIL": "250-ok\r\n450 no"}, "waiting"),
    "mixed codes to RCPT": ({"RCPT": "550-no\r\n250 ok"}, "waiting"),
    "mixed codes to the end": ({"DOT": refused("250-ok\r\n554 no")},
                               "waiting"),
    "mixed to the end, yes at last": ({"DOT": refused("554-no\r\n250 ok")},
                                      "waiting"),
    "354 to MAIL": ({"MAIL": "354 go"}, "waiting"),
    "354 to RCPT": ({"RCPT": "354 go"}, "waiting"),
    "354 to the end": ({"DOT": refused("354 go")}, "waiting"),
    "354 to EHLO": ({"EHLO": "354 go"}, "waiting"),
    "1xx": ({"DOT": refused("150 wait")}, "waiting"),
    "6xx": ({"MAIL": "650 what"}, "waiting"),
    "words to the end": ({"DOT": refused("thank you")}, "waiting"),
    "codes of two classes": ({"RCPT": "550 2.1.5 no"}, "failed"),
    "yes with a code that says no": ({"DOT": "250 5.7.1 taken"}, "sent"),
    "no with a code for later": ({"RCPT": "550 4.2.0 no"}, "failed"),
    "an extra reply behind the greeting": ({
        "CONNECT": "220 a\r\n250 b"}, "any"),
    "an extra reply behind EHLO": ({"EHLO": ehlo_then("250 more")},
                                   "waiting"),
    "an extra reply behind MAIL": ({"MAIL": "250 ok\r\n250 ok"}, "waiting"),
    "an extra reply behind RCPT": ({"RCPT": "250 ok\r\n250 ok"}, "waiting"),
    "an extra no behind RCPT": ({"RCPT": "250 ok\r\n550 no"}, "any"),
    "an extra reply behind the end": ({
        "DOT": "250 taken\r\n250 taken"}, "sent"),
    "closed behind the end": ({"DOT": then("close", "250 taken")}, "sent"),
    "reset behind QUIT": ({"QUIT": then("reset")}, "sent"),
    "QUIT is nonsense": ({"QUIT": "what"}, "sent"),
    "LMTP": ({"EHLO": "500 5.5.1 LHLO", "HELO": "500 5.5.1 LHLO"},
             "waiting"),
    "no EHLO": ({"EHLO": "500 what"}, "any"),
    "421 to the end": ({"DOT": lambda p: (p.say("421 closing"),
                                          then("close")(p))}, "window"),
    "DATA is refused": ({"DATA": then("close", "554 no")}, "data"),
}
# Replies to the content itself, while there is more of it.
LARGE_CASES = {
    "no, and closed": (("552 5.3.4 too much",), "close", "failed"),
    "no, and reset": (("552 5.3.4 too much",), "reset", "any"),
    "no, and reads on": (("552 5.3.4 too much",), "read", "failed"),
    "later, and closed": (("452 4.3.1 full",), "close", "waiting"),
    "closed": ((), "close", "waiting"),
    "reset": ((), "reset", "waiting"),
    "yes, and reads on": (("250 2.0.0 taken",), "read", "waiting"),
    "yes, and closed": (("250 2.0.0 taken",), "close", "waiting"),
}
# The same around TLS: hooks, what is offered within, and what becomes of it.
TLS_CASES = {
    "it goes well": ({}, None, "sent"),
    "octets behind the 220": ({"STARTTLS": "220 go\r\n250 injected"}, None,
                              "waiting"),
    "an EHLO behind the 220": ({"STARTTLS": "220 go\r\n250-x\r\n250 SIZE"},
                               None, "waiting"),
    "not now": ({"STARTTLS": "454 4.7.0 not now"}, None, "waiting"),
    "clear text instead": ({
        "STARTTLS": lambda p: (p.say("220 go"), p.fill(),
                               then("close", "250 what")(p))}, None,
        "waiting"),
    "closed instead": ({"STARTTLS": then("close", "220 go")}, None,
                       "waiting"),
    "less within": ({}, (), "sent"),
    "a smaller SIZE within": ({}, ("SIZE 10", "8BITMIME"), "sent"),
    "no end of TLS": ({"DOT": then("close", "250 taken")}, None, "sent"),
    "reset within": ({"RCPT": then("reset")}, None, "waiting"),
}
BASE = ("PIPELINING", "8BITMIME", "SIZE 100000000", "ENHANCEDSTATUSCODES")


class Started(Sending):
    direct = False

    def start(self, cases, **settings):
        """cases: name -> Rude."""
        direct = self.direct if isinstance(self.direct, list) else \
            [self.direct] * len(cases)
        self.names = dict(enumerate(cases))
        self.rudes = cases
        for rude in cases.values():
            self.addCleanup(rude.listener.close)
        table = self.sender_table(*(
            f"c{i}@okapi.test 127.0.0.1:{rude.port} " +
            ("anna |/bin/echo t0ken" if direct[i] else "")
            for i, rude in enumerate(cases.values())))
        self.okapi_with(None, smtp_sender_table=table, queue_retry_min="1h",
                        queue_retry_max="1h",
                        **{"smtp_max_sessions": 40, **settings})

    def submit(self, count, body="x\n"):
        for i in self.names:
            for k in range(count):
                self.send(message(f"c{i} m{k}", body=body), "-f",
                          f"c{i}@okapi.test", "x@example.org")

    def once(self, timeout="1s"):
        result = self.okapi.run("okapi-spooler", "-c", self.okapi.config,
                                "--once", "-o", f"smtp_timeout={timeout}")
        self.assertIn(result.status, (0, 75), repr(result))
        return result


class Rudeness(Started):
    """By libesmtp."""
    words = BASE

    def outcomes(self):
        """By case: the states of its messages."""
        states = {i: [] for i in self.names}
        left = {e["subject"]: e["recipients"][0]["state"]
                for e in self.okapi.queue()}
        for folder, state in (("Outbox", "failed"), ("Sent Items", "sent")):
            for subject in self.okapi.subjects("anna", folder):
                i = int(subject.split()[0][1:])
                states[i].append(left.get(subject, state))
        return states

    def taken(self, rude):
        return sorted(email.message_from_bytes(data)["Subject"]
                      for data in rude.taken)

    def check(self, expected, count):
        first = self.outcomes()
        for i, name in self.names.items():
            log = "\n".join(line for line in self.once_log.err.splitlines()
                            if f"=c{i}@" in line)
            with self.subTest(name):
                states = first[i]
                want = expected[name]
                self.assertEqual(len(states), count)
                if want == "sent":
                    self.assertNotIn("failed", states, log)
                    if count == 1:
                        self.assertEqual(states, ["sent"], log)
                elif want == "failed":
                    self.assertIn("failed", states, log)
                elif want in ("waiting", "window"):
                    self.assertNotIn("failed", states, log)
                    self.assertIn("waiting", states, log)
        self.okapi.must("queue", "retry", "--all")
        logged = self.once("60s").err.splitlines()
        last = self.outcomes()
        for i, name in self.names.items():
            with self.subTest(name):
                self.assertNotIn("waiting", last[i], [
                    line for line in self.once_log.err.splitlines() + logged
                    if f"=c{i}@" in line])
                failed = last[i].count("failed")
                taken = self.taken(self.rudes[name])
                if expected[name] == "window":
                    taken = sorted(set(taken))
                self.assertEqual(len(taken), count - failed, taken)
                self.assertEqual(len(set(taken)), len(taken), "twice")

    def test_misbehaving(self):
        cases = {name: hooks for name, (hooks, _) in CASES.items()}
        expected = {name: want for name, (_, want) in CASES.items()}
        if "CHUNKING" in self.words:
            del cases["DATA is refused"]
            # There is no 354 that would show that replies are out of step.
            for verb in ("MAIL", "RCPT"):
                expected[f"an extra reply behind {verb}"] = "any"
        expected["DATA is refused"] = "failed"
        self.start({name: Rude(hooks, self.words)
                    for name, hooks in cases.items()})
        self.submit(2)
        self.once_log = self.once()
        self.check(expected, 2)

    def test_answers_before_the_end(self):
        verb = "BDAT" if "CHUNKING" in self.words else "DATA"
        go = () if verb == "BDAT" else ("354 go",)
        self.start({name: Rude({verb: amid(1 << 18, *go, *replies, end=end)},
                               self.words)
                    for name, (replies, end, _) in LARGE_CASES.items()})
        self.submit(1, "x" * 70 + "\n" + ("y" * 990 + "\n") * (LARGE // 991))
        self.once_log = self.once()
        self.check({n: want for n, (_, _, want) in LARGE_CASES.items()}, 1)


    def test_around_tls(self):
        cert, key = certificate(self.directory(), "IP:127.0.0.1")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cert, key)
        login = tuple(w for w in self.words if w.startswith("AUTH"))
        self.start({name: Rude(hooks, (*self.words, "STARTTLS"), tls,
                               self.words if words is None
                               else (*words, *login))
                    for name, (hooks, words, _) in TLS_CASES.items()},
                   smtp_tls="verify", smtp_tls_ca_file=cert)
        self.submit(2, "8 bit: \u00e4\n")
        self.once_log = self.once()
        self.check({n: want for n, (_, _, want) in TLS_CASES.items()}, 2)
        for data in self.rudes["less within"].taken:
            self.assertTrue(data.isascii())  # there is no 8BITMIME


class RudenessDirect(Rudeness):
    """By our own client."""
    words = (*BASE, "AUTH XOAUTH2")
    direct = True


class RudenessChunking(Rudeness):
    """By BDAT."""
    words = (*BASE, "CHUNKING", "AUTH XOAUTH2")
    direct = True

    def test_bdat_is_offered_and_unknown(self):
        """It is not offered a second time, and nothing waits for that."""
        asked = []

        def unknown(code):
            def hook(peer):
                asked.append(code)
                peer.say(f"{code} 5.5.1 what")
                return "unknown"
            return hook
        self.start({code: Rude({"BDAT": unknown(code)}, self.words,
                               always=True)
                    for code in range(500, 505)}, smtp_max_sessions=1)
        self.submit(3)
        log = self.once().err
        self.assertEqual(sorted(asked), list(range(500, 505)))
        for i, code in self.names.items():
            self.assertEqual(self.taken(self.rudes[code]),
                             [f"c{i} m{k}" for k in range(3)])
        self.assertEqual(log.count("result=sent"), 15, log)
        self.assertNotIn("result=deferred", log)

    def test_bdat_is_unknown_before_the_end(self):
        """Nor does it say anything of a message that is still on its way."""
        self.start({code: Rude({"BDAT": amid(1 << 18, f"{code} 5.5.1 what",
                                             end="read")}, self.words)
                    for code in range(500, 505)})
        self.submit(1, ("y" * 990 + "\n") * (LARGE // 991))
        log = self.once("60s").err
        for i, code in self.names.items():
            self.assertEqual(self.taken(self.rudes[code]), [f"c{i} m0"], log)
        self.assertEqual(log.count("result=sent"), 5, log)


class Stopping(Started):
    """A stop while relay hosts hang, at each state and by each transport: they
    have ten seconds, and then everything is given back."""
    STATES = ("CONNECT", "EHLO", "AUTH", "STARTTLS", "MAIL", "RCPT", "DATA",
              "BDAT", "DOT")

    def hanging(self, state, words):
        def hang(_peer):
            self.reached.add((state, words))
            threading.Event().wait(600)
        return Rude({state: hang}, words, always=True)

    def full(self):
        """One whose queue of connections is full: connect(2) hangs."""
        rude = Rude.__new__(Rude)
        rude.listener = socket.socket()
        rude.listener.bind(("127.0.0.1", 0))
        rude.listener.listen(0)
        rude.port = rude.listener.getsockname()[1]
        self.filling = [socket.socket() for _ in range(3)]
        for one in self.filling:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", rude.port))
        return rude

    def test_while_relays_hang(self):
        self.reached = set()
        cases = {"connect": self.full()}
        expected = set()
        for words in (BASE, RudenessDirect.words, RudenessChunking.words):
            login = any(w.startswith("AUTH") for w in words)
            for state in self.STATES:
                if state == "BDAT" and "CHUNKING" not in words or \
                        state == "DATA" and "CHUNKING" in words or \
                        state == "AUTH" and not login:
                    continue
                words_here = (*words, "STARTTLS") if state == "STARTTLS" \
                    else words
                cases[state, words] = self.hanging(state, words_here)
                expected.add((state, words_here))
        self.direct = [name != "connect" and any(
            w.startswith("AUTH") for w in name[1]) for name in cases]
        self.start(cases, smtp_timeout="5m", smtp_tls="opportunistic")
        self.submit(1)
        spooler = self.okapi.start_spooler()
        try:
            self.eventually("all hang", lambda: self.reached == expected and all(
                q["state"] == "sending" for q in self.okapi.queue()))
        except AssertionError as why:
            raise AssertionError(
                f"{expected - self.reached} were not reached: "
                f"{[q for q in self.okapi.queue() if q['state'] != 'sending']}"
            ) from why
        began = time.monotonic()
        self.assertEqual(spooler.stop(), 0)
        self.assertGreater(time.monotonic() - began, 9)
        left = self.okapi.queue()
        self.assertEqual(len(left), len(cases))
        for entry in left:
            self.assertEqual((entry["state"],
                              entry["recipients"][0]["attempts"]),
                             ("waiting", 0))


if __name__ == "__main__":
    main()

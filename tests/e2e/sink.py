#!/usr/bin/env python3
"""A scripted SMTP (or LMTP) server for tests: keeps what it gets, answers as told.

    sink.py --port 21401 --dir /tmp/got --rule 'RCPT:bob@*=550 5.1.1 no such user'

Rules: VERB[:GLOB][*COUNT]=ACTION, first match wins, COUNT uses only.
  VERB    CONNECT EHLO HELO LHLO MAIL RCPT DATA DOT RSET QUIT AUTH STARTTLS NOOP
          (DOT is the reply to the end of the data, BDAT's last chunk too; for
          LMTP once a recipient)
  GLOB    matches the address (MAIL, RCPT, LMTP's DOT) or the argument
  ACTION  a reply ("451 4.3.0 later", "\\n" between lines of a longer one),
          "drop" (close without a reply), "hang" (never answer),
          "raw TEXT" (as it is, Python escapes, no line end added),
          "drip SECONDS" (an endless reply, an octet in so many seconds),
          "flood N CODE" (a reply of N lines), "cut TEXT" (raw, then close),
          "delay SECONDS" (then the usual reply); "delay 2;550 no" does both,
          "until NAME" (once DIR/NAME exists, then the usual reply)
Each message is DIR/NNNN.eml (octets as they came, unstuffed) and DIR/NNNN.json
(mail, rcpts, mail_args, rcpt_args, helo, tls, auth, mech, session); it is counted
once the reply to it was 2xx, otherwise the names begin with "refused-".
DIR/sessions.log has one line a command.  Prints "ready PORT" once it listens.
"""
import argparse
import asyncio
import base64
import fnmatch
import hashlib
import hmac
import json
import os
import signal
import ssl
import sys


class Drop(Exception):
    pass


class Rule:
    def __init__(self, text):
        left, sep, self.action = text.partition("=")
        # An '=' in the glob is not supported; replies may have them.
        if not sep:
            raise SystemExit("sink.py: rule without '=': " + text)
        self.count = None
        head, star, count = left.rpartition("*")
        if star and count.isdigit():
            left, self.count = head, int(count)
        self.verb, _, self.glob = left.partition(":")
        self.verb = self.verb.upper()

    def matches(self, verb, what):
        if self.verb != verb or self.count == 0:
            return False
        if self.glob and not fnmatch.fnmatch(what.lower(), self.glob.lower()):
            return False
        if self.count is not None:
            self.count -= 1
        return True


class Sink:
    def __init__(self, args):
        self.args = args
        self.rules = [Rule(r) for r in args.rule]
        self.number = 0
        self.sessions = 0
        self.log = None
        if args.dir:
            os.makedirs(args.dir, exist_ok=True)
            self.log = open(os.path.join(args.dir, "sessions.log"), "a", buffering=1)
        self.tls = None
        if args.tls_cert:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(args.tls_cert, args.tls_key or args.tls_cert)
            if args.tls_12:
                self.tls.maximum_version = ssl.TLSVersion.TLSv1_2
            with open(args.tls_cert, encoding="ascii") as pem:
                self.end_point = hashlib.sha256(
                    ssl.PEM_cert_to_DER_cert(pem.read())).digest()
            if args.tls_client_ca:
                self.tls.load_verify_locations(args.tls_client_ca)
                self.tls.verify_mode = ssl.CERT_REQUIRED

    def find(self, verb, what=""):
        for rule in self.rules:
            if rule.matches(verb, what):
                return rule.action
        return None

    async def answer(self, verb, what, usual):
        """The reply to give, after whatever the rules want done first."""
        action = self.find(verb, what)
        while action:
            first, _, rest = action.partition(";")
            word = first.strip()
            if word == "drop":
                raise Drop()
            if word == "hang":
                await asyncio.sleep(3600)
            elif word.startswith(("raw ", "cut ", "drip ")):
                return word
            elif word.startswith("flood "):
                count, code = word.split()[1:]
                return "\n".join([code + " and more to come"] * int(count))
            elif word.startswith("delay "):
                await asyncio.sleep(float(word.split()[1]))
            elif word.startswith("until "):
                while not os.path.exists(os.path.join(self.args.dir, word[6:])):
                    await asyncio.sleep(0.01)
            else:
                return word.replace("\\n", "\n")
            action = rest
        return usual

    def keep(self, session, data, accepted):
        if not self.args.dir:
            self.number += accepted
            return
        self.number += 1
        name = "%s%04d" % ("" if accepted else "refused-", self.number)
        path = os.path.join(self.args.dir, name)
        with open(path + ".eml.tmp", "wb") as f:
            f.write(data)
        info = {k: session[k] for k in ("mail", "mail_args", "rcpts", "rcpt_args",
                                        "helo", "tls", "auth", "mech", "session")}
        with open(path + ".json", "w") as f:
            json.dump(info, f)
        os.rename(path + ".eml.tmp", path + ".eml")


def split_path(argument, word):
    """('FROM', '<a@b> SIZE=1') -> ('a@b', ['SIZE=1']), or None."""
    if not argument.upper().startswith(word + ":"):
        return None
    rest = argument[len(word) + 1:].lstrip()
    if not rest.startswith("<"):
        return None
    end = rest.rfind(">")
    quoted_end = rest.find("> ")
    if quoted_end > 0:
        end = quoted_end
    return rest[1:end], rest[end + 1:].split()


class Session:
    def __init__(self, sink, reader, writer):
        self.sink, self.reader, self.writer = sink, reader, writer
        sink.sessions += 1
        self.password = ""
        self.mails = 0
        self.s = {"session": sink.sessions, "helo": "",
                  "tls": sink.args.tls_implicit, "auth": "",
                  "mech": ""}
        self.reset()

    def reset(self):
        self.s.update(mail=None, mail_args=[], rcpts=[], rcpt_args=[])
        self.chunks = bytearray()

    def note(self, text):
        if self.sink.log:
            self.sink.log.write("%d %s\n" % (self.s["session"], text))

    async def send(self, text):
        while text.startswith("drip "):
            self.writer.write(b"2")
            await self.writer.drain()
            await asyncio.sleep(float(text.split()[1]))
        if text.startswith(("raw ", "cut ")):
            self.note("> " + text)
            self.writer.write(text[4:].encode().decode("unicode_escape").encode("latin-1"))
            await self.writer.drain()
            if text.startswith("cut "):
                self.writer.close()
                raise Drop()
            return
        lines = text.split("\n")
        code = lines[0][:3]
        out = []
        for i, line in enumerate(lines):
            if i and not (line[:3] == code and line[3:4] in (" ", "-")):
                line = code + " " + line
            sep = " " if i == len(lines) - 1 else "-"
            out.append(line[:3] + sep + line[4:])
        self.note("> " + " | ".join(out))
        self.writer.write(("\r\n".join(out) + "\r\n").encode())
        await self.writer.drain()

    def extensions(self):
        args = self.sink.args
        words = ["PIPELINING", "8BITMIME", "SIZE 100000000", "ENHANCEDSTATUSCODES",
                 "DSN", "SMTPUTF8"]
        if self.sink.tls and not self.s["tls"]:
            words.append("STARTTLS")
        if args.auth and (self.s["tls"] or not args.auth_tls_only):
            words.append("AUTH " + args.auth_mechs)
        words += args.ext
        gone = [w.upper() for w in args.no_ext]
        return [w for w in words if w.split()[0] not in gone]

    async def run(self):
        sink = self.sink
        greeting = await sink.answer("CONNECT", "", "220 sink.test ESMTP")
        await self.send(greeting)
        if greeting[:1] != "2":
            return
        while True:
            line = await self.reader.readline()
            if not line.endswith(b"\n"):
                self.note("< (closed)")
                return
            text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            self.note("< " + text.encode("utf-8", "replace").decode())
            verb, _, argument = text.partition(" ")
            verb = verb.upper()
            handler = getattr(self, "do_" + verb.lower(), None)
            if not handler:
                await self.send("502 5.5.1 what is " + repr(verb[:20]))
                continue
            if await handler(argument.strip()) == "close":
                return

    async def hello(self, verb, argument, extended):
        self.reset()
        self.s["helo"] = argument
        usual = "250 sink.test"
        if extended:
            usual = "\n".join("250 " + w for w in ["sink.test"] + self.extensions())
        await self.send(await self.sink.answer(verb, argument, usual))

    async def do_ehlo(self, argument):
        if self.sink.args.lmtp:
            await self.send("500 5.5.1 LMTP only")
        else:
            await self.hello("EHLO", argument, True)

    async def do_lhlo(self, argument):
        await self.hello("LHLO", argument, True)

    async def do_helo(self, argument):
        await self.hello("HELO", argument, False)

    async def do_mail(self, argument):
        path = split_path(argument, "FROM")
        if path is None:
            await self.send("501 5.5.4 MAIL FROM:<address>")
            return
        usual = "250 2.1.0 ok"
        self.mails += 1
        if self.mails > (self.sink.args.per_connection or self.mails):
            if not self.sink.args.drop_then:
                await self.send("421 4.7.0 enough for now")
            raise Drop()
        if self.sink.args.auth and self.sink.args.auth_required and not self.s["auth"]:
            usual = "530 5.7.0 authentication required"
        reply = await self.sink.answer("MAIL", path[0], usual)
        if reply[:1] == "2":
            self.reset()
            self.s["mail"], self.s["mail_args"] = path
        await self.send(reply)

    async def do_rcpt(self, argument):
        path = split_path(argument, "TO")
        if path is None or self.s["mail"] is None:
            await self.send("503 5.5.1 MAIL first" if path else "501 5.5.4 RCPT TO:<address>")
            return
        reply = await self.sink.answer("RCPT", path[0], "250 2.1.5 ok")
        if reply[:1] == "2":
            self.s["rcpts"].append(path[0])
            self.s["rcpt_args"].append(path[1])
        await self.send(reply)

    async def do_data(self, _argument):
        usual = "354 go ahead" if self.s["rcpts"] else "554 5.5.1 no valid recipients"
        reply = await self.sink.answer("DATA", "", usual)
        await self.send(reply)
        if reply[:1] != "3":
            return
        data = await self.read_data()
        await self.keep_data(data)

    async def keep_data(self, data):
        self.note("< (end of data)")
        replies = []
        for who in (self.s["rcpts"] if self.sink.args.lmtp else [""]):
            what = who or ",".join(self.s["rcpts"])
            try:
                replies.append(await self.sink.answer("DOT", what, "250 2.0.0 kept"))
            except Drop:
                if self.sink.args.keep_dropped:
                    self.sink.keep(self.s, data, True)
                raise
        self.sink.keep(self.s, data, any(r[:1] == "2" for r in replies))
        for reply in replies:
            await self.send(reply)
        self.reset()

    async def read_data(self):
        data = bytearray()
        while True:
            try:
                line = await self.reader.readuntil(b"\r\n")
            except asyncio.IncompleteReadError:
                self.note("< (closed within data, %d octets)" % len(data))
                raise Drop()
            if line == b".\r\n" and (not data or data.endswith(b"\r\n")):
                return bytes(data)
            if line.startswith(b".") and (not data or data.endswith(b"\r\n")):
                line = line[1:]
            data += line

    async def do_bdat(self, argument):
        """RFC 3030; the rules are those of DOT once the last chunk is in."""
        size, _, last = argument.partition(" ")
        if "CHUNKING" not in self.sink.args.ext:
            await self.send("502 5.5.1 no BDAT here")
            return None
        if not size.isdigit() or (last and last.upper() != "LAST"):
            await self.send("501 5.5.4 BDAT size [LAST]")
            return "close"
        data = await self.reader.readexactly(int(size))
        if not self.s["rcpts"]:
            await self.send("503 5.5.1 no valid recipients")
            return None
        self.chunks += data
        if last:
            await self.keep_data(bytes(self.chunks))
        else:
            await self.send(await self.sink.answer("BDAT", argument,
                                                   "250 2.0.0 ok"))
        return None

    async def do_rset(self, _argument):
        self.reset()
        await self.send(await self.sink.answer("RSET", "", "250 2.0.0 ok"))

    async def do_noop(self, _argument):
        await self.send(await self.sink.answer("NOOP", "", "250 2.0.0 ok"))

    async def do_quit(self, _argument):
        await self.send(await self.sink.answer("QUIT", "", "221 2.0.0 bye"))
        return "close"

    async def do_starttls(self, _argument):
        if not self.sink.tls or self.s["tls"]:
            await self.send("502 5.5.1 no TLS here")
            return
        reply = await self.sink.answer("STARTTLS", "", "220 2.0.0 go")
        transport = self.writer.transport
        transport.pause_reading()  # a quick client's hello belongs to TLS
        await self.send(reply)
        if reply[:1] != "2" and not reply.startswith("raw 2"):
            transport.resume_reading()
            return
        protocol = transport.get_protocol()
        loop = asyncio.get_running_loop()
        new = await loop.start_tls(transport, protocol, self.sink.tls, server_side=True)
        self.reader._transport = new
        self.writer._transport = new
        self.reset()
        self.s["tls"] = True

    async def challenge(self, text):
        await self.send("334 " + base64.b64encode(text.encode()).decode())
        line = (await self.reader.readline()).strip()
        self.note("< (answer)")
        return base64.b64decode(line).decode()

    async def auth_plain(self, initial):
        user, password = (initial or await self.challenge("")).split("\0")[1:3]
        return user, password == self.password

    async def auth_login(self, initial):
        user = initial or await self.challenge("Username:")
        return user, await self.challenge("Password:") == self.password

    async def auth_cram_md5(self, _initial):
        text = "<1.2@sink.test>"
        user, digest = (await self.challenge(text)).rsplit(" ", 1)
        return user, digest == hmac.new(
            self.password.encode(), text.encode(), "md5").hexdigest()

    async def auth_xoauth2(self, initial):
        user, token = initial.split("\1")[:2]
        if token != "auth=Bearer " + self.sink.args.token:
            await self.challenge('{"status":"400"}')
            return user, False
        return user.removeprefix("user="), True

    async def auth_oauthbearer(self, initial):
        header, *fields = initial.split("\1")
        if "auth=Bearer " + self.sink.args.token not in fields:
            await self.challenge('{"status":"invalid_token"}')
            return header, False
        return header.removeprefix("n,a=").removesuffix(","), True

    def binding(self, kind):
        """RFC 5929 3 and 4; what a proxy that ends TLS knows is another's."""
        if self.sink.args.tls_ends_before:
            return b"of another session"
        if kind == "tls-server-end-point":
            return self.sink.end_point
        tls = self.writer.get_extra_info("ssl_object")
        return tls.get_channel_binding(kind)

    async def auth_scram_sha_256_plus(self, initial):
        kind = initial.partition(",")[0].removeprefix("p=")
        if kind in self.sink.args.bindings.split():
            return await self.auth_scram_sha_256(
                initial, f"p={kind},,".encode(), self.binding(kind))
        self.note(f"(gs2 header {initial.partition(',,')[0]},,)")
        if self.sink.args.tell_errors:
            await self.challenge("e=unsupported-channel-binding-type")
        return "", False

    async def auth_scram_sha_256(self, initial, header=b"", binding=b""):
        """RFC 5802, RFC 7677; with a binding, RFC 5929 4.  A client that says
        "y" where PLUS was offered was lied to."""
        said = initial[:initial.index(",,") + 2].encode()
        bare = initial[len(said):]
        plus = "SCRAM-SHA-256-PLUS" in self.sink.args.auth_mechs.split()
        bound = said == header if header else \
            said == b"n,," or said == b"y,," and not plus
        self.note("(gs2 header %s)" % said.decode())
        user = bare.split(",")[0].removeprefix("n=")
        nonce = bare.split(",")[1].removeprefix("r=") + "server"
        salt, count = b"pepper and salt", 4096
        first = f"r={nonce},s={base64.b64encode(salt).decode()},i={count}"
        final = await self.challenge(first)
        unproven, proof = final.rsplit(",p=", 1)
        bound = bound and unproven.startswith(
            "c=" + base64.b64encode(said + binding).decode() + ",")
        said = f"{bare},{first},{unproven}".encode()

        def mac(key, text):
            return hmac.new(key, text, "sha256").digest()
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt,
                                     count)
        stored = hashlib.sha256(mac(salted, b"Client Key")).digest()
        key = bytes(a ^ b for a, b in zip(base64.b64decode(proof),
                                          mac(stored, said)))
        user = user.replace("=2C", ",").replace("=3D", "=")
        known = hashlib.sha256(key).digest() == stored
        if not bound or not known:
            if self.sink.args.tell_errors:
                await self.challenge("e=invalid-proof" if bound else
                                     "e=channel-bindings-dont-match")
            return user, False
        if self.sink.args.liar:
            said = b"who knows"
        signature = mac(mac(salted, b"Server Key"), said)
        await self.challenge("v=" + base64.b64encode(signature).decode())
        return user, True

    async def do_auth(self, argument):
        mech, _, initial = argument.partition(" ")
        handler = getattr(self, "auth_" + mech.lower().replace("-", "_"), None)
        if not handler or mech.upper() not in self.sink.args.auth_mechs.split():
            await self.send("504 5.5.4 mechanism")
            return
        expected, self.password = self.sink.args.auth.split(":")
        user, good = await handler(base64.b64decode(initial).decode())
        reply = await self.sink.answer(
            "AUTH", user, "235 2.7.0 ok" if good and user == expected
            else "535 5.7.8 wrong password")
        if reply[:1] == "2":
            self.s["auth"] = user
            self.s["mech"] = mech
        await self.send(reply)


def parse_args():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=0, help="0: any, it is printed")
    p.add_argument("--dir", help="where messages are kept; none: only counted")
    p.add_argument("--rule", action="append", default=[], metavar="VERB[:GLOB][*N]=ACTION")
    p.add_argument("--lmtp", action="store_true", help="LHLO, a reply a recipient")
    p.add_argument("--ext", action="append", default=[], help="offer one more extension")
    p.add_argument("--no-ext", action="append", default=[], help="do not offer one")
    p.add_argument("--tls-cert", help="PEM; offers STARTTLS")
    p.add_argument("--tls-key")
    p.add_argument("--tls-12", action="store_true", help="nothing newer")
    p.add_argument("--auth", metavar="USER:PASSWORD", help="offers AUTH")
    p.add_argument("--auth-mechs", default="PLAIN LOGIN")
    p.add_argument("--token", help="what OAUTHBEARER and XOAUTH2 take")
    p.add_argument("--bindings", default="tls-unique tls-server-end-point",
                   help="what SCRAM-SHA-256-PLUS may be bound by")
    p.add_argument("--tls-ends-before", action="store_true",
                   help="so that no binding is right")
    p.add_argument("--tell-errors", action="store_true",
                   help="SCRAM tells why it refuses")
    p.add_argument("--liar", action="store_true",
                   help="SCRAM does not prove that it knows the password")
    p.add_argument("--tls-implicit", action="store_true",
                   help="TLS from the first octet")
    p.add_argument("--tls-client-ca", help="clients have to show a certificate")
    p.add_argument("--per-connection", type=int,
                   help="messages; then 421 to MAIL")
    p.add_argument("--drop-then", action="store_true", help="not even a 421")
    p.add_argument("--auth-required", action="store_true")
    p.add_argument("--auth-tls-only", action="store_true")
    p.add_argument("--keep-dropped", action="store_true",
                   help="a message whose DOT is dropped counts as kept")
    return p.parse_args()


async def serve(args):
    sink = Sink(args)

    async def session(reader, writer):
        s = Session(sink, reader, writer)
        try:
            await s.run()
        except Drop:
            s.note("> (dropped)")
            writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError,
                asyncio.CancelledError, ssl.SSLError) as e:
            s.note("> (%s)" % e)
        finally:
            writer.close()

    server = await asyncio.start_server(
        session, args.host, args.port, limit=1 << 26,
        ssl=sink.tls if args.tls_implicit else None)
    print("ready %d" % server.sockets[0].getsockname()[1], flush=True)
    stop = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sig, stop.set)
    await stop.wait()
    print("%d messages" % sink.number, flush=True)


if __name__ == "__main__":
    asyncio.run(serve(parse_args()))
    sys.stdout.flush()
    os._exit(0)

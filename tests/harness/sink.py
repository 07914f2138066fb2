"""A relay host on loopback whose answers a test chooses."""

import socketserver
import threading

from harness.process import free_port


class Sink:
    """Keeps what it takes in messages: (sender, [recipients], bytes).

    answer(verb, argument) may return a reply to give instead of the usual
    one: "450 4.2.0 later"; verb is EHLO, MAIL, RCPT, DATA or "." (the end of
    data).  An answer of "drop" closes the connection."""

    def __init__(self, answer=None, features=("PIPELINING", "8BITMIME",
                                              "SIZE 10000000", "DSN")):
        self.answer = answer or (lambda verb, argument: None)
        self.features = features
        self.messages = []
        self.commands = []
        self.lock = threading.Lock()
        self.port = free_port()
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        socketserver.ThreadingTCPServer.daemon_threads = True
        self.server = socketserver.ThreadingTCPServer(
            ("127.0.0.1", self.port), self.handler())
        threading.Thread(target=self.server.serve_forever, args=(0.05,),
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handler(self):
        sink = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    sink.session(self.rfile, self.wfile)
                except (ConnectionError, ValueError):
                    pass
        return Session

    def session(self, rfile, wfile):
        def say(text):
            wfile.write(text.encode() + b"\r\n")
            wfile.flush()

        say("220 sink.test ESMTP")
        sender, recipients = None, []
        while True:
            line = rfile.readline()
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            verb, argument = (text.split(" ", 1) + [""])[:2]
            verb = verb.upper()
            with self.lock:
                self.commands.append(text)
            reply = self.answer(verb, argument)
            if reply == "drop":
                return
            if verb in ("EHLO", "HELO") and not reply:
                reply = self.hello(verb)
            elif verb == "MAIL" and not reply:
                sender, recipients = path(argument), []
            elif verb == "RCPT" and not reply:
                recipients.append(path(argument))
            elif verb == "DATA" and not reply:
                say("354 go on")
                content = read_data(rfile)
                reply = self.answer(".", "")
                if reply == "drop":
                    return
                if not reply or reply.startswith("2"):
                    with self.lock:
                        self.messages.append((sender, recipients, content))
            elif verb == "RSET":
                sender, recipients = None, []
            elif verb == "QUIT":
                say("221 2.0.0 bye")
                return
            say(reply or "250 2.0.0 ok")

    def hello(self, verb):
        if verb == "HELO":
            return "250 sink.test"
        lines = ["sink.test", *self.features]
        return "\r\n".join("250" + ("-" if i < len(lines) - 1 else " ") + text
                           for i, text in enumerate(lines))


def path(argument):
    return argument[argument.index("<") + 1:argument.index(">")]


def read_data(rfile):
    content = []
    while True:
        line = rfile.readline()
        if not line:
            raise ConnectionError("closed within data")
        if line == b".\r\n":
            return b"".join(content)
        content.append(line[1:] if line.startswith(b".") else line)

"""An LMTP (and SMTP) client that says exactly what a test tells it to say."""

import socket


class Lmtp:
    """address: (host, port) or the path of a socket.  A reply is
    (code, text); the lines of a longer one are joined with line feeds."""

    def __init__(self, address, timeout=60.0, hello=b"LHLO client.test"):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply()
        self.features = self.command(hello) if hello else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        texts = []
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError("closed after " + repr(texts))
            texts.append(line[4:].decode("utf-8", "replace").rstrip("\r\n"))
            if line[3:4] != b"-":
                return int(line[:3]), "\n".join(texts)

    def command(self, line):
        self.send((line if isinstance(line, bytes) else line.encode())
                  + b"\r\n")
        return self.reply()

    def envelope(self, sender, recipients):
        """MAIL and RCPT; returns the replies."""
        replies = [self.command(f"MAIL FROM:<{sender}>")]
        replies += [self.command(f"RCPT TO:<{r}>") for r in recipients]
        return replies

    def data(self, content, recipients=1):
        """DATA with dots stuffed; one reply for each accepted recipient."""
        code, text = self.command("DATA")
        if code != 354:
            return [(code, text)]
        self.send(stuff(content))
        return [self.reply() for _ in range(recipients)]

    def deliver(self, sender, recipients, content):
        """Replies of a delivery: those of RCPT where refused, then of data."""
        replies = self.envelope(sender, recipients)
        refused = [r for r in replies[1:] if r[0] != 250]
        accepted = len(replies) - 1 - len(refused)
        if replies[0][0] != 250 or not accepted:
            self.command("RSET")
            return [r for r in replies if r[0] != 250]
        return refused + self.data(content, accepted)

    def quit(self):
        reply = self.command("QUIT")
        self.close()
        return reply


def stuff(content):
    """RFC 5321 4.5.2; a line starts after CRLF and nowhere else."""
    if content.startswith(b"."):
        content = b"." + content
    content = content.replace(b"\r\n.", b"\r\n..")
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    return content + b".\r\n"

"""Certificates for the moment: one that signs itself, and a small authority."""

import os
import subprocess

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(directory, *args):
    subprocess.run(["openssl", *args], check=True, cwd=directory,
                   capture_output=True)


def certificate(directory, alt="DNS:localhost,IP:127.0.0.1"):
    """A certificate that signs itself and its key: two paths."""
    cert, key = (os.path.join(directory, n) for n in ("cert.pem", "key.pem"))
    openssl(directory, "req", "-x509", *EC, "-keyout", key, "-out", cert,
            "-days", "2", "-subj", "/CN=x", "-addext", f"subjectAltName={alt}")
    return cert, key


class Authority:
    """Certificates in a directory: path(NAME) + .pem and .key."""

    def __init__(self, directory, name="ca"):
        self.directory = directory
        self.name = name
        self.openssl("req", "-x509", *self.new_key(name), "-days", "2",
                     "-subj", f"/CN=test {name}", "-out", f"{name}.pem")

    def openssl(self, *args):
        openssl(self.directory, *args)

    @staticmethod
    def new_key(name):
        return [*EC, "-keyout", name + ".key"]

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, alt="IP:127.0.0.1", days=2):
        """days below 0: has expired already."""
        self.openssl("req", *self.new_key(name), "-subj", f"/CN={name}",
                     "-out", name + ".csr")
        with open(self.path(name + ".ext"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName={alt}\n")
        self.openssl("x509", "-req", "-in", name + ".csr", "-CA",
                     self.name + ".pem", "-CAkey", self.name + ".key",
                     "-CAcreateserial", "-days", str(days), "-extfile",
                     name + ".ext", "-out", name + ".pem")

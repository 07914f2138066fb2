"""A small certificate authority for tests."""

import os
import subprocess


class Authority:
    """Certificates in a directory: path(NAME) + .pem and .key."""

    def __init__(self, directory, name="ca"):
        self.directory = directory
        self.name = name
        self.openssl("req", "-x509", *self.new_key(name), "-days", "2",
                     "-subj", f"/CN=test {name}", "-out", f"{name}.pem")

    @staticmethod
    def new_key(name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", name + ".key"]

    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, cwd=self.directory,
                       capture_output=True)

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

"""Certificates for the moment."""

import os
import subprocess


def certificate(directory, name="DNS:localhost,IP:127.0.0.1"):
    """A certificate that signs itself and its key: two paths."""
    cert, key = (os.path.join(directory, n) for n in ("cert.pem", "key.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
         cert, "-days", "2", "-subj", "/CN=x", "-addext",
         f"subjectAltName={name}"], check=True, capture_output=True)
    return cert, key

"""Certificates of a test's own, made by the ``openssl`` command, and clients that trust them."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Any

from serving import Client

# The name that servers' certificates are for, where it does not matter.
HOST = "tonnage.test"


class Authority:
    """Signs certificates, and keeps them in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "ca.pem"
        # Python 3.13 wants to be told what it may be used for.
        may = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")
        self._make("/CN=Test authority", self.file, *may)

    def issue(self, name: str = HOST, file: str | None = None) -> tuple[str, str]:
        """Files of a certificate for a name, and of its key."""
        chain = self.folder / f"{file or name}.pem"
        signer = ("-CA", str(self.file), "-CAkey", str(self.file.with_suffix(".key")))
        more = ("-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=CA:FALSE")
        self._make(f"/O=Testers/CN={name}", chain, *signer, *more)
        return str(chain), str(chain.with_suffix(".key"))

    def arguments(self, name: str = HOST) -> list[str]:
        """A server's, for a certificate for a name."""
        chain, key = self.issue(name)
        return ["--certfile", chain, "--keyfile", key]

    def _make(self, subject: str, chain: Path, *more: str) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
        command += ["ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", subject]
        command += ["-keyout", str(chain.with_suffix(".key")), "-out", str(chain), *more]
        subprocess.run(command, check=True, capture_output=True)

    def context(self, own: tuple[str, str] | None = None) -> ssl.SSLContext:
        """A client's, with a certificate of its own or without."""
        context = ssl.create_default_context(cafile=str(self.file))
        if own is not None:
            context.load_cert_chain(*own)
        return context


class TlsClient(Client):
    """A connection through TLS; before it comes what a proxy has to say."""

    def __init__(
        self,
        address: tuple[str, int] | str,
        context: ssl.SSLContext,
        name: str = HOST,
        preamble: bytes = b"",
    ) -> None:
        super().__init__(address)
        self.send(preamble)
        self.tls = context.wrap_socket(self.socket, server_hostname=name)
        self.socket = self.tls

    def __enter__(self) -> TlsClient:
        return self

    def shown(self) -> list[str]:
        """The names of the certificate that the server has shown."""
        names: Any = (self.tls.getpeercert() or {}).get("subjectAltName", ())
        return [str(value) for kind, value in names if kind == "DNS"]

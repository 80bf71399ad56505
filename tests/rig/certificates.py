# SPDX-License-Identifier: BSD-3-Clause
"""Certificates of a test's own, made with openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
OF_CA = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A CA whose files are in a folder under its name."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self.pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
        files = ("-keyout", str(self.pair.key), "-out", str(self.pair.certificate))
        _openssl("req", "-x509", *EC, *files, "-subj", f"/CN={name}", "-days", "2", *OF_CA)

    @property
    def certificate(self) -> Path:
        """Its certificate."""
        return self.pair.certificate

    def issue(self, file: str, names: str, days: int = 1) -> Pair:
        """Sign a certificate for names as openssl writes them; days below 0: it is over."""
        made = Pair(self._folder / f"{file}.pem", self._folder / f"{file}.key")
        request = self._folder / f"{file}.csr"
        extensions = self._folder / f"{file}.ext"
        extensions.write_text(f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\n")
        _openssl("req", "-new", *EC, "-keyout", str(made.key), "-out", str(request), "-subj", "/")
        signer = ("-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key))
        words = ("-CAcreateserial", "-days", str(days), "-extfile", str(extensions))
        to = ("-out", str(made.certificate))
        _openssl("x509", "-req", "-in", str(request), *signer, *words, *to)
        return made


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30)

# SPDX-License-Identifier: BSD-3-Clause
"""The files of an agent that serves TCP in a rig: certificates, tokens, and agent.yaml."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from rig.certificates import Authority, Pair
from slb.api.tokens import hashed, new_token

PORT = 8443
OPS, VIEWER = "DNS:ops.example.net", "URI:spiffe://example.net/viewer"


class Keys:
    """Everything in a folder; the agent's certificate is for its addresses."""

    def __init__(self, folder: Path, addresses: Sequence[str]) -> None:
        """Make it all."""
        folder.mkdir()
        self._folder = folder
        self._addresses = addresses
        self.clients = Authority(folder / "tls", "clients")
        self.servers = Authority(folder / "tls", "servers")
        self.writer = self.clients.issue("writer", OPS)
        self.reader = self.clients.issue("reader", VIEWER)
        self.tokens = {name: new_token() for name in ("controller", "prometheus")}
        self.token_files = {name: folder / f"{name}.token" for name in self.tokens}
        for name, file in self.token_files.items():
            file.write_text(self.tokens[name] + "\n")
            file.chmod(0o600)
        self.config = folder / "agent.yaml"
        self.server = self.renew()
        self.write(self.tokens)

    @property
    def ca(self) -> str:
        """The file by which clients know the agent."""
        return str(self.servers.certificate)

    def token_header(self, name: str) -> Path:
        """A file with the header that has a token, so that it is on no command line."""
        file = self._folder / f"{name}.header"
        file.write_text(f"Authorization: Bearer {self.tokens[name]}\n")
        file.chmod(0o600)
        return file

    def renew(self) -> Pair:
        """Issue the agent's certificate, again too: in the same files."""
        names = ",".join(f"IP:{address}" for address in self._addresses)
        return self.servers.issue("server", names)

    def write(self, tokens: Sequence[str] | dict[str, str]) -> None:
        """Write agent.yaml, with these tokens alone."""
        owners = {"controller": {"role": "write", "owners": ["controller"]}}
        whole: dict[str, Any] = {
            "listen": [f"{address}:{PORT}" for address in self._addresses],
            "tls": {
                "certificate": str(self.server.certificate),
                "key": str(self.server.key),
                "client_ca": str(self.clients.certificate),
            },
            "clients": [
                {"identity": OPS, "role": "write", "owners": ["operator"]},
                {"identity": VIEWER},
            ],
            "tokens": [
                {"name": name, "hash": hashed(self.tokens[name]), **owners.get(name, {})}
                for name in tokens
            ],
        }
        self.config.write_text(yaml.safe_dump(whole))

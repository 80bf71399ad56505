# SPDX-License-Identifier: BSD-3-Clause
"""An agent that serves TCP too, its certificates, and clients that speak to it by http.client."""

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import yaml
from unit.running_agent import RunningAgent

from rig.certificates import Authority, Pair
from slb.api.tokens import hashed, new_token

OPS = "DNS:ops.example.net"
VIEWER = "URI:spiffe://example.net/viewer"
CONTROLLER = "DNS:controller.example.net"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def message(self) -> str:
        """The sentence of a refusal."""
        return str(self.body["error"]["message"])


@dataclass
class Place:
    """The files of a secure agent, and the tokens whose hashes are in them."""

    folder: Path
    clients_ca: Authority
    server_ca: Authority
    port: int
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """Its agent.yaml."""
        return self.folder / "agent.yaml"

    def write(self, **changes: Any) -> None:
        """Write agent.yaml, with these keys instead of the usual ones; None: without it."""
        tls = {
            "certificate": str(self.folder / "tls/server.pem"),
            "key": str(self.folder / "tls/server.key"),
            "client_ca": str(self.clients_ca.certificate),
        }
        clients = [
            {"identity": OPS, "role": "write", "owners": ["operator"]},
            {"identity": CONTROLLER, "role": "write", "owners": ["controller"]},
            {"identity": VIEWER},
        ]
        tokens = [
            {
                "name": name,
                "hash": hashed(self.tokens[name]),
                **({} if name == "viewer" else {"role": "write", "owners": [name]}),
            }
            for name in self.tokens
        ]
        whole = {"listen": [f"127.0.0.1:{self.port}"], "tls": tls, "clients": clients}
        whole = {**whole, "tokens": tokens, **changes}
        text = yaml.safe_dump({key: value for key, value in whole.items() if value is not None})
        self.config.write_text(text)

    def client(self, name: str, names: str, days: int = 1) -> Pair:
        """Sign a client's certificate."""
        return self.clients_ca.issue(name, names, days)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        pair: Pair | None = None,
        token: str | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Reply:
        """Send one request over TLS, on a connection of its own."""
        connection = self.connect(pair, context)
        try:
            return ask_on(connection, method, path, body, token)
        finally:
            connection.close()

    def connect(
        self, pair: Pair | None = None, context: ssl.SSLContext | None = None
    ) -> HTTPSConnection:
        """Return a connection that is not made yet."""
        context = context or self.context(pair)
        return HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)

    def context(self, pair: Pair | None = None) -> ssl.SSLContext:
        """Return what a client knows: the server's CA, and its own certificate."""
        context = ssl.create_default_context(cafile=str(self.server_ca.certificate))
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return context


def ask_on(
    connection: HTTPSConnection, method: str, path: str, body: Any = None, token: str | None = None
) -> Reply:
    """Send one request on a connection."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    text = None if body is None else json.dumps(body)
    connection.request(method, f"/v1{path}", text, headers)
    answer = connection.getresponse()
    return Reply(answer.status, dict(answer.headers), json.loads(answer.read()))


def make_place(folder: Path) -> Place:
    """Make certificates and tokens, and an agent.yaml for them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keys = folder / "tls"
    place = Place(folder, Authority(keys, "clients"), Authority(keys, "servers"), port)
    place.server_ca.issue("server", "IP:127.0.0.1")
    place.tokens = {name: new_token() for name in ("operator", "controller", "viewer")}
    place.write()
    return place


def running(place: Place, slbd: Path) -> RunningAgent:
    """Return an agent for that place, which is not started yet."""
    return RunningAgent(place.folder, slbd, config=str(place.config))

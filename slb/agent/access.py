# SPDX-License-Identifier: BSD-3-Clause
"""Who asks, and what they may do.

Over the Unix socket that is decided by its mode and group: who may connect may do everything. Over
TCP it is agent.yaml: a token, or else the names in the client's certificate.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from slb.agent import asking, tls
from slb.api import peer, tokens
from slb.errors import Forbidden, Unauthorized
from slb.model.agent_config import AgentConfig, ClientRule, TokenRule

READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Identity:
    """Somebody who is known; `owners` None: everybody's sets are theirs to write."""

    name: str
    writes: bool = True
    owners: frozenset[str] | None = None
    pid: int | None = None
    uid: int | None = None


Identify = Callable[[web.Request], Identity]
IDENTITY: web.RequestKey[Identity] = web.RequestKey("identity", Identity)


def of_socket(request: web.Request) -> Identity:
    """Return who is at the other end of a Unix socket."""
    connection: socket.socket | None = request.get_extra_info("socket")
    if connection is None:
        raise Unauthorized("the connection is gone")
    pid, uid, _ = peer.of(connection)
    return Identity(f"uid {uid}", pid=pid, uid=uid)


def of_client(request: web.Request, config: AgentConfig) -> Identity:
    """Return who is at the other end of TLS; raises Unauthorized."""
    if (header := request.headers.get("Authorization")) is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("Authorization: only a bearer token is taken here")
        if (rule := tokens.find(config.tokens, token.strip())) is None:
            raise Unauthorized("the token is not one of those in the agent's configuration")
        return _identity(f"token {rule.name}", rule)
    certificate = request.get_extra_info("peercert")
    if not certificate:
        what = "a bearer token" + (" or a client certificate" if config.clients else "")
        raise Unauthorized(f"nobody knows who asks; show {what}")
    if tls.is_over(certificate, time.time()):
        raise Unauthorized("the certificate is over; renew it")
    shown = tls.names(certificate)
    rule_of = {rule.identity: rule for rule in config.clients}
    found = next((rule_of[name] for name in shown if name in rule_of), None)
    if found is None:
        have = ", ".join(shown[:4]) or "none"
        raise Unauthorized(
            f"no name of the certificate ({have}) is among the clients in the agent's configuration"
        )
    return _identity(found.identity, found)


def check_access(identify: Identify) -> Middleware:
    """Return the middleware that lets nobody through who is unknown or only reads."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        identity = identify(request)
        request[IDENTITY] = identity
        asked = asking.now()
        asked.who, asked.peer = identity.name, _peer(request, identity)
        if request.method not in READING and not identity.writes:
            raise Forbidden(f"{identity.name} may only read")
        return await handler(request)

    return check


def address(request: web.Request) -> str | None:
    """Return from which address and port somebody asks; None over a Unix socket."""
    peer = request.get_extra_info("peername")
    return f"{peer[0]} port {peer[1]}" if peer else None


def may_write(request: web.Request, owner: str) -> None:
    """Let only those through who may write an owner's set; raises Forbidden."""
    identity = request[IDENTITY]
    asking.now().owner = owner
    if not identity.writes:
        raise Forbidden(f"{identity.name} may only read")
    if identity.owners is not None and owner not in identity.owners:
        have = ", ".join(sorted(identity.owners))
        raise Forbidden(f"{identity.name} may write only what is {have}'s, not {owner}'s")


def _peer(request: web.Request, identity: Identity) -> str:
    return address(request) or ("" if identity.pid is None else f"pid {identity.pid}")


def _identity(name: str, rule: ClientRule | TokenRule) -> Identity:
    return Identity(name, rule.role == "write", frozenset(rule.owners))

# SPDX-License-Identifier: BSD-3-Clause
"""agent.yaml in force, and the files that it names; both are read again when they change.

A wrong file is an error in the log, and what was read before stays in force.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from weakref import WeakSet

from aiohttp import web

from slb.agent import access, tls
from slb.agent.access import Identity
from slb.agent.certificate import end_of
from slb.agent.limits import Buckets
from slb.agent.record import Record
from slb.config import agent
from slb.errors import ConfigError, Unauthorized
from slb.model.agent_config import AgentConfig, ClientRule, TokenRule

log = logging.getLogger(__name__)

LOOK_S = 1.0
Seen = tuple[int, int, int] | None
Trust = tuple[tuple[ClientRule, ...], tuple[TokenRule, ...], bytes]


class Secure:
    """Tells who a client is, as the files say now."""

    def __init__(self, path: str, record: Record | None = None) -> None:
        """Read the files; raises ConfigError. `record`: where reloads are counted."""
        self._path = path
        self._record = record or Record()
        # Why the last reload failed; empty if it did not.
        self.trouble = ""
        # The files as they were when they were read last, those of a wrong config too.
        self._seen: dict[str, Seen] = {path: None}
        self._expires: float | None = None
        self.config, self.context, self._trust = self._read()
        # Those of connections whose clients were found to count as they do now.
        self._good = WeakSet[ssl.SSLContext]()
        self._note_good()
        # What is to be done when others count than before. A new certificate changes none of that.
        self.after_reload: list[Callable[[], None]] = []
        self._buckets = Buckets()

    def identify(self, request: web.Request) -> Identity:
        """Return who asks over TCP; raises Unauthorized, TooMany."""
        try:
            identity = self._identify(request)
        except Unauthorized:
            self._take("", request)
            raise
        self._take(identity.name, request)
        return identity

    def _take(self, name: str, request: web.Request) -> None:
        where = access.address(request) or "an address that is gone"
        self._buckets.take(name, self.config.limits, where)

    def reload(self) -> bool:
        """Read the files again; False: they are wrong, and nothing has changed."""
        try:
            config, context, trust = self._read()
        except ConfigError as error:
            for line in error.problems:
                log.error("%s", line)
            log.error("%s stays in force as it was", self._path)
            self.trouble = error.problems[0]
            self._record.reloaded(False)
            return False
        if config.listen != self.config.listen:
            log.warning("%s: listen: needs a restart", self._path)
        before, self._trust = self._trust, trust
        if trust != before:
            self._good.clear()
        self.config, self.context = config, context
        self._note_good()
        self._buckets = Buckets()
        self.trouble = ""
        self._record.reloaded(True)
        log.info("%s and the files that it names were read again", self._path)
        for call in self.after_reload if trust != before else ():
            call()
        return True

    @property
    def expires(self) -> float | None:
        """When the certificate in force ends, in seconds since 1970; None: there is none."""
        return self._expires

    def changed(self) -> bool:
        """Tell whether a file is not the one that was read."""
        return any(_state(path) != seen for path, seen in self._seen.items())

    async def watch(self) -> None:
        """Look for changed files until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self.changed():
                self.reload()

    def _note_good(self) -> None:
        if self.context is not None:
            self._good.add(self.context)

    def _identify(self, request: web.Request) -> Identity:
        if request.protocol.ssl_context not in self._good:
            text = "who may ask the agent has changed since this connection was made"
            raise Unauthorized(f"{text}; make another one")
        return access.of_client(request, self.config)

    def _read(self) -> tuple[AgentConfig, ssl.SSLContext | None, Trust]:
        self._seen = {path: _state(path) for path in self._seen}
        config = agent.load(self._path)
        if (files := config.tls) is None:
            self._seen = {self._path: self._seen[self._path]}
            self._expires = None
            return config, None, _trust(config)
        named = (files.certificate, files.key, files.client_ca)
        self._seen = {
            self._path: self._seen[self._path],
            **{path: _state(path) for path in named if path is not None},
        }
        # Before the context: if a CA is exchanged in between, the next look finds another one.
        trust = _trust(config)
        context = tls.make_context(config)
        self._expires = end_of(files.certificate)
        return config, context, trust


def _trust(config: AgentConfig) -> Trust:
    """Return all that says which clients count, and for what."""
    ca = config.tls.client_ca if config.tls else None
    try:
        text = Path(ca).read_bytes() if ca else b""
    except OSError:
        # The context cannot be made of it either.
        text = b""
    return config.clients, config.tokens, text


def _state(path: str) -> Seen:
    try:
        found = os.stat(path)
    except OSError:
        return None
    # Of the inode, since another mode counts as well.
    return found.st_ctime_ns, found.st_ino, found.st_size

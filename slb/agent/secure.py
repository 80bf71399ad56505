# SPDX-License-Identifier: BSD-3-Clause
"""agent.yaml in force, and the files that it names; both are read again when they change.

A wrong file is an error in the log, and what was read before stays in force.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable

from aiohttp import web

from slb.agent import access, tls
from slb.agent.access import Identity
from slb.agent.limits import Buckets
from slb.config import agent
from slb.errors import ConfigError, Unauthorized
from slb.model.agent_config import AgentConfig

log = logging.getLogger(__name__)

LOOK_S = 1.0
Seen = tuple[tuple[int, int, int] | None, ...]


class Secure:
    """Tells who a client is, as the files say now."""

    def __init__(self, path: str) -> None:
        """Read the files; raises ConfigError."""
        self._path = path
        self.config = agent.load(path)
        self.context = _context(self.config)
        # What is to be done when others count than before.
        self.after_reload: list[Callable[[], None]] = []
        self._seen = self._look()
        self._buckets = Buckets()

    def identify(self, request: web.Request) -> Identity:
        """Return who asks over TCP; raises Unauthorized, TooMany."""
        try:
            identity = self._identify(request)
        except Unauthorized:
            self._buckets.take("", self.config.limits)
            raise
        self._buckets.take(identity.name, self.config.limits)
        return identity

    def reload(self) -> bool:
        """Read the files again; False: they are wrong, and nothing has changed."""
        self._seen = self._look()
        try:
            config = agent.load(self._path)
            context = _context(config)
        except ConfigError as error:
            for line in error.problems:
                log.error("%s", line)
            log.error("%s stays in force as it was", self._path)
            return False
        if config.listen != self.config.listen:
            log.warning("%s: listen: needs a restart", self._path)
        self.config, self.context = config, context
        self._buckets = Buckets()
        log.info("%s and the files that it names were read again", self._path)
        for call in self.after_reload:
            call()
        return True

    def changed(self) -> bool:
        """Tell whether a file is not the one that was read."""
        return self._look() != self._seen

    async def watch(self) -> None:
        """Look for changed files until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self.changed():
                self.reload()

    def _identify(self, request: web.Request) -> Identity:
        if request.protocol.ssl_context is not self.context:
            text = "the agent's certificates have changed since this connection was made"
            raise Unauthorized(f"{text}; make another one")
        return access.of_client(request, self.config)

    def _look(self) -> Seen:
        files = self.config.tls
        named = (files.certificate, files.key, files.client_ca) if files else ()
        return tuple(_state(path) for path in (self._path, *named) if path)


def _context(config: AgentConfig) -> ssl.SSLContext | None:
    return tls.make_context(config) if config.tls else None


def _state(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size

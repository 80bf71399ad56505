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
Seen = tuple[int, int, int] | None


class Secure:
    """Tells who a client is, as the files say now."""

    def __init__(self, path: str) -> None:
        """Read the files; raises ConfigError."""
        self._path = path
        # The files as they were when they were read last, those of a wrong config too.
        self._seen: dict[str, Seen] = {path: None}
        self.config, self.context = self._read()
        # What is to be done when others count than before.
        self.after_reload: list[Callable[[], None]] = []
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
        try:
            config, context = self._read()
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
        return any(_state(path) != seen for path, seen in self._seen.items())

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

    def _read(self) -> tuple[AgentConfig, ssl.SSLContext | None]:
        self._seen = {path: _state(path) for path in self._seen}
        config = agent.load(self._path)
        if (files := config.tls) is None:
            self._seen = {self._path: self._seen[self._path]}
            return config, None
        named = (files.certificate, files.key, files.client_ca)
        self._seen = {
            self._path: self._seen[self._path],
            **{path: _state(path) for path in named if path is not None},
        }
        return config, tls.make_context(config)


def _state(path: str) -> Seen:
    try:
        found = os.stat(path)
    except OSError:
        return None
    # Of the inode, since another mode counts as well.
    return found.st_ctime_ns, found.st_ino, found.st_size

# SPDX-License-Identifier: BSD-3-Clause
"""Who asks over the Unix socket, and how often they may.

root may as often as it likes: it can do all else to the host, too.
"""

from collections.abc import Callable

from aiohttp import web

from slb.agent import access
from slb.agent.access import Identity
from slb.agent.limits import Buckets
from slb.model.agent_config import Limits


class Local:
    """Tells who it is; `limits`: those in force."""

    def __init__(self, limits: Callable[[], Limits]) -> None:
        self._limits = limits
        self._buckets = Buckets()

    def identify(self, request: web.Request) -> Identity:
        """Return who is at the other end; raises Unauthorized, TooMany."""
        identity = access.of_socket(request)
        if identity.uid:
            self._buckets.take(identity.name, self._limits(), f"pid {identity.pid}")
        return identity

# SPDX-License-Identifier: BSD-3-Clause
"""Who changed something at slbd's own socket: a line of the log for each such request.

What slb-agent does for others is in its own record, with their names.
"""

import logging
import socket

from aiohttp import web
from aiohttp.typedefs import Handler

from slb.api import peer
from slb.api.unix_http import AGENT

log = logging.getLogger(__name__)

READING = frozenset({"GET", "HEAD"})
MAX_PATH = 300


@web.middleware
async def note_changes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note a request that may change something, and what was answered."""
    aside = request.method in READING or AGENT in request.headers
    if aside or request.query.get("dry_run") == "1":
        return await handler(request)
    # Whoever does not wait for the answer has done it all the same.
    connection: socket.socket | None = request.get_extra_info("socket")
    who = peer.of(connection) if connection is not None else peer.NOBODY
    response = await handler(request)
    path = ascii(request.path[:MAX_PATH])[1:-1]
    whose = "who is gone" if who == peer.NOBODY else f"uid {who.uid}, pid {who.pid}"
    text = f"{request.method} {path} by {whose}: {response.status}"
    fields = {"method": request.method, "path": path, "status": response.status}
    log.info("%s", text, extra={"fields": fields | {"uid": who.uid, "pid": who.pid}})
    return response

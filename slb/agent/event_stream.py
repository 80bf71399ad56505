# SPDX-License-Identifier: BSD-3-Clause
"""`GET /v1/events`: events as they happen, a JSON object a line."""

import asyncio
from functools import partial

from aiohttp import web

from slb.agent.events import Events
from slb.api import request as read
from slb.api.described import ROUTES, Described
from slb.errors import TooMany
from slb.model import codec
from slb.model.events import Event

QUERY = frozenset({"since", "follow"})
NDJSON = "application/x-ndjson"
MAX_READERS = 64
# Of them for the host's own, so that nobody from elsewhere takes the operator's place.
LOCAL_READERS = 16
# Nothing happens for so long: an empty line, by which each side sees that the other is there.
PAUSE_S = 10.0
# Who takes nothing for so long is gone.
PATIENCE_S = 30.0


def add_events(app: web.Application, events: Events) -> None:
    """Add the route."""
    key = ("GET", "/v1/events")

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _answer(request, events)

    app.router.add_route(*key, handle)
    app[ROUTES][key] = Described(
        "events", "What happens, an object a line", Event, query=QUERY, content=NDJSON
    )


async def _answer(request: web.Request, events: Events) -> web.StreamResponse:
    # Followed unless that is not wanted, and then from now on unless it is said since when.
    read.known(request, QUERY)
    since = read.number(request, "since")
    follow = read.number(request, "follow") != 0
    if since is None:
        since = events.last if follow else 0
    remote = request.protocol.ssl_context is not None
    if events.readers >= (most := MAX_READERS - (LOCAL_READERS if remote else 0)):
        raise TooMany(f"{most} read events already", 30)
    response = web.StreamResponse()
    response.content_type = NDJSON
    await response.prepare(request)
    try:
        if follow:
            gone = partial(_is_gone, request)
            async for found in events.read(since, PAUSE_S, remote, gone):
                await _write(response, b"".join(codec.encode(one) + b"\n" for one in found))
        else:
            while found := events.after(since):
                await _write(response, b"".join(codec.encode(one) + b"\n" for one in found))
                since = found[-1].id
        await response.write_eof()
    except (ConnectionError, TimeoutError):
        request.protocol.force_close()
    return response


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _write(response: web.StreamResponse, lines: bytes) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await response.write(lines or b"\n")

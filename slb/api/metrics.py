# SPDX-License-Identifier: BSD-3-Clause
"""GET /metrics: what slbd tells Prometheus."""

import asyncio
from functools import partial

from aiohttp import web

from slb.api import request as read
from slb.api.backend import Backend, Gate
from slb.api.described import ROUTES, Described
from slb.metrics.exposition import exposition
from slb.metrics.reading import read as read_all
from slb.metrics.text import CONTENT_TYPE, Scrape
from slb.model.views import OspfView

PATH = "/metrics"
OSPF_S = 3.0


def add_metrics(app: web.Application, gate: Gate) -> None:
    """Add the route; it answers NotReady while the gate is shut."""
    scrape = Scrape()

    async def handle(request: web.Request) -> web.Response:
        read.known(request, frozenset())
        body = await scrape.text(partial(_collect, gate.backend()))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    app.router.add_get(PATH, handle)
    if ROUTES in app:
        told = Described("metrics", "What slbd tells Prometheus", str, content=CONTENT_TYPE)
        app[ROUTES]["GET", PATH] = told


async def _collect(backend: Backend) -> bytes:
    ospf = await _ospf(backend)
    return await asyncio.to_thread(_write, backend, ospf)


def _write(backend: Backend, ospf: OspfView) -> bytes:
    seen = read_all(backend.engine, backend.steering, ospf, backend.facts, backend.tables)
    return exposition(seen)


async def _ospf(backend: Backend) -> OspfView:
    """Ask BIRD, but not for longer than it may take: all else is to be seen without it."""
    try:
        async with asyncio.timeout(OSPF_S):
            return await backend.ospf()
    except TimeoutError:
        return OspfView("unknown", False, "", [], [], None, {}, "BIRD does not answer in time")

# SPDX-License-Identifier: BSD-3-Clause
"""The API's routes. `add_routes(app, gate)` is all that the server needs."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web
from msgspec.structs import asdict

from slb import __version__
from slb.api import request as read
from slb.api.backend import Backend, Gate
from slb.errors import UnknownVs
from slb.model import codec, views
from slb.model.endpoint import VsKey
from slb.model.laddr import LaddrAdd
from slb.model.op import Op, OpKind, Transaction
from slb.model.service import RealServer, RsEdit, Service, ServiceSet, VsEdit
from slb.model.workers import WorkersEdit

MAX_LIMIT = 10_000
DEFAULT_LIMIT = 100
NO_SUM = frozenset(
    {"worker", "cpu", "lcore", "numa", "idle", "state", "share", "generation", "rounds"}
)

Action = Callable[[web.Request, Backend], Awaitable[Any]]


def add_routes(app: web.Application, gate: Gate) -> None:
    """Add every route; each answers NotReady while the gate is shut.

    A query key that a route does not know is refused: what it was meant to change, `dry_run` for
    one, would not be what happens.
    """

    def served(
        action: Action, status: int = 200, query: frozenset[str] = frozenset()
    ) -> Callable[..., Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            read.known(request, query)
            answer = await action(request, gate.backend())
            body = codec.encode(answer)
            return web.Response(status=status, body=body, content_type="application/json")

        return handle

    one_vs, one_rs = "/v1/vs/{vs}", "/v1/vs/{vs}/rs/{rs}"
    app.router.add_get("/v1/version", served(partial(_version, gate=gate)))
    app.router.add_get("/v1/vs", served(_listing(lambda b: b.engine.vs_list)))
    app.router.add_post("/v1/vs", served(_vs_add, 201))
    app.router.add_get(one_vs, served(_vs_show))
    app.router.add_patch(one_vs, served(_vs_edit))
    app.router.add_delete(one_vs, served(_vs_del))
    app.router.add_post("/v1/vs/{vs}/rs", served(_rs_add, 201))
    app.router.add_patch(one_rs, served(_rs_edit))
    app.router.add_delete(one_rs, served(_rs_del))
    app.router.add_get("/v1/rs", served(_rs_list, query=frozenset({"vs"})))
    app.router.add_get("/v1/laddr", served(_listing(lambda b: b.engine.laddr_list)))
    app.router.add_post("/v1/laddr", served(_laddr_add, 201))
    app.router.add_delete("/v1/laddr/{address}", served(_laddr_del))
    app.router.add_get("/v1/ports", served(_listing(lambda b: b.engine.port_list)))
    app.router.add_get("/v1/neighbours", served(_listing(lambda b: b.engine.neighbour_list)))
    app.router.add_get("/v1/routes", served(_listing(lambda b: b.engine.route_list)))
    app.router.add_get("/v1/steering", served(_listing(lambda b: b.steering.rows)))
    app.router.add_get("/v1/steering/rules", served(_listing(lambda b: b.steering.rules)))
    app.router.add_get("/v1/steering/probes", served(_listing(lambda b: b.steering.probes)))
    app.router.add_get("/v1/workers", served(_listing(lambda b: b.engine.worker_list)))
    app.router.add_patch("/v1/workers", served(_workers_edit))
    app.router.add_get("/v1/drops", served(_listing(lambda b: b.engine.drop_list)))
    app.router.add_get("/v1/stats", served(_stats))
    app.router.add_get("/v1/ospf", served(_ospf))
    app.router.add_get("/v1/sessions", served(_sessions, query=read.FILTERS | {"limit"}))
    app.router.add_get("/v1/sessions/count", served(_session_count, query=read.FILTERS))
    app.router.add_post("/v1/apply", served(_apply, query=frozenset({"dry_run"})))
    app.router.add_get("/v1/export", served(_export))
    app.router.add_post("/v1/commit", served(_commit, query=frozenset({"dry_run"})))


def _listing(pick: Callable[[Backend], Callable[[], list[Any]]]) -> Action:
    async def action(request: web.Request, backend: Backend) -> dict[str, Any]:
        return {"items": await asyncio.to_thread(pick(backend))}

    return action


async def _version(request: web.Request, backend: Backend, gate: Gate) -> views.Version:
    engine = backend.engine
    generation = await asyncio.to_thread(engine.generation)
    return views.Version(
        slb=__version__,
        abi=engine.abi,
        dpdk=engine.dpdk,
        pid=os.getpid(),
        generation=generation,
        instance=gate.instance,
        uptime_s=gate.uptime_s,
    )


async def _find_vs(backend: Backend, vs: VsKey) -> views.VsView:
    rows = await asyncio.to_thread(backend.engine.vs_list)
    if found := next((row for row in rows if row.vs == str(vs)), None):
        return found
    raise UnknownVs(f"VS {vs} does not exist")


async def _vs_show(request: web.Request, backend: Backend) -> views.VsView:
    return await _find_vs(backend, read.vs_key(request))


async def _vs_add(request: web.Request, backend: Backend) -> views.Generation:
    service = await read.body(request, Service)
    return views.Generation(await backend.tables.add(service))


async def _vs_edit(request: web.Request, backend: Backend) -> views.Generation:
    edit = await read.body(request, VsEdit)
    return views.Generation(await backend.tables.edit(read.vs_key(request), edit))


async def _vs_del(request: web.Request, backend: Backend) -> views.Generation:
    op = Op(OpKind.VS_DEL, read.vs_key(request))
    return views.Generation(await backend.tables.commit([op]))


async def _rs_list(request: web.Request, backend: Backend) -> views.Items[views.RsView]:
    wanted = request.query.get("vs")
    vs = VsKey.parse(wanted) if wanted is not None else None
    rows = await asyncio.to_thread(backend.engine.rs_list)
    if vs is not None:
        rows = [row for row in rows if row.vs == str(vs)]
        if not rows:
            await _find_vs(backend, vs)
    return views.Items(rows)


async def _rs_add(request: web.Request, backend: Backend) -> views.Generation:
    real = await read.body(request, RealServer)
    op = Op(OpKind.RS_ADD, read.vs_key(request), rs=real.rs, weight=real.weight)
    return views.Generation(await backend.tables.commit([op]))


async def _rs_edit(request: web.Request, backend: Backend) -> views.Generation:
    edit = await read.body(request, RsEdit)
    vs, rs = read.vs_key(request), read.rs_key(request)
    op = Op(OpKind.RS_EDIT, vs, rs=rs, weight=edit.weight)
    return views.Generation(await backend.tables.commit([op]))


async def _rs_del(request: web.Request, backend: Backend) -> views.Generation:
    op = Op(OpKind.RS_DEL, read.vs_key(request), rs=read.rs_key(request))
    return views.Generation(await backend.tables.commit([op]))


async def _laddr_add(request: web.Request, backend: Backend) -> views.Generation:
    more = await read.body(request, LaddrAdd)
    return views.Generation(await backend.laddrs.add(more.port, more.addresses))


async def _laddr_del(request: web.Request, backend: Backend) -> views.Generation:
    return views.Generation(await backend.laddrs.delete(read.address(request)))


async def _workers_edit(request: web.Request, backend: Backend) -> views.Generation:
    edit = await read.body(request, WorkersEdit)
    return views.Generation(await backend.workers.set(edit.count, edit.end))


async def _stats(request: web.Request, backend: Backend) -> views.Stats:
    workers = await asyncio.to_thread(backend.engine.worker_list)
    names = [name for name in views.WorkerView.__struct_fields__ if name not in NO_SUM]
    rows = [asdict(worker) for worker in workers]
    totals = {name: sum(row[name] for row in rows) for name in names}
    generation = min((worker.generation for worker in workers), default=0)
    return views.Stats(generation, totals, workers)


async def _ospf(request: web.Request, backend: Backend) -> views.OspfView:
    return await backend.ospf()


async def _sessions(request: web.Request, backend: Backend) -> views.SessionPage:
    limit = read.number(request, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT
    wanted = read.session_filter(request)
    return await asyncio.to_thread(backend.engine.session_list, wanted, limit)


async def _session_count(request: web.Request, backend: Backend) -> views.SessionCount:
    wanted = read.session_filter(request)
    return views.SessionCount(await asyncio.to_thread(backend.engine.session_count, wanted))


async def _apply(request: web.Request, backend: Backend) -> views.Plan:
    dry_run = read.flag(request, "dry_run")
    wanted = await read.body(request, ServiceSet)
    return await backend.tables.apply(wanted.services, dry_run)


async def _commit(request: web.Request, backend: Backend) -> views.Plan:
    dry_run = read.flag(request, "dry_run")
    return await backend.tables.transact((await read.body(request, Transaction)).ops, dry_run)


async def _export(request: web.Request, backend: Backend) -> ServiceSet:
    return ServiceSet(tuple(await backend.tables.services()))

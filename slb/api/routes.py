# SPDX-License-Identifier: BSD-3-Clause
"""The API's routes. `add_routes(app, gate)` is all that the server needs."""

import asyncio
import os
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web
from msgspec.structs import asdict

from slb import __version__
from slb.api import request as read
from slb.api.backend import Backend, Gate
from slb.api.described import JSON, ROUTES, Action, Described, describe
from slb.errors import UnknownVs
from slb.model import codec, views
from slb.model.down import DownSet
from slb.model.endpoint import VsKey
from slb.model.laddr import LaddrAdd
from slb.model.op import Op, OpKind, Transaction
from slb.model.reset import Resets
from slb.model.service import RealServer, RsEdit, Service, ServiceSet, VsEdit
from slb.model.workers import WorkersEdit

DEFAULT_LIMIT = 100
NO_SUM = frozenset(
    {"worker", "cpu", "lcore", "numa", "idle", "state", "share", "generation", "rounds"}
)


def add_routes(app: web.Application, gate: Gate) -> None:
    """Add every route; each answers NotReady while the gate is shut.

    A query key that a route does not know is refused: what it was meant to change, `dry_run` for
    one, would not be what happens.
    """

    routes: dict[tuple[str, str], Described] = {}
    app[ROUTES] = routes

    def serve(
        method: str,
        path: str,
        action: Action,
        status: int = 200,
        query: frozenset[str] = frozenset(),
        gives: Any = None,
        name: str = "",
    ) -> None:
        route = describe(action, query, status, gives, name)

        async def handle(request: web.Request) -> web.Response:
            read.known(request, query)
            backend = gate.backend()
            body = () if route.takes is None else (await read.body(request, route.takes),)
            answer = codec.encode(await action(request, backend, *body))
            return web.Response(status=status, body=answer, content_type=JSON)

        # A GET answers HEAD as well, which is not worth telling.
        app.router.add_route(method, path, handle)
        if method == "GET":
            app.router.add_route("HEAD", path, handle)
        routes[method, path] = route

    def listing(path: str, kind: type, pick: Callable[[Backend], Callable[[], list[Any]]]) -> None:
        name = "list_" + path.removeprefix("/v1/").replace("/", "_")
        serve("GET", path, _listing(pick, kind), gives=views.Items[kind], name=name)  # type: ignore[valid-type]

    one_vs, one_rs = "/v1/vs/{vs}", "/v1/vs/{vs}/rs/{rs}"
    serve("GET", "/v1/version", partial(_version, gate=gate))
    listing("/v1/vs", views.VsView, lambda b: b.engine.vs_list)
    serve("POST", "/v1/vs", _vs_add, 201)
    serve("GET", one_vs, _vs_show)
    serve("PATCH", one_vs, _vs_edit)
    serve("DELETE", one_vs, _vs_del)
    serve("POST", "/v1/vs/{vs}/rs", _rs_add, 201)
    serve("PATCH", one_rs, _rs_edit)
    serve("DELETE", one_rs, _rs_del)
    serve("GET", "/v1/rs", _rs_list, query=frozenset({"vs"}))
    serve("GET", "/v1/rs/down", _down_list)
    serve("PUT", "/v1/rs/down", _down_set)
    listing("/v1/answers", views.RsAnswers, lambda b: b.engine.answer_list)
    listing("/v1/laddr", views.LaddrView, lambda b: b.laddrs.rows)
    serve("POST", "/v1/laddr", _laddr_add, 201)
    serve("DELETE", "/v1/laddr/{address}", _laddr_del)
    listing("/v1/ports", views.PortView, lambda b: b.engine.port_list)
    listing("/v1/neighbours", views.NeighbourView, lambda b: b.engine.neighbour_list)
    listing("/v1/routes", views.RouteView, lambda b: b.engine.route_list)
    listing("/v1/steering", views.SteeringView, lambda b: b.steering.rows)
    listing("/v1/steering/rules", views.RuleView, lambda b: b.steering.rules)
    listing("/v1/steering/probes", views.ProbeView, lambda b: b.steering.probes)
    listing("/v1/workers", views.WorkerView, lambda b: b.engine.worker_list)
    serve("PATCH", "/v1/workers", _workers_edit)
    listing("/v1/drops", views.DropView, lambda b: b.engine.drop_list)
    serve("GET", "/v1/stats", _stats)
    serve("GET", "/v1/ospf", _ospf)
    serve("POST", "/v1/ospf/restart", _ospf_restart)
    serve("GET", "/v1/sessions", _sessions, query=read.FILTERS | {"limit"})
    serve("GET", "/v1/sessions/count", _session_count, query=read.FILTERS)
    serve("POST", "/v1/sessions/reset", _session_reset)
    serve("POST", "/v1/apply", _apply, query=frozenset({"dry_run"}))
    serve("GET", "/v1/export", _export)
    serve("POST", "/v1/commit", _commit, query=frozenset({"dry_run"}))


def _listing(pick: Callable[[Backend], Callable[[], list[Any]]], kind: type) -> Action:
    async def action(request: web.Request, backend: Backend) -> dict[str, Any]:
        return {"items": await backend.read(pick(backend))}

    each = re.split(r"[;.,]", kind.__doc__ or "", maxsplit=1)[0]
    action.__doc__ = f"A list; each is {each[:1].lower()}{each[1:]}"
    return action


async def _version(request: web.Request, backend: Backend, gate: Gate) -> views.Version:
    """Who answers."""
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
        reload_trouble=backend.facts.reload_trouble,
    )


async def _find_vs(backend: Backend, vs: VsKey) -> views.VsView:
    rows = await backend.read(backend.engine.vs_list)
    if found := next((row for row in rows if row.vs == str(vs)), None):
        return found
    raise UnknownVs(f"VS {vs} does not exist")


async def _vs_show(request: web.Request, backend: Backend) -> views.VsView:
    """Show one VS."""
    return await _find_vs(backend, read.vs_key(request))


async def _vs_add(request: web.Request, backend: Backend, body: Service) -> views.Generation:
    """Add a VS with its RS."""
    return views.Generation(await backend.tables.add(body))


async def _vs_edit(request: web.Request, backend: Backend, body: VsEdit) -> views.Generation:
    """Change a VS's policy."""
    return views.Generation(await backend.tables.edit(read.vs_key(request), body))


async def _vs_del(request: web.Request, backend: Backend) -> views.Generation:
    """Delete a VS and its RS."""
    op = Op(OpKind.VS_DEL, read.vs_key(request))
    return views.Generation(await backend.tables.commit([op]))


async def _rs_list(request: web.Request, backend: Backend) -> views.Items[views.RsView]:
    """List the RS of one VS, or of all."""
    wanted = request.query.get("vs")
    vs = VsKey.parse(wanted) if wanted is not None else None
    rows = await backend.read(backend.engine.rs_list)
    if vs is not None:
        rows = [row for row in rows if row.vs == str(vs)]
        if not rows:
            await _find_vs(backend, vs)
    return views.Items(rows)


async def _rs_add(request: web.Request, backend: Backend, body: RealServer) -> views.Generation:
    """Add an RS to a VS."""
    op = Op(OpKind.RS_ADD, read.vs_key(request), rs=body.rs, weight=body.weight)
    return views.Generation(await backend.tables.commit([op]))


async def _rs_edit(request: web.Request, backend: Backend, body: RsEdit) -> views.Generation:
    """Change an RS's weight; 0 drains it."""
    vs, rs = read.vs_key(request), read.rs_key(request)
    op = Op(OpKind.RS_EDIT, vs, rs=rs, weight=body.weight)
    return views.Generation(await backend.tables.commit([op]))


async def _rs_del(request: web.Request, backend: Backend) -> views.Generation:
    """Delete an RS; its sessions live until they end."""
    op = Op(OpKind.RS_DEL, read.vs_key(request), rs=read.rs_key(request))
    return views.Generation(await backend.tables.commit([op]))


async def _down_list(request: web.Request, backend: Backend) -> DownSet:
    """List the RS that are down though they have a weight, as slb-agent says."""
    rows = sorted(backend.tables.down, key=lambda row: (row.vs.order, str(row.rs)))
    return DownSet(tuple(rows))


async def _down_set(request: web.Request, backend: Backend, body: DownSet) -> DownSet:
    """Say which RS are down though they have a weight: no quorum counts them."""
    backend.tables.set_down(body.items)
    return body


async def _laddr_add(request: web.Request, backend: Backend, body: LaddrAdd) -> views.Generation:
    """Add local addresses to a port, all or none."""
    return views.Generation(await backend.laddrs.add(body.port, body.addresses))


async def _laddr_del(request: web.Request, backend: Backend) -> views.Generation:
    """Take a local address away; its sessions live until they end."""
    return views.Generation(await backend.laddrs.delete(read.address(request)))


async def _workers_edit(
    request: web.Request, backend: Backend, body: WorkersEdit
) -> views.Generation:
    """Spread clients over so many workers."""
    return views.Generation(await backend.workers.set(body.count, body.end))


async def _stats(request: web.Request, backend: Backend) -> views.Stats:
    """The workers' counters and their sum."""
    workers = await asyncio.to_thread(backend.engine.worker_list)
    names = [name for name in views.WorkerView.__struct_fields__ if name not in NO_SUM]
    rows = [asdict(worker) for worker in workers]
    totals = {name: sum(row[name] for row in rows) for name in names}
    generation = min((worker.generation for worker in workers), default=0)
    return views.Stats(generation, totals, workers)


async def _ospf(request: web.Request, backend: Backend) -> views.OspfView:
    """What OSPF does."""
    return await backend.ospf()


async def _ospf_restart(request: web.Request, backend: Backend) -> views.OspfView:
    """Restart BIRD while its neighbours keep the routes."""
    return await backend.ospf_restart()


async def _sessions(request: web.Request, backend: Backend) -> views.SessionPage:
    """List sessions."""
    limit = read.number(request, "limit") or DEFAULT_LIMIT
    wanted = read.session_filter(request)
    return await backend.read(backend.engine.session_list, wanted, limit)


async def _session_count(request: web.Request, backend: Backend) -> views.SessionCount:
    """Count sessions."""
    wanted = read.session_filter(request)
    return views.SessionCount(await backend.read(backend.engine.session_count, wanted))


async def _session_reset(
    request: web.Request, backend: Backend, body: Resets
) -> views.SessionsReset:
    """End the sessions of RS."""
    ended = await asyncio.to_thread(backend.engine.session_reset, body.resets)
    return views.SessionsReset(ended)


async def _apply(request: web.Request, backend: Backend, body: ServiceSet) -> views.Plan:
    """Make this the whole set of VS."""
    dry_run = read.flag(request, "dry_run")
    return await backend.tables.apply(body.services, dry_run)


async def _commit(request: web.Request, backend: Backend, body: Transaction) -> views.Plan:
    """Apply ops by one transaction."""
    dry_run = read.flag(request, "dry_run")
    return await backend.tables.transact(body.ops, dry_run)


async def _export(request: web.Request, backend: Backend) -> ServiceSet:
    """The whole set of VS, in the form that apply takes."""
    return ServiceSet(tuple(await backend.tables.services()))

# SPDX-License-Identifier: BSD-3-Clause
"""The agent's routes: slbd's, of which those that change services are answered here, and more.

Every other route of slbd's is passed on, so the two have one vocabulary by construction.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web

from slb.agent import edits, event_stream
from slb.agent import state as states
from slb.agent.access import READING, may_write
from slb.agent.desired import Desired
from slb.agent.follow import without_place
from slb.agent.forward import Forward
from slb.agent.state import Services, State
from slb.api import request as read
from slb.api.backend import Gate
from slb.api.server import make_app
from slb.errors import BadRequest
from slb.model import codec, views
from slb.model.desired import (
    MAX_CONFIRM_S,
    OPERATOR,
    Delta,
    OwnerView,
    RollbackTo,
    Snapshot,
    StateView,
    StatusView,
    VersionView,
)
from slb.model.endpoint import VsKey
from slb.model.service import RealServer, RsEdit, Service, ServiceSet, VsEdit

MAX_GENERATION = 10**9 - 1
BASE = frozenset({"base"})
# What would change services beside the desired state.
NOT_OURS = {("POST", "/v1/commit")}

Action = Callable[[web.Request, Desired], Awaitable[Any]]


def add_routes(app: web.Application, desired: Desired, forward: Forward) -> None:
    """Add every route."""
    own: set[tuple[str, str]] = set()

    def serve(
        method: str,
        path: str,
        action: Action,
        query: frozenset[str] = frozenset(),
        status: int = 200,
        owner: str | None = OPERATOR,
    ) -> None:
        async def handle(request: web.Request) -> web.Response:
            if owner is not None and method not in READING:
                may_write(request, owner)
            read.known(request, query)
            body = codec.encode(await action(request, desired))
            return web.Response(status=status, body=body, content_type="application/json")

        app.router.add_route(method, path, handle)
        own.add((method, path))

    one_vs, one_rs = "/v1/vs/{vs}", "/v1/vs/{vs}/rs/{rs}"
    serve("POST", "/v1/vs", _vs_add, BASE, 201)
    serve("PATCH", one_vs, _vs_edit, BASE)
    serve("DELETE", one_vs, _vs_del, BASE)
    serve("POST", "/v1/vs/{vs}/rs", _rs_add, BASE, 201)
    serve("PATCH", one_rs, _rs_edit, BASE)
    serve("DELETE", one_rs, _rs_del, BASE)
    serve("POST", "/v1/apply", _apply, BASE | {"dry_run", "confirm_s"})
    serve("GET", "/v1/export", _export)
    serve("POST", "/v1/confirm", _confirm)
    serve("POST", "/v1/rollback", _rollback)
    serve("GET", "/v1/history", _history)
    serve("GET", "/v1/status", _status)
    serve("GET", "/v1/state", _state, frozenset({"owner", "digest"}))
    # Whose set it is stands in the body.
    serve("PUT", "/v1/state", _state_put, owner=None)
    serve("PATCH", "/v1/state", _state_patch, owner=None)

    async def happening(request: web.Request) -> web.StreamResponse:
        return await event_stream.answer(request, desired.events)

    app.router.add_get("/v1/events", happening)

    async def pass_on(request: web.Request) -> web.Response:
        # Local addresses and workers are of the host, so they are the operator's.
        if request.method not in READING:
            may_write(request, OPERATOR)
        return await forward.answer(request)

    for route in make_app(Gate()).router.routes():
        assert route.resource is not None
        key = (route.method, route.resource.canonical)
        if key not in own | NOT_OURS and route.method != "HEAD":
            app.router.add_route(*key, pass_on)


async def _change(
    request: web.Request,
    desired: Desired,
    vs: VsKey,
    what: str,
    edit: Callable[[Services], Services],
) -> views.Generation:
    """One change of a VS of the operator's; slbd says in a sentence what is wrong with it."""

    def change(state: State) -> State:
        states.only_own(state, OPERATOR, [vs])
        services = edit(states.settled(state, OPERATOR).owner(OPERATOR).services)
        return states.give(state, OPERATOR, services)

    try:
        done = await desired.change(OPERATOR, what, change, base=_base(request))
    except BadRequest as error:
        raise BadRequest(without_place(str(error))) from None
    return views.Generation(done.generation)


async def _vs_add(request: web.Request, desired: Desired) -> views.Generation:
    service = await read.body(request, Service)
    edit = partial(edits.add, service=service)
    return await _change(request, desired, service.vs, f"+ vs {service.vs}", edit)


async def _vs_edit(request: web.Request, desired: Desired) -> views.Generation:
    change, vs = await read.body(request, VsEdit), read.vs_key(request)
    return await _change(
        request, desired, vs, f"~ vs {vs}", partial(edits.edit, vs=vs, change=change)
    )


async def _vs_del(request: web.Request, desired: Desired) -> views.Generation:
    vs = read.vs_key(request)
    return await _change(request, desired, vs, f"- vs {vs}", partial(edits.delete, vs=vs))


async def _rs_add(request: web.Request, desired: Desired) -> views.Generation:
    real, vs = await read.body(request, RealServer), read.vs_key(request)
    edit = partial(edits.add_rs, vs=vs, real=real)
    return await _change(request, desired, vs, f"+ rs {vs} {real.rs} weight {real.weight}", edit)


async def _rs_edit(request: web.Request, desired: Desired) -> views.Generation:
    change = await read.body(request, RsEdit)
    vs, rs = read.vs_key(request), read.rs_key(request)
    edit = partial(edits.edit_rs, vs=vs, rs=rs, weight=change.weight)
    return await _change(request, desired, vs, f"~ rs {vs} {rs} weight {change.weight}", edit)


async def _rs_del(request: web.Request, desired: Desired) -> views.Generation:
    vs, rs = read.vs_key(request), read.rs_key(request)
    return await _change(
        request, desired, vs, f"- rs {vs} {rs}", partial(edits.delete_rs, vs=vs, rs=rs)
    )


async def _apply(request: web.Request, desired: Desired) -> views.Plan:
    dry_run = read.flag(request, "dry_run")
    confirm_s = read.number(request, "confirm_s", 1, MAX_CONFIRM_S)
    wanted = (await read.body(request, ServiceSet)).services
    return await desired.change(
        OPERATOR,
        f"apply {len(wanted)} VS",
        lambda state: states.give(states.settled(state, OPERATOR), OPERATOR, wanted),
        base=_base(request),
        whole=True,
        dry_run=dry_run,
        confirm_s=confirm_s,
    )


async def _export(request: web.Request, desired: Desired) -> ServiceSet:
    owners = desired.snapshot(OPERATOR, True).owners
    return ServiceSet(owners[0].services or () if owners else ())


async def _confirm(request: web.Request, desired: Desired) -> views.Generation:
    return views.Generation(await desired.confirm())


async def _rollback(request: web.Request, desired: Desired) -> views.Plan:
    to = await read.body(request, RollbackTo)
    return await desired.rollback(to.generation)


async def _history(request: web.Request, desired: Desired) -> views.Items[VersionView]:
    return views.Items(await desired.history())


async def _status(request: web.Request, desired: Desired) -> StatusView:
    return desired.status()


async def _state(request: web.Request, desired: Desired) -> StateView:
    digests = read.flag(request, "digest")
    return desired.snapshot(request.query.get("owner"), not digests)


async def _state_put(request: web.Request, desired: Desired) -> OwnerView:
    wanted = await read.body(request, Snapshot)
    may_write(request, wanted.owner)
    what = f"snapshot {wanted.generation} of epoch {wanted.epoch}"
    edit = partial(states.put, wanted=wanted)
    await desired.change(wanted.owner, what, edit, whole=True)
    return _owner(desired, wanted.owner)


async def _state_patch(request: web.Request, desired: Desired) -> OwnerView:
    delta = await read.body(request, Delta)
    may_write(request, delta.owner)
    what = f"delta {delta.generation} of epoch {delta.epoch}"
    await desired.change(delta.owner, what, lambda state: states.patch(state, delta))
    return _owner(desired, delta.owner)


def _owner(desired: Desired, name: str) -> OwnerView:
    (view,) = desired.snapshot(name, False).owners
    return view


def _base(request: web.Request) -> int | None:
    return read.number(request, "base", 0, MAX_GENERATION)

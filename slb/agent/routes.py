# SPDX-License-Identifier: BSD-3-Clause
"""The agent's routes: slbd's, of which those that change services are answered here, and more.

Every other route of slbd's is passed on, so the two have one vocabulary by construction.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web
from msgspec.structs import replace

from slb.agent import asking, edits, passed
from slb.agent import state as states
from slb.agent.access import READING, may_write
from slb.agent.desired import Desired
from slb.agent.ends import Ends
from slb.agent.event_stream import add_events
from slb.agent.follow import without_place
from slb.agent.forward import Forward
from slb.agent.health import Health
from slb.agent.keyed import Services
from slb.agent.metrics import AgentMetrics
from slb.agent.secure import Secure
from slb.agent.state import State
from slb.api import openapi
from slb.api import request as read
from slb.api.backend import Gate
from slb.api.described import JSON, ROUTES, Action, Described, describe
from slb.api.server import make_app
from slb.errors import BadRequest
from slb.model import codec, views
from slb.model.desired import (
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
from slb.model.health import HealthView
from slb.model.reset import Resets
from slb.model.service import RealServer, RsEdit, Service, ServiceSet, VsEdit

BASE = frozenset({"base"})
WITH_VS = frozenset({"with_vs"})
# What would change services beside the desired state, and what the checks alone may say.
NOT_OURS = {("POST", "/v1/commit"), ("PUT", "/v1/rs/down")}


def add_routes(
    desired: Desired,
    forward: Forward,
    health: Health,
    ends: Ends,
    metrics: AgentMetrics,
    secure: Secure | None,
    app: web.Application,
) -> None:
    """Add every route."""
    routes = dict[tuple[str, str], Described]()
    app[ROUTES] = routes

    def serve(
        method: str,
        path: str,
        action: Action,
        query: frozenset[str] = frozenset(),
        status: int = 200,
        owner: str | None = OPERATOR,
    ) -> None:
        route = describe(action, query, status)

        async def handle(request: web.Request) -> web.Response:
            if owner is not None and method not in READING:
                may_write(request, owner)
            read.known(request, query)
            body = () if route.takes is None else (await read.body(request, route.takes),)
            answer = codec.encode(await action(request, desired, *body))
            return web.Response(status=status, body=answer, content_type=JSON)

        app.router.add_route(method, path, handle)
        routes[method, path] = route

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
    serve("POST", "/v1/rollback", _rollback, BASE)
    serve("GET", "/v1/history", _history)
    serve(
        "GET", "/v1/status", partial(_status, health=health, secure=secure), frozenset({"services"})
    )
    serve("GET", "/v1/health", partial(_health, health=health), frozenset({"vs"}))
    serve("POST", "/v1/sessions/reset", partial(_session_reset, ends=ends))
    serve("GET", "/v1/state", _state, frozenset({"owner", "digest"}))
    # Whose set it is stands in the body.
    serve("PUT", "/v1/state", _state_put, owner=None)
    serve("PATCH", "/v1/state", _state_patch, owner=None)
    serve("DELETE", "/v1/owners/{owner}", _owner_del, BASE | WITH_VS)

    add_events(app, desired.events)
    metrics.add_route(app)

    async def pass_on(request: web.Request, path: str) -> web.Response:
        # Local addresses and workers are of the host, so they are the operator's.
        if request.method not in READING:
            may_write(request, OPERATOR)
            sent = await read.raw(request)
            asked = asking.now()
            asked.change = passed.change(request.method, path, request.match_info, sent)
        return await forward.answer(request)

    for key, route in make_app(Gate())[ROUTES].items():
        if key not in routes and key not in NOT_OURS:
            app.router.add_route(*key, partial(pass_on, path=key[1]))
            routes[key] = route
    _add_description(app)


def _add_description(app: web.Application) -> None:
    """Add the description of all routes, its own among them."""
    key = ("GET", "/v1/openapi.json")
    routes = app[ROUTES]
    routes[key] = Described("openapi", "This description", dict[str, Any])
    body = codec.encode(openapi.document("DPDK-SLB agent", routes))

    async def answer(request: web.Request) -> web.Response:
        read.known(request, frozenset())
        return web.Response(body=body, content_type=JSON)

    app.router.add_route(*key, answer)


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


async def _vs_add(request: web.Request, desired: Desired, body: Service) -> views.Generation:
    """Add a VS with its RS."""
    edit = partial(edits.add, service=body)
    return await _change(request, desired, body.vs, f"+ vs {body.vs}", edit)


async def _vs_edit(request: web.Request, desired: Desired, body: VsEdit) -> views.Generation:
    """Change a VS's policy."""
    vs = read.vs_key(request)
    return await _change(
        request, desired, vs, f"~ vs {vs}", partial(edits.edit, vs=vs, change=body)
    )


async def _vs_del(request: web.Request, desired: Desired) -> views.Generation:
    """Delete a VS and its RS."""
    vs = read.vs_key(request)
    return await _change(request, desired, vs, f"- vs {vs}", partial(edits.delete, vs=vs))


async def _rs_add(request: web.Request, desired: Desired, body: RealServer) -> views.Generation:
    """Add an RS to a VS."""
    vs = read.vs_key(request)
    edit = partial(edits.add_rs, vs=vs, real=body)
    return await _change(request, desired, vs, f"+ rs {vs} {body.rs} weight {body.weight}", edit)


async def _rs_edit(request: web.Request, desired: Desired, body: RsEdit) -> views.Generation:
    """Change an RS's weight; 0 drains it."""
    vs, rs = read.vs_key(request), read.rs_key(request)
    edit = partial(edits.edit_rs, vs=vs, rs=rs, weight=body.weight)
    return await _change(request, desired, vs, f"~ rs {vs} {rs} weight {body.weight}", edit)


async def _rs_del(request: web.Request, desired: Desired) -> views.Generation:
    """Delete an RS; its sessions live until they end."""
    vs, rs = read.vs_key(request), read.rs_key(request)
    return await _change(
        request, desired, vs, f"- rs {vs} {rs}", partial(edits.delete_rs, vs=vs, rs=rs)
    )


async def _apply(request: web.Request, desired: Desired, body: ServiceSet) -> views.Plan:
    """Make this the whole set of VS."""
    dry_run = read.flag(request, "dry_run")
    confirm_s = read.number(request, "confirm_s")
    wanted = body.services
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
    """The whole set of VS, in the form that apply takes."""
    owners = desired.snapshot(OPERATOR, True).owners
    return ServiceSet(owners[0].services or () if owners else ())


async def _confirm(request: web.Request, desired: Desired) -> views.Generation:
    """Keep what was applied to be confirmed."""
    return views.Generation(await desired.confirm())


async def _rollback(request: web.Request, desired: Desired, body: RollbackTo) -> views.Plan:
    """Bring an earlier set of the operator's back."""
    return await desired.rollback(body.generation, _base(request))


async def _history(request: web.Request, desired: Desired) -> views.Items[VersionView]:
    """List the versions of the desired state that are kept, the newest first."""
    return views.Items(await desired.history())


async def _status(
    request: web.Request, desired: Desired, health: Health, secure: Secure | None
) -> StatusView:
    """How desired and current state are to each other."""
    checked, down = health.counts()
    silent, why = health.silent()
    status = replace(
        desired.status(),
        rs_checked=checked,
        rs_down=down,
        rs_silent=silent,
        silent_reason=why,
        checks_stopped=health.stopped,
    )
    if secure is not None:
        left = None if secure.expires is None else secure.expires - time.time()
        status = replace(status, reload_trouble=secure.trouble, certificate_ends_in_s=left)
    if not read.flag(request, "services"):
        return status
    return replace(status, services=await desired.services_status())


async def _health(
    request: web.Request, desired: Desired, health: Health
) -> views.Items[HealthView]:
    """What the checks of RS have found."""
    wanted = request.query.get("vs")
    vs = VsKey.parse(wanted) if wanted is not None else None
    return views.Items(await asyncio.to_thread(health.view, vs))


async def _session_reset(
    request: web.Request, desired: Desired, body: Resets, ends: Ends
) -> views.SessionsReset:
    """End the sessions of RS."""
    asked = asking.now()
    asked.owner, asked.change = OPERATOR, passed.reset(body.resets)
    return views.SessionsReset(await ends.end(body.resets))


async def _state(request: web.Request, desired: Desired) -> StateView:
    """The desired state of all owners, or of one."""
    digests = read.flag(request, "digest")
    return desired.snapshot(request.query.get("owner"), not digests)


async def _state_put(request: web.Request, desired: Desired, body: Snapshot) -> OwnerView:
    """Make a snapshot an owner's whole set."""
    may_write(request, body.owner)
    what = f"snapshot {body.generation} of epoch {body.epoch}"
    edit = partial(states.put, wanted=body, digest=desired.digest(body.owner))
    await desired.change(body.owner, what, edit, whole=True, epoch=body.epoch)
    return _owner(desired, body.owner)


async def _state_patch(request: web.Request, desired: Desired, body: Delta) -> OwnerView:
    """Change an owner's set."""
    may_write(request, body.owner)
    what = f"delta {body.generation} of epoch {body.epoch}"
    edit = partial(states.patch, delta=body, digest=desired.digest(body.owner))
    await desired.change(body.owner, what, edit, epoch=body.epoch)
    return _owner(desired, body.owner)


async def _owner_del(request: web.Request, desired: Desired) -> views.Plan:
    """Remove an owner, all of its VS and the highest epoch that was seen of it."""
    name = read.owner(request)
    edit = partial(states.without, name=name, with_vs=read.flag(request, "with_vs"))
    return await desired.change(OPERATOR, f"- owner {name}", edit, base=_base(request))


def _owner(desired: Desired, name: str) -> OwnerView:
    (view,) = desired.snapshot(name, False).owners
    return view


def _base(request: web.Request) -> int | None:
    return read.number(request, "base")

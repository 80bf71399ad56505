# SPDX-License-Identifier: BSD-3-Clause
"""The API's client: one typed method for each route.

    async with Client("/run/slb/slbd.sock") as client:
        rows = await client.vs_list()

`call()` does the same for code without an event loop. Every method raises RequestError (the class
tells the code) when the daemon refuses, and Unreachable when none answers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from slb.errors import RequestError, Unreachable, request_error
from slb.model import codec, views
from slb.model.endpoint import Endpoint, VsKey
from slb.model.service import RealServer, RsEdit, Scheduler, Service, ServiceSet, VsEdit

T = TypeVar("T")

SOCKET = "/run/slb/slbd.sock"
TIMEOUT_S = 60.0


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong."""

    code: str
    message: str


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every answer that is no success."""

    error: ErrorDetail


class Client:
    """Speaks to one daemon over its Unix socket."""

    def __init__(self, socket: str = SOCKET, timeout_s: float = TIMEOUT_S) -> None:
        self._socket = socket
        self._timeout_s = timeout_s
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Client":
        self._http = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=self._socket),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def version(self) -> views.Version:
        """Ask who answers."""
        return await self._get(views.Version, "/version")

    async def vs_list(self) -> list[views.VsView]:
        """List every VS."""
        return (await self._get(views.Items[views.VsView], "/vs")).items

    async def vs_show(self, vs: VsKey) -> views.VsView:
        """Show one VS; raises UnknownVs."""
        return await self._get(views.VsView, _vs(vs))

    async def vs_add(self, service: Service) -> views.Generation:
        """Add a VS with its RS; raises Duplicate, Full, BadRequest."""
        return await self._send("POST", views.Generation, "/vs", service)

    async def vs_edit(self, vs: VsKey, scheduler: Scheduler) -> views.Generation:
        """Change a VS; raises UnknownVs."""
        return await self._send("PATCH", views.Generation, _vs(vs), VsEdit(scheduler))

    async def vs_del(self, vs: VsKey) -> views.Generation:
        """Delete a VS and its RS; raises UnknownVs."""
        return await self._send("DELETE", views.Generation, _vs(vs))

    async def rs_list(self, vs: VsKey | None = None) -> list[views.RsView]:
        """List the RS of one VS, or of all; raises UnknownVs."""
        return (await self._get(views.Items[views.RsView], "/rs", vs=vs)).items

    async def rs_add(self, vs: VsKey, rs: RealServer) -> views.Generation:
        """Add an RS to a VS; raises UnknownVs, Duplicate, Full."""
        return await self._send("POST", views.Generation, f"{_vs(vs)}/rs", rs)

    async def rs_edit(self, vs: VsKey, rs: Endpoint, weight: int) -> views.Generation:
        """Change an RS's weight, 0 drains it; raises UnknownVs, UnknownRs."""
        return await self._send("PATCH", views.Generation, _rs(vs, rs), RsEdit(weight))

    async def rs_del(self, vs: VsKey, rs: Endpoint) -> views.Generation:
        """Delete an RS; its sessions live until they end. Raises UnknownVs, UnknownRs."""
        return await self._send("DELETE", views.Generation, _rs(vs, rs))

    async def laddr_list(self) -> list[views.LaddrView]:
        """List the local addresses."""
        return (await self._get(views.Items[views.LaddrView], "/laddr")).items

    async def port_list(self) -> list[views.PortView]:
        """List the ports."""
        return (await self._get(views.Items[views.PortView], "/ports")).items

    async def neighbour_list(self) -> list[views.NeighbourView]:
        """List the neighbours as the workers know them."""
        return (await self._get(views.Items[views.NeighbourView], "/neighbours")).items

    async def route_list(self) -> list[views.RouteView]:
        """List the routes as the workers know them."""
        return (await self._get(views.Items[views.RouteView], "/routes")).items

    async def steering(self) -> list[views.SteeringView]:
        """List how each port steers."""
        return (await self._get(views.Items[views.SteeringView], "/steering")).items

    async def worker_list(self) -> list[views.WorkerView]:
        """List the workers."""
        return (await self._get(views.Items[views.WorkerView], "/workers")).items

    async def ospf(self) -> views.OspfView:
        """Show what OSPF does."""
        return await self._get(views.OspfView, "/ospf")

    async def drops(self) -> list[views.DropView]:
        """List every drop reason with its counters."""
        return (await self._get(views.Items[views.DropView], "/drops")).items

    async def stats(self) -> views.Stats:
        """Read the workers' counters and their sum."""
        return await self._get(views.Stats, "/stats")

    async def session_list(
        self,
        *,
        vs: VsKey | None = None,
        rs: str | None = None,
        client: str | None = None,
        worker: int | None = None,
        limit: int | None = None,
    ) -> views.SessionPage:
        """List sessions; `rs` and `client` are `ADDRESS` or `ADDRESS:PORT`."""
        query = {"vs": vs, "rs": rs, "client": client, "worker": worker, "limit": limit}
        return await self._get(views.SessionPage, "/sessions", **query)

    async def session_count(
        self,
        *,
        vs: VsKey | None = None,
        rs: str | None = None,
        client: str | None = None,
        worker: int | None = None,
    ) -> int:
        """Count sessions; same filters as session_list."""
        query = {"vs": vs, "rs": rs, "client": client, "worker": worker}
        return (await self._get(views.SessionCount, "/sessions/count", **query)).count

    async def apply(self, services: Sequence[Service], *, dry_run: bool = False) -> views.Plan:
        """Make `services` the whole set of VS; with `dry_run` only say what would change."""
        path = "/apply?dry_run=1" if dry_run else "/apply"
        return await self._send("POST", views.Plan, path, ServiceSet(tuple(services)))

    async def export(self) -> ServiceSet:
        """Read the whole set of VS, in the form that apply takes."""
        return await self._get(ServiceSet, "/export")

    async def _get(self, kind: type[T], path: str, **query: object) -> T:
        given = "&".join(f"{k}={quote(str(v), safe='')}" for k, v in query.items() if v is not None)
        return await self._send("GET", kind, f"{path}?{given}" if given else path)

    async def _send(self, method: str, kind: type[T], path: str, body: object = None) -> T:
        data = None if body is None else codec.encode(body)
        status, raw = await self._exchange(method, path, data)
        try:
            if status < 400:
                return codec.decode(raw, kind)
            error = codec.decode(raw, ErrorBody).error
        except msgspec.MsgspecError as problem:
            raise RequestError(f"{self._socket} gave an unreadable answer: {problem}") from None
        raise request_error(error.code, error.message)

    async def _exchange(self, method: str, path: str, data: bytes | None) -> tuple[int, bytes]:
        if self._http is None:
            raise RuntimeError("use the client as `async with Client(…) as client`")
        headers = {} if data is None else {"Content-Type": "application/json"}
        url = URL(f"http://slbd/v1{path}", encoded=True)
        try:
            async with self._http.request(method, url, data=data, headers=headers) as answer:
                return answer.status, await answer.read()
        except TimeoutError:
            message = f"slbd at {self._socket} did not answer within {self._timeout_s:g} s"
            raise Unreachable(message) from None
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            raise Unreachable(f"no slbd at {self._socket}: {_reason(problem)}") from None


def call(socket: str, action: Callable[[Client], Awaitable[T]], timeout_s: float = TIMEOUT_S) -> T:
    """Run one action with a client of its own: `call(path, lambda c: c.vs_list())`."""

    async def once() -> T:
        async with Client(socket, timeout_s) as client:
            return await action(client)

    return asyncio.run(once())


def _vs(vs: VsKey) -> str:
    return f"/vs/{quote(str(vs), safe=':')}"


def _rs(vs: VsKey, rs: Endpoint) -> str:
    return f"{_vs(vs)}/rs/{quote(str(rs), safe=':')}"


def _reason(problem: Any) -> str:
    cause = getattr(problem, "os_error", problem)
    if isinstance(cause, FileNotFoundError):
        return "no such socket; is slbd running, and is this its api.socket?"
    if isinstance(cause, ConnectionRefusedError):
        return "nobody listens there; is slbd running?"
    if isinstance(cause, PermissionError):
        return "permission denied; run as root or as a member of the socket's group"
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__

# SPDX-License-Identifier: BSD-3-Clause
"""The API's client: one typed method for each route.

    rows = Client("/run/slb/slbd.sock").vs_list()

Every method raises RequestError (the class tells the code) when the daemon refuses, Unreachable
when none answers, and NoAnswer when it took the request and is late. They block: code with an event
loop calls them in a thread.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from typing import TypeVar
from urllib.parse import quote

import msgspec

from slb.api.unix_http import Answer, NoStream, TooLong, Way, exchange, lines
from slb.errors import NoAnswer, RequestError, Unreachable, request_error
from slb.model import codec, views
from slb.model import desired as wanted
from slb.model.address import Address
from slb.model.down import DownRs, DownSet
from slb.model.endpoint import Endpoint, VsKey
from slb.model.events import Event
from slb.model.health import HealthView
from slb.model.laddr import LaddrAdd
from slb.model.op import Op, Transaction
from slb.model.reset import Reset, Resets
from slb.model.service import RealServer, RsEdit, Service, ServiceSet, VsEdit
from slb.model.workers import WorkersEdit

T = TypeVar("T")

SOCKET = "/run/slb/slbd.sock"
TIMEOUT_S = 60.0
# The agent says something more often.
MIN_SILENCE_S = 30.0


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong."""

    code: str
    message: str


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every answer that is no success."""

    error: ErrorDetail


class Client:
    """Speaks to one daemon over its Unix socket or another way, a connection for each request.

    `program` is who should answer there: slbd, or slb-agent, which has more routes.
    """

    def __init__(
        self,
        socket: str | Way = SOCKET,
        timeout_s: float = TIMEOUT_S,
        program: str = "slbd",
        changed: Callable[[str], None] | None = None,
    ) -> None:
        """`changed` is called with the path of what was asked for, when it may have changed it."""
        self._socket = socket
        self._timeout_s = timeout_s
        self._program = program
        self._changed = changed

    def version(self) -> views.Version:
        """Ask who answers."""
        return self._get(views.Version, "/version")

    def vs_list(self) -> list[views.VsView]:
        """List every VS."""
        return self._get(views.Items[views.VsView], "/vs").items

    def vs_show(self, vs: VsKey) -> views.VsView:
        """Show one VS; raises UnknownVs."""
        return self._get(views.VsView, _vs(vs))

    def vs_add(self, service: Service) -> views.Generation:
        """Add a VS with its RS; raises Duplicate, Full, BadRequest."""
        return self._send("POST", views.Generation, "/vs", service)

    def vs_edit(self, vs: VsKey, edit: VsEdit) -> views.Generation:
        """Change a VS; raises UnknownVs."""
        return self._send("PATCH", views.Generation, _vs(vs), edit)

    def vs_del(self, vs: VsKey) -> views.Generation:
        """Delete a VS and its RS; raises UnknownVs."""
        return self._send("DELETE", views.Generation, _vs(vs))

    def rs_list(self, vs: VsKey | None = None) -> list[views.RsView]:
        """List the RS of one VS, or of all; raises UnknownVs."""
        return self._get(views.Items[views.RsView], "/rs", vs=vs).items

    def answer_list(self) -> list[views.RsAnswers]:
        """List what became of the sessions of every RS."""
        return self._get(views.Items[views.RsAnswers], "/answers").items

    def rs_add(self, vs: VsKey, rs: RealServer) -> views.Generation:
        """Add an RS to a VS; raises UnknownVs, Duplicate, Full."""
        return self._send("POST", views.Generation, f"{_vs(vs)}/rs", rs)

    def rs_edit(self, vs: VsKey, rs: Endpoint, weight: int) -> views.Generation:
        """Change an RS's weight, 0 drains it; raises UnknownVs, UnknownRs."""
        return self._send("PATCH", views.Generation, _rs(vs, rs), RsEdit(weight))

    def rs_del(self, vs: VsKey, rs: Endpoint) -> views.Generation:
        """Delete an RS; its sessions live until they end. Raises UnknownVs, UnknownRs."""
        return self._send("DELETE", views.Generation, _rs(vs, rs))

    def laddr_list(self) -> list[views.LaddrView]:
        """List the local addresses."""
        return self._get(views.Items[views.LaddrView], "/laddr").items

    def laddr_add(self, port: str, addresses: Sequence[Address]) -> views.Generation:
        """Add local addresses to a port, all or none; raises BadRequest, DuplicateLaddr, Full."""
        return self._send("POST", views.Generation, "/laddr", LaddrAdd(port, tuple(addresses)))

    def laddr_del(self, address: Address) -> views.Generation:
        """Take a local address away; its sessions live until they end. Raises UnknownLaddr."""
        return self._send("DELETE", views.Generation, f"/laddr/{address}")

    def port_list(self) -> list[views.PortView]:
        """List the ports."""
        return self._get(views.Items[views.PortView], "/ports").items

    def neighbour_list(self) -> list[views.NeighbourView]:
        """List the neighbours as the workers know them."""
        return self._get(views.Items[views.NeighbourView], "/neighbours").items

    def route_list(self) -> list[views.RouteView]:
        """List the routes as the workers know them."""
        return self._get(views.Items[views.RouteView], "/routes").items

    def steering(self) -> list[views.SteeringView]:
        """List how each port steers."""
        return self._get(views.Items[views.SteeringView], "/steering").items

    def steering_rules(self) -> list[views.RuleView]:
        """List the rules that the ports' devices have."""
        return self._get(views.Items[views.RuleView], "/steering/rules").items

    def steering_probes(self) -> list[views.ProbeView]:
        """List what probes have shown of each local address in use."""
        return self._get(views.Items[views.ProbeView], "/steering/probes").items

    def worker_list(self) -> list[views.WorkerView]:
        """List the workers."""
        return self._get(views.Items[views.WorkerView], "/workers").items

    def workers_set(self, count: int, end: bool = False) -> views.Generation:
        """Spread clients over so many workers; raises BadRequest, Full.

        The others' sessions go on; `end`: they end at once.
        """
        return self._send("PATCH", views.Generation, "/workers", WorkersEdit(count, end))

    def ospf(self) -> views.OspfView:
        """Show what OSPF does."""
        return self._get(views.OspfView, "/ospf")

    def ospf_restart(self) -> views.OspfView:
        """Have BIRD restarted while its neighbours keep the routes; raises Conflict."""
        return self._send("POST", views.OspfView, "/ospf/restart")

    def drops(self) -> list[views.DropView]:
        """List every drop reason with its counters."""
        return self._get(views.Items[views.DropView], "/drops").items

    def stats(self) -> views.Stats:
        """Read the workers' counters and their sum."""
        return self._get(views.Stats, "/stats")

    def session_list(
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
        return self._get(views.SessionPage, "/sessions", **query)

    def session_count(
        self,
        *,
        vs: VsKey | None = None,
        rs: str | None = None,
        client: str | None = None,
        worker: int | None = None,
    ) -> int:
        """Count sessions; same filters as session_list."""
        query = {"vs": vs, "rs": rs, "client": client, "worker": worker}
        return self._get(views.SessionCount, "/sessions/count", **query).count

    def session_reset(self, *resets: Reset) -> int:
        """End the sessions of RS; raises UnknownVs, UnknownRs. Returns how many."""
        body = Resets(resets)
        return self._send("POST", views.SessionsReset, "/sessions/reset", body).sessions

    def apply(
        self,
        services: Sequence[Service],
        *,
        dry_run: bool = False,
        base: int | None = None,
        confirm_s: int | None = None,
    ) -> views.Plan:
        """Make `services` the whole set of VS; with `dry_run` only say what would change.

        Of slb-agent the operator's set. With `base`, of slb-agent, raises Conflict unless the
        desired state is of that generation; with `confirm_s` it is as before after that time,
        unless confirm() was called.
        """
        query = {"dry_run": 1 if dry_run else None, "base": base, "confirm_s": confirm_s}
        path = _with_query("/apply", query)
        return self._send("POST", views.Plan, path, ServiceSet(tuple(services)))

    def confirm(self) -> views.Generation:
        """Keep what was applied to be confirmed; raises Conflict. Of slb-agent, as all below."""
        return self._send("POST", views.Generation, "/confirm")

    def rollback(self, generation: int | None = None, *, base: int | None = None) -> views.Plan:
        """Bring an earlier set of the operator's back; raises Conflict.

        With `base` also when the desired state is of another generation than that.
        """
        path = _with_query("/rollback", {"base": base})
        return self._send("POST", views.Plan, path, wanted.RollbackTo(generation))

    def history(self) -> list[wanted.VersionView]:
        """List the versions of the desired state that are kept, the newest first."""
        return self._get(views.Items[wanted.VersionView], "/history").items

    def status(self, *, services: bool = False) -> wanted.StatusView:
        """Show how desired and current state are to each other, and of which VS if asked."""
        return self._get(wanted.StatusView, "/status", services=1 if services else None)

    def state(self, owner: str | None = None, *, digest: bool = False) -> wanted.StateView:
        """Read the desired state; with `digest` without the services."""
        return self._get(wanted.StateView, "/state", owner=owner, digest=1 if digest else None)

    def health(self, vs: VsKey | None = None) -> list[HealthView]:
        """List what the checks of RS say, of one VS or of all; raises UnknownVs."""
        return self._get(views.Items[HealthView], "/health", vs=vs).items

    def state_put(self, snapshot: wanted.Snapshot) -> wanted.OwnerView:
        """Make a snapshot an owner's whole set; raises Conflict, OtherOwner."""
        return self._send("PUT", wanted.OwnerView, "/state", snapshot)

    def state_patch(self, delta: wanted.Delta) -> wanted.OwnerView:
        """Change an owner's set; raises Conflict when a snapshot is wanted, and OtherOwner."""
        return self._send("PATCH", wanted.OwnerView, "/state", delta)

    def owner_del(
        self, owner: str, *, with_vs: bool = False, base: int | None = None
    ) -> views.Plan:
        """Remove an owner other than the operator; raises Conflict if it has VS, UnknownOwner.

        `with_vs`: these are deleted with it.
        """
        query = {"with_vs": 1 if with_vs else None, "base": base}
        path = _with_query(f"/owners/{quote(owner, safe='')}", query)
        return self._send("DELETE", views.Plan, path)

    def commit(self, ops: Sequence[Op], *, dry_run: bool = False) -> views.Plan:
        """Apply ops by one transaction, of slbd alone; with `dry_run` check each by itself.

        Raises UnknownVs, UnknownRs, Duplicate, Full, BadRequest.
        """
        path = "/commit?dry_run=1" if dry_run else "/commit"
        return self._send("POST", views.Plan, path, Transaction(tuple(ops)))

    def down_list(self) -> list[DownRs]:
        """List RS that are down though they have a weight, as slb-agent has told slbd."""
        return list(self._get(DownSet, "/rs/down").items)

    def down_set(self, down: Iterable[DownRs]) -> None:
        """Say which these are, all of them; of slbd alone."""
        self._send("PUT", DownSet, "/rs/down", DownSet(tuple(down)))

    def export(self) -> ServiceSet:
        """Read the whole set of VS, in the form that apply takes."""
        return self._get(ServiceSet, "/export")

    def events(
        self,
        since: int | None = None,
        *,
        follow: bool = True,
        begun: Callable[[], None] = lambda: None,
    ) -> Iterator[Event]:
        """Yield what happens, of slb-agent alone: from behind that id, or from now on.

        Ends when the agent ends it; without `follow`, behind the last that has happened. `begun` is
        called when the agent has answered, though nothing happens yet. Raises NoAnswer when not
        even a sign of life comes.
        """
        path = _with_query("/v1/events", {"since": since, "follow": int(follow)})
        try:
            with self._asking():
                silence_s = max(self._timeout_s, MIN_SILENCE_S)
                for line in lines(self._socket, path, silence_s, begun):
                    if line.strip():
                        yield codec.decode(line, Event)
        except NoStream as refused:
            self._read(refused.answer, dict)
        except msgspec.MsgspecError as problem:
            raise self._unreadable(problem) from None

    def scrape(self, path: str) -> bytes:
        """Read what Prometheus is told: /metrics, or /metrics/agent of an agent."""
        with self._asking():
            answer = exchange(self._socket, "GET", path, None, self._timeout_s)
        return answer.body if answer.status == HTTPStatus.OK else self._read(answer, bytes)

    def _get(self, kind: type[T], path: str, **query: object) -> T:
        return self._send("GET", kind, _with_query(path, query))

    def _send(self, method: str, kind: type[T], path: str, body: object = None) -> T:
        data = None if body is None else codec.encode(body)
        with self._asking(changing=method != "GET"):
            answer = exchange(self._socket, method, f"/v1{path}", data, self._timeout_s)
        done = self._read(answer, kind)
        if method != "GET" and self._changed:
            self._changed(path)
        return done

    def _read(self, answer: Answer, kind: type[T]) -> T:
        try:
            if answer.content_type != "application/json":
                raise msgspec.DecodeError(f"it is {answer.content_type}, not JSON")
            if answer.status < 400:
                return codec.decode(answer.body, kind)
            error = codec.decode(answer.body, ErrorBody).error
        except msgspec.MsgspecError as problem:
            raise self._unreadable(problem) from None
        raise request_error(error.code, error.message)

    @contextmanager
    def _asking(self, changing: bool = False) -> Iterator[None]:
        """Raise what is not to be had as our own errors."""
        try:
            yield
        except TimeoutError:
            message = (
                f"{self._program} at {self._socket} did not answer within {self._timeout_s:g} s"
            )
            raise NoAnswer(message, changing) from None
        except TooLong as problem:
            raise self._unreadable(problem) from None
        except (HTTPException, OSError, ValueError) as problem:
            text = f"no {self._program} at {self._socket}: {reason(problem, self._program)}"
            raise Unreachable(text) from None

    def _unreadable(self, problem: Exception) -> RequestError:
        return RequestError(f"{self._socket} gave an unreadable answer: {problem}")


def reason(problem: Exception, program: str) -> str:
    """Say why nobody could be asked."""
    if isinstance(problem, FileNotFoundError):
        setting = "--socket" if program == "slb-agent" else "api.socket"
        return f"no such socket; is {program} running, and is this its {setting}?"
    if isinstance(problem, ConnectionRefusedError):
        return f"nobody listens there; is {program} running?"
    if isinstance(problem, PermissionError):
        return "permission denied; run as root or as a member of the socket's group"
    if isinstance(problem, BlockingIOError):
        return f"too many wait there already; is {program} stuck?"
    if isinstance(problem, ConnectionError):
        return f"it ended the connection; is {program} stopping, or do too many ask?"
    if isinstance(problem, HTTPException) and not isinstance(problem, OSError):
        return "what answers there does not speak HTTP"
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__


def _with_query(path: str, query: Mapping[str, object]) -> str:
    given = "&".join(f"{k}={quote(str(v), safe='')}" for k, v in query.items() if v is not None)
    return f"{path}?{given}" if given else path


def _vs(vs: VsKey) -> str:
    return f"/vs/{quote(str(vs), safe=':')}"


def _rs(vs: VsKey, rs: Endpoint) -> str:
    return f"{_vs(vs)}/rs/{quote(str(rs), safe=':')}"

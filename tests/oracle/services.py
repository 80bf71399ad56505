# SPDX-License-Identifier: BSD-3-Clause
"""VS and RS: what the operator's transactions make of them, and what is counted for each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field

from values import Op, Rs, Traffic, Vs

from oracle.packet import TCP, UDP, Address, Endpoint
from oracle.routes import packed
from oracle.scheduler import Preferences, Turn, turn_of
from oracle.tcp_state import Way

Service = tuple[int, Address, int]  # protocol, VIP, port


class Refusal(Exception):
    """A transaction that must be refused: which op, and why."""

    def __init__(self, op: int, reason: str) -> None:
        self.op, self.reason = op, reason
        super().__init__(f"op {op}: {reason}")


@dataclass(frozen=True)
class Limits:
    """What a transaction must not ask for."""

    taken: set[Address]  # by the host or by local addresses; no VS or RS has them
    local_sizes: set[int]  # bytes of the local addresses that every worker has, 4 and 16
    room_for_v6: bool


NOTHING = Traffic(0, 0, 0, 0, 0, 0)
# What became of sessions, in the order of Traffic.
ANSWERS = ("answered", "unanswered", "refused", "aborted", "resets")


def total(parts: Iterable[Traffic]) -> Traffic:
    """Add counts up."""
    return Traffic(*map(sum, zip(*map(astuple, [NOTHING, *parts]), strict=True)))


@dataclass(eq=False)
class RealServer:
    """An RS of a VS, with what went through it. One that was removed and comes back is another.

    `before`: what is listed with it of others of its name, whose last sessions have ended.
    """

    vs: str
    text: str
    endpoint: Endpoint
    weight: int
    removed_at: int | None = None  # in ticks
    packets: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))
    octets: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))
    sessions: int = 0
    active: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    before: Traffic = NOTHING
    settled: bool = False  # counted with another, or remembered
    vs_removed: bool = False

    @property
    def removed(self) -> bool:
        """Whether only its sessions are left."""
        return self.removed_at is not None

    def traffic(self) -> Traffic:
        """What went through it."""
        into, out = Way.IN, Way.OUT
        counts = self.packets[into], self.octets[into], self.packets[out], self.octets[out]
        answers = (self.answers[name] for name in ANSWERS)
        return Traffic(*counts, self.sessions, self.active, *answers)

    def row(self) -> Rs:
        """How it is listed; a removed one has no weight."""
        weight = 0 if self.removed else self.weight
        traffic = total([self.before, self.traffic()])
        return Rs(self.vs, self.text, weight, self.removed, traffic, self.vs_removed)


@dataclass(eq=False)
class VirtualServer:
    """A VS. `every` holds the RS that were removed too; whose turn it is differs by worker."""

    text: str
    service: Service
    scheduler: str
    one_packet: bool = False
    timeouts: Mapping[str, int] = field(default_factory=dict)  # other than those of all VS
    client_address: str = "none"
    rs: list[RealServer] = field(default_factory=list)
    every: list[RealServer] = field(default_factory=list)
    turns: dict[int, Turn] = field(default_factory=dict)  # by worker
    syn_proxy: bool = False
    refused: int = 0
    past: dict[str, Traffic] = field(default_factory=dict)  # of RS that are not there

    def settle(self) -> None:
        """Have what was counted for RS whose last sessions have ended go to those of their name."""
        for rs in self.every:
            if not rs.removed or rs.active or rs.settled:
                continue
            rs.settled = True
            counts = total([rs.before, rs.traffic()])
            if heir := self._newest(rs.text):
                heir.before = total([heir.before, counts])
            else:
                self.past[rs.text] = total([self.past.get(rs.text, NOTHING), counts])

    def _newest(self, text: str) -> RealServer | None:
        found = (rs for rs in reversed(self.every) if rs.text == text and not rs.settled)
        return next(found, None)

    def find(self, text: str) -> RealServer | None:
        """The RS with this name."""
        return next((rs for rs in self.rs if rs.text == text), None)

    def row(self) -> Vs:
        """How it is listed, but for the generation."""
        return Vs(
            vs=self.text,
            scheduler=self.scheduler,
            n_rs=len(self.rs),
            draining=sum(rs.weight == 0 for rs in self.rs),
            removed=sum(rs.removed and rs.active > 0 for rs in self.every),
            generation=0,
            traffic=total(rs.traffic() for rs in self.every),
            refused=self.refused,
        )


class Services:
    """All VS, and those removed ones whose RS live on in sessions."""

    def __init__(self, workers: int, vs_max: int) -> None:
        self._workers, self._vs_max = workers, vs_max
        self._preferences = Preferences()
        self.table: dict[Service, VirtualServer] = {}
        self._gone: list[VirtualServer] = []

    def is_vip(self, address: Address) -> bool:
        """Whether any VS has this address."""
        return any(address == vip for _, vip, _ in self.table)

    def rs(self) -> Iterator[RealServer]:
        """Every RS that is configured or has sessions."""
        self._settle()
        for vs in (*self.table.values(), *self._gone):
            yield from (rs for rs in vs.every if not rs.removed or rs.active)

    def apply(self, ops: Sequence[Op], limits: Limits, now: int) -> None:
        """Carry a transaction out, or raise Refusal and change nothing."""
        self._settle()
        self._check(ops, limits)
        before = {vs: (vs.scheduler, _shares(vs)) for vs in self.table.values()}
        for op in ops:
            self._change(op, now)
        for vs in self.table.values():
            if vs not in before:
                continue
            scheduler, shares = before[vs]
            if vs.scheduler != scheduler:
                vs.turns = self._turns(vs.scheduler, known=False)
            elif _shares(vs) != shares:
                for turn in vs.turns.values():
                    turn.changed([rs for rs, _ in shares], vs.rs)

    def _settle(self) -> None:
        for vs in self.table.values():
            vs.settle()

    def _check(self, ops: Sequence[Op], limits: Limits) -> None:
        names = {vs.text: {rs.text for rs in vs.rs} for vs in self.table.values()}
        for place, op in enumerate(ops):
            if wrong := self._wrong(op, names, limits):
                raise Refusal(place, wrong)
            if op.kind == "VS_ADD":
                names[op.vs] = set()
            elif op.kind == "VS_DEL":
                del names[op.vs]
            elif op.kind == "RS_ADD":
                names[op.vs].add(op.rs)
            elif op.kind == "RS_DEL":
                names[op.vs].remove(op.rs)

    def _wrong(self, op: Op, names: dict[str, set[str]], limits: Limits) -> str:
        proto = service_of(op.vs)[0]
        tcp_only = op.client_address != "none" or op.syn_proxy
        if (op.one_packet and proto != UDP) or (tcp_only and proto != TCP):
            return "BAD_VALUE"
        if op.syn_proxy and op.client_address != "none":
            return "BAD_VALUE"
        vip, rs = endpoint_of(op.vs)[0], endpoint_of(op.rs)[0] if op.rs else b""
        if (vip if op.kind == "VS_ADD" else rs if op.kind == "RS_ADD" else b"") in limits.taken:
            return "ADDRESS_IN_USE"
        if op.kind == "RS_ADD" and len(rs) not in limits.local_sizes:
            return "NO_LOCAL_ADDRESS"
        if op.kind == "RS_ADD" and not limits.room_for_v6 and (len(vip), len(rs)) != (4, 4):
            return "NO_SESSIONS"
        if op.kind == "VS_ADD":
            if op.vs in names:
                return "VS_EXISTS"
            return "VS_FULL" if len(names) == self._vs_max else ""
        if op.vs not in names:
            return "VS_UNKNOWN"
        if op.kind == "RS_ADD" and op.rs in names[op.vs]:
            return "RS_EXISTS"
        if op.kind in ("RS_EDIT", "RS_DEL") and op.rs not in names[op.vs]:
            return "RS_UNKNOWN"
        return "BAD_ADDRESS" if op.kind == "RS_ADD" and rs == vip else ""

    def _change(self, op: Op, now: int) -> None:
        service = service_of(op.vs)
        if op.kind == "VS_ADD":
            turns = self._turns(op.scheduler)
            self.table[service] = VirtualServer(
                op.vs,
                service,
                op.scheduler,
                op.one_packet,
                op.timeouts,
                op.client_address,
                turns=turns,
            )
            self.table[service].syn_proxy = op.syn_proxy
            return
        vs = self.table[service]
        if op.kind == "VS_EDIT":
            vs.scheduler, vs.one_packet, vs.timeouts = op.scheduler, op.one_packet, op.timeouts
            vs.client_address = op.client_address
            vs.syn_proxy = op.syn_proxy
        elif op.kind == "VS_DEL":
            del self.table[service]
            self._gone.append(vs)
            for rs in vs.rs:
                rs.removed_at = now
            for rs in vs.every:
                rs.vs_removed = True
        else:
            _change_rs(vs, op, now)

    def _turns(self, scheduler: str, known: bool = True) -> dict[int, Turn]:
        return {w: turn_of(scheduler, self._preferences, known) for w in range(self._workers)}


def _change_rs(vs: VirtualServer, op: Op, now: int) -> None:
    rs = vs.find(op.rs)
    if rs is None:
        rs = RealServer(vs.text, op.rs, endpoint_of(op.rs), op.weight)
        rs.before = vs.past.pop(op.rs, NOTHING)
        vs.rs.append(rs)
        vs.every.append(rs)
    elif op.kind == "RS_DEL":
        vs.rs.remove(rs)
        rs.removed_at = now
    else:
        rs.weight = op.weight


def _shares(vs: VirtualServer) -> list[tuple[RealServer, int]]:
    return [(rs, rs.weight) for rs in vs.rs]


def endpoint_of(text: str) -> Endpoint:
    """`10.10.0.1:8080` as address and port."""
    host, _, port = text.partition("/")[0].rpartition(":")
    return packed(host.strip("[]")), int(port)


def service_of(text: str) -> Service:
    """`10.96.0.10:80/tcp` as protocol, address and port."""
    protocol = {"tcp": TCP, "udp": UDP}[text.rpartition("/")[2]]
    return protocol, *endpoint_of(text)

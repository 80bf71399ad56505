# SPDX-License-Identifier: BSD-3-Clause
"""An engine without packets: keeps tables in memory and refuses what the real one refuses."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from slb.errors import BadRequest, Duplicate, Full, UnknownRs, UnknownVs
from slb.model import views
from slb.model.address import Address
from slb.model.endpoint import Endpoint, VsKey
from slb.model.forwarding import Forwarding, Wanted
from slb.model.op import Op, OpKind
from slb.model.policy import Policy
from slb.model.probe import ProbeCount
from slb.model.reset import Reset
from slb.model.service import RealServer, Service
from slb.model.session_filter import SessionFilter

NO_TRAFFIC = views.Traffic()


class MemoryEngine:
    """Implements slb.engine.protocol.Engine; tests look into its attributes and set them."""

    abi = 1
    dpdk = "DPDK in memory"

    def __init__(self, workers: int = 2, vs_max: int = 100) -> None:
        self.tables: dict[VsKey, tuple[Policy, dict[Endpoint, int]]] = {}
        self.commits: list[list[Op]] = []
        self.views: list[Forwarding] = []
        self.events: list[Wanted] = []
        self.calls: list[str] = []
        self.resets: list[list[Reset]] = []
        self.sessions: list[views.SessionView] = []
        self.ports: list[views.PortView] = []
        self.removed: list[views.RsView] = []
        self.answers: list[views.RsAnswers] = []
        self.changes: list[str] = []
        self.refused_laddrs: set[str] = set()
        self.laddrs = [views.LaddrView("198.18.0.1", 0, "lan0", 1, 2)]
        self.probes: list[ProbeCount] = []
        self.probed: list[tuple[str, int]] = []
        self.next_hop = True
        self.running = True
        self.before_commit: Callable[[], None] = lambda: None
        self._rounds = 0
        self._workers = self.active = workers
        self.live: dict[int, int] = {}
        self.only_workers = ""
        self._vs_max = vs_max

    def commit(self, ops: Sequence[Op]) -> int:
        self.before_commit()
        tables = {vs: (policy, dict(rs)) for vs, (policy, rs) in self.tables.items()}
        for op in ops:
            _apply(tables, op)
        if len(tables) > self._vs_max:
            raise Full(f"{self._vs_max} VS exist already, the most there may be")
        self.tables = tables
        self.commits.append(list(ops))
        self.changes.append("tables")
        return self.generation()

    def forward_set(self, view: Forwarding) -> int:
        self.views.append(view)
        return self.generation()

    def generation(self) -> int:
        return len(self.commits)

    def service_list(self) -> list[Service]:
        return [
            Service.of(vs, policy, tuple(RealServer(rs, real[rs]) for rs in sorted(real)))
            for vs, (policy, real) in sorted(self.tables.items(), key=lambda item: item[0])
        ]

    def vs_list(self) -> list[views.VsView]:
        return [
            vs_view(str(vs), policy, len(rs), self.generation())
            for vs, (policy, rs) in self.tables.items()
        ]

    def rs_list(self) -> list[views.RsView]:
        return self.removed + [
            views.RsView(str(vs), str(rs), weight, False, NO_TRAFFIC)
            for vs, (_, real) in self.tables.items()
            for rs, weight in real.items()
        ]

    def answer_list(self) -> list[views.RsAnswers]:
        return self.answers

    def worker_list(self) -> list[views.WorkerView]:
        self._rounds += self.running
        return [
            replace(
                worker_view(number, self._rounds),
                state=self.state(number),
                sessions_active=self.live.get(number, 0),
            )
            for number in range(self._workers)
        ]

    def workers_set(self, count: int, end: bool = False) -> int:
        if self.only_workers:
            raise BadRequest(self.only_workers)
        if count > self._workers:
            raise BadRequest(
                f"{count} workers: 1 ... {self._workers}; for more, raise engine.workers_max"
            )
        self.active = count
        if end:
            self.live = {w: n for w, n in self.live.items() if w < count}
        self.calls.append(f"workers_set {count}{' end' if end else ''}")
        return self.generation()

    def state(self, number: int) -> str:
        if number < self.active:
            return "active"
        return "draining" if self.live.get(number) else "idle"

    def port_list(self) -> list[views.PortView]:
        return self.ports

    def steering_list(self) -> list[views.SteeringView]:
        return [views.SteeringView("lan0", "soft", "hash", "net_tap cannot steer", 1, 7)]

    def rule_list(self) -> list[views.RuleView]:
        return [views.RuleView("lan0", "198.18.0.1", "any", 0, None)]

    def probe(self, address: Address, attempt: int) -> int:
        self.probed.append((str(address), attempt))
        return 2 if self.next_hop else 0

    def probe_list(self) -> list[ProbeCount]:
        return self.probes

    def laddr_set(self, laddrs: Sequence[tuple[Address, int]], only_prepare: bool = False) -> int:
        wanted = [str(address) for address, _ in laddrs]
        if not wanted:
            raise BadRequest(
                "worker 0 would be left without a local address; add another one first"
            )
        for address in self.refused_laddrs.intersection(wanted):
            raise BadRequest(f"local address {address}: the address is an RS's")
        if only_prepare:
            self.calls.append("laddr_prepare")
            there = {row.address for row in self.laddrs}
            self.laddrs += [
                views.LaddrView(a, 0, "lan0", 0, 0, "waiting") for a in wanted if a not in there
            ]
            return self.generation()
        self.calls.append("laddr_set")
        gone = [row.address for row in self.laddrs if row.address not in wanted and row.active]
        kept = {row.address: row for row in self.laddrs}
        self.laddrs = [
            replace(kept.get(a) or views.LaddrView(a, 0, "lan0", 0, 0), state="active")
            for a in wanted
        ] + [replace(kept[a], state="draining") for a in gone]
        self.commits.append([])
        self.changes.append("laddrs")
        return self.generation()

    def laddr_list(self) -> list[views.LaddrView]:
        return self.laddrs

    def route_list(self) -> list[views.RouteView]:
        return [views.RouteView("192.0.2.0/24", None, "lan0")]

    def neighbour_list(self) -> list[views.NeighbourView]:
        return [views.NeighbourView("192.0.2.1", "02:00:00:00:00:01", "lan0")]

    def drop_list(self) -> list[views.DropView]:
        return [views.DropView("NO_VS", 3, [1, 2])]

    def worker_bytes(self) -> list[views.WorkerBytes]:
        return [views.WorkerBytes(100, 200), views.WorkerBytes(300, 400)]

    def session_list(self, wanted: SessionFilter, limit: int) -> views.SessionPage:
        found = self._matching(wanted)
        return views.SessionPage(found[:limit], len(found) > limit)

    def session_count(self, wanted: SessionFilter) -> int:
        return len(self._matching(wanted))

    def session_reset(self, resets: Sequence[Reset]) -> int:
        for reset in resets:
            if reset.vs not in self.tables:
                raise UnknownVs(f"VS {reset.vs} does not exist")
            if reset.rs is not None and reset.rs not in self.tables[reset.vs][1]:
                raise UnknownRs(f"VS {reset.vs} has no RS {reset.rs}")
        self.resets.append(list(resets))
        stay = [one for one in self.sessions if not any(_is_of(one, reset) for reset in resets)]
        ended, self.sessions = len(self.sessions) - len(stay), stay
        return ended

    def poll_events(self) -> list[Wanted]:
        taken, self.events = self.events, []
        return taken

    def quiesce(self) -> None:
        self.calls.append("quiesce")

    def close(self) -> None:
        self.calls.append("close")

    def _matching(self, wanted: SessionFilter) -> list[views.SessionView]:
        return [s for s in self.sessions if wanted.worker in (None, s.worker)]


def _is_of(session: views.SessionView, reset: Reset) -> bool:
    return session.vs == str(reset.vs) and (reset.rs is None or session.rs == str(reset.rs))


def vs_view(vs: str, policy: Policy, rs_count: int, generation: int) -> views.VsView:
    """A VS without traffic."""
    return views.VsView(
        vs,
        policy.scheduler,
        rs_count,
        0,
        0,
        generation,
        NO_TRAFFIC,
        policy.one_packet,
        policy.timeouts,
        policy.client_address,
        policy.syn_proxy,
    )


def worker_view(number: int, rounds: int) -> views.WorkerView:
    """A worker that has done nothing but turn."""
    fields = dict.fromkeys(views.WorkerView.__struct_fields__, 0)
    known = {"worker": number, "idle": "busy", "rounds": rounds, "rx_packets": 5}
    known |= {"session_bytes": 700 << 20}
    return views.WorkerView(**fields | known)


def port_view(name: str, mac: str) -> views.PortView:
    """A port without traffic."""
    values: dict[str, object] = dict.fromkeys(views.PortView.__struct_fields__, 0)
    values |= {"name": name, "mac": mac, "driver": "none", "link_up": True}
    values |= {"kernel_interface": "slb0", "kni_kind": "tap", "members": []}
    return views.PortView(**values)  # type: ignore[arg-type]


def _apply(tables: dict[VsKey, tuple[Policy, dict[Endpoint, int]]], op: Op) -> None:
    if (op.kind is OpKind.VS_ADD) == (op.vs in tables):
        wrong = Duplicate if op.kind is OpKind.VS_ADD else UnknownVs
        raise wrong(f"VS {op.vs} {'exists already' if op.vs in tables else 'does not exist'}")
    if op.kind is OpKind.VS_DEL:
        del tables[op.vs]
    elif op.rs is None:
        tables[op.vs] = (op.policy or Policy(), tables[op.vs][1] if op.vs in tables else {})
    else:
        _apply_rs(tables[op.vs][1], op, op.rs)


def _apply_rs(real: dict[Endpoint, int], op: Op, rs: Endpoint) -> None:
    if (op.kind is OpKind.RS_ADD) == (rs in real):
        wrong = Duplicate if op.kind is OpKind.RS_ADD else UnknownRs
        raise wrong(f"RS {rs} of VS {op.vs} {'exists already' if rs in real else 'does not exist'}")
    if op.kind is OpKind.RS_DEL:
        del real[rs]
    else:
        real[rs] = op.weight or 0

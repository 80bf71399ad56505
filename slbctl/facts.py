# SPDX-License-Identifier: BSD-3-Clause
"""What two readings say of the load balancer: shares, rates and how full its tables are."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from msgspec import Struct

from slb.model.announced import of_local_addresses
from slb.model.desired import StatusView
from slb.model.endpoint import Endpoint
from slb.model.views import (
    DropView,
    LaddrView,
    OspfView,
    PortView,
    RsView,
    SteeringView,
    Version,
    VsView,
    WorkerView,
)
from slbctl.port import lost
from slbctl.reading import Reading

# Of a local address, towards one RS by one protocol.
LOCAL_PORTS = 64_512


class WorkerFacts(Struct, frozen=True):
    """A worker; `stalled`: it made no round. `busy` is a share, None where it is not known.

    `behind`: by how many generations it is behind another one, and has not moved meanwhile.
    """

    worker: int
    state: str
    stalled: bool
    busy: float | None
    sessions: int
    capacity: int
    generation: int = 0
    behind: int = 0


class PortFacts(Struct, frozen=True):
    """A port; `members_down` of its `members` cannot carry packets."""

    name: str
    link_up: bool | None
    speed_mbps: int
    members: int
    members_down: list[str]
    lost_per_s: float


class ServiceFacts(Struct, frozen=True):
    """The services; those of the VS `without_rs` have no RS with a weight above 0."""

    vs: int
    rs: int
    weightless: int
    without_rs: list[str]


class LocalPortFacts(Struct, frozen=True):
    """The RS and protocol towards which the largest share of the local ports is in use."""

    towards: str
    used: int
    room: int


class Facts(Struct, frozen=True):
    """All of it; `drops` has the reasons that count, in packets a second.

    `unsaved_laddrs`: by port, the local addresses in use that slb.yaml does not have.
    `services_announced`: how many prefixes of services are; None where that is not known.
    """

    seconds: float
    version: Version | None
    workers: list[WorkerFacts]
    ports: list[PortFacts]
    drops: dict[str, float]
    services: ServiceFacts | None
    local_ports: LocalPortFacts | None
    unsaved_laddrs: dict[str, list[str]]
    steering: list[SteeringView]
    ospf: OspfView | None
    desired: StatusView | None
    services_announced: int | None = None


def facts(seen: Reading) -> Facts:
    """What the readings say."""
    before, after, seconds = seen.before, seen.after, max(seen.seconds, 1e-3)
    workers = {worker.worker: worker for worker in before.workers}
    ports = {port.name: port for port in before.ports}
    both = seen.vs is not None and seen.rs is not None
    newest = max((worker.generation for worker in before.workers), default=0)
    return Facts(
        seconds=seconds,
        version=seen.version,
        workers=[_worker(workers.get(now.worker), now, newest) for now in after.workers],
        ports=[_port(ports.get(now.name), now, seconds) for now in after.ports],
        drops=_drops(before.drops, after.drops, seconds),
        services=_services(seen.vs or [], seen.rs or []) if both else None,
        local_ports=_local_ports(seen.rs or [], seen.laddrs or []),
        unsaved_laddrs=_unsaved(seen.laddrs or []),
        steering=seen.steering or [],
        ospf=seen.ospf,
        desired=seen.desired,
        services_announced=_announced(seen),
    )


def _worker(before: WorkerView | None, now: WorkerView, newest: int) -> WorkerFacts:
    stalled = before is not None and before.rounds == now.rounds
    busy = cycles = 0
    if before is not None:
        busy = max(now.busy_cycles - before.busy_cycles, 0)
        cycles = busy + max(now.idle_cycles - before.idle_cycles, 0)
    return WorkerFacts(
        now.worker,
        now.state,
        stalled,
        busy / cycles if cycles else None,
        now.sessions_active,
        now.sessions_capacity,
        now.generation,
        # A worker that takes changes over has had the newest one by the second reading.
        max(newest - now.generation, 0) if before is not None else 0,
    )


def _port(before: PortView | None, now: PortView, seconds: float) -> PortFacts:
    more = lost(now) - lost(before) if before else 0
    down = [m.device for m in now.members if m.state not in ("active", "standby")]
    rate = max(more, 0) / seconds
    return PortFacts(now.name, now.link_up, now.speed_mbps, len(now.members), down, rate)


def _drops(
    before: Sequence[DropView], after: Sequence[DropView], seconds: float
) -> dict[str, float]:
    was = {row.reason: row.total for row in before}
    rates = {row.reason: (row.total - was.get(row.reason, 0)) / seconds for row in after}
    rising = [(reason, rate) for reason, rate in rates.items() if rate > 0]
    return dict(sorted(rising, key=lambda pair: -pair[1]))


def _announced(seen: Reading) -> int | None:
    if seen.ospf is None or seen.laddrs is None or not seen.ospf.running:
        return None
    return len(seen.ospf.announced) - of_local_addresses(seen.ospf.announced, seen.laddrs)


def _services(vs: Iterable[VsView], rs: Iterable[RsView]) -> ServiceFacts:
    all_vs, all_rs = list(vs), [row for row in rs if not row.removed]
    served = {row.vs for row in all_rs if row.weight}
    without = [row.vs for row in all_vs if row.vs not in served]
    weightless = sum(row.weight == 0 for row in all_rs)
    return ServiceFacts(len(all_vs), len(all_rs), weightless, without)


def _local_ports(rs: Iterable[RsView], laddrs: Iterable[LaddrView]) -> LocalPortFacts | None:
    """VS with the same RS share the local ports towards it."""
    used: dict[tuple[str, str], int] = {}
    for row in rs:
        key = (row.rs, row.vs.rpartition("/")[2])
        used[key] = used.get(key, 0) + row.traffic.active
    usable = {ip_address(row.address) for row in laddrs if row.state == "active"}
    found = [
        LocalPortFacts(f"{name}/{protocol}", active, room * LOCAL_PORTS)
        for (name, protocol), active in used.items()
        if (room := sum(a.version == Endpoint.parse(name).address.version for a in usable))
    ]
    return max(found, key=lambda row: row.used / row.room, default=None)


def _unsaved(laddrs: Iterable[LaddrView]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in laddrs:
        if not row.configured and row.state != "draining":
            found.setdefault(row.port, []).append(row.address)
    return found

# SPDX-License-Identifier: BSD-3-Clause
"""The engine's readings as views. A view's fields are named as the struct's wherever both exist."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import add, attrgetter
from typing import Any, TypeVar

from slb.engine.binding import check, ffi, lib, listing, names, octets, text, value
from slb.engine.marshal import (
    POLICIES,
    Keys,
    get_address,
    get_endpoint,
    get_mac,
    rs_of,
    rs_text,
    vs_of,
    vs_text,
)
from slb.engine.rows import layout
from slb.model import views
from slb.model.policy import TIMEOUTS, Policy, VsTimeouts
from slb.model.probe import Counts, ProbeCount
from slb.model.service import RealServer, Service

V = TypeVar("V")

_POLICY = ("scheduler", "one_packet", "client_address", "syn_proxy", "timeout_s")
_VS = layout("struct slb_vs_info", "vs", *_POLICY)
_RS = layout("struct slb_rs_info", "vs", "rs", "weight", "removed")
_COUNTS = (
    "traffic.sessions",
    *(f"traffic.answers.{name}" for name in views.Answers.__struct_fields__),
)
_ANSWERS = layout("struct slb_rs_info", "vs", "rs", "vs_removed", *_COUNTS)


def service_list() -> list[Service]:
    """Read every VS with its RS, all in order; removed RS are not part of it."""
    vs_rows = octets(lib.slb_vs_list, "struct slb_vs_info", "VS")
    rs_rows = octets(lib.slb_rs_list, "struct slb_rs_info", "RS")
    real: dict[bytes, list[RealServer]] = {vs: [] for vs, *_ in _VS.iter_unpack(vs_rows)}
    for vs, rs, weight, removed in _RS.iter_unpack(rs_rows):
        if not removed and vs in real:
            real[vs].append(RealServer(rs_of(rs), weight))
    found = []
    for vs, *fields in _VS.iter_unpack(vs_rows):
        rs = tuple(sorted(real[vs], key=attrgetter("rs.order")))
        found.append(Service.of(vs_of(vs), _policy(*fields), rs))
    return sorted(found, key=attrgetter("vs.order"))


def vs_list() -> list[views.VsView]:
    """Read every VS."""
    key = Keys()
    return [_vs_view(key, row) for row in listing(lib.slb_vs_list, "struct slb_vs_info", "VS")]


def rs_list() -> list[views.RsView]:
    """Read every RS."""
    key = Keys()
    return [
        views.RsView(
            vs=str(key.vs(row.vs)),
            rs=str(get_endpoint(row.rs)),
            weight=row.weight,
            removed=bool(row.removed),
            vs_removed=bool(row.vs_removed),
            traffic=_same(views.Traffic, row.traffic),
            answers=_same(views.Answers, row.traffic.answers),
        )
        for row in listing(lib.slb_rs_list, "struct slb_rs_info", "RS")
    ]


def answer_list() -> list[views.RsAnswers]:
    """Read what became of the sessions of every RS of every VS that is there."""
    sums: dict[tuple[bytes, bytes], tuple[int, ...]] = {}
    rows = octets(lib.slb_rs_list, "struct slb_rs_info", "RS")
    for vs, rs, vs_removed, *counts in _ANSWERS.iter_unpack(rows):
        if vs_removed:
            continue
        before = sums.get((vs, rs))
        sums[vs, rs] = tuple(map(add, before, counts)) if before else tuple(counts)
    return [views.RsAnswers(vs_text(vs), rs_text(rs), *counts) for (vs, rs), counts in sums.items()]


def worker_list() -> list[views.WorkerView]:
    """Read every worker."""
    policies = _words("slb_idle", "SLB_IDLE_")
    rows = listing(lib.slb_worker_list, "struct slb_worker_info", "workers")
    states = _words("slb_worker_state", "SLB_WORKER_")
    return [
        _same(
            views.WorkerView,
            row,
            idle=policies[row.idle],
            state=states[row.state],
            share=row.share / 1000,
        )
        for row in rows
    ]


def member_list() -> list[tuple[int, views.MemberView]]:
    """Read the members of every bond, each with its port's number."""
    states = _words("slb_member_state", "SLB_MEMBER_")
    up = value("SLB_LINK_UP")
    return [
        (
            row.port,
            _same(
                views.MemberView,
                row,
                device=text(row.device),
                driver=text(row.driver),
                state=states[row.state],
                link_up=row.link == up,
            ),
        )
        for row in listing(lib.slb_member_list, "struct slb_member_info", "members")
    ]


def port_list() -> list[views.PortView]:
    """Read every port."""
    members = member_list()
    links = _words("slb_link", "SLB_LINK_")
    kinds = _words("slb_kni_kind", "SLB_KNI_")
    return [
        _same(
            views.PortView,
            row,
            name=text(row.name),
            driver=text(row.driver),
            mac=get_mac(row.mac),
            link_up={"up": True, "down": False}.get(links[row.link]),
            kernel_interface=text(row.kni_name),
            kni_kind=kinds[row.kni_kind],
            rx_checksum=bool(row.rx_checksum),
            tx_checksum=bool(row.tx_checksum),
            members=[member for port, member in members if port == number],
        )
        for number, row in enumerate(listing(lib.slb_port_list, "struct slb_port_info", "ports"))
    ]


def steering_list() -> list[views.SteeringView]:
    """Read how each port steers."""
    methods, spreads = _words("slb_steer", "SLB_STEER_"), _words("slb_spread", "SLB_SPREAD_")
    handed_off = sum(worker.handed_off for worker in worker_list())
    return [
        views.SteeringView(
            port=text(row.name),
            method=methods[row.steer].replace("_", "-"),
            spread=spreads[row.spread],
            reason=text(row.steer_reason),
            rx_queues=row.rx_queues,
            handed_off=handed_off,
            laddrs=row.laddrs,
            ruled_laddrs=row.ruled_laddrs,
            rules=row.rules,
            misdirected=row.misdirected,
            kni_queue=bool(row.kni_queue),
            stuck_rules=row.stuck_rules,
        )
        for row in listing(lib.slb_port_list, "struct slb_port_info", "ports")
    ]


def rule_list(ports: Sequence[str]) -> list[views.RuleView]:
    """Read the rules that the devices have."""
    shapes, kni = _words("slb_rule_shape", "SLB_RULE_"), value("SLB_RULE_KNI")
    return [
        views.RuleView(
            port=ports[row.port],
            address=str(get_address(row.addr)),
            packets=shapes[row.shape],
            worker=None if row.worker == kni else row.worker,
            hits=row.hits if row.counted else None,
            stuck=bool(row.stuck),
        )
        for row in listing(lib.slb_rule_list, "struct slb_rule_info", "rules")
    ]


def probe_list(ports: Sequence[str]) -> list[ProbeCount]:
    """Read what the workers have seen of probes."""
    methods = _words("slb_steer", "SLB_STEER_")
    return [
        ProbeCount(
            address=get_address(row.addr),
            port=ports[row.port],
            worker=row.worker,
            method=methods[row.method].replace("_", "-"),
            expected=bool(row.expected),
            right=_both(row.right),
            elsewhere=_both(row.elsewhere),
            handed=_both(row.handed),
        )
        for row in listing(lib.slb_probe_list, "struct slb_probe_info", "probes")
    ]


def laddr_list(ports: Sequence[str]) -> list[views.LaddrView]:
    """Read every local address."""
    return [
        views.LaddrView(
            address=str(get_address(row.addr)),
            worker=row.worker,
            port=ports[row.port],
            active=row.active,
            sessions=row.sessions,
            state=_laddr_state(row),
        )
        for row in listing(lib.slb_laddr_list, "struct slb_laddr_info", "local addresses")
    ]


def route_list(ports: Sequence[str]) -> list[views.RouteView]:
    """Read every route."""
    return [
        views.RouteView(
            prefix=f"{get_address(row.prefix)}/{row.len}",
            gateway=str(get_address(row.gateway)) if row.gateway.family else None,
            port=ports[row.port],
        )
        for row in listing(lib.slb_route_list, "struct slb_route", "routes")
    ]


def neighbour_list(ports: Sequence[str]) -> list[views.NeighbourView]:
    """Read every neighbour."""
    return [
        views.NeighbourView(str(get_address(row.addr)), get_mac(row.mac), ports[row.port])
        for row in listing(lib.slb_neighbour_list, "struct slb_neighbour", "neighbours")
    ]


def worker_bytes() -> list[views.WorkerBytes]:
    """Read what each worker has moved."""
    room = 2 * value("SLB_MAX_WORKERS")
    counts = ffi.new("uint64_t[]", room)
    workers = check(lib.slb_worker_bytes(counts, room), "bytes")
    return [views.WorkerBytes(*map(int, counts[2 * n : 2 * n + 2])) for n in range(workers)]


def drop_list() -> list[views.DropView]:
    """Read every drop reason's counters."""
    reasons = value("SLB_DROP_COUNT")
    room = value("SLB_MAX_WORKERS") * reasons
    counts = ffi.new("uint64_t[]", room)
    workers = check(lib.slb_drop_list(counts, room), "drops")
    found = []
    for number, name in sorted(names("slb_drop", "SLB_DROP_").items()):
        if number < reasons:
            each = [int(counts[worker * reasons + number]) for worker in range(workers)]
            found.append(views.DropView(name, sum(each), each))
    return found


def session_reader() -> Callable[[Any], views.SessionView]:
    """Return what turns a struct slb_session_info into a view."""
    key = Keys()
    states = {
        number: name.removeprefix("TCP_").removeprefix("UDP_").lower()
        for number, name in names("slb_tcp_state", "SLB_").items()
    }

    def view(row: Any) -> views.SessionView:
        return views.SessionView(
            client=str(get_endpoint(row.client)),
            vs=str(key.vs(row.vs)),
            local=str(get_endpoint(row.local)),
            rs=str(get_endpoint(row.rs)),
            worker=row.worker,
            state=states[row.state],
            idle_ms=row.idle_ms,
            expires_ms=row.expires_ms,
        )

    return view


def _vs_view(key: Keys, row: Any) -> views.VsView:
    numbers = (getattr(row, name) for name in _POLICY[:-1])
    policy = _policy(*numbers, bytes(ffi.buffer(row.timeout_s)))
    return views.VsView(
        vs=str(key.vs(row.vs)),
        scheduler=policy.scheduler,
        rs_count=row.n_rs,
        draining=row.draining_rs,
        removed=row.removed_rs,
        generation=row.generation,
        traffic=_same(views.Traffic, row.traffic),
        one_packet=policy.one_packet,
        timeouts=policy.timeouts,
        client_address=policy.client_address,
        syn_proxy=policy.syn_proxy,
        refused=row.refused,
        answers=_same(views.Answers, row.traffic.answers),
    )


@lru_cache(POLICIES)
def _policy(scheduler: int, one_packet: int, tells: int, syn_proxy: int, timeouts: bytes) -> Policy:
    """A VS's policy, of which many have the same."""
    schedulers, how = (
        _words("slb_sched", "SLB_SCHED_"),
        _words("slb_client_address", "SLB_CLIENT_ADDRESS_"),
    )
    states = [(n, s) for n, s in _words("slb_tcp_state", "SLB_").items() if s in TIMEOUTS]
    seconds = ffi.from_buffer("uint32_t[]", timeouts)
    return Policy(
        schedulers[scheduler],  # type: ignore[arg-type]
        bool(one_packet),
        VsTimeouts(**{state: seconds[number] or None for number, state in states}),
        how[tells].replace("_", "-"),  # type: ignore[arg-type]
        bool(syn_proxy),
    )


def _laddr_state(row: Any) -> str:
    if row.waiting:
        return "waiting"
    return "draining" if row.draining else "active"


def _both(counts: Any) -> Counts:
    return counts[value("SLB_PROBE_TCP")], counts[value("SLB_PROBE_UDP")]


def _words(enum: str, prefix: str) -> dict[int, str]:
    return {number: name.lower() for number, name in names(enum, prefix).items()}


def _same(view: type[V], row: Any, **other: object) -> V:
    fields: tuple[str, ...] = view.__struct_fields__  # type: ignore[attr-defined]
    return view(**{name: other[name] if name in other else getattr(row, name) for name in fields})

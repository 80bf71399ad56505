# SPDX-License-Identifier: BSD-3-Clause
"""Values to and from the structs of slb_abi.h, and names from its enums."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from ipaddress import ip_address, ip_interface, ip_network
from socket import htons, ntohs
from typing import Any

from packets.nic import Nic, NicRule
from packets.rss import Rss
from values import Laddr, Op, Rs, Session, Settings, Traffic, View, Vs

from slb._harness import ffi, lib
from slb.model.probe import ProbeCount


def names(enum: str, prefix: str) -> dict[int, str]:
    """Return an enum's names by value, without the prefix."""
    elements: dict[int, str] = ffi.typeof(f"enum {enum}").elements
    return {number: name.removeprefix(prefix) for number, name in elements.items()}


def number(name: str) -> int:
    """Return an enumerator's value."""
    return int(getattr(lib, name))


def port_mac(port: int) -> str:
    """Return the MAC the harness gives a port."""
    return f"02:00:00:00:00:{port:02x}"


def config_of(settings: Settings) -> Any:
    """Return a filled struct slb_config."""
    config = ffi.new("struct slb_config *")
    config.abi_version = lib.SLB_ABI_VERSION
    config.n_workers, config.n_ports = settings.workers, settings.ports
    config.n_laddrs = len(settings.laddrs)
    config.sessions, config.mbufs = settings.sessions, 4096
    config.sessions6 = settings.sessions6
    config.vs_max, config.rs_max = settings.vs_max, settings.rs_max
    config.tcp_renumber = settings.renumber
    config.frag_datagrams, config.frag_held = settings.datagrams, settings.held
    for name, value in settings.options.items():
        setattr(config, name, value)
    for name in ("ospf", "arp", "other"):
        setattr(config, f"punt_{name}_pps", settings.pps.get(name, 100_000))
    for state, seconds in settings.timeouts.items():
        config.timeout_s[number(f"SLB_{state}")] = seconds
    for row, (text, worker, port) in zip(config.laddrs, settings.laddrs, strict=False):
        put_address(row.addr, text)
        row.worker, row.port = worker, port
    for index in range(settings.ports):
        row = config.ports[index]
        row.name, row.device = f"lan{index}".encode(), f"net_null{index}".encode()
        row.mtu, row.rx_desc, row.tx_desc = settings.mtu, 256, 256
        row.spread_hash = index in settings.spread_hash
        row.vlan = settings.vlans.get(index, 0)
        row.max_queues = settings.queues
        if index in settings.nics:
            row.steering = number(f"SLB_STEERING_{settings.steering}")
        if settings.kni:
            row.kni_kind, row.kni_name = number("SLB_KNI_TAP"), f"slb{index}".encode()
    put_own(config.ports[0], settings.own)
    return config


def put_own(row: Any, addresses: Sequence[str]) -> None:
    """Write a port's own addresses."""
    row.n_own = len(addresses)
    for field, text in zip(row.own, map(ip_interface, addresses), strict=False):
        put_address(field.addr, str(text.ip))
        field.len = text.network.prefixlen


# What a device hashes by: fragments and other protocols by addresses, TCP and UDP by ports too.
RSS_TYPES = sum(1 << bit for bit in (2, 3, 4, 5, 7, 8, 9, 10, 11, 13))


def put_nic(nic: Nic, workers: int) -> Any:
    """Return a struct harness_nic."""
    row = ffi.new("struct harness_nic *")
    row.driver, row.queues = nic.driver.encode(), nic.queues or workers
    row.rules_max, row.breaks_at = nic.rules_max, nic.breaks_at
    row.faults = sum(number(f"HARNESS_NIC_{fault}") for fault in nic.faults)
    if nic.rss:
        key, table = nic.rss.key, nic.rss.table
        row.rss_types, row.key_len, row.table_len = RSS_TYPES, len(key), len(table)
        ffi.memmove(row.key, key, len(key))
        ffi.memmove(row.table, bytes(table), min(len(table), 512))
    return row


def nic_rss(row: Any) -> Rss:
    """Read the key and the table of a struct harness_nic."""
    return Rss(bytes(row.key)[: row.key_len], tuple(row.table[0 : row.table_len]))


def nic_rule(row: Any) -> NicRule:
    """Read a struct harness_nic_rule."""
    shape = names("slb_rule_shape", "SLB_RULE_")[row.shape]
    return NicRule(address(row.to), int(row.queue), shape, bool(row.tagged))


def put_address(row: Any, text: str) -> None:
    """Write a struct slb_address."""
    packed = ip_address(text).packed
    row.family = 4 if len(packed) == 4 else 6
    ffi.memmove(row.bytes, packed, len(packed))


def put_endpoint(row: Any, text: str) -> None:
    """Write `10.96.0.10:80/tcp`, `10.10.0.1:8080`, or an address alone."""
    rest, _, proto = text.partition("/")
    alone = ":" not in rest or (rest.count(":") > 1 and not rest.startswith("["))
    host, _, port = (rest, "", "0") if alone else rest.rpartition(":")
    put_address(row.addr, host.strip("[]"))
    row.port_be = htons(int(port))
    if proto:
        row.proto = number(f"SLB_PROTO_{proto.upper()}")


def address(row: Any) -> str:
    """Read a struct slb_address."""
    return _text(bytes(row.bytes[0 : 4 if row.family == 4 else 16]))


@lru_cache(1024)
def _text(packed: bytes) -> str:
    """An address in words; of a hundred thousand sessions, most have the same few."""
    return str(ip_address(packed))


def endpoint(row: Any) -> str:
    """Read a struct slb_endpoint."""
    host = address(row.addr) if row.addr.family == 4 else f"[{address(row.addr)}]"
    return f"{host}:{ntohs(row.port_be)}{_protocols().get(row.proto, '')}"


@cache
def _protocols() -> dict[int, str]:
    return {number("SLB_PROTO_TCP"): "/tcp", number("SLB_PROTO_UDP"): "/udp"}


def put_ops(ops: Sequence[Op]) -> Any:
    """Return an array of struct slb_op."""
    array = ffi.new("struct slb_op[]", len(ops))
    for row, op in zip(array, ops, strict=True):
        row.kind = number(f"SLB_OP_{op.kind}")
        row.scheduler = number(f"SLB_SCHED_{op.scheduler.upper()}")
        row.weight, row.one_packet, row.syn_proxy = op.weight, op.one_packet, op.syn_proxy
        how = op.client_address.upper().replace("-", "_")
        row.client_address = number(f"SLB_CLIENT_ADDRESS_{how}")
        for state, seconds in op.timeouts.items():
            row.timeout_s[number(f"SLB_{state}")] = seconds
        put_endpoint(row.vs, op.vs)
        if op.rs:
            put_endpoint(row.rs, op.rs)
    return array


def put_view(view: View) -> tuple[Any, int, Any, int, Any, int]:
    """Return routes, neighbours and own addresses, each with its length."""
    routes = ffi.new("struct slb_route[]", len(view.routes))
    for row, route in zip(routes, view.routes, strict=True):
        prefix = ip_network(route.prefix, strict=False)
        put_address(row.prefix, str(prefix.network_address))
        row.len, row.port = prefix.prefixlen, route.port
        if route.gateway:
            put_address(row.gateway, route.gateway)
    neighbours = ffi.new("struct slb_neighbour[]", len(view.neighbours))
    for row, neighbour in zip(neighbours, view.neighbours, strict=True):
        put_address(row.addr, neighbour.address)
        ffi.memmove(row.mac, bytes.fromhex(neighbour.mac.replace(":", "")), 6)
        row.port = neighbour.port
    own = ffi.new("struct slb_own_address[]", len(view.own))
    for row, text in zip(own, view.own, strict=True):
        put_address(row.addr, text)
    return routes, len(routes), neighbours, len(neighbours), own, len(own)


def put_laddrs(laddrs: Sequence[tuple[str, int]]) -> Any:
    """Return an array of struct slb_laddr from addresses and ports."""
    array = ffi.new("struct slb_laddr[]", len(laddrs))
    for row, (text, port) in zip(array, laddrs, strict=True):
        put_address(row.addr, text)
        row.port = port
    return array


def listing(call: Any, ctype: str) -> Iterator[Any]:
    """Yield the rows of a listing; each is valid until the next is asked for."""
    room = call(ffi.NULL, 0)
    if room < 0:
        raise OSError(-room, ctype)
    rows = ffi.new(f"{ctype}[]", room)
    for i in range(call(rows, room)):
        yield rows[i]


def get_vs(row: Any) -> Vs:
    """Read a struct slb_vs_info."""
    scheduler = names("slb_sched", "SLB_SCHED_")[row.scheduler].lower()
    return Vs(
        endpoint(row.vs),
        scheduler,
        row.n_rs,
        row.draining_rs,
        row.removed_rs,
        row.generation,
        get_traffic(row.traffic),
        row.refused,
    )


def get_rs(row: Any) -> Rs:
    """Read a struct slb_rs_info."""
    traffic = get_traffic(row.traffic)
    removed, vs_removed = bool(row.removed), bool(row.vs_removed)
    answers = row.traffic.answers
    return Rs(
        endpoint(row.vs),
        endpoint(row.rs),
        row.weight,
        removed,
        traffic,
        vs_removed,
        answers.latency_us,
        answers.samples,
    )


def get_traffic(row: Any) -> Traffic:
    """Read a struct slb_traffic."""
    answers = row.answers
    return Traffic(
        *(row.in_packets, row.in_bytes, row.out_packets, row.out_bytes, row.sessions, row.active),
        *(answers.answered, answers.unanswered, answers.refused, answers.aborted, answers.resets),
    )


def get_laddr(row: Any) -> Laddr:
    """Read a struct slb_laddr_info."""
    state = bool(row.draining), bool(row.waiting)
    return Laddr(address(row.addr), row.worker, row.port, row.active, row.sessions, *state)


def get_probe(row: Any) -> ProbeCount:
    """Read a struct slb_probe_info."""
    method = names("slb_steer", "SLB_STEER_")[row.method].lower().replace("_", "-")
    counts = [tuple(pair) for pair in (row.right, row.elsewhere, row.handed)]
    place = ip_address(address(row.addr)), f"lan{row.port}", row.worker
    return ProbeCount(*place, method, bool(row.expected), *counts)


def get_session(row: Any, states: Mapping[int, str]) -> Session:
    """Read a struct slb_session_info."""
    return Session(
        endpoint(row.client),
        endpoint(row.vs),
        endpoint(row.local),
        endpoint(row.rs),
        row.worker,
        states[row.state],
        row.idle_ms,
        row.expires_ms,
    )

# SPDX-License-Identifier: BSD-3-Clause
"""Netlink messages to the workers' view, without a kernel."""

import struct
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Any

import pytest

from slb.kernel.view import Snapshot, best_routes, build, stale
from slb.kernel.watch import concerns
from slb.model.forwarding import Forwarding, Neighbour, OwnAddress, Route

PORTS = {7: 0, 8: 1}
REACHABLE, STALE, FAILED, INCOMPLETE, PERMANENT = 0x02, 0x04, 0x20, 0x01, 0x80
UNICAST, BLACKHOLE = 1, 6


def route(dst: str, oif: int | None = None, via: str | None = None, **other: Any) -> dict[str, Any]:
    """A route as pyroute2 gives it."""
    address, _, length = dst.partition("/")
    message = {
        "family": 10 if ":" in dst else 2,
        "type": UNICAST,
        "flags": 0,
        "tos": 0,
        "dst_len": int(length),
        "RTA_DST": address if int(length) else None,
        "RTA_OIF": oif,
        "RTA_GATEWAY": via,
    }
    return message | other


def hop(oif: int, via: str, flags: int = 0) -> dict[str, Any]:
    """A next hop of a multipath route."""
    return {"oif": oif, "flags": flags, "RTA_GATEWAY": via}


def neighbour(address: str, mac: str | None, state: int, index: int = 7) -> dict[str, Any]:
    """A neighbour as pyroute2 gives it."""
    return {"ifindex": index, "state": state, "NDA_DST": address, "NDA_LLADDR": mac}


def shown(*messages: dict[str, Any]) -> list[str]:
    """Routes as `PREFIX GATEWAY PORT`."""
    return [f"{r.prefix} {r.gateway} {r.port}" for r in best_routes(messages, PORTS)]


@pytest.mark.parametrize(
    ("what", "message", "result"),
    [
        ("connected", route("192.0.2.0/24", 7), ["192.0.2.0/24 None 0"]),
        ("default", route("0.0.0.0/0", 8, "10.0.0.1"), ["0.0.0.0/0 10.0.0.1 1"]),
        ("of another interface", route("192.0.2.0/24", 3), []),
        ("blackhole", route("192.0.2.0/24", type=BLACKHOLE), []),
        ("its link is down", route("192.0.2.0/24", 7, flags=16), []),
        ("for one kind of service alone", route("192.0.2.0/24", 7, tos=8), []),
        ("over an IPv6 gateway", route("192.0.2.0/24", 7, RTA_VIA={"family": 10}), []),
        ("IPv6, connected", route("2001:db8::/64", 7), ["2001:db8::/64 None 0"]),
        ("IPv6, default", route("::/0", 8, "fe80::1"), ["::/0 fe80::1 1"]),
        ("IPv6, link-local", route("fe80::/64", 7), []),
        ("IPv6, for one source alone", route("::/0", 7, "fe80::1", src_len=64), []),
        ("IPv6, the kernel's own copy", route("2001:db8::5/128", 7, flags=0x200), []),
        (
            "IPv6, the first hop that is usable",
            route(
                "fd00::/8",
                RTA_MULTIPATH=[hop(3, "fe80::3"), hop(8, "fe80::1", 1), hop(7, "fe80::2")],
            ),
            ["fd00::/8 fe80::2 0"],
        ),
        (
            "the first hop of several",
            route("10.0.0.0/8", RTA_MULTIPATH=[hop(8, "10.1.0.1"), hop(7, "10.2.0.1")]),
            ["10.0.0.0/8 10.1.0.1 1"],
        ),
        (
            "the first hop that is usable",
            route(
                "10.0.0.0/8",
                RTA_MULTIPATH=[hop(3, "10.3.0.1"), hop(8, "10.1.0.1", 1), hop(7, "10.2.0.1")],
            ),
            ["10.0.0.0/8 10.2.0.1 0"],
        ),
    ],
)
def test_one_route(what: str, message: dict[str, Any], result: list[str]) -> None:
    assert shown(message) == result, what


def test_the_lowest_metric_counts_among_ours() -> None:
    found = shown(
        route("10.0.0.0/8", 3, "10.9.0.1", RTA_PRIORITY=1),
        route("10.0.0.0/8", 7, "10.1.0.1", RTA_PRIORITY=20),
        route("10.0.0.0/8", 8, "10.2.0.1", RTA_PRIORITY=10),
    )
    assert found == ["10.0.0.0/8 10.2.0.1 1"]


def test_the_lowest_metric_counts_in_ipv6_too() -> None:
    found = shown(
        route("fd00::/8", 7, "fe80::1", RTA_PRIORITY=1024),
        route("fd00::/8", 8, "fe80::2", RTA_PRIORITY=100),
        route("fc00::/8", 7),
    )
    assert found == ["fd00::/8 fe80::2 1", "fc00::/8 None 0"]


@pytest.mark.parametrize(
    ("state", "there"),
    [
        (INCOMPLETE, False),
        (REACHABLE, True),
        (STALE, True),
        (0x08, True),
        (0x10, True),
        (FAILED, False),
        (0x40, True),
        (PERMANENT, True),
        (0, False),
    ],
)
def test_neighbours_by_their_state(state: int, there: bool) -> None:
    snapshot = Snapshot(PORTS, neighbours=[neighbour("10.0.0.1", "02:00:00:00:00:01", state)])
    found = build(snapshot, frozenset(), Forwarding()).neighbours
    wanted = (Neighbour(IPv4Address("10.0.0.1"), "02:00:00:00:00:01", 0),)
    assert found == (wanted if there else ())


def test_neighbours_that_are_no_hosts() -> None:
    snapshot = Snapshot(
        PORTS,
        neighbours=[
            neighbour("224.0.0.5", "01:00:5e:00:00:05", 0x40),
            neighbour("ff02::1:ff00:1", "33:33:ff:00:00:01", 0x40),
            neighbour("10.0.0.1", None, REACHABLE),
            neighbour("10.0.0.2", "02:00:00:00:00:01", REACHABLE, index=3),
        ],
    )
    assert build(snapshot, frozenset(), Forwarding()).neighbours == ()


def test_own_addresses_leave_out_the_workers() -> None:
    addresses = [
        {"index": 7, "IFA_LOCAL": "192.0.2.2"},
        {"index": 7, "IFA_LOCAL": "192.0.2.99"},
        {"index": 3, "IFA_LOCAL": "10.0.0.1"},
        {"index": 8, "IFA_ADDRESS": "fe80::8"},
        {"index": 7, "IFA_ADDRESS": "fe80::7"},
        {"index": 7, "IFA_ADDRESS": "fd00::99"},
        {"index": 3, "IFA_ADDRESS": "fd00::1"},
    ]
    hidden = frozenset({IPv4Address("192.0.2.99"), IPv6Address("fd00::99")})
    found = build(Snapshot(PORTS, addresses=addresses), hidden, Forwarding())
    assert found.own == (
        OwnAddress(IPv4Address("192.0.2.2"), 0),
        OwnAddress(IPv6Address("fe80::7"), 0),
        OwnAddress(IPv6Address("fe80::8"), 1),
    )


def test_the_order_of_messages_does_not_matter() -> None:
    routes = [route("10.0.0.0/8", 7), route("::/0", 7, "fe80::1"), route("192.0.2.0/24", 8)]
    static = Forwarding((Route(IPv4Network("172.16.0.0/12"), None, 2),))
    one = build(Snapshot(PORTS, routes), frozenset(), static)
    other = build(Snapshot(PORTS, routes[::-1]), frozenset(), static)
    assert one == other
    shown = ["10.0.0.0/8", "172.16.0.0/12", "192.0.2.0/24", "::/0"]
    assert [str(found.prefix) for found in one.routes] == shown


def test_stale_neighbours() -> None:
    rows = [
        neighbour("10.0.0.1", "02:00:00:00:00:01", STALE),
        neighbour("10.0.0.2", "02:00:00:00:00:02", REACHABLE),
        neighbour("10.0.0.3", "02:00:00:00:00:03", STALE, index=3),
        neighbour("fe80::1", "02:00:00:00:00:01", STALE, index=8),
    ]
    assert stale(Snapshot(PORTS, neighbours=rows)) == [
        (IPv4Address("10.0.0.1"), 7),
        (IPv6Address("fe80::1"), 8),
    ]


def message(kind: int, body: bytes) -> bytes:
    """A netlink message, padded."""
    raw = struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body
    return raw + bytes(-len(raw) % 4)


def neighbour_message(family: int, index: int) -> bytes:
    """An RTM_NEWNEIGH about an interface."""
    return message(28, struct.pack("=BBHiHBB", family, 0, 0, index, 2, 0, 1))


@pytest.mark.parametrize(
    ("what", "datagram", "matters"),
    [
        ("a neighbour of ours", neighbour_message(2, 7), True),
        ("a neighbour of another interface", neighbour_message(2, 3), False),
        ("an IPv6 neighbour of ours", neighbour_message(10, 7), True),
        ("an entry of a bridge", neighbour_message(7, 7), False),
        ("ours behind another", neighbour_message(2, 3) + neighbour_message(2, 8), True),
        ("a route", message(24, bytes(12)), True),
        ("a length of nonsense", struct.pack("=IHHII", 3, 28, 0, 0, 0), True),
        ("half a message", neighbour_message(2, 3)[:18], True),
        ("nothing", b"", False),
    ],
)
def test_which_notifications_matter(what: str, datagram: bytes, matters: bool) -> None:
    assert concerns(datagram, PORTS.keys()) is matters, what

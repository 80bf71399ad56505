# SPDX-License-Identifier: BSD-3-Clause
"""A full session table gives up what is idle for what is new, and never an open connection."""

from collections.abc import Callable, Iterable

import pytest
from lab import PLAIN, Lab
from packets.frames import (
    ACK,
    RS6_TCP,
    RS6_UDP,
    RS_TCP,
    RS_UDP,
    VS6_TCP,
    VS6_UDP,
    VS_TCP,
    VS_UDP,
    answer,
    tcp,
    tcp6,
    udp,
    udp6,
)
from values import Settings

pytestmark = pytest.mark.path

ROOM = 300
FAMILIES = {4: (tcp, udp, "203.0.113.9"), 6: (tcp6, udp6, "[2001:db8:c::9]")}


@pytest.fixture
def full(open_lab: Callable[[Settings], Lab]) -> Callable[..., Lab]:
    """A worker with room for so many sessions, of one address family or the other."""

    def make(sessions: int = ROOM, sessions6: int = ROOM, recycle: int = 1) -> Lab:
        laddrs = (("198.18.0.1", 0, 0), ("2001:db8:18::1", 0, 0))
        lab = open_lab(
            Settings(
                workers=1,
                laddrs=laddrs,
                sessions=sessions,
                sessions6=sessions6,
                options={"recycle": recycle},
            )
        )
        lab.harness.forward(PLAIN)
        for vs, rs in (
            (VS_TCP, RS_TCP),
            (VS_UDP, RS_UDP),
            (VS6_TCP, RS6_TCP),
            (VS6_UDP, RS6_UDP),
        ):
            lab.add_vs(vs, rs=[rs])
        return lab

    return make


def one(lab: Lab, packet: object) -> object:
    """What becomes of one packet."""
    (result,) = lab.harness.run(0, [bytes(packet)])
    return result


def open_connections(lab: Lab, ports: Iterable[int], family: int = 4) -> None:
    make = FAMILIES[family][0]
    for port in ports:
        one(lab, answer(one(lab, make(sport=port)).data))
        one(lab, make(ACK, sport=port))


def ask(lab: Lab, ports: Iterable[int], family: int = 4, apart_s: float = 0) -> set[str]:
    """What becomes of a datagram from each of these ports."""
    outcomes = set()
    for port in ports:
        outcomes.add(one(lab, FAMILIES[family][1](sport=port)).what)
        if apart_s:
            lab.harness.advance(apart_s)
    return outcomes


def ports(lab: Lab, proto: str, family: int = 4) -> set[int]:
    """The clients' ports of this family's sessions."""
    begin, end = FAMILIES[family][2] + ":", f"/{proto}"
    clients = [session.client for session in lab.harness.sessions()]
    return {
        int(client[len(begin) : -len(end)])
        for client in clients
        if client.startswith(begin) and client.endswith(end)
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("connections", [0, 1, 63, 64, 65, 200])
def test_a_full_table_makes_room_of_the_idlest(
    full: Callable[..., Lab], connections: int, family: int
) -> None:
    """The connections are due first: a search in that order would meet all of them."""
    lab, idle = full(), ROOM - connections
    for port in range(1, connections + 1):
        one(lab, FAMILIES[family][0](sport=port))
    ask(lab, range(1, idle + 1), family, apart_s=0.0625)
    for port in range(1, connections + 1):
        syn = FAMILIES[family][0](sport=port)
        one(lab, answer(one(lab, syn).data))
        one(lab, FAMILIES[family][0](ACK, sport=port))
    assert ask(lab, range(1001, 1051), family) == {"TX 0"}
    left = set(range(51, idle + 1)) | set(range(1001, 1051))
    assert ports(lab, "udp", family) == left
    assert ports(lab, "tcp", family) == set(range(1, connections + 1))
    assert lab.harness.recycled(0) == 50


@pytest.mark.parametrize("family", FAMILIES)
def test_connections_of_the_other_family_are_not_in_the_way(
    full: Callable[..., Lab], family: int
) -> None:
    lab, other = full(), 10 - family
    open_connections(lab, range(1, ROOM + 1), other)
    assert ask(lab, range(1, ROOM + 51), family, apart_s=0.0625) == {"TX 0"}
    assert ports(lab, "udp", family) == set(range(51, ROOM + 51))
    assert one(lab, FAMILIES[other][1]()).what == "DROP SESSION_FULL"


@pytest.mark.parametrize("family", FAMILIES)
def test_open_connections_never_make_room(full: Callable[..., Lab], family: int) -> None:
    lab = full()
    open_connections(lab, range(1, ROOM + 1), family)
    for _ in range(3):
        assert one(lab, FAMILIES[family][0](sport=999)).what == "DROP SESSION_FULL"
        lab.harness.advance(60)
    assert ports(lab, "tcp", family) == set(range(1, ROOM + 1))
    assert lab.harness.recycled(0) == 0


def test_a_flood_of_syns_makes_room_of_itself(full: Callable[..., Lab]) -> None:
    lab = full()
    open_connections(lab, range(1, 101))
    assert ask(lab, range(1, 101)) == {"TX 0"}
    for port in range(200, 200 + ROOM):
        one(lab, answer(one(lab, udp(sport=port)).data)) if port < 250 else None
        assert one(lab, tcp(sport=port)).what == "TX 0"
    assert set(range(1, 101)) <= ports(lab, "tcp")
    open_connections(lab, range(10001, 10051))
    assert set(range(10001, 10051)) <= ports(lab, "tcp"), "clients of flesh and blood get in"


def test_half_open_ones_make_room_the_oldest_first(full: Callable[..., Lab]) -> None:
    lab = full(sessions=64)
    for port in range(1, 65):
        syn = one(lab, tcp(sport=port))
        if port % 2:
            one(lab, answer(syn.data))
        lab.harness.advance(0.125)
    for port in range(101, 121):
        assert one(lab, tcp(sport=port)).what == "TX 0"
    assert ports(lab, "tcp") == set(range(21, 65)) | set(range(101, 121))


def test_one_that_was_used_stays_and_one_that_is_over_goes(full: Callable[..., Lab]) -> None:
    lab = full(sessions=64)
    open_connections(lab, [1])
    ask(lab, range(1, 64), apart_s=0.125)
    # Used in the opposite order, all but one: more of them than one search looks at.
    used = [port for port in range(63, 0, -1) if port != 30]
    ask(lab, used, apart_s=0.125)
    for new in range(101, 109):
        assert one(lab, udp(sport=new)).what == "TX 0"
    assert 30 not in ports(lab, "udp")
    one(lab, tcp("RA", sport=1))
    lab.harness.advance(1)
    for new in range(201, 210):
        assert one(lab, udp(sport=new)).what == "TX 0"
    assert ports(lab, "tcp") == set(), "a reset connection is over"


def test_a_connection_opened_in_the_meantime_stays(full: Callable[..., Lab]) -> None:
    """Half-open it was the first to go; open it stays, although nobody has looked at it since."""
    lab = full(sessions=64)
    opened = one(lab, tcp(sport=1))
    lab.harness.advance(1)
    ask(lab, range(1, 64))
    one(lab, answer(opened.data))
    one(lab, tcp(ACK, sport=1))
    assert ask(lab, range(101, 301)) == {"TX 0"}
    assert ports(lab, "tcp") == {1}


def test_idle_sessions_beyond_the_horizon_make_room(full: Callable[..., Lab]) -> None:
    """The wheel is a bit over four minutes long."""
    lab = full(sessions=64)
    lab.add_vs("10.96.7.7:53/udp", rs=[RS_UDP], timeouts={"UDP_ONEWAY": 3000})
    for port in range(1, 65):
        one(lab, udp(dst="10.96.7.7", sport=port))
    for _ in range(4):
        lab.harness.advance(200)
        assert one(lab, udp(sport=99)).what == "TX 0"
    assert lab.active() == 64


def test_room_is_made_after_the_table_was_empty(full: Callable[..., Lab]) -> None:
    lab = full(sessions=64)
    for _ in range(3):
        assert ask(lab, range(1, 101)) == {"TX 0"}
        assert lab.active() == 64
        lab.harness.advance(301)
        assert lab.active() == 0


def test_without_recycling_a_full_table_is_full(full: Callable[..., Lab]) -> None:
    lab = full(recycle=0)
    ask(lab, range(1, ROOM + 1))
    assert one(lab, udp(sport=999)).what == "DROP SESSION_FULL"
    assert lab.harness.recycled(0) == 0

# SPDX-License-Identifier: BSD-3-Clause
"""Room for sessions with an IPv6 side runs out by itself, and comes back."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from lab import Lab
from packets.frames import CLIENT, VIP46, VIP64, udp, udp6
from scapy.packet import Packet
from values import Settings

pytestmark = pytest.mark.path

ROOM = 64
SESSION_S = 30
ONE_WORKER = replace(Settings(), workers=1, laddrs=(("198.18.0.1", 0, 0), ("2001:db8:18::1", 0, 0)))


@pytest.fixture
def small(open_lab: Callable[[Settings], Lab]) -> Lab:
    """A worker with more room for IPv4 than for IPv6."""
    return open_lab(replace(ONE_WORKER, sessions=4 * ROOM, sessions6=ROOM)).usual()


def outcomes(lab: Lab, frames: Iterable[Packet]) -> list[str]:
    """What becomes of each."""
    return [result.what for frame in frames for result in lab.harness.run(0, [bytes(frame)])]


def clients6(count: int, first: int = 1000) -> Iterable[Packet]:
    return (udp6(sport=first + number) for number in range(count))


def test_full_of_ipv6_still_takes_ipv4(small: Lab) -> None:
    assert set(outcomes(small, clients6(ROOM))) == {"TX 0"}
    assert set(outcomes(small, clients6(9, 5000))) == {"DROP SESSION_FULL"}
    assert set(outcomes(small, clients6(ROOM))) == {"TX 0"}, "those that have a session go on"
    ipv4 = [udp(sport=1000 + number) for number in range(ROOM)]
    assert set(outcomes(small, ipv4)) == {"TX 0"}
    assert small.harness.drops() == {(0, "SESSION_FULL"): 9}
    small.harness.advance(SESSION_S + 1)
    assert set(outcomes(small, clients6(ROOM, 9000))) == {"TX 0"}


def test_an_ipv6_side_is_enough_to_need_the_room(small: Lab) -> None:
    """Both translations take from it, whichever side is IPv6."""
    half = ROOM // 2
    sixes = [udp6(sport=1000 + number, dst=VIP64) for number in range(half)]
    fours = [udp(sport=1000 + number, src=CLIENT, dst=VIP46) for number in range(half)]
    assert set(outcomes(small, sixes + fours)) == {"TX 0"}
    assert outcomes(small, [udp6(sport=1, dst=VIP64)]) == ["DROP SESSION_FULL"]
    assert outcomes(small, [udp(sport=1, dst=VIP46)]) == ["DROP SESSION_FULL"]
    assert outcomes(small, [udp(sport=1)]) == ["TX 0"]


def test_full_of_ipv4_leaves_ipv6_its_room(small: Lab) -> None:
    ipv4 = [udp(sport=1000 + number) for number in range(4 * ROOM)]
    assert set(outcomes(small, ipv4)) == {"TX 0"}
    assert outcomes(small, [udp(sport=1)]) == ["DROP SESSION_FULL"]
    assert outcomes(small, clients6(1)) == ["TX 0"]

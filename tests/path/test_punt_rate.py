# SPDX-License-Identifier: BSD-3-Clause
"""Punting is metered by class, so that a flood of one kind does not push out another."""

from collections import Counter
from collections.abc import Iterator

import pytest
from lab import PLAIN, Lab, OpenLab
from packets.frames import OWN, VIP, ether, ip, tcp
from scapy.layers.l2 import ARP
from values import Settings

pytestmark = pytest.mark.path

PPS = 1600
TICK_S, A_TICK = 0.0625, PPS // 16
DEPTH = PPS // 4
KINDS = {
    "ospf": bytes(ip("192.0.2.1", "224.0.0.5", proto=89) / bytes(44)),
    "arp": bytes(ether() / ARP()),
    "other": bytes(tcp(dst=OWN)),
}


def flood(lab: Lab, kind: str, count: int, worker: int = 0) -> int:
    """Send so many packets of a class; returns how many were punted, the rest being dropped."""
    results: Iterator[str] = (
        result.what.split()[-1] if result.verdict == "DROP" else result.verdict
        for result in lab.harness.run_all(worker, [KINDS[kind]] * count)
    )
    seen = Counter(results)
    assert set(seen) <= {"PUNT", "PUNT_RATE"}
    return seen["PUNT"]


@pytest.fixture
def metered(open_lab: OpenLab) -> Lab:
    lab = open_lab(
        Settings(workers=1, laddrs=(("198.18.0.1", 0, 0),), pps=dict.fromkeys(KINDS, PPS))
    )
    lab.harness.forward(PLAIN)
    return lab


@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_is_cut(metered: Lab, kind: str) -> None:
    assert flood(metered, kind, 1000) == DEPTH
    assert metered.harness.drops() == {(0, "PUNT_RATE"): 1000 - DEPTH}


@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_of_one_class_leaves_the_others_alone(metered: Lab, kind: str) -> None:
    flood(metered, kind, 1000)
    for other in set(KINDS) - {kind}:
        assert flood(metered, other, 100) == 100


def test_the_rate_over_time(metered: Lab) -> None:
    """Tokens come back tick by tick, and no more than a burst's worth is saved up."""
    flood(metered, "other", 1000)
    metered.harness.advance(TICK_S)
    assert flood(metered, "other", 1000) == A_TICK
    passed = 0
    for _ in range(32):
        metered.harness.advance(TICK_S)
        passed += flood(metered, "other", 200)
    assert passed == 2 * PPS
    metered.harness.advance(3600)
    assert flood(metered, "other", 1000) == DEPTH


def test_below_the_rate_nothing_is_lost(metered: Lab) -> None:
    for _ in range(64):
        metered.harness.advance(TICK_S)
        assert flood(metered, "arp", A_TICK) == A_TICK


def test_workers_share_the_rate(open_lab: OpenLab) -> None:
    lab = open_lab(Settings(pps=dict.fromkeys(KINDS, PPS)))
    assert [flood(lab, "arp", 1000, worker) for worker in (0, 1)] == [DEPTH // 2] * 2


def test_the_lowest_rate_still_lets_something_through(open_lab: OpenLab) -> None:
    lab = open_lab(Settings(pps=dict.fromkeys(KINDS, 1)))
    assert flood(lab, "ospf", 10) == 1
    lab.harness.advance(0.5)
    assert flood(lab, "ospf", 10) == 0
    lab.harness.advance(0.5)
    assert flood(lab, "ospf", 10) == 1


def test_a_rate_is_not_rounded(open_lab: OpenLab) -> None:
    """Less than one packet a tick for each worker, and no whole number of them either."""
    lab = open_lab(Settings(pps=dict.fromkeys(KINDS, 50)))
    flood(lab, "arp", 100)
    passed = 0
    for _ in range(64):
        lab.harness.advance(TICK_S)
        passed += flood(lab, "arp", 10)
    assert passed == 4 * 50 // 2


def test_ospf_from_afar_does_not_use_up_the_neighbours_share(metered: Lab) -> None:
    """From behind a router, to a VIP, to another group: whatever it does, hellos pass."""
    strangers = [
        ip("203.0.113.9", OWN, proto=89),
        ip("203.0.113.9", "224.0.0.5", proto=89),
        ip("192.0.2.1", VIP, proto=89),
        ip("192.0.2.1", "224.0.0.9", proto=89),
    ]
    for stranger in strangers:
        list(metered.harness.run_all(0, [bytes(stranger / bytes(44))] * 1000))
    assert flood(metered, "ospf", 100) == 100

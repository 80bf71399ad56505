# SPDX-License-Identifier: BSD-3-Clause
"""Replies through a NIC of whatever kind: each comes to the worker that has its session.

client -> [any worker] -> RS        the workers' own rounds run, between the rings of the ports;
client <- [the same]   <- NIC <- RS the NIC chooses the queue by what the engine has told it
"""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from cases_fragments import BIG, FIRST, LAST, SECOND
from lab import OpenLab
from packets.fragments import cut
from packets.frames import answer, ether, tcp, tcp6, udp, udp6
from packets.nat import endpoints, turned
from packets.nic import Nic, NicRule
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.layers.l2 import Ether
from values import Settings
from wire import KINDS, MANY, Wire, laddrs, rss_of

pytestmark = pytest.mark.path

WORKERS = [1, 2, 3, 4, 7]
CLIENTS = {"TCP": (tcp, tcp6), "UDP": (udp, udp6)}
EACH = 8


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("workers", WORKERS)
def test_no_reply_is_lost(open_lab: OpenLab, workers: int, name: str) -> None:
    """TCP and UDP of both families, ICMP errors and fragments about them; where the NIC behaves,
    none is handed over that has ports."""
    kind = KINDS[name]
    wire = Wire(open_lab, kind, workers)
    method, why = wire.harness.steering()
    if workers == 1:
        assert (method, wire.rules) == ("SINGLE", [])
    else:
        assert method == kind.method and kind.words in why, why
    for worker in range(workers):
        for makers in CLIENTS.values():
            for make in makers:
                exchange(wire, worker, make)
    assert wire.harness.drops() == {}
    assert sum(wire.harness.misdirected()) == wire.misplaced
    assert not (kind.exact and wire.misplaced)
    if workers > 1 and not kind.exact:
        assert wire.misplaced > 0
    others(wire, udp)
    others(wire, udp6)
    assert sum(wire.harness.misdirected()) == wire.misplaced
    wire.harness.advance(2)
    assert wire.harness.drops() == {}
    wire.lab.clear()


@cache
def question(make: Any, port: int) -> bytes:
    """What a client sends first from a port."""
    return bytes(make(sport=port))


def exchange(wire: Wire, worker: int, make: Any) -> None:
    """Connections or questions of clients on one worker, and what comes back."""
    ports = range(5000 + 100 * worker, 5000 + 100 * worker + EACH)
    asked = [question(make, port) for port in ports]
    back: list[bytes] = []
    for has, forwarded in wire.client(worker, asked).items():
        back += wire.reply([turned(frame) for frame in forwarded], has)
    wanted = sorted(endpoints(frame)[0] for frame in asked)
    assert sorted(endpoints(frame)[1] for frame in back) == wanted


def others(wire: Wire, make: Any) -> None:
    """An ICMP error about a session of each worker, and its reply in fragments, last one first."""
    for worker in range(wire.workers):
        ((has, (forwarded,)),) = wire.client(worker, [bytes(make(sport=7000 + worker))]).items()
        before = wire.misplaced
        (told,) = wire.reply([port_unreachable(forwarded)], has)
        assert quoted_port(told) == 7000 + worker
        pieces = cut(bytes(answer(forwarded, payload=BIG)), [FIRST, SECOND, LAST], worker)
        assert len(wire.reply(pieces[::-1], has)) == len(pieces)
        wire.misplaced = before


def port_unreachable(frame: bytes) -> bytes:
    """The RS's error about what it was sent."""
    sent = Ether(frame)
    if IPv6 in sent:
        back = IPv6(src=sent[IPv6].dst, dst=sent[IPv6].src)
        return bytes(ether() / back / ICMPv6DestUnreach(code=4) / bytes(sent[IPv6]))
    back = IP(src=sent[IP].dst, dst=sent[IP].src)
    return bytes(ether() / back / ICMP(type=3, code=3) / bytes(sent[IP]))


def quoted_port(frame: bytes) -> int:
    """The source port of the UDP packet that an error quotes."""
    start = 14 + (40 + 8 + 40 if frame[14] >> 4 == 6 else 20 + 8 + 20)
    return int.from_bytes(frame[start : start + 2], "big")


@pytest.mark.parametrize("workers", [2, 7])
def test_the_rules(open_lab: OpenLab, workers: int) -> None:
    """One for each local address, to the queue of the worker that has it."""
    wire = Wire(open_lab, KINDS["plain rules"], workers)
    assert wire.rules == [NicRule(address, worker) for address, worker, _ in laddrs(workers)]
    assert wire.harness.rule_hits() is None
    assert wire.harness.steering() == ("FLOW", "")


def test_rules_of_a_kind(open_lab: OpenLab) -> None:
    """Where filters know the kinds of packets apart, each address has one for each."""
    wire = Wire(open_lab, KINDS["i40e"], 2)
    shapes = ("TCP", "UDP", "ANY", "FRAGMENT")
    assert wire.rules == [
        NicRule(address, worker, shape) for address, worker, _ in laddrs(2) for shape in shapes
    ]


def test_rules_for_tagged_frames(open_lab: OpenLab) -> None:
    nic = KINDS["plain rules"].nic
    lab = open_lab(Settings(workers=2, laddrs=laddrs(2), nics={0: nic}, vlans={0: 7}, ports=1))
    assert all(rule.tagged for rule in lab.harness.nic()[1])


def test_hits(open_lab: OpenLab) -> None:
    """They are asked for with the rule where the NIC counts."""
    wire = Wire(open_lab, KINDS["rules that count"], 2)
    assert wire.harness.rule_hits() == [0] * len(laddrs(2))


@pytest.mark.parametrize(("rules_max", "addresses"), [(1, 0), (4, 1), (5, 1), (8, 2)])
def test_an_address_has_all_of_its_rules_or_none(
    open_lab: OpenLab, rules_max: int, addresses: int
) -> None:
    kind = replace(KINDS["i40e"], nic=replace(KINDS["i40e"].nic, rules_max=rules_max))
    wire = Wire(open_lab, kind, 2)
    assert len(wire.rules) == 4 * addresses
    assert wire.harness.steering()[0] == ("FLOW" if addresses else "SOFT")


def test_as_many_as_the_driver_has_room_for(open_lab: OpenLab) -> None:
    """Of more addresses than rules, the first have them: as many of each worker."""
    nic = KINDS["ixgbe"].nic
    many = tuple((f"198.18.{n // 200}.{n % 200 + 1}", n % 2, 0) for n in range(150))
    lab = open_lab(Settings(workers=2, laddrs=many, nics={0: nic}, ports=1))
    assert len(lab.harness.nic()[1]) == 128
    method, why = lab.harness.steering()
    assert method == "FLOW"
    assert why.startswith("the device has room for 128 rules")


@pytest.mark.parametrize("steering", ["FLOW", "RSS_PORT", "SOFT"])
def test_as_configured(open_lab: OpenLab, steering: str) -> None:
    """And no better method is tried."""
    wire = Wire(open_lab, KINDS["rules and RSS"], 3, steering)
    assert wire.harness.steering()[0] == steering
    assert bool(wire.rules) == (steering == "FLOW")


@pytest.mark.parametrize(
    ("steering", "name", "words"),
    [
        ("FLOW", "no rules", "the device takes no rule by destination: no rules here"),
        ("FLOW", "the first rule breaks", "the device agrees to rules, but takes none: broken"),
        ("RSS_PORT", "plain rules", "no RSS with a redirection table"),
    ],
)
def test_what_cannot_be_is_refused(open_lab: OpenLab, steering: str, name: str, words: str) -> None:
    """With the reason, and nothing is left in the NIC."""
    with pytest.raises(OSError, match=words):
        Wire(open_lab, KINDS[name], 2, steering)


def test_too_few_queues(open_lab: OpenLab) -> None:
    kind = replace(KINDS["rules and RSS"], nic=Nic(rss_of(1), queues=2, rules_max=MANY))
    method, why = Wire(open_lab, kind, 3).harness.steering()
    assert method == "SOFT" and "2 receive queues do not reach 3 workers" in why


def test_a_port_without_local_addresses(open_lab: OpenLab) -> None:
    """It has only clients."""
    nics = {1: KINDS["rules and RSS"].nic}
    lab = open_lab(Settings(workers=2, laddrs=laddrs(2), nics=nics, ports=2))
    assert lab.harness.steering(1) == ("SOFT", "no local addresses, so no replies to steer")
    assert lab.harness.nic(1)[1] == []

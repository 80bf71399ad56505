# SPDX-License-Identifier: BSD-3-Clause
"""Replies through a NIC of whatever kind: each comes to the worker that has its session.

client -> [any worker] -> RS        the workers' own rounds run, between the rings of the ports;
client <- [the same]   <- NIC <- RS the NIC chooses the queue by what the engine has told it
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from cases_fragments import BIG, FIRST, LAST, SECOND
from lab import Lab, OpenLab
from packets.fragments import cut
from packets.frames import answer, ether, tcp, tcp6, udp, udp6
from packets.nat import endpoints, turned
from packets.nic import Nic, NicRule
from packets.rss import Rss, random_rss
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.layers.l2 import Ether
from values import Settings

pytestmark = pytest.mark.path

WORKERS = [1, 2, 3, 4, 7]
MANY = 600
FULL = 4096
CLIENTS = {"TCP": (tcp, tcp6), "UDP": (udp, udp6)}
EACH = 8


def laddrs(workers: int, each: int = 2) -> tuple[tuple[str, int, int], ...]:
    """So many local addresses of each family for each worker."""
    numbers = range(each * workers)
    return (
        *((f"198.18.0.{n + 1}", n % workers, 0) for n in numbers),
        *((f"2001:db8:18::{n + 1:x}", n % workers, 0) for n in numbers),
    )


def rss_of(workers: int) -> Rss:
    return random_rss(random.Random(workers), workers, 128)


# Each with the method that it comes to; whether it brings every reply to its worker.
@dataclass(frozen=True)
class Kind:
    """A NIC, given its RSS, and what is to be made of it."""

    nic: Nic
    method: str
    exact: bool
    words: str = ""


KINDS = {
    "plain rules": Kind(Nic(rules_max=MANY), "FLOW", True),
    "rules and RSS": Kind(Nic(rss_of(1), rules_max=MANY), "FLOW", True),
    "rules that count": Kind(Nic(rules_max=MANY, faults=("COUNTS",)), "FLOW", True),
    "no priorities": Kind(Nic(rules_max=MANY, faults=("NO_PRIORITY",)), "FLOW", True),
    "ixgbe": Kind(
        Nic(rss_of(1), driver="net_ixgbe", rules_max=FULL, faults=("NO_V6",)),
        "FLOW",
        True,
        "no rules by IPv6 destination alone",
    ),
    "i40e": Kind(Nic(driver="net_i40e", rules_max=MANY, kinds=True), "FLOW", True),
    "room for three rules": Kind(
        Nic(rss_of(1), rules_max=3), "FLOW", True, "no further rule: no room; 3 of"
    ),
    "room for three rules, no RSS": Kind(Nic(rules_max=3), "FLOW", False, "no RSS"),
    "a rule that breaks": Kind(
        Nic(rss_of(1), rules_max=MANY, breaks_at=2), "FLOW", True, "no further rule: broken; 1 of"
    ),
    "the first rule breaks": Kind(
        Nic(rss_of(1), rules_max=MANY, breaks_at=1), "RSS_PORT", True, "broken; local ports by"
    ),
    "no rules": Kind(Nic(rss_of(1)), "RSS_PORT", True, "no rules here; local ports by"),
    "fixed key and table": Kind(
        Nic(rss_of(1), faults=("KEY_FIXED", "TABLE_FIXED")), "RSS_PORT", True, "the device's own"
    ),
    "a key that cannot be read": Kind(
        Nic(rss_of(1), faults=("KEY_HIDDEN",)), "RSS_PORT", True, "written"
    ),
    "neither read nor written": Kind(
        Nic(rss_of(1), faults=("KEY_HIDDEN", "KEY_FIXED", "TABLE_FIXED")),
        "SOFT",
        False,
        "can be neither read nor written",
    ),
    "neither rules nor RSS": Kind(Nic(), "SOFT", False, "no RSS with a redirection table"),
    "ignores a rule": Kind(
        Nic(rss_of(1), rules_max=MANY, ignores=frozenset({0, 1})), "FLOW", False
    ),
    "another queue": Kind(Nic(rules_max=MANY, confuses=frozenset({0, 1})), "FLOW", False),
}


class Wire:
    """The workers between the rings of one port, behind a NIC."""

    def __init__(self, open_lab: OpenLab, kind: Kind, workers: int, steering: str = "AUTO") -> None:
        self.workers = workers
        nic = kind.nic
        if nic.rss:
            nic = replace(nic, rss=rss_of(workers))
        settings = Settings(
            workers=workers, laddrs=laddrs(workers), nics={0: nic}, steering=steering, ports=1
        )
        self.lab: Lab = open_lab(settings).usual()
        self.harness = self.lab.harness
        rss, self.rules = self.harness.nic()
        self._nic = replace(nic, rss=rss if nic.rss else None)
        self.harness.wire(tx_queues=workers, tx_room=512)
        self.misplaced = 0

    def queue(self, frame: bytes) -> int:
        """That the NIC gives a frame."""
        return self._nic.queue(frame, self.rules, self.workers)

    def sent(self) -> Iterator[tuple[int, bytes]]:
        """What leaves, with the worker that sends it, until nobody has anything to do."""
        while sum(self.harness.round(worker) for worker in range(self.workers)):
            for worker in range(self.workers):
                for frame in self.harness.take_sent(0, worker):
                    yield worker, frame

    def client(self, worker: int, frames: list[bytes]) -> dict[int, list[bytes]]:
        """Clients' packets that come to a worker; what leaves, by the worker that sends it."""
        self.harness.queue(worker, frames)
        found: dict[int, list[bytes]] = {}
        for sender, frame in self.sent():
            found.setdefault(sender, []).append(frame)
        assert sum(map(len, found.values())) == len(frames)
        return found

    def reply(self, frames: list[bytes], worker: int) -> list[bytes]:
        """Replies that come through the NIC, and must be worked on by this worker."""
        for frame in frames:
            queue = self.queue(frame)
            self.misplaced += queue != worker
            self.harness.queue(queue, [frame])
        sent = list(self.sent())
        assert {sender for sender, _ in sent} == {worker}
        return [frame for _, frame in sent]


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
    assert why.startswith("the device has room for 128 rules; 128 of 150 local addresses have")


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
        ("FLOW", "the first rule breaks", "takes no further rule: broken"),
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

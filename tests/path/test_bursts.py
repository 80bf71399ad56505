# SPDX-License-Identifier: BSD-3-Clause
"""A burst gives each packet what it would get alone, in the order of arrival."""

import random
from collections.abc import Callable

import pytest
from case import Burst, Case, Drop, EchoReply, HandTo, Outcome, Punt, Send, Sessions, ToRs
from driver import BURST
from errors import Told
from lab import Lab
from packets.frames import LOCAL, OWN, RS, VIP_EMPTY, ether, icmp, ip, tcp, udp
from scapy.layers.l2 import ARP
from scapy.packet import Packet

pytestmark = pytest.mark.path

KINDS: list[tuple[Callable[[int], Packet | bytes], Outcome]] = [
    (lambda n: tcp(sport=1000 + n), ToRs()),
    (lambda n: udp(sport=2000 + n), ToRs(RS)),
    (lambda n: tcp("A", sport=3000 + n), Drop("NOT_SYN")),
    (lambda n: tcp(dst=VIP_EMPTY, sport=n), Drop("NO_RS")),
    (lambda n: tcp(dport=99, sport=n), Drop("NO_VS")),
    (lambda n: tcp(dst="10.99.0.1", sport=n), Drop("NOT_FOR_US")),
    (lambda n: tcp(dst=LOCAL[1], sport=n), HandTo(1)),
    (lambda n: tcp(dst=OWN, sport=n), Punt("OTHER")),
    (lambda n: icmp(), EchoReply()),
    (lambda n: ether() / ARP(), Punt("ARP")),
    (lambda n: ip("192.0.2.1", "224.0.0.5", proto=89) / bytes(n), Punt("OSPF")),
    (lambda n: ip(proto=47, frag=9) / bytes(n), Drop("FRAGMENT")),
    (lambda n: tcp(ttl=1, sport=n), Told("TTL")),
    (lambda n: bytes(ether())[:n], Drop("SHORT")),
]


@pytest.mark.parametrize("seed", range(20))
def test_mixed_bursts(lab: Lab, seed: int) -> None:
    rng = random.Random(seed)
    size = rng.choice((1, 2, 31, BURST))
    sends = []
    for n in range(size):
        make, outcome = rng.choice(KINDS)
        sends.append(Send(make(n % 14), outcome))
    Case(f"{size} packets", Burst(sends)).run(lab)


def test_a_full_burst_of_one_new_flow(lab: Lab) -> None:
    sends = [Send(tcp(payload=bytes([n])), ToRs()) for n in range(BURST)]
    Case("one flow", Burst(sends), Sessions(1)).run(lab)


def test_a_full_burst_of_new_flows(lab: Lab) -> None:
    sends = [Send(tcp(sport=1024 + n), ToRs()) for n in range(BURST)]
    Case("many flows", Burst(sends), Sessions(BURST), Burst(sends), Sessions(BURST)).run(lab)


def test_new_flows_twice_in_one_burst(lab: Lab) -> None:
    flows = [Send(tcp(sport=1024 + n % 16), ToRs()) for n in range(BURST)]
    Case("each twice", Burst(flows), Sessions(16)).run(lab)

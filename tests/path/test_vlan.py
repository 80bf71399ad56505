# SPDX-License-Identifier: BSD-3-Clause
"""Ports of an access VLAN: their frames carry its tag, everybody else's are dropped."""

from collections.abc import Callable

import pytest
from lab import Lab
from packets.frames import GATEWAY_MAC, OWN, ether, tcp, tcp6
from scapy.layers.inet import IP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet
from values import Settings

pytestmark = pytest.mark.path

VLAN = 0x123


def tagged(packet: Packet, vlan: int = VLAN, prio: int = 0) -> bytes:
    """The frame with a tag."""
    frame = bytes(packet)
    tag = (prio << 13 | vlan).to_bytes(2, "big")
    return frame[:12] + b"\x81\x00" + tag + frame[12:]


@pytest.fixture
def tagged_lab(open_lab: Callable[[Settings], Lab]) -> Lab:
    """Port 0 is of a VLAN, port 1 of none."""
    return open_lab(Settings(vlans={0: VLAN})).usual()


@pytest.mark.parametrize("packet", [tcp(), tcp6()], ids=["IPv4", "IPv6"])
def test_frames_of_the_vlan_pass_and_leave_with_its_tag(tagged_lab: Lab, packet: Packet) -> None:
    (result,) = tagged_lab.harness.run(0, [tagged(packet, prio=5)])
    assert result.what == "TX 0"
    sent = Ether(result.data)
    assert (sent.dst, sent[Dot1Q].vlan, sent[Dot1Q].prio) == (GATEWAY_MAC, VLAN, 0)
    assert len(result.data) == len(bytes(packet)) + 4


@pytest.mark.parametrize(
    "frame",
    [bytes(tcp()), tagged(tcp(), 5), tagged(tcp(), 0), tagged(tcp())[:17], bytes(ether() / ARP())],
    ids=["no tag", "another VLAN", "a priority only", "half a tag", "ARP without a tag"],
)
def test_others_are_dropped(tagged_lab: Lab, frame: bytes) -> None:
    (result,) = tagged_lab.harness.run(0, [frame])
    assert result.what == "DROP VLAN"
    assert tagged_lab.harness.drops() == {(0, "VLAN"): 1}


def test_the_kernel_sees_no_tag(tagged_lab: Lab) -> None:
    frame = ether() / ARP(pdst=OWN)
    (result,) = tagged_lab.harness.run(0, [tagged(frame)])
    assert result.what == "PUNT 1"
    assert result.data == bytes(frame)


def test_another_worker_gets_it_without_tag_and_believes_that(tagged_lab: Lab) -> None:
    packet = tcp("SA", src="10.10.0.1", sport=8080, dst="198.18.0.2", dport=2000)
    (result,) = tagged_lab.harness.run(0, [tagged(packet)])
    assert result.what == "HANDOFF 1"
    (result,) = tagged_lab.harness.run(1, [result.data], handed=True)
    assert result.what == "DROP NO_SESSION"


def test_a_port_without_vlan_takes_frames_with_a_priority_only(lab: Lab) -> None:
    (result,) = lab.harness.run(0, [tagged(tcp(), 0, prio=3)])
    assert result.what == "TX 0"
    assert Dot1Q not in Ether(result.data) and IP in Ether(result.data)
    (result,) = lab.harness.run(0, [tagged(tcp(), VLAN)])
    assert result.what == "DROP VLAN"

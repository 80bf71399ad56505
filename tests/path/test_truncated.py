# SPDX-License-Identifier: BSD-3-Clause
"""Frames cut at every byte, and frames with bytes turned at random."""

import random

import pytest
from case import Case, Drop, Punt, Send, ToRs
from driver import BURST
from errors import is_told
from lab import Lab
from packets.frames import RS, ether, icmp, ip, ip_checksum, tcp, udp, with_options
from scapy.layers.inet import IPOption_NOP
from scapy.layers.l2 import ARP
from scapy.packet import Packet

pytestmark = pytest.mark.path

ETHER, IP_MIN = 14, 20
NOPS = [IPOption_NOP()] * 12
HEADERS = {
    "TCP": (tcp(payload=b"data", options=[("MSS", 1460)]), 24),
    "UDP": (udp(b"data"), 8),
    "ICMP": (icmp("10.9.9.9"), 8),
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("options", [[], NOPS], ids=["plain", "options"])
def test_cut_at_every_byte(lab: Lab, name: str, options: list[IPOption_NOP]) -> None:
    """A packet shorter than its IPv4 header says is dropped, wherever it ends."""
    whole = bytes(with_options(HEADERS[name][0], *options))
    header = IP_MIN + len(options)
    for size in range(len(whole)):
        if size < ETHER + IP_MIN:
            reason = "SHORT"
        else:
            reason = "BAD_IHL" if size < ETHER + header else "BAD_LENGTH"
        Case(f"{size} bytes", Send(whole[:size], Drop(reason))).run(lab)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("options", [[], NOPS], ids=["plain", "options"])
def test_cut_with_a_length_that_fits(lab: Lab, name: str, options: list[IPOption_NOP]) -> None:
    """A packet whose IPv4 header is honest passes as soon as its L4 header is whole."""
    packet, l4_header = HEADERS[name]
    whole = bytes(with_options(packet, *options))
    l4 = ETHER + IP_MIN + len(options)
    for size in range(l4, len(whole)):
        sent = _honest(whole[:size], name == "UDP" and size >= l4 + l4_header)
        if size < l4 + l4_header:
            outcome: Drop | ToRs = Drop("L4_SHORT")
        else:
            outcome = Drop("NOT_FOR_US") if name == "ICMP" else ToRs(RS)
        Case(f"{size} bytes", Send(sent, outcome)).run(lab)


@pytest.mark.parametrize("packet", [ether() / ARP(), ether(type=0x88CC) / bytes(40)])
def test_other_protocols_cut_at_every_byte(lab: Lab, packet: Packet) -> None:
    whole = bytes(packet)
    kind = Punt("ARP" if ARP in packet else "OTHER")
    for size in range(len(whole) + 1):
        outcome = Drop("SHORT") if size < ETHER else kind
        Case(f"{size} bytes", Send(whole[:size], outcome)).run(lab)


def test_random_bytes(lab: Lab) -> None:
    """Whatever comes, each packet gets one verdict, and each drop is counted once."""
    rng = random.Random(1)
    seeds = [bytes(packet) for packet, _ in HEADERS.values()]
    seeds += [bytes(with_options(tcp(), *NOPS)), bytes(ip(dst="224.0.0.5", proto=89) / bytes(44))]
    before, dropped, held = lab.harness.drops(), 0, 0
    for _ in range(800):
        frames = [_spoil(rng, rng.choice(seeds)) for _ in range(BURST)]
        results = lab.harness.run(rng.randrange(2), frames, segments=rng.choice((1, 1, 1, 2)))
        dropped += sum(result.verdict == "DROP" or is_told(result) for result in results)
        held += sum(result.verdict == "HELD" for result in results)
        for frame, result in zip(frames, results, strict=True):
            assert result.verdict == "TX" or result.data == frame
    lab.harness.advance(2)
    went_on = [result for worker in (0, 1) for result in lab.harness.take(worker)]
    dropped += held - sum(result.verdict != "DROP" for result in went_on)
    assert (lab.harness.drops() - before).total() == dropped
    assert lab.harness.mbufs_in_use() == 0


def _spoil(rng: random.Random, frame: bytes) -> bytes:
    spoilt = bytearray(frame)
    for _ in range(rng.randrange(1, 6)):
        spoilt[rng.randrange(12, len(spoilt))] = rng.choice((0, 0xFF, rng.randrange(256)))
    return bytes(spoilt[: rng.randrange(len(spoilt)) if rng.random() < 0.2 else None])


def _honest(frame: bytes, udp_length: bool) -> bytes:
    """Make the lengths in the headers those of the frame."""
    changed = bytearray(frame)
    changed[16:18] = (len(frame) - ETHER).to_bytes(2, "big")
    header = (changed[14] & 15) * 4
    changed[24:26] = ip_checksum(bytes(changed[14 : 14 + header])).to_bytes(2, "big")
    if udp_length:
        l4 = ETHER + header
        changed[l4 + 4 : l4 + 6] = (len(frame) - l4).to_bytes(2, "big")
    return bytes(changed)

# SPDX-License-Identifier: BSD-3-Clause
"""UDP: checksums, of which 0 means none, and the two time-outs."""

from case import Back, Burst, Case, Drop, Send, Sessions, ToClient, ToRs, Wait
from errors import Told
from packets.frames import CLIENT, RS, VIP, ip, patched, udp
from scapy.layers.inet import UDP, in4_chksum
from scapy.layers.l2 import Ether
from scapy.packet import Packet

UDP_CSUM_AT = 40


def payload_for_sum(packet: Packet, wanted: int) -> Packet:
    """The packet with its last two bytes chosen so that its checksum becomes `wanted`."""
    bare = packet.copy()
    bare[UDP].payload.load = bare[UDP].payload.load[:-2] + b"\0\0"
    seen = Ether(bytes(bare))
    distance = (in4_chksum(17, seen.payload, _l4_without_sum(bytes(bare))) - wanted) % 0xFFFF
    bare[UDP].payload.load = bare[UDP].payload.load[:-2] + distance.to_bytes(2, "big")
    return bare


def _l4_without_sum(frame: bytes) -> bytes:
    return frame[34:40] + b"\0\0" + frame[42:]


def answer_that_sums_to_zero(reply: Packet) -> Packet:
    """An answer whose checksum is 0, hence all ones, once it comes from the VS."""
    as_sent = udp(b"....", src=VIP, sport=53, dst=CLIENT, dport=40000)
    tail = payload_for_sum(as_sent, 0)[UDP].payload.load
    return (
        ip(reply.payload.src, reply.payload.dst) / UDP(sport=reply.sport, dport=reply.dport) / tail
    )


CASES = [
    Case("a datagram opens a session", Send(udp(), ToRs(RS)), Sessions(1, "UDP_ONEWAY")),
    Case(
        "question and answer",
        Send(udp(), ToRs(RS)),
        Send(Back(), ToClient()),
        Sessions(1, "UDP_REPLIED"),
    ),
    Case(
        "many answers to one question, of odd and even length",
        Send(udp(), ToRs(RS)),
        *(Send(Back(payload=b"z" * n), ToClient()) for n in (1, 2, 3, 1400, 1471)),
    ),
    Case("an empty datagram", Send(udp(b""), ToRs(RS))),
    Case(
        "no checksum stays no checksum, both ways",
        Send(udp(chksum=0), ToRs(RS)),
        Send(Back(change=lambda p: patched(p, UDP_CSUM_AT, b"\0\0")), ToClient()),
    ),
    Case(
        "a checksum that comes out as 0 is sent as all ones",
        Send(udp(b"1234"), ToRs(RS)),
        Send(Back(change=answer_that_sums_to_zero), ToClient()),
    ),
    Case(
        "a wrong checksum stays wrong by as much",
        Send(udp(chksum=0x1234), ToRs(RS)),
        Send(Back(change=lambda p: patched(p, UDP_CSUM_AT, b"\x12\x34")), ToClient()),
    ),
    Case(
        "bytes behind the datagram but within the packet travel along",
        Send(patched(udp(b"12345678"), 38, (12).to_bytes(2, "big")), ToRs(RS)),
    ),
    Case(
        "a question nobody answers is forgotten in 30 s",
        Send(udp(), ToRs(RS)),
        Wait(29),
        Sessions(1),
        Wait(1.5),
        Sessions(0),
    ),
    Case(
        "an answered one in 60 s",
        Send(udp(), ToRs(RS)),
        Wait(20),
        Send(Back(), ToClient()),
        Wait(59),
        Sessions(1),
        Wait(1.5),
        Sessions(0),
    ),
    Case(
        "the client alone keeps a session alive",
        Send(udp(), ToRs(RS)),
        *(Wait(25), Send(udp(), ToRs(RS))) * 4,
        Sessions(1, "UDP_ONEWAY"),
    ),
    Case(
        "an answer after the end is nobody's",
        Send(udp(), ToRs(RS)),
        Wait(31),
        Send(Back(), Drop("NO_SESSION")),
    ),
    Case(
        "question and its repetition in one burst",
        Burst([Send(udp(), ToRs(RS)), Send(udp(), ToRs(RS))]),
        Sessions(1),
    ),
    Case(
        "the same client port on two services is two sessions",
        Send(udp(), ToRs(RS)),
        Send(udp(sport=40001), ToRs(RS)),
        Sessions(2),
    ),
    Case("a port without a service", Send(udp(dport=54), Drop("NO_VS"))),
    Case("UDP to a TCP service's port is not its business", Send(udp(dport=80), Drop("NO_VS"))),
    Case(
        "a reply with TTL 1 goes no further",
        Send(udp(), ToRs(RS)),
        Send(Back(change=lambda p: _ttl(p, 1)), Told("TTL", session="out")),
    ),
]


def _ttl(packet: Packet, ttl: int) -> Packet:
    packet.payload.ttl = ttl
    return packet

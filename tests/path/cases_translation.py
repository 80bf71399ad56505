# SPDX-License-Identifier: BSD-3-Clause
"""NAT64 and NAT46: a VS of one family with real servers of the other (RFC 7915 for the headers)."""

from case import Back, Case, Drop, Send, Sessions, ToClient, ToRs
from errors import Told
from packets.frames import (
    ACK,
    FIN_ACK,
    RS,
    RS6,
    VIP46,
    VIP64,
    ip_checksum,
    patched,
    tcp,
    tcp6,
    udp,
    udp6,
    unfragmentable,
    with_options,
)
from scapy.layers.inet import IPOption_LSRR, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN
from scapy.packet import Packet

IP_CSUM_AT, UDP_CSUM_AT, UDP6_CSUM_AT = 24, 40, 60


def tcp64(bits: str = "S", payload: bytes = b"", **fields: object) -> Packet:
    """A TCP segment of an IPv6 client for IPv4 servers."""
    return tcp6(bits, payload, dst=VIP64, **fields)


def udp64(payload: bytes = b"question", **fields: object) -> Packet:
    """A datagram of an IPv6 client for IPv4 servers."""
    return udp6(payload, dst=VIP64, **fields)


def tcp46(bits: str = "S", payload: bytes = b"", **fields: object) -> Packet:
    """A TCP segment of an IPv4 client for IPv6 servers."""
    return tcp(bits, payload, dst=VIP46, **fields)


def udp46(payload: bytes = b"question", **fields: object) -> Packet:
    """A datagram of an IPv4 client for IPv6 servers."""
    return udp(payload, dst=VIP46, **fields)


def raw_options(packet: Packet, options: bytes) -> bytes:
    """The packet with these bytes for options, and the header checksum that belongs to them."""
    frame = bytes(with_options(packet, *[IPOption_NOP()] * len(options)))
    header = frame[14:34] + options
    return (
        frame[:14]
        + header[:10]
        + ip_checksum(header).to_bytes(2, "big")
        + header[12:]
        + frame[34 + len(options) :]
    )


def no_sum(packet: Packet) -> bytes:
    """An IPv4 datagram without a checksum."""
    return patched(packet, UDP_CSUM_AT, b"\0\0")


NAT64 = [
    Case(
        "an IPv6 client talks TCP with an IPv4 server",
        Send(tcp64(), ToRs(RS)),
        Send(Back(), ToClient()),
        Send(tcp64(ACK, b"GET / HTTP/1.0\r\n\r\n"), ToRs(RS)),
        Send(Back(ACK, b"x" * 1001), ToClient()),
        Send(tcp64(FIN_ACK), ToRs(RS)),
        Send(Back(FIN_ACK), ToClient()),
        Send(tcp64(ACK), ToRs(RS)),
        Sessions(1, "TCP_TIME_WAIT"),
    ),
    Case(
        "an IPv6 client asks an IPv4 server",
        Send(udp64(), ToRs(RS)),
        *(Send(Back(payload=b"z" * n), ToClient()) for n in (1, 2, 1400)),
        Sessions(1, "UDP_REPLIED"),
    ),
    Case("a traffic class becomes a type of service", Send(udp64(tc=0xB8, fl=0x12345), ToRs(RS))),
    Case(
        "a type of service becomes a traffic class",
        Send(udp64(), ToRs(RS)),
        Send(Back(change=lambda p: _with_tos(p, 0x2E)), ToClient()),
    ),
    Case("1,260 bytes may be fragmented", Send(udp64(b"x" * 1232), ToRs(RS))),
    Case("1,261 bytes may not", Send(udp64(b"x" * 1233), ToRs(RS))),
    Case(
        "an answer without a checksum gets one",
        Send(udp64(), ToRs(RS)),
        Send(Back(change=no_sum), ToClient()),
        Send(Back(change=no_sum, payload=b"of odd length"), ToClient()),
        Send(Back(change=no_sum, payload=b"in two mbufs" * 20), ToClient(), segments=2),
    ),
    Case(
        "a question without a checksum may not be",
        Send(patched(udp64(), UDP6_CSUM_AT, b"\0\0"), Drop("UNTRANSLATABLE", session="in")),
    ),
    Case("a wrong checksum stays as wrong", Send(udp64(chksum=0x1234), ToRs(RS))),
    Case(
        "extension headers are left behind",
        Send(tcp64(extra=IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(20))])), ToRs(RS)),
        Send(tcp64(ACK, extra=IPv6ExtHdrFragment(id=77)), ToRs(RS)),
    ),
    Case(
        "an answer's options are left behind",
        Send(udp64(), ToRs(RS)),
        Send(Back(change=lambda p: with_options(p, IPOption_RR())), ToClient()),
    ),
    Case(
        "a damaged header is not forgotten",
        Send(udp64(), ToRs(RS)),
        Send(
            Back(change=lambda p: patched(p, IP_CSUM_AT, b"\xab\xcd")),
            Drop("UNTRANSLATABLE", session="out"),
        ),
    ),
    Case(
        "an answer of 1,480 bytes is the longest that fits",
        Send(udp64(), ToRs(RS)),
        Send(Back(payload=b"x" * 1452), ToClient()),
        Send(Back(payload=b"x" * 1453, change=unfragmentable), Told("MTU", 1480, session="out")),
    ),
    Case("a frame longer than the packet", Send(bytes(udp64(b"")) + bytes(6), ToRs(RS))),
    Case("hop limit 1", Send(tcp64(hlim=1), Told("TTL")), Sessions(0)),
]

NAT46 = [
    Case(
        "an IPv4 client talks TCP with an IPv6 server",
        Send(tcp46(), ToRs(RS6)),
        Send(Back(), ToClient()),
        Send(tcp46(ACK, b"GET / HTTP/1.0\r\n\r\n"), ToRs(RS6)),
        Send(Back(ACK, b"x" * 1001), ToClient()),
        Sessions(1, "TCP_ESTABLISHED"),
    ),
    Case(
        "an IPv4 client asks an IPv6 server",
        Send(udp46(), ToRs(RS6)),
        *(Send(Back(payload=b"z" * n), ToClient()) for n in (1, 2, 1400)),
    ),
    Case("a question without a checksum gets one", Send(no_sum(udp46()), ToRs(RS6))),
    Case("type of service", Send(udp46(tos=0xB8), ToRs(RS6))),
    Case(
        "options are left behind",
        Send(with_options(tcp46(), IPOption_NOP(), IPOption_RR()), ToRs(RS6)),
    ),
    Case(
        "a source route that is done is an option like others",
        Send(
            with_options(tcp46(), IPOption_LSRR(routers=["192.0.2.9"], pointer=8)),
            ToRs(RS6),
        ),
    ),
    *(
        Case(what, Send(raw_options(tcp46(), options), Drop("UNTRANSLATABLE", session="in")))
        for what, options in {
            "source routing": b"\x83\x07\x04\xc0\x00\x02\x09\x00",
            "strict source routing": b"\x89\x07\x04\xc0\x00\x02\x09\x00",
            "source routing without a pointer": b"\x01\x01\x83\x02",
            "an option without a length": b"\x01\x01\x01\x83",
            "an option of no length": b"\x83\x00\x00\x00",
            "an option longer than the header": b"\x44\x09\x05\x00",
        }.items()
    ),
    Case(
        "the shortest option, at the very end",
        Send(raw_options(tcp46(), b"\x01\x01\x5e\x02"), ToRs(RS6)),
    ),
    Case(
        "what is behind the end of the options is none",
        Send(raw_options(tcp46(), b"\x00\x83\x07\x04"), ToRs(RS6)),
    ),
    Case("1,480 bytes are the longest that fit", Send(udp46(b"x" * 1452), ToRs(RS6))),
    Case(
        "1,481 bytes are too many",
        Send(udp46(b"x" * 1453, flags="DF"), Told("MTU", 1480, session="in")),
    ),
    Case("a padded frame", Send(bytes(udp46(b"")) + bytes(18), ToRs(RS6))),
]


def _with_tos(packet: Packet, tos: int) -> Packet:
    changed = packet.copy()
    changed.tos = tos
    return changed


CASES = [*NAT64, *NAT46]

# SPDX-License-Identifier: BSD-3-Clause
"""What ICMP errors quote, and what stands around it: cut off, with options, with extensions."""

from case import IN, OUT, Case, Drop, Send
from cases_icmp_errors import NAMES, NO_PORT, NO_PORT6, TIME, TIME6, each, opened, sides
from errors import Error, ToSender, message
from packets.frames import LOCAL, ip, patched
from scapy.layers.inet import IP, IPOption_LSRR, IPOption_NOP
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, PadN
from scapy.packet import Packet

CUT = [
    *(
        Case(
            f"only {size} bytes behind the IP header of {NAMES[about]}, {way}",
            *opened(way),
            Send(
                Error(
                    each(NO_PORT, NO_PORT6, from_v6),
                    about=about,
                    size=size + (40 if from_v6 else 20),
                ),
                ToSender(each(NO_PORT, NO_PORT6, to_v6)) if size >= 8 else Drop("ICMP"),
            ),
        )
        for about in (IN, OUT)
        for way, from_v6, to_v6 in sides(about)
        for size in ((7, 8, 9, 17, 18, 19, 20) if way.startswith("TCP") else (0, 7, 8))
    ),
    *(
        Case(
            f"a quotation of {size} bytes, {way}",
            *opened(way),
            Send(Error(each(NO_PORT, NO_PORT6, is_v6), size=size), Drop("ICMP")),
        )
        for way, is_v6, sizes in (("UDP", False, (1, 19, 20)), ("UDP6", True, (1, 39, 40)))
        for size in sizes
    ),
    Case(
        "no quotation at all",
        Send(ip(dst=LOCAL[0], proto=1) / message(NO_PORT, 0, b"", IP()), Drop("ICMP")),
    ),
]


def with_quoted_options(packet: bytes) -> bytes:
    """The quoted IPv4 packet with options that were put in on its way."""
    whole = IP(packet[:20])
    del whole.ihl, whole.len, whole.chksum
    whole.options = [IPOption_LSRR(routers=["192.0.2.9"]), IPOption_NOP()]
    return bytes(whole / packet[20:])


def with_extra(packet: bytes, number: int, header: Packet) -> bytes:
    """The quoted IPv6 packet with an extension header of this number."""
    extra = header.copy()
    extra.nh = packet[6]
    data = bytes(extra)
    length = int.from_bytes(packet[4:6], "big") + len(data)
    start = packet[:4] + length.to_bytes(2, "big") + bytes([number, packet[7]])
    return start + packet[8:40] + data + packet[40:]


LONG = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(200))])
FIRST = IPv6ExtHdrFragment(offset=0, m=1, id=9)
LATER = IPv6ExtHdrFragment(offset=1, m=0, id=9)

OPTIONS = [
    Case(
        "options of the error stay",
        *opened("UDP"),
        Send(
            Error(NO_PORT, outer=lambda net: _optional(net, IPOption_NOP(), IPOption_NOP())),
            ToSender(),
        ),
    ),
    Case(
        "options of the error are left behind between the families",
        *opened("UDP64"),
        Send(
            Error(NO_PORT, outer=lambda net: _optional(net, *[IPOption_NOP()] * 12)),
            ToSender(NO_PORT6),
        ),
    ),
    Case(
        "a source routed error is not translated",
        *opened("UDP64"),
        Send(
            Error(NO_PORT, outer=lambda net: _optional(net, IPOption_LSRR(routers=["192.0.2.9"]))),
            Drop("UNTRANSLATABLE"),
        ),
    ),
    Case(
        "nor one with a wrong IPv4 checksum",
        *opened("UDP64"),
        Send(Error(NO_PORT, after=lambda f: patched(f, 24, b"\x12\x34")), Drop("UNTRANSLATABLE")),
    ),
    *(
        Case(
            f"quoted options, {way}",
            *opened(way),
            Send(
                Error(NO_PORT, change=with_quoted_options),
                ToSender(each(NO_PORT, NO_PORT6, to_v6)),
            ),
        )
        for way, to_v6 in (("UDP", False), ("TCP", False), ("UDP64", True), ("TCP64", True))
    ),
    *(
        Case(
            f"extension headers of the error, {way}",
            *opened(way),
            Send(
                Error(NO_PORT6, outer=lambda net: _extended(net)),
                ToSender(each(NO_PORT, NO_PORT6, to_v6)),
            ),
        )
        for way, to_v6 in (("UDP6", True), ("UDP46", False))
    ),
    *(
        Case(
            f"{what} quoted, {way}",
            *opened(way),
            Send(
                Error(NO_PORT6, change=lambda q, n=number, h=header: with_extra(q, n, h)),
                ToSender(each(NO_PORT, NO_PORT6, to_v6)),
            ),
        )
        for way, to_v6 in (("UDP6", True), ("TCP46", False))
        for what, number, header in (
            ("hop-by-hop options", 0, IPv6ExtHdrHopByHop()),
            ("long options", 60, LONG),
            ("a first fragment", 44, FIRST),
        )
    ),
    *(
        Case(
            f"a quoted {what}, {way}",
            *opened(way),
            Send(Error(kind, change=change), Drop("ICMP")),
        )
        for what, way, kind, change in (
            ("later fragment", "UDP", NO_PORT, lambda q: patched(q, 6, b"\x00\x01")),
            ("later fragment", "UDP6", NO_PORT6, lambda q: with_extra(q, 44, LATER)),
            (
                "chain of headers that is cut",
                "UDP6",
                NO_PORT6,
                lambda q: with_extra(q, 60, LONG)[:60],
            ),
            ("chain without an end", "UDP6", NO_PORT6, lambda q: patched(q, 6, b"\x3c")),
            ("header of 16 bytes", "UDP", NO_PORT, lambda q: patched(q, 0, b"\x44")),
            ("header that is cut", "UDP", NO_PORT, lambda q: patched(q, 0, b"\x4f")[:59]),
            ("packet of the other family", "UDP", NO_PORT, lambda q: patched(q, 0, b"\x60")),
            ("packet of the other family", "UDP6", NO_PORT6, lambda q: patched(q, 0, b"\x45")),
            ("packet of 27 bytes", "UDP", NO_PORT, lambda q: patched(q, 2, b"\x00\x1b")),
            ("packet of no bytes", "UDP", NO_PORT, lambda q: patched(q, 2, b"\x00\x00")),
            ("payload of 7 bytes", "UDP6", NO_PORT6, lambda q: patched(q, 4, b"\x00\x07")),
            ("payload of 64 KB", "UDP6", NO_PORT6, lambda q: patched(q, 4, b"\xff\xff")),
            ("ICMP", "UDP", NO_PORT, lambda q: patched(q, 9, b"\x01")),
            ("ICMP", "UDP6", NO_PORT6, lambda q: patched(q, 6, b"\x3a")),
            ("protocol 134", "TCP6", NO_PORT6, lambda q: patched(q, 6, b"\x86")),
            ("packet of somebody else", "UDP", NO_PORT, lambda q: patched(q, 12, b"\x01\x02")),
            ("packet of somebody else", "UDP6", NO_PORT6, lambda q: patched(q, 23, b"\x99")),
        )
    ),
    Case(
        "a first fragment quoted",
        *opened("UDP"),
        Send(Error(TIME, change=lambda q: patched(q, 6, b"\x20\x00")), ToSender()),
    ),
]


def _optional(net: Packet, *options: Packet) -> Packet:
    changed = net.copy()
    changed.options = list(options)
    return changed


def _extended(net: Packet) -> Packet:
    changed = net.copy()
    changed.nh = 60
    return changed / IPv6ExtHdrDestOpt(nh=58, options=[PadN(optdata=bytes(12))])


EXTENSION = b"\x20\x00\x00\x00\x00\x08\x01\x01\x00\x01\x01\x01"  # MPLS labels
AT = {False: 1 << 16, True: 1 << 24}  # where the length of the quotation is told

EXTENSIONS = [
    *(
        Case(
            f"an extension {'stays' if from_v6 == to_v6 else 'goes'}, {way}",
            *opened(way),
            Send(
                Error(
                    each(TIME, TIME6, from_v6),
                    more=AT[from_v6] * (16 if from_v6 else 32),
                    about=OUT,
                    size=128,
                    behind=EXTENSION,
                ),
                ToSender(each(TIME, TIME6, to_v6), None if from_v6 == to_v6 else 0),
            ),
        )
        for way, from_v6, to_v6 in sides(OUT)
        if way.startswith("UDP")
    ),
    *(
        Case(
            f"a quotation said to be of {told} bytes, {way}",
            *opened(way),
            Send(
                Error(TIME, more=AT[False] * told // 4, about=OUT, size=200),
                ToSender(TIME6, 0),
            ),
        )
        for way in ("UDP46",)
        for told in (124, 200, 1020)
    ),
]

SEGMENTS = [
    Case(
        "so must quoted extension headers",
        *opened("UDP6"),
        Send(
            Error(NO_PORT6, change=lambda q: with_extra(q, 60, LONG)),
            Drop("MULTI_SEGMENT"),
            segments=2,
        ),
    ),
]

CASES = [*CUT, *OPTIONS, *EXTENSIONS, *SEGMENTS]

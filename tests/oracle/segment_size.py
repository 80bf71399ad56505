# SPDX-License-Identifier: BSD-3-Clause
"""The segment size that either end announces, lowered to what `tcp.mss` allows (RFC 9293, 3.7.1).

Either end's segments leave by one way and have come in by the other, so both must be wide enough.
"""

from collections.abc import Iterable

from values import Settings

from oracle.packet import SYN, TCP, Address, Packet
from oracle.routes import Routes
from oracle.sessions import Session
from oracle.tcp_numbers import FLAGS_AT, options

OFF, AUTO = 0, 1
MSS, MSS_BYTES = 2, 4
HEADERS = {4: 20 + 20, 16: 40 + 20}  # by the bytes of an address


def allowed(packet: Packet, session: Session, settings: Settings, routes: Routes) -> bytes:
    """The packet's transport header, which announces no more than it may."""
    header = packet.l4_header
    if packet.proto != TCP or packet.offset or not header[FLAGS_AT] & SYN:
        return header
    ends = session.client[0], session.rs.endpoint[0]
    return clamped(header, most(settings, ends, routes))


def granted(settings: Settings, wide: bool) -> int:
    """What a client is told before anyone knows its RS; an end is IPv6, or none is."""
    mss = settings.options.get("tcp_mss", OFF)
    headers = HEADERS[16 if wide else 4]
    if mss == AUTO:
        return settings.mtu - headers
    return min(mss or 0xFFFF, 1500 - headers)


def most(settings: Settings, ends: Iterable[Address], routes: Routes) -> int:
    """What may be announced: with `auto` what fits into a packet to each end whose way is known."""
    mss = settings.options.get("tcp_mss", OFF)
    if mss != AUTO:
        return 0xFFFF if mss == OFF else mss
    hops = {end: routes.find(end) for end in ends}
    known = [end for end, hop in hops.items() if hop is not None and hop.mac is not None]
    return min((settings.mtu - HEADERS[len(end)] for end in known), default=0xFFFF)


def clamped(header: bytes, most: int) -> bytes:
    """The header of a SYN, which announces no more than this."""
    lowered = bytearray(header)
    for at, kind, size in options(header):
        if kind == MSS and size == MSS_BYTES:
            announced = int.from_bytes(header[at + 2 : at + 4], "big")
            lowered[at + 2 : at + 4] = min(announced, most).to_bytes(2, "big")
    return bytes(lowered)

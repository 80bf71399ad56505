# SPDX-License-Identifier: BSD-3-Clause
"""Packets that the balancer makes itself: TCP segments without payload, and IP headers."""

from oracle.checksum import checksum
from oracle.packet import ACK, IPV4, IPV6, RST, TCP, Endpoint
from oracle.translate import Macs

TTL = 64
DONT_FRAGMENT = 0x4000


def tcp_reset(macs: Macs, src: Endpoint, dst: Endpoint, seq: int, ack: int | None) -> bytes:
    """An RST from one end to the other, with an ACK where there is something to acknowledge."""
    return tcp_segment(macs, src, dst, seq, ack or 0, RST if ack is None else RST | ACK)


def tcp_segment(
    macs: Macs,
    src: Endpoint,
    dst: Endpoint,
    seq: int,
    ack: int,
    flags: int,
    *,
    window: int = 0,
    tcp_options: bytes = b"",
    ttl: int = TTL,
) -> bytes:
    """A segment from one end to the other."""
    segment = b"".join(
        (
            src[1].to_bytes(2, "big") + dst[1].to_bytes(2, "big"),
            seq.to_bytes(4, "big") + ack.to_bytes(4, "big"),
            bytes((5 + len(tcp_options) // 4 << 4, flags)) + window.to_bytes(2, "big"),
            bytes(4) + tcp_options,
        )
    )
    pseudo = src[0] + dst[0] + bytes((0, TCP)) + len(segment).to_bytes(2, "big")
    value = checksum(pseudo + segment)
    segment = segment[:16] + value.to_bytes(2, "big") + segment[18:]
    return ip_header(macs, TCP, src[0], dst[0], len(segment), ttl=ttl) + segment


def ip_header(
    macs: Macs, proto: int, src: bytes, dst: bytes, size: int, tos: int = 0, ttl: int = TTL
) -> bytes:
    """Ethernet and IP headers of a packet with so many bytes behind them."""
    start = macs[0] + macs[1]
    if len(src) == 16:
        plain = bytes((0x60, 0, 0, 0)) + size.to_bytes(2, "big") + bytes((proto, ttl))
        return start + IPV6.to_bytes(2, "big") + plain + src + dst
    head = bytes((0x45, tos)) + (20 + size).to_bytes(2, "big") + bytes(2)
    head += DONT_FRAGMENT.to_bytes(2, "big") + bytes((ttl, proto))
    value = checksum(head + src + dst)
    return start + IPV4.to_bytes(2, "big") + head + value.to_bytes(2, "big") + src + dst

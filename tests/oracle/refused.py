# SPDX-License-Identifier: BSD-3-Clause
"""What the sender of a packet gets that is not passed on.

`tcp.no_session: reset` is the RST for a segment of no connection (RFC 9293, 3.10.7.1).
"""

from values import Settings

from oracle.icmp_errors import time_exceeded, too_big
from oracle.made import tcp_reset
from oracle.packet import ACK, FIN, RST, SYN, TCP, Packet
from oracle.tcp_numbers import ACK_AT, MODULO, SEQ_AT, word

REASONS = ("NO_SESSION", "NOT_SYN", "SYN_COOKIE")


def answer(packet: Packet, reason: str, mtu: int, settings: Settings) -> list[bytes]:
    """What its sender is told, if anything; one of too long a packet, that this MTU would fit."""
    if reason == "TTL":
        return time_exceeded(packet)
    if reason == "MTU" and not packet.may_be_cut:
        return too_big(packet, mtu)
    if settings.options.get("tcp_no_session") and is_told(packet, reason):
        return [reset(packet)]
    return []


def is_told(packet: Packet, reason: str) -> bool:
    """Whether its sender is told: not by an RST, a SYN alone, or what is damaged or not whole."""
    if packet.proto != TCP or packet.fragment or reason not in REASONS:
        return False
    is_now, right = packet.l4_checksum()
    opens = packet.flags & (SYN | ACK | FIN) == SYN
    return not (packet.flags & RST or opens) and (is_now - right) % 0xFFFF == 0


def reset(packet: Packet) -> bytes:
    """The RST, back to where the segment came from."""
    header = packet.l4_header
    seq, ack = word(header, ACK_AT), None
    if not packet.flags & ACK:
        counts = bool(packet.flags & SYN) + bool(packet.flags & FIN)
        length = packet.end - packet.headers_end + counts
        seq, ack = 0, (word(header, SEQ_AT) + length) % MODULO
    macs = packet.frame[6:12], packet.frame[0:6]
    ends = (packet.dst, packet.dport), (packet.src, packet.sport)
    return tcp_reset(macs, *ends, seq, ack)

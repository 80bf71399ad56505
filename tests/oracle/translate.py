# SPDX-License-Identifier: BSD-3-Clause
"""What a packet becomes: full NAT, within a family or between two, or an echo reply.

Checksums are made from scratch each time. More than one frame: a wrong checksum came out as zero,
which has two spellings.
"""

from collections.abc import Callable
from dataclasses import replace

from oracle.checksum import adjusted, carried, checksum, ones_sum
from oracle.packet import (
    CHECKSUM_AT,
    ETHERNET,
    ICMP,
    ICMP6,
    IPV4,
    IPV6,
    UDP,
    Address,
    Endpoint,
    Malformed,
    Packet,
    number,
    read,
)

ECHO_TTL = 64
ECHO = {(4, b"\x08\x00"): 0, (6, b"\x80\x00"): 129}  # type of the reply, by family and request
TTL_AT = {4: ETHERNET + 8, 6: ETHERNET + 7}
ADDRESSES_AT = {4: ETHERNET + 12, 6: ETHERNET + 8}
IP_CHECKSUM_AT = ETHERNET + 10
MAY_BE_FRAGMENTED = 1260  # RFC 7915, 5.1
END, NOP, LOOSE_ROUTE, STRICT_ROUTE = 0, 1, 131, 137

Macs = tuple[bytes, bytes]  # destination and source
Ident = Callable[[], int]


def translated_length(packet: Packet, family: int) -> int:
    """How long the packet is as one of this family; options and extension headers get lost."""
    if packet.family == family:
        return packet.length
    return (20 if family == 4 else 40) + packet.end - packet.l4


def full_nat(
    packet: Packet, macs: Macs, src: Endpoint, dst: Endpoint, ident: Ident, header: bytes
) -> list[bytes]:
    """The packet between other endpoints, one hop on, with this header but for the ports.

    `ident` tells the identification that was chosen, where there is a choice.
    """
    family = 4 if len(dst[0]) == 4 else 6
    if family == packet.family:
        frame, l4 = bytearray(packet.frame), packet.l4
        frame[0:12] = macs[0] + macs[1]
        frame[TTL_AT[family]] -= 1
        at = ADDRESSES_AT[family]
        frame[at : at + 2 * len(src[0])] = src[0] + dst[0]
    else:
        if family == 4 and packet.proto == UDP and packet.l4_checksum()[0] == 0:
            raise Malformed("UNTRANSLATABLE")
        start = other_family(packet, macs, src[0], dst[0], packet.end - packet.l4, ident)
        frame, l4 = bytearray(start + packet.frame[packet.l4 :]), len(start)
    frame[l4 : l4 + 4] = src[1].to_bytes(2, "big") + dst[1].to_bytes(2, "big")
    frame[l4 + 4 : l4 + len(header)] = header[4:]
    return _with_checksums(packet, frame)


def rebuilt(packet: Packet, header: bytes, before: bytes) -> list[Packet]:
    """The packet as it would have come with this L4 header, and so much more before its data.

    Its checksums are as wrong as they were, in each spelling that they may have.
    """
    frame = bytearray(packet.frame[: packet.l4] + header + before)
    frame += packet.frame[packet.headers_end :]
    length = packet.length + len(frame) - len(packet.frame)
    at, told = (ETHERNET + 2, length) if packet.family == 4 else (ETHERNET + 4, length - 40)
    frame[at : at + 2] = told.to_bytes(2, "big")
    if packet.fragment:
        place = packet.l4 + CHECKSUM_AT[packet.proto]
        was = number(packet.frame, place)
        values = adjusted(was, packet.l4_header, header, False)
        start, end = bytes(frame[:place]), bytes(frame[place + 2 :])
        return [replace(packet, frame=start + v.to_bytes(2, "big") + end) for v in values]
    frames = _with_checksums(packet, frame)
    if length == packet.length:
        frames = [packet.frame[: packet.l4] + one[packet.l4 :] for one in frames]
    return [read(one) for one in frames]


def cuttable(frame: bytes) -> bytes:
    """The IPv4 frame that may be fragmented."""
    header = frame[ETHERNET : ETHERNET + 6] + b"\0\0" + frame[ETHERNET + 8 : ETHERNET + 10]
    rest = frame[ETHERNET + 12 : ETHERNET + 20]
    value = checksum(header + rest).to_bytes(2, "big")
    return frame[:ETHERNET] + header + value + rest + frame[ETHERNET + 20 :]


def other_family(
    packet: Packet, macs: Macs, src: Address, dst: Address, size: int, ident: Ident
) -> bytes:
    """Ethernet and IP headers in the other family, with so many bytes behind them."""
    start = macs[0] + macs[1]
    if len(dst) == 16:
        return start + IPV6.to_bytes(2, "big") + _to_v6(packet, size) + src + dst
    header = _to_v4(packet, size, ident)
    value = checksum(header + src + dst)
    return start + IPV4.to_bytes(2, "big") + header + value.to_bytes(2, "big") + src + dst


def _to_v4(packet: Packet, size: int, ident: Ident) -> bytes:
    """An IPv4 header without its addresses and its checksum (RFC 7915, 5.1)."""
    length = 20 + size
    chosen, bits = (0, 0x4000) if length > MAY_BE_FRAGMENTED else (ident(), 0)
    return (
        bytes((0x45, packet.tos))
        + length.to_bytes(2, "big")
        + chosen.to_bytes(2, "big")
        + bits.to_bytes(2, "big")
        + bytes((packet.ttl - 1, ICMP if packet.proto == ICMP6 else packet.proto))
    )


def _to_v6(packet: Packet, size: int) -> bytes:
    """An IPv6 header without its addresses (RFC 7915, 4.1)."""
    header = packet.frame[ETHERNET : packet.l4]
    if ones_sum(header) != 0 or source_routed(header[20:]):
        raise Malformed("UNTRANSLATABLE")
    return (
        (6 << 28 | packet.tos << 20).to_bytes(4, "big")
        + size.to_bytes(2, "big")
        + bytes((ICMP6 if packet.proto == ICMP else packet.proto, packet.ttl - 1))
    )


def source_routed(options: bytes) -> bool:
    """Whether source routing is not done yet; options that cannot be read count as that."""
    while options and options[0] != END:
        if options[0] == NOP:
            options = options[1:]
            continue
        if len(options) < 2 or not 2 <= options[1] <= len(options):
            return True
        if options[0] in (LOOSE_ROUTE, STRICT_ROUTE) and (
            options[1] < 3 or options[2] <= options[1]
        ):
            return True
        options = options[options[1] :]
    return False


def is_echo_request(packet: Packet) -> bool:
    """Whether it is an echo request of its family, code 0."""
    return (packet.family, packet.frame[packet.l4 : packet.l4 + 2]) in ECHO


def echo_reply(packet: Packet) -> list[bytes]:
    """The answer to an echo request (RFC 792, RFC 4443): everything else is sent back."""
    before = packet.frame
    frame = bytearray(before)
    frame[0:12] = before[6:12] + before[0:6]
    frame[TTL_AT[packet.family]] = ECHO_TTL
    at = ADDRESSES_AT[packet.family]
    frame[at : at + 2 * len(packet.src)] = packet.dst + packet.src
    frame[packet.l4] = ECHO[packet.family, before[packet.l4 : packet.l4 + 2]]
    return _with_checksums(packet, frame)


def _with_checksums(before: Packet, frame: bytearray) -> list[bytes]:
    after = read(bytes(frame))
    place = after.l4 + CHECKSUM_AT[after.proto]
    frames = []
    for ip in _ip_checksums(before, after):
        if after.family == 4:
            frame[IP_CHECKSUM_AT : IP_CHECKSUM_AT + 2] = ip.to_bytes(2, "big")
        for value in _l4_checksums(before, after):
            frame[place : place + 2] = value.to_bytes(2, "big")
            frames.append(bytes(frame))
    return frames


def _ip_checksums(before: Packet, after: Packet) -> tuple[int, ...]:
    if after.family == 6:
        return (0,)
    right = after.ip_checksum()[1]
    return carried(*before.ip_checksum(), right) if before.family == 4 else (right,)


def _l4_checksums(before: Packet, after: Packet) -> tuple[int, ...]:
    (was, right_before), right = before.l4_checksum(), after.l4_checksum()[1]
    if before.proto == UDP and was == 0:
        # None stays none (RFC 768), but in an IPv6 datagram there must be one (RFC 7915, 4.5).
        return (0,) if before.family == after.family else (right,)
    values = carried(was, right_before, right)
    if before.proto == UDP:
        return tuple(value for value in values if value != 0)
    if before.proto in (ICMP, ICMP6) and values == (0,):
        return (0, 0xFFFF)  # both are right for any data but zeros, for which they are not zero
    return values


def identification(frame: bytes) -> int:
    """The identification of an IPv4 packet in a frame."""
    return number(frame, ETHERNET + 4)

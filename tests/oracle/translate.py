# SPDX-License-Identifier: BSD-3-Clause
"""What a packet becomes: full NAT, or an echo reply. Checksums are made from scratch each time."""

from oracle.checksum import carried
from oracle.packet import CHECKSUM_AT, ETHERNET, ICMP, UDP, Endpoint, Packet, read

ECHO_TTL = 64
TTL_AT, IP_CHECKSUM_AT = ETHERNET + 8, ETHERNET + 10


def full_nat(
    packet: Packet, macs: tuple[bytes, bytes], src: Endpoint, dst: Endpoint
) -> list[bytes]:
    """The packet between other endpoints, one hop on; `macs` are destination and source.

    More than one frame: a wrong checksum came out as zero, which has two spellings.
    """
    frame = bytearray(packet.frame)
    frame[0:12] = macs[0] + macs[1]
    frame[TTL_AT] -= 1
    frame[ETHERNET + 12 : ETHERNET + 20] = src[0] + dst[0]
    frame[packet.l4 : packet.l4 + 4] = src[1].to_bytes(2, "big") + dst[1].to_bytes(2, "big")
    return _with_checksums(packet, frame)


def echo_reply(packet: Packet) -> list[bytes]:
    """The answer to an echo request (RFC 792): type 0, everything else sent back."""
    before = packet.frame
    frame = bytearray(before)
    frame[0:12] = before[6:12] + before[0:6]
    frame[TTL_AT] = ECHO_TTL
    frame[ETHERNET + 12 : ETHERNET + 20] = packet.dst + packet.src
    frame[packet.l4] = 0
    return _with_checksums(packet, frame)


def _with_checksums(before: Packet, frame: bytearray) -> list[bytes]:
    after = read(bytes(frame))
    ip = carried(*before.ip_checksum(), after.ip_checksum()[1])
    was, right = before.l4_checksum()
    if before.proto == UDP and was == 0:
        l4: tuple[int, ...] = (0,)  # none stays none (RFC 768)
    else:
        l4 = carried(was, right, after.l4_checksum()[1])
    if before.proto == UDP and was != 0:
        l4 = tuple(value for value in l4 if value != 0)
    if before.proto == ICMP and l4 == (0,):
        l4 = (0, 0xFFFF)  # both are right for any data but zeros, for which they are not zero
    place = after.l4 + CHECKSUM_AT[after.proto]
    frames = []
    for ip_value in ip:
        frame[IP_CHECKSUM_AT : IP_CHECKSUM_AT + 2] = ip_value.to_bytes(2, "big")
        for value in l4:
            frame[place : place + 2] = value.to_bytes(2, "big")
            frames.append(bytes(frame))
    return frames


def is_echo_request(packet: Packet) -> bool:
    """Whether it is ICMP type 8, code 0."""
    return packet.proto == ICMP and packet.frame[packet.l4 : packet.l4 + 2] == b"\x08\x00"

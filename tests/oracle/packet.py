# SPDX-License-Identifier: BSD-3-Clause
"""What a frame says, as the RFCs 791, 768, 792, 4443, 8200 and 9293 lay it out, or why nothing."""

from contextlib import suppress
from dataclasses import dataclass

from oracle.checksum import checksum
from oracle.extensions import OutOfPlace, walk

ETHERNET = 14
IPV4, IPV6, ARP, VLAN = 0x0800, 0x86DD, 0x0806, 0x8100
ICMP, TCP, UDP, ICMP6, OSPF = 1, 6, 17, 58, 89
BALANCED = {4: (TCP, UDP, ICMP), 6: (TCP, UDP, ICMP6)}
FIN, SYN, RST, PUSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMP6: 2}  # in the header of the protocol
MAPPED = bytes(10) + b"\xff\xff"  # IPv4 addresses as IPv6 ones

Address = bytes
Endpoint = tuple[Address, int]
Key = tuple[int, Address, int, Address, int]  # protocol, source, its port, destination, its port


class Malformed(Exception):
    """The frame is dropped for what it is; the reason as in docs/drops.md."""


@dataclass(slots=True)
class Packet:
    """An IP packet in an Ethernet frame without a tag; offsets count from the frame's start."""

    frame: bytes
    family: int
    l4: int
    end: int
    fragment: bool
    ttl: int
    tos: int
    proto: int
    src: Address
    dst: Address
    sport: int = 0
    dport: int = 0
    flags: int = 0
    headers_end: int = 0  # of a fragment as far as that can be told
    l4_end: int = 0  # of what the checksum covers
    offset: int = 0  # in its datagram
    more: bool = False  # fragments behind it
    ident: int = 0
    fragment_at: int = 0  # where the fragment header of IPv6 is

    @property
    def may_be_cut(self) -> bool:
        """Whether a router may cut it."""
        return self.family == 4 and not self.frame[ETHERNET + 6] & 0x40

    @property
    def acked(self) -> int:
        """TCP's acknowledgement number."""
        return int.from_bytes(self.frame[self.l4 + 8 : self.l4 + 12], "big")

    @property
    def l4_header(self) -> bytes:
        """The header of TCP, UDP or ICMP with its options."""
        return self.frame[self.l4 : self.headers_end]

    @property
    def length(self) -> int:
        """Length of the packet, headers included."""
        return self.end - ETHERNET

    @property
    def key(self) -> Key:
        """What sessions are told apart by."""
        return self.proto, self.src, self.sport, self.dst, self.dport

    @property
    def group(self) -> bool:
        """Whether it goes to more than one host."""
        return self.dst[0] >= 224 if self.family == 4 else self.dst[0] == 0xFF

    def ip_checksum(self) -> tuple[int, int]:
        """The header checksum of IPv4 as it is and as it should be."""
        header = self.frame[ETHERNET : self.l4]
        return number(header, 10), checksum(header[:10] + header[12:])

    def l4_checksum(self) -> tuple[int, int]:
        """The checksum of TCP, UDP or ICMP as it is and as it should be."""
        place = CHECKSUM_AT[self.proto]
        data = self.frame[self.l4 : self.l4_end]
        bare = data[:place] + data[place + 2 :]
        pseudo = b"" if self.proto == ICMP else pseudo_header(self, len(data))
        right = checksum(pseudo + bare)
        if self.proto == UDP and right == 0:
            right = 0xFFFF
        return number(data, place), right


def pseudo_header(packet: Packet, size: int) -> bytes:
    """What the checksum covers besides the data; both families' sum up to the same fields."""
    return packet.src + packet.dst + size.to_bytes(4, "big") + packet.proto.to_bytes(4, "big")


def is_nobody(address: Address) -> bool:
    """Whether no host can be answered at an address, whoever has it."""
    if len(address) == 4:
        return address[0] in (0, 127) or address[0] >= 224
    link_local = address[0] == 0xFE and address[1] & 0xC0 == 0x80
    return address[:8] == bytes(8) or link_local or address[0] == 0xFF


def number(data: bytes, place: int) -> int:
    """A 16-bit number."""
    return data[place] << 8 | data[place + 1]


def untagged(frame: bytes, vlan: int) -> bytes:
    """The frame without the tag of its port's VLAN, 0 for none; raises Malformed.

    A tag without a VLAN, for a priority only, counts as none.
    """
    if len(frame) < ETHERNET:
        raise Malformed("SHORT")
    if number(frame, 12) != VLAN:
        if vlan:
            raise Malformed("VLAN")
        return frame
    if len(frame) < ETHERNET + 4 or number(frame, 14) & 0xFFF != vlan:
        raise Malformed("VLAN")
    return frame[:12] + frame[16:]


def tagged(frame: bytes, vlan: int) -> bytes:
    """The frame as it leaves by a port of this VLAN."""
    tag = VLAN.to_bytes(2, "big") + vlan.to_bytes(2, "big")
    return frame[:12] + tag + frame[12:] if vlan else frame


def read(frame: bytes) -> Packet:
    """Read a frame that carries IP; raises Malformed."""
    packet = _read_v4(frame) if number(frame, 12) == IPV4 else _read_v6(frame)
    packet.l4_end, packet.headers_end = packet.end, packet.l4
    if packet.proto in BALANCED[packet.family] and not packet.fragment:
        _read_l4(packet)
    elif packet.proto in BALANCED[packet.family] and packet.offset == 0:
        with suppress(Malformed):
            _read_l4(packet)
    return packet


def _read_v4(frame: bytes) -> Packet:
    room = len(frame) - ETHERNET
    if room < 20:
        raise Malformed("SHORT")
    if frame[ETHERNET] >> 4 != 4:
        raise Malformed("BAD_VERSION")
    header = (frame[ETHERNET] & 15) * 4
    if header < 20 or header > room:
        raise Malformed("BAD_IHL")
    length = number(frame, ETHERNET + 2)
    if length < header or length > room:
        raise Malformed("BAD_LENGTH")
    return Packet(
        frame=frame,
        family=4,
        l4=ETHERNET + header,
        end=ETHERNET + length,
        fragment=number(frame, ETHERNET + 6) & 0x3FFF != 0,
        offset=(number(frame, ETHERNET + 6) & 0x1FFF) * 8,
        more=number(frame, ETHERNET + 6) & 0x2000 != 0,
        ident=number(frame, ETHERNET + 4),
        ttl=frame[ETHERNET + 8],
        tos=frame[ETHERNET + 1],
        proto=frame[ETHERNET + 9],
        src=frame[ETHERNET + 12 : ETHERNET + 16],
        dst=frame[ETHERNET + 16 : ETHERNET + 20],
    )


def _read_v6(frame: bytes) -> Packet:
    room = len(frame) - ETHERNET
    if room < 40:
        raise Malformed("SHORT")
    if frame[ETHERNET] >> 4 != 6:
        raise Malformed("BAD_VERSION")
    length = 40 + number(frame, ETHERNET + 4)
    if length > room:
        raise Malformed("BAD_LENGTH")
    end = ETHERNET + length
    try:
        chain = walk(frame[ETHERNET + 6], frame[ETHERNET + 40 : end])
    except OutOfPlace:
        raise Malformed("EXT_HEADER") from None
    src, dst = frame[ETHERNET + 8 : ETHERNET + 24], frame[ETHERNET + 24 : ETHERNET + 40]
    if src.startswith(MAPPED):
        raise Malformed("BAD_SOURCE")
    if dst.startswith(MAPPED):
        raise Malformed("NOT_FOR_US")
    return Packet(
        frame=frame,
        family=6,
        l4=ETHERNET + 40 + chain.size,
        end=end,
        fragment=chain.fragment,
        offset=chain.offset,
        more=chain.more,
        ident=chain.ident,
        fragment_at=ETHERNET + 40 + (chain.at or 0),
        ttl=frame[ETHERNET + 7],
        tos=number(frame, ETHERNET) >> 4 & 0xFF,
        proto=chain.proto,
        src=src,
        dst=dst,
    )


def _read_l4(packet: Packet) -> None:
    frame, at, size = packet.frame, packet.l4, packet.end - packet.l4
    header = {TCP: 20, UDP: 8, ICMP: 8, ICMP6: 8}[packet.proto]
    if size < header:
        raise Malformed("L4_SHORT")
    if packet.proto == TCP:
        header = (frame[at + 12] >> 4) * 4
        if not 20 <= header <= size:
            raise Malformed("L4_SHORT")
        packet.flags = frame[at + 13]
    elif packet.proto == UDP:
        length = number(frame, at + 4)
        if length < 8 or (length > size and not packet.fragment):
            raise Malformed("L4_SHORT")
        packet.l4_end = at + length
    packet.headers_end = at + header
    if packet.proto in (TCP, UDP):
        packet.sport, packet.dport = number(frame, at), number(frame, at + 2)

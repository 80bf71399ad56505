# SPDX-License-Identifier: BSD-3-Clause
"""What a frame says, read as the RFCs 791, 768, 792 and 9293 lay it out, or why it says nothing."""

from dataclasses import dataclass

from oracle.checksum import checksum

ETHERNET = 14
IPV4, ARP = 0x0800, 0x0806
ICMP, TCP, UDP, OSPF = 1, 6, 17, 89
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2}  # in the header of the protocol

Address = bytes
Endpoint = tuple[Address, int]
Key = tuple[int, Address, int, Address, int]  # protocol, source, its port, destination, its port


class Malformed(Exception):
    """The frame is dropped for what it is; the reason as in docs/drops.md."""


@dataclass(slots=True)
class Packet:
    """An IPv4 packet in an Ethernet frame; offsets count from the start of the frame."""

    frame: bytes
    l4: int
    end: int
    fragment: bool
    ttl: int
    proto: int
    src: Address
    dst: Address
    sport: int = 0
    dport: int = 0
    flags: int = 0
    l4_end: int = 0  # of what the checksum covers

    @property
    def length(self) -> int:
        """Total length, headers included."""
        return self.end - ETHERNET

    @property
    def key(self) -> Key:
        """What sessions are told apart by."""
        return self.proto, self.src, self.sport, self.dst, self.dport

    def ip_checksum(self) -> tuple[int, int]:
        """The header checksum as it is and as it should be."""
        header = self.frame[ETHERNET : self.l4]
        return number(header, 10), checksum(header[:10] + header[12:])

    def l4_checksum(self) -> tuple[int, int]:
        """The checksum of TCP, UDP or ICMP as it is and as it should be."""
        place = CHECKSUM_AT[self.proto]
        data = self.frame[self.l4 : self.l4_end]
        pseudo = b""
        if self.proto != ICMP:
            pseudo = self.src + self.dst + bytes((0, self.proto)) + len(data).to_bytes(2, "big")
        right = checksum(pseudo + data[:place] + data[place + 2 :])
        if self.proto == UDP and right == 0:
            right = 0xFFFF
        return number(data, place), right


def number(data: bytes, place: int) -> int:
    """A 16-bit number."""
    return data[place] << 8 | data[place + 1]


def ether_type(frame: bytes) -> int:
    """What the frame carries; raises Malformed."""
    if len(frame) < ETHERNET:
        raise Malformed("SHORT")
    return number(frame, 12)


def read(frame: bytes) -> Packet:
    """Read a frame that carries IPv4; raises Malformed."""
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
    end = ETHERNET + length
    packet = Packet(
        frame=frame,
        l4=ETHERNET + header,
        end=end,
        fragment=number(frame, ETHERNET + 6) & 0x3FFF != 0,
        ttl=frame[ETHERNET + 8],
        proto=frame[ETHERNET + 9],
        src=frame[ETHERNET + 12 : ETHERNET + 16],
        dst=frame[ETHERNET + 16 : ETHERNET + 20],
        l4_end=end,
    )
    if not packet.fragment:
        _read_l4(packet)
    return packet


def _read_l4(packet: Packet) -> None:
    frame, at, size = packet.frame, packet.l4, packet.end - packet.l4
    if packet.proto == TCP:
        if size < 20 or not 20 <= (frame[at + 12] >> 4) * 4 <= size:
            raise Malformed("L4_SHORT")
        packet.flags = frame[at + 13]
    elif packet.proto == UDP:
        if size < 8 or not 8 <= number(frame, at + 4) <= size:
            raise Malformed("L4_SHORT")
        packet.l4_end = at + number(frame, at + 4)
    elif packet.proto == ICMP:
        if size < 8:
            raise Malformed("L4_SHORT")
        return
    else:
        return
    packet.sport, packet.dport = number(frame, at), number(frame, at + 2)

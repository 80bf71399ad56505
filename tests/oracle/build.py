# SPDX-License-Identifier: BSD-3-Clause
"""Frames from what they are to say, true or not."""

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.checksum import checksum
from oracle.packet import ICMP, ICMP6, IPV4, IPV6, TCP, UDP, VLAN, Address

ZEROS = bytes(2)


@dataclass
class Draft:
    """A frame to be; what is None is filled in as it should be."""

    proto: int
    src: Address
    dst: Address
    sport: int = 0
    dport: int = 0
    flags: int = 0
    payload: bytes = b""
    dst_mac: bytes = b"\x02\0\0\0\0\0"
    ether_type: int | None = None
    version: int | None = None
    ihl: int | None = None
    tos: int = 0
    flow: int = 0
    extensions: Sequence[tuple[int, bytes]] = ()  # kind, and all but its first byte
    length: int | None = None
    ident: int = 7
    fragment: int = 0  # flags and offset
    ttl: int = 64
    ip_checksum: int | None = None
    ip_options: bytes = b""
    seq: int = 1000
    ack: int = 0
    data_offset: int | None = None
    window: int = 8192
    urgent: int = 0
    tcp_options: bytes = b""
    udp_length: int | None = None
    icmp: bytes = b""  # type and code
    icmp_rest: bytes = b"\0\x0b\0\x03"
    l4_checksum: int | None = None
    sums_to: int | None = None  # the last two bytes chosen so that the L4 checksum becomes this
    sums_as: tuple[Address, int, Address, int] | None = None  # … between these ends
    behind: bytes = b""  # within the packet, but behind what UDP says there is
    padding: bytes = b""  # behind the packet
    vlan: int | None = None  # the tag; 0xF000 for none where there should be one
    first: tuple[int, int] | None = None  # the client's first byte as this end counts, and a header
    cut: int | None = None  # only so many bytes of the frame arrive

    @property
    def is_v6(self) -> bool:
        """Whether the addresses are IPv6 ones."""
        return len(self.src) == 16

    def frame(self, vlan: int = 0) -> bytes:
        """The bytes, as they arrive on a port of this VLAN."""
        if self.sums_to is not None:
            self._tune(self.sums_to)
        body = self._l4(self.src, self.sport, self.dst, self.dport) + self.behind
        packet = self._v6(body) if self.is_v6 else self._v4(body)
        kind = (IPV6 if self.is_v6 else IPV4) if self.ether_type is None else self.ether_type
        tag = vlan if self.vlan is None else self.vlan
        tagging = b""
        if tag != 0xF000 and (vlan or self.vlan is not None):
            tagging = VLAN.to_bytes(2, "big") + tag.to_bytes(2, "big")
        macs = self.dst_mac + b"\xaa\xaa\xaa\0\0\x01"
        whole = macs + tagging + kind.to_bytes(2, "big") + packet + self.padding
        return whole[: self.cut]

    def _v4(self, body: bytes) -> bytes:
        ihl = 5 + len(self.ip_options) // 4 if self.ihl is None else self.ihl
        length = 20 + len(self.ip_options) + len(body) if self.length is None else self.length
        version = 4 if self.version is None else self.version
        header = b"".join(
            (
                bytes((version << 4 | ihl, self.tos)),
                (length & 0xFFFF).to_bytes(2, "big"),
                self.ident.to_bytes(2, "big"),
                self.fragment.to_bytes(2, "big"),
                bytes((self.ttl, self.proto)),
                ZEROS,
                self.src + self.dst,
            )
        )
        value = checksum(header + self.ip_options) if self.ip_checksum is None else self.ip_checksum
        return header[:10] + value.to_bytes(2, "big") + header[12:] + self.ip_options + body

    def _v6(self, body: bytes) -> bytes:
        proto, chain = self.proto, b""
        for kind, rest in reversed(self.extensions):
            proto, chain = kind, bytes((proto,)) + rest + chain
        length = len(chain) + len(body) if self.length is None else self.length
        version = 6 if self.version is None else self.version
        start = (version << 28 | self.tos << 20 | self.flow).to_bytes(4, "big")
        start += (length & 0xFFFF).to_bytes(2, "big") + bytes((proto, self.ttl))
        return start + self.src + self.dst + chain + body

    def _l4(self, src: Address, sport: int, dst: Address, dport: int) -> bytes:
        ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
        if self.proto == TCP:
            offset = (
                5 + len(self.tcp_options) // 4 if self.data_offset is None else self.data_offset
            )
            head = ports + self.seq.to_bytes(4, "big") + self.ack.to_bytes(4, "big")
            head += bytes((offset << 4, self.flags)) + self.window.to_bytes(2, "big")
            tail = self.urgent.to_bytes(2, "big") + self.tcp_options
        elif self.proto == UDP:
            length = 8 + len(self.payload) if self.udp_length is None else self.udp_length
            head, tail = ports + length.to_bytes(2, "big"), b""
        elif self.proto in (ICMP, ICMP6):
            head = self.icmp or (b"\x08\0" if self.proto == ICMP else b"\x80\0")
            tail = self.icmp_rest
        else:
            return self.payload
        value = self.l4_checksum
        if value is None:
            pseudo = b""
            size = len(head) + 2 + len(tail) + len(self.payload)
            if self.proto != ICMP:
                pseudo = src + dst + size.to_bytes(4, "big") + self.proto.to_bytes(4, "big")
            value = checksum(pseudo + head + ZEROS + tail + self.payload)
            if self.proto == UDP and value == 0:
                value = 0xFFFF
        return head + value.to_bytes(2, "big") + tail + self.payload

    def _tune(self, wanted: int) -> None:
        """Choose the last word of an even payload; nothing where there is none."""
        if len(self.payload) < 2 or len(self.payload) % 2 or self.proto not in (TCP, UDP):
            return
        ends = self.sums_as or (self.src, self.sport, self.dst, self.dport)
        self.payload = self.payload[:-2] + ZEROS
        bare = self._l4(*ends)
        place = 16 if self.proto == TCP else 6
        now = int.from_bytes(bare[place : place + 2], "big")
        # The checksum falls by what the sum grows.
        word = (now - wanted) % 0xFFFF
        self.payload = self.payload[:-2] + word.to_bytes(2, "big")

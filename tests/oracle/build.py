# SPDX-License-Identifier: BSD-3-Clause
"""Frames from what they are to say, true or not."""

from dataclasses import dataclass

from oracle.checksum import checksum
from oracle.packet import ICMP, IPV4, TCP, UDP, Address

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
    ether_type: int = IPV4
    version: int = 4
    ihl: int | None = None
    tos: int = 0
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
    icmp: bytes = b"\x08\0"  # type and code
    icmp_rest: bytes = b"\0\x0b\0\x03"
    l4_checksum: int | None = None
    sums_to: int | None = None  # the last two bytes chosen so that the L4 checksum becomes this
    sums_as: tuple[Address, int, Address, int] | None = None  # … between these ends
    behind: bytes = b""  # within the packet, but behind what UDP says there is
    padding: bytes = b""  # behind the packet
    cut: int | None = None  # only so many bytes of the frame arrive

    def frame(self) -> bytes:
        """The bytes."""
        if self.sums_to is not None:
            self._tune(self.sums_to)
        l4 = self._l4(self.src, self.sport, self.dst, self.dport)
        body = self.ip_options + l4 + self.behind
        ihl = 5 + len(self.ip_options) // 4 if self.ihl is None else self.ihl
        length = 20 + len(body) if self.length is None else self.length
        header = b"".join(
            (
                bytes((self.version << 4 | ihl, self.tos)),
                (length & 0xFFFF).to_bytes(2, "big"),
                self.ident.to_bytes(2, "big"),
                self.fragment.to_bytes(2, "big"),
                bytes((self.ttl, self.proto)),
                ZEROS,
                self.src + self.dst,
            )
        )
        value = checksum(header + self.ip_options) if self.ip_checksum is None else self.ip_checksum
        ethernet = self.dst_mac + b"\xaa\xaa\xaa\0\0\x01" + self.ether_type.to_bytes(2, "big")
        whole = ethernet + header[:10] + value.to_bytes(2, "big") + header[12:] + body
        return (whole + self.padding)[: self.cut]

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
        elif self.proto == ICMP:
            head, tail = self.icmp, self.icmp_rest
        else:
            return self.payload
        value = self.l4_checksum
        if value is None:
            pseudo = b""
            size = len(head) + 2 + len(tail) + len(self.payload)
            if self.proto != ICMP:
                pseudo = src + dst + bytes((0, self.proto)) + size.to_bytes(2, "big")
            value = checksum(pseudo + head + ZEROS + tail + self.payload)
            if self.proto == UDP and value == 0:
                value = 0xFFFF
        return head + value.to_bytes(2, "big") + tail + self.payload

    def _tune(self, wanted: int) -> None:
        """Choose the last word of an even payload; nothing where there is none."""
        if len(self.payload) < 2 or len(self.payload) % 2 or self.proto == ICMP:
            return
        ends = self.sums_as or (self.src, self.sport, self.dst, self.dport)
        self.payload = self.payload[:-2] + ZEROS
        bare = self._l4(*ends)
        place = 16 if self.proto == TCP else 6
        now = int.from_bytes(bare[place : place + 2], "big")
        # The checksum falls by what the sum grows.
        word = (now - wanted) % 0xFFFF
        self.payload = self.payload[:-2] + word.to_bytes(2, "big")

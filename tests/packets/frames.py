# SPDX-License-Identifier: BSD-3-Clause
"""Frames as the tests send them, and the addresses they speak of."""

from collections.abc import Iterator

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.utils import checksum

CLIENT = "203.0.113.9"
VIP = "10.96.0.10"
VS_TCP = f"{VIP}:80/tcp"
VS_UDP = f"{VIP}:53/udp"
VIP_EMPTY = "10.96.0.11"  # its only VS, on port 80, has no RS
RS = "10.10.0.1"
RS_TCP = f"{RS}:8080"
RS_UDP = f"{RS}:5353"
OWN = "192.0.2.2"
GATEWAY = "192.0.2.1"
LOCAL = ("198.18.0.1", "198.18.0.2")  # of worker 0 and worker 1
CLIENT6 = "2001:db8:c::9"
VIP6 = "2001:db8:96::10"
VS6_TCP = f"[{VIP6}]:80/tcp"
VS6_UDP = f"[{VIP6}]:53/udp"
RS6 = "2001:db8:10::1"
RS6_TCP = f"[{RS6}]:8080"
RS6_UDP = f"[{RS6}]:5353"
VIP64 = "2001:db8:96::64"  # its services are RS and RS_UDP, over IPv4
VIP46 = "10.96.0.46"  # its services are RS6's
OWN6 = "2001:db8::2"
GATEWAY6 = "fe80::1"
LOCAL6 = ("2001:db8:18::1", "2001:db8:18::2")
FIRST_CLIENT = 0x14000000  # 20.0.0.0

PORT_MAC = "02:00:00:00:00:00"
GATEWAY_MAC = "aa:aa:aa:00:00:01"

SYN, SYN_ACK, ACK, FIN_ACK, RST, RST_ACK = "S", "SA", "A", "FA", "R", "RA"


def ether(**fields: object) -> Packet:
    """An Ethernet header from the gateway to the port."""
    return Ether(**{"dst": PORT_MAC, "src": GATEWAY_MAC} | fields)


def ip(src: str = CLIENT, dst: str = VIP, **fields: object) -> Packet:
    """Ethernet and IPv4."""
    return ether() / IP(**{"src": src, "dst": dst, "id": 7, "ttl": 64} | fields)


def tcp(
    bits: str = SYN,
    payload: bytes = b"",
    *,
    src: str = CLIENT,
    sport: int = 40000,
    dst: str = VIP,
    dport: int = 80,
    options: object = (),
    **fields: object,
) -> Packet:
    """A TCP segment from the client to the VS."""
    segment = TCP(sport=sport, dport=dport, flags=bits, seq=1000, options=options)
    return ip(src, dst, **fields) / segment / payload


def udp(
    payload: bytes = b"question",
    *,
    src: str = CLIENT,
    sport: int = 40000,
    dst: str = VIP,
    dport: int = 53,
    chksum: int | None = None,
    **fields: object,
) -> Packet:
    """A UDP datagram from the client to the VS."""
    return ip(src, dst, **fields) / UDP(sport=sport, dport=dport, chksum=chksum) / payload


def ip6(src: str = CLIENT6, dst: str = VIP6, **fields: object) -> Packet:
    """Ethernet and IPv6."""
    return ether() / IPv6(**{"src": src, "dst": dst, "hlim": 64} | fields)


def tcp6(
    bits: str = SYN,
    payload: bytes = b"",
    *,
    src: str = CLIENT6,
    sport: int = 40000,
    dst: str = VIP6,
    dport: int = 80,
    extra: object = None,
    **fields: object,
) -> Packet:
    """A TCP segment over IPv6, `extra` extension headers before it."""
    segment = TCP(sport=sport, dport=dport, flags=bits, seq=1000) / payload
    start = ip6(src, dst, **fields)
    return start / extra / segment if extra is not None else start / segment


def udp6(
    payload: bytes = b"question",
    *,
    src: str = CLIENT6,
    sport: int = 40000,
    dst: str = VIP6,
    dport: int = 53,
    chksum: int | None = None,
    **fields: object,
) -> Packet:
    """A UDP datagram over IPv6."""
    return ip6(src, dst, **fields) / UDP(sport=sport, dport=dport, chksum=chksum) / payload


def icmp(dst: str = VIP, *, type: int = 8, code: int = 0, **fields: object) -> Packet:
    """An ICMP message, an echo request unless said otherwise."""
    return ip(CLIENT, dst, **fields) / ICMP(type=type, code=code, id=11, seq=3) / b"payload"


def patched(packet: Packet | bytes, offset: int, patch: bytes) -> bytes:
    """The frame with some bytes replaced after its checksums were made."""
    data = bytes(packet)
    return data[:offset] + patch + data[offset + len(patch) :]


def with_ip(packet: Packet, offset: int, patch: bytes) -> bytes:
    """The frame with bytes of its IPv4 header replaced and that header's checksum made right."""
    changed = Ether(patched(packet, 14 + offset, patch))
    return patched(changed, 14 + 10, ip_checksum(bytes(changed)[14:34]).to_bytes(2, "big"))


def with_options(packet: Packet, *options: IPOption) -> Packet:
    """The packet with IPv4 options."""
    changed = packet.copy()
    changed[IP].options = list(options)
    return changed


def unfragmentable(packet: Packet) -> Packet:
    """The IPv4 packet with do-not-fragment."""
    changed = packet.copy()
    changed[IP].flags = "DF"
    return changed


def ip_checksum(header: bytes) -> int:
    """The right checksum of an IPv4 header."""
    return int(checksum(header[:10] + b"\0\0" + header[12:]))


def answer(forwarded: bytes, flags: str = SYN_ACK, payload: bytes = b"") -> Packet:
    """What an RS sends back for a packet that reached it."""
    seen = Ether(forwarded)
    if IPv6 in seen:
        base = ip6(seen[IPv6].dst, seen[IPv6].src)
    else:
        base = ip(seen[IP].dst, seen[IP].src)
    if TCP in seen:
        return base / TCP(sport=seen.dport, dport=seen.sport, flags=flags, seq=5) / payload
    return base / UDP(sport=seen.dport, dport=seen.sport) / (payload or b"answer")


class Clients:
    """First packets of many clients, fast: one frame with its source replaced.

    Checksums are left as they are, wrong; the path carries them along without a look.
    """

    def __init__(self, packet: Packet) -> None:
        self._frame = bytearray(bytes(packet))

    def frame(self, address: int, port: int = 40000) -> bytes:
        """The frame of the client with this address, a number."""
        self._frame[26:30] = address.to_bytes(4, "big")
        self._frame[34:36] = port.to_bytes(2, "big")
        return bytes(self._frame)

    def frames(self, count: int, first: int = FIRST_CLIENT) -> Iterator[bytes]:
        """Frames of so many clients."""
        return (self.frame(first + n) for n in range(count))

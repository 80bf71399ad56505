# SPDX-License-Identifier: BSD-3-Clause
"""ICMP errors about packets of a case, and what must come of them, put together by scapy."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from case import IN, Flow, FromRun, Run, Send
from driver import Result
from packets.frames import GATEWAY_MAC, ether, ip_checksum
from packets.nat import IP_AT, PROTO_TCP, TCP_CSUM, addresses, ip_length, is_v6, l4_at, proto_and_l4
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6, in6_chksum
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.utils import checksum
from structs import port_mac

ROUTER, ROUTER6 = "198.51.100.7", "2001:db8:77::7"
ICMP4, ICMP6 = 1, 58
HEAD = 8
FLAGS_END = 14  # of a TCP header
SHORTEST_MTU6 = 1280
MAY_FRAGMENT = 1260
Kind = tuple[int, int]  # type and code
Bytes = Callable[[bytes], bytes]


def same(data: bytes) -> bytes:
    """No change."""
    return data


def ip_of(frame: bytes) -> bytes:
    """The IP packet, without what else is in the frame."""
    return frame[IP_AT : IP_AT + ip_length(frame)]


def l4_of(packet: bytes) -> bytes:
    """What is behind the IP header and what belongs to it."""
    return packet[header_length(packet) :]


def header_length(packet: bytes) -> int:
    """Bytes of the IP header and its options or extension headers."""
    return l4_at(bytes(IP_AT) + packet) - IP_AT


def message(kind: Kind, more: int, quote: bytes, net: Packet) -> bytes:
    """An ICMP message with its checksum; `net`: the IP header it goes behind."""
    rest = more.to_bytes(4, "big") + quote
    bare = bytes([*kind, 0, 0]) + rest
    value = in6_chksum(ICMP6, net, bare) if IPv6 in net else checksum(bare)
    return bytes([*kind]) + int(value).to_bytes(2, "big") + rest


@dataclass(frozen=True)
class Error(FromRun):
    """An error of a router or an end about a packet of a session.

    `about` IN: the client's first packet, as it went to the RS; OUT: the RS's newest answer, as it
    went to the client. `size` bytes of it are quoted, or all, after `change`.
    """

    kind: Kind
    more: int = 0
    about: str = IN
    of: int = 0
    size: int = 0
    change: Bytes = same
    behind: bytes = b""  # an extension
    outer: Callable[[Packet], Packet] = lambda packet: packet
    after: Bytes = same  # of the whole frame

    def flow(self, run: Run) -> Flow:
        """The packet as it was sent, and as it was seen where the error comes from."""
        flows = run.flows if self.about == IN else run.answers
        return flows[self.of or run.latest]

    def quote(self, run: Run) -> bytes:
        """What is quoted."""
        seen = self.change(ip_of(self.flow(run).after))
        return seen[: self.size] if self.size else seen

    def frame(self, run: Run) -> bytes:
        """Make it of what was seen."""
        seen = self.flow(run).after
        if is_v6(seen):
            net = IPv6(src=ROUTER6, dst=Ether(seen)[IPv6].src, hlim=60, tc=0x20, fl=5, nh=ICMP6)
        else:
            net = IP(src=ROUTER, dst=Ether(seen)[IP].src, ttl=60, tos=0x20, id=9, proto=ICMP4)
        net = self.outer(net)
        data = message(self.kind, self.more, self.quote(run) + self.behind, net)
        return self.after(bytes(ether() / net / data))


@dataclass(frozen=True)
class ToSender:
    """Sent on to who sent the packet in question, quoting what that one sent.

    `kind` and `more` as they become, if they change; `quoted` changes what the sender's TCP or UDP
    part must look like, before it is cut to what the error had of it.
    """

    kind: Kind = (0, 0)
    more: int | None = None
    quoted: Bytes = same
    mac: str = GATEWAY_MAC
    port: int = 0

    def check(self, run: Run, send: Send, frame: bytes, result: Result) -> None:
        """Compare every byte."""
        assert result.what == f"TX {self.port}"
        error = send.packet
        assert isinstance(error, Error)
        quote = error.quote(run)
        sent = ip_of(error.flow(run).before)
        l4 = self.quoted(l4_of(sent))[: len(l4_of(quote))]
        if proto_and_l4(bytes(IP_AT) + sent)[0] == PROTO_TCP and len(l4) == TCP_CSUM + 1:
            l4 = l4[:TCP_CSUM] + l4_of(quote)[TCP_CSUM:]  # half a checksum is left alone
        if proto_and_l4(bytes(IP_AT) + sent)[0] == PROTO_TCP and len(l4) < FLAGS_END:
            l4 = l4[:HEAD] + l4_of(quote)[HEAD:]  # nor is it known whether it acknowledges
        crossed = is_v6(frame) != is_v6(error.flow(run).before)
        header = _crossed(quote, sent) if crossed else _turned(quote, sent)
        kind = self.kind if self.kind != (0, 0) else error.kind
        more = error.more if self.more is None else self.more
        rest = header + l4 + (b"" if crossed else error.behind)
        if crossed and not is_v6(frame):
            rest = rest[: SHORTEST_MTU6 - 40 - HEAD]
        net = _outer(frame, sent, len(rest) + HEAD)
        wanted = Ether(src=port_mac(self.port), dst=self.mac) / net / message(kind, more, rest, net)
        padding = frame[IP_AT + ip_length(frame) :]
        assert result.data == bytes(wanted) + padding


def _turned(quote: bytes, sent: bytes) -> bytes:
    """The quoted header with the sender's addresses."""
    at = header_length(quote)
    both = addresses(bytes(IP_AT) + sent)
    if quote[0] >> 4 == 6:
        return quote[:8] + both + quote[40:at]
    changed = quote[:12] + both + quote[20:at]
    right, error = ip_checksum(quote[:at]), int.from_bytes(quote[10:12], "big")
    value = (ip_checksum(changed) + error - right) % 0xFFFF
    return changed[:10] + value.to_bytes(2, "big") + changed[12:]


def _crossed(quote: bytes, sent: bytes) -> bytes:
    """A new header of the sender's family."""
    at = header_length(quote)
    if quote[0] >> 4 == 4:
        length = int.from_bytes(quote[2:4], "big") - at
        fields = {"tc": quote[1], "plen": length, "nh": quote[9], "hlim": quote[8]}
        return bytes(IPv6(src=_address(sent)[0], dst=_address(sent)[1], **fields))
    length = int.from_bytes(quote[4:6], "big") + 40 - at
    tos = int.from_bytes(quote[:2], "big") >> 4 & 0xFF
    proto, _ = proto_and_l4(bytes(IP_AT) + quote)
    return bytes(
        IP(
            src=_address(sent)[0],
            dst=_address(sent)[1],
            len=20 + length,
            tos=tos,
            id=0,
            ttl=quote[7],
            proto=proto,
            flags="DF" if 20 + length > MAY_FRAGMENT else "",
        )
    )


def _outer(frame: bytes, sent: bytes, length: int) -> Packet:
    """The error's own header, to the sender, from where that one sent to."""
    before = Ether(frame)
    destination, source = _address(sent)
    if is_v6(frame) and sent[0] >> 4 == 6:
        net = before[IPv6].copy()
        net.src, net.dst, net.hlim = source, destination, net.hlim - 1
        return _alone(net, frame)
    if not is_v6(frame) and sent[0] >> 4 == 4:
        net = before[IP].copy()
        net.remove_payload()
        net.src, net.dst, net.ttl = source, destination, net.ttl - 1
        del net.chksum
        return net
    if is_v6(frame):
        net, whole = before[IPv6], length + 20 > MAY_FRAGMENT
        at = l4_at(frame) + 2
        return IP(
            src=source,
            dst=destination,
            tos=net.tc,
            ttl=net.hlim - 1,
            id=0 if whole else int.from_bytes(frame[at : at + 2], "big"),
            flags="DF" if whole else "",
            proto=ICMP4,
        )
    net = before[IP]
    return IPv6(src=source, dst=destination, tc=net.tos, hlim=net.ttl - 1, nh=ICMP6)


def _alone(net: Packet, frame: bytes) -> Packet:
    """An IPv6 header and its extension headers as they came."""
    extra = frame[IP_AT + 40 : l4_at(frame)]
    net.remove_payload()
    return net / extra if extra else net


def _address(packet: bytes) -> tuple[str, str]:
    both = addresses(bytes(IP_AT) + packet)
    half = len(both) // 2
    return str(ip_address(both[:half])), str(ip_address(both[half:]))


def is_told(result: Result) -> bool:
    """Whether the packet became time exceeded or too big, for IPv4."""
    at = l4_at(result.data) if result.verdict == "TX" and not is_v6(result.data) else 0
    return at > 0 and result.data[IP_AT + 9] == ICMP4 and result.data[at] in (3, 11)


@dataclass(frozen=True)
class Told:
    """Turned into an error to its sender, and counted as a drop; MTU: the one told."""

    reason: str
    mtu: int = 0
    session: str = ""

    def check(self, run: Run, send: Send, frame: bytes, result: Result) -> None:
        """Compare every byte with an error that scapy puts together."""
        assert result.what == f"TX {send.port}"
        asked = Ether(frame)
        if IPv6 in asked:
            net = IPv6(src=asked[IPv6].dst, dst=asked[IPv6].src, hlim=64)
            error = ICMPv6TimeExceeded() if self.reason == "TTL" else ICMPv6PacketTooBig()
            most = SHORTEST_MTU6 - 40 - HEAD
        else:
            net = IP(src=asked[IP].dst, dst=asked[IP].src, tos=0xC0, id=0, flags="DF", ttl=64)
            error = ICMP(type=11, code=0) if self.reason == "TTL" else ICMP(type=3, code=4)
            most = 576 - 20 - HEAD
        if self.reason == "MTU":
            setattr(error, "mtu" if IPv6 in asked else "nexthopmtu", self.mtu)
        wanted = Ether(src=asked.dst, dst=asked.src) / net / error / ip_of(frame)[:most]
        assert result.data == bytes(wanted)
        run.drops[send.worker, self.reason] += 1
        if self.session:
            run.touch(self.session, frame)

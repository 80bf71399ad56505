# SPDX-License-Identifier: BSD-3-Clause
"""ICMP: echo requests to addresses of ours are answered by the worker they reach."""

from case import Case, Drop, EchoReply, Punt, Send
from packets.frames import LOCAL, OWN, VIP, VIP_EMPTY, icmp, ip, with_options
from scapy.layers.inet import ICMP, IPOption_NOP

CASES = [
    Case("an echo request to a VIP is answered", Send(icmp(VIP), EchoReply())),
    Case("also to a VIP whose VS has no RS", Send(icmp(VIP_EMPTY), EchoReply())),
    Case("an echo request to a local address is answered", Send(icmp(LOCAL[0]), EchoReply())),
    Case(
        "a local address of another worker is answered for without passing it on",
        Send(icmp(LOCAL[1]), EchoReply()),
    ),
    Case("the answer leaves by the port the request came by", Send(icmp(VIP), EchoReply(), port=1)),
    Case("the answer has a TTL of its own", Send(icmp(VIP, ttl=1), EchoReply())),
    Case(
        "an echo request of nothing but zeros",
        Send(ip(proto=1) / ICMP(id=0, seq=0) / bytes(8), EchoReply()),
    ),
    Case("an echo request of 1,400 bytes", Send(icmp(VIP) / (b"y" * 1400), EchoReply())),
    Case(
        "an echo request with IPv4 options",
        Send(with_options(icmp(VIP), *[IPOption_NOP()] * 4), EchoReply()),
    ),
    Case(
        "bytes behind an echo request stay behind the answer",
        Send(bytes(icmp(VIP)) + b"\0\0RT\0F\xab\x04\x84\x18", EchoReply()),
    ),
    Case("an echo request to the host itself is the kernel's", Send(icmp(OWN), Punt("OTHER"))),
    Case("other ICMP to the host itself too", Send(icmp(OWN, type=3, code=3), Punt("OTHER"))),
    *(
        Case(
            f"ICMP type {type} code {code} to a VIP is dropped",
            Send(icmp(VIP, type=type, code=code), Drop("ICMP")),
        )
        for type, code in ((0, 0), (3, 4), (5, 1), (8, 1), (11, 0), (13, 0), (17, 0), (255, 255))
    ),
    Case(
        "other ICMP to a local address is dropped",
        Send(icmp(LOCAL[0], type=3, code=3), Drop("ICMP")),
    ),
    *(
        Case(
            f"ICMP type {type} from nobody's address is dropped for that",
            Send(ip(proto=1, src="127.0.0.1") / ICMP(type=type) / bytes(8), Drop("BAD_SOURCE")),
        )
        for type in (0, 8, 13)
    ),
    Case("an echo request to nobody we know", Send(icmp("10.96.0.99"), Drop("NOT_FOR_US"))),
]

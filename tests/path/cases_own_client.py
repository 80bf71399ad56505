# SPDX-License-Identifier: BSD-3-Clause
"""Clients that are RS themselves, of their own service or of another.

An RS that saw its own address, or its neighbour's, as the client's would answer past the LB.
"""

from case import Back, Case, Change, Send, Sessions, ToClient, ToRs
from packets.frames import ACK, RS, RS6, RS_TCP, SYN_ACK, VS_TCP, tcp, tcp6, udp
from values import Op

SECOND = "10.10.0.2"

CASES = [
    Case(
        "an RS that its own service leads back to itself",
        Send(tcp(src=RS), ToRs(rs=RS)),
        Send(Back(SYN_ACK), ToClient()),
        Send(tcp(ACK, b"data", src=RS), ToRs(rs=RS)),
        Send(Back("PA", b"answer"), ToClient()),
        Sessions(1, "TCP_ESTABLISHED"),
    ),
    Case(
        "with UDP too",
        Send(udp(src=RS), ToRs(rs=RS)),
        Send(Back(), ToClient()),
        Sessions(1, "UDP_REPLIED"),
    ),
    Case(
        "with IPv6 too",
        Send(tcp6(src=RS6), ToRs(rs=RS6)),
        Send(Back(SYN_ACK), ToClient()),
        Send(tcp6(ACK, src=RS6), ToRs(rs=RS6)),
        Sessions(1, "TCP_ESTABLISHED"),
    ),
    Case(
        "even from the very port that it serves on",
        Send(tcp(src=RS, sport=8080), ToRs(rs=RS)),
        Send(Back(SYN_ACK), ToClient()),
        Sessions(1, "TCP_SYN_RECV"),
    ),
    Case(
        "an RS that its own service leads to another",
        Change([Op("RS_ADD", VS_TCP, f"{SECOND}:8080"), Op("RS_EDIT", VS_TCP, RS_TCP, 0)]),
        Send(tcp(src=RS), ToRs(rs=SECOND)),
        Send(Back(SYN_ACK), ToClient()),
        Send(tcp(ACK, src=RS), ToRs(rs=SECOND)),
        Sessions(1, "TCP_ESTABLISHED"),
    ),
]

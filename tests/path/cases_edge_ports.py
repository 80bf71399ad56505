# SPDX-License-Identifier: BSD-3-Clause
"""Ports at the edges of their range, on each side: none of them is special."""

from case import Back, Case, Change, Send, Sessions, ToClient, ToRs
from packets.frames import ACK, RS, RS6, SYN_ACK, VIP, VIP64, tcp, tcp6, udp, udp6
from values import Op

EDGES = (0, 1, 1023, 1024, 65535)


def service(port: int) -> Case:
    """A VS and an RS on this port."""
    vs = f"{VIP}:{port}/tcp"
    return Case(
        f"a service on port {port}, and an RS too",
        Change([Op("VS_ADD", vs), Op("RS_ADD", vs, f"{RS}:{port}")]),
        Send(tcp(dport=port), ToRs(rs=RS)),
        Send(Back(SYN_ACK), ToClient()),
        Send(tcp(ACK, dport=port), ToRs(rs=RS)),
        Sessions(1, "TCP_ESTABLISHED"),
    )


CASES = [
    *(
        Case(
            f"a TCP client on port {port}",
            Send(tcp(sport=port), ToRs()),
            Send(Back(SYN_ACK), ToClient()),
            Send(tcp(ACK, sport=port), ToRs()),
            Sessions(1, "TCP_ESTABLISHED"),
        )
        for port in EDGES
    ),
    *(
        Case(
            f"a UDP client on port {port}",
            Send(udp(sport=port), ToRs()),
            Send(Back(), ToClient()),
            Sessions(1, "UDP_REPLIED"),
        )
        for port in EDGES
    ),
    *(
        Case(
            f"an IPv6 client on port {port}",
            Send(tcp6(sport=port), ToRs(RS6)),
            Send(Back(SYN_ACK), ToClient()),
            Send(tcp6(ACK, sport=port), ToRs(RS6)),
            Sessions(1, "TCP_ESTABLISHED"),
        )
        for port in EDGES
    ),
    *(
        Case(
            f"an IPv6 client on port {port} of an IPv4 server",
            Send(udp6(sport=port, dst=VIP64), ToRs(RS)),
            Send(Back(), ToClient()),
            Sessions(1, "UDP_REPLIED"),
        )
        for port in EDGES
    ),
    *(service(port) for port in (1, 65535)),
]

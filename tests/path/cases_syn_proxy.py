# SPDX-License-Identifier: BSD-3-Clause
"""What a VS with SYN proxy drops at once. Its answers are in test_syn_proxy.py."""

from case import Burst, Case, Change, Drop, Send, Sessions, ToRs
from fragments import Piece
from packets.frames import VS6_TCP, VS_TCP, patched, tcp, tcp6
from scapy.layers.inet import TCP
from scapy.packet import Packet
from values import Op

ON = Change([Op("VS_EDIT", key, syn_proxy=True) for key in (VS_TCP, VS6_TCP)])
OFF = Change([Op("VS_EDIT", key) for key in (VS_TCP, VS6_TCP)])


def numbered(flags: str, **numbers: object) -> Packet:
    """A segment with numbers of its own."""
    packet = tcp(flags)
    for name, value in numbers.items():
        setattr(packet[TCP], name, value)
    return packet


CASES = [
    *(
        Case(
            f"{flags or 'no flag'} without a session",
            ON,
            Send(tcp(flags, b"x"), Drop("SYN_COOKIE")),
        )
        for flags in ("A", "PA", "FA", "SA", "R", "RA", "F", "SF", "SR", "")
    ),
    Case("an IPv6 ACK without a session", ON, Send(tcp6("A"), Drop("SYN_COOKIE"))),
    Case(
        "numbers at the edge",
        ON,
        *(
            Send(numbered("A", seq=seq, ack=ack), Drop("SYN_COOKIE"))
            for seq in (0, 1, 2**32 - 1)
            for ack in (0, 1, 2**32 - 1)
        ),
    ),
    Case("a damaged SYN", ON, Send(patched(tcp(), 50, b"\x12\x34"), Drop("SYN_COOKIE"))),
    *(
        Case(f"a SYN in fragments, {name}", ON, Piece(syn, (0, 40), "DROP SYN_COOKIE"))
        for name, syn in (("IPv4", tcp("S", b"x" * 64)), ("IPv6", tcp6("S", b"x" * 64)))
    ),
    Case("a source that cannot be answered", ON, Send(tcp(src="127.0.0.1"), Drop("BAD_SOURCE"))),
    Case(
        "sessions from before go on",
        Send(tcp(), ToRs()),
        ON,
        Send(tcp("A"), ToRs()),
        Send(tcp(), ToRs()),
        Sessions(1),
    ),
    Case(
        "switched off again, and used in one burst",
        ON,
        OFF,
        Burst([Send(tcp(), ToRs()), Send(tcp("A"), ToRs())]),
    ),
]

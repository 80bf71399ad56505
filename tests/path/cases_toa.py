# SPDX-License-Identifier: BSD-3-Clause
"""TOA: an RS is told its client in a TCP option until it answers (docs/decisions/0012)."""

from case import Back, Case, Send, ToClient
from cases_tcp_numbers import COMMON, END, LINUX_SYN, MSS, NOP, SACK_OK, spoilt, stamp
from client_address import FIRST, Talk, Tells, blank, talks
from fragments import Datagram, Piece
from packets.client_address import with_toa
from packets.frames import ACK, FIN_ACK, RST, SYN, SYN_ACK, tcp

FORGED = b"\xfe\x08\x12\x34\x01\x02\x03\x04"
FORGED6 = b"\xfe\x14\x12\x34" + bytes(range(16))


def cases(talk: Talk) -> list[Case]:
    """What is the same for all families."""
    name, opened, tells, client = talk.way.name, talk.opened(), talk.tells, talk.client
    return [
        Case(
            f"{name}: with each segment until the RS has answered, and no more",
            *opened,
            tells(ACK),
            tells("PA", payload=b"question"),
            tells("PA", payload=b"once more", seq=FIRST + 8),
            talk.server(SYN_ACK),
            tells(ACK),
            talk.server(ACK, ack=FIRST + 8),
            client(ACK),
            client("PA", b"", b"more", seq=FIRST + 8),
            talk.server(SYN_ACK),
            client(ACK),
        ),
        Case(
            f"{name}: behind the options that there are",
            *opened,
            tells(ACK, COMMON),
            tells(ACK, LINUX_SYN),
            tells("PA", COMMON, b"question"),
            tells("PA", stamp() + NOP + NOP, b"odd"),
            tells(ACK, SACK_OK + NOP * 2),
        ),
        Case(
            f"{name}: before the end of the options, and in what pads them",
            *opened,
            tells(ACK, MSS + END * 4),
            tells(ACK, SACK_OK + END + b"\7"),
            tells(ACK, SACK_OK + NOP + END + b"\xff" * 28),
            tells("PA", END + b"\1\2\3", b"data"),
            tells(ACK, SACK_OK + NOP + END + b"\xff" * 32),
        ),
        Case(
            f"{name}: with the last segment too, but with no reset",
            *opened,
            tells(FIN_ACK),
            tells("FPA", payload=b"bye"),
            client(RST),
            client("RA"),
        ),
        Case(
            f"{name}: not with a segment that acknowledges nothing",
            *opened,
            client("", b"", b"data"),
            client("F"),
            client(SYN, seq=FIRST - 1),
            client(SYN_ACK),
            tells(ACK),
        ),
        Case(
            f"{name}: an answer to what was not told is none",
            opened[0],
            client(SYN, seq=FIRST - 1),
            talk.server(ACK, ack=77),
            talk.server(SYN_ACK),
            tells(ACK),
        ),
        Case(
            f"{name}: what the client forges is blanked, always",
            opened[0],
            client(SYN, FORGED, b"", blank, seq=FIRST - 1),
            talk.server(SYN_ACK),
            client(ACK, FORGED, b"", blank, with_toa),
            client(ACK, COMMON + FORGED6[:20], b"x", blank, *_fits(talk)),
            client(ACK, NOP + FORGED + NOP * 3, b"x", blank, with_toa),
            client(ACK, FORGED * 2 + END * 4, b"x", blank, with_toa),
            talk.server(ACK),
            client(ACK, FORGED, b"", blank),
            client("PA", COMMON + FORGED, b"data", blank),
            client(RST, b"\xfe\x02" + NOP * 2, b"", blank),
            client("A", b"\xfe\x28" + bytes(38), b"", blank),
        ),
        Case(
            f"{name}: a wrong checksum stays as wrong",
            *opened,
            Send(spoilt(bytes(tells("PA", COMMON, b"data").packet)), _outcome(talk)),
            tells("PA", payload=b"right"),
        ),
        Case(
            f"{name}: headers in one segment, data in others",
            *opened,
            tells("PA", COMMON, b"data" * 200, segments=3),
            tells("PA", COMMON, b"data" * 100, segments=2),
        ),
    ]


def _outcome(talk: Talk) -> Tells:
    return Tells(talk.way.rs, changes=(with_toa,))


def _fits(talk: Talk) -> tuple:
    """Behind 32 bytes of options there is room for an IPv4 address."""
    return () if talk.header == 52 else (with_toa,)


V4, *_ = talks("toa")
BIG = tcp("PA", b"x" * 3000)

CASES = [
    *(case for talk in talks("toa") for case in cases(talk)),
    Case(
        "a client's segment in fragments cannot be changed",
        *V4.opened(),
        Piece(BIG, (0, 1400), "DROP CLIENT_ADDRESS", counted=True),
        Piece(BIG, (1400, 2800), "DROP CLIENT_ADDRESS", counted=True),
        Piece(BIG, (2800, 3020), "DROP CLIENT_ADDRESS", counted=True),
        V4.tells(ACK),
        V4.server(ACK),
        Piece(BIG, (0, 1400), "DROP CLIENT_ADDRESS", ident=78, counted=True),
    ),
    Case(
        "an RS's segment in fragments is nothing but sent on",
        *V4.opened(),
        V4.tells(ACK),
        Datagram(Back("PA", b"x" * 3000), ToClient()),
        V4.client(ACK),
    ),
]

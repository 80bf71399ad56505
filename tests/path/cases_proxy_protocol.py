# SPDX-License-Identifier: BSD-3-Clause
"""PROXY protocol: a header in front of the client's first byte (docs/decisions/0012)."""

from case import Burst, Case, Drop, Send, ToClient
from cases_tcp_numbers import (
    COMMON,
    LINUX_SYN,
    NOP,
    SACK_OK,
    dressed,
    sack,
    spoilt,
)
from client_address import FIRST, Answers, Talk, Tells, Uncounts, talks
from fragments import Datagram, Piece
from packets.client_address import FAST_OPEN, TOA, behind, with_header, without_options
from packets.frames import ACK, FIN_ACK, RST, SYN, SYN_ACK, tcp

COOKIE = b"\x22\x0a" + bytes(range(8))
OLD_COOKIE = b"\xfe\x0c\xf9\x89" + bytes(range(8))
EVADES = Drop("CLIENT_ADDRESS", session="in")
BIG = tcp("PA", b"x" * 3000)


def no_fast_open(frame: bytes) -> bytes:
    """The SYN without what would have the RS take its data."""
    return without_options(frame, FAST_OPEN, TOA)


def cases(talk: Talk) -> list[Case]:
    """What is the same for all families."""
    name, opened, tells = talk.way.name, talk.opened(), talk.tells
    client, server, header = talk.client, talk.server, talk.header

    def later(flags: str, options: bytes = b"", payload: bytes = b"", **more: int) -> Send:
        return client(flags, options, payload, behind, **more)

    def segment(flags: str, payload: bytes = b"", seq: int = FIRST) -> bytes:
        return dressed(talk.way.segment(flags, payload), b"", seq=seq, ack=6)

    def acks(*edges: int) -> object:
        """SACK edges as the RS counts: of what is behind the client's first byte."""
        return lambda shift: sack(*((FIRST + edge + shift) % 2**32 for edge in edges))

    return [
        Case(
            f"{name}: the client speaks first",
            *opened,
            tells(ACK, COMMON),
            tells("PA", COMMON, b"question"),
            server(ACK, ack=FIRST, header=header),
            server("PA", b"answer", ack=FIRST + 8, header=header),
            later("PA", COMMON, b"more", seq=FIRST + 8),
            server(ACK, ack=FIRST + 12, header=header),
            later(FIN_ACK, seq=FIRST + 12),
            server(FIN_ACK, ack=FIRST + 13, header=header),
            later(ACK, seq=FIRST + 13),
        ),
        Case(
            f"{name}: the RS speaks first",
            *opened,
            tells(ACK),
            server("PA", b"220 ready", ack=FIRST, header=header),
            later(ACK),
            later("PA", b"", b"EHLO", seq=FIRST),
            server(ACK, ack=FIRST + 4, header=header),
            later("PA", b"", b"EHLO", seq=FIRST),
        ),
        Case(
            f"{name}: the header once more until all of it has come",
            *opened,
            tells(ACK),
            server(SYN_ACK),
            tells(ACK),
            server(ACK),
            tells("PA", payload=b"data"),
            server(ACK, header=1),
            tells("PA", payload=b"data"),
            server(ACK, header=header - 1),
            tells("PA", payload=b"da"),
            later("PA", b"", b"ta", seq=FIRST + 2),
            server(ACK, header=header),
            later("PA", b"", b"data"),
            server(SYN_ACK),
            later(ACK),
        ),
        Case(
            f"{name}: what comes first is not the first",
            *opened,
            later("PA", COMMON, b"second", seq=FIRST + 5),
            server(ACK, options=acks(5 + header, 11 + header)),
            tells("PA", COMMON, b"first"),
            server(ACK, ack=FIRST + 11, header=header),
        ),
        Case(
            f"{name}: SACK, of the header, its parts and what is behind it",
            *opened,
            tells("PA", payload=b"first"),
            server(ACK, options=acks(0, header)),
            server(ACK, options=acks(0, header - 1, header + 1, header + 9)),
            server(ACK, options=acks(-1, 1, 2, header - 1, header, header + 5)),
            server("PA", b"x", header=header, options=lambda s: NOP + acks(header, 99)(s) + NOP),
        ),
        Case(
            f"{name}: an end without data",
            *opened,
            tells(FIN_ACK),
            server(ACK, ack=FIRST, header=header),
            later(FIN_ACK),
            server(ACK, ack=FIRST + 1, header=header),
            later(ACK, seq=FIRST + 1),
        ),
        Case(
            f"{name}: keep-alives and probes of a closed window",
            *opened,
            tells(ACK),
            client(ACK, seq=FIRST - 1),
            client(ACK, b"", b"x", seq=FIRST - 1),
            server(ACK, ack=FIRST, header=header),
            client(ACK, seq=FIRST - 1),
            client(ACK, b"", b"x", seq=FIRST - 1),
            later(ACK, b"", b"x"),
            server(ACK, ack=FIRST, header=header),
            server(ACK, ack=FIRST + 1, header=header),
            later(ACK),
            later(ACK, seq=FIRST + 1),
        ),
        Case(
            f"{name}: nothing of the client's can take the header's place",
            *opened,
            Send(segment(SYN, seq=FIRST), EVADES),
            Send(segment(SYN, seq=FIRST + 999), EVADES),
            Send(segment(SYN, seq=FIRST - 999), EVADES),
            Send(segment("PA", b"xP", seq=FIRST - 1), EVADES),
            Send(segment("PA", b"x" * 100, seq=FIRST - 99), EVADES),
            Send(segment("SA", b"P", seq=FIRST - 1), EVADES),
            client("PA", b"", b"x" * 99, seq=FIRST - 99),
            client("SA", seq=FIRST - 1),
            tells(ACK),
            server(ACK, ack=FIRST, header=header),
            Send(segment(SYN, seq=FIRST + 28), EVADES),
            Send(segment("PA", b"xP", seq=FIRST - 1), EVADES),
            client(SYN, seq=FIRST - 1),
        ),
        Case(
            f"{name}: a reset has the number that the RS waits for",
            *opened,
            client(RST),
        ),
        Case(
            f"{name}: a reset right behind the header",
            *opened,
            tells(ACK),
            later(RST),
            later("RA"),
        ),
        Case(
            f"{name}: a reset after data",
            *opened,
            tells("PA", payload=b"data"),
            later("RA", seq=FIRST + 4),
        ),
        Case(
            f"{name}: the RS resets",
            *opened,
            tells("PA", payload=b"data"),
            server("RA", ack=FIRST + 4, header=header),
        ),
        Case(
            f"{name}: what acknowledges nothing takes no header along",
            *opened,
            client("", b"", b"data"),
            client("F"),
            client(SYN_ACK),
            client(SYN, seq=FIRST - 1),
            later("", b"", b"data", seq=FIRST + 1),
            tells(ACK),
        ),
        Case(
            f"{name}: what a straggler acknowledges is not the header",
            opened[0],
            client(SYN, seq=FIRST - 1),
            server(ACK, ack=FIRST + 7777),
            later(RST, seq=FIRST + 7777 - header),
            server(SYN_ACK),
            tells(ACK),
        ),
        Case(
            f"{name}: no Fast Open, so data of the SYN comes again",
            opened[0],
            client(SYN, LINUX_SYN + COOKIE + NOP * 2, b"data", no_fast_open, seq=FIRST - 1),
            client(SYN, OLD_COOKIE, b"", no_fast_open, seq=FIRST - 1),
            server(SYN_ACK),
            tells("PA", payload=b"data"),
            client(ACK, COOKIE + NOP * 2, b"", with_header),
            client(ACK, OLD_COOKIE, b"", with_header),
        ),
        Case(
            f"{name}: an RS that takes data of the SYN gets no header",
            opened[0],
            client(SYN, b"", b"data", seq=FIRST - 1),
            Send(Answers(SYN_ACK, ack=FIRST + 4), ToClient()),
            client(ACK, seq=FIRST + 4),
            client("PA", b"", b"data"),
            Send(Answers(ACK, ack=FIRST + 99), ToClient()),
            client(RST),
        ),
        Case(
            f"{name}: with options that fill the header, and none",
            *opened,
            tells("PA", COMMON + NOP * 2 + sack(*range(6)), b"data"),
            tells("PA", SACK_OK + NOP, b"data"),
            tells("PA", b"\x08\xff\x01\x02", b"data"),
        ),
        Case(
            f"{name}: wrong checksums stay as wrong",
            *opened,
            Send(spoilt(_frame(tells(ACK))), Tells(talk.way.rs, changes=(with_header,))),
            Send(
                spoilt(_frame(tells("PA", COMMON, b"odd"))),
                Tells(talk.way.rs, changes=(with_header,)),
            ),
            server(ACK, header=header),
            Send(
                spoilt(_frame(tells("PA", COMMON, b"odd"))), Tells(talk.way.rs, changes=(behind,))
            ),
            Send(Spoilt(ACK, header=header, options=acks(header, 99)), Uncounts()),
        ),
        Case(
            f"{name}: headers in one segment, data in others",
            *opened,
            tells("PA", COMMON, b"data" * 200, segments=3),
            tells("PA", COMMON, b"data" * 100, segments=2),
            server(ACK, header=header),
            later("PA", COMMON, b"data" * 200, segments=3),
        ),
        Case(
            f"{name}: the header's acknowledgement counts for what comes in its burst only later",
            *opened,
            tells(ACK),
            Burst([server(ACK, header=header), tells("PA", payload=b"data")]),
            Burst([later("PA", b"", b"data"), server(ACK, ack=FIRST + 4, header=header)]),
        ),
        Case(
            f"{name}: a burst of all",
            *opened,
            Burst(
                [
                    tells(ACK),
                    tells("PA", payload=b"data"),
                    later("PA", b"", b"more", seq=FIRST + 4),
                    later(FIN_ACK, seq=FIRST + 8),
                ]
            ),
            server(ACK, ack=FIRST + 9, header=header),
        ),
    ]


def _frame(send: Send) -> bytes:
    assert isinstance(send.packet, bytes)
    return send.packet


class Spoilt(Answers):
    """One with a wrong checksum."""

    def frame(self, run: object) -> bytes:
        """Make it, and spoil it."""
        return spoilt(super().frame(run))  # type: ignore[arg-type]


V4, *_ = talks("proxy-v2")

CASES = [
    *(case for talk in talks("proxy-v2") for case in cases(talk)),
    Case(
        "a client's segment in fragments cannot be changed",
        *V4.opened(),
        Piece(BIG, (0, 1400), "DROP CLIENT_ADDRESS", counted=True),
        Piece(BIG, (1400, 2800), "DROP CLIENT_ADDRESS", counted=True),
        Piece(BIG, (2800, 3020), "DROP CLIENT_ADDRESS", counted=True),
        V4.tells(ACK),
    ),
    Case(
        "an RS's segment in fragments",
        *V4.opened(),
        V4.tells(ACK),
        Datagram(Answers("PA", b"x" * 3000), ToClient()),
    ),
]

# SPDX-License-Identifier: BSD-3-Clause
"""TCP segments that are repeated, that cross each other, and that come when all is over."""

from case import Back, Case, Drop, Send, Sessions, ToClient, ToRs, Wait
from cases_tcp import HANDSHAKE, lives
from packets.frames import ACK, FIN_ACK, RST, SYN, SYN_ACK, tcp

DATA = Send(tcp("PA", b"data"), ToRs())
BOTH_CLOSED = (
    Send(tcp(FIN_ACK), ToRs()),
    Send(Back(FIN_ACK), ToClient()),
    Sessions(1, "TCP_LAST_ACK"),
)

OPENING = [
    Case(
        "SYN and ACK once more, for want of the client's ACK",
        Send(tcp(SYN), ToRs()),
        Send(Back(SYN_ACK), ToClient()),
        Wait(3),
        Send(Back(SYN_ACK), ToClient()),
        Send(tcp(ACK), ToRs()),
        Sessions(1, "TCP_ESTABLISHED"),
        *lives(900),
    ),
    Case(
        "SYN and ACK once more, after the client's ACK and data",
        *HANDSHAKE,
        DATA,
        Send(Back(SYN_ACK), ToClient()),
        Sessions(1, "TCP_ESTABLISHED"),
        Send(tcp(ACK), ToRs()),
        DATA,
        Send(Back(ACK), ToClient()),
        *lives(900),
    ),
    Case(
        "data right behind the SYN does not wait for the RS's answer",
        Send(tcp(SYN), ToRs()),
        DATA,
        Sessions(1, "TCP_SYN_SENT"),
        Send(Back(SYN_ACK), ToClient()),
        DATA,
        Sessions(1, "TCP_ESTABLISHED"),
    ),
    Case(
        "a SYN of the RS, which opens at the same time",
        Send(tcp(SYN), ToRs()),
        Send(Back(SYN), ToClient()),
        Send(tcp(SYN_ACK), ToRs()),
        Send(Back(ACK), ToClient()),
        Send(tcp(ACK), ToRs()),
        Sessions(1, "TCP_ESTABLISHED"),
    ),
]

CLOSING = [
    Case(
        "the RS closes first",
        *HANDSHAKE,
        Send(Back(FIN_ACK), ToClient()),
        Sessions(1, "TCP_CLOSE_WAIT"),
        Send(tcp(FIN_ACK), ToRs()),
        Sessions(1, "TCP_LAST_ACK"),
        Send(Back(ACK), ToClient()),
        Sessions(1, "TCP_TIME_WAIT"),
        *lives(10),
    ),
    Case(
        "both close at once: the FINs cross, then the ACKs",
        *HANDSHAKE,
        *BOTH_CLOSED,
        Send(tcp(ACK), ToRs()),
        Send(Back(ACK), ToClient()),
        Sessions(1, "TCP_TIME_WAIT"),
        *lives(10),
    ),
    Case(
        "FIN and ACK once more, while both wait for the end",
        *HANDSHAKE,
        *BOTH_CLOSED,
        Send(tcp(ACK), ToRs()),
        Wait(5),
        Send(Back(FIN_ACK), ToClient()),
        Send(tcp(ACK), ToRs()),
        Sessions(1, "TCP_TIME_WAIT"),
        *lives(10),
    ),
    Case(
        "one side closed, the other goes on sending",
        *HANDSHAKE,
        Send(tcp(FIN_ACK), ToRs()),
        *(Wait(20), Send(Back("PA", b"more"), ToClient()), Send(tcp(ACK), ToRs())) * 5,
        Sessions(1, "TCP_FIN_WAIT"),
        *lives(30),
    ),
]

OVER = [
    Case(
        "a SYN of the RS does not open a closed session again",
        *HANDSHAKE,
        *BOTH_CLOSED,
        Send(tcp(ACK), ToRs()),
        Send(Back(SYN), ToClient()),
        Sessions(1, "TCP_TIME_WAIT"),
        *lives(10),
    ),
    Case(
        "a SYN before the last ACK does not open a closing session again",
        *HANDSHAKE,
        *BOTH_CLOSED,
        Send(tcp(SYN), ToRs()),
        Sessions(1, "TCP_LAST_ACK"),
        *lives(30),
    ),
    Case(
        "FIN and ACK after the end open nothing",
        *HANDSHAKE,
        *BOTH_CLOSED,
        Send(tcp(ACK), ToRs()),
        Wait(11),
        Send(tcp(FIN_ACK), Drop("NOT_SYN")),
        Send(tcp(ACK), Drop("NOT_SYN")),
        Send(Back(FIN_ACK), Drop("NO_SESSION")),
        Sessions(0),
    ),
    Case(
        "reset after long silence: data still passes, for 5 s",
        *HANDSHAKE,
        Wait(600),
        Send(tcp(RST), ToRs()),
        DATA,
        *lives(5),
        Send(tcp("PA", b"data"), Drop("NOT_SYN")),
    ),
    Case(
        "after the 5 s of a reset the port opens a session again",
        *HANDSHAKE,
        Send(tcp(RST), ToRs()),
        *lives(5),
        Send(tcp(SYN), ToRs(anew=True)),
        Sessions(1, "TCP_SYN_SENT"),
    ),
]

CASES = [*OPENING, *CLOSING, *OVER]

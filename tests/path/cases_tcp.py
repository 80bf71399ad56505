# SPDX-License-Identifier: BSD-3-Clause
"""TCP: what opens a session, what each side's packets become, when a session ends."""

from case import Back, Burst, Case, Drop, Send, Sessions, ToClient, ToRs, Wait
from errors import Told
from packets.frames import (
    ACK,
    FIN_ACK,
    RST,
    SYN,
    SYN_ACK,
    VIP_EMPTY,
    patched,
    tcp,
    unfragmentable,
    with_options,
)
from scapy.layers.inet import IPOption_NOP, IPOption_RR

HANDSHAKE = (
    Send(tcp(SYN), ToRs()),
    Send(Back(SYN_ACK), ToClient()),
    Send(tcp(ACK), ToRs()),
)
RECORD_ROUTE = IPOption_RR(length=7, pointer=4, routers=["0.0.0.0"])
TCP_SYN_OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("WScale", 7)]
IP_CSUM_AT, TCP_CSUM_AT = 24, 50


def not_a_start(name: str, flags: str) -> Case:
    """Only a bare SYN opens a session."""
    return Case(
        f"{name} without a session opens none", Send(tcp(flags), Drop("NOT_SYN")), Sessions(0)
    )


def lives(seconds: float) -> tuple[Wait, Sessions, Wait, Sessions]:
    """The session ends after so many idle seconds and not before."""
    return Wait(seconds - 1), Sessions(1), Wait(1.5), Sessions(0)


OPENING = [
    Case("a SYN opens a session", Send(tcp(SYN), ToRs()), Sessions(1, "TCP_SYN_SENT")),
    Case("a handshake goes both ways", *HANDSHAKE, Sessions(1, "TCP_ESTABLISHED")),
    Case("a SYN with ECN bits opens a session", Send(tcp("SEC"), ToRs()), Sessions(1)),
    Case("a SYN may carry data", Send(tcp(SYN, b"fast open"), ToRs()), Sessions(1)),
    Case(
        "a repeated SYN keeps its session and its local port",
        Send(tcp(SYN), ToRs()),
        Send(tcp(SYN), ToRs()),
        Wait(3),
        Send(tcp(SYN), ToRs()),
        Sessions(1),
    ),
    Case(
        "a SYN that an RS in TIME_WAIT did not take is sent again by the port that it then forgot",
        Send(tcp(SYN), ToRs()),
        Send(Back(ACK), ToClient()),
        Send(tcp(RST), ToRs()),
        Sessions(1, "TCP_SYN_SENT"),
        Wait(1),
        Send(tcp(SYN), ToRs()),
        Send(Back(SYN_ACK), ToClient()),
        Send(tcp(ACK), ToRs()),
        Sessions(1, "TCP_ESTABLISHED"),
    ),
    Case(
        "a client that gives up before the RS has answered",
        Send(tcp(SYN), ToRs()),
        Send(tcp("RA"), ToRs()),
        Sessions(1, "TCP_CLOSE"),
        Send(tcp(SYN), ToRs(anew=True)),
    ),
    Case(
        "two packets of a new flow in one burst share a session",
        Burst([Send(tcp(SYN), ToRs()), Send(tcp("PA", b"early"), ToRs())]),
        Sessions(1),
    ),
    Case(
        "a client's second port is a second session",
        Send(tcp(SYN), ToRs()),
        Send(tcp(SYN, sport=40001), ToRs()),
        Sessions(2),
    ),
    Case("a VS without RS takes nobody in", Send(tcp(dst=VIP_EMPTY), Drop("NO_RS")), Sessions(0)),
    *(
        not_a_start(name, flags)
        for name, flags in {
            "SYN and ACK": "SA",
            "SYN and RST": "SR",
            "SYN and FIN": "SF",
            "all flags at once": "FSRPAUEC",
            "an ACK": "A",
            "an ACK with PSH": "PA",
            "a FIN": "F",
            "FIN and ACK": "FA",
            "a RST": "R",
            "RST and ACK": "RA",
            "a null segment": "",
            "a christmas tree": "FPU",
        }.items()
    ),
]

CARRYING = [
    Case(
        "data goes both ways with right checksums",
        *HANDSHAKE,
        Send(tcp("PA", b"GET / HTTP/1.1\r\n\r\n"), ToRs()),
        Send(Back("PA", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000), ToClient()),
        Send(tcp("PA", b"odd"), ToRs()),
    ),
    Case(
        "TCP options and the urgent flag stay as they are",
        Send(tcp(SYN, options=TCP_SYN_OPTIONS), ToRs()),
        Send(tcp("PAU", b"!", options=[("Timestamp", (1, 2))]), ToRs()),
    ),
    Case(
        "IPv4 options stay as they are, and L4 is looked for behind them",
        Send(with_options(tcp(SYN), RECORD_ROUTE, IPOption_NOP()), ToRs()),
        Send(with_options(tcp(ACK, b"data"), *[IPOption_NOP()] * 40), ToRs()),
        Send(Back(SYN_ACK, change=lambda p: with_options(p, RECORD_ROUTE)), ToClient()),
    ),
    Case("type of service and flags stay", Send(tcp(SYN, tos=0xB9, flags="DF"), ToRs())),
    Case(
        "a wrong TCP checksum stays wrong by as much, both ways",
        Send(patched(tcp(SYN), TCP_CSUM_AT, b"\x12\x34"), ToRs()),
        Send(Back(change=lambda p: patched(p, TCP_CSUM_AT, b"\xab\xcd")), ToClient()),
    ),
    Case(
        "a wrong IPv4 checksum stays wrong by as much, both ways",
        Send(patched(tcp(SYN), IP_CSUM_AT, b"\x00\x01"), ToRs()),
        Send(Back(change=lambda p: patched(p, IP_CSUM_AT, b"\xff\xfe")), ToClient()),
    ),
    Case("the longest packet the MTU allows", Send(tcp(SYN, b"x" * 1460), ToRs())),
    Case(
        "one byte more is too long",
        Send(tcp(SYN, b"x" * 1461, flags="DF"), Told("MTU", 1500, session="in")),
    ),
    Case(
        "too long for the client is dropped too",
        Send(tcp(SYN), ToRs()),
        Send(Back("A", b"x" * 1461, change=unfragmentable), Told("MTU", 1500, session="out")),
    ),
]

ENDING = [
    Case("a SYN nobody answers is forgotten in 30 s", Send(tcp(SYN), ToRs()), *lives(30)),
    Case(
        "an answered SYN is forgotten in 30 s",
        Send(tcp(SYN), ToRs()),
        Send(Back(SYN_ACK), ToClient()),
        Sessions(1, "TCP_SYN_RECV"),
        *lives(30),
    ),
    Case("an established session lives 900 s", *HANDSHAKE, *lives(900)),
    Case(
        "packets of the client keep it alive",
        *HANDSHAKE,
        *(Wait(800), Send(tcp(ACK), ToRs())) * 3,
        *lives(900),
    ),
    Case(
        "packets of the RS keep it alive",
        *HANDSHAKE,
        *(Wait(800), Send(Back(ACK), ToClient())) * 3,
        *lives(900),
    ),
    Case(
        "the client closed: 30 s for the RS to do so",
        *HANDSHAKE,
        Send(tcp(FIN_ACK), ToRs()),
        Sessions(1, "TCP_FIN_WAIT"),
        *lives(30),
    ),
    Case(
        "the RS closed: 30 s for the client to do so",
        *HANDSHAKE,
        Send(Back(FIN_ACK), ToClient()),
        Sessions(1, "TCP_CLOSE_WAIT"),
        *lives(30),
    ),
    Case(
        "both closed: 10 s after the last ACK",
        *HANDSHAKE,
        Send(tcp(FIN_ACK), ToRs()),
        Send(Back(FIN_ACK), ToClient()),
        Sessions(1, "TCP_LAST_ACK"),
        Send(tcp(ACK), ToRs()),
        Sessions(1, "TCP_TIME_WAIT"),
        *lives(10),
    ),
    Case("reset by the client: 5 s", *HANDSHAKE, Send(tcp(RST), ToRs()), *lives(5)),
    Case("reset by the RS: 5 s", *HANDSHAKE, Send(Back("RA"), ToClient()), *lives(5)),
    Case(
        "a refused connection is gone in 5 s",
        Send(tcp(SYN), ToRs()),
        Send(Back("RA"), ToClient()),
        Sessions(1, "TCP_CLOSE"),
        *lives(5),
    ),
    Case(
        "packets after a RST do not bring the session back to life",
        *HANDSHAKE,
        Send(tcp(RST), ToRs()),
        Send(tcp(ACK), ToRs()),
        Send(Back(ACK), ToClient()),
        Sessions(1, "TCP_CLOSE"),
    ),
    Case(
        "a SYN on a session that is over makes a new one, on another port",
        *HANDSHAKE,
        Send(tcp(FIN_ACK), ToRs()),
        Send(Back(FIN_ACK), ToClient()),
        Send(tcp(ACK), ToRs()),
        Wait(5),
        Send(tcp(SYN), ToRs(anew=True)),
        Sessions(1, "TCP_SYN_SENT"),
        Wait(20),
        Send(Back(SYN_ACK), ToClient()),
        Send(tcp(ACK), ToRs()),
        *lives(900),
    ),
    Case(
        "a SYN after a reset makes a new session too",
        *HANDSHAKE,
        Send(tcp(RST), ToRs()),
        Send(tcp(SYN), ToRs(anew=True)),
        Sessions(1, "TCP_SYN_SENT"),
    ),
    Case(
        "a SYN on a session that is alive changes nothing",
        *HANDSHAKE,
        Send(tcp(SYN), ToRs()),
        Sessions(1, "TCP_ESTABLISHED"),
    ),
    Case(
        "nothing of an ended session is known any more",
        *HANDSHAKE,
        Wait(901),
        Send(tcp(ACK), Drop("NOT_SYN")),
        Send(Back(ACK), Drop("NO_SESSION")),
        Sessions(0),
    ),
]

CASES = [*OPENING, *CARRYING, *ENDING]

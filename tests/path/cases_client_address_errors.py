# SPDX-License-Identifier: BSD-3-Clause
"""ICMP errors about segments that tell an RS its client, or that count what has told it."""

from case import OUT, Case, Send
from cases_icmp_errors import NO_PORT, NO_PORT6, TOO_BIG, TOO_BIG6
from cases_tcp_numbers import COMMON, sack
from client_address import FIRST, AboutTold, Talk, talks
from errors import Error, ToSender
from packets.client_address import behind
from packets.frames import ACK

GROWS = {("toa", 28): 8, ("toa", 52): 20, ("proxy-v2", 28): 28, ("proxy-v2", 52): 52}


def families(talk: Talk) -> tuple[bool, bool]:
    """Whether client and RS are of IPv6."""
    return talk.header == 52, talk.way.name in ("IPv6", "NAT46")


def told(talk: Talk, size: int = 0) -> Send:
    """No such port: about a client's segment, of which so much is quoted."""
    client6, rs6 = families(talk)
    error = AboutTold(NO_PORT6 if rs6 else NO_PORT, size=size)
    return Send(error, ToSender(NO_PORT6 if client6 else NO_PORT))


def narrow(talk: Talk, mtu: int, becomes: int) -> Send:
    """Too big, for a way behind the load balancer."""
    client6, rs6 = families(talk)
    error = AboutTold(TOO_BIG6 if rs6 else TOO_BIG, mtu)
    return Send(error, ToSender(TOO_BIG6 if client6 else TOO_BIG, becomes))


def refused(talk: Talk, size: int = 0) -> Send:
    """No such port: about an RS's segment."""
    client6, rs6 = families(talk)
    error = Error(NO_PORT6 if client6 else NO_PORT, about=OUT, size=size)
    return Send(error, ToSender(NO_PORT6 if rs6 else NO_PORT))


def sizes(ip6: bool) -> list[int]:
    """Cut within what changes, and not at all."""
    return [0, *((40 if ip6 else 20) + more for more in (8, 13, 14, 18, 20))]


def crossed(talk: Talk, mtu: int) -> int:
    """An MTU as one for the client."""
    client6, rs6 = families(talk)
    return mtu + 20 * (client6 - rs6)


def quotes(talk: Talk) -> list[Case]:
    """For both ways of telling."""
    name, how = talk.way.name, talk.how
    less = GROWS[how, talk.header]
    client6, rs6 = families(talk)
    least = 1280 if rs6 else 68
    return [
        Case(
            f"{how}, {name}: about a segment that tells",
            *talk.opened(),
            talk.tells("PA", COMMON, b"question"),
            *(told(talk, size) for size in sizes(rs6)),
        ),
        Case(
            f"{how}, {name}: the client leaves room until its RS has been told",
            *talk.opened(),
            talk.tells("PA", COMMON, b"x" * 1200),
            narrow(talk, 1400, crossed(talk, 1400 - less)),
            narrow(talk, least, max(crossed(talk, least), 1280 if client6 else 68)),
            narrow(talk, least + 3, max(crossed(talk, least), 1280 if client6 else 68)),
            talk.server(ACK, header=talk.header if how == "proxy-v2" else 0),
            narrow(talk, 1400, crossed(talk, 1400)),
        ),
    ]


def counts(talk: Talk) -> list[Case]:
    """Numbers that the PROXY header is part of."""
    name, header = talk.way.name, talk.header
    client6, rs6 = families(talk)

    def blocks(*edges: int) -> object:
        return lambda shift: sack(*((FIRST + header + edge + shift) % 2**32 for edge in edges))

    return [
        Case(
            f"{name}: about a segment behind the header",
            *talk.opened(),
            talk.client("PA", COMMON, b"second", behind, seq=FIRST + 5),
            *(told(talk, size) for size in sizes(rs6)),
            talk.tells("PA", COMMON, b"first"),
            talk.server(ACK, header=header),
            told(talk),
            talk.client("PA", COMMON, b"first", behind),
            *(told(talk, size) for size in sizes(rs6)),
            talk.client(ACK, b"", b"x", seq=FIRST - 1),
            told(talk),
        ),
        Case(
            f"{name}: about what an RS acknowledges",
            *talk.opened(),
            talk.tells("PA", COMMON, b"first"),
            talk.server(ACK, payload=b"x" * 20),
            refused(talk),
            talk.server(ACK, header=header, payload=b"x" * 20),
            *(refused(talk, size) for size in sizes(client6)),
            talk.server(ACK, header=header, options=blocks(3, 9), payload=b"x" * 20),
            refused(talk),
            talk.server(ACK, ack=FIRST + 5, header=header, options=blocks(9, 12)),
            refused(talk),
        ),
    ]


CASES = [
    *(case for how in ("toa", "proxy-v2") for talk in talks(how) for case in quotes(talk)),
    *(case for talk in talks("proxy-v2") for case in counts(talk)),
]

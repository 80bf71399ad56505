# SPDX-License-Identifier: BSD-3-Clause
"""How a balancer in the middle follows a TCP connection (RFC 9293, 3.3.2), seen from both sides."""

from enum import Enum

from oracle.packet import ACK, FIN, RST, SYN


class Way(Enum):
    """Which way a packet goes."""

    IN = "client to RS"
    OUT = "RS to client"


# What came, which way, and in which states that means something.
_MEANS = {
    (SYN, Way.OUT): {"SYN_SENT": "SYN_RECV"},
    (FIN, Way.IN): {
        "SYN_RECV": "FIN_WAIT",
        "ESTABLISHED": "FIN_WAIT",
        "CLOSE_WAIT": "LAST_ACK",
    },
    (FIN, Way.OUT): {
        "SYN_SENT": "CLOSE_WAIT",
        "SYN_RECV": "CLOSE_WAIT",
        "ESTABLISHED": "CLOSE_WAIT",
        "FIN_WAIT": "LAST_ACK",
    },
    (ACK, Way.IN): {"SYN_RECV": "ESTABLISHED", "LAST_ACK": "TIME_WAIT"},
    (ACK, Way.OUT): {"LAST_ACK": "TIME_WAIT"},
}
OVER = ("TCP_TIME_WAIT", "TCP_CLOSE")


def begins(flags: int) -> bool:
    """A connection begins with a SYN and nothing else; ECN and the like do not matter."""
    return flags & (SYN | ACK | RST | FIN) == SYN


def after(state: str, way: Way, flags: int) -> str:
    """The state after a segment; of several flags the gravest counts, none is an ACK.

    A client that waits answers an acknowledgement of an older connection with an RST without ACK,
    and goes on waiting (RFC 9293, 3.10.7.3).
    """
    if flags & RST:
        answers_old = way is Way.IN and not flags & ACK and state == "TCP_SYN_SENT"
        return state if answers_old else "TCP_CLOSE"
    came = SYN if flags & SYN else FIN if flags & FIN else ACK
    bare = state.removeprefix("TCP_")
    return "TCP_" + _MEANS.get((came, way), {}).get(bare, bare)

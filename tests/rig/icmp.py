# SPDX-License-Identifier: BSD-3-Clause
"""What a socket is told by ICMP errors: its error queue (ip(7), IP_RECVERR)."""

import errno
import socket
import struct
from typing import NamedTuple

from rig.addresses import Family

_IP_RECVERR, _IPV6_RECVERR = 11, 25
_TOLD = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO)


class Told(NamedTuple):
    """An error: who sent it, its type and code, and what else it says (MTU, pointer)."""

    offender: str
    kind: tuple[int, int]
    info: int


def report_errors(end: socket.socket, family: Family) -> None:
    """Have a socket keep the errors that it is told."""
    if family.version == 4:
        end.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    else:
        end.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)


def told(end: socket.socket) -> Told | None:
    """The next error of a socket that reports them; None while there is none."""
    try:
        _, parts, _, _ = end.recvmsg(2048, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError as error:
        # It is told twice, here as the socket's own.
        if error.errno not in _TOLD:
            raise
        return None
    (_, _, data) = parts[0]
    _, _, kind, code, _, info, _, family = struct.unpack_from("=IBBBBIIH", data)
    place = data[20:24] if family == socket.AF_INET else data[24:40]
    return Told(socket.inet_ntop(family, place), (kind, code), info)

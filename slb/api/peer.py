# SPDX-License-Identifier: BSD-3-Clause
"""Who is at the other end of a Unix socket, as the kernel says."""

import socket
import struct
from typing import NamedTuple

_UCRED = struct.Struct("3i")


class Peer(NamedTuple):
    """The process that has connected; `pid` 0: it is in another PID namespace."""

    pid: int
    uid: int
    gid: int


# Whose connection has ended.
NOBODY = Peer(-1, -1, -1)


def of(connection: socket.socket) -> Peer:
    """Return who has made a connection."""
    text = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return Peer(*_UCRED.unpack(text))

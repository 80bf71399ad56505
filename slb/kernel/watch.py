# SPDX-License-Identifier: BSD-3-Clause
"""Says when something of the kernel's tables may have changed, and nothing more.

Who reads after that reads everything, so a notification that is lost (ENOBUFS) is no more than
another reason to read.
"""

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import Callable, Collection

from slb.errors import KernelError

RTMGRP_LINK = 0x1
RTMGRP_NEIGH = 0x4
RTMGRP_IPV4_IFADDR = 0x10
RTMGRP_IPV4_ROUTE = 0x40
RTMGRP_IPV6_IFADDR = 0x100
RTMGRP_IPV6_ROUTE = 0x400
GROUPS = (
    RTMGRP_LINK
    | RTMGRP_NEIGH
    | RTMGRP_IPV4_IFADDR
    | RTMGRP_IPV4_ROUTE
    | RTMGRP_IPV6_IFADDR
    | RTMGRP_IPV6_ROUTE
)
FAMILIES = (socket.AF_INET, socket.AF_INET6)
NEIGHBOUR_TYPES = (28, 29)  # RTM_NEWNEIGH, RTM_DELNEIGH
HEADER = struct.Struct("=IHHII")
NEIGHBOUR = struct.Struct("=BBHi")
BUFFER = 1 << 20
READS_A_TURN = 64


class Watch:
    """Calls `changed` from the event loop for every change of links, addresses, routes, neighbours.

    `indices` returns the interfaces whose neighbours count.
    """

    def __init__(self, changed: Callable[[], None], indices: Callable[[], Collection[int]]) -> None:
        self._changed = changed
        self._indices = indices
        self._socket = _subscribe()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read)

    def close(self) -> None:
        """Stop watching."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _read(self) -> None:
        matters = False
        for _ in range(READS_A_TURN):
            try:
                matters |= concerns(self._socket.recv(1 << 16), self._indices())
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                matters = True
        if matters:
            self._changed()


def concerns(datagram: bytes, indices: Collection[int]) -> bool:
    """Tell whether one of a datagram's messages is about something that we mirror."""
    offset = 0
    while offset + HEADER.size <= len(datagram):
        length, kind, *_ = HEADER.unpack_from(datagram, offset)
        if length < HEADER.size:
            return True
        if kind not in NEIGHBOUR_TYPES or len(datagram) < offset + HEADER.size + NEIGHBOUR.size:
            return True
        family, _, _, index = NEIGHBOUR.unpack_from(datagram, offset + HEADER.size)
        if family in FAMILIES and index in indices:
            return True
        offset += (length + 3) & ~3
    return False


def _subscribe() -> socket.socket:
    try:
        found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        found.setblocking(False)
        # FORCE needs CAP_NET_ADMIN and passes the system's limit.
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, 33, BUFFER)  # SO_RCVBUFFORCE
        found.bind((0, GROUPS))
    except OSError as error:
        raise KernelError(f"netlink: {error.strerror}") from None
    return found

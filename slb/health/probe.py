# SPDX-License-Identifier: BSD-3-Clause
"""What one check of an address is: a generator that yields what it waits for.

It returns when the result is good, and raises Bad or an OSError when not. Where something of it is
of use for the next check it yields DONE instead of returning, and makes that one when it goes on.
What it has open is closed when it is closed; that it takes too long is not its business. Trouble of
this host's own, no descriptor, no route, says nothing about the RS: inconclusive() tells. What the
RS or a router answered, by ICMP, has the same error numbers, and is Bad: it comes once a packet has
left.
"""

import errno
import os
import select
import socket
import struct
from collections.abc import Callable, Generator

from slb.health.target import Target

READ, WRITE = select.EPOLLIN, select.EPOLLOUT

# The check was good; the descriptor is one that stays open, or -1.
DONE = 0

# The descriptor, and READ, WRITE or DONE.
Waiting = Generator[tuple[int, int], None, None]
Probe = Callable[[Target], Waiting]

_NO_LINGER = struct.pack("ii", 1, 0)
_OURS = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EAGAIN,
        errno.EADDRNOTAVAIL,
        errno.EADDRINUSE,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EPERM,
        errno.EACCES,
    }
)


class Bad(Exception):
    """A result that speaks against the RS, in a few words."""


class NoResult(Exception):
    """The check could not be made."""


def inconclusive(error: Exception) -> bool:
    """Tell whether a failure is this host's."""
    return isinstance(error, NoResult) or (isinstance(error, OSError) and error.errno in _OURS)


def words(error: Exception) -> str:
    """Say in a few words what went wrong."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def tcp(target: Target) -> Waiting:
    """Connect, and take the connection back."""
    with open_stream(target) as sock:
        yield from connect(sock, target)


def open_stream(target: Target) -> socket.socket:
    """Return a TCP socket that leaves nothing behind: closed, it sends an RST."""
    sock = socket.socket(family(target), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    return sock


def connect(sock: socket.socket, target: Target) -> Waiting:
    """Connect a socket; raises OSError, Bad."""
    failed = sock.connect_ex((str(target.at.address), target.at.port))
    if failed == errno.EINPROGRESS:
        yield sock.fileno(), WRITE
        if answered := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise Bad(words(OSError(answered, "connect")))
    elif failed:
        raise OSError(failed, "connect")


def receive(sock: socket.socket, most: int) -> bytes:
    """Return what has come; raises Bad, and BlockingIOError if there is nothing after all."""
    try:
        return sock.recv(most)
    except BlockingIOError:
        raise
    except OSError as error:
        raise Bad(words(error)) from None


def family(target: Target) -> socket.AddressFamily:
    """Return the address family of a target."""
    return socket.AF_INET6 if target.at.address.version == 6 else socket.AF_INET

# SPDX-License-Identifier: BSD-3-Clause
"""Octets over a connection of a check, which may be one of TLS."""

import socket
import ssl
from collections.abc import Generator

from slb.health.probe import READ, WRITE, Waiting

_MOST = 16384


def send(sock: socket.socket, text: bytes) -> Waiting:
    """Send all of it; raises OSError."""
    left = memoryview(text)
    while left:
        try:
            left = left[sock.send(left) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            yield sock.fileno(), WRITE


def receive(sock: socket.socket) -> Generator[tuple[int, int], None, bytes]:
    """Return what comes next, nothing at the end; raises OSError."""
    while True:
        try:
            return sock.recv(_MOST)
        except (BlockingIOError, ssl.SSLWantReadError):
            yield sock.fileno(), READ
        except ssl.SSLEOFError:
            return b""

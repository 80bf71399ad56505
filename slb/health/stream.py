# SPDX-License-Identifier: BSD-3-Clause
"""Octets over a connection of a check: plain, or by TLS.

TLS is worked out in memory, so that one system call takes all that has come, and what ends a
handshake leaves together with the request.
"""

import socket
import ssl
from collections.abc import Generator
from typing import Protocol

from slb.health.probe import READ, WRITE, Bad, Waiting, receive

MOST = 16384
# Of TLS before something can be read: certificates, tickets, and a record of 16 KiB.
MOST_FED = 16 * MOST

Octets = Generator[tuple[int, int], None, bytes]


class Stream(Protocol):
    """A connection that has come about."""

    def fileno(self) -> int:
        """Return its descriptor."""

    def send(self, text: bytes) -> Waiting:
        """Send all of it; raises OSError."""

    def receive(self) -> Octets:
        """Return what comes next, nothing at the end; raises OSError, Bad."""

    def come(self) -> bytes | None:
        """Return what has come already; None: nothing, b"": the end."""

    def close(self) -> None:
        """Close it by an RST."""


class Plain:
    """One without TLS."""

    __slots__ = ("_sock", "close", "fileno")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.fileno = sock.fileno
        self.close = sock.close

    def send(self, text: bytes) -> Waiting:
        """Send all of it; raises OSError."""
        left = memoryview(text)
        while left:
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                yield self._sock.fileno(), WRITE

    def receive(self) -> Octets:
        """Return what comes next, nothing at the end; raises Bad."""
        while True:
            try:
                return receive(self._sock, MOST)
            except BlockingIOError:
                yield self._sock.fileno(), READ

    def come(self) -> bytes | None:
        """Return what has come already; None: nothing, b"": the end."""
        try:
            return self._sock.recv(MOST)
        except BlockingIOError:
            return None
        except OSError:
            return b""


class Secure:
    """One of TLS on a plain one."""

    __slots__ = ("_fed", "_in", "_out", "_plain", "_tls", "close", "fileno")

    def __init__(
        self, plain: Plain, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None
    ) -> None:
        self._plain = plain
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        # Octets since there was something to read.
        self._fed = 0
        self._tls = context.wrap_bio(
            self._in, self._out, server_hostname=host or None, session=session
        )
        self.fileno = plain.fileno
        self.close = plain.close

    def shake_hands(self, alpn: str) -> Waiting:
        """Have keys; our last word leaves with what is sent next. Raises OSError, Bad."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                yield from self._flush()
                yield from self._fill()
            except ssl.SSLError as error:
                raise _bad(error) from None
        if alpn and self._tls.selected_alpn_protocol() != alpn:
            raise Bad(f"TLS: the server does not agree on {alpn} (ALPN)")

    def session(self) -> ssl.SSLSession | None:
        """Return what shortens the next handshake; None if this one was short itself."""
        if self._tls.session_reused:
            return None
        found = self._tls.session
        return found if found is not None and found.has_ticket else None

    def send(self, text: bytes) -> Waiting:
        """Send all of it; raises OSError, Bad."""
        try:
            self._tls.write(text)
        except ssl.SSLError as error:
            raise _bad(error) from None
        yield from self._flush()

    def receive(self) -> Octets:
        """Return what comes next, nothing at the end; raises OSError, Bad."""
        while (text := self._read()) is None:
            yield from self._flush()
            yield from self._fill()
        return text

    def come(self) -> bytes | None:
        """Return what has come already; None: nothing, b"": the end."""
        text = self._plain.come()
        if text is None:
            return None
        try:
            self._take(text)
            return self._read()
        except Bad:
            return b""

    def _read(self) -> bytes | None:
        try:
            text = self._tls.read(MOST)
            self._fed = 0
            return text
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""
        except ssl.SSLError as error:
            raise _bad(error) from None

    def _flush(self) -> Waiting:
        if self._out.pending:
            yield from self._plain.send(self._out.read())

    def _fill(self) -> Waiting:
        self._take((yield from self._plain.receive()))

    def _take(self, text: bytes) -> None:
        self._fed += len(text)
        if self._fed > MOST_FED:
            raise Bad("TLS: an answer without end")
        if text:
            self._in.write(text)
        else:
            self._in.write_eof()


def _bad(error: ssl.SSLError) -> Bad:
    # Its errno is no system's.
    return Bad(f"TLS: {error.reason or error}")

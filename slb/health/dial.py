# SPDX-License-Identifier: BSD-3-Clause
"""How the connections of one RS's checks come about.

By TLS a whole handshake gives what makes the next ones short. Those prove no certificate, so a
whole one follows after RESUMED_S at most, and after each failure.
"""

import random
import ssl
import time
from collections.abc import Generator
from functools import cache
from typing import Protocol, TypeVar

from slb.health.probe import connect, open_stream
from slb.health.stream import Plain, Secure, Stream
from slb.health.target import Target

RESUMED_S = 60.0

T = TypeVar("T")
Dialing = Generator[tuple[int, int], None, T]


class Dialer(Protocol):
    """Makes connections."""

    def dial(self) -> Dialing[Stream]:
        """Return a new one; raises OSError, Bad."""

    def learn(self, stream: Stream) -> None:
        """Take from one over which an answer has come what is of use for the next."""


class PlainDialer:
    """Those without TLS."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def dial(self) -> Dialing[Plain]:
        """Connect; raises OSError."""
        plain = Plain(sock := open_stream(self._target))
        try:
            yield from connect(sock, self._target)
        except BaseException:
            plain.close()
            raise
        return plain

    def learn(self, stream: Stream) -> None:
        """There is nothing to learn."""


class TlsDialer(PlainDialer):
    """Those of TLS; `host`: whom to ask for. `alpn`: what must be agreed on, if anything."""

    def __init__(self, target: Target, host: str, verify: bool, alpn: str = "") -> None:
        super().__init__(target)
        self._host = host
        self._alpn = alpn
        self._verify = verify
        self._session: ssl.SSLSession | None = None
        self._until = 0.0

    def dial(self) -> Dialing[Secure]:  # type: ignore[override]
        """Connect by TLS; raises OSError, Bad."""
        plain = yield from super().dial()
        try:
            known = self._session if time.monotonic() < self._until else None
            secure = Secure(plain, context(self._verify, self._alpn), self._host, known)
            yield from secure.shake_hands(self._alpn)
        except BaseException:
            plain.close()
            raise
        return secure

    def learn(self, stream: Stream) -> None:
        """Keep what a whole handshake has given."""
        if isinstance(stream, Secure) and (found := stream.session()):
            self._session = found
            self._until = time.monotonic() + random.uniform(0.5, 1) * RESUMED_S


@cache
def context(verify: bool, alpn: str) -> ssl.SSLContext:
    """Return what all connections of that kind have in common."""
    if verify:
        made = ssl.create_default_context()
    else:
        # Without the host's CAs, in which OpenSSL would look all the same: that is most of it.
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if alpn:
        made.set_alpn_protocols([alpn])
    return made

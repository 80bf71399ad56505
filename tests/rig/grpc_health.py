# SPDX-License-Identifier: BSD-3-Clause
"""One connection of a server with gRPC's health service, by h2: octets come, and octets go.

Whose they are, a socket's or an event loop's, is for who uses it.
"""

from collections.abc import Sequence

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded

SERVING = b"\x08\x01"
GOOD = (("grpc-status", "0"),)
# What comes is checked: it is ours. What goes is as it stands here, and need not cost a bench time.
_CONFIG = H2Configuration(
    client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False
)


class GrpcHealth:
    """Answers every request so, and goes away (GOAWAY) with the `most`th answer.

    `asked` is given what the requests have.
    """

    def __init__(
        self,
        asked: list[bytes] | None = None,
        *,
        message: bytes = SERVING,
        status: str = "200",
        trailers: Sequence[tuple[str, str]] = GOOD,
        most: int = 1_000_000,
    ) -> None:
        self._asked = asked
        self._head = [(":status", status), ("content-type", "application/grpc")]
        self._body = b"\0" + len(message).to_bytes(4) + message
        self._trailers = list(trailers)
        self._left = most
        self._session = H2Connection(_CONFIG)

    @property
    def ended(self) -> bool:
        """Whether it has gone away."""
        return self._left == 0

    def begin(self) -> bytes:
        """What it says first."""
        self._session.initiate_connection()
        return self._session.data_to_send()

    def answer(self, come: bytes) -> bytes:
        """What it says to that."""
        for event in self._session.receive_data(come):
            if isinstance(event, DataReceived) and self._asked is not None:
                self._asked.append(event.data)
            if isinstance(event, StreamEnded) and not self.ended:
                self._say(event.stream_id)
        return self._session.data_to_send()

    def _say(self, stream: int) -> None:
        self._session.send_headers(stream, self._head)
        self._session.send_data(stream, self._body, end_stream=not self._trailers)
        if self._trailers:
            self._session.send_headers(stream, self._trailers, end_stream=True)
        self._left -= 1
        if self.ended:
            self._session.close_connection()

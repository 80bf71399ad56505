# SPDX-License-Identifier: BSD-3-Clause
"""One connection of a server with gRPC's health service, by h2: octets come, and octets go.

Whose they are, a socket's or an event loop's, is for who uses it.
"""

from collections.abc import Mapping, Sequence

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

SERVING = b"\x08\x01"
GOOD = (("grpc-status", "0"),)
UNIMPLEMENTED = (("grpc-status", "12"),)
# What a request must have to be taken for one of the method that there is.
CHECK = {
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    "te": "trailers",
}
# What comes is checked: it is ours. What goes is as it stands here, and need not cost a bench time.
_CONFIG = H2Configuration(
    client_side=False,
    header_encoding="utf-8",
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)


class GrpcHealth:
    """Answers every request of Health/Check so, and goes away (GOAWAY) with the `most`th answer.

    To another it says that there is no such method. `asked` is given what the requests have, and
    `heads` their headers.
    """

    def __init__(
        self,
        asked: list[bytes] | None = None,
        *,
        heads: list[Mapping[str, str]] | None = None,
        message: bytes = SERVING,
        status: str = "200",
        trailers: Sequence[tuple[str, str]] = GOOD,
        most: int = 1_000_000,
    ) -> None:
        self._asked = asked
        self._heads = heads
        self._unknown: set[int] = set()
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
            if isinstance(event, RequestReceived):
                head = {str(name): str(value) for name, value in event.headers}
                self._look(event.stream_id, head)
            if isinstance(event, DataReceived) and self._asked is not None:
                self._asked.append(event.data)
            if isinstance(event, StreamEnded) and not self.ended:
                self._say(event.stream_id)
        return self._session.data_to_send()

    def _look(self, stream: int, head: Mapping[str, str]) -> None:
        if self._heads is not None:
            self._heads.append(head)
        if not CHECK.items() <= head.items():
            self._unknown.add(stream)

    def _say(self, stream: int) -> None:
        known = stream not in self._unknown
        body, trailers = (self._body, self._trailers) if known else (b"", UNIMPLEMENTED)
        self._session.send_headers(stream, self._head)
        self._session.send_data(stream, body, end_stream=not trailers)
        if trailers:
            self._session.send_headers(stream, trailers, end_stream=True)
        self._left -= 1
        if self.ended:
            self._session.close_connection()

# SPDX-License-Identifier: BSD-3-Clause
"""Checks by the gRPC health protocol (grpc.health.v1), without TLS: Health/Check, by HTTP/2.

Its two messages have one field each, so they are written and read here: a string to ask for, and a
number that says how it is. HTTP/2 is h2's.
"""

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error

from slb.health.probe import Bad, Waiting, connect, open_stream
from slb.health.stream import receive, send
from slb.health.target import Target
from slb.model.health import GrpcCheck

# Of grpc.health.v1.HealthCheckResponse.
STATES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
SERVING = 1
# A field 1 that is a string, and one that is a number, as protobuf has them.
_TEXT, _NUMBER = b"\x0a", b"\x08"
# Of a message in gRPC: whether it is compressed, and its length.
_PREFIX = 5


def grpc(target: Target) -> Waiting:
    """Ask how the service is; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, GrpcCheck)
    session = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    session.initiate_connection()
    session.send_headers(1, _headers(str(target.at)))
    session.send_data(1, request(check.service), end_stream=True)
    answer = _Answer()
    with open_stream(target) as sock:
        yield from connect(sock, target)
        while not answer.ended:
            yield from send(sock, session.data_to_send())
            text = yield from receive(sock)
            if not text:
                raise Bad("closed without an answer")
            try:
                for event in session.receive_data(text):
                    answer.take(event)
            except (H2Error, UnicodeDecodeError):
                raise Bad("no HTTP/2 answer") from None
    answer.judge()


def request(service: str) -> bytes:
    """Return the message that asks for a service; its name is short."""
    name = service.encode()
    text = _TEXT + bytes([len(name)]) + name if name else b""
    return len(text).to_bytes(_PREFIX) + text


def _headers(host: str) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", host),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "slb-agent"),
    ]


class _Answer:
    """What has come; no more of the body than HTTP/2 lets come unasked, 64 KiB."""

    def __init__(self) -> None:
        self.ended = False
        self._headers: dict[str, str] = {}
        self._body = b""

    def take(self, event: Event) -> None:
        """Take what came; raises Bad."""
        match event:
            case ResponseReceived() | TrailersReceived():
                self._headers |= {str(name): str(value) for name, value in event.headers or ()}
            case DataReceived():
                self._body += event.data or b""
            case StreamEnded():
                self.ended = True
            case StreamReset() | ConnectionTerminated():
                raise Bad("closed without an answer")

    def judge(self) -> None:
        """Raise Bad unless it serves."""
        if (status := self._headers.get(":status")) != "200":
            raise Bad(f"HTTP status {status}")
        if (code := self._headers.get("grpc-status", "none")) != "0":
            raise Bad(f"gRPC status {code}")
        message = self._body[_PREFIX:]
        number = message[1] if message[:1] == _NUMBER and len(message) > 1 else 0
        if number != SERVING:
            raise Bad(STATES[number] if number < len(STATES) else f"state {number}")

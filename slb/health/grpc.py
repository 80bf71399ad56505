# SPDX-License-Identifier: BSD-3-Clause
"""Checks by the gRPC health protocol (grpc.health.v1): Health/Check, by HTTP/2, also over TLS.

Its two messages have one field each, so they are written and read here: a string to ask for, and a
number that says how it is. HTTP/2 is h2's.
"""

from collections.abc import Generator
from functools import partial

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

from slb.health.dial import PlainDialer, TlsDialer
from slb.health.kept import checks
from slb.health.probe import Bad, Waiting
from slb.health.stream import Stream
from slb.health.target import Target
from slb.model.health import GrpcCheck, GrpcsCheck

# Of grpc.health.v1.HealthCheckResponse.
STATES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
SERVING = 1
# A field 1 that is a string, and one that is a number, as protobuf has them.
MOST = 4 * 65536  # octets of one answer, with all that is said beside it
_TEXT, _NUMBER = b"\x0a", b"\x08"
# Of a message in gRPC: whether it is compressed, and its length.
_PREFIX = 5
# What is sent is always the same, and of what comes two fields matter: h2 need not look at others.
_CONFIG = H2Configuration(
    client_side=True,
    header_encoding="utf-8",
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)


def grpc(target: Target) -> Waiting:
    """Ask how the service is; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, GrpcCheck)
    begin = partial(_Talk, "http", check.host or str(target.at), check)
    return checks(PlainDialer(target), begin, check.reuse_s)


def grpcs(target: Target) -> Waiting:
    """The same by TLS; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, GrpcsCheck)
    begin = partial(_Talk, "https", check.host or str(target.at), check)
    dialer = TlsDialer(target, check.host, check.verify, alpn="h2")
    return checks(dialer, begin, check.reuse_s)


def request(service: str) -> bytes:
    """Return the message that asks for a service; its name is short."""
    name = service.encode()
    text = _TEXT + bytes([len(name)]) + name if name else b""
    return len(text).to_bytes(_PREFIX) + text


def _headers(scheme: str, host: str) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", scheme),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", host),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "slb-agent"),
    ]


class _Talk:
    """Requests over one connection, each a stream of HTTP/2 after the one before."""

    __slots__ = ("_check", "_headers", "_session", "heard", "stream")

    def __init__(self, scheme: str, host: str, check: GrpcCheck, stream: Stream) -> None:
        self.stream = stream
        self.heard = False
        self._check = check
        self._headers = _headers(scheme, host)
        self._session = H2Connection(_CONFIG)
        self._session.initiate_connection()

    def rests(self) -> bool:
        """Take what has come unasked; tells whether the server goes on."""
        came = 0
        try:
            while text := self.stream.come():
                came += len(text)
                if came > MOST or any(
                    isinstance(e, ConnectionTerminated) for e in self._take(text)
                ):
                    return False
        except Bad:
            return False
        return text is None

    def ask(self) -> Generator[tuple[int, int], None, bool]:
        """Ask once; tells whether the connection serves for more. Raises Bad, OSError."""
        self.heard = False
        session = self._session
        number = session.get_next_available_stream_id()
        try:
            session.send_headers(number, self._headers)
            session.send_data(number, request(self._check.service), end_stream=True)
        except H2Error:
            # By its settings, or its window.
            raise Bad("it takes no more requests") from None
        answer = _Answer(number)
        came = 0
        while not answer.ended:
            yield from self.stream.send(session.data_to_send())
            text = yield from self.stream.receive()
            if not text:
                raise Bad("closed without an answer")
            came += len(text)
            if came > MOST:
                raise Bad("an answer without end")
            for event in self._take(text):
                answer.take(event)
                self.heard = answer.begun
        answer.judge()
        # Not sooner: no more of a body than HTTP/2 lets come unasked, 64 KiB, is to come.
        session.acknowledge_received_data(answer.size, number)
        return not answer.last

    def _take(self, text: bytes) -> list[Event]:
        try:
            return self._session.receive_data(text)
        except (H2Error, UnicodeDecodeError):
            raise Bad("no HTTP/2 answer") from None


class _Answer:
    """What has come of one stream."""

    def __init__(self, number: int) -> None:
        self.begun = False
        self.ended = False
        # No other will come over the same connection.
        self.last = False
        self.size = 0
        self._number = number
        self._headers: dict[str, str] = {}
        self._body = b""

    def take(self, event: Event) -> None:
        """Take what came; raises Bad."""
        match event:
            case ConnectionTerminated():
                self.last = True
                if not self.ended:
                    raise Bad("closed without an answer")
            case _ if getattr(event, "stream_id", None) != self._number:
                return
            case ResponseReceived() | TrailersReceived():
                self.begun = True
                self._headers |= {str(name): str(value) for name, value in event.headers or ()}
            case DataReceived():
                self._body += event.data or b""
                self.size += event.flow_controlled_length or 0
            case StreamEnded():
                self.ended = True
            case StreamReset():
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

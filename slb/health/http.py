# SPDX-License-Identifier: BSD-3-Clause
"""Checks by HTTP, with and without TLS: one request, and its answer as far as it matters."""

import re
import socket
import ssl
from functools import cache
from http.client import HTTPException, HTTPResponse
from io import BytesIO

from slb.health.probe import READ, WRITE, Bad, Waiting, connect, open_stream
from slb.health.stream import receive, send
from slb.health.target import Target
from slb.model.health import HttpCheck, HttpsCheck

MAX_ANSWER = 64 << 10
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r\n]")
# A status line that is longer is none.
_MAX_LINE = 64


def http(target: Target) -> Waiting:
    """Ask, and look at status and body; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, HttpCheck)
    with open_stream(target) as sock:
        yield from connect(sock, target)
        yield from _ask(sock, target, check)


def https(target: Target) -> Waiting:
    """The same by TLS; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, HttpsCheck)
    with open_stream(target) as plain:
        yield from connect(plain, target)
        wrapped = _context(check.verify).wrap_socket(
            plain, server_hostname=check.host or None, do_handshake_on_connect=False
        )
    with wrapped as sock:
        try:
            yield from _shake_hands(sock)
            yield from _ask(sock, target, check)
        except ssl.SSLError as error:
            # Its errno is no system's.
            raise Bad(f"TLS: {error.reason or error}") from None


@cache
def _context(verify: bool) -> ssl.SSLContext:
    if verify:
        return ssl.create_default_context()
    # Without the host's CAs, in which OpenSSL would look all the same: that is most of a handshake.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _shake_hands(sock: ssl.SSLSocket) -> Waiting:
    while True:
        try:
            sock.do_handshake()
            return
        except ssl.SSLWantReadError:
            yield sock.fileno(), READ
        except ssl.SSLWantWriteError:
            yield sock.fileno(), WRITE


def _ask(sock: socket.socket, target: Target, check: HttpCheck) -> Waiting:
    host = check.host or str(target.at)
    text = f"{check.method} {check.path} HTTP/1.1\r\nHost: {host}\r\n"
    text += "User-Agent: slb-agent\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    yield from send(sock, text.encode())
    answer = bytearray()
    while not _settled(answer, check):
        more = yield from receive(sock)
        if not more:
            break
        answer += more
    _judge(bytes(answer), check)


def _settled(answer: bytearray, check: HttpCheck) -> bool:
    """Tell whether what comes behind this makes no difference."""
    if len(answer) >= MAX_ANSWER:
        return True
    if not check.body:
        return len(answer) >= _MAX_LINE or b"\n" in answer
    # Some servers keep the connection, though they are asked not to.
    return check.body.encode() in answer[answer.find(b"\r\n\r\n") % (MAX_ANSWER + 1) :]


def _judge(answer: bytes, check: HttpCheck) -> None:
    line = _STATUS.match(answer)
    if line is None:
        raise Bad("no HTTP answer" if answer else "closed without an answer")
    if not check.has_status(int(line[1])):
        raise Bad(f"status {int(line[1])}")
    if check.body and check.body.encode() not in _body(answer):
        raise Bad(f"status {int(line[1])}, but the body lacks the text")


class _Answer:
    """What HTTPResponse reads from, instead of a socket."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, _mode: str) -> BytesIO:
        """Return the octets as a file."""
        return BytesIO(self._answer)


def _body(answer: bytes) -> bytes:
    response = HTTPResponse(_Answer(answer))  # type: ignore[arg-type]
    found = b""
    try:
        response.begin()
        # What was cut off ends in an error, and what came before counts.
        while more := response.read1(MAX_ANSWER):
            found += more
        return found
    except (HTTPException, ValueError):
        return found
    finally:
        response.close()

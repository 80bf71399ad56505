# SPDX-License-Identifier: BSD-3-Clause
"""One process that answers health checks as all RS of loopback: HTTP, gRPC, each also by TLS."""

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import run
from tempfile import TemporaryDirectory

HTTP_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
# Of a frame of HTTP/2: length, type, flags, stream.
_HEAD = 9
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_ACK = _END_STREAM = 1
_END_HEADERS = 4
# In HPACK, nothing of it for the table: status 200, a field with its name and value.
_BEGIN = b"\x88\x00\x0ccontent-type\x10application/grpc"
_SERVING = b"\0\0\0\0\x02\x08\x01"
_END = b"\x00\x0bgrpc-status\x010"


@contextmanager
def serving(kind: str = "tcp") -> Iterator[int]:
    """The port of a process that answers every connection as checks of that kind want it."""
    with socket.create_server(("0.0.0.0", 0), backlog=4096) as server:
        port = server.getsockname()[1]
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            asyncio.run(_serve(server, kind))
    try:
        yield port
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


async def _serve(server: socket.socket, kind: str) -> None:
    loop = asyncio.get_running_loop()
    # Who checks ends connections by an RST.
    loop.set_exception_handler(lambda _loop, _context: None)
    protocol = _Grpc if kind.startswith("grpc") else _Http
    context = _certified() if kind in ("https", "grpcs") else None
    listening = await loop.create_server(protocol, sock=server, ssl=context, backlog=4096)
    await listening.serve_forever()


def _certified() -> ssl.SSLContext:
    """A server's, with a certificate of ECDSA that nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with TemporaryDirectory() as folder:
        key, certificate = f"{folder}/key", f"{folder}/certificate"
        words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        words += ["-keyout", key, "-out", certificate, "-subj", "/CN=rs"]
        run(["openssl", "req", "-x509", *words], check=True, capture_output=True)
        context.load_cert_chain(certificate, key)
    return context


class _Http(asyncio.Protocol):
    """Answers each request, and closes where it is asked to."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(HTTP_ANSWER)
        if b"Connection: close" in data:
            self._transport.close()


class _Grpc(asyncio.Protocol):
    """Says of every stream that has ended that all is SERVING."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # Behind the client's preface frames follow.
        self._come = b""
        self._skip = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        transport.write(_frame(_SETTINGS, 0, 0, b""))

    def data_received(self, data: bytes) -> None:
        self._come += data
        if self._skip and len(self._come) >= self._skip:
            self._come, self._skip = self._come[self._skip :], 0
        while not self._skip and len(self._come) >= _HEAD:
            end = _HEAD + int.from_bytes(self._come[:3])
            if len(self._come) < end:
                return
            self._answer(self._come[3], self._come[4], int.from_bytes(self._come[5:_HEAD]))
            self._come = self._come[end:]

    def _answer(self, kind: int, flags: int, stream: int) -> None:
        if kind == _SETTINGS and not flags & _ACK:
            self._transport.write(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _DATA and flags & _END_STREAM:
            answer = _frame(_HEADERS, _END_HEADERS, stream, _BEGIN)
            answer += _frame(_DATA, 0, stream, _SERVING)
            answer += _frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, _END)
            self._transport.write(answer)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload

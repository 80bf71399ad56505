# SPDX-License-Identifier: BSD-3-Clause
"""One process that answers health checks as all RS: HTTP, gRPC, each also by TLS; UDP, DNS."""

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import run
from tempfile import TemporaryDirectory

from bench import datagram_servers
from rig.grpc_health import GrpcHealth

HTTP_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
DATAGRAMS = frozenset({"udp", "dns"})

Where = Callable[[Callable[[], socket.socket]], socket.socket]


def _listening() -> socket.socket:
    return socket.create_server(("0.0.0.0", 0), backlog=4096)


@contextmanager
def serving(kind: str = "tcp", where: Where = lambda begin: begin()) -> Iterator[int]:
    """The port of a process that answers every connection as checks of that kind want it.

    `where`: what begins to listen in another network namespace.
    """
    begin = datagram_servers.listening if kind in DATAGRAMS else _listening
    with where(begin) as server:
        port = server.getsockname()[1]
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if kind in DATAGRAMS:
                datagram_servers.serve(server)
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
    """Says of every service that it serves."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._health = GrpcHealth()
        transport.write(self._health.begin())

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._health.answer(data))

# SPDX-License-Identifier: BSD-3-Clause
"""Servers on loopback for checks, and what checks of them come to."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from ipaddress import ip_address
from typing import Any

from rig.grpc_health import GrpcHealth
from rig.waiting import wait
from slb.health.kinds import PROBES
from slb.health.probe import Probe
from slb.health.prober import Prober, Result
from slb.health.target import Target
from slb.model.endpoint import Endpoint, VsKey
from slb.model.health import Check

PATIENCE_S = 10.0
VS = VsKey.parse("10.96.0.1:80/tcp")
# One result is enough, and a late one is told from none.
ONCE = {"interval_s": 0.5, "timeout_s": 0.4, "rise": 1, "fall": 1}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def once(
    check: Check, port: int, address: str = "127.0.0.1", probes: Mapping[str, Probe] = PROBES
) -> tuple[str, str]:
    """The state after the first result, and its reason."""
    found = checked(check, port, lambda result: result.state != "unknown", address, probes)
    return found.state, found.reason


def checked(
    check: Check,
    port: int,
    until: Callable[[Result], object],
    address: str = "127.0.0.1",
    probes: Mapping[str, Probe] = PROBES,
) -> Result:
    """What has come of a server that is checked until then."""
    with checking(check, port, address, probes) as result:
        return wait(lambda: (r := result()) and until(r) and r, PATIENCE_S, "such a result")


@contextmanager
def checking(
    check: Check, port: int, address: str = "127.0.0.1", probes: Mapping[str, Probe] = PROBES
) -> Iterator[Callable[[], Result | None]]:
    """Check a server; what is given tells what has come of it."""
    target = Target(Endpoint(ip_address(address), port), check, VS)
    prober = Prober(lambda: None, 10, probes)
    prober.start()
    try:
        prober.set([target])
        yield lambda: prober.results().get(target)
    finally:
        prober.stop()


@contextmanager
def serving(answer: Callable[[socket.socket], None], address: str = "127.0.0.1") -> Iterator[int]:
    """A TCP server that treats each connection so."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        answer(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def saying(text: bytes) -> Callable[[socket.socket], None]:
    """Read a request and answer it."""

    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(text)

    return answer


@contextmanager
def datagrams(reply: Callable[[bytes], bytes]) -> Iterator[int]:
    """A UDP server that answers so; with nothing it does not answer."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        end = b"the end"

        def serve() -> None:
            while (packet := server.recvfrom(65535))[0] != end:
                if text := reply(packet[0]):
                    server.sendto(text, packet[1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.sendto(end, server.getsockname())
        thread.join(5)


def chunked(*parts: bytes) -> bytes:
    """An answer in chunks."""
    text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return text + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


def by_tls(
    context: ssl.SSLContext, answer: Callable[[ssl.SSLSocket], None]
) -> Callable[[socket.socket], None]:
    """The same over TLS."""

    def secure(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            answer(tls)

    return secure


def health_of_grpc(asked: list[bytes], **said: Any) -> Callable[[socket.socket], None]:
    """A server as GrpcHealth is made with these."""

    def answer(connection: socket.socket) -> None:
        health = GrpcHealth(asked, **said)
        connection.sendall(health.begin())
        while not health.ended and (text := connection.recv(4096)):
            connection.sendall(health.answer(text))

    return answer

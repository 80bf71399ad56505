# SPDX-License-Identifier: BSD-3-Clause
"""Each type of check against a real server on loopback, good and bad ones."""

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded

from rig import dns
from rig.waiting import wait
from slb.health.kinds import PROBES
from slb.health.prober import Prober, Result
from slb.health.program import runner
from slb.health.target import Target
from slb.model.endpoint import Endpoint, VsKey
from slb.model.health import (
    Check,
    CommandCheck,
    DnsCheck,
    GrpcCheck,
    HttpCheck,
    HttpsCheck,
    IcmpCheck,
    TcpCheck,
    UdpCheck,
)

PATIENCE_S = 10.0
VS = VsKey.parse("10.96.0.1:80/tcp")
# One result is enough, and a late one is told from none.
ONCE = {"interval_s": 0.5, "timeout_s": 0.4, "rise": 1, "fall": 1}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhea\r\n3\r\nlth\r\n0\r\n\r\n"


def once(check: Check, port: int, address: str = "127.0.0.1", probes=PROBES) -> tuple[str, str]:
    """The state after the first result, and its reason."""
    target = Target(Endpoint(ip_address(address), port), check, VS)
    prober = Prober(lambda: None, 10, probes)
    prober.start()
    try:
        prober.set([target])
        found: Result = wait(
            lambda: (r := prober.results().get(target)) and r.state != "unknown" and r,
            PATIENCE_S,
            "a result",
        )
    finally:
        prober.stop()
    return found.state, found.reason


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


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_tcp(address: str) -> None:
    with serving(lambda connection: None, address) as port:
        assert once(TcpCheck(**ONCE), port, address)[0] == "up"
    assert once(TcpCheck(**ONCE), port, address) == ("down", "connection refused")


@pytest.mark.parametrize(
    ("check", "text", "expected"),
    [
        ({}, OK, ("up", "")),
        ({}, b"HTTP/1.0 302 Found\r\n\r\n", ("up", "")),
        ({}, b"HTTP/1.1 503 Busy\r\n\r\n", ("down", "status 503")),
        ({"status": (503, "200-204")}, b"HTTP/1.1 503 Busy\r\n\r\n", ("up", "")),
        ({}, b"SSH-2.0-OpenSSH_9.2\r\n", ("down", "no HTTP answer")),
        ({}, b"HTTP/1.1 20", ("down", "no HTTP answer")),
        ({}, b"", ("down", "closed without an answer")),
        ({"method": "HEAD"}, b"HTTP/1.1 204 \r\n\r\n", ("up", "")),
        ({"body": "ok"}, OK, ("up", "")),
        ({"body": "health"}, CHUNKED, ("up", "")),
        ({"body": "OK"}, OK, ("down", "status 200, but the body lacks the text")),
        ({"body": "x"}, OK + b"x", ("down", "status 200, but the body lacks the text")),
    ],
)
def test_http(check: dict[str, object], text: bytes, expected: tuple[str, str]) -> None:
    with serving(saying(text)) as port:
        assert once(HttpCheck(**ONCE, **check), port) == expected


def test_what_an_http_server_is_asked() -> None:
    seen = []

    def answer(connection: socket.socket) -> None:
        seen.append(connection.recv(4096))
        connection.sendall(OK)

    with serving(answer) as port:
        once(HttpCheck(path="/healthz?x=1", host="www.example.org", **ONCE), port)
    assert seen[0].startswith(b"GET /healthz?x=1 HTTP/1.1\r\nHost: www.example.org\r\n")
    assert seen[0].endswith(b"Connection: close\r\n\r\n")


def test_an_http_server_that_says_nothing_or_has_no_end() -> None:
    quiet = threading.Event()
    with serving(lambda connection: bool(quiet.wait(5))) as port:
        assert once(HttpCheck(**ONCE), port) == ("down", "no answer within 0.4 s")
        quiet.set()

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"a" * 65536)

    with serving(endless) as port:
        assert once(HttpCheck(body="b", **ONCE), port)[0] == "down"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that nobody has signed, and its key."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    words += f" -subj /CN=www.example.org -keyout {file} -out {file}.cert"
    subprocess.run(words.split(), check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.cert").read_text())
    return file


def test_https(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            saying(OK)(tls)

    with serving(answer) as port:
        assert once(HttpsCheck(body="ok", **ONCE), port) == ("up", "")
        state, reason = once(HttpsCheck(verify=True, host="www.example.org", **ONCE), port)
        assert state == "down" and reason.startswith("TLS: ")
    with serving(saying(OK)) as port:
        assert once(HttpsCheck(**ONCE), port)[1].startswith("TLS: ")


def test_udp() -> None:
    with datagrams(lambda packet: b"you said " + packet) as port:
        assert once(UdpCheck(send="hex:6869", expect="said hi", **ONCE), port) == ("up", "")
        assert once(UdpCheck(send="ho", expect="hi", **ONCE), port)[0] == "down"
    with datagrams(lambda packet: b"") as port:
        assert once(UdpCheck(send="x", **ONCE), port) == ("down", "no answer within 0.4 s")
    assert once(UdpCheck(send="x", **ONCE), port) == ("down", "connection refused")


def test_dns() -> None:
    def reply(packet: bytes) -> bytes:
        return dns.answer(dns.question(packet), "pod", ["10.10.0.1"])

    with datagrams(reply) as port:
        assert once(DnsCheck(name="www.example.org", **ONCE), port) == ("up", "")
        wrong = DnsCheck(name="www.example.org", rcode="NXDOMAIN", **ONCE)
        assert once(wrong, port) == ("down", "answered NOERROR")
    with datagrams(lambda packet: b"nonsense") as port:
        assert once(DnsCheck(name="x", **ONCE), port)[1].startswith("no DNS answer")


@pytest.mark.parametrize(
    ("status", "message", "trailers", "expected"),
    [
        ("200", b"\x08\x01", [("grpc-status", "0")], ("up", "")),
        ("200", b"\x08\x02", [("grpc-status", "0")], ("down", "NOT_SERVING")),
        ("200", b"", [("grpc-status", "0")], ("down", "UNKNOWN")),
        ("200", b"\x08\x63", [("grpc-status", "0")], ("down", "state 99")),
        ("200", b"", [("grpc-status", "12")], ("down", "gRPC status 12")),
        ("503", b"", [], ("down", "HTTP status 503")),
    ],
)
def test_grpc(
    status: str, message: bytes, trailers: list[tuple[str, str]], expected: tuple[str, str]
) -> None:
    asked = []

    def answer(connection: socket.socket) -> None:
        session = H2Connection(H2Configuration(client_side=False))
        session.initiate_connection()
        connection.sendall(session.data_to_send())
        while text := connection.recv(4096):
            for event in session.receive_data(text):
                if isinstance(event, DataReceived):
                    asked.append(event.data)
                if isinstance(event, StreamEnded):
                    body = b"\0" + len(message).to_bytes(4) + message
                    session.send_headers(1, [(":status", status)])
                    session.send_data(1, body, end_stream=not trailers)
                    if trailers:
                        session.send_headers(1, trailers, end_stream=True)
            connection.sendall(session.data_to_send())

    with serving(answer) as port:
        assert once(GrpcCheck(service="one.Two", **ONCE), port) == expected
    assert asked[0] == b"\0\0\0\0\x09\x0a\x07one.Two"


def test_grpc_of_what_speaks_something_else() -> None:
    settings_of_a_stream = b"\0\0\0\4\0\0\0\0\1"
    with serving(saying(settings_of_a_stream)) as port:
        assert once(GrpcCheck(**ONCE), port) == ("down", "no HTTP/2 answer")
    with serving(saying(OK)) as port:
        assert once(GrpcCheck(**ONCE), port) == ("down", "closed without an answer")


def test_icmp() -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ping_group_range").read_text().split())
    if not low <= os.getegid() <= high:
        pytest.skip("net.ipv4.ping_group_range does not allow it")
    assert once(IcmpCheck(**ONCE), 0) == ("up", "")
    assert once(IcmpCheck(**ONCE), 0, "::1") == ("up", "")


def test_a_program(tmp_path: Path) -> None:
    script = tmp_path / "look"
    script.write_text(
        '#!/bin/sh\nenv > "$0.env"\n[ "$1" = late ] && sleep 60\n[ "$SLB_RS_PORT $1" = "80 a b" ]\n'
    )
    script.chmod(0o755)
    probes = {"command": runner(tmp_path)}

    def asked(*arguments: str) -> tuple[str, str]:
        return once(CommandCheck(program="look", arguments=arguments, **ONCE), 80, probes=probes)

    assert asked("a b") == ("up", "")
    assert asked("a") == ("down", "look ended with status 1")
    assert asked("late") == ("down", "no answer within 0.4 s")
    told = dict(line.split("=", 1) for line in Path(f"{script}.env").read_text().splitlines())
    told.pop("PWD", None)
    assert told.keys() <= {"PATH", "LANG", "SLB_VS", "SLB_RS_ADDRESS", "SLB_RS_PORT", "_", "SHLVL"}
    assert (told["SLB_VS"], told["SLB_RS_ADDRESS"]) == (str(VS), "127.0.0.1")

# SPDX-License-Identifier: BSD-3-Clause
"""Each type of check against a real server on loopback, good and bad ones."""

import socket
import threading
from collections.abc import Callable, Mapping

import pytest
from unit.health_servers import (
    OK,
    ONCE,
    chunked,
    datagrams,
    health_of_grpc,
    once,
    saying,
    serving,
)

from rig import dns
from slb.model.health import (
    DnsCheck,
    GrpcCheck,
    HttpCheck,
    TcpCheck,
    UdpCheck,
)


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
        ({"body": "health"}, chunked(b"hea", b"lth"), ("up", "")),
        ({"body": "ok"}, b"HTTP/1.1 200 OK\nServer: careless\n\nok", ("up", "")),
        (
            {"body": "health"},
            chunked(b"hea", b"lth").replace(b"\r\n\r\n", b"\r\nContent-Length: 6\r\n\r\n", 1),
            ("up", ""),
        ),
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


def noted(code: int, packet: bytes) -> bytes:
    """An answer without records, of this code."""
    return packet[:2] + bytes([0x81, code]) + packet[4:]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (lambda packet: noted(2, packet), ("down", "answered SERVFAIL")),
        (lambda packet: noted(12, packet), ("down", "answered 12")),
        # Its question in other letters; and none at all, which some servers leave out of a refusal.
        (lambda packet: noted(0, packet.replace(b"example", b"EXAMPLE")), ("up", "")),
        (lambda packet: noted(5, packet[:4] + bytes(8)), ("down", "answered REFUSED")),
        # A query, and answers to others.
        (lambda packet: packet, ("down", "no answer within 0.4 s")),
        (
            lambda packet: noted(0, bytes([packet[0] ^ 1]) + packet[1:]),
            ("down", "no answer within 0.4 s"),
        ),
        (
            lambda packet: noted(0, packet.replace(b"www", b"ftp")),
            ("down", "no answer within 0.4 s"),
        ),
        (lambda packet: noted(0, packet[:-1] + b"\x02"), ("down", "no answer within 0.4 s")),
    ],
)
def test_what_a_dns_server_answers(
    reply: Callable[[bytes], bytes], expected: tuple[str, str]
) -> None:
    with datagrams(reply) as port:
        assert once(DnsCheck(name="www.example.org", **ONCE), port) == expected


def test_dns_over_tcp() -> None:
    check = DnsCheck(name="www.example.org", protocol="tcp", **ONCE)

    def by_tcp(reply: Callable[[bytes], bytes]) -> Callable[[socket.socket], None]:
        def answer(connection: socket.socket) -> None:
            text = connection.recv(4096)
            assert int.from_bytes(text[:2]) == len(text) - 2
            # In pieces, as it may come.
            for octet in reply(text[2:]):
                connection.send(bytes([octet]))

        return answer

    def whole(query: bytes) -> bytes:
        text = dns.answer(dns.question(query), "pod", ["10.10.0.1"])
        return len(text).to_bytes(2) + text

    with serving(by_tcp(whole)) as port:
        assert once(check, port) == ("up", "")
        wrong = DnsCheck(name="x", protocol="tcp", rcode="REFUSED", **ONCE)
        assert once(wrong, port) == ("down", "answered NOERROR")
    with serving(by_tcp(lambda query: whole(query)[:-1])) as port:
        assert once(check, port) == ("down", "closed without an answer")
    with serving(by_tcp(lambda query: whole(bytes([query[0] ^ 1]) + query[1:]))) as port:
        assert once(check, port) == ("down", "answered another query")
    with serving(by_tcp(lambda query: b"\0\x08nonsense")) as port:
        assert once(check, port)[1].startswith("no DNS answer")
    assert once(check, port) == ("down", "connection refused")


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize(("record", "kind"), [("A", dns.A), ("AAAA", dns.AAAA)])
def test_what_a_dns_server_is_asked(protocol: str, record: str, kind: int) -> None:
    """The name and the type that are given: the server would answer any other as well."""
    asked = []

    def reply(packet: bytes) -> bytes:
        asked.append(dns.question(packet))
        return dns.answer(asked[-1], "pod", ["10.10.0.1", "fd00::1"])

    def by_tcp(connection: socket.socket) -> None:
        text = reply(connection.recv(4096)[2:])
        connection.sendall(len(text).to_bytes(2) + text)

    check = DnsCheck(name="www.example.org", record=record, protocol=protocol, **ONCE)
    with serving(by_tcp) if protocol == "tcp" else datagrams(reply) as port:
        assert once(check, port) == ("up", "")
    wanted = dns.question(dns.query(0, "www.example.org", kind))
    assert (asked[0].raw, asked[0].kind) == (wanted.raw, kind)


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
    asked: list[bytes] = []
    say = health_of_grpc(asked, status=status, message=message, trailers=trailers)
    with serving(say) as port:
        assert once(GrpcCheck(service="one.Two", **ONCE), port) == expected
    assert asked[0] == b"\0\0\0\0\x09\x0a\x07one.Two"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("host", ["", "www.example.org"])
def test_what_a_grpc_server_is_asked(address: str, host: str) -> None:
    """The method of the protocol, of the host that is given or else of the address."""
    heads: list[Mapping[str, str]] = []
    with serving(health_of_grpc([], heads=heads), address) as port:
        assert once(GrpcCheck(host=host, **ONCE), port, address) == ("up", "")
    at = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    assert heads[0] == {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/grpc.health.v1.Health/Check",
        ":authority": host or at,
        "te": "trailers",
        "content-type": "application/grpc",
        "user-agent": "slb-agent",
    }


def test_grpc_of_what_speaks_something_else() -> None:
    settings_of_a_stream = b"\0\0\0\4\0\0\0\0\1"
    with serving(saying(settings_of_a_stream)) as port:
        assert once(GrpcCheck(**ONCE), port) == ("down", "no HTTP/2 answer")
    with serving(saying(OK)) as port:
        assert once(GrpcCheck(**ONCE), port) == ("down", "closed without an answer")

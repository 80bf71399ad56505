# SPDX-License-Identifier: BSD-3-Clause
"""RS that are told who their client is, in every combination of the families.

client ---- switch ---- lb (slbd)
           |      |            VIP:83 -> haproxy, which expects a PROXY header, before pod1a's HTTP
         node1  node2          VIP:84 -> nginx, which expects one, on pod1a
        pod1a                  VIP:85 -> haproxy, which expects one, before a server that speaks
                                         first; haproxy tells it the client, in its own way
                               VIP:86 -> pod1a's HTTP, told by TOA, which its kernel leaves alone
"""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from rig import servers
from rig.addresses import HTTP_PORT, PODS, Family, endpoint
from rig.filters import LOSE_SOME, losing
from rig.payload import data, digest
from rig.process import Process
from rig.raw import Raw
from rig.rig import Rig
from rig.services import service
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

POD = PODS[0]
SIZE = 10_000_000
BEFORE_HTTP, NGINX, BEFORE_GREETER, TOA = 83, 84, 85, 86
SERVED = {
    BEFORE_HTTP: servers.PROXIED_HTTP_PORT,
    NGINX: servers.PROXIED_NGINX_PORT,
    BEFORE_GREETER: servers.PROXIED_GREETER_PORT,
}
TOA_KIND = 254
# Of each connection to a server, the first two segments behind the SYN: both may have a header.
SEEN = tuple(
    f"set {name} {{ type inet_service; flags dynamic; size 65535; }}" for name in ("one", "two")
)
LOSE_FIRST = (
    "tcp dport != { 8083, 8084, 8085 } accept",
    "tcp flags & syn == syn accept",
    "tcp sport != @one add @one { tcp sport } counter drop",
    "tcp sport != @two add @two { tcp sport } counter drop",
)


@pytest.fixture(scope="module")
def told(shared_rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The shared rig with servers that expect a PROXY header."""
    root = tmp_path_factory.mktemp("www")
    (root / "file").write_bytes(data(SIZE))
    place = (shared_rig.registry, shared_rig.node(POD.node), POD)
    started: list[Process] = []
    try:
        started += [servers.greeter(*place), servers.proxied_haproxy(*place)]
        started += [servers.proxied_nginx(*place, root)]
        ports = (*SERVED.values(), servers.GREETER_PORT)
        shared_rig.client.await_servers(*((POD.address6, port) for port in ports))
        yield shared_rig
    finally:
        for process in started:
            process.stop()


@pytest.fixture(params=WAYS, ids=[way.name for way in WAYS])
def way(request: pytest.FixtureRequest, told: Rig) -> Way:
    """A way whose services are the whole set of the shared rig."""
    found: Way = request.param
    services = [
        service(found.vs(port, "tcp"), {found.rs(POD, to): 1}) | {"client_address": "proxy-v2"}
        for port, to in SERVED.items()
    ]
    http = service(found.vs(TOA, "tcp"), {found.rs(POD, HTTP_PORT): 1})
    told.lb.apply([*services, http | {"client_address": "toa"}])
    return found


@contextmanager
def losing_headers(rig: Rig) -> Iterator[None]:
    """A switch that loses both segments that have a header."""
    with losing(rig.switch.namespace, *LOSE_FIRST, sets=SEEN) as counts:
        yield
        assert min(counts()) > 0


def url(way: Way, port: int) -> str:
    return f"http://{endpoint(way.vip.vip, port)}"


def ends(client: socket.socket) -> tuple[str, str]:
    """Both ends of a client's connection, as it sees them."""
    own, peer = client.getsockname(), client.getpeername()
    return f"{own[0]} {own[1]}", f"{peer[0]} {peer[1]}"


def ask(client: socket.socket, path: str) -> bytes:
    """Ask for one page and read it to the end of the connection."""
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return rest_of(client).partition(b"\r\n\r\n")[2]


def rest_of(client: socket.socket) -> bytes:
    received = b""
    while more := client.recv(1 << 20):
        received += more
    return received


@pytest.mark.parametrize("port", [BEFORE_HTTP, NGINX], ids=["haproxy", "nginx"])
def test_a_proxy_header_tells_client_and_vip(told: Rig, way: Way, port: int) -> None:
    """Addresses and ports, of each of several clients."""
    for source in way.vip.clients:
        with told.client.tcp((way.vip.vip, port), (source, 0)) as client:
            own, vip = ends(client)
            answer = ask(client, "/who").decode().strip()
        assert own.startswith(source)
        assert answer == f"{own} {vip}"


def test_a_server_that_speaks_first(told: Rig, way: Way) -> None:
    """The header comes with the handshake: the client says nothing before it is greeted."""
    with told.client.tcp((way.vip.vip, BEFORE_GREETER)) as client:
        own, _ = ends(client)
        greeting = b""
        while not greeting.endswith(b"\n"):
            more = client.recv(4096)
            assert more, greeting
            greeting += more
        assert f"hello {own}\n".encode() == greeting
        client.sendall(b"thanks\n")
        client.shutdown(socket.SHUT_WR)
        assert rest_of(client) == b"thanks\n"


def test_a_client_that_says_nothing_at_all(told: Rig, way: Way) -> None:
    """Its FIN comes behind the header, which came with the handshake."""
    with told.client.tcp((way.vip.vip, BEFORE_GREETER)) as client:
        own, _ = ends(client)
        # haproxy gives up a client that closes before it has reached the server behind it.
        assert client.recv(1, socket.MSG_PEEK)
        client.shutdown(socket.SHUT_WR)
        assert rest_of(client) == f"hello {own}\n".encode()


@pytest.mark.parametrize("port", [BEFORE_HTTP, NGINX], ids=["haproxy", "nginx"])
def test_download_of_10_mb(told: Rig, way: Way, port: int, tmp_path: Path) -> None:
    path = "/file" if port == NGINX else f"/bytes/{SIZE}"
    body = told.client.download(url(way, port) + path, tmp_path / "down")
    assert digest(body) == digest(data(SIZE))


@pytest.mark.parametrize("port", [BEFORE_HTTP, TOA], ids=["proxy", "toa"])
def test_upload_of_10_mb(told: Rig, way: Way, port: int, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(data(SIZE))
    answer = told.client.curl("--data-binary", f"@{tmp_path / 'up'}", f"{url(way, port)}/upload")
    assert answer.split() == [str(SIZE), digest(data(SIZE))]


@pytest.mark.parametrize("port", [BEFORE_HTTP, TOA], ids=["proxy", "toa"])
def test_many_connections(told: Rig, way: Way, port: int) -> None:
    """At once, and with several requests each."""
    outcome = told.client.http(600, 100, per_connection=3, target=(way.vip.vip, port))
    assert outcome.failures == []
    assert set(outcome.answers) == {POD.name}


def test_full_segments_fit(told: Rig, way: Way) -> None:
    """The segment size that the client is told leaves room for the header: nothing is too long."""
    before = drops(told)
    with told.client.tcp((way.vip.vip, BEFORE_HTTP)) as client:
        body = data(20_000)
        client.sendall(
            b"POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        answer = rest_of(client).partition(b"\r\n\r\n")[2].decode()
    assert answer.split() == [str(len(body)), digest(body)]
    assert {name: drops(told)[name] - before[name] for name in ("MTU", "CLIENT_ADDRESS")} == {
        "MTU": 0,
        "CLIENT_ADDRESS": 0,
    }


@pytest.mark.parametrize("port", [BEFORE_HTTP, NGINX], ids=["haproxy", "nginx"])
def test_a_lost_header_is_sent_again(told: Rig, way: Way, port: int) -> None:
    """Both that of the handshake's ACK and that of the request."""
    with losing_headers(told):
        with told.client.tcp((way.vip.vip, port)) as client:
            own, vip = ends(client)
            answer = ask(client, "/who").decode().strip()
    assert answer == f"{own} {vip}"


def test_a_lost_header_before_a_greeting(told: Rig, way: Way) -> None:
    """The client has nothing to send: the RS's next SYN-ACK asks for it."""
    with losing_headers(told):
        with told.client.tcp((way.vip.vip, BEFORE_GREETER)) as client:
            own, _ = ends(client)
            assert client.recv(4096) == f"hello {own}\n".encode()


def test_10_mb_both_ways_with_losses(told: Rig, way: Way, tmp_path: Path) -> None:
    """SACK and retransmissions on both sides of the header."""
    (tmp_path / "up").write_bytes(data(SIZE))
    with losing(told.switch.namespace, LOSE_SOME) as counts:
        upload = f"{url(way, BEFORE_HTTP)}/upload"
        answer = told.client.curl("--data-binary", f"@{tmp_path / 'up'}", upload)
        body = told.client.download(f"{url(way, NGINX)}/file", tmp_path / "down")
        assert counts()[0] > 1
    assert answer.split() == [str(SIZE), digest(data(SIZE))]
    assert digest(body) == digest(data(SIZE))


def drops(rig: Rig) -> dict[str, int]:
    return {row["reason"]: int(row["total"]) for row in rig.lb.items("/v1/drops")}


def test_toa_tells_the_client(told: Rig, way: Way) -> None:
    """Read on the wire before the RS: with the handshake's ACK and the request, then no more."""
    with Raw(told.node(POD.node)) as raw:
        with told.client.tcp((way.vip.vip, TOA)) as client:
            name, port = client.getsockname()[:2]
            first = raw.see(to_http(way.pods, lambda tcp: tcp.flags == "A"))
            assert option(first) == wire(name, port)
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            request = raw.see(to_http(way.pods, lambda tcp: bool(bytes(tcp.payload))))
            assert option(request) == wire(name, port)
            assert client.recv(4096).endswith(f"{POD.name}\n".encode())
            raw.forget()
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            again = raw.see(to_http(way.pods, lambda tcp: bool(bytes(tcp.payload))))
            assert option(again) is None
            assert client.recv(4096).endswith(f"{POD.name}\n".encode())


def to_http(family: Family, wanted: Callable[[TCP], bool]) -> Callable[[IP | IPv6], bool]:
    """Whether a packet is such a segment to the pod's HTTP server."""

    def is_it(packet: IP | IPv6) -> bool:
        to_pod = packet.dst == POD.at(family) and TCP in packet
        return to_pod and packet[TCP].dport == HTTP_PORT and wanted(packet[TCP])

    return is_it


def option(packet: IP | IPv6) -> bytes | None:
    """The value of TOA's option."""
    return next((value for kind, value in packet[TCP].options if kind == TOA_KIND), None)


def wire(address: str, port: int) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return port.to_bytes(2, "big") + socket.inet_pton(family, address)


def test_what_slbctl_says(told: Rig, way: Way) -> None:
    listed = told.lb.ctl("vs", "list")
    for port in (*SERVED, TOA):
        how = "toa" if port == TOA else "proxy-v2"
        assert re.search(rf"{re.escape(way.vs(port, 'tcp'))} +rr +{how} ", listed)
    told.lb.ctl("vs", "edit", way.vs(TOA, "tcp"), "--client-address", "none")
    with told.client.tcp((way.vip.vip, TOA)) as client:
        assert ask(client, "/") == f"{POD.name}\n".encode()
    assert "UNTOLD" in told.lb.ctl("stats")

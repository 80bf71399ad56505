# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 clients and servers, and the two translations between the families.

client ---- switch ---- lb (slbd)
           |      |             66: [2001:db8:96::10] -> pod's IPv6 address
         node1  node2           64: [2001:db8:96::10] -> pod's IPv4 address
        pod1a,b pod2a,b         46: 10.96.0.10        -> pod's IPv6 address
"""

import socket
from pathlib import Path

import pytest

from rig.addresses import HTTP_PORT, PODS, V4, V6, endpoint, local_addresses
from rig.payload import data, digest
from rig.rig import Rig
from rig.services import EQUAL, service, unfair
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

SIZE = 10_000_000
SO_NO_CHECK = 11


@pytest.fixture(params=WAYS[1:], ids=[way.name for way in WAYS[1:]])
def way(request: pytest.FixtureRequest, shared_rig: Rig) -> Way:
    """A way whose services are the whole set of the shared rig."""
    found: Way = request.param
    shared_rig.lb.apply(found.services())
    return found


def test_download_of_10_mb(rig: Rig, way: Way, tmp_path: Path) -> None:
    """What arrives is what was sent."""
    body = rig.client.download(f"{way.url}/bytes/{SIZE}", tmp_path / "down")
    assert digest(body) == digest(data(SIZE))


def test_upload_of_10_mb(rig: Rig, way: Way, tmp_path: Path) -> None:
    """What the server got is what was sent."""
    (tmp_path / "up").write_bytes(data(SIZE))
    answer = rig.client.curl("--data-binary", f"@{tmp_path / 'up'}", f"{way.url}/upload")
    assert answer.split() == [str(SIZE), digest(data(SIZE))]


def test_200_parallel_connections(rig: Rig, way: Way) -> None:
    """All of them are answered, and shared evenly."""
    outcome = rig.client.http(1000, width=200, target=way.http)
    assert outcome.failures == []
    assert outcome.answered == 1000
    assert unfair(outcome, EQUAL, rig.settings.workers) == []


def test_source_hash_stays_with_its_server(rig: Rig, way: Way) -> None:
    """sh gives every client one server."""
    rig.lb.apply([way.serve(80, "tcp", HTTP_PORT, "sh")])
    for client in way.vip.clients:
        outcome = rig.client.http(20, width=4, target=way.http, source=client)
        assert outcome.failures == []
        assert len(outcome.answers) == 1, outcome.shares()


@pytest.mark.parametrize("size", [10, SIZE])
def test_half_close(rig: Rig, way: Way, size: int) -> None:
    """A client that has finished sending still gets the whole answer."""
    with rig.client.tcp(way.http) as client:
        client.sendall(f"GET /bytes/{size} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.shutdown(socket.SHUT_WR)
        received = b""
        while more := client.recv(1 << 20):
            received += more
    assert digest(received.partition(b"\r\n\r\n")[2]) == digest(data(size))


def test_pods_see_a_local_address_of_their_family(rig: Rig, way: Way) -> None:
    """Full NAT: the server's peer is a local address, and the session says all four ends."""
    rig.lb.apply([service(way.vs(80, "tcp"), {way.rs(PODS[0]): 1})])
    with rig.client.tcp(way.http) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(4096)
        name = endpoint(*client.getsockname()[:2])
        (row,) = rig.lb.items(f"/v1/sessions?client={name}&vs={way.vs(80, 'tcp')}")
        peers = rig.pod_peers(PODS[0], way.pods)
    assert (row["client"], row["vs"], row["rs"]) == (name, way.vs(80, "tcp"), way.rs(PODS[0]))
    assert row["state"] == "established"
    assert row["local"] in peers
    wanted = local_addresses(rig.settings.workers, way.pods)
    assert row["local"].rpartition(":")[0].strip("[]") in wanted


def test_closed_server_port_refuses_the_client(rig: Rig, way: Way) -> None:
    """A server's RST reaches the client as one from the VIP."""
    rig.lb.apply([service(way.vs(80, "tcp"), {way.rs(PODS[0], 9): 1})])
    with pytest.raises(ConnectionRefusedError):
        rig.client.tcp(way.http)


def test_every_worker_carries_sessions(rig: Rig, way: Way) -> None:
    """Connections are spread over the workers, which need local addresses of the pods' family."""
    before = {row["worker"]: row["sessions_created"] for row in rig.lb.items("/v1/workers")}
    assert rig.client.http(400, target=way.http).failures == []
    rows = rig.lb.items("/v1/workers")
    made = [row["sessions_created"] - before[row["worker"]] for row in rows]
    assert sum(made) == 400
    assert min(made) > 0


def test_dig(rig: Rig, way: Way) -> None:
    """A real resolver's client gets real answers."""
    dig = ("dig", f"@{way.vip.vip}", "who.example", "+short", "+tries=1")
    name = rig.client.namespace.run(*dig, "TXT").strip().strip('"')
    address = rig.client.namespace.run(*dig, "AAAA").strip()
    assert name in {pod.name for pod in PODS}
    assert address in {pod.address6 for pod in PODS}


def test_1000_queries(rig: Rig, way: Way) -> None:
    """All are answered, and shared evenly."""
    outcome = rig.client.dns(1000, target=way.dns)
    assert outcome.failures == []
    assert outcome.answered == 1000
    assert unfair(outcome, EQUAL, rig.settings.workers) == []


def test_many_replies_to_one_request(rig: Rig, way: Way) -> None:
    """Every datagram of the answer arrives, in order."""
    with rig.client.udp(way.echo) as client:
        client.send(b"repeat 300")
        replies = [client.recv(2048).decode().split() for _ in range(300)]
    assert len({name for name, _ in replies}) == 1
    assert [int(number) for _, number in replies] == list(range(300))


# The longest: an IPv6 header of 40 bytes, UDP's 8, and the pod's name before the answer.
@pytest.mark.parametrize("size", [0, 1, 1500 - 40 - 8 - 6])
def test_datagrams_of_all_sizes(rig: Rig, way: Way, size: int) -> None:
    """From the empty one to what fills the MTU of either family, the payload is untouched."""
    payload = bytes(number % 251 for number in range(size))
    with rig.client.udp(way.echo) as client:
        client.send(payload)
        name, _, answer = client.recv(4096).partition(b" ")
    assert name.decode() in EQUAL
    assert answer == payload


def test_ipv4_without_checksum_gets_one_in_ipv6(rig: Rig) -> None:
    """IPv6 has no datagrams without a checksum, so it is made on the way."""
    way = Way(V4, V6)
    rig.lb.apply(way.services())
    with rig.client.udp(way.echo) as client:
        client.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        client.send(b"bare")
        assert client.recv(2048).endswith(b" bare")


def test_all_ways_at_once(rig: Rig) -> None:
    """One set of services of both families on RS of both, under load together."""
    both = {way.rs(pod): 1 for way in (Way(V4, V4), Way(V4, V6)) for pod in PODS}
    rig.lb.apply([service(f"{endpoint(f.vip, 80)}/tcp", both) for f in (V4, V6)])
    loads = [
        rig.client.namespace.start(lambda vip=vip: rig.client.http(400, target=(vip, 80)))  # type: ignore[misc]
        for vip in (V4.vip, V6.vip)
    ]
    for load in loads:
        outcome = load.result(timeout=60)
        assert outcome.failures == []
        assert unfair(outcome, dict.fromkeys(EQUAL, 2), rig.settings.workers) == []

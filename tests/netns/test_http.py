# SPDX-License-Identifier: BSD-3-Clause
"""TCP through the load balancer: curl, many connections, schedulers, half-closed connections.

client ---- switch ---- lb (slbd)
           |      |
         node1  node2          client -> 10.96.0.10:80 -> pod:8080, a pod sees a local address
        pod1a,b pod2a,b
"""

import re
import socket
from pathlib import Path

import pytest

from rig.addresses import CLIENTS, HTTP, HTTP_VS, PODS, VIP, local_addresses
from rig.payload import data, digest
from rig.rig import Rig
from rig.services import EQUAL, http_service, service, unfair
from rig.waiting import wait

pytestmark = pytest.mark.netns

SIZE = 10_000_000


def sessions(rig: Rig) -> int:
    """Sessions ever made on the HTTP VS."""
    row = next(row for row in rig.lb.items("/v1/vs") if row["vs"] == HTTP_VS)
    return int(row["traffic"]["sessions"])


def test_download_of_10_mb(rig: Rig, tmp_path: Path) -> None:
    """What arrives is what was sent."""
    body = rig.client.download(f"http://{VIP}/bytes/{SIZE}", tmp_path / "down")
    assert digest(body) == digest(data(SIZE))


def test_upload_of_10_mb(rig: Rig, tmp_path: Path) -> None:
    """What the server got is what was sent."""
    (tmp_path / "up").write_bytes(data(SIZE))
    answer = rig.client.curl("--data-binary", f"@{tmp_path / 'up'}", f"http://{VIP}/upload")
    assert answer.split() == [str(SIZE), digest(data(SIZE))]


def test_200_parallel_connections(rig: Rig) -> None:
    """All of them are answered, and shared evenly."""
    outcome = rig.client.http(1000, width=200)
    assert outcome.failures == []
    assert outcome.answered == 1000
    assert unfair(outcome, EQUAL, rig.settings.workers) == []


def test_keep_alive_stays_with_its_server(rig: Rig) -> None:
    """A connection is one session with one server, however many requests it carries."""
    before = sessions(rig)
    outcome = rig.client.http(1000, width=10, per_connection=100)
    assert outcome.failures == []
    assert sessions(rig) - before == outcome.connections < 25


def test_weighted_shares(rig: Rig) -> None:
    """wrr shares by weight, and gives weight 0 nothing."""
    weights = {"pod1a": 0, "pod1b": 1, "pod2a": 2, "pod2b": 5}
    rig.lb.apply([http_service(weights, "wrr")])
    outcome = rig.client.http(400)
    assert outcome.failures == []
    assert unfair(outcome, weights, rig.settings.workers) == []


def test_source_hash_stays_with_its_server(rig: Rig) -> None:
    """sh gives every client one server, on whichever worker its connections arrive."""
    rig.lb.apply([http_service(scheduler="sh")])
    for client in CLIENTS:
        outcome = rig.client.http(40, width=8, source=client)
        assert outcome.failures == []
        assert len(outcome.answers) == 1, outcome.shares()


@pytest.mark.parametrize("size", [10, SIZE])
def test_half_close(rig: Rig, size: int) -> None:
    """A client that has finished sending still gets the whole answer."""
    with rig.client.tcp() as client:
        client.sendall(f"GET /bytes/{size} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.shutdown(socket.SHUT_WR)
        received = b""
        while more := client.recv(1 << 20):
            received += more
    assert digest(received.partition(b"\r\n\r\n")[2]) == digest(data(size))


def test_sessions_end_with_their_connections(rig: Rig) -> None:
    """A closed connection's session is gone after the TIME_WAIT of this slbd, 2 s and not 10."""
    with rig.client.tcp() as client:
        address, port = client.getsockname()
        path = f"/v1/sessions/count?client={address}:{port}&vs={HTTP_VS}"
        assert rig.lb.api(path)["count"] == 1
    wait(lambda: rig.lb.api(path)["count"] == 0, 8, "the end of its session")


def test_pods_see_a_local_address(rig: Rig) -> None:
    """Full NAT: the server's peer is one of the local addresses."""
    rig.lb.apply([http_service({"pod1a": 1})])
    with rig.client.tcp() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(4096)
        # `ss` runs where the pod lives; the client's own port is in the session list.
        name = f"{client.getsockname()[0]}:{client.getsockname()[1]}"
        rows = rig.lb.items(f"/v1/sessions?client={name}&vs={HTTP_VS}")
        peers = rig.pod_peers(PODS[0])
    assert [row["rs"] for row in rows] == [PODS[0].http]
    assert rows[0]["state"] == "established"
    assert rows[0]["local"] in peers
    assert rows[0]["local"].partition(":")[0] in local_addresses(rig.settings.workers)


def test_closed_server_port_refuses_the_client(rig: Rig) -> None:
    """A server's RST reaches the client as one from the VIP."""
    rig.lb.apply([service(HTTP_VS, {f"{PODS[0].address}:9": 1})])
    with pytest.raises(ConnectionRefusedError):
        rig.client.tcp(HTTP)


def test_packet_to_no_vs_is_counted(rig: Rig) -> None:
    """A connection to a port without a VS is dropped for that reason."""

    def dropped() -> int:
        rows = {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}
        return int(rows["NO_VS"])

    before = dropped()
    with rig.client.udp((VIP, 4242)) as client:
        client.send(b"nobody listens")
        wait(lambda: dropped() > before, 5, "a NO_VS drop")


def test_every_worker_carries_sessions(rig: Rig) -> None:
    """Connections are spread over the workers, and each worker uses its own local addresses."""
    before = {row["worker"]: row["sessions_created"] for row in rig.lb.items("/v1/workers")}
    assert rig.client.http(400).failures == []
    rows = rig.lb.items("/v1/workers")
    made = [row["sessions_created"] - before[row["worker"]] for row in rows]
    assert sum(made) == 400
    assert min(made) > 0
    owners = {row["address"]: row["worker"] for row in rig.lb.items("/v1/laddr")}
    for row in rig.lb.items("/v1/sessions?limit=1000"):
        assert owners[re.sub(r":\d+$", "", row["local"])] == row["worker"]

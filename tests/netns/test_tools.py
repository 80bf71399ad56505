# SPDX-License-Identifier: BSD-3-Clause
"""Programs that others wrote, at both ends: curl, nginx, haproxy, iperf3, dnsperf.

client ---- switch ---- lb (slbd)
  curl     |      |
  iperf3 node1  node2       client -> VIP:81   -> nginx on pod1a, pod2a
  dnsperf pod1a  pod2a      client -> VIP:82   -> haproxy -> nginx, on the same
                            client -> VIP:5201 -> iperf3 on pod1a, TCP and UDP
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig import servers
from rig.addresses import DNS_PORT, PODS, endpoint
from rig.payload import data, digest
from rig.process import Process
from rig.rig import Rig
from rig.services import service
from rig.waiting import RigError, wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

SERVING = (PODS[0], PODS[2])
SIZE = 1_000_000
SECONDS = "1"


@pytest.fixture(scope="module")
def served(shared_rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The shared rig with the servers on it."""
    root = tmp_path_factory.mktemp("www")
    (root / "file").write_bytes(data(SIZE))
    (root / "index.html").write_text("hello\n")
    started: list[Process] = []
    for pod in SERVING:
        place = (shared_rig.registry, shared_rig.node(pod.node), pod)
        started += [servers.nginx(*place, root), servers.haproxy(*place)]
    started += servers.iperf3(shared_rig.registry, shared_rig.node(PODS[0].node), PODS[0])
    try:
        ports = (servers.NGINX_PORT, servers.HAPROXY_PORT)
        shared_rig.client.await_servers(*((pod.address6, at) for pod in SERVING for at in ports))
        yield shared_rig
    finally:
        for process in started:
            process.stop()


@pytest.fixture(params=WAYS, ids=[way.name for way in WAYS])
def way(request: pytest.FixtureRequest, served: Rig) -> Way:
    """A way whose services are the whole set of the shared rig."""
    found: Way = request.param
    proxies = [
        service(found.vs(port, "tcp"), {found.rs(pod, to): 1 for pod in SERVING})
        for port, to in ((81, servers.NGINX_PORT), (82, servers.HAPROXY_PORT))
    ]
    iperf = [
        service(found.vs(servers.IPERF_PORT, kind), {found.rs(PODS[0], servers.IPERF_PORT): 1})
        for kind in ("tcp", "udp")
    ]
    served.lb.apply([*proxies, *iperf, found.serve(53, "udp", DNS_PORT)])
    return found


@pytest.mark.parametrize("port", [81, 82], ids=["nginx", "haproxy"])
def test_parallel_downloads(served: Rig, way: Way, port: int, tmp_path: Path) -> None:
    """Forty files at once by curl, from the servers in turn, arrive as they are."""
    url = f"http://{endpoint(way.vip.vip, port)}/file?[1-40]"
    served.client.curl("-Z", "--parallel-max", "20", "-o", f"{tmp_path}/#1", url)
    assert {digest(file.read_bytes()) for file in tmp_path.iterdir()} == {digest(data(SIZE))}
    assert len(list(tmp_path.iterdir())) == 40


def test_many_requests_on_few_connections(served: Rig, way: Way) -> None:
    """Keep-alive through haproxy and nginx: every request answered, by either server."""
    outcome = served.client.http(2000, 10, per_connection=100, target=(way.vip.vip, 82))
    assert outcome.failures == []
    assert set(outcome.answers) == {pod.name for pod in SERVING}


@pytest.mark.calm
@pytest.mark.parametrize("direction", [[], ["-R"], ["--bidir"]], ids=["up", "down", "both"])
def test_iperf3_tcp(served: Rig, way: Way, direction: list[str]) -> None:
    """TCP streams as fast as they go, each way and both ways at once.

    A stream that waits for its retransmissions moves a few hundred kilobytes in a second; a busy
    host with two cores moves 30 MB at the least.
    """
    sums = iperf3(served, way, "-P", "4", *direction)
    assert min(part["bytes"] for name, part in sums.items() if "received" in name) > 5_000_000


@pytest.mark.parametrize("direction", [[], ["-R"]], ids=["up", "down"])
def test_iperf3_udp(served: Rig, way: Way, direction: list[str]) -> None:
    """A steady stream of datagrams, each way: none is lost."""
    sums = iperf3(served, way, "-u", "-b", "5M", "-l", "1200", *direction)
    assert sums["sum"]["packets"] > 400
    assert sums["sum"]["lost_packets"] == 0


def iperf3(rig: Rig, way: Way, *words: str) -> dict[str, Any]:
    """Run the client and return the sums of its report."""
    argv = ["iperf3", "-J", "-c", way.vip.vip, "-p", str(servers.IPERF_PORT), "-t", SECONDS, *words]

    def report() -> dict[str, Any] | None:
        found = json.loads(rig.client.namespace.run(*argv, check=False))
        # The server needs a moment between two tests.
        if "busy" in found.get("error", ""):
            return None
        if "error" in found:
            raise RigError(f"{' '.join(argv)}: {found['error']}")
        end: dict[str, Any] = found["end"]
        return {name: part for name, part in end.items() if name.startswith("sum")}

    return wait(report, 20, "the server's time") or {}


def test_dnsperf(served: Rig, way: Way, tmp_path: Path) -> None:
    """Queries from twenty clients at once, at a steady rate: none is lost."""
    queries = tmp_path / "queries"
    queries.write_text("who.example TXT\nwho.example A\nwho.example AAAA\n")
    words = ("-d", str(queries), "-c", "20", "-l", "2", "-Q", "500", "-t", "3")
    text = served.client.namespace.run("dnsperf", "-s", way.vip.vip, *words)
    counts = dict(re.findall(r"Queries (sent|completed|lost): +(\d+)", text))
    assert int(counts["sent"]) >= 900
    assert (counts["completed"], counts["lost"]) == (counts["sent"], "0")

# SPDX-License-Identifier: BSD-3-Clause
"""`one_packet`: a session is over with the first answer, and the next question is anybody's.

client ---- switch ---- lb (slbd)
  dig      |      |       sessions would live for a minute if they lived on
  dnsperf node1  node2
        pod1a,b pod2a,b
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from rig import dns
from rig.addresses import DNS_PORT, PODS
from rig.rig import Rig
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

MINUTE = {"udp_oneway": 60, "udp_replied": 60}


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest, shared_rig: Rig) -> Way:
    """A way with DNS of this kind, to which the load balancer has its neighbours' MACs."""
    found: Way = request.param
    shared_rig.lb.apply(found.services())
    assert shared_rig.client.http(4, target=found.http).failures == []
    served = found.serve(53, "udp", DNS_PORT)
    shared_rig.lb.apply([{**served, "one_packet": True, "timeouts": MINUTE}])
    return found


def none_left(rig: Rig, way: Way) -> bool:
    """Whether no session of the VS is left."""
    return bool(rig.lb.api(f"/v1/sessions/count?vs={way.vs(53, 'udp')}")["count"] == 0)


def test_one_socket_asks_every_pod(shared_rig: Rig, way: Way) -> None:
    """A session that stayed would keep one socket's questions at one pod."""
    names: Counter[str] = Counter()
    with shared_rig.client.udp(way.dns) as client:
        for number in range(40):
            client.send(dns.query(number, "who.example"))
            names[dns.text(client.recv(2048), number)] += 1
    assert names == {pod.name: 10 for pod in PODS}
    assert none_left(shared_rig, way)


def test_dig(shared_rig: Rig, way: Way) -> None:
    dig = ("dig", f"@{way.vip.vip}", "who.example", "TXT", "+short", "+tries=1")
    name = shared_rig.client.namespace.run(*dig).strip().strip('"')
    assert name in {pod.name for pod in PODS}
    assert none_left(shared_rig, way)


def test_dnsperf(shared_rig: Rig, way: Way, tmp_path: Path) -> None:
    """Several questions of a client are under way at a time, and each gets its answer."""
    queries = tmp_path / "queries"
    queries.write_text("who.example TXT\nwho.example A\nwho.example AAAA\n")
    words = ("-d", str(queries), "-c", "20", "-l", "1", "-Q", "500", "-t", "3")
    text = shared_rig.client.namespace.run("dnsperf", "-s", way.vip.vip, *words)
    counts = dict(re.findall(r"Queries (sent|completed|lost): +(\d+)", text))
    assert int(counts["sent"]) >= 400
    assert (counts["completed"], counts["lost"]) == (counts["sent"], "0")
    wait(lambda: none_left(shared_rig, way), 1, "the end of the sessions")

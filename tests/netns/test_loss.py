# SPDX-License-Identifier: BSD-3-Clause
"""Packets get lost between client, load balancer and RS: SACK repairs it, through renumbering.

client ---- switch ---- lb (slbd)
           |      |               the switch drops two TCP packets of a hundred
         node1  node2
        pod1a,b pod2a,b
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.filters import LOSE_SOME, losing
from rig.netns import Namespace
from rig.payload import data, digest
from rig.rig import Rig
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

SIZE = 10_000_000


@pytest.fixture
def lossy_rig(rig: Rig) -> Iterator[Rig]:
    """The shared rig with a switch that loses packets."""
    with losing(rig.switch.namespace, LOSE_SOME) as counts:
        yield rig
        assert counts()[0] > 0, "nothing was lost"


def count(namespace: Namespace, name: str) -> int:
    """One of the counters of a namespace's kernel."""
    lines = namespace.run("cat", "/proc/net/netstat").splitlines()
    names, values = (line.split() for line in lines[:2])
    return int(values[names.index(name)])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_10_mb_both_ways(lossy_rig: Rig, way: Way, tmp_path: Path) -> None:
    """The sender hears of what has arrived behind a gap, in its own numbers."""
    rig, client = lossy_rig, lossy_rig.client
    rig.lb.apply(way.services())
    before = {name: count(client.namespace, name) for name in ("TCPSackRecovery", "TCPSACKDiscard")}
    (tmp_path / "up").write_bytes(data(SIZE))
    answer = client.curl("--data-binary", f"@{tmp_path / 'up'}", f"{way.url}/upload")
    assert answer.split() == [str(SIZE), digest(data(SIZE))]
    assert count(client.namespace, "TCPSackRecovery") > before["TCPSackRecovery"]
    assert count(client.namespace, "TCPSACKDiscard") == before["TCPSACKDiscard"]
    body = client.download(f"{way.url}/bytes/{SIZE}", tmp_path / "down")
    assert digest(body) == digest(data(SIZE))

# SPDX-License-Identifier: BSD-3-Clause
"""Ports that are no NIC and no tap carry the same traffic: a packet socket, and shared memory.

client ---- switch ---- [packet socket or memif | slbd | slb0] kernel of the LB
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.addresses import LB, V4, V6, Family
from rig.lb import LbSettings
from rig.links import MemifLink, PacketLink
from rig.payload import data, digest
from rig.rig import Rig
from rig.ways import Way

pytestmark = pytest.mark.netns

SIZE = 2_000_000
LINKS = {"net_af_packet": PacketLink(), "net_memif": MemifLink(queues=2)}


@pytest.fixture(scope="module", params=LINKS)
def linked(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig with two workers whose port is of this kind."""
    settings = LbSettings(workers=2, link=LINKS[request.param])
    with Rig(settings) as rig:
        (port,) = rig.lb.items("/v1/ports")
        assert port["driver"] == request.param
        rig.wait_ospf()
        yield rig


@pytest.mark.parametrize("family", [V4, V6], ids=["v4", "v6"])
def test_requests_are_answered(linked: Rig, family: Family, tmp_path: Path) -> None:
    way = Way(family, family)
    linked.lb.apply(way.services())
    assert linked.client.http(100, width=20, target=way.http).failures == []
    assert linked.client.dns(100, target=way.dns).failures == []
    body = linked.client.download(f"{way.url}/bytes/{SIZE}", tmp_path / "down")
    assert digest(body) == digest(data(SIZE))


def test_its_own_address_answers(linked: Rig) -> None:
    """Through the kernel interface, once: the host's own stack does not see the port."""
    assert linked.client.ping(LB, "-c", "5", "-i", "0.2") == (5, 5)


def test_its_counters_agree(linked: Rig) -> None:
    (port,) = linked.lb.items("/v1/ports")
    assert port["rx_packets"] > 0 and port["tx_packets"] > 0
    assert port["rx_errors"] == 0 and port["rx_no_mbuf"] == 0

# SPDX-License-Identifier: BSD-3-Clause
"""Links with an MTU of 9,000 all the way: packets that long pass, unfragmented.

client ---- switch ---- [net_pcap on a veth | slbd | slb0] kernel of the LB
               |
             nodes with pods
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.addresses import V4, V6, Family
from rig.lb import LbSettings
from rig.links import PcapLink
from rig.payload import data, digest
from rig.rig import Rig
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

MTU = 9000
SIZE = 10_000_000


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def jumbo(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig of such links, with each number of workers."""
    settings = LbSettings(request.param, ospf=False, mtu=MTU, link=PcapLink(mtu=MTU))
    with Rig(settings) as rig:
        yield rig


def header(family: Family) -> int:
    """Bytes of an IP header and of ICMP's or UDP's."""
    return (20 if family is V4 else 40) + 8


@contextmanager
def at_most(rig: Rig, packets: int) -> Iterator[None]:
    """No more than these pass the port either way; and 64 probes of steering."""
    before = counts(rig)
    yield
    gained = [now - then for now, then in zip(counts(rig), before, strict=True)]
    assert max(gained) < packets + 90, gained


def counts(rig: Rig) -> tuple[int, int]:
    """Packets that the port has received and sent."""
    (port,) = rig.lb.items("/v1/ports")
    return int(port["rx_packets"]), int(port["tx_packets"])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_10_mb_both_ways(jumbo: Rig, way: Way, tmp_path: Path) -> None:
    """In long segments: in segments of 1,460 bytes there were 6,850 of them, and as many ACKs."""
    jumbo.lb.apply(way.services())
    with at_most(jumbo, 4000):
        body = jumbo.client.download(f"{way.url}/bytes/{SIZE}", tmp_path / "down")
    assert digest(body) == digest(data(SIZE))
    (tmp_path / "up").write_bytes(body)
    with at_most(jumbo, 4000):
        answer = jumbo.client.curl("--data-binary", f"@{tmp_path / 'up'}", f"{way.url}/upload")
    assert answer.split() == [str(SIZE), digest(body)]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_datagram_that_fills_a_packet(jumbo: Rig, way: Way) -> None:
    """There and back; where one side is IPv6, its header is what leaves less room."""
    jumbo.lb.apply(way.services())
    assert jumbo.client.http(8, target=way.http).failures == []
    # The echo puts the pod's name and a space before what it sends back.
    room = MTU - max(header(way.vip), header(way.pods)) - len("pod1a ")
    # In fragments of 1,500 bytes there would be four times as many and more.
    times = 12
    with jumbo.client.udp(way.echo) as client, at_most(jumbo, times * 8):
        for size in times * (room, room - 1, 8000, 7000):
            client.send(data(size))
            assert client.recv(65536).endswith(data(size))


@pytest.mark.parametrize("family", [V4, V6], ids=["v4", "v6"])
def test_ping(jumbo: Rig, family: Family) -> None:
    """The VIP by a worker, the port's own address by the kernel."""
    jumbo.lb.apply(Way(family, family).services())
    size = MTU - header(family)
    for address in (family.vip, family.lb):
        words = ("-c", "3", "-i", "0.1", "-M", "do", "-s", str(size))
        assert jumbo.client.ping(address, *words) == (3, 3)

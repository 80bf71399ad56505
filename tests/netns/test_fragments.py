# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams longer than any link's MTU, and what the load balancer itself must cut.

client ---- switch ---- lb (slbd)
           |      |             44: 10.96.0.10        -> pod's IPv4 address
         node1  node2           66: [2001:db8:96::10] -> pod's IPv6 address
        pod1a,b pod2a,b         64, 46: to an address of the other family
"""

import socket
from collections.abc import Iterator

import pytest

from rig.addresses import FAMILIES, NODES, V6, Family, node_link
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import EQUAL
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

# Linux's; Python has no names for them.
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0
NARROW = 1400
NAMES = [way.name for way in WAYS]


def text(size: int) -> bytes:
    """So many bytes of which no two stretches are alike."""
    return bytes(number * number % 251 for number in range(size))


def ask(client: socket.socket, payload: bytes) -> str:
    """Send an echo request, check the answer, and return who gave it."""
    client.send(payload)
    name, _, answer = client.recv(65536).partition(b" ")
    assert answer == payload
    return name.decode()


def drops(rig: Rig) -> dict[str, int]:
    """What was dropped so far, by reason."""
    return {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}


def serve(rig: Rig, way: Way) -> None:
    """Apply a way's services and use one, so that the load balancer has its neighbours' MACs."""
    rig.lb.apply(way.services())
    rig.client.http(4, target=way.http)


@pytest.fixture(params=WAYS, ids=NAMES)
def way(request: pytest.FixtureRequest, shared_rig: Rig) -> Way:
    """A way whose services are the whole set of the shared rig."""
    found: Way = request.param
    serve(shared_rig, found)
    return found


@pytest.mark.parametrize("size", [1473, 3000, 20_001, 60_000])
def test_long_datagrams(rig: Rig, way: Way, size: int) -> None:
    """Question and answer arrive as they were sent, whatever number of fragments they take."""
    before = drops(rig)
    with rig.client.udp(way.echo) as client:
        names = {ask(client, text(size)) for _ in range(20)}
    assert len(names) == 1 and names <= set(EQUAL)
    assert drops(rig) == before


def test_long_and_short_ones_of_one_client(rig: Rig, way: Way) -> None:
    """Nothing of one datagram ends up in another."""
    with rig.client.udp(way.echo) as client:
        for size in (60_000, 1, 30_000, 1200, 1473, 59_999, 8) * 5:
            ask(client, text(size))


@pytest.mark.calm
def test_many_clients_at_once(rig: Rig, way: Way) -> None:
    """All clients' datagrams reach a pod from one address, and none is mistaken for another."""

    def one(source: str, seed: int) -> int:
        with rig.client.udp(way.echo, source) as client:
            for number in range(40):
                ask(client, bytes([seed]) * 10_000 + text(10_000 + number))
        return 40

    sources = [source for source in way.vip.clients for _ in range(2)]
    loads = [
        rig.client.namespace.start(lambda source=source, seed=seed: one(source, seed))  # type: ignore[misc]
        for seed, source in enumerate(sources)
    ]
    assert sum(load.result(timeout=60) for load in loads) == 320


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"v{family.version}")
@pytest.mark.parametrize("size", [1473, 3000, 60_000])
def test_ping(rig: Rig, family: Family, size: int) -> None:
    """The workers answer echo requests in fragments."""
    rig.lb.apply(Way(family, family).services())
    assert rig.client.ping(family.vip, "-c", "20", "-i", "0.01", "-s", str(size)) == (20, 20)


@pytest.mark.parametrize("size", [1452, 1453, 1472])
def test_ipv4_that_is_too_long_as_ipv6(rig: Rig, size: int) -> None:
    """A packet that may be fragmented is, where the header of IPv6 makes it too long."""
    way = WAYS[NAMES.index("46")]
    serve(rig, way)
    with rig.client.udp(way.echo) as client:
        client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        for _ in range(20):
            ask(client, text(size))


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def narrow_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig whose load balancer sends at most 1,400 bytes to pods and clients, and gets more."""
    with Rig(LbSettings(workers=request.param, ospf=False, mtu=NARROW)) as rig:
        for number in NODES:
            # What they send over IPv6 may not be cut on the way.
            gateway, _ = node_link(number, V6)
            rig.node(number).ip("route", "change", "default", "via", gateway, "mtu", "1280")
        yield rig


@pytest.mark.parametrize("way", WAYS[::3], ids=NAMES[::3])
@pytest.mark.parametrize("size", [1200, 1472, 3000, 60_000])
def test_a_way_with_a_smaller_mtu(narrow_rig: Rig, way: Way, size: int) -> None:
    """IPv4 clients' packets that may be fragmented get through, whole ones and fragments."""
    serve(narrow_rig, way)
    with narrow_rig.client.udp(way.echo) as client:
        client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        for _ in range(10):
            ask(client, text(size))

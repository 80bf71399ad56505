# SPDX-License-Identifier: BSD-3-Clause
"""The MSS as it stands on the wire, and what clamping it is for.

client ---- switch ---- lb (slbd)    both ends announce 8,960 bytes, as on a jumbo link of theirs
           |      |
         node1  node2                narrow: the LB's link carries 1,400 bytes from it, and ICMP
        pod1a                        errors reach neither end
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from rig.addresses import FAMILIES, HTTP_PORT, NODES, PODS, Family, node_link
from rig.lb import LbSettings
from rig.netns import Namespace
from rig.payload import data, digest
from rig.raw import Raw
from rig.rig import Rig
from rig.services import service
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

POD = PODS[0]
LONG = 8960
FIXED = 1000
NARROW = 1400
SIZE = 1_000_000
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
HEADERS = {4: 40, 6: 60}
DEAF = """\
table inet deaf {
  chain input {
    type filter hook input priority 0;
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}
"""


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def narrow_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig whose load balancer sends at most 1,400 bytes, and whose ends are deaf to errors."""
    with Rig(LbSettings(workers=request.param, ospf=False, mtu=NARROW)) as rig:
        file = rig.registry.directory / "deaf.nft"
        file.write_text(DEAF)
        for namespace in (rig.client.namespace, rig.node(POD.node)):
            namespace.run("nft", "-f", str(file))
        yield rig


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def fixed_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig with a fixed MSS."""
    policies = {"tcp": {"mss": FIXED}}
    with Rig(LbSettings(workers=request.param, ospf=False, policies=policies)) as rig:
        yield rig


@contextmanager
def long_segments(rig: Rig) -> Iterator[None]:
    """Both ends announce that they take long segments."""
    with ExitStack() as stack:
        for family in FAMILIES:
            stack.enter_context(_announce(rig.client.namespace, family.client_gateway))
            for number in NODES:
                stack.enter_context(_announce(rig.node(number), node_link(number, family)[0]))
        yield


@contextmanager
def _announce(namespace: Namespace, gateway: str) -> Iterator[None]:
    words = ("route", "change", "default", "via", gateway)
    namespace.ip(*words, "advmss", str(LONG))
    try:
        yield
    finally:
        namespace.ip(*words)


def announced(rig: Rig, way: Way) -> list[int]:
    """The MSS of a SYN as it leaves the client and reaches the pod, and of the SYN-ACK back."""
    with Raw(rig.client.namespace) as front, Raw(rig.node(POD.node)) as back:
        rig.client.tcp(way.http).close()
        seen = [
            front.see(lambda p: _is(p, "S", dport=80)),
            back.see(lambda p: _is(p, "S", dport=HTTP_PORT)),
            back.see(lambda p: _is(p, "SA", sport=HTTP_PORT)),
            front.see(lambda p: _is(p, "SA", sport=80)),
        ]
    return [dict(packet[TCP].options)["MSS"] for packet in seen]


def _is(packet: IP | IPv6, flags: str, **ports: int) -> bool:
    if TCP not in packet or packet[TCP].flags != flags:
        return False
    return all(getattr(packet[TCP], name) == port for name, port in ports.items())


def serve(rig: Rig, way: Way) -> None:
    """HTTP and echo on one pod, whose MACs the load balancer has."""
    rig.lb.apply(
        [
            service(way.vs(80, "tcp"), {way.rs(POD): 1}),
            service(way.vs(7, "udp"), {way.rs(POD, 7007): 1}),
        ]
    )
    assert rig.client.http(4, target=way.http).failures == []


def fits(mtu: int, family: Family) -> int:
    """The longest segment in a packet of a family."""
    return mtu - HEADERS[family.version]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_auto(rig: Rig, way: Way) -> None:
    """Each end is told what fits into its own packets on the way to the other one."""
    serve(rig, way)
    with long_segments(rig):
        sent, told_pod, answered, told_client = announced(rig, way)
    assert (sent, answered) == (LONG, LONG)
    assert told_pod == min(fits(1500, way.vip), fits(1500, way.pods))
    assert told_client == min(fits(1500, way.vip), fits(1500, way.pods))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_fixed(fixed_rig: Rig, way: Way) -> None:
    serve(fixed_rig, way)
    assert announced(fixed_rig, way)[1::2] == [FIXED, FIXED]
    # What announces less is left alone.
    gateway = way.vip.client_gateway
    fixed_rig.client.namespace.ip("route", "change", "default", "via", gateway, "advmss", "700")
    assert announced(fixed_rig, way)[:2] == [700, 700]
    fixed_rig.client.namespace.ip("route", "change", "default", "via", gateway)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_narrow_link_without_path_mtu_discovery(
    narrow_rig: Rig, way: Way, tmp_path: Path
) -> None:
    """Whoever relied on ICMP would be stuck; TCP gets through both ways."""
    rig = narrow_rig
    serve(rig, way)
    (tmp_path / "up").write_bytes(data(SIZE))
    answer = rig.client.curl("--data-binary", f"@{tmp_path / 'up'}", f"{way.url}/upload")
    assert answer.split() == [str(SIZE), digest(data(SIZE))]
    body = rig.client.download(f"{way.url}/bytes/{SIZE}", tmp_path / "down")
    assert digest(body) == digest(data(SIZE))
    with rig.client.udp(way.echo) as client:
        if way.vip.version == 4:
            client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        client.settimeout(0.3)
        client.send(bytes(1500 - HEADERS[way.vip.version] + 12))
        with pytest.raises(TimeoutError):
            client.recv(2048)

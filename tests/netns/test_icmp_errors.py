# SPDX-License-Identifier: BSD-3-Clause
"""What ICMP errors are for: both ends learn the path's MTU, a closed port, where time ran out.

client ---- switch ---- lb (slbd)          segments are not clamped (`tcp.mss: off`)
           |      |
         node1  node2          a link of 1,400 bytes behind the switch: on the way to the pod, or to
        pod1a  (unused)        the client. The LB's own link carries 1,500.
"""

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.addresses import PODS, Family, local_addresses, node_link
from rig.icmp import report_errors, told
from rig.lb import LbSettings
from rig.netns import Namespace
from rig.payload import data, digest
from rig.rig import Rig
from rig.services import service
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

SIZE = 1_000_000
NARROW, WIDE = 1400, 1500
POD = PODS[0]
CLOSED = 9
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def unclamped(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig that leaves it to the ends how long their segments are."""
    with Rig(LbSettings(workers=request.param, policies={"tcp": {"mss": "off"}})) as rig:
        rig.wait_ospf()
        yield rig


@pytest.fixture(params=WAYS, ids=[way.name for way in WAYS])
def way(request: pytest.FixtureRequest, unclamped: Rig) -> Way:
    """A way with one pod and nothing learnt of its path so far."""
    found: Way = request.param
    unclamped.lb.apply(
        [
            service(found.vs(80, "tcp"), {found.rs(POD): 1}),
            service(found.vs(7, "udp"), {found.rs(POD, 7007): 1}),
            service(found.vs(9, "udp"), {found.rs(POD, CLOSED): 1}),
        ]
    )
    for namespace in (unclamped.client.namespace, unclamped.node(POD.node)):
        for version in ("-4", "-6"):
            namespace.ip(version, "route", "flush", "cache")
    return found


@contextlib.contextmanager
def narrow_to_client(rig: Rig, family: Family) -> Iterator[None]:
    """The switch has a link of 1,400 bytes to the client, whichever of its addresses it uses."""
    with contextlib.ExitStack() as stack:
        for address in family.clients:
            stack.enter_context(_route(rig, family, address, ("dev", "to-client")))
        yield


@contextlib.contextmanager
def narrow_to_pod(rig: Rig, family: Family) -> Iterator[None]:
    """The switch has a link of 1,400 bytes to the pod."""
    with _route(rig, family, POD.at(family), ("via", node_link(POD.node, family)[1])):
        yield


@contextlib.contextmanager
def _route(rig: Rig, family: Family, host: str, way: tuple[str, str]) -> Iterator[None]:
    words = (f"-{family.version}", "route")
    rig.switch.namespace.ip(*words, "add", host, *way, "mtu", "lock", str(NARROW))
    try:
        yield
    finally:
        rig.switch.namespace.ip(*words, "del", host, *way)


def learnt(namespace: Namespace, destination: str) -> int:
    """The MTU that a kernel has learnt of the path to an address; 0: none."""
    (route,) = json.loads(namespace.ip("-j", "route", "get", destination))
    metrics = route.get("metrics", [{}])[0]
    return int(metrics.get("mtu", 0))


def pod_learnt(rig: Rig, way: Way) -> set[int]:
    """The MTUs that the pod's kernel has learnt of the paths to local addresses."""
    addresses = local_addresses(rig.settings.workers, way.pods)
    return {learnt(rig.node(POD.node), address) for address in addresses} - {0}


def in_other_family(mtu: int, here: Family, there: Family) -> int:
    """The MTU for packets of one family that become packets of another, of this MTU."""
    return mtu + {4: 20, 6: 40}[there.version] - {4: 20, 6: 40}[here.version]


def upload(rig: Rig, way: Way, folder: Path) -> None:
    """All of it arrives."""
    (folder / "up").write_bytes(data(SIZE))
    answer = rig.client.curl("--data-binary", f"@{folder / 'up'}", f"{way.url}/upload")
    assert answer.split() == [str(SIZE), digest(data(SIZE))]


def download(rig: Rig, way: Way, folder: Path) -> None:
    """All of it arrives."""
    body = rig.client.download(f"{way.url}/bytes/{SIZE}", folder / "down")
    assert digest(body) == digest(data(SIZE))


def test_the_client_learns_of_a_narrow_link_to_the_pod(
    unclamped: Rig, way: Way, tmp_path: Path
) -> None:
    with narrow_to_pod(unclamped, way.pods):
        upload(unclamped, way, tmp_path)
        download(unclamped, way, tmp_path)
    mtu = learnt(unclamped.client.namespace, way.vip.vip)
    assert mtu == in_other_family(NARROW, way.pods, way.vip)


def test_the_pod_learns_of_a_narrow_link_to_the_client(
    unclamped: Rig, way: Way, tmp_path: Path
) -> None:
    with narrow_to_client(unclamped, way.vip):
        download(unclamped, way, tmp_path)
        upload(unclamped, way, tmp_path)
    assert pod_learnt(unclamped, way) == {in_other_family(NARROW, way.vip, way.pods)}


@pytest.mark.parametrize("way", WAYS[3:], ids=["46"], indirect=True)
def test_who_speaks_ipv4_learns_that_ipv6_is_longer(unclamped: Rig, way: Way) -> None:
    """The load balancer itself tells it."""
    with unclamped.client.udp(way.echo) as client:
        client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        client.send(bytes(WIDE - 28))
        wait(lambda: learnt(unclamped.client.namespace, way.vip.vip), 5, "an MTU")
        with pytest.raises(OSError, match="too long"):
            client.send(bytes(WIDE - 28))
    assert learnt(unclamped.client.namespace, way.vip.vip) == WIDE - 20


@pytest.mark.parametrize("hops", [2, 3])
def test_time_runs_out(unclamped: Rig, way: Way, hops: int) -> None:
    """At the LB, or behind it at the switch: either way the client hears it from the VIP."""
    with unclamped.client.udp(way.echo) as client:
        report_errors(client, way.vip)
        _set_hops(client, way.vip, hops)
        client.send(b"how far?")
        error = wait(lambda: told(client), 5, "an error")
    assert error is not None and error.offender == way.vip.vip
    assert error.kind == TIME_EXCEEDED[way.vip.version]


def test_time_that_suffices(unclamped: Rig, way: Way) -> None:
    """To the switch, the LB, the switch, the node."""
    with unclamped.client.udp(way.echo) as client:
        _set_hops(client, way.vip, 4)
        client.send(b"far enough")
        assert client.recv(2048) == f"{POD.name} far enough".encode()


def test_a_closed_port_refuses_datagrams(unclamped: Rig, way: Way) -> None:
    """The pod's port unreachable is the client's."""
    with unclamped.client.udp((way.vip.vip, 9)) as client:
        client.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            client.recv(2048)


def _set_hops(client: socket.socket, family: Family, hops: int) -> None:
    if family.version == 4:
        client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
    else:
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)


def test_tracepath(unclamped: Rig, way: Way) -> None:
    """It sees the switch, then the VIP for all that is behind it, and the path's MTU."""
    first, ports = 44444, 32  # it takes another port for each packet that it sends
    unclamped.lb.apply(
        [service(way.vs(first + n, "udp"), {way.rs(POD, CLOSED): 1}) for n in range(ports)]
    )
    vip = way.vip.vip
    with narrow_to_pod(unclamped, way.pods):
        text = unclamped.client.namespace.run(
            "tracepath", "-n", "-m", "6", "-p", str(first), vip, timeout=60
        )
    rows = [line.split() for line in text.splitlines() if re.match(r" *\d+: ", line)]
    seen = [(row[0], row[1]) for row in rows if row[1] not in ("send", "no")]
    assert ("1:", way.vip.client_gateway) in seen, text
    assert {address for hop, address in seen if hop in ("2:", "3:", "4:")} == {vip}, text
    mtu = in_other_family(NARROW, way.pods, way.vip)
    assert "reached" in text and f"pmtu {mtu} hops 4" in text, text

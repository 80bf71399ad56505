# SPDX-License-Identifier: BSD-3-Clause
"""Unreachable hosts, faulty headers and narrow links: the sockets of both ends are told.

client ---- switch ---- lb (slbd)    the switch, or a raw socket in its place, sends the errors;
           |      |                  narrow: the LB itself, whose link carries 1,400 bytes from it
         node1  node2
        pod1a
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6

from rig.addresses import PODS, Family, local_addresses
from rig.icmp import Told, report_errors, told
from rig.lb import LbSettings
from rig.netns import Namespace
from rig.raw import Raw
from rig.rig import Rig
from rig.services import service
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

POD, PORT = PODS[0], 9997
NARROW = 1400
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2
TTL_AT, HOP_LIMIT_AT = 8, 7
# What unreachable hosts are to each family; an IPv6 route of this kind says "no route".
UNREACHABLE = {4: (3, 1), 6: (1, 0)}
PARAMETER = {4: (12, 0), 6: (4, 0)}
POINTER = {4: TTL_AT, 6: HOP_LIMIT_AT}
Ends = tuple[socket.socket, socket.socket]


@contextmanager
def ends(rig: Rig, way: Way) -> Iterator[Ends]:
    """A client's socket and the pod's, which has had a question and is connected to its sender."""
    rig.lb.apply(
        [
            service(way.vs(7, "udp"), {way.rs(POD, PORT): 1}),
            service(way.vs(80, "tcp"), {way.rs(POD): 1}),
        ]
    )
    assert rig.client.http(2, target=way.http).failures == []
    at = (POD.at(way.pods), PORT)
    kind = socket.AF_INET6 if way.pods.version == 6 else socket.AF_INET

    def serve() -> socket.socket:
        made = socket.socket(kind, socket.SOCK_DGRAM)
        made.bind(at)
        made.settimeout(5)
        return made

    with rig.client.udp(way.echo) as client, rig.node(POD.node).call(serve) as server:
        report_errors(client, way.vip)
        report_errors(server, way.pods)
        client.send(b"hello")
        _, peer = server.recvfrom(99)
        server.connect(peer)
        yield client, server


def hears(end: socket.socket) -> Told:
    """The error that an end is told."""
    error = wait(lambda: told(end), 5, "an error")
    assert error is not None
    return error


@contextmanager
def unreachable(switch: Namespace, family: Family, host: str) -> Iterator[None]:
    """The switch says that it cannot reach a host."""
    words = (f"-{family.version}", "route")
    switch.ip(*words, "add", "unreachable", f"{host}/{32 if family.version == 4 else 128}")
    try:
        yield
    finally:
        switch.ip(*words, "del", "unreachable", f"{host}/{32 if family.version == 4 else 128}")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_pod_is_unreachable(rig: Rig, way: Way) -> None:
    with ends(rig, way) as (client, _):
        with unreachable(rig.switch.namespace, way.pods, POD.at(way.pods)):
            client.send(b"anybody?")
            error = hears(client)
    assert (error.offender, error.kind) == (way.vip.vip, UNREACHABLE[way.vip.version])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_client_is_unreachable(rig: Rig, way: Way) -> None:
    with ends(rig, way) as (client, server):
        with unreachable(rig.switch.namespace, way.vip, client.getsockname()[0]):
            server.send(b"anybody?")
            error = hears(server)
    assert error.offender in local_addresses(rig.settings.workers, way.pods)
    assert error.kind == UNREACHABLE[way.pods.version]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_client_hears_of_a_faulty_header(rig: Rig, way: Way) -> None:
    """The pointer is that of the same field in the client's own header."""
    with ends(rig, way) as (client, _), Raw(rig.node(POD.node)) as raw:
        client.send(b"faulty")
        packet = raw.see(lambda p: UDP in p and p[UDP].dport == PORT)
        complain(rig.switch.namespace, packet)
        error = hears(client)
    assert (error.offender, error.kind) == (way.vip.vip, PARAMETER[way.vip.version])
    assert error.info == POINTER[way.vip.version]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_pod_hears_of_a_faulty_header(rig: Rig, way: Way) -> None:
    with ends(rig, way) as (_, server), Raw(rig.client.namespace) as raw:
        server.send(b"faulty")
        packet = raw.see(lambda p: UDP in p and p[UDP].sport == 7)
        complain(rig.switch.namespace, packet)
        error = hears(server)
    assert error.offender in local_addresses(rig.settings.workers, way.pods)
    assert (error.kind, error.info) == (PARAMETER[way.pods.version], POINTER[way.pods.version])


def complain(router: Namespace, packet: IP | IPv6) -> None:
    """A router tells the sender of a packet that its TTL or hop limit is faulty."""
    if isinstance(packet, IP):
        message = bytes(ICMP(type=12, code=0, ptr=TTL_AT) / bytes(packet))
        kind, protocol = socket.AF_INET, socket.IPPROTO_ICMP
    else:
        # The kernel makes the checksum.
        message = struct.pack("!BBHI", 4, 0, 0, HOP_LIMIT_AT) + bytes(packet)
        kind, protocol = socket.AF_INET6, socket.IPPROTO_ICMPV6

    def send() -> None:
        with socket.socket(kind, socket.SOCK_RAW, protocol) as out:
            out.sendto(message, (packet.src, 0))

    router.call(send)


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def narrow_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig whose load balancer sends at most 1,400 bytes."""
    with Rig(LbSettings(workers=request.param, ospf=False, mtu=NARROW)) as rig:
        yield rig


def header(family: Family) -> int:
    """Bytes of a family's header."""
    return {4: 20, 6: 40}[family.version]


def too_big(sender: socket.socket, here: Family, there: Family) -> None:
    """Who sends what does not fit is told by the load balancer what would, and that does."""
    mtu = NARROW - header(there) + header(here)
    if here.version == 4:
        sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
    else:
        sender.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
    sender.send(bytes(1500 - header(here) - 8))
    error = hears(sender)
    assert (error.kind, error.info) == ({4: (3, 4), 6: (2, 0)}[here.version], mtu)
    with pytest.raises(OSError, match="too long"):
        sender.send(bytes(mtu - header(here) - 8 + 1))
    fits = bytes(mtu - header(here) - 8)
    try:
        sender.send(fits)
    except OSError:
        # The kernel queues the load balancer's error first, and only then has the next call fail
        # for it that comes to sending: not of the two before, if they were quick. It does so once.
        sender.send(fits)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_narrow_link_of_the_load_balancer(narrow_rig: Rig, way: Way) -> None:
    """Both ends hear of it; as long as it may be, their packets arrive."""
    rig = narrow_rig
    for namespace in (rig.client.namespace, rig.node(POD.node)):
        for version in ("-4", "-6"):
            namespace.ip(version, "route", "flush", "cache")
    with ends(rig, way) as (client, server):
        too_big(client, way.vip, way.pods)
        assert len(server.recv(2048)) == NARROW - header(way.pods) - 8
        too_big(server, way.pods, way.vip)
        assert len(client.recv(2048)) == NARROW - header(way.vip) - 8

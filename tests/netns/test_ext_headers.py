# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 extension headers that real kernels send: between IPv6 and IPv6 they stay, IPv4 has none.

client ---- switch ---- lb (slbd)
 options   |      |
         node1  node2
        pod1a,b pod2a,b
"""

import socket

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.packet import Packet

from rig.addresses import ECHO_PORT, PODS, V4, V6
from rig.raw import Raw
from rig.rig import Rig
from rig.services import service
from rig.ways import Way

pytestmark = pytest.mark.netns

# Eight bytes: next header and length, which the kernel sets, and an option that pads the rest.
PADDING = bytes((0, 0, 1, 4, 0, 0, 0, 0))
HEADERS = {
    "hop-by-hop": ({socket.IPV6_HOPOPTS: PADDING}, [IPv6ExtHdrHopByHop]),
    "destination": ({socket.IPV6_DSTOPTS: PADDING}, [IPv6ExtHdrDestOpt]),
    "both": (
        {socket.IPV6_HOPOPTS: PADDING, socket.IPV6_DSTOPTS: PADDING},
        [IPv6ExtHdrHopByHop, IPv6ExtHdrDestOpt],
    ),
}


def serve(rig: Rig, way: Way) -> None:
    """The echo on one pod. Lost datagrams are not repeated, so the neighbours must be known."""
    rig.lb.apply(
        [
            service(way.vs(7, "udp"), {way.rs(PODS[0], ECHO_PORT): 1}),
            service(way.vs(80, "tcp"), {way.rs(PODS[0]): 1}),
        ]
    )
    assert rig.client.http(4, target=way.http).failures == []


def client(rig: Rig, way: Way, options: dict[int, bytes]) -> socket.socket:
    """A UDP client whose packets have these headers."""
    made = rig.client.udp(way.echo)
    for option, value in options.items():
        made.setsockopt(socket.IPPROTO_IPV6, option, value)
    return made


@pytest.mark.parametrize("headers", HEADERS)
def test_they_reach_an_ipv6_rs(rig: Rig, headers: str) -> None:
    way = Way(V6, V6)
    options, kinds = HEADERS[headers]
    serve(rig, way)
    with Raw(rig.node(PODS[0].node)) as raw, client(rig, way, options) as asks:
        for size in (1, 100, 1400):
            asks.send(bytes(size))
            seen = raw.see(lambda p: UDP in p and p[UDP].dport == ECHO_PORT)
            assert isinstance(seen, IPv6)
            assert [kind for kind in kinds if kind in seen] == kinds
            assert asks.recv(2048).endswith(bytes(size))


@pytest.mark.parametrize("headers", HEADERS)
def test_ipv4_rs_get_the_datagram_without(rig: Rig, headers: str) -> None:
    way = Way(V6, V4)
    options, _ = HEADERS[headers]
    serve(rig, way)

    def to_pod(packet: Packet) -> bool:
        return UDP in packet and packet[UDP].dport == ECHO_PORT

    with Raw(rig.node(PODS[0].node)) as raw, client(rig, way, options) as asks:
        for size in (1, 100, 1400):
            asks.send(bytes(size))
            seen = raw.see(to_pod)
            assert (seen.ihl, seen.proto) == (5, socket.IPPROTO_UDP)
            assert asks.recv(2048).endswith(bytes(size))

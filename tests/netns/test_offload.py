# SPDX-License-Identifier: BSD-3-Clause
"""A port whose device sees to checksums; net_tap does, in software, when it is told to.

client ---- switch ---- [lan0 | slbd | slb0] kernel of the LB
               |
             nodes with pods
"""

import socket
from collections.abc import Iterator

import pytest
from packets.frames import patched, udp

from rig.addresses import DATA_LINK, V4, V6
from rig.lb import LbSettings
from rig.rig import Rig
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

SO_NO_CHECK = 11
IP_CHECKSUM = 24


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def offloading(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig of this kind, with each number of workers."""
    port = {"checksum_offload": "on"}
    with Rig(LbSettings(workers=request.param, ospf=False, port=port)) as rig:
        yield rig


def dropped(rig: Rig) -> int:
    """Packets whose checksum was found to be wrong."""
    rows = {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}
    return int(rows["BAD_CHECKSUM"])


def test_it_is_said(offloading: Rig) -> None:
    (port,) = offloading.lb.items("/v1/ports")
    assert (port["rx_checksum"], port["tx_checksum"]) == (True, True)
    assert "rx tx" in offloading.lb.ctl("port", "list")


def test_a_wrong_header_checksum_is_dropped_at_once(offloading: Rig) -> None:
    way = Way(V4, V4)
    offloading.lb.apply(way.services())
    (port,) = offloading.lb.items("/v1/ports")
    frame = bytes(udp(dst=V4.vip, src=V4.clients[0], dport=way.echo[1]))
    frame = bytes.fromhex(port["mac"].replace(":", "")) + frame[6:]

    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
            link.bind((DATA_LINK, 0))
            link.send(patched(frame, IP_CHECKSUM, b"\xbe\xef"))

    assert dropped(offloading) == 0
    offloading.switch.namespace.call(send)
    wait(lambda: dropped(offloading) == 1, 5, "the drop to be counted")


def test_the_device_makes_the_checksum_that_ipv4_left_out(offloading: Rig) -> None:
    """The kernel of the pod takes no IPv6 datagram with a wrong one."""
    way = Way(V4, V6)
    offloading.lb.apply(way.services())
    # Lost datagrams are not repeated, so the neighbours must be known.
    assert offloading.client.http(4, target=way.http).failures == []
    with offloading.client.udp(way.echo) as client:
        client.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        for size in (1, 2, 999, 1400):
            client.send(bytes(size))
            assert client.recv(2048).endswith(bytes(size))


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_all_else_goes_on(offloading: Rig, way: Way) -> None:
    offloading.lb.apply(way.services())
    assert offloading.client.http(40, target=way.http).failures == []
    assert offloading.client.dns(40, target=way.dns).failures == []

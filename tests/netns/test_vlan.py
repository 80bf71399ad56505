# SPDX-License-Identifier: BSD-3-Clause
"""A port in a VLAN: everything slbd and its kernel interface send bears the tag, and nothing else
is taken.

client ---- switch ==== [trunk0 | slbd | slb0] kernel of the LB
                   VLAN 7 only
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from packets.frames import udp

from rig.addresses import LB, SWITCH, V4, V6, Family
from rig.lb import LbSettings
from rig.links import TRUNK_LINK, PacketLink, TapLink, VlanLink
from rig.payload import data, digest
from rig.rig import Rig
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

VLAN = 7
SIZE = 2_000_000


# A packet socket tells a tap's queues apart by what it takes for the header of a tagged packet, so
# that one flow comes to several; a veth pair has one queue.
UNDER = {"w1": (1, TapLink(end=TRUNK_LINK)), "w2": (2, PacketLink(end=TRUNK_LINK))}


@pytest.fixture(scope="module", params=UNDER)
def tagged(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig whose switch passes on one VLAN only; OSPF over IPv4 and IPv6 is Full."""
    workers, under = UNDER[request.param]
    settings = LbSettings(workers=workers, link=VlanLink(under, VLAN), port={"vlan": VLAN})
    with Rig(settings) as rig:
        rig.wait_ospf()
        yield rig


def strays(rig: Rig) -> list[str]:
    """What came over the trunk without the tag."""
    lines = (rig.registry.directory / "trunk.log").read_text().splitlines()
    return [line for line in lines if line.startswith("VLAN ")]


def dropped(rig: Rig) -> int:
    rows = {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}
    return int(rows["VLAN"])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_requests_are_answered(tagged: Rig, way: Way, tmp_path: Path) -> None:
    tagged.lb.apply(way.services())
    assert tagged.client.http(100, width=20, target=way.http).failures == []
    assert tagged.client.dns(100, target=way.dns).failures == []
    body = tagged.client.download(f"{way.url}/bytes/{SIZE}", tmp_path / "down")
    assert digest(body) == digest(data(SIZE))
    (tmp_path / "up").write_bytes(body)
    answer = tagged.client.curl("--data-binary", f"@{tmp_path / 'up'}", f"{way.url}/upload")
    assert answer.split() == [str(SIZE), digest(body)]
    assert strays(tagged) == []


@pytest.mark.parametrize("family", [V4, V6], ids=["v4", "v6"])
def test_ping(tagged: Rig, family: Family) -> None:
    """The VIP by a worker, the own address by the kernel, whose answers are tagged as well."""
    tagged.lb.apply(Way(family, family).services())
    for address in (family.vip, family.lb):
        assert tagged.client.ping(address, "-c", "3", "-i", "0.1") == (3, 3)
    # As long as a frame may be.
    header = 28 if family is V4 else 48
    words = ("-c", "2", "-i", "0.1", "-M", "do", "-s", str(1500 - header))
    assert tagged.client.ping(family.lb, *words) == (2, 2)
    assert strays(tagged) == []


def test_neighbours_are_found_anew(tagged: Rig) -> None:
    """ARP and neighbour discovery, asked by either side."""
    for family, switch in ((V4, SWITCH), (V6, V6.switch)):
        for namespace, link in ((tagged.switch.namespace, "lan0"), (tagged.lb.namespace, "slb0")):
            namespace.ip(f"-{family.version}", "neigh", "flush", "dev", link)
        assert tagged.client.ping(family.lb, "-c", "2", "-i", "0.1") == (2, 2)
        tagged.lb.namespace.run("ping", "-n", "-c", "1", switch)
    assert LB in tagged.switch.namespace.ip("neigh", "show", "dev", "lan0")
    assert strays(tagged) == []


@pytest.mark.parametrize("tag", [b"", b"\x81\x00\x00\x08", b"\x81\x00\x00\x08\x81\x00\x00\x07"])
def test_other_frames_are_dropped(tagged: Rig, tag: bytes) -> None:
    """Without a tag, of another VLAN, and in a VLAN within another."""
    (port,) = tagged.lb.items("/v1/ports")
    plain = bytes(udp(dst=V4.vip, src=V4.clients[0], dport=53))
    frame = bytes.fromhex(port["mac"].replace(":", "")) + plain[6:12] + tag + plain[12:]
    before = dropped(tagged)

    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
            link.bind((TRUNK_LINK, 0))
            link.send(frame)

    tagged.switch.namespace.call(send)
    wait(lambda: dropped(tagged) == before + 1, 5, "the drop to be counted")

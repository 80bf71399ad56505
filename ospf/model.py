# SPDX-License-Identifier: BSD-3-Clause
"""What the package is told and what it tells; the names it uses inside BIRD."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Flag, auto
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from ospf.adjacency import Adjacency
from slb.model.config import Ospf
from slb.model.views import OspfNeighbour, OspfView

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Family:
    """An address family: the OSPF that carries it, and the names of what is ours inside BIRD.

    Every symbol of ours begins with slb, so that it does not meet one of the operator's.
    """

    version: Literal[4, 6]
    title: str
    channel: str
    protocol: str
    table: str
    master: str
    announce: str
    ospf: str
    learnt: str
    kernel: str
    # The types of a router's own LSA and of one for a prefix from outside OSPF, as BIRD shows them.
    router_lsa: str
    external_lsa: str


# OSPFv2, RFC 2328.
IPV4 = Family(
    version=4,
    title="OSPFv2",
    channel="ipv4",
    protocol="ospf v2",
    table="slb4",
    master="master4",
    announce="slb_announce",
    ospf="slb_ospf",
    learnt="slb_learnt",
    kernel="slb_kernel",
    router_lsa="0001",
    external_lsa="0005",
)
# OSPFv3, RFC 5340.
IPV6 = Family(
    version=6,
    title="OSPFv3",
    channel="ipv6",
    protocol="ospf v3",
    table="slb6",
    master="master6",
    announce="slb_announce6",
    ospf="slb_ospf6",
    learnt="slb_learnt6",
    kernel="slb_kernel6",
    router_lsa="2001",
    external_lsa="4005",
)
FAMILIES = (IPV4, IPV6)
# Match a protocol of either family, in one command that works for all or for none.
ANNOUNCE_ALL = "slb_announce*"
OSPF_ALL = "slb_ospf*"


def families(versions: Iterable[int]) -> tuple[Family, ...]:
    """Families of these IP versions, in one order."""
    wanted = set(versions)
    return tuple(family for family in FAMILIES if family.version in wanted)


def ordered(prefixes: Iterable[Network]) -> tuple[Network, ...]:
    """Each prefix once, IPv4 before IPv6."""
    return tuple(sorted(set(prefixes), key=lambda p: (p.version, p.network_address, p.prefixlen)))


@dataclass(frozen=True)
class Setup:
    """The settings with their defaults resolved, and a directory for a BIRD of ours.

    `families` are spoken from the start; a prefix of another has that one spoken as well.
    """

    ospf: Ospf
    router_id: IPv4Address
    interfaces: tuple[str, ...]
    runtime_dir: Path
    families: tuple[Family, ...] = (IPV4,)
    # By the file they were read from; never shown.
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def stub(self) -> bool:
        """Whether the prefixes are networks of this router, and not external routes."""
        return self.ospf.route_type == "stub"


class Phase(Flag):
    """What makes a configuration another than the usual one."""

    USUAL = 0
    # The metric is raised, so that neighbours take other ways.
    DRAINING = auto()
    # For a BIRD whose neighbours wait for it.
    RESTARTING = auto()
    # The kernel keeps the routes of a BIRD that died, until this one has learnt them.
    KEEPING = auto()


@dataclass(frozen=True)
class OspfStatus:
    """What BIRD says now; `running`: it answers; `error` and `lost` as in OspfView.

    `adjacency` has an entry for each family that is spoken, by IP version.
    """

    mode: str
    running: bool
    router_id: str
    neighbours: tuple[OspfNeighbour, ...]
    announced: tuple[Network, ...]
    withheld: str | None
    adjacency: Mapping[int, Adjacency]
    error: str | None
    restarting: bool = False
    lost: tuple[str, ...] = ()

    def view(self) -> OspfView:
        """The part that the API serves."""
        titles: dict[int, str] = {family.version: family.title for family in FAMILIES}
        return OspfView(
            mode=self.mode,
            running=self.running,
            router_id=self.router_id,
            neighbours=list(self.neighbours),
            announced=[str(prefix) for prefix in self.announced],
            withheld=self.withheld,
            adjacency={titles[v]: str(state) for v, state in self.adjacency.items()},
            error=self.error,
            restarting=self.restarting,
            lost=list(self.lost),
        )

# SPDX-License-Identifier: BSD-3-Clause
"""What the package is told and what it tells; the names it uses inside BIRD."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

from slb.model.config import Ospf
from slb.model.views import OspfNeighbour, OspfView

# Every symbol of ours begins with slb, so that it does not meet one of the operator's.
TABLE = "slb4"
ANNOUNCE = "slb_announce"
OSPF = "slb_ospf"
LEARNT = "slb_learnt"
KERNEL = "slb_kernel"


@dataclass(frozen=True)
class Setup:
    """The settings with their defaults resolved, and a directory for a BIRD of ours."""

    ospf: Ospf
    router_id: IPv4Address
    interfaces: tuple[str, ...]
    runtime_dir: Path
    network: Literal["broadcast", "ptp"] = "broadcast"


@dataclass(frozen=True)
class OspfStatus:
    """What BIRD says now; `error`: why it is not known, or why BIRD does not follow."""

    mode: str
    running: bool
    router_id: str
    neighbours: tuple[OspfNeighbour, ...]
    announced: tuple[IPv4Network, ...]
    withheld: str | None
    adjacency: str
    error: str | None

    def view(self) -> OspfView:
        """The part that the API serves."""
        return OspfView(
            mode=self.mode,
            running=self.running,
            router_id=self.router_id,
            neighbours=list(self.neighbours),
            announced=[str(prefix) for prefix in self.announced],
            withheld=self.withheld,
        )

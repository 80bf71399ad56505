# SPDX-License-Identifier: BSD-3-Clause
"""A data port that is a bond of two taps; the switch's end of it stands in the LB's namespace.

    [slbd]==m0, m1==[lag.py] up0 ---- DATA_LINK [switch]

The taps stay where slbd can see their links.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.addresses import DATA_LINK
from rig.netns import Namespace
from rig.process import Process
from rig.registry import Registry

MEMBERS = ("m0", "m1")
DEVICES = ("net_tap0", "net_tap1")
_UPLINK = "up0"
# The host's own stack would answer for its addresses by these links, too.
_DEAF = (
    "add table netdev slb; add chain netdev slb ingress { type filter hook ingress "
    f"devices = {{ {', '.join((*MEMBERS, _UPLINK))} }} priority 0; policy drop; }}"
)
_LAG = Path(__file__).with_name("lag.py")
_FAR = {"active-backup": "learning", "balance-xor": "static", "lacp": "lacp"}


@dataclass(frozen=True)
class BondLink:
    """In one of the modes of ports[].bond.mode."""

    mode: str

    def port(self, **bond: Any) -> dict[str, Any]:
        """The keys of the port in slb.yaml."""
        members = [f"{d},iface={m}" for d, m in zip(DEVICES, MEMBERS, strict=True)]
        few = {"rx_descriptors": 512, "tx_descriptors": 512}
        return {"members": members, "bond": {"mode": self.mode, **bond}, **few}

    def device(self, _directory: Path) -> str:
        """As in Link: none, but members."""
        return ""

    def prepare(self, _lb: Namespace, _switch: Namespace) -> None:
        """Nothing."""

    def attach(self, registry: Registry, lb: Namespace, switch: Namespace) -> list[Process]:
        """Make the switch's end."""
        lb.ip("link", "add", _UPLINK, "type", "veth", "peer", DATA_LINK, "netns", switch.name)
        for name in (*MEMBERS, _UPLINK):
            lb.ip("link", "set", name, "addrgenmode", "none")
            lb.ip("link", "set", name, "promisc", "on", "up")
        lb.run("nft", _DEAF)
        # It would hand on packets that are not cut to size yet.
        switch.run("ethtool", "-K", DATA_LINK, "tso", "off", "gso", "off", check=False)
        words = [sys.executable, str(_LAG), _FAR[self.mode], _UPLINK, *MEMBERS]
        return [Process(registry, lb, "lag", words)]

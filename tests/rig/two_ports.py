# SPDX-License-Identifier: BSD-3-Clause
"""A second port between LB and switch, on a network of its own.

    client -- [switch] DATA_LINK --- slb0 port lan0   192.0.2.0/24, 2001:db8:2::/64
                       SECOND_LINK - slb1 port lan1   192.0.3.0/24, 2001:db8:3::/64

There is no OSPF: the switch's routes to services and local addresses are static, and a test's to
say.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from rig.addresses import FAMILIES, SWITCH_MAC, V4, Family
from rig.links import TapLink
from rig.netns import Namespace
from rig.process import Process
from rig.registry import Registry

SECOND_LINK = "lan1"
SECOND_KERNEL_LINK = "slb1"
SECOND = "lan1"
# Of the rig's buffers there are enough for two ports with so many descriptors.
FEW = {"rx_descriptors": 512, "tx_descriptors": 512}


def second(family: Family) -> tuple[str, str]:
    """The switch's and the LB's address on the second link."""
    net = "192.0.3." if family is V4 else "2001:db8:3::"
    return f"{net}1", f"{net}2"


def local(family: Family, count: int, number: int) -> list[str]:
    """So many addresses of the first (0) or second (1) link's network, which neighbours ask for."""
    own = (family.lb, second(family)[1])[number]
    return [str(ip_address(own) + 100 + n) for n in range(count)]


def second_port(routes: list[dict[str, str]], laddrs: list[str]) -> dict[str, Any]:
    """The port in slb.yaml."""
    return {
        "name": SECOND,
        "device": f"net_tap1,iface={SECOND_LINK}",
        "kernel_interface": {"name": SECOND_KERNEL_LINK},
        "addresses": [f"{second(family)[1]}/{family.length}" for family in FAMILIES],
        "routes": routes,
        "local_addresses": laddrs,
        **FEW,
    }


@dataclass(frozen=True)
class TwoTaps(TapLink):
    """Both of them taps, whose kernel ends are moved into the switch."""

    def attach(self, registry: Registry, lb: Namespace, switch: Namespace) -> list[Process]:
        """As in Link, with the second link set up at once."""
        lb.ip("link", "set", SECOND_LINK, "netns", switch.name)
        switch.ip("link", "set", SECOND_LINK, "address", SWITCH_MAC[:-2] + "02")
        for family in FAMILIES:
            address = f"{second(family)[0]}/{family.length}"
            switch.ip("address", "add", address, "dev", SECOND_LINK)
        switch.ip("link", "set", SECOND_LINK, "up")
        return super().attach(registry, lb, switch)

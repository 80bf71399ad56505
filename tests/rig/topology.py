# SPDX-License-Identifier: BSD-3-Clause
"""Namespaces, links, addresses and routes of the rig, without any process in them.

Checksums: on a veth a locally sent packet has an unfinished checksum and is forwarded like that.
The kernel finishes it when it hands the packet to a device that cannot, and a tap opened without
offloads, as DPDK's net_tap opens it, is such a device. `set_up_data_link` switches the offload off
there all the same: a tap that did take unfinished packets would give the data plane checksums that
no incremental update can put right, and the fault would look like the load balancer's.
"""

from pathlib import Path

from rig.addresses import (
    DATA_LINK,
    FAMILIES,
    NODES,
    PODS,
    SWITCH_MAC,
    Family,
    node_link,
    pod_subnet,
)
from rig.netns import Namespace
from rig.registry import Registry

ETHERNET_MTU = 1500


class Topology:
    """The five namespaces and the links between them."""

    def __init__(self, registry: Registry, mtu: int = ETHERNET_MTU) -> None:
        """Create everything but the link to the LB, which slbd creates; `mtu`: of every link."""
        self._mtu = str(mtu)
        self.client = Namespace(registry, "client", ipv6=True)
        self.switch = Namespace(registry, "switch", ipv6=True)
        self.lb = Namespace(registry, "lb", ipv6=True)
        self.nodes = {n: Namespace(registry, f"node{n}", ipv6=True) for n in NODES}
        for namespace in self.all():
            namespace.ip("link", "set", "lo", "up")
        self.switch.call(_forward)
        self._join_client()
        for number in NODES:
            self._join_node(number)

    def all(self) -> list[Namespace]:
        """Every namespace."""
        return [self.client, self.switch, self.lb, *self.nodes.values()]

    def set_up_data_link(self) -> None:
        """Set up the switch's end of slbd's data port."""
        self.switch.ip("link", "set", DATA_LINK, "address", SWITCH_MAC)
        self.switch.run("ethtool", "-K", DATA_LINK, "tx", "off", check=False)
        for family in FAMILIES:
            address = f"{family.switch}/{family.length}"
            self.switch.ip("address", "replace", address, "dev", DATA_LINK)
        self.switch.ip("link", "set", DATA_LINK, "mtu", self._mtu, "up")

    def delete(self) -> None:
        """Remove the namespaces, and with them all that is in them."""
        for namespace in self.all():
            namespace.delete()

    def _join_client(self) -> None:
        self._veth(self.client, "eth0", "to-client")
        for family in FAMILIES:
            gateway, length = family.client_gateway, family.length
            self.switch.ip("address", "add", f"{gateway}/{length}", "dev", "to-client")
            for address in family.clients:
                self.client.ip("address", "add", f"{address}/{length}", "dev", "eth0")
            self.client.ip("route", "add", "default", "via", gateway)

    def _join_node(self, number: int) -> None:
        self._veth(self.nodes[number], "eth0", f"to-node{number}")
        for family in FAMILIES:
            self._address_node(number, family)

    def _address_node(self, number: int, family: Family) -> None:
        node = self.nodes[number]
        above, below = node_link(number, family)
        self.switch.ip("address", "add", f"{above}/{family.length}", "dev", f"to-node{number}")
        node.ip("address", "add", f"{below}/{family.length}", "dev", "eth0")
        for pod in PODS:
            if pod.node == number:
                node.ip("address", "add", pod.at(family), "dev", "lo")
        node.ip("route", "add", "default", "via", above)
        self.switch.ip("route", "add", pod_subnet(number, family), "via", below)

    def _veth(self, namespace: Namespace, name: str, switch_name: str) -> None:
        end = ("peer", "name", switch_name, "netns", self.switch.name, "mtu", self._mtu)
        namespace.ip("link", "add", name, "mtu", self._mtu, "type", "veth", *end)
        namespace.ip("link", "set", name, "up")
        self.switch.ip("link", "set", switch_name, "up")


def _forward() -> None:
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")

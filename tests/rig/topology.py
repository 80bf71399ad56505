# SPDX-License-Identifier: BSD-3-Clause
"""Namespaces, links, addresses and routes of the rig, without any process in them.

Checksums: on a veth a locally sent packet has an unfinished checksum and is forwarded like that.
The kernel finishes it when it hands the packet to a device that cannot, and a tap opened without
offloads, as DPDK's net_tap opens it, is such a device. `attach_data_link` switches the offload off
there all the same: a tap that did take unfinished packets would give the data plane checksums that
no incremental update can put right, and the fault would look like the load balancer's.
"""

from pathlib import Path

from rig.addresses import (
    CLIENT_GATEWAY,
    CLIENTS,
    DATA_LINK,
    LB_PREFIX,
    NODES,
    PODS,
    SWITCH,
    SWITCH_MAC,
    node_link,
    pod_subnet,
)
from rig.netns import Namespace
from rig.registry import Registry


class Topology:
    """The five namespaces and the links between them."""

    def __init__(self, registry: Registry) -> None:
        """Create everything but the link to the LB, which slbd creates."""
        self.client = Namespace(registry, "client")
        self.switch = Namespace(registry, "switch")
        self.lb = Namespace(registry, "lb")
        self.nodes = {number: Namespace(registry, f"node{number}") for number in NODES}
        for namespace in self.all():
            namespace.ip("link", "set", "lo", "up")
        self.switch.call(lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"))
        self._join_client()
        for number in NODES:
            self._join_node(number)

    def all(self) -> list[Namespace]:
        """Every namespace."""
        return [self.client, self.switch, self.lb, *self.nodes.values()]

    def attach_data_link(self) -> None:
        """Move the kernel end of slbd's data port into the switch and set it up there."""
        self.lb.ip("link", "set", DATA_LINK, "netns", self.switch.name)
        self.switch.ip("link", "set", DATA_LINK, "address", SWITCH_MAC)
        self.switch.run("ethtool", "-K", DATA_LINK, "tx", "off", check=False)
        self.switch.ip("address", "add", f"{SWITCH}/{LB_PREFIX}", "dev", DATA_LINK)
        self.switch.ip("link", "set", DATA_LINK, "up")

    def delete(self) -> None:
        """Remove the namespaces, and with them all that is in them."""
        for namespace in self.all():
            namespace.delete()

    def _join_client(self) -> None:
        self._veth(self.client, "eth0", "to-client")
        self.switch.ip("address", "add", f"{CLIENT_GATEWAY}/24", "dev", "to-client")
        for address in CLIENTS:
            self.client.ip("address", "add", f"{address}/24", "dev", "eth0")
        self.client.ip("route", "add", "default", "via", CLIENT_GATEWAY)

    def _join_node(self, number: int) -> None:
        node, link = self.nodes[number], f"to-node{number}"
        above, below = node_link(number)
        self._veth(node, "eth0", link)
        self.switch.ip("address", "add", f"{above}/30", "dev", link)
        node.ip("address", "add", f"{below}/30", "dev", "eth0")
        for pod in PODS:
            if pod.node == number:
                node.ip("address", "add", f"{pod.address}/32", "dev", "lo")
        node.ip("route", "add", "default", "via", above)
        self.switch.ip("route", "add", pod_subnet(number), "via", below)

    def _veth(self, namespace: Namespace, name: str, switch_name: str) -> None:
        end = ("peer", "name", switch_name, "netns", self.switch.name)
        namespace.ip("link", "add", name, "type", "veth", *end)
        namespace.ip("link", "set", name, "up")
        self.switch.ip("link", "set", switch_name, "up")

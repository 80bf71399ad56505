# SPDX-License-Identifier: BSD-3-Clause
"""Who has which address in the rig; all of them exist inside its namespaces only."""

from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

SERVICE_SUBNET = "10.96.0.0/16"
VIP = "10.96.0.10"
CLIENTS = ("203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.13")
CLIENT_GATEWAY = "203.0.113.1"

SWITCH = "192.0.2.1"
LB = "192.0.2.2"
LB_PREFIX = 24
# The data port keeps the MAC address that its tap was born with, so the switch's end needs another.
SWITCH_MAC = "02:00:5e:00:53:01"

# Names of slbd's two interfaces: the data port's kernel end, and the kernel interface of the port.
DATA_LINK = "lan0"
KERNEL_LINK = "slb0"

HTTP_PORT = 8080
ECHO_PORT = 7007
DNS_PORT = 5353

HTTP = (VIP, 80)
ECHO = (VIP, 7)
DNS = (VIP, 53)
HTTP_VS = f"{VIP}:80/tcp"
ECHO_VS = f"{VIP}:7/udp"
DNS_VS = f"{VIP}:53/udp"


@dataclass(frozen=True)
class Pod:
    """One pod: its name, which it answers with, its address and its node's number."""

    name: str
    address: str
    node: int

    @property
    def http(self) -> str:
        """Its HTTP server as an RS."""
        return f"{self.address}:{HTTP_PORT}"

    @property
    def echo(self) -> str:
        """Its UDP echo service as an RS."""
        return f"{self.address}:{ECHO_PORT}"

    @property
    def dns(self) -> str:
        """Its DNS responder as an RS."""
        return f"{self.address}:{DNS_PORT}"


PODS = (
    Pod("pod1a", "10.10.1.1", 1),
    Pod("pod1b", "10.10.1.2", 1),
    Pod("pod2a", "10.10.2.1", 2),
    Pod("pod2b", "10.10.2.2", 2),
)
NODES = (1, 2)


def node_link(node: int) -> tuple[str, str]:
    """The switch's and the node's address of the link between them."""
    return f"172.31.{node}.1", f"172.31.{node}.2"


def pod_subnet(node: int) -> str:
    """The pods of a node."""
    return f"10.10.{node}.0/24"


def local_addresses(workers: int) -> list[str]:
    """Two local addresses a worker."""
    return [f"198.18.0.{number}" for number in range(1, 2 * workers + 1)]


def local_prefixes(workers: int) -> set[str]:
    """The routes that cover exactly these, written as the kernel does: without a length of 32."""
    hosts = [IPv4Network(address) for address in local_addresses(workers)]
    return {str(net).removesuffix("/32") for net in collapse_addresses(hosts)}

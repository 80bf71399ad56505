# SPDX-License-Identifier: BSD-3-Clause
"""Who has which address in the rig; all of them exist inside its namespaces only."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address


@dataclass(frozen=True)
class Family:
    """What one family's addresses are; `length` is that of every link's prefix."""

    version: int
    length: int
    service_subnet: str
    vip: str
    clients: tuple[str, ...]
    client_gateway: str
    switch: str
    lb: str
    # The pods of all nodes, which the switch announces.
    pods: str


V4 = Family(
    version=4,
    length=24,
    service_subnet="10.96.0.0/16",
    vip="10.96.0.10",
    clients=("203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.13"),
    client_gateway="203.0.113.1",
    switch="192.0.2.1",
    lb="192.0.2.2",
    pods="10.10.0.0/16",
)
V6 = Family(
    version=6,
    length=64,
    service_subnet="2001:db8:96::/64",
    vip="2001:db8:96::10",
    clients=("2001:db8:203::10", "2001:db8:203::11", "2001:db8:203::12", "2001:db8:203::13"),
    client_gateway="2001:db8:203::1",
    switch="2001:db8:2::1",
    lb="2001:db8:2::2",
    pods="2001:db8:10::/56",
)
FAMILIES = (V4, V6)

SERVICE_SUBNET, VIP, CLIENTS = V4.service_subnet, V4.vip, V4.clients
SWITCH, LB = V4.switch, V4.lb
# The data port keeps the MAC address that its tap was born with, so the switch's end needs another.
SWITCH_MAC = "02:00:5e:00:53:01"

# Names of slbd's two interfaces: the data port's kernel end, and the kernel interface of the port.
DATA_LINK = "lan0"
KERNEL_LINK = "slb0"

HTTP_PORT = 8080
ECHO_PORT = 7007
DNS_PORT = 5353
HTTPS_PORT = 8443
GRPC_PORT = 50051

HTTP = (VIP, 80)
ECHO = (VIP, 7)
DNS = (VIP, 53)
HTTP_VS = f"{VIP}:80/tcp"
ECHO_VS = f"{VIP}:7/udp"
DNS_VS = f"{VIP}:53/udp"


@dataclass(frozen=True)
class Pod:
    """One pod: its name, which it answers with, its addresses and its node's number."""

    name: str
    address: str
    address6: str
    node: int

    def at(self, family: Family) -> str:
        """Its address of a family."""
        return self.address if family is V4 else self.address6

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
    Pod("pod1a", "10.10.1.1", "2001:db8:10:1::1", 1),
    Pod("pod1b", "10.10.1.2", "2001:db8:10:1::2", 1),
    Pod("pod2a", "10.10.2.1", "2001:db8:10:2::1", 2),
    Pod("pod2b", "10.10.2.2", "2001:db8:10:2::2", 2),
)
NODES = (1, 2)


def endpoint(address: str, port: int) -> str:
    """An address and a port in one text."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def family_of(address: str) -> Family:
    """The family an address is of."""
    return V6 if ":" in address else V4


def node_link(node: int, family: Family = V4) -> tuple[str, str]:
    """The switch's and the node's address of the link between them."""
    net = f"172.31.{node}." if family is V4 else f"2001:db8:31:{node}::"
    return f"{net}1", f"{net}2"


def pod_subnet(node: int, family: Family = V4) -> str:
    """The pods of a node."""
    return f"10.10.{node}.0/24" if family is V4 else f"2001:db8:10:{node}::/64"


def local_addresses(workers: int, family: Family = V4) -> list[str]:
    """Two local addresses a worker."""
    net = "198.18.0." if family is V4 else "2001:db8:18::"
    return [f"{net}{number}" for number in range(1, 2 * workers + 1)]


def on_link_addresses(workers: int, family: Family = V4) -> list[str]:
    """Two local addresses a worker in the LB's own network, which neighbours have to ask for."""
    first = ip_address(family.lb) + 100
    return [str(first + number) for number in range(2 * workers)]


def local_prefixes(workers: int, family: Family = V4) -> set[str]:
    """The routes that cover exactly these, written as the kernel does: a host without a length."""
    addresses = local_addresses(workers, family)
    if family is V4:
        hosts = [IPv4Network(address) for address in addresses]
        return {str(net).removesuffix("/32") for net in collapse_addresses(hosts)}
    hosts6 = [IPv6Network(address) for address in addresses]
    return {str(net).removesuffix("/128") for net in collapse_addresses(hosts6)}

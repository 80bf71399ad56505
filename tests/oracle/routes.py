# SPDX-License-Identifier: BSD-3-Clause
"""Where a packet leaves: longest prefix, then the MAC of the gateway or of the neighbour itself."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from values import View

from oracle.packet import Address


@dataclass(frozen=True)
class Hop:
    """A next hop; without a MAC it has to be asked for."""

    port: int
    address: Address
    mac: bytes | None


class Routes:
    """A forwarding view: routes, neighbours and the host's own addresses."""

    def __init__(self, view: View) -> None:
        self._routes = [
            (
                network.prefixlen,
                network.max_prefixlen // 8,
                int(network.network_address),
                int(network.netmask),
                gateway,
                port,
            )
            for network, gateway, port in (
                (ip_network(route.prefix), packed(route.gateway), route.port)
                for route in view.routes
            )
        ]
        self._routes.sort(key=lambda route: -route[0])
        self._macs = {
            (packed(n.address), n.port): bytes.fromhex(n.mac.replace(":", ""))
            for n in view.neighbours
        }
        self.own = {packed(text) for text in view.own}
        self._known: dict[Address, Hop | None] = {}

    def find(self, to: Address) -> Hop | None:
        """The next hop towards an address, if there is a route."""
        if to not in self._known:
            self._known[to] = self._search(to)
        return self._known[to]

    def _search(self, to: Address) -> Hop | None:
        number = int.from_bytes(to, "big")
        for _, size, network, mask, gateway, port in self._routes:
            if size == len(to) and number & mask == network:
                via = gateway or to
                return Hop(port, via, self._macs.get((via, port)))
        return None


def packed(text: str) -> Address:
    """An address from its text; nothing from nothing."""
    return ip_address(text).packed if text else b""

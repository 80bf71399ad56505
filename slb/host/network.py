# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel's network needs an interface for, so that no NIC is taken from under it."""

import asyncio
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slb.host.pci import Nic
from slb.kernel.netlink import Netlink, flat

UNICAST = 1  # RTN_UNICAST
LINK_SCOPE = 253  # RT_SCOPE_LINK


@dataclass(frozen=True)
class Link:
    """An interface; `above` are the indices of what stands on it: bond, bridge, VLAN."""

    name: str
    above: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Network:
    """Interfaces by index, those that a default route leaves by, and what others are used for."""

    links: Mapping[int, Link] = field(default_factory=dict)
    defaults: frozenset[int] = frozenset()
    used: Mapping[int, str] = field(default_factory=dict)

    def stack(self, name: str) -> list[int]:
        """The index of an interface and of all that stand on it."""
        found = [index for index, link in self.links.items() if link.name == name]
        for index in found:
            above = sorted(self.links[index].above & self.links.keys())
            found += [other for other in above if other not in found]
        return found


@dataclass(frozen=True)
class Use:
    """Why a NIC must not be taken; `final`: whatever anybody says."""

    reason: str
    final: bool


def use_of(nic: Nic, network: Network) -> Use | None:
    """What the kernel needs a NIC for; None when nothing is known."""
    if nic.elsewhere:
        return Use("its interface is in another network namespace", final=False)
    stacks = [(name, index) for name in nic.interfaces for index in network.stack(name)]
    for name, index in stacks:
        if index in network.defaults:
            return Use(f"the default route leaves by {_through(network, name, index)}", final=True)
    for name, index in stacks:
        if index in network.used:
            place = _through(network, name, index)
            return Use(f"{place} is in use: {network.used[index]}", final=False)
    return None


def read() -> Network:
    """The network as it is; raises KernelError."""
    return asyncio.run(_read())


async def _read() -> Network:
    netlink = Netlink()
    try:
        links = await netlink.call("reading interfaces", lambda ip: list(map(flat, ip.get_links())))
        routes: list[dict[str, Any]] = []
        addresses: list[dict[str, Any]] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            routes += await netlink.call("reading routes", _dump("get_routes", family))
            addresses += await netlink.call("reading addresses", _dump("get_addr", family))
    finally:
        await netlink.close()
    return of_messages(links, routes, addresses)


def _dump(request: str, family: int) -> Any:
    return lambda ip: list(map(flat, getattr(ip, request)(family=family)))


def of_messages(
    links: Iterable[dict[str, Any]],
    routes: Iterable[dict[str, Any]],
    addresses: Iterable[dict[str, Any]],
) -> Network:
    """Make a network of netlink's messages, flattened."""
    defaults: set[int] = set()
    used: dict[int, str] = {}
    for address in addresses:
        # Every interface that is up has a link-local one.
        if address["scope"] != LINK_SCOPE:
            used.setdefault(address["index"], f"address {address.get('IFA_ADDRESS')}")
    for route in routes:
        if route["type"] != UNICAST:
            continue
        for index in _leaves_by(route):
            if route["dst_len"] == 0:
                defaults.add(index)
            elif not _automatic(route):
                used.setdefault(index, f"route {route.get('RTA_DST')}/{route['dst_len']}")
    return Network(_links(list(links)), frozenset(defaults), used)


def _leaves_by(route: dict[str, Any]) -> Iterator[int]:
    if (index := route.get("RTA_OIF")) is not None:
        yield index
    for hop in route.get("RTA_MULTIPATH") or ():
        yield hop["oif"]


def _automatic(route: dict[str, Any]) -> bool:
    """Whether the kernel itself put it there for link-local or multicast addresses."""
    return route["family"] == socket.AF_INET6 and str(route.get("RTA_DST")).startswith(
        ("fe80::", "ff00::")
    )


def _links(messages: list[dict[str, Any]]) -> dict[int, Link]:
    above: dict[int, set[int]] = {}
    for message in messages:
        index = message["index"]
        # Where the other end is in another namespace its index means nothing here.
        if message.get("IFLA_LINK") and message.get("IFLA_LINK_NETNSID") is None:
            above.setdefault(message["IFLA_LINK"], set()).add(index)
        if message.get("IFLA_MASTER"):
            above.setdefault(index, set()).add(message["IFLA_MASTER"])
    return {
        message["index"]: Link(
            message["IFLA_IFNAME"], frozenset(above.get(message["index"], ())) - {message["index"]}
        )
        for message in messages
    }


def _through(network: Network, name: str, index: int) -> str:
    top = network.links[index].name
    return name if top == name else f"{top}, which stands on {name}"

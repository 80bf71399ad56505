# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel has, as the view that the workers get. Pure: values in, values out.

Routes: unicast routes of the main table that leave by one of our kernel interfaces; of several to
the same prefix the one with the lowest metric; of several next hops the first that is usable.
Workers forward nothing to link-local addresses, so IPv6 routes to those stay out.
Neighbours: those whose MAC the kernel trusts or still tries.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_address, ip_network
from socket import AF_INET6
from typing import Any

from slb.model.address import Address, Network
from slb.model.forwarding import Forwarding, Neighbour, OwnAddress, Route

Message = Mapping[str, Any]
Hop = tuple[Address | None, int]

RTN_UNICAST = 1
RTM_F_CLONED = 0x200
RTNH_DEAD = 1 | 16  # dead, or its link is down
NUD_STALE = 0x04
NUD_FIXED = 0x40 | 0x80  # noarp, permanent
# Reachable, stale, delay, probe.
NUD_USABLE = 0x02 | NUD_STALE | 0x08 | 0x10 | NUD_FIXED


@dataclass(frozen=True)
class Snapshot:
    """Flat messages of one round of dumps, and which interface index is which port."""

    ports: Mapping[int, int]
    routes: Sequence[Message] = ()
    neighbours: Sequence[Message] = ()
    addresses: Sequence[Message] = ()


def build(snapshot: Snapshot, hidden: frozenset[Address], static: Forwarding) -> Forwarding:
    """Return the view; `hidden` addresses are the workers' own, `static` is added as it is."""
    routes = best_routes(snapshot.routes, snapshot.ports)
    neighbours = {(n.address, n.port): n for n in _neighbours(snapshot)}
    own = {OwnAddress(a, port) for a, port in _addresses(snapshot) if a not in hidden}
    return Forwarding(
        tuple(sorted({*routes, *static.routes}, key=_route_order)),
        tuple(sorted(neighbours.values(), key=_host_order)),
        tuple(sorted({*own, *static.own}, key=_host_order)),
    )


def best_routes(messages: Iterable[Message], ports: Mapping[int, int]) -> list[Route]:
    """Return one route for each prefix that is reached over one of our interfaces."""
    best: dict[Network, tuple[int, Route]] = {}
    for message in messages:
        if message["type"] != RTN_UNICAST or _is_special(message):
            continue
        if (hop := _usable_hop(message, ports)) is None:
            continue
        gateway, port = hop
        prefix = _prefix(message)
        if isinstance(prefix, IPv6Network) and prefix.is_link_local:
            continue
        metric = message.get("RTA_PRIORITY") or 0
        if prefix not in best or metric < best[prefix][0]:
            best[prefix] = (metric, Route(prefix, gateway, port))
    return [route for _, route in best.values()]


def stale(snapshot: Snapshot) -> list[tuple[Address, int]]:
    """Return the neighbours whose MAC the kernel has not confirmed lately: address, index."""
    return [
        (ip_address(message["NDA_DST"]), message["ifindex"])
        for message in snapshot.neighbours
        if message["state"] & NUD_STALE and message["ifindex"] in snapshot.ports
    ]


def _is_special(message: Message) -> bool:
    """Tell a route that is not for every packet to its prefix, or is the kernel's own copy."""
    return bool(message.get("tos") or message.get("src_len") or message["flags"] & RTM_F_CLONED)


def _prefix(message: Message) -> Network:
    default = "::" if message["family"] == AF_INET6 else "0.0.0.0"
    return ip_network((message.get("RTA_DST") or default, message["dst_len"]))


def _usable_hop(message: Message, ports: Mapping[int, int]) -> Hop | None:
    for hop in message.get("RTA_MULTIPATH") or [message]:
        index = hop.get("oif", hop.get("RTA_OIF"))
        if index not in ports or hop["flags"] & RTNH_DEAD or hop.get("RTA_VIA"):
            continue
        gateway = hop.get("RTA_GATEWAY")
        return (ip_address(gateway) if gateway else None), ports[index]
    return None


def _neighbours(snapshot: Snapshot) -> Iterable[Neighbour]:
    for message in snapshot.neighbours:
        address, mac = message.get("NDA_DST"), message.get("NDA_LLADDR")
        port = snapshot.ports.get(message["ifindex"])
        if port is None or not address or not mac or not message["state"] & NUD_USABLE:
            continue
        # Multicast groups and broadcast are entries of no host.
        if not int(mac[:2], 16) & 1:
            yield Neighbour(ip_address(address), mac, port)


def _addresses(snapshot: Snapshot) -> Iterable[tuple[Address, int]]:
    for message in snapshot.addresses:
        port = snapshot.ports.get(message["index"])
        address = message.get("IFA_LOCAL") or message.get("IFA_ADDRESS")
        if port is not None and address:
            yield ip_address(address), port


def _route_order(route: Route) -> tuple[int, int, int, int]:
    prefix = route.prefix
    return prefix.version, int(prefix.network_address), prefix.prefixlen, route.port


def _host_order(host: Neighbour | OwnAddress) -> tuple[int, int, int]:
    return host.port, host.address.version, int(host.address)

# SPDX-License-Identifier: BSD-3-Clause
"""Makes the kernel interface of a port what the configuration says: MAC, MTU, addresses, routes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Any

from slb.errors import KernelError
from slb.kernel.netlink import EXISTS, GONE, Netlink, ignoring
from slb.model.address import Interface
from slb.model.config import Port, StaticRoute

APPEAR_S = 5.0
POLL_S = 0.05
# As `ip route` marks what an administrator wrote.
PROTO_STATIC = 4


@dataclass(frozen=True)
class Settings:
    """What an interface should have."""

    name: str
    mac: str
    mtu: int
    addresses: tuple[Interface, ...]
    routes: tuple[StaticRoute, ...]

    @classmethod
    def of(cls, port: Port, mac: str) -> "Settings":
        """Take a port's settings; `mac` is the one that the device has."""
        name = port.kernel_interface.name or ""
        addresses = (*port.addresses, *on_link(port))
        return cls(name, mac, port.mtu, addresses, port.routes)


def on_link(port: Port) -> list[Interface]:
    """Return the local addresses inside the port's own networks, as host addresses.

    Nobody routes those to us: neighbours ask for them by ARP, which the kernel answers for the
    addresses that it has. Workers still take the packets, since the mirror leaves these out.
    """
    networks = [address.network for address in port.addresses]
    local = (address for span in port.local_addresses for address in span)
    return [ip_interface(a) for a in local if any(a in network for network in networks)]


async def set_up(netlink: Netlink, wanted: Settings) -> None:
    """Wait for the interface and set it up; raises KernelError."""
    index = await _appear(netlink, wanted.name)
    await _call(netlink, wanted, "link", lambda ip: _link(ip, index, wanted))
    await change(netlink, index, None, wanted)


async def change(netlink: Netlink, index: int, old: Settings | None, new: Settings) -> None:
    """Bring addresses and routes from `old` to `new`; raises KernelError, naming which."""
    had_routes = old.routes if old else ()
    had_addresses = old.addresses if old else ()
    for route in (route for route in had_routes if route not in new.routes):
        await _call(netlink, new, f"route to {route.to}", _route("del", index, route))
    for address in (address for address in had_addresses if address not in new.addresses):
        await _call(netlink, new, f"address {address}", _address("del", index, address))
    # All of them: with an address the kernel drops its network's other addresses and its routes.
    for address in new.addresses:
        await _call(netlink, new, f"address {address}", _address("add", index, address))
    for route in new.routes:
        await _call(netlink, new, f"route to {route.to}", _route("replace", index, route))


async def index_of(netlink: Netlink, name: str) -> int | None:
    """Return an interface's index, None when there is none of that name."""
    found = await netlink.call(name, lambda ip: list(ip.link_lookup(ifname=name)))
    return int(found[0]) if found else None


async def _appear(netlink: Netlink, name: str) -> int:
    deadline = time.monotonic() + APPEAR_S
    while (index := await index_of(netlink, name)) is None:
        if time.monotonic() > deadline:
            raise KernelError(f"kernel interface {name} did not appear within {APPEAR_S:g} s")
        await asyncio.sleep(POLL_S)
    return index


async def _call(
    netlink: Netlink, wanted: Settings, what: str, action: Callable[[Any], None]
) -> None:
    await netlink.call(f"kernel interface {wanted.name}: {what}", action)


def _link(ip: Any, index: int, wanted: Settings) -> None:
    now = ip.get_links(index)[0]
    if now.get("address") != wanted.mac:
        ip.link("set", index=index, state="down")
        ip.link("set", index=index, address=wanted.mac)
    if now.get("mtu") != wanted.mtu:
        ip.link("set", index=index, mtu=wanted.mtu)
    ip.link("set", index=index, state="up")


def _address(verb: str, index: int, address: Interface) -> Callable[[Any], None]:
    def action(ip: Any) -> None:
        length = address.network.prefixlen
        broadcast = {} if length > 30 else {"broadcast": str(address.network.broadcast_address)}
        keys = {"index": index, "address": str(address.ip), "prefixlen": length, **broadcast}
        ignoring(lambda: ip.addr(verb, **keys), *((EXISTS,) if verb == "add" else GONE))

    return action


def _route(verb: str, index: int, route: StaticRoute) -> Callable[[Any], None]:
    def action(ip: Any) -> None:
        keys = {"dst": str(route.to), "gateway": str(route.via), "oif": index}
        ignoring(
            lambda: ip.route(verb, proto=PROTO_STATIC, **keys), *(() if verb != "del" else GONE)
        )

    return action

# SPDX-License-Identifier: BSD-3-Clause
"""Makes the kernel interface of a port what the configuration says: MAC, MTU, addresses, routes.

IPv6 needs more than IPv4: settings under /proc/sys, see slb/kernel/ipv6.py, and no duplicate
address detection, which would keep an address out of use for seconds.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Any

from slb.errors import KernelError
from slb.kernel import ipv6
from slb.kernel.netlink import EXISTS, GONE, Netlink, ignoring
from slb.model.address import Interface
from slb.model.config import Port, StaticRoute

APPEAR_S = 5.0
POLL_S = 0.05
# As `ip route` marks what an administrator wrote.
PROTO_STATIC = 4


@dataclass(frozen=True)
class Settings:
    """What an interface should have; `answered` are addresses that it has for neighbours alone.

    `ipv6`: the configuration uses IPv6, here or elsewhere.
    """

    name: str
    mac: str
    mtu: int
    addresses: tuple[Interface, ...]
    routes: tuple[StaticRoute, ...]
    answered: tuple[Interface, ...] = ()
    ipv6: bool = True

    @classmethod
    def of(cls, port: Port, mac: str, ipv6: bool) -> "Settings":
        """Take a port's settings; `mac` is the one that the device has."""
        name = port.kernel_interface.name or ""
        return cls(name, mac, port.mtu, port.addresses, port.routes, tuple(on_link(port)), ipv6)

    @property
    def everything(self) -> list[tuple[Interface, bool]]:
        """All addresses, and of each whether it is there for neighbours alone."""
        return [(a, False) for a in self.addresses] + [(a, True) for a in self.answered]


def on_link(port: Port) -> list[Interface]:
    """Return the local addresses inside the port's own networks, as host addresses.

    Nobody routes those to us: neighbours ask for them by ARP or neighbour discovery, which the
    kernel answers for the addresses that it has. Workers still take the packets, since the mirror
    leaves these out.
    """
    networks = [address.network for address in port.addresses]
    local = (address for span in port.local_addresses for address in span)
    return [ip_interface(a) for a in local if any(a in network for network in networks)]


async def set_up(netlink: Netlink, wanted: Settings) -> None:
    """Wait for the interface and set it up; raises KernelError."""
    index = await _appear(netlink, wanted.name)
    ipv6.configure(wanted.name, wanted.ipv6)
    await _call(netlink, wanted, "link", lambda ip: _link(ip, index, wanted))
    await change(netlink, index, None, wanted)


async def change(netlink: Netlink, index: int, old: Settings | None, new: Settings) -> None:
    """Bring addresses and routes from `old` to `new`; raises KernelError, naming which."""
    ipv6.configure(new.name, new.ipv6)
    had_routes = old.routes if old else ()
    had_addresses = old.everything if old else []
    for route in (route for route in had_routes if route not in new.routes):
        await _call(netlink, new, f"route to {route.to}", _route("del", index, route))
    for address, answered in had_addresses:
        if (address, answered) not in new.everything:
            action = _address("del", index, address, answered)
            await _call(netlink, new, f"address {address}", action)
    # All of them: with an address the kernel drops its network's other addresses and its routes.
    for address, answered in new.everything:
        action = _address("add", index, address, answered)
        await _call(netlink, new, f"address {address}", action)
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
    ipv6.settle_link_local(ip, index)


def _address(verb: str, index: int, address: Interface, answered: bool) -> Callable[[Any], None]:
    def action(ip: Any) -> None:
        length = address.network.prefixlen
        keys: dict[str, Any] = {"index": index, "address": str(address.ip), "prefixlen": length}
        if address.version == 6:
            keys |= ipv6.address_keys(answered)
        elif length <= 30:
            keys["broadcast"] = str(address.network.broadcast_address)
        ignoring(lambda: ip.addr(verb, **keys), *((EXISTS,) if verb == "add" else GONE))

    return action


def _route(verb: str, index: int, route: StaticRoute) -> Callable[[Any], None]:
    def action(ip: Any) -> None:
        keys = {"dst": str(route.to), "gateway": str(route.via), "oif": index}
        ignoring(
            lambda: ip.route(verb, proto=PROTO_STATIC, **keys), *(() if verb != "del" else GONE)
        )

    return action

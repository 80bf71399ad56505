# SPDX-License-Identifier: BSD-3-Clause
"""A kernel interface of a test's own, a veth called slb0, and a mirror that runs on it."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address

from unit.memory_engine import MemoryEngine
from unit.until import until as wait_until

from slb.kernel import interface
from slb.kernel.interface import Settings
from slb.kernel.mirror import Mirror
from slb.kernel.netlink import Netlink

Ip = Callable[[str], str]

MAC = "02:00:00:00:00:aa"
PEER_MAC = "02:00:00:00:00:bb"


def veth(ip: Ip) -> None:
    """A kernel interface with something at its other end."""
    ip("link add slb0 type veth peer name peer")
    ip(f"link set peer address {PEER_MAC} up")


def with_netlink(action: Callable[[Netlink], Awaitable[None]]) -> None:
    """Run `action` with a netlink socket in this namespace."""

    async def run() -> None:
        netlink = Netlink()
        try:
            await action(netlink)
        finally:
            await netlink.close()

    asyncio.run(run())


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""

    async def holds() -> bool:
        return condition()

    await wait_until(holds, what)


class Mirrored:
    """A mirror that runs on slb0, and what it has sent."""

    def __init__(self, netlink: Netlink, hidden: IPv4Address | IPv6Address) -> None:
        self.engine = MemoryEngine()
        self.mirror = Mirror(self.engine, netlink, ["slb0", None], frozenset({hidden}))

    def routes(self) -> list[str]:
        """The routes of the latest view."""
        return [f"{route.prefix} {route.gateway}" for route in self.engine.views[-1].routes]

    def neighbours(self) -> list[tuple[str, str]]:
        """The neighbours of the latest view."""
        return [(str(n.address), n.mac) for n in self.engine.views[-1].neighbours]

    def own(self) -> list[str]:
        """The own addresses of the latest view."""
        return [str(own.address) for own in self.engine.views[-1].own]


def mirrored(
    ip: Ip,
    wanted: Settings,
    hidden: IPv4Address | IPv6Address,
    action: Callable[[Mirrored], Awaitable[None]],
) -> None:
    """Run `action` while a mirror runs, once it has sent its first view."""

    async def run(netlink: Netlink) -> None:
        await interface.set_up(netlink, wanted)
        found = Mirrored(netlink, hidden)
        running = asyncio.create_task(found.mirror.run())
        try:
            await until(lambda: bool(found.engine.views), "the first view")
            await action(found)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    veth(ip)
    with_netlink(run)

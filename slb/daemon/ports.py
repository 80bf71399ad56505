# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's side of all ports: which have an interface, what it is to be, and what stands in."""

import asyncio
import logging
from collections.abc import Iterable

from slb.config.defaults import has_kernel_interface, versions
from slb.engine.protocol import Engine
from slb.errors import KernelError
from slb.kernel import interface, rarp
from slb.kernel.netlink import Netlink
from slb.model.config import Config
from slb.model.forwarding import Forwarding, OwnAddress, Route
from slb.model.views import PortView

log = logging.getLogger(__name__)


def names(config: Config) -> list[str | None]:
    """Return each port's kernel interface, None where it has none."""
    return [
        port.kernel_interface.name if has_kernel_interface(port) else None for port in config.ports
    ]


def static_view(config: Config) -> Forwarding:
    """Return the forwarding of ports that the kernel does not see, from their configuration."""
    routes: list[Route] = []
    own: list[OwnAddress] = []
    for index, port in enumerate(config.ports):
        if not has_kernel_interface(port):
            routes += [Route(address.network, None, index) for address in port.addresses]
            routes += [Route(route.to, route.via, index) for route in port.routes]
            own += [OwnAddress(address.ip, index) for address in port.addresses]
    return Forwarding(tuple(routes), (), tuple(own))


def uses_ipv6(config: Config) -> bool:
    """Tell whether a config has an IPv6 address anywhere."""
    return 6 in versions(config)


async def set_up(config: Config, engine: Engine, netlink: Netlink) -> None:
    """Set every kernel interface up; raises KernelError."""
    macs = {row.name: row.mac for row in await asyncio.to_thread(engine.port_list)}
    for port in config.ports:
        if has_kernel_interface(port):
            wanted = interface.Settings.of(port, macs[port.name], uses_ipv6(config))
            await interface.set_up(netlink, wanted)


async def change(old: Config, new: Config, netlink: Netlink) -> None:
    """Bring kernel interfaces' addresses and routes from `old` to `new`; raises KernelError.

    Also where the two are equal: an interface that was down has lost its routes.
    """
    for was, now in zip(old.ports, new.ports, strict=True):
        if has_kernel_interface(now):
            before = interface.Settings.of(was, "", uses_ipv6(old))
            after = interface.Settings.of(now, "", uses_ipv6(new))
            if (index := await interface.index_of(netlink, after.name)) is None:
                raise KernelError(f"kernel interface {after.name} is gone; restart slbd")
            await interface.change(netlink, index, before, after)


def announce(rows: Iterable[PortView]) -> None:
    """Have switches learn where ports are that have moved, those that the kernel sees."""
    for row in rows:
        if row.kernel_interface:
            try:
                rarp.announce(row.kernel_interface, row.mac)
            except KernelError as error:
                log.warning("port %s: switches are not told where it is: %s", row.name, error)

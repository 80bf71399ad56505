# SPDX-License-Identifier: BSD-3-Clause
"""What is announced by OSPF, and when: the glue between the engine's state and package ospf."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from msgspec.structs import replace

from ospf.announce import Announcer
from ospf.model import Family, Network, Setup, families, ordered
from slb.config.defaults import bird_directory, versions
from slb.errors import EngineError, OspfError, RequestError
from slb.kernel.interface import on_link
from slb.model.config import Config
from slb.model.service import Service
from slb.model.views import OspfView
from slb.tables.apply import Tables

log = logging.getLogger(__name__)

WAITING = "waiting for the services, which slb-agent gives"


def prefixes(config: Config, services: Iterable[Service]) -> list[Network]:
    """Return what to announce: subnets or VIPs, and local addresses that nobody could ask for."""
    wanted: list[Network] = list(config.service_subnets)
    if config.ospf.announce == "vips":
        wanted = list(ordered(ip_network(service.vs.address) for service in services))
    asked_for = {found.ip for port in config.ports for found in on_link(port)}
    local = (a for port in config.ports for span in port.local_addresses for a in span)
    return [*wanted, *collapsed(ip_network(a) for a in local if a not in asked_for)]


def collapsed(prefixes: Iterable[Network]) -> Iterator[Network]:
    """Merge neighbours into shorter prefixes, each family by itself."""
    found = list(prefixes)
    yield from collapse_addresses(p for p in found if isinstance(p, IPv4Network))
    yield from collapse_addresses(p for p in found if isinstance(p, IPv6Network))


def spoken(config: Config) -> tuple[Family, ...]:
    """Return the families that OSPF speaks: those of the addresses in the configuration."""
    return families(versions(config))


class Announce:
    """Announces while the daemon says so; without OSPF it does nothing.

    With ospf.await_services_s nothing is announced before services_given(), or that time is over:
    an LB that has just been started would refuse the clients of services that it is yet to hear of.
    """

    def __init__(self, config: Config, tables: Tables) -> None:
        self.config = config
        self._tables = tables
        self._changed = asyncio.Event()
        self._announcer = _announcer(config)
        self._given = asyncio.Event()
        self._wait_s = config.ospf.await_services_s if self._announcer else 0

    def services_given(self) -> None:
        """Wait no longer for the services."""
        self._given.set()

    def touch(self) -> None:
        """Have the prefixes looked at again soon."""
        self._changed.set()

    async def start(self) -> None:
        """Begin to speak OSPF and announce; raises OspfError."""
        if self._announcer:
            await self._announcer.start()
            if not self._wait_s:
                await self._announcer.set_prefixes(await self._prefixes())

    async def run(self) -> None:
        """Follow changes until cancelled; what BIRD refuses the announcer tries again."""
        if self._wait_s:
            await self._wait()
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._announcer:
                await _logged(self._update(self._announcer))

    async def withdraw(self, reason: str) -> None:
        """Announce nothing until resume(); returns when the routes are gone, or logs that not."""
        if self._announcer:
            await _logged(self._announcer.withdraw(reason))

    async def resume(self) -> None:
        """Announce again."""
        if self._announcer:
            await _logged(self._announcer.resume())

    async def stop(self) -> None:
        """Withdraw and end what was started."""
        if self._announcer:
            await self._announcer.stop()

    async def view(self) -> OspfView:
        """Say what OSPF does."""
        if self._announcer:
            view = (await self._announcer.status()).view()
            return (
                replace(view, withheld=f"{WAITING}, {self._wait_s} s at most")
                if self._wait_s
                else view
            )
        return OspfView("off", False, "", [], [], "ospf.mode is off")

    async def _wait(self) -> None:
        log.info("OSPF: %s, %d s at most", WAITING, self._wait_s)
        try:
            await asyncio.wait_for(self._given.wait(), self._wait_s)
        except TimeoutError:
            text = "OSPF: no services from slb-agent within %d s; announcing all the same"
            log.warning(text, self._wait_s)
        else:
            log.info("OSPF: the services are there; announcing")
        self._wait_s = 0
        self._changed.set()

    async def _update(self, announcer: Announcer) -> None:
        await announcer.set_prefixes(await self._prefixes())

    async def _prefixes(self) -> list[Network]:
        # Where subnets are announced, which VS there are is not asked: they may be many.
        vips = self.config.ospf.announce == "vips"
        return prefixes(self.config, await self._tables.services() if vips else ())


async def _logged(step: Awaitable[None]) -> None:
    try:
        await step
    except (OspfError, EngineError, RequestError) as error:
        log.warning("OSPF: %s", error)


def _announcer(config: Config) -> Announcer | None:
    ospf = config.ospf
    if ospf.mode == "off" or ospf.router_id is None:
        return None
    directory = bird_directory(config)
    setup = Setup(ospf, ospf.router_id, ospf.interfaces, directory, families=spoken(config))
    return Announcer(setup)

# SPDX-License-Identifier: BSD-3-Clause
"""What is announced by OSPF, and when: the glue between the engine's state and package ospf."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from msgspec.structs import replace

from ospf.announce import Announcer
from ospf.model import Family, Network, Setup, families
from slb.config import secret
from slb.config.defaults import bird_directory, versions
from slb.daemon.hold import Hold
from slb.daemon.quorum import quorums
from slb.errors import Conflict, EngineError, OspfError, RequestError
from slb.kernel.interface import on_link
from slb.model.config import Config
from slb.model.views import NO_QUORUM, OspfView
from slb.tables.apply import Tables

# What is held back beside prefixes: all of them, while the data plane is not well.
ALL = "all"
# Until the engine is asked again for what it could not say.
AGAIN_S = 1.0

log = logging.getLogger(__name__)

WAITING = "waiting for the services, which slb-agent gives"


def prefixes(
    config: Config,
    met: Mapping[Network, bool],
    shown: Callable[[Network, bool], bool] = lambda _, met: met,
) -> list[Network]:
    """Return what to announce: subnets or VIPs, and local addresses that nobody could ask for.

    `met`: the subnets or VIPs, and whether the quorum of each is met. `shown` has the last word.
    """
    wanted = [prefix for prefix, enough in met.items() if shown(prefix, enough)]
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
        setup = _setup(config)
        self._announcer = Announcer(setup) if setup else None
        self._hold = Hold(config.ospf.hold_s, config.ospf.hold_max_s)
        # Why nothing is announced, though it may be well again by now.
        self._withheld: str | None = None
        self._well = True
        self._draining = False
        self._short: tuple[Network, ...] = ()
        # What was given to announce at last; nothing while the services are waited for.
        self._given_out: list[Network] = []
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
            self._hold.look(ALL, True, time.monotonic())
            if not self._wait_s:
                await self._give_out(self._announcer)

    async def reload(self, config: Config) -> None:
        """Speak OSPF as another configuration says, its keys read anew; raises ConfigError."""
        self.config = config
        setup = _setup(config)
        if self._announcer and setup:
            await _logged(self._announcer.use(setup))
        self.touch()

    async def run(self) -> None:
        """Follow changes until cancelled; what BIRD refuses the announcer tries again."""
        if self._wait_s:
            await self._wait()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._hold.next(time.monotonic())):
                    await self._changed.wait()
            self._changed.clear()
            if self._announcer:
                await _logged(self._update(self._announcer))

    async def withdraw(self, reason: str) -> None:
        """Announce nothing until resume(); returns when the routes are gone, or logs that not."""
        if self._announcer:
            self._withheld, self._well = reason, False
            self._hold.look(ALL, False, time.monotonic())
            await _logged(self._announcer.withdraw(reason))

    async def resume(self) -> None:
        """Announce again, as soon as what was lost before has been well for long enough."""
        if self._announcer:
            self._well = True
            await _logged(self._resume(self._announcer))
            self.touch()

    async def drain(self) -> None:
        """Have the neighbours prefer other ways, where there are any, before a withdrawal.

        Without anything announced nobody comes this way, and there is nothing to wait for.
        """
        ospf = self.config.ospf
        if self._announcer and ospf.drain_s and self._given_out and self._withheld is None:
            log.info("announcing at metric %d for %d s", ospf.drain_metric, ospf.drain_s)
            self._draining = True
            await _logged(self._announcer.drain(ospf.drain_s))

    async def restart(self) -> OspfView:
        """Have BIRD restarted while the neighbours keep the routes; raises Conflict."""
        if self._announcer is None:
            raise Conflict("ospf.mode is off: there is no BIRD to restart")
        try:
            await self._announcer.restart()
        except OspfError as error:
            raise Conflict(str(error)) from None
        return await self.view()

    async def stop(self) -> None:
        """Withdraw and end what was started."""
        if self._announcer:
            await self._announcer.stop()

    async def view(self) -> OspfView:
        """Say what OSPF does, and what it does not and why."""
        if self._announcer is None:
            return OspfView("off", False, "", [], [], "ospf.mode is off")
        view = replace(
            (await self._announcer.status()).view(), held=self._held(), draining=self._draining
        )
        waiting = f"{WAITING}, {self._wait_s} s at most"
        return replace(view, withheld=waiting) if self._wait_s else view

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
        await self._resume(announcer)
        try:
            await self._give_out(announcer)
        except (EngineError, RequestError) as error:
            log.warning("OSPF: %s; asking again, and what is announced stays meanwhile", error)
            await asyncio.sleep(AGAIN_S)
            self.touch()

    async def _give_out(self, announcer: Announcer) -> None:
        self._given_out = await self._prefixes()
        await announcer.set_prefixes(self._given_out)

    async def _resume(self, announcer: Announcer) -> None:
        if self._well and self._hold.look(ALL, True, time.monotonic()) and self._withheld:
            self._withheld = None
            await announcer.resume()

    async def _prefixes(self) -> list[Network]:
        # Where neither VIPs nor a quorum ask for them, they are not read: they may be many.
        asked = self.config.ospf.announce == "vips" or self.config.ospf.quorum
        services = await self._tables.services() if asked else ()
        now = time.monotonic()
        met = quorums(self.config, services, self._tables.down)
        self._hold.keep([ALL, *met])
        self._short = tuple(prefix for prefix, enough in met.items() if not enough)
        return prefixes(self.config, met, lambda prefix, ok: self._hold.look(prefix, ok, now))

    def _held(self) -> dict[str, str]:
        now = time.monotonic()
        found = {str(prefix): NO_QUORUM for prefix in self._short}
        for key, left in self._hold.waiting(now):
            found[str(key)] = f"well again, announced in {left:.0f} s"
        return found


async def _logged(step: Awaitable[None]) -> None:
    try:
        await step
    except (OspfError, EngineError, RequestError) as error:
        log.warning("OSPF: %s", error)


def _setup(config: Config) -> Setup | None:
    ospf = config.ospf
    if ospf.mode == "off" or ospf.router_id is None:
        return None
    secrets = {key.secret_file: secret.read(key.secret_file) for key in ospf.keys}
    directory = bird_directory(config)
    return Setup(ospf, ospf.router_id, ospf.interfaces, directory, spoken(config), secrets)

# SPDX-License-Identifier: BSD-3-Clause
"""Mirrors the kernel's routes, neighbours and addresses into the workers.

A change is followed within DEBOUNCE_S by a fresh reading of everything, which goes to the engine
only when it differs from what the engine has. The packet path waits for none of this.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from socket import AF_INET, AF_INET6
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl.ndmsg import NTF_USE

from slb.engine.protocol import Engine
from slb.errors import EngineError, KernelError, RequestError
from slb.kernel import view
from slb.kernel.netlink import GONE, Netlink, flat
from slb.kernel.watch import Watch
from slb.model.address import Address
from slb.model.forwarding import Forwarding, Route, Wanted

log = logging.getLogger(__name__)

DEBOUNCE_S = 0.02
RETRY_S = 5.0
REFRESH_S = 10.0
ASK_AGAIN_S = 1.0
ASK_AT_ONCE = 64
MAIN_TABLE = 254
FAMILIES = (AF_INET, AF_INET6)


class Mirror:
    """Keeps the engine's forwarding view equal to the kernel's.

    `interfaces` names the kernel interface of each port, None where a port has none; `static` is
    what the configuration says for those. `hidden`: local addresses, the workers' own.
    """

    def __init__(
        self,
        engine: Engine,
        netlink: Netlink,
        interfaces: Sequence[str | None],
        hidden: frozenset[Address],
        static: Forwarding | None = None,
    ) -> None:
        self.static = static or Forwarding()
        self._engine = engine
        self._netlink = netlink
        self._ports = {name: port for port, name in enumerate(interfaces) if name}
        self.hidden = hidden
        self._dirty = asyncio.Event()
        self._sent: Forwarding | None = None
        self._last = view.Snapshot({})
        self._asked: dict[Wanted, float] = {}

    def touch(self) -> None:
        """Have everything read again soon."""
        self._dirty.set()

    async def run(self) -> None:
        """Mirror until cancelled."""
        watch = Watch(self.touch, lambda: self._last.ports.keys())
        try:
            await asyncio.gather(self._follow(), self._keep_fresh())
        finally:
            watch.close()

    async def sync(self) -> bool:
        """Read all and send it if it is new; raises KernelError, EngineError. True: it was."""
        self._last = await self._netlink.call("mirror", self._read)
        found = view.build(self._last, self.hidden, self.static)
        if found == self._sent:
            return False
        await asyncio.to_thread(self._engine.forward_set, found)
        self._sent = found
        return True

    async def resolve(self, wanted: Iterable[Wanted]) -> None:
        """Ask the kernel to resolve hosts that workers miss, each at most once a second."""
        now = time.monotonic()
        self._asked = {w: at for w, at in self._asked.items() if now - at < ASK_AGAIN_S}
        fresh = [w for w in dict.fromkeys(wanted) if w not in self._asked][:ASK_AT_ONCE]
        self._asked |= dict.fromkeys(fresh, now)
        indices = {port: index for index, port in self._last.ports.items()}
        await self._use([(w.address, indices[w.port]) for w in fresh if w.port in indices])

    async def _follow(self) -> None:
        self._dirty.set()
        trouble = ""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(DEBOUNCE_S)
            self._dirty.clear()
            started = time.monotonic()
            try:
                await self.sync()
                trouble = ""
            except (KernelError, EngineError, RequestError) as error:
                if str(error) != trouble:
                    log.warning("routes and neighbours: %s; trying again", error)
                trouble = str(error)
                await asyncio.sleep(RETRY_S)
                self._dirty.set()
            # A huge table that moves must not keep this process busy with reading it.
            await asyncio.sleep(time.monotonic() - started)

    async def _keep_fresh(self) -> None:
        """Keep what the workers use from ageing out: the kernel sees none of their packets."""
        while True:
            await asyncio.sleep(REFRESH_S)
            indices = {port: index for index, port in self._last.ports.items()}
            routes: tuple[Route, ...] = self._sent.routes if self._sent else ()
            gateways = [
                (route.gateway, indices[route.port])
                for route in routes
                if route.gateway is not None and route.port in indices
            ]
            await self._use(list(dict.fromkeys([*gateways, *view.stale(self._last)])))

    async def _use(self, hosts: Sequence[tuple[Address, int]]) -> None:
        for host, index in hosts:
            try:
                await self._netlink.call("neighbour", _ask(host, index))
            except KernelError as error:
                log.debug("neighbour %s: %s", host, error)

    def _read(self, ip: Any) -> view.Snapshot:
        ports = {
            int(link["index"]): self._ports[name]
            for link in ip.get_links()
            if (name := link.get("IFLA_IFNAME")) in self._ports
        }
        routes, neighbours, addresses = [], [], []
        for family in FAMILIES:
            # Not filtered by interface: the next hops of a multipath route have several.
            routes += _of(family, ip.get_routes(family=family, table=MAIN_TABLE))
            for index in ports:
                neighbours += _of(family, ip.get_neighbours(family=family, ifindex=index))
                addresses += _of(family, ip.get_addr(family=family, index=index))
        return view.Snapshot(ports, routes, neighbours, addresses)


def _of(family: int, messages: Iterable[Any]) -> list[view.Message]:
    # A kernel without IPv6 answers with every family that it has.
    return [flat(message) for message in messages if message["family"] == family]


def _ask(host: Address, index: int) -> Callable[[Any], None]:
    def ask(ip: Any) -> None:
        # A request to use it makes a permanent entry one that has to be resolved (Linux 5.16 on).
        if not _is_fixed(ip, host, index):
            ip.neigh("set", dst=str(host), ifindex=index, flags=NTF_USE, state=0)

    return ask


def _is_fixed(ip: Any, host: Address, index: int) -> bool:
    try:
        found = ip.neigh("get", dst=str(host), ifindex=index)
    except NetlinkError as error:
        if error.code not in GONE:
            raise
        return False
    return any(message["state"] & view.NUD_FIXED for message in found)

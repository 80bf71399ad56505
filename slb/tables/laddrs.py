# SPDX-License-Identifier: BSD-3-Clause
"""Changes of the local addresses, one after the other, each a transaction of the engine.

Which there are is what the engine answers. One that was taken away is there until its last session
has ended: `moved` is called with all that are there whenever these are others than before. One that
comes is there, and its steering proved if it can be, before the engine uses it, so that replies to
it find their way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from slb.config.reserved import unusable
from slb.engine.protocol import Engine
from slb.errors import BadRequest, DuplicateLaddr, EngineError, KernelError, NotReady, UnknownLaddr
from slb.model.address import Address, Network, parse_address
from slb.model.config import Config
from slb.model.views import LaddrView

log = logging.getLogger(__name__)

Places = dict[Address, str]  # the port of each address


def configured(config: Config) -> Places:
    """Return the local addresses of a configuration."""
    return {
        address: port.name
        for port in config.ports
        for span in port.local_addresses
        for address in span
    }


class Laddrs:
    """The only way to change the engine's local addresses.

    `subnets`, `moved`, `prove`, `in_file` may be exchanged at any time. `there`: what `moved` was
    told last; `lead_s`: how long before the engine uses a new one, at least; `prove`: returns when
    probes have said what they will of new ones; `in_file`: those of slb.yaml, where there is one.
    """

    def __init__(
        self,
        engine: Engine,
        ports: Sequence[str],
        subnets: Iterable[Network] = (),
        there: Mapping[Address, str] | None = None,
    ) -> None:
        self.subnets = tuple(subnets)
        self.moved: Callable[[Places], Awaitable[None]] = _nobody
        self.prove: Callable[[Collection[Address]], Awaitable[None]] = _nobody
        self.there = dict(there or {})
        self.in_file: Callable[[], Places] | None = None
        self.lead_s = 0.0
        self._engine = engine
        self._ports = list(ports)
        self._trouble = ""
        self._lock = asyncio.Lock()

    def rows(self) -> list[LaddrView]:
        """List them with what slb.yaml says of them; asks the engine, so it is for a thread."""
        rows = self._engine.laddr_list()
        if self.in_file is None:
            return rows
        known = {str(address): port for address, port in self.in_file().items()}
        return [replace(row, configured=known.get(row.address) == row.port) for row in rows]

    async def add(self, port: str, addresses: Sequence[Address]) -> int:
        """Add addresses to a port, all or none; raises BadRequest, DuplicateLaddr, Full."""
        if port not in self._ports:
            raise BadRequest(f"port {port!a} does not exist; there are {', '.join(self._ports)}")
        async with self._lock:
            wanted = await self._wanted()
            for address in addresses:
                self._check(address, wanted)
                wanted[address] = port
            return await self._set(wanted)

    async def delete(self, address: Address) -> int:
        """Take an address away; it drains. Raises UnknownLaddr, BadRequest."""
        async with self._lock:
            wanted = await self._wanted()
            if wanted.pop(address, None) is None:
                drains = address in self.there
                text = "drains already" if drains else "is no local address"
                raise UnknownLaddr(f"{address} {text}")
            return await self._set(wanted)

    async def merge(self, old: Config, new: Config) -> list[str]:
        """Apply what changed from `old` to `new` and nothing else; returns it in words."""
        before, after = configured(old), configured(new)
        async with self._lock:
            now = await self._wanted()
            wanted = {a: port for a, port in now.items() if a in after or a not in before}
            wanted |= {a: port for a, port in after.items() if port != before.get(a)}
            if wanted != now:
                await self._set(wanted)
        gone = [f"local address {a} deleted" for a in now if a not in wanted]
        return gone + [f"local address {a} added to {wanted[a]}" for a in wanted if a not in now]

    async def look(self) -> None:
        """See whether some have come or gone for good."""
        async with self._lock:
            await self._look()

    def _check(self, address: Address, wanted: Places) -> None:
        if address in wanted:
            raise DuplicateLaddr(f"{address} is a local address of port {wanted[address]} already")
        if reason := unusable(address):
            raise BadRequest(f"{address} is {reason}; choose another local address")
        for subnet in self.subnets:
            if address in subnet:
                raise BadRequest(f"{address} lies in the service subnet {subnet}; keep them apart")

    async def _wanted(self) -> Places:
        rows = await asyncio.to_thread(self._engine.laddr_list)
        return {parse_address(row.address): row.port for row in rows if row.state == "active"}

    async def _set(self, wanted: Places) -> int:
        # Shielded: a client that goes away must not leave the lock free while the engine commits.
        task = asyncio.ensure_future(self._set_and_look(wanted))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    async def _set_and_look(self, wanted: Places) -> int:
        places = [(address, self._ports.index(port)) for address, port in wanted.items()]
        try:
            if new := wanted.keys() - self.there.keys():
                await asyncio.to_thread(self._engine.laddr_set, places, True)
                await self._tell(self.there | wanted)
                await asyncio.gather(asyncio.sleep(self.lead_s), self.prove(new))
            return await asyncio.to_thread(self._engine.laddr_set, places)
        finally:
            await self._look()

    async def _look(self) -> None:
        rows = await asyncio.to_thread(self._engine.laddr_list)
        found = {parse_address(row.address): row.port for row in rows}
        if found != self.there:
            await self._tell(found)

    async def _tell(self, found: Places) -> None:
        try:
            await self.moved(found)
        except (KernelError, EngineError, NotReady) as error:
            if str(error) != self._trouble:
                log.warning("local addresses: %s; trying again", error)
            self._trouble = str(error)
        else:
            self.there, self._trouble = found, ""


async def _nobody(_: object) -> None:
    pass

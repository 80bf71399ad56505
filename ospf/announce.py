# SPDX-License-Identifier: BSD-3-Clause
"""The announcer: makes BIRD announce what is wanted, and nothing while it is withheld.

The file is the truth: it is written before BIRD is told, so a BIRD that starts again, by whomever,
announces what it should. Withdrawing disables the static protocol as well, which works at once and
even where the operator's own configuration does not parse; the next `configure` enables it again.
What BIRD did not take is tried again until it does, and so is what it does no more though it took
it: somebody may have changed it by birdc.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Iterable
from logging import getLogger

from ospf import bird_reply
from ospf.adjacency import TRANSITIONS, Adjacency, sighting
from ospf.bird import Bird
from ospf.bird_area import too_long_a_list
from ospf.bird_process import ManagedBird
from ospf.bird_system import SystemBird
from ospf.lost import Lost
from ospf.model import (
    ANNOUNCE_ALL,
    OSPF_ALL,
    Family,
    Network,
    OspfStatus,
    Phase,
    Setup,
    families,
    ordered,
)
from ospf.restart import LEARN_S, Restart, kept_s
from slb.errors import OspfError
from slb.model.views import OspfNeighbour

WATCH_S = 1.0
# Neighbours acknowledge within seconds; one lost packet costs a retransmission interval more.
WITHDRAW_S = 10.0
# Thousands of LSAs overrun the neighbour's socket, and what is lost is sent again in its turn.
WITHDRAW_LSA_S = 0.01
# So often in turn BIRD must do something else than it was told before it is told again, and again.
ASTRAY, ASTRAY_STILL = 2, 30
_POLL_S = 0.1

Told = tuple[tuple[Network, ...], Phase]

log = getLogger(__name__)


class Announcer:
    """Announces prefixes by OSPF; changes take their turn, `status` does not wait for them."""

    def __init__(self, setup: Setup, bird: Bird | None = None) -> None:
        """Choose whose BIRD to drive; raises OspfError when the mode is off."""
        self._setup = setup
        self._bird = bird or _bird(setup)
        self._lock = asyncio.Lock()
        self._wanted: tuple[Network, ...] = ()
        self._withheld: str | None = None
        self._draining = False
        # A restart that neighbours wait for, and the return of a BIRD that died by itself.
        self._restart: Restart | None = None
        self._return: Restart | None = None
        self._long = False
        # What BIRD was last told with success; None: that is not known.
        self._told: Told | None = None
        # What it should speak, which never becomes less, and what it does speak.
        self._families = setup.families
        self._spoken: tuple[Family, ...] = ()
        self._trouble: str | None = None
        # What BIRD does instead of what it was told, and how often in turn that was seen.
        self._astray: str | None = None
        self._rounds_astray = 0
        self._down: set[Family] = set()
        self._adjacency: dict[int, Adjacency] = {}
        self._last_seen: dict[Family, tuple[OspfNeighbour, ...]] = {}
        self._lost = Lost()
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to speak OSPF, announcing nothing; raises OspfError and leaves nothing behind."""
        async with self._lock:
            await self._bird.start(self._families)
            self._told, self._spoken = ((), Phase.USUAL), self._families
        self._warn_of_interfaces()
        self._watcher = asyncio.create_task(self._watch(), name="ospf watcher")

    async def set_prefixes(self, prefixes: Iterable[Network]) -> None:
        """Announce exactly these; raises OspfError, and goes on trying."""
        self._wanted = ordered(prefixes)
        self._warn_of_length()
        spoken = {family.version for family in self._families}
        self._families = families(spoken | {prefix.version for prefix in self._wanted})
        await self._sync()

    async def use(self, setup: Setup) -> None:
        """Speak OSPF by other settings; raises OspfError, and goes on trying.

        Mode, router id, paths and type of routes must be the same.
        """
        async with self._lock:
            if setup == self._setup:
                return
            if setup.interfaces != self._setup.interfaces:
                self._lost.forget()
            self._setup = setup
            self._bird.use(setup)
            self._told = None
        await self._sync()

    async def withdraw(self, reason: str) -> None:
        """Announce nothing until `resume`; returns when the neighbours have acknowledged it.

        Raises OspfError when they have not within WITHDRAW_S; what is withheld stays so.
        """
        self._withheld = reason
        async with self._lock:
            self._told = None
            waiting, self._restart = self._restart is not None, None
            # A family that BIRD does not speak yet has nothing to withdraw.
            self._bird.file.write(self._bird.text(self._spoken, (), self._phase))
            if self._bird.running:
                await self._take_back(reload=waiting or self._setup.stub)
            self._told = ((), self._phase)
            await self._wait_until_gone()

    async def drain(self, seconds: float) -> None:
        """Announce at the drain metric, and give the neighbours time; raises OspfError.

        Who has another way takes it, and nobody is left without one.
        """
        self._draining = True
        self._restart = None
        await self._sync()
        await asyncio.sleep(seconds)

    async def restart(self) -> None:
        """Have BIRD end and start again, its neighbours keeping the routes; raises OspfError.

        Returns when BIRD has told them. A BIRD of the system's is started by others, with -R.
        """
        if self._setup.ospf.graceful_restart != "on":
            text = "needs ospf.graceful_restart: on in slb.yaml"
            raise OspfError(f"a restart of BIRD that its neighbours wait for {text}")
        async with self._lock:
            if self._restart is not None:
                raise OspfError("BIRD is being restarted already; see slbctl ospf status")
            begun = Restart(await self._neighbours(), time.monotonic())
            if begun.nobody_waits:
                raise OspfError("no neighbour is Full, so none would keep the routes")
            # Not loaded: it is for the next BIRD.
            self._bird.file.write(self._text(Phase.RESTARTING))
            try:
                await self._bird.birdc.run("graceful restart")
            except OspfError:
                self._bird.file.write(self._text())
                raise
            self._restart, self._told = begun, None
        log.info("OSPF: BIRD has told its neighbours of its restart")

    async def resume(self) -> None:
        """Announce again what is wanted; raises OspfError, and goes on trying."""
        self._withheld = None
        await self._sync()

    async def status(self) -> OspfStatus:
        """Ask BIRD; never raises for what BIRD does, the error is in the answer."""
        now = time.monotonic()
        seen: dict[Family, tuple[OspfNeighbour, ...] | None] = dict.fromkeys(self._spoken)
        announced: tuple[Network, ...] = ()
        error: str | None = None
        try:
            announced = await self._announced()
            for family in seen:
                seen[family] = await self._seen(family)
        except OspfError as problem:
            error = str(problem)
        for family, neighbours in seen.items():
            self._see(family, neighbours)
            if neighbours is not None:
                self._last_seen[family] = neighbours
        all_seen = tuple(n for neighbours in seen.values() for n in neighbours or ())
        # BIRD may still be at an interface that it has just been told to leave.
        self._lost.see([n for n in all_seen if n.interface in self._setup.interfaces], now)
        return OspfStatus(
            mode=self._setup.ospf.mode,
            running=error is None,
            router_id=str(self._setup.router_id),
            neighbours=all_seen,
            announced=announced,
            withheld=self._withheld,
            adjacency=dict(self._adjacency),
            restarting=self._restart is not None,
            # A BIRD that has just begun is still to meet them.
            lost=() if error or self._restart or self._return else self._lost.at(now),
            error=error or self._trouble or self._astray,
        )

    async def stop(self) -> None:
        """Withdraw, then leave no trace; what goes wrong is logged, stopping goes on."""
        if self._watcher is None:
            return
        self._watcher.cancel()
        # However it ended: BIRD must be stopped all the same.
        await asyncio.wait([self._watcher])
        self._watcher = None
        if self._return is not None:
            # Else the routes of the BIRD that died would outlive the one that ends now.
            self._return = None
            await _logged(self._sync())
        await _logged(self.withdraw("stopping"))
        await _logged(self._bird.stop())

    def _warn_of_interfaces(self) -> None:
        try:
            there = {name for _, name in socket.if_nameindex()}
        except OSError:
            return
        for name in self._setup.interfaces:
            if name not in there:
                text = "OSPF: ospf.interfaces: there is no %s yet, of %s"
                log.warning(text, name, ", ".join(sorted(there)))

    def _warn_of_length(self) -> None:
        before = self._long
        self._long = self._setup.stub and too_long_a_list(self._wanted)
        if self._long and not before:
            log.warning(
                "OSPF: an LSA with so many IPv6 stub networks fits into no packet, and some "
                "switches take no restarted BIRD back then; set ospf.route_type: external, "
                "which has an LSA for each prefix"
            )

    def _shown(self) -> tuple[Network, ...]:
        return self._wanted if self._withheld is None else ()

    async def _sync(self) -> None:
        async with self._lock:
            if self._restart is not None:
                return
            shown, phase, spoken = self._shown(), self._phase, self._families
            if ((shown, phase), spoken) == (self._told, self._spoken):
                return
            self._told = None
            text = self._bird.text(spoken, shown, phase)
            if self._bird.running:
                await self._bird.file.load(self._bird.birdc, text)
            else:
                self._bird.file.write(text)
            self._told, self._spoken = (shown, phase), spoken

    async def _watch(self) -> None:
        said: str | None = None
        while True:
            await self._bird.pause(WATCH_S)
            try:
                await self._tend()
                self._trouble = None
            except OspfError as error:
                self._trouble = str(error)
            told, status = self._told, await self.status()
            self._look_whether_astray(told, status)
            now = self._trouble or self._astray if status.running else status.error
            if now is not None and now != said:
                log.warning("OSPF: %s", now)
            said = now

    async def _tend(self) -> None:
        async with self._lock:
            if not self._bird.running:
                await self._revive()
            await self._look_whether_over()
        await self._sync()

    def _look_whether_astray(self, told: Told | None, status: OspfStatus) -> None:
        if not status.running or told is not self._told:
            return
        what = None if told is None or self._restart else self._other_than(told[0], status)
        self._rounds_astray = self._rounds_astray + 1 if what else 0
        self._astray = what if self._rounds_astray >= ASTRAY else None
        if self._rounds_astray % ASTRAY_STILL == ASTRAY:
            self._told = None

    def _other_than(self, told: tuple[Network, ...], status: OspfStatus) -> str | None:
        """What BIRD does instead of what it was told."""
        why = "changed by birdc? It is told again"
        if more := set(status.announced) - set(told):
            return f"BIRD announces {len(more)} prefixes that it must not; {why}"
        if status.announced != told:
            some = f"{len(status.announced)} of {len(told)} prefixes"
            return f"BIRD announces {some}, though it took all; {why}"
        # What is withdrawn may have had to leave the neighbours.
        down = [f.title for f in self._spoken if f in self._down and self._withheld is None]
        return f"BIRD does not speak {' nor '.join(down)}, though it did; {why}" if down else None

    async def _revive(self) -> None:
        restarting = self._restart is not None
        if restarting:
            await self._bird.revive(self._text(Phase.RESTARTING), restarting)
            return
        if self._return is None:
            neighbours = [n for seen in self._last_seen.values() for n in seen]
            limit_s = kept_s(self._setup.ospf.dead_s)
            begun = Restart(neighbours, time.monotonic(), LEARN_S, limit_s)
            self._return = None if begun.nobody_waits else begun
        self._spoken = self._families
        told = (self._shown(), self._phase)
        self._told = None
        await self._bird.revive(self._text())
        self._told = told

    async def _look_whether_over(self) -> None:
        waiting = self._restart or self._return
        if waiting is None:
            return
        try:
            neighbours = await self._neighbours()
        except OspfError:
            neighbours = []
        if waiting.over(neighbours, time.monotonic()):
            what = "BIRD's restart" if self._restart else "the return of the BIRD that had died"
            log.info("OSPF: %s is over", what)
            self._restart = self._return = None

    @property
    def _phase(self) -> Phase:
        draining = Phase.DRAINING if self._draining else Phase.USUAL
        return draining | (Phase.KEEPING if self._return else Phase.USUAL)

    def _text(self, more: Phase = Phase.USUAL) -> str:
        return self._bird.text(self._spoken, self._shown(), self._phase | more)

    async def _neighbours(self) -> list[OspfNeighbour]:
        return [n for family in self._spoken for n in await self._seen(family)]

    async def _seen(self, family: Family) -> tuple[OspfNeighbour, ...]:
        reply = await self._bird.birdc.read(f"show ospf neighbors {family.ospf}")
        down = {family} if bird_reply.is_not_up(reply, family) else set()
        self._down = self._down - {family} | down
        return bird_reply.neighbours(reply, family)

    def _see(self, family: Family, neighbours: tuple[OspfNeighbour, ...] | None) -> None:
        before = self._adjacency.get(family.version, Adjacency.UNKNOWN)
        now = TRANSITIONS[before][sighting(neighbours)]
        if now != before:
            log.info("%s adjacency: %s, was %s", family.title, now, before)
        self._adjacency[family.version] = now

    async def _announced(self) -> tuple[Network, ...]:
        found: list[Network] = []
        for family in self._spoken:
            command = f"show route table {family.table} protocol {family.announce} stats"
            found += bird_reply.announced(await self._bird.birdc.read(command), family)
        return tuple(found)

    async def _take_back(self, reload: bool) -> None:
        await self._bird.birdc.run(f'disable "{ANNOUNCE_ALL}"')
        if reload:
            try:
                await self._bird.birdc.run("configure check")
                await self._bird.birdc.run("configure")
            except OspfError as error:
                # Some file of the operator's does not parse: then all of our OSPF goes.
                log.warning("OSPF: leaving the neighbours to withdraw: %s", error)
                await self._bird.birdc.run(f'disable "{OSPF_ALL}"')

    async def _left(self) -> int:
        """Count what neighbours may still hold: external LSAs, or networks of this router."""
        count = 0
        ours = {str(prefix) for prefix in self._wanted}
        router_id = str(self._setup.router_id)
        for family in self._spoken:
            if self._setup.stub:
                reply = await self._bird.birdc.read(f"show ospf state {family.ospf}")
                count += len(ours & bird_reply.stub_networks(reply, router_id, family))
                continue
            reply = await self._bird.birdc.read(f"show ospf lsadb self {family.ospf}")
            count += bird_reply.external_lsas(reply, family)
        return count

    async def _wait_until_gone(self) -> None:
        """Wait until BIRD has no route left, nor an LSA that a neighbour must still give up."""
        begun = time.monotonic()
        limit = WITHDRAW_S
        while self._bird.running:
            try:
                routes = len(await self._announced())
                lsas = await self._left()
                left = f"{routes} routes and {lsas} LSAs are still there"
                if not routes and not lsas:
                    return
                limit = max(limit, WITHDRAW_S + lsas * WITHDRAW_LSA_S)
            except OspfError as error:
                left = str(error)
            if time.monotonic() - begun >= limit:
                raise OspfError(f"withdrawn, but after {limit:g} s: {left}")
            await asyncio.sleep(_POLL_S)


async def _logged(step: Awaitable[None]) -> None:
    try:
        await step
    except OspfError as error:
        log.warning("stopping OSPF: %s", error)


def _bird(setup: Setup) -> Bird:
    if setup.ospf.mode == "managed":
        return ManagedBird(setup)
    if setup.ospf.mode == "system":
        return SystemBird(setup)
    raise OspfError("ospf.mode is off: there is nothing to announce with")

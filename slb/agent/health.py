# SPDX-License-Identifier: BSD-3-Clause
"""Has the RS of the desired state checked, and slbd have what follows from the results.

What is unknown counts as up. So does everything when the checks' thread has ended, until it is
begun anew. What slbd has out when this agent starts was found down by the one before, and stays so.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain

from slb.agent.desired import Desired
from slb.agent.ends import Ends
from slb.agent.health_rows import rows
from slb.agent.passive import Emit, PassiveWatch
from slb.agent.state import State
from slb.errors import SlbError, UnknownVs
from slb.health import target as targets
from slb.health.descriptors import most_open
from slb.health.effect import Fallen
from slb.health.kinds import PROBES
from slb.health.probe import Probe
from slb.health.prober import Measured, Prober
from slb.health.target import Ejected, Target
from slb.model.endpoint import VsKey
from slb.model.health import HealthView, NoCheck
from slb.model.service import Service

log = logging.getLogger(__name__)

LOOK_S = 0.2
AGAIN_S = 5.0


def log_event(kind: str, **fields: object) -> None:
    """Write an event to the log."""
    text = ", ".join(f"{name} {value}" for name, value in fields.items())
    log.warning("%s: %s", kind, text, extra={"fields": {"event": kind, **fields}})


class Health:
    """The checks of all VS that have some, and what clients' connections say of their RS."""

    def __init__(
        self,
        desired: Desired,
        ends: Ends,
        passive: PassiveWatch,
        probes: Mapping[str, Probe] = PROBES,
        emit: Emit = log_event,
    ) -> None:
        self._desired = desired
        self._ends = ends
        self._passive = passive
        self._probes = probes
        self._emit = emit
        self._changed = asyncio.Event()
        self._prober: Prober | None = None
        self._ended = 0.0
        self._trouble = ""
        self._seen: tuple[State, State] | None = None
        # What the targets of these states are for.
        self._uses: dict[Target, list[Ejected]] = {}
        # RS of which nothing but their connections is looked at.
        self._unchecked = 0
        passive.changed = self._changed.set

    async def run(self) -> None:
        """Check until cancelled."""
        minding = asyncio.create_task(self._mind())
        try:
            while True:
                await self._look_safely()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), LOOK_S)
                self._changed.clear()
        finally:
            minding.cancel()
            self.stop()

    async def _mind(self) -> None:
        """See to what must not wait for a slbd that hangs, as a look may have to."""
        hung = False
        while True:
            if self._prober is not None:
                self._prober.pause(self._is_away())
            hangs = self._prober is not None and self._prober.hangs
            if hangs and not hung:
                log.error("the checks hang: RS stay as they were found until they go on")
            elif hung and self._goes_on:
                log.warning("the checks go on")
            hung = hangs or (hung and not self._goes_on)
            await asyncio.sleep(LOOK_S)

    def _is_away(self) -> bool:
        # A slbd that is away has taken its interface along, and with it the way to the RS.
        return self._desired.standing.word in ("unreachable", "unknown")

    def stop(self) -> None:
        """Make no checks any more."""
        if self._prober is not None:
            self._prober.stop()
            self._prober = None

    def counts(self) -> tuple[int, int]:
        """Return how many RS are looked at, an RS of two VS twice, and how many are down."""
        uses, fallen = self._uses, self._desired.effect.fallen
        down = {use for one in fallen if isinstance(one, Target) for use in uses.get(one, ())}
        down |= {one for one in fallen if isinstance(one, Ejected)}
        every = {use for of in uses.values() for use in of}
        return len(every) + self._unchecked, len(down)

    def silent(self) -> tuple[int, str]:
        """Return of how many RS the last check said nothing, and why, of one of them."""
        silent = self._prober.silent() if self._prober else {}
        number = sum(len(self._uses.get(target, ())) for target in silent)
        return number, next(iter(silent.values()), "")

    @property
    def stopped(self) -> bool:
        """Whether checks should be made, and are not."""
        return bool(self._uses) and not self._goes_on

    def measured(self) -> Measured:
        """Return what the checks have come to so far."""
        prober = self._prober
        if prober is None:
            return Measured()
        return Measured(self._goes_on, prober.counts(), *prober.load(), prober.results())

    @property
    def _goes_on(self) -> bool:
        return self._prober is not None and self._prober.alive and not self._prober.hangs

    def view(self, vs: VsKey | None = None) -> list[HealthView]:
        """Return what is known of the RS of one VS, or of all; raises UnknownVs."""
        services = self._desired.state.services()
        if vs is not None:
            services = tuple(service for service in services if service.vs == vs)
            if not services:
                raise UnknownVs(f"VS {vs} does not exist")
        results = self._prober.results() if self._prober else {}
        fallen, now = self._desired.effect.fallen, time.monotonic()
        with self._passive.lock:
            known = self._passive.known()
            found = [rows(service, results, fallen, known, now) for service in services]
        return list(chain.from_iterable(found))

    async def _look_safely(self) -> None:
        try:
            await self._look()
        except Exception as error:
            # Without checks all goes on as it is; with none of this, nobody would ever look again.
            trouble = f"{type(error).__name__}: {error}"
            if trouble != self._trouble:
                log.error("health checks: a defect: %s", trouble)
            self._trouble = trouble

    async def _look(self) -> None:
        if self._is_away():
            return
        await self._follow_state()
        ejected = self._passive.ejected()
        if self._prober is None:
            if self._seen is not None:
                await self._refit(ejected)
        elif self._prober.alive:
            await self._refit(dict([*self._prober.fallen().items(), *ejected.items()]))
        else:
            log.error("all RS count as up until the checks begin anew")
            self.stop()
            self._seen, self._ended = None, time.monotonic()
            await self._refit(ejected)
        await self._desired.tell_down()
        # Only when they get no new ones.
        if had := self._desired.had():
            self._ends.follow(*had)

    async def _follow_state(self) -> None:
        state, followed = self._desired.state, self._desired.followed or self._desired.state
        if self._seen is not None and self._seen[0] is state and self._seen[1] is followed:
            return
        uses = await asyncio.to_thread(_uses, state.services())
        if followed is not state:
            # What slbd has while it refuses the desired state.
            for target, of in (await asyncio.to_thread(_uses, followed.services())).items():
                known = uses.setdefault(target, [])
                known += [one for one in of if one not in known]
        if self._prober is None and uses:
            if time.monotonic() - self._ended < AGAIN_S:
                return
            loop = asyncio.get_running_loop()

            def changed() -> None:
                loop.call_soon_threadsafe(self._changed.set)

            every = self._desired.effect.fallen.items()
            fallen = {one: at for one, at in every if isinstance(one, Target)}
            self._prober = Prober(changed, most_open(), self._probes, fallen)
            self._prober.start()
        if self._prober is not None:
            self._prober.set(uses)
        self._seen, self._uses = (state, followed), uses
        self._unchecked = sum(
            len(one.rs) for one in state.services() if isinstance(one.health, NoCheck)
        )

    async def _refit(self, fallen: Fallen) -> None:
        before = self._desired.effect.fallen
        if fallen == before:
            return
        try:
            await self._desired.refit(fallen)
        except SlbError as error:
            log.warning("%s; slbd has not heard yet which RS are down", error)
        self._tell(before, fallen)

    def _tell(self, before: Fallen, now: Fallen) -> None:
        results = self._prober.results() if self._prober else {}
        # Of those that are ejected who ejects them has told.
        for target in now.keys() - before.keys():
            if isinstance(target, Ejected):
                continue
            result = results.get(target)
            for use in self._uses.get(target, ()):
                reason = result.reason if result else ""
                self._emit("rs_down", vs=str(use.vs), rs=str(use.rs), reason=reason)
        for target in before.keys() - now.keys():
            if isinstance(target, Ejected):
                continue
            for use in self._uses.get(target, ()):
                self._emit("rs_up", vs=str(use.vs), rs=str(use.rs))


def _uses(services: tuple[Service, ...]) -> dict[Target, list[Ejected]]:
    uses: dict[Target, list[Ejected]] = {}
    for service in services:
        for real, target in zip(service.rs, targets.of(service), strict=False):
            uses.setdefault(target, []).append(Ejected(service.vs, real.rs))
    return uses

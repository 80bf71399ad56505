# SPDX-License-Identifier: BSD-3-Clause
"""Reads what slbd counts of the RS's answers, once a second while any VS wants it, and judges."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from slb.agent.desired import Desired
from slb.api.client import Client
from slb.errors import SlbError
from slb.health.effect import Fallen
from slb.health.passive import Change, Passive
from slb.health.target import Ejected, Target
from slb.model.service import Service

log = logging.getLogger(__name__)

READ_S = 1.0

# Tells what has happened: a kind and its fields.
Emit = Callable[..., None]


class PassiveWatch:
    """`changed` is called when an RS is ejected or back; `slbd`: a client that does not wait long.

    The work is done in a thread, for it may be that of ten thousand RS.
    """

    def __init__(
        self,
        desired: Desired,
        slbd: Client,
        emit: Emit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desired = desired
        self._slbd = slbd
        self._emit = emit
        self._clock = clock
        self._passive = Passive()
        # Held while what is known changes, for it is also read.
        self.lock = threading.Lock()
        self._adopted = False
        # As of the last look, so that nobody waits for one.
        self._out: dict[Target | Ejected, float] = {}
        self._trouble = ""
        self.changed: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(READ_S)

    async def look(self) -> None:
        """Look once; what fails is tried again at the next look."""
        away = self._desired.standing.word in ("unreachable", "unknown")
        if not self._desired.known:
            return
        services = self._desired.state.services()
        fallen = self._desired.effect.fallen
        try:
            changes = await asyncio.to_thread(self._look, services, fallen, away)
            self._trouble = ""
        except Exception as error:
            # All that is out comes back in time; with none of this, nobody would ever look again.
            changes = self._without(error)
        if not changes:
            return
        for change in changes:
            self._tell(change)
        self.changed()

    def ejected(self) -> dict[Target | Ejected, float]:
        """Return who is out, and since when."""
        if self._adopted:
            return self._out
        every = self._desired.effect.fallen.items()
        return {one: at for one, at in every if isinstance(one, Ejected)}

    def _look(self, services: tuple[Service, ...], fallen: Fallen, away: bool) -> list[Change]:
        with self.lock:
            self._passive.follow(services)
            if not away and not self._adopted:
                self._passive.adopt(fallen, self._clock())
            self._out = self._passive.ejected()
            self._adopted |= not away
            if not self._passive:
                return []
            if away:
                return self._blind()
        rows = self._slbd.answer_list()
        with self.lock:
            changes = self._passive.look(self._clock(), rows, fallen)
            self._out = self._passive.ejected()
        return changes

    def _blind(self) -> list[Change]:
        """Begin all windows anew, and let those in whose time is over."""
        self._passive.forget()
        changes = self._passive.end_overdue(self._clock())
        self._out = self._passive.ejected()
        return changes

    def _without(self, error: Exception) -> list[Change]:
        trouble = str(error) if isinstance(error, SlbError) else f"a defect: {error!r}"
        if trouble != self._trouble:
            log.warning("what RS answer is not known: %s", trouble)
        self._trouble = trouble
        with self.lock:
            return self._blind()

    def _tell(self, change: Change) -> None:
        who = {"vs": str(change.who.vs), "rs": str(change.who.rs)}
        if (ejection := change.ejection) is None:
            self._emit("rs_returned", **who)
            return
        length = round(ejection.until - ejection.since)
        self._emit("rs_ejected", **who, reason=ejection.reason, for_s=length, times=ejection.times)

    def known(self) -> Passive:
        """Return what is known; to be read with `lock` held."""
        return self._passive

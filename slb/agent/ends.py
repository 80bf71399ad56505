# SPDX-License-Identifier: BSD-3-Clause
"""Ends sessions at slbd: of the RS that somebody names, and of those that are down for `reset`."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence

from slb.agent import asking
from slb.agent.events import Events
from slb.agent.state import State
from slb.api.client import Client
from slb.errors import NoAnswer, NotReady, SlbError, UnknownRs, UnknownVs, Unreachable
from slb.health.effect import Services, to_reset
from slb.model.reset import MAX_RESETS, Reset

log = logging.getLogger(__name__)

AGAIN_S = 1.0


class Ends:
    """`slbd`: the daemon's client, with the time that a walk over all sessions may take."""

    def __init__(self, slbd: Client, events: Events) -> None:
        self._slbd = slbd
        self._events = events
        # Those of RS that are down: what is done, what is under way, and since when it fails.
        self._done: set[Reset] = set()
        self._under_way: asyncio.Task[None] | None = None
        self._failed = -AGAIN_S
        self._seen: tuple[State, Services] | None = None

    async def end(self, resets: Sequence[Reset]) -> int:
        """End the sessions of RS; returns how many.

        Raises UnknownVs, UnknownRs, and NotReady when slbd does not answer.
        """
        try:
            count = await asyncio.to_thread(self._slbd.session_reset, *resets)
        except (Unreachable, NoAnswer) as error:
            raise NotReady(str(error)) from None
        self._tell(resets, count, asking.now().who or "slb-agent")
        return count

    def follow(self, state: State, given: Services) -> None:
        """Have the sessions end of RS that slbd was given as down since the last look.

        What cannot be done now is tried again at a later look.
        """
        if self._under_way is not None and not self._under_way.done():
            return
        if self._seen is not None and self._seen[0] is state and self._seen[1] is given:
            return
        if time.monotonic() - self._failed < AGAIN_S:
            return
        down = to_reset(state.services(), given)
        self._done &= down
        if new := sorted(down - self._done, key=lambda reset: (reset.vs.order, str(reset.rs))):
            self._under_way = asyncio.create_task(self._end_of_down(new))
        else:
            self._seen = (state, given)

    async def _end_of_down(self, resets: Sequence[Reset]) -> None:
        try:
            for first in range(0, len(resets), MAX_RESETS):
                await self._end_some(resets[first : first + MAX_RESETS])
        except SlbError as error:
            self._failed = time.monotonic()
            log.warning("%s; sessions of RS that are down have not ended yet", error)

    async def _end_some(self, resets: Sequence[Reset]) -> None:
        try:
            count = await asyncio.to_thread(self._slbd.session_reset, *resets)
        except (UnknownVs, UnknownRs):
            # One of them is gone by now; what it had goes as the change says that took it away.
            count = await self._end_known(resets)
        self._done.update(resets)
        if count:
            self._tell(resets, count, "slb-agent")

    async def _end_known(self, resets: Iterable[Reset]) -> int:
        count = 0
        for reset in resets:
            try:
                count += await asyncio.to_thread(self._slbd.session_reset, reset)
            except (UnknownVs, UnknownRs):
                continue
        return count

    def _tell(self, resets: Sequence[Reset], count: int, who: str) -> None:
        first = resets[0]
        rs = str(first.rs) if first.rs else None
        self._events.emit(
            "sessions_reset",
            vs=str(first.vs),
            rs=rs,
            others=len(resets) - 1,
            sessions=count,
            who=who,
        )
        what = f"{first.vs} {rs}" if rs else str(first.vs)
        more = f" and {len(resets) - 1} more" if len(resets) > 1 else ""
        log.info("sessions of %s%s have ended: %d", what, more, count)

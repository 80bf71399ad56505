# SPDX-License-Identifier: BSD-3-Clause
"""What has been seen of slbd: kept, and said in the log and to who watches when it has changed."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from slb.agent import tell
from slb.agent.events import Events
from slb.agent.standing import Standing
from slb.model.views import Plan, Version

log = logging.getLogger(__name__)


class Seen:
    """How slbd stands to the desired state, as far as the agent has seen it."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._now = Standing()

    @property
    def now(self) -> Standing:
        """What is known."""
        return self._now

    def unknown(self, reason: str) -> None:
        """Note that slbd has one thing or another."""
        self._set(replace(self._now, word="unknown", reason=reason))

    def unreachable(self, reason: str) -> None:
        """Note that slbd does not answer."""
        if (self._now.word, self._now.reason) != ("unreachable", reason):
            log.warning("%s", reason)
        self._set(replace(self._now, word="unreachable", reason=reason))

    def refused(self, generation: int, reason: str, version: Version) -> None:
        """Note that slbd refuses a generation, and stays at what it has."""
        if (self._now.word, self._now.reason) != ("refused", reason):
            log.error("slbd refuses generation %d: %s", generation, reason)
        self._set(
            replace(
                self._now,
                word="refused",
                reason=reason,
                instance=version.instance,
                pid=version.pid,
                slbd_generation=version.generation,
            )
        )

    def renumbered(self, generation: int) -> None:
        """Note that what slbd has is of another generation by now, and the same."""
        self._set(replace(self._now, applied=generation))

    def changed(self, generation: int, done: Plan) -> None:
        """Note that a transaction has brought slbd from what it had to a generation."""
        seen = self._now
        # If there was another change before, the watch is to see another generation.
        ours = done.generation in (seen.slbd_generation, seen.slbd_generation + 1)
        at = done.generation if ours else seen.slbd_generation
        self._set(replace(seen, applied=generation, slbd_generation=at))

    def applied(
        self, generation: int, done: Plan, version: Version | None, left_out: Sequence[str]
    ) -> None:
        """Note that slbd has the whole of a generation, but what it refuses; `version`: which one.

        Without one it is that which was seen last.
        """
        seen = self._now
        reason = left_out[0] if left_out else ""
        if len(left_out) > 1:
            reason += f"; and {len(left_out) - 1} more"
        if left_out and reason != seen.reason:
            for line in left_out:
                log.error("slbd refuses, so it is left out: %s", line)
        self._set(
            replace(
                seen,
                word="incomplete" if left_out else "applied",
                reason=reason,
                applied=generation,
                instance=version.instance if version else seen.instance,
                pid=version.pid if version else seen.pid,
                slbd_generation=done.generation,
            )
        )

    def mended(self, plan: Sequence[str]) -> None:
        """Note what was not as slbd had been given it."""
        times = self._now.mended + 1
        self._set(replace(self._now, mended=times, mended_at=time.monotonic()))
        changes = "1 change" if len(plan) == 1 else f"{len(plan)} changes"
        log.warning("slbd was changed beside us; mended, %s:", changes)
        for line in plan:
            log.warning("%s", line)

    def _set(self, now: Standing) -> None:
        before, self._now = self._now, now
        tell.standing(self._events, before, now)

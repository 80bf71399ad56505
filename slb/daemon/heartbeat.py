# SPDX-License-Identifier: BSD-3-Clause
"""Tells whether the workers live: each one's count of rounds must move."""

from collections.abc import Iterable
from dataclasses import dataclass

from slb.model.views import WorkerView

STILL_S = 1.0


@dataclass(frozen=True)
class Beat:
    """A worker's count of rounds, and when it last moved."""

    rounds: int
    moved: float


class Heartbeat:
    """Takes readings and says which worker stands still; keeps no clock of its own."""

    def __init__(self) -> None:
        self._beats: dict[int, Beat] = {}

    def still(self, workers: Iterable[WorkerView], now: float) -> list[int]:
        """Return the workers that have not moved for STILL_S."""
        for worker in workers:
            beat = self._beats.get(worker.worker)
            if beat is None or beat.rounds != worker.rounds:
                self._beats[worker.worker] = Beat(worker.rounds, now)
        return [n for n, beat in sorted(self._beats.items()) if now - beat.moved > STILL_S]

# SPDX-License-Identifier: BSD-3-Clause
"""Watches how many replies come to a worker other than theirs.

They are handed over, so none is lost; but a device that does not do what it has been told costs
speed, and nobody would know. Where the method is `soft`, that is how replies find their worker.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from slb.engine.protocol import Engine
from slb.model.views import RuleView, SteeringView

PROMISE = ("flow", "rss-port")


@dataclass(frozen=True)
class Reading:
    """A port's count, and when it was read."""

    misdirected: int
    at: float


class Watch:
    """Takes readings and says which ports misdirect; keeps no clock of its own.

    `limits`: by the port's name, the replies a second of which more are an alarm.
    """

    def __init__(self, engine: Engine, limits: Mapping[str, int]) -> None:
        self._engine = engine
        self._limits = limits
        self._last: dict[str, Reading] = {}
        self._rates: dict[str, int] = {}

    def look(self, now: float) -> list[str]:
        """Read the counts; returns a sentence for each alarm that begins or ends."""
        said = []
        for row in self._engine.steering_list():
            before, self._last[row.port] = self._last.get(row.port), Reading(row.misdirected, now)
            if before is None or now <= before.at or row.method not in PROMISE:
                continue
            was = self._alarm(row.port)
            rate = round((row.misdirected - before.misdirected) / (now - before.at))
            self._rates[row.port] = rate
            if self._alarm(row.port) and not was:
                said.append(
                    f"port {row.port}: {rate} replies a second come to a worker other than theirs, "
                    f"although they are steered by {row.method}; they are handed over"
                )
            elif was and not self._alarm(row.port):
                said.append(f"port {row.port}: replies come to their workers again")
        return said

    def rows(self) -> list[SteeringView]:
        """List how each port steers, and whether that is well."""
        return [
            replace(
                row,
                misdirected_pps=self._rates.get(row.port, 0),
                health="misdirecting" if self._alarm(row.port) else "ok",
            )
            for row in self._engine.steering_list()
        ]

    def rules(self) -> list[RuleView]:
        """List the rules that the ports' devices have."""
        return self._engine.rule_list()

    def _alarm(self, port: str) -> bool:
        return self._rates.get(port, 0) > self._limits[port]

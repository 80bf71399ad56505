# SPDX-License-Identifier: BSD-3-Clause
"""Watches how many replies come to a worker other than theirs, and what probes say of that.

They are handed over, so none is lost; but a device that does not do what it has been told costs
speed, and nobody would know. Where the method is `soft`, that is how replies find their worker.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from slb.engine.protocol import Engine
from slb.model.address import Address
from slb.model.views import ProbeView, RuleView, SteeringView
from slb.steering.probe import GOOD, PROMISE, UNPROVED, WRONG, Probes


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
        self._probes = Probes(engine)
        self._last: dict[str, Reading] = {}
        self._rates: dict[str, int] = {}
        self._stuck: dict[str, int] = {}

    def look(self, now: float) -> list[str]:
        """Read the counts and probe; returns a sentence for each alarm that begins or ends."""
        return self._probes.look(now) + self._misdirected(now) + self._stuck_rules()

    def _stuck_rules(self) -> list[str]:
        said = []
        for row in self._engine.steering_list():
            before, self._stuck[row.port] = self._stuck.get(row.port, 0), row.stuck_rules
            if row.stuck_rules > before:
                said.append(
                    f"port {row.port}: the device keeps {row.stuck_rules} rules of addresses that "
                    "are gone; it is asked again when local addresses change"
                )
            elif before and not row.stuck_rules:
                said.append(f"port {row.port}: the device has given its rules back")
        return said

    def prove(self, addresses: Collection[Address], now: float) -> tuple[list[Address], list[str]]:
        """Probe, these addresses first; returns those undecided, and sentences as look()."""
        said = self._probes.look(now, addresses)
        return self._probes.undecided(addresses, now), said

    def _misdirected(self, now: float) -> list[str]:
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
        return [self._described(row) for row in self._engine.steering_list()]

    def _described(self, row: SteeringView) -> SteeringView:
        states = {v.address: v.state for v in self._probes.rows() if v.port == row.port}
        found = list(states.values())
        wrong = [address for address, state in states.items() if state == WRONG]
        alarm = "stuck-rules" if row.stuck_rules else "ok"
        if self._alarm(row.port):
            alarm = "misdirecting"
        return replace(
            row,
            misdirected_pps=self._rates.get(row.port, 0),
            health="wrong-worker" if wrong else alarm,
            proved=sum(map(found.count, GOOD)),
            unproved=found.count(UNPROVED),
            wrong=wrong,
        )

    def probes(self) -> list[ProbeView]:
        """List what probes have shown of each local address in use."""
        return self._probes.rows()

    def rules(self) -> list[RuleView]:
        """List the rules that the ports' devices have."""
        return self._engine.rule_list()

    def _alarm(self, port: str) -> bool:
        return self._rates.get(port, 0) > self._limits[port]

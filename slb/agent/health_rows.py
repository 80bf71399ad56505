# SPDX-License-Identifier: BSD-3-Clause
"""What is told of the RS of a VS: what its checks say, and its clients' connections."""

from collections.abc import Mapping

from msgspec.structs import replace

from slb.health import difference
from slb.health import target as targets
from slb.health.effect import Fallen, out, since
from slb.health.passive import Passive
from slb.health.prober import Result
from slb.health.target import Target
from slb.model.health import HealthView, NoCheck
from slb.model.service import RealServer, Service


def rows(
    service: Service, results: Mapping[Target, Result], fallen: Fallen, passive: Passive, now: float
) -> list[HealthView]:
    """Return a row for each RS of a VS; none without checks."""
    if not service.health:
        return []
    found = targets.of(service)
    gone = out(service, found, fallen)
    words = difference.words(service.health)
    made = []
    for number, real in enumerate(service.rs):
        is_down = since(service, number, found, fallen) is not None
        stays = "capped" if is_down and real.weight else "in"
        result = results.get(found[number]) if found else None
        row = HealthView(
            str(service.vs),
            str(real.rs),
            words,
            result.state if result else "unknown",
            "out" if real.rs in gone else stays,
            _reason(result) if result else "",
            round(now - result.since, 1) if result else 0.0,
            None if result is None or result.latency_s is None else _ms(result.latency_s * 1000),
        )
        made.append(_with_passive(row, service, real, passive, now) if passive else row)
    return made


def _reason(result: Result) -> str:
    return f"not checked: {result.silent}" if result.silent else result.reason


def _with_passive(
    row: HealthView, service: Service, real: RealServer, passive: Passive, now: float
) -> HealthView:
    assert service.health
    if service.health.passive is None:
        return row
    figures, capped = passive.figures(service.vs, real.rs), passive.capped(service.vs, real.rs)
    said = f"{figures}" if figures else ""
    if ejection := passive.ejection(service.vs, real.rs):
        left = max(0, round(ejection.until - now))
        said = f"out for {left} s more, {ejection.times} in turn"
        reason, age = ejection.reason, round(now - ejection.since, 1)
        state = row.state if row.state == "down" else "ejected"
        return replace(row, state=state, reason=reason, since_s=age, passive=said)
    if capped:
        state = row.state if row.state == "down" else "ejected"
        return replace(row, state=state, effect="capped", reason=capped, passive=said)
    if isinstance(service.health, NoCheck) and figures:
        latency = None if figures.latency_ms is None else _ms(figures.latency_ms)
        return replace(row, state="up", latency_ms=latency, passive=said)
    return replace(row, passive=said)


def _ms(milliseconds: float) -> float:
    return round(milliseconds, 1)

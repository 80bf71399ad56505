# SPDX-License-Identifier: BSD-3-Clause
"""Which RS of a VS are worse than they may be, and than the others. Pure.

What befalls all RS of a VS alike comes of its clients or of the network, and no other RS would do
better; so an RS must be worse than those that do well, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import TypeVar

from slb.health.window import Figures
from slb.model.health import Passive

K = TypeVar("K")


@dataclass(frozen=True, order=True)
class Verdict:
    """How far beyond a threshold an RS is, as a multiple of it; and what it is, in words."""

    excess: float
    reason: str


def judge(rules: Passive, seen: Mapping[K, Figures]) -> dict[K, Verdict]:
    """Return those that are to be ejected, by the worst that is to be said of each."""
    least = rules.min_connections
    enough = {rs: f for rs, f in seen.items() if f.connections >= least}
    # Who has answered none of so many need not wait until those that it did answer are forgotten.
    newest = {
        rs: f.lately if f.lately and f.lately.connections >= least else f
        for rs, f in enough.items()
    }
    found: dict[K, Verdict] = {}
    for rs, verdict in [*_shares(rules, newest), *_slow(rules, enough)]:
        found[rs] = max(verdict, found.get(rs, verdict))
    return found


def _shares(rules: Passive, seen: Mapping[K, Figures]) -> Iterable[tuple[K, Verdict]]:
    for name, limit, part, whole in (
        ("unanswered", rules.unanswered_percent, "unanswered", "connections"),
        ("refused", rules.refused_percent, "refused", "connections"),
        ("reset", rules.reset_percent, "resets", "answered"),
    ):
        # Mostly there is nothing of the kind.
        if not limit or not any(getattr(f, part) for f in seen.values()):
            continue
        # None were reset of none that were answered: those that were are from earlier on.
        shares = {rs: 100 * getattr(f, part) / (getattr(f, whole) or inf) for rs, f in seen.items()}
        for rs, share in shares.items():
            if share < limit or share - _usual(rs, shares) < limit / 2:
                continue
            figures = f"{getattr(seen[rs], part)} of {getattr(seen[rs], whole)}"
            yield rs, Verdict(share / limit, f"{figures} connections {name}")


def _usual(rs: K, shares: Mapping[K, float]) -> float:
    """What the better quarter of the others stays below; 0 if there are none."""
    others = sorted(share for one, share in shares.items() if one != rs)
    return others[(len(others) - 1) // 4] if others else 0.0


def _slow(rules: Passive, seen: Mapping[K, Figures]) -> Iterable[tuple[K, Verdict]]:
    if not rules.latency_factor:
        return
    times = {rs: f.latency_ms for rs, f in seen.items() if f.latency_ms is not None}
    for rs, time in times.items():
        if time < rules.min_latency_ms or len(times) < 2:
            continue
        usual = median(other for one, other in times.items() if one != rs)
        if (factor := time / max(usual, 1e-3)) >= rules.latency_factor:
            text = f"answers in {_figure(time)} ms, the others in {_figure(usual)} ms"
            yield rs, Verdict(factor / rules.latency_factor, text)


def _figure(ms: float) -> str:
    """Three digits, or all of a large one; of a microsecond at least."""
    return f"{ms:.0f}" if ms >= 100 else f"{max(ms, 0.001):.3g}"

# SPDX-License-Identifier: BSD-3-Clause
"""VS and RS: packets, bytes and sessions of each.

A counter of an RS is that of all sessions it has had since its VS is there: those of a removed one
that live on count with those of the one that was added again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from prometheus_client.metrics_core import Metric

from slb.metrics.family import counter, gauge, single
from slb.metrics.reading import Reading
from slb.model.views import Answers, RsView, Traffic

Key = tuple[str, ...]
VS = ("vs",)
RS = ("vs", "rs")
OUTCOMES = ("answered", "unanswered", "refused", "aborted")
MICROSECONDS = 1_000_000
S = TypeVar("S", bound=Struct)


def families(seen: Reading) -> Iterator[Metric]:
    """Yield the families; those of RS only while there are no more than metrics.rs_max."""
    yield from _traffic("slb_vs", VS, {(row.vs,): row.traffic for row in seen.vs})
    text = "Packets that should have begun a session: no RS, no local port or no room."
    yield from _answers("slb_vs", VS, {(row.vs,): row.answers for row in seen.vs})
    yield counter("slb_vs_refused_packets", text, VS, [((v.vs,), v.refused) for v in seen.vs])
    states = [
        ((row.vs, state), count)
        for row in seen.vs
        for state, count in (
            ("serving", row.rs_count - row.draining),
            ("draining", row.draining),
            ("removed", row.removed),
        )
    ]
    text = "RS of a VS: serving, with weight 0, and removed ones that have sessions yet."
    yield gauge("slb_vs_rs", text, (*VS, "state"), states)
    traffic = of_rs(seen.rs)
    left_out = len(traffic) if len(traffic) > seen.facts.rs_max else 0
    text = "RS without figures of their own, because there are more than metrics.rs_max."
    yield single("slb_rs_left_out", text, left_out)
    if left_out:
        return
    yield from _traffic("slb_rs", RS, traffic)
    yield from _answers("slb_rs", RS, answers_of_rs(seen.rs))
    weights = [((row.vs, row.rs), row.weight) for row in seen.rs if not row.removed]
    yield gauge("slb_rs_weight", "The RS's share.", RS, weights)


def of_rs(rows: Sequence[RsView]) -> dict[Key, Traffic]:
    """Return what each RS of each VS has counted, removed or not."""
    found: dict[Key, Traffic] = {}
    for row in rows:
        # There may be a VS with the same key again, whose counters begin anew.
        if row.vs_removed:
            continue
        key = (row.vs, row.rs)
        found[key] = _sum(found[key], row.traffic) if key in found else row.traffic
    return found


def answers_of_rs(rows: Sequence[RsView]) -> dict[Key, Answers]:
    """Return what became of the sessions of each RS of each VS, removed or not."""
    found: dict[Key, Answers] = {}
    for row in rows:
        if not row.vs_removed:
            key = (row.vs, row.rs)
            found[key] = _sum(found[key], row.answers) if key in found else row.answers
    return found


def _sum(one: S, other: S) -> S:
    fields: tuple[str, ...] = type(one).__struct_fields__
    return type(one)(**{name: getattr(one, name) + getattr(other, name) for name in fields})


def _answers(name: str, labels: Sequence[str], rows: Mapping[Key, Answers]) -> Iterator[Metric]:
    outcomes = [
        ((*key, outcome), getattr(answers, outcome))
        for key, answers in rows.items()
        for outcome in OUTCOMES
    ]
    text = "Sessions by what became of them; the others that began wait for their RS."
    yield counter(f"{name}_answers", text, (*labels, "outcome"), outcomes)
    resets = [(key, answers.resets) for key, answers in rows.items()]
    yield counter(f"{name}_resets", "RSTs by RS of connections it had answered.", labels, resets)
    seconds = [(key, answers.latency_us / MICROSECONDS) for key, answers in rows.items()]
    text = "From SYN to SYN-ACK, the sum of all samples."
    yield counter(f"{name}_answer_seconds", text, labels, seconds)
    samples = [(key, answers.samples) for key, answers in rows.items()]
    yield counter(f"{name}_answer_samples", "SYN-ACKs whose time was taken.", labels, samples)


def _traffic(name: str, labels: Sequence[str], rows: Mapping[Key, Traffic]) -> Iterator[Metric]:
    both = (*labels, "direction")
    for unit in ("packets", "bytes"):
        text = f"{unit.capitalize()} of sessions; in: from client to RS, out: the other way."
        values = [
            ((*key, direction), getattr(traffic, f"{direction}_{unit}"))
            for key, traffic in rows.items()
            for direction in ("in", "out")
        ]
        yield counter(f"{name}_{unit}", text, both, values)
    created = [(key, traffic.sessions) for key, traffic in rows.items()]
    yield counter(f"{name}_sessions_created", "Sessions that began.", labels, created)
    live = [(key, traffic.active) for key, traffic in rows.items()]
    yield gauge(f"{name}_sessions", "Sessions that live.", labels, live)

# SPDX-License-Identifier: BSD-3-Clause
"""Families of what health checks find: all together, of each VS, and of each RS."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from prometheus_client.metrics_core import Metric

from slb.health import target as targets
from slb.health.prober import Counts, Measured
from slb.metrics.family import Row, counter, gauge, single
from slb.model.health import HealthView
from slb.model.service import Service

STATES = ("up", "down", "ejected", "unknown")
EFFECTS = ("in", "out", "capped")
VS, RS = ("vs",), ("vs", "rs")

Key = tuple[str, ...]


def families(
    rows: Sequence[HealthView], services: Iterable[Service], seen: Measured, rs_max: int
) -> Iterator[Metric]:
    """Yield the families; those of single RS only while no more than `rs_max` are checked."""
    yield single("slb_agent_checks_alive", "1 while checks are made.", int(seen.alive))
    text = "Checks that have ended, by what they said of the RS."
    yield counter("slb_agent_checks", text, ("result",), _by_result((), seen.counts))
    text = "Checks that run, are due and wait to begin, or have a connection kept."
    numbers = [(("running",), seen.running), (("waiting",), seen.waiting), (("kept",), seen.kept)]
    yield gauge("slb_agent_checks_open", text, ("state",), numbers)
    yield single(
        "slb_agent_checks_most",
        "How many checks may run or have a connection kept at a time.",
        seen.most,
    )
    yield from _of_vs(rows)
    left_out = len(rows) if len(rows) > rs_max else 0
    text = "RS that are checked, without figures of their own: more than metrics.rs_max."
    yield single("slb_agent_rs_left_out", text, left_out)
    if not left_out:
        yield from _of_rs(rows, _counts(services, seen))


def _of_vs(rows: Sequence[HealthView]) -> Iterator[Metric]:
    keys = list(dict.fromkeys(row.vs for row in rows))
    states = Counter((row.vs, row.state) for row in rows)
    text = "RS of a VS by what its checks and its clients' connections say."
    yield gauge("slb_agent_vs_rs_state", text, (*VS, "state"), _words(keys, STATES, states))
    effects = Counter((row.vs, row.effect) for row in rows)
    text = "RS of a VS: in, out, or in only since too many others are out."
    yield gauge("slb_agent_vs_rs_effect", text, (*VS, "effect"), _words(keys, EFFECTS, effects))


def _of_rs(rows: Sequence[HealthView], counts: Mapping[Key, Counts]) -> Iterator[Metric]:
    bad = ("down", "ejected")
    up = [((row.vs, row.rs), int(row.state not in bad)) for row in rows]
    yield gauge("slb_agent_rs_up", "0 while the RS is down or ejected, else 1.", RS, up)
    in_use = [((row.vs, row.rs), int(row.effect != "out")) for row in rows]
    text = "0 while the RS gets no new sessions for what was found, else 1."
    yield gauge("slb_agent_rs_in", text, RS, in_use)
    took = [((r.vs, r.rs), r.latency_ms / 1000) for r in rows if r.latency_ms is not None]
    text = "How long the last good check took; not there before the first."
    yield gauge("slb_agent_rs_check_seconds", text, RS, took)
    text = "Checks of the RS that have ended; VS that check it in the same way share them."
    found = chain.from_iterable(_by_result(key, count) for key, count in counts.items())
    yield counter("slb_agent_rs_checks", text, (*RS, "result"), found)


def _counts(services: Iterable[Service], seen: Measured) -> dict[Key, Counts]:
    return {
        (str(service.vs), str(real.rs)): seen.results[target].counts
        for service in services
        for real, target in zip(service.rs, targets.of(service), strict=False)
        if target in seen.results
    }


def _by_result(key: Key, counts: Counts) -> list[Row]:
    return [((*key, word), value) for word, value in counts._asdict().items()]


def _words(
    keys: Iterable[str], words: Sequence[str], found: Mapping[tuple[str, str], int]
) -> Iterator[Row]:
    return (((vs, word), found.get((vs, word), 0)) for vs in keys for word in words)

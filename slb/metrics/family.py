# SPDX-License-Identifier: BSD-3-Clause
"""Families of figures from rows: a name, a sentence, the labels' names, and values with labels."""

from collections.abc import Iterable, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

Row = tuple[Sequence[str], float]


def counter(name: str, text: str, labels: Sequence[str], rows: Iterable[Row]) -> Metric:
    """Make a family that only grows while slbd runs; `_total` is added to its name."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def gauge(name: str, text: str, labels: Sequence[str], rows: Iterable[Row]) -> Metric:
    """Make a family that goes up and down."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def single(name: str, text: str, value: float) -> Metric:
    """Make a gauge without labels."""
    return gauge(name, text, (), [((), value)])


def states(have: str, known: Sequence[str]) -> list[tuple[str, int]]:
    """Return every state that there may be, 1 for the one that is, so that no series comes late."""
    return [(state, int(state == have)) for state in known]

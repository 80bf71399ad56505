# SPDX-License-Identifier: BSD-3-Clause
"""Families of figures as Prometheus's text, and one reading for all who ask at a time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Collector(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield every family, in the order in which they are shown."""
        yield from self._families


def written(families: Iterable[Metric]) -> bytes:
    """Return the text of families; they are gone through once."""
    registry = CollectorRegistry()
    registry.register(_Collector(families))
    return generate_latest(registry)


class Scrape:
    """Has figures read and written down; who asks meanwhile gets the same."""

    def __init__(self) -> None:
        self._running: asyncio.Task[bytes] | None = None

    async def text(self, collect: Callable[[], Coroutine[None, None, bytes]]) -> bytes:
        """Return what `collect` does, or one that is under way; raises what that raises."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(collect())
        # Shielded: one that goes away leaves the others their answer.
        return await asyncio.shield(self._running)

# SPDX-License-Identifier: BSD-3-Clause
"""All families as Prometheus's text; made from a reading, nothing is kept."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from slb.metrics import ospf, ports, process, services, steering, workers
from slb.metrics.reading import Reading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Collector(Collector):
    def __init__(self, seen: Reading) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        """Yield every family, in the order in which they are shown."""
        for module in (process, workers, ports, steering, ospf, services):
            yield from module.families(self._seen)


def exposition(seen: Reading) -> bytes:
    """Return the text."""
    registry = CollectorRegistry()
    registry.register(_Collector(seen))
    return generate_latest(registry)

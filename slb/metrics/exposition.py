# SPDX-License-Identifier: BSD-3-Clause
"""All families of slbd as Prometheus's text; made from a reading, nothing is kept."""

from itertools import chain

from slb.metrics import ospf, ports, process, services, steering, workers
from slb.metrics.reading import Reading
from slb.metrics.text import written


def exposition(seen: Reading) -> bytes:
    """Return the text, every family in the order in which they are shown."""
    modules = (process, workers, ports, steering, ospf, services)
    return written(chain.from_iterable(module.families(seen) for module in modules))

# SPDX-License-Identifier: BSD-3-Clause
"""OSPF: whether it is spoken, with whom, and what is announced."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from slb.metrics.family import gauge, single
from slb.metrics.reading import Reading
from slb.model.announced import of_local_addresses
from slb.model.views import NO_QUORUM


def families(seen: Reading) -> Iterator[Metric]:
    """Yield the families; of an OSPF that is off, only that it is."""
    ospf = seen.ospf
    on = ospf.mode != "off"
    yield single("slb_ospf_enabled", "1 unless ospf.mode is off.", int(on))
    if not on:
        return
    yield single("slb_ospf_running", "1 while BIRD answers.", int(ospf.running))
    text = "1 while there is a neighbour in state Full, for each OSPF that is spoken."
    rows = [((name,), int(state == "full")) for name, state in ospf.adjacency.items()]
    yield gauge("slb_ospf_adjacency_full", text, ("protocol",), rows)
    full = sum(neighbour.full for neighbour in ospf.neighbours)
    states = {"full": full, "other": len(ospf.neighbours) - full, "lost": len(ospf.lost)}
    text = "Routers that BIRD sees, and those that were Full and are lost while others are Full."
    rows = [((state,), count) for state, count in states.items()]
    yield gauge("slb_ospf_neighbours", text, ("state",), rows)
    local = of_local_addresses(ospf.announced, seen.laddrs)
    text = "Prefixes that are announced."
    rows = [(("services",), len(ospf.announced) - local), (("local_addresses",), local)]
    yield gauge("slb_ospf_announced_prefixes", text, ("kind",), rows)
    held = Counter("quorum" if why == NO_QUORUM else "hold" for why in ospf.held.values())
    text = "Prefixes that are not announced; all of them together count once."
    rows = [((reason,), held[reason]) for reason in ("quorum", "hold")]
    yield gauge("slb_ospf_held_prefixes", text, ("reason",), rows)
    text = "1 while slbd is about to stop, and announces at the drain metric."
    yield single("slb_ospf_draining", text, int(ospf.draining))
    text = "1 while nothing is announced on purpose: see slbctl ospf status."
    yield single("slb_ospf_withheld", text, int(ospf.withheld is not None))
    text = "1 while BIRD cannot be asked, did not take what it should, or does something else."
    yield single("slb_ospf_failing", text, int(ospf.error is not None))

# SPDX-License-Identifier: BSD-3-Clause
"""slbd itself: what it is, since when, its tables, transactions and reloads."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from slb.metrics.facts import DONE, REFUSED, RESULTS
from slb.metrics.family import counter, gauge, single
from slb.metrics.reading import Reading


def families(seen: Reading) -> Iterator[Metric]:
    """Yield the families."""
    version, facts = seen.version, seen.facts
    labels = ("version", "abi", "dpdk")
    row = ((version.slb, str(version.abi), version.dpdk), 1)
    yield gauge("slb_build_info", "What runs; always 1.", labels, [row])
    text = "When slbd started, in seconds since 1970."
    yield single("slb_start_time_seconds", text, facts.started)
    text = "The generation that every worker has."
    yield single("slb_generation", text, version.generation)
    text = "Changes of VS and RS that reached the engine, by what came of them."
    rows = [((result,), seen.transactions.get(result, 0)) for result in (DONE, REFUSED)]
    yield counter("slb_transactions", text, ("result",), rows)
    text = "When a change last came to that, in seconds since 1970; 0: never."
    last = [((result,), seen.transacted_at.get(result, 0.0)) for result in (DONE, REFUSED)]
    yield gauge("slb_last_transaction_time_seconds", text, ("result",), last)
    text = "Reloads of the configuration, by what came of them."
    rows = [((result,), facts.reloads[result]) for result in RESULTS]
    yield counter("slb_reloads", text, ("result",), rows)
    text = "When a reload last came to that, in seconds since 1970; 0: never."
    times = [((result,), facts.reloaded_at.get(result, 0.0)) for result in RESULTS]
    yield gauge("slb_last_reload_time_seconds", text, ("result",), times)
    text = "1 if the last reload was refused or failed: what runs is not what the file says."
    yield single("slb_reload_failed", text, int(facts.last_reload != DONE))
    yield from _tables(seen)


def _tables(seen: Reading) -> Iterator[Metric]:
    rows = [(("vs",), len(seen.vs)), (("rs",), len(seen.rs))]
    text = "VS, and RS of all VS with those that were removed and have sessions yet."
    yield gauge("slb_table_entries", text, ("table",), rows)
    rows = [(("vs",), seen.facts.vs_capacity), (("rs",), seen.facts.rs_capacity)]
    yield gauge("slb_table_capacity", "How many there may be.", ("table",), rows)

# SPDX-License-Identifier: BSD-3-Clause
"""The workers: packets, cycles, sessions and drops of each."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from slb.metrics.family import counter, gauge, states
from slb.metrics.reading import Reading

LABELS = ("worker",)
STATES = ("active", "draining", "idle")
# The view's field, the name behind slb_worker_, what it says.
COUNTERS = (
    ("rounds", "rounds", "Rounds of the worker's loop: moves while it lives, also when idle."),
    ("busy_cycles", "busy_cycles", "CPU cycles of rounds that found packets."),
    ("idle_cycles", "idle_cycles", "CPU cycles of rounds that found none."),
    ("rx_packets", "rx_packets", "Packets taken from ports."),
    ("tx_packets", "tx_packets", "Packets given to ports."),
    ("handed_off", "handed_off_packets", "Packets handed to the worker whose they are."),
    ("handed_in", "handed_in_packets", "Packets handed over by other workers."),
    ("punted", "punted_packets", "Packets given to the KNI core, for the kernel."),
    ("sessions_created", "sessions_created", "Sessions that began."),
    ("sessions_ended", "sessions_ended", "Sessions that ended."),
    ("sessions_recycled", "sessions_recycled", "Of the sessions that ended: to make room."),
    ("sessions_reset", "sessions_reset", "Of the sessions that ended: on demand, or of a down RS."),
    ("untold", "untold_segments", "Segments that could not tell an RS its client."),
)
GAUGES = (
    ("sessions_active", "sessions", "Sessions that live."),
    ("sessions_capacity", "session_capacity", "How many sessions there may be."),
    ("session_bytes", "session_memory_bytes", "Memory of all sessions."),
    ("share", "share_ratio", "The worker's share of all clients, 0 to 1."),
    ("generation", "generation", "The generation that the worker has."),
)


def families(seen: Reading) -> Iterator[Metric]:
    """Yield the families."""
    rows = [((str(w.worker), str(w.cpu), str(w.numa), w.idle), 1) for w in seen.workers]
    labels = (*LABELS, "cpu", "numa", "idle")
    yield gauge("slb_worker_info", "Where a worker runs; always 1.", labels, rows)
    state_rows = [
        ((str(w.worker), state), value)
        for w in seen.workers
        for state, value in states(w.state, STATES)
    ]
    text = "1 for the state that the worker has."
    yield gauge("slb_worker_state", text, (*LABELS, "state"), state_rows)
    for field, name, text in COUNTERS:
        values = [((str(w.worker),), getattr(w, field)) for w in seen.workers]
        yield counter(f"slb_worker_{name}", text, LABELS, values)
    for field, name, text in GAUGES:
        values = [((str(w.worker),), getattr(w, field)) for w in seen.workers]
        yield gauge(f"slb_worker_{name}", text, LABELS, values)
    moved = [
        ((str(worker), direction), value)
        for worker, counts in enumerate(seen.worker_bytes)
        for direction, value in zip(("in", "out"), counts, strict=True)
    ]
    text = "Bytes of sessions; in: from client to RS, out: the other way."
    yield counter("slb_worker_bytes", text, (*LABELS, "direction"), moved)
    drops = [
        ((str(worker), drop.reason), count)
        for drop in seen.drops
        for worker, count in enumerate(drop.workers)
    ]
    text = "Packets dropped, by the reasons of docs/drops.md."
    yield counter("slb_dropped_packets", text, (*LABELS, "reason"), drops)

# SPDX-License-Identifier: BSD-3-Clause
"""How replies find their workers, and the local addresses that they come to."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from slb.metrics.family import counter, gauge
from slb.metrics.reading import Reading

LABELS = ("port",)
LADDR_STATES = ("active", "waiting", "draining")
# The view's field, the name behind slb_steering_, what it says.
GAUGES = (
    ("rules", "rules", "Rules in the port's device."),
    ("stuck_rules", "stuck_rules", "Of the rules: those that the device does not give back."),
    ("misdirected_pps", "misdirected_rate", "Misdirected replies in the last second."),
)


def families(seen: Reading) -> Iterator[Metric]:
    """Yield the families."""
    rows = seen.steering
    info = [((r.port, r.method, r.spread), 1) for r in rows]
    text = "How a port steers; always 1."
    yield gauge("slb_steering_info", text, (*LABELS, "method", "spread"), info)
    well = [((r.port,), int(r.health == "ok")) for r in rows]
    text = "1 while slbctl steering shows the port as ok."
    yield gauge("slb_steering_ok", text, LABELS, well)
    text = "Replies that came to a worker other than theirs, and were handed over."
    lost = [((r.port,), r.misdirected) for r in rows]
    yield counter("slb_steering_misdirected_packets", text, LABELS, lost)
    for field, name, text in GAUGES:
        yield gauge(
            f"slb_steering_{name}", text, LABELS, [((r.port,), getattr(r, field)) for r in rows]
        )
    proofs = [
        ((r.port, state), value)
        for r in rows
        for state, value in (
            ("proved", r.proved),
            ("unproved", r.unproved),
            ("wrong", len(r.wrong)),
        )
    ]
    text = "Local addresses in use, by what probes have shown of them."
    yield gauge("slb_steering_proofs", text, (*LABELS, "state"), proofs)
    yield from _laddrs(seen)


def _laddrs(seen: Reading) -> Iterator[Metric]:
    # One that all workers have is listed for each of them.
    state = {(row.port, row.address): row.state for row in seen.laddrs}
    used: Counter[tuple[str, str]] = Counter()
    for row in seen.laddrs:
        used[(row.port, row.address)] += row.active
    found = Counter((port, state) for (port, _), state in state.items())
    rows = [
        ((port.name, word), found[(port.name, word)])
        for port in seen.ports
        for word in LADDR_STATES
    ]
    yield gauge("slb_laddrs", "Local addresses.", (*LABELS, "state"), rows)
    text = "Local ports of a local address that sessions use, towards all RS together."
    ports = [(key, count) for key, count in used.items()]
    yield gauge("slb_laddr_ports_used", text, (*LABELS, "address"), ports)

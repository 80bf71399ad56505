# SPDX-License-Identifier: BSD-3-Clause
"""The ports: what their devices count, their links, kernel interfaces and members."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from slb.metrics.family import counter, gauge, states
from slb.metrics.reading import Reading

LABELS = ("port",)
MEMBER = ("port", "device")
MEMBER_STATES = ("active", "standby", "waiting", "down")
MEGABIT = 125_000  # bytes
# The view's field, the name behind slb_port_, what it says.
COUNTERS = (
    ("rx_packets", "rx_packets", "Packets that the device received."),
    ("rx_bytes", "rx_bytes", "Bytes that the device received."),
    ("rx_missed", "rx_missed_packets", "Packets that found its receive queues full."),
    ("rx_no_mbuf", "rx_no_mbuf_packets", "Packets for which there was no buffer."),
    ("rx_errors", "rx_error_packets", "Packets that it received wrongly."),
    ("tx_packets", "tx_packets", "Packets that it sent."),
    ("tx_bytes", "tx_bytes", "Bytes that it sent."),
    ("tx_errors", "tx_error_packets", "Packets that it did not send."),
    ("kni_to_kernel", "to_kernel_packets", "Packets given to the kernel interface."),
    ("kni_from_kernel", "from_kernel_packets", "Packets taken from the kernel interface."),
    ("kni_dropped", "kernel_dropped_packets", "Packets that the kernel interface did not take."),
)


def families(seen: Reading) -> Iterator[Metric]:
    """Yield the families."""
    rows = [((p.name, p.driver, p.mac, p.kernel_interface), 1) for p in seen.ports]
    labels = (*LABELS, "driver", "mac", "kernel_interface")
    yield gauge("slb_port_info", "What a port is; always 1.", labels, rows)
    links = [((p.name,), int(p.link_up)) for p in seen.ports if p.link_up is not None]
    text = "1 while the link is up; not there where nobody can say."
    yield gauge("slb_port_link_up", text, LABELS, links)
    speeds = [((p.name,), p.speed_mbps * MEGABIT) for p in seen.ports]
    yield gauge("slb_port_speed_bytes", "Bytes a second; 0: unknown.", LABELS, speeds)
    for field, name, text in COUNTERS:
        values = [((p.name,), getattr(p, field)) for p in seen.ports]
        yield counter(f"slb_port_{name}", text, LABELS, values)
    yield from _members(seen)


def _members(seen: Reading) -> Iterator[Metric]:
    members = [(port.name, member) for port in seen.ports for member in port.members]
    rows = [
        ((port, m.device, state), value)
        for port, m in members
        for state, value in states(m.state, MEMBER_STATES)
    ]
    text = "1 for the state that a device of a bond has."
    yield gauge("slb_port_member_state", text, (*MEMBER, "state"), rows)
    links = [((port, m.device), int(m.link_up)) for port, m in members]
    text = "1 while the link of a device of a bond is up."
    yield gauge("slb_port_member_link_up", text, MEMBER, links)

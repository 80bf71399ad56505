# SPDX-License-Identifier: BSD-3-Clause
"""Columns and cells that several tables share."""

from collections.abc import Callable
from typing import TypeVar

from slb.model.views import Traffic
from slbctl.output import Column
from slbctl.units import bits_per_second, count, octets, per_second

Row = TypeVar("Row")


def number(heading: str, value: Callable[[Row], int]) -> Column[Row]:
    """A column of counts, to the right."""
    return Column(heading, lambda row: count(value(row)), right=True)


def volume(heading: str, value: Callable[[Row], int]) -> Column[Row]:
    """A column of bytes, to the right."""
    return Column(heading, lambda row: octets(value(row)), right=True)


def session_columns(traffic: Callable[[Row], Traffic]) -> list[Column[Row]]:
    """Sessions of a VS or an RS: those of now, and all since the start."""
    return [
        number("ACTIVE", lambda row: traffic(row).active),
        number("SESSIONS", lambda row: traffic(row).sessions),
    ]


def packet_columns(traffic: Callable[[Row], Traffic]) -> list[Column[Row]]:
    """Packets of a VS or an RS; IN is client to RS."""
    return [
        number("PKTS IN", lambda row: traffic(row).in_packets),
        number("PKTS OUT", lambda row: traffic(row).out_packets),
    ]


def byte_columns(traffic: Callable[[Row], Traffic]) -> list[Column[Row]]:
    """Bytes of a VS or an RS; IN is client to RS."""
    return [
        volume("BYTES IN", lambda row: traffic(row).in_bytes),
        volume("BYTES OUT", lambda row: traffic(row).out_bytes),
    ]


def traffic_columns(traffic: Callable[[Row], Traffic]) -> list[Column[Row]]:
    """Everything that is counted of a VS or an RS."""
    return [*session_columns(traffic), *packet_columns(traffic), *byte_columns(traffic)]


def rate_columns(
    before: Callable[[Row], Traffic], after: Callable[[Row], Traffic], seconds: float
) -> list[Column[Row]]:
    """The same per second between two readings."""

    def rate(row: Row, field: str) -> float:
        moved: int = getattr(after(row), field) - getattr(before(row), field)
        return max(moved, 0) / seconds

    def packets(heading: str, field: str) -> Column[Row]:
        return Column(heading, lambda row: per_second(rate(row, field)), right=True)

    def bits(heading: str, field: str) -> Column[Row]:
        return Column(heading, lambda row: bits_per_second(rate(row, field)), right=True)

    return [
        number("ACTIVE", lambda row: after(row).active),
        packets("SESSIONS/s", "sessions"),
        packets("PPS IN", "in_packets"),
        packets("PPS OUT", "out_packets"),
        bits("RATE IN", "in_bytes"),
        bits("RATE OUT", "out_bytes"),
    ]

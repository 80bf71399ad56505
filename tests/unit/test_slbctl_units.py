# SPDX-License-Identifier: BSD-3-Clause
"""Numbers as they are shown."""

import pytest

from slbctl import units


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (99_999, "99999"),
        (100_000, "100k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (1_234_567, "1.23M"),
        (12_345_678, "12.3M"),
        (2**64 - 1, "18.4E"),
    ],
)
def test_count(number: int, text: str) -> None:
    assert units.count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1536, "1.54 kB"), (3 * 10**12, "3.00 TB")],
)
def test_octets(number: int, text: str) -> None:
    assert units.octets(number) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.0s"),
        (9_999, "9.9s"),
        (10_000, "10s"),
        (59_999, "59s"),
        (125_000, "2m05s"),
        (3_780_000, "1h03m"),
        (187_200_000, "2d04h"),
    ],
)
def test_duration(milliseconds: int, text: str) -> None:
    assert units.duration(milliseconds) == text


def test_rates_speeds_and_shares() -> None:
    assert (units.per_second(0.0), units.per_second(0.5)) == ("0", "0.50")
    assert units.bits_per_second(1.25e9) == "10.0 Gb/s"
    speeds = [units.link_speed(mbps) for mbps in (0, 100, 1000, 2500, 100_000)]
    assert speeds == ["-", "100M", "1G", "2.5G", "100G"]
    assert (units.percent(1, 3), units.percent(0, 0)) == ("33.3%", "-")
    assert (units.plural(1, "packet"), units.plural(0, "packet")) == ("1 packet", "0 packets")

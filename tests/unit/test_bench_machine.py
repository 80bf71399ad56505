# SPDX-License-Identifier: BSD-3-Clause
"""What the bench writes of the machine."""

from pathlib import Path

import pytest
from bench import machine, native
from bench.machine import Machine


def test_the_name_of_the_cpu(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: AMD EPYC 9965\nmodel name\t: other\n")
    assert machine.cpu(info) == "AMD EPYC 9965"
    info.write_text("processor\t: 0\n")
    assert machine.cpu(info) == "unknown"


def test_hugepages_that_are_reserved(tmp_path: Path) -> None:
    for size, number in (("2048kB", 7), ("1048576kB", 0)):
        pool = tmp_path / f"hugepages-{size}"
        pool.mkdir()
        (pool / "nr_hugepages").write_text(f"{number}\n")
    assert machine.hugepages(tmp_path) == {"2048kB": 7, "1048576kB": 0}


def test_the_same_for_people() -> None:
    host: Machine = {
        "cpu": "AMD EPYC",
        "cpus": 2,
        "tsc_hz": 2_600_000_000,
        "hugepages": {"1048576kB": 0, "2048kB": 7},
        "load": (1.0, 0.5, 0.25),
        "kernel": "6.1",
        "dpdk": "22.11",
        "commit": "abc-dirty",
    }
    assert machine.lines(host).splitlines() == [
        "AMD EPYC, 2 CPUs, TSC 2,600 MHz, load 1.00 0.50 0.25",
        "kernel 6.1, DPDK 22.11, commit abc-dirty, hugepages reserved: 7 x 2048kB; "
        "cycles of the TSC",
    ]


def test_who_measures_is_apart_from_who_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last CPU, and another one; of one only that."""
    monkeypatch.setattr("bench.native.os.sched_getaffinity", lambda _: {3, 5, 7})
    assert native.cpus() == [7, 5]
    monkeypatch.setattr("bench.native.os.sched_getaffinity", lambda _: {3})
    assert native.cpus() == [3]

# SPDX-License-Identifier: BSD-3-Clause
"""What the bench borrows of the host, it leaves as it was."""

import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest
from bench import engine, health, memory, real_servers, testpmd
from bench.slices import Point, Reading, read
from msgspec.structs import replace
from unit.memory_engine import worker_view

from slb.model.health import GrpcCheck, HttpsCheck, TcpCheck

FAKE = """#!/bin/sh
mkdir -p "$RUNTIME_DIRECTORY/dpdk/rte"
echo "$RUNTIME_DIRECTORY" > {folder}/runtime
while read -r asked; do
    [ "$asked" = "show fwd stats all" ] || continue
    n=$((n + 1))
    counted="total cycles=$((n * {cycles})) / total 5tswap packets=$((n * 10000))"
    [ $n -gt 3 ] || echo "($counted) at 2100 MHz Clock"
done
"""


@pytest.mark.parametrize(("cycles", "good"), [("1702000", True), ("none", False)])
def test_testpmds_runtime_directory_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cycles: str, good: bool
) -> None:
    program = tmp_path / "dpdk-testpmd"
    text = FAKE.format(folder=tmp_path, cycles=cycles)
    program.write_text(text if good else text.replace("total ", ""))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "frames.pcap").touch()
    if good:
        reading = testpmd.cycles(tmp_path / "frames.pcap", 8192, 64, huge=False)
        assert reading == Reading(170.2, 0)
    else:
        with pytest.raises(RuntimeError, match="gave no figure"):
            testpmd.cycles(tmp_path / "frames.pcap", 8192, 64, huge=False)
    runtime = Path((tmp_path / "runtime").read_text().strip())
    assert runtime.name.startswith("slb-bench")
    assert not runtime.exists()


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        ({}, None),
        ({"tx_packets": 1000 - engine.BURST}, None),
        ({"tx_packets": 1000 - engine.BURST - 1}, "1000 packets received, 871 sent"),
        ({"rx_packets": 0, "tx_packets": 0}, "0 packets received, 0 sent"),
        ({"sessions_created": 1}, "sessions_created moved during the measurement"),
        ({"sessions_ended": 1}, "sessions_ended moved during the measurement"),
        ({"dropped": 1}, "dropped moved during the measurement"),
    ],
)
def test_a_measurement_in_which_not_all_was_forwarded(
    moved: dict[str, int], said: str | None
) -> None:
    before = worker_view(0, 1)
    all_sent = {"rx_packets": 1000, "tx_packets": 1000}
    after = replace(before, rx_packets=before.rx_packets + (all_sent | moved)["rx_packets"])
    rest = {name: count for name, count in (all_sent | moved).items() if name != "rx_packets"}
    after = replace(after, **rest)
    with pytest.raises(RuntimeError, match=said) if said else nullcontext():
        engine.check(before, after)


def test_slices_that_were_disturbed_are_left_out() -> None:
    packets = [0, 10_000, 10_032, 20_000, 30_000, 40_000]
    took = [0, 1_000_000, 3_200, 996_800, 1_020_000, 1_000_000 + 200_000]
    points = [Point(sum(took[: n + 1]), packets[n]) for n in range(len(packets))]
    # Of 2 GHz, 50 us are 100,000 cycles; the second point is too near to the first one.
    assert read(points, 2e9) == Reading(pytest.approx(3_020_000 / 30_000), 1)
    with pytest.raises(RuntimeError, match="no 8,192 packets"):
        read(points[1:3], 2e9)


def test_pages_that_others_use_are_not_ours(tmp_path: Path) -> None:
    pages = tmp_path / "nr_hugepages"
    pages.write_text("100")
    (tmp_path / "free_hugepages").write_text("20")
    with memory.hugepages(100, tmp_path) as enough:
        assert (enough, pages.read_text()) == (True, "130")
    assert pages.read_text() == "100"


def test_one_process_at_a_time_has_pages(tmp_path: Path) -> None:
    """For one measurement within another, too."""
    (tmp_path / "nr_hugepages").write_text("0")
    (tmp_path / "free_hugepages").write_text("0")
    another = ["flock", "-n", str(tmp_path), "true"]
    with memory.hugepages(10, tmp_path):
        with memory.hugepages(20, tmp_path):
            assert subprocess.run(another, check=False).returncode == 1
        assert subprocess.run(another, check=False).returncode == 1
    assert subprocess.run(another, check=False).returncode == 0


def test_too_few_pages_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that has no more gives fewer than it was asked for."""
    (tmp_path / "nr_hugepages").write_text("100")
    (tmp_path / "free_hugepages").write_text("0")
    monkeypatch.setattr(Path, "write_text", lambda _path, text: len(text))
    monkeypatch.setattr(memory, "refused", [])
    with memory.hugepages(100, tmp_path) as enough:
        assert (enough, memory.refused) == (False, [100])


def test_how_much_the_host_holds(tmp_path: Path) -> None:
    host = tmp_path / "meminfo"
    host.write_text("MemTotal:  9216 kB\nMemAvailable:    4096 kB\n")
    assert memory.holds(1024, host) == 2048
    host.write_text("MemTotal:  9216 kB\n")
    with pytest.raises(RuntimeError, match="does not say what is available"):
        memory.holds(1, host)


def test_health_checks_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A share is worth something only if the checks were made."""
    monkeypatch.setattr(health, "RS", 20)
    monkeypatch.setattr(health, "MEASURED_S", 2.0)
    quick = {"interval_s": 0.2, "timeout_s": 0.2}
    for check in (HttpsCheck(**quick), GrpcCheck(reuse_s=1, **quick)):
        with real_servers.serving(check.kind) as port:
            (share,) = health.measure(check, port, 1)
            assert 0 < share.cores < 1
    monkeypatch.setattr(health, "MEASURED_S", 0.0)
    monkeypatch.setattr(health, "PATIENCE_S", 0.5)
    with pytest.raises(RuntimeError, match="0 of 20 RS are up"):
        health.measure(TcpCheck(**quick), port, 1)

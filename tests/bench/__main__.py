# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench`: full NAT beside testpmd 5tswap, interleaved, at several numbers of sessions."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import capture, testpmd
from bench.memory import hugepages

SIZES = {"1k": 1_000, "1m": 1_000_000}
SPARE_MBUFS = 16_384
MBUF_BYTES = 2_688
SPARE_MB = 512
LIMIT_S = 180


@dataclass(frozen=True)
class Row:
    """Cycles a packet at one number of sessions: the minimum of the runs, and the median."""

    sessions: int
    runs: int
    hugepages: bool
    ours: float
    ours_median: float
    testpmd: float
    testpmd_median: float
    ratio: float
    bytes_a_session: float


def engine(file: Path, sessions: int, mbufs: int, huge: bool) -> dict[str, float]:
    """Measure the engine once, in its own process; raises RuntimeError with what it said."""
    words = [str(file), str(sessions), str(mbufs), "huge" if huge else "plain"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bench.engine", *words],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError((done.stdout + done.stderr)[-800:])
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def compare(name: str, runs: int, folder: Path) -> Row:
    """Measure both sides in turn."""
    sessions = SIZES[name]
    file = folder / f"{name}.pcap"
    capture.write(file, sessions)
    mbufs = sessions + SPARE_MBUFS
    memory_mb = mbufs * MBUF_BYTES // 2**20 + SPARE_MB
    ours: list[float] = []
    theirs: list[float] = []
    with hugepages(memory_mb + SPARE_MB) as huge:
        for _ in range(runs):
            figures = engine(file, sessions, mbufs, huge)
            ours.append(figures["cycles"])
            theirs.append(testpmd.cycles(file, mbufs, memory_mb, huge))
    return Row(
        sessions=sessions,
        runs=runs,
        hugepages=huge,
        ours=round(min(ours), 1),
        ours_median=round(statistics.median(ours), 1),
        testpmd=round(min(theirs), 1),
        testpmd_median=round(statistics.median(theirs), 1),
        ratio=round(min(ours) / min(theirs), 2),
        bytes_a_session=round(figures["bytes_a_session"], 1),
    )


def show(rows: dict[str, Row]) -> None:
    """Print the table."""
    print("established full NAT, UDP, 60-byte frames, net_pcap infinite_rx, TSC cycles a packet")
    print(
        f"{'sessions':>10} {'ours':>8} {'median':>8} {'testpmd':>8} {'median':>8} {'ratio':>6} "
        f"{'bytes/session':>14}"
    )
    for row in rows.values():
        print(
            f"{row.sessions:>10,} {row.ours:>8.1f} {row.ours_median:>8.1f} {row.testpmd:>8.1f} "
            f"{row.testpmd_median:>8.1f} {row.ratio:>6.2f} {row.bytes_a_session:>14.1f}"
        )


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("sizes", nargs="*", metavar="SIZE", help=f"{' '.join(SIZES)}: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--runs", type=int, default=5, help="of each side; default 5")
    chosen = parser.parse_args()
    if unknown := set(chosen.sizes) - set(SIZES):
        parser.error(f"no such size: {', '.join(sorted(unknown))}; there are {', '.join(SIZES)}")
    with tempfile.TemporaryDirectory(prefix="slb-bench-") as name:
        folder = Path(name)
        rows = {n: compare(n, chosen.runs, folder) for n in chosen.sizes or SIZES}
    show(rows)
    if chosen.json:
        figures = {f"fnat.{name}": asdict(row) for name, row in rows.items()}
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

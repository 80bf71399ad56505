# SPDX-License-Identifier: BSD-3-Clause
"""The whole engine beside testpmd's 5tswap: the same frames, driver and CPU, in turn."""

import json
import sys
import tempfile
from pathlib import Path

from bench import capture, child, testpmd
from bench.figure import Figure, Goal
from bench.memory import hugepages

SPARE_MBUFS = 16_384
MBUF_BYTES = 2_688
SPARE_MB = 512
LIMIT_S = 180
GOAL = Goal(1.4, 2.0)


def engine(file: Path, sessions: int, mbufs: int, huge: bool) -> dict[str, float]:
    """Measure the engine once, in its own process; raises RuntimeError with what it said."""
    words = [str(file), str(sessions), str(mbufs), "huge" if huge else "plain"]
    said = child.output([sys.executable, "-P", "-m", "bench.engine", *words], LIMIT_S)
    figures: dict[str, float] = json.loads(said)
    return figures


def compare(key: str, sessions: int, runs: int, goal: Goal | None) -> list[Figure]:
    """Measure both sides in turn."""
    mbufs = sessions + SPARE_MBUFS
    memory_mb = mbufs * MBUF_BYTES // 2**20 + SPARE_MB
    ours: list[float] = []
    theirs: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="slb-bench-") as folder,
        hugepages(memory_mb + SPARE_MB) as huge,
    ):
        file = Path(folder) / "frames.pcap"
        capture.write(file, sessions)
        for _ in range(runs):
            figures = engine(file, sessions, mbufs, huge)
            ours.append(figures["cycles"])
            theirs.append(testpmd.cycles(file, mbufs, memory_mb, huge))
    what = f"full NAT beside testpmd 5tswap, net_pcap, {sessions:,} sessions"
    ratio = round(min(ours) / min(theirs), 2)
    bytes_a_session = round(figures["bytes_a_session"], 1)
    return [
        Figure(f"{key}.ratio", what, ratio, goal, {"ours": ours, "testpmd": theirs}),
        Figure(f"{key}.bytes", "table bytes a session", bytes_a_session),
    ]

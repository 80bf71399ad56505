# SPDX-License-Identifier: BSD-3-Clause
"""The engine beside testpmd's 5tswap, in turn on one CPU."""

import json
import sys
import tempfile
from pathlib import Path

from bench import capture, child, native, testpmd
from bench.figure import Figure, Goal
from bench.memory import hugepages
from bench.sizes import LIVES
from bench.stages import LIFE

SPARE_MBUFS = 16_384
MBUF_BYTES = 2_688
SPARE_MB = 512
LIMIT_S = 180
GOAL = Goal(1.4, 2.0)
FRAMES = 1_000
LIFE_GOAL = Goal(13, 24)


def engine(file: Path, sessions: int, mbufs: int, huge: bool) -> dict[str, float]:
    """Measure the engine once, in its own process; raises RuntimeError with what it said."""
    words = [str(file), str(sessions), str(mbufs), "huge" if huge else "plain"]
    said = child.output([sys.executable, "-P", "-m", "bench.engine", *words], LIMIT_S)
    figures: dict[str, float] = json.loads(said)
    return figures


def look(file: Path, sessions: int, mbufs: int, huge: bool) -> None:
    """Have the engine send the frames to a file; raises RuntimeError if one is wrong."""
    words = [str(file), str(sessions), str(mbufs), "huge" if huge else "plain"]
    out = file.with_name("sent.pcap")
    child.output([sys.executable, "-P", "-m", "bench.engine", *words, str(out)], LIMIT_S)
    out.unlink()


def in_turn(name: str, sessions: int, runs: int) -> tuple[native.Runs, list[float]]:
    """Have our program and testpmd measure in turn; returns what each came to."""
    theirs: list[float] = []
    found = native.Runs()
    with (
        tempfile.TemporaryDirectory(prefix="slb-bench-") as folder,
        hugepages(2 * SPARE_MB) as huge,
    ):
        file = Path(folder) / "frames.pcap"
        capture.write(file, FRAMES)
        for _ in range(runs):
            found.add(native.measure(name, sessions, 1))
            reading = testpmd.cycles(file, FRAMES + SPARE_MBUFS, SPARE_MB, huge)
            theirs.append(reading.cycles)
            found.left_out += reading.left_out
    return found, theirs


def both_ways(runs: int) -> list[Figure]:
    """A worker's rounds, packets of clients and RS in any order, beside testpmd."""
    found, theirs = in_turn("io", FRAMES, runs)
    what = f"full NAT beside testpmd 5tswap, net_pcap, {FRAMES:,} sessions, both directions"
    ratio = round(found.least("few") / min(theirs), 2)
    sides = {"ours": found.cycles["few"], "testpmd": theirs}
    return [Figure("m1.ratio", what, ratio, GOAL, sides, found.left_out)]


def compare(key: str, sessions: int, runs: int) -> list[Figure]:
    """Measure both sides in turn: a whole engine with clients' packets, and testpmd."""
    mbufs = sessions + SPARE_MBUFS
    memory_mb = mbufs * MBUF_BYTES // 2**20 + SPARE_MB
    ours: list[float] = []
    theirs: list[float] = []
    left_out = 0
    with (
        tempfile.TemporaryDirectory(prefix="slb-bench-") as folder,
        hugepages(memory_mb + SPARE_MB) as huge,
    ):
        file = Path(folder) / "frames.pcap"
        capture.write(file, sessions)
        look(file, sessions, mbufs, huge)
        for _ in range(runs):
            figures = engine(file, sessions, mbufs, huge)
            ours.append(figures["cycles"])
            reading = testpmd.cycles(file, mbufs, memory_mb, huge)
            theirs.append(reading.cycles)
            left_out += int(figures["left_out"]) + reading.left_out
    what = f"a whole engine, clients' packets, beside testpmd 5tswap, {sessions:,} sessions"
    ratio = round(min(ours) / min(theirs), 2)
    bytes_a_session = round(figures["bytes_a_session"], 1)
    return [
        Figure(f"{key}.ratio", what, ratio, None, {"ours": ours, "testpmd": theirs}, left_out),
        Figure(f"{key}.bytes", "table bytes a session", bytes_a_session),
    ]


def life(runs: int) -> list[Figure]:
    """A TCP connection's life beside one packet of testpmd's."""
    found, theirs = in_turn("tcp", LIVES, runs)
    what = f"a TCP connection of {len(LIFE)} packets beside one of testpmd's 5tswap, net_pcap"
    ratio = round(found.least("ours") / min(theirs), 2)
    sides = {"ours": found.cycles["ours"], "testpmd": theirs}
    steps = {name: found.cycles[name] for name in LIFE}
    cycles = round(found.least("ours"), 1)
    rate = round(max(found.cycles["a second"]))
    return [
        Figure("m3.ratio", what, ratio, LIFE_GOAL, sides),
        Figure("m3.cycles", "of them", cycles, None, steps, found.left_out),
        Figure("m3.rate", "connections a second on one CPU", rate),
    ]

# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench` measures the engine and testpmd; how fast they are is no matter here."""

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
LIMIT_S = 120


def bench(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "bench", *argv],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_a_run_of_each_side(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = bench("1k", "--runs", "1", "--json", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    (name, row), *more = json.loads(file.read_text()).items()
    assert (name, more) == ("fnat.1k", [])
    assert (row["sessions"], row["runs"]) == (1000, 1)
    assert row["ours"] == row["ours_median"] > 10
    assert row["testpmd"] == row["testpmd_median"] > 10
    assert row["ratio"] == round(row["ours"] / row["testpmd"], 2)
    assert 64 < row["bytes_a_session"] < 1000
    shown = done.stdout.splitlines()[-1].split()
    assert shown == [
        "1,000",
        *(f"{row[key]:.1f}" for key in ("ours", "ours_median", "testpmd", "testpmd_median")),
        f"{row['ratio']:.2f}",
        f"{row['bytes_a_session']:.1f}",
    ]


def test_a_size_that_is_not_there() -> None:
    done = bench("2k")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("no such size: 2k; there are 1k, 1m")

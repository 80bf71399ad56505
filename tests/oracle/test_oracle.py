# SPDX-License-Identifier: BSD-3-Clause
"""Engine and model side by side, in scenarios that hypothesis makes up, on two CPUs.

Each run is another one. ORACLE_SEED repeats a run, ORACLE_FRAMES makes it longer or shorter.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from oracle.share import missing, sent

TESTS = Path(__file__).resolve().parents[1]
FRAMES = int(os.environ.get("ORACLE_FRAMES", 100_000))
SEED = int(os.environ.get("ORACLE_SEED", random.SystemRandom().randrange(2**32)))
SHARES = 2
LIMIT_S = 600


def start(share: int, notes: Path) -> subprocess.Popen[str]:
    """One share of the frames, in a process of its own as EAL is one a process."""
    path = os.pathsep.join(
        [*filter(None, [os.environ.get("PYTHONPATH")]), str(TESTS), str(TESTS / "path")]
    )
    goal = -(-FRAMES // SHARES)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "oracle.share", str(goal), str(SEED + share)],
        # Where hypothesis keeps notes for itself, else in the folder the tests are started in.
        env=os.environ | {"PYTHONPATH": path, "HYPOTHESIS_STORAGE_DIRECTORY": str(notes)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(LIMIT_S + 60)
def test_engine_is_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shares = [start(share, tmp_path) for share in range(SHARES)]
    try:
        printed = [share.communicate(timeout=LIMIT_S) for share in shares]
    finally:
        for share in shares:
            share.kill()
    for share, (_, errors) in zip(shares, printed, strict=True):
        assert share.returncode == 0, f"ORACLE_SEED={SEED}\n{errors}"
    tally = sum((Counter(json.loads(output)) for output, _ in printed), Counter())
    compared = sum(count for what, count in tally.items() if what.isupper())
    with capsys.disabled():
        print(f"\noracle: {sent(tally)} frames sent of {compared} compared, seed {SEED}")
        print(", ".join(f"{what} {count}" for what, count in tally.most_common()))
    assert sent(tally) >= FRAMES
    assert not missing(tally, FRAMES), "hardly any of some kinds"

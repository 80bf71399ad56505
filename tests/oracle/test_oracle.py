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

TESTS = Path(__file__).resolve().parents[1]
FRAMES = int(os.environ.get("ORACLE_FRAMES", 100_000))
SEED = int(os.environ.get("ORACLE_SEED", random.SystemRandom().randrange(2**32)))
SHARES = 2
# One in so many frames.
RARER = {
    "errors translated": 100,
    "errors made": 200,
    "resets": 10_000,
    "refusals": 1000,
    "given up": 200,
    "DROP PUNT_RATE": 1000,
    "fragments": 10,
    "pieces": 50,
    "told by toa": 200,
    "told by proxy-v2": 500,
    "behind a PROXY header": 500,
    "handshakes": 500,
    "datagrams": 50,
}
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
    sent = sum(count for what, count in tally.items() if what.startswith("TX "))
    compared = sum(count for what, count in tally.items() if what.isupper())
    with capsys.disabled():
        print(f"\noracle: {sent} frames sent of {compared} compared, seed {SEED}")
        print(", ".join(f"{what} {count}" for what, count in tally.most_common()))
    assert sent >= FRAMES
    kinds = {kind: tally[kind] for kind in ("4 to 4", "6 to 6", "6 to 4", "4 to 6")}
    assert min(kinds.values()) >= FRAMES // 50, f"hardly any of one kind: {kinds}"
    for kind, one_in in RARER.items():
        assert tally[kind] >= FRAMES // one_in, f"hardly any {kind}: {tally[kind]}"

# SPDX-License-Identifier: BSD-3-Clause
"""What workers do when there is nothing to do: each follows its own policy."""

from pathlib import Path

import pytest
from pcap_rig import PcapRig, Reading
from wire import capture

from rig.waiting import wait

pytestmark = pytest.mark.pcap

# With nothing to do an adaptive worker soon sleeps a millisecond a round. A busy one takes well
# under a microsecond, with half of a CPU at the worst, since both have the same.
ROUNDS, TIMES_MORE = 1_000_000, 30


def rounds(reading: Reading) -> list[int]:
    """Each worker's rounds so far."""
    return [worker["rounds"] for worker in reading.raw["workers"]]


@pytest.mark.parametrize("policies", [["busy", "adaptive"], ["adaptive", "busy"]])
def test_each_worker_has_its_own_policy(tmp_path: Path, policies: list[str]) -> None:
    nothing = tmp_path / "nothing.pcap"
    nothing.write_bytes(capture([]))
    with PcapRig(tmp_path, workers=2, inputs=[nothing], idle=policies) as rig:
        before = rig.read()
        assert [worker["idle"] for worker in before.raw["workers"]] == policies

        def enough() -> list[int] | None:
            done = [n - b for n, b in zip(rounds(rig.read()), rounds(before), strict=True)]
            return done if sum(done) > ROUNDS and min(done) > 0 else None

        done = wait(enough, 30, f"{ROUNDS} rounds of both workers")
        assert done is not None
        turned = dict(zip(policies, done, strict=True))
        assert turned["busy"] > TIMES_MORE * turned["adaptive"]

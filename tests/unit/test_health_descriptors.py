# SPDX-License-Identifier: BSD-3-Clause
"""How many checks may be open at once, by what the host allows."""

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from slb.health.descriptors import MOST, SPARE

UNIT = Path(__file__).parents[2] / "configs/systemd/slb-agent.service"
# For a process of its own: a hard limit cannot be raised again.
ASKED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from slb.health.descriptors import most_open
print(most_open(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "most", "then"),
    [
        (1024, MOST + SPARE + 100, MOST, MOST + SPARE),
        (1024, 4096, 4096 - SPARE, 4096),
        # What is allowed already stays.
        (3000, 3000, 3000 - SPARE, 3000),
        # Some, even where others need them all.
        (256, 256, 16, 256),
    ],
)
def test_what_may_be_open(soft: int, hard: int, most: int, then: int) -> None:
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed != resource.RLIM_INFINITY and allowed < hard:
        pytest.skip(f"{allowed} descriptors are allowed here, not {hard}")
    done = subprocess.run(
        [sys.executable, "-c", ASKED, str(soft), str(hard)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert [int(word) for word in done.stdout.split()] == [most, then]


def test_the_unit_allows_as_many() -> None:
    (limit,) = re.findall(r"^LimitNOFILE=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert int(limit) >= MOST + SPARE

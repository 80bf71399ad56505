# SPDX-License-Identifier: BSD-3-Clause
"""Play scenarios until enough frames have been compared: `python -P -m oracle.share FRAMES SEED`.

Prints what became of all frames as JSON; on a difference hypothesis prints the shortest scenario it
found that shows it, and the status is 1.
"""

import json
import sys
from collections import Counter

from hypothesis import HealthCheck, given, seed, settings

from oracle.events import Scenario
from oracle.player import Player
from oracle.strategies import scenarios

ROUND = 50  # scenarios
SETTINGS = settings(
    max_examples=ROUND,
    deadline=None,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def sent(tally: Counter[str]) -> int:
    """How many frames the engine sent."""
    return sum(count for what, count in tally.items() if what.startswith("TX "))


def play(goal: int, start: int) -> Counter[str]:
    """Play until so many frames sent by the engine were those of the model."""
    tally: Counter[str] = Counter()
    rounds = 0
    while sent(tally) < goal:

        @seed(f"{start} {rounds}")
        @SETTINGS
        @given(scenarios())
        def engine_is_the_model(scenario: Scenario) -> None:
            Player(scenario, tally).play()

        engine_is_the_model()
        rounds += 1
    return tally


if __name__ == "__main__":
    json.dump(play(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)

# SPDX-License-Identifier: BSD-3-Clause
"""Play scenarios until enough frames have been compared: `python -P -m oracle.share FRAMES SEED`.

Enough is so many that the engine sent, and of each kind its part of them: chance makes some kinds
rare in a short share, which then goes on. Prints what became of all frames as JSON; on a
difference hypothesis prints the shortest scenario it found that shows it, and the status is 1.
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
# One in so many frames.
KINDS = {
    "4 to 4": 50,
    "6 to 6": 50,
    "6 to 4": 50,
    "4 to 6": 50,
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
MOST = 3  # times the goal: a kind that is still missing is not made any more


def sent(tally: Counter[str]) -> int:
    """How many frames the engine sent."""
    return sum(count for what, count in tally.items() if what.startswith("TX "))


def missing(tally: Counter[str], goal: int) -> dict[str, int]:
    """Of which kinds there are too few among so many frames, and how many there are."""
    return {kind: tally[kind] for kind, one_in in KINDS.items() if tally[kind] < goal // one_in}


def play(goal: int, start: int) -> Counter[str]:
    """Play until so many frames sent by the engine were those of the model."""
    tally: Counter[str] = Counter()
    rounds = 0
    while sent(tally) < goal or (missing(tally, goal) and sent(tally) < MOST * goal):

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

# SPDX-License-Identifier: BSD-3-Clause
"""Transactions by the thousand, good and bad, with slb-agent or slbd killed in the middle of some.

    sets of VS --> slb-agent --> slbd: two workers, no packets

SLB_TRANSACTIONS says how many; SLB_KILL_SEED repeats a run.
"""

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from rig import kills
from rig.pair import Pair
from rig.services import service
from slb.errors import NoAnswer, NotReady, RequestError, Unreachable
from slb.model import codec
from slb.model.service import ServiceSet

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]

TRANSACTIONS = kills.rounds("SLB_TRANSACTIONS", 1000)
# Of fewer, chance may kill nobody in the middle of one.
ENOUGH = 500
SETTLED_S = 5.0
VS_MAX = 16
KILLED = 0.06
# Of so many transactions it is known how long one takes here, from the request on.
TIMED = 50

Services = list[dict[str, Any]]
WRONG: dict[str, Callable[[Services], Services]] = {
    "a VS of no service subnet": lambda good: [*good, service("10.97.0.1:80/tcp", {})],
    "a VS twice": lambda good: [*good, good[0]],
    "an RS in a service subnet": lambda good: [
        service("10.96.9.9:80/tcp", {"10.96.0.1:80": 1}),
        *good,
    ],
    "more VS than the engine has room for": lambda good: [
        *good,
        *(service(f"10.96.2.{n}:80/tcp", {}) for n in range(VS_MAX + 1)),
    ],
}


class Story:
    """What was asked, one after the other, and what must hold after each."""

    def __init__(self, pair: Pair, chance: random.Random) -> None:
        self._pair, self._chance = pair, chance
        self.outcomes: Counter[str] = Counter()
        self._number = 0
        self._took: deque[float] = deque([0.01], TIMED)

    def one(self, number: int) -> None:
        """A transaction, in the middle of which somebody may be killed."""
        services = kills.numbered(number)
        wrong = self._chance.choice(sorted(WRONG)) if self._chance.random() < 0.3 else ""
        if wrong:
            services = WRONG[wrong](services)
        if self._chance.random() >= KILLED:
            began = time.monotonic()
            outcome = self._ask(services)
            self._took.append(time.monotonic() - began)
            assert outcome == ("refused" if wrong else "done"), f"{number}: {wrong}"
        else:
            outcome = self._with_a_kill(services, wrong)
        self.outcomes[outcome] += 1
        self._check(number, wrong, outcome)

    def _ask(self, services: Services) -> str:
        wanted = codec.convert({"services": services}, ServiceSet).services
        try:
            self._pair.agent.apply(wanted)
        except (Unreachable, NoAnswer, NotReady):
            return "killed"
        except RequestError:
            return "refused"
        return "done"

    def _with_a_kill(self, services: Services, wrong: str) -> str:
        pair = self._pair
        victim = self._chance.choice(["agent", "agent", "slbd"])
        kill, start = {
            "agent": (pair.kill_agent, pair.start_agent),
            "slbd": (pair.kill_slbd, pair.start_slbd),
        }[victim]
        timer = threading.Timer(self._chance.uniform(0, median(self._took)), kill)
        timer.start()
        outcome = self._ask(services)
        timer.join()
        assert outcome != ("done" if wrong else "refused"), wrong
        start()
        pair.wait_applied(SETTLED_S)
        self.outcomes[f"{victim} killed"] += 1
        self.outcomes[f"{victim} killed in the middle"] += outcome == "killed"
        return outcome

    def _check(self, number: int, wrong: str, outcome: str) -> None:
        desired = self._found(self._pair.agent.export())
        assert self._found(self._pair.slbd.export()) == desired
        now = kills.number_of(desired)
        may = {self._number} if wrong or outcome == "refused" else {number}
        if outcome == "killed":
            may.add(self._number)
        assert now in may, f"{number} {outcome}, {wrong}: {desired}"
        self._number = now or 0
        generations = {worker.generation for worker in self._pair.slbd.worker_list()}
        assert len(generations) == 1

    @staticmethod
    def _found(services: ServiceSet) -> kills.Found:
        return kills.found(codec.to_plain(services)["services"])


def test_none_is_torn() -> None:
    """All or nothing, also for who is killed; all workers are of one generation afterwards."""
    began = time.monotonic()
    with Pair(VS_MAX, 1024) as pair:
        pair.wait_applied()
        story = Story(pair, kills.dice())
        for number in range(1, 1 + TRANSACTIONS):
            story.one((number - 1) % (kills.NUMBERS - 1) + 1)
        print(f"{dict(story.outcomes)} in {time.monotonic() - began:.0f} s")
    words = ["done", "refused"]
    if TRANSACTIONS >= ENOUGH:
        words += ["agent killed in the middle", "slbd killed in the middle"]
    assert min(story.outcomes[word] for word in words) > 0, story.outcomes

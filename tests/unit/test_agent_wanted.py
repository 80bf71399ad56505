# SPDX-License-Identifier: BSD-3-Clause
"""What slbd is to have, worked out for what has changed, is what comes out for the whole."""

import random

from msgspec import UNSET
from msgspec.structs import replace
from unit.agent_values import key, service

from slb.agent import state as states
from slb.agent.keyed import Services, exchanged
from slb.agent.state import State
from slb.agent.wanted import Wanted
from slb.health import target as targets
from slb.health.effect import Effect
from slb.model.desired import OPERATOR
from slb.model.health import TcpCheck
from slb.model.service import Service

K8S = "controller"


class Counting(Effect):
    """Counts how often it is asked, and for how much."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = self.single = 0

    def of(self, services: object) -> Services:
        """The whole."""
        self.whole += 1
        return super().of(services)  # type: ignore[arg-type]

    def one(self, service: Service) -> Service:
        """One."""
        self.single += 1
        return super().one(service)


def checked(number: int, chance: random.Random) -> Service:
    """A VS with some RS, mostly with checks."""
    made = service(number, *(chance.randrange(3) for _ in range(chance.randrange(5))))
    check = TcpCheck(down=chance.choice(["keep", "drain"]))
    return replace(made, health=check if chance.random() < 0.7 else UNSET)


def changed(state: State, chance: random.Random) -> State:
    """A state with some VS of one owner's added, changed or deleted."""
    name, low = chance.choice([(OPERATOR, 1), (K8S, 100)])
    numbers = chance.sample(range(low, low + 60), chance.randrange(4))
    came = [checked(number, chance) for number in numbers]
    gone = {key(chance.randrange(low, low + 60)) for _ in range(chance.randrange(2))}
    gone -= {one.vs for one in came}
    return states.give(state, name, exchanged(state.owner(name).services, gone, came))


def test_after_any_change_and_any_result() -> None:
    chance = random.Random(1)
    effect, now = Counting(), State(0, 0.0, "x", "", {})
    wanted = Wanted(effect)
    for turn in range(1000):
        now = changed(now, chance)
        if turn % 7 == 0:
            every = [at for one in now.services() for at in targets.of(one)]
            down = chance.sample(every, min(len(every), chance.randrange(9)))
            effect.fallen = {at: float(n) for n, at in enumerate(down)}
        fresh = Effect()
        fresh.fallen = effect.fallen
        want = {one.vs: one for one in fresh.of(now.services())}
        found = wanted.of(now)
        assert len(found) == len(want)
        assert {one.vs: one for one in found} == want
        assert wanted.of(now) == found


def test_a_small_change_asks_for_what_has_changed() -> None:
    """Also when a smaller set beside it grows, and all others stay the same objects."""
    check = TcpCheck()
    many = [replace(service(n, 1, 2), health=check) for n in range(1, 201)]
    first = states.give(State(0, 0.0, "x", "", {}), K8S, many)
    effect = Counting()
    wanted = Wanted(effect)
    before = wanted.of(first)
    other = replace(service(7, 5), health=check)
    later = states.give(first, K8S, exchanged(first.owner(K8S).services, (), [other]))
    later = states.give(later, OPERATOR, [service(201, 1)])
    after = wanted.of(later)
    assert (effect.whole, effect.single) == (1, 2)
    assert len({*map(id, after)} - {*map(id, before)}) == 2

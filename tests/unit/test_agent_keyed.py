# SPDX-License-Identifier: BSD-3-Clause
"""Sets of services: what is remembered of them is what one finds out by looking."""

import random

import pytest
from unit.agent_values import key, service

from slb.agent import keyed as module
from slb.agent.keyed import Services, exchanged, keyed, step
from slb.model.service import Service


def test_sets_that_follow_each_other() -> None:
    """After any exchange, in any order, also of a set that was asked for long ago."""
    chance = random.Random(1)
    sets: list[Services] = [tuple(service(n) for n in range(1, 41))]
    for _ in range(60):
        services = chance.choice(sets)
        gone = [key(n) for n in chance.sample(range(1, 80), 3)]
        came = [service(n, 1) for n in chance.sample(range(1, 80), 4) if key(n) not in gone]
        made = exchanged(services, gone, came)
        want = {one.vs: one for one in (*services, *came) if one.vs not in gone}
        assert sorted(made, key=lambda one: one.vs) == [want[vs] for vs in sorted(want)]
        sets.append(made)
        for one in chance.sample(sets, min(3, len(sets))):
            assert keyed(one) == {service.vs: service for service in one}
            assert keyed(one).rs == sum(len(service.rs) for service in one)


def test_a_vs_that_is_there_twice_is_seen() -> None:
    twice = (service(1), service(2), service(1, 5))
    assert len(keyed(twice)) == 2
    assert len(exchanged((service(1),), (), [service(1, 5)])) == 1


def test_what_is_changed_stays_in_its_place() -> None:
    """So that all the others do, too."""
    services = tuple(service(n) for n in range(1, 6))
    other = service(3, 7)
    assert exchanged(services, (), [other]) == (*services[:2], other, *services[3:])
    assert exchanged(services, [key(2)], ()) == (services[0], services[4], *services[2:4])
    assert exchanged(services, [key(5), key(9)], ()) == services[:4]


@pytest.mark.parametrize("few", [0, 3, 100])
def test_what_lies_between_two_sets(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what is in one of them alone, wherever it is, and however many there are."""
    monkeypatch.setattr(module, "FEW", few)
    chance = random.Random(few)
    now: list[Service] = [service(n) for n in range(1, 61)]
    for _ in range(300):
        before = tuple(now)
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(now))
            match chance.randrange(4):
                case 0:
                    now[at] = service(chance.randrange(250), chance.randrange(9))
                case 1:
                    now.insert(at, service(chance.randrange(250)))
                case 2 if len(now) > 30:
                    now.pop(at)
                case _:
                    now.append(now.pop(at))
        after = tuple(now)
        found = step(before, after)
        assert set(map(id, found.gone)) == set(map(id, before)) - set(map(id, after))
        assert set(map(id, found.came)) == set(map(id, after)) - set(map(id, before))
        assert step(before, after) is found

# SPDX-License-Identifier: BSD-3-Clause
"""Services by key: what is remembered of a set is what one finds out by looking."""

import random

from unit.agent_values import key, service

from slb.agent.keyed import Services, exchanged, keyed


def test_sets_that_follow_each_other() -> None:
    """After any exchange, in any order, also of a set that was asked for long ago."""
    chance = random.Random(1)
    sets: list[Services] = [tuple(service(n) for n in range(1, 41))]
    for _ in range(60):
        services = chance.choice(sets)
        gone = [key(n) for n in chance.sample(range(1, 80), 3)]
        left = {one.vs for one in services} - set(gone)
        fresh = [service(n, 1) for n in chance.sample(range(1, 80), 4) if key(n) not in left]
        first, last = tuple(fresh[:2]), tuple(fresh[2:])
        made = exchanged(services, gone, first, last)
        assert made == (*first, *(one for one in services if one.vs in left), *last)
        sets.append(made)
        for one in chance.sample(sets, min(3, len(sets))):
            assert keyed(one) == {service.vs: service for service in one}


def test_a_vs_that_is_there_twice_is_seen() -> None:
    twice = (service(1), service(2), service(1, 5))
    assert len(keyed(twice)) == 2
    assert len(keyed(exchanged((service(1),), (), last=(service(1, 5),)))) == 1

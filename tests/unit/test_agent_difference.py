# SPDX-License-Identifier: BSD-3-Clause
"""Versions on disk as what is other than in an earlier one: nothing is lost, little is written."""

import hashlib
import logging
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit.agent_values import key, service

from slb.agent import difference, store
from slb.agent import state as states
from slb.agent.digests import Digests
from slb.agent.keyed import Services, exchanged
from slb.agent.state import State
from slb.agent.store import Store
from slb.errors import ConfigError
from slb.model import codec
from slb.model.desired import OPERATOR, Snapshot, digest
from slb.model.policy import VsTimeouts
from slb.model.service import Service

K8S = "controller"
MANY = tuple(service(n, 1, 2) for n in range(1, 61))


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts as a large set is as large as the tests' are."""
    monkeypatch.setattr(difference, "LARGE", 20)
    monkeypatch.setattr(difference, "MOST", 12)


def first() -> State:
    return states.put(State(1, 0.0, "x", "first", {}), Snapshot(K8S, 1, 1, MANY))


def after(earlier: State, chance: random.Random) -> State:
    """A version with some changes of the earlier one's services, in another order at times."""
    name = chance.choice([OPERATOR, K8S])
    services = list(earlier.owner(name).services)
    for _ in range(chance.randrange(4)):
        if services and chance.random() < 0.7:
            services.pop(chance.randrange(len(services)))
        n = chance.randrange(100, 170) if name == OPERATOR else chance.randrange(170, 240)
        if key(n) not in {one.vs for one in services}:
            services.insert(chance.randrange(len(services) + 1), service(n, chance.randrange(9)))
    if services and chance.random() < 0.3:
        services.append(services.pop(0))
    later = states.give(earlier, name, services)
    later = replace(later, generation=earlier.generation + 1, change=f"{chance.random()}")
    if chance.random() < 0.3:
        later = states.to_confirm(earlier, later, name, 60, 100.0)
    return later


def versions(seed: int, count: int) -> Iterator[State]:
    chance, version = random.Random(seed), first()
    for _ in range(count):
        yield version
        version = after(version, chance)


@pytest.mark.parametrize("seed", range(5))
def test_there_and_back(tmp_path: Path, seed: int) -> None:
    """Every version is read as it was saved, also by a later start, which goes on from there."""
    saved = []
    keeper = Store(tmp_path, keep=30)
    for number, version in enumerate(versions(seed, 80)):
        keeper.save(version)
        saved.append(version)
        if number % 17 == 16:
            keeper.close()
            keeper = Store(tmp_path, keep=30)
            assert keeper.newest() == version
    assert keeper.versions() == saved[:-31:-1]
    heads = [file.read_bytes()[:11] for file in tmp_path.glob("state-*.json")]
    assert {b"slb-agent 1", b"slb-agent 2"} == set(heads)
    keeper.close()


def test_little_is_written(tmp_path: Path) -> None:
    keeper = Store(tmp_path)
    keeper.save(first())
    for number in (2, 3):
        state = states.give(first(), OPERATOR, [service(97 + number)])
        keeper.save(replace(state, generation=number))
    _, whole, small = (file.stat().st_size for file in sorted(tmp_path.glob("state-*.json")))
    assert small < whole / 5
    few = replace(first(), generation=4, owners={OPERATOR: states.Owner((service(1),))})
    keeper.save(few)
    assert max(tmp_path.glob("state-*.json")).read_bytes().startswith(b"slb-agent 1 ")
    keeper.close()


def test_a_base_stays_as_long_as_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_WHOLE_EVERY", 5)
    keeper = Store(tmp_path, keep=3)
    version = first()
    for number in range(1, 14):
        version = states.give(version, OPERATOR, [service(100 + number)])
        version = replace(version, generation=number)
        keeper.save(version)
    # 1, 2 and every other one are whole.
    assert sorted(int(f.name[6:18]) for f in tmp_path.glob("state-*.json")) == [10, 11, 12, 13]
    assert [kept.generation for kept in keeper.versions()] == [13, 12, 11]
    keeper.close()


def test_no_single_file_is_the_end(tmp_path: Path) -> None:
    """However many small changes were made: whichever file is damaged, a version is found."""
    heads: set[bytes] = set()
    keeper = Store(tmp_path / "state", keep=4)
    for number in range(1, 20):
        state = states.give(first(), OPERATOR, [service(100 + number)])
        keeper.save(replace(state, generation=number))
        for file in (tmp_path / "state").glob("state-*.json"):
            assert (newest_without(tmp_path / "copy", file) is None) == (number == 1)
            heads |= {file.read_bytes()[:11]}
    assert heads == {b"slb-agent 1", b"slb-agent 2"}
    keeper.close()


def newest_without(copy: Path, file: Path) -> State | None:
    """What a start finds when this file is damaged."""
    shutil.copytree(file.parent, copy)
    (copy / file.name).write_bytes(file.read_bytes()[:-1])
    keeper = Store(copy)
    try:
        return keeper.newest()
    except ConfigError:
        return None
    finally:
        keeper.close()
        shutil.rmtree(copy)


def test_a_damaged_base(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What needs it is damaged with it; what was before counts, and each is named."""
    keeper = Store(tmp_path)
    keeper.save(replace(first(), owners={K8S: states.Owner(MANY[:40])}))
    keeper.close()
    keeper = Store(tmp_path)
    kept = first()
    for number in (2, 3):
        keeper.save(replace(states.give(kept, OPERATOR, [service(99 + number)]), generation=number))
    base, *_ = (tmp_path / f"state-{n:012d}.json" for n in (2, 3))
    base.write_bytes(base.read_bytes()[:-1])
    caplog.set_level(logging.ERROR)
    found = keeper.newest()
    assert found is not None and found.generation == 1
    assert [f"state-{n:012d}.json" in caplog.text for n in (1, 2, 3)] == [False, True, True]
    keeper.close()


def test_of_another_base() -> None:
    """What does not fit is no version."""
    other = states.give(first(), K8S, MANY[:10])
    found = difference.between(first(), states.give(first(), OPERATOR, [service(99)]))
    assert found is not None
    with pytest.raises(ValueError, match="60 services from 0 on, of 10"):
        difference.after(other, found)


def test_digests_of_sets_that_follow_each_other() -> None:
    """Each is the one that is worked out from nothing, whatever order RS and VS are in."""
    digests, chance = Digests(), random.Random(1)
    kept: list[Service] = list(MANY)
    for _ in range(50):
        services = tuple(kept)
        assert digests.of(services) == digests.of(services) == digest(services)
        kept = chance.sample(kept, chance.randrange(len(kept) // 2, len(kept)))
        there = {one.vs for one in kept}
        more = (service(n, *chance.sample(range(9), 3)) for n in chance.sample(range(1, 99), 20))
        kept += [one for one in more if one.vs not in there]
    assert digests.of(()) == digest(())


def test_digests_of_small_changes_of_a_large_set() -> None:
    """After a thousand of them it is the one that is worked out from nothing."""
    digests, chance = Digests(), random.Random(2)
    services: Services = tuple(service(n, 1, 2) for n in range(1, 201))
    digests.of(services)
    for _ in range(1000):
        gone = [key(n) for n in chance.sample(range(1, 251), chance.randrange(2))]
        numbers = chance.sample(range(1, 251), chance.randrange(3))
        came = [service(n, chance.randrange(9)) for n in numbers if key(n) not in gone]
        services = exchanged(services, gone, came)
        assert digests.of(services) == digest(services)


def test_a_vs_that_is_there_twice_leaves_no_trace() -> None:
    digests = Digests()
    digests.of(MANY)
    twice = (*MANY, service(3, 7))
    assert digests.of(twice) == digest(twice)
    assert digests.of(MANY[:-1]) == digest(MANY[:-1])


def test_how_a_digest_is_worked_out() -> None:
    """As the documents say: of what GET /v1/state gives, by whoever can do SHA-256."""
    services = (service(9, 1), service(10, 3, 2))
    texts = [
        b'{"vs":"10.96.0.9:80/tcp","scheduler":"wrr","rs":[{"rs":"10.10.0.1:8080","weight":1}],'
        b'"one_packet":false,"timeouts":%b,"client_address":"none","syn_proxy":false}',
        b'{"vs":"10.96.0.10:80/tcp","scheduler":"wrr","rs":[{"rs":"10.10.0.1:8080","weight":3},'
        b'{"rs":"10.10.0.2:8080","weight":2}],'
        b'"one_packet":false,"timeouts":%b,"client_address":"none","syn_proxy":false}',
    ]
    none = codec.encode(VsTimeouts())
    each = b"".join(hashlib.sha256(text % none).digest() for text in texts)
    assert digest(services) == hashlib.sha256(each).hexdigest()

# SPDX-License-Identifier: BSD-3-Clause
"""Transactions of the agent, good and bad, with kills at every step: never torn, never lost.

A kill is an exception that nothing catches, at a call that leaves the process: a system call of the
store, or a request to slbd. What is left is what is on disk and in slbd; a new agent begins there.
"""

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from unit.agent_values import service
from unit.fake_daemon import FakeDaemon

from slb.agent import state as states
from slb.agent.desired import Desired
from slb.agent.state import State
from slb.agent.store import Store
from slb.agent.watch import Watch
from slb.api.client import Client
from slb.errors import RequestError
from slb.model.desired import OPERATOR, Snapshot
from slb.model.endpoint import VsKey
from slb.model.op import Op
from slb.model.service import Service
from slb.model.views import Plan

pytest_plugins = ["unit.daemon_fixture"]

MISPLACED = Service(VsKey.parse("10.97.0.1:80/tcp"))
K8S = "controller"
Edit = Callable[[State], State]


class Killed(BaseException):
    """SIGKILL."""


class Fate:
    """Counts the steps of a transaction, and ends it before one of them; -1: never."""

    def __init__(self) -> None:
        self.left = -1

    def step(self) -> None:
        self.left -= 1
        if self.left == -1:
            raise Killed


class DyingOs:
    """`os` for the store: every call that changes something is a step, a write half a step."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in ("fsync", "rename", "unlink", "write"):
            return real

        def call(*args: Any) -> Any:
            try:
                self._fate.step()
            except Killed:
                if name == "write":
                    os.write(args[0], args[1][: len(args[1]) // 2])
                raise
            return real(*args)

        return call


class DyingClient(Client):
    """slbd's client; before and after a transaction are steps."""

    def __init__(self, socket: Path, fate: Fate) -> None:
        super().__init__(str(socket), 10)
        self._fate = fate

    def apply(self, services: Sequence[Service], **words: Any) -> Plan:
        self._fate.step()
        done = super().apply(services, **words)
        self._fate.step()
        return done

    def commit(self, ops: Sequence[Op], **words: Any) -> Plan:
        self._fate.step()
        done = super().commit(ops, **words)
        self._fate.step()
        return done


def plain(state: State) -> dict[str, set[Service]]:
    return {name: set(part.services) for name, part in state.owners.items() if part.services}


def operators(*services: Service) -> Edit:
    return lambda state: states.give(state, OPERATOR, services)


def controllers(generation: int, *services: Service) -> Edit:
    return lambda state: states.put(state, Snapshot(K8S, 1, generation, services))


class Life:
    """One agent, from its start until it is killed."""

    def __init__(self, folder: Path, daemon: FakeDaemon, fate: Fate) -> None:
        self.store = Store(folder / "state", keep=3)
        client = DyingClient(daemon.socket, fate)
        self.desired = Desired(self.store, client)
        self.watch = Watch(self.desired, client)
        self._daemon = daemon

    async def settle(self) -> None:
        """slbd follows, as the watch would have it sooner or later."""
        await self.watch.look()
        wanted = {
            str(s.vs): {str(real.rs): real.weight for real in s.rs}
            for s in self.desired.state.services()
        }
        if self.desired.standing.word == "applied":
            assert {vs: rs for vs, (_, rs) in self._daemon.services.items()} == wanted

    async def change(self, owner: str, edit: Edit) -> str:
        """One transaction: done, refused or killed."""
        try:
            await self.desired.change(owner, "a test's", edit)
        except RequestError:
            return "refused"
        except Killed:
            return "killed"
        return "done"


async def one(
    folder: Path, daemon: FakeDaemon, fate: Fate, owner: str, edit: Edit, kill_at: int
) -> str:
    """One transaction in a life of its own, and what the next life finds."""
    life = Life(folder, daemon, fate)
    await life.settle()
    before = life.desired.state
    try:
        after = edit(before)
    except RequestError:
        after = before
    fate.left = kill_at
    outcome = await life.change(owner, edit)
    fate.left = -1
    if outcome != "killed":
        assert plain(life.desired.state) == plain(after if outcome == "done" else before)
        before = after = life.desired.state
    life.store.close()
    life = Life(folder, daemon, fate)
    assert plain(life.desired.state) in (plain(before), plain(after))
    await life.settle()
    if life.desired.standing.word != "applied":
        # Killed between storing it and hearing that the engine is full: it is taken back.
        assert plain(life.desired.state) == plain(before)
        await life.settle()
    assert life.desired.standing.word == "applied"
    life.store.close()
    return outcome


@pytest.fixture
def fate(monkeypatch: pytest.MonkeyPatch) -> Fate:
    """No kill, until one is ordered."""
    fate = Fate()
    monkeypatch.setattr("slb.agent.store.os", DyingOs(fate))
    return fate


def test_killed_at_every_step(tmp_path: Path, daemon: FakeDaemon, fate: Fate) -> None:
    """Of a change that is good, one that slbd refuses, and one that the engine refuses."""
    edits = {
        "good": lambda n: operators(service(1, n), service(2 + n % 3)),
        "misplaced": lambda n: operators(service(1, n), MISPLACED),
        "full": lambda n: operators(*(service(m, n) for m in range(1, 11))),
    }
    killed = dict.fromkeys(edits, 0)

    async def play() -> None:
        for name, edit in edits.items():
            for step in range(20):
                outcome = await one(tmp_path, daemon, fate, OPERATOR, edit(1 + step), step)
                killed[name] += outcome == "killed"
                if outcome != "killed":
                    assert (outcome == "done") == (name == "good")
                    break

    asyncio.run(play())
    # Two at slbd twice, four of the store, and those of what is not kept, or taken back.
    assert killed["good"] >= 8 and killed["misplaced"] == 1 and killed["full"] >= 8, killed


@pytest.mark.parametrize("seed", range(3))
def test_many_at_random(tmp_path: Path, daemon: FakeDaemon, fate: Fate, seed: int) -> None:
    dice = random.Random(seed)
    outcomes: dict[str, int] = {"done": 0, "refused": 0, "killed": 0}

    async def play() -> None:
        for number in range(1, 31):
            owner = dice.choice([OPERATOR, K8S])
            # VS 4 is what both want.
            first = 1 if owner == OPERATOR else 4
            services = [
                service(n, *(dice.randrange(9) for _ in range(dice.randrange(4))))
                for n in dice.sample(range(first, first + 4), dice.randrange(1, 4))
            ]
            if dice.random() < 0.1:
                services.insert(dice.randrange(len(services) + 1), MISPLACED)
            if dice.random() < 0.1:
                services.append(services[0])
            edit = operators(*services) if owner == OPERATOR else controllers(number, *services)
            kill_at = dice.choice([-1, -1, *range(12)])
            outcomes[await one(tmp_path, daemon, fate, owner, edit, kill_at)] += 1

    asyncio.run(play())
    assert min(outcomes.values()) >= 3, outcomes

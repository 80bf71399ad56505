# SPDX-License-Identifier: BSD-3-Clause
"""What was answered outlives a loss of power: the order in which things are written and synced.

A process that is killed leaves its writes to the kernel; only what was synced is there after a loss
of power, which no test can have. So it is the calls that are looked at.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from unit.agent_values import service, state
from unit.fake_daemon import FakeDaemon

from slb.agent import state as states
from slb.agent.desired import Desired
from slb.agent.state import State
from slb.agent.store import Store
from slb.agent.watch import Watch
from slb.api.client import Client
from slb.errors import Full
from slb.model.desired import OPERATOR
from slb.model.op import Op
from slb.model.service import Service
from slb.model.views import Plan

pytest_plugins = ["unit.daemon_fixture"]

STORED = ["write new", "fsync new"]
NAMED = ["rename new state-{0}", "fsync the directory"]


class RecordingOs:
    """`os` for the store: notes what has to come in order, once it has come."""

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        noted = {"write": _of_file, "fsync": _of_file, "rename": _of_paths, "unlink": _of_paths}
        if name not in noted:
            return real

        def call(*args: Any) -> Any:
            done, told = real(*args), " ".join([name, *noted[name](*args)])
            # However many writes it takes.
            if told.startswith("fsync") or self._calls[-1:] != [told]:
                self._calls.append(told)
            return done

        return call


class RecordingClient(Client):
    """slbd's client, which notes what changes slbd before it is sent."""

    def __init__(self, socket: str, calls: list[str]) -> None:
        super().__init__(socket, 5)
        self._calls = calls

    def commit(self, ops: Sequence[Op], *, dry_run: bool = False) -> Plan:
        if not dry_run:
            self._calls.append("commit")
        return super().commit(ops, dry_run=dry_run)

    def apply(self, services: Sequence[Service], **words: Any) -> Plan:
        if not words.get("dry_run"):
            self._calls.append("apply")
        return super().apply(services, **words)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was called, in its order."""
    made: list[str] = []
    monkeypatch.setattr("slb.agent.store.os", RecordingOs(made))
    return made


@pytest.fixture
def store(tmp_path: Path, calls: list[str]) -> Iterator[Store]:
    """An empty one, of two versions."""
    store = Store(tmp_path / "state", keep=2)
    yield store
    store.close()


def test_a_version_is_whole_on_disk_before_it_has_its_name(store: Store, calls: list[str]) -> None:
    """And has its name on disk before anybody is told of it, or an earlier one goes."""
    store.prepare(state(1, service(1)))
    assert calls == STORED
    store.keep_prepared()
    assert calls == STORED + named(1)
    store.save(state(2, service(2)))
    calls.clear()
    store.save(state(3, service(3)))
    assert calls == [*STORED, *named(3), "unlink state-1"]


def test_what_is_beside_the_versions_is_whole_before_it_has_its_name(
    store: Store, calls: list[str]
) -> None:
    store.exchange("epochs", b"{}")
    assert calls == [
        "write epochs",
        "fsync epochs",
        "rename epochs epochs",
        "fsync the directory",
    ]


def test_one_that_is_taken_back_is_gone_from_disk(store: Store, calls: list[str]) -> None:
    store.save(state(1))
    store.save(state(2, service(1)))
    calls.clear()
    store.drop(2)
    assert calls == ["unlink state-2", "fsync the directory"]


def test_slbd_gets_it_once_it_is_on_disk(
    store: Store, calls: list[str], daemon: FakeDaemon
) -> None:
    changed(store, calls, daemon, [service(1, 1)])
    assert calls == [*STORED, *named(2), "commit"]


def test_what_slbd_refuses_is_gone_before_that_is_told(
    store: Store, calls: list[str], daemon: FakeDaemon
) -> None:
    """It is full: it says so of the transaction alone."""
    with pytest.raises(Full):
        changed(store, calls, daemon, [service(n) for n in range(1, 11)])
    gone = ["unlink state-2", "fsync the directory"]
    assert calls == [*STORED, *named(2), "commit", *gone]


def test_a_confirmation_is_on_disk(store: Store, calls: list[str], daemon: FakeDaemon) -> None:
    """Nothing would be left of the change if it were not."""
    changed(store, calls, daemon, [service(1, 1)], lambda one: one.confirm(), confirm_s=60)
    assert calls == [*STORED, *named(3), "unlink state-1"]


def test_a_dry_run_leaves_nothing(store: Store, calls: list[str], daemon: FakeDaemon) -> None:
    changed(store, calls, daemon, [service(1, 1)], dry_run=True)
    assert not {"rename new state-2", "commit", "apply"}.intersection(calls)


def changed(
    store: Store,
    calls: list[str],
    daemon: FakeDaemon,
    services: Sequence[Service],
    then: Callable[[Desired], Any] | None = None,
    **how: Any,
) -> None:
    """Give the operator these services, and go on; the calls of the last of these are left."""
    slbd = RecordingClient(str(daemon.socket), calls)

    def edit(now: State) -> State:
        return states.give(now, OPERATOR, services)

    async def run() -> None:
        desired = Desired(store, slbd)
        await Watch(desired, slbd).look()
        calls.clear()
        await desired.change(OPERATOR, "a test's", edit, **how)
        if then is not None:
            calls.clear()
            await then(desired)

    asyncio.run(run())


def named(generation: int) -> list[str]:
    """What gives a version its name."""
    return [one.format(generation) for one in NAMED]


def _of_file(file: int, *_: Any) -> list[str]:
    kind = os.fstat(file).st_mode
    return ["the directory" if stat.S_ISDIR(kind) else _short(os.readlink(f"/proc/self/fd/{file}"))]


def _of_paths(*paths: Any) -> list[str]:
    return [_short(path) for path in paths]


def _short(path: Any) -> str:
    """A version's number for its file's name."""
    word, dash, number = Path(path).stem.partition("-")
    return f"{word}-{int(number)}" if dash else word

# SPDX-License-Identifier: BSD-3-Clause
"""A slbd that its supervisor starts again and again waits longer each time."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from unit.daemon_life import Life
from unit.threaded_client import Client
from unit.until import until

from slb.config.loader import load
from slb.daemon import daemon
from slb.daemon.restarts import Restarts
from slb.engine.protocol import Engine
from slb.errors import ConfigError, EngineError
from slb.model.config import Config

pytest_plugins = ["unit.daemon_life_fixture"]


def environment(folder: Path) -> dict[str, str]:
    """systemd's, of a unit with a runtime directory."""
    return {"RUNTIME_DIRECTORY": str(folder), "NOTIFY_SOCKET": str(folder / "notify")}


def test_the_first_two_starts_come_at_once(tmp_path: Path) -> None:
    waits = [Restarts(environment(tmp_path)).begin() for _ in range(9)]
    assert waits == [0, 0, 2, 4, 8, 16, 30, 30, 30]
    Restarts(environment(tmp_path)).forget()
    assert Restarts(environment(tmp_path)).begin() == 0


@pytest.mark.parametrize("damage", ["", "x", "-5", "0" * 40, "\x00\xff"])
def test_a_damaged_count_is_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / "starts").write_text(damage)
    assert Restarts(environment(tmp_path)).begin() == 0


def test_a_count_that_is_absurd(tmp_path: Path) -> None:
    (tmp_path / "starts").write_text("9" * 400)
    assert Restarts(environment(tmp_path)).begin() == 30


@pytest.mark.parametrize("lacks", ["RUNTIME_DIRECTORY", "NOTIFY_SOCKET"])
def test_by_hand_nothing_is_counted(tmp_path: Path, lacks: str) -> None:
    by_hand = environment(tmp_path)
    del by_hand[lacks]
    for _ in range(5):
        assert Restarts(by_hand).begin() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def starts(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the count, of a systemd's unit."""
    folder = tmp_path_factory.mktemp("unit")
    for name, value in environment(folder).items():
        monkeypatch.setenv(name, value)
    return folder / "starts"


def test_a_start_that_fails_is_counted_and_an_orderly_end_is_not(life: Life, starts: Path) -> None:
    def refuse(_: object) -> None:
        raise EngineError(1, "no NIC yet")

    with pytest.raises(EngineError, match="no NIC yet"):
        life.live(lambda client: pytest.fail("it answers"), refuse)  # type: ignore[arg-type]
    assert starts.read_text() == "1"

    async def scenario(_: Client) -> None:
        assert starts.read_text() == "2"

    life.live(scenario)
    assert not starts.exists()


def test_who_has_forwarded_for_a_while_has_come_to_something(
    life: Life, starts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "STEADY_S", 0.1)

    async def scenario(_: Client) -> None:
        async def forgotten() -> bool:
            return not starts.exists()

        await until(forgotten, "the end of the count")

    life.live(scenario)


def test_what_was_mended_while_it_waited_counts(life: Life, starts: Path) -> None:
    """And what was broken is told instead."""
    starts.write_text("2")
    seen: list[int] = []

    async def run(now: str) -> None:
        one = daemon.Daemon(str(life.file), load(str(life.file)), refuse)
        life.edit("rs_max: 100", now)
        await one.run()

    def refuse(config: Config) -> Engine:
        seen.append(config.engine.rs_max)
        raise EngineError(1, "enough")

    life.edit("ports:", "engine: {rs_max: 100}\nports:")
    with pytest.raises(EngineError, match="enough"):
        asyncio.run(run("rs_max: 200"))
    starts.write_text("2")
    life.edit("rs_max: 200", "rs_max: 100")
    with pytest.raises(ConfigError, match=r"slb.yaml:1: engine.rs_max"):
        asyncio.run(run("rs_max: many"))
    assert seen == [200]


def test_it_waits_and_a_stop_ends_that(
    life: Life, starts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a start."""
    starts.write_text("6")

    async def run() -> None:
        one = daemon.Daemon(str(life.file), load(str(life.file)), life.open)
        running = asyncio.create_task(one.run())

        async def waits() -> bool:
            return "waiting 30 s, since 6 starts came to nothing" in caplog.text

        await until(waits, "the word of it")
        assert not Path(life.socket).exists()
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    began = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began < 20
    assert life.engine.calls == [] and not starts.exists()

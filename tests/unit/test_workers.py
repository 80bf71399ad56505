# SPDX-License-Identifier: BSD-3-Clause
"""The number of workers: from slbctl, the API and the file, and what ends those that drain."""

import asyncio

import pytest
from unit.daemon_life import Life, reload
from unit.fake_daemon import FakeDaemon
from unit.memory_engine import MemoryEngine
from unit.slbctl_run import failure, slbctl
from unit.test_config_loader import GOOD, problems
from unit.threaded_client import Client

from slb.api.unix_http import exchange
from slb.config.loader import parse
from slb.engine.settings import to_c
from slb.errors import BadRequest
from slb.tables.workers import Workers

pytest_plugins = ["unit.daemon_fixture", "unit.daemon_life_fixture"]

USAGE, REFUSED = 2, 1
TWO = "engine: {workers: 1, workers_max: 2}\nports:"


# ---- slbctl and the API ----


def test_set_and_list(daemon: FakeDaemon) -> None:
    done = slbctl(daemon.socket, "workers", "set", "1")
    assert done.out == "clients are spread over 1 worker (generation 0)\n"
    assert daemon.engine.calls == ["workers_set 1"]
    assert slbctl(daemon.socket, "workers", "list").lines == [
        "WORKER CPU STATE SHARE ACTIVE CREATED GENERATION",
        "0 1 active 100.0% 107 10 0",
        "1 2 draining 0.0% 108 617k 0",
    ]
    done = slbctl(daemon.socket, "workers", "set", "2", "--now")
    assert done.out == "clients are spread over 2 workers (generation 0)\n"
    assert daemon.engine.calls[-1] == "workers_set 2 end"


def test_more_than_there_are(daemon: FakeDaemon) -> None:
    done = slbctl(daemon.socket, "workers", "set", "3")
    assert failure(done, REFUSED) == "3 workers: 1 ... 2; for more, raise engine.workers_max"


@pytest.mark.parametrize("words", ["0", "33", "two", "", "-1"])
def test_what_is_no_number(daemon: FakeDaemon, words: str) -> None:
    assert slbctl(daemon.socket, "workers", "set", words).status == USAGE
    assert daemon.engine.calls == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{}", "count"),
        (b'{"count": 0}', "count"),
        (b'{"count": 33}', "count"),
        (b'{"count": "2"}', "count"),
        (b'{"count": 1, "now": true}', "now"),
        (b"[]", "object"),
    ],
)
def test_bodies_that_are_wrong(daemon: FakeDaemon, body: bytes, text: str) -> None:
    answer = exchange(str(daemon.socket), "PATCH", "/v1/workers", body, 5)
    assert answer.status == 400 and text in answer.body.decode()
    assert daemon.engine.calls == []


# ---- the time that they may drain ----


def test_what_drains_for_too_long_ends() -> None:
    """And not before; what comes back in time has its time anew."""
    engine = MemoryEngine(workers=3)
    engine.live = {0: 5, 2: 1}
    workers = Workers(engine, drain_s=0.05)

    async def scenario() -> None:
        await workers.set(2)
        await workers.look()
        assert engine.live == {0: 5, 2: 1}
        await workers.set(3)
        await workers.look()
        await workers.set(2)
        await asyncio.sleep(0.06)
        await workers.look()
        assert engine.live == {0: 5, 2: 1}
        await asyncio.sleep(0.06)
        await workers.look()

    asyncio.run(scenario())
    assert engine.calls[-1] == "workers_set 2 end"
    assert engine.live == {0: 5}


def test_without_a_limit_they_live() -> None:
    engine = MemoryEngine(workers=2)
    engine.live = {1: 1}
    workers = Workers(engine)

    async def scenario() -> None:
        await workers.set(1)
        await workers.look()

    asyncio.run(scenario())
    assert engine.live == {1: 1}


# ---- the file ----


def test_a_reload_changes_them(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """And leaves alone what slbctl has set; what is refused does not keep the rest from it."""
    caplog.set_level("INFO")
    life.edit("ports:", TWO)
    life.edit("[198.18.0.1]", "[198.18.0.1, 198.18.0.2]")

    async def scenario(client: Client) -> None:
        life.edit("workers: 1", "workers: 2")
        await reload(caplog, "reloaded")
        assert life.engine.calls == ["workers_set 2"]
        assert "restart" not in caplog.text
        await client.workers_set(1)
        await reload(caplog, "reloaded")
        assert life.engine.active == 1
        life.engine.only_workers = "port lan0: its device cannot be told"
        life.edit("workers: 2", "workers: 1")
        life.edit("10.10.0.1:8080", "10.10.0.2:8080")
        await reload(caplog, "reload failed: port lan0: its device cannot be told")
        assert [row.rs for row in await client.rs_list()] == ["10.10.0.2:8080"]
        with pytest.raises(BadRequest):
            await client.workers_set(2)
        life.engine.only_workers = ""
        await reload(caplog, "reloaded")
        assert life.engine.calls[-1] == "workers_set 1"

    life.live(scenario)


def test_a_maximum_needs_a_restart(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """So does the number where the maximum goes with it."""
    caplog.set_level("INFO")
    life.edit("[198.18.0.1]", "[198.18.0.1, 198.18.0.2]")

    async def scenario(_: Client) -> None:
        life.edit("ports:", "engine: {workers: 2}\nports:")
        await reload(caplog, "reloaded")
        for key in ("workers", "workers_max"):
            assert f"engine.{key}: needs a restart" in caplog.text
        assert "workers_set" not in " ".join(life.engine.calls)

    life.live(scenario)


@pytest.mark.parametrize(
    ("engine", "line"),
    [
        (
            "{workers: 2, workers_max: 1}",
            "engine.workers_max: 1 are fewer than engine.workers (2); raise it, or leave it out",
        ),
        (
            "{workers: 1, workers_max: 3}",
            "local addresses for the workers: 2 for 3; give at least one a worker, or lower "
            "engine.workers_max",
        ),
        (
            "{workers: 1, workers_max: 2, cpus: {workers: [1]}}",
            "engine.cpus.workers: 1 CPUs for 2 workers; name one for each worker",
        ),
    ],
)
def test_numbers_that_do_not_go_together(engine: str, line: str) -> None:
    text = GOOD.replace("  workers: 1\n", "").replace("engine:\n", f"engine: {engine}\n")
    text = text.replace("[198.18.0.1]", "[198.18.0.1, 198.18.0.2]")
    assert any(line in found for found in problems(text)), problems(text)


def test_what_the_engine_is_told() -> None:
    """The number of each, and local addresses for all that are made ready."""
    text = GOOD.replace("workers: 1", "workers: 1\n  workers_max: 2")
    text = text.replace("[198.18.0.1]", "[198.18.0.1-198.18.0.4]")
    c = to_c(parse("slb.yaml", text, range(4)))
    assert (c.n_workers, c.n_active) == (2, 1)
    assert [row.worker for row in c.laddrs[0 : c.n_laddrs]] == [0, 1, 0, 1]

# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent's checks while slbd does not answer: nothing that they find then counts."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from unit.agent_values import key, service
from unit.fake_daemon import FakeDaemon
from unit.running_agent import PATIENCE_S, RunningAgent, at_rest
from unit.test_agent_health import FAST, Servers, one_out, servers, states, weights
from unit.test_agent_metrics import CHECKS, scrape

from rig.exposition import value
from rig.waiting import wait

__all__ = ["servers"]
pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

VS = str(key(2))


def test_results_do_not_count(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """Its interface is the way to the RS, so all are unreachable then, and none of them is down."""
    agent.client.vs_add(servers.service(FAST))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    commits = len(daemon.engine.commits)
    go_away(daemon)
    wait_checks(agent, servers, "no_result", 1)
    servers.shut(0, 1, 2, 3)
    wait_checks(agent, servers, "no_result", 2 * FAST.fall)
    assert states(agent) == [("up", "in")] * 4
    for number in range(4):
        servers.open(number)
    # The first of them may have begun before.
    wait_checks(agent, servers, "no_result", 2)
    come_back(daemon)
    wait(lambda: at_rest(agent), PATIENCE_S, "slbd as before")
    wait_checks(agent, servers, "good", 1)
    assert len(daemon.engine.commits) == commits
    servers.shut(1)
    wait(lambda: weights(daemon) == [1, 0, 3, 4], PATIENCE_S, "results count again")


def test_while_slbd_hangs_in_a_change(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers
) -> None:
    """Nobody waits for the change who has to see that no result counts."""
    agent.client.vs_add(servers.service(FAST))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    begun, over = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        over.wait(PATIENCE_S)

    daemon.engine.before_commit = hang
    with ThreadPoolExecutor(1) as pool:
        change = pool.submit(agent.client.vs_add, service(3))
        assert begun.wait(PATIENCE_S)
        go_away(daemon)
        wait(lambda: agent.client.status().slbd == "unreachable", PATIENCE_S, "it is missed")
        wait_checks(agent, servers, "no_result", 1)
        servers.shut(0, 1, 2, 3)
        wait_checks(agent, servers, "no_result", 2 * FAST.fall)
        assert states(agent) == [("up", "in")] * 4
        come_back(daemon)
        over.set()
        change.result(PATIENCE_S)


def test_an_agent_that_begins_before_slbd(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, tmp_path: Path
) -> None:
    """It makes no checks until it knows which RS the one before has found down."""
    one_out(agent, daemon, servers)
    agent.stop()
    commits = len(daemon.engine.commits)
    go_away(daemon)
    with RunningAgent(tmp_path, daemon.socket) as again:
        asked = len(daemon.requests)
        wait(lambda: len(daemon.requests) > asked + 3, PATIENCE_S, "some looks for slbd")
        status = again.client.status()
        assert (status.slbd, status.rs_checked) == ("unreachable", 0)
        come_back(daemon)
        wait(lambda: states(again)[1] == ("down", "out"), PATIENCE_S, "it is known")
        wait_checks(again, servers, "good", 1, of=(0, 2, 3))
        assert len(daemon.engine.commits) == commits


def go_away(daemon: FakeDaemon) -> None:
    """Have it answer as slbd does while it cannot serve."""
    error = b'{"error": {"code": "not_ready", "message": "slbd is starting"}}'
    daemon.answer("version", error, 503)


def come_back(daemon: FakeDaemon) -> None:
    """Have it serve again."""
    del daemon.answers["version"]


def wait_checks(
    agent: RunningAgent,
    servers: Servers,
    result: str,
    more: int,
    of: tuple[int, ...] = (0, 1, 2, 3),
) -> None:
    """Wait until so many more checks of each of these RS have come to that."""

    def counts() -> list[float]:
        found = scrape(agent)
        every = ({"vs": VS, "rs": str(servers.rs[number]), "result": result} for number in of)
        return [value(found, CHECKS, **labels) for labels in every]

    before = counts()

    def enough() -> bool:
        return all(now >= then + more for then, now in zip(before, counts(), strict=True))

    wait(enough, PATIENCE_S, f"{more} checks of each that come to {result}")

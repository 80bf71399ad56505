# SPDX-License-Identifier: BSD-3-Clause
"""A version that the agent has stored and slbd never had, found at the agent's start."""

from pathlib import Path

import pytest
from unit.agent_values import service, state
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent, at_rest

from rig.waiting import wait
from slb.agent.store import Store
from slb.model.endpoint import VsKey
from slb.model.service import Service

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]


def test_a_set_that_slbd_never_had_is_taken_back(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    """The agent was killed before it heard that slbd refuses it: whoever asked was not told."""
    agent.stop()
    gone = Service(VsKey.parse("10.97.0.1:80/tcp"))
    daemon.add(str(gone.vs))
    store = Store(agent.state)
    store.save(state(2, gone))
    store.close()
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "the version before")
        assert [version.generation for version in again.client.history()] == [1]
        assert set(daemon.services) == {FIRST}
    assert "generation 2 was stored and never applied, and slbd refuses it" in caplog.text


@pytest.mark.parametrize("note", ["applied", None], ids=["of the one before", "none"])
def test_what_slbd_takes_stays(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon, note: str | None
) -> None:
    agent.stop()
    if note is None:
        (agent.state / "applied").unlink()
    store = Store(agent.state)
    store.save(state(2, service(3)))
    store.close()
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "the version that was stored")
        assert list(daemon.services) == [str(service(3).vs)]
    assert (agent.state / "applied").read_text().strip() == "2"

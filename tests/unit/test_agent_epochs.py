# SPDX-License-Identifier: BSD-3-Clause
"""Who has been replaced cannot write any more, whatever became of what his successor has sent."""

import logging
import os
from pathlib import Path

import pytest
from unit.agent_values import service
from unit.fake_daemon import FakeDaemon
from unit.running_agent import PATIENCE_S, RunningAgent, at_rest

from rig.waiting import wait
from slb.agent.state import Owner, State
from slb.agent.store import Store
from slb.errors import BadRequest, Conflict, NotStored
from slb.model.desired import Delta, Snapshot
from slb.model.endpoint import VsKey
from slb.model.service import Service

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

K8S = "controller"
MISPLACED = Service(VsKey.parse("192.0.2.7:80/tcp"))
OVER = "epoch {} is over, 9 has begun; another one is in charge"


def refused(agent: RunningAgent) -> None:
    """The leader of epoch 5 has a set; that of epoch 9 sends one that slbd does not take."""
    agent.client.state_put(Snapshot(K8S, 5, 1, (service(7),)))
    with pytest.raises(BadRequest):
        agent.client.state_put(Snapshot(K8S, 9, 1, (service(7), MISPLACED)))


def check_over(agent: RunningAgent) -> None:
    """Who is of an earlier epoch is refused, and the next set of the new leader's is taken."""
    for epoch in (5, 8):
        with pytest.raises(Conflict, match=OVER.format(epoch)):
            agent.client.state_put(Snapshot(K8S, epoch, 2, (service(8),)))
        with pytest.raises(Conflict, match=OVER.format(epoch)):
            agent.client.state_patch(Delta(K8S, epoch, 1, 2, (service(8),), ()))
    (owner,) = agent.client.state(K8S).owners
    assert (owner.epoch, owner.generation, owner.services) == (5, 1, (service(7),))
    done = agent.client.state_put(Snapshot(K8S, 9, 2, (service(8),)))
    assert (done.epoch, done.generation) == (9, 2)


def test_it_counts_though_its_set_is_refused(agent: RunningAgent) -> None:
    refused(agent)
    check_over(agent)


def test_a_delta_shows_it_too(agent: RunningAgent) -> None:
    agent.client.state_put(Snapshot(K8S, 5, 1, (service(7),)))
    with pytest.raises(Conflict, match="send a full one"):
        agent.client.state_patch(Delta(K8S, 9, 1, 2, (service(8),), ()))
    check_over(agent)


def test_after_a_restart(agent: RunningAgent, daemon: FakeDaemon, tmp_path: Path) -> None:
    """Also where the version that had it is damaged."""
    refused(agent)
    agent.stop()
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd as before")
        check_over(again)
        newest = max(again.state.glob("state-*.json"))
    newest.write_bytes(newest.read_bytes()[:-9])
    with RunningAgent(tmp_path, daemon.socket) as last:
        wait(lambda: at_rest(last), PATIENCE_S, "the version before")
        with pytest.raises(Conflict, match=OVER.format(5)):
            last.client.state_put(Snapshot(K8S, 5, 3, (service(9),)))


def test_it_goes_with_its_owner(agent: RunningAgent) -> None:
    refused(agent)
    agent.client.owner_del(K8S, with_vs=True)
    agent.client.state_put(Snapshot(K8S, 1, 1, (service(7),)))


def test_it_stays_where_the_disk_is_full(
    agent: RunningAgent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The owner is gone all the same, which is what was asked for."""
    refused(agent)

    def full(store: Store, name: str, text: bytes) -> None:
        raise NotStored(f"{name}: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "exchange", full)
        agent.client.owner_del(K8S, with_vs=True)
    assert agent.client.state(K8S).owners == []
    words = f"the highest epoch of {K8S}, who has no set, is still on disk: epochs: No space left"
    assert words in caplog.text
    for epoch in (1, 2):
        agent.client.state_put(Snapshot(K8S, epoch, 1, (service(7),)))


def test_what_is_left_of_one_who_is_gone(
    agent: RunningAgent, daemon: FakeDaemon, tmp_path: Path
) -> None:
    """It keeps nobody of his name from writing, also after the second set."""
    agent.stop()
    (agent.state / "epochs").write_text(f'{{"{K8S}": 9}}')
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd as before")
        for epoch in (1, 2):
            again.client.state_put(Snapshot(K8S, epoch, 1, (service(7),)))


def test_of_others_nothing_is_kept(agent: RunningAgent) -> None:
    """Of who has no set yet, and of the operator, whom epochs do not concern."""
    for name in (K8S, "operator"):
        with pytest.raises(BadRequest):
            agent.client.state_put(Snapshot(name, 9, 1, (MISPLACED,)))
    assert not (agent.state / "epochs").exists()
    agent.client.state_put(Snapshot(K8S, 1, 1, (service(7),)))


def test_a_damaged_file(
    agent: RunningAgent, daemon: FakeDaemon, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refused(agent)
    agent.stop()
    (agent.state / "epochs").write_bytes(b'{"x":')
    with caplog.at_level(logging.ERROR), RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd as before")
        again.client.state_put(Snapshot(K8S, 6, 1, (service(8),)))
    assert "epochs: " in caplog.text and "those of the desired state count" in caplog.text


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is as it was, and nothing is left beside it."""
    store = Store(tmp_path)
    store.save(State(1, 0.0, "operator", "", {"operator": Owner()}))
    store.exchange("epochs", b"{}")

    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("slb.agent.store.os.fsync", full)
    with pytest.raises(NotStored, match="No space left on device; nothing has changed"):
        store.exchange("epochs", b'{"x":1}')
    assert store.beside("epochs") == b"{}"
    assert sorted(path.name for path in tmp_path.iterdir() if "epochs" in path.name) == ["epochs"]
    store.close()

# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent with `passive`: what slbd counts of an RS's answers takes it out for a while."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit.agent_values import key
from unit.fake_daemon import FakeDaemon
from unit.running_agent import PATIENCE_S, RunningAgent, at_rest
from unit.slbctl_run import slbctl
from unit.test_agent_health import weights

from rig.waiting import wait
from slb.model.endpoint import Endpoint
from slb.model.health import NoCheck, Passive
from slb.model.service import RealServer, Service
from slb.model.views import RsAnswers

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

VS = key(2)
RS = [Endpoint.parse(f"10.10.0.{n}:8080") for n in range(1, 5)]
RULES = Passive(window_s=2, min_connections=20, eject_s=2, max_eject_s=60)
SERVICE = Service(VS, "rr", tuple(RealServer(rs) for rs in RS), health=NoCheck(passive=RULES))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings follow one after the other, and nothing is on its way for long."""
    monkeypatch.setattr("slb.agent.passive.READ_S", 0.1)
    monkeypatch.setattr("slb.health.window.GRACE_S", 0.05)


class Clients:
    """What slbd counts: with each reading each RS gets 30 connections more."""

    def __init__(self, daemon: FakeDaemon) -> None:
        self.refusing: set[Endpoint] = set()
        self._counts = {rs: [0, 0, 0] for rs in RS}
        self._daemon = daemon
        self.readings = 0
        daemon.engine.answer_list = self._list  # type: ignore[method-assign]

    def _list(self) -> list[RsAnswers]:
        self.readings += 1
        has: Mapping[str, int] = self._daemon.services.get(str(VS), ("", {}))[1]
        for rs, counts in self._counts.items():
            if has.get(str(rs)):
                counts[0] += 30
                counts[2 if rs in self.refusing else 1] += 30
        return [
            RsAnswers(str(VS), str(rs), opened, answered, 0, refused, 0, 0, 1000, 10)
            for rs, (opened, answered, refused) in self._counts.items()
        ]


@pytest.fixture
def clients(daemon: FakeDaemon) -> Clients:
    """Of a VS that all RS answer."""
    return Clients(daemon)


def kinds(agent: RunningAgent) -> list[str]:
    """The events of RS."""
    every = agent.client.events(0, follow=False)
    return [event.kind for event in every if event.kind.startswith("rs_")]


def test_out_and_back(agent: RunningAgent, daemon: FakeDaemon, clients: Clients) -> None:
    """Within the window; it is tried again after its time, each time for longer."""
    agent.client.vs_add(SERVICE)
    wait(lambda: {r.state for r in agent.client.health(VS)} == {"up"}, PATIENCE_S, "all up")
    clients.refusing.add(RS[1])
    wait(lambda: weights(daemon) == [1, 0, 1, 1], PATIENCE_S, "no weight for what refuses")
    row = agent.client.health(VS)[1]
    assert (row.state, row.effect) == ("ejected", "out")
    assert row.reason.endswith("connections refused") and row.passive.endswith("1 in turn")
    status = agent.client.status()
    assert (status.rs_checked, status.rs_down, status.slbd) == (4, 1, "applied")
    wait(lambda: "rs_returned" in kinds(agent), PATIENCE_S, "its time is over")
    wait(lambda: kinds(agent).count("rs_ejected") == 2, PATIENCE_S, "and it is no better")
    last = list(agent.client.events(0, follow=False))[-1]
    assert last.data["for_s"] == 4 and last.data["times"] == 2
    assert (last.data["vs"], last.data["rs"]) == (str(VS), str(RS[1]))
    assert "refused" in str(last.data["reason"])
    clients.refusing.clear()
    wait(lambda: weights(daemon) == [1, 1, 1, 1], PATIENCE_S, "it is in for good")
    assert agent.client.status().mended == 0


def test_slbctl_shows_it(agent: RunningAgent, daemon: FakeDaemon, clients: Clients) -> None:
    agent.client.vs_add(replace(SERVICE, health=NoCheck(passive=replace(RULES, eject_s=60))))
    clients.refusing.add(RS[0])
    wait(lambda: weights(daemon)[0] == 0, PATIENCE_S, "it is out")
    lines = slbctl(agent.socket, "health", str(VS)).lines
    assert lines[0].endswith("LAST FAILURE CONNECTIONS")
    assert "ejected no" in lines[1] and "connections refused out for" in lines[1]
    assert "none passive window_s 2 eject_s 60 max_eject_s 60" in lines[1]
    row = slbctl(agent.socket, "rs", "list", str(VS)).lines[1]
    assert "draining ejected: " in row
    assert "1 of 4 RS that are checked are down" in slbctl(agent.socket, "status").out


def test_a_restart_moves_nothing(
    agent: RunningAgent, daemon: FakeDaemon, clients: Clients, tmp_path: Path
) -> None:
    """Who was out is out for another while."""
    agent.client.vs_add(replace(SERVICE, health=NoCheck(passive=replace(RULES, eject_s=4))))
    clients.refusing.add(RS[2])
    wait(lambda: weights(daemon) == [1, 1, 0, 1], PATIENCE_S, "it is out")
    agent.stop()
    clients.refusing.clear()
    commits = len(daemon.engine.commits)
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd as before")
        wait(lambda: again.client.health(VS)[2].state == "ejected", PATIENCE_S, "it is out still")
        assert len(daemon.engine.commits) == commits
        wait(lambda: weights(daemon) == [1, 1, 1, 1], PATIENCE_S, "its time is over")


def test_without_passive_nothing_is_read(
    agent: RunningAgent, daemon: FakeDaemon, clients: Clients
) -> None:
    """And what was ejected is let in again when nobody looks any more."""
    clients.refusing.add(RS[3])
    agent.client.vs_add(replace(SERVICE, health=NoCheck(passive=replace(RULES, eject_s=60))))
    wait(lambda: weights(daemon) == [1, 1, 1, 0], PATIENCE_S, "it is out")
    done = slbctl(agent.socket, "vs", "edit", str(VS), "--no-health")
    assert done.status == 0
    wait(lambda: weights(daemon) == [1, 1, 1, 1], PATIENCE_S, "all in")
    readings = clients.readings
    wait(lambda: slbctl(agent.socket, "health").out.startswith("no RS"), PATIENCE_S, "no checks")
    assert clients.readings - readings <= 1


def test_slbctl_gives_it(agent: RunningAgent, clients: Clients) -> None:
    agent.client.vs_add(Service(VS, "rr", SERVICE.rs))
    for words, said in (
        ("none,passive=on", "none"),
        ("tcp,passive.refused_percent=30,passive.latency_factor=4.5", "tcp"),
    ):
        done = slbctl(agent.socket, "vs", "edit", str(VS), "--health", words)
        assert f"health {said}" in done.out
    health = agent.client.export().services[-1].health
    assert health and health.passive == Passive(refused_percent=30, latency_factor=4.5)
    done = slbctl(agent.socket, "vs", "edit", str(VS), "--health", "none,passive.window_s=0")
    assert done.status == 2 and "passive.window_s" in done.err

# SPDX-License-Identifier: BSD-3-Clause
"""Changes that are to be confirmed, and ways back, whoever changes something meanwhile."""

import time
from pathlib import Path

import pytest
from unit.agent_values import key, service
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent, at_rest
from unit.slbctl_run import failure, slbctl

from rig.waiting import wait
from slb.agent.state import State
from slb.agent.steady import steady
from slb.agent.store import Store
from slb.errors import Conflict, Unconfirmed
from slb.model.desired import Snapshot

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

K8S = "controller"


def there(daemon: FakeDaemon) -> set[str]:
    """The VS that the engine has."""
    return set(daemon.services)


def test_confirmed_in_time(agent: RunningAgent, daemon: FakeDaemon) -> None:
    agent.client.apply([service(2)], confirm_s=60)
    (operator,) = agent.client.status().owners
    assert operator.confirm_within_s is not None and 50 < operator.confirm_within_s <= 60
    with pytest.raises(Unconfirmed):
        agent.client.vs_add(service(3))
    assert agent.client.confirm().generation == 3
    assert agent.client.vs_add(service(3)).generation == 4
    with pytest.raises(Conflict, match="nothing waits to be confirmed"):
        agent.client.confirm()
    assert at_rest(agent)
    assert there(daemon) == {"10.96.0.2:80/tcp", "10.96.0.3:80/tcp"}


def test_not_confirmed_in_time(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """And what another owner did meanwhile stays."""
    before = daemon.services
    agent.client.apply([service(2)], confirm_s=1)
    assert there(daemon) == {"10.96.0.2:80/tcp"}
    agent.client.state_put(Snapshot(K8S, 1, 1, (service(7),)))
    wait(lambda: FIRST in there(daemon), PATIENCE_S, "the services of before")
    assert there(daemon) == {FIRST, "10.96.0.7:80/tcp"}
    assert daemon.services[FIRST] == before[FIRST]
    assert agent.client.history()[0].change == "not confirmed in time, rolled back"


def test_the_time_goes_on_without_the_agent(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon
) -> None:
    agent.client.apply([service(2)], confirm_s=1)
    agent.stop()
    with RunningAgent(tmp_path, daemon.socket):
        wait(lambda: there(daemon) == {FIRST}, PATIENCE_S, "the services of before")


def test_rollback(agent: RunningAgent, daemon: FakeDaemon) -> None:
    agent.client.vs_add(service(2, 1))
    agent.client.state_put(Snapshot(K8S, 1, 1, (service(7),)))
    done = agent.client.rollback()
    assert done.plan == ["- vs 10.96.0.2:80/tcp"]
    assert there(daemon) == {FIRST, "10.96.0.7:80/tcp"}, "the controller's stays"
    agent.client.rollback(2)
    assert there(daemon) == {FIRST, "10.96.0.2:80/tcp", "10.96.0.7:80/tcp"}
    with pytest.raises(Conflict, match="generation 99 does not exist yet; there are 5, 4, 3, 2, 1"):
        agent.client.rollback(99)
    for weight in range(2, 10):
        agent.client.rs_edit(key(2), service(2, 1).rs[0].rs, weight)
    text = r"there are 13, 12, 11, 10, 9, 8, 7, 6, 5, 4 and 3 more \('slbctl history'\)"
    with pytest.raises(Conflict, match=f"generation 0 is not kept any more; {text}"):
        agent.client.rollback(0)
    agent.client.rollback(5)
    agent.client.apply([], confirm_s=60)
    assert len(agent.client.rollback().plan) == 5
    assert agent.client.export().services == agent.client.state("operator").owners[0].services
    with pytest.raises(Conflict, match="nothing waits"):
        agent.client.confirm()


def test_a_steady_clock() -> None:
    day, passed = 1000.0, 5.0
    clock = steady(lambda: day, lambda: passed)
    assert clock() == 1000
    day, passed = 10.0, 7.5
    assert clock() == 1002.5
    assert abs(steady()() - time.time()) < 1


def test_the_clock_is_set_back_meanwhile(
    agent: RunningAgent, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is undone all the same when its time is over."""
    agent.client.apply([service(2)], confirm_s=1)
    set_clock(monkeypatch, -3600)
    wait(lambda: there(daemon) == {FIRST}, PATIENCE_S, "the services of before")


def test_the_clock_is_set_forward_meanwhile(
    agent: RunningAgent, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not undone before its time is over."""
    agent.client.apply([service(2)], confirm_s=600)
    set_clock(monkeypatch, 3600)
    looks = daemon.requests.count("GET /v1/version")
    wait(
        lambda: daemon.requests.count("GET /v1/version") > looks + 2,
        PATIENCE_S,
        "some looks of the agent's",
    )
    assert agent.client.confirm().generation == 3
    assert there(daemon) == {"10.96.0.2:80/tcp"}


def set_clock(monkeypatch: pytest.MonkeyPatch, by_s: float) -> None:
    """Set the time of day, as this process sees it."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + by_s)


def test_what_was_not_confirmed_does_not_come_back(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """Who finds his change undone already, and undoes it, must not get it again."""
    agent.client.apply([service(2)], confirm_s=1)
    wait(lambda: there(daemon) == {FIRST}, PATIENCE_S, "the services of before")
    agent.client.state_put(Snapshot(K8S, 1, 1, (service(7),)))
    text = "generation 2 was not confirmed in time, so it is undone already; say which one"
    with pytest.raises(Conflict, match=text):
        agent.client.rollback()
    assert FIRST in there(daemon)
    agent.client.rollback(2)
    assert "10.96.0.2:80/tcp" in there(daemon)
    agent.client.rollback()
    assert FIRST in there(daemon), "that one was asked for, so it can be taken back"


def test_a_controller_pushes_out_none_of_the_operators(tmp_path: Path, daemon: FakeDaemon) -> None:
    daemon.add(FIRST, r1=1)
    with RunningAgent(tmp_path, daemon.socket, history=3) as agent:
        wait(lambda: at_rest(agent), PATIENCE_S, "what slbd has taken over")
        for number in (2, 3, 4):
            agent.client.vs_add(service(number))
        for number in range(1, 8):
            agent.client.state_put(Snapshot(K8S, 1, number, (service(7, number),)))
        kept = [(row.generation, row.owner) for row in agent.client.history()]
        last = [(number, K8S) for number in (11, 10, 9)]
        assert kept == [*last, *((number, "operator") for number in (4, 3, 2))]
        assert agent.client.rollback().plan == ["- vs 10.96.0.4:80/tcp"]
        agent.client.rollback(3)
        assert there(daemon) == {f"10.96.0.{n}:80/tcp" for n in (1, 2, 3, 7)}


def test_a_rollback_loses_nobodys_change(
    agent: RunningAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions are read for a while; what comes meanwhile, or had come before, stays."""
    ask = agent.client
    ask.vs_add(service(2))
    seen = ask.status().generation
    versions = Store.versions

    def slow(store: Store) -> list[State]:
        found = versions(store)
        monkeypatch.setattr(Store, "versions", versions)
        ask.vs_add(service(3))
        return found

    monkeypatch.setattr(Store, "versions", slow)
    with pytest.raises(Conflict, match="the operator's services were changed at this moment"):
        ask.rollback()
    with pytest.raises(Conflict, match=f"the desired state is at generation {seen + 1}, not"):
        ask.rollback(base=seen)
    ask.state_put(Snapshot(K8S, 1, 1, (service(7),)))
    refusal = slbctl(agent.socket, "rollback", "--base", str(seen))
    assert f"is at generation {seen + 2}, not {seen}" in failure(refusal, 1)
    assert ask.rollback(base=seen + 2).plan == [f"- vs {key(3)}"]

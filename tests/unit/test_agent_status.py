# SPDX-License-Identifier: BSD-3-Clause
"""How each VS is to what slbd has."""

from pathlib import Path

import pytest
from unit.agent_values import key, service, state
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent, at_rest
from unit.slbctl_run import slbctl

from rig.waiting import wait
from slb.agent.state import Owner
from slb.agent.vs_status import compare
from slb.api.client import Client
from slb.model.desired import Snapshot
from slb.model.endpoint import Endpoint

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]


def test_of_each_vs() -> None:
    wanted = state(7, service(3, 1, 0), service(1, 1), k8s=Owner((service(2, 5, 5),)))
    has = (service(3, 0, 1), service(2, 5, 5))
    rows = compare(wanted, wanted.services(), has, 6)
    assert [(row.vs, row.owner, row.slbd, row.applied) for row in rows] == [
        (str(key(1)), "operator", "missing", None),
        (str(key(2)), "k8s", "applied", 6),
        (str(key(3)), "operator", "differs", None),
    ]
    assert [(row.rs, row.rs_with_weight) for row in rows] == [(1, 1), (2, 2), (2, 1)]
    assert {row.slbd for row in compare(wanted, wanted.services(), None, 6)} == {"unknown"}


def test_the_order_of_rs_is_none() -> None:
    one = service(1, 1, 2)
    turned = type(one)(one.vs, one.scheduler, one.rs[::-1])
    assert compare(state(1, one), [one], [turned], 1)[0].slbd == "applied"


def test_what_is_down_is_as_it_should_be() -> None:
    (row,) = compare(state(1, service(1, 5, 3)), [service(1, 0, 3)], [service(1, 0, 3)], 1)
    assert (row.slbd, row.rs_with_weight, row.rs_out) == ("applied", 2, 1)


def test_slbctl_shows_each(agent: RunningAgent) -> None:
    agent.client.vs_add(service(2, 0))
    assert slbctl(agent.socket, "services").lines == [
        "VS OWNER SLBD GENERATION RS WITH WEIGHT OUT",
        f"{FIRST} operator applied 2 2 2 0",
        f"{key(2)} operator applied 2 1 0 0",
    ]
    assert agent.client.status().services is None, "only who asks for them gets them"


def test_without_slbd(tmp_path: Path) -> None:
    with RunningAgent(tmp_path, tmp_path / "slbd.sock") as agent:
        assert agent.client.status(services=True).services == []
        with FakeDaemon(tmp_path / "slbd.sock") as daemon:
            daemon.add(FIRST, r1=1)
            wait(lambda: at_rest(agent), PATIENCE_S, "what slbd has")
        (row,) = agent.client.status(services=True).services or ()
        assert (row.slbd, row.applied, row.rs) == ("unknown", None, 1)


def test_what_slbd_has_otherwise(
    agent: RunningAgent, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked at that moment; here nothing is mended before."""
    monkeypatch.setattr("slb.agent.watch.Watch._is_due", lambda *_: False)
    agent.client.apply([service(1, 1, 2), service(2, 1), service(3, 1)])
    beside = Client(str(daemon.socket))
    beside.rs_edit(key(2), Endpoint.parse("10.10.0.1:8080"), 9)
    beside.vs_del(key(3))
    rows = agent.client.status(services=True).services or ()
    assert [(row.vs, row.slbd, row.applied) for row in rows] == [
        (str(key(1)), "applied", 2),
        (str(key(2)), "differs", None),
        (str(key(3)), "missing", None),
    ]


def test_somebody_else_changes_slbd(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """How often, and how long ago: another slb-agent would do it every second."""
    assert agent.client.status().mended_ago_s is None
    Client(str(daemon.socket)).vs_add(service(2))
    wait(lambda: agent.client.status().mended == 1, PATIENCE_S, "the change is undone")
    ago = agent.client.status().mended_ago_s
    assert ago is not None and 0 <= ago < PATIENCE_S


def test_a_damaged_version_is_told_until_the_operator_makes_another(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon
) -> None:
    """A controller makes new ones all the time, and knows nothing of what the operator had."""
    agent.client.vs_add(service(2))
    assert agent.client.status().damaged == 0
    agent.stop()
    file = max(agent.state.glob("state-*"))
    file.write_bytes(file.read_bytes()[:-1])
    with RunningAgent(tmp_path, daemon.socket) as again:
        assert again.client.status().damaged == 2
        wait(lambda: at_rest(again), PATIENCE_S, "the version before")
        assert "- generation 2 was damaged on disk" in slbctl(again.socket, "status").out
        again.client.state_put(Snapshot("controller", 1, 1, (service(7),)))
        assert again.client.status().damaged == 2
        again.client.vs_add(service(3))
        assert again.client.status().damaged == 0

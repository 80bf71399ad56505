# SPDX-License-Identifier: BSD-3-Clause
"""Owners come by what they send, at most so many, and go when the operator removes them."""

import json
import logging
from pathlib import Path

import pytest
from unit.agent_values import service, state
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent, at_rest
from unit.secure_agent import CONTROLLER, Place
from unit.slbctl_run import failure, slbctl

from rig.waiting import wait
from slb.agent import state as states
from slb.agent.state import Owner, State
from slb.errors import BadRequest, Conflict, Full, UnknownOwner
from slb.model.desired import MAX_OWNERS, OPERATOR, Delta, Snapshot
from slb.model.endpoint import VsKey
from slb.model.service import Service

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture", "unit.secure_fixture"]

K8S = "controller"


def owners(agent: RunningAgent) -> list[str]:
    """Those that the agent knows."""
    return [one.owner for one in agent.client.state(digest=True).owners]


def full() -> State:
    """The operator and as many others as there may be."""
    return state(1, **{f"c{n}": Owner((), 1, 1) for n in range(1, MAX_OWNERS)})


def test_owners_are_few() -> None:
    """However one more comes; those that are there go on, and one that goes makes room."""
    assert len(full().owners) == MAX_OWNERS
    for wanted in (Snapshot("more", 1, 1, (service(2),)), Snapshot("more", 1, 1, (), "", True)):
        with pytest.raises(Full, match=rf"there are {MAX_OWNERS} owners, more would be one more"):
            states.put(full(), wanted)
    with pytest.raises(Full, match="more would be one more; an operator may remove one"):
        states.patch(full(), Delta("more", 0, 0, 1, (service(2),)))
    assert states.put(full(), Snapshot("c1", 1, 2, (service(2),))).owner("c1").generation == 2
    assert states.patch(full(), Delta("c1", 1, 1, 2, (service(2),))).owner("c1").generation == 2
    fewer = states.without(full(), "c9")
    assert "more" in states.put(fewer, Snapshot("more", 1, 1, (service(2),))).owners


def test_the_operator_has_his_place() -> None:
    """He is one of them before he has anything."""
    others = {f"c{n}": Owner((), 1, 1) for n in range(1, MAX_OWNERS)}
    with pytest.raises(Full):
        states.put(State(1, 0.0, "c1", "", others), Snapshot("more", 1, 1, (service(2),)))


def test_an_owner_is_removed_whole(agent: RunningAgent, daemon: FakeDaemon, tmp_path: Path) -> None:
    """Its VS, and the epoch by which it would be refused; also when the agent is started anew."""
    agent.client.state_put(Snapshot(K8S, 7, 1, (service(2, 1), service(3, 1))))
    with pytest.raises(Conflict, match=r"^owner controller still has 2 VS; with_vs=1 \(slbctl "):
        agent.client.owner_del(K8S)
    with pytest.raises(Conflict, match="at generation 2, not 1"):
        agent.client.owner_del(K8S, with_vs=True, base=1)
    assert owners(agent) == [K8S, OPERATOR] and len(daemon.services) == 3
    done = agent.client.owner_del(K8S, with_vs=True)
    assert done.plan == ["- vs 10.96.0.2:80/tcp", "- vs 10.96.0.3:80/tcp"]
    assert (owners(agent), set(daemon.services)) == ([OPERATOR], {FIRST})
    newest = agent.client.history()[0]
    assert (newest.generation, newest.owner, newest.change) == (3, OPERATOR, f"- owner {K8S}")
    agent.stop()
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "the agent that was started again")
        assert (owners(again), set(daemon.services)) == ([OPERATOR], {FIRST})
        view = again.client.state_put(Snapshot(K8S, 1, 1, (service(4, 1),)))
        assert (view.epoch, view.generation, view.vs) == (1, 1, 1)


def test_one_without_vs_goes_without_a_flag(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """slbd has nothing to do for it."""
    agent.client.state_put(Snapshot(K8S, 7, 1, (), allow_empty=True))
    commits = len([ops for ops in daemon.engine.commits if ops])
    assert agent.client.owner_del(K8S).plan == []
    assert owners(agent) == [OPERATOR] and agent.client.history()[0].generation == 3
    assert len([ops for ops in daemon.engine.commits if ops]) == commits


def test_who_cannot_be_removed(agent: RunningAgent) -> None:
    with pytest.raises(BadRequest, match=r"^owner: the operator's own set stays; 'slbctl vs del'"):
        agent.client.owner_del(OPERATOR, with_vs=True)
    with pytest.raises(UnknownOwner, match=r"^owner 'gone' does not exist; there are operator$"):
        agent.client.owner_del("gone")
    for wrong in ("-", "A", "a" * 33, "a\nb", "ä"):
        with pytest.raises(BadRequest, match=r"^owner: '.*' is no owner's name: small letters"):
            agent.client.owner_del(wrong)
    assert [row.generation for row in agent.client.history()] == [1]


def test_only_who_writes_the_operators_set_may(
    place: Place, secure: RunningAgent, caplog: pytest.LogCaptureFixture
) -> None:
    """Not the owner himself; who did it, or was refused, is on record."""
    secure.client.state_put(Snapshot(K8S, 1, 1, (service(2, 1),)))
    path, token = f"/owners/{K8S}?with_vs=1", place.tokens
    with caplog.at_level(logging.INFO, "slb.audit"):
        his = place.client("controller", CONTROLLER)
        assert place.ask("DELETE", path, pair=his).status == 403
        assert place.ask("DELETE", path, token=token["viewer"]).status == 403
        assert owners(secure) == [K8S, OPERATOR]
        assert place.ask("DELETE", path, token=token["operator"]).status == 200
    lines = [json.loads(one.message) for one in caplog.records if one.name == "slb.audit"]
    told = [(one["who"], one["path"], one["before"], one["after"]) for one in lines]
    assert told == [
        (CONTROLLER, f"/v1/owners/{K8S}", None, None),
        ("token viewer", f"/v1/owners/{K8S}", None, None),
        ("token operator", f"/v1/owners/{K8S}", 2, 3),
    ]


def test_slbctl_owner(agent: RunningAgent, daemon: FakeDaemon) -> None:
    other = Service(VsKey.parse("10.96.0.9:80/tcp"))
    agent.client.state_put(Snapshot(K8S, 7, 4, (other,)))
    assert slbctl(agent.socket, "owner", "list").lines == [
        "OWNER VS RS EPOCH GENERATION",
        "controller 1 0 7 4",
        "operator 1 2 0 0",
    ]
    said = slbctl(agent.socket, "owner", "list", "--json").json["items"]
    assert [(one["owner"], one["epoch"]) for one in said] == [(K8S, 7), (OPERATOR, 0)]
    refused = failure(slbctl(agent.socket, "owner", "del", K8S), 1)
    assert refused.endswith(
        "still has 1 VS; with_vs=1 (slbctl owner del --with-vs) deletes them, too"
    )
    assert slbctl(agent.socket, "owner", "del", K8S, "--with-vs").lines == [
        "- vs 10.96.0.9:80/tcp",
        "owner controller removed, 1 change made (generation 3)",
    ]
    assert "'controller' does not exist" in failure(slbctl(agent.socket, "owner", "del", K8S), 1)
    assert set(daemon.services) == {FIRST}
    said_alone = failure(slbctl(daemon.socket, "owner", "list"), 1)
    assert said_alone == "there is no /v1/state; slb-agent answers it, and slbd is at this socket"

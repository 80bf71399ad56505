# SPDX-License-Identifier: BSD-3-Clause
"""RS that are down and in all the same, as too many others are out: no quorum may count them."""

import logging
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit.agent_values import key, service
from unit.fake_daemon import FakeDaemon
from unit.running_agent import PATIENCE_S, RunningAgent, at_rest
from unit.test_agent_health import FAST, Servers, one_out, servers, states, weights

from rig.waiting import holds, wait
from slb.agent.down import Down
from slb.agent.store import Store
from slb.api.client import Client
from slb.errors import Full, NoAnswer
from slb.model.down import DownRs
from slb.model.op import Op
from slb.model.service import VsEdit
from slb.model.views import Plan

__all__ = ["servers"]

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]


def told(daemon: FakeDaemon) -> list[DownRs]:
    """What slbd was told."""
    return Client(str(daemon.socket)).down_list()


def changes(daemon: FakeDaemon) -> list[str]:
    """What it was told that was to change something."""
    return [one for one in daemon.requests if one.split()[0] != "GET" and "dry_run" not in one]


def all_down_and_in(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """None may be out, so slbd is told of all."""
    agent.client.vs_add(servers.service(replace(FAST, max_ejected_percent=0)))
    servers.shut(0, 1, 2, 3)
    wait(lambda: len(told(daemon)) == 4, PATIENCE_S, "all are told of")


def test_told_and_taken_back(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """Of those that are out slbd knows by their weight."""
    agent.client.vs_add(servers.service(FAST))
    for number in (3, 1):
        servers.shut(number)
        wait(lambda n=number: weights(daemon)[n] == 0, PATIENCE_S, "it is out")
    assert told(daemon) == []
    servers.shut(0, 2)
    stay = [DownRs(key(2), servers.rs[number]) for number in (0, 2)]
    wait(lambda: told(daemon) == stay, PATIENCE_S, "both are told of")
    assert weights(daemon) == [1, 0, 3, 0]
    servers.open(3)
    wait(lambda: weights(daemon)[3] == 4, PATIENCE_S, "one is back")
    wait(lambda: len(told(daemon)) == 1, PATIENCE_S, "and another one out in its place")
    agent.client.vs_del(key(2))
    wait(lambda: told(daemon) == [], PATIENCE_S, "none, without the VS")


@pytest.mark.parametrize("down", ["keep", "drain"])
def test_a_restart_of_the_agent(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, tmp_path: Path, down: str
) -> None:
    """It learns from slbd who stays in, takes nobody else out, and goes on as before."""
    agent.client.vs_add(servers.service(replace(FAST, down=down)))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    servers.shut(3)
    wait(lambda: weights(daemon)[3:] in ([], [0]), PATIENCE_S, "it is out")
    servers.shut(2)
    wait(lambda: weights(daemon)[2:] in ([], [0, 0]), PATIENCE_S, "it is out too")
    servers.shut(0, 1)
    stay = [DownRs(key(2), servers.rs[number]) for number in (0, 1)]
    wait(lambda: told(daemon) == stay, PATIENCE_S, "the others are told of")
    agent.stop()
    before = len(daemon.engine.commits)
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd as before")
        known = [("down", "capped")] * 2 + [("down", "out")] * 2
        wait(lambda: states(again) == known, PATIENCE_S, "all are known")
        holds(lambda: told(daemon) == stay, 0.5, "nobody is taken back")
        assert len(daemon.engine.commits) == before


def test_a_restart_of_slbd(servers: Servers, tmp_path: Path) -> None:
    """It hears of them first, and of the services then, lest it announce these for a moment."""
    socket = tmp_path / "slbd.sock"
    with ExitStack() as stack:
        with FakeDaemon(socket) as daemon:
            agent = stack.enter_context(RunningAgent(tmp_path, socket))
            wait(lambda: at_rest(agent), PATIENCE_S, "slbd is followed")
            agent.client.vs_add(servers.service(replace(FAST, max_ejected_percent=0)))
            servers.shut(0, 1, 2, 3)
            wait(lambda: len(told(daemon)) == 4, PATIENCE_S, "all are told of")
        with FakeDaemon(socket) as another:
            wait(lambda: str(key(2)) in another.services, PATIENCE_S, "it has the services")
            assert another.requests.index("PUT /v1/rs/down") < another.requests.index(
                "POST /v1/apply"
            )
            assert len(told(another)) == 4


def test_an_slbd_that_does_not_know_them(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    """As one of before that, which still runs after an upgrade; it is told of once."""
    body = b'{"error": {"code": "not_found", "message": "there is no /v1/rs/down"}}'
    daemon.answer("rs/down", body, 404)
    agent.client.vs_add(servers.service(replace(FAST, max_ejected_percent=25)))

    def asked() -> int:
        return daemon.requests.count("PUT /v1/rs/down")

    with caplog.at_level(logging.WARNING):
        servers.shut(0, 1)
        wait(lambda: states(agent).count(("down", "capped")) == 1, PATIENCE_S, "one is down and in")
        before = asked()
        servers.shut(2, 3)
        wait(lambda: asked() > before, PATIENCE_S, "it is asked again")
        wait(lambda: at_rest(agent), PATIENCE_S, "it has all the same what it can have")
    lines = [one.message for one in caplog.records if one.name == "slb.agent.down"]
    assert lines == [
        "there is no /v1/rs/down; slbd's quorum counts RS that are down though they are in"
    ]
    assert weights(daemon).count(0) == 1


def stood_up_to(daemon: FakeDaemon, agent: RunningAgent) -> None:
    """Have slbd, changed beside the agent, refuse to be brought back."""
    body = b'{"error": {"code": "bad_request", "message": "no such thing today"}}'
    daemon.answer("apply", body, 400)
    daemon.add("10.96.0.9:80/tcp", r1=1)
    wait(lambda: agent.client.status().slbd == "refused", PATIENCE_S, "the refusal")


def test_while_slbd_refuses_what_is_wanted(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers
) -> None:
    """It serves what it took before, of which RS go down and come back all the same."""
    agent.client.vs_add(servers.service(FAST))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    stood_up_to(daemon, agent)
    servers.shut(1)
    wait(lambda: weights(daemon) == [1, 0, 3, 4], PATIENCE_S, "it is out")
    servers.shut(2, 3)
    wait(lambda: len(told(daemon)) == 1, PATIENCE_S, "who is down and in is told of")
    assert agent.client.status().slbd == "refused"
    for number in (1, 2, 3):
        servers.open(number)
    wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "all are back")
    assert told(daemon) == []
    del daemon.answers["apply"]
    wait(lambda: at_rest(agent), PATIENCE_S, "it is taken at last")


def test_what_slbd_refuses_leaves_them_told_of(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers
) -> None:
    """A set without their VS that the engine has no room for."""
    all_down_and_in(agent, daemon, servers)
    with pytest.raises(Full):
        agent.client.apply([service(n) for n in range(3, 13)])
    holds(lambda: len(told(daemon)) == 4, 1, "they stay so")
    agent.client.apply([service(3)])
    wait(lambda: told(daemon) == [], PATIENCE_S, "none, without the VS")


@pytest.mark.parametrize("whole", [False, True])
def test_no_moment_counts_who_comes_in_again(
    agent: RunningAgent,
    daemon: FakeDaemon,
    servers: Servers,
    whole: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With fewer that may be out, those that are down and in are told of before they are in.

    Also where slbd, which has refused something, gets the whole.
    """
    every = replace(FAST, max_ejected_percent=100)
    agent.client.vs_add(servers.service(every))
    servers.shut(0, 1, 2, 3)
    wait(lambda: weights(daemon) == [0, 0, 0, 0], PATIENCE_S, "all are out")
    assert told(daemon) == []
    if whole:
        monkeypatch.setattr("slb.agent.watch.REFUSED_S", 60)
        stood_up_to(daemon, agent)
        del daemon.answers["apply"]
    daemon.requests.clear()
    agent.client.vs_edit(key(2), VsEdit(health=replace(FAST, max_ejected_percent=0)))
    wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "all are in")
    assert changes(daemon)[0] == "PUT /v1/rs/down"
    wait(lambda: len(told(daemon)) == 4, PATIENCE_S, "and stay told of")


def test_no_moment_counts_who_goes_out(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers
) -> None:
    """With more that may be out, they are taken back behind the change."""
    all_down_and_in(agent, daemon, servers)
    daemon.requests.clear()
    agent.client.vs_edit(key(2), VsEdit(health=replace(FAST, max_ejected_percent=100)))
    wait(lambda: told(daemon) == [], PATIENCE_S, "none is in")
    assert changes(daemon)[0] == "POST /v1/commit"


def test_no_moment_counts_who_goes_out_when_a_change_is_not_confirmed(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers
) -> None:
    """Then slbd is given the whole."""
    agent.client.vs_add(servers.service(replace(FAST, max_ejected_percent=100)))
    servers.shut(0, 1, 2, 3)
    wait(lambda: weights(daemon) == [0, 0, 0, 0], PATIENCE_S, "all are out")
    agent.client.apply([servers.service(replace(FAST, max_ejected_percent=0))], confirm_s=4)
    wait(lambda: len(told(daemon)) == 4, PATIENCE_S, "all are in, and told of")
    daemon.requests.clear()
    wait(lambda: told(daemon) == [], PATIENCE_S, "it is as before")
    assert weights(daemon) == [0, 0, 0, 0]
    assert changes(daemon)[0] == "POST /v1/apply"


def test_what_cannot_be_told_while_slbd_refuses_is_told_later(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though no other RS goes down or comes back."""
    monkeypatch.setattr("slb.agent.watch.REFUSED_S", 0.5)
    agent.client.vs_add(servers.service(FAST))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    stood_up_to(daemon, agent)
    daemon.answer("commit", b'{"error": {"code": "full", "message": "no room"}}', 507)
    daemon.requests.clear()
    servers.shut(1)
    wait(lambda: states(agent)[1][0] == "down", PATIENCE_S, "it is down")
    wait(lambda: "POST /v1/commit" in daemon.requests, PATIENCE_S, "it is tried")
    assert weights(daemon) == [1, 2, 3, 4]
    del daemon.answers["commit"]
    wait(lambda: weights(daemon) == [1, 0, 3, 4], PATIENCE_S, "it is out")


def test_a_vs_that_slbd_refuses_keeps_back_no_other(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it refuses what is wanted: of two VS with the same RS."""
    agent.client.vs_add(servers.service(FAST))
    agent.client.vs_add(replace(servers.service(FAST), vs=key(5)))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    stood_up_to(daemon, agent)
    commit = Client.commit

    def but_one(client: Client, ops: list[Op]) -> Plan:
        if any(op.vs == key(5) for op in ops):
            raise Full("no room")
        return commit(client, ops)

    monkeypatch.setattr(Client, "commit", but_one)
    servers.shut(1)
    wait(lambda: weights(daemon) == [1, 0, 3, 4], PATIENCE_S, "it is out of the other one")
    servers.open(1)
    wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "and back")


def test_what_was_not_answered_is_told_again() -> None:
    """Else slbd, which does it later, would go on counting them as down."""
    heard: list[frozenset[DownRs]] = []

    class Slow:
        def down_set(self, down: frozenset[DownRs]) -> None:
            heard.append(down)
            if down:
                raise NoAnswer("no answer within 60 s", changing=True)

    down = Down(Slow())  # type: ignore[arg-type]
    down.tell("one", [])
    with pytest.raises(NoAnswer):
        down.tell("one", [DownRs(key(2), key(3))])
    down.tell("one", [])
    down.tell("one", [])
    assert [len(one) for one in heard] == [0, 1, 0]


def test_a_drain_resets_no_session(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While slbd has the change already, and the agent has not yet noted that it has."""
    noting, noted = threading.Event(), threading.Event()
    note = Store.note_applied

    def slowly(store: Store, generation: int) -> None:
        noting.set()
        noted.wait(PATIENCE_S)
        note(store, generation)

    agent.client.vs_add(servers.service(replace(FAST, down="reset")))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    daemon.requests.clear()
    monkeypatch.setattr(Store, "note_applied", slowly)
    edit = threading.Thread(target=agent.client.rs_edit, args=(key(2), servers.rs[1], 0))
    edit.start()
    try:
        assert noting.wait(PATIENCE_S)
        holds(lambda: "POST /v1/sessions/reset" not in daemon.requests, 1.5, "no reset")
    finally:
        noted.set()
        edit.join(PATIENCE_S)
    assert weights(daemon) == [1, 0, 3, 4]


def test_an_agent_that_begins_while_slbd_refuses(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, tmp_path: Path
) -> None:
    """It knows by the one before what slbd has taken."""
    one_out(agent, daemon, servers)
    stood_up_to(daemon, agent)
    agent.stop()
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: again.client.status().slbd == "refused", PATIENCE_S, "the refusal again")
        servers.open(1)
        wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "it is back")
        servers.shut(2)
        wait(lambda: weights(daemon) == [1, 2, 0, 4], PATIENCE_S, "another one is out")


def test_sessions_end_while_slbd_refuses(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers
) -> None:
    """Of an RS that is out, each time that it goes down."""
    agent.client.vs_add(servers.service(replace(FAST, down="reset")))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    stood_up_to(daemon, agent)
    for _ in range(2):
        daemon.requests.clear()
        servers.shut(1)
        wait(lambda: weights(daemon) == [1, 0, 3, 4], PATIENCE_S, "it is out")
        wait(lambda: "POST /v1/sessions/reset" in daemon.requests, PATIENCE_S, "their end")
        servers.open(1)
        wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "it is back")


def test_what_only_slbd_has_stays_out_at_the_agents_next_start(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, tmp_path: Path
) -> None:
    """Here what was not confirmed, and slbd refuses to give back."""
    agent.client.apply([servers.service(FAST)], confirm_s=4)
    servers.shut(1)
    wait(lambda: weights(daemon) == [1, 0, 3, 4], PATIENCE_S, "it is out")
    body = b'{"error": {"code": "bad_request", "message": "no such thing today"}}'
    daemon.answer("apply", body, 400)
    wait(lambda: agent.client.status().slbd == "refused", PATIENCE_S, "the refusal")
    agent.stop()
    commits = len(daemon.engine.commits)
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: again.client.status().slbd == "refused", PATIENCE_S, "the refusal again")
        holds(lambda: weights(daemon) == [1, 0, 3, 4], 1, "it stays out")
        assert len(daemon.engine.commits) == commits
        servers.open(1)
        wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "it is back")

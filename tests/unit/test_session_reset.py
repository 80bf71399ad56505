# SPDX-License-Identifier: BSD-3-Clause
"""Sessions that end on demand, from slbctl and the agent's checks down to an engine in memory."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit.agent_values import key
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent, at_rest
from unit.slbctl_run import slbctl
from unit.test_agent_health import FAST, Servers, servers, weights

from rig.waiting import wait
from slb.api.client import Client
from slb.errors import BadRequest, NotReady, UnknownRs, UnknownVs
from slb.health.effect import to_reset
from slb.model.endpoint import Endpoint, VsKey
from slb.model.events import Event
from slb.model.reset import Reset
from slb.model.service import RealServer, Service

__all__ = ["servers"]

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

VS = "10.96.0.10:80/tcp"
RS = "10.10.0.1:8080"
OTHER = "10.10.0.2:8080"
DOWN = replace(FAST, down="reset")


def resets(daemon: FakeDaemon) -> list[list[str]]:
    """What slbd was asked for, in texts."""
    return [[f"{one.vs} {one.rs}" for one in asked] for asked in daemon.engine.resets]


# ---- slbctl ----


def test_slbctl_ends_those_of_an_rs(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1, r2=1)
    had = len(daemon.engine.sessions)
    result = slbctl(daemon.socket, "session", "reset", VS, RS)
    ended = had - len(daemon.engine.sessions)
    assert ended > 0 and result.out == f"{ended} sessions of RS {RS} of {VS} ended\n"
    assert resets(daemon) == [[f"{VS} {RS}"]]
    result = slbctl(daemon.socket, "session", "reset", VS, RS, "--json")
    assert result.json == {"sessions": 0}


def test_slbctl_ends_those_of_a_whole_vs_when_told_so(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1)
    said = slbctl(daemon.socket, "session", "reset", VS, "--all").out
    assert said.endswith(f" of VS {VS} ended\n")
    assert resets(daemon) == [[f"{VS} None"]]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((VS,), "name an RS, or --all to end all sessions of the VS"),
        ((VS, RS, "--all"), "name an RS, or --all to end all sessions of the VS"),
        ((), "missing argument 'VS'"),
        (("10.96.0.10:80",), "10.96.0.10:80"),
        ((VS, "10.10.0.1"), "10.10.0.1"),
    ],
)
def test_usage(daemon: FakeDaemon, words: tuple[str, ...], text: str) -> None:
    result = slbctl(daemon.socket, "session", "reset", *words)
    assert result.status == 2 and text in result.err
    assert daemon.engine.resets == []


def test_what_does_not_exist(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1)
    for words, text in (
        ((VS, "10.10.0.9:8080"), f"VS {VS} has no RS 10.10.0.9:8080"),
        (("10.96.0.77:80/tcp", "--all"), "VS 10.96.0.77:80/tcp does not exist"),
    ):
        result = slbctl(daemon.socket, "session", "reset", *words)
        assert result.status != 0 and result.out == ""
        assert text in result.err and len(result.err.splitlines()) <= 2


# ---- the API ----


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"resets": []},
        {"resets": [{}]},
        {"resets": [{"vs": VS, "rs": ""}]},
        {"resets": [{"vs": VS, "rs": "10.10.0.1"}]},
        {"resets": [{"vs": VS, "client": "192.0.2.1"}]},
        {"resets": [{"vs": VS}], "all": True},
        {"resets": [{"vs": VS}] * 4097},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_a_wrong_body_ends_nothing(daemon: FakeDaemon, body: object) -> None:
    daemon.add(VS, r1=1)
    client = Client(str(daemon.socket))
    with pytest.raises(BadRequest):
        client._send("POST", dict, "/sessions/reset", body)
    assert daemon.engine.resets == []


# ---- the agent ----


def events(agent: RunningAgent) -> list[Event]:
    """What it has told of this."""
    kinds = {"sessions_reset"}
    return [one for one in agent.client.events(0, follow=False) if one.kind in kinds]


def test_through_the_agent(
    agent: RunningAgent, daemon: FakeDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    """It tells who did it, in the audit too; the desired state is as before."""
    agent.client.vs_add(Service(VsKey.parse(VS), "rr", (RealServer(Endpoint.parse(RS), 1),)))
    kept = agent.client.state(digest=True)
    with caplog.at_level(logging.INFO, "slb.audit"):
        ended = agent.client.session_reset(Reset(VsKey.parse(VS), Endpoint.parse(RS)))
    assert ended > 0 and resets(daemon) == [[f"{VS} {RS}"]]
    (told,) = events(agent)
    who = told.data.pop("who")
    assert told.data == {"vs": VS, "rs": RS, "others": 0, "sessions": ended} and who
    line = json.loads(caplog.messages[-1])
    assert (line["method"], line["path"]) == ("POST", "/v1/sessions/reset")
    assert (line["owner"], line["status"], line["after"]) == ("operator", 200, None)
    assert agent.client.state(digest=True) == kept
    with pytest.raises(UnknownVs, match="does not exist"):
        agent.client.session_reset(Reset(key(9)))
    with pytest.raises(UnknownRs, match="has no RS"):
        agent.client.session_reset(Reset(VsKey.parse(VS), Endpoint.parse(OTHER)))


def test_without_slbd(tmp_path: Path) -> None:
    with (
        RunningAgent(tmp_path, tmp_path / "none.sock") as alone,
        pytest.raises(NotReady, match="no slbd at"),
    ):
        alone.client.session_reset(Reset(VsKey.parse(FIRST)))


def test_an_rs_that_goes_down(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """Its sessions end once it gets no new ones, once; all that are down by then at once."""
    agent.client.vs_add(servers.service(DOWN))
    assert resets(daemon) == []
    seen: list[list[int]] = []
    ask = daemon.engine.session_reset

    def noted(whose: tuple[Reset, ...]) -> int:
        seen.append(weights(daemon))
        return ask(whose)

    daemon.engine.session_reset = noted  # type: ignore[method-assign,assignment]
    servers.shut(1)
    wait(lambda: daemon.engine.resets, PATIENCE_S, "its sessions ended")
    assert resets(daemon) == [[f"{key(2)} {servers.rs[1]}"]] and seen == [[1, 0, 3, 4]]
    servers.shut(3)
    wait(lambda: len(daemon.engine.resets) > 1, PATIENCE_S, "those of the next")
    assert resets(daemon)[1:] == [[f"{key(2)} {servers.rs[3]}"]]
    servers.open(1)
    wait(lambda: weights(daemon)[1] == 2, PATIENCE_S, "it is back")
    servers.shut(1)
    wait(lambda: len(daemon.engine.resets) > 2, PATIENCE_S, "down anew")
    assert resets(daemon)[2:] == [[f"{key(2)} {servers.rs[1]}"]]


def test_what_may_not_be_out_keeps_its_sessions(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers
) -> None:
    """And so has what the operator drains or removes."""
    agent.client.vs_add(servers.service(replace(DOWN, max_ejected_percent=25)))
    servers.shut(0, 1)
    down = lambda: agent.client.status().rs_down == 2  # noqa: E731
    wait(down, PATIENCE_S, "both down")
    wait(lambda: daemon.engine.resets, PATIENCE_S, "the sessions of one ended")
    agent.client.rs_edit(key(2), servers.rs[2], 0)
    agent.client.rs_del(key(2), servers.rs[3])
    assert len(resets(daemon)) == 1 and len(resets(daemon)[0]) == 1


def test_slbd_fails_for_a_time(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again."""
    monkeypatch.setattr("slb.agent.ends.AGAIN_S", 0.1)
    agent.client.vs_add(servers.service(DOWN))
    ask, tries = daemon.engine.session_reset, []

    def failing(whose: tuple[Reset, ...]) -> int:
        tries.append(whose)
        if len(tries) < 3:
            raise NotReady("worker 0 has not answered")
        return ask(whose)

    daemon.engine.session_reset = failing  # type: ignore[method-assign,assignment]
    servers.shut(1)
    wait(lambda: daemon.engine.resets, PATIENCE_S, "the third time")
    assert len(tries) == 3 and weights(daemon) == [1, 0, 3, 4]


def test_one_that_is_gone_keeps_nobody_waiting(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers
) -> None:
    """Each is asked for by itself then."""
    agent.client.vs_add(servers.service(DOWN))
    ask = daemon.engine.session_reset

    def without_first(whose: tuple[Reset, ...]) -> int:
        if any(one.rs == servers.rs[0] for one in whose):
            raise UnknownRs(f"VS {key(2)} has no RS {servers.rs[0]}")
        return ask(whose)

    daemon.engine.session_reset = without_first  # type: ignore[method-assign,assignment]
    servers.shut(0, 1)
    wait(lambda: daemon.engine.resets, PATIENCE_S, "the other's sessions ended")
    assert resets(daemon) == [[f"{key(2)} {servers.rs[1]}"]]


def test_the_next_agent_does_it_again(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, tmp_path: Path
) -> None:
    """The last one may have been killed before it could."""
    agent.client.vs_add(servers.service(DOWN))
    servers.shut(1)
    wait(lambda: daemon.engine.resets, PATIENCE_S, "its sessions ended")
    agent.stop()
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd as before")
        wait(lambda: len(daemon.engine.resets) == 2, PATIENCE_S, "once more")
        assert resets(daemon)[0] == resets(daemon)[1]


def test_which_are_to_end() -> None:
    """Those that slbd has at weight 0, and the desired state has not."""
    rs = [Endpoint.parse(f"10.10.0.{n}:80") for n in range(1, 5)]
    wanted = Service(key(1), rs=tuple(RealServer(one, n) for n, one in enumerate(rs)), health=DOWN)
    has = Service(key(1), rs=tuple(RealServer(one, 0) for one in rs[:3]))
    assert to_reset([wanted], [has]) == {Reset(key(1), rs[1]), Reset(key(1), rs[2])}
    assert to_reset([replace(wanted, health=FAST)], [has]) == set()
    assert to_reset([wanted], []) == to_reset([], [has]) == set()


@pytest.fixture(autouse=True)
def no_reset_left(daemon: FakeDaemon) -> Iterator[None]:
    """Each test begins with none."""
    assert daemon.engine.resets == []
    yield

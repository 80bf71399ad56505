# SPDX-License-Identifier: BSD-3-Clause
"""What one client may take of slb-agent, and the record of who did what."""

import contextlib
import json
import logging
import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import pytest
from unit.agent_values import key, service
from unit.fake_daemon import FakeDaemon
from unit.running_agent import PATIENCE_S, RunningAgent
from unit.secure_agent import OPS, VIEWER, Place, ask_on, running

from rig.waiting import wait
from slb.agent import passed
from slb.agent.access import Identity
from slb.agent.limits import Buckets
from slb.api.idle import Idle
from slb.api.tokens import new_token
from slb.errors import BadRequest, SlbError, TooMany
from slb.model.agent_config import Limits
from slb.model.desired import Delta, Snapshot
from slb.model.endpoint import VsKey
from slb.model.reset import Reset
from slb.model.service import Service

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture", "unit.secure_fixture"]

NEW = {"vs": "10.96.0.7:80/tcp", "rs": [{"rs": "10.10.0.1:8080"}]}


def test_a_bucket_for_each_name(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    buckets = Buckets(lambda: now)
    limits = Limits(requests_per_s=2, burst=3)
    for _ in range(3):
        buckets.take("a", limits, "x")
    with pytest.raises(TooMany, match="a asks more than 2 times a second; try again in 1 s"):
        buckets.take("a", limits, "y")
    buckets.take("b", limits, "x")
    now = 0.5
    buckets.take("a", limits, "x")
    with pytest.raises(TooMany):
        buckets.take("a", limits, "x")
    lines = [one.getMessage() for one in caplog.records]
    assert lines == ["a asks more than 2 times a second, now from y"], "no more than one"


def test_who_asks_too_often(
    place: Place, daemon: FakeDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    place.write(limits={"requests_per_s": 1, "burst": 2})
    with running(place, daemon.socket):
        token = place.tokens["viewer"]
        assert [place.ask("GET", "/vs", token=token).status for _ in range(2)] == [200, 200]
        refused = place.ask("GET", "/vs", token=token)
        assert (refused.status, refused.body["error"]["code"]) == (429, "too_many")
        assert refused.headers["Retry-After"] == "1"
        assert place.ask("GET", "/vs", token=place.tokens["operator"]).status == 200
        unknown = [place.ask("GET", "/vs", token=new_token()).status for _ in range(3)]
        assert unknown == [401, 401, 429]
    for who in ("token viewer", "nobody known"):
        assert f"{who} asks more than 1 times a second, now from 127.0.0.1 port " in caplog.text


def test_who_asks_too_often_over_the_unix_socket(
    place: Place, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is in its group, but not root; without an agent.yaml by the defaults."""

    def is_now(uid: int) -> None:
        who = Identity(f"uid {uid}", pid=7, uid=uid)
        monkeypatch.setattr("slb.agent.access.of_socket", lambda _: who)

    place.write(limits={"requests_per_s": 1, "burst": 2})
    with running(place, daemon.socket) as agent:
        is_now(0)
        for _ in range(10):
            assert agent.client.vs_list() == []
        is_now(1000)
        with pytest.raises(SlbError, match="uid 1000 asks more than 1 times a second; try again"):
            for _ in range(100):
                agent.client.vs_list()
        is_now(1001)
        assert agent.client.vs_list() == []
    monkeypatch.setattr("slb.agent.agent.Limits", lambda: Limits(requests_per_s=2, burst=2))
    with (
        RunningAgent(place.folder, daemon.socket) as other,
        pytest.raises(SlbError, match="uid 1001 asks more than 2 times a second"),
    ):
        for _ in range(100):
            other.client.vs_list()


def test_more_connections_than_may_be_open(
    place: Place, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are still at the handshake count, and the first of them makes room."""
    monkeypatch.setattr("slb.agent.tcp.NEEDED_S", 0)
    place.write(limits={"connections": 2})
    with running(place, daemon.socket), contextlib.ExitStack() as stack:
        mute = [
            stack.enter_context(socket.create_connection(("127.0.0.1", place.port), 10))
            for _ in range(2)
        ]
        used = stack.enter_context(contextlib.closing(place.connect()))
        assert ask_on(used, "GET", "/vs").status == 401
        assert mute[0].recv(1) == b"", "it is closed by the agent"
        assert place.ask("GET", "/vs").status == 401
        assert mute[1].recv(1) == b"", "and then the other one"
        assert ask_on(used, "GET", "/vs").status == 401


def test_who_idles_makes_room(
    place: Place, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slb.api.idle.LOOK_S", 0.05)
    place.write(limits={"connections": 1})
    with running(place, daemon.socket), contextlib.closing(place.connect()) as used:
        assert ask_on(used, "GET", "/vs").status == 401
        wait(lambda: _answers(place), PATIENCE_S, "room for another connection")
        assert used.sock.recv(1) == b"", "it is closed by the agent"


def test_who_idles_makes_room_before_who_is_about_to_ask(
    place: Place,
    daemon: FakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else whoever comes, and comes again, would keep all others from their handshake's end."""
    made: list[Idle] = []

    class Seen(Idle):
        def __init__(self, patience_s: Callable[[], float]) -> None:
            super().__init__(patience_s)
            made.append(self)

    monkeypatch.setattr("slb.agent.tcp.Idle", Seen)
    monkeypatch.setattr("slb.agent.tcp.NEEDED_S", 60)
    monkeypatch.setattr("slb.api.idle.LOOK_S", 0.05)
    place.write(limits={"connections": 3})
    at = ("127.0.0.1", place.port)
    with running(place, daemon.socket), contextlib.ExitStack() as stack:
        used = [stack.enter_context(contextlib.closing(place.connect())) for _ in range(3)]
        for connection in used:
            assert ask_on(connection, "GET", "/vs").status == 401
        wait(lambda: len(made[0]._since) == 3, PATIENCE_S, "a look at those that idle")
        raw = [stack.enter_context(socket.create_connection(at, 10)) for _ in range(2)]
        context = place.context()
        for connection in raw:
            tls = stack.enter_context(context.wrap_socket(connection, server_hostname="127.0.0.1"))
            tls.sendall(b"GET /v1/vs HTTP/1.1\r\nHost: x\r\n\r\n")
            assert tls.recv(20).startswith(b"HTTP/1.1 401")
    assert caplog.text.count("3 connections are open; one that idles ends for each") == 2


def test_where_all_are_busy_one_more_is_refused(place: Place, daemon: FakeDaemon) -> None:
    """As with readers of events."""
    place.write(limits={"connections": 1})
    with running(place, daemon.socket), contextlib.closing(place.connect()) as reader:
        token = {"Authorization": f"Bearer {place.tokens['viewer']}"}
        reader.request("GET", "/v1/events", headers=token)
        assert reader.getresponse().status == 200
        with pytest.raises(OSError):
            place.ask("GET", "/vs")


def test_agent_yaml_without_tls_any_more(
    place: Place, daemon: FakeDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    """It listens until it is started again, but nobody gets a connection."""
    caplog.set_level(logging.INFO)
    with running(place, daemon.socket) as agent:
        assert _answers(place)
        place.config.write_text("{}\n")
        assert agent.secure is not None and agent.secure.expires is not None
        wait(lambda: agent.secure and agent.secure.context is None, PATIENCE_S, "it is read")
        assert agent.secure.expires is None, "of no certificate's end is told"
        for _ in range(3):
            with pytest.raises(OSError):
                place.ask("GET", "/vs")
    lines = [one.getMessage() for one in caplog.records if "has no tls" in one.getMessage()]
    assert 1 <= len(lines) <= 3 and all("no connection: " in line for line in lines)
    assert [one for one in caplog.records if one.name == "asyncio" and one.exc_info] == []


def test_a_request_that_never_ends(
    place: Place, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slb.api.idle.LOOK_S", 0.05)
    place.write(limits={"idle_s": 1})
    with running(place, daemon.socket), contextlib.closing(place.connect()) as connection:
        connection.connect()
        connection.sock.sendall(b"GET /v1/vs HTTP/1.1\r\nHost: ")
        assert connection.sock.recv(1) == b"", "it is closed by the agent"


def test_the_record_of_changes(
    place: Place, secure: RunningAgent, caplog: pytest.LogCaptureFixture
) -> None:
    ops, viewer = place.client("ops", OPS), place.client("viewer", VIEWER)
    with caplog.at_level(logging.DEBUG):
        place.ask("POST", "/vs?base=1", NEW, pair=ops)
        place.ask("POST", "/vs", NEW, pair=ops)
        place.ask("POST", "/rollback", {}, pair=viewer)
        place.ask("GET", "/vs", pair=viewer)
        snapshot = {"owner": "controller", "epoch": 1, "generation": 1, "services": []}
        place.ask("PUT", "/state", snapshot, token=place.tokens["operator"])
        place.ask("GET", "/vs", token=new_token())
        secure.client.vs_add(Service(VsKey.parse("10.96.0.8:80/tcp")))
        secure.client.workers_set(1)
    lines = [json.loads(one.message) for one in caplog.records if one.name == "slb.audit"]
    told = [(line["who"], line["method"], line["path"], line["owner"]) for line in lines]
    assert told == [
        (OPS, "POST", "/v1/vs", "operator"),
        (OPS, "POST", "/v1/vs", "operator"),
        (VIEWER, "POST", "/v1/rollback", None),
        ("token operator", "PUT", "/v1/state", "controller"),
        (None, "GET", "/v1/vs", None),
        (f"uid {os.getuid()}", "POST", "/v1/vs", "operator"),
        (f"uid {os.getuid()}", "PATCH", "/v1/workers", "operator"),
    ]
    done = [(line["before"], line["after"], line["status"], line["code"]) for line in lines]
    assert done == [
        (1, 2, 201, None),
        (2, None, 409, "duplicate"),
        (None, None, 403, "forbidden"),
        (None, None, 403, "forbidden"),
        (None, None, 401, "unauthorized"),
        (2, 3, 201, None),
        (None, None, 200, None),
    ]
    assert [line["change"] for line in lines] == [
        "+ vs 10.96.0.7:80/tcp",
        "+ vs 10.96.0.7:80/tcp",
        None,
        None,
        None,
        "+ vs 10.96.0.8:80/tcp",
        "workers 1",
    ]
    assert lines[5]["pid"] == os.getpid() and lines[0]["from"].startswith("127.0.0.1 port ")
    assert not _secrets(place, caplog.text)


def test_what_was_asked_for(agent: RunningAgent, caplog: pytest.LogCaptureFixture) -> None:
    """Of each kind of change, as history has it where it does; fields of the journal's, too."""
    ask, one, added = agent.client, service(1, 1), IPv4Address("198.18.0.7")
    with caplog.at_level(logging.INFO, "slb.audit"):
        ask.apply([one, service(2)], dry_run=True)
        ask.apply([one, service(2)], confirm_s=60)
        ask.confirm()
        ask.apply([one])
        ask.rollback(1)
        ask.state_put(Snapshot("controller", 3, 1, (service(7),)))
        ask.state_patch(Delta("controller", 3, 1, 2, (service(7, 1),)))
        ask.owner_del("controller", with_vs=True)
        told = [row.change for row in ask.history()][::-1]
        ask.laddr_add("lan0", [added])
        ask.laddr_del(added)
        ask.workers_set(1, end=True)
        ask.session_reset(Reset(key(1)))
        ask.session_reset(*(Reset(key(1), rs.rs) for rs in ask.export().services[0].rs))
        with pytest.raises(BadRequest):
            ask.workers_set(99)
        ask.ospf_restart()
    lines = [one for one in caplog.records if one.name == "slb.audit"]
    asked = [json.loads(line.message)["change"] for line in lines]
    assert asked == [
        "apply 2 VS, dry run",
        "apply 2 VS, to be confirmed within 60 s",
        "confirmed",
        "apply 1 VS",
        "rolled back to 1",
        "snapshot 1 of epoch 3",
        "delta 2 of epoch 3",
        "- owner controller",
        "+ laddr 198.18.0.7 port 'lan0'",
        "- laddr 198.18.0.7",
        "workers 1, sessions of the others end",
        f"sessions reset {key(1)}",
        f"sessions reset {key(1)} 10.10.0.1:8080, {key(1)} 10.10.0.2:8080",
        None,
        "ospf restart",
    ]
    assert told[1:] == ["apply 2 VS", *asked[2:8]]
    assert [getattr(line, "fields", {})["change"] for line in lines] == asked


def test_a_long_list_is_cut() -> None:
    many = [Reset(key(n)) for n in range(1, 41)]
    assert passed.reset(many).endswith(f", {key(8)} and 32 more")


def test_who_made_a_version(place: Place, secure: RunningAgent, daemon: FakeDaemon) -> None:
    """By whichever way he came; also after a start."""
    place.ask("POST", "/vs", NEW, pair=place.client("ops", OPS))
    secure.client.vs_add(Service(VsKey.parse("10.96.0.8:80/tcp")))
    before = secure.client.history()
    secure.stop()
    with running(place, daemon.socket) as again:
        assert again.client.history() == before
    local, remote, first = before
    assert (local.who, local.peer) == (f"uid {os.getuid()}", f"pid {os.getpid()}")
    assert remote.who == OPS and remote.peer.startswith("127.0.0.1 port ")
    assert (first.who, first.peer) == ("slb-agent", "")


def _answers(place: Place) -> bool:
    with contextlib.suppress(OSError):
        return place.ask("GET", "/vs").status == 401
    return False


def _secrets(place: Place, text: str) -> list[Any]:
    return [token for token in place.tokens.values() if token in text or token[4:] in text]

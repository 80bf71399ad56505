# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent with checks of real servers: what is down gets no new sessions, and comes back.

No RS may have an address of loopback, so every check is made there instead, at the same port.
"""

import errno
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit.agent_values import key
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent, at_rest
from unit.slbctl_run import failure, slbctl

from rig.waiting import wait
from slb.api.client import Client
from slb.errors import BadRequest, UnknownVs
from slb.health.kinds import PROBES
from slb.health.probe import Waiting
from slb.health.target import Target
from slb.model.desired import Snapshot
from slb.model.endpoint import Endpoint
from slb.model.health import Check, CommandCheck, HttpCheck, TcpCheck
from slb.model.service import RealServer, Service

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

FAST = TcpCheck(interval_s=0.1, timeout_s=0.1, rise=2, fall=2)
LOOPBACK = IPv4Address("127.0.0.1")


class Servers:
    """Real servers 10.10.0.1 and on, each at a port of loopback, which can be shut and opened."""

    def __init__(self, count: int) -> None:
        self._sockets = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(count)]
        ports = [one.getsockname()[1] for one in self._sockets]
        self.rs = [Endpoint(IPv4Address(f"10.10.0.{n}"), p) for n, p in enumerate(ports, start=1)]

    def shut(self, *numbers: int) -> None:
        """Have connections to these refused."""
        for number in numbers:
            self._sockets[number].close()

    def open(self, number: int) -> None:
        """Have them taken again."""
        port = self.rs[number].port
        self._sockets[number] = socket.create_server(("127.0.0.1", port), backlog=64)

    def service(self, check: Check, number: int = 2) -> Service:
        """The VS of all of them, with that check; the weights are 1, 2, 3 …"""
        real = tuple(RealServer(rs, n) for n, rs in enumerate(self.rs, start=1))
        return Service(key(number), "wrr", real, health=check)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    """Four of them."""
    for kind, probe in list(PROBES.items()):

        def moved(target: Target, probe=probe) -> Waiting:
            return probe(Target(Endpoint(LOOPBACK, target.at.port), target.check))

        monkeypatch.setitem(PROBES, kind, moved)
    made = Servers(4)
    yield made
    made.shut(*range(4))


def weights(daemon: FakeDaemon, number: int = 2) -> list[int]:
    """The weights that slbd has, by RS."""
    found = daemon.services[str(key(number))][1]
    return [found[rs] for rs in sorted(found, key=Endpoint.parse)]


def one_out(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """Have the VS with its checks, and the second of its RS down and out."""
    agent.client.vs_add(servers.service(FAST))
    servers.shut(1)
    wait(lambda: weights(daemon) == [1, 0, 3, 4], PATIENCE_S, "it is out")


def states(agent: RunningAgent) -> list[tuple[str, str]]:
    """What the agent tells of each RS."""
    return [(row.state, row.effect) for row in agent.client.health(key(2))]


def with_weight_and_out(agent: RunningAgent) -> tuple[str, int, int]:
    """What the status has of the VS: how slbd has it, and of its RS those with weight, and out."""
    rows = agent.client.status(services=True).services or ()
    (row,) = (row for row in rows if row.vs == str(key(2)))
    return row.slbd, row.rs_with_weight, row.rs_out


def test_down_and_back(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """By one small transaction each; the desired state stays as it is."""
    agent.client.vs_add(servers.service(FAST))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    kept, before = agent.client.state(digest=True), len(daemon.engine.commits)
    servers.shut(1)
    wait(lambda: weights(daemon) == [1, 0, 3, 4], PATIENCE_S, "no weight for what is down")
    row = agent.client.health(key(2))[1]
    assert (row.state, row.effect, row.reason) == ("down", "out", "connection refused")
    wait(lambda: with_weight_and_out(agent) == ("applied", 4, 1), PATIENCE_S, "word of one out")
    assert f"{key(2)} operator applied 2 4 4 1" in slbctl(agent.socket, "services").lines
    servers.open(1)
    wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "its weight again")
    wait(lambda: with_weight_and_out(agent) == ("applied", 4, 0), PATIENCE_S, "word of none out")
    ops = [[str(op) for op in commit] for commit in daemon.engine.commits[before:]]
    vs, rs = key(2), servers.rs[1]
    assert ops == [[f"~ rs {vs} {rs} weight 2 -> 0"], [f"~ rs {vs} {rs} weight 0 -> 2"]]
    status = agent.client.status()
    assert (agent.client.state(digest=True), status.slbd, status.mended) == (kept, "applied", 0)


def test_a_port_of_the_check(agent: RunningAgent, servers: Servers) -> None:
    """What is found there tells, whatever is at the RS's own."""
    servers.shut(0, 1, 2)
    agent.client.vs_add(servers.service(replace(FAST, port=servers.rs[3].port)))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    servers.shut(3)
    wait(lambda: {state for state, _ in states(agent)} == {"down"}, PATIENCE_S, "all down")


def test_no_more_than_the_share(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """Half of four: those that went down first."""
    agent.client.vs_add(servers.service(FAST))
    for number in (3, 1):
        servers.shut(number)
        wait(lambda n=number: weights(daemon)[n] == 0, PATIENCE_S, "it is out")
    servers.shut(0)
    wait(lambda: states(agent)[0] == ("down", "capped"), PATIENCE_S, "one too many")
    assert weights(daemon) == [1, 0, 3, 0]
    servers.open(3)
    wait(lambda: weights(daemon) == [0, 0, 3, 4], PATIENCE_S, "its turn")


def test_drain_takes_it_away(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """So that slbd ends its sessions as those of a removed RS."""
    agent.client.vs_add(servers.service(replace(FAST, down="drain")))
    servers.shut(0)
    wait(lambda: weights(daemon) == [2, 3, 4], PATIENCE_S, "it is gone")
    servers.open(0)
    wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "it is back")


def test_two_vs_share_a_check(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each RS is checked once, and what is found takes it out of both, and is told of both."""
    checked = set[Target]()
    probe = PROBES["tcp"]

    def noted(target: Target) -> Waiting:
        checked.add(target)
        return probe(target)

    def told(kind: str) -> set[tuple[object, object]]:
        every = agent.client.events(0, follow=False)
        return {(one.data["vs"], one.data["rs"]) for one in every if one.kind == kind}

    monkeypatch.setitem(PROBES, "tcp", noted)
    # What the effect is makes no other check.
    other = replace(FAST, max_ejected_percent=60)
    agent.client.apply([servers.service(FAST), servers.service(other, 3)])
    both = {(str(key(number)), str(servers.rs[1])) for number in (2, 3)}
    servers.shut(1)
    for number in (2, 3):
        wait(lambda n=number: weights(daemon, n) == [1, 0, 3, 4], PATIENCE_S, "out of both")
    wait(lambda: told("rs_down") == both, PATIENCE_S, "told of both")
    status = agent.client.status()
    assert (status.rs_checked, status.rs_down) == (8, 2)
    agent.client.vs_del(key(2))
    servers.open(1)
    wait(lambda: weights(daemon, 3) == [1, 2, 3, 4], PATIENCE_S, "the other's is back")
    wait(lambda: told("rs_up") == both - {(str(key(2)), str(servers.rs[1]))}, PATIENCE_S, "told")
    assert sorted(target.at for target in checked) == servers.rs


def test_a_change_of_what_is_down(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers
) -> None:
    """It is stored, and holds when the RS is back; other changes go on as ever."""
    ask = agent.client
    ask.vs_add(servers.service(FAST))
    servers.shut(1)
    wait(lambda: weights(daemon)[1] == 0, PATIENCE_S, "it is out")
    ask.rs_edit(key(2), servers.rs[1], 9)
    ask.rs_edit(key(2), servers.rs[0], 5)
    assert weights(daemon) == [5, 0, 3, 4]
    servers.open(1)
    wait(lambda: weights(daemon) == [5, 9, 3, 4], PATIENCE_S, "its new weight")


def test_slbd_changed_beside_it(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """What is mended is what slbd should have, without what is down."""
    agent.client.vs_add(servers.service(FAST))
    servers.shut(1)
    wait(lambda: weights(daemon)[1] == 0, PATIENCE_S, "it is out")
    daemon.engine.tables.pop(key(2))
    daemon.engine.commits.append([])
    wait(lambda: str(key(2)) in daemon.services, PATIENCE_S, "the VS again")
    assert weights(daemon) == [1, 0, 3, 4]
    assert agent.client.status().mended == 1


def test_without_checks_again(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """What was down counts as up; the change is shown, and can be rolled back."""
    ask = agent.client
    with_checks = servers.service(FAST)
    assert ask.apply([with_checks]).plan[-1] == (
        f"~ vs {key(2)} health none -> tcp interval_s 0.1 timeout_s 0.1 fall 2"
    )
    servers.shut(1)
    wait(lambda: weights(daemon)[1] == 0, PATIENCE_S, "it is out")
    bare = Service(with_checks.vs, "wrr", with_checks.rs)
    assert len(ask.apply([bare]).plan) == 1
    wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "all in")
    assert ask.health() == []
    assert ask.rollback().plan[0].startswith(f"~ vs {key(2)} health none -> tcp")
    wait(lambda: weights(daemon)[1] == 0, PATIENCE_S, "it is out again")


def test_a_restart_begins_with_all(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, tmp_path: Path
) -> None:
    """The state on disk has the checks; nothing is down until it is proved."""
    agent.client.vs_add(servers.service(replace(FAST, interval_s=5)))
    agent.stop()
    servers.shut(0, 1, 2, 3)
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd as before")
        assert {state for state, _ in states(again)} <= {"unknown"}
        assert weights(daemon) == [1, 2, 3, 4]


@pytest.mark.parametrize("down", ["keep", "drain"])
def test_what_was_down_stays_so(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, tmp_path: Path, down: str
) -> None:
    """The next agent finds it out in slbd, makes no transaction, and lets it in when it is good."""
    agent.client.vs_add(servers.service(replace(FAST, down=down)))
    servers.shut(1)
    left = [1, 0, 3, 4] if down == "keep" else [1, 3, 4]
    wait(lambda: weights(daemon) == left, PATIENCE_S, "it is out")
    agent.stop()
    before = len(daemon.engine.commits)
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd as before")
        wait(lambda: states(again)[1] == ("down", "out"), PATIENCE_S, "it is known")
        assert len(daemon.engine.commits) == before
        servers.open(1)
        wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "it is back")


def test_a_check_that_this_host_may_not_make(
    agent: RunningAgent, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As icmp, where the kernel does not allow it: nobody must take that for health."""
    allowed = PROBES["tcp"]

    def refused(target: Target) -> Waiting:
        raise PermissionError(errno.EACCES, "socket")
        yield

    monkeypatch.setitem(PROBES, "tcp", refused)
    agent.client.vs_add(servers.service(FAST))
    wait(lambda: agent.client.status().rs_silent == 4, PATIENCE_S, "all say nothing")
    row = agent.client.health(key(2))[0]
    assert (row.state, row.effect) == ("unknown", "in")
    assert row.reason == "not checked: permission denied"
    status = slbctl(agent.socket, "status", "--over", "0.05").lines
    assert "- checks of 4 of 4 RS say nothing: permission denied" in status
    monkeypatch.setitem(PROBES, "tcp", allowed)
    wait(lambda: agent.client.status().rs_silent == 0, PATIENCE_S, "checks again")
    assert agent.client.status().silent_reason == ""


def test_slbd_itself_makes_none(daemon: FakeDaemon, agent: RunningAgent, servers: Servers) -> None:
    with pytest.raises(BadRequest, match=r"^services\[0\]\.health: slbd makes no health checks"):
        Client(str(daemon.socket)).apply([servers.service(FAST)])
    with pytest.raises(UnknownVs):
        agent.client.health(key(9))


def test_slbctl_shows_it(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    assert slbctl(agent.socket, "health").out.startswith("no RS is checked")
    agent.client.vs_add(servers.service(FAST))
    servers.shut(1)
    wait(lambda: states(agent)[1] == ("down", "out"), PATIENCE_S, "it is out")
    wait(lambda: states(agent)[0] == ("up", "in"), PATIENCE_S, "the others are up")
    lines = slbctl(agent.socket, "health", str(key(2))).lines
    assert lines[0] == "VS RS CHECK STATE NEW SESSIONS SINCE LATENCY LAST FAILURE"
    assert "down no" in lines[2] and lines[2].endswith("connection refused")
    assert lines[-1] == "4 RS, 1 down, 3 up"
    status = slbctl(agent.socket, "status", "--over", "0.05").lines
    assert "- 1 of 4 RS that are checked are down" in status and "next: slbctl health" in status
    assert "health 1 of 4 RS that are checked are down" in status
    rows = slbctl(agent.socket, "rs", "list").lines
    assert " STATE HEALTH " in rows[0]
    assert "draining down: connection refused" in next(r for r in rows if str(servers.rs[1]) in r)
    assert " serving - " in next(r for r in rows if FIRST in r)
    assert "HEALTH" not in slbctl(daemon.socket, "rs", "list").out


def test_who_may_have_programs_run(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, tmp_path: Path
) -> None:
    """Nobody unless the agent was told where they are, and then the operator alone."""
    service = servers.service(CommandCheck(program="true", interval_s=0.1, timeout_s=0.1, fall=1))
    with pytest.raises(BadRequest, match="needs slb-agent to be started with --check-programs DIR"):
        agent.client.vs_add(service)
    agent.stop()
    with RunningAgent(tmp_path, daemon.socket, check_programs="/bin") as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd as before")
        with pytest.raises(BadRequest, match="is for the operator's VS alone"):
            again.client.state_put(Snapshot("controller", 1, 1, (service,)))
        failing = CommandCheck(program="false", interval_s=0.5, timeout_s=0.5, fall=1)
        again.client.vs_add(replace(service, health=failing))
        wait(lambda: weights(daemon).count(0) == 2, PATIENCE_S, "as many as may be out")


def test_checks_that_end(
    agent: RunningAgent, daemon: FakeDaemon, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect ends them: all RS are in again, and the checks begin anew after a while."""
    monkeypatch.setattr("slb.agent.health.AGAIN_S", 0.2)
    agent.client.vs_add(servers.service(FAST))
    servers.shut(1)
    wait(lambda: weights(daemon)[1] == 0, PATIENCE_S, "it is out")
    working = PROBES.pop("tcp")
    wait(lambda: weights(daemon) == [1, 2, 3, 4], PATIENCE_S, "all in")
    wait(lambda: agent.client.status().checks_stopped, PATIENCE_S, "the word of it")
    monkeypatch.setitem(PROBES, "tcp", working)
    wait(lambda: weights(daemon)[1] == 0, PATIENCE_S, "it is out again")
    assert not agent.client.status().checks_stopped


def test_checks_that_hang(
    agent: RunningAgent,
    daemon: FakeDaemon,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who is out stays out, and it is told of."""
    monkeypatch.setattr("slb.health.prober.HANGS_S", 0.3)
    agent.client.vs_add(servers.service(FAST))
    servers.shut(1)
    wait(lambda: weights(daemon)[1] == 0, PATIENCE_S, "it is out")
    over = threading.Event()
    working = PROBES["tcp"]

    def hanging(target: Target) -> Waiting:
        over.wait(PATIENCE_S)
        return working(target)

    monkeypatch.setitem(PROBES, "tcp", hanging)
    try:
        wait(lambda: agent.client.status().checks_stopped, PATIENCE_S, "the word of it")
        wait(lambda: "the checks hang: RS stay as" in caplog.text, PATIENCE_S, "also in the log")
        assert weights(daemon)[1] == 0
    finally:
        over.set()
    wait(lambda: not agent.client.status().checks_stopped, PATIENCE_S, "they go on")
    wait(lambda: "the checks go on" in caplog.text, PATIENCE_S, "the word of that")


def test_slbctl_gives_and_takes_checks(agent: RunningAgent, daemon: FakeDaemon) -> None:
    words = "http,path=/healthz,status=200,status=301-302,interval_s=0.5,timeout_s=0.5,rise=1"
    done = slbctl(agent.socket, "vs", "edit", FIRST, "--health", words)
    assert done.out == f"VS {FIRST} changed, health http (generation 2)\n"
    (service,) = agent.client.export().services
    assert service.health == HttpCheck(
        path="/healthz", status=("200", "301-302"), interval_s=0.5, timeout_s=0.5, rise=1
    )
    assert slbctl(agent.socket, "vs", "edit", FIRST, "--no-health").status == 0
    assert "health" not in slbctl(agent.socket, "export").out
    added = ("vs", "add", str(key(5)), "--health", "tcp,port=81")
    assert slbctl(agent.socket, *added).out.startswith(f"VS {key(5)} added, rr, health tcp, 0 RS")
    assert "slbd makes no health checks" in failure(
        slbctl(daemon.socket, "vs", "edit", FIRST, "--health", "tcp"), 1
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("ping", "'ping' is no type; known: tcp, http"),
        ("tcp,fall", "'fall' is no KEY=VALUE"),
        ("tcp,fall=x", "fall: "),
        ("tcp,colour=1", "tcp: Object contains unknown field `colour`"),
        ("dns", "dns: Object missing required field `name`"),
    ],
)
def test_slbctl_knows_what_is_no_check(tmp_path: Path, words: str, sentence: str) -> None:
    done = slbctl(tmp_path / "nobody", "vs", "edit", FIRST, "--health", words)
    assert (done.status, done.out) == (2, "") and sentence in done.err

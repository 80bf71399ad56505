# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent between its clients, its disk and slbd: changes, restarts, divergence."""

import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit.agent_values import key, service, state
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent, at_rest
from unit.slbctl_run import failure, slbctl

from rig.waiting import wait
from slb.agent.agent import FORWARD_S
from slb.agent.store import Store
from slb.api.client import Client, ErrorBody
from slb.api.unix_http import exchange
from slb.errors import (
    BadRequest,
    ConfigError,
    Conflict,
    Duplicate,
    Full,
    NotFound,
    NotReady,
    NotStored,
    OtherOwner,
    UnknownRs,
    UnknownVs,
)
from slb.model import codec
from slb.model.desired import Delta, Snapshot, digest
from slb.model.endpoint import Endpoint, VsKey
from slb.model.service import RealServer, Service, VsEdit
from slbctl.root import TIMEOUT_S

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

RS = Endpoint.parse("10.10.0.1:8080")
K8S = "controller"


def there(daemon: FakeDaemon) -> set[str]:
    """The VS that the engine has."""
    return set(daemon.services)


def kept(agent: RunningAgent) -> list[int]:
    """The generations on disk."""
    return [row.generation for row in agent.client.history()]


def test_what_slbd_had_is_taken_over(agent: RunningAgent, daemon: FakeDaemon) -> None:
    exported = agent.client.export()
    assert [str(one.vs) for one in exported.services] == [FIRST]
    assert daemon.engine.commits == [[]], "slbd was not changed for it"
    (first,) = agent.client.history()
    assert (first.generation, first.owner, first.change) == (1, "operator", "taken over from slbd")


def test_every_change_of_a_vs_and_an_rs(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """As of slbd, each answers with a generation, here the agent's."""
    ask, vs = agent.client, key(2)
    assert ask.vs_add(service(2, 1)).generation == 2
    assert ask.rs_add(vs, RealServer(Endpoint.parse("10.10.0.5:80"), 4)).generation == 3
    assert ask.rs_edit(vs, RS, 7).generation == 4
    assert ask.vs_edit(vs, VsEdit(scheduler="sh")).generation == 5
    assert daemon.services[str(vs)] == ("sh", {"10.10.0.1:8080": 7, "10.10.0.5:80": 4})
    assert ask.rs_del(vs, RS).generation == 6
    assert daemon.services[str(vs)] == ("sh", {"10.10.0.5:80": 4})
    assert ask.vs_del(vs).generation == 7
    assert there(daemon) == {FIRST}
    changes = [row.change for row in ask.history()]
    assert changes[:2] == [f"- vs {vs}", f"- rs {vs} {RS}"]


def test_refusals_are_slbds_own(agent: RunningAgent, daemon: FakeDaemon) -> None:
    ask = agent.client
    with pytest.raises(Duplicate, match=rf"^VS {FIRST} exists already$"):
        ask.vs_add(service(1))
    with pytest.raises(Duplicate, match=rf"^RS {RS} exists already in VS {FIRST}$"):
        ask.rs_add(key(1), RealServer(RS))
    with pytest.raises(UnknownVs, match=r"^VS 10.96.0.9:80/tcp does not exist$"):
        ask.vs_del(key(9))
    with pytest.raises(UnknownRs):
        ask.rs_edit(key(1), Endpoint.parse("10.10.0.9:1"), 1)
    with pytest.raises(BadRequest, match="nothing to change"):
        ask.vs_edit(key(1), VsEdit())
    with pytest.raises(BadRequest, match=r"^VS 10.97.0.1:80/tcp lies in no service subnet"):
        ask.vs_add(Service(VsKey.parse("10.97.0.1:80/tcp")))
    with pytest.raises(BadRequest, match=r"^RS address 10.96.0.7 lies in a service subnet"):
        ask.rs_add(key(1), RealServer(Endpoint.parse("10.96.0.7:80")))
    with pytest.raises(BadRequest, match=r"^services\[1\]\.vs: VS 10.97"):
        ask.apply([service(1), Service(VsKey.parse("10.97.0.1:80/tcp"))])
    assert kept(agent) == [1] and daemon.engine.commits == [[]]
    assert not (agent.state / "new").exists()


def test_one_that_the_engine_refuses_leaves_nothing(
    agent: RunningAgent, daemon: FakeDaemon
) -> None:
    """Full is found by the transaction itself, when the new version is on disk already."""
    before = daemon.services
    with pytest.raises(Full, match="8 VS exist already"):
        agent.client.apply([service(n) for n in range(1, 11)])
    assert (kept(agent), daemon.services) == ([1], before)
    assert len(agent.client.export().services) == 1


def test_dry_run_and_no_change(agent: RunningAgent, daemon: FakeDaemon) -> None:
    plan = agent.client.apply([service(2)], dry_run=True)
    assert plan.plan == [f"- vs {FIRST}", "+ vs 10.96.0.2:80/tcp scheduler wrr"]
    assert agent.client.apply(agent.client.export().services).plan == []
    assert (plan.generation, kept(agent), there(daemon)) == (1, [1], {FIRST})


def test_one_change_is_one_small_transaction(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """Of a large set, slbd is sent no more than what changes."""
    agent.client.apply([service(n, 1, 2, 3) for n in range(1, 8)])
    daemon.requests.clear()
    agent.client.rs_edit(key(3), RS, 9)
    posted = [request for request in daemon.requests if request.startswith("POST")]
    assert posted == ["POST /v1/commit?dry_run=1", "POST /v1/commit"]
    assert [str(op) for op in daemon.engine.commits[-1]] == [f"~ rs {key(3)} {RS} weight 1 -> 9"]


def test_a_change_of_what_was_changed_beside_it(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """The ops do not fit any more, so slbd gets the whole."""
    agent.client.apply([service(1, 1), service(2, 1)])
    daemon.engine.tables.pop(key(2))
    agent.client.rs_edit(key(2), RS, 9)
    assert daemon.services["10.96.0.2:80/tcp"] == ("wrr", {str(RS): 9})


def test_a_change_does_not_hide_one_beside_it(agent: RunningAgent, daemon: FakeDaemon) -> None:
    agent.client.apply([service(1, 1), service(2, 1)])
    daemon.engine.tables.pop(key(2))
    daemon.engine.commits.append([])
    agent.client.rs_edit(key(1), RS, 9)
    wait(lambda: "10.96.0.2:80/tcp" in daemon.services, PATIENCE_S, "the other VS again")


@pytest.mark.parametrize("twice", ["vs", "rs"])
def test_what_is_there_twice(agent: RunningAgent, twice: str) -> None:
    """It would be one for a change, and refused when slbd is started again."""
    rs = RealServer(RS)
    one = Service(key(7), rs=(rs, rs)) if twice == "rs" else service(7)
    with pytest.raises(BadRequest, match="twice"):
        agent.client.state_put(Snapshot(K8S, 1, 1, (one, one) if twice == "vs" else (one,)))
    if twice == "rs":
        with pytest.raises(BadRequest, match="twice"):
            agent.client.vs_add(one)
    assert kept(agent) == [1]


def test_writers_that_do_not_know_of_each_other(agent: RunningAgent) -> None:
    """Two have read generation 1; the second to write is told."""
    one = two = agent.client.status().generation
    agent.client.apply([service(1), service(2)], base=one)
    with pytest.raises(Conflict, match="at generation 2, not 1"):
        agent.client.apply([service(1), service(3)], base=two)
    assert len(agent.client.export().services) == 2


def test_many_writers_at_once(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """Nobody's VS is lost, and a counter that all increase by compare and set is right."""

    def write(number: int) -> int:
        client, tries = Client(str(agent.socket), 20), 0
        client.vs_add(service(number))
        for _ in range(4):
            while True:
                base = client.status().generation
                (first, *others) = client.export().services
                weight = first.rs[0].weight + 1
                more = replace(first, rs=(replace(first.rs[0], weight=weight), *first.rs[1:]))
                tries += 1
                try:
                    client.apply([more, *others], base=base)
                    break
                except Conflict:
                    continue
        return tries

    with ThreadPoolExecutor(5) as pool:
        tries = sum(pool.map(write, range(2, 7)))
    assert there(daemon) == {f"10.96.0.{n}:80/tcp" for n in range(1, 7)}
    assert daemon.services[FIRST][1][str(RS)] == 1 + 5 * 4
    assert tries >= 20


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("PUT", "/v1/state", b"{", 400, "the body is no JSON"),
        ("PUT", "/v1/state", b'{"owner":"k","epoch":1,"generation":1}', 400, "services"),
        (
            "PUT",
            "/v1/state",
            b'{"owner":"K 1","epoch":1,"generation":1,"services":[]}',
            400,
            "owner",
        ),
        (
            "PUT",
            "/v1/state",
            b'{"owner":"k","epoch":-1,"generation":1,"services":[]}',
            400,
            "epoch",
        ),
        ("PATCH", "/v1/state", b'{"owner":"k","wrong":1}', 400, "wrong"),
        ("PUT", "/v1/state?force=1", b"{}", 400, "query: no such key"),
        ("GET", "/v1/state?digest=2", None, 400, "query digest"),
        ("POST", "/v1/apply?confirm_s=0", b'{"services":[]}', 400, "query confirm_s"),
        ("POST", "/v1/apply?base=x", b'{"services":[]}', 400, "query base"),
        ("POST", "/v1/rollback", b'{"generation":-1}', 400, "generation"),
        ("POST", "/v1/rollback", b"", 400, "the body is no JSON"),
        (
            "PUT",
            "/v1/state",
            b'{"owner":"k8s\\n","epoch":1,"generation":1,"services":[],"allow_empty":true}',
            400,
            "owner: Expected `str` matching",
        ),
        ("DELETE", "/v1/state", None, 405, "use GET, PATCH, PUT"),
        ("POST", "/v1/commit", b'{"ops":[]}', 404, "there is no /v1/commit"),
        ("DELETE", "/v1/vs/nonsense", None, 400, "nonsense"),
        ("POST", "/v1/laddr", b"{", 400, "the body is no JSON"),
    ],
)
def test_requests_that_cannot_be(
    agent: RunningAgent,
    daemon: FakeDaemon,
    method: str,
    path: str,
    body: bytes | None,
    status: int,
    sentence: str,
) -> None:
    answer = exchange(str(agent.socket), method, path, body, 10)
    error = codec.decode(answer.body, ErrorBody).error
    assert (answer.status, sentence in error.message) == (status, True), answer
    assert kept(agent) == [1] and there(daemon) == {FIRST}


def test_slbd_itself_does_not_take_what_it_would_not_heed(daemon: FakeDaemon) -> None:
    client = Client(str(daemon.socket))
    for words in ({"base": 1}, {"confirm_s": 60}):
        with pytest.raises(BadRequest, match="query: no such key"):
            client.apply([], **words)  # type: ignore[arg-type]


def test_an_agent_started_again_changes_nothing(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon
) -> None:
    agent.client.vs_add(service(2, 1))
    agent.stop()
    commits = list(daemon.engine.commits)
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: at_rest(again), PATIENCE_S, "slbd compared")
        assert again.client.status().generation == 2
    assert daemon.engine.commits == commits


def test_a_new_slbd_gets_everything_by_one_transaction(tmp_path: Path) -> None:
    socket = tmp_path / "slbd.sock"
    with RunningAgent(tmp_path, socket) as agent:
        with FakeDaemon(socket) as daemon:
            wait(lambda: at_rest(agent), PATIENCE_S, "slbd's first answer")
            agent.client.vs_add(service(2, 1, 2))
            wanted = daemon.services
        wait(lambda: agent.client.status().slbd == "unreachable", PATIENCE_S, "slbd's absence")
        with pytest.raises(NotReady, match=r"no slbd at .*; nothing has changed"):
            agent.client.vs_add(service(3))
        with FakeDaemon(socket) as reborn:
            wait(lambda: reborn.services == wanted, PATIENCE_S, "the services of before")
            assert len(reborn.engine.commits) == 1
            wait(lambda: at_rest(agent), PATIENCE_S, "the agent's rest")
            assert agent.client.status().mended == 0


def test_what_is_changed_beside_it_is_mended(
    agent: RunningAgent, daemon: FakeDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    beside = Client(str(daemon.socket))
    beside.vs_del(key(1))
    beside.vs_add(service(5))
    wait(lambda: there(daemon) == {FIRST}, PATIENCE_S, "the desired state again")
    wait(lambda: agent.client.status().mended == 1, PATIENCE_S, "the count of it")
    text = "\n".join(caplog.messages)
    assert "slbd was changed beside us; mended, 4 changes:" in text
    assert "- vs 10.96.0.5:80/tcp" in text
    beside.vs_add(service(5))
    wait(lambda: agent.client.status().mended == 2, PATIENCE_S, "the count of both")
    assert "slbd was changed beside us; mended, 1 change:" in caplog.messages


def test_why_slbd_does_not_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, and once more whenever it is for another reason."""
    path = tmp_path / "slbd.sock"

    def said() -> list[str]:
        lines = [line for line in caplog.messages if line.startswith("no slbd at ")]
        return [line.removeprefix(f"no slbd at {path}: ").partition(";")[0] for line in lines]

    with RunningAgent(tmp_path, path):
        wait(lambda: said() == ["no such socket"], PATIENCE_S, "the first reason")
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(str(path))
        wait(lambda: len(said()) == 2, PATIENCE_S, "another one")
        path.unlink()
        wait(lambda: len(said()) == 3, PATIENCE_S, "and the first again")
    assert said() == ["no such socket", "nobody listens there", "no such socket"]


def test_a_set_that_slbd_refuses_is_told(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon
) -> None:
    """Of one that it has, it keeps what it has."""
    agent.stop()
    gone = Service(VsKey.parse("10.97.0.1:80/tcp"))
    daemon.add(str(gone.vs))
    store = Store(agent.state)
    store.save(state(2, gone))
    store.note_applied(2)
    store.close()
    with RunningAgent(tmp_path, daemon.socket) as again:
        wait(lambda: again.client.status().slbd == "refused", PATIENCE_S, "the refusal")
        assert "lies in no service subnet" in again.client.status().reason
        assert there(daemon) == {FIRST, str(gone.vs)}
        again.client.apply([service(1)])
        wait(lambda: at_rest(again), PATIENCE_S, "one that it takes")


def test_what_a_new_slbd_refuses_is_left_out(tmp_path: Path) -> None:
    """Its subnet is gone from slb.yaml, say; the others are served, and may be changed."""
    socket, gone = tmp_path / "slbd.sock", VsKey.parse("10.97.0.1:80/tcp")
    store = Store(tmp_path / "state")
    store.save(state(1, service(1, 1), Service(gone), service(2)))
    store.close()
    with RunningAgent(tmp_path, socket) as agent, FakeDaemon(socket) as daemon:
        wait(lambda: there(daemon) == {FIRST, "10.96.0.2:80/tcp"}, PATIENCE_S, "the others")
        wait(lambda: agent.client.status().slbd == "incomplete", PATIENCE_S, "word of it")
        assert agent.client.status().reason.startswith(f"VS {gone} lies in no service subnet")
        agent.client.rs_edit(key(1), RS, 7)
        agent.client.state_put(Snapshot(K8S, 1, 1, (service(7),)))
        assert daemon.services[FIRST][1] == {str(RS): 7}
        assert "10.96.0.7:80/tcp" in there(daemon)
        with pytest.raises(BadRequest, match=r"^services\[0\].vs: VS 10.97"):
            agent.client.apply([Service(gone), service(1)])
        agent.client.vs_del(gone)
        wait(lambda: at_rest(agent), PATIENCE_S, "all that is wanted")
        assert len(there(daemon)) == 3


def test_a_damaged_state_is_not_replaced_by_nothing(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon
) -> None:
    agent.stop()
    for file in agent.state.glob("state-*"):
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ConfigError, match="every version is damaged"):
        RunningAgent(tmp_path, daemon.socket).__enter__()
    assert there(daemon) == {FIRST}


def test_snapshots_and_deltas_of_a_controller(agent: RunningAgent, daemon: FakeDaemon) -> None:
    ask = agent.client
    with pytest.raises(BadRequest, match="allow_empty"):
        ask.state_put(Snapshot(K8S, 1, 1, ()))
    wanted = (service(7, 1), service(8))
    answer = ask.state_put(Snapshot(K8S, 1, 1, wanted, digest(wanted)))
    assert (answer.digest, answer.vs, answer.rs) == (digest(wanted), 2, 1)
    before = ask.status().generation
    ask.state_put(Snapshot(K8S, 1, 1, wanted[::-1]))
    assert ask.status().generation == before, "the same again"
    ask.state_patch(Delta(K8S, 1, 1, 2, (service(7, 5),), (key(8),)))
    assert daemon.services["10.96.0.7:80/tcp"][1] == {"10.10.0.1:8080": 5}
    with pytest.raises(Conflict, match="send a full one"):
        ask.state_patch(Delta(K8S, 1, 1, 2))
    with pytest.raises(OtherOwner):
        ask.vs_del(key(7))
    with pytest.raises(OtherOwner):
        ask.state_put(Snapshot("other", 1, 1, (service(7),)))
    state = ask.state(K8S, digest=True)
    assert [(o.owner, o.generation, o.services) for o in state.owners] == [(K8S, 2, None)]
    assert [o.owner for o in ask.state().owners] == [K8S, "operator"]
    assert len(ask.export().services) == 1, "export has what apply takes: the operator's"
    with pytest.raises(Conflict, match="epoch 0 is over"):
        ask.state_put(Snapshot(K8S, 0, 9, wanted))


def test_a_new_epoch_is_on_disk_though_no_service_changed(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon
) -> None:
    agent.client.state_put(Snapshot(K8S, 1, 1, (service(7),)))
    agent.client.state_put(Snapshot(K8S, 9, 1, (service(7),)))
    agent.stop()
    with RunningAgent(tmp_path, daemon.socket) as again, pytest.raises(Conflict, match="is over"):
        again.client.state_put(Snapshot(K8S, 8, 99, (service(8),)))


def test_a_disk_that_fails(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """Nothing is applied that would not outlive a restart."""
    agent.state.rename(agent.state.with_name("gone"))
    with pytest.raises(NotStored, match="No such file or directory; nothing has changed"):
        agent.client.vs_add(service(2))
    assert there(daemon) == {FIRST}
    agent.state.with_name("gone").rename(agent.state)
    agent.client.vs_add(service(2))


def test_it_rolls_back_though_the_disk_fails(
    agent: RunningAgent, daemon: FakeDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    agent.client.apply([service(2)], confirm_s=1)
    agent.state.rename(agent.state.with_name("gone"))
    wait(lambda: there(daemon) == {FIRST}, PATIENCE_S, "the services of before")
    agent.state.with_name("gone").rename(agent.state)
    wait(
        lambda: agent.client.history()[0].change == "not confirmed in time, rolled back",
        PATIENCE_S,
        "the version on disk",
    )
    assert "rolled back all the same" in "\n".join(caplog.messages)


def test_everything_else_is_slbds_answer(agent: RunningAgent, daemon: FakeDaemon) -> None:
    here, at_slbd = agent.client, Client(str(daemon.socket))
    assert here.version().uptime_s <= (slbd := at_slbd.version()).uptime_s
    assert replace(here.version(), uptime_s=slbd.uptime_s) == slbd
    assert here.version().instance
    assert here.port_list() == at_slbd.port_list()
    assert here.session_count(vs=key(1)) == at_slbd.session_count(vs=key(1))
    assert [row.vs for row in here.rs_list(key(1))] == [FIRST] * 2
    here.workers_set(1)
    assert daemon.engine.active == 1
    with pytest.raises(UnknownVs):
        here.vs_show(key(9))
    with pytest.raises(NotFound, match="there is no /v1/commit"):
        here.commit([])


def test_slbd_hangs(tmp_path: Path, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """slbctl hears that it is slbd which does not answer, before it gives the agent up."""
    assert FORWARD_S < TIMEOUT_S
    monkeypatch.setattr("slb.agent.agent.FORWARD_S", 0.2)
    with RunningAgent(tmp_path, daemon.socket) as agent:
        wait(lambda: at_rest(agent), PATIENCE_S, "the first desired state")
        daemon.hold = threading.Event()
        said = failure(slbctl(agent.socket, "vs", "list"), 1)
        daemon.hold.set()
    assert said == f"slbd at {daemon.socket} did not answer within 0.2 s; try again shortly"


def test_before_slbd_has_ever_answered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with RunningAgent(tmp_path, tmp_path / "none.sock") as agent:
        for question in (
            agent.client.export,
            agent.client.state,
            lambda: agent.client.vs_del(key(1)),
        ):
            with pytest.raises(NotReady, match="there is no desired state yet"):
                question()
        with pytest.raises(NotReady, match=r"no slbd at .*no such socket"):
            agent.client.vs_list()
        assert agent.client.status().generation == 0
        with FakeDaemon(tmp_path / "none.sock"):
            wait(lambda: at_rest(agent), PATIENCE_S, "slbd's first answer")

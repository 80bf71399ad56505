# SPDX-License-Identifier: BSD-3-Clause
"""What slb-agent tells as it happens: what, to whom, and what a late reader is told."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from unit.agent_values import key, service
from unit.fake_daemon import FakeDaemon
from unit.running_agent import PATIENCE_S, RunningAgent, at_rest
from unit.secure_agent import Place
from unit.slbctl_run import failure, slbctl

from rig.waiting import wait
from slb.agent.events import Events
from slb.api.client import Client
from slb.errors import Conflict, NotFound, SlbError, TooMany
from slb.model.events import Event, Value

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture", "unit.secure_fixture"]

WHO = f"uid {os.getuid()}"


def told(client: Client, *kinds: str) -> list[Event]:
    """What has happened so far of these kinds."""
    return [one for one in client.events(0, follow=False) if not kinds or one.kind in kinds]


def data(event: Event, *names: str) -> list[Value]:
    """Some of what an event says."""
    return [event.data[name] for name in names]


def test_who_changed_what(agent: RunningAgent) -> None:
    ask = agent.client
    ask.vs_add(service(2, 1))
    with pytest.raises(Conflict):
        ask.apply((), base=1)
    ask.apply((service(2, 1),), confirm_s=60)
    ask.confirm()
    ask.rollback()
    first, *found = told(ask, "changed", "confirmed", "rolled_back")
    assert data(first, "who", "change") == ["slb-agent", "taken over from slbd"]
    assert [(one.kind, *data(one, "generation", "owner", "who", "change")) for one in found] == [
        ("changed", 2, "operator", WHO, f"+ vs {key(2)}"),
        ("changed", 3, "operator", WHO, "apply 1 VS"),
        ("confirmed", 4, "operator", WHO, "confirmed"),
        ("rolled_back", 5, "operator", WHO, "rolled back to 2"),
    ]
    applied = [one.data["generation"] for one in told(ask, "applied")]
    assert applied == [1, 2, 3, 4, 5]
    ids = [one.id for one in told(ask)]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_not_confirmed_in_time(agent: RunningAgent) -> None:
    agent.client.apply((), confirm_s=1)
    (late,) = wait(lambda: told(agent.client, "expired"), PATIENCE_S, "the time is over")
    assert data(late, "generation", "owner", "who") == [3, "operator", "slb-agent"]


def test_what_becomes_of_slbd(tmp_path: Path) -> None:
    """Gone, for another reason, there again as another instance, changed beside the agent."""
    place = tmp_path / "slbd.sock"
    with RunningAgent(tmp_path, place) as agent:
        wait(lambda: told(agent.client, "unreachable"), PATIENCE_S, "that there is none yet")
        with FakeDaemon(place):
            wait(lambda: at_rest(agent), PATIENCE_S, "what slbd has taken over")
            agent.client.vs_add(service(2, 1))
        wait(lambda: "nobody listens" in last_reason(agent), PATIENCE_S, "slbd is gone")
        place.unlink()
        wait(lambda: "no such socket" in last_reason(agent), PATIENCE_S, "the other reason")
        with FakeDaemon(place) as second:
            wait(lambda: told(agent.client, "slbd_restarted"), PATIENCE_S, "the new slbd")
            wait(lambda: second.services, PATIENCE_S, "what it gets")
            wait(lambda: at_rest(agent), PATIENCE_S, "it has all")
            last = told(agent.client)[-1]
            assert (last.kind, last.data["generation"]) == ("applied", 2)
            Client(str(second.socket)).vs_del(key(2))
            (mended,) = wait(lambda: told(agent.client, "mended"), PATIENCE_S, "it is mended")
            assert mended.data == {"times": 1}


def last_reason(agent: RunningAgent) -> str:
    """Why slbd does not answer, as the last event that tells of it."""
    last = told(agent.client)[-1]
    return str(last.data["reason"]) if last.kind == "unreachable" else ""


def test_a_stream_goes_on(agent: RunningAgent) -> None:
    seen: list[Event] = []
    begin = told(agent.client)[-1].id

    def read() -> None:
        seen.extend(agent.client.events(begin))

    reader = threading.Thread(target=read)
    reader.start()
    for number in (2, 3):
        agent.client.vs_add(service(number))
        wait(lambda: len(seen) == 2 * (number - 1), PATIENCE_S, "what happens")  # noqa: B023
    assert [one.kind for one in seen] == ["applied", "changed"] * 2
    agent.stop()
    reader.join(PATIENCE_S)
    assert not reader.is_alive(), "the agent's end is the stream's"


def test_resumed(agent: RunningAgent) -> None:
    whole = told(agent.client)
    for event in whole:
        rest = list(agent.client.events(event.id, follow=False))
        assert rest == [one for one in whole if one.id > event.id]


def test_slbctl_goes_on_after_a_restart(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon
) -> None:
    """It says why it waits, each time that changes, and when the agent is there again."""
    words = [sys.executable, "-P", "-m", "slbctl", "--socket", str(agent.socket), "events", "-f"]
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("w") as to, err.open("w") as errors:
        process = subprocess.Popen(words, stdout=to, stderr=errors)
    try:
        wait(lambda: "applied" in out.read_text(), PATIENCE_S, "the events so far")
        agent.stop()
        wait(lambda: "no such socket" in err.read_text(), PATIENCE_S, "slbctl to notice")
        # The agent's socket may have been there for a moment after nobody listened.
        other = err.read_text().count("nobody listens")
        with socket.socket(socket.AF_UNIX) as nobody:
            nobody.bind(str(agent.socket))
            found = lambda: err.read_text().count("nobody listens")  # noqa: E731
            wait(lambda: found() > other, PATIENCE_S, "the other reason")
        told = err.read_text().count("no such socket")
        agent.socket.unlink()
        wait(lambda: err.read_text().count("no such socket") > told, PATIENCE_S, "the first again")
        with RunningAgent(tmp_path, daemon.socket) as again:
            wait(lambda: "it answers again" in err.read_text(), PATIENCE_S, "its end")
            again.client.vs_add(service(2))
            wait(lambda: f"+ vs {key(2)}" in out.read_text(), PATIENCE_S, "what happens then")
            said = err.read_text().splitlines()
        assert "count=unknown" in out.read_text()
        assert said[-1] == "slbctl: it answers again"
        assert all(one != other for one, other in pairwise(said)), "each reason once in turn"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def test_what_a_late_reader_has_missed() -> None:
    events = Events(keep=3, clock=lambda: 1.0)
    first = events.last + 1
    for number in range(10):
        events.emit("tick", number=number)
    missed, *rest = events.after(first)
    assert (missed.kind, missed.data) == ("missed", {"after": first, "count": 6})
    assert [one.data["number"] for one in rest] == [7, 8, 9]
    assert missed.id + 1 == rest[0].id, "who goes on from there gets the rest"
    assert [one.kind for one in events.after(0)] == ["tick"] * 3, "who begins has missed nothing"
    of_an_earlier_start = events.after(5)[0]
    assert of_an_earlier_start.data == {"after": 5, "count": None}
    assert events.after(events.last) == []


def test_an_id_of_before_the_clock_was_set_back() -> None:
    """Its events have higher ids than ours will ever have; who waits for higher ones gets none."""
    events = Events(keep=2, clock=lambda: 1.0)
    ahead = events.last + 10**6
    for _ in range(3):
        events.emit("tick")
    missed, *rest = events.after(ahead)
    assert (missed.kind, missed.data) == ("missed", {"after": ahead, "count": None})
    assert [one.kind for one in rest] == ["tick"] * 2
    assert events.after(rest[-1].id) == []


def test_a_slow_reader_is_told_what_it_missed() -> None:
    async def play() -> list[list[str]]:
        events = Events(keep=2)
        events.emit("a")
        got = []
        async for found in events.read(0, 5.0, remote=False):
            got.append([one.kind for one in found])
            if len(got) == 2:
                return got
            for _ in range(5):
                await asyncio.to_thread(events.emit, "b")
        return got

    assert asyncio.run(play()) == [["a"], ["missed", "b", "b"]]


def test_a_sign_of_life_where_nothing_happens() -> None:
    async def play() -> list[Event]:
        async for found in Events().read(0, 0.01, remote=False):
            return found
        raise AssertionError("it ended")

    assert asyncio.run(play()) == []


def test_more_readers_than_there_may_be(
    agent: RunningAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has gone counts no more, though nothing has happened since that he could have read."""
    monkeypatch.setattr("slb.agent.event_stream.MAX_READERS", 1)
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(agent.socket))
        other.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert other.recv(12) == b"HTTP/1.1 200"
        wait(lambda: refused(agent.client), PATIENCE_S, "the other one counts")
    wait(lambda: not refused(agent.client), PATIENCE_S / 2, "the other one has gone")


def test_places_for_who_is_on_the_host(
    place: Place, secure: RunningAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers from elsewhere leave some."""
    monkeypatch.setattr("slb.agent.event_stream.MAX_READERS", 2)
    monkeypatch.setattr("slb.agent.event_stream.LOCAL_READERS", 1)
    headers = {"Authorization": f"Bearer {place.tokens['viewer']}"}
    first, second = place.connect(), place.connect()
    try:
        first.request("GET", "/v1/events?since=0", headers=headers)
        assert first.getresponse().status == 200
        second.request("GET", "/v1/events?since=0", headers=headers)
        answer = second.getresponse()
        assert answer.status == 429 and b"1 read events already" in answer.read()
        assert told(secure.client)
    finally:
        first.close()
        second.close()


def refused(client: Client) -> bool:
    """Tell whether too many read."""
    try:
        told(client)
    except TooMany as error:
        assert str(error) == "1 read events already"
        return True
    return False


def test_slbctl_shows_them(agent: RunningAgent, daemon: FakeDaemon) -> None:
    agent.client.vs_add(service(2, 1))
    shown = slbctl(agent.socket, "events")
    assert any(line.endswith(f'who="{WHO}" change="+ vs {key(2)}"') for line in shown.lines)
    last = slbctl(agent.socket, "events", "--json").out.splitlines()[-1]
    assert '"kind":"changed"' in last
    assert failure(slbctl(daemon.socket, "events"), 1).startswith("there is no /v1/events")


def test_a_stream_over_tls_ends_with_who_may_read(place: Place, secure: RunningAgent) -> None:
    """Its reader comes again and is judged anew; one on the Unix socket stays."""
    ends: list[str] = []

    def over_tls() -> None:
        connection = place.connect()
        headers = {"Authorization": f"Bearer {place.tokens['viewer']}"}
        connection.request("GET", "/v1/events?since=0", headers=headers)
        with connection.getresponse() as answer:
            assert answer.headers["Content-Type"] == "application/x-ndjson"
            ends.append(answer.readline().decode())
            answer.read()
        connection.close()
        ends.append("tls")

    def local() -> None:
        try:
            list(secure.client.events())
        except SlbError:
            pass
        ends.append("local")

    readers = [threading.Thread(target=one) for one in (over_tls, local)]
    for reader in readers:
        reader.start()
    wait(lambda: ends, PATIENCE_S, "the first event")
    place.write(tokens=None)
    wait(lambda: "tls" in ends, PATIENCE_S, "the end of the stream")
    assert '"kind":"started"' in ends[0] and "local" not in ends
    secure.stop()
    for reader in readers:
        reader.join(PATIENCE_S)


def test_slbd_has_none(daemon: FakeDaemon) -> None:
    with pytest.raises(NotFound):
        list(Client(str(daemon.socket)).events(follow=False))

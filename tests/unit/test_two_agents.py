# SPDX-License-Identifier: BSD-3-Clause
"""Two slb-agents on one slbd: the first one that lives is followed. The agents are processes."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.agent_values import service, state
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent

from rig.waiting import wait
from slb.agent.desired import Desired
from slb.agent.store import Store
from slb.api.client import Client
from slb.api.unix_http import AGENT, UnixWay, exchange
from slb.errors import OtherAgent
from slb.model.address import show

pytest_plugins = ["unit.daemon_fixture"]

PROGRAM = str(Path(sys.executable).with_name("slb-agent"))
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


class Process:
    """An slb-agent with a state directory and a socket of its own."""

    def __init__(self, folder: Path, slbd: Path, name: str) -> None:
        self.state = folder / name
        self._log = folder / f"{name}.log"
        words = ["--state", str(self.state), "--socket", str(folder / f"{name}.sock")]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen([PROGRAM, *words, "--slbd", str(slbd)], stderr=log)
        self.client = Client(str(folder / f"{name}.sock"), 10)

    @property
    def lines(self) -> list[str]:
        """What it has said."""
        return self._log.read_text().splitlines()

    def applied(self) -> bool:
        """Tell whether slbd has what it wants."""
        return any("slbd has generation" in line for line in self.lines)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    """Starts an agent of that name on the socket slbd.sock; all end with the test."""
    with contextlib.ExitStack() as stack:

        def start(name: str) -> Process:
            made = Process(tmp_path, tmp_path / "slbd.sock", name)
            stack.callback(made.process.wait, 10)
            stack.callback(made.process.kill)
            return made

        yield start


def refusal(pid: int, state: Path) -> str:
    """What the agent says that is not followed."""
    return (
        f"slb-agent: slbd follows the slb-agent with pid {pid}, which lives and has --state "
        f"{show(str(state))}; stop one of the two"
    )


def test_the_second_ends(
    daemon: FakeDaemon, start: Callable[[str], Process], caplog: pytest.LogCaptureFixture
) -> None:
    """With status 2 and one line, and nothing of slbd's state is in its directory."""
    daemon.add(FIRST, r1=1)
    first = start("a")
    wait(first.applied, PATIENCE_S, "slbd as the first one wants it")
    second = start("b")
    assert second.process.wait(PATIENCE_S) == 2
    assert second.lines == [refusal(first.process.pid, first.state)]
    assert not list(second.state.glob("state-*"))
    assert first.client.vs_add(service(2)).generation == 2
    assert f"slb-agent with pid {second.process.pid}, --state" in caplog.text


def test_one_that_was_killed_makes_room_at_once(
    daemon: FakeDaemon, start: Callable[[str], Process]
) -> None:
    """Though it is not reaped yet, as with an init that is slow."""
    daemon.add(FIRST, r1=1)
    first = start("a")
    wait(first.applied, PATIENCE_S, "slbd as the first one wants it")
    first.process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, first.process.pid, os.WEXITED | os.WNOWAIT)
    second = start("b")
    wait(second.applied, PATIENCE_S, "slbd as the second one wants it")
    assert second.process.poll() is None


def test_an_slbd_that_comes_later_follows_one(
    tmp_path: Path, start: Callable[[str], Process]
) -> None:
    """Of two that have waited for it; the other one ends."""
    both = start("a"), start("b")
    for one in both:
        wait(lambda it=one: any("ready" in line for line in it.lines), PATIENCE_S, "two agents")  # type: ignore[misc]
    with FakeDaemon(tmp_path / "slbd.sock"):
        ended = lambda: [one for one in both if one.process.poll() is not None]  # noqa: E731
        wait(ended, PATIENCE_S, "the end of one of them")
        (loser,) = ended()
        (winner,) = (one for one in both if one is not loser)
        wait(winner.applied, PATIENCE_S, "slbd as the other one wants it")
        assert loser.process.returncode == 2
        assert loser.lines[-1] == refusal(winner.process.pid, winner.state)
        assert winner.process.poll() is None


def test_who_is_no_agent_does_as_before(
    tmp_path: Path, daemon: FakeDaemon, start: Callable[[str], Process]
) -> None:
    """An operator with slbctl at slbd, who is not refused what he asks of slbd himself."""
    wait(start("a").applied, PATIENCE_S, "slbd as an agent wants it")
    assert Client(str(daemon.socket)).vs_add(service(2)).generation > 0
    other = Client(UnixWay(str(daemon.socket), str(tmp_path)))
    for ask in (other.version, other.export, lambda: other.apply([])):
        with pytest.raises(OtherAgent):
            ask()


def test_a_number_that_is_used_again(daemon: FakeDaemon, start: Callable[[str], Process]) -> None:
    """A process that gets the pid of an agent that has ended is not taken for it."""
    first = start("a")
    wait(first.applied, PATIENCE_S, "slbd as the first one wants it")
    first.process.kill()
    first.process.wait(10)
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            try:
                LAST_PID.write_text(str(first.process.pid - 1))
            except OSError as error:
                pytest.skip(f"pids cannot be chosen here: {error}")
            idle = subprocess.Popen(["sleep", "60"])
            stack.callback(idle.wait, 10)
            stack.callback(idle.kill)
            if idle.pid == first.process.pid:
                break
        else:
            pytest.skip("others take the pid")
        second = start("b")
        wait(second.applied, PATIENCE_S, "slbd as the second one wants it")


def test_a_version_in_doubt_is_kept(
    tmp_path: Path, daemon: FakeDaemon, start: Callable[[str], Process]
) -> None:
    """That slbd follows another one says nothing of what this one has stored and never applied."""
    wait(start("a").applied, PATIENCE_S, "slbd as an agent wants it")
    store = Store(tmp_path / "mine")
    store.save(state(1, service(1)))
    store.note_applied(1)
    store.save(state(2, service(2)))
    version = Client(str(daemon.socket)).version()
    desired = Desired(store, Client(UnixWay(str(daemon.socket), "mine")))
    with pytest.raises(OtherAgent):
        asyncio.run(desired.converge(version))
    assert desired.state.generation == 2 and [one.generation for one in store.versions()] == [2, 1]
    store.close()


@pytest.mark.parametrize("named", ["%", "%ff%00", "a" * 8000, "\x7f", "%0a%0dX: y"])
def test_hostile_names(daemon: FakeDaemon, named: str, caplog: pytest.LogCaptureFixture) -> None:
    """They are one line of the log and of the answer."""

    class Named(UnixWay):
        @property
        def headers(self) -> dict[str, str]:
            return {AGENT: named}

    answer = exchange(Named(str(daemon.socket)), "GET", "/v1/version", None, 10)
    assert answer.status in (200, 400)
    for message in caplog.messages:
        assert message.isprintable() and len(message) < 200


def test_an_agent_in_the_same_process(tmp_path: Path, daemon: FakeDaemon) -> None:
    """A way of its own for each client does not make another agent of it."""
    daemon.add(FIRST, r1=1)
    with RunningAgent(tmp_path, daemon.socket) as agent:
        assert agent.client.version().pid == os.getpid()
        assert Client(UnixWay(str(daemon.socket), "x")).version().pid == os.getpid()

# SPDX-License-Identifier: BSD-3-Clause
"""slbctl with an agent: the same verbs, and those that only the agent knows."""

import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.agent_values import service
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent
from unit.slbctl_run import failure, slbctl

from rig.waiting import wait
from slb.api.client import Client

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

OTHER = "10.96.0.20:80/tcp"


def file_with(folder: Path, *services: str) -> str:
    path = folder / "services.yaml"
    path.write_text("services:\n" + "".join(f"  - vs: {vs}\n" for vs in services))
    return str(path)


def test_the_verbs_for_slbd_work_with_the_agent(
    tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon
) -> None:
    words = ("vs", "add", OTHER, "--rs", "10.10.0.1:8080")
    assert slbctl(agent.socket, *words).out == f"VS {OTHER} added, rr, 1 RS (generation 2)\n"
    assert OTHER in daemon.services
    assert "VS 10.96.0.1:80/tcp exists already" in failure(
        slbctl(agent.socket, "vs", "add", FIRST), 1
    )
    listed = slbctl(agent.socket, "vs", "list", "--json").json["items"]
    assert [row["vs"] for row in listed] == [FIRST, OTHER]
    exported = slbctl(agent.socket, "export").out
    again = slbctl(agent.socket, "apply", "-", stdin=exported)
    assert again.out == "nothing to change (generation 2)\n"
    wrong = file_with(tmp_path, FIRST, "10.97.0.1:80/tcp")
    assert failure(slbctl(agent.socket, "apply", wrong), 1).startswith(f"{wrong}:3: services[1]")


def test_apply_to_be_confirmed(tmp_path: Path, agent: RunningAgent) -> None:
    file = file_with(tmp_path, FIRST, OTHER)
    result = slbctl(agent.socket, "apply", file, "--confirm", "5m")
    assert result.lines[-2:] == [
        "3 changes made (generation 2)",
        "undone in 300 s unless 'slbctl confirm' comes before",
    ]
    assert "confirm it or roll it back first" in failure(
        slbctl(agent.socket, "vs", "del", OTHER), 1
    )
    assert slbctl(agent.socket, "confirm").out == "confirmed (generation 3)\n"
    assert "nothing waits to be confirmed" in failure(slbctl(agent.socket, "confirm"), 1)


def test_undone_in_time(tmp_path: Path, agent: RunningAgent, daemon: FakeDaemon) -> None:
    slbctl(agent.socket, "apply", file_with(tmp_path, OTHER), "--confirm", "1s")
    wait(lambda: set(daemon.services) == {FIRST}, PATIENCE_S, "the services of before")


@pytest.mark.parametrize("time", ["0", "1h", "90000", "s", "-1s"])
def test_a_time_to_confirm_that_is_none(tmp_path: Path, time: str) -> None:
    result = slbctl("/nowhere", "apply", file_with(tmp_path, OTHER), f"--confirm={time}")
    assert "is no time; write 60s or 5m, at most a day" in failure(result, 2)


def test_base(tmp_path: Path, agent: RunningAgent) -> None:
    file = file_with(tmp_path, FIRST, OTHER)
    refused = failure(slbctl(agent.socket, "apply", file, "--base", "9"), 1)
    assert refused.startswith("the desired state is at generation 1, not 9")
    assert slbctl(agent.socket, "apply", file, "--base", "1").status == 0


def test_an_edited_copy_does_not_undo_what_came_between(
    agent: RunningAgent, daemon: FakeDaemon
) -> None:
    """The copy says which generation it is of; slbd's has none that apply would take."""
    first, rest = slbctl(agent.socket, "export").out.split("\n", 1)
    assert (first, rest) == ("# generation: 1", slbctl(daemon.socket, "export").out)
    slbctl(agent.socket, "vs", "add", OTHER)
    mine = f"{first}\n{rest}".replace("weight: 2", "weight: 7")
    refused = failure(slbctl(agent.socket, "apply", "-", "--base", "1", stdin=mine), 1)
    assert refused.startswith("the desired state is at generation 2, not 1")
    assert OTHER in daemon.services

    again = slbctl(agent.socket, "export").out.replace("weight: 2", "weight: 7")
    base = again.partition("\n")[0].removeprefix("# generation: ")
    done = slbctl(agent.socket, "apply", "-", "--base", base, stdin=again)
    assert done.lines[-1] == "1 change made (generation 3)"
    assert list(daemon.services[FIRST][1].values()) == [1, 7] and OTHER in daemon.services


def test_a_copy_is_of_the_generation_that_it_names(
    agent: RunningAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where somebody adds a VS after each answer: there are as many VS as generations."""
    more = iter(range(30, 40))
    with monkeypatch.context() as patched:
        for name in ("state", "status", "history", "export"):
            patched.setattr(Client, name, _then_add(agent, getattr(Client, name), more))
        first, copy = slbctl(agent.socket, "export").out.split("\n", 1)
    assert agent.client.status().generation > 1
    assert first == f"# generation: {copy.count('vs: ')}"


@pytest.mark.parametrize("beside", ["agent", "slbd"])
def test_an_empty_set_is_asked_for(
    agent: RunningAgent, daemon: FakeDaemon, tmp_path: Path, beside: str
) -> None:
    """As of a controller; also where slbd itself is asked."""
    where = agent.socket if beside == "agent" else daemon.socket
    slbctl(agent.socket, "vs", "add", OTHER)
    wait(lambda: len(daemon.services) == 2, PATIENCE_S, "two VS")
    file = tmp_path / "services.yaml"
    file.write_text("services: []\n")
    refused = failure(slbctl(where, "apply", str(file)), 1)
    text = f"{file} has no services, so all 2 VS would be deleted"
    assert refused == f"{text}; give --allow-empty if that is meant"
    assert len(daemon.services) == 2
    assert slbctl(where, "apply", str(file), "--dry-run").lines[:2] == [
        f"- vs {FIRST}",
        f"- vs {OTHER}",
    ]
    done = slbctl(where, "apply", str(file), "--allow-empty")
    assert done.lines[-1].startswith("2 changes made")


def test_nothing_instead_of_nothing(agent: RunningAgent) -> None:
    """Where there is no VS, an empty set deletes none."""
    slbctl(agent.socket, "vs", "del", FIRST)
    done = slbctl(agent.socket, "apply", "-", stdin="services: []\n")
    assert done.out == "nothing to change (generation 2)\n"


def test_history_and_rollback(agent: RunningAgent, daemon: FakeDaemon) -> None:
    slbctl(agent.socket, "vs", "add", OTHER)
    heading, newest, first = slbctl(agent.socket, "history").lines
    assert heading == "GENERATION TIME OWNER WHO FROM VS RS CHANGE"
    who = f"uid {os.getuid()} pid {os.getpid()}"
    assert re.fullmatch(rf"2 \d{{4}}-\S+ \S+ operator {who} 2 2 \+ vs {OTHER}", newest)
    assert first.endswith(" operator slb-agent - 1 2 taken over from slbd")
    assert slbctl(agent.socket, "rollback").lines == [
        f"- vs {OTHER}",
        "rolled back, 1 change (generation 3)",
    ]
    assert set(daemon.services) == {FIRST}
    assert slbctl(agent.socket, "rollback", "2", "--json").json["generation"] == 4
    text = "generation 99999 does not exist yet; there are 4, 3, 2, 1"
    assert failure(slbctl(agent.socket, "rollback", "99999"), 1) == text
    assert len(slbctl(agent.socket, "history", "--json").json["items"]) == 4


@pytest.mark.parametrize("words", [("history",), ("confirm",), ("rollback",)])
def test_slbd_alone_does_not_know_them(daemon: FakeDaemon, words: tuple[str, ...]) -> None:
    said = failure(slbctl(daemon.socket, *words), 1)
    assert said == f"there is no /v1/{words[0]}; slb-agent answers it, and slbd is at this socket"


def test_what_is_of_the_agent_alone(daemon: FakeDaemon, tmp_path: Path) -> None:
    file = tmp_path / "services.yaml"
    file.write_text("services: []\n")
    for word, value in (("--confirm", "60s"), ("--base", "3")):
        said = failure(slbctl(daemon.socket, "apply", str(file), word, value), 1)
        assert said == f"{word} is for slb-agent, and slbd is at this socket"


def test_a_change_while_the_agent_is_stopped(
    tmp_path: Path, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """slbd takes it, and the agent will undo it, so it is said; without an agent nothing is."""
    state = tmp_path / "state"
    for module in ("slbctl.options", "slbctl.call"):
        monkeypatch.setattr(f"{module}.AGENT_STATE", str(state))
    monkeypatch.setattr("slbctl.options.AGENT_SOCKET", str(tmp_path / "agent.sock"))
    monkeypatch.setattr("slbctl.options.SLBD_SOCKET", str(daemon.socket))
    assert slbctl(None, "vs", "add", "10.96.0.91:80/tcp").err == ""
    state.mkdir()
    added = slbctl(None, "vs", "add", "10.96.0.92:80/tcp")
    assert added.status == 0 and added.err == (
        "slbctl: slb-agent does not run; this holds until slb-agent starts, "
        f"which has its own services in {state}\n"
    )
    assert slbctl(None, "vs", "list").err == ""


def test_the_agents_socket_is_preferred_when_it_is_there(
    tmp_path: Path, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when nobody listens there: what slbd was told behind its back, it would undo."""
    there = tmp_path / "agent.sock"
    monkeypatch.setattr("slbctl.options.AGENT_SOCKET", str(there))
    monkeypatch.setattr("slbctl.options.SLBD_SOCKET", str(daemon.socket))
    assert slbctl(None, "vs", "list").status == 0
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(there))
    said = failure(slbctl(None, "vs", "list"), 3)
    assert said == f"no slb-agent at {there}: nobody listens there; is slb-agent running?"


def _then_add(
    agent: RunningAgent, question: Callable[..., Any], numbers: Iterator[int]
) -> Callable[..., Any]:
    """The question, after whose answer a VS is added."""

    def asked(*words: Any, **more: Any) -> Any:
        answer = question(*words, **more)
        agent.client.vs_add(service(next(numbers)))
        return answer

    return asked

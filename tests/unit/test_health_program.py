# SPDX-License-Identifier: BSD-3-Clause
"""Checks by a program: what it is told, what comes of it, and that nothing of it stays."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from unit.health_servers import ONCE, PATIENCE_S, VS, checking, once

from rig.waiting import wait
from slb.health.probe import Waiting
from slb.health.prober import Prober
from slb.health.program import runner
from slb.health.target import Target
from slb.model.endpoint import Endpoint
from slb.model.health import CommandCheck, TcpCheck

Pids = Callable[[], list[int]]


@pytest.fixture
def pids(tmp_path: Path) -> Iterator[Pids]:
    """What programs have written into the file `pids`; all are killed in the end."""
    file = tmp_path / "pids"
    file.touch()

    def written() -> list[int]:
        return [
            int(line) for line in file.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]

    yield written
    for pid in written():
        kill(pid)


def test_a_program(tmp_path: Path) -> None:
    script = tmp_path / "look"
    script.write_text(
        '#!/bin/sh\nenv > "$0.env"\n[ "$1" = late ] && sleep 60\n[ "$SLB_RS_PORT $1" = "80 a b" ]\n'
    )
    script.chmod(0o755)
    probes = {"command": runner(tmp_path)}

    def asked(*arguments: str) -> tuple[str, str]:
        return once(CommandCheck(program="look", arguments=arguments, **ONCE), 80, probes=probes)

    assert asked("a b") == ("up", "")
    assert asked("a") == ("down", "look ended with status 1")
    told = dict(line.split("=", 1) for line in Path(f"{script}.env").read_text().splitlines())
    # It may be ended before it has written anything.
    assert asked("late") == ("down", "no answer within 0.4 s")
    told.pop("PWD", None)
    assert told.keys() <= {"PATH", "LANG", "SLB_VS", "SLB_RS_ADDRESS", "SLB_RS_PORT", "_", "SHLVL"}
    assert (told["SLB_VS"], told["SLB_RS_ADDRESS"]) == (str(VS), "127.0.0.1")


@pytest.mark.parametrize("then", ["wait", "exit"])
def test_all_that_it_has_started_is_killed(tmp_path: Path, pids: Pids, then: str) -> None:
    """When it takes too long, and when it has ended itself."""
    probes = {"command": program(tmp_path, f"sleep 60 & echo $! >> {tmp_path}/pids; {then}")}
    with checking(CommandCheck(program="look", **ONCE), 80, probes=probes):
        first = wait(pids, PATIENCE_S, "it has started something")[0]
        wait(lambda: ended(first), PATIENCE_S, "it is killed")


def test_nothing_is_left_of_those_that_take_too_long(tmp_path: Path, pids: Pids) -> None:
    """They are reaped, though not waited for."""
    probes = {"command": program(tmp_path, f"echo $$ >> {tmp_path}/pids; exec sleep 60")}
    with checking(CommandCheck(program="look", **ONCE), 80, probes=probes):
        first = wait(pids, PATIENCE_S, "it runs")[0]
        wait(lambda: not Path(f"/proc/{first}").exists(), PATIENCE_S, "it is reaped")


def test_one_that_cannot_be_killed(
    tmp_path: Path, pids: Pids, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other checks go on, no second one is started, and it is reaped when it ends after all."""

    def refused(group: int, number: int) -> None:
        raise PermissionError

    def good(target: Target) -> Waiting:
        return
        yield

    probes = {
        "command": program(tmp_path, f"echo $$ >> {tmp_path}/pids; exec sleep 60"),
        "tcp": good,
    }
    at = Endpoint(ip_address("127.0.0.1"), 80)
    stuck = Target(at, CommandCheck(program="look", **ONCE), VS)
    other = Target(at, TcpCheck(interval_s=0.1, timeout_s=0.1))
    prober = Prober(lambda: None, 10, probes)

    def counted(target: Target) -> tuple[int, int]:
        result = prober.results().get(target)
        return result.counts[:2] if result else (0, 0)

    prober.start()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "killpg", refused)
            prober.set([stuck, other])
            wait(lambda: counted(stuck)[1] == 1, PATIENCE_S, "it takes too long")
            seen = counted(other)[0]
            wait(lambda: counted(other)[0] > seen + 2, PATIENCE_S, "the other's checks go on")
            wait(lambda: counted(stuck)[1] > 2, PATIENCE_S, "that is bad for its RS")
            (pid,) = wait(pids, PATIENCE_S, "it runs")
        kill(pid)
        wait(lambda: not Path(f"/proc/{pid}").exists(), PATIENCE_S, "it is reaped")
        wait(lambda: len(pids()) > 1, PATIENCE_S, "it is started again")
    finally:
        for pid in pids():
            kill(pid)
        prober.stop()


def program(folder: Path, text: str) -> Callable[[Target], Waiting]:
    """The check by such a shell script, `look`."""
    script = folder / "look"
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    return runner(folder)


def ended(pid: int) -> bool:
    """Whether it runs no more; who reaps it, or nobody, is not ours to say."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def kill(pid: int) -> None:
    """End it, if it is there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)

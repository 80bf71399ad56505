# SPDX-License-Identifier: BSD-3-Clause
"""Programs that do not end in time: killed with all that they started, and not waited for."""

import subprocess
import threading
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import ClassVar

import pytest
from unit.health_servers import VS

from rig.waiting import wait
from slb.health.kinds import PROBES
from slb.health.prober import Prober
from slb.health.program import runner
from slb.health.target import Target
from slb.model.endpoint import Endpoint
from slb.model.health import CommandCheck, TcpCheck

PATIENCE_S = 10.0
HERE = Endpoint(IPv4Address("127.0.0.1"), 1)
SLOW = Target(HERE, CommandCheck(program="slow", interval_s=0.1, timeout_s=0.1, fall=1), VS)
OTHER = Target(HERE, TcpCheck(interval_s=0.1, timeout_s=0.1))


class Unkillable(subprocess.Popen[bytes]):
    """A process that is not gone after SIGKILL, as one that waits for a file server."""

    made: ClassVar[list["Unkillable"]] = []
    gone: ClassVar[threading.Event] = threading.Event()

    def __init__(self, *words: object, **options: object) -> None:
        super().__init__(*words, **options)  # type: ignore[call-overload]
        self.made.append(self)

    def poll(self) -> int | None:
        """Say that it lives."""
        return super().poll() if self.gone.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        """Return when it is gone."""
        self.gone.wait()
        return super().wait(timeout)


@pytest.fixture
def slow(tmp_path: Path) -> Callable[[], Prober]:
    """Write the program that is late; returns what begins both checks."""
    script = tmp_path / "slow"
    script.write_text('#!/bin/sh\nsleep 60 &\necho $! > "$0.new"\nmv "$0.new" "$0.child"\nwait\n')
    script.chmod(0o755)

    def begin() -> Prober:
        prober = Prober(lambda: None, 100, PROBES | {"command": runner(tmp_path)})
        prober.start()
        prober.set([SLOW, OTHER])
        return prober

    return begin


def test_it_is_killed_with_what_it_started(slow: Callable[[], Prober], tmp_path: Path) -> None:
    child = tmp_path / "slow.child"
    prober = slow()
    try:
        wait(lambda: SLOW in prober.fallen() and child.exists(), PATIENCE_S, "one that is late")
    finally:
        prober.stop()
    started = Path("/proc", child.read_text().strip())
    wait(lambda: not started.exists() or is_over(started), PATIENCE_S, "the end of its child")


def test_nobody_waits_for_it(slow: Callable[[], Prober], monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are checked as ever; it is not started once more until it is gone."""
    monkeypatch.setattr("slb.health.program.subprocess.Popen", Unkillable)
    monkeypatch.setattr(Unkillable, "made", [])
    monkeypatch.setattr(Unkillable, "gone", threading.Event())
    prober = slow()
    try:
        told = "slow, which was late, has not ended though it was killed"
        wait(lambda: prober.silent().get(SLOW) == told, PATIENCE_S, "the word of it")
        before = bad(prober, OTHER)
        wait(lambda: bad(prober, OTHER) > before + 3, PATIENCE_S, "checks of another")
        assert len(Unkillable.made) == 1
        Unkillable.gone.set()
        wait(lambda: len(Unkillable.made) > 1, PATIENCE_S, "the next check")
        assert Unkillable.made[0].returncode == -9
    finally:
        Unkillable.gone.set()
        prober.stop()
        for process in Unkillable.made:
            process.wait()


def bad(prober: Prober, target: Target) -> int:
    """How many of its checks were bad."""
    found = prober.results().get(target)
    return found.counts.bad if found else 0


def is_over(process: Path) -> bool:
    """Whether a process has ended, and waits only for somebody to be told so."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True

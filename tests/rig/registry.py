# SPDX-License-Identifier: BSD-3-Clause
"""What a run has created, on disk, so that a later run can remove what an aborted one left.

Every run owns /run/slb-test/<run>/: logs, sockets, configuration and `registry`, one JSON object a
line, appended as soon as the thing exists. A process is named by pid *and* start time, a namespace
by name *and* inode, so that nothing which merely inherited a number or a name is touched.
Interfaces need no line: all of them live inside the run's namespaces and go with them.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig.waiting import RigTimeout, wait

ROOT = Path("/run/slb-test")
NETNS = Path("/run/netns")
_TERM_S = 5.0


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    start: int

    @staticmethod
    def of(pid: int) -> "ProcessId | None":
        """Identify a running process; None when there is none with this pid."""
        fields = _stat(pid)
        return None if fields is None or fields[0] == "Z" else ProcessId(pid, int(fields[19]))

    def alive(self) -> bool:
        """Tell whether this very process runs (a zombie does not)."""
        return ProcessId.of(self.pid) == self

    def send(self, number: int) -> None:
        """Signal the process if it still is the same."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the state on: the name before it may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def children(pid: int) -> list[int]:
    """Pids of the direct children of `pid`, whichever thread started them."""
    found: list[int] = []
    for file in Path("/proc").glob(f"{pid}/task/*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in file.read_text().split()]
    return found


def family(processes: list[ProcessId]) -> list[ProcessId]:
    """Those of `processes` that run, and all that descends from them, children last."""
    found = [process for process in processes if process.alive()]
    for process in found:
        born = (ProcessId.of(pid) for pid in children(process.pid))
        found += [child for child in born if child is not None and child not in found]
    return found


def terminate(processes: list[ProcessId], timeout: float = _TERM_S) -> None:
    """SIGTERM, then after `timeout` SIGKILL, those of `processes` that still run."""
    for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGKILL):
        for process in processes:
            process.send(number)
        if number != signal.SIGTERM:
            with contextlib.suppress(RigTimeout):
                wait(lambda: not any(p.alive() for p in processes), timeout, "processes to end")


class Registry:
    """The directory and the list of one run."""

    def __init__(self, directory: Path) -> None:
        """Use an existing run directory; `create` makes a new one."""
        self.directory = directory
        self.run = directory.name

    @staticmethod
    def create(prefix: str) -> "Registry":
        """Make the directory of a new run, called <prefix><pid>-<n>.

        It appears under its name with the owner recorded, so that a sweep never sees it without.
        """
        ROOT.mkdir(mode=0o755, exist_ok=True)
        owner = ProcessId.of(os.getpid())
        assert owner is not None
        for number in itertools.count(1):
            directory = ROOT / f"{prefix}{owner.pid}-{number}"
            if not directory.exists():
                break
        hidden = ROOT / f".{directory.name}"
        hidden.mkdir(exist_ok=True)
        Registry(hidden).record("owner", pid=owner.pid, start=owner.start)
        hidden.rename(directory)
        return Registry(directory)

    def record(self, kind: str, **what: str | int) -> None:
        """Append one thing this run has created."""
        line = json.dumps({"kind": kind, **what}) + "\n"
        with (self.directory / "registry").open("a") as file:
            file.write(line)

    def record_process(self, pid: int, name: str) -> ProcessId | None:
        """Record a process that belongs to the run; None when it has ended already."""
        process = ProcessId.of(pid)
        if process is not None:
            self.record("process", pid=process.pid, start=process.start, name=name)
        return process

    def entries(self, kind: str) -> Iterator[dict[str, object]]:
        """Read what was recorded; a last line cut short by a crash is skipped."""
        with contextlib.suppress(FileNotFoundError):
            for line in (self.directory / "registry").read_text().splitlines():
                with contextlib.suppress(json.JSONDecodeError):
                    entry = json.loads(line)
                    if entry.get("kind") == kind:
                        yield entry

    def processes(self, kind: str = "process") -> list[ProcessId]:
        """Recorded processes, the last started first."""
        found = [ProcessId(int(str(e["pid"])), int(str(e["start"]))) for e in self.entries(kind)]
        return found[::-1]

    def owned(self) -> bool:
        """Tell whether the process that started the run still lives."""
        return any(owner.alive() for owner in self.processes("owner"))

    def remove(self) -> None:
        """End the recorded processes and their children; remove namespaces and directory."""
        terminate(family(self.processes()))
        for entry in self.entries("netns"):
            remove_namespace(str(entry["name"]), int(str(entry["inode"])))
        shutil.rmtree(self.directory, ignore_errors=True)


def remove_namespace(name: str, inode: int) -> None:
    """Delete a named namespace if it still is the one recorded."""
    with contextlib.suppress(FileNotFoundError):
        if (NETNS / name).stat().st_ino == inode:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

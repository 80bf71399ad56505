# SPDX-License-Identifier: BSD-3-Clause
"""A child process of the run, with a log file."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rig.netns import Namespace, environment
from rig.registry import ProcessId, Registry, children
from rig.waiting import wait


class Process:
    """A process started in a namespace, recorded, logging to <run>/<name>.log."""

    def __init__(
        self,
        registry: Registry,
        namespace: Namespace,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        """Start `argv` in `namespace`; it does not get the terminal's Ctrl-C, its owner does."""
        self.name = name
        self.log = registry.directory / f"{name}.log"
        self._registry = registry
        self._known: set[ProcessId] = set()
        with self.log.open("ab") as log:
            self._offset = log.tell()
            self._popen = subprocess.Popen(
                [*namespace.prefix(), *argv],
                stdin=stdin,
                stdout=log,
                stderr=log,
                env=environment() if env is None else env,
                start_new_session=True,
            )
        registry.record_process(self.pid, name)

    @property
    def pid(self) -> int:
        """Its pid, also after it has ended."""
        return self._popen.pid

    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._popen.poll()

    def record_children(self) -> None:
        """Add its children to the registry, so that they can be found when it dies without them."""
        for pid in children(self.pid):
            child = ProcessId.of(pid)
            if child is not None and child not in self._known:
                self._known.add(child)
                self._registry.record_process(pid, f"{self.name}'s child")

    def send(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.status() is None:
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """SIGSTOP, and wait until none of its threads runs any more: a busy host takes its time."""
        self.send(signal.SIGSTOP)
        wait(lambda: {_state(task) for task in self._tasks()} == {"T"}, 10, f"{self.name} to stop")

    def _tasks(self) -> list[Path]:
        return list(Path(f"/proc/{self.pid}/task").iterdir())

    def wait(self, timeout: float) -> int:
        """Wait for the end; returns the exit status, raises subprocess.TimeoutExpired."""
        return self._popen.wait(timeout)

    def stop(self, timeout: float = 10) -> int:
        """SIGTERM, SIGKILL after `timeout`; returns the exit status."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            return self.wait(timeout)

    def text(self) -> str:
        """Everything it has logged; an earlier process of that name wrote into the same file."""
        return self.log.read_bytes()[self._offset :].decode(errors="replace")


def _state(task: Path) -> str:
    # Its name, in parentheses, may have blanks.
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


def tail(log: Path, lines: int = 25) -> str:
    """The last lines of a log, or an empty text when there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent beside a rig's slbd; it may be killed and started again."""

import signal
from contextlib import suppress
from pathlib import Path

from rig.lb import program
from rig.process import Process, tail
from rig.rig import Rig
from rig.waiting import RigError, wait
from slb.api.client import Client
from slb.errors import SlbError

_READY_S = 20
_APPLIED_S = 10
# It has no capability, as under its systemd unit.
_BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


class Agent:
    """A process in the LB's namespace, and its API's client."""

    def __init__(self, rig: Rig, config: Path | None = None, programs: Path | None = None) -> None:
        """Start it on a new directory and wait until slbd has what it wants.

        `config`: agent.yaml, if it is to serve TCP. `programs`: where checks' programs are.
        """
        self._rig = rig
        self.socket = rig.registry.directory / "agent.sock"
        self.client = Client(str(self.socket), 10)
        self._words = _words(rig, self.socket, "state")
        if config is not None:
            self._words += ["--config", str(config)]
        if programs is not None:
            self._words += ["--check-programs", str(programs)]
        self.start()

    @staticmethod
    def another(rig: Rig) -> Process:
        """Start one more, on a state and a socket of its own; it may end at once."""
        words = _words(rig, rig.registry.directory / "another.sock", "another-state")
        process = Process(rig.registry, rig.lb.namespace, "another-agent", words)
        rig.adopt(process)
        return process

    def start(self) -> None:
        """Start it, again too, and wait until slbd has what it wants."""
        self.process = Process(self._rig.registry, self._rig.lb.namespace, "slb-agent", self._words)
        self._rig.adopt(self.process)
        wait(self._ready, _READY_S, "slb-agent's ready line")
        wait(self.applied, _APPLIED_S, "slbd as the agent wants it")

    def kill(self) -> None:
        """SIGKILL."""
        self.process.send(signal.SIGKILL)
        self.process.wait(5)

    def applied(self) -> bool:
        """Tell whether slbd has what the agent wants."""
        with suppress(SlbError):
            return self.client.status().slbd == "applied"
        return False

    def _ready(self) -> bool:
        if self.process.status() is not None:
            raise RigError(f"slb-agent ended: {tail(self.process.log, 8)}")
        return "slb-agent: ready" in self.process.text()


def _words(rig: Rig, socket: Path, state: str) -> list[str]:
    words = [*_BARE, program("slb-agent"), "--socket", str(socket)]
    return [*words, "--state", str(rig.registry.directory / state), "--slbd", str(rig.lb.socket)]

# SPDX-License-Identifier: BSD-3-Clause
"""slbd and slb-agent as processes in a namespace, over a device without packets.

Either may be killed, and started again.
"""

import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from rig.lb import program
from rig.netns import Namespace
from rig.process import Process, tail
from rig.registry import Registry
from rig.waiting import RigError, wait
from slb.api.client import Client
from slb.errors import SlbError

LIMIT_S = 60


def slb_yaml(socket: Path, vs_max: int, rs_max: int) -> dict[str, Any]:
    """The whole slb.yaml: two workers, and nothing to forward."""
    return {
        "engine": {
            "workers": 2,
            "hugepages": False,
            "sessions": 1024,
            "mbufs": 8192,
            "vs_max": vs_max,
            "rs_max": rs_max,
        },
        "ports": [
            {
                "name": "none0",
                "device": "net_null0,no-rx=1",
                "kernel_interface": {"name": "none0", "kind": "none"},
                "local_addresses": ["198.18.0.1-198.18.0.2"],
            }
        ],
        "service_subnets": ["10.96.0.0/16"],
        "api": {"socket": str(socket)},
    }


class Pair:
    """Both processes and their clients; use it as a context manager."""

    def __init__(
        self, vs_max: int, rs_max: int, prefix: str = "slbt", config: Path | None = None
    ) -> None:
        """Write the configuration, and start both; `config` is the agent's, for TCP."""
        self._registry = Registry.create(prefix)
        self._stack = ExitStack()
        self._stack.callback(self._registry.remove)
        folder = self._registry.directory
        self.agent_socket = folder / "agent.sock"
        self._slbd_socket, self._config = folder / "slbd.sock", folder / "slb.yaml"
        self._config.write_text(yaml.safe_dump(slb_yaml(self._slbd_socket, vs_max, rs_max)))
        self._agent_words = ["--config", str(config)] if config else []
        self.agent = Client(str(self.agent_socket), LIMIT_S, "slb-agent")
        self.slbd = Client(str(self._slbd_socket), LIMIT_S)
        try:
            self.namespace = Namespace(self._registry, "lb")
            self.start_slbd()
            self.start_agent()
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_slbd(self) -> None:
        """Start it, and wait for its ready line."""
        env = {**os.environ, "RUNTIME_DIRECTORY": str(self._registry.directory)}
        self._slbd = self._start("slbd", ["--config", str(self._config)], env)

    def start_agent(self) -> None:
        """Start it, and wait for its ready line."""
        words = ["--socket", str(self.agent_socket), "--slbd", str(self._slbd_socket)]
        words += ["--state", str(self._registry.directory / "state"), *self._agent_words]
        self._agent = self._start("slb-agent", words)

    @property
    def agent_pid(self) -> int:
        """The agent's process."""
        return self._agent.pid

    def logs(self) -> tuple[str, str]:
        """What slbd and the agent have said."""
        return self._slbd.text(), self._agent.text()

    def kill_slbd(self) -> None:
        """SIGKILL."""
        _kill(self._slbd)

    def kill_agent(self) -> None:
        """SIGKILL."""
        _kill(self._agent)

    def word(self) -> str:
        """How slbd is to the desired state, as the agent says; empty: it does not answer."""
        try:
            return self.agent.status().slbd
        except SlbError:
            return ""

    def wait_applied(self, timeout: float = LIMIT_S) -> None:
        """Wait until slbd has what the agent wants; raises RigTimeout."""
        wait(lambda: self.word() == "applied", timeout, "slbd as the agent wants it")

    def _start(self, name: str, words: list[str], env: Mapping[str, str] | None = None) -> Process:
        process = Process(self._registry, self.namespace, name, [program(name), *words], env)
        self._stack.callback(process.stop)

        def ready() -> bool:
            if process.status() is not None:
                raise RigError(f"{name} ended: {tail(process.log, 8)}")
            return f"{name}: ready" in process.text()

        wait(ready, LIMIT_S, f"{name}'s ready line")
        return process


def _kill(process: Process) -> None:
    process.send(signal.SIGKILL)
    process.wait(LIMIT_S)

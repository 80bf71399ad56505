# SPDX-License-Identifier: BSD-3-Clause
"""A Prometheus in the LB's namespace, and what it answers."""

import json
from pathlib import Path
from typing import Any

import yaml

from rig.process import Process, tail
from rig.rig import Rig
from rig.waiting import RigError, wait

ADDRESS = "127.0.0.1:9090"
_READY_S = 30


class Prometheus:
    """A process with that configuration, in a folder of its own."""

    def __init__(self, rig: Rig, config: dict[str, Any]) -> None:
        """Start it and wait until it answers."""
        self._namespace = rig.lb.namespace
        self.folder = rig.registry.directory / "prometheus"
        self.folder.mkdir()
        self.file = self.folder / "prometheus.yml"
        self.file.write_text(yaml.safe_dump(config))
        words = ["prometheus", f"--config.file={self.file}", f"--web.listen-address={ADDRESS}"]
        words += [f"--storage.tsdb.path={self.folder / 'data'}", "--log.level=warn"]
        self.process = Process(rig.registry, self._namespace, "prometheus", words)
        rig.adopt(self.process)
        wait(self._ready, _READY_S, "Prometheus")

    def ask(self, path: str, **query: str) -> Any:
        """Ask its API; raises RigError when it has an error."""
        words = [
            word
            for name, value in query.items()
            for word in ("--data-urlencode", f"{name}={value}")
        ]
        url = f"http://{ADDRESS}/api/v1/{path}"
        answer = json.loads(self._namespace.run("curl", "-sS", "-G", *words, url))
        if answer["status"] != "success" or answer.get("warnings"):
            raise RigError(f"{path} {query}: {answer}")
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression now; returns its series."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def targets(self) -> dict[str, str]:
        """What it makes of each job's target: up, or why not."""
        rows = self.ask("targets", state="active")["activeTargets"]
        return {row["labels"]["job"]: row["lastError"] or row["health"] for row in rows}

    def alerts(self) -> dict[tuple[str, str], dict[str, str]]:
        """The labels of every alert there is, by its name and its state, pending or firing."""
        rows = self.ask("alerts")["alerts"]
        return {(row["labels"]["alertname"], row["state"]): row["labels"] for row in rows}

    def _ready(self) -> bool:
        if self.process.status() is not None:
            raise RigError(f"prometheus ended: {tail(self.process.log, 8)}")
        words = ("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}")
        return self._namespace.run(*words, f"http://{ADDRESS}/-/ready", check=False) == "200"


def shipped(folder: Path) -> dict[str, Any]:
    """The configuration that we ship, as it is."""
    found: dict[str, Any] = yaml.safe_load((folder / "prometheus.yml").read_text())
    return found

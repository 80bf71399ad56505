# SPDX-License-Identifier: BSD-3-Clause
"""Both programs with --log json: every line of theirs is an object, whatever is told."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from unit.agent_values import key
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S
from unit.test_daemon import FILE

from rig.waiting import wait
from slb.api.client import Client
from slb.api.unix_http import exchange
from slb.model.endpoint import Endpoint
from slb.model.health import CommandCheck
from slb.model.service import RealServer, Service

pytest_plugins = ["unit.daemon_fixture"]

# A program that ends with status 1, whatever network there is.
CHECK = CommandCheck(program="false", interval_s=0.5, timeout_s=0.5, fall=1)
RS = Endpoint.parse("10.10.0.1:8080")


@pytest.mark.parametrize(
    ("first", "status", "level", "message"),
    [
        ("", 0, "info", "{file}: good"),
        ("colour: red\n", 2, "error", "{file}:1: colour: no such key"),
    ],
)
def test_slbd(tmp_path: Path, first: str, status: int, level: str, message: str) -> None:
    file = tmp_path / "slb.yaml"
    file.write_text(first + FILE.format(folder=tmp_path))
    words = [program("slbd"), "--check", "--log", "json", "-c", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    (row,) = objects(done.stderr)
    assert (done.returncode, row["program"], row["level"]) == (status, "slbd", level)
    assert row["message"].startswith(message.format(file=file))


def test_slb_agent(tmp_path: Path, daemon: FakeDaemon) -> None:
    """Also the lines of requests; and an RS that goes down is an event, to be read by fields."""
    daemon.add(FIRST, r1=1)
    path, log = tmp_path / "a.sock", tmp_path / "log"
    words = ["--socket", str(path), "--state", str(tmp_path / "state")]
    words += ["--slbd", str(daemon.socket), "--config", ""]
    words += ["--check-programs", "/bin", "--log", "json"]
    with (
        log.open("wb") as out,
        subprocess.Popen([program("slb-agent"), *words], stderr=out) as process,
    ):
        try:
            wait(lambda: "ready, socket" in log.read_text(), PATIENCE_S, "the agent's start")
            agent = Client(str(path))
            wait(lambda: agent.status().slbd == "applied", PATIENCE_S, "slbd")
            agent.vs_add(Service(key(2), "wrr", (RealServer(RS, 1),), health=CHECK))
            assert exchange(str(path), "POST", "/v1/confirm", None, 10).status == 409
            wait(lambda: "rs_down" in log.read_text(), PATIENCE_S, "the RS is down")
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    rows = objects(log.read_text())
    (event,) = (row["event"] for row in rows if "event" in row)
    assert (event["kind"], event["vs"], event["rs"]) == ("rs_down", str(key(2)), str(RS))
    assert [row["status"] for row in rows if "status" in row][-1] == 409
    assert {row.get("program", "slb-agent") for row in rows} == {"slb-agent"}


def program(name: str) -> str:
    """Where a program is installed."""
    return str(Path(sys.executable).with_name(name))


def objects(text: str) -> list[dict[str, Any]]:
    """What is on each line."""
    return [json.loads(line) for line in text.splitlines()]

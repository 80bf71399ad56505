# SPDX-License-Identifier: BSD-3-Clause
"""An RS that is down gets no session of any worker, an interval after the check at the latest.

client ==> switch ==> lb: slbd, two workers ==> pod1a, pod1b, pod2a, pod2b
                       ^  slb0 --- a check every 2 s ---^
            slb-agent -+
"""

import signal
import time
from pathlib import Path

import pytest
import yaml

from rig.addresses import HTTP_VS, PODS
from rig.agent import Agent
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import http_service
from rig.waiting import wait

pytestmark = pytest.mark.netns

INTERVAL_S = 2.0
CHECK = {"type": "http", "interval_s": INTERVAL_S, "timeout_s": 0.5, "rise": 1, "fall": 1}
WORKERS = 2
# So many more sessions of a worker, none of which went to the RS, show that it has heard.
ENOUGH = 100
PATIENCE_S = 20
POD = PODS[0]


def test_no_session_of_any_worker(tmp_path: Path) -> None:
    """While all workers go on making sessions, before, meanwhile and after."""
    with Rig(LbSettings(workers=WORKERS, ospf=False)) as rig:
        agent = Agent(rig)
        file = tmp_path / "services.yaml"
        file.write_text(yaml.safe_dump({"services": [http_service() | {"health": CHECK}]}))
        rig.lb.ctl("--socket", str(agent.socket), "apply", str(file))
        wait(lambda: {row.state for row in agent.client.health()} == {"up"}, PATIENCE_S, "all up")
        with rig.client.http_load(8, pause_s=0.01):
            wait(lambda: begun(rig) > ENOUGH, PATIENCE_S, "sessions to it")
            rig.pods[POD.name].send(signal.SIGKILL)
            decided = wait(lambda: down_at(agent), PATIENCE_S, "the check that finds it down")
            wait(lambda: weight(rig) == 0, PATIENCE_S, "no weight for it")
            to_it, of_all = begun(rig), made(rig)
            late = time.monotonic() - decided
            assert late < INTERVAL_S, f"slbd heard of it {late:.1f} s after the check"
            wait(
                lambda: all(now > was + ENOUGH for now, was in zip(made(rig), of_all, strict=True)),
                PATIENCE_S,
                "more sessions of every worker",
            )
            assert begun(rig) == to_it, "a worker goes on giving it sessions"
        outcome = rig.client.http(200)
        assert outcome.failures == [] and POD.name not in outcome.answers
        assert begun(rig) == to_it


def down_at(agent: Agent) -> float:
    """When the check was over that found the RS down; 0.0: none has."""
    now = time.monotonic()
    rows = [row for row in agent.client.health() if row.rs == POD.http and row.state == "down"]
    return now - rows[0].since_s if rows else 0.0


def begun(rig: Rig) -> int:
    """How many sessions the RS has had, of all workers."""
    return sum(row[2] for row in rig.lb.items("/v1/answers") if row[:2] == [HTTP_VS, POD.http])


def made(rig: Rig) -> list[int]:
    """How many sessions each worker has made."""
    return [row["sessions_created"] for row in rig.lb.items("/v1/workers")]


def weight(rig: Rig) -> int:
    """The weight that slbd has for it."""
    rows = [row for row in rig.lb.items("/v1/rs") if (row["vs"], row["rs"]) == (HTTP_VS, POD.http)]
    return int(rows[0]["weight"])

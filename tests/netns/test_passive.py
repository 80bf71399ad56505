# SPDX-License-Identifier: BSD-3-Clause
"""An RS that clients cannot reach is ejected by what became of their connections, without a check.

client ==> switch ==> lb: slbd ==> pod1a, pod2a, pod2b
            slb-agent -+  one reading of its counters a second
"""

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from rig.addresses import HTTP_PORT, HTTP_VS, PODS
from rig.agent import Agent
from rig.filters import losing
from rig.lb import LbSettings
from rig.resetting import resetting
from rig.rig import Rig
from rig.services import http_service
from rig.waiting import wait
from slb.model.health import HealthView

pytestmark = pytest.mark.netns

POD = PODS[0]
# Not its neighbour, which is behind the same link.
OTHERS = {pod.name for pod in PODS if pod.node != POD.node}
WINDOW_S = 5
RULES = {"window_s": WINDOW_S, "min_connections": 10, "eject_s": 3, "max_eject_s": 4}
RULES |= {"reset_percent": 50, "latency_factor": 20, "min_latency_ms": 50}
SAID = {
    "silent": r"\d+ of \d+ connections unanswered",
    "closed": r"\d+ of \d+ connections refused",
    "resetting": r"\d+ of \d+ connections reset",
    "slow": r"answers in [\d.]+ ms, the others in [\d.]+ ms",
}
# A client that is not answered sends its SYN again after a second; the load goes on all the while.
PATIENCE_S = 20


@pytest.fixture(scope="module")
def own_rig() -> Iterator[Rig]:
    """A rig of two workers whose slbd knows no service of its own."""
    with Rig(LbSettings(workers=2, ospf=False)) as rig:
        yield rig


@pytest.fixture(scope="module")
def agent(own_rig: Rig) -> Agent:
    """Its agent."""
    return Agent(own_rig)


@pytest.fixture(scope="module", autouse=True)
def applied(own_rig: Rig, agent: Agent, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The service of these pods, of which nothing but their connections is looked at."""
    file: Path = tmp_path_factory.mktemp("passive") / "services.yaml"
    service = http_service(dict.fromkeys([POD.name, *OTHERS], 1)) | {
        "health": {"type": "none", "passive": RULES}
    }
    file.write_text(yaml.safe_dump({"services": [service]}))
    own_rig.lb.ctl("--socket", str(agent.socket), "apply", str(file))


def row(agent: Agent) -> HealthView:
    """What is known of the pod."""
    return next(row for row in agent.client.health() if row.rs == POD.http)


def weight(rig: Rig) -> int:
    """The weight of the pod in slbd."""
    rows = rig.lb.items("/v1/rs")
    return next(row["weight"] for row in rows if (row["vs"], row["rs"]) == (HTTP_VS, POD.http))


@pytest.mark.parametrize("how", list(SAID))
def test_out_and_back(own_rig: Rig, agent: Agent, how: str) -> None:
    """Nothing answers, or its kernel that nobody listens, its server resets, or it is late.

    Then it is well.
    """
    with ExitStack() as stack:
        # So slow that those who wait in vain are few at a time, as of many clients.
        load = stack.enter_context(own_rig.client.http_load(60, pause_s=0.5))
        wait(lambda: row(agent).state == "up", PATIENCE_S, "connections that say something")
        trouble = stack.enter_context(ExitStack())
        trouble.enter_context(troubled(own_rig, how))
        wait(lambda: weight(own_rig) == 0, PATIENCE_S, "no weight for it")
        event = list(agent.client.events(0, follow=False))[-1]
        assert event.kind == "rs_ejected"
        assert (event.data["vs"], event.data["rs"]) == (HTTP_VS, POD.http)
        assert re.fullmatch(SAID[how], str(event.data["reason"])), event.data
        outcome = own_rig.client.http(100)
        assert (outcome.failures, set(outcome.answers)) == ([], OTHERS)
        trouble.close()
        wait(lambda: weight(own_rig) == 1, PATIENCE_S, "its weight again")
        wait(lambda: row(agent).state == "up", PATIENCE_S, "it does well")
        load.stop()
    assert POD.name in own_rig.client.http(100).answers


@contextmanager
def troubled(rig: Rig, how: str) -> Iterator[None]:
    """Have the pod be so until the block ends."""
    node, to_pod = rig.node(POD.node), f"ip daddr {POD.address} tcp dport {HTTP_PORT}"
    with ExitStack() as stack:
        if how == "silent":
            stack.enter_context(losing(node, f"{to_pod} counter drop", hook="input"))
        elif how == "slow":
            # What leaves its node waits in a queue.
            words = ("root", "tbf", "rate", "80kbit", "burst", "2000", "latency", "2s")
            node.run("tc", "qdisc", "add", "dev", "eth0", *words)
            stack.callback(node.run, "tc", "qdisc", "del", "dev", "eth0", "root")
        else:
            # Nobody is refused before the other server is there.
            with losing(node, f"{to_pod} tcp flags syn counter drop", hook="input"):
                rig.pods[POD.name].send(signal.SIGKILL)
                rig.pods[POD.name].wait(5)
                stack.callback(rig.restart_pod, POD)
                if how == "resetting":
                    stack.enter_context(resetting(node, POD))
        yield

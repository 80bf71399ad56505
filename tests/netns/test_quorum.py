# SPDX-License-Identifier: BSD-3-Clause
"""A VIP whose servers are down is announced no more, and again when they have been up for a while.

switch BIRD <-- OSPF --> slb0, slbd's BIRD; slb-agent's checks --> pod1a, pod1b, pod2a, pod2b
"""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.addresses import HTTP_PORT, LB, PODS, V4, V6
from rig.agent import Agent
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import service
from rig.waiting import holds, wait
from rig.ways import Way

pytestmark = pytest.mark.netns

CHECK = {"type": "tcp", "interval_s": 0.2, "timeout_s": 0.2, "rise": 2, "fall": 2}
HOLD_S = 3
POD = PODS[0]
VIPS = {V4.vip, V6.vip}
OSPF = {
    "mode": "managed",
    "router_id": LB,
    "announce": "vips",
    "network_type": "ptp",
    "quorum": len(PODS),
    "hold_s": HOLD_S,
}


def test_nobody_is_left(tmp_path: Path) -> None:
    """Half of the RS, and the only one of another VIP, stay in though they are down.

    A VIP without anybody behind it goes all the same, and stays away when slb-agent or slbd is
    started again meanwhile.
    """
    ospf = OSPF | {"quorum": 1, "hold_s": 0, "await_services_s": 30}
    with Rig(LbSettings(network_type="ptp", policies={"ospf": ospf})) as rig:
        agent = Agent(rig)
        every = Way(V4, V4).serve(80, "tcp", HTTP_PORT)
        six = Way(V6, V6)
        alone = service(six.vs(80, "tcp"), {six.rs(POD): 1})
        shown = begin(rig, agent, tmp_path, every, alone)
        for pod in PODS:
            rig.pods[pod.name].send(signal.SIGKILL)
        wait(lambda: shown() == set(), 10, "no route for want of RS")
        assert sorted(weights(rig)) == [0, 0, 1, 1, 1]
        agent.kill()
        agent.start()
        wait(agent.applied, 10, "the agent is back")
        holds(lambda: shown() == set(), 2, "no route")
        rig.lb.process.send(signal.SIGKILL)
        rig.lb.process.wait(5)
        rig.restart_lb()
        wait(agent.applied, 30, "slbd is back")
        wait(lambda: rig.routes_to_lb() and rig.routes_to_lb(V6), 30, "other routes")
        holds(lambda: shown() == set(), 2, "no route")
        rig.restart_pod(POD)
        wait(lambda: shown() == VIPS, 20, "both routes, with one RS")


def test_a_vip_goes_and_comes_with_its_servers(tmp_path: Path) -> None:
    """In both families, by both OSPF; the local addresses stay, and so does the neighbour."""
    with Rig(LbSettings(network_type="ptp", policies={"ospf": OSPF})) as rig:
        agent = Agent(rig)
        ways = (Way(V4, V4), Way(V6, V6))
        shown = begin(rig, agent, tmp_path, *(way.serve(80, "tcp", HTTP_PORT) for way in ways))
        rig.pods[POD.name].send(signal.SIGKILL)
        wait(lambda: shown() == set(), 10, "no route without the quorum")
        assert "no quorum" in rig.lb.ctl("ospf", "status")
        status = rig.lb.try_ctl("status")
        assert status.returncode == 1 and "- not announced for want of RS: " in status.stdout
        assert rig.switch.full() and rig.switch.full(V6) and rig.routes_to_lb()
        rig.restart_pod(POD)
        wait(lambda: 0 not in weights(rig), 10, "all RS in")
        begun = time.monotonic()
        holds(lambda: shown() == set(), HOLD_S - 1, "the routes held back")
        wait(lambda: shown() == VIPS, 10, "the routes again")
        assert time.monotonic() - begun >= HOLD_S - 1
        assert rig.client.http(50).failures == []
        # Lost again soon after, it waits for twice as long.
        rig.pods[POD.name].send(signal.SIGKILL)
        wait(lambda: shown() == set(), 10, "no route without the quorum")
        rig.restart_pod(POD)
        wait(lambda: 0 not in weights(rig), 10, "all RS in again")
        holds(lambda: shown() == set(), 2 * HOLD_S - 1, "the routes held back for longer")
        assert "well again, announced in" in rig.lb.ctl("ospf", "status")
        wait(lambda: shown() == VIPS, 10, "the routes at last")


def begin(
    rig: Rig, agent: Agent, folder: Path, *services: dict[str, Any]
) -> Callable[[], set[str]]:
    """Have these served and checked, both VIPs announced; returns what tells which are."""
    file = folder / "services.yaml"
    checked = [one | {"health": {**CHECK}} for one in services]
    file.write_text(yaml.safe_dump({"services": checked}))
    rig.lb.ctl("--socket", str(agent.socket), "apply", str(file))

    def shown() -> set[str]:
        return (rig.routes_to_lb() | rig.routes_to_lb(V6)) & VIPS

    wait(lambda: shown() == VIPS, 30, "the VIPs' routes")
    return shown


def weights(rig: Rig) -> list[int]:
    """The weights of all RS that slbd has."""
    return [row["weight"] for row in rig.lb.items("/v1/rs") if not row["removed"]]

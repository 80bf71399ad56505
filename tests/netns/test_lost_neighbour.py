# SPDX-License-Identifier: BSD-3-Clause
"""An LB host with two switches, of which one dies and comes back.

switch 192.0.2.1 ─── slb0 ── lb ── slb1 ─── 198.51.100.1 other
"""

import signal

import pytest
from netns.bird_lan import SWITCH, UP_S, Lan

from rig.netns import Namespace
from rig.waiting import wait
from slb.model.config import Ospf

pytestmark = pytest.mark.netns

OTHER = "198.51.100.1"
CONF = f"""
router id {OTHER};
protocol device {{ scan time 1; }}
protocol ospf v2 lb {{
    ipv4 {{ import all; export none; }};
    area 0.0.0.0 {{ interface "lan1" {{ type ptp; hello 1; dead 4; }}; }};
}}
"""


def add_other(lan: Lan) -> Namespace:
    """Join another switch to the LB, by a link of its own."""
    other = Namespace(lan.registry, "other")
    lan.lb.ip("link", "add", "slb1", "type", "veth", "peer", "name", "lan1", "netns", other.name)
    for namespace, device, address in (lan.lb, "slb1", "198.51.100.2"), (other, "lan1", OTHER):
        namespace.ip("link", "set", device, "up")
        namespace.ip("address", "add", f"{address}/30", "dev", device)
    return other


def test_one_of_two_switches_dies_and_comes_back(lan: Lan) -> None:
    """It is named, while the adjacency as a whole is Full; who has never been there is not."""
    other = add_other(lan)
    lan.start_switch("ptp")
    announcer = lan.announcer(Ospf(mode="managed"), "ptp", interfaces=("slb0", "slb1"))
    lan.wait_full(announcer)
    assert lan.status(announcer).lost == ()
    second = lan.start_bird(other, CONF)

    def full() -> set[str]:
        return {one.router_id for one in lan.status(announcer).neighbours if one.full}

    wait(lambda: full() == {SWITCH, OTHER}, UP_S, "both Full")
    assert lan.status(announcer).lost == ()
    second.send(signal.SIGKILL)
    second.wait(5)
    wait(lambda: lan.status(announcer).lost, UP_S, "the loss of one")
    status = lan.status(announcer)
    assert status.lost == (f"{OTHER} ({OTHER}) on slb1",)
    assert (status.adjacency, status.error) == ({4: "full"}, None)
    (lan.directory / "other.ctl").unlink()
    lan.start_bird(other, CONF)
    wait(lambda: full() == {SWITCH, OTHER}, UP_S, "both Full again")
    assert lan.status(announcer).lost == ()

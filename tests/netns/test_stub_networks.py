# SPDX-License-Identifier: BSD-3-Clause
"""Many stub networks, an LSA much longer than a packet, or many external routes; FRR as the switch.

Stub networks of IPv6 that do not fit into one are taken, but not given back; external routes have
an LSA each (docs/decisions/0030).
"""

import os
import signal
from ipaddress import IPv4Network, IPv6Network
from itertools import islice
from typing import Literal

import pytest
from netns.bird_lan import UP_S, Lan

from ospf.model import FAMILIES
from rig.waiting import wait
from slb.model.config import Ospf

pytestmark = pytest.mark.netns

MANY, MANY6 = 1000, 60
VIPS = list(islice(IPv4Network("10.96.0.0/20").subnets(new_prefix=32), MANY))
VIPS6 = list(islice(IPv6Network("2001:db8:96::/112").subnets(new_prefix=128), MANY))


@pytest.mark.parametrize(("route_type", "many6"), [("stub", MANY6), ("external", MANY)])
def test_a_thousand_of_ipv4_and_as_many_of_ipv6_as_there_may_be(
    lan: Lan, route_type: Literal["stub", "external"], many6: int
) -> None:
    """They come, all come again with a BIRD that was killed, and all go."""
    lan.start_frr("ptp")
    ospf = Ospf(mode="managed", route_type=route_type)
    announcer = lan.announcer(ospf, "ptp", FAMILIES)
    wait(lambda: lan.adjacency(announcer) == {"full"}, UP_S, "Full")
    vips6 = VIPS6[:many6]
    lan.loop.run(announcer.set_prefixes([*VIPS, *vips6]))
    lan.wait_learnt(*VIPS, *vips6)
    os.kill(killed := lan.bird_pid(), signal.SIGKILL)
    wait(lambda: lan.bird_pid() not in (0, killed), 10, "another BIRD")
    wait(lambda: lan.adjacency(announcer) == {"full"}, UP_S, "Full again")
    assert lan.status(announcer).announced == (*VIPS, *vips6)
    lan.wait_learnt(*VIPS, *vips6)
    # What it had said before came back, in datagrams of many fragments.
    assert "truncated" not in (lan.runtime_dir / "bird.log").read_text()
    lan.loop.run(announcer.withdraw("test"))
    lan.wait_learnt()

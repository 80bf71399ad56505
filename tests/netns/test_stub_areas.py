# SPDX-License-Identifier: BSD-3-Clause
"""A stub area, of both OSPFs, with FRR as the switch.

lb ── slb0 ─────────────── lan0 ── switch, for which the area is a stub area
"""

from collections.abc import Mapping
from dataclasses import replace as replace_setup
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from msgspec.structs import replace
from netns.bird_lan import UP_S, Lan

from ospf.model import FAMILIES
from rig.frr import watched
from rig.waiting import holds, wait
from slb.model.config import Ospf

pytestmark = pytest.mark.netns

SUBNETS = IPv4Network("10.96.0.0/16"), IPv6Network("2001:db8:96::/48")
AREA = IPv4Address("0.0.0.7")
DEAD_S = 4
# Longer than a dead interval, within which neighbours that agree are Full.
APART_S = 6


def stub_configs() -> Mapping[str, str]:
    """FRR's, of a stub area and without BFD."""
    texts = watched(str(AREA), DEAD_S)
    return {name: _stub(texts[name]) for name in ("ospfd", "ospf6d")}


def _stub(text: str) -> str:
    lines = [line for line in text.splitlines() if "bfd" not in line]
    return "\n".join([*lines, f"     area {AREA} stub"])


def test_both_ends_say_so(lan: Lan) -> None:
    """No neighbours until the LB is told, while it runs; then its networks are there."""
    lan.start_frr("ptp", stub_configs())
    usual = Ospf(mode="managed", dead_s=DEAD_S, area=AREA, route_type="stub", metric=20)
    announcer = lan.announcer(usual, "ptp", FAMILIES)
    lan.loop.run(announcer.set_prefixes(SUBNETS))
    holds(lambda: "full" not in lan.adjacency(announcer), APART_S, "no neighbour")
    told = replace(lan.setup.ospf, stub_areas=(AREA,))
    lan.loop.run(announcer.use(replace_setup(lan.setup, ospf=told)))
    wait(lambda: lan.adjacency(announcer) == {"full"}, UP_S, "Full")
    lan.wait_learnt(*SUBNETS)
    lan.loop.run(announcer.use(lan.setup))
    wait(lambda: "full" not in lan.adjacency(announcer), UP_S, "neighbours that disagree")

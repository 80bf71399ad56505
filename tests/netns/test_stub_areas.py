# SPDX-License-Identifier: BSD-3-Clause
"""A stub area, of both OSPFs, with FRR and with BIRD as the switch.

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
BEHIND = "203.0.113.0/24"
STUB = Ospf(mode="managed", area=AREA, stub_areas=(AREA,), route_type="stub")
THEIRS, THEIRS_STUB = (f"area {AREA} {{ {kind}interface" for kind in ("", "stub; "))
# What BIRD says of the other's hellos.
DIFFERS = "area type mismatch"
DEAD_S = 4
# Longer than a dead interval, within which neighbours that agree are Full.
APART_S = 6


def stub_configs() -> Mapping[str, str]:
    """FRR's, of a stub area and without BFD."""
    texts = watched(str(AREA), DEAD_S)
    return {name: _stub(texts[name]) for name in ("ospfd", "ospf6d")}


def border_configs() -> Mapping[str, str]:
    """The same, with the backbone behind it for OSPFv2."""
    texts = dict(stub_configs())
    texts["ospfd"] += f"\n     network {BEHIND} area 0"
    return texts


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


def test_either_end_may_change(lan: Lan) -> None:
    """Else there is no adjacency; either end may change while it runs, and back."""
    switch = lan.start_switch("ptp", area=str(AREA))
    # BIRD has no stub area for who exports.
    for behind in "behind", "behind6":
        lan.change_switch(f'import all; export where proto = "{behind}";', "import all;")
    announcer = lan.announcer(STUB, "ptp", FAMILIES)
    lan.loop.run(announcer.set_prefixes(SUBNETS))
    wait(lambda: DIFFERS in switch.text(), UP_S, "the switch's refusal")
    assert lan.adjacency(announcer) == {"down"}
    lan.change_switch(THEIRS, THEIRS_STUB)
    lan.wait_full(announcer)
    lan.wait_learnt(*SUBNETS)

    normal = replace_setup(lan.setup, ospf=replace(lan.setup.ospf, stub_areas=()))
    lan.loop.run(announcer.use(normal))
    wait(lambda: lan.adjacency(announcer) == {"lost"}, UP_S, "the loss of the switch")
    lan.change_switch(THEIRS_STUB, THEIRS)
    lan.wait_full(announcer)
    lan.wait_learnt(*SUBNETS)

    lan.loop.run(announcer.use(lan.setup))
    wait(lambda: lan.adjacency(announcer) == {"lost"}, UP_S, "the loss of the switch again")
    lan.change_switch(THEIRS, THEIRS_STUB)
    lan.wait_full(announcer)
    lan.wait_learnt(*SUBNETS)


def test_a_border_router_of_frr_gives_the_default_route(lan: Lan) -> None:
    """Its area has our subnets of both families; we have its default route and its backbone's."""
    lan.put_behind_the_switch()
    lan.start_frr("ptp", border_configs())
    announcer = lan.announcer(STUB, "ptp", FAMILIES)
    wait(lambda: lan.adjacency(announcer) == {"full"}, UP_S, "Full")
    lan.loop.run(announcer.set_prefixes(SUBNETS))
    lan.wait_learnt(*SUBNETS)
    wait(lambda: {"default", BEHIND} <= lan.learnt(), UP_S, "the way out")
    lan.loop.run(announcer.withdraw("test"))
    lan.wait_learnt()

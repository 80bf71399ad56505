# SPDX-License-Identifier: BSD-3-Clause
"""What slb.yaml says under `ospf`, as FRR at the other end of the link has it in its database.

lb ── slb0 192.0.2.2, fe80::2 ───── 192.0.2.1, fe80::1 lan0 ── switch
slbd's BIRD                                                    ospfd, ospf6d, bfdd
"""

import os
import signal
import time
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, Literal

import pytest
from netns.bird_lan import LB, LB_LINK, UP_S, Lan

from ospf.model import FAMILIES
from rig.frr import BFD_MS, BFD_MULTIPLIER, Frr, watched
from rig.waiting import wait
from slb.model.config import Ospf, OspfBfd, OspfLink

pytestmark = pytest.mark.netns

SUBNET, SUBNET6 = IPv4Network("10.96.0.0/16"), IPv6Network("2001:db8:96::/48")
AREA, COST, METRIC = "0.0.0.7", 7, 20
# BFD's; the dead interval is a minute.
DEAD_S, LEFT_S = 60, 5
DRAINED = {"external": 16_777_213, "stub": 65_535}
FLOODED_S = 10

Kind = Literal["external", "stub"]


@pytest.mark.parametrize("kind", ["external", "stub"])
def test_area_cost_metric_bfd_and_drain(lan: Lan, kind: Kind) -> None:
    """Both of OSPFv2 and OSPFv3 have all of it; who drains is the last choice of either."""
    frr = lan.start_frr("ptp", watched(AREA, DEAD_S))
    ospf = Ospf(
        mode="managed",
        dead_s=DEAD_S,
        links=(OspfLink("slb0", area=IPv4Address(AREA), cost=COST),),
        route_type=kind,
        metric=METRIC,
        bfd=OspfBfd(BFD_MS, BFD_MULTIPLIER),
    )
    announcer = lan.announcer(ospf, "ptp", FAMILIES)
    wait(lambda: lan.adjacency(announcer) == {"full"}, UP_S, "Full")
    lan.loop.run(announcer.set_prefixes([SUBNET, SUBNET6]))
    lan.wait_learnt(SUBNET, SUBNET6)
    assert metrics(frr, kind) == (METRIC, METRIC)
    wait(lambda: costs(frr) == (COST, COST), FLOODED_S, "the costs of the link")
    up = {LB, LB_LINK}
    wait(lambda: watched_by_bfd(frr) == up, UP_S, "BFD of both")

    lan.loop.run(announcer.drain(0))
    drained = (DRAINED[kind], DRAINED[kind])
    wait(lambda: metrics(frr, kind) == drained, FLOODED_S, "the metric of a drain")
    # They are still there for who has no other way.
    lan.wait_learnt(SUBNET, SUBNET6)

    os.kill(bird := lan.bird_pid(), signal.SIGSTOP)
    begun = time.monotonic()
    try:
        gone: dict[str, float] = {}

        def both_gone() -> bool:
            for gateway in {LB, LB_LINK} - gone.keys():
                if not lan.via(lan.switch, gateway):
                    gone[gateway] = time.monotonic() - begun
            return len(gone) == 2

        wait(both_gone, LEFT_S, "all routes given up")
        print(f"{kind}: gone after {', '.join(f'{ip} {s:.2f} s' for ip, s in gone.items())}")
    finally:
        os.kill(bird, signal.SIGCONT)
    lan.wait_learnt(SUBNET, SUBNET6)


def metrics(frr: Frr, kind: Kind) -> tuple[int, int]:
    """The metrics of the two subnets in FRR's database."""
    if kind == "external":
        four = frr.show("show ip ospf database external json")["asExternalLinkStates"]
        six = frr.show("show ipv6 ospf6 database as-external detail json")
        rows = [lsa for db in six["asScopedLinkStateDb"] for lsa in db["lsa"]]
        ours = [lsa["metric"] for lsa in rows if lsa["prefix"] == str(SUBNET6)]
        return only([lsa["metric"] for lsa in four if lsa["advertisingRouter"] == LB]), only(ours)
    links = [link for link in links_of(frr) if link.get("networkAddress") == "10.96.0.0"]
    six = frr.show("show ipv6 ospf6 database intra-prefix detail json")
    prefixes = [p for lsa in of_area(six) if lsa["advertisingRouter"] == LB for p in lsa["prefix"]]
    ours = [p["metric"] for p in prefixes if p["prefix"] == str(SUBNET6)]
    return only([link["tos0Metric"] for link in links]), only(ours)


def costs(frr: Frr) -> tuple[int, int]:
    """The costs of the link in our router LSAs, in FRR's database."""
    links = [link["tos0Metric"] for link in links_of(frr) if "neighborRouterId" in link]
    six = of_area(frr.show("show ipv6 ospf6 database router detail json"))
    rows = [row for lsa in six if lsa["advertisingRouter"] == LB for row in lsa["lsaDescription"]]
    return only(links), only([row["metric"] for row in rows])


def links_of(frr: Frr) -> list[dict[str, Any]]:
    """The links of our router LSA of OSPFv2, which must be in the area."""
    found = frr.show(f"show ip ospf database router adv-router {LB} json")
    links: dict[str, dict[str, Any]] = found["Router Link States"][AREA][LB]["routerLinks"]
    return list(links.values())


def of_area(shown: dict[str, Any]) -> list[dict[str, Any]]:
    """LSAs of OSPFv3, which must be in the area."""
    areas = {db["areaId"]: db["lsa"] for db in shown["areaScopedLinkStateDb"]}
    found: list[dict[str, Any]] = areas[AREA]
    return found


def watched_by_bfd(frr: Frr) -> set[str]:
    """Whom BFD says to be up."""
    return {row["peer"] for row in frr.show("show bfd peers json") if row["status"] == "up"}


def only(found: list[int]) -> int:
    """The one that there is, -1 while there is none or several."""
    return found[0] if len(found) == 1 else -1

# SPDX-License-Identifier: BSD-3-Clause
"""Two ports, each with a network of its own: as two arms, and as two links that are alike.

                 .-- lan0 --.
client -- switch +          +-- [slbd | slb0, slb1] kernel of the LB
   nodes --'     '-- lan1 --'
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from rig.addresses import FAMILIES, PODS, V4, V6, Family, pod_subnet
from rig.lb import LbSettings
from rig.rig import Rig
from rig.two_ports import FEW, SECOND, TwoTaps, local, second, second_port
from rig.waiting import wait
from rig.ways import Way

pytestmark = pytest.mark.netns

WORKERS = [1, 2]
LOAD = 200


def routes_by(number: int, *prefixes: tuple[Family, str]) -> list[dict[str, str]]:
    """Routes by the switch's address on the first (0) or second (1) link."""
    return [
        {"to": prefix, "via": (family.switch, second(family)[0])[number]}
        for family, prefix in prefixes
    ]


DEFAULTS = routes_by(0, (V4, "0.0.0.0/0"), (V6, "::/0"))


def two_arms(workers: int) -> LbSettings:
    """Clients on lan0, which has no local addresses; all pods by lan1, which has them."""
    pods = routes_by(1, *((family, family.pods) for family in FAMILIES))
    laddrs = [a for family in FAMILIES for a in local(family, 2 * workers, 1)]
    port = {"routes": DEFAULTS, "local_addresses": [], **FEW}
    more = second_port(pods, laddrs)
    return LbSettings(workers, ospf=False, link=TwoTaps(), port=port, more_ports=[more])


def two_sides(workers: int) -> LbSettings:
    """Clients and node 1 on lan0, node 2 on lan1, and local addresses on both."""
    pods = routes_by(1, *((family, pod_subnet(2, family)) for family in FAMILIES))
    mine, other = ([a for f in FAMILIES for a in local(f, 2 * workers, n)] for n in (0, 1))
    port = {"routes": DEFAULTS, "local_addresses": mine, **FEW}
    more = second_port(pods, other)
    return LbSettings(workers, ospf=False, link=TwoTaps(), port=port, more_ports=[more])


@pytest.fixture(scope="module", params=WORKERS, ids=["w1", "w2"])
def arms(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Two arms."""
    with Rig(two_arms(request.param)) as rig:
        yield rig


@pytest.fixture(scope="module", params=WORKERS, ids=["w1", "w2"])
def sides(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Two links that are alike."""
    with Rig(two_sides(request.param)) as rig:
        yield rig


def packets(rig: Rig) -> dict[str, int]:
    """Packets that each port has received and sent."""
    found = {}
    for row in rig.lb.items("/v1/ports"):
        found[f"{row['name']} rx"] = row["rx_packets"]
        found[f"{row['name']} tx"] = row["tx_packets"]
    return found


def sessions(rig: Rig) -> list[dict[str, Any]]:
    return rig.lb.items("/v1/sessions?limit=1000")


def host(text: str) -> str:
    """The address of an endpoint."""
    return text.rpartition(":")[0].strip("[]")


def answered(rig: Rig, way: Way) -> None:
    """Every pod answers by both protocols."""
    rig.lb.apply(way.services())
    outcome = rig.client.http(LOAD, target=way.http)
    assert outcome.failures == []
    assert set(outcome.answers) == {pod.name for pod in PODS}
    assert rig.client.dns(LOAD, target=way.dns).failures == []


@pytest.mark.parametrize("family", FAMILIES, ids=["v4", "v6"])
def test_two_arms(arms: Rig, family: Family) -> None:
    """Each packet comes by one arm and leaves by the other, both ways."""
    way = Way(family, family)
    before = packets(arms)
    answered(arms, way)
    after = packets(arms)
    grown = {name: after[name] - before[name] for name in before}
    # Three packets at least of an HTTP request go each way, and one of a DNS query.
    assert min(grown.values()) > 4 * LOAD
    own = set(local(family, 2 * arms.settings.workers, 1))
    with arms.client.tcp(way.http):
        found = [host(row["local"]) for row in sessions(arms) if host(row["vs"]) == family.vip]
    assert found and set(found) <= own


@pytest.mark.parametrize("family", FAMILIES, ids=["v4", "v6"])
def test_each_side_has_its_own_local_addresses(sides: Rig, family: Family) -> None:
    way = Way(family, family)
    answered(sides, way)
    count = 2 * sides.settings.workers
    of_node = {1: set(local(family, count, 0)), 2: set(local(family, count, 1))}
    nodes = {pod.at(family): pod.node for pod in PODS}
    opened = [sides.client.tcp(way.http) for _ in range(8)]
    try:
        rows = [r for r in sessions(sides) if r["state"] == "established"]
        seen = {(nodes[host(r["rs"])], host(r["local"])) for r in rows}
    finally:
        for one in opened:
            one.close()
    assert {node for node, _ in seen} == {1, 2}
    assert all(address in of_node[node] for node, address in seen), seen


@pytest.mark.parametrize("family", FAMILIES, ids=["v4", "v6"])
def test_clients_by_either_side(sides: Rig, family: Family) -> None:
    """The switch sends to a service by lan1; what goes to clients leaves by lan0, as routes say."""
    way = Way(family, family)
    answered(sides, way)
    switch, subnet = sides.switch.namespace, family.service_subnet
    switch.ip("route", "replace", subnet, "via", second(family)[1])
    try:
        answered(sides, way)
    finally:
        switch.ip("route", "replace", subnet, "via", family.lb)


def test_the_other_side_when_a_link_is_lost(sides: Rig) -> None:
    """Routes move from lan1 to lan0: new connections go there, from lan0's addresses."""
    way = Way(V4, V4)
    answered(sides, way)
    gateway, subnet = second(V4)[0], pod_subnet(2)
    kernel = sides.lb.namespace
    kernel.ip("route", "del", subnet, "via", gateway)
    try:
        moved = partial(routed, sides, subnet)
        wait(lambda: not moved(), 10, "the end of the route by lan1")
        before = packets(sides)
        answered(sides, way)
        assert packets(sides)[f"{SECOND} tx"] - before[f"{SECOND} tx"] < LOAD // 4
    finally:
        kernel.ip("route", "add", subnet, "via", gateway)
    wait(moved, 10, "the route by lan1")


def routed(rig: Rig, prefix: str) -> bool:
    """Whether the workers have a route of this prefix."""
    return prefix in {row["prefix"] for row in rig.lb.items("/v1/routes")}

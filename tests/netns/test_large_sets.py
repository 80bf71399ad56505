# SPDX-License-Identifier: BSD-3-Clause
"""Thousands of VS by slb-agent, while requests flow.

client ==100==> switch ==> lb: slbd ==> pods
                                ^
      5,000 VS --> slb-agent ---+
"""

from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from rig.agent import Agent
from rig.changes import under_load
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import all_services, service
from slb.model import codec
from slb.model.desired import Delta, Snapshot
from slb.model.service import Service, ServiceSet

pytestmark = pytest.mark.netns

VS, RS = 5000, 10
OWNER = "controller"
ENGINE = {
    "workers": 2,
    "hugepages": False,
    "sessions": 16384,
    "mbufs": 8192,
    "vs_max": VS + 100,
    "rs_max": 2 * VS * RS,
}


@pytest.fixture(scope="module")
def own_rig() -> Iterator[Rig]:
    """A rig with room for them."""
    with Rig(LbSettings(workers=2, ospf=False, policies={"engine": ENGINE})) as rig:
        yield rig


def many(weight: int) -> tuple[Service, ...]:
    """As many VS, whose RS nobody asks."""
    rows = []
    for number in range(VS):
        first = IPv4Address("10.20.0.0") + number * RS
        rs = {f"{first + n}:8080": weight for n in range(RS)}
        rows.append(service(f"{IPv4Address('10.96.1.0') + number}:80/tcp", rs, "wrr"))
    return codec.convert({"services": rows}, ServiceSet).services


def test_nothing_is_lost_by_a_large_change(own_rig: Rig) -> None:
    """All of them come, get other weights, one gets an RS less, and all go: no request fails."""
    agent = Agent(own_rig)
    agent.client.apply(codec.convert({"services": all_services()}, ServiceSet).services)

    def change() -> None:
        for number in (1, 2):
            agent.client.state_put(Snapshot(OWNER, 1, number, many(number)))
        less = many(2)[7]
        less = codec.convert(
            {**codec.to_plain(less), "rs": codec.to_plain(less)["rs"][1:]}, Service
        )
        agent.client.state_patch(Delta(OWNER, 1, 2, 3, (less,)))
        assert len(own_rig.lb.items("/v1/rs")) == VS * RS + 12 - 1
        agent.client.state_put(Snapshot(OWNER, 1, 4, (), allow_empty=True))

    under_load(own_rig, change)
    assert len(own_rig.lb.items("/v1/vs")) == 3
    generations = {row["generation"] for row in own_rig.lb.items("/v1/workers")}
    assert len(generations) == 1

# SPDX-License-Identifier: BSD-3-Clause
"""Local addresses in the network between LB and switch, which the switch finds by asking for them.

client ---- switch ---- [lan0 | slbd | slb0] kernel of the LB
                        192.0.2.102 and 2001:db8:2::66 are the workers', and the kernel answers
                        ARP and neighbour discovery for them
"""

import json
from collections.abc import Iterator

import pytest

from rig.addresses import DATA_LINK, V4, V6, Family, on_link_addresses
from rig.lb import LbSettings
from rig.rig import Rig
from rig.waiting import wait
from rig.ways import Way

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def linked(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig of this kind, without OSPF."""
    with Rig(LbSettings(workers=request.param, ospf=False)) as rig:
        yield rig


@pytest.mark.parametrize("family", [V4, V6], ids=["v4", "v6"])
def test_servers_answer_to_them(linked: Rig, family: Family) -> None:
    way = Way(family, family)
    linked.lb.apply(way.services())
    assert linked.client.http(40, target=way.http).failures == []
    assert linked.client.dns(40, target=way.dns).failures == []
    asked, own = neighbours(linked, family), on_link_addresses(linked.settings.workers, family)
    (mac,) = {row["mac"] for row in linked.lb.items("/v1/ports")}
    assert {asked[address]["lladdr"] for address in own} == {mac}


@pytest.mark.parametrize("family", [V4, V6], ids=["v4", "v6"])
def test_the_kernel_does_not_speak_from_them(linked: Rig, family: Family) -> None:
    """Answers to the kernel would reach a worker instead."""
    address = on_link_addresses(1, family)[0]
    words = ("-j", "route", "get", family.clients[0])
    (route,) = json.loads(linked.lb.namespace.ip(*words))
    assert route["prefsrc"] == family.lb != address


@pytest.mark.parametrize("family", [V4, V6], ids=["v4", "v6"])
def test_a_probe_to_the_address_itself_is_answered(linked: Rig, family: Family) -> None:
    """Before a neighbour forgets an address, it asks once more, and that one alone."""
    address = on_link_addresses(1, family)[0]
    (mac,) = {row["mac"] for row in linked.lb.items("/v1/ports")}
    words = ("neigh", "replace", address, "lladdr", mac, "dev", DATA_LINK, "nud", "probe")
    linked.switch.namespace.ip(*words)

    def settled() -> list[str] | None:
        states: list[str] = neighbours(linked, family).get(address, {"state": ["FAILED"]})["state"]
        return states if states != ["PROBE"] else None

    assert wait(settled, 20, "the answer to the probe, or its end") == ["REACHABLE"]


def neighbours(rig: Rig, family: Family) -> dict[str, dict[str, object]]:
    """What the switch's kernel knows of its neighbours on the LB's link."""
    words = (f"-{family.version}", "-j", "neigh", "show", "dev", DATA_LINK)
    return {row["dst"]: row for row in json.loads(rig.switch.namespace.ip(*words))}

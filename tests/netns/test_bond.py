# SPDX-License-Identifier: BSD-3-Clause
"""A port that is a bond: links of its members fail and come back while connections are open.

                     .-- m0 --.
client ---- switch --+        +-- [bond | slbd | slb0] kernel of the LB
                     '-- m1 --'
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from rig.addresses import LB
from rig.bond import DEVICES, MEMBERS, BondLink
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import all_services
from rig.waiting import wait

pytestmark = pytest.mark.netns

MODES = ("active-backup", "balance-xor", "lacp")
WIDTH = 20


@pytest.fixture(
    scope="module",
    params=[(mode, workers) for mode in MODES for workers in (1, 2)],
    ids=lambda param: f"w{param[1]}-{param[0]}",
)
def bonded(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig whose port is a bond; OSPF is Full."""
    mode, workers = request.param
    link = BondLink(mode)
    with Rig(LbSettings(workers=workers, link=link, port=link.port())) as rig:
        rig.wait_ospf()
        rig.lb.apply(all_services())
        yield rig


def members(rig: Rig) -> dict[str, dict[str, Any]]:
    """The members as slbctl tells them, by device."""
    (port,) = json.loads(rig.lb.ctl("port", "list", "--json"))["items"]
    return {row["device"]: row for row in port["members"]}


def states(rig: Rig) -> list[str]:
    """The members' states, in the configuration's order."""
    found = members(rig)
    return [found[device]["state"] for device in DEVICES]


def raise_link(rig: Rig, number: int) -> None:
    rig.lb.namespace.ip("link", "set", MEMBERS[number], "up")


def cut_link(rig: Rig, number: int) -> None:
    """Take a member's link down, and wait until slbd has seen and said it.

    net_tap reads and writes the flags of its interface in two steps, and may so undo it.
    """

    before = len(rig.lb.process.text())

    def down() -> bool:
        rig.lb.namespace.ip("link", "set", MEMBERS[number], "down")
        return states(rig)[number] == "down"

    wait(down, 10, f"the end of {MEMBERS[number]}'s link")
    told = f"member {DEVICES[number]} is down"
    wait(lambda: told in rig.lb.process.text()[before:], 5, "a line in the log")


def both_up(rig: Rig) -> bool:
    return all(state in ("active", "standby") for state in states(rig))


def test_members_are_shown(bonded: Rig) -> None:
    wait(lambda: both_up(bonded), 20, "both members")
    expected = "standby" if "active-backup" in mode(bonded) else "active"
    assert states(bonded) == ["active", expected]
    assert [row["driver"] for row in members(bonded).values()] == ["net_tap"] * 2
    assert all(row["link_up"] for row in members(bonded).values())
    table = bonded.lb.ctl("port", "list")
    assert "net_bonding" in table and "2 of 2" in table
    rows = bonded.lb.ctl("port", "list", "--members").splitlines()
    assert [row.split()[:5] for row in rows[1:]] == [
        ["lan0", "net_tap0", "net_tap", "active", "up"],
        ["lan0", "net_tap1", "net_tap", expected, "up"],
    ]


def mode(rig: Rig) -> str:
    """The bond's mode."""
    assert isinstance(rig.settings.link, BondLink)
    return rig.settings.link.mode


def test_requests_are_answered(bonded: Rig) -> None:
    wait(lambda: both_up(bonded), 20, "both members")
    before = members(bonded)
    assert bonded.client.http(300, width=WIDTH).failures == []
    assert bonded.client.dns(100).failures == []
    assert bonded.client.ping(LB, "-c", "5", "-i", "0.2") == (5, 5)
    grown = [members(bonded)[d]["tx_packets"] - before[d]["tx_packets"] for d in DEVICES]
    if mode(bonded) == "active-backup":
        assert grown[0] > 500 and grown[1] == 0
    else:
        assert min(grown) > 100


def test_no_connection_is_lost(bonded: Rig) -> None:
    """Each member's link goes and comes back; its packets under way are sent again by TCP."""
    wait(lambda: both_up(bonded), 20, "both members")
    with bonded.client.http_load(WIDTH, per_connection=50, pause_s=0.02) as load:
        for number in (0, 1):
            answered = load.outcome.answered
            wait(lambda n=answered: load.outcome.answered > n + 200, 20, "answers")  # type: ignore[misc]
            cut_link(bonded, number)
            assert states(bonded)[1 - number] == "active"
            answered = load.outcome.answered
            wait(lambda n=answered: load.outcome.answered > n + 200, 20, "answers")  # type: ignore[misc]
            assert bonded.lb_full()
            raise_link(bonded, number)
            wait(lambda: both_up(bonded), 20, "both members")
        answered = load.outcome.answered
        wait(lambda: load.outcome.answered > answered + 200, 20, "answers")
    assert load.stop().failures == []
    assert bonded.lb_full()
    assert "lost" not in bonded.lb.process.text()
    log = bonded.lb.process.text()
    assert re.search(r"member net_tap0 is down, was \w+; packets go by net_tap1\n", log)


def test_without_a_link(bonded: Rig) -> None:
    """Nothing passes, and all is as before when one is back."""
    wait(lambda: both_up(bonded), 20, "both members")
    cut_link(bonded, 0)
    cut_link(bonded, 1)
    assert states(bonded) == ["down", "down"]
    (port,) = bonded.lb.items("/v1/ports")
    assert port["link_up"] is False
    raise_link(bonded, 1)
    wait(lambda: states(bonded) == ["down", "active"], 20, "one member")
    raise_link(bonded, 0)
    wait(lambda: both_up(bonded), 20, "both members")
    wait(lambda: bonded.client.ping(LB, "-c", "1", "-W", "1") == (1, 1), 20, "a ping")
    bonded.wait_ospf()
    assert bonded.client.http(100, width=WIDTH).failures == []


def test_its_steering_is_told(bonded: Rig) -> None:
    (row,) = json.loads(bonded.lb.ctl("steering", "--json"))["items"]
    workers = bonded.settings.workers
    assert row["method"] == ("single" if workers == 1 else "soft")
    assert row["spread"] == ("queues" if workers == 1 else "hash")


@pytest.fixture(scope="module")
def quiet() -> Iterator[Rig]:
    """A rig that sends nothing by itself, whose bond has a primary."""
    link = BondLink("active-backup")
    port = link.port(primary=DEVICES[1])
    with Rig(LbSettings(workers=2, ospf=False, link=link, port=port)) as rig:
        rig.lb.apply(all_services())
        yield rig


def test_the_primary_takes_over_again_and_is_found(quiet: Rig) -> None:
    """The switch still has the other link, and would send there, where nobody listens."""
    wait(lambda: states(quiet) == ["standby", "active"], 20, "the primary")
    assert quiet.client.http(40).failures == []
    cut_link(quiet, 1)
    assert states(quiet) == ["active", "down"]
    assert quiet.client.http(40).failures == []
    before = len(quiet.lb.process.text())
    raise_link(quiet, 1)
    told = f"member {DEVICES[1]} is active"
    wait(lambda: told in quiet.lb.process.text()[before:], 10, "a line in the log")
    assert quiet.client.ping(LB, "-c", "3", "-i", "0.2", "-W", "1") == (3, 3)
    assert quiet.client.http(40).slowest_s < 1

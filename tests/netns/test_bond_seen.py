# SPDX-License-Identifier: BSD-3-Clause
"""What an operator sees when a link of a bond fails and comes back, while connections are open.

                     .-- m0 --.
client ---- switch --+        +-- [bond | slbd | slb0]
                     '-- m1 --'
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import pytest

from rig.agent import Agent
from rig.bond import DEVICES, MEMBERS, BondLink
from rig.exposition import samples, total, value
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import all_services
from rig.waiting import wait
from slb.model.events import Event

pytestmark = pytest.mark.netns

# What the second member is while the first one has a link.
MODES = {"active-backup": "standby", "balance-xor": "active", "lacp": "active"}
STATES = ("active", "standby", "waiting", "down")
PATIENCE_S = 20
PORT = {"port": "lan0"}


class Seen(NamedTuple):
    """A rig, its agent, and its bond's devices with the states that they have when all is well."""

    rig: Rig
    agent: Agent
    well: dict[str, str]


@pytest.fixture(scope="module", params=MODES)
def seen(request: pytest.FixtureRequest) -> Iterator[Seen]:
    """All is well, and every link is up."""
    link = BondLink(request.param)
    with Rig(LbSettings(workers=2, ospf=False, link=link, port=link.port())) as rig:
        rig.lb.apply(all_services())
        agent = Agent(rig)
        well = dict(zip(DEVICES, ("active", MODES[link.mode]), strict=True))
        found = Seen(rig, agent, well)
        wait(partial(shown, found, well), PATIENCE_S, "both members")
        yield found


def shown(seen: Seen, states: dict[str, str]) -> bool:
    """Whether the metrics have these states of the members, each by itself, and their links."""
    found = samples(seen.rig.lb.text("/metrics"))
    rows = [
        value(found, "slb_port_member_state", **PORT, device=device, state=state) == (state == now)
        for device, now in states.items()
        for state in STATES
    ]
    links = [
        value(found, "slb_port_member_link_up", **PORT, device=device) == (now != "down")
        for device, now in states.items()
    ]
    up = value(found, "slb_port_link_up", **PORT) == any(s != "down" for s in states.values())
    # What SlbMemberDown asks for, but for waiting.
    down = total(found, "slb_port_member_state", state="down") == [*states.values()].count("down")
    return all(rows) and all(links) and up and down


def attention(seen: Seen) -> list[str]:
    """What slbctl status says of the port's links, by slb-agent."""
    done = seen.rig.lb.try_ctl("--socket", str(seen.agent.socket), "status", "--json")
    troubles = [row["what"] for row in json.loads(done.stdout)["attention"]]
    assert done.returncode == (1 if troubles else 0)
    # Packets may be dropped for a moment, and probes of local addresses are under way.
    return [what for what in troubles if what.startswith("port") and "proved" not in what]


def last_id(seen: Seen) -> int:
    """Of what has happened so far."""
    return list(seen.agent.client.events(0, follow=False))[-1].id


def told(seen: Seen, since: int, kind: str) -> Event | None:
    """An event of that kind that came since."""
    events = seen.agent.client.events(since, follow=False)
    return next((one for one in events if one.kind == kind), None)


def cut(seen: Seen, number: int, states: dict[str, str]) -> None:
    """Take a link down until it stays so: net_tap may undo it (see test_bond)."""

    def down() -> bool:
        seen.rig.lb.namespace.ip("link", "set", MEMBERS[number], "down")
        return shown(seen, states)

    wait(down, PATIENCE_S, f"{MEMBERS[number]} is down")


def test_a_member_fails_and_comes_back(seen: Seen) -> None:
    first, second = seen.well
    lost = {first: "down", second: "active"}
    since = last_id(seen)
    with seen.rig.client.http_load(8, per_connection=50, pause_s=0.02) as load:
        cut(seen, 0, lost)
        assert attention(seen) == [f"port lan0: 1 of 2 members down: {first}"]
        event = wait(lambda: told(seen, since, "member_down"), PATIENCE_S, "an event")
        assert (event.data["port"], event.data["device"]) == ("lan0", first)
        answered = load.outcome.answered
        wait(lambda: load.outcome.answered > answered + 100, PATIENCE_S, "answers by the other")
        assert shown(seen, lost)
        since = last_id(seen)
        seen.rig.lb.namespace.ip("link", "set", MEMBERS[0], "up")
        # Without a primary, active-backup stays where it is.
        back = {first: seen.well[second], second: "active"}
        wait(partial(shown, seen, back), PATIENCE_S, "both members")
        event = wait(lambda: told(seen, since, f"member_{back[first]}"), PATIENCE_S, "its return")
        # By LACP it may be seen to wait before.
        assert event.data == {**PORT, "device": first, "was": event.data["was"]}
        assert event.data["was"] in ("down", "waiting")
        answered = load.outcome.answered
        wait(lambda: load.outcome.answered > answered + 100, PATIENCE_S, "answers")
    assert load.stop().failures == []
    assert attention(seen) == []


def test_no_member_is_left(seen: Seen) -> None:
    first, second = seen.well
    since = last_id(seen)
    cut(seen, 0, {first: "down", second: "active"})
    cut(seen, 1, {first: "down", second: "down"})
    assert attention(seen) == ["port lan0: the link is down"]
    event = wait(lambda: told(seen, since, "port_down"), PATIENCE_S, "an event")
    assert event.data == PORT
    seen.rig.lb.namespace.ip("link", "set", MEMBERS[0], "up")
    wait(partial(shown, seen, {first: "active", second: "down"}), PATIENCE_S, "one member")
    wait(lambda: told(seen, since, "port_up"), PATIENCE_S, "its return")
    assert seen.rig.client.http(40).failures == []
    seen.rig.lb.namespace.ip("link", "set", MEMBERS[1], "up")
    wait(partial(shown, seen, seen.well), PATIENCE_S, "both members")

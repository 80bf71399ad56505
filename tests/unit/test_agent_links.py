# SPDX-License-Identifier: BSD-3-Clause
"""What slb-agent tells of links: of ports, and of the members of bonds."""

import asyncio
from typing import Any

from msgspec.structs import replace
from unit.fake_answers import PORT
from unit.fake_daemon import FakeDaemon

from slb.agent.links import Links
from slb.api.client import Client
from slb.model.views import MemberView, PortView

pytest_plugins = ["unit.daemon_fixture"]

Told = list[tuple[str, dict[str, Any]]]


def bond(first: str, second: str) -> PortView:
    """A port of two members with these states."""
    pairs = (("m0", first), ("m1", second))
    members = [MemberView(m, "net_tap", state, state != "down", *[0] * 6) for m, state in pairs]
    up = any(state != "down" for _, state in pairs)
    return replace(PORT, name="lan0", link_up=up, members=members)


def look(daemon: FakeDaemon, *readings: list[PortView]) -> Told:
    """What is told of these, one after the other."""
    told: Told = []
    links = Links(Client(str(daemon.socket)), lambda kind, **data: told.append((kind, data)))
    for ports in readings:
        daemon.engine.ports = ports
        asyncio.run(links.look())
    return told


def test_of_what_is_seen_first_only_what_is_not_well(daemon: FakeDaemon) -> None:
    assert look(daemon, [bond("active", "standby")]) == []
    assert look(daemon, [bond("active", "down")]) == [
        ("member_down", {"port": "lan0", "device": "m1", "was": None})
    ]


def test_each_change_once(daemon: FakeDaemon) -> None:
    well, half, none = bond("active", "standby"), bond("down", "active"), bond("down", "down")
    assert look(daemon, [well], [half], [half], [none], [half]) == [
        ("member_down", {"port": "lan0", "device": "m0", "was": "active"}),
        ("member_active", {"port": "lan0", "device": "m1", "was": "standby"}),
        ("port_down", {"port": "lan0"}),
        ("member_down", {"port": "lan0", "device": "m1", "was": "active"}),
        ("port_up", {"port": "lan0"}),
        ("member_active", {"port": "lan0", "device": "m1", "was": "down"}),
    ]


def test_a_port_whose_link_nobody_knows(daemon: FakeDaemon) -> None:
    unknown = replace(PORT, name="lan0", link_up=None)
    assert look(daemon, [unknown], [replace(unknown, link_up=True)], [unknown]) == []


def test_without_slbd_nothing_is_told(daemon: FakeDaemon) -> None:
    told: Told = []
    links = Links(Client(str(daemon.socket)), lambda kind, **data: told.append((kind, data)))
    daemon.engine.ports = [bond("active", "standby")]
    asyncio.run(links.look())
    daemon.answers["ports"] = (503, b'{"error": {"code": "not_ready", "message": "starting"}}')
    asyncio.run(links.look())
    del daemon.answers["ports"]
    daemon.engine.ports = [bond("active", "down")]
    asyncio.run(links.look())
    assert told == [("member_down", {"port": "lan0", "device": "m1", "was": "standby"})]

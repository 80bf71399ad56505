# SPDX-License-Identifier: BSD-3-Clause
"""slbd that announces nothing until it was given the services."""

import asyncio

import pytest
from unit.daemon_life import Life, said
from unit.threaded_client import Client
from unit.until import until

from slb.model.endpoint import VsKey
from slb.model.service import Service

pytest_plugins = ["unit.daemon_life_fixture"]

GIVEN = [Service(VsKey.parse("10.96.0.20:80/tcp"))]
SHOWN = "10.96.0.20/32 198.18.0.1/32"


def wait_for_services(life: Life, seconds: int) -> None:
    life.edit("announce: vips", f"announce: vips, await_services_s: {seconds}")


async def announced(recorded: list[str], prefixes: str) -> None:
    async def condition() -> bool:
        return prefixes in recorded

    await until(condition, prefixes)


def test_the_whole_set_is_waited_for(
    life: Life, recorded: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What is only tried, or added to what the file says, is not the set."""
    wait_for_services(life, 60)
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        await client.apply(GIVEN, dry_run=True)
        await client.vs_add(GIVEN[0])
        await asyncio.sleep(0)
        assert recorded == ["start"]
        await client.apply(GIVEN)
        await announced(recorded, SHOWN)
        await client.apply([])
        await announced(recorded, "198.18.0.1/32")

    life.live(scenario)
    assert "OSPF: the services are there; announcing" in caplog.text
    assert recorded[:2] == ["start", SHOWN]


def test_what_changes_nothing_counts(life: Life, recorded: list[str]) -> None:
    """The file's services may be the agent's, too."""
    wait_for_services(life, 60)

    async def scenario(client: Client) -> None:
        await client.apply((await client.export()).services)
        await announced(recorded, "10.96.0.10/32 198.18.0.1/32")

    life.live(scenario)


def test_not_for_ever(life: Life, recorded: list[str], caplog: pytest.LogCaptureFixture) -> None:
    wait_for_services(life, 1)

    async def scenario(_: Client) -> None:
        await until(said(caplog, "no services from slb-agent within 1 s"), "the warning")
        await announced(recorded, "10.96.0.10/32 198.18.0.1/32")

    life.live(scenario)


def test_stopped_while_it_waits(life: Life, recorded: list[str]) -> None:
    """Nobody comes this way yet, so there is nobody to drain."""
    life.edit("announce: vips", "announce: vips, await_services_s: 60, drain_s: 7")

    async def scenario(_: Client) -> None:
        assert recorded == ["start"]

    life.live(scenario)
    assert recorded == ["start", "withdraw: slbd is stopping", "quiesce", "stop", "close"]

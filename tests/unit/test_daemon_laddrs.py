# SPDX-License-Identifier: BSD-3-Clause
"""Local addresses while slbd lives: from the file, from slbctl, and what follows them."""

from ipaddress import ip_address

import pytest
from unit.daemon_life import Life, reload
from unit.threaded_client import Client
from unit.until import until

from slb.errors import BadRequest, UnknownLaddr

pytest_plugins = ["unit.daemon_life_fixture"]


async def states(client: Client) -> dict[str, str]:
    """The local addresses and their states."""
    return {row.address: row.state for row in await client.laddr_list()}


def test_a_reload_changes_them(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """And leaves alone what slbctl has done; one with sessions drains."""
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        await client.laddr_add("lan0", [ip_address("198.18.0.9")])
        life.edit("[198.18.0.1]", "[198.18.0.2, 198.18.0.3]")
        await reload(caplog, "reloaded")
        assert "local address 198.18.0.1 deleted" in caplog.text
        assert "local address 198.18.0.3 added to lan0" in caplog.text
        assert "restart" not in caplog.text
        want = dict.fromkeys(["198.18.0.2", "198.18.0.3", "198.18.0.9"], "active")
        assert await states(client) == want | {"198.18.0.1": "draining"}
        generation = life.engine.generation()
        await reload(caplog, "reloaded")
        assert life.engine.generation() == generation, "the same again is no change"
        life.edit("[198.18.0.2, 198.18.0.3]", "[198.18.0.1]")
        await reload(caplog, "reloaded")
        assert await states(client) == {"198.18.0.1": "active", "198.18.0.9": "active"}

    life.live(scenario)


def test_what_slb_yaml_does_not_have(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """As it was read last: it is marked until a reload finds it there."""
    caplog.set_level("INFO")

    async def marks(client: Client) -> dict[str, bool]:
        return {row.address: row.configured for row in await client.laddr_list()}

    async def scenario(client: Client) -> None:
        assert await marks(client) == {"198.18.0.1": True}
        await client.laddr_add("lan0", [ip_address("198.18.0.9")])
        assert await marks(client) == {"198.18.0.1": True, "198.18.0.9": False}
        life.edit("[198.18.0.1]", "[198.18.0.1, 198.18.0.9]")
        assert await marks(client) == {"198.18.0.1": True, "198.18.0.9": False}
        await reload(caplog, "reloaded")
        assert await marks(client) == {"198.18.0.1": True, "198.18.0.9": True}
        await client.laddr_del(ip_address("198.18.0.9"))
        await client.laddr_add("lan0", [ip_address("198.18.0.9")])
        assert (await marks(client))["198.18.0.9"]

    life.live(scenario)


def test_services_and_addresses_of_another_family(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    """The address comes before the RS that needs it, and goes after it."""
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        old = life.file.read_text()
        life.edit("[198.18.0.1]", '[198.18.0.1, "2001:db8:18::1"]')
        life.edit("10.10.0.1:8080", "[2001:db8:10::1]:8080")
        await reload(caplog, "reloaded")
        assert life.engine.changes[-2:] == ["laddrs", "tables"]
        life.write(old)
        await reload(caplog, "reloaded")
        assert life.engine.changes[-2:] == ["tables", "laddrs"]

    life.live(scenario)


def test_a_refused_set_leaves_the_old_one(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        life.engine.refused_laddrs = {"198.18.0.7"}
        life.edit("[198.18.0.1]", "[198.18.0.1, 198.18.0.7]")
        life.edit("10.10.0.1:8080", "10.10.0.2:8080")
        await reload(caplog, "reload failed: local address 198.18.0.7: the address is an RS's")
        assert await states(client) == {"198.18.0.1": "active"}
        assert [row.rs for row in await client.rs_list()] == ["10.10.0.1:8080"]
        life.engine.refused_laddrs = set()
        await reload(caplog, "reloaded")
        assert len(await states(client)) == 2
        assert [row.rs for row in await client.rs_list()] == ["10.10.0.2:8080"]

    life.live(scenario)


def test_the_announcement_follows(life: Life, recorded: list[str]) -> None:
    """From before the first session on it; one that drains until its last session has ended."""

    async def scenario(client: Client) -> None:
        def last() -> str:
            return [said for said in recorded if said[0].isdigit()][-1]

        async def announced(prefixes: str) -> None:
            async def so() -> bool:
                return last() == f"10.96.0.10/32 {prefixes}"

            await until(so, prefixes)

        del recorded[:]
        await client.laddr_add("lan0", [ip_address("198.18.0.9")])
        assert recorded[:3] == [
            "laddr_prepare",
            "10.96.0.10/32 198.18.0.1/32 198.18.0.9/32",
            "laddr_set",
        ]
        await client.laddr_add("lan0", [ip_address("198.18.0.7")])
        await client.laddr_del(ip_address("198.18.0.7"))
        await announced("198.18.0.1/32 198.18.0.9/32")
        life.engine.refused_laddrs = {"198.18.0.8"}
        with pytest.raises(BadRequest, match=r"local address 198\.18\.0\.8"):
            await client.laddr_add("lan0", [ip_address("198.18.0.8")])
        assert not any("198.18.0.8" in said for said in recorded), "checked before it is told"
        await client.laddr_del(ip_address("198.18.0.1"))
        with pytest.raises(UnknownLaddr, match=r"198\.18\.0\.1 drains already"):
            await client.laddr_del(ip_address("198.18.0.1"))
        assert last() == "10.96.0.10/32 198.18.0.1/32 198.18.0.9/32"
        life.engine.laddrs = [row for row in life.engine.laddrs if row.state == "active"]
        await announced("198.18.0.9/32")

    life.live(scenario)


def test_the_kernel_answers_for_one_on_the_link(life: Life) -> None:
    """An address of the port's own network is the interface's too, and hidden from the workers."""

    async def scenario(client: Client) -> None:
        await client.laddr_add("lan0", [ip_address("192.0.2.77")])
        assert "192.0.2.77/32" in life.ip("addr show dev slb0")
        await client.laddr_del(ip_address("192.0.2.77"))
        assert "192.0.2.77/32" not in life.ip("addr show dev slb0")
        own = {str(address.address) for view in life.engine.views for address in view.own}
        assert "192.0.2.2" in own and "192.0.2.77" not in own

    life.live(scenario)

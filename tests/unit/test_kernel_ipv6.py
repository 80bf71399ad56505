# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 on a kernel interface in a real network namespace:

slb0 (2001:db8:2::2, fe80::ff:fe00:aa, set up by us) ──── peer (silent)
"""

import json
from ipaddress import ip_address, ip_interface, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from unit.kernel_bench import MAC, Ip, veth, with_netlink

from slb.kernel import interface, ipv6
from slb.kernel.interface import Settings
from slb.kernel.netlink import Netlink
from slb.model.config import StaticRoute

pytest_plugins = ["unit.netns_fixture"]

OWN, LINK_LOCAL = "2001:db8:2::2", "fe80::ff:fe00:aa"
LOCAL = "2001:db8:2::99"


def settings(addresses: str = f"{OWN}/64", via: str = "fe80::1", answered: str = "") -> Settings:
    """What slb0 should have."""
    return Settings(
        "slb0",
        MAC,
        1400,
        tuple(ip_interface(address) for address in addresses.split()),
        (StaticRoute(ip_network("::/0"), ip_address(via)),),
        tuple(ip_interface(address) for address in answered.split()),
    )


def addresses(ip: Ip) -> dict[str, dict[str, Any]]:
    """The IPv6 addresses of slb0."""
    links = json.loads(ip("-6 -j addr show dev slb0"))
    return {row["local"]: row for link in links for row in link.get("addr_info", [])}


needs_ipv6 = pytest.mark.skipif(not ipv6.CONF.exists(), reason="this kernel has no IPv6")
pytestmark = needs_ipv6


def set_up(*steps: Settings) -> None:
    """Set slb0 up as in the first of the steps, then change it from each to the next."""

    async def run(netlink: Netlink) -> None:
        await interface.set_up(netlink, steps[0])
        index = await interface.index_of(netlink, "slb0")
        assert index is not None
        for old, new in pairwise(steps):
            await interface.change(netlink, index, old, new)

    with_netlink(run)


def test_addresses_and_routes_are_of_use_at_once(ip: Ip) -> None:
    veth(ip)
    ip("link set slb0 up")
    set_up(settings())
    found = addresses(ip)
    assert set(found) == {OWN, LINK_LOCAL}
    assert not any(row.get("tentative") for row in found.values())
    assert found[OWN]["prefixlen"] == 64
    assert "default via fe80::1 dev slb0 proto static" in ip("-6 route")


def test_an_interface_without_ipv6_addresses_of_its_own_has_its_link_local_one(ip: Ip) -> None:
    veth(ip)
    set_up(Settings("slb0", MAC, 1400, (ip_interface("192.0.2.2/24"),), ()))
    assert set(addresses(ip)) == {LINK_LOCAL}


def test_a_host_that_has_ipv6_switched_off_gets_it_on_this_interface(ip: Ip) -> None:
    (ipv6.CONF / "default" / "disable_ipv6").write_text("1")
    veth(ip)
    without = Settings("slb0", MAC, 1400, (ip_interface("192.0.2.2/24"),), (), ipv6=False)
    set_up(without)
    assert addresses(ip) == {}, "nothing of ours needs it"
    set_up(without, settings())
    assert set(addresses(ip)) == {OWN, LINK_LOCAL}


def test_advice_of_routers_is_not_followed_and_addresses_stay(ip: Ip) -> None:
    veth(ip)
    set_up(settings())
    wanted = ipv6.SETTINGS | ipv6.SWITCH
    assert {key: int((ipv6.CONF / "slb0" / key).read_text()) for key in wanted} == wanted
    ip("link set slb0 down")
    ip("link set slb0 up")
    assert OWN in addresses(ip)


def test_a_setting_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A container may see /proc/sys without being allowed to write there."""
    monkeypatch.setattr(ipv6, "CONF", tmp_path)
    (tmp_path / "slb0" / "accept_ra").mkdir(parents=True)
    ipv6.configure("slb0", used=True)
    (line,) = caplog.messages
    assert line == f"{tmp_path}/slb0/accept_ra cannot be made 0: Is a directory"


def test_local_addresses_are_answered_for_but_never_used(ip: Ip) -> None:
    veth(ip)
    set_up(settings(answered=f"{LOCAL}/128"))
    assert addresses(ip)[LOCAL]["deprecated"]
    assert f"src {OWN}" in ip("-6 route get 2001:db8:2::9a")
    set_up(settings(answered=f"{LOCAL}/128"), settings())
    assert LOCAL not in addresses(ip)


def test_a_change_keeps_what_stays(ip: Ip) -> None:
    veth(ip)
    set_up(
        settings(f"{OWN}/64 2001:db8:2::3/64"),
        settings("2001:db8:2::3/64 192.0.2.2/24", "2001:db8:2::1"),
    )
    assert set(addresses(ip)) == {"2001:db8:2::3", LINK_LOCAL}
    routes = ip("-6 route")
    assert "default via 2001:db8:2::1 dev slb0" in routes
    assert "fe80::1" not in routes

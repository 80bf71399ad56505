# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's side in a real network namespace, the port's end a veth:

slb0 (192.0.2.2, set up by us) ──── peer (192.0.2.1, in the same namespace or silent)
"""

import asyncio
import json
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

import pytest
from pyroute2.netlink.exceptions import NetlinkDecodeError, NetlinkError
from unit.kernel_bench import MAC, PEER_MAC, Ip, Mirrored, mirrored, until, veth, with_netlink

from slb.errors import KernelError
from slb.kernel import interface, mirror
from slb.kernel.interface import Settings
from slb.kernel.netlink import Netlink
from slb.model.config import StaticRoute
from slb.model.forwarding import Wanted

pytest_plugins = ["unit.netns_fixture"]

HIDDEN = IPv4Address("192.0.2.99")


def settings(addresses: str = "192.0.2.2/24", via: str = "192.0.2.1") -> Settings:
    """What slb0 should have."""
    route = StaticRoute(IPv4Network("10.0.0.0/8"), IPv4Address(via))
    wanted = tuple(IPv4Interface(address) for address in addresses.split())
    return Settings("slb0", MAC, 1400, wanted, (route,))


def test_an_interface_is_set_up_when_it_appears(ip: Ip) -> None:
    async def set_up(netlink: Netlink) -> None:
        waiting = asyncio.create_task(interface.set_up(netlink, settings()))
        await asyncio.sleep(0)
        await asyncio.to_thread(veth, ip)
        await waiting

    with_netlink(set_up)
    link = json.loads(ip("-j addr show dev slb0"))[0]
    assert (link["address"], link["mtu"]) == (MAC, 1400)
    assert "UP" in link["flags"]
    first = link["addr_info"][0]
    assert (first["local"], first["prefixlen"], first["broadcast"]) == (
        "192.0.2.2",
        24,
        "192.0.2.255",
    )
    assert "10.0.0.0/8 via 192.0.2.1 dev slb0 proto static" in ip("route")


def test_setting_up_twice_changes_nothing(ip: Ip) -> None:
    async def twice(netlink: Netlink) -> None:
        await interface.set_up(netlink, settings())
        before = ip("addr show dev slb0")
        await interface.set_up(netlink, settings())
        assert ip("addr show dev slb0") == before

    veth(ip)
    with_netlink(twice)


def test_a_change_keeps_what_stays(ip: Ip) -> None:
    old, new = settings("192.0.2.2/24 192.0.2.3/24"), settings("192.0.2.3/24", "192.0.2.254")

    async def change(netlink: Netlink) -> None:
        await interface.set_up(netlink, old)
        index = await interface.index_of(netlink, "slb0")
        assert index is not None
        await interface.change(netlink, index, old, new)

    veth(ip)
    with_netlink(change)
    assert "192.0.2.2/24" not in ip("addr show dev slb0")
    assert "10.0.0.0/8 via 192.0.2.254" in ip("route")


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (
            Settings(
                "slb0",
                MAC,
                1400,
                (IPv4Interface("192.0.2.2/24"),),
                (StaticRoute(IPv4Network("10.0.0.0/8"), IPv4Address("198.51.100.1")),),
            ),
            "kernel interface slb0: route to 10.0.0.0/8: Network is unreachable",
        ),
        (Settings("slb0", MAC, 70000, (), ()), "kernel interface slb0: link: "),
    ],
)
def test_what_the_kernel_refuses_is_one_sentence(ip: Ip, wanted: Settings, sentence: str) -> None:
    veth(ip)
    with pytest.raises(KernelError) as error:
        with_netlink(lambda netlink: interface.set_up(netlink, wanted))
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (NetlinkDecodeError(KeyError(1)), "mirror: the kernel's answer cannot be read: KeyError"),
        (OSError(105, "No buffer space available"), "mirror: No buffer space available"),
        (NetlinkError(1, "Operation not permitted"), "mirror: Operation not permitted"),
    ],
)
def test_whatever_netlink_does_is_one_sentence(problem: Exception, sentence: str) -> None:
    def fail(_: object) -> None:
        raise problem

    with pytest.raises(KernelError) as error:
        with_netlink(lambda netlink: netlink.call("mirror", fail))
    assert str(error.value) == sentence


def test_an_interface_that_never_appears(ip: Ip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "APPEAR_S", 0.1)
    with pytest.raises(KernelError, match=r"slb0 did not appear within 0\.1 s"):
        with_netlink(lambda netlink: interface.set_up(netlink, settings()))


def accept_local(*names: str) -> None:
    """Let these interfaces take packets from an address of their own namespace."""
    for name in names:
        Path(f"/proc/sys/net/ipv4/conf/{name}/accept_local").write_text("1")


def test_the_mirror_follows_routes(ip: Ip) -> None:
    async def follow(found: Mirrored) -> None:
        assert found.routes() == ["10.0.0.0/8 192.0.2.1", "192.0.2.0/24 None"]
        ip("route add default via 192.0.2.1")
        await until(lambda: "0.0.0.0/0 192.0.2.1" in found.routes(), "the default route")
        ip("route add blackhole 10.96.0.0/16")
        ip("route add 10.99.0.0/16 dev peer")
        ip("route add 10.98.0.0/16 nexthop via 192.0.2.7 nexthop via 192.0.2.8")
        await until(lambda: "10.98.0.0/16 192.0.2.7" in found.routes(), "the multipath route")
        assert len(found.routes()) == 4
        ip("link set slb0 down")
        await until(lambda: found.routes() == [], "no route over a dead link")

    mirrored(ip, settings(), HIDDEN, follow)


def test_the_mirror_follows_neighbours_and_addresses(ip: Ip) -> None:
    async def follow(found: Mirrored) -> None:
        ip(f"neigh add 192.0.2.7 lladdr {PEER_MAC} dev slb0")
        await until(lambda: found.neighbours() == [("192.0.2.7", PEER_MAC)], "the neighbour")
        ip("neigh del 192.0.2.7 dev slb0")
        await until(lambda: found.neighbours() == [], "the neighbour's end")
        ip(f"addr add {HIDDEN}/32 dev slb0")
        ip("addr add 192.0.2.3/24 dev slb0")
        await until(lambda: "192.0.2.3" in found.own(), "the second address")
        own = ["192.0.2.2", "192.0.2.3", "fe80::ff:fe00:aa"]
        assert found.own() == own, "local addresses are the workers'"

    mirrored(ip, settings(), HIDDEN, follow)


def test_nothing_is_sent_when_nothing_changed(ip: Ip) -> None:
    async def follow(found: Mirrored) -> None:
        sent = len(found.engine.views)
        ip("link add other type veth peer name another")
        ip("neigh add 192.0.2.9 lladdr 02:00:00:00:00:01 dev peer")
        ip("neigh add 192.0.2.7 lladdr 02:00:00:00:00:01 dev slb0")
        await until(lambda: found.neighbours() != [], "the neighbour")
        assert len(found.engine.views) == sent + 1

    mirrored(ip, settings(), HIDDEN, follow)


def test_a_wanted_neighbour_is_resolved_by_the_kernel(ip: Ip) -> None:
    async def follow(found: Mirrored) -> None:
        # Both ends are in one namespace; without this the kernel ignores its own address.
        await asyncio.to_thread(accept_local, "peer", "slb0")
        ip("addr add 192.0.2.77/32 dev peer")
        ip("route del table local local 192.0.2.77 dev peer")
        ip("route add local 192.0.2.77 dev peer table 77")
        ip("rule add iif peer lookup 77 pref 0")
        await found.mirror.resolve([Wanted(IPv4Address("192.0.2.77"), 0)])
        await until(lambda: ("192.0.2.77", PEER_MAC) in found.neighbours(), "the answer")

    mirrored(ip, settings(), HIDDEN, follow)


def test_wanted_neighbours_are_asked_for_once_in_a_while(
    ip: Ip, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than this test takes on any host.
    monkeypatch.setattr(mirror, "ASK_AGAIN_S", 120.0)

    async def follow(found: Mirrored) -> None:
        wanted = [Wanted(IPv4Address("192.0.2.200") + n, 0) for n in range(3)] * 10
        await found.mirror.resolve(wanted)
        listed = ip("neigh show dev slb0")
        assert listed.count("192.0.2.20") == 3
        ip("neigh flush dev slb0 nud all")
        await found.mirror.resolve(wanted)
        assert ip("neigh show dev slb0").count("192.0.2.20") == 0
        await found.mirror.resolve([Wanted(IPv4Address("192.0.2.210"), 1)])

    mirrored(ip, settings(), HIDDEN, follow)


def test_what_is_kept_fresh_stays_permanent(ip: Ip, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an operator wrote it, while another gateway is asked for again and again."""
    monkeypatch.setattr(mirror, "REFRESH_S", 0.05)

    async def follow(found: Mirrored) -> None:
        ip(f"neigh replace 192.0.2.1 lladdr {PEER_MAC} dev slb0 nud permanent")
        ip("route add 11.0.0.0/8 via 192.0.2.9")
        for _ in range(2):
            await until(lambda: "192.0.2.9" in ip("neigh show dev slb0"), "the other gateway")
            ip("neigh flush dev slb0 to 192.0.2.9 nud all")
        await found.mirror.resolve([Wanted(IPv4Address("192.0.2.1"), 0)])
        assert f"192.0.2.1 lladdr {PEER_MAC} PERMANENT" in ip("neigh show dev slb0")
        await until(lambda: found.neighbours() == [("192.0.2.1", PEER_MAC)], "its MAC")

    mirrored(ip, settings(), HIDDEN, follow)


def test_a_flood_of_changes_ends_in_the_right_view(ip: Ip, tmp_path: Path) -> None:
    async def follow(found: Mirrored) -> None:
        batch = tmp_path / "batch"
        lines = [f"route add 10.{n >> 8}.{n & 255}.0/24 via 192.0.2.1" for n in range(1000)]
        batch.write_text("\n".join(lines))
        await asyncio.to_thread(ip, f"-batch {batch}")
        await until(lambda: len(found.routes()) == 1002, "all routes")
        assert len(found.engine.views) < 100, "changes are gathered"

    mirrored(ip, settings(), HIDDEN, follow)

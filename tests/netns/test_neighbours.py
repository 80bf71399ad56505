# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 on the link: echo, neighbour discovery, OSPFv3, and routes by link-local gateways.

client ---- switch ---- [lan0 | slbd | slb0] kernel of the LB, BIRD
           fe80::…          |
             answers for 2001:db8:96::10 itself; 2001:db8:2::2 and fe80::… are the kernel's
"""

import json
import signal
from collections.abc import Iterator

import pytest

from rig.addresses import DATA_LINK, KERNEL_LINK, LB, SWITCH, V6, local_prefixes
from rig.lb import LbSettings
from rig.netns import Namespace
from rig.rig import Rig
from rig.waiting import holds, wait
from rig.ways import Way

pytestmark = pytest.mark.netns

ALL = Way(V6, V6)
WITHDRAWN_S = 3


@pytest.fixture
def rig6(shared_rig: Rig) -> Rig:
    """The shared rig with its services at the IPv6 VIP, on the pods' IPv6 addresses."""
    shared_rig.lb.apply(ALL.services())
    return shared_rig


@pytest.mark.parametrize("size", [0, 56, 1452])
def test_vip_answers(rig6: Rig, size: int) -> None:
    """The worker answers an ICMPv6 echo to a VIP, up to what fills the MTU."""
    assert rig6.client.ping(V6.vip, "-c", "20", "-i", "0.01", "-s", str(size)) == (20, 20)


def test_address_without_vs_is_silent(rig6: Rig) -> None:
    """An address of the service subnet that no VS has does not answer."""
    assert rig6.client.ping("2001:db8:96::3:3", "-c", "2", "-i", "0.2", "-W", "1") == (2, 0)


def test_own_addresses_answer(rig6: Rig) -> None:
    """The kernel answers for the port's address and for its link-local one."""
    assert rig6.client.ping(V6.lb, "-c", "20", "-i", "0.01") == (20, 20)
    link_local = f"{link_local_address(rig6)}%{DATA_LINK}"
    text = rig6.switch.namespace.run("ping", "-n", "-q", "-c", "3", "-i", "0.1", link_local)
    assert " 0% packet loss" in text


def link_local_address(rig: Rig) -> str:
    return of_link(rig.lb.namespace, KERNEL_LINK)


def switch_link_local(rig: Rig) -> str:
    return of_link(rig.switch.namespace, DATA_LINK)


def of_link(namespace: Namespace, device: str) -> str:
    (link,) = json.loads(namespace.ip("-j", "-6", "addr", "show", "dev", device))
    (address,) = (row["local"] for row in link["addr_info"] if row["scope"] == "link")
    return str(address)


def test_neighbour_discovery(rig6: Rig) -> None:
    """The switch learns the port's MAC address by solicitation, as often as it forgets it."""
    mac = rig6.lb.items("/v1/ports")[0]["mac"]
    for address in (V6.lb, link_local_address(rig6)):
        rig6.switch.namespace.ip("-6", "neigh", "flush", "dev", DATA_LINK)
        rig6.switch.namespace.run("ping", "-n", "-c", "1", "-I", DATA_LINK, address)
        rows = json.loads(rig6.switch.namespace.ip("-j", "-6", "neigh", "show", address))
        assert [row["lladdr"] for row in rows] == [mac]
    assert rig6.client.http(20, target=ALL.http).failures == []


def test_neighbours_and_routes_are_mirrored(rig6: Rig) -> None:
    """The workers know the gateway by its global and by its link-local address."""
    assert rig6.client.http(8, target=ALL.http).failures == []
    (link,) = json.loads(rig6.switch.namespace.ip("-j", "link", "show", DATA_LINK))
    switch = switch_link_local(rig6)
    wait(lambda: routes(rig6).get(V6.pods) == switch, 15, "the route that OSPFv3 learnt")
    assert routes(rig6)["::/0"] == V6.switch
    assert routes(rig6)["2001:db8:2::/64"] is None
    assert rig6.client.http(20, target=ALL.http).failures == []
    neighbours = {row["address"]: row["mac"] for row in rig6.lb.items("/v1/neighbours")}
    assert neighbours[V6.switch] == neighbours[switch] == link["address"]


def routes(rig: Rig) -> dict[str, str | None]:
    return {row["prefix"]: row["gateway"] for row in rig.lb.items("/v1/routes")}


def test_new_mac_of_the_next_hop_is_followed(rig6: Rig) -> None:
    """When the switch's MAC address changes, traffic goes on with the new one."""
    namespace = rig6.switch.namespace
    old = json.loads(namespace.ip("-j", "link", "show", DATA_LINK))[0]["address"]
    ends = [
        (V6.switch, V6.switch, V6.lb),
        (switch_link_local(rig6), DATA_LINK, link_local_address(rig6)),
    ]
    for mac in ("02:00:5e:00:53:98", old):
        namespace.ip("link", "set", DATA_LINK, "address", mac)
        # A solicitation makes the LB's kernel learn the new address of the one who solicits.
        for address, source, to in ends:
            namespace.ip("-6", "neigh", "flush", "dev", DATA_LINK)
            namespace.run("ping", "-n", "-c", "1", "-I", source, to)
            wait(lambda a=address, mac=mac: next_hop(rig6, a) == mac, 10, f"{address} at {mac}")  # type: ignore[misc]
        assert rig6.client.http(20, target=ALL.http).failures == []


def next_hop(rig: Rig, address: str) -> str | None:
    rows = {row["address"]: str(row["mac"]) for row in rig.lb.items("/v1/neighbours")}
    return rows.get(address)


def test_ospf_is_full_and_routes_are_there(rig6: Rig) -> None:
    """Both sides are Full over link-local addresses, and the switch's kernel has the routes."""
    assert [(n.router_id, n.state) for n in rig6.switch.neighbours(V6)] == [(LB, "Full")]
    status = rig6.lb.api("/v1/ospf")
    by_family = {":" in row["address"]: row for row in status["neighbours"]}
    assert by_family[True]["address"].startswith("fe80::")
    assert (by_family[True]["router_id"], by_family[True]["full"]) == (SWITCH, True)
    expected = {V6.service_subnet} | local_prefixes(rig6.settings.workers, V6)
    assert rig6.routes_to_lb(V6) == expected
    assert {prefix.removesuffix("/128") for prefix in status["announced"]} >= expected


def test_ping_flood_leaves_ospf_alone(rig6: Rig) -> None:
    """Through a ping flood longer than the dead interval, OSPFv3 stays Full."""
    flood = ("-f", "-l", "100", "-i", "0", "-w", "5")
    pinging = rig6.client.namespace.start(lambda: rig6.client.ping(V6.lb, *flood))
    holds(lambda: rig6.switch.full(V6), 5, "OSPFv3 Full on the switch")
    sent, received = pinging.result(timeout=10)
    assert sent > 1000
    assert received > 0
    assert rig6.switch.full(V6)


@pytest.fixture(scope="module")
def vips() -> Iterator[Rig]:
    """A rig that announces each VS by itself."""
    with Rig(LbSettings(announce="vips", services=ALL.services())) as rig:
        rig.wait_ospf()
        yield rig


def test_vips_come_and_go(vips: Rig) -> None:
    """Each IPv6 VS is announced, by one route for all its ports, until it is deleted."""
    wait(lambda: V6.vip in vips.routes_to_lb(V6), 10, "the first VS's route")
    assert V6.service_subnet not in vips.routes_to_lb(V6)
    other = "2001:db8:96::11"
    vips.lb.ctl("vs", "add", f"[{other}]:80/tcp")
    wait(lambda: other in vips.routes_to_lb(V6), 10, "the second VS's route")
    vips.lb.ctl("vs", "del", f"[{other}]:80/tcp")
    wait(lambda: other not in vips.routes_to_lb(V6), 10, "the second VS's route withdrawn")
    assert V6.vip in vips.routes_to_lb(V6)
    assert vips.switch.full(V6)


def test_sigterm_withdraws(vips: Rig) -> None:
    """The routes of both families go at once, then slbd ends with status 0."""
    wait(lambda: V6.vip in vips.routes_to_lb(V6), 40, "the VS's route")
    vips.lb.process.send(signal.SIGTERM)
    wait(lambda: not vips.routes_to_lb(V6), WITHDRAWN_S, "the IPv6 routes withdrawn")
    wait(lambda: not vips.routes_to_lb(), WITHDRAWN_S, "the IPv4 routes withdrawn")
    assert vips.lb.process.wait(15) == 0
    assert vips.lb.namespace.pids() == []

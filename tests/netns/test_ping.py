# SPDX-License-Identifier: BSD-3-Clause
"""ICMP echo, ARP and floods: what the worker answers and what reaches the kernel interface.

client ---- switch ---- [lan0 | slbd | slb0] kernel of the LB
                            |
                  answers for 10.96.0.10 itself; 192.0.2.2 is the kernel's
"""

import json
import os
import socket
import threading

import pytest

from rig.addresses import (
    CLIENTS,
    DATA_LINK,
    FAMILIES,
    KERNEL_LINK,
    LB,
    SWITCH,
    VIP,
    Family,
    local_addresses,
)
from rig.rig import Rig
from rig.waiting import holds, wait

pytestmark = pytest.mark.netns

# Longer than the dead interval of 4 s.
FLOOD_S = 5


@pytest.mark.parametrize("size", [0, 56, 1472])
def test_vip_answers(rig: Rig, size: int) -> None:
    """The worker answers an ICMP echo to a VIP, up to what fills the MTU."""
    assert rig.client.ping(VIP, "-c", "20", "-i", "0.01", "-s", str(size)) == (20, 20)


def test_address_without_vs_is_silent(rig: Rig) -> None:
    """An address of the service subnet that no VS has does not answer."""
    assert rig.client.ping("10.96.3.3", "-c", "2", "-i", "0.2", "-W", "1") == (2, 0)


def test_own_address_answers(rig: Rig) -> None:
    """The kernel answers for the port's address, to the switch and to those behind it."""
    assert rig.client.ping(LB, "-c", "20", "-i", "0.01") == (20, 20)
    text = rig.switch.namespace.run("ping", "-n", "-q", "-c", "3", "-i", "0.1", LB)
    assert " 0% packet loss" in text


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"v{family.version}")
def test_local_addresses_answer(rig: Rig, family: Family) -> None:
    """Every one of them, whichever worker it belongs to and whichever gets the request."""
    for address in local_addresses(rig.settings.workers, family):
        assert rig.client.ping(address, "-c", "10", "-i", "0.01", "-s", "1400") == (10, 10)


def test_arp(rig: Rig) -> None:
    """The switch learns the port's MAC address, which the kernel interface has as well."""
    rig.switch.namespace.ip("neigh", "flush", "dev", DATA_LINK)
    assert rig.client.ping(LB, "-c", "1") == (1, 1)
    rows = json.loads(rig.switch.namespace.ip("-j", "neigh", "show", LB))
    link = json.loads(rig.lb.namespace.ip("-j", "link", "show", KERNEL_LINK))[0]
    port = rig.lb.items("/v1/ports")[0]
    assert [row["lladdr"] for row in rows] == [link["address"]] == [port["mac"]]
    assert link["mtu"] == port["mtu"]


def test_the_link_of_a_tap_in_another_namespace(rig: Rig) -> None:
    """Traffic passes, but slbd cannot see the link: it does not claim that it is down."""
    assert rig.client.ping(LB, "-c", "1") == (1, 1)
    assert rig.lb.items("/v1/ports")[0]["link_up"] is None
    assert "unknown" in rig.lb.ctl("port", "list")


def test_neighbours_and_routes_are_mirrored(rig: Rig) -> None:
    """The workers know the kernel's neighbour and its default route."""
    assert rig.client.http(8).failures == []
    neighbours = {row["address"]: row["mac"] for row in rig.lb.items("/v1/neighbours")}
    link = json.loads(rig.switch.namespace.ip("-j", "link", "show", DATA_LINK))[0]
    assert neighbours[SWITCH] == link["address"]
    routes = {row["prefix"]: row["gateway"] for row in rig.lb.items("/v1/routes")}
    assert routes["0.0.0.0/0"] == SWITCH
    assert routes["192.0.2.0/24"] is None


def test_new_mac_of_the_next_hop_is_followed(rig: Rig) -> None:
    """When the switch's MAC address changes, traffic goes on with the new one."""
    namespace = rig.switch.namespace
    old = json.loads(namespace.ip("-j", "link", "show", DATA_LINK))[0]["address"]
    for mac in ("02:00:5e:00:53:99", old):
        namespace.ip("link", "set", DATA_LINK, "address", mac)
        # Any ARP request of the switch makes the LB's kernel learn the new address.
        namespace.ip("neigh", "flush", "dev", DATA_LINK)
        rig.client.ping(LB, "-c", "1")
        wait(lambda mac=mac: _next_hop(rig) == mac, 10, f"next hop {mac}")  # type: ignore[misc]
        assert rig.client.http(20).failures == []


def _next_hop(rig: Rig) -> str | None:
    rows = {row["address"]: str(row["mac"]) for row in rig.lb.items("/v1/neighbours")}
    return rows.get(SWITCH)


def test_ping_flood_leaves_ospf_alone(rig: Rig) -> None:
    """Through ping floods longer than the dead interval, OSPF stays Full and requests pass."""
    flood = ("-f", "-l", "100", "-i", "0", "-w", str(FLOOD_S))
    start = rig.client.namespace.start
    floods = [start(lambda to=to: rig.client.ping(to, *flood)) for to in (VIP, LB)]  # type: ignore[misc]
    holds(rig.switch.full, FLOOD_S, "OSPF Full on the switch")
    for pinging in floods:
        sent, received = pinging.result(timeout=10)
        assert sent > 1000
        assert received > 0
    assert rig.switch.full()
    assert rig.client.http(50).failures == []


@pytest.mark.calm
def test_udp_flood_is_policed(rig: Rig) -> None:
    """A flood to the kernel's address is cut to the punt rate; nothing else notices."""
    before = _policed(rig)
    over = threading.Event()
    done = rig.client.namespace.start(lambda: _flood(over))
    try:
        holds(rig.switch.full, FLOOD_S, "OSPF Full on the switch")
        assert rig.client.http(50).failures == []
    finally:
        over.set()
    sent = done.result(timeout=10)
    assert sent > 3 * 1000 * FLOOD_S
    assert _policed(rig) - before > sent // 2
    assert rig.lb_full()


def _policed(rig: Rig) -> int:
    """Packets dropped because too many went to the kernel."""
    rows = {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}
    return int(rows["PUNT_RATE"])


def _flood(over: threading.Event) -> int:
    """Datagrams to a closed port of the LB as fast as they go; returns how many."""
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((CLIENTS[3], 0))
        while not over.is_set():
            try:
                sender.sendto(b"flood", (LB, 9))
                sent += 1
            except ConnectionRefusedError:
                continue
            # The other threads of this test need the interpreter too.
            if sent % 64 == 0:
                os.sched_yield()
    return sent

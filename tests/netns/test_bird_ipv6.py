# SPDX-License-Identifier: BSD-3-Clause
"""The announcer over OSPFv3 with a real BIRD, and a real BIRD as its neighbour.

lb ── slb0 fe80::2 ─────────────────── fe80::1 lan0 ── switch
      2001:db8:2::2, 192.0.2.2         2001:db8:2::1, 192.0.2.1

Announcer and its BIRD,                its own BIRD,
or a BIRD that the test calls          2001:db8:203::/48 and 203.0.113.0/24 behind it
the system's
"""

import os
import signal
from ipaddress import IPv4Network, IPv6Network

import pytest
from netns.bird_lan import SWITCH, SWITCH_LINK, UP_S, Lan

from ospf.announce import Announcer
from ospf.model import FAMILIES, IPV6
from rig.waiting import wait
from slb.errors import OspfError
from slb.model.config import Ospf

pytestmark = pytest.mark.netns

SUBNET = IPv4Network("10.96.0.0/16")
SUBNET6 = IPv6Network("2001:db8:96::/48")
VIP6 = IPv6Network("2001:db8:97::1/128")
LOCAL6 = IPv6Network("2001:db8:18::/126")
BEHIND, BEHIND6 = "203.0.113.0/24", "2001:db8:203::/48"
MANAGED = Ospf(mode="managed")

# Exports everything it knows: still it must not install what we announce.
SYSTEM_CONF = """
router id 192.0.2.9;
protocol device { scan time 1; }
protocol kernel { scan time 1; ipv4 { import none; export all; }; }
protocol kernel { scan time 1; ipv6 { import none; export all; }; }
protocol static theirs { ipv6; route 2001:db8:100::/48 via 2001:db8:2::1; }
"""


@pytest.fixture
def announcer(lan: Lan) -> Announcer:
    """An announcer of both families, Full with the switch; no election, which costs 4 s."""
    lan.start_switch("ptp")
    announcer = lan.announcer(MANAGED, "ptp", FAMILIES)
    lan.wait_full(announcer)
    return announcer


def test_neighbour_is_full_and_its_routes_reach_the_kernel(lan: Lan) -> None:
    lan.start_switch()
    announcer = lan.announcer(MANAGED, families=(IPV6,))
    lan.wait_full(announcer)
    (neighbour,) = lan.status(announcer).neighbours
    assert (neighbour.router_id, neighbour.address) == (SWITCH, SWITCH_LINK)
    assert (neighbour.interface, neighbour.full) == ("slb0", True)
    assert neighbour.state in ("Full/DR", "Full/BDR")
    wait(lambda: lan.via(lan.lb, SWITCH_LINK) == {BEHIND6}, UP_S, "the switch's route at the LB")
    rows = lan.lb.ip("-6", "route", "show", "2001:db8:2::/64").splitlines()
    assert len(rows) == 1, "BIRD doubled the connected route"


def test_each_family_is_announced_by_its_own_ospf(lan: Lan, announcer: Announcer) -> None:
    lan.loop.run(announcer.set_prefixes([LOCAL6, SUBNET6, SUBNET]))
    lan.wait_learnt(SUBNET, SUBNET6, LOCAL6)
    assert lan.status(announcer).view().announced == [str(SUBNET), str(LOCAL6), str(SUBNET6)]
    assert "E2" in lan.birdc("switch", f"show route {SUBNET6}")
    assert "blackhole" not in lan.lb.ip("-6", "route", "show", "table", "all")
    wait(lambda: lan.via(lan.lb, SWITCH) == {BEHIND}, UP_S, "the IPv4 route at the LB")
    wait(lambda: lan.via(lan.lb, SWITCH_LINK) == {BEHIND6}, UP_S, "the IPv6 route at the LB")

    lan.loop.run(announcer.set_prefixes([VIP6, SUBNET]))
    lan.wait_learnt(SUBNET, VIP6)
    lan.loop.run(announcer.set_prefixes([]))
    lan.wait_learnt()
    assert lan.status(announcer).announced == ()


def test_withdraw_holds_until_resume(lan: Lan, announcer: Announcer) -> None:
    lan.loop.run(announcer.set_prefixes([SUBNET, SUBNET6]))
    lan.wait_learnt(SUBNET, SUBNET6)
    lan.loop.run(announcer.withdraw("workers stand still"))
    status = lan.status(announcer)
    assert (status.announced, status.withheld) == ((), "workers stand still")
    assert status.adjacency == {4: "full", 6: "full"}
    lan.wait_learnt()
    lan.loop.run(announcer.resume())
    lan.wait_learnt(SUBNET, SUBNET6)


def test_first_ipv6_prefix_starts_ospfv3_and_harms_no_adjacency(lan: Lan) -> None:
    lan.start_switch("ptp")
    announcer = lan.announcer(MANAGED, "ptp")
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.wait_learnt(SUBNET)
    before = lan.birdc("switch", "show protocols lb").split()
    lan.loop.run(announcer.set_prefixes([SUBNET, SUBNET6]))
    lan.wait_learnt(SUBNET, SUBNET6)
    assert lan.birdc("switch", "show protocols lb").split() == before
    assert lan.status(announcer).adjacency == {4: "full", 6: "full"}


def test_one_lost_family_is_told_from_the_other(lan: Lan, announcer: Announcer) -> None:
    assert "disabled" in lan.birdc("switch", "disable lb6")
    wanted = {4: "full", 6: "lost"}
    wait(lambda: lan.status(announcer).adjacency == wanted, UP_S, "the loss of one family")
    wait(lambda: lan.via(lan.lb, SWITCH_LINK) == set(), UP_S, "the routes to go")


def test_killed_bird_comes_back_and_announces_again(lan: Lan, announcer: Announcer) -> None:
    lan.loop.run(announcer.set_prefixes([SUBNET, SUBNET6]))
    lan.wait_learnt(SUBNET, SUBNET6)
    killed = lan.bird_pid()
    os.kill(killed, signal.SIGKILL)
    wait(lambda: lan.bird_pid() not in (0, killed), 10, "another BIRD")
    lan.wait_full(announcer)
    # The switch may still have them of the BIRD that died.
    assert lan.status(announcer).announced == (SUBNET, SUBNET6)
    lan.wait_learnt(SUBNET, SUBNET6)


def test_stop_withdraws_and_leaves_nothing(lan: Lan, announcer: Announcer) -> None:
    lan.loop.run(announcer.set_prefixes([SUBNET6]))
    lan.wait_learnt(SUBNET6)
    lan.loop.run(announcer.stop())
    lan.wait_learnt()
    assert not lan.runtime_dir.exists()
    assert lan.lb.ip("-6", "route", "show", "proto", "bird") == ""


def test_no_link_address_is_no_neighbour_and_no_error(lan: Lan) -> None:
    lan.lb.ip("-6", "address", "flush", "dev", "slb0")
    lan.start_switch("ptp")
    announcer = lan.announcer(MANAGED, "ptp", FAMILIES)
    lan.loop.run(announcer.set_prefixes([SUBNET, SUBNET6]))
    lan.wait_learnt(SUBNET)
    status = lan.status(announcer)
    assert (status.adjacency, status.error) == ({4: "full", 6: "down"}, None)
    lan.loop.run(announcer.withdraw("test"))
    assert lan.status(announcer).announced == ()


def system(lan: Lan) -> Announcer:
    """An announcer that attaches to a BIRD of the system's, Full with the switch."""
    lan.start_switch("ptp")
    include_file = lan.directory / "slb.conf"
    include_file.touch()
    lan.start_bird(lan.lb, f'{SYSTEM_CONF}include "{include_file}";\n')
    control = str(lan.directory / "lb.ctl")
    ospf = Ospf(mode="system", control_socket=control, include_file=str(include_file))
    announcer = lan.announcer(ospf, "ptp", (IPV6,))
    lan.wait_full(announcer)
    return announcer


def test_system_bird_keeps_what_is_not_ours(lan: Lan) -> None:
    announcer = system(lan)
    before = (lan.directory / "lb.conf").read_text()
    lan.loop.run(announcer.set_prefixes([SUBNET6]))
    lan.wait_learnt(SUBNET6)
    wait(lambda: lan.via(lan.lb, SWITCH_LINK) == {BEHIND6}, UP_S, "the route at the LB")
    assert "blackhole" not in lan.lb.ip("-6", "route", "show", "table", "all")
    lan.loop.run(announcer.stop())
    lan.wait_learnt()
    protocols = lan.birdc("lb", "show protocols")
    assert "theirs" in protocols and "slb_" not in protocols
    assert (lan.directory / "lb.conf").read_text() == before


def test_system_bird_that_is_started_again_finds_our_file(lan: Lan) -> None:
    announcer = system(lan)
    lan.loop.run(announcer.set_prefixes([SUBNET6]))
    lan.wait_learnt(SUBNET6)
    lan.start_system_bird_again(announcer)
    lan.wait_learnt(SUBNET6)


def test_system_bird_withdraws_though_its_configuration_is_broken(lan: Lan) -> None:
    """It is checked before it is loaded: what BIRD does stays as it was, and so does our file."""
    announcer = system(lan)
    lan.loop.run(announcer.set_prefixes([SUBNET6]))
    lan.wait_learnt(SUBNET6)
    config, ours = lan.directory / "lb.conf", lan.directory / "slb.conf"
    good, said = config.read_text(), ours.read_text()
    config.write_text(good + "half a line")
    with pytest.raises(OspfError, match=r"BIRD refuses: .*lb\.conf:\d+"):
        lan.loop.run(announcer.set_prefixes([SUBNET6, LOCAL6]))
    # It is tried again each second, and is there while BIRD checks it.
    wait(lambda: ours.read_text() == said, 5, "the file as it was")
    lan.wait_learnt(SUBNET6)
    lan.loop.run(announcer.withdraw("test"))
    lan.wait_learnt()
    config.write_text(good)
    lan.loop.run(announcer.resume())
    lan.wait_learnt(SUBNET6, LOCAL6)


def test_system_bird_without_our_file_is_an_error(lan: Lan) -> None:
    lan.start_bird(lan.lb, SYSTEM_CONF)
    control, include_file = str(lan.directory / "lb.ctl"), str(lan.directory / "slb.conf")
    ospf = Ospf(mode="system", control_socket=control, include_file=include_file)
    with pytest.raises(OspfError, match=r'add include ".*slb\.conf"; to its configuration'):
        lan.announcer(ospf, families=(IPV6,))


def test_four_thousand_prefixes(lan: Lan, announcer: Announcer) -> None:
    vips = list(IPv6Network("2001:db8:96::/116").subnets(new_prefix=128))
    lan.loop.run(announcer.set_prefixes(vips))
    lan.wait_learnt(*vips)
    lan.loop.run(announcer.withdraw("test"))
    assert lan.status(announcer).announced == ()
    lan.wait_learnt()

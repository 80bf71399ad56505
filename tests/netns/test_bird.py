# SPDX-License-Identifier: BSD-3-Clause
"""The announcer with a real BIRD, and a real BIRD as its neighbour.

lb ── slb0 192.0.2.2 ─────────────── 192.0.2.1 lan0 ── switch
Announcer and its BIRD,                   its own BIRD,
or a BIRD that the test calls             203.0.113.0/24 behind it
the system's
"""

import os
import signal
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace
from netns.bird_lan import LB, SWITCH, UP_S, Lan

from ospf.announce import Announcer
from rig.registry import ProcessId
from rig.waiting import wait
from slb.errors import OspfError
from slb.model.config import Ospf

pytestmark = pytest.mark.netns

SUBNET = IPv4Network("10.96.0.0/16")
VIP = IPv4Network("10.97.0.1/32")
LOCAL = IPv4Network("198.18.0.1/32")
BEHIND = "203.0.113.0/24"
MANAGED = Ospf(mode="managed")

# Exports everything it knows: still it must not install what we announce.
SYSTEM_CONF = """
router id 192.0.2.9;
protocol device { scan time 1; }
protocol kernel { scan time 1; ipv4 { import none; export all; }; }
protocol static theirs { ipv4; route 100.64.0.0/24 via 192.0.2.1; }
"""


@pytest.fixture
def announcer(lan: Lan) -> Announcer:
    """An announcer with a BIRD of its own, Full with the switch; no election, which costs 4 s."""
    lan.start_switch("ptp")
    announcer = lan.announcer(MANAGED, "ptp")
    lan.wait_full(announcer)
    return announcer


def test_neighbour_is_full_and_its_routes_reach_the_kernel(lan: Lan) -> None:
    lan.start_switch()
    announcer = lan.announcer(MANAGED)
    lan.wait_full(announcer)
    view = lan.status(announcer).view()
    neighbour = view.neighbours[0]
    assert (view.mode, view.running, view.router_id) == ("managed", True, LB)
    assert (neighbour.router_id, neighbour.address) == (SWITCH, SWITCH)
    assert (neighbour.interface, neighbour.full) == ("slb0", True)
    assert neighbour.state in ("Full/DR", "Full/BDR")
    wait(lambda: lan.via(lan.lb, SWITCH) == {BEHIND}, UP_S, "the switch's route at the LB")
    rows = lan.lb.ip("route", "show", "192.0.2.0/24").splitlines()
    assert len(rows) == 1, "BIRD doubled the connected route"


def test_announces_exactly_what_is_wanted(lan: Lan, announcer: Announcer) -> None:
    lan.loop.run(announcer.set_prefixes([LOCAL, SUBNET]))
    lan.wait_learnt(SUBNET, LOCAL)
    assert lan.status(announcer).view().announced == [str(SUBNET), str(LOCAL)]
    assert "E2" in lan.birdc("switch", f"show route {SUBNET}")
    assert "blackhole" not in lan.lb.ip("route", "show", "table", "all")

    lan.loop.run(announcer.set_prefixes([VIP, SUBNET]))
    lan.wait_learnt(SUBNET, VIP)
    lan.loop.run(announcer.set_prefixes([]))
    lan.wait_learnt()
    assert lan.status(announcer).announced == ()


def test_withdraw_holds_until_resume(lan: Lan, announcer: Announcer) -> None:
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.wait_learnt(SUBNET)
    lan.loop.run(announcer.withdraw("workers stand still"))
    status = lan.status(announcer)
    assert (status.announced, status.withheld) == ((), "workers stand still")
    assert status.adjacency == {4: "full"}
    lan.wait_learnt()
    lan.loop.run(announcer.set_prefixes([SUBNET, LOCAL]))
    assert lan.status(announcer).announced == ()
    lan.loop.run(announcer.resume())
    assert lan.status(announcer).withheld is None
    lan.wait_learnt(SUBNET, LOCAL)


def test_killed_bird_comes_back_and_announces_again(lan: Lan, announcer: Announcer) -> None:
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.wait_learnt(SUBNET)
    killed = lan.bird_pid()
    os.kill(killed, signal.SIGKILL)
    wait(lambda: lan.bird_pid() not in (0, killed), 10, "another BIRD")
    lan.wait_full(announcer)
    # The switch may still have it of the BIRD that died.
    assert lan.status(announcer).announced == (SUBNET,)
    lan.wait_learnt(SUBNET)


def test_killed_bird_comes_back_withholding(lan: Lan, announcer: Announcer) -> None:
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.loop.run(announcer.withdraw("no quorum"))
    killed = lan.bird_pid()
    os.kill(killed, signal.SIGKILL)
    wait(lambda: lan.bird_pid() not in (0, killed), 10, "another BIRD")
    lan.wait_full(announcer)
    assert lan.status(announcer).announced == ()
    assert lan.via(lan.switch, LB) == set()


@pytest.mark.parametrize("protocol", ["slb_announce", "slb_ospf"])
def test_what_somebody_disables_is_told_of_and_enabled(
    lan: Lan, announcer: Announcer, protocol: str
) -> None:
    """Whoever types that at a prompt forgets it sooner or later."""
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.wait_learnt(SUBNET)
    lan.own_birdc("disable", protocol)
    wait(lambda: "changed by birdc?" in (lan.status(announcer).error or ""), 10, "a word of it")
    wait(lambda: lan.status(announcer).error is None, 10, "its end")
    assert lan.status(announcer).announced == (SUBNET,)
    lan.wait_full(announcer)
    lan.wait_learnt(SUBNET)


def test_lost_neighbour_is_told_from_none(lan: Lan) -> None:
    switch = lan.start_switch()
    announcer = lan.announcer(MANAGED)
    assert lan.adjacency(announcer) <= {"down", "forming"}
    lan.wait_full(announcer)
    switch.stop()
    wait(lambda: lan.adjacency(announcer) == {"lost"}, UP_S, "the neighbour's loss")


def test_stalled_bird_is_unknown_within_seconds(lan: Lan, announcer: Announcer) -> None:
    os.kill(lan.bird_pid(), signal.SIGSTOP)
    status = lan.loop.run(announcer.status(), timeout=8)
    assert (status.adjacency, status.running) == ({4: "unknown"}, False)
    assert status.error is not None and "no answer" in status.error
    with pytest.raises(OspfError, match="no answer"):
        lan.loop.run(announcer.withdraw("test"), timeout=15)
    os.kill(lan.bird_pid(), signal.SIGCONT)
    wait(lambda: lan.adjacency(announcer) == {"full"}, UP_S, "Full again")


def test_stop_withdraws_and_leaves_nothing(lan: Lan, announcer: Announcer) -> None:
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.wait_learnt(SUBNET)
    bird = ProcessId.of(lan.bird_pid())
    assert bird is not None
    lan.loop.run(announcer.stop())
    lan.wait_learnt()
    assert not bird.alive()
    assert not lan.runtime_dir.exists()
    assert lan.lb.ip("route", "show", "proto", "bird") == ""


def test_bird_of_an_aborted_run_is_ended(lan: Lan) -> None:
    first = lan.announcer(MANAGED)
    left = ProcessId.of(lan.bird_pid())
    assert left is not None
    second = lan.announcer(MANAGED)
    assert not left.alive()
    assert lan.bird_pid() != left.pid
    lan.loop.run(second.stop())
    lan.loop.run(first.stop())


def test_point_to_point(lan: Lan, announcer: Announcer) -> None:
    assert lan.status(announcer).neighbours[0].state == "Full/PtP"


def system(lan: Lan, include: bool = True) -> Ospf:
    """Start the system's BIRD and give the settings that attach to it."""
    include_file = lan.directory / "slb.conf"
    include_file.touch()
    line = f'include "{include_file}";\n' if include else ""
    lan.start_bird(lan.lb, SYSTEM_CONF + line)
    control = str(lan.directory / "lb.ctl")
    return Ospf(mode="system", control_socket=control, include_file=str(include_file))


def test_system_bird_keeps_what_is_not_ours(lan: Lan) -> None:
    lan.start_switch()
    announcer = lan.announcer(system(lan))
    lan.wait_full(announcer)
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.wait_learnt(SUBNET)
    wait(lambda: lan.via(lan.lb, SWITCH) == {BEHIND, "100.64.0.0/24"}, UP_S, "routes at the LB")
    assert "blackhole" not in lan.lb.ip("route", "show", "table", "all")
    lan.loop.run(announcer.stop())
    lan.wait_learnt()
    protocols = lan.birdc("lb", "show protocols")
    assert "theirs" in protocols and "slb_" not in protocols


def test_system_bird_that_is_started_again_finds_our_file(lan: Lan) -> None:
    lan.start_switch("ptp")
    announcer = lan.announcer(system(lan), "ptp")
    lan.wait_full(announcer)
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.wait_learnt(SUBNET)
    lan.start_system_bird_again(announcer)
    lan.wait_learnt(SUBNET)


@pytest.mark.parametrize("route_type", ["external", "stub"])
def test_system_bird_withdraws_though_its_configuration_is_broken(
    lan: Lan, route_type: Literal["external", "stub"]
) -> None:
    lan.start_switch("ptp")
    announcer = lan.announcer(replace(system(lan), route_type=route_type), "ptp")
    lan.wait_full(announcer)
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.wait_learnt(SUBNET)
    config = lan.directory / "lb.conf"
    good = config.read_text()
    config.write_text(good + "half a line")
    with pytest.raises(OspfError, match=r"BIRD refuses: .*lb\.conf:\d+"):
        lan.loop.run(announcer.set_prefixes([SUBNET, LOCAL]))
    lan.loop.run(announcer.withdraw("test"))
    lan.wait_learnt()
    config.write_text(good)
    lan.loop.run(announcer.resume())
    lan.wait_learnt(SUBNET, LOCAL)


def test_system_bird_must_include_our_file(lan: Lan) -> None:
    ospf = system(lan, include=False)
    with pytest.raises(OspfError, match=r'add include ".*slb\.conf"; to its configuration'):
        lan.announcer(ospf)
    assert "slb_" not in Path(ospf.include_file).read_text()


def test_system_bird_must_run(lan: Lan) -> None:
    ospf = Ospf(
        mode="system",
        control_socket=str(lan.directory / "none.ctl"),
        include_file=str(lan.directory / "slb.conf"),
    )
    with pytest.raises(
        OspfError, match=r"Unable to connect.*; ospf\.control_socket, /.*none.ctl, must be"
    ):
        lan.announcer(ospf)
    assert not Path(ospf.include_file).exists()


def test_include_file_of_another_is_not_overwritten(lan: Lan) -> None:
    ospf = system(lan)
    theirs = lan.directory / "lb.conf"
    wrong = Ospf(mode="system", control_socket=ospf.control_socket, include_file=str(theirs))
    before = theirs.read_text()
    with pytest.raises(OspfError, match="was not written by slbd"):
        lan.announcer(wrong)
    assert theirs.read_text() == before


def test_four_thousand_prefixes(lan: Lan, announcer: Announcer) -> None:
    vips = list(IPv4Network("10.96.0.0/20").subnets(new_prefix=32))
    lan.loop.run(announcer.set_prefixes(vips))
    lan.wait_learnt(*vips)
    lan.loop.run(announcer.withdraw("test"))
    assert lan.status(announcer).announced == ()
    lan.wait_learnt()


# A daemon in miniature.
DAEMON = """
import asyncio, sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from ospf.announce import Announcer
from ospf.model import Setup
from slb.model.config import Ospf

async def main():
    ospf = Ospf(mode="managed", dead_s=60, network_type="ptp")
    announcer = Announcer(Setup(ospf, IPv4Address("192.0.2.2"), ("slb0",), Path(sys.argv[1])))
    await announcer.start()
    await announcer.set_prefixes([IPv4Network("10.96.0.0/16")])
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_bird_goes_with_a_killed_daemon_and_takes_its_leave(lan: Lan) -> None:
    # With so long a dead interval, only BIRD's taking its leave explains what the switch does. That
    # of a whole slbd gets nowhere, since its kernel interface ends with it.
    lan.start_switch("ptp", dead_s=60)
    daemon = lan.start(lan.lb, "daemon", sys.executable, "-c", DAEMON, str(lan.runtime_dir))
    wait(lan.bird_pid, 15, "the daemon's BIRD")
    bird = ProcessId.of(lan.bird_pid())
    assert bird is not None
    lan.wait_learnt(SUBNET)
    daemon.send(signal.SIGKILL)
    wait(lambda: not bird.alive(), 10, "BIRD's end")
    lan.wait_learnt()

# SPDX-License-Identifier: BSD-3-Clause
"""BIRD is restarted, and FRR as the switch keeps its routes and goes on sending here.

lb ── slb0 192.0.2.2 ─────────────── 192.0.2.1 lan0 ── switch
10.96.0.1 and 2001:db8:96::1 answer          ospfd and ospf6d, which help
"""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace
from netns.bird_lan import UP_S, Lan, Link, add_inner

from ospf.announce import Announcer
from ospf.model import FAMILIES
from rig.waiting import wait
from slb.errors import OspfError
from slb.model.config import Ospf

pytestmark = pytest.mark.netns

SUBNET, SUBNET6 = IPv4Network("10.96.0.0/16"), IPv6Network("2001:db8:96::/48")
VIPS = ("10.96.0.1", "2001:db8:96::1")
BEHIND = ("203.0.113.0/24", "2001:db8:203::/48")
OVER_S = 40
# Exports everything it knows, and keeps the kernel's routes while it learns them anew.
SYSTEM_CONF = """
router id 192.0.2.9;
protocol device { scan time 1; }
protocol kernel { graceful restart on; scan time 1; ipv4 { import none; export all; }; }
protocol kernel { graceful restart on; scan time 1; ipv6 { import none; export all; }; }
include "@include@";
"""


def start_switch(lan: Lan, network: Link) -> None:
    """FRR, with something behind it; the VIPs answer at the LB."""
    lan.put_behind_the_switch()
    add_inner(lan.lb, VIPS)
    lan.start_frr(network)


def announce(lan: Lan, ospf: Ospf, network: Link) -> Announcer:
    """Both subnets at the switch, and the switch's at the LB."""
    announcer = lan.announcer(ospf, network, FAMILIES)
    wait(lambda: lan.adjacency(announcer) == {"full"}, UP_S, "Full")
    lan.loop.run(announcer.set_prefixes([SUBNET, SUBNET6]))
    lan.wait_learnt(SUBNET, SUBNET6)
    wait(lambda: lan.learnt() == set(BEHIND), UP_S, "the switch's routes at the LB")
    return announcer


@contextmanager
def nothing_lost(lan: Lan) -> Iterator[None]:
    """No route to the LB goes meanwhile, at either end, and no packet is lost."""
    watched = {
        name: lan.start(namespace, f"{name}-routes", "ip", "-ts", "monitor", "route")
        for name, namespace in (("switch", lan.switch), ("lb", lan.lb))
    }
    pings = [lan.start(lan.switch, f"ping-{vip}", "ping", "-i", "0.02", vip) for vip in VIPS]
    wait(lambda: all("icmp_seq=5 " in ping.text() for ping in pings), 10, "answers")
    yield
    for ping in pings:
        ping.send(signal.SIGINT)
        ping.wait(5)
        match = re.search(r"(\d+) packets transmitted, (\d+) received", ping.text())
        assert match and 0 <= int(match[1]) - int(match[2]) <= 1, ping.text()[-300:]
    for name, process in watched.items():
        process.stop()
        gone = [row for row in process.text().splitlines() if "Deleted" in row]
        assert gone == [], f"at {name}"


def restarted(lan: Lan, announcer: Announcer) -> bool:
    """Whether the restart is over."""
    status = lan.status(announcer)
    return not status.restarting and set(status.adjacency.values()) == {"full"}


@pytest.mark.parametrize(("network", "route_type"), [("ptp", "external"), ("broadcast", "stub")])
def test_a_bird_of_our_own(
    lan: Lan, network: Link, route_type: Literal["external", "stub"]
) -> None:
    start_switch(lan, network)
    ospf = Ospf(mode="managed", graceful_restart="on", priority=0, route_type=route_type)
    announcer = announce(lan, ospf, network)
    before = lan.bird_pid()
    with nothing_lost(lan):
        lan.loop.run(announcer.restart())
        assert lan.status(announcer).restarting
        with pytest.raises(OspfError, match="already"):
            lan.loop.run(announcer.restart())
        wait(lambda: restarted(lan, announcer), OVER_S, "the end of the restart")
        assert lan.bird_pid() not in (0, before)
        assert "tick" not in (lan.runtime_dir / "bird.conf").read_text()
    assert lan.learnt() == set(BEHIND)
    lan.loop.run(announcer.set_prefixes([SUBNET]))
    lan.wait_learnt(SUBNET)


def test_the_systems_bird(lan: Lan) -> None:
    start_switch(lan, "ptp")
    include = lan.directory / "slb.conf"
    include.touch()
    config = SYSTEM_CONF.replace("@include@", str(include))
    lan.start_bird(lan.lb, config)
    control = lan.directory / "lb.ctl"
    ospf = Ospf(mode="system", control_socket=str(control), include_file=str(include))
    announcer = announce(lan, replace(ospf, graceful_restart="on"), "ptp")
    with nothing_lost(lan):
        lan.loop.run(announcer.restart())
        (bird,) = [process for process in lan.processes if process.name == "lb-bird"]
        assert bird.wait(5) == 0
        control.unlink(missing_ok=True)
        lan.start_bird(lan.lb, config, "-R")
        wait(lambda: restarted(lan, announcer), OVER_S, "the end of the restart")
    assert "tick" not in Path(include).read_text()


def test_a_withdrawal_does_not_wait(lan: Lan) -> None:
    start_switch(lan, "ptp")
    announcer = announce(lan, Ospf(mode="managed", graceful_restart="on"), "ptp")
    before = lan.bird_pid()
    lan.loop.run(announcer.restart())
    wait(lambda: lan.bird_pid() not in (0, before), 10, "another BIRD")
    wait(lambda: lan.adjacency(announcer) == {"full"}, UP_S, "Full")
    assert lan.status(announcer).restarting
    lan.loop.run(announcer.withdraw("test"))
    lan.wait_learnt()
    assert not lan.status(announcer).restarting
    lan.loop.run(announcer.resume())
    lan.wait_learnt(SUBNET, SUBNET6)

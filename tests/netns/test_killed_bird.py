# SPDX-License-Identifier: BSD-3-Clause
"""A BIRD that is killed: what it had learnt stays in the LB's kernel until it is learnt again.

lb ── slb0 192.0.2.2, fe80::2 ───── 192.0.2.1, fe80::1 lan0 ── switch
slbd's BIRD                                                    FRR; 203.0.113.1 and
                                                               2001:db8:203::1 answer
"""

import os
import re
import signal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from netns.bird_lan import UP_S, Lan, Link

from ospf.announce import Announcer
from ospf.model import FAMILIES
from rig.addresses import FAMILIES as RIG_FAMILIES
from rig.addresses import HTTP_PORT, Family
from rig.lb import LbSettings
from rig.rig import Rig
from rig.waiting import wait
from rig.ways import Way
from slb.model.config import Ospf

pytestmark = pytest.mark.netns

SUBNET, SUBNET6 = IPv4Network("10.96.0.0/16"), IPv6Network("2001:db8:96::/48")
BEHIND = {"203.0.113.0/24", "2001:db8:203::/48"}
SERVERS = ("203.0.113.1", "2001:db8:203::1")
# Until the kernel protocol is on again, and has looked.
KEPT_S = 40
# A connection begun in a gap of the routes' 8 s would take 7 s, by TCP's own repetitions.
SLOW_S = 3.0


def announce(lan: Lan, network: Link) -> Announcer:
    """Both subnets at the switch, which is FRR, and the switch's at the LB."""
    lan.put_behind_the_switch()
    lan.start_frr(network)
    announcer = lan.announcer(Ospf(mode="managed"), network, FAMILIES)
    wait(lambda: lan.adjacency(announcer) == {"full"}, UP_S, "Full")
    lan.loop.run(announcer.set_prefixes([SUBNET, SUBNET6]))
    lan.wait_learnt(SUBNET, SUBNET6)
    wait(lambda: lan.learnt() == BEHIND, UP_S, "the switch's routes at the LB")
    return announcer


def kill(lan: Lan) -> None:
    """Kill BIRD, and wait for the next one."""
    os.kill(killed := lan.bird_pid(), signal.SIGKILL)
    wait(lambda: lan.bird_pid() not in (0, killed), 10, "another BIRD")


def kernel_is_off(lan: Lan) -> bool:
    """Whether the kernel's routes are out of BIRD's hands."""
    return "disabled" in (lan.runtime_dir / "bird.conf").read_text()


def test_what_was_learnt_stays_until_it_is_learnt_again(lan: Lan) -> None:
    """No packet to what was learnt is lost, though a designated router is elected anew."""
    announcer = announce(lan, "broadcast")
    monitor = lan.start(lan.lb, "lb-routes", "ip", "-ts", "monitor", "route")
    pings = [lan.start(lan.lb, f"ping-{ip}", "ping", "-i", "0.02", ip) for ip in SERVERS]
    wait(lambda: all("icmp_seq=5 " in ping.text() for ping in pings), 10, "answers")
    kill(lan)
    assert kernel_is_off(lan)
    wait(lambda: not kernel_is_off(lan), KEPT_S, "BIRD's hold of the kernel's routes")
    lan.wait_learnt(SUBNET, SUBNET6)
    for ping in pings:
        ping.send(signal.SIGINT)
        ping.wait(5)
        match = re.search(r"(\d+) packets transmitted, (\d+) received", ping.text())
        assert match and 0 <= int(match[1]) - int(match[2]) <= 1, ping.text()[-300:]
    monitor.stop()
    assert "Deleted" not in monitor.text()
    lan.switch.ip("link", "del", "inner")
    wait(lambda: lan.learnt() == set(), UP_S, "no route to what is gone")
    assert lan.status(announcer).error is None


def test_what_went_meanwhile_goes_at_last(lan: Lan) -> None:
    announce(lan, "ptp")
    kill(lan)
    lan.switch.ip("link", "del", "inner")
    assert lan.learnt() == BEHIND
    wait(lambda: lan.learnt() == set(), KEPT_S, "no route to what is gone")


def test_a_stop_meanwhile_leaves_no_route(lan: Lan) -> None:
    announcer = announce(lan, "ptp")
    kill(lan)
    assert lan.learnt() == BEHIND
    lan.loop.run(announcer.stop())
    assert lan.learnt() == set()


def client_routes() -> list[dict[str, str]]:
    """Of the LB's own: to the clients alone, so that those to the pods are OSPF's."""
    return [
        {"to": f"{family.client_gateway.rstrip('1')}{suffix}", "via": family.switch}
        for family, suffix in zip(RIG_FAMILIES, ("0/24", "/64"), strict=True)
    ]


def keep_routes(rig: Rig, family: Family) -> None:
    """Have the switch send here whatever becomes of OSPF, as it does until its dead interval."""
    local = "198.18.0.0/24" if family.version == 4 else "2001:db8:18::/64"
    for prefix in family.service_subnet, local:
        words = ("route", "add", prefix, "via", family.lb, "metric", "4000")
        rig.switch.namespace.ip(f"-{family.version}", *words)


def test_requests_go_on_by_routes_that_bird_had_learnt() -> None:
    """slbd finds the pods all the while: nothing is lost where the switch goes on sending."""
    ways = [Way(family, family) for family in RIG_FAMILIES]
    settings = LbSettings(
        network_type="ptp",
        port={"routes": client_routes()},
        services=[way.serve(80, "tcp", HTTP_PORT) for way in ways],
    )
    with Rig(settings) as rig:
        rig.wait_ospf()
        for family in RIG_FAMILIES:
            keep_routes(rig, family)
            wait(lambda at=family: at.pods in learnt(rig, at), UP_S, "the route to the pods")
        pid_file = rig.lb.socket.with_suffix(".bird") / "bird.pid"
        killed = pid_file.read_text()
        loads = [rig.client.http_load(4, pause_s=0.02, target=(f.vip, 80)) for f in RIG_FAMILIES]
        wait(lambda: all(load.outcome.answered > 100 for load in loads), 20, "loads that run")
        os.kill(int(killed), signal.SIGKILL)
        wait(lambda: read(pid_file) not in ("", killed), 10, "a new BIRD")
        config = pid_file.with_name("bird.conf")
        wait(lambda: "disabled" not in config.read_text(), KEPT_S, "BIRD's hold of the routes")
        rig.wait_ospf()
        for load in loads:
            outcome = load.stop()
            assert outcome.failures == [] and outcome.slowest_s < SLOW_S, outcome


def learnt(rig: Rig, family: Family) -> set[str]:
    """What the LB's kernel has by OSPF."""
    rows = rig.lb.namespace.ip(f"-{family.version}", "route", "show", "proto", "bird")
    return {row.split()[0] for row in rows.splitlines()}


def read(file: Path) -> str:
    """What a file has, if it is there."""
    return file.read_text() if file.exists() else ""

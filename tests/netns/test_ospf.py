# SPDX-License-Identifier: BSD-3-Clause
"""Routes appear and go by OSPF: start, VS added and deleted, stopped workers, SIGTERM.

             OSPF
switch BIRD <----> slb0, slbd's BIRD        the switch's kernel: 10.96.0.x/32 via 192.0.2.2
   192.0.2.1      192.0.2.2
"""

import os
import signal
from collections.abc import Iterator

import pytest

from rig.addresses import HTTP_VS, LB, SERVICE_SUBNET, SWITCH, V4, VIP, family_of, local_prefixes
from rig.freeze import frozen, lcore_thread
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import http_service
from rig.waiting import holds, wait

pytestmark = pytest.mark.netns

# Well below the dead interval of 4 s: a withdrawal must not be a neighbour that timed out.
WITHDRAWN_S = 3


@pytest.fixture(scope="module")
def vips() -> Iterator[Rig]:
    """A rig that announces each VS by itself."""
    with Rig(LbSettings(announce="vips", services=[http_service()])) as rig:
        rig.wait_ospf()
        yield rig


def test_up(rig: Rig) -> None:
    """Both sides are Full, and what is announced is in the switch's kernel."""
    assert [(n.router_id, n.state) for n in rig.switch.neighbours()] == [(LB, "Full")]
    status = rig.lb.api("/v1/ospf")
    assert status["running"]
    assert status["withheld"] is None
    neighbours = [row for row in status["neighbours"] if family_of(row["address"]) is V4]
    assert [row["router_id"] for row in neighbours] == [SWITCH]
    expected = {SERVICE_SUBNET} | local_prefixes(rig.settings.workers)
    assert rig.routes_to_lb() == expected
    announced = [prefix for prefix in status["announced"] if family_of(prefix) is V4]
    assert {prefix.removesuffix("/32") for prefix in announced} == expected


def test_point_to_point() -> None:
    """Nobody is elected on a link of two, and the routes come and go all the same."""
    with Rig(LbSettings(network_type="ptp")) as rig:
        rig.wait_ospf()
        rows = rig.lb.api("/v1/ospf")["neighbours"]
        assert [(row["router_id"], row["state"]) for row in rows] == [(SWITCH, "Full/PtP")] * 2
        wait(lambda: SERVICE_SUBNET in rig.routes_to_lb(), 10, "the subnet's route")
        rig.lb.process.send(signal.SIGTERM)
        wait(lambda: not rig.routes_to_lb(), WITHDRAWN_S, "no route")


def test_vips_come_and_go(vips: Rig) -> None:
    """Each VS is announced, by one route for all its ports, until it is deleted."""
    wait(lambda: VIP in vips.routes_to_lb(), 10, "the first VS's route")
    assert SERVICE_SUBNET not in vips.routes_to_lb()
    vips.lb.ctl("vs", "add", "10.96.0.11:80/tcp")
    vips.lb.ctl("vs", "add", "10.96.0.11:53/udp")
    wait(lambda: "10.96.0.11" in vips.routes_to_lb(), 10, "the second VS's route")
    vips.lb.ctl("vs", "del", "10.96.0.11:80/tcp")
    holds(lambda: "10.96.0.11" in vips.routes_to_lb(), 1, "the route while a VS is left")
    vips.lb.ctl("vs", "del", "10.96.0.11:53/udp")
    wait(lambda: "10.96.0.11" not in vips.routes_to_lb(), 10, "the second VS's route withdrawn")
    assert VIP in vips.routes_to_lb()
    assert vips.switch.full()


def test_last_vip_withdrawn(vips: Rig) -> None:
    """Without any VS only the local addresses are announced; the neighbour stays."""
    vips.lb.ctl("vs", "del", HTTP_VS)
    expected = local_prefixes(1)
    wait(lambda: vips.routes_to_lb() == expected, 10, "no route but the local addresses'")
    assert vips.switch.full()
    vips.lb.apply([http_service()])
    wait(lambda: VIP in vips.routes_to_lb(), 10, "the VS's route again")


def test_refused_change_announces_nothing(vips: Rig) -> None:
    """A VS that was refused gets no route."""
    outside = vips.lb.try_ctl("vs", "add", "10.97.0.1:80/tcp")
    assert outside.returncode != 0
    assert not any(prefix.startswith("10.97.") for prefix in vips.routes_to_lb())
    assert "10.97" not in vips.lb.ctl("ospf", "status")


def test_stopped_process_loses_its_routes(vips: Rig) -> None:
    """slbd that does nothing at all is given up after the dead interval, and taken back later."""
    wait(lambda: VIP in vips.routes_to_lb(), 20, "the VS's route")
    vips.lb.process.send(signal.SIGSTOP)
    try:
        wait(lambda: not vips.routes_to_lb(), 15, "the routes of a stopped slbd gone")
    finally:
        vips.lb.process.send(signal.SIGCONT)
    wait(lambda: VIP in vips.routes_to_lb(), 40, "the routes of an slbd that goes on")
    assert vips.client.http(100).failures == []


def test_bird_killed_comes_back_and_open_connections_go_on(vips: Rig) -> None:
    """The switch has no route to us meanwhile; a connection waits for it, and slbd forwards."""
    wait(lambda: VIP in vips.routes_to_lb(), 20, "the VS's route")
    pid_file = vips.lb.socket.with_suffix(".bird") / "bird.pid"
    killed = int(pid_file.read_text())
    with vips.client.tcp() as client:
        client.settimeout(30)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        os.kill(killed, signal.SIGKILL)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        wait(lambda: pid_file.exists() and pid_file.read_text() != f"{killed}\n", 10, "a new BIRD")
        vips.wait_ospf()
    assert vips.client.http(100).failures == []


@pytest.mark.parametrize("shared_rig", [2], indirect=True, ids=["shared-w2"])
def test_worker_that_stands_still_withdraws(rig: Rig) -> None:
    """One of two workers does nothing more: nobody is to send to this host, until it goes on."""
    lcore = rig.lb.items("/v1/workers")[1]["lcore"]
    with frozen(lcore_thread(rig.lb.process.pid, lcore)):
        wait(lambda: not rig.routes_to_lb(), 15, "the routes withdrawn")
        status = rig.lb.api("/v1/ospf")
        assert (status["withheld"], status["announced"]) == ("worker 1 stands still", [])
    rig.wait_ospf()
    assert rig.lb.api("/v1/ospf")["withheld"] is None
    assert rig.client.http(100).failures == []


def test_sigterm_withdraws(vips: Rig) -> None:
    """The routes go at once, then slbd ends with status 0; nothing is left in its namespace."""
    wait(lambda: VIP in vips.routes_to_lb(), 40, "the VS's route")
    vips.lb.process.send(signal.SIGTERM)
    wait(lambda: not vips.routes_to_lb(), WITHDRAWN_S, "the routes withdrawn")
    assert vips.lb.process.wait(15) == 0
    assert vips.lb.namespace.pids() == []
    assert not vips.lb.socket.exists()

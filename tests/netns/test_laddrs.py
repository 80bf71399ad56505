# SPDX-License-Identifier: BSD-3-Clause
"""Local addresses that come and go while 100 connections are always open: no request may fail.

client ==100==> switch ==> lb (slbd) ==> pods
                  ^  OSPF   ^
   198.18.7.x/32 -+---------+- slbctl laddr add, del, SIGHUP
"""

import re
from collections.abc import Iterator

import pytest

from rig.addresses import V4, V6, local_addresses
from rig.changes import under_load
from rig.lb import LbSettings, config
from rig.rig import Rig
from rig.services import http_service
from rig.waiting import holds, wait

pytestmark = pytest.mark.netns

# Of two workers each gets one; no prefix is merged with another.
NEW = ["198.18.7.1", "198.18.7.4"]
NEW6 = ["2001:db8:77::1", "2001:db8:77::4"]


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def own_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig whose local addresses change."""
    timeouts = {"tcp_time_wait": 2, "tcp_close": 1, "tcp_last_ack": 2, "tcp_fin_wait": 2}
    settings = LbSettings(workers=request.param, services=[http_service()], timeouts=timeouts)
    with Rig(settings) as rig:
        rig.wait_ospf()
        yield rig


def states(rig: Rig) -> dict[str, str]:
    """Every local address and its state."""
    return {row["address"]: row["state"] for row in rig.lb.items("/v1/laddr")}


def used(rig: Rig) -> set[str]:
    """The local addresses that sessions have."""
    rows = rig.lb.items("/v1/sessions?limit=1000")
    return {re.sub(r":\d+$", "", row["local"]).strip("[]") for row in rows}


def test_added_and_deleted_under_load(own_rig: Rig) -> None:
    rig = own_rig
    old = local_addresses(rig.settings.workers)

    def add() -> None:
        rig.lb.ctl("laddr", "add", *NEW, "--port", "lan0")
        wait(lambda: set(NEW) <= used(rig), 10, "sessions on the new addresses")

    under_load(rig, add, later=5)
    wait(lambda: set(NEW) <= rig.routes_to_lb(), 10, "the routes to the new addresses")
    rows = {row["address"]: row["configured"] for row in rig.lb.items("/v1/laddr")}
    assert {address for address, known in rows.items() if not known} == set(NEW)
    said = rig.lb.try_ctl("status")
    assert said.returncode == 1
    assert f"to local_addresses of port lan0 in slb.yaml: {', '.join(NEW)}; " in said.stdout
    workers = {row["address"]: row["worker"] for row in rig.lb.items("/v1/laddr")}
    assert {workers[address] for address in NEW} == set(range(rig.settings.workers))

    def delete() -> None:
        rig.lb.ctl("laddr", "del", *old)
        wait(lambda: used(rig) <= set(NEW), 20, "the end of the sessions on the old addresses")

    under_load(rig, delete, later=5)
    wait(lambda: not set(old) & set(states(rig)), 20, "the old addresses gone")
    wait(lambda: len(rig.routes_to_lb()) == 1 + len(NEW), 10, "the old addresses' routes gone")
    assert rig.client.http(50).failures == []
    rig.lb.ctl("laddr", "add", *old, "--port", "lan0")
    under_load(rig, lambda: rig.lb.ctl("laddr", "del", *NEW), later=5)
    wait(lambda: set(old) <= used(rig), 10, "sessions on the first addresses again")


def test_a_connection_outlives_its_address(own_rig: Rig) -> None:
    """It is announced as long as it drains."""
    rig = own_rig
    old = local_addresses(rig.settings.workers)
    wait(lambda: not set(NEW) & set(states(rig)), 20, "the addresses of before gone")
    wait(lambda: not set(NEW) & rig.routes_to_lb(), 10, "and their routes")
    rig.lb.ctl("laddr", "add", *NEW, "--port", "lan0")
    wait(lambda: set(NEW) <= rig.routes_to_lb(), 10, "the routes to the new addresses")
    rig.lb.ctl("laddr", "del", *old)
    with rig.client.tcp() as client:
        ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        client.sendall(ask)
        assert client.recv(4096)
        (mine,) = (a for a in used(rig) if a in NEW)
        rig.lb.ctl("laddr", "add", *old, "--port", "lan0")
        rig.lb.ctl("laddr", "del", mine)
        assert states(rig)[mine] == "draining"
        again = rig.lb.try_ctl("laddr", "del", mine)
        assert again.returncode == 1 and "drains already" in again.stderr
        holds(lambda: mine in rig.routes_to_lb(), 2, "its route")
        client.sendall(ask)
        assert client.recv(4096)
    wait(lambda: mine not in states(rig), 20, "its end with that of its last session")
    wait(lambda: mine not in rig.routes_to_lb(), 10, "its route withdrawn")
    rig.lb.ctl("laddr", "del", *(a for a in NEW if a != mine))


def test_the_file_under_load(own_rig: Rig) -> None:
    """SIGHUP, with both families."""
    rig = own_rig
    wanted = config(rig.settings, rig.lb.socket)
    (port,) = wanted["ports"]

    def reload(addresses: list[str]) -> None:
        rig.lb.write_config({**wanted, "ports": [{**port, "local_addresses": addresses}]})
        rig.lb.reload()

        def done() -> bool:
            return {a for a, state in states(rig).items() if state == "active"} == set(addresses)

        wait(done, 20, "the reload's effect")

    both = [a for f in (V4, V6) for a in local_addresses(rig.settings.workers, f)]
    try:
        under_load(rig, lambda: reload([*both, *NEW, *NEW6]), later=5)
        wait(lambda: set(NEW6) <= rig.routes_to_lb(V6), 10, "the routes to the new addresses")
        under_load(rig, lambda: reload([*NEW, *NEW6]), later=5)
        under_load(rig, lambda: reload(both), later=5)
    finally:
        rig.lb.write_config(wanted)
    assert "restart" not in rig.lb.process.text()


def test_a_workers_last_stays(own_rig: Rig) -> None:
    rig = own_rig
    first = local_addresses(rig.settings.workers)
    for address in first[: rig.settings.workers]:
        assert rig.lb.try_ctl("laddr", "del", address).returncode == 0
    for address in first[rig.settings.workers :]:
        refused = rig.lb.try_ctl("laddr", "del", address)
        assert refused.returncode == 1
        assert refused.stderr.startswith("slbctl: worker") and refused.stderr.count("\n") == 1
        assert "would be left without an IPv4 local address" in refused.stderr
    assert rig.client.http(50).failures == []
    rig.lb.ctl("laddr", "add", *first[: rig.settings.workers], "--port", "lan0")

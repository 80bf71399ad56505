# SPDX-License-Identifier: BSD-3-Clause
"""Local ports: every one of them is used, none by two sessions of an RS, none again at once."""

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from driver import Harness, Result
from lab import PLAIN, Lab, OpenLab
from packets.frames import FIRST_CLIENT, VIP, VS_TCP, VS_UDP, Clients, answer, tcp, udp
from packets.nat import endpoints
from values import Settings

pytestmark = pytest.mark.path

PORTS = 65536 - 1024
ONE = (("198.18.0.1", 0, 0),)
TWO = (*ONE, ("198.18.0.2", 0, 0))
UDP = Clients(udp(b""))
SESSION_S = 30


def lab_of(open_lab: OpenLab, rs: list[str], **settings: Any) -> Lab:
    """A lab of one worker with a UDP service."""
    lab = open_lab(replace(Settings(workers=1, laddrs=ONE, sessions=140_000), **settings))
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_UDP, rs=rs)
    return lab


def outside(result: Result) -> tuple[tuple[str, int], tuple[str, int]]:
    """Local endpoint and RS of a packet that was sent."""
    assert result.what == "TX 0"
    return endpoints(result.data)


def fill(harness: Harness, count: int, first: int = FIRST_CLIENT) -> list[Result]:
    """New sessions of so many clients."""
    return list(harness.run_all(0, UDP.frames(count, first)))


def test_every_port_of_an_address_is_used_for_each_rs(open_lab: OpenLab) -> None:
    """Two RS share one local address: twice 64,512 sessions, each with answers of its own."""
    lab = lab_of(open_lab, ["10.10.0.1:53", "10.10.0.2:53"])
    results = fill(lab.harness, 2 * PORTS)
    taken = [outside(result) for result in results]
    assert len(set(taken)) == len(taken)
    assert Counter(rs for _, rs in taken) == {("10.10.0.1", 53): PORTS, ("10.10.0.2", 53): PORTS}
    assert {port for (_, port), _ in taken} == set(range(1024, 65536))
    for n in random.Random(1).sample(range(2 * PORTS), 300):
        (back,) = lab.harness.run(0, [bytes(answer(results[n].data))])
        client = endpoints(UDP.frame(FIRST_CLIENT + n))[0]
        assert endpoints(back.data) == ((VIP, 53), client)


def test_exhausted_and_well_again(open_lab: OpenLab) -> None:
    lab = lab_of(open_lab, ["10.10.0.1:53"])
    fill(lab.harness, PORTS)
    beyond = FIRST_CLIENT + PORTS
    for _ in range(20):
        assert {r.what for r in fill(lab.harness, 100, beyond)} == {"DROP NO_LOCAL_PORT"}
        lab.harness.advance(0.125)
    assert lab.active() == PORTS
    known = lab.harness.run(0, [UDP.frame(FIRST_CLIENT + 5)])
    assert known[0].what == "TX 0", "sessions that live are not disturbed"
    lab.add_vs(VS_TCP, rs=["10.10.0.1:53"])
    other = lab.harness.run(0, [bytes(tcp())])
    assert other[0].what == "TX 0", "TCP has ports of its own"
    lab.harness.advance(SESSION_S + 1)
    assert {r.verdict for r in fill(lab.harness, PORTS * 4 // 5, beyond)} == {"TX"}


def test_two_services_share_an_rs(open_lab: OpenLab) -> None:
    """They compete for the same ports, and neither has to step over the other's sessions."""
    lab = lab_of(open_lab, ["10.10.0.1:53"])
    others = [f"10.96.9.{n}:53/udp" for n in range(1, 25)]
    for other in others:
        lab.add_vs(other, rs=["10.10.0.1:53"])
    fill(lab.harness, PORTS // 2)
    for other in others:
        clients = Clients(udp(b"", dst=other.partition(":")[0]))
        results = lab.harness.run_all(0, clients.frames(100, FIRST_CLIENT))
        assert {result.what for result in results} == {"TX 0"}


def test_some_of_many_ports_come_free(open_lab: OpenLab) -> None:
    """With a fifth of the ports free again a new session finds one at once."""
    lab = lab_of(open_lab, ["10.10.0.1:53"])
    fill(lab.harness, PORTS)
    lab.harness.advance(SESSION_S - 1)
    kept = PORTS * 4 // 5
    fill(lab.harness, kept)
    lab.harness.advance(2)
    assert lab.active() == kept
    results = fill(lab.harness, PORTS // 20, FIRST_CLIENT + PORTS)
    assert {result.verdict for result in results} == {"TX"}
    assert len({session.local for session in lab.harness.sessions()}) == kept + PORTS // 20


def all_but(lab: Lab, kept: int) -> None:
    """Take every port, so that one client finds none; then sessions beyond those kept end."""
    fill(lab.harness, PORTS)
    lab.harness.advance(SESSION_S - 1)
    fill(lab.harness, kept)
    assert fill(lab.harness, 1, FIRST_CLIENT + PORTS)[0].what == "DROP NO_LOCAL_PORT"
    lab.harness.advance(2)
    assert lab.active() == kept


def test_the_last_ports_are_found_at_once(open_lab: OpenLab) -> None:
    """Where one port of 250 is free towards an RS, each new session has one of them."""
    lab = lab_of(open_lab, ["10.10.0.1:53"])
    all_but(lab, PORTS - 250)
    results = fill(lab.harness, 250, FIRST_CLIENT + PORTS)
    assert {result.verdict for result in results} == {"TX"}
    assert len({outside(result) for result in results}) == 250
    assert lab.active() == PORTS
    for n in (0, 249):
        (back,) = lab.harness.run(0, [bytes(answer(results[n].data))])
        assert back.what == "TX 0"


def test_what_one_rs_gives_back_is_not_anothers(open_lab: OpenLab) -> None:
    """Each finds its own last ports, of which the other knows nothing."""
    lab = lab_of(open_lab, ["10.10.0.1:53", "10.10.0.2:53"])
    fill(lab.harness, 2 * PORTS)
    lab.harness.advance(SESSION_S - 1)
    fill(lab.harness, 2 * PORTS - 200)
    beyond = fill(lab.harness, 2, FIRST_CLIENT + 2 * PORTS)
    assert {result.what for result in beyond} == {"DROP NO_LOCAL_PORT"}
    lab.harness.advance(2)
    taken = [outside(r) for r in fill(lab.harness, 200, FIRST_CLIENT + 2 * PORTS)]
    assert Counter(rs for _, rs in taken) == {("10.10.0.1", 53): 100, ("10.10.0.2", 53): 100}


def test_ports_of_an_address_that_goes_are_not_found(open_lab: OpenLab) -> None:
    lab = lab_of(open_lab, ["10.10.0.1:53"], laddrs=TWO)
    fill(lab.harness, 2 * PORTS)
    lab.harness.advance(SESSION_S - 1)
    kept = fill(lab.harness, 2 * PORTS - 200)
    # About half of those that end: ports come nearly in turns.
    free = PORTS - sum(outside(result)[0][0] == "198.18.0.1" for result in kept)
    assert 0 < free < 200
    assert fill(lab.harness, 1, FIRST_CLIENT + 2 * PORTS)[0].what == "DROP NO_LOCAL_PORT"
    lab.harness.advance(2)
    lab.harness.set_laddrs(ONE[0][0])
    results = fill(lab.harness, 200, FIRST_CLIENT + 2 * PORTS)
    assert {outside(r)[0][0] for r in results if r.verdict == "TX"} == {"198.18.0.1"}
    assert sum(result.verdict == "TX" for result in results) == free


def test_a_port_is_not_used_again_at_once(open_lab: OpenLab) -> None:
    """Through two laps over all ports, many sessions lie between two uses of a port."""
    lab = lab_of(open_lab, ["10.10.0.1:53"], timeouts={"UDP_ONEWAY": 1})
    last: dict[int, int] = {}
    nearest = turn = 0
    for _ in range(2 * PORTS // 32 // 2):
        for result in fill(lab.harness, 64):
            (_, port), _ = outside(result)
            distance = turn - last.get(port, -PORTS)
            nearest = min(nearest or distance, distance)
            last[port] = turn
            turn += 1
        lab.harness.advance(1.5)
    assert nearest >= 64
    assert len(last) == PORTS


def test_local_addresses_take_turns(open_lab: OpenLab) -> None:
    lab = lab_of(open_lab, ["10.10.0.1:53"], laddrs=TWO)
    used = Counter(outside(result)[0][0] for result in fill(lab.harness, 1000))
    assert used == {"198.18.0.1": 500, "198.18.0.2": 500}
    assert {row.address: row.active for row in lab.harness.laddrs()} == dict(used)


def test_two_local_addresses_carry_twice_as_much(open_lab: OpenLab) -> None:
    lab = lab_of(open_lab, ["10.10.0.1:53"], laddrs=TWO)
    taken = [outside(result) for result in fill(lab.harness, 2 * PORTS)]
    assert len(set(taken)) == 2 * PORTS
    assert fill(lab.harness, 1, 0x30000000)[0].what == "DROP NO_LOCAL_PORT"


def test_ports_are_still_found_after_years(open_lab: OpenLab) -> None:
    """Half the range of the clock later a new session is as welcome as on the first day."""
    lab = lab_of(open_lab, ["10.10.0.1:53"], sessions=64)
    fill(lab.harness, 1)
    for _ in range(33):
        lab.harness.advance((1 << 26) / 16)
    assert [r.what for r in fill(lab.harness, 2)] == ["TX 0", "TX 0"]


def test_session_table_full(open_lab: OpenLab) -> None:
    lab = lab_of(open_lab, ["10.10.0.1:53"], sessions=64)
    assert {result.what for result in fill(lab.harness, 64)} == {"TX 0"}
    assert {r.what for r in fill(lab.harness, 40, 0x30000000)} == {"DROP SESSION_FULL"}
    assert {result.what for result in fill(lab.harness, 64)} == {"TX 0"}
    lab.harness.advance(SESSION_S + 1)
    assert {result.what for result in fill(lab.harness, 64, 0x30000000)} == {"TX 0"}
    assert lab.harness.drops() == {(0, "SESSION_FULL"): 40}

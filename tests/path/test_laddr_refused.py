# SPDX-License-Identifier: BSD-3-Clause
"""Sets of local addresses that are refused, or that a worker does not answer for."""

import threading
from dataclasses import replace

import pytest
from driver import Harness, Refused
from lab import PLAIN, Lab, OpenLab
from laddr_sets import LONG, OLD, SOFT, listed
from packets.frames import (
    OWN,
    RS,
    RS_TCP,
    RS_UDP,
    VIP,
    VS_TCP,
    VS_UDP,
    answer,
    tcp,
    udp,
)
from packets.nat import endpoints
from wire import KINDS

pytestmark = pytest.mark.path

FROM, TO = OLD, [*OLD, "198.18.0.9"]
REFUSED = {
    "multicast": ((*FROM, "224.0.0.9"), "BAD_ADDRESS", "not a unicast address", 3),
    "an IPv4-mapped one": ((*FROM, "::ffff:1.2.3.4"), "BAD_ADDRESS", "not a unicast address", 3),
    "loopback": (("127.0.0.1", *FROM), "BAD_ADDRESS", "127.0.0.1: not a unicast", 0),
    "twice": ((*FROM, FROM[1]), "BAD_VALUE", "198.18.0.2 is there twice", 3),
    "twice new": ((*TO, TO[3]), "BAD_VALUE", "198.18.0.9 is there twice", 4),
    "a VIP": ((*FROM, VIP), "ADDRESS_IN_USE", f"{VIP}: the address is a VS's", 3),
    "an RS": ((*FROM, RS), "ADDRESS_IN_USE", f"{RS}: the address is an RS's", 3),
    "the host's": ((*FROM, OWN), "ADDRESS_IN_USE", f"{OWN}: the address is this host's own", 3),
    "none": ((), "NO_LOCAL_ADDRESS", "worker 0 would be left without a local address", 0),
    "a worker's last": (FROM[:2], "NO_LOCAL_ADDRESS", "worker 2 would be left without", 1),
    "a family's last": (
        ("2001:db8:18::1", "2001:db8:18::2", "2001:db8:18::3", *FROM[:2]),
        "NO_LOCAL_ADDRESS",
        "worker 2 would be left without an IPv4 local address, and there are IPv4 RS",
        4,
    ),
    "too many": (
        tuple(f"198.19.{n >> 8}.{n & 255}" for n in range(1, 1024)),
        "LADDR_FULL",
        "more than 1024 local addresses, with those whose last sessions live on",
        1021,
    ),
}


def state(harness: Harness) -> object:
    return harness.laddrs(), harness.nic()[1], harness.generations(), harness.steering()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_changes_nothing(open_lab: OpenLab, name: str) -> None:
    nics = {0: KINDS["plain rules"].nic}
    lab = open_lab(replace(SOFT, nics=nics))
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_TCP, rs=[RS_TCP])
    before = state(lab.harness)
    addresses, reason, text, place = REFUSED[name]
    with pytest.raises(Refused, match=text) as caught:
        lab.harness.set_laddrs(*addresses)
    refused = caught.value
    assert (refused.error, refused.reason) == (
        "ENOSPC" if reason == "LADDR_FULL" else "EINVAL",
        reason,
    )
    if reason != "NO_LOCAL_ADDRESS":
        assert refused.op == place
    assert state(lab.harness) == before
    with pytest.raises(Refused, match=text):
        lab.harness.set_laddrs_raw([(address, 0) for address in addresses], only_prepare=True)
    assert state(lab.harness) == before
    lab.harness.set_laddrs(*TO)
    assert set(listed(lab.harness.laddrs())) == set(TO)
    lab.clear()


def test_another_port(open_lab: OpenLab) -> None:
    harness = open_lab(SOFT).harness
    mine = [(address, 0) for address in OLD]
    with pytest.raises(Refused, match=r"local address 198\.18\.0\.9: no port 2"):
        harness.set_laddrs_raw([*mine, ("198.18.0.9", 2)])
    with pytest.raises(Refused, match=r"local address 198\.18\.0\.3 is another port's"):
        harness.set_laddrs_raw([*mine[:2], (OLD[2], 1)])
    harness.set_laddrs_raw([*mine, ("198.18.0.9", 1)])
    assert {row.address: row.port for row in harness.laddrs()}["198.18.0.9"] == 1


def test_services_cannot_be_on_one_that_drains(open_lab: OpenLab) -> None:
    lab = open_lab(SOFT)
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_TCP, rs=[RS_TCP])
    (sent,) = lab.harness.run(2, [bytes(tcp())])
    assert endpoints(sent.data)[0][0] == OLD[2]
    lab.harness.set_laddrs(*OLD[:2], "198.18.0.9")
    with pytest.raises(Refused, match="the address is one of the local addresses"):
        lab.add_vs(f"{OLD[2]}:80/tcp")
    lab.harness.advance(LONG)
    lab.harness.laddrs()
    lab.add_vs(f"{OLD[2]}:80/tcp")
    lab.clear()


@pytest.fixture
def quick(open_lab: OpenLab) -> Lab:
    """Workers whose answers are awaited only briefly."""
    lab = open_lab(SOFT)
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_UDP, rs=[RS_UDP])
    lab.harness.set_answer_timeout(0.02)
    return lab


def wake(harness: Harness, worker: int) -> None:
    """Let a worker answer again, and have it carry out what waits."""
    harness.stall(worker, False)
    harness.set_answer_timeout(5)
    for _ in range(8):
        harness.sessions()


@pytest.mark.parametrize("wanted", [TO, [*OLD[1:], "198.18.0.9"], ["198.18.0.8", *TO[1:]]])
@pytest.mark.parametrize("answers", [0, 1])
@pytest.mark.parametrize("silent", range(3))
def test_a_worker_that_does_not_answer(
    quick: Lab, silent: int, answers: int, wanted: list[str]
) -> None:
    """At the first step, whose an address is, or at the second, who may use it."""
    harness = quick.harness
    before = [(row.address, row.worker, row.draining) for row in harness.laddrs()]
    if answers:
        harness.stall_after(silent, answers)
    else:
        harness.stall(silent)
    with pytest.raises(Refused, match=f"worker {silent} did not answer in time"):
        harness.set_laddrs(*wanted)
    assert [(row.address, row.worker, row.draining) for row in harness.laddrs()] == before
    with pytest.raises(Refused, match=f"worker {silent} has not answered an earlier change"):
        harness.set_laddrs(*wanted)
    for worker in {0, 1, 2} - {silent}:
        (sent,) = harness.run(worker, [bytes(udp(sport=9))])
        assert endpoints(sent.data)[0][0] == OLD[worker]
    wake(harness, silent)
    assert [(row.address, row.worker, row.draining) for row in harness.laddrs()] == before
    assert len(harness.generations()) == 1
    harness.set_laddrs(*wanted)
    assert {row.address for row in harness.laddrs() if not row.draining} == set(wanted)
    assert len(harness.generations()) == 1
    quick.clear()


def test_sessions_on_one_whose_adding_was_undone(quick: Lab) -> None:
    """Worker 0 may use it and does, before worker 1 is found to be silent."""
    harness = quick.harness
    # Worker 0's walk comes to its second address with its second session.
    harness.set_answer_timeout(2)
    harness.stall_after(1, 1)
    start, outcome = harness.generation(0), []

    def change() -> None:
        try:
            harness.set_laddrs(*TO)
        except Refused as refused:
            outcome.append(refused)

    thread = threading.Thread(target=change)
    thread.start()
    while harness.generation(0) < start + 2 and thread.is_alive():
        pass
    sent = harness.run(0, [bytes(udp(sport=n)) for n in (1, 2)])
    thread.join()
    assert outcome[0].error == "ETIMEDOUT"
    wake(harness, 1)
    on_it = [frame for frame in sent if endpoints(frame.data)[0][0] == TO[3]]
    assert len(on_it) == 1
    rows = {row.address: row for row in harness.laddrs()}
    assert (rows[TO[3]].draining, rows[TO[3]].active) == (True, 1)
    reply = bytes(answer(on_it[0].data))
    assert harness.run(2, [reply])[0].what == "HANDOFF 0"
    assert harness.run(0, [reply])[0].what == "TX 0"
    harness.advance(LONG)
    assert TO[3] not in listed(harness.laddrs())
    quick.clear()

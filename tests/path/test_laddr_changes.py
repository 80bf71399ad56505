# SPDX-License-Identifier: BSD-3-Clause
"""Local addresses that come and go while there are sessions: none is lost, whatever the NIC."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from driver import Refused
from lab import PLAIN, OpenLab
from laddr_sets import LONG, OLD, SOFT, listed
from packets.frames import (
    ACK,
    VS_UDP,
    Clients,
    answer,
    tcp,
    tcp6,
    udp,
    udp6,
)
from packets.nat import endpoints
from packets.nic import NicRule
from values import Laddr, Settings
from wire import KINDS, Wire, laddrs, rss_of

pytestmark = pytest.mark.path

WORKERS = [1, 2, 3, 7]
METHODS = [
    "plain rules",
    "ixgbe",
    "i40e",
    "room for three rules",
    "no rules",
    "neither rules nor RSS",
    "another queue",
]
CLIENTS = (tcp, tcp6, udp, udp6)
EACH = 9


def fresh(workers: int) -> list[str]:
    """Two more addresses of each family for each worker."""
    numbers = range(100, 100 + 2 * workers)
    return [f"198.18.1.{n}" for n in numbers] + [f"2001:db8:19::{n:x}" for n in numbers]


def first(workers: int) -> list[str]:
    """Those that the harness is opened with."""
    return [address for address, _, _ in laddrs(workers)]


@dataclass(frozen=True)
class Live:
    """A session: its worker, the client's packet and what the RS got."""

    worker: int
    asked: bytes
    forwarded: bytes

    @property
    def local(self) -> str:
        return endpoints(self.forwarded)[0][0]


def open_sessions(wire: Wire, port: int, each: int = EACH) -> list[Live]:
    """Sessions of clients on each worker, of both protocols and families."""
    found = []
    for worker in range(wire.workers):
        for make in CLIENTS:
            start = port + 100 * worker
            asked = [bytes(make(sport=n)) for n in range(start, start + each)]
            by_client = {endpoints(frame)[0]: frame for frame in asked}
            for has, sent in wire.client(worker, asked).items():
                for frame in sent:
                    (back,) = wire.reply([bytes(answer(frame))], has)
                    found.append(Live(has, by_client[endpoints(back)[1]], frame))
    return found


def go_on(wire: Wire, sessions: Iterable[Live]) -> None:
    """Both ends still reach each other, through the worker that has the session."""
    for one in sessions:
        (back,) = wire.reply([bytes(answer(one.forwarded))], one.worker)
        assert endpoints(back)[1] == endpoints(one.asked)[0]
        again = one.asked
        if one.asked[23] == 6 or one.asked[20] == 6:
            flags = 47 if one.asked[12:14] == b"\x08\x00" else 67
            again = one.asked[:flags] + bytes([0x10]) + one.asked[flags + 1 :]
        ((has, (sent,)),) = wire.client(one.worker, [again]).items()
        assert (has, endpoints(sent)) == (one.worker, endpoints(one.forwarded))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("workers", WORKERS)
def test_sessions_live_through_a_change(open_lab: OpenLab, workers: int, name: str) -> None:
    """Half of the addresses go, as many others come; later those that went come again."""
    wire = Wire(open_lab, KINDS[name], workers)
    old, new = first(workers), fresh(workers)
    kept = [a for a, n in zip(old, [*range(2 * workers)] * 2, strict=True) if n < workers]
    gone = set(old) - set(kept)
    before = open_sessions(wire, 5000)
    assert gone & {one.local for one in before}
    wire.set_laddrs(*kept, *new)
    after = open_sessions(wire, 20000)
    assert not gone & {one.local for one in after}
    assert {*new} & {one.local for one in after}
    go_on(wire, before)
    go_on(wire, after)
    count = Counter(one.local for one in (*before, *after))
    rows = listed(wire.harness.laddrs())
    assert rows == {a: (a in gone, count[a]) for a in (*old, *new) if a not in gone or count[a]}
    assert wire.harness.drops() == {}
    wire.set_laddrs(*old, *new)
    third = open_sessions(wire, 40000, each=4 * workers)
    assert gone & {one.local for one in third}
    go_on(wire, before)
    assert not any(row.draining for row in wire.harness.laddrs())
    wire.set_laddrs(*new)
    go_on(wire, (*before, *after, *third[::9]))
    assert wire.harness.drops() == {}
    wire.harness.advance(LONG)
    assert set(listed(wire.harness.laddrs())) == set(new)
    rules = {rule.to for rule in wire.harness.nic()[1]}
    assert rules <= set(new)
    if workers > 1 and KINDS[name].nic.rules_max > len(old):
        assert rules >= {a for a in new if name != "ixgbe" or ":" not in a}
    wire.lab.clear()


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_rules_follow(open_lab: OpenLab, workers: int) -> None:
    """Each worker has about as many addresses as any other, with a rule for each."""
    wire = Wire(open_lab, KINDS["plain rules"], workers)
    old, new = first(workers), fresh(workers)
    wire.set_laddrs(*old, *new)
    queues = Counter((":" in rule.to, rule.queue) for rule in wire.rules)
    assert queues == {(v6, worker): 4 for v6 in (False, True) for worker in range(workers)}
    owner = {row.address: row.worker for row in wire.harness.laddrs()}
    wire.set_laddrs(*new)
    assert {rule.to: rule.queue for rule in wire.rules} == {a: owner[a] for a in new}
    assert wire.rules == [NicRule(rule.to, owner[rule.to]) for rule in wire.rules]


def test_a_rule_stays_as_long_as_a_session(open_lab: OpenLab) -> None:
    wire = Wire(open_lab, KINDS["plain rules"], 2)
    old, new = first(2), fresh(2)
    before = open_sessions(wire, 5000)
    wire.set_laddrs(*new)
    assert {rule.to for rule in wire.rules} == {*old, *new}
    go_on(wire, before)
    assert wire.misplaced == 0
    wire.harness.advance(LONG)
    wire.harness.laddrs()
    assert {rule.to for rule in wire.harness.nic()[1]} == set(new)


@pytest.mark.parametrize(
    ("name", "ruled"), [("room for three rules", 3), ("a rule that breaks", 1)]
)
def test_what_has_no_room_is_shared(open_lab: OpenLab, name: str, ruled: int) -> None:
    """The port has RSS for those without rules; they are all workers'."""
    wire = Wire(open_lab, KINDS[name], 2)
    wire.set_laddrs(*first(2), *fresh(2))
    assert len(wire.rules) == ruled
    workers: dict[str, set[int]] = {}
    for row in wire.harness.laddrs():
        workers.setdefault(row.address, set()).add(row.worker)
    assert all(workers[address] == {0, 1} for address in fresh(2))
    go_on(wire, open_sessions(wire, 5000))
    assert wire.misplaced == 0


def test_the_other_family_comes_later(open_lab: OpenLab) -> None:
    """RSS was asked for one family at the start, and serves both."""
    nic = replace(KINDS["no rules"].nic, rss=rss_of(2))
    one = (("198.18.0.1", 0, 0),)
    settings = Settings(workers=2, laddrs=one, nics={0: nic}, steering="RSS_PORT")
    harness = open_lab(settings).harness
    harness.set_laddrs("198.18.0.1", "2001:db8:18::1")
    rows = [(row.address, row.worker) for row in harness.laddrs()]
    assert sorted(rows) == [
        (address, worker) for address in ("198.18.0.1", "2001:db8:18::1") for worker in (0, 1)
    ]


def test_dealing_is_stable(open_lab: OpenLab) -> None:
    """Those that stay keep their worker; what comes goes to the worker that has the fewest."""
    harness = open_lab(SOFT).harness
    harness.set_laddrs(*OLD, "198.18.0.4")
    harness.set_laddrs("198.18.0.4", *reversed(OLD[1:]), "198.18.0.5", "198.18.0.6")
    owner = {row.address: row.worker for row in harness.laddrs()}
    assert owner.pop("198.18.0.4") == 0, "the first of those with equally many"
    assert owner == {OLD[1]: 1, OLD[2]: 2, "198.18.0.5": 0, "198.18.0.6": 1}
    harness.set_laddrs(*OLD[1:], "198.18.0.7")
    assert {row.address: row.worker for row in harness.laddrs()}["198.18.0.7"] == 0


def test_the_same_set_is_no_change(open_lab: OpenLab) -> None:
    harness = open_lab(SOFT).harness
    before = harness.generation(0)
    assert harness.set_laddrs(*reversed(OLD)) == before
    assert harness.generations() == {before}


def test_counters_stay(open_lab: OpenLab) -> None:
    """Of those that stay, and of one that comes again before its last session has ended; one that
    was gone begins anew."""
    lab = open_lab(replace(SOFT, timeouts={"UDP_ONEWAY": 30}))
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_UDP, rs=["10.10.0.1:53"])
    for worker in range(3):
        lab.harness.run(worker, [bytes(udp(sport=n)) for n in range(1 + worker, 25, 3)])
    lab.harness.set_laddrs(*OLD[:2], "198.18.0.9")
    rows = {row.address: row for row in lab.harness.laddrs()}
    assert rows[OLD[2]] == Laddr(OLD[2], 2, 0, 8, 8, draining=True)
    assert rows[OLD[0]] == Laddr(OLD[0], 0, 0, 8, 8)
    lab.harness.set_laddrs(*OLD)
    rows = {row.address: row for row in lab.harness.laddrs()}
    assert rows[OLD[2]] == Laddr(OLD[2], 2, 0, 8, 8)
    assert set(rows) == set(OLD)
    lab.harness.set_laddrs(*OLD[:2], "198.18.0.9")
    lab.harness.advance(31)
    assert OLD[2] not in listed(lab.harness.laddrs())
    lab.harness.set_laddrs(*OLD)
    rows = {row.address: row for row in lab.harness.laddrs()}
    assert rows[OLD[2]].sessions == 0 and rows[OLD[0]].sessions == 8
    lab.clear()


def used(frames: Iterable[bytes], run: Callable[[list[bytes]], Any]) -> list[tuple[str, int]]:
    """Local addresses and ports of new sessions."""
    found = []
    for result in run(list(frames)):
        assert result.what == "TX 0"
        found.append(endpoints(result.data)[0])
    return found


@pytest.mark.parametrize("steps", [(1, 2, 5, 3), (5, 1, 4, 200)])
def test_the_walk_goes_on(open_lab: OpenLab, steps: tuple[int, ...]) -> None:
    """Ports that were used come last, also with more or fewer addresses."""
    settings = Settings(workers=1, laddrs=((OLD[0], 0, 0),), timeouts={"UDP_ONEWAY": 1})
    lab = open_lab(settings)
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_UDP, rs=["10.10.0.1:53"])
    clients = Clients(udp(b""))
    seen: set[tuple[str, int]] = set()
    for count in steps:
        lab.harness.set_laddrs(*(f"198.18.0.{n + 1}" for n in range(count)))
        now = used(clients.frames(900), lambda frames: lab.harness.run_all(0, frames))
        assert len({address for address, _ in now}) == count
        assert len(set(now)) == len(now) and not seen & set(now)
        seen |= set(now)
        lab.harness.advance(2)


def test_one_more_where_all_ports_are_taken(open_lab: OpenLab) -> None:
    lab = open_lab(Settings(workers=1, laddrs=((OLD[0], 0, 0),), sessions=70_000))
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_UDP, rs=["10.10.0.1:53"])
    clients = Clients(udp(b""))
    used(clients.frames(64_512), lambda frames: lab.harness.run_all(0, frames))
    more = list(clients.frames(600, 0x15000000))
    assert {r.what for r in lab.harness.run_all(0, more[:60])} == {"DROP NO_LOCAL_PORT"}
    lab.harness.set_laddrs(OLD[0], OLD[1])
    lab.harness.advance(0.2)
    now = used(more[60:], lambda frames: lab.harness.run_all(0, frames))
    assert {address for address, _ in now} == {OLD[1]}


def test_a_late_reply_to_one_that_is_gone(open_lab: OpenLab) -> None:
    lab = open_lab(Settings()).usual()
    (sent,) = lab.harness.run(0, [bytes(tcp())])
    local = endpoints(sent.data)[0][0]
    rest = [address for address, _, _ in Settings().laddrs if address != local]
    lab.harness.set_laddrs(*rest, "198.18.0.8")
    reply = bytes(answer(sent.data))
    assert lab.harness.run(1, [reply])[0].what == "HANDOFF 0"
    assert lab.harness.run(0, [reply])[0].what == "TX 0"
    assert lab.harness.run(0, [bytes(tcp(ACK))])[0].what == "TX 0"
    lab.harness.advance(LONG)
    lab.harness.laddrs()
    assert lab.harness.run(0, [reply])[0].what == "DROP NOT_FOR_US"
    lab.clear()


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("name", ["plain rules", "no rules", "neither rules nor RSS"])
def test_random_sets(open_lab: OpenLab, workers: int, name: str) -> None:
    """Any change, sessions in between, some of which end: what is listed is what was wanted, and
    every session that has not ended is found."""
    dice = random.Random(f"{workers} {name}")
    wire = Wire(open_lab, KINDS[name], workers)
    pool = [*first(workers), *fresh(workers)]
    wanted, alive, accepted = set(first(workers)), list[Live](), 0
    for turn in range(30):
        trial = set(dice.sample(pool, dice.randrange(2 * workers, len(pool))))
        try:
            wire.set_laddrs(*dice.sample(sorted(trial), len(trial)))
            wanted, accepted = trial, accepted + 1
        except Refused as refused:
            assert refused.reason == "NO_LOCAL_ADDRESS"
        worker, make = dice.randrange(workers), dice.choice(CLIENTS)
        asked = bytes(make(sport=10_000 + turn))
        ((has, (sent,)),) = wire.client(worker, [asked]).items()
        alive.append(Live(has, asked, sent))
        assert alive[-1].local in wanted
        if dice.random() < 0.2:
            wire.harness.advance(LONG)
            alive = []
        for one in alive:
            wire.reply([bytes(answer(one.forwarded))], one.worker)
        count = Counter(one.local for one in alive)
        rows = listed(wire.harness.laddrs())
        assert rows == {a: (a not in wanted, count[a]) for a in wanted | set(count)}
        assert len(wire.harness.generations()) == 1
    assert accepted > 5
    assert wire.harness.drops() == {}
    wire.lab.clear()

# SPDX-License-Identifier: BSD-3-Clause
"""What is counted for an RS of a VS never goes back, however often it is removed and added."""

import random

import pytest
from driver import Refused
from lab import PLAIN, OpenLab
from lab import Lab as Base
from packets.frames import ACK, RS_TCP, RST_ACK, VS_TCP, tcp
from values import Op, Rs, Settings, Traffic

pytestmark = pytest.mark.path

OTHER = "10.10.0.2:8080"
OVER_S = 6  # a session that was reset is gone
Key = tuple[str, str]
COUNTERS = ("in_packets", "in_bytes", "out_packets", "out_bytes", "sessions")


def counted(rows: list[Rs]) -> dict[Key, list[int]]:
    """Every RS's counters as the metrics have them: its rows added up, but for a former VS's."""
    found: dict[Key, list[int]] = {}
    for row in rows:
        if not row.vs_removed:
            new = [getattr(row.traffic, name) for name in COUNTERS]
            old = found.get((row.vs, row.rs), [0] * len(new))
            found[row.vs, row.rs] = [a + b for a, b in zip(old, new, strict=True)]
    return found


def sessions(lab: Base, rs: str = RS_TCP) -> int:
    """How many sessions an RS has ever had."""
    return counted(lab.harness.rs())[VS_TCP, rs][-1]


def connect(lab: Base, port: int) -> None:
    """Begin a session."""
    (sent,) = lab.harness.run(0, [bytes(tcp("S", sport=port))])
    assert sent.what == "TX 0"


def end(lab: Base, port: int) -> None:
    """End a session."""
    lab.harness.run(0, [bytes(tcp(RST_ACK, sport=port))])
    lab.harness.advance(OVER_S)


def test_it_goes_on_while_old_sessions_end(lab: Base) -> None:
    """The removed one's row goes into the new one's when its last session ends."""
    connect(lab, 40000)
    lab.servers[0].remove_rs(RS_TCP)
    lab.servers[0].add_rs(RS_TCP)
    connect(lab, 40001)
    assert (len(lab.harness.rs(VS_TCP)), sessions(lab)) == (2, 2)
    end(lab, 40000)
    assert (len(lab.harness.rs(VS_TCP)), sessions(lab)) == (1, 2)
    (row,) = lab.harness.rs(VS_TCP)
    vs = lab.harness.vs()[VS_TCP].traffic
    assert row.traffic == vs, "neither counts twice"
    assert vs.active == 1


def test_it_goes_on_after_it_was_away(lab: Base) -> None:
    """Nobody listed it for a while; and a transaction that adds it and is refused loses nothing."""
    connect(lab, 40000)
    lab.servers[0].remove_rs(RS_TCP)
    end(lab, 40000)
    assert lab.harness.rs(VS_TCP) == []
    with pytest.raises(Refused):
        lab.harness.commit([Op("RS_ADD", VS_TCP, RS_TCP, 1), Op("RS_DEL", VS_TCP, OTHER)])
    lab.servers[0].add_rs(RS_TCP)
    assert sessions(lab) == 1
    connect(lab, 40001)
    assert sessions(lab) == 2
    assert lab.harness.vs()[VS_TCP].traffic.sessions == 2


def test_it_goes_on_within_one_transaction(lab: Base) -> None:
    connect(lab, 40000)
    again = [Op("RS_DEL", VS_TCP, RS_TCP), Op("RS_ADD", VS_TCP, RS_TCP, 1)]
    lab.harness.commit(again * 3)
    assert sessions(lab) == 1
    end(lab, 40000)
    assert sessions(lab) == 1


def test_another_rs_has_nothing_of_it(lab: Base) -> None:
    connect(lab, 40000)
    lab.servers[0].remove_rs(RS_TCP)
    end(lab, 40000)
    lab.servers[0].add_rs(OTHER)
    assert sessions(lab, OTHER) == 0


def test_a_vs_that_comes_back_begins_anew_with_its_rs(lab: Base) -> None:
    """Also while sessions of the one before live, and when they end: a restart, not a step."""
    connect(lab, 40000)
    lab.servers[0].remove()
    lab.add_vs(VS_TCP, rs=[RS_TCP])
    rows = lab.harness.rs(VS_TCP)
    assert sorted((row.removed, row.vs_removed) for row in rows) == [(False, False), (True, True)]
    assert sessions(lab) == 0
    connect(lab, 40001)
    assert sessions(lab) == 1
    end(lab, 40000)
    assert sessions(lab) == 1


def test_what_slots_remember_ends_with_the_next_user(open_lab: OpenLab) -> None:
    """There are as many memories as slots: RS that are never seen again cost nothing more."""
    lab = open_lab(Settings(rs_max=2))
    lab.harness.forward(PLAIN)
    server = lab.add_vs(VS_TCP, rs=[RS_TCP])
    connect(lab, 40000)
    server.remove_rs(RS_TCP)
    end(lab, 40000)
    server.add_rs(OTHER, "10.10.0.3:8080").remove_rs(OTHER)
    server.add_rs(RS_TCP)
    assert sessions(lab) == 0


def test_who_is_refused_is_counted_for_the_vs(open_lab: OpenLab) -> None:
    """For want of an RS or of room, by each worker; a VS that comes back begins at zero."""
    lab = open_lab(Settings(sessions=64, options={"recycle": 0}))
    lab.harness.forward(PLAIN)
    server = lab.add_vs(VS_TCP)

    def refused() -> int:
        return lab.harness.vs()[VS_TCP].refused

    for worker in range(2):
        (result,) = lab.harness.run(worker, [bytes(tcp())])
        assert result.what == "DROP NO_RS"
    assert refused() == 2
    server.add_rs(RS_TCP)
    assert refused() == 2, "a change of the VS is no other VS"
    dropped = 0
    for port in range(20000, 20200):
        (result,) = lab.harness.run(0, [bytes(tcp(sport=port))])
        dropped += result.what == "DROP SESSION_FULL"
    assert refused() == 2 + dropped > 2
    lab.harness.commit([Op("VS_DEL", VS_TCP), Op("VS_ADD", VS_TCP)])
    assert refused() == 0


def test_random_changes(open_lab: OpenLab) -> None:
    """Every figure of every listing is at least what it was, unless its VS is another."""
    rng = random.Random(28)
    lab = open_lab(Settings(workers=2))
    lab.harness.forward(PLAIN)
    servers = [f"10.10.0.{n}:8080" for n in range(1, 4)]
    lab.add_vs(VS_TCP, rs=servers)
    there, last, vs_last = set(servers), {}, Traffic(0, 0, 0, 0, 0, 0)
    for step in range(400):
        flags = rng.choice(("S", "S", ACK, RST_ACK))
        port = 40000 + rng.randrange(20)
        lab.harness.run(rng.randrange(2), [bytes(tcp(flags, sport=port))])
        rs = rng.choice(servers)
        if rs in there and rng.random() < 0.4:
            lab.servers[-1].remove_rs(rs)
            there.remove(rs)
        elif rs not in there:
            lab.servers[-1].add_rs(rs)
            there.add(rs)
        if rng.random() < 0.3:
            lab.harness.advance(rng.choice((1, 5, 40)))
        if step == 200:
            lab.servers[-1].remove()
            lab.add_vs(VS_TCP, rs=servers)
            there, last, vs_last = set(servers), {}, Traffic(0, 0, 0, 0, 0, 0)
        now, vs = counted(lab.harness.rs()), lab.harness.vs()[VS_TCP].traffic
        for key, values in now.items():
            pairs = zip(last.get(key, values), values, strict=True)
            assert all(old <= new for old, new in pairs), (step, key)
        assert all(getattr(vs_last, name) <= getattr(vs, name) for name in COUNTERS), step
        last, vs_last = {**last, **now}, vs
    assert sum(values[-1] for values in last.values()) == vs_last.sessions > 20


def test_a_workers_bytes_outlive_its_rs(open_lab: OpenLab) -> None:
    """They are the sum of those of all RS that it ever had, also when others have their slots."""
    lab = open_lab(Settings(rs_max=2, workers=2))
    lab.harness.forward(PLAIN)
    server = lab.add_vs(VS_TCP, rs=[RS_TCP])
    connect(lab, 40000)
    end(lab, 40000)
    traffic = lab.harness.vs()[VS_TCP].traffic
    moved = [(traffic.in_bytes, traffic.out_bytes), (0, 0)]
    assert lab.harness.worker_bytes() == moved
    assert traffic.in_bytes > 0
    for n in range(4):
        last = RS_TCP if n == 0 else f"10.10.2.{n}:8080"
        server.add_rs(f"10.10.2.{n + 1}:8080").remove_rs(last)
        assert lab.harness.worker_bytes() == moved
    (row,) = lab.harness.rs(VS_TCP)
    assert row.traffic.in_bytes == 0

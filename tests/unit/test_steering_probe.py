# SPDX-License-Identifier: BSD-3-Clause
"""When local addresses are probed, and what the counts of probes are taken for."""

from ipaddress import ip_address

from msgspec.structs import replace
from unit.memory_engine import MemoryEngine

from slb.model.probe import ProbeCount
from slb.model.views import ProbeView
from slb.steering.probe import A_SECOND, Probes
from slb.steering.watch import Watch

ALL = (8, 8)


def count(address: str, worker: int, method: str, expected: bool = True) -> ProbeCount:
    return ProbeCount(ip_address(address), "lan0", worker, method, expected)


def engine_of(*probes: ProbeCount) -> MemoryEngine:
    engine = MemoryEngine()
    engine.probes = list(probes)
    return engine


def flow() -> MemoryEngine:
    """One address, of worker 0."""
    return engine_of(count("198.18.0.1", 0, "flow"))


def state(probes: Probes) -> str:
    (view,) = probes.rows()
    return view.state


def test_less_and_less_often() -> None:
    engine = flow()
    probes = Probes(engine)
    sent: list[int] = []
    for second in range(130):
        before = len(engine.probed)
        assert probes.look(float(second)) == []
        sent += [second] * (len(engine.probed) - before)
    assert sent == [0, 1, 3, 7, 15, 31, 61, 91, 121]
    assert [attempt for _, attempt in engine.probed] == list(range(9))
    assert state(probes) == "unproved"


def test_as_soon_as_there_is_a_next_hop() -> None:
    engine = flow()
    engine.next_hop = False
    probes = Probes(engine)
    for second in range(50):
        probes.look(float(second))
    assert engine.probed == [("198.18.0.1", 0)] * 50
    engine.next_hop = True
    probes.look(50.0)
    engine.probes = [replace(engine.probes[0], right=ALL)]
    probes.look(51.0)
    assert probes.rows() == [ProbeView("lan0", "198.18.0.1", "flow", "proved", [0], [0], 1)]
    probes.look(5000.0)
    assert len(engine.probed) == 51


def test_both_protocols_count() -> None:
    engine = flow()
    probes = Probes(engine)
    probes.look(0.0)
    for right, wanted in (((8, 0), "unproved"), ((8, 1), "proved")):
        engine.probes = [replace(engine.probes[0], right=right)]
        probes.look(0.5)
        assert state(probes) == wanted


def test_what_came_before_says_nothing() -> None:
    engine = flow()
    engine.probes = [replace(engine.probes[0], right=ALL)]
    probes = Probes(engine)
    probes.look(0.0)
    probes.look(0.5)
    assert state(probes) == "unproved"


def test_all_workers_of_an_address() -> None:
    """That all of them have; any other worker is wrong."""
    engine = engine_of(*(count("198.18.0.1", worker, "rss-port") for worker in range(3)))
    probes = Probes(engine)
    probes.look(0.0)
    first, second, third = engine.probes
    engine.probes = [replace(first, right=ALL), replace(second, right=ALL), third]
    probes.look(0.5)
    assert state(probes) == "unproved"
    engine.probes[2] = replace(third, right=ALL)
    probes.look(0.6)
    assert state(probes) == "proved"
    engine.probes[1] = replace(second, right=ALL, elsewhere=(0, 1))
    (sentence,) = probes.look(0.7)
    assert "came to worker 0, 1, 2, and are for worker 0, 1, 2, although" in sentence
    assert state(probes) == "wrong"


def test_soft_promises_nothing() -> None:
    engine = engine_of(
        count("198.18.0.1", 0, "soft"), count("198.18.0.1", 1, "soft", expected=False)
    )
    probes = Probes(engine)
    probes.look(0.0)
    engine.probes = [
        replace(engine.probes[0], right=(3, 4), handed=(5, 4)),
        replace(engine.probes[1], elsewhere=(5, 4)),
    ]
    assert probes.look(0.5) == []
    (view,) = probes.rows()
    assert (view.state, view.workers, view.seen_by) == ("handed-over", [0], [0, 1])


def test_wrong_until_shown_otherwise() -> None:
    """Silence changes nothing, and it is said once."""
    engine = flow()
    probes = Probes(engine)
    probes.look(0.0)
    other = count("198.18.0.1", 1, "flow", expected=False)
    engine.probes = [replace(engine.probes[0], handed=ALL), replace(other, elsewhere=ALL)]
    (sentence,) = probes.look(0.5)
    assert sentence.startswith("port lan0: probes to local address 198.18.0.1 came to worker 1, ")
    for second in range(1, 100):
        assert probes.look(float(second)) == []
    (view,) = probes.rows()
    assert (view.state, view.seen_by) == ("wrong", [1])
    engine.probes[0] = replace(engine.probes[0], right=ALL)
    (sentence,) = probes.look(100.0)
    assert sentence.endswith("198.18.0.1 come to their workers now")
    assert state(probes) == "proved"


def test_anew_when_addresses_or_rules_change() -> None:
    """All of the port, but not those of others."""
    elsewhere = replace(count("198.18.9.1", 0, "flow"), port="lan1")
    engine = engine_of(count("198.18.0.1", 0, "flow"), elsewhere)
    probes = Probes(engine)

    def proved() -> dict[str, str]:
        engine.probes = [
            replace(row, right=(row.right[0] + 8, row.right[1] + 8)) for row in engine.probes
        ]
        probes.look(0.5)
        return {view.address: view.state for view in probes.rows()}

    probes.look(0.0)
    assert set(proved().values()) == {"proved"}
    engine.probed.clear()
    engine.probes.append(count("198.18.0.2", 1, "flow"))
    probes.look(10.0)
    assert sorted(engine.probed) == [("198.18.0.1", 0), ("198.18.0.2", 0)]
    assert len(proved()) == 3
    engine.probed.clear()
    engine.probes[0] = replace(engine.probes[0], method="soft")
    probes.look(20.0)
    assert sorted(engine.probed) == [("198.18.0.1", 0), ("198.18.0.2", 0)]
    engine.probes = [elsewhere]
    probes.look(30.0)
    assert [view.address for view in probes.rows()] == ["198.18.9.1"]


def test_many_take_turns() -> None:
    engine = engine_of(*(count(f"198.18.0.{n}", n % 2, "flow") for n in range(100)))
    probes = Probes(engine)
    for second in range(7):
        probes.look(float(second))
        assert len(engine.probed) <= A_SECOND * (second + 1)
    assert len({address for address, _ in engine.probed}) == 100


def test_the_ports_health() -> None:
    engine = engine_of(count("198.18.0.1", 0, "flow"), count("198.18.0.2", 1, "flow"))
    watch = Watch(engine, {"lan0": 100})
    (row,) = watch.rows()
    assert (row.proved, row.unproved, row.wrong, row.health) == (0, 0, [], "ok")
    watch.look(0.0)
    first, second = engine.probes
    engine.probes = [replace(first, right=ALL), second]
    watch.look(1.0)
    (row,) = watch.rows()
    assert (row.proved, row.unproved, row.wrong, row.health) == (1, 1, [], "ok")
    other = count("198.18.0.2", 0, "flow", expected=False)
    engine.probes = [replace(first, right=ALL), second, replace(other, elsewhere=(0, 1))]
    assert len(watch.look(2.0)) == 1
    (row,) = watch.rows()
    assert (row.proved, row.unproved) == (1, 0)
    assert (row.wrong, row.health) == (["198.18.0.2"], "wrong-worker")
    assert [view.port for view in watch.probes()] == ["lan0", "lan0"]

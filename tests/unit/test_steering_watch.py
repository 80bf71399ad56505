# SPDX-License-Identifier: BSD-3-Clause
"""Replies on the wrong worker: when that is worth a word."""

from msgspec.structs import replace
from unit.memory_engine import MemoryEngine

from slb.model.views import SteeringView
from slb.steering.watch import Watch

LAN = SteeringView("lan0", "flow", "queues", "", 2, 0)
LIMIT = 100


class Counting(MemoryEngine):
    """An engine whose ports' counts a test sets."""

    rows: list[SteeringView]

    def steering_list(self) -> list[SteeringView]:
        return self.rows


def watching(method: str) -> tuple[Counting, Watch]:
    engine = Counting()
    engine.rows = [replace(LAN, method=method)]
    return engine, Watch(engine, {"lan0": LIMIT, "wan0": 1})


def count(engine: Counting, misdirected: int) -> None:
    engine.rows = [replace(engine.rows[0], misdirected=misdirected)]


def test_an_alarm_begins_and_ends_with_a_sentence() -> None:
    engine, watch = watching("flow")
    count(engine, 7_000_000)
    assert watch.look(10.0) == [], "what was counted before is not of this second"
    count(engine, 7_000_200)
    assert watch.look(12.0) == [], "just the limit"
    count(engine, 7_000_501)
    (line,) = watch.look(14.0)
    assert line.startswith("port lan0: 150 replies a second come to a worker other than theirs")
    assert "steered by flow" in line
    (row,) = watch.rows()
    assert (row.health, row.misdirected_pps, row.misdirected) == ("misdirecting", 150, 7_000_501)
    count(engine, 7_001_000)
    assert watch.look(15.0) == [], "it goes on"
    assert watch.look(16.0) == ["port lan0: replies come to their workers again"]
    assert [(row.health, row.misdirected_pps) for row in watch.rows()] == [("ok", 0)]
    assert watch.look(17.0) == []


def test_two_looks_at_once_tell_no_rate() -> None:
    engine, watch = watching("rss-port")
    watch.look(1.0)
    count(engine, 10_000)
    assert watch.look(1.0) == []


def test_soft_promises_nothing() -> None:
    for method in ("soft", "single"):
        engine, watch = watching(method)
        watch.look(1.0)
        count(engine, 1_000_000)
        assert watch.look(2.0) == []
        assert watch.rows()[0].health == "ok"


def test_rules_that_a_device_keeps() -> None:
    engine, watch = watching("flow")
    assert watch.look(1.0) == []
    engine.rows = [replace(LAN, stuck_rules=2)]
    assert watch.look(2.0) == [
        "port lan0: the device keeps 2 rules of addresses that are gone; it is asked again when "
        "local addresses change"
    ]
    assert watch.look(3.0) == []
    assert [row.health for row in watch.rows()] == ["stuck-rules"]
    engine.rows = [replace(LAN, stuck_rules=1)]
    assert watch.look(4.0) == [], "fewer is no news"
    engine.rows = [LAN]
    assert watch.look(5.0) == ["port lan0: the device has given its rules back"]
    assert [row.health for row in watch.rows()] == ["ok"]

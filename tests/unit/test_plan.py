# SPDX-License-Identifier: BSD-3-Clause
"""The difference between two sets of services, and carrying a file's changes over."""

import random

import pytest
from msgspec.structs import replace
from unit.memory_engine import MemoryEngine

from slb.model.endpoint import Endpoint, VsKey
from slb.model.policy import Scheduler, VsTimeouts
from slb.model.service import RealServer, Service
from slb.model.views import RsView, Traffic
from slb.tables.plan import merge, plan


def service(vs: str, scheduler: Scheduler = "rr", **rs: int) -> Service:
    """`service("1", a=5)`: VS 10.96.0.1:80/tcp with RS 10.10.0.a:80 of weight 5."""
    octets = {name: ord(name) - ord("a") + 1 for name in rs}
    real = tuple(
        RealServer(Endpoint.parse(f"10.10.0.{octets[name]}:80"), weight)
        for name, weight in sorted(rs.items())
    )
    return Service(VsKey.parse(f"10.96.0.{vs}:80/tcp"), scheduler, real)


@pytest.mark.parametrize(
    ("current", "wanted", "lines"),
    [
        ([], [], []),
        ([service("1", a=1)], [service("1", a=1)], []),
        (
            [],
            [service("1", "wrr", a=5)],
            [
                "+ vs 10.96.0.1:80/tcp scheduler wrr",
                "+ rs 10.96.0.1:80/tcp 10.10.0.1:80 weight 5",
            ],
        ),
        ([service("1", a=1)], [], ["- vs 10.96.0.1:80/tcp"]),
        (
            [service("1", "rr")],
            [service("1", "sh")],
            ["~ vs 10.96.0.1:80/tcp scheduler rr -> sh"],
        ),
        (
            [service("1")],
            [replace(service("1"), timeouts=VsTimeouts(tcp_close=1, tcp_established=60))],
            ["~ vs 10.96.0.1:80/tcp tcp_established default -> 60 tcp_close default -> 1"],
        ),
        (
            [service("1", a=1, b=1)],
            [service("1", b=0, c=3)],
            [
                "- rs 10.96.0.1:80/tcp 10.10.0.1:80",
                "~ rs 10.96.0.1:80/tcp 10.10.0.2:80 weight 1 -> 0",
                "+ rs 10.96.0.1:80/tcp 10.10.0.3:80 weight 3",
            ],
        ),
        (
            [service("9")],
            [service("1")],
            ["- vs 10.96.0.9:80/tcp", "+ vs 10.96.0.1:80/tcp scheduler rr"],
        ),
    ],
)
def test_plan(current: list[Service], wanted: list[Service], lines: list[str]) -> None:
    assert [str(op) for op in plan(current, wanted)] == lines


def test_any_set_leads_to_any_other() -> None:
    chance = random.Random(7)
    engine = MemoryEngine()
    for _ in range(200):
        wanted = _any_set(chance)
        engine.commit(plan(_read(engine), wanted))
        assert _read(engine) == wanted
        assert plan(_read(engine), wanted) == []


def test_removed_rs_are_not_part_of_the_set() -> None:
    engine = MemoryEngine()
    engine.commit(plan([], [service("1", a=1)]))
    engine.removed = [RsView("10.96.0.1:80/tcp", "10.10.0.9:80", 1, True, Traffic())]
    assert _read(engine) == [service("1", a=1)]


@pytest.mark.parametrize(
    ("what", "current", "old", "new", "result"),
    [
        ("nothing changed in the file, the API's changes stay", ["1"], ["2"], ["2"], ["1"]),
        ("added to the file", ["1"], [], ["2"], ["1", "2"]),
        ("removed from the file", ["1", "2"], ["2"], [], ["1"]),
        ("removed from both", ["1"], ["2"], [], ["1"]),
        ("added to both", ["1", "2"], [], ["2"], ["1", "2"]),
    ],
)
def test_merge_of_vs(
    what: str, current: list[str], old: list[str], new: list[str], result: list[str]
) -> None:
    found = merge(*([service(name) for name in names] for names in (current, old, new)))
    assert found == [service(name) for name in result], what


def test_merge_inside_a_vs() -> None:
    current = [service("1", "sh", a=7, b=1, d=1)]
    old = [service("1", "rr", a=1, b=1)]
    new = [service("1", "rr", a=1, c=4)]
    assert merge(current, old, new) == [service("1", "sh", a=7, c=4, d=1)]


def test_merge_takes_a_changed_weight_and_scheduler() -> None:
    current, old = [service("1", a=7)], [service("1", a=1)]
    assert merge(current, old, [service("1", "wrr", a=2)]) == [service("1", "wrr", a=2)]


def test_merge_takes_what_changed_in_a_policy_and_nothing_else() -> None:
    def one(*timeouts: int | None, one_packet: bool = False) -> Service:
        names = ("udp_oneway", "udp_replied")
        own = VsTimeouts(**dict(zip(names, timeouts, strict=True)))
        return Service(VsKey.parse("10.96.0.1:53/udp"), "rr", (), one_packet, own)

    current, old, new = one(7, 8, one_packet=True), one(1, 2), one(1, 3)
    assert merge([current], [old], [new]) == [one(7, 3, one_packet=True)]
    assert merge([current], [one(1, 2, one_packet=True)], [one(None, 2)]) == [one(None, 8)]


def _any_set(chance: random.Random) -> list[Service]:
    def one(vs: str) -> Service:
        weights = {name: chance.randrange(3) for name in "abcd" if chance.random() < 0.5}
        scheduler: Scheduler = "rr" if chance.random() < 0.5 else "sh"
        own = VsTimeouts(tcp_close=chance.choice((None, 1, 2)))
        return replace(service(vs, scheduler, **weights), timeouts=own)

    return [one(vs) for vs in "12345" if chance.random() < 0.6]


def _read(engine: MemoryEngine) -> list[Service]:
    return engine.service_list()

# SPDX-License-Identifier: BSD-3-Clause
"""Ejection of RS that clients' connections speak against, by a clock of the test's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import pytest
from msgspec.structs import replace
from unit.agent_values import key

from slb.health.effect import Effect, already_out
from slb.health.ejection import Ejections
from slb.health.passive import Passive
from slb.health.target import Ejected
from slb.health.window import Counts, Window
from slb.model.endpoint import Endpoint
from slb.model.health import NoCheck, TcpCheck
from slb.model.health import Passive as Rules
from slb.model.service import RealServer, Service
from slb.model.views import RsAnswers

RULES = Rules(window_s=10, min_connections=20, eject_s=30, max_eject_s=100)
RS = [Endpoint(IPv4Address(f"10.10.0.{n}"), 8080) for n in range(1, 9)]
NOTHING = Counts(0, 0, 0, 0, 0, 0, 0)


def plus(one: Counts, **more: int) -> Counts:
    """Counters that have grown."""
    return one._replace(**{name: getattr(one, name) + n for name, n in more.items()})


def service(count: int, rules: Rules = RULES, percent: int = 50) -> Service:
    """A VS of so many RS without checks."""
    real = tuple(RealServer(rs) for rs in RS[:count])
    return Service(key(1), "rr", real, health=NoCheck(passive=rules, max_ejected_percent=percent))


@dataclass
class Vs:
    """The ejections of one VS, and what slbd would count of its RS."""

    count: int = 4
    rules: Rules = RULES
    percent: int = 50
    now: float = 1000.0
    counts: dict[Endpoint, Counts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ejections = Ejections(service(self.count, self.rules, self.percent))
        self.counts = dict.fromkeys(RS[: self.count], NOTHING)
        self.second({})

    def second(
        self, each: Mapping[int, Mapping[str, int]], down: frozenset[Endpoint] = frozenset()
    ) -> tuple[list[int], list[int]]:
        """Let a second pass in which an RS's counters grow; returns who went, and who is back."""
        for number, more in each.items():
            if RS[number] not in self.ejections.out:
                self.counts[RS[number]] = plus(self.counts[RS[number]], **more)
        self.now += 1
        out, back = self.ejections.look(self.now, self.counts, down)
        return [RS.index(rs) for rs in out], [RS.index(rs) for rs in back]

    def until_ejected(self, each: Mapping[int, Mapping[str, int]], most: int = 30) -> int:
        """Seconds until someone is ejected; fails when nobody is."""
        for seconds in range(1, most):
            if self.second(each)[0]:
                return seconds
        raise AssertionError("nobody is ejected")

    def calm(self, each: Mapping[int, Mapping[str, int]], seconds: int = 40) -> bool:
        """Whether nobody is ejected in that time."""
        return not any(self.second(each)[0] for _ in range(seconds))


GOOD = {"opened": 30, "answered": 30}
SILENT = {"opened": 30}
REFUSES = {"opened": 30, "refused": 30}
RESETS = {**GOOD, "resets": 30}


def among(bad: Mapping[str, int], *numbers: int, count: int = 4) -> dict[int, Mapping[str, int]]:
    """These RS are bad, the others of the VS are good."""
    return {n: bad if n in numbers else GOOD for n in range(count)}


# ---- windows ----


def test_what_waits_for_an_answer_is_held_against_nobody_at_once() -> None:
    """A burst just before the reading is under way; a second later it is unanswered."""
    window = Window(10)
    assert window.take(0, NOTHING) is None
    burst = plus(NOTHING, opened=50)
    fresh = window.take(1, burst)
    assert fresh is not None and fresh.connections == 0
    late = window.take(2, burst)
    assert late is not None and (late.unanswered, late.connections) == (50, 50)
    assert str(late) == "50 connections, 50 unanswered"


def test_a_reading_is_taken_by_name() -> None:
    """Each count is what it is called; those that have ended unanswered are not needed."""
    row = RsAnswers(
        vs=str(key(1)),
        rs=str(RS[0]),
        sessions=1,
        answered=2,
        unanswered=3,
        refused=4,
        aborted=5,
        resets=6,
        latency_us=7,
        samples=8,
    )
    assert Counts.of(row) == Counts(
        opened=1, answered=2, refused=4, aborted=5, resets=6, latency_us=7, samples=8
    )


def test_a_window_forgets() -> None:
    window, counts = Window(10), NOTHING
    for second in range(40):
        bad = second < 10
        counts = plus(counts, opened=10, refused=10 * bad, answered=10 * (not bad))
        seen = window.take(second, counts)
    assert seen is not None and (seen.refused, seen.answered) == (0, 100)


def test_counters_that_went_back_begin_anew() -> None:
    """Of another slbd, or of a VS that was deleted and added again."""
    window = Window(10)
    window.take(0, plus(NOTHING, opened=500, answered=100))
    window.take(1, plus(NOTHING, opened=500, answered=100))
    assert window.take(2, plus(NOTHING, opened=7)) is None
    found = window.take(3, plus(NOTHING, opened=7))
    assert found is not None and found.connections == 0


def test_clients_that_give_up_count_for_nothing() -> None:
    """Or whoever sends a SYN and an RST at once could have any RS ejected."""
    vs = Vs()
    assert vs.calm(among({"opened": 30, "aborted": 30}, 0))


# ---- who is worse ----


@pytest.mark.parametrize("bad", [SILENT, REFUSES], ids=["silent", "refuses"])
def test_out_within_the_window(bad: Mapping[str, int]) -> None:
    vs = Vs()
    assert vs.until_ejected(among(bad, 2)) <= RULES.window_s
    ((rs, ejection),) = vs.ejections.out.items()
    assert rs == RS[2] and ejection.reason.split(" ", 3)[3:] in (
        ["connections unanswered"],
        ["connections refused"],
    )


def test_few_connections_say_nothing() -> None:
    vs = Vs()
    few = {n: {"opened": 1} if n == 0 else GOOD for n in range(4)}
    assert vs.calm(few)


def test_a_share_below_the_threshold() -> None:
    vs = Vs()
    assert vs.calm(among({"opened": 30, "answered": 18, "refused": 12}, 0))
    vs.until_ejected(among({"opened": 30, "answered": 10, "refused": 20}, 0))


def test_what_all_have_is_nobodys_fault() -> None:
    """Clients whose connections nobody answers, as of an attack, take no RS out."""
    vs = Vs()
    assert vs.calm({n: {"opened": 30, "answered": 9} for n in range(4)})
    assert vs.calm(dict.fromkeys(range(4), SILENT))


def test_three_of_four_are_bad() -> None:
    """As many go as may; the one that is left is who does well."""
    vs = Vs()
    vs.until_ejected(among(REFUSES, 0, 1, 3))
    assert len(vs.ejections.out) == 2 and RS[2] not in vs.ejections.out
    assert next(iter(vs.ejections.capped.values())).endswith("connections refused")


def test_resets_and_latency_only_where_they_are_wanted() -> None:
    slow = {**GOOD, "samples": 5, "latency_us": 5 * 40_000}
    usual = {**GOOD, "samples": 5, "latency_us": 5 * 2_000}
    times = {n: slow if n == 1 else usual for n in range(4)}
    vs = Vs()
    assert vs.calm(among(RESETS, 0)) and vs.calm(times)
    vs = Vs(rules=replace(RULES, reset_percent=50))
    assert vs.calm(times)
    vs.until_ejected(among(RESETS, 0))
    vs = Vs(rules=replace(RULES, latency_factor=10.0))
    vs.until_ejected(times)
    assert vs.ejections.out[RS[1]].reason == "answers in 40 ms, the others in 2 ms"
    vs = Vs(rules=replace(RULES, latency_factor=10.0))
    vs.until_ejected({**times, 1: {**slow, "latency_us": 5 * 1_234_567}})
    assert vs.ejections.out[RS[1]].reason == "answers in 1235 ms, the others in 2 ms"
    vs = Vs(rules=replace(RULES, latency_factor=10.0, min_latency_ms=50))
    assert vs.calm(times)
    vs = Vs(rules=replace(RULES, latency_factor=25.0))
    assert vs.calm(times)


def test_resets_are_a_share_of_what_was_answered() -> None:
    """Not of those that came after the last answer, as when a server with open connections ends."""
    ends = {**REFUSES, "resets": 20}
    vs = Vs(rules=replace(RULES, reset_percent=50))
    assert vs.calm(among(GOOD), 5)
    vs.second(among(ends, 0))
    assert vs.ejections.out[RS[0]].reason == "30 of 30 connections refused"
    vs = Vs(rules=replace(RULES, reset_percent=50, refused_percent=0))
    assert vs.calm(among(GOOD), 5)
    vs.second(among(ends, 0))
    assert vs.calm(among(REFUSES, 0), 3)


# ---- how many, and how long ----


@pytest.mark.parametrize(
    ("count", "percent", "most"), [(1, 50, 0), (2, 50, 1), (3, 50, 1), (8, 50, 4), (8, 0, 0)]
)
def test_never_more_than_the_share(count: int, percent: int, most: int) -> None:
    """However bad they are: a quarter at least does well, but for a VS of one."""
    vs = Vs(count=count, percent=percent)
    bad = range(count * 3 // 4 or 1)
    for _ in range(20):
        vs.second(among(SILENT, *bad, count=count))
        assert len(vs.ejections.out) <= most
    assert len(vs.ejections.out) == most


def test_those_that_are_down_have_their_part_of_the_share() -> None:
    vs = Vs()
    down = frozenset(RS[:2])
    for _ in range(20):
        assert vs.second(among(SILENT, 0, 1, 2), down)[0] == []
    assert list(vs.ejections.capped) == [RS[2]]
    assert vs.second(among(SILENT, 2), frozenset(RS[:1]))[0] == [2], "there is room again"


def lengths(vs: Vs, good_s: int, times: int) -> list[int]:
    """How long an RS is out each time, if it is good for so long in between."""
    found = []
    for _ in range(times):
        vs.until_ejected(among(SILENT, 0))
        began = vs.now
        while vs.second(among(GOOD))[1] != [0]:
            pass
        found.append(round(vs.now - began))
        assert vs.calm(among(GOOD), good_s)
    return found


def test_each_time_twice_as_long() -> None:
    assert lengths(Vs(), 5, 4) == [30, 60, 100, 100]


def test_who_stays_in_begins_anew() -> None:
    assert lengths(Vs(), 100, 3) == [30, 30, 30]


def test_what_was_before_the_ejection_is_forgotten() -> None:
    """Back, it is judged by what comes then."""
    vs = Vs()
    vs.until_ejected(among(SILENT, 0))
    while vs.second(among(GOOD))[1] != [0]:
        vs.counts[RS[0]] = plus(vs.counts[RS[0]], opened=100)
    assert vs.calm(among(GOOD))


# ---- all VS, and what slbd gets ----


def row(rs: Endpoint, counts: Counts) -> RsAnswers:
    """A reading."""
    opened, answered, refused, aborted, *rest = counts
    return RsAnswers(str(key(1)), str(rs), opened, answered, 0, refused, aborted, *rest)


def test_changes_of_the_services() -> None:
    """What is known of RS that stay is kept; what is wanted no more is forgotten."""
    passive, now, rows = Passive(), 0.0, dict.fromkeys(RS[:4], NOTHING)
    first = service(4)
    passive.follow((first,))
    while not passive.ejected():
        rows = {rs: plus(c, **(SILENT if rs == RS[0] else GOOD)) for rs, c in rows.items()}
        now += 1
        passive.look(now, [row(rs, c) for rs, c in rows.items()], {})
    who = Ejected(key(1), RS[0])
    assert passive.ejected() == {who: now}
    passive.follow((replace(first, rs=(*first.rs[:3], RealServer(RS[5]))),))
    assert passive.ejected() == {who: now}
    passive.follow((replace(first, rs=(RealServer(RS[0], 0), *first.rs[1:])),))
    assert passive.ejected() == {}
    passive.follow((replace(first, health=TcpCheck()),))
    assert not passive and passive.look(now, [row(RS[0], rows[RS[0]])], {}) == []


def test_out_and_back_without_any_reading() -> None:
    passive = Passive()
    passive.follow((service(4),))
    passive.adopt({Ejected(key(1), RS[1]): 0.0, Ejected(key(9), RS[1]): 0.0}, 5.0)
    assert list(passive.ejected()) == [Ejected(key(1), RS[1])]
    assert passive.end_overdue(34.0) == []
    assert [change.who.rs for change in passive.end_overdue(35.0)] == [RS[1]]


def test_the_effect() -> None:
    """Weight 0, or gone; with a check, either takes it out; a restart learns it from slbd."""
    effect, wanted = Effect(), service(4)
    effect.fallen = {Ejected(key(1), RS[1]): 1.0, Ejected(key(2), RS[2]): 1.0}
    (has,) = effect.of((wanted,))
    assert [real.weight for real in has.rs] == [1, 0, 1, 1] and not has.health
    assert already_out([wanted], [has]) == {Ejected(key(1), RS[1])}
    assert wanted.health
    drained = replace(wanted, health=replace(wanted.health, down="drain"))
    (has,) = effect.of((drained,))
    assert [real.rs for real in has.rs] == [RS[0], *RS[2:4]]
    checked = replace(wanted, health=TcpCheck(passive=RULES))
    (has,) = effect.of((checked,))
    assert [real.weight for real in has.rs] == [1, 0, 1, 1]

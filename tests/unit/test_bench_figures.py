# SPDX-License-Identifier: BSD-3-Clause
"""What `./dev bench` makes of measurements: keys, goals and ratios, and what it does with them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from bench import __main__ as main
from bench import beside_testpmd, control, figure, kernel, machine, measures, memory, native
from bench.figure import Figure, Goal
from bench.slices import Reading

# What the engine must reach, and should.
GOALS = {
    "m1.ratio": Goal(1.4, 2.0),
    "m1b.ratio": Goal(2.8, 5),
    "m1b.cycles": Goal(110),
    "m2.ratio": Goal(1.6, 2.5),
    "m2b.ratio": Goal(0.5, 1.0),
    "m3.ratio": Goal(13, 24),
    "m3b.ratio": Goal(0.8, 1.5),
    "m4.v4": Goal(96, 192),
    "m4.v6": Goal(160, 320),
    "m5.us": Goal(20, 200),
    "m5.lost": Goal(0, 0),
    "m6.ratio": Goal(25, 10, more=True),
    "m7.locks": Goal(0, 0),
    "m8.ratio": Goal(1.95, 1.8, more=True),
    "m9.ratio": Goal(1.25, 1.6),
    "m10.ratio": Goal(2, 4),
}
# Two runs of each side: a bad one and a good one.
SIDES = {
    "path": {"ours": [60, 50], "5tswap": [20, 25]},
    "io": {"few": [90, 80], "many": [200, 160], "5tswap": [40, 50]},
    "lookup": {
        "ours": [20, 15],
        "hashes": [5, 6],
        "two lines": [8, 9],
        "rte_hash": [60, 50],
        "rte_hash, roomy": [30, 40],
    },
    "tcp": {
        "ours": [900, 800],
        "a second": [1e6, 2e6],
        **{name: [100, 90] for name in beside_testpmd.LIFE},
    },
    "life": {
        **{"ours": [120, 100], "made": [80, 70], "ended": [40, 30]},
        **{"rte_hash": [100, 125], "added": [70, 60], "deleted": [30, 35]},
    },
    "memory": {"bytes": [90]},
    "memory6": {"bytes": [150]},
    "control": {
        f"{kind} {what}": runs
        for kind in (*control.WHOLE, *control.EACH)
        for what, runs in (
            *(("us", [9, 4]), ("lost", [1, 0, 8])),
            *(("sweep", [2, 1]), ("hole", [7, 8, 90])),
        )
    },
    "scaling": {
        f"{work}{side}{of}": runs
        for work in ("", "path, ", "exchange, path, ")
        for side in ("first", "second")
        for of, runs in (("", [110, 100]), (" of two", [150, 125]))
    },
    "families": {"v6": [60, 50], "v4": [40, 45]},
    "latency": {"ours": [30, 20], "io": [10, 12], "ours p99.9": [90, 80], "io p99.9": [40, 50]},
    "clock": {"tsc": [2e9]},
}
VALUES = {
    "m1.ratio": 2.0,
    "m1b.ratio": 2.5,
    "m1b.cycles": 50,
    "m2.ratio": 2.0,
    "m2b.ratio": 0.5,
    "m3.ratio": 20,
    "m3b.ratio": 1.0,
    "m3b.per_s": 2e7,
    "m4.v4": 90,
    "m4.v6": 150,
    "m5.us": 4,
    # In more than half of the runs, of six kinds of changes.
    "m5.lost": 6,
    "m5.lost_all": 54,
    "m5.hole": 8,
    "m6.ratio": 20,
    "m8.ratio": 1.6,
    "m9.ratio": 1.25,
    "m10.ratio": 2.0,
}


def test_two_workers_are_as_fast_as_in_one_run() -> None:
    """One that is fast while the other one is slow has its share of what both had."""
    found = native.Runs()
    for side, cycles in (
        *(("first", [100.0, 100.0]), ("second", [100.0, 100.0])),
        *(("first of two", [100.0, 200.0]), ("second of two", [200.0, 100.0])),
    ):
        found.cycles[side] += cycles
    assert measures.at_once("m8.ratio", "", found, "").value == 1.5


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements that have been made."""

    def measure(name: str, _sessions: int, runs: int, *_: object, **__: object) -> native.Runs:
        found = native.Runs()
        for side, cycles in SIDES[name].items():
            found.cycles[side] += [float(one) for one in cycles]
        found.left_out = 3
        return found

    class Lab:
        """A kernel that takes 1,100 cycles a packet, of which 100 are the sender's."""

        def __enter__(self) -> "Lab":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def cycles(self, lb: str, _counts: object, device: str, _match: str) -> float:
            """Of the sender alone, without NAT, or all."""
            return 1100.0 if lb == kernel.NAT else 100.0

        lb = sink = None

    for module in (native, measures, control, kernel):
        monkeypatch.setattr(module, "measure", measure)
    monkeypatch.setattr(kernel, "lab", Lab)
    monkeypatch.setattr(beside_testpmd.testpmd, "cycles", lambda *_: Reading(40.0, 1))


@pytest.mark.usefixtures("canned")
def test_keys_goals_and_values() -> None:
    made = {
        one.key: one
        for name in ("m1 m1b m2 m2b m3 m3b m4 m5 m6 m8 m9 m10").split()
        for one in measures.MEASURES[name](1)
    }
    goals = {key: one.goal for key, one in made.items() if one.goal is not None}
    assert goals == {key: goal for key, goal in GOALS.items() if key != "m7.locks"}
    assert {key: made[key].value for key in VALUES} == pytest.approx(VALUES)


@pytest.mark.usefixtures("canned")
def test_what_was_left_out_is_told() -> None:
    for name in ("m1", "m1b", "m2", "m2b", "m3b", "m5", "m6", "m8", "m9", "m10"):
        first, *_ = measures.MEASURES[name](2)
        assert first.left_out > 0, name
        assert first.plain()["rounds_left_out"] == first.left_out
        assert first.line().endswith(f"{first.left_out} rounds left out")


def test_minimum_and_median() -> None:
    made = Figure("k", "what", 1.0, None, {"ours": [3.0, 1.0, 5.0]})
    assert "what: ours 1.0 (3.0)" in made.line()
    assert made.plain()["sides"] == {"ours": {"min": 1.0, "median": 3.0, "runs": [3.0, 1.0, 5.0]}}


def test_the_sides_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []

    def measure(*_: object, **__: object) -> native.Runs:
        turns.append("ours")
        found = native.Runs()
        found.cycles["few"].append(80.0)
        return found

    def theirs(*_: object) -> Reading:
        turns.append("testpmd")
        return Reading(40.0, 0)

    monkeypatch.setattr(native, "measure", measure)
    monkeypatch.setattr(beside_testpmd.testpmd, "cycles", theirs)
    (made,) = beside_testpmd.both_ways(3)
    assert turns == ["ours", "testpmd"] * 3
    assert made.sides == {"ours": [80.0] * 3, "testpmd": [40.0] * 3}


def test_one_that_fails_does_not_lose_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Written as they come, with what the machine was like meanwhile."""
    file = tmp_path / "figures.json"

    def fails(_runs: int) -> list[Figure]:
        raise RuntimeError("there is no such CPU")

    def small(_runs: int) -> list[Figure]:
        memory.refused.append(512)
        return [Figure("s.ratio", "what", 9.0, Goal(1, 2))]

    host: Any = {"cpu": "one", "load": (0.0, 0.0, 0.0)}
    monkeypatch.setattr(main, "MEASURES", {"f": fails, "s": small})
    monkeypatch.setattr(machine, "record", lambda: host)
    monkeypatch.setattr(machine, "lines", lambda _: "a machine")
    monkeypatch.setattr(sys, "argv", ["bench", "f", "s", "--json", str(file)])
    assert main.main() == 1
    written = json.loads(file.read_text())
    assert written["s.ratio"]["value"] == 9.0
    assert written["machine"]["failed"] == {"f": "there is no such CPU"}
    assert written["machine"]["on_4_kb_pages"] == ["s"]
    assert len(written["machine"]["load_after"]) == 3
    said = capsys.readouterr()
    assert "floors missed: s.ratio" in said.out and "not measured: f;" in said.out
    assert said.err == "f was not measured: there is no such CPU\n"
    assert figure.HEAD in said.out

# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench` measures the engine and what stands beside it; how fast they are matters not."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bench import beside_testpmd, control, kernel, measures, native, stages, walks
from bench.figure import Figure, Goal
from bench.locks import LOCKED

pytest_plugins = ["unit.bench_fixture"]
# Calm for its huge pages, which it reserves as it needs them.
pytestmark = [pytest.mark.usefixtures("bench_programs"), pytest.mark.calm]

ROOT = native.ROOT
LIMIT_S = 120
BUILD = ROOT / "csrc/bench/meson.build"
SIDES = {
    "path": {"ours", "5tswap"},
    "families": {"v4", "v6"},
    "sessions": {"ours", "5tswap", "bytes"},
    "lookup": {"ours", "rte_hash", "rte_hash, roomy", "hashes", "two lines"},
    "life": {"ours", "made", "ended", "rte_hash", "added", "deleted"},
    "scaling": {
        f"{work}{side}{of}"
        for work in ("", "path, ", "exchange, ", "exchange, path, ")
        for side in ("first", "second")
        for of in ("", " of two")
    },
    "steering": {"own", "giver", "taker"},
    "ports": {"10 %", "90 %", "99 %"},
    "io": {"few", "5tswap", "many"},
    "tcp": {*beside_testpmd.LIFE, "ours", "a second"},
    "latency": {"ours", "ours p99.9", "io", "io p99.9"},
}

GOALS = {
    "m2": {"m2.ratio": Goal(1.6, 2.5)},
    "m4": {"m4.v4": Goal(96, 192), "m4.v6": Goal(160, 320)},
    "m10": {"m10.ratio": Goal(2, 4)},
}


def bench(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "bench", *argv],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_a_run_of_the_engine_and_of_testpmd(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = bench("m1", "--runs", "1", "--json", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    written = json.loads(file.read_text())
    assert list(written) == ["machine", "m1.ratio"]
    machine = written["machine"]
    assert machine["tsc_hz"] > 10**8
    assert set(machine) == {
        *("cpu", "cpus", "tsc_hz", "hugepages", "load", "kernel", "dpdk", "commit"),
        *("load_after", "on_4_kb_pages", "failed"),
    }
    assert f"DPDK {machine['dpdk']}, commit {machine['commit']}" in done.stdout
    figure = written["m1.ratio"]
    (ours,), (theirs,) = (figure["sides"][side]["runs"] for side in ("ours", "testpmd"))
    assert min(ours, theirs) > 10
    assert figure["value"] == round(ours / theirs, 2)
    assert (figure["target"], figure["floor"]) == (1.4, 2.0)
    assert f"ours {ours:.1f} ({ours:.1f})" in done.stdout


def test_a_life_of_a_connection_and_a_packet_of_testpmd() -> None:
    ratio, cycles, rate = beside_testpmd.life(1)
    assert [figure.key for figure in (ratio, cycles, rate)] == ["m3.ratio", "m3.cycles", "m3.rate"]
    assert ratio.value == round(min(ratio.sides["ours"]) / min(ratio.sides["testpmd"]), 2)
    steps = [runs[0] for runs in cycles.sides.values()]
    assert len(steps) == 7
    assert min(steps) > 10
    assert cycles.value == pytest.approx(sum(steps), abs=1)
    assert rate.value > 1000


@pytest.mark.parametrize("name", ["m2", "m4", "m10"])
def test_figures_with_goals(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "MANY", 20_000)
    monkeypatch.setattr(measures, "MANY_MB", native.SMALLEST_MB)
    goals = {figure.key: figure.goal for figure in measures.MEASURES[name](1)}
    assert {key: goal for key, goal in goals.items() if goal is not None} == GOALS[name]


def test_sessions_take_memory() -> None:
    for name, least in (("memory", 64), ("memory6", 128)):
        few, more = (native.measure(name, n, 1).least("bytes") for n in (10_000, 40_000))
        # What there is anyway, however few the sessions are, weighs less the more there are.
        assert least < more < few


def test_the_path_has_no_locks(tmp_path: Path) -> None:
    """No locked instruction in any object of csrc/path and csrc/worker."""
    file = tmp_path / "figures.json"
    assert bench("m7", "--json", str(file)).returncode == 0
    row = json.loads(file.read_text())["m7.locks"]
    assert (row["value"], row["target"]) == (0, 0)


@pytest.mark.parametrize(
    ("line", "locks"),
    [
        ("  6e6:\tlock subw $0x1,(%rsi)", True),
        ("  6e6:\txchg   %eax,(%rdi)", True),
        ("  6e6:\txchg   %ax,%ax", False),
        ("  6e6:\tcall   lock_it", False),
    ],
)
def test_what_locks(line: str, locks: bool) -> None:
    assert bool(LOCKED.search(line)) is locks


@pytest.mark.parametrize("name", SIDES)
def test_both_sides_are_measured_and_checked(name: str) -> None:
    found = native.measure(name, 1000, 2)
    once = {"bytes": 1}
    wanted = {side: once.get(side, 2) for side in SIDES[name]}
    assert {side: len(runs) for side, runs in found.cycles.items()} == wanted
    assert min(map(min, found.cycles.values())) > 1
    assert found.least(min(SIDES[name])) == min(found.cycles[min(SIDES[name])])


def test_every_stage_has_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "MANY", 20_000)
    monkeypatch.setattr(stages, "MANY_MB", native.SMALLEST_MB)
    monkeypatch.setattr(stages, "LIVES", 256)
    made = {figure.key: figure for figure in stages.figures(1)}
    assert len(made) == len(stages.KINDS) * len(stages.WAYS) + len(stages.IO) + len(stages.LIFE)
    driver, path = {"rx", "tx", "rest"}, {"parse", "session", "pass", "rest"}
    for key, figure in made.items():
        assert figure.value == pytest.approx(sum(map(min, figure.sides.values())), abs=0.1)
        new = key.endswith((".new", ".SYN"))
        wanted = set() if "5tswap" in key else path | ({"admit"} if new else set())
        if key.startswith(("stages.io", "stages.life")):
            wanted |= driver
        assert wanted <= set(figure.sides)
        # What has a session is not admitted; and what is not the path's has no stages.
        assert new or min(figure.sides.get("admit", [0])) < figure.value / 2
        assert ("5tswap" in key) is not ("parse" in figure.sides)
    # A connection's first packet is also the end of another one.
    assert min(made["stages.life.SYN"].sides["expire"]) > 0


def test_the_accounts_are_those_of_the_paths_stages() -> None:
    path = (ROOT / "csrc/path/path.c").read_text()
    called = re.findall(r"^\t+(\w+)\(", path[path.index("\nvoid path_run(") :], re.MULTILINE)
    own = re.findall(r"^static void (\w+)\(", path, re.MULTILINE)
    elsewhere = [name for name in called if name not in own]
    wrapped = re.search(r"foreach part : \[(.*?)\]", BUILD.read_text(), re.DOTALL)
    assert wrapped is not None
    assert re.findall(r"'(\w+)'", wrapped[1]) == [
        *elsewhere,
        "inbox_poll",
        "sweep",
        "session_expire",
    ]


def test_control_work_under_load() -> None:
    made = {figure.key: figure for figure in control.figures(1, "control-few", 1000)}
    assert list(made) == ["m5.us", "m5.lost", "m5.lost_all", "m5.hole", "m5.each", "m5.sweep"]
    assert set(made["m5.us"].sides) == {"commit", "rewrite", "remove"}
    assert set(made["m5.each"].sides) == {"add-each", "rewrite-each", "remove-each"}
    # Each change costs the worker something, and RS that go leave it sessions to look at.
    assert min(min(runs) for runs in made["m5.us"].sides.values()) > 0
    assert made["m5.hole"].value > 0
    assert 0 < made["m5.sweep"].value < made["m5.us"].value + made["m5.each"].value


def test_a_late_change_is_seen_and_what_is_lost_by_it() -> None:
    made = {figure.key: figure for figure in control.figures(1, "control-late", 1000)}
    assert min(min(runs) for runs in made["m5.us"].sides.values()) >= 1000
    assert min(min(runs) for runs in made["m5.lost"].sides.values()) > 0
    assert made["m5.lost"].misses and made["m5.us"].misses


def test_rounds_in_which_something_else_had_the_cpu() -> None:
    """They are counted, and are in no figure.

    5 ms in each hundredth round would add 50 us to the mean, several times what a round takes.
    """
    found = native.measure("spoilt-time", 1000, 1)
    assert found.left_out >= 20
    assert found.least("ours") < 6 * found.least("5tswap")


@pytest.mark.parametrize(
    ("name", "dear", "cheap"),
    [
        ("reset", ("ends of UDP", "ends of TCP"), ("looks at UDP", "looks at TCP")),
        ("walks", ("list of all", "sweep of all"), ("list of none", "sweep of none")),
    ],
)
def test_walks_over_all_sessions(name: str, dear: tuple[str, ...], cheap: tuple[str, ...]) -> None:
    """A round looks at 128 entries, or does 16 times what costs more."""
    found = native.measure(name, 1000, 2)
    for kinds, least in ((dear, 1000 // 16), (cheap, 1000 // 128)):
        rounds = [found.cycles[f"{kind} rounds"] for kind in kinds]
        # A sweep says a round later that it was over, and a list ends with each message.
        assert all(least <= one <= least + 4 for runs in rounds for one in runs), rounds
    made = {figure.key: figure for figure in walks.of(name, 1000)(1)}
    assert list(made) == [f"{name}.1k.{key}" for key in ("us", "run", "tail", "mean", "ms")]
    assert all(set(figure.sides) == {*dear, *cheap} for figure in made.values())
    assert made[f"{name}.1k.us"].goal == walks.GOAL
    assert 0 < made[f"{name}.1k.mean"].value <= made[f"{name}.1k.run"].value


def test_sessions_end_under_load() -> None:
    """Of one RS of 64, and then of what is left of half of them."""
    made = {figure.key: figure for figure in walks.resets(1000)(1)}
    lost, took = made["reset.1k.lost"], made["reset.1k.load"]
    assert lost.goal is not None and lost.goal.floor == 0
    assert list(lost.sides) == list(took.sides)
    sides = [side.split(", ", 1) for side in lost.sides]
    assert [kind for kind, _ in sides] == ["UDP", "UDP", "TCP", "TCP"]
    ended = [int(count.removesuffix(" of 1,000")) for _, count in sides]
    assert all(count in (1000 // 64, 1000 // 64 + 1) for count in ended[::2]), ended
    assert all(480 <= one + rest <= 512 for one, rest in zip(ended[::2], ended[1::2], strict=True))
    assert took.value > 0


def test_the_kernels_nat_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "PACKETS", 2000)
    ratio, cycles = kernel.figures(1)
    ((whole,), (routed,), (sender,), (ours,)) = ratio.sides.values()
    assert min(whole, routed, sender, ours) > 0
    assert cycles.value == pytest.approx(whole - sender, abs=0.1)
    assert ratio.value == pytest.approx((whole - sender) / ours, abs=0.1)


def test_a_kernel_without_nat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "NAT", "table ip nat { chain c { type none hook prerouting; } }")
    with pytest.raises(RuntimeError, match="m6: this kernel's nftables has no NAT: "):
        kernel.figures(1)


WRONG = "a (packet|segment) did not become what it must"


@pytest.mark.parametrize("what", ["bit", "addresses", "ports"])
@pytest.mark.parametrize(
    "kind",
    [
        *("path", "families", "scaling", "steering", "io", "tcp"),
        *("control-few", "reset-load", "reset-load-tcp", "stages"),
    ],
)
def test_a_wrong_packet_ends_the_measurement(kind: str, what: str) -> None:
    """Also one whose checksums are right."""
    accounts = ("control-few", "reset-load", "reset-load-tcp", "stages")
    program = native.ACCOUNTS if kind in accounts else native.PROGRAM
    with pytest.raises(RuntimeError, match=WRONG):
        native.measure(f"spoilt-{what}-{kind}", 1000, 1, program=program)


@pytest.mark.parametrize("kind", ["path", "scaling", "io"])
def test_a_wrong_yardstick_ends_the_measurement(kind: str) -> None:
    with pytest.raises(RuntimeError, match="a packet was not turned round"):
        native.measure(f"spoilt-swapped-{kind}", 1000, 1)


def test_a_wrong_port_ends_the_measurement_of_latency() -> None:
    with pytest.raises(RuntimeError, match=WRONG):
        native.measure("spoilt-latency", 1000, 1)


def test_a_wrong_session_ends_the_measurement() -> None:
    """One that another key leads to, or whose replies are another's too."""
    for name, told in (
        ("spoilt-lookup", "a key did not lead to its session"),
        ("spoilt-replies", "two sessions have the same replies"),
    ):
        with pytest.raises(RuntimeError, match=told):
            native.measure(name, 1000, 1)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = bench("m7", "--json", str(tmp_path / "file/figures.json"))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("bench: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--compare", "HEAD"], "--compare: name what is to be compared, such as m1b m9"),
        (["m7", "--compare", "HEAD", "--plot", "x"], "--compare has nothing to plot"),
        (["m7", "--bound", "1.05"], "--bound goes with --compare"),
        (["m7", "--runs", "0"], "--runs: at least 1"),
    ],
)
def test_words_that_make_no_sense(words: list[str], said: str) -> None:
    done = bench(*words)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(said)


def test_a_name_that_is_not_there() -> None:
    done = bench("2k")
    assert done.returncode == 2
    assert "nothing is called 2k; there are m1, 1k, 1m, " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("value", "said"), [(1.0, "good"), (1.4, "good"), (1.5, "ok"), (2.0, "ok"), (2.1, "MISSED")]
)
def test_how_a_figure_does(value: float, said: str) -> None:
    assert Goal(1.4, 2.0).said(value) == said
    assert Goal(-1.4, -2.0, more=True).said(-value) == said
    assert said in Figure("m1.ratio", "what", value, Goal(1.4, 2.0), {"ours": [3.0, 1.0]}).line()

# SPDX-License-Identifier: BSD-3-Clause
"""What `./dev bench --plot` draws of which figures."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bench import plot
from bench.figure import Figure


def figure(key: str, value: float = 1.0, **sides: list[float]) -> Figure:
    named = {side.replace("_of_", " of "): runs for side, runs in sides.items()}
    return Figure(key, "what", value, None, named)


SERIES = [
    figure("sessions.1k", ours=[100.0, 90.0], **{"5tswap": [12.0]}),
    figure("sessions.1k.bytes", 80.4),
    figure("sessions.10m", ours=[200.0], **{"5tswap": [12.0]}),
    figure("sessions.10m.bytes", 90.8),
]
LOOKUP = [
    figure("m2b.1k", ours=[20.0], rte_hash=[40.0], **{"rte_hash, roomy": [30.0], "hashes": [6.0]})
]
LIFE = [figure("m3b.ratio", ours=[400.0], rte_hash=[300.0])]
SCALING = [
    figure("m8.ratio", first=[100.0], second=[100.0], first_of_two=[104.0], second_of_two=[102.0])
]


class Axes:
    """Remembers what it was told, as (name, arguments, options)."""

    def __init__(self) -> None:
        self.told: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **options: self.told.append((name, args, options))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [args for told, args, _ in self.told if told == name]


def by_key(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.key: figure for figure in figures}


def test_the_least_of_each_side_goes_into_a_line() -> None:
    axes = Axes()
    assert plot.cycles_by_sessions(axes, by_key(SERIES))
    assert axes.of("plot") == [
        ([1_000, 10_000_000], [90.0, 200.0]),
        ([1_000, 10_000_000], [12.0, 12.0]),
    ]


def test_the_faster_of_two_yardsticks_is_drawn() -> None:
    axes = Axes()
    assert plot.look_up_by_sessions(axes, by_key(LOOKUP))
    assert axes.of("plot") == [([1_000], [20.0]), ([1_000], [30.0])]


def test_two_workers_beside_one() -> None:
    axes = Axes()
    assert plot.scaling(axes, by_key(SCALING))
    proportion, measured = axes.of("plot")
    assert proportion == ([1, 2], [1, 2])
    assert measured[1] == [1, pytest.approx(1.94, abs=0.01)]


def test_memory_beside_all_memory() -> None:
    axes = Axes()
    assert plot.memory(axes, by_key([*SERIES, figure("m4.v4", 91.0)]))
    assert axes.of("plot") == [([1_000, 10_000_000], [80.4, 90.8])]
    assert axes.of("axhline") == [(91.0,)]


def test_a_connection_beside_its_yardstick() -> None:
    axes = Axes()
    assert plot.connection(axes, by_key(LIFE))
    assert axes.of("bar") == [
        (["ours,\nmade and ended", "rte_hash,\nmade and ended"], [400.0, 300.0])
    ]


@pytest.mark.parametrize("drawn", plot.PLOTS, ids=lambda drawn: drawn.name)
def test_nothing_is_drawn_of_nothing(drawn: plot.Plot) -> None:
    assert not drawn.draw(Axes(), {})


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(RuntimeError, match=r"^--plot needs matplotlib: .*; use \./dev bench$"):
        plot.write(tmp_path, by_key(SERIES))


def test_each_plot_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what was measured; by matplotlib's words for it."""

    class Drawing:
        def __init__(self, **_: object) -> None:
            self.axes = Axes()
            self.axes.get_ylim = lambda: (0, 10)  # type: ignore[attr-defined]

        def subplots(self) -> Axes:
            return self.axes

        def savefig(self, path: Path, *, metadata: dict[str, None]) -> None:
            assert metadata == {"Date": None}
            path.write_text(str(self.axes.of("set_title")[0][0]))

    module = ModuleType("matplotlib.figure")
    module.Figure = Drawing  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "matplotlib.figure", module)
    every = by_key([*SERIES, *LOOKUP, *LIFE, *SCALING])
    written = plot.write(tmp_path / "new", every)
    assert [path.name for path in written] == [drawn.name for drawn in plot.PLOTS]
    assert [path.read_text() for path in written] == [drawn.title for drawn in plot.PLOTS]
    some = plot.write(tmp_path / "some", by_key(LOOKUP))
    assert [path.name for path in some] == ["lookup.svg"]
    assert sorted(path.name for path in (tmp_path / "some").iterdir()) == ["lookup.svg"]


def test_files(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="installed with the first ./dev bench --plot")
    every = by_key([*SERIES, *LOOKUP, *LIFE, *SCALING])
    written = plot.write(tmp_path / "new", every)
    assert [path.name for path in written] == [drawn.name for drawn in plot.PLOTS]
    assert all("<svg" in path.read_text() for path in written)

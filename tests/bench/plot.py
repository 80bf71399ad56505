# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench --plot DIR`: the figures of a run, drawn.

matplotlib draws them and is needed for nothing else, so it is installed with the first --plot, in
the versions of .ci/lock-plot.txt.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figure import Figure, short, together
from bench.series import MEGABYTES

# Of the yardsticks, grey.
COLOURS = {"ours": "C0", "5tswap": "0.6", "rte_hash": "0.6", "testpmd": "0.6"}

Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Plot:
    """A file, what has to be measured for it, and how it is drawn."""

    name: str
    title: str
    measures: tuple[str, ...]
    draw: Callable[[Any, Figures], bool]


def cycles_by_sessions(axes: Any, figures: Figures) -> bool:
    """A line for each side of `sessions`; False when it was not measured."""
    return _by_sessions(axes, figures, "sessions.{}", ("ours", "5tswap"), "cycles a packet")


def look_up_by_sessions(axes: Any, figures: Figures) -> bool:
    """The same of `m2b`."""
    return _by_sessions(axes, figures, "m2b.{}", ("ours", "rte_hash"), "cycles a look-up")


def connection(axes: Any, figures: Figures) -> bool:
    """A bar for what a session, beside rte_hash's entry, and a TCP connection cost."""
    bars = {
        f"{side},\n{what}": min(figures[key].sides[side])
        for key, side, what in (
            ("m3b.ratio", "ours", "made and ended"),
            ("m3b.ratio", "rte_hash", "made and ended"),
            ("m3.ratio", "ours", "a TCP connection"),
        )
        if key in figures
    }
    return _bars(axes, bars, "cycles")


def scaling(axes: Any, figures: Figures) -> bool:
    """Packets a second of one worker and of two, beside twice one."""
    if "m8.ratio" not in figures:
        return False
    sides = figures["m8.ratio"].sides
    alone, both = (together(sides, (f"first{of}", f"second{of}")) for of in ("", " of two"))
    axes.plot([1, 2], [1, 2], color="0.6", linestyle="--", label="in proportion")
    axes.plot([1, 2], [1, 2 * both / alone], marker="o", label="measured")
    axes.set_xticks([1, 2])
    axes.set_xlabel("workers")
    axes.set_ylabel("packets, beside one worker's")
    axes.legend()
    return True


def memory(axes: Any, figures: Figures) -> bool:
    """Bytes a session against sessions, and all of the process's where that was measured."""
    points = {n: figures[key].value for n, key in _keys("sessions.{}.bytes") if key in figures}
    for key, label in (("m4.v4", "all memory, IPv4"), ("m4.v6", "all memory, IPv6")):
        if key in figures:
            axes.axhline(figures[key].value, color="0.6", linestyle="--", label=label)
    if points:
        axes.plot(list(points), list(points.values()), marker="o", label="entries and index")
    return _against_sessions(axes, points, "bytes a session")


PLOTS = (
    Plot("sessions.svg", "The path alone, established", ("sessions",), cycles_by_sessions),
    Plot("lookup.svg", "Look-up of a burst", ("m2b",), look_up_by_sessions),
    Plot("connection.svg", "Cost of a connection", ("m3", "m3b"), connection),
    Plot("scaling.svg", "Workers", ("m8",), scaling),
    Plot("memory.svg", "Memory of a session", ("sessions",), memory),
)
MEASURES = tuple(dict.fromkeys(name for plot in PLOTS for name in plot.measures))


def write(folder: Path, figures: Figures) -> list[Path]:
    """Draw what was measured; raises RuntimeError without matplotlib, OSError."""
    try:
        matplotlib = importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise RuntimeError(f"--plot needs matplotlib: {error}; use ./dev bench") from None
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for plot in PLOTS:
        drawing = matplotlib.Figure(figsize=(7, 4.5), layout="constrained")
        axes = drawing.subplots()
        axes.set_title(plot.title)
        if plot.draw(axes, figures):
            axes.grid(alpha=0.3)
            axes.set_axisbelow(True)
            axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
            # Without the time, so that the same figures make the same file.
            drawing.savefig(folder / plot.name, metadata={"Date": None})
            written.append(folder / plot.name)
    return written


def _keys(pattern: str) -> list[tuple[int, str]]:
    return [(sessions, pattern.format(short(sessions))) for sessions in MEGABYTES]


def _faster(figure: Figure, side: str) -> float:
    """Of a yardstick that was made in two sizes the one that counts."""
    return min(min(runs) for name, runs in figure.sides.items() if name.split(",")[0] == side)


def _by_sessions(
    axes: Any, figures: Figures, pattern: str, sides: tuple[str, ...], label: str
) -> bool:
    found = {n: figures[key] for n, key in _keys(pattern) if key in figures}
    for side in sides if found else ():
        cycles = [_faster(figure, side) for figure in found.values()]
        axes.plot(list(found), cycles, marker="o", color=COLOURS[side], label=side)
    return _against_sessions(axes, found, label)


def _against_sessions(axes: Any, found: Mapping[int, object], label: str) -> bool:
    if not found:
        return False
    axes.set_xscale("log")
    axes.set_xlabel("sessions")
    axes.set_ylabel(label)
    axes.legend()
    return True


def _bars(axes: Any, bars: Mapping[str, float], label: str) -> bool:
    if not bars:
        return False
    colours = [COLOURS.get(name.split(",")[0], "C1") for name in bars]
    axes.bar_label(axes.bar(list(bars), list(bars.values()), color=colours), fmt="%.0f")
    axes.set_ylabel(label)
    return True

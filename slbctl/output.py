# SPDX-License-Identifier: BSD-3-Clause
"""The one file that prints: tables and lines for people, JSON for programs, failures on stderr.

Text that came from elsewhere may hold anything, so what is not printable is replaced on its way
out. Nothing is cut or wrapped to the width of the terminal: a row stays one line for grep and awk.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from slb.model import codec
from slb.model.views import Items

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column of a table: its heading, and how a row fills it; numbers stand to the right."""

    heading: str
    cell: Callable[[Row], str]
    right: bool = False


def show_table(
    rows: Sequence[Row], columns: Sequence[Column[Row]], *, empty: str, foot: str | None = None
) -> None:
    """Prints the rows under their headings, then the foot; without rows only the line `empty`."""
    if not rows:
        show_line(empty)
        return
    for line in table(rows, columns):
        print(line)
    if foot is not None:
        print()
        show_line(foot)


def table(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> list[str]:
    """The headings and the rows, a line each."""
    # As a row, headings stand exactly over their columns.
    lines = [[column.heading for column in columns]]
    lines += [[printable(column.cell(row)) for column in columns] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return ["  ".join(map(_aligned, line, columns, widths)).rstrip() for line in lines]


def show_listing(
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    as_json: bool,
    *,
    empty: str,
    foot: str | None = None,
) -> None:
    """Prints a listing of the API: its JSON, or a table as show_table() does."""
    if as_json:
        show_json(Items(list(rows)))
    else:
        show_table(rows, columns, empty=empty, foot=foot)


def pairs(properties: Sequence[tuple[str, str]]) -> list[str]:
    """The properties of one thing, a line each, values under each other."""
    width = max(len(name) for name, _ in properties)
    return [f"{name:<{width}}  {printable(value)}".rstrip() for name, value in properties]


def show_pairs(properties: Sequence[tuple[str, str]]) -> None:
    """Prints the properties of one thing."""
    for line in pairs(properties):
        print(line)


def show_line(text: str) -> None:
    """Prints one line."""
    print(printable(text))


def show_now(text: str) -> None:
    """Prints one line of several that come in their time, for whoever reads along."""
    print(printable(text), flush=True)


def show_lines(lines: Iterable[str]) -> None:
    """Prints lines as they are given, one by one."""
    for line in lines:
        show_line(line)


def show_text(text: str) -> None:
    """Prints a text of our own (help, a script) with its line breaks."""
    print(text.rstrip("\n"))


def show_json(value: Any) -> None:
    """Prints an object of the API, indented, with the API's own field names."""
    print(msgspec.json.format(codec.encode(value), indent=2).decode())


def show_failure(text: str) -> None:
    """Prints one line on stderr, under the program's name."""
    if sys.stderr is None:
        # Closed when we were started: print() would take stdout instead.
        return
    try:
        print(f"slbctl: {printable(' '.join(text.split()))}", file=sys.stderr)
    except OSError:
        _close_quietly(sys.stderr)


def finish() -> None:
    """Writes out what is still buffered; raises OSError while somebody can still be told."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    sys.stdout.flush()


def give_up_stdout() -> None:
    """Points stdout at nothing, so that the interpreter's last flush does not complain."""
    if sys.stdout is not None:
        _close_quietly(sys.stdout)


def printable(text: str) -> str:
    """The text, with ? for what would not be seen, or would move the cursor."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _close_quietly(stream: Any) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _aligned(text: str, column: Column[Any], width: int) -> str:
    return text.rjust(width) if column.right else text.ljust(width)

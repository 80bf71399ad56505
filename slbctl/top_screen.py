# SPDX-License-Identifier: BSD-3-Clause
"""The terminal of `slbctl top`: the standard library's curses, loaded by this command alone."""

import curses
import itertools
import locale
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import click

from slbctl.top import ORDERS
from slbctl.top_lines import Look
from slbctl.top_spark import levels
from slbctl.top_view import View

Draw = Callable[[int, int], Sequence[str]]


def show(view: View, times: int | None) -> None:
    """Takes the terminal, and puts it back however that ends; raises UsageError."""
    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        # A language that the host does not have; the bars are plain then.
        locale.setlocale(locale.LC_ALL, "C")
    try:
        curses.setupterm(fd=sys.__stdout__.fileno() if sys.__stdout__ else -1)
        if curses.tigetstr("cup") is None:
            raise curses.error("the cursor cannot be moved")
    except curses.error as error:
        raise click.UsageError(f"this terminal cannot be drawn on ({error}); add --plain") from None
    curses.wrapper(lambda window: _watch(view, Screen(window), times))


class Screen:
    """A terminal that is all ours."""

    def __init__(self, window: "curses.window") -> None:
        self._window = window
        self.bars = levels(locale.nl_langinfo(locale.CODESET))
        # Not every terminal can hide its cursor.
        with suppress(curses.error):
            curses.curs_set(0)
        # In the terminal's own colours, which curses.wrapper has made white on black.
        with suppress(curses.error):
            curses.use_default_colors()

    def draw(self, draw: Draw) -> None:
        """Shows the lines that `draw` has for this width and height."""
        height, width = self._window.getmaxyx()
        self._window.erase()
        for row, line in enumerate(draw(width, height)[:height]):
            # Behind the last cell of all there is no place for the cursor, which is an error.
            with suppress(curses.error):
                self._window.addnstr(row, 0, line, width)
        self._window.refresh()

    def key(self, seconds: float) -> str:
        """The next key within the time, else an empty text; a new size is a key without a name."""
        self._window.timeout(max(round(seconds * 1000), 0))
        code = self._window.getch()
        return chr(code) if 0 < code < 128 else ""


def _watch(view: View, screen: Screen, times: int | None) -> None:
    # Ctrl-C is how a view that goes on for ever is ended.
    try:
        for _ in itertools.count() if times is None else range(times):
            if not _wait(view, screen):
                return
            view.next()
            _draw(view, screen)
    except KeyboardInterrupt:
        return


def _wait(view: View, screen: Screen) -> bool:
    """Heeds keys until the next reading; tells whether it is to come."""
    until = time.monotonic() + view.interval_s
    while (left := until - time.monotonic()) > 0:
        _draw(view, screen)
        key = screen.key(left)
        if key == "q":
            return False
        if key == "s":
            view.sort = ORDERS[(ORDERS.index(view.sort) + 1) % len(ORDERS)]
    return True


def _draw(view: View, screen: Screen) -> None:
    note = f"{view.note}  (sorted by {view.sort}; s: sort, q: quit)".lstrip()
    screen.draw(lambda width, height: view.lines(Look(view.sort, screen.bars, width, height, note)))

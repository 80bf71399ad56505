# SPDX-License-Identifier: BSD-3-Clause
"""What `slbctl top` shows: samples as frames, and what goes wrong meanwhile."""

import itertools
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

from slb.errors import SlbError
from slb.model.endpoint import VsKey
from slbctl import output
from slbctl.call import ask
from slbctl.options import Target
from slbctl.top_lines import Look, lines
from slbctl.top_rates import RS_READ, Frame, History, Sample, frame
from slbctl.top_spark import levels

if TYPE_CHECKING:
    from slb.api.client import Client


class View:
    """The samples, as frames; what went wrong last is its `note`."""

    def __init__(
        self, target: Target, sort: str, interval_s: float, vs: VsKey | None = None
    ) -> None:
        """Reads once, and raises as ask() does."""
        self.sort = sort
        self.interval_s = interval_s
        self.note = ""
        self.trouble: SlbError | None = None
        self.history = History()
        self.frame: Frame | None = None
        self._target = target
        self._vs = vs
        self._last = _read(target, vs)

    def next(self) -> None:
        """Reads again; while slbd does not answer the frame stays, and the note says why."""
        try:
            now = _read(self._target, self._vs)
        except SlbError as error:
            self.trouble, self.note = error, str(error)
            return
        self.frame = frame(self._last, now)
        if self.frame.restarted:
            self.note = f"slbd restarted, seen at {datetime.now():%H:%M:%S}"
        elif self.trouble:
            self.note = ""
        self.trouble, self._last = None, now
        self.history.add(self.frame)

    def lines(self, look: Look) -> list[str]:
        """The frame, or the note alone before there is one."""
        return lines(self.frame, self.history, look) if self.frame else [look.note]


def show_plain(view: View, times: int | None) -> None:
    """Prints frames, so many or for ever; raises what is still wrong at the end."""
    bars = levels(sys.stdout.encoding)
    for number in itertools.count() if times is None else range(times):
        time.sleep(view.interval_s)
        view.next()
        if number:
            output.show_line("")
        output.show_lines(view.lines(Look(view.sort, bars, note=view.note)))
        # Who reads a pipe reads each frame when it is there; and a closed one ends us.
        output.finish()
    if view.trouble:
        raise view.trouble


def _read(target: Target, vs: VsKey | None) -> Sample:
    """One sample; the version first, so that counters of before a restart are never its own."""

    def question(client: "Client") -> Sample:
        version, workers, drops = client.version(), client.worker_list(), client.drops()
        at, services = time.monotonic(), client.vs_list()
        number = sum(row.rs_count + row.removed for row in services)
        unread = number if vs is None and number > RS_READ else 0
        rs = [] if unread else client.rs_list(vs)
        return Sample(at, version, workers, drops, services, rs, unread)

    return ask(target, question)

# SPDX-License-Identifier: BSD-3-Clause
"""What happens, for those who watch: the last events, and a way to wait for the next.

Whoever has something to tell calls emit(), from any thread, and waits for nobody. A reader asks for
what came after the last that it saw; if that is long ago, the first it gets says what it missed.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from slb.model.events import MISSED, Event, Value

KEEP = 4096
MAX_BATCH = 256


class Events:
    """The events of one start of the agent."""

    def __init__(self, keep: int = KEEP, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: deque[Event] = deque(maxlen=keep)
        # Milliseconds: nothing happens so often that a later start would have lower ones.
        self._first = self._last = int(clock() * 1000)
        self._readers: set[_Reader] = set()

    @property
    def last(self) -> int:
        """The id of the last one."""
        return self._last

    def emit(self, kind: str, **data: Value) -> None:
        """Tell of something."""
        with self._lock:
            self._last += 1
            self._kept.append(Event(self._last, self._clock(), kind, data))
            for reader in self._readers:
                reader.wake()

    def after(self, since: int) -> list[Event]:
        """Return some of those after that id, in their order; what was missed comes first."""
        with self._lock:
            if since == self._last:
                return []
            oldest = self._last - len(self._kept) + 1
            # One that is yet to come was told by an earlier start, before the clock was set back.
            known = self._first <= since < self._last
            from_ = since if since < self._last else 0
            found = [event for event in self._kept if event.id > from_][:MAX_BATCH]
            if from_ + 1 < oldest and since > 0:
                data: dict[str, Value] = {
                    "after": since,
                    "count": oldest - since - 1 if known else None,
                }
                found.insert(0, Event(oldest - 1, found[0].time, MISSED, data))
            return found

    async def read(
        self, since: int, pause_s: float, remote: bool, gone: Callable[[], bool] = lambda: False
    ) -> AsyncIterator[list[Event]]:
        """Yield what comes after that id, and nothing after `pause_s` without; until end().

        `gone`: tells whether nobody reads any more, which shows here only with the next that comes.
        """
        reader = _Reader(asyncio.get_running_loop(), remote, gone)
        with self._lock:
            self._readers.add(reader)
        try:
            while not reader.ended:
                reader.something.clear()
                found = self.after(since)
                if found:
                    since = found[-1].id
                    yield found
                    continue
                try:
                    async with asyncio.timeout(pause_s):
                        await reader.something.wait()
                except TimeoutError:
                    yield []
        finally:
            with self._lock:
                self._readers.discard(reader)

    @property
    def readers(self) -> int:
        """How many read."""
        with self._lock:
            return sum(not reader.gone() for reader in self._readers)

    def end(self, only_remote: bool = False) -> None:
        """Have those who read come again, or not; `only_remote`: of those over TCP."""
        with self._lock:
            for reader in self._readers:
                if reader.remote or not only_remote:
                    reader.ended = True
                    reader.wake()


class _Reader:
    """Somebody who waits in a loop of his own."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, remote: bool, gone: Callable[[], bool]
    ) -> None:
        self.remote = remote
        self.gone = gone
        self.ended = False
        self.something = asyncio.Event()
        self._loop = loop

    def wake(self) -> None:
        """Have him look; from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.something.set)

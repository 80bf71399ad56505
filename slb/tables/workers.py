# SPDX-License-Identifier: BSD-3-Clause
"""Changes of the number of workers that get clients, one after the other.

How many there are is what the engine answers. One that gets no clients any more lives until its
last session has ended, or its time is over.
"""

import asyncio
import logging
import time

from slb.engine.protocol import Engine

log = logging.getLogger(__name__)


class Workers:
    """The only way to change the number; `drain_s`: how long sessions may live on, 0: any time."""

    def __init__(self, engine: Engine, drain_s: float = 0.0) -> None:
        self.drain_s = drain_s
        self._engine = engine
        self._since: dict[int, float] = {}
        self._lock = asyncio.Lock()

    async def set(self, count: int, end: bool = False) -> int:
        """Spread clients over so many workers, all of them or as before; raises BadRequest."""
        async with self._lock:
            # Shielded: a client that goes away must not leave the lock free while it is done.
            task = asyncio.ensure_future(asyncio.to_thread(self._engine.workers_set, count, end))
            try:
                generation = await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait([task])
                raise
        log.info("clients are spread over %d %s", count, "worker" if count == 1 else "workers")
        return generation

    async def look(self) -> None:
        """End what has drained for too long."""
        if not self.drain_s:
            return
        rows = await asyncio.to_thread(self._engine.worker_list)
        now = time.monotonic()
        draining = [row.worker for row in rows if row.state == "draining"]
        self._since = {worker: self._since.get(worker, now) for worker in draining}
        late = [worker for worker, since in self._since.items() if now - since >= self.drain_s]
        if late:
            which = ", ".join(map(str, late))
            log.warning("worker %s: its sessions end, %g s are over", which, self.drain_s)
            await self.set(sum(row.state == "active" for row in rows), end=True)
            self._since = {}

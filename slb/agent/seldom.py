# SPDX-License-Identifier: BSD-3-Clause
"""Lines in the log that strangers can cause, so many in a minute; what is left out is counted."""

import logging
import time
from collections.abc import Callable

MOST = 10
WITHIN_S = 60.0


class Seldom:
    """Tells of one kind of thing."""

    def __init__(
        self,
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
        level: int = logging.INFO,
    ) -> None:
        self._log = log
        self._level = level
        self._clock = clock
        self._since = clock()
        self._count = 0

    def tell(self, text: str, *words: object) -> None:
        """Log it, unless there was enough of it lately."""
        now = self._clock()
        if now - self._since >= WITHIN_S:
            if self._count > MOST:
                self._log.info("%d more of these were not logged", self._count - MOST)
            self._since, self._count = now, 0
        self._count += 1
        if self._count <= MOST:
            self._log.log(self._level, text, *words)
        elif self._count == MOST + 1:
            self._log.info("more of these follow, and are counted")

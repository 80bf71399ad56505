# SPDX-License-Identifier: BSD-3-Clause
"""What came of requests to change something, and of reloads of agent.yaml: counted, with times.

Nothing else knows that a request was refused once it is answered, so it is counted here.
"""

import time
from collections import Counter
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from slb.agent.access import READING

DONE, REFUSED, DENIED, FAILED = "done", "refused", "denied", "failed"
# Of requests: refused for what they say, denied for who sends them or how often, or failed here.
RESULTS = (DONE, REFUSED, DENIED, FAILED)
# Of reloads.
RELOADS = (DONE, FAILED)
_DENIED = frozenset({401, 403, 429})


def result(status: int) -> str:
    """Return what a status of HTTP says of a request."""
    if status < 400:
        return DONE
    if status in _DENIED:
        return DENIED
    return REFUSED if status < 500 else FAILED


class Record:
    """Counts by result, and when each came last, in seconds since 1970; 0: never."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.started = clock()
        self.changes: Counter[str] = Counter()
        self.reloads: Counter[str] = Counter()
        self.last_change: dict[str, float] = {}
        self.last_reload: dict[str, float] = {}

    def changed(self, status: int) -> None:
        """Count a request to change something, which was answered with that status."""
        word = result(status)
        self.changes[word] += 1
        self.last_change[word] = self._clock()

    def reloaded(self, done: bool) -> None:
        """Count a reload of agent.yaml and the files that it names."""
        word = DONE if done else FAILED
        self.reloads[word] += 1
        self.last_reload[word] = self._clock()


def count_changes(record: Record) -> Middleware:
    """Return the middleware that counts requests to change something, and all that are denied."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if request.method not in READING or result(response.status) == DENIED:
            record.changed(response.status)
        return response

    return count

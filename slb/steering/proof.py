# SPDX-License-Identifier: BSD-3-Clause
"""Looks at the steering again and again, and lets new local addresses wait for their proof."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection

from slb.errors import EngineError, NotReady
from slb.model.address import Address
from slb.steering.probe import A_SECOND
from slb.steering.watch import Watch

log = logging.getLogger(__name__)

LOOK_S = 1.0
# Three attempts and an answer to the last of them.
PROOF_S = 4.0
LONGEST_S = 20.0
POLL_S = 0.2


class Proof:
    """Drives a Watch, from one place at a time."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            with contextlib.suppress(EngineError, NotReady):
                async with self._lock:
                    _say(await asyncio.to_thread(self._watch.look, time.monotonic()))
            await asyncio.sleep(LOOK_S)

    async def wait(self, addresses: Collection[Address]) -> None:
        """Return when probes have decided about all, or cannot be sent, or take too long."""
        wait_s = min(PROOF_S + len(addresses) / A_SECOND, LONGEST_S)
        deadline = time.monotonic() + wait_s
        left = list(addresses)
        while left and time.monotonic() < deadline:
            try:
                async with self._lock:
                    left, said = await asyncio.to_thread(
                        self._watch.prove, addresses, time.monotonic()
                    )
            except (EngineError, NotReady):
                return
            _say(said)
            if left:
                await asyncio.sleep(POLL_S)
        for address in left:
            log.warning("local address %s: no probe has come back; used all the same", address)


def _say(sentences: Collection[str]) -> None:
    for sentence in sentences:
        log.warning("%s", sentence)

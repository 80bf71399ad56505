# SPDX-License-Identifier: BSD-3-Clause
"""Waiting on conditions inside an event loop."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

PATIENCE_S = 10


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until `condition` holds; the test fails, naming `what`, when it does not in time."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"not within {PATIENCE_S} s: {what}")

# SPDX-License-Identifier: BSD-3-Clause
"""The API's client in threads, for tests whose event loop serves what it asks."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from slb.api.client import TIMEOUT_S
from slb.api.client import Client as Blocking


class Client:
    """slb.api.client.Client with every method awaitable."""

    def __init__(self, socket: str, timeout_s: float = TIMEOUT_S) -> None:
        self._client = Blocking(socket, timeout_s)
        # Threads of its own: the server needs the loop's to answer.
        self._threads = ThreadPoolExecutor(16)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._client, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, partial(method, *args, **kwargs))

        return call

# SPDX-License-Identifier: BSD-3-Clause
"""Requests that are slbd's to answer, passed on as they are."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPException

from aiohttp import web

from slb.api import request as read
from slb.api.client import TIMEOUT_S, reason
from slb.api.unix_http import Answer, exchange
from slb.errors import NotReady

AT_ONCE = 8


class Forward:
    """Asks the slbd at a socket."""

    def __init__(self, socket: str, timeout_s: float = TIMEOUT_S) -> None:
        self._socket = socket
        self._timeout_s = timeout_s
        # Of their own: what others wait for must not keep the agent from its work.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="forward")

    def close(self) -> None:
        """Begin no more; what is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as slbd does; raises NotReady when it does not."""
        body = await read.raw(request)
        ask = partial(self._ask, request.method, request.raw_path, body or None)
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return web.Response(
            status=answer.status, body=answer.body, content_type=answer.content_type
        )

    def _ask(self, method: str, target: str, body: bytes | None) -> Answer:
        try:
            return exchange(self._socket, method, target, body, self._timeout_s)
        except TimeoutError:
            text = f"slbd at {self._socket} did not answer within {self._timeout_s:g} s"
            raise NotReady(text) from None
        except (HTTPException, OSError, ValueError) as problem:
            raise NotReady(f"no slbd at {self._socket}: {reason(problem, 'slbd')}") from None

# SPDX-License-Identifier: BSD-3-Clause
"""Asks the kernel by netlink, always in one thread, which owns the socket.

pyroute2's synchronous calls run an event loop of their own, so they must stay out of the daemon's.
"""

import asyncio
import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkDecodeError, NetlinkError

from slb.errors import KernelError

T = TypeVar("T")


class Netlink:
    """A netlink socket in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="netlink")
        self._socket: Any = None

    async def call(self, what: str, action: Callable[[Any], T]) -> T:
        """Run `action(iproute)`; raises KernelError, which begins with `what`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, what, action)

    async def close(self) -> None:
        """Close the socket and end the thread."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._drop)
        self._thread.shutdown()

    def _run(self, what: str, action: Callable[[Any], T]) -> T:
        try:
            if self._socket is None:
                # Strict: the kernel itself filters what a dump returns.
                self._socket = IPRoute(strict_check=True)
            return action(self._socket)
        except NetlinkError as error:
            raise KernelError(f"{what}: {error.args[-1]}") from None
        except NetlinkDecodeError as error:
            self._drop()
            what = f"{what}: the kernel's answer cannot be read"
            raise KernelError(f"{what}: {type(error.exception).__name__}") from None
        except OSError as error:
            # The socket may have lost its place in a dump; the next call gets a fresh one.
            self._drop()
            raise KernelError(f"{what}: {error.strerror or error}") from None

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def flat(message: Any) -> dict[str, Any]:
    """Return a message's header fields and attributes as one plain dict, which is fast to read."""
    fields = {key: message[key] for key in message if key not in ("attrs", "header")}
    fields.update(message["attrs"])
    if hops := fields.get("RTA_MULTIPATH"):
        fields["RTA_MULTIPATH"] = [flat(hop) for hop in hops]
    return fields


def ignoring(action: Callable[[], object], *codes: int) -> None:
    """Run a netlink request and take these errnos for success."""
    try:
        action()
    except NetlinkError as error:
        if error.code not in codes:
            raise


EXISTS = errno.EEXIST
GONE = (errno.EADDRNOTAVAIL, errno.ESRCH, errno.ENOENT)

# SPDX-License-Identifier: BSD-3-Clause
"""One network namespace: commands, functions and threads that run inside it."""

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from rig.registry import NETNS, Registry, remove_namespace
from rig.waiting import RigError

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000


class Namespace:
    """A named network namespace, recorded in the run's registry."""

    def __init__(self, registry: Registry, role: str, *, ipv6: bool = False) -> None:
        """Create the namespace <run>-<role>; without `ipv6` it speaks IPv4 alone."""
        self.name = f"{registry.run}-{role}"
        self.role = role
        command("ip", "netns", "add", self.name)
        self._inode = (NETNS / self.name).stat().st_ino
        registry.record("netns", name=self.name, inode=self._inode)
        self.call(lambda: _quiet_sysctls(ipv6))

    def prefix(self) -> list[str]:
        """The words that make a command run in here; they exec it, so its pid is the child's."""
        return ["ip", "netns", "exec", self.name]

    def run(self, *argv: str, timeout: float = 30, check: bool = True) -> str:
        """Run a command in here and return what it printed; raises RigError when it fails."""
        return command(*self.prefix(), *argv, timeout=timeout, check=check)

    def ip(self, *argv: str) -> str:
        """Run `ip` on this namespace; raises RigError when it fails."""
        return command("ip", "-n", self.name, *argv)

    def start(self, function: Callable[[], T]) -> "Future[T]":
        """Run `function` in a thread of its own that lives in this namespace."""
        future: Future[T] = Future()

        def body() -> None:
            try:
                _enter(self.name)
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        # A daemon thread: Ctrl-C must not wait for a client that is still at it.
        threading.Thread(target=body, name=self.name, daemon=True).start()
        return future

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` in this namespace and return its result, or raise its exception."""
        return self.start(function).result()

    def pids(self) -> list[int]:
        """Pids of everything that runs in here."""
        return [int(pid) for pid in command("ip", "netns", "pids", self.name).split()]

    def delete(self) -> None:
        """Remove the name; the namespace goes with its last process."""
        remove_namespace(self.name, self._inode)


def command(*argv: str, timeout: float = 30, check: bool = True) -> str:
    """Run a command and return its standard output; raises RigError when it fails."""
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=timeout, check=False, env=environment()
    )
    if check and done.returncode != 0:
        raise RigError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def environment() -> dict[str, str]:
    """Ours, without what is preloaded for a sanitized slbd: others are only slowed down by it."""
    return {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}


def _enter(name: str) -> None:
    """Move the calling thread, and it alone, into a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (NETNS / name).open() as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}: {os.strerror(ctypes.get_errno())}")


def _quiet_sysctls(ipv6: bool) -> None:
    """No reverse-path filter, since replies take another way, and no chatter about addresses.

    Nobody sends router advertisements, and nobody else has our addresses. One kernel stands for
    many clients, so fragments of one sender to the others do not make one's too late.
    """
    net = Path("/proc/sys/net")
    (net / "ipv4/ipfrag_max_dist").write_text("0")
    wanted = {
        "disable_ipv6": 0 if ipv6 else 1,
        "accept_ra": 0,
        "accept_dad": 0,
        "router_solicitations": 0,
    }
    for where in ("all", "default"):
        (net / f"ipv4/conf/{where}/rp_filter").write_text("0")
        for name, value in wanted.items():
            file = net / f"ipv6/conf/{where}/{name}"
            if file.exists():
                file.write_text(str(value))

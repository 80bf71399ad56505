# SPDX-License-Identifier: BSD-3-Clause
"""Tells systemd how a daemon is, and that it lives (sd_notify(3), unit type `notify`).

That is a datagram of a few words to a socket, which is less than what a package for it would cost.
Without systemd, or under another supervisor, nothing is sent.
"""

import contextlib
import socket
import time
from collections.abc import Mapping

# A full queue of systemd's holds up the event loop no longer than this.
PATIENCE_S = 0.5


class Notify:
    """Sends to the socket that an environment names."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._watched = "WATCHDOG_USEC" in environment
        usec = environment.get("WATCHDOG_USEC", "")
        # Seconds between signs of life that leave room for one to be late; None: none is wanted.
        self.beat_s = int(usec) / 3e6 if usec.isdecimal() and int(usec) else None

    def ready(self, status: str) -> None:
        """The start, or a reload, is complete; `status` is what `systemctl status` shows."""
        self._send("READY=1", _status(status))

    def status(self, status: str) -> None:
        """Something else is to be shown."""
        self._send(_status(status))

    def reloading(self) -> None:
        """A reload begins; ready() ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, within_s: int | None = None) -> None:
        """The end begins; `within_s`: it takes no longer, whatever TimeoutStopSec says."""
        more = [] if within_s is None else [f"EXTEND_TIMEOUT_USEC={within_s * 1_000_000}"]
        self._send("STOPPING=1", _status("stopping"), *more)

    def alive(self) -> None:
        """Keep the watchdog away."""
        if self._watched:
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel,
        ):
            channel.settimeout(PATIENCE_S)
            channel.sendto("\n".join(lines).encode(), self._address)


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.split())

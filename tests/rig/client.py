# SPDX-License-Identifier: BSD-3-Clause
"""The client's namespace: loads, curl, ping, plain sockets."""

import itertools
import socket
from pathlib import Path

from rig.addresses import DNS, HTTP, family_of
from rig.load import BackgroundLoad, Load, Outcome, Target, dns_task, http_task
from rig.netns import Namespace
from rig.waiting import wait

_SOCKET_S = 10


class Client:
    """What a client of the services can do."""

    def __init__(self, namespace: Namespace) -> None:
        """Act from `namespace`."""
        self.namespace = namespace
        # Below those that the kernel gives to other sockets.
        self._ports = itertools.cycle(range(10_000, 32_000))

    def http(
        self,
        total: int,
        width: int = 50,
        per_connection: int = 1,
        target: Target = HTTP,
        source: str = "",
    ) -> Outcome:
        """Make `total` HTTP requests over `width` connections at a time."""
        task = http_task(target, per_connection, source or _first(target), self._ports)
        return self.namespace.call(lambda: Load(width, total).run(task))

    def dns(self, total: int, width: int = 50, target: Target = DNS, source: str = "") -> Outcome:
        """Make `total` DNS queries, each from a port of its own, `width` at a time."""
        task = dns_task(target, source or _first(target), self._ports)
        return self.namespace.call(lambda: Load(width, total).run(task))

    def http_load(
        self, width: int, per_connection: int = 1, pause_s: float = 0.0, target: Target = HTTP
    ) -> BackgroundLoad:
        """Keep `width` connections busy, pausing after each answer, until the load is stopped."""
        # So many connections that their ports must be the kernel's choice.
        source = _first(target)
        task = http_task(target, per_connection, source, itertools.repeat(0), pause_s)
        return BackgroundLoad(self.namespace, Load(width, None), task)

    def dns_load(self, width: int, pause_s: float, target: Target = DNS) -> BackgroundLoad:
        """Go on asking, each task again `pause_s` after its answer, until the load is stopped."""
        task = dns_task(target, _first(target), self._ports, pause_s)
        return BackgroundLoad(self.namespace, Load(width, None), task)

    def curl(self, *argv: str, timeout: float = 60) -> str:
        """Run curl; raises RigError when it fails."""
        return self.namespace.run(
            "curl", "-sS", "--fail", "--max-time", "50", *argv, timeout=timeout
        )

    def download(self, url: str, file: Path) -> bytes:
        """Fetch a URL by curl and return the body; raises RigError."""
        self.curl("-o", str(file), url)
        return file.read_bytes()

    def ping(self, address: str, *argv: str, timeout: float = 30) -> tuple[int, int]:
        """Ping and return how many requests were sent and how many were answered."""
        text = self.namespace.run("ping", "-n", "-q", *argv, address, timeout=timeout, check=False)
        line = next(line for line in text.splitlines() if " transmitted, " in line)
        words = line.split()
        return int(words[0]), int(words[3])

    def tcp(self, target: Target = HTTP, source: Target = ("", 0)) -> socket.socket:
        """A connected TCP socket."""
        return self.namespace.call(lambda: socket.create_connection(target, _SOCKET_S, source))

    def await_servers(self, *targets: Target) -> None:
        """Wait until each takes connections."""
        for target in targets:
            wait(lambda at=target: self._reaches(at), 10, f"a server on {target}")  # type: ignore[misc]

    def _reaches(self, target: Target) -> bool:
        try:
            self.tcp(target).close()
        except OSError:
            return False
        return True

    def udp(self, target: Target, source: str = "") -> socket.socket:
        """A connected UDP socket."""

        def connect() -> socket.socket:
            family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
            made = socket.socket(family, socket.SOCK_DGRAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            made.settimeout(_SOCKET_S)
            made.bind((source, 0))
            made.connect(target)
            return made

        return self.namespace.call(connect)


def _first(target: Target) -> str:
    """The first of the client's addresses of the target's family."""
    return family_of(target[0]).clients[0]

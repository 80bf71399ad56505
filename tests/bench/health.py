# SPDX-License-Identifier: BSD-3-Clause
"""What health checks cost: slb-agent's checks of many RS on loopback, as a share of one core.

All RS are addresses of loopback that one process listens at, so what the kernel does for the other
end of each connection is partly counted too.
"""

import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

from bench.figure import Figure, Goal
from slb.health.kinds import PROBES
from slb.health.probe import Waiting
from slb.health.prober import Prober
from slb.health.target import Target
from slb.model.endpoint import Endpoint
from slb.model.health import Check, HttpCheck, TcpCheck

RS = 10_000
MEASURED_S = 6.0
OPEN = 1_000
FIRST = IPv4Address("127.1.0.1")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def figures(runs: int) -> list[Figure]:
    """TCP and HTTP."""
    found = []
    for kind, check, goal in (("tcp", TcpCheck(), Goal(0.4, 0.5)), ("http", HttpCheck(), None)):
        with serving() as port:
            shares = measure(check, port, runs)
        what = f"share of a core for {kind} checks of {RS:,} RS every {check.interval_s:g} s"
        found.append(Figure(f"health.{kind}", what, min(shares), goal, {kind: shares}))
    return found


def measure(check: Check, port: int, runs: int) -> list[float]:
    """The share of each run; raises RuntimeError when RS do not come up."""
    made: Counter[str] = Counter()

    def counted(target: Target) -> Waiting:
        made[target.check.kind] += 1
        return PROBES[target.check.kind](target)

    prober = Prober(lambda: None, OPEN, dict.fromkeys(PROBES, counted))
    prober.start()
    try:
        prober.set(Target(Endpoint(FIRST + n, port), check) for n in range(RS))
        # Until each has been checked once, and its interval varies.
        time.sleep(2 * check.interval_s)
        states = [result.state for result in prober.results().values()]
        if states.count("up") != RS:
            raise RuntimeError(f"{states.count('up')} of {RS} RS are up")
        made.clear()
        shares = [_share() for _ in range(runs)]
        if made[check.kind] < (wanted := int(0.9 * runs * MEASURED_S * RS / check.interval_s)):
            raise RuntimeError(f"{made[check.kind]} checks were made, of at least {wanted}")
        return shares
    finally:
        prober.stop()


def _share() -> float:
    began, spent = time.monotonic(), time.process_time()
    time.sleep(MEASURED_S)
    return round((time.process_time() - spent) / (time.monotonic() - began), 3)


@contextmanager
def serving() -> Iterator[int]:
    """A process that answers every connection, whatever comes, and closes it."""
    with socket.create_server(("0.0.0.0", 0), backlog=4096) as server:
        port = server.getsockname()[1]
        pid = os.fork()
        if pid == 0:
            _serve(server)
    try:
        yield port
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _serve(server: socket.socket) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        connection, _ = server.accept()
        with connection:
            try:
                connection.settimeout(1)
                connection.recv(4096)
                connection.sendall(ANSWER)
            except OSError:
                continue

# SPDX-License-Identifier: BSD-3-Clause
"""What health checks cost: slb-agent's checks of many RS on loopback, as a share of one core.

All RS are addresses of loopback that one process listens at, so what the kernel does for the other
end of each connection is partly counted too.
"""

import os
import signal
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from subprocess import run
from tempfile import TemporaryDirectory

from bench.figure import Figure, Goal
from slb.health.kinds import PROBES
from slb.health.probe import Waiting
from slb.health.prober import Prober
from slb.health.target import Target
from slb.model.endpoint import Endpoint
from slb.model.health import Check, HttpCheck, HttpsCheck, TcpCheck

RS = 10_000
# A handshake costs much more than a connection, at the server's end as well.
RS_TLS = 500
MEASURED_S = 6.0
OPEN = 1_000
FIRST = IPv4Address("127.1.0.1")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def figures(runs: int) -> list[Figure]:
    """TCP, HTTP and HTTPS."""
    found = []
    for check, count, goal in (
        (TcpCheck(), RS, Goal(0.4, 0.5)),
        (HttpCheck(), RS, None),
        (HttpsCheck(), RS_TLS, None),
    ):
        kind = check.kind
        with serving(tls=kind == "https") as port:
            shares = measure(check, port, runs, count)
        what = f"share of a core for {kind} checks of {count:,} RS every {check.interval_s:g} s"
        found.append(Figure(f"health.{kind}", what, min(shares), goal, {kind: shares}))
    return found


def measure(check: Check, port: int, runs: int, count: int | None = None) -> list[float]:
    """The share of each run; raises RuntimeError when RS do not come up."""
    total = RS if count is None else count
    made: Counter[str] = Counter()

    def counted(target: Target) -> Waiting:
        made[target.check.kind] += 1
        return PROBES[target.check.kind](target)

    prober = Prober(lambda: None, OPEN, dict.fromkeys(PROBES, counted))
    prober.start()
    try:
        prober.set(Target(Endpoint(FIRST + n, port), check) for n in range(total))
        # Until each has been checked once, and its interval varies.
        time.sleep(2 * check.interval_s)
        states = [result.state for result in prober.results().values()]
        if states.count("up") != total:
            raise RuntimeError(f"{states.count('up')} of {total} RS are up")
        made.clear()
        shares = [_share() for _ in range(runs)]
        if made[check.kind] < (wanted := int(0.9 * runs * MEASURED_S * total / check.interval_s)):
            raise RuntimeError(f"{made[check.kind]} checks were made, of at least {wanted}")
        return shares
    finally:
        prober.stop()


def _share() -> float:
    began, spent = time.monotonic(), time.process_time()
    time.sleep(MEASURED_S)
    return round((time.process_time() - spent) / (time.monotonic() - began), 3)


@contextmanager
def serving(tls: bool = False) -> Iterator[int]:
    """A process that answers every connection, whatever comes, and closes it."""
    context = _certified() if tls else None
    with socket.create_server(("0.0.0.0", 0), backlog=4096) as server:
        port = server.getsockname()[1]
        pid = os.fork()
        if pid == 0:
            _serve(server, context)
    try:
        yield port
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _certified() -> ssl.SSLContext:
    """A server's, with a certificate of ECDSA that nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        key, certificate = f"{folder}/key", f"{folder}/certificate"
        words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        words += ["-keyout", key, "-out", certificate, "-subj", "/CN=rs"]
        run(["openssl", "req", "-x509", *words], check=True, capture_output=True)
        context.load_cert_chain(certificate, key)
    return context


def _serve(server: socket.socket, context: ssl.SSLContext | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        connection, _ = server.accept()
        with connection:
            try:
                connection.settimeout(1)
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                connection.recv(4096)
                connection.sendall(ANSWER)
            except OSError:
                pass
            connection.close()

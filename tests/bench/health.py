# SPDX-License-Identifier: BSD-3-Clause
"""What health checks cost: slb-agent's checks of many RS on loopback, as a share of one core.

Those that a whole agent can begin all at once are health_agent's. All RS are addresses of loopback
that one process listens at, so what the kernel does for the other end of each connection is partly
counted too.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from unittest.mock import patch

from bench.figure import Figure, Goal
from bench.real_servers import serving
from slb.health import dial
from slb.health.prober import Prober
from slb.health.target import Target
from slb.model.endpoint import Endpoint
from slb.model.health import Check, GrpcCheck, HttpsCheck

RS = 10_000
# A handshake costs much more than a connection, at the server's end as well.
RS_TLS = 500
REUSE_S = 60
MEASURED_S = 6.0
# Running and kept; see Prober.
OPEN = 16_384
# They are let in by so many, lest the one server be asked for thousands of handshakes at once.
STEP = 500
PATIENCE_S = 20.0
FIRST = IPv4Address("127.1.0.1")
HALF = Goal(0.4, 0.5)


@dataclass(frozen=True)
class Case:
    """A row of the table; `whole`: no handshake is made short by one before."""

    key: str
    check: Check
    count: int
    words: str = ""
    goal: Goal | None = None
    whole: bool = False


KEPT = f", each connection kept for up to {REUSE_S} s"
CASES = (
    Case("https.whole", HttpsCheck(), RS_TLS, ", each a whole handshake", whole=True),
    Case("https", HttpsCheck(), RS_TLS, ", sessions resumed"),
    Case("https.kept", HttpsCheck(reuse_s=REUSE_S), RS, KEPT, HALF),
    Case("grpc", GrpcCheck(), RS_TLS),
)


@dataclass(frozen=True)
class Share:
    """Of one core, and how many checks were good in a second."""

    cores: float
    rate: float


def figures(runs: int) -> Iterator[Figure]:
    """One for each case."""
    for case in CASES:
        with serving(case.check.kind) as port, _resuming(not case.whole):
            shares = measure(case.check, port, runs, case.count)
        best = min(shares, key=lambda share: share.cores / share.rate)
        what = f"share of a core for {case.check.kind} checks of {case.count:,} RS every"
        what += f" {case.check.interval_s:g} s{case.words}: {best.rate:,.0f} good a second"
        sides = {
            "share": [share.cores for share in shares],
            "us a check": [1e6 * share.cores / share.rate for share in shares],
        }
        yield Figure(f"health.{case.key}", what, best.cores, case.goal, sides)


@contextmanager
def _resuming(resume: bool) -> Iterator[None]:
    with patch.object(dial, "RESUMED_S", dial.RESUMED_S if resume else 0.0):
        yield


def measure(check: Check, port: int, runs: int, count: int | None = None) -> list[Share]:
    """Each run's; raises RuntimeError when RS do not come up or checks are not made."""
    total = RS if count is None else count
    targets = [Target(Endpoint(FIRST + n, port), check) for n in range(total)]
    prober = Prober(lambda: None, OPEN)
    prober.start()
    try:
        for number in range(STEP, total + STEP, STEP):
            prober.set(targets[:number])
            _wait_up(prober, min(number, total))
        # Until the times vary at which each is checked, and at which its connection is renewed.
        time.sleep(max(2 * check.interval_s, getattr(check, "reuse_s", 0) / 2))
        _wait_up(prober, total)
        shares = [_share(prober) for _ in range(runs)]
    finally:
        prober.stop()
    wanted = 0.9 * total / check.interval_s
    if MEASURED_S and (least := min(share.rate for share in shares)) < wanted:
        raise RuntimeError(f"{least:.0f} checks a second were good, of at least {wanted:.0f}")
    return shares


def _wait_up(prober: Prober, wanted: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while (up := sum(one.state == "up" for one in prober.results().values())) < wanted:
        if time.monotonic() > end:
            raise RuntimeError(f"{up} of {wanted} RS are up")
        time.sleep(0.1)


def _share(prober: Prober) -> Share:
    began, spent, good = time.monotonic(), time.process_time(), prober.counts().good
    time.sleep(MEASURED_S)
    took = time.monotonic() - began
    cores, done = time.process_time() - spent, prober.counts().good - good
    return Share(round(cores / took, 3), done / took)

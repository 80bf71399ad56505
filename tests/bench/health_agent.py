# SPDX-License-Identifier: BSD-3-Clause
"""What health checks cost the whole slb-agent, beside a real slbd that has all of the RS.

The RS are addresses of the namespace's own, where both run, and one process listens at them.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from bench.figure import Figure, Goal
from bench.real_servers import serving
from rig.pair import LIMIT_S, Pair
from rig.waiting import RigError, wait
from slb.api.unix_http import exchange
from slb.errors import SlbError
from slb.model import codec

VS, RS = 1_000, 10
INTERVAL_S = 2
REUSE_S = 60
# As long as the connections that are kept need until they are renewed at different times.
SETTLE_S = REUSE_S / 2
MEASURED_S = 6.0
HALF = Goal(0.4, 0.5)
PODS = "10.10.0.0/16"
PINGS = Path(__file__).parents[2] / "configs/sysctl.d/50-slb-ping.conf"
COUNTER = 'slb_agent_checks_total{result="good"} '


@dataclass(frozen=True)
class Case:
    """A row of the table."""

    key: str
    words: str
    health: dict[str, Any]
    goal: Goal | None = HALF
    part: float = 1  # of each VS's RS


KEPT = {"reuse_s": REUSE_S}
CASES = (
    Case("tcp", "TCP", {"type": "tcp"}),
    Case("passive", "TCP, and passive,", {"type": "tcp", "passive": {}}),
    Case("http", "HTTP", {"type": "http"}),
    Case("udp", "UDP", {"type": "udp", "send": "hello", "expect": "hello"}),
    Case("dns", "DNS", {"type": "dns", "name": "rs.example.net"}),
    Case("icmp", "ICMP", {"type": "icmp"}),
    # More than these the one process that answers has no time for.
    Case("grpc.kept", "gRPC, kept connections,", {"type": "grpc", **KEPT}, None, 0.5),
)


def figures(runs: int, vs: int = VS, rs: int = RS) -> Iterator[Figure]:
    """One for each case."""
    try:
        for case in CASES:
            yield _figure(case, runs, vs, max(1, round(rs * case.part)))
    except (RigError, SlbError) as error:
        raise RuntimeError(str(error)) from error


def _figure(case: Case, runs: int, vs: int, rs: int) -> Figure:
    with Pair(2 * vs, 2 * vs * rs, "bench") as both:
        namespace = both.namespace
        namespace.ip("link", "set", "lo", "up")
        namespace.ip("route", "add", "local", PODS, "dev", "lo")
        # As our package has it on a host.
        namespace.run("sysctl", "-qp", str(PINGS))
        with serving(case.health["type"], namespace.call) as port:
            both.wait_applied()
            _apply(both, port, case, vs, rs)
            total = vs * rs
            wait(lambda: _up(both) == total, LIMIT_S, f"{total} RS that are up")
            time.sleep(SETTLE_S if "reuse_s" in case.health else 2 * INTERVAL_S)
            shares = [_share(both) for _ in range(runs)]
    wanted = 0.9 * total / INTERVAL_S
    if (least := min(rate for _, rate in shares)) < wanted:
        raise RuntimeError(f"{least:.0f} checks a second were good, of at least {wanted:.0f}")
    cores, rate = min(shares)
    what = f"cores of slb-agent with {vs:,} VS for {case.words} checks of {total:,} RS every"
    what += f" {INTERVAL_S} s: {rate:,.0f} good a second"
    return Figure(f"agent.{case.key}", what, cores, case.goal, {"cores": [c for c, _ in shares]})


def _apply(both: Pair, port: int, case: Case, vs: int, rs: int) -> None:
    health = {**case.health, "interval_s": INTERVAL_S}
    first = IPv4Address("10.10.0.1")
    services = [
        {
            "vs": f"{IPv4Address('10.96.0.1') + n}:80/tcp",
            "rs": [{"rs": f"{first + n * rs + i}:{port}"} for i in range(rs)],
            "health": health,
        }
        for n in range(vs)
    ]
    body = codec.encode({"services": services})
    answer = exchange(str(both.agent_socket), "POST", "/v1/apply", body, LIMIT_S)
    if answer.status >= 400:
        raise RigError(f"POST /v1/apply: {answer.body.decode()[:400]}")


def _up(both: Pair) -> int:
    return sum(row.state == "up" for row in both.agent.health())


def _share(both: Pair) -> tuple[float, float]:
    """The cores that the agent used, and how many checks were good in a second."""
    began, spent, good = time.monotonic(), _cpu_s(both.agent_pid), _good(both)
    time.sleep(MEASURED_S)
    took = time.monotonic() - began
    used = _cpu_s(both.agent_pid) - spent
    return round(used / took, 3), (_good(both) - good) / took


def _good(both: Pair) -> int:
    text = exchange(str(both.agent_socket), "GET", "/metrics/agent", None, LIMIT_S).body.decode()
    line = next(line for line in text.splitlines() if line.startswith(COUNTER))
    return int(float(line.removeprefix(COUNTER)))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

# SPDX-License-Identifier: BSD-3-Clause
"""How soon a large desired state is in the engine: slbd and slb-agent, each a process, by request.

The engine is the real one over a device without packets. A time begins with the request to
slb-agent, as octets, and ends with the answer, which comes after the last worker's acknowledgement;
that of a restart begins with slbd's ready line.
"""

import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from statistics import median
from typing import Any
from urllib.parse import quote

from bench.figure import Figure, Goal
from rig.pair import LIMIT_S, Pair
from rig.waiting import RigError, wait
from slb.api.unix_http import exchange
from slb.errors import SlbError
from slb.model import codec

VS, RS = 5_000, 10
DELTAS = 20
OWNER = "controller"


def service(number: int, rs: int, weight: int) -> dict[str, Any]:
    """A VS that shares its RS with no other."""
    vip = IPv4Address("10.96.0.1") + number
    first = IPv4Address("10.10.0.1") + number * rs
    real = [{"rs": f"{first + i}:8080", "weight": weight} for i in range(rs)]
    return {"vs": f"{vip}:80/tcp", "scheduler": "wrr", "rs": real}


def ask(both: Pair, method: str, path: str, body: object) -> float:
    """Ask the agent, and return how many seconds it took; raises RigError."""
    text = codec.encode(body)
    began = time.monotonic()
    answer = exchange(str(both.agent_socket), method, path, text, LIMIT_S)
    took = time.monotonic() - began
    if answer.status >= 400:
        raise RigError(f"{method} {path}: {answer.body.decode()[:400]}")
    return took


def figures(runs: int, vs: int = VS, rs: int = RS) -> list[Figure]:
    """The whole set to an empty slbd, to one that was started again, and a change of one RS."""
    sides: dict[str, list[float]] = {name: [] for name in ("apply", "reapply", "weight", "delta")}
    try:
        with Pair(2 * vs, 2 * vs * rs, "bench") as both:
            both.wait_applied()
            for run in range(1, runs + 1):
                _one(both, run, vs, rs, sides)
    except (RigError, SlbError) as error:
        raise RuntimeError(str(error)) from error
    size = f"{vs:,} VS with {rs} RS each"
    return [
        _figure("apply.s", f"seconds to apply {size} to an empty slbd", sides["apply"], 2),
        _figure("apply.again", "seconds after slbd's start until it has it", sides["reapply"], 1),
        _figure("apply.weight", "milliseconds for one RS's weight", sides["weight"], 10),
        _figure(
            "apply.delta", "milliseconds for a delta, one VS with an RS less", sides["delta"], 10
        ),
    ]


def _figure(key: str, what: str, runs: list[float], goal: float) -> Figure:
    return Figure(key, what, round(median(runs), 2), Goal(goal, goal), {"all": runs})


def _one(both: Pair, epoch: int, vs: int, rs: int, sides: dict[str, list[float]]) -> None:
    state = {"owner": OWNER, "epoch": epoch, "allow_empty": True}
    ask(both, "PUT", "/v1/state", {**state, "generation": 1, "services": []})
    services = [service(n, rs, 1) for n in range(vs)]
    wanted = {**state, "generation": 2, "services": services}
    sides["apply"].append(ask(both, "PUT", "/v1/state", wanted))
    sides["delta"] += [1000 * took for took in _deltas(both, epoch, services, rs)]
    both.kill_slbd()
    wait(lambda: both.word() == "unreachable", LIMIT_S, "the agent's notice")
    both.start_slbd()
    began = time.monotonic()
    both.wait_applied()
    sides["reapply"].append(time.monotonic() - began)
    sides["weight"] += [1000 * took for took in _weights(both)]


def _deltas(both: Pair, epoch: int, services: list[dict[str, Any]], rs: int) -> Iterator[float]:
    for number in range(2, 2 + DELTAS):
        changed = service(number, rs, 1)
        changed["rs"] = changed["rs"][1:]
        delta = {"owner": OWNER, "epoch": epoch, "base_generation": number}
        yield ask(
            both, "PATCH", "/v1/state", {**delta, "generation": number + 1, "upserts": [changed]}
        )


def _weights(both: Pair) -> Iterator[float]:
    """One of the operator's own VS, beside the controller's."""
    vs, rs = "10.96.255.1:80/tcp", "10.9.0.1:8080"
    ask(both, "POST", "/v1/vs", {"vs": vs, "rs": [{"rs": rs}]})
    for weight in range(2, 2 + DELTAS):
        path = f"/v1/vs/{quote(vs, safe='')}/rs/{quote(rs, safe='')}"
        yield ask(both, "PATCH", path, {"weight": weight})
    ask(both, "DELETE", f"/v1/vs/{quote(vs, safe='')}", None)

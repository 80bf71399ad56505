# SPDX-License-Identifier: BSD-3-Clause
"""How soon a large desired state is in the engine: slbd and slb-agent, each a process, by request.

The engine is the real one over a device without packets. A time begins with the request to
slb-agent, as octets, and ends with the answer, which comes after the last worker's acknowledgement;
that of a restart begins with slbd's ready line.
"""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from statistics import median
from typing import Any
from urllib.parse import quote

import yaml

from bench.figure import Figure, Goal
from rig.lb import program
from rig.netns import Namespace
from rig.process import Process, tail
from rig.registry import Registry
from rig.waiting import RigError, wait
from slb.api.client import Client
from slb.api.unix_http import exchange
from slb.errors import SlbError
from slb.model import codec

VS, RS = 5_000, 10
DELTAS = 20
LIMIT_S = 60
OWNER = "controller"


def service(number: int, rs: int, weight: int) -> dict[str, Any]:
    """A VS that shares its RS with no other."""
    vip = IPv4Address("10.96.0.1") + number
    first = IPv4Address("10.10.0.1") + number * rs
    real = [{"rs": f"{first + i}:8080", "weight": weight} for i in range(rs)]
    return {"vs": f"{vip}:80/tcp", "scheduler": "wrr", "rs": real}


def config(socket: str, vs: int, rs: int) -> dict[str, Any]:
    """Two workers, room for twice of everything, and nothing to forward."""
    return {
        "engine": {
            "workers": 2,
            "hugepages": False,
            "sessions": 1024,
            "mbufs": 8192,
            "vs_max": 2 * vs,
            "rs_max": 2 * vs * rs,
        },
        "ports": [
            {
                "name": "bench0",
                "device": "net_null0,no-rx=1",
                "kernel_interface": {"name": "bench0", "kind": "none"},
                "local_addresses": ["198.18.0.1-198.18.0.2"],
            }
        ],
        "service_subnets": ["10.96.0.0/16"],
        "api": {"socket": socket},
    }


class Pair:
    """slbd and slb-agent in a namespace; either may be killed and started again."""

    def __init__(self, registry: Registry, stack: ExitStack, vs: int, rs: int) -> None:
        self._registry, self._stack = registry, stack
        self._namespace = Namespace(registry, "lb")
        folder = registry.directory
        self.slbd_socket, self.agent_socket = str(folder / "slbd.sock"), str(folder / "agent.sock")
        self._config = folder / "slb.yaml"
        self._config.write_text(yaml.safe_dump(config(self.slbd_socket, vs, rs)))
        self._state = str(folder / "state")
        self.agent = Client(self.agent_socket, LIMIT_S, "slb-agent")
        self.start_slbd()
        self.start_agent()

    def start_slbd(self) -> None:
        """Start it, and wait for its ready line."""
        env = {**os.environ, "RUNTIME_DIRECTORY": str(self._registry.directory)}
        self.slbd = self._start("slbd", ["--config", str(self._config)], env)

    def start_agent(self) -> None:
        """Start it, and wait until slbd has what it wants."""
        words = ["--socket", self.agent_socket, "--slbd", self.slbd_socket, "--state", self._state]
        self._start("slb-agent", words)
        wait(self.applied, LIMIT_S, "slbd as the agent wants it")

    def kill_slbd(self) -> None:
        """SIGKILL, and wait until the agent has noticed."""
        self.slbd.send(signal.SIGKILL)
        self.slbd.wait(LIMIT_S)
        wait(lambda: self.agent.status().slbd == "unreachable", LIMIT_S, "the agent's notice")

    def applied(self) -> bool:
        """Whether slbd has what the agent wants."""
        try:
            return self.agent.status().slbd == "applied"
        except SlbError:
            return False

    def ask(self, method: str, path: str, body: object) -> float:
        """Ask the agent, and return how many seconds it took; raises RuntimeError."""
        text = codec.encode(body)
        began = time.monotonic()
        answer = exchange(self.agent_socket, method, path, text, LIMIT_S)
        took = time.monotonic() - began
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.body.decode()[:400]}")
        return took

    def _start(self, name: str, words: list[str], env: Mapping[str, str] | None = None) -> Process:
        process = Process(self._registry, self._namespace, name, [program(name), *words], env)
        self._stack.callback(process.stop)

        def ready() -> bool:
            if process.status() is not None:
                raise RigError(f"{name} ended: {tail(process.log, 8)}")
            return f"{name}: ready" in process.text()

        wait(ready, LIMIT_S, f"{name}'s ready line")
        return process


@contextmanager
def pair(vs: int, rs: int) -> Iterator[Pair]:
    """Both processes for as long as they are needed; raises RuntimeError."""
    registry = Registry.create("bench")
    try:
        with ExitStack() as stack:
            yield Pair(registry, stack, vs, rs)
    except (RigError, SlbError) as error:
        raise RuntimeError(str(error)) from error
    finally:
        registry.remove()


def figures(runs: int, vs: int = VS, rs: int = RS) -> list[Figure]:
    """The whole set to an empty slbd, to one that was started again, and a change of one RS."""
    sides: dict[str, list[float]] = {name: [] for name in ("apply", "reapply", "weight", "delta")}
    with pair(vs, rs) as both:
        for run in range(1, runs + 1):
            _one(both, run, vs, rs, sides)
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
    return Figure(key, what, round(median(runs), 2), Goal(goal, goal * 2), {"all": runs})


def _one(both: Pair, epoch: int, vs: int, rs: int, sides: dict[str, list[float]]) -> None:
    state = {"owner": OWNER, "epoch": epoch, "allow_empty": True}
    both.ask("PUT", "/v1/state", {**state, "generation": 1, "services": []})
    services = [service(n, rs, 1) for n in range(vs)]
    wanted = {**state, "generation": 2, "services": services}
    sides["apply"].append(both.ask("PUT", "/v1/state", wanted))
    sides["delta"] += [1000 * took for took in _deltas(both, epoch, services, rs)]
    both.kill_slbd()
    both.start_slbd()
    began = time.monotonic()
    wait(both.applied, LIMIT_S, "slbd as the agent wants it")
    sides["reapply"].append(time.monotonic() - began)
    sides["weight"] += [1000 * took for took in _weights(both)]


def _deltas(both: Pair, epoch: int, services: list[dict[str, Any]], rs: int) -> Iterator[float]:
    for number in range(2, 2 + DELTAS):
        changed = service(number, rs, 1)
        changed["rs"] = changed["rs"][1:]
        delta = {"owner": OWNER, "epoch": epoch, "base_generation": number}
        yield both.ask(
            "PATCH", "/v1/state", {**delta, "generation": number + 1, "upserts": [changed]}
        )


def _weights(both: Pair) -> Iterator[float]:
    """One of the operator's own VS, beside the controller's."""
    vs, rs = "10.96.255.1:80/tcp", "10.9.0.1:8080"
    both.ask("POST", "/v1/vs", {"vs": vs, "rs": [{"rs": rs}]})
    for weight in range(2, 2 + DELTAS):
        path = f"/v1/vs/{quote(vs, safe='')}/rs/{quote(rs, safe='')}"
        yield both.ask("PATCH", path, {"weight": weight})
    both.ask("DELETE", f"/v1/vs/{quote(vs, safe='')}", None)

# SPDX-License-Identifier: BSD-3-Clause
"""The whole rig: topology, pods, switch, slbd and client, started together and removed together."""

import contextlib
import sys
from pathlib import Path
from types import TracebackType

from rig.addresses import HTTP_PORT, LB, PODS, SERVICE_SUBNET, Pod, local_prefixes
from rig.client import Client
from rig.lb import Lb, LbSettings
from rig.process import Process, tail
from rig.registry import Registry, family
from rig.sweep import sweep
from rig.switch import Switch
from rig.topology import Topology
from rig.waiting import RigError, wait

_OSPF_S = 30
_POD_SERVER = Path(__file__).with_name("pod_server.py")


class Rig:
    """A running system; use it as a context manager."""

    def __init__(self, settings: LbSettings | None = None, prefix: str = "slbt") -> None:
        """Sweep what aborted runs left, then name and register this one; `start` builds it."""
        sweep()
        self.settings = settings or LbSettings()
        self.registry = Registry.create(prefix)
        self._processes: list[Process] = []
        self._topology: Topology | None = None

    def __enter__(self) -> "Rig":
        try:
            self.start()
        except BaseException:
            with contextlib.suppress(RigError):
                self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            self.close()
        except RigError:
            # What went wrong first is the more telling.
            if kind is None:
                raise

    def start(self) -> None:
        """Build everything and wait until slbd is ready and the pods answer; not for OSPF."""
        self._topology = topology = Topology(self.registry)
        self.client = Client(topology.client)
        self._start_lb(topology)
        self.switch = Switch(self.registry, topology.switch)
        self._processes.append(self.switch.process)
        self._processes += [self._start_pod(topology, pod) for pod in PODS]
        self._attach_lb(topology)
        for pod in PODS:
            wait(lambda pod=pod: self._listens(pod), 20, f"{pod.name}'s HTTP server")  # type: ignore[misc]

    def restart_lb(self) -> None:
        """Start slbd again after it has ended, and wait until it is ready."""
        assert self._topology is not None
        self._start_lb(self._topology)
        self._attach_lb(self._topology)

    def wait_ospf(self, timeout: float = _OSPF_S) -> None:
        """Wait until both sides are Full and the switch's kernel routes to the LB."""
        wait(self.switch.full, timeout, "OSPF Full on the switch")
        wait(self.lb_full, timeout, "OSPF Full on the LB")
        expected = {SERVICE_SUBNET} if self.settings.announce == "subnets" else set()
        expected |= local_prefixes(self.settings.workers)
        wait(lambda: expected <= self.routes_to_lb(), timeout, f"the switch's routes to {expected}")

    def lb_full(self) -> bool:
        """Tell whether slbd reports its neighbour as Full."""
        return [row["full"] for row in self.lb.api("/v1/ospf")["neighbours"]] == [True]

    def routes_to_lb(self) -> set[str]:
        """Prefixes that the switch's kernel routes to the LB, learnt by OSPF."""
        return {prefix for prefix, gateway in self.switch.routes().items() if gateway == LB}

    def pod_peers(self, pod: Pod) -> set[str]:
        """Who is connected to a pod's HTTP server, as the pod's kernel sees it."""
        assert self._topology is not None
        words = ("ss", "-Htn", "state", "established", "sport", f"= :{HTTP_PORT}")
        rows = self._topology.nodes[pod.node].run(*words).splitlines()
        return {row.split()[3] for row in rows if row.split()[2].startswith(f"{pod.address}:")}

    def logs(self, lines: int = 25) -> str:
        """The last lines of every log of the run that has any."""
        files = sorted(self.registry.directory.rglob("*.log"))
        parts = [f"--- {file.name}\n{text}" for file in files if (text := tail(file, lines))]
        return "\n".join(parts)

    def close(self) -> None:
        """Stop and remove everything; raises RigError when a process of slbd's outlived it."""
        for process in self._processes:
            process.record_children()
            process.stop()
        left = [_command_line(process.pid) for process in family(self.registry.processes())]
        if self._topology is not None:
            self._topology.delete()
        self.registry.remove()
        if left:
            raise RigError(f"still running after slbd had ended: {', '.join(left)}")

    def _start_lb(self, topology: Topology) -> None:
        self.lb = Lb(self.registry, topology.lb, self.settings)
        self._processes.append(self.lb.process)

    def _attach_lb(self, topology: Topology) -> None:
        self.lb.wait_ready()
        topology.attach_data_link()

    def _start_pod(self, topology: Topology, pod: Pod) -> Process:
        words = [sys.executable, str(_POD_SERVER), pod.name, pod.address]
        return Process(self.registry, topology.nodes[pod.node], pod.name, words)

    def _listens(self, pod: Pod) -> bool:
        with contextlib.suppress(OSError):
            self.client.tcp((pod.address, HTTP_PORT)).close()
            return True
        return False


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return f"pid {pid}"

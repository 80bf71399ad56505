# SPDX-License-Identifier: BSD-3-Clause
"""The whole rig: topology, pods, switch, slbd and client, started together and removed together."""

import contextlib
import sys
from functools import partial
from pathlib import Path
from types import TracebackType

from rig.addresses import HTTP_PORT, LB, PODS, V4, Family, Pod, endpoint, local_prefixes
from rig.client import Client
from rig.lb import Lb, LbSettings
from rig.netns import Namespace
from rig.process import Process, tail
from rig.registry import Registry, family
from rig.sweep import sweep
from rig.switch import Switch
from rig.topology import ETHERNET_MTU, Topology
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
        # A narrow port is narrower than what the others send; a wide one needs wide links.
        self._topology = topology = Topology(self.registry, max(self.settings.mtu, ETHERNET_MTU))
        self.client = Client(topology.client)
        self.settings.link.prepare(topology.lb, topology.switch)
        self._start_lb(topology)
        self.switch = Switch(self.registry, topology.switch, self.settings.network_type)
        self._processes.append(self.switch.process)
        self.pods: dict[str, Process] = {}
        for pod in PODS:
            self._start_pod(topology, pod)
        self._attach_lb(topology)
        for pod in PODS:
            self._wait_pod(pod)

    def adopt(self, process: Process) -> None:
        """Stop a process of a test's with everything else."""
        self._processes.append(process)

    def restart_lb(self) -> None:
        """Start slbd again after it has ended, and wait until it is ready."""
        assert self._topology is not None
        self._start_lb(self._topology)
        self._attach_lb(self._topology)

    def restart_pod(self, pod: Pod) -> None:
        """Start a pod's servers again after they have ended, and wait until they answer."""
        assert self._topology is not None
        self._start_pod(self._topology, pod)
        self._wait_pod(pod)

    def wait_ospf(self, timeout: float = _OSPF_S) -> None:
        """Wait until both sides are Full and the switch's kernel routes to the LB."""
        for spoken in self.settings.families:
            wait(partial(self.switch.full, spoken), timeout, "OSPF Full on the switch")
        wait(self.lb_full, timeout, "OSPF Full on the LB")
        for spoken in self.settings.families:
            subnets = {spoken.service_subnet} if self.settings.announce == "subnets" else set()
            self._wait_routes(spoken, subnets | local_prefixes(self.settings.workers, spoken))

    def lb_full(self) -> bool:
        """Tell whether slbd reports its neighbour as Full, by every OSPF that it speaks."""
        rows = self.lb.api("/v1/ospf")["neighbours"]
        return [row["full"] for row in rows] == [True] * len(self.settings.families)

    def routes_to_lb(self, family: Family = V4) -> set[str]:
        """Prefixes that the switch's kernel routes to the LB, learnt by OSPF."""
        routes = self.switch.routes(family).items()
        # OSPFv3's gateways are link-local, and the LB is alone on its link.
        return {prefix for prefix, gateway in routes if family is not V4 or gateway == LB}

    def _wait_routes(self, family: Family, expected: set[str]) -> None:
        what = f"the switch's routes to {expected}"
        wait(lambda: expected <= self.routes_to_lb(family), _OSPF_S, what)

    def pod_peers(self, pod: Pod, family: Family = V4) -> set[str]:
        """Who is connected to a pod's HTTP server, as the pod's kernel sees it."""
        assert self._topology is not None
        words = ("ss", "-Htn", "state", "established", "sport", f"= :{HTTP_PORT}")
        rows = [row.split() for row in self._topology.nodes[pod.node].run(*words).splitlines()]
        server = endpoint(pod.at(family), HTTP_PORT)
        return {row[3] for row in rows if row[2] == server}

    def node(self, number: int) -> Namespace:
        """The namespace of a node, where its pods are."""
        assert self._topology is not None
        return self._topology.nodes[number]

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
        link = self.settings.link
        self._processes += link.attach(self.registry, topology.lb, topology.switch)
        topology.set_up_data_link()
        if not self.settings.ospf:
            for family in self.settings.families:
                topology.switch.ip("route", "add", family.service_subnet, "via", family.lb)

    def _start_pod(self, topology: Topology, pod: Pod) -> None:
        process = start_pod(self.registry, topology, pod)
        self.pods[pod.name] = process
        self._processes.append(process)

    def _wait_pod(self, pod: Pod) -> None:
        wait(lambda: self._listens(pod), 20, f"{pod.name}'s HTTP server")

    def _listens(self, pod: Pod) -> bool:
        with contextlib.suppress(OSError):
            for address in (pod.address, pod.address6):
                self.client.tcp((address, HTTP_PORT)).close()
            return True
        return False


def start_pod(registry: Registry, topology: Topology, pod: Pod) -> Process:
    """Start a pod's servers."""
    words = [sys.executable, str(_POD_SERVER), pod.name, pod.address, pod.address6]
    return Process(registry, topology.nodes[pod.node], pod.name, words)


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return f"pid {pid}"

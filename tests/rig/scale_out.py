# SPDX-License-Identifier: BSD-3-Clause
"""Two LB hosts with the same VIPs on one link; a switch with FRR shares the clients out (ECMP).

                      [switch] FRR, bridge lan0 192.0.2.1
    client ---------------|   port1 --- slbd 192.0.2.2, local addresses 198.18.1.x
    pods -----------------|   port2 --- slbd 192.0.2.3, local addresses 198.18.2.x

Both families: OSPFv2 signed by MD5, and OSPFv3, whose signature FRR 8.4 gets wrong.
A link that ends at one host does not go down at the switch, as it does with two switches between.
"""

import re
import signal
from pathlib import Path
from typing import Any

from rig.addresses import (
    DATA_LINK,
    FAMILIES,
    HTTP_PORT,
    KERNEL_LINK,
    PODS,
    SWITCH_MAC,
    V4,
    V6,
    Family,
    endpoint,
)
from rig.client import Client
from rig.frr import BFD_MS, BFD_MULTIPLIER, Frr, signed_and_watched
from rig.lb import Lb, LbSettings
from rig.links import TapLink
from rig.netns import Namespace
from rig.process import Process
from rig.registry import Registry
from rig.rig import start_pod
from rig.services import service
from rig.topology import Topology
from rig.waiting import wait

HOSTS = ("192.0.2.2", "192.0.2.3")
HOSTS6 = ("2001:db8:2::2", "2001:db8:2::3")
SECRET = "between-us"
TAKEN_BACK_S = 40


class _Half(Registry):
    """A host's own directory; what it makes is recorded with everything else."""

    def __init__(self, whole: Registry, name: str) -> None:
        super().__init__(whole.directory / name)
        self.directory.mkdir(exist_ok=True)
        self._whole = whole

    def record(self, kind: str, **what: str | int) -> None:
        """As in Registry."""
        self._whole.record(kind, **what)


class ScaleOut:
    """The rig; `close` removes it."""

    def __init__(self, registry: Registry, drain_s: int) -> None:
        """Make the namespaces; `start` builds the rest."""
        self.registry = registry
        self._drain_s = drain_s
        self._secret = registry.directory / "secret"
        self._secret.write_text(f"{SECRET}\n")
        self._secret.chmod(0o600)
        self._processes: list[Process] = []
        self.topology = Topology(registry)
        self.client = Client(self.topology.client)
        self._namespaces = (self.topology.lb, Namespace(registry, "lb2", ipv6=True))
        self.lbs: list[Lb] = []
        # By which OSPFv3 names a host.
        self._link_locals: dict[str, str] = {}
        self.frr = Frr(registry, self.topology.switch, signed_and_watched(SECRET))

    def start(self) -> None:
        """Build it, and wait until the switch uses both hosts."""
        registry = self.registry
        self._namespaces[1].ip("link", "set", "lo", "up")
        self._make_bridge()
        self._processes += [start_pod(registry, self.topology, pod) for pod in PODS]
        self.frr.start()
        self.lbs += [self._start_lb(number) for number in range(len(HOSTS))]
        for number in range(len(HOSTS)):
            self._attach_lb(number)
        self.wait_hosts(*HOSTS)

    def restart(self, number: int) -> None:
        """Start a host again that has ended."""
        self.lbs[number] = self._start_lb(number)
        self._attach_lb(number)

    def wait_hosts(self, *hosts: str) -> None:
        """Wait until the switch is Full with these and sends to exactly them, in both families."""
        wanted = set(hosts)
        wait(lambda: self.frr.full() == wanted, TAKEN_BACK_S, f"{wanted} Full at the switch")
        wait(lambda: self.frr.full6() == wanted, TAKEN_BACK_S, f"{wanted} Full by OSPFv3")
        wait(lambda: self.used() == (wanted, wanted), TAKEN_BACK_S, f"routes to {wanted}")

    def used(self) -> tuple[set[str], set[str]]:
        """The hosts that the switch's kernel sends clients to: those of IPv4, those of IPv6."""
        links = self.frr.gateways(V6.service_subnet)
        known = {self._link_locals.get(link, link) for link in links}
        return self.frr.gateways(V4.service_subnet), known

    def watched(self) -> list[set[int]]:
        """The numbers of BFD's sessions with each host: new ones after a host was given up."""
        rows = self.frr.watched().items()
        of = {peer: self._link_locals.get(peer, peer) for peer, _ in rows}
        return [{number for peer, number in rows if of[peer] == host} for host in HOSTS]

    def bird_pid(self, number: int) -> int:
        """The pid of a host's BIRD."""
        return int((self.lbs[number].socket.with_suffix(".bird") / "bird.pid").read_text())

    def close(self) -> None:
        """End everything; the hosts without their leave, which takes long."""
        for lb in self.lbs:
            lb.process.send(signal.SIGKILL)
        for process in [*reversed(self._processes), *self.frr.processes]:
            process.record_children()
            process.stop()
        self._namespaces[1].delete()
        self.topology.delete()

    def _make_bridge(self) -> None:
        switch = self.topology.switch
        switch.call(lambda: Path("/proc/sys/net/ipv4/fib_multipath_hash_policy").write_text("1"))
        switch.call(lambda: Path("/proc/sys/net/ipv6/fib_multipath_hash_policy").write_text("1"))
        switch.ip("link", "add", DATA_LINK, "type", "bridge")
        self.topology.set_up_data_link()

    def _start_lb(self, number: int) -> Lb:
        settings = LbSettings(
            services=[_http(family) for family in FAMILIES],
            link=TapLink(f"port{number + 1}", f"{SWITCH_MAC[:-2]}{number + 21}"),
            port={
                "addresses": [f"{HOSTS[number]}/24", f"{HOSTS6[number]}/64"],
                "local_addresses": [
                    f"{net}{last}" for net in _local_nets(number) for last in (1, 2)
                ],
            },
            policies={"ospf": self._ospf(number), "tcp": {"no_session": "reset"}},
        )
        lb = Lb(_Half(self.registry, f"lb{number + 1}"), self._namespaces[number], settings)
        self._processes.append(lb.process)
        return lb

    def _ospf(self, number: int) -> dict[str, Any]:
        key = {"id": 1, "secret_file": str(self._secret)}
        return {
            "mode": "managed",
            "router_id": HOSTS[number],
            "hello_s": 1,
            "dead_s": 4,
            "priority": 0,
            "route_type": "stub",
            "auth": {"algorithm": "md5", "keys": [key]},
            "auth_v3": "none",
            "bfd": {"interval_ms": BFD_MS, "multiplier": BFD_MULTIPLIER},
            "graceful_restart": "on",
            "drain_s": self._drain_s,
        }

    def _attach_lb(self, number: int) -> None:
        self.lbs[number].wait_ready()
        shown = self._namespaces[number].ip("-6", "-o", "addr", "show", "dev", KERNEL_LINK)
        (link,) = re.findall(r"inet6 (fe80\S+)/", shown)
        self._link_locals[link] = HOSTS[number]
        switch, name = self.topology.switch, f"port{number + 1}"
        self._namespaces[number].ip("link", "set", name, "netns", switch.name)
        switch.ip("link", "set", name, "address", f"{SWITCH_MAC[:-2]}{number + 11}")
        switch.run("ethtool", "-K", name, "tx", "off", check=False)
        switch.ip("link", "set", name, "master", DATA_LINK, "up")


def _local_nets(number: int) -> tuple[str, str]:
    """Where a host's local addresses are, in both families."""
    return f"198.18.{number + 1}.", f"2001:db8:18:{number + 1}::"


def _http(family: Family) -> dict[str, Any]:
    rows = {endpoint(pod.at(family), HTTP_PORT): 1 for pod in PODS}
    return service(f"{endpoint(family.vip, 80)}/tcp", rows)

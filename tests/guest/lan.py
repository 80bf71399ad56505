# SPDX-License-Identifier: BSD-3-Clause
"""What the guest's NICs are connected to: one namespace of the host with the clients and the pods.

    namespace                                 guest
    clients 203.0.113.10-13  -- tap2 or tap1 -- NIC 0000:00:10.0 (2 queues, RSS) or 0000:00:11.0 (1)
    pods    10.10.N.M           192.0.2.1       slbd, 192.0.2.2 on slb0

And the same in IPv6, with the addresses of rig.addresses. Full NAT makes this possible: a client
and a pod beside it never speak to each other directly.
"""

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from rig import pod_server
from rig.addresses import FAMILIES, HTTP_PORT, PODS, Family, local_addresses
from rig.client import Client
from rig.netns import Namespace
from rig.process import Process
from rig.registry import Registry
from rig.waiting import wait


@dataclass(frozen=True)
class Nic:
    """A virtio NIC of the guest with so many queue pairs, and the tap that it is connected to."""

    queues: int
    slot: int

    @property
    def address(self) -> str:
        """Its PCI address in the guest."""
        return f"0000:00:{self.slot:02x}.0"

    @property
    def device(self) -> str:
        """What slb.yaml calls it: for the NIC with one queue, without the domain."""
        return self.address if self.queues > 1 else self.address.removeprefix("0000:")

    @property
    def tap(self) -> str:
        """The host's end."""
        return f"tap{self.queues}"

    def words(self) -> list[str]:
        """QEMU's words for it; RSS wants the control queue and several queue pairs."""
        net = f"tap,id={self.tap},ifname={self.tap},script=no,downscript=no,vhost=off"
        device = f"virtio-net-pci,netdev={self.tap},addr={self.slot:#x},disable-legacy=on,romfile="
        if self.queues > 1:
            net += f",queues={self.queues}"
            device += f",mq=on,rss=on,hash=on,vectors={2 * self.queues + 2}"
        return ["-netdev", net, "-device", device]


WORKERS = 2
NO_TIME_WAIT = Path("/proc/sys/net/ipv4/tcp_max_tw_buckets")
NICS = (Nic(queues=2, slot=0x10), Nic(queues=1, slot=0x11))


class Lan:
    """The namespace, its taps and pods."""

    def __init__(self, registry: Registry) -> None:
        """Create it without any connection to slbd."""
        self.namespace = Namespace(registry, "lan", ipv6=True)
        self.client = Client(self.namespace)
        # No pod remembers the last slbd's connections in TIME_WAIT, whose numbers the next one does
        # not go on from (docs/decisions/0011): a SYN that meets one is made again a second later.
        self.namespace.call(lambda: NO_TIME_WAIT.write_text("0"))
        self.namespace.ip("link", "set", "lo", "up")
        for family in FAMILIES:
            for address in (*family.clients, *(pod.at(family) for pod in PODS)):
                self.namespace.ip("address", "add", address, "dev", "lo")
        for nic in NICS:
            several = ("multi_queue",) if nic.queues > 1 else ()
            self.namespace.ip("tuntap", "add", nic.tap, "mode", "tap", *several)
            self.namespace.ip("link", "set", nic.tap, "up")
        words = [sys.executable, str(pod_server.__file__)]
        self._pods = [
            Process(registry, self.namespace, pod.name, [*words, pod.name, *map(pod.at, FAMILIES)])
            for pod in PODS
        ]

    def wait_pods(self) -> None:
        """Wait until every pod answers."""
        for pod in PODS:
            for family in FAMILIES:
                address = pod.at(family)
                wait(lambda address=address: self._listens(address), 30, pod.name)  # type: ignore[misc]

    def use(self, nic: Nic) -> None:
        """Have the link, and the routes over it, on this NIC's tap."""
        for other in NICS:
            self.namespace.ip("address", "flush", "dev", other.tap, "scope", "global")
        for family in FAMILIES:
            self._use(nic, family)

    def _use(self, nic: Nic, family: Family) -> None:
        self.namespace.ip("address", "add", f"{family.switch}/{family.length}", "dev", nic.tap)
        for prefix in (family.service_subnet, *local_addresses(WORKERS, family)):
            self.namespace.ip("route", "replace", prefix, "via", family.lb)

    def close(self) -> None:
        """End the pods and remove the namespace."""
        for process in self._pods:
            process.stop()
        self.namespace.delete()

    def _listens(self, address: str) -> bool:
        with contextlib.suppress(OSError):
            self.client.tcp((address, HTTP_PORT)).close()
            return True
        return False

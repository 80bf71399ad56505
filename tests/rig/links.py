# SPDX-License-Identifier: BSD-3-Clause
"""How slbd's data port is joined to the switch, whose end is always called DATA_LINK."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rig.addresses import DATA_LINK
from rig.netns import Namespace
from rig.process import Process
from rig.registry import Registry
from rig.waiting import wait

# The LB's end of a veth pair.
PACKET_LINK = "port0"
# The switch's end of a link with several VLANs.
TRUNK_LINK = "trunk0"

# The host's own stack must not answer what is DPDK's; packet sockets see packets before this hook.
_DEAF = (
    "add table netdev slb; add chain netdev slb ingress "
    f'{{ type filter hook ingress device "{PACKET_LINK}" priority 0; policy drop; }}'
)
_TESTPMD = [
    "stdbuf",
    "-oL",
    "dpdk-testpmd",
    "--lcores=0@0,1@1",
    "--no-pci",
    "--no-huge",
    "--no-shconf",
    "-m",
    "256",
]
_TRUNK = Path(__file__).with_name("trunk.py")
_FORWARD = ["--forward-mode=io", "--total-num-mbufs=8192", "--disable-link-check"]


class Link(Protocol):
    """A way to join them."""

    def device(self, directory: Path) -> str:
        """The device in slb.yaml, for a run that has this directory."""

    def prepare(self, lb: Namespace, switch: Namespace) -> None:
        """Make what must be there before slbd starts."""

    def attach(self, registry: Registry, lb: Namespace, switch: Namespace) -> list[Process]:
        """Give the switch DATA_LINK, once slbd is ready; returns what runs for that."""


@dataclass(frozen=True)
class TapLink:
    """DPDK's net_tap: slbd makes it, and its kernel end is moved into the switch."""

    end: str = DATA_LINK
    # As a NIC has, so that a restart changes none; empty: another one each time.
    mac: str = ""

    def device(self, _directory: Path) -> str:
        """As in Link."""
        return f"net_tap0,iface={self.end}" + (f",mac={self.mac}" if self.mac else "")

    def prepare(self, _lb: Namespace, _switch: Namespace) -> None:
        """Nothing."""

    def attach(self, _registry: Registry, lb: Namespace, switch: Namespace) -> list[Process]:
        """Move it."""
        lb.ip("link", "set", self.end, "netns", switch.name)
        return []


@dataclass(frozen=True)
class PacketLink:
    """DPDK's net_af_packet, on one end of a veth pair."""

    end: str = DATA_LINK
    mtu: int = 1500

    def device(self, _directory: Path) -> str:
        """As in Link."""
        return f"net_af_packet0,iface={PACKET_LINK}"

    def prepare(self, lb: Namespace, switch: Namespace) -> None:
        """Make the pair."""
        mtu = str(self.mtu)
        end = ("peer", "name", self.end, "netns", switch.name, "mtu", mtu)
        lb.ip("link", "add", PACKET_LINK, "mtu", mtu, "type", "veth", *end)
        lb.run("nft", _DEAF)
        lb.ip("link", "set", PACKET_LINK, "addrgenmode", "none")
        lb.ip("link", "set", PACKET_LINK, "up")

    def attach(self, _registry: Registry, _lb: Namespace, _switch: Namespace) -> list[Process]:
        """It is there."""
        return []


@dataclass(frozen=True)
class PcapLink(PacketLink):
    """DPDK's net_pcap on that end: the one of these drivers that takes frames of any length."""

    def device(self, _directory: Path) -> str:
        """As in Link."""
        return f"net_pcap0,rx_iface_in={PACKET_LINK},tx_iface={PACKET_LINK}"


@dataclass(frozen=True)
class MemifLink:
    """DPDK's net_memif; at its other end testpmd passes everything to a tap in the switch.

    Both ends must have as many queues as slbd has workers.
    """

    queues: int = 1

    def _vdev(self, role: str, directory: Path) -> str:
        return f"net_memif0,role={role},socket={directory}/memif.sock,socket-abstract=no"

    def device(self, directory: Path) -> str:
        """As in Link."""
        return self._vdev("server", directory)

    def prepare(self, _lb: Namespace, _switch: Namespace) -> None:
        """Nothing."""

    def attach(self, registry: Registry, _lb: Namespace, switch: Namespace) -> list[Process]:
        """Start testpmd, which makes the tap."""
        queues = [f"--rxq={self.queues}", f"--txq={self.queues}"]
        vdevs = [self._vdev("client", registry.directory), f"net_tap0,iface={DATA_LINK}"]
        words = [*_TESTPMD, *(f"--vdev={vdev}" for vdev in vdevs), "--", *_FORWARD, *queues]
        directory = registry.directory / "testpmd"
        directory.mkdir()
        env = {**os.environ, "RUNTIME_DIRECTORY": str(directory)}
        testpmd = Process(registry, switch, "testpmd", words, env, stdin=subprocess.PIPE)
        wait(lambda: "Press enter" in testpmd.text(), 30, "testpmd to forward")
        return [testpmd]


@dataclass(frozen=True)
class VlanLink:
    """A link whose end in the switch is a trunk, one VLAN of which is DATA_LINK (rig/trunk.py)."""

    under: TapLink | PacketLink
    vlan: int

    def device(self, directory: Path) -> str:
        """As in Link."""
        return self.under.device(directory)

    def prepare(self, lb: Namespace, switch: Namespace) -> None:
        """What the link under it needs."""
        self.under.prepare(lb, switch)

    def attach(self, registry: Registry, lb: Namespace, switch: Namespace) -> list[Process]:
        """Start what takes the tags off."""
        trunk = self.under.end
        processes = self.under.attach(registry, lb, switch)
        # Nobody in here speaks on the trunk itself.
        switch.ip("link", "set", trunk, "addrgenmode", "none")
        switch.ip("link", "set", trunk, "promisc", "on", "up")
        words = [sys.executable, str(_TRUNK), trunk, DATA_LINK, str(self.vlan)]
        processes.append(Process(registry, switch, "trunk", words))
        wait(lambda: DATA_LINK in switch.ip("-br", "link"), 10, "the access side of the trunk")
        return processes

# SPDX-License-Identifier: BSD-3-Clause
"""What the checks look at, gathered once."""

import contextlib
import socket
from dataclasses import dataclass

from slb.config.defaults import is_virtual
from slb.errors import HostError, KernelError
from slb.host import network, pci, pmd
from slb.host.files import Host, text
from slb.host.finding import Finding, error
from slb.host.network import Network
from slb.host.pci import Nic
from slb.host.pmd import Drivers
from slb.model.config import Config, Port

CONNECT_S = 1.0


@dataclass(frozen=True)
class Facts:
    """A host, and the configuration that slbd is to run with there, None without one.

    `running`: an slbd serves that configuration's socket, so what it needs is taken, by itself.
    """

    host: Host
    config: Config | None
    nics: tuple[Nic, ...]
    engine: Drivers | None
    dpdk: Drivers | None
    network: Network
    running: bool

    def nic_of(self, device: str) -> Nic | None:
        """A device's NIC; None when it is a vdev, or not there."""
        address = pci.normalized(device.partition(",")[0])
        return next((nic for nic in self.nics if nic.address == address), None)

    def pci_devices(self) -> list[tuple[str, Port, str]]:
        """The devices that are PCI addresses: their place in the file, their port, and they."""
        return [
            (f"ports[{i}].members[{j}]" if port.members else f"ports[{i}]", port, device)
            for i, port in enumerate(self.config.ports if self.config else ())
            for j, device in enumerate(port.devices())
            if not is_virtual(device)
        ]


def gather(host: Host, config: Config | None) -> tuple[Facts, list[Finding]]:
    """Look at the host; what cannot be looked at is a finding."""
    problems: list[Finding] = []
    engine = dpdk = None
    seen = Network()
    try:
        engine = pmd.of_engine(host)
    except HostError as failure:
        problems.append(error("engine", str(failure), "install slbd anew: pip install ."))
    with contextlib.suppress(HostError):
        dpdk = pmd.of_dpdk(host)
    try:
        seen = network.read()
    except KernelError as failure:
        problems.append(error("network", str(failure), "run this as root"))
    running = config is not None and answers(host, config.api.socket)
    nics = tuple(pci.nics(host))
    return Facts(host, config, nics, engine, dpdk, seen, running), problems


def answers(host: Host, path: str) -> bool:
    """Whether somebody listens at a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_S)
        try:
            return probe.connect_ex(str(host.at(path))) == 0
        except OSError:
            return False


def loaded(host: Host, module: str) -> bool:
    """Whether the kernel has a module, built in or loaded, or a PCI driver of that name."""
    name = module.replace("-", "_")
    if (host.sys / "module" / name).is_dir():
        return True
    if (host.sys / "bus/pci/drivers" / module).is_dir():
        return True
    builtin = text(host.at(f"/lib/modules/{host.release}/modules.builtin"))
    return any(line.endswith((f"/{name}.ko", f"/{module}.ko")) for line in builtin.splitlines())


def load_advice(host: Host, *modules: str) -> str:
    """How to get modules into the kernel."""
    if not (host.proc / "modules").exists():
        return f"this kernel loads no modules; boot one with {' and '.join(modules)}"
    return f"modprobe {'-a ' if len(modules) > 1 else ''}{' '.join(modules)}"

# SPDX-License-Identifier: BSD-3-Clause
"""NICs on the PCI bus, as sysfs shows them (Linux: Documentation/ABI/testing/sysfs-bus-pci)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from slb.errors import HostError
from slb.host.files import Host, entries, number, target, text
from slb.model.address import show

NETWORK_CLASS = 0x02
BRIDGE_CLASS = 0x06
_ADDRESS = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[01][0-9a-f]\.[0-7])")
# The kernel's drivers that hand a device over to a process.
USERSPACE = ("vfio-pci", "uio_pci_generic", "igb_uio")


@dataclass(frozen=True)
class Nic:
    """A network device; `ids` are vendor, device, and the subsystem's two.

    `numa` is -1 and `speed_mbps` 0 where the kernel does not know; `link_up` is None, too, while no
    kernel driver has the device or its interface is down. `interfaces` are those in our namespace;
    `elsewhere`: it has some, and all are in others.
    """

    address: str
    ids: tuple[int, int, int, int]
    driver: str
    numa: int
    group: int | None
    interfaces: tuple[str, ...]
    elsewhere: bool
    link_up: bool | None
    speed_mbps: int

    @property
    def id(self) -> str:
        """Vendor and device, as lspci -n writes them."""
        return f"{self.ids[0]:04x}:{self.ids[1]:04x}"

    @property
    def handed_over(self) -> bool:
        """Whether its driver is one for processes."""
        return self.driver in USERSPACE


def folder(host: Host, address: str) -> Path:
    """A device's folder in sysfs."""
    return host.sys / "bus/pci/devices" / address


def nics(host: Host) -> list[Nic]:
    """Every network device, by address."""
    found = entries(host.sys / "bus/pci/devices")
    return [_nic(host, path) for path in found if class_of(path) == NETWORK_CLASS]


def class_of(device: Path) -> int:
    """A device's base class; -1 where none is shown."""
    code = number(device / "class")
    return -1 if code is None else code >> 16


def find(found: Iterable[Nic], name: str) -> Nic:
    """The NIC with that PCI address or that interface; raises HostError."""
    wanted = normalized(name)
    for nic in found:
        if nic.address == wanted or name in nic.interfaces:
            return nic
    why = "no such NIC" if wanted else "neither a PCI address (0000:3b:00.0) nor an interface"
    raise HostError(f"{show(name)}: {why}; 'slbctl nic list' shows those there are")


def normalized(name: str) -> str | None:
    """A PCI address in sysfs's form, whichever way it is written; None when it is none."""
    match = _ADDRESS.fullmatch(name.lower())
    return f"{match[1] or '0000'}:{match[2]}" if match else None


def group_members(host: Host, nic: Nic) -> list[tuple[str, str]]:
    """The other devices of its IOMMU group with their drivers, but for bridges, which may stay."""
    members = entries(folder(host, nic.address) / "iommu_group/devices")
    return [
        (path.name, target(path / "driver"))
        for path in members
        if path.name != nic.address and class_of(path) != BRIDGE_CLASS
    ]


def confined(host: Host, nic: Nic) -> bool:
    """Whether an IOMMU keeps it to its process's memory; VFIO makes up groups where none does."""
    name = text(folder(host, nic.address) / "iommu_group/name")
    return nic.driver == "vfio-pci" and nic.group is not None and name != "vfio-noiommu"


def nodes(host: Host, nic: Nic) -> tuple[str, ...]:
    """The device nodes by which a process holds it while it is handed over."""
    device = folder(host, nic.address)
    names = [f"/dev/{path.name}" for path in entries(device / "uio")]
    names += [f"/dev/vfio/devices/{path.name}" for path in entries(device / "vfio-dev")]
    if nic.group is not None:
        names += [f"/dev/vfio/{nic.group}", f"/dev/vfio/noiommu-{nic.group}"]
    return tuple(names)


def _nic(host: Host, path: Path) -> Nic:
    vendor, device, subvendor, subdevice = (
        number(path / name) or 0
        for name in ("vendor", "device", "subsystem_vendor", "subsystem_device")
    )
    # A virtio device has its interfaces a level deeper.
    folders = [*path.glob("net"), *path.glob("virtio*/net")]
    found = [interface for folder in folders for interface in entries(folder)]
    states = [number(interface / "carrier") for interface in found]
    known = [state for state in states if state is not None]
    numa = number(path / "numa_node")
    group = target(path / "iommu_group")
    return Nic(
        address=path.name,
        ids=(vendor, device, subvendor, subdevice),
        driver=target(path / "driver"),
        numa=-1 if numa is None else numa,
        group=int(group) if group.isdecimal() else None,
        interfaces=tuple(sorted(interface.name for interface in found)),
        elsewhere=bool(folders) and not found,
        link_up=any(known) if known else None,
        speed_mbps=max([0, *(number(interface / "speed") or 0 for interface in found)]),
    )


def override(device: Path) -> str:
    """The driver that alone may take the device; empty when any that knows it may."""
    found = text(device / "driver_override")
    return "" if found == "(null)" else found

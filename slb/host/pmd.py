# SPDX-License-Identifier: BSD-3-Clause
"""Which devices DPDK's drivers take: the driver information in libraries, which are not loaded.

DPDK's build leaves a text for each driver in its library's .rodata, which begins
`PMD_INFO_STRING= ` and goes on as JSON: the driver's name, the PCI ids (vendor, device, and the
subsystem's two, 65535 for any) and the kernel modules it works with. `a | b` means one of them,
`a & b` all of them, and that the kernel's driver keeps the device (DPDK: Programmer's Guide, Poll
Mode Driver; RTE_PMD_REGISTER_KMOD_DEP).
"""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from slb.errors import HostError
from slb.host.files import Host
from slb.host.pci import USERSPACE, Nic

ANY = 0xFFFF
_TEXT = re.compile(rb"PMD_INFO_STRING= (\{[^\0]*\})\0")
# Drivers for other things than ports share ids with those for ports.
_FOR_PORTS = re.compile(r"net_\w+|mlx\d_eth")
_LIBRARIES = "librte_net_*.so"
_FOLDERS = ("usr/lib/*/dpdk/pmds-*", "usr/local/lib/*/dpdk/pmds-*", "usr/local/lib*/dpdk/pmds-*")


@dataclass(frozen=True)
class Pmd:
    """A driver for ports; `modules` are the kernel's drivers it works with, none: it does not say.

    `shared`: it works beside the kernel's driver, and needs all of the modules.
    """

    name: str
    ids: tuple[tuple[int, int, int, int], ...]
    modules: tuple[str, ...]
    shared: bool

    def takes(self, nic: Nic) -> bool:
        """Whether it drives that device."""
        return any(
            all(own in (ANY, its) for own, its in zip(row, nic.ids, strict=True))
            for row in self.ids
        )

    def kernel_drivers(self) -> tuple[str, ...]:
        """What the device may be bound to for it."""
        return self.modules or USERSPACE


@dataclass(frozen=True)
class Drivers:
    """The drivers of one source, and how long reading them took."""

    source: Path
    pmds: tuple[Pmd, ...]
    seconds: float

    def of(self, nic: Nic) -> list[Pmd]:
        """Those that take a device."""
        return [pmd for pmd in self.pmds if pmd.takes(nic)]


class _Info(msgspec.Struct):
    name: str
    kmod: str | None = None
    pci_ids: list[tuple[int, int, int, int]] = []


def of_engine(host: Host) -> Drivers:
    """Those that slbd has, which DPDK is linked into; raises HostError."""
    return read(host.engine, [host.engine])


def of_dpdk(host: Host) -> Drivers | None:
    """Those of the newest DPDK that is installed; None without one. Raises HostError."""
    found = folders(host)
    return read(found[-1], sorted(found[-1].glob(_LIBRARIES))) if found else None


def folders(host: Host) -> list[Path]:
    """Where installed DPDKs keep their drivers, the newest last."""
    found = [path for pattern in _FOLDERS for path in host.root.glob(pattern)]
    return sorted(found, key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])


def read(source: Path, libraries: Iterable[Path]) -> Drivers:
    """Read libraries; raises HostError."""
    began = time.monotonic()
    pmds = tuple(pmd for library in libraries for pmd in _pmds(library))
    return Drivers(source, pmds, time.monotonic() - began)


def _pmds(library: Path) -> Iterator[Pmd]:
    for match in _TEXT.finditer(_constants(library)):
        try:
            info = msgspec.json.decode(match[1], type=_Info)
        except msgspec.MsgspecError:
            continue
        if _FOR_PORTS.fullmatch(info.name):
            yield _pmd(info)


def _pmd(info: _Info) -> Pmd:
    expression = info.kmod or ""
    modules = re.findall(r"[\w-]+", expression)
    # DPDK's nfp writes vfio for vfio-pci.
    modules = ["vfio-pci" if name == "vfio" else name for name in modules]
    return Pmd(info.name, tuple(info.pci_ids), tuple(modules), "&" in expression)


def _constants(library: Path) -> bytes:
    # Slow to load, and of use here alone.
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with library.open("rb") as file:
            section = ELFFile(file).get_section_by_name(".rodata")
            return bytes(section.data()) if section is not None else b""
    except (ELFError, OSError) as error:
        why = getattr(error, "strerror", None) or f"no ELF file ({error})"
        raise HostError(f"{library}: {why}") from None

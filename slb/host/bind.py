# SPDX-License-Identifier: BSD-3-Clause
"""Giving NICs to another driver, all that were asked for or none.

A driver for processes takes any device, so the device's driver_override names it: no id has to be
made known to the driver (new_id), and no second device of the same kind is taken along. A kernel
driver takes what it knows, and the override is cleared for it, which leaves the device as it would
be after a boot.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from slb.errors import HostError
from slb.host.files import Host, target, text
from slb.host.network import Network, use_of
from slb.host.pci import USERSPACE, Nic, folder, nodes, override
from slb.host.pmd import Drivers
from slb.host.processes import holding
from slb.model.address import show

NOIOMMU = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
_DRIVER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def check(host: Host, wanted: Sequence[Nic], driver: str, network: Network, *, force: bool) -> None:
    """Raise HostError unless all of the NICs may leave their drivers for `driver`, "" for none."""
    if driver:
        _check_driver(host, driver)
    for nic in wanted:
        if nic.driver == driver:
            continue
        if use := use_of(nic, network):
            if use.final:
                raise HostError(f"{nic.address}: {use.reason}; it stays with {nic.driver}")
            if not force:
                raise HostError(f"{nic.address}: {use.reason}; --force takes it all the same")
        # The kernel would wait for the process to let go.
        if nic.handed_over and (holders := holding(host, nodes(host, nic))):
            raise HostError(f"{nic.address}: {holders[0]} has it open; stop that first")
        if driver == "vfio-pci" and nic.group is None and not noiommu(host):
            raise HostError(f"{nic.address} is in no IOMMU group; {iommu_advice(host)}")


def check_use(wanted: Sequence[Nic], driver: str, drivers: Drivers) -> None:
    """Raise HostError where DPDK's driver for a NIC does not work with `driver`."""
    if driver not in USERSPACE:
        return
    for nic in wanted:
        fitting = drivers.of(nic)
        allowed = sorted({name for pmd in fitting for name in pmd.kernel_drivers()})
        if not fitting:
            raise HostError(
                f"{nic.address} ({nic.id}): slbd has no driver for it; "
                "--force binds it all the same"
            )
        if driver not in allowed:
            raise HostError(
                f"{nic.address}: {fitting[0].name} works with {', '.join(allowed)} alone; "
                "--force binds it all the same"
            )


def noiommu(host: Host) -> bool:
    """Whether VFIO takes devices that no IOMMU confines."""
    return text(host.at(NOIOMMU)) in ("Y", "1")


def iommu_advice(host: Host) -> str:
    """What to do where a NIC is in no IOMMU group."""
    loading = "" if (host.sys / "bus/pci/drivers/vfio-pci").is_dir() else "modprobe vfio-pci && "
    unsafe = f"{loading}echo 1 > {NOIOMMU}, or " if _has_noiommu(host) else ""
    return (
        "switch the IOMMU on (firmware; intel_iommu=on on the kernel command line of an Intel CPU) "
        f"or do without its protection: {unsafe}modprobe uio_pci_generic and bind to that"
    )


def _has_noiommu(host: Host) -> bool:
    """Whether the kernel was built with that mode; Debian's is not, Ubuntu's is."""
    if (host.sys / "module/vfio").is_dir():
        return host.at(NOIOMMU).exists()
    built = text(host.at(f"/boot/config-{host.release}"))
    return not built or "CONFIG_VFIO_NOIOMMU=y" in built


def rebind(host: Host, wanted: Sequence[Nic], driver: str) -> list[Nic]:
    """Give the NICs to `driver`, "" for none; returns those that were not its already.

    Raises HostError when one cannot be; then all are back where they were, or it says which not.
    """
    done: list[tuple[Nic, str]] = []
    for nic in wanted:
        if nic.driver == driver:
            continue
        done.append((nic, override(folder(host, nic.address))))
        try:
            _give(host, nic, driver, driver if driver in USERSPACE else "")
        except HostError as error:
            raise HostError("; ".join([str(error), *_undo(host, done)])) from None
    return [nic for nic, _ in done]


def _check_driver(host: Host, driver: str) -> None:
    if not _DRIVER.fullmatch(driver):
        raise HostError(f"{show(driver)} is no driver's name; write vfio-pci or uio_pci_generic")
    if not (host.sys / "bus/pci/drivers" / driver).is_dir():
        raise HostError(f"driver {driver} is not loaded; modprobe {driver}")


def _give(host: Host, nic: Nic, driver: str, only: str) -> None:
    device = folder(host, nic.address)
    _write(device / "driver_override", only or "\n")
    current = target(device / "driver")
    if current == driver:
        return
    if current:
        _write(device / "driver/unbind", nic.address)
    if driver:
        _write(host.sys / "bus/pci/drivers" / driver / "bind", nic.address, f"{driver} refuses it")
    if (now := target(device / "driver")) != driver:
        raise HostError(f"{nic.address} is bound to {now or 'no driver'} instead of {driver}")


def _undo(host: Host, done: Sequence[tuple[Nic, str]]) -> list[str]:
    told: list[str] = []
    for nic, only in reversed(done):
        left = target(folder(host, nic.address) / "driver") != nic.driver
        try:
            _give(host, nic, nic.driver, only)
            told += [f"{nic.address} is back with {nic.driver or 'no driver'}"] if left else []
        except HostError as error:
            told += [f"{nic.address} is not back with {nic.driver}: {error}"] if left else []
    return told


def _write(path: Path, value: str, what: str = "") -> None:
    try:
        path.write_text(value)
    except OSError as error:
        begin = f"{value}: {what}" if what else f"{path} cannot be written"
        advice = "; run this as root" if isinstance(error, PermissionError) else ""
        raise HostError(f"{begin}: {error.strerror}{advice}") from None

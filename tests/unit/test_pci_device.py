# SPDX-License-Identifier: BSD-3-Clause
"""What slbd says about a PCI device that DPDK cannot use, from a folder laid out like sysfs's."""

import errno
from pathlib import Path

import pytest

from slb._harness import ffi, lib

NIC = "0000:3b:00.0"
BIND = f"bind it to vfio-pci or uio_pci_generic (dpdk-devbind.py -b vfio-pci {NIC})"


def explained(folder: Path, device: str = NIC) -> str:
    """Ask the engine."""
    text = ffi.new("char[256]")
    assert lib.harness_pci_explain(str(folder).encode(), device.encode(), text, len(text)) == 0
    return ffi.string(text).decode()


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """A folder with the one NIC, bound to no driver."""
    folder = tmp_path / "devices"
    (folder / NIC).mkdir(parents=True)
    return folder


def bind(devices: Path, driver: str) -> None:
    """Give the NIC a driver."""
    (devices / NIC / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")


@pytest.mark.parametrize("driver", ["virtio-pci", "ixgbe", "vfio-pcix"])
def test_driver_that_dpdk_cannot_use(devices: Path, driver: str) -> None:
    bind(devices, driver)
    assert explained(devices) == f"bound to {driver}, which DPDK cannot use; {BIND}"


def test_no_driver(devices: Path) -> None:
    assert explained(devices) == f"bound to no driver; {BIND}"


@pytest.mark.parametrize("driver", ["vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core"])
def test_usable_driver_is_not_blamed(devices: Path, driver: str) -> None:
    bind(devices, driver)
    assert explained(devices) == f"bound to {driver}, but no driver of DPDK's could take it over"


def test_no_such_device(devices: Path) -> None:
    assert explained(devices, "0000:3b:00.1").startswith("no such PCI device; ")


@pytest.mark.parametrize("device", ["3b:00.0", "0000:3B:00.0", f"{NIC},queues=2", "3b:00.0,x=:1.2"])
def test_every_way_to_write_the_address(devices: Path, device: str) -> None:
    bind(devices, "ixgbe")
    assert BIND in explained(devices, device)


@pytest.mark.parametrize("device", ["net_tap0,iface=3b:00.0", "3b:00", "0000:3b:00.0x", ""])
def test_what_is_no_pci_address(devices: Path, device: str) -> None:
    text = ffi.new("char[256]")
    asked = lib.harness_pci_explain(str(devices).encode(), device.encode(), text, len(text))
    assert asked == -errno.EINVAL

# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's drivers, read from the libraries that are really there: slbd's own and Debian's."""

import re
from pathlib import Path

import pytest
from unit.host_tree import IXGBE, IXGBE_VF, MLX5, REALTEK, VIRTIO, HostTree

from slb.errors import HostError
from slb.host import pmd
from slb.host.files import ENGINE, Host
from slb.host.pci import nics
from slb.host.pmd import Drivers

IDS = {
    IXGBE: "net_ixgbe",
    IXGBE_VF: "net_ixgbe_vf",
    MLX5: "mlx5_eth",
    VIRTIO: "net_virtio",
    REALTEK: "",
}
SECONDS = 5.0


@pytest.fixture(params=["engine", "dpdk"])
def drivers(request: pytest.FixtureRequest) -> Drivers:
    """Those of either source on this machine."""
    if request.param == "engine":
        return pmd.of_engine(Host())
    found = pmd.of_dpdk(Host())
    if found is None:
        pytest.skip("no DPDK drivers are installed as libraries")
    return found


@pytest.mark.parametrize("ids", IDS, ids=lambda ids: f"{ids[0]:04x}:{ids[1]:04x}")
def test_a_device_finds_its_driver(
    drivers: Drivers, tmp_path: Path, ids: tuple[int, int, int, int]
) -> None:
    tree = HostTree(tmp_path)
    tree.nic(ids=ids)
    (nic,) = nics(tree.host)
    assert ", ".join(found.name for found in drivers.of(nic)) == IDS[ids]


def test_what_a_driver_works_with(drivers: Drivers) -> None:
    found = {driver.name: driver for driver in drivers.pmds}
    assert set(found["net_ixgbe"].modules) == {"igb_uio", "uio_pci_generic", "vfio-pci"}
    # A virtual function has no interrupt that uio_pci_generic could use.
    assert "uio_pci_generic" not in found["net_ixgbe_vf"].modules
    assert not found["net_ixgbe"].shared
    assert found["mlx5_eth"].shared and "mlx5_core" in found["mlx5_eth"].modules
    assert found["net_nfp_pf"].modules[-1] == "vfio-pci"


def test_reading_is_quick(drivers: Drivers) -> None:
    assert len(drivers.pmds) > 40
    # A hundredth and a fifth of a second on an idle machine.
    assert 0 < drivers.seconds < SECONDS


def test_only_drivers_for_ports(drivers: Drivers) -> None:
    assert all(re.match(r"net_|mlx\d_eth", driver.name) for driver in drivers.pmds)


def test_no_dpdk_installed(tmp_path: Path) -> None:
    assert pmd.of_dpdk(Host(tmp_path)) is None


def test_the_newest_of_several(tmp_path: Path) -> None:
    for name in ("pmds-9.0", "pmds-24.0", "pmds-23.1"):
        (tmp_path / "usr/lib/x86_64-linux-gnu/dpdk" / name).mkdir(parents=True)
    found = pmd.of_dpdk(Host(tmp_path))
    assert found is not None and found.source.name == "pmds-24.0"


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF" + bytes(99)])
def test_what_is_no_library(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "libslb.so"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(HostError, match=re.escape(str(file))) as caught:
        pmd.of_engine(Host(engine=file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"name": 7}',
        '{"name": "net_ixgbe", "pci_ids": [[1, 2]]}',
        '{"name": "net_ixgbe", "pci_ids": {}}',
    ],
)
def test_damaged_information_is_left_out(tmp_path: Path, text: str) -> None:
    """The library is otherwise whole, and so is what its other drivers say."""
    content = ENGINE.read_bytes()
    start = content.index(b'PMD_INFO_STRING= {"name": "net_ixgbe",')
    damaged = f"PMD_INFO_STRING= {text}\0".encode()
    file = tmp_path / "libslb.so"
    file.write_bytes(content[:start] + damaged + content[start + len(damaged) :])
    names = {driver.name for driver in pmd.of_engine(Host(engine=file)).pmds}
    assert "net_virtio" in names and "net_ixgbe" not in names

# SPDX-License-Identifier: BSD-3-Clause
"""What `slbctl nic bind` refuses, and how it steps back; that it binds, tests/guest shows."""

from pathlib import Path

import pytest
from unit.host_tree import IXGBE_VF, MLX5, NIC, REALTEK, HostTree

from slb.errors import HostError
from slb.host import bind, pci, pmd
from slb.host.files import text
from slb.host.network import Link, Network
from slb.host.pci import Nic

OTHER = "0000:3b:00.1"


@pytest.fixture
def tree(tmp_path: Path) -> HostTree:
    """A host with VFIO and UIO loaded."""
    found = HostTree(tmp_path)
    found.driver("vfio-pci", "uio_pci_generic")
    return found


def refusal(tree: HostTree, driver: str, seen: Network | None = None, force: bool = False) -> str:
    """Why the host's NICs do not get that driver; nothing was written."""
    wanted = pci.nics(tree.host)
    before = files(tree)
    with pytest.raises(HostError) as caught:
        bind.check(tree.host, wanted, driver, seen or Network(), force=force)
    assert files(tree) == before
    return str(caught.value)


def files(tree: HostTree) -> dict[Path, str]:
    """Everything a bind could write."""
    return {path: text(path) for path in tree.folder("sys/bus/pci").rglob("*") if path.is_file()}


def accepted(tree: HostTree, driver: str, seen: Network | None = None, force: bool = False) -> None:
    """Nothing stands in the way."""
    bind.check(tree.host, pci.nics(tree.host), driver, seen or Network(), force=force)


@pytest.mark.parametrize("name", ["0000:3b:00.9", "3b:00", "eth9", "", "a\nb", "0000:3b:00.0 x"])
def test_no_such_nic(tree: HostTree, name: str) -> None:
    tree.nic()
    with pytest.raises(HostError, match="slbctl nic list"):
        pci.find(pci.nics(tree.host), name)


@pytest.mark.parametrize("name", [NIC, "3b:00.0", "0000:3B:00.0", "eth1"])
def test_ways_to_name_it(tree: HostTree, name: str) -> None:
    tree.nic(driver="ixgbe", interface="eth1")
    assert pci.find(pci.nics(tree.host), name).address == NIC


def test_a_driver_that_is_not_loaded(tmp_path: Path) -> None:
    tree = HostTree(tmp_path)
    tree.nic()
    assert refusal(tree, "vfio-pci") == "driver vfio-pci is not loaded; modprobe vfio-pci"


@pytest.mark.parametrize("name", ["../vfio-pci", "a/b", ".", "-x", "x" * 99, "vfio-pci\n"])
def test_a_driver_that_is_a_path(tree: HostTree, name: str) -> None:
    tree.nic()
    assert "is no driver's name" in refusal(tree, name)


def test_no_iommu(tree: HostTree) -> None:
    tree.nic()
    line = refusal(tree, "vfio-pci")
    assert line.startswith(f"{NIC} is in no IOMMU group; ")
    assert "intel_iommu=on" in line and "enable_unsafe_noiommu_mode" in line
    assert "uio_pci_generic" in line
    accepted(tree, "uio_pci_generic")


def test_no_iommu_and_none_wanted(tree: HostTree) -> None:
    tree.nic()
    tree.write("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y")
    accepted(tree, "vfio-pci")


def test_an_iommu_group(tree: HostTree) -> None:
    tree.nic(group=7)
    accepted(tree, "vfio-pci")


def test_in_use_without_and_with_force(tree: HostTree) -> None:
    tree.nic(driver="ixgbe", interface="eth1", group=7)
    seen = Network({2: Link("eth1")}, used={2: "address 192.0.2.2"})
    line = refusal(tree, "vfio-pci", seen)
    assert line == f"{NIC}: eth1 is in use: address 192.0.2.2; --force takes it all the same"
    accepted(tree, "vfio-pci", seen, force=True)


@pytest.mark.parametrize("driver", ["vfio-pci", "uio_pci_generic", ""])
def test_the_default_route_is_never_taken(tree: HostTree, driver: str) -> None:
    tree.nic(driver="ixgbe", interface="eth1", group=7)
    seen = Network({2: Link("eth1", frozenset({5})), 5: Link("bond0")}, frozenset({5}))
    line = refusal(tree, driver, seen, force=True)
    assert line.endswith("leaves by bond0, which stands on eth1; it stays with ixgbe")


def test_one_of_two_is_enough(tree: HostTree) -> None:
    tree.nic(group=7)
    tree.nic(OTHER, driver="ixgbe", interface="eth1", group=8)
    seen = Network({2: Link("eth1")}, frozenset({2}))
    assert refusal(tree, "vfio-pci", seen, force=True).startswith(OTHER)


def test_staying_where_it_is_needs_nothing(tree: HostTree) -> None:
    tree.nic(driver="ixgbe", interface="eth1")
    accepted(tree, "ixgbe", Network({2: Link("eth1")}, frozenset({2})))


@pytest.mark.parametrize("node", ["/dev/vfio/7", "/dev/vfio/noiommu-7", "/dev/vfio/devices/vfio3"])
def test_a_process_that_has_it(tree: HostTree, node: str) -> None:
    device = tree.nic(driver="vfio-pci", group=7)
    tree.folder(f"{device}/vfio-dev/vfio3")
    tree.process(4711, "/usr/bin/dpdk-testpmd", opened=node)
    line = refusal(tree, "uio_pci_generic", force=True)
    assert line == f"{NIC}: dpdk-testpmd (pid 4711) has it open; stop that first"


def test_uio_that_a_process_has(tree: HostTree) -> None:
    device = tree.nic(driver="uio_pci_generic")
    tree.folder(f"{device}/uio/uio3")
    tree.process(4711, "slbd", opened="/dev/uio3")
    assert "slbd (pid 4711)" in refusal(tree, "")


@pytest.mark.parametrize(
    ("ids", "driver", "why"),
    [
        (MLX5, "vfio-pci", "mlx5_eth works with ib_uverbs, mlx5_core, mlx5_ib alone"),
        (IXGBE_VF, "uio_pci_generic", "net_ixgbe_vf works with igb_uio, vfio-pci alone"),
        (REALTEK, "vfio-pci", "slbd has no driver for it"),
    ],
)
def test_a_driver_that_slbd_could_not_use(
    tree: HostTree, ids: tuple[int, int, int, int], driver: str, why: str
) -> None:
    tree.nic(ids=ids, group=7)
    wanted, drivers = pci.nics(tree.host), pmd.of_engine(tree.host)
    with pytest.raises(HostError, match=f"{why}; --force binds it all the same"):
        bind.check_use(wanted, driver, drivers)
    # The kernel's own drivers are the kernel's business.
    bind.check_use(wanted, "r8169", drivers)


def moved(tree: HostTree, driver: str) -> str:
    """What happens with a kernel that takes every word and does nothing."""
    with pytest.raises(HostError) as caught:
        bind.rebind(tree.host, pci.nics(tree.host), driver)
    return str(caught.value)


def test_verified_and_said(tree: HostTree) -> None:
    """The recorded NIC has no driver and gets none, whatever is written."""
    device = tree.nic()
    line = moved(tree, "uio_pci_generic")
    assert line == f"{NIC} is bound to no driver instead of uio_pci_generic"
    assert text(tree.root / "sys/bus/pci/drivers/uio_pci_generic/bind") == NIC
    # The override is what it was: none.
    assert text(tree.root / f"{device}/driver_override") == ""


def test_files_that_are_not_there(tree: HostTree) -> None:
    """As of a device that is removed meanwhile: one line, and no other file is tried."""
    (nic,) = [Nic("0000:ff:00.0", (1, 2, 3, 4), "", 0, None, (), False, None, 0)]
    with pytest.raises(HostError, match="driver_override cannot be written: No such file"):
        bind.rebind(tree.host, [nic], "uio_pci_generic")


def test_nothing_to_do(tree: HostTree) -> None:
    tree.nic(driver="vfio-pci", group=7)
    assert bind.rebind(tree.host, pci.nics(tree.host), "vfio-pci") == []

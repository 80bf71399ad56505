# SPDX-License-Identifier: BSD-3-Clause
"""doctor on memory that DPDK's tools share."""

from pathlib import Path

import pytest
from unit.host_tree import NIC, HostTree

from slb.host import doctor
from slb.host.finding import Finding


def finding(tree: HostTree) -> Finding:
    """The last one about hugepages."""
    config = tree.config("net_tap0")
    config.write_text(config.read_text().replace("engine: {", "engine: {shared_memory: true, "))
    return [f for f in doctor.examine(tree.host, str(config)) if f.check == "hugepages"][-1]


def test_a_hugetlbfs_is_wanted(tmp_path: Path) -> None:
    """Without one slbd does not start, and the fix is the command that mounts it."""
    tree = HostTree(tmp_path)
    wanted = finding(tree)
    assert wanted.status == "error"
    assert wanted.fix is not None
    assert wanted.fix.startswith("mount -t hugetlbfs hugetlbfs /dev/hugepages")
    tree.write("proc/self/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0")
    found = finding(tree)
    assert (found.status, found.found) == ("ok", "shared with DPDK's tools in /dev/hugepages")


@pytest.mark.parametrize(
    ("driver", "shared", "status"),
    [
        ("uio_pci_generic", "true", "error"),
        ("uio_pci_generic", "false", "ok"),
        ("vfio-pci", "true", "ok"),
    ],
)
def test_a_nic_that_a_tool_would_stop(
    tmp_path: Path, driver: str, shared: str, status: str
) -> None:
    tree = HostTree(tmp_path)
    tree.nic(driver=driver, group=17)
    config = tree.config()
    text = config.read_text().replace("engine: {", f"engine: {{shared_memory: {shared}, ")
    config.write_text(text)
    (port,) = [f for f in doctor.examine(tree.host, str(config)) if f.check.startswith("port")]
    assert port.status == status, port
    if status == "error":
        assert port.fix is not None and port.fix.startswith(f"slbctl nic bind {NIC} --driver vfio")

# SPDX-License-Identifier: BSD-3-Clause
"""doctor on memory that DPDK's tools share."""

from pathlib import Path

from unit.host_tree import HostTree

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

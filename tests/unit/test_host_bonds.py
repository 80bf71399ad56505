# SPDX-License-Identifier: BSD-3-Clause
"""What doctor says about ports that are bonds: each member is a NIC like others."""

from unit.host_tree import NIC, HostTree
from unit.test_host_checks import GROUP, findings, only, tree

__all__ = ["tree"]


def test_each_member_of_a_bond_is_a_nic(tree: HostTree) -> None:
    second, third = "0000:3b:00.1", "0000:3b:00.2"
    tree.nic(driver="vfio-pci", group=GROUP)
    tree.nic(second, driver="ixgbe", group=GROUP + 1)
    config = tree.bonded(NIC, second, third, "net_tap0,iface=lan0")
    good, bound, missing = findings(tree, "ports", config)
    assert (good.check, good.status) == ("ports[0].members[0] lan0", "ok")
    assert (bound.check, bound.status) == ("ports[0].members[1] lan0", "error")
    assert bound.fix == f"slbctl nic bind {second} --driver vfio-pci"
    assert (missing.check, missing.status) == ("ports[0].members[2] lan0", "error")
    assert missing.fix is not None and "ports[].members" in missing.fix
    (finding,) = findings(tree, "interface", config)
    assert finding.found == "slb0, lan0 to be made, none taken"


def test_a_member_far_from_its_worker(tree: HostTree) -> None:
    second = "0000:3b:00.1"
    tree.nic(driver="vfio-pci", group=GROUP)
    tree.nic(second, driver="vfio-pci", group=GROUP, numa=1)
    tree.write("sys/devices/system/node/node1/cpulist", "2-3")
    assert only(tree, "numa", tree.bonded(NIC, second)).status == "warning"

# SPDX-License-Identifier: BSD-3-Clause
"""What doctor says about hosts of many kinds, recorded as files; each cure is a command."""

import socket
from pathlib import Path

import pytest
from unit.host_tree import IXGBE_VF, MLX5, NIC, REALTEK, VIRTIO, HostTree

from slb.host import doctor
from slb.host.files import Host
from slb.host.finding import Finding

GROUP = 7
BIND = f"slbctl nic bind {NIC} --driver"


@pytest.fixture
def tree(tmp_path: Path) -> HostTree:
    """A host without NICs."""
    return HostTree(tmp_path)


def findings(tree: HostTree, check: str, config: Path | None = None) -> list[Finding]:
    """Those of one check."""
    found = doctor.examine(tree.host, str(config) if config else None)
    for finding in found:
        assert (finding.fix is None) == (finding.status == "ok"), finding
        assert "\n" not in finding.found + (finding.fix or ""), finding
    return [finding for finding in found if finding.check.startswith(check)]


def only(tree: HostTree, check: str, config: Path | None = None) -> Finding:
    """The only one of a check."""
    (finding,) = findings(tree, check, config)
    return finding


def test_a_host_that_lacks_nothing(tree: HostTree) -> None:
    tree.nic(driver="vfio-pci", group=GROUP)
    found = findings(tree, "", tree.config())
    assert {finding.status for finding in found} == {"ok"}, found


def test_a_folder_with_nothing_in_it(tmp_path: Path) -> None:
    """Whatever is missing, each check has its say."""
    full = {finding.check for finding in doctor.examine(HostTree(tmp_path / "full").host, None)}
    found = {
        finding.check: finding
        for finding in doctor.examine(Host(tmp_path / "none", tmp_path / "none.so"), None)
    }
    assert full == found.keys()
    assert found["engine"].status == "error"
    assert found["engine"].fix == "install slbd anew: pip install ."


def test_no_nic(tree: HostTree) -> None:
    finding = only(tree, "nic")
    assert (finding.status, finding.found) == ("warning", "no NIC on the PCI bus")


def test_only_network_devices_are_nics(tree: HostTree) -> None:
    tree.nic("0000:00:01.0", code="0x010802")
    tree.nic()
    assert only(tree, "nic").check == f"nic {NIC}"


def test_a_nic(tree: HostTree) -> None:
    tree.nic(driver="ixgbe", interface="eth1", numa=1)
    finding = only(tree, "nic")
    assert finding.status == "ok"
    assert finding.found == ("8086:10fb, eth1, ixgbe, NUMA node 1, link up, driven by net_ixgbe")


def test_a_virtio_nic(tree: HostTree) -> None:
    device = tree.nic(ids=VIRTIO, driver="virtio-pci", numa=-1)
    tree.write(f"{device}/virtio0/net/eth0/carrier", "0")
    assert only(tree, "nic").found == (
        "1af4:1041, eth0, virtio-pci, NUMA node unknown, link down, driven by net_virtio"
    )


def test_a_nic_that_nobody_drives(tree: HostTree) -> None:
    tree.nic(ids=REALTEK, driver="r8169")
    finding = only(tree, "nic")
    assert finding.status == "warning" and finding.found.endswith("; no driver of DPDK's")


# How a NIC can be handed over


@pytest.mark.parametrize(
    ("group", "drivers", "unsafe", "status", "words"),
    [
        (True, ["vfio-pci"], "N", "ok", "IOMMU on, 1 groups, vfio-pci loaded"),
        (True, [], "N", "warning", "modprobe vfio-pci"),
        (True, ["uio_pci_generic"], "N", "warning", "modprobe vfio-pci"),
        (False, ["vfio-pci"], "Y", "ok", "unprotected"),
        (False, ["uio_pci_generic"], "N", "ok", "uio_pci_generic loaded"),
        (False, ["vfio-pci"], "N", "warning", "protection: echo 1 > /sys/module/vfio/"),
        (False, [], "N", "warning", "modprobe vfio-pci && echo 1 > /sys/module/vfio/"),
    ],
)
def test_vfio(
    tree: HostTree, group: bool, drivers: list[str], unsafe: str, status: str, words: str
) -> None:
    tree.driver(*drivers)
    tree.nic(group=GROUP if group else None)
    if "vfio-pci" in drivers:
        tree.write("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", unsafe)
    finding = only(tree, "vfio")
    assert finding.status == status and words in f"{finding.found} {finding.fix}", finding


@pytest.mark.parametrize(
    ("built", "offered"), [("CONFIG_VFIO_NOIOMMU=y", True), ("# CONFIG_VFIO_NOIOMMU is off", False)]
)
def test_a_kernel_without_the_unprotected_mode(tree: HostTree, built: str, offered: bool) -> None:
    """Its file in /boot says so before VFIO is loaded, and the missing parameter afterwards."""
    tree.write("boot/config-6.1.0-x", built)
    fix = only(tree, "vfio").fix or ""
    assert ("echo 1 >" in fix, "modprobe uio_pci_generic" in fix) == (offered, True)
    tree.driver("vfio-pci")
    tree.folder("sys/module/vfio")
    assert "echo 1 >" not in (only(tree, "vfio").fix or "")


def test_a_kernel_without_modules(tree: HostTree) -> None:
    (tree.root / "proc/modules").unlink()
    assert only(tree, "vfio").fix == "this kernel loads no modules; boot one with vfio-pci"


# The configuration's ports


def port(tree: HostTree, extra: str = "", device: str = NIC) -> Finding:
    """What is said about the one port."""
    return only(tree, "ports[0] lan0", tree.config(device, extra))


def test_a_port_that_is_no_nic(tree: HostTree) -> None:
    assert findings(tree, "ports", tree.config("net_tap0,iface=lan0")) == []


@pytest.mark.parametrize("device", [NIC, "3b:00.0", "0000:3B:00.0", f"{NIC},rx=1"])
def test_a_port_bound_as_it_should_be(tree: HostTree, device: str) -> None:
    tree.nic(driver="vfio-pci", group=GROUP)
    finding = port(tree, device=device)
    assert (finding.status, finding.found) == ("ok", f"{NIC} is bound to vfio-pci, for net_ixgbe")


def test_a_port_that_is_not_there(tree: HostTree) -> None:
    assert port(tree).found == f"no NIC {NIC} on this host"


@pytest.mark.parametrize(
    ("group", "loaded", "command"),
    [
        (GROUP, ["vfio-pci"], f"{BIND} vfio-pci"),
        (GROUP, [], f"modprobe vfio-pci && {BIND} vfio-pci"),
        (None, ["uio_pci_generic"], f"{BIND} uio_pci_generic"),
        (None, [], f"modprobe uio_pci_generic && {BIND} uio_pci_generic"),
    ],
)
@pytest.mark.parametrize("driver", ["ixgbe", ""])
def test_a_port_bound_to_the_wrong_driver(
    tree: HostTree, driver: str, group: int | None, loaded: list[str], command: str
) -> None:
    tree.driver(*loaded)
    tree.nic(driver=driver, group=group)
    finding = port(tree)
    assert finding.status == "error"
    assert f"{NIC} is bound to {driver or 'no driver'}, from which" in finding.found
    assert finding.fix == command


def test_a_port_that_is_in_use(tree: HostTree) -> None:
    tree.folder(f"{tree.nic(driver='ixgbe', group=GROUP)}/net")
    tree.driver("vfio-pci")
    finding = port(tree)
    assert finding.found.endswith("; its interface is in another network namespace")
    assert finding.fix == f"{BIND} vfio-pci --force"


def test_a_virtual_function_on_uio(tree: HostTree) -> None:
    tree.nic(ids=IXGBE_VF, driver="uio_pci_generic", group=GROUP)
    tree.driver("vfio-pci")
    finding = port(tree)
    assert (finding.status, finding.fix) == ("error", f"{BIND} vfio-pci")


def test_a_port_that_slbd_has_no_driver_for(tree: HostTree) -> None:
    tree.nic(ids=REALTEK, driver="vfio-pci", group=GROUP)
    assert (port(tree).status, port(tree).found.partition(": ")[2]) == (
        "error",
        "slbd has no driver for it",
    )


def test_vfio_without_a_group(tree: HostTree) -> None:
    tree.nic(driver="vfio-pci")
    finding = port(tree)
    assert finding.status == "error" and "in no IOMMU group" in finding.found


def test_neighbours_in_the_group(tree: HostTree) -> None:
    tree.nic(driver="vfio-pci", group=GROUP)
    tree.nic("0000:00:1c.0", driver="pcieport", group=GROUP, code="0x060400")
    tree.nic("0000:3b:00.2", group=GROUP)
    assert port(tree).status == "ok"
    tree.nic("0000:3b:00.1", driver="ixgbe", group=GROUP)
    finding = port(tree)
    assert finding.found.endswith(f"; its IOMMU group {GROUP} also has 0000:3b:00.1")
    assert finding.fix == "slbctl nic bind 0000:3b:00.1 --driver vfio-pci"


def test_a_process_that_has_the_nic(tree: HostTree) -> None:
    tree.nic(driver="vfio-pci", group=GROUP)
    tree.process(4711, "/usr/bin/dpdk-testpmd", opened=f"/dev/vfio/{GROUP}")
    finding = port(tree)
    assert finding.status == "error" and "dpdk-testpmd (pid 4711) has it" in finding.found
    assert finding.fix == "stop it: kill 4711"


@pytest.mark.parametrize("driver", ["uio_pci_generic", "vfio-pci"])
def test_ordinary_memory_without_an_iommu(tree: HostTree, driver: str) -> None:
    tree.nic(driver=driver, group=GROUP if driver == "vfio-pci" else None)
    if driver == "vfio-pci":
        tree.write(f"sys/kernel/iommu_groups/{GROUP}/name", "vfio-noiommu")
    config = tree.config()
    config.write_text(config.read_text().replace("engine: {", "engine: {hugepages: false, "))
    finding = only(tree, "ports[0]", config)
    assert finding.status == "error" and "physical addresses" in finding.found


def test_a_nic_that_stays_with_the_kernel(tree: HostTree) -> None:
    tree.nic(ids=MLX5, driver="mlx5_core", interface="eth1")
    finding = port(tree)
    assert (finding.status, finding.fix) == ("error", "modprobe -a ib_uverbs mlx5_ib")
    tree.driver("ib_uverbs")
    tree.write("lib/modules/6.1.0-x/modules.builtin", "kernel/drivers/infiniband/mlx5_ib.ko")
    assert port(tree).status == "ok"


def test_a_nic_that_should_have_stayed_with_the_kernel(tree: HostTree) -> None:
    tree.nic(ids=MLX5, driver="vfio-pci", group=GROUP)
    assert (port(tree).status, port(tree).fix) == ("error", f"{BIND} mlx5_core")


# Memory


@pytest.mark.parametrize(
    ("total", "free", "status", "found"),
    [
        (512, 512, "ok", "node 0: 512 of 512 pages of 2 MB free"),
        (0, 0, "warning", "none reserved"),
    ],
)
def test_hugepages_without_a_configuration(
    tree: HostTree, total: int, free: int, status: str, found: str
) -> None:
    tree.hugepages(0, total, free)
    finding = only(tree, "hugepages")
    assert (finding.status, finding.found) == (status, found)


def test_too_few_hugepages(tree: HostTree) -> None:
    tree.hugepages(0, 30, 20)
    _, finding = findings(tree, "hugepages", tree.config("net_tap0"))
    assert finding.status == "error" and finding.found.endswith(" MB needed, 40 MB free")
    needed = int(finding.found.removeprefix("about ").split()[0])
    pages = 30 + (needed - 40 + 1) // 2
    pool = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB"
    assert finding.fix == f"echo {pages} > {pool}/nr_hugepages"


def test_pages_of_every_size_and_node(tree: HostTree) -> None:
    tree.hugepages(0, 0, 0)
    tree.hugepages(1, 2, 1, kb=1 << 20)
    tree.folder("sys/devices/system/node/node1/cpu1")
    (tree.root / "sys/devices/system/node/node0/cpu1").rmdir()
    first, second = findings(tree, "hugepages", tree.config("net_tap0"))
    assert first.found == "node 1: 1 of 2 pages of 1 GB free"
    assert second.status == "ok" and second.found.endswith("1024 MB free")


def test_memory_on_the_wrong_node(tree: HostTree) -> None:
    """A NIC's packets lie on its own node, however much another one has."""
    tree.hugepages(1, 0, 0)
    tree.nic(driver="vfio-pci", group=GROUP, numa=1)
    *_, finding = findings(tree, "hugepages", tree.config())
    assert finding.status == "error"
    assert finding.found == "node 1 has 0 MB free, and port lan0 wants its memory there"
    assert finding.fix is not None and "/node1/hugepages/" in finding.fix


def test_a_nic_without_hugepages(tree: HostTree) -> None:
    tree.nic(driver="vfio-pci", group=GROUP)
    config = tree.config()
    config.write_text(config.read_text().replace("engine: {", "engine: {hugepages: false, "))
    assert [finding.status for finding in findings(tree, "hugepages", config)] == ["ok", "warning"]


# CPUs


def test_cpus_that_busy_workers_share(tree: HostTree) -> None:
    tree.write("sys/devices/system/cpu/isolated", "")
    tree.nic(driver="vfio-pci", group=GROUP)
    finding = only(tree, "cpus", tree.config())
    assert finding.status == "warning" and "isolcpus=1 nohz_full=1" in (finding.fix or "")
    # Adaptive ones, as on a vdev, leave their CPU to others.
    assert only(tree, "cpus", tree.config("net_tap0")).status == "ok"


def test_the_governor_of_the_workers(tree: HostTree) -> None:
    for cpu, governor in enumerate(("powersave", "performance")):
        tree.write(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", governor)
    assert only(tree, "governor", tree.config("net_tap0")).status == "ok"
    finding = only(tree, "governor")
    assert finding.status == "warning" and finding.found.startswith("powersave on CPU 0")
    assert finding.fix == (
        "echo performance | tee /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    )


def test_workers_far_from_their_nic(tree: HostTree) -> None:
    tree.nic(driver="vfio-pci", group=GROUP, numa=1)
    tree.write("sys/devices/system/node/node1/cpulist", "8-11")
    tree.hugepages(1, 512, 512)
    finding = only(tree, "numa", tree.config())
    assert (finding.status, finding.fix) == (
        "warning",
        "choose engine.cpus.workers among 8-11",
    )


# The kernel interface


@pytest.mark.parametrize(
    ("kind", "status"), [("auto", "warning"), ("tap", "warning"), ("vhost", "error")]
)
def test_no_vhost_net(tree: HostTree, kind: str, status: str) -> None:
    (tree.root / "dev/vhost-net").unlink()
    config = tree.config("net_tap0")
    text = f'device: "net_tap0"\n    kernel_interface: {{kind: {kind}}}'
    config.write_text(config.read_text().replace('device: "net_tap0"', text))
    finding = only(tree, "vhost-net", config)
    assert (finding.status, finding.fix) == (status, "modprobe vhost_net")


def test_no_tun(tree: HostTree) -> None:
    (tree.root / "dev/net/tun").unlink()
    finding = only(tree, "tun", tree.config("net_tap0"))
    assert (finding.status, finding.fix) == ("error", "modprobe tun")


# Names, and who has them


def test_interfaces_that_are_there_already(tree: HostTree) -> None:
    tree.folder("sys/class/net/slb0")
    tree.folder("sys/class/net/lan0")
    first, second = findings(tree, "interface", tree.config("net_tap0,iface=lan0"))
    assert (first.status, second.status) == ("error", "error")
    assert (first.fix or "").startswith("ip link del slb0, or change kernel_interface.name")
    assert (second.fix or "").startswith("ip link del lan0, or change the device's iface=")


def test_a_socket_path_with_something_else(tree: HostTree) -> None:
    tree.write("run/slb/slbd.sock", "")
    finding = only(tree, "api socket", tree.config("net_tap0"))
    assert (finding.status, finding.fix) == ("error", "rm /run/slb/slbd.sock")


def test_a_socket_that_is_left_over(tree: HostTree) -> None:
    tree.folder("run/slb")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tree.root / "run/slb/slbd.sock"))
    finding = only(tree, "api socket", tree.config("net_tap0"))
    assert (finding.status, "left over" in finding.found) == ("ok", True)


def test_an_slbd_that_runs(tree: HostTree) -> None:
    """What it has taken is no clash, and its NIC is in the right hands."""
    tree.folder("run/slb")
    tree.folder("sys/class/net/slb0")
    tree.hugepages(0, 512, 0)
    tree.nic(driver="vfio-pci", group=GROUP)
    tree.process(4711, "python3", "/opt/slb/bin/slbd", opened=f"/dev/vfio/{GROUP}")
    with socket.socket(socket.AF_UNIX) as served:
        served.bind(str(tree.root / "run/slb/slbd.sock"))
        served.listen()
        found = findings(tree, "", tree.config())
    assert {finding.status for finding in found} == {"ok"}, found
    assert "runs, pid 4711" in {finding.found for finding in found}


def test_an_slbd_that_is_left_over(tree: HostTree) -> None:
    tree.process(4711, "python3", "/opt/slb/bin/slbd", "-c", "other.yaml")
    finding = only(tree, "slbd", tree.config("net_tap0"))
    assert (finding.status, finding.fix) == ("warning", "if it is left over: kill 4711")


MANAGED = "ospf: {mode: managed}\n"
SYSTEM = "ospf: {mode: system, control_socket: /run/bird/bird.ctl, include_file: /etc/bird/s}\n"


def test_another_ospf_daemon(tree: HostTree) -> None:
    row = "  89: 00000000:0059 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0 0"
    tree.write("proc/net/raw", f"  sl  local_address rem_address\n{row}")
    finding = only(tree, "bird files", tree.config("net_tap0", MANAGED))
    assert finding.status == "warning" and "another OSPF daemon" in finding.found


def test_a_bird_that_is_left_over(tree: HostTree) -> None:
    tree.write("run/slb/slbd.bird/bird.pid", "4712")
    tree.process(4712, "bird", "-c", "/run/slb/slbd.bird/bird.conf")
    finding = only(tree, "bird files", tree.config("net_tap0", MANAGED))
    assert finding.status == "ok" and "pid 4712; slbd ends it" in finding.found


def test_no_directory_for_bird(tree: HostTree) -> None:
    tree.write("run/slb/slbd.bird", "")
    finding = only(tree, "bird files", tree.config("net_tap0", MANAGED))
    assert (finding.status, finding.fix) == ("error", "rm /run/slb/slbd.bird")


def test_the_systems_bird(tree: HostTree) -> None:
    finding = only(tree, "bird socket", tree.config("net_tap0", SYSTEM))
    assert (finding.status, finding.fix) == ("error", "systemctl start bird")
    tree.folder("run/bird")
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(tree.root / "run/bird/bird.ctl"))
        control.listen(8)
        finding = only(tree, "bird socket", tree.config("net_tap0", SYSTEM))
        assert (finding.status, finding.fix) == ("error", "mkdir /etc/bird")
        tree.folder("etc/bird")
        assert only(tree, "bird socket", tree.config("net_tap0", SYSTEM)).status == "ok"


# Versions


@pytest.mark.parametrize(
    ("pc", "status", "shown"),
    [
        ("22.11.11", "ok", "22.11.11"),
        ("24.11.0", "ok", "24.11.0"),
        ("21.11.0", "error", "21.11.0"),
        ("26.07.1", "warning", "26.07.1"),
    ],
)
def test_dpdk(tree: HostTree, pc: str, status: str, shown: str) -> None:
    tree.write("usr/lib/x86_64-linux-gnu/pkgconfig/libdpdk.pc", f"Name: DPDK\nVersion: {pc}")
    finding = only(tree, "dpdk")
    assert finding.status == status and finding.found.startswith(shown)


@pytest.mark.parametrize(
    ("folder", "shown"), [("pmds-23.0", "22.11"), ("pmds-24.1", "24.03"), ("pmds-22.0", "21.11")]
)
def test_dpdk_by_its_drivers(tree: HostTree, folder: str, shown: str) -> None:
    tree.folder(f"usr/lib/x86_64-linux-gnu/dpdk/{folder}")
    assert only(tree, "dpdk").found.startswith(f"{shown} installed")


# The file itself


def test_no_configuration(tree: HostTree) -> None:
    finding = only(tree, "config")
    assert (finding.status, finding.found) == ("warning", "no /etc/slb/slb.yaml")


def test_the_usual_configuration(tree: HostTree) -> None:
    tree.nic(driver="vfio-pci", group=GROUP)
    tree.write("etc/slb/slb.yaml", tree.config().read_text())
    assert only(tree, "config").status == "ok"
    assert only(tree, "ports").status == "ok"


def test_a_wrong_configuration(tree: HostTree) -> None:
    config = tree.config()
    config.write_text(config.read_text().replace("workers: [1]", "workers: [9]"))
    finding = only(tree, "config", config)
    assert (finding.status, finding.fix) == ("error", "choose from 0, 1")
    assert finding.found.startswith(f"{config}:1: engine.cpus.workers[0]: CPU 9 does not exist")


def test_a_configuration_that_is_not_there(tree: HostTree) -> None:
    finding = only(tree, "config", tree.root / "none.yaml")
    assert finding.status == "error" and "cannot be read" in finding.found

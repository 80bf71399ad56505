# SPDX-License-Identifier: BSD-3-Clause
"""A host's files as its kernel shows them, recorded under a folder: sysfs, /proc, /dev."""

from pathlib import Path

from slb.host.files import ENGINE, Host

NIC = "0000:3b:00.0"
IXGBE = (0x8086, 0x10FB, 0x8086, 0x0003)
IXGBE_VF = (0x8086, 0x10ED, 0x8086, 0x0003)
MLX5 = (0x15B3, 0x1017, 0x15B3, 0x0020)
REALTEK = (0x10EC, 0x8168, 0x1043, 0x8677)
VIRTIO = (0x1AF4, 0x1041, 0x1AF4, 0x1100)

CONFIG = """\
engine: {{workers: 1, cpus: {{workers: [1], admin: 0, kni: 0}}, sessions: 1024, mbufs: 1024}}
ports:
  - name: lan0
    device: "{device}"
    addresses: [192.0.2.2/24]
    local_addresses: [198.18.0.1]
service_subnets: [10.96.0.0/16]
api: {{socket: {socket}}}
"""


class HostTree:
    """A host with two CPUs on one node, 512 free hugepages, tun and vhost-net, without NICs."""

    def __init__(self, root: Path, engine: Path = ENGINE) -> None:
        self.root = root
        self.host = Host(root, engine)
        self.write("sys/devices/system/cpu/online", "0-1")
        self.write("sys/devices/system/cpu/isolated", "1")
        self.write("sys/devices/system/node/node0/cpulist", "0-1")
        for cpu in (0, 1):
            self.folder(f"sys/devices/system/node/node0/cpu{cpu}")
        self.hugepages(0, 512, 512)
        self.write("proc/modules", "")
        self.write("proc/sys/kernel/osrelease", "6.1.0-x")
        self.write("dev/net/tun", "")
        self.write("dev/vhost-net", "")
        self.folder("sys/class/net")
        self.folder("sys/bus/pci/devices")

    def write(self, path: str, text: str) -> Path:
        """A file with a line."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
        return file

    def folder(self, path: str) -> Path:
        """A folder."""
        found = self.root / path
        found.mkdir(parents=True, exist_ok=True)
        return found

    def link(self, path: str, target: str) -> None:
        """A symbolic link; what it points to need not be there."""
        link = self.root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

    def hugepages(self, node: int, total: int, free: int, kb: int = 2048) -> None:
        """A node's hugepages of one size."""
        pool = f"sys/devices/system/node/node{node}/hugepages/hugepages-{kb}kB"
        self.write(f"{pool}/nr_hugepages", str(total))
        self.write(f"{pool}/free_hugepages", str(free))

    def driver(self, *names: str) -> None:
        """Loaded drivers."""
        for name in names:
            self.folder(f"sys/bus/pci/drivers/{name}")
            self.folder(f"sys/module/{name.replace('-', '_')}")

    def nic(
        self,
        address: str = NIC,
        ids: tuple[int, int, int, int] = IXGBE,
        driver: str = "",
        *,
        interface: str = "",
        group: int | None = None,
        numa: int = 0,
        code: str = "0x020000",
    ) -> str:
        """A device in a PCI slot; its folder under the root."""
        device = f"sys/bus/pci/devices/{address}"
        names = ("vendor", "device", "subsystem_vendor", "subsystem_device")
        for name, value in zip(names, ids, strict=True):
            self.write(f"{device}/{name}", f"{value:#06x}")
        self.write(f"{device}/class", code)
        self.write(f"{device}/numa_node", str(numa))
        self.write(f"{device}/driver_override", "(null)")
        if driver:
            self.driver(driver)
            self.link(f"{device}/driver", f"../../../../bus/pci/drivers/{driver}")
        if interface:
            self.write(f"{device}/net/{interface}/carrier", "1")
            self.write(f"{device}/net/{interface}/speed", "10000")
            self.folder(f"sys/class/net/{interface}")
        if group is not None:
            folder = f"sys/kernel/iommu_groups/{group}"
            self.link(f"{folder}/devices/{address}", str(self.root / device))
            self.link(f"{device}/iommu_group", str(self.root / folder))
        return device

    def process(self, pid: int, *words: str, opened: str = "") -> None:
        """A process with a command line, and a file that it has open."""
        self.write(f"proc/{pid}/cmdline", "\0".join(words) + "\0")
        self.write(f"proc/{pid}/comm", Path(words[0]).name)
        if opened:
            self.link(f"proc/{pid}/fd/7", opened)

    def config(self, device: str = NIC, extra: str = "") -> Path:
        """An slb.yaml with one port."""
        socket = "/run/slb/slbd.sock"
        return self.write("slb.yaml", CONFIG.format(device=device, socket=socket) + extra)

    def bonded(self, *members: str) -> Path:
        """An slb.yaml whose port is a bond by LACP."""
        file = self.config()
        quoted = ", ".join(f'"{member}"' for member in members)
        bond = f"members: [{quoted}]\n    bond: {{mode: lacp}}"
        file.write_text(file.read_text().replace(f'device: "{NIC}"', bond))
        return file

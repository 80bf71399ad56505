# SPDX-License-Identifier: BSD-3-Clause
"""NICs as `slbctl nic list` shows them."""

from msgspec import Struct

from slb.host import network, pci, pmd
from slb.host.files import Host
from slb.host.network import use_of


class NicView(Struct, frozen=True):
    """A NIC; `driver` None: bound to none; `numa_node`, `iommu_group`, `link_up` None: not known.

    `dpdk_drivers` are those of slbd that take it; `in_use` says what the kernel needs it for.
    """

    address: str
    id: str
    driver: str | None
    interfaces: list[str]
    numa_node: int | None
    iommu_group: int | None
    link_up: bool | None
    speed_mbps: int
    dpdk_drivers: list[str]
    in_use: str | None


def listing(host: Host) -> list[NicView]:
    """Every NIC; raises HostError, KernelError."""
    drivers, seen = pmd.of_engine(host), network.read()
    rows = []
    for nic in pci.nics(host):
        use = use_of(nic, seen)
        rows.append(
            NicView(
                address=nic.address,
                id=nic.id,
                driver=nic.driver or None,
                interfaces=list(nic.interfaces),
                numa_node=nic.numa if nic.numa >= 0 else None,
                iommu_group=nic.group,
                link_up=nic.link_up,
                speed_mbps=nic.speed_mbps,
                dpdk_drivers=[found.name for found in drivers.of(nic)],
                in_use=use.reason if use else None,
            )
        )
    return rows

# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl nic …`: the NICs of this host, and giving them to slbd and back to the kernel."""

from typing import TYPE_CHECKING

import click

from slbctl import output
from slbctl.command import SlbGroup
from slbctl.options import Target, json_option, of_this_host
from slbctl.output import Column
from slbctl.units import link_speed

if TYPE_CHECKING:
    from slb.host.listing import NicView

LINK = {True: "up", False: "down", None: "-"}

COLUMNS: "tuple[Column[NicView], ...]" = (
    Column("NIC", lambda row: row.address),
    Column("ID", lambda row: row.id),
    Column("DRIVER", lambda row: row.driver or "-"),
    Column("INTERFACE", lambda row: ", ".join(row.interfaces) or "-"),
    Column("NUMA", lambda row: _number(row.numa_node), right=True),
    Column("IOMMU GROUP", lambda row: _number(row.iommu_group), right=True),
    Column("LINK", lambda row: LINK[row.link_up]),
    Column("SPEED", lambda row: link_speed(row.speed_mbps), right=True),
    Column("DRIVER OF SLBD", lambda row: ", ".join(row.dpdk_drivers) or "-"),
    Column("IN USE", lambda row: row.in_use or "-"),
)

nics_argument = click.argument(
    "names",
    metavar="NIC...",
    nargs=-1,
    required=True,
    help="PCI addresses, 0000:3b:00.0, or interfaces, eth1.",
)
force_option = click.option(
    "--force", is_flag=True, help="Even if it is in use; never the NIC of the default route."
)


@click.group(cls=SlbGroup)
@click.pass_obj
def nic(target: Target) -> None:
    """NICs of this host and their drivers."""
    of_this_host(target)


@nic.command("list", examples=("slbctl nic list", "slbctl nic list --json"))
@json_option
def list_(as_json: bool) -> None:
    """List NICs: kernel driver, NUMA node, link, slbd's driver, use."""
    from slb.host.files import Host
    from slb.host.listing import listing

    output.show_listing(listing(Host()), COLUMNS, as_json, empty="no NIC on the PCI bus")


@nic.command(
    examples=(
        "slbctl nic bind 0000:3b:00.0",
        "slbctl nic bind eth1 eth2 --driver uio_pci_generic",
        "slbctl nic bind 0000:3b:00.0 --driver ixgbe",
    )
)
@nics_argument
@click.option(
    "--driver",
    metavar="NAME",
    default="vfio-pci",
    help="vfio-pci if not given, uio_pci_generic, or the kernel's own to give it back.",
)
@force_option
def bind(names: tuple[str, ...], driver: str, force: bool) -> None:
    """Give NICs to another driver: all of them, or none.

    It holds until the next boot. A NIC that the default route leaves by, also through a bond, a
    bridge or a VLAN, is never taken.
    """
    _rebind(names, driver, force)


@nic.command(examples=("slbctl nic unbind 0000:3b:00.0",))
@nics_argument
@force_option
def unbind(names: tuple[str, ...], force: bool) -> None:
    """Take NICs from their driver and leave them without one.

    'slbctl nic bind NIC --driver NAME' gives them back to a driver of the kernel's.
    """
    _rebind(names, "", force)


def _rebind(names: tuple[str, ...], driver: str, force: bool) -> None:
    from slb.host import bind as binding
    from slb.host import network, pci, pmd
    from slb.host.files import Host

    host = Host()
    known = pci.nics(host)
    wanted = list(dict.fromkeys(pci.find(known, name) for name in names))
    binding.check(host, wanted, driver, network.read(), force=force)
    if driver and not force:
        binding.check_use(wanted, driver, pmd.of_engine(host))
    done = binding.rebind(host, wanted, driver)
    shown = driver or "no driver"
    for one in wanted:
        if one in done:
            output.show_line(f"{one.address}: {shown}, before {one.driver or 'no driver'}")
        else:
            output.show_line(f"{one.address}: {shown} already")


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)

# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl port …`: ports and their kernel interfaces."""

import click

from slb.model.views import MemberView, PortView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.tables import number, volume
from slbctl.units import link_speed

LINK = {True: "up", False: "down", None: "unknown"}

NAME: Column[PortView] = Column("PORT", lambda row: row.name)

PROPERTIES: tuple[Column[PortView], ...] = (
    NAME,
    Column("DRIVER", lambda row: row.driver),
    Column("MAC", lambda row: row.mac),
    Column("MTU", lambda row: str(row.mtu), right=True),
    Column("LINK", lambda row: LINK[row.link_up]),
    Column("SPEED", lambda row: link_speed(row.speed_mbps), right=True),
    Column("QUEUES", lambda row: f"{row.rx_queues} rx, {row.tx_queues} tx"),
    Column("MEMBERS", lambda row: _members(row)),
    Column("CHECKSUMS", lambda row: _checksums(row)),
    Column("KERNEL INTERFACE", lambda row: _kernel_interface(row)),
    number("PKTS RX", lambda row: row.rx_packets),
    number("PKTS TX", lambda row: row.tx_packets),
    number("LOST", lambda row: lost(row)),
)

COUNTERS: tuple[Column[PortView], ...] = (
    NAME,
    number("PKTS RX", lambda row: row.rx_packets),
    volume("BYTES RX", lambda row: row.rx_bytes),
    number("MISSED", lambda row: row.rx_missed),
    number("NO MBUF", lambda row: row.rx_no_mbuf),
    number("RX ERR", lambda row: row.rx_errors),
    number("PKTS TX", lambda row: row.tx_packets),
    volume("BYTES TX", lambda row: row.tx_bytes),
    number("TX ERR", lambda row: row.tx_errors),
    number("TO KERNEL", lambda row: row.kni_to_kernel),
    number("FROM KERNEL", lambda row: row.kni_from_kernel),
    number("KERNEL DROPPED", lambda row: row.kni_dropped),
)


MEMBERS: tuple[Column[tuple[str, MemberView]], ...] = (
    Column("PORT", lambda row: row[0]),
    Column("MEMBER", lambda row: row[1].device),
    Column("DRIVER", lambda row: row[1].driver),
    Column("STATE", lambda row: row[1].state),
    Column("LINK", lambda row: LINK[row[1].link_up]),
    Column("SPEED", lambda row: link_speed(row[1].speed_mbps), right=True),
    number("PKTS RX", lambda row: row[1].rx_packets),
    volume("BYTES RX", lambda row: row[1].rx_bytes),
    number("PKTS TX", lambda row: row[1].tx_packets),
    volume("BYTES TX", lambda row: row[1].tx_bytes),
    number("LOST", lambda row: row[1].lost),
)


@click.group(cls=SlbGroup)
def port() -> None:
    """Ports and their kernel interfaces."""


@port.command(
    "list",
    examples=(
        "slbctl port list",
        "slbctl port list --counters",
        "slbctl port list --members",
        "slbctl port list --json",
    ),
)
@click.option("--counters", is_flag=True, help="Every counter instead of the properties.")
@click.option("--members", is_flag=True, help="The members of bonds, and what each does.")
@json_option
@click.pass_obj
def list_(target: Target, counters: bool, members: bool, as_json: bool) -> None:
    """List ports: link, queues, members, kernel interface, counters."""
    rows = ask(target, lambda client: client.port_list())
    if members and not as_json:
        found = [(row.name, member) for row in rows for member in row.members]
        output.show_table(found, MEMBERS, empty="no port is a bond")
        return
    output.show_listing(rows, COUNTERS if counters else PROPERTIES, as_json, empty="no ports")


def _kernel_interface(row: PortView) -> str:
    return f"{row.kernel_interface} ({row.kni_kind})" if row.kernel_interface else "-"


def _members(row: PortView) -> str:
    """How many of a bond's carry packets, or could at once."""
    ready = sum(member.state in ("active", "standby") for member in row.members)
    return f"{ready} of {len(row.members)}" if row.members else "-"


def _checksums(row: PortView) -> str:
    """Which the device sees to; the rest is the engine's."""
    return " ".join(["rx"] * row.rx_checksum + ["tx"] * row.tx_checksum) or "-"


def lost(row: PortView) -> int:
    """Packets that the port, or its kernel interface, had to give up."""
    return row.rx_missed + row.rx_no_mbuf + row.rx_errors + row.tx_errors + row.kni_dropped

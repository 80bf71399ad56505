# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl neigh …`: neighbours."""

import click

from slb.model.views import NeighbourView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.options import Target, json_option
from slbctl.output import Column

COLUMNS: tuple[Column[NeighbourView], ...] = (
    Column("ADDRESS", lambda row: row.address),
    Column("MAC", lambda row: row.mac),
    Column("PORT", lambda row: row.port),
)


@click.group(cls=SlbGroup)
def neigh() -> None:
    """Neighbours: the MACs that the workers send to."""


@neigh.command("list", examples=("slbctl neigh list", "slbctl neigh list --json"))
@json_option
@click.pass_obj
def list_(target: Target, as_json: bool) -> None:
    """List the neighbours as the workers know them."""
    rows = ask(target, lambda client: client.neighbour_list())
    output.show_listing(
        rows, COLUMNS, as_json, empty="no neighbours; the kernel interface resolved none yet"
    )

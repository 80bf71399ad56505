# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl services`: how each VS of the desired state is to what slbd has."""

import click

from slb.model.desired import VsStatus
from slb.model.views import Items
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbCommand
from slbctl.options import Target, json_option
from slbctl.output import Column

COLUMNS: tuple[Column[VsStatus], ...] = (
    Column("VS", lambda row: row.vs),
    Column("OWNER", lambda row: row.owner),
    Column("SLBD", lambda row: row.slbd),
    Column("GENERATION", lambda row: "-" if row.applied is None else str(row.applied), right=True),
    Column("RS", lambda row: str(row.rs), right=True),
    Column("WITH WEIGHT", lambda row: str(row.rs_with_weight), right=True),
    Column("OUT", lambda row: str(row.rs_out), right=True),
)


@click.command(cls=SlbCommand, examples=("slbctl services", "slbctl services --json"))
@json_option
@click.pass_obj
def services(target: Target, as_json: bool) -> None:
    """List whose each VS is, and whether slbd has it as it is wanted; of slb-agent.

    SLBD is 'applied', 'differs', 'missing', or 'unknown' when slbd does not answer. GENERATION is
    that of the desired state that slbd has of the VS. OUT are RS that are down.
    """
    rows = ask(target, lambda client: client.status(services=True)).services or []
    if as_json:
        output.show_json(Items(rows))
    else:
        output.show_table(rows, COLUMNS, empty="no VS is wanted")

# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl owner …`: who has sets of VS at slb-agent, and to be rid of one."""

import click

from slb.model.desired import OwnerView
from slb.model.views import Items
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.names import owner_names
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.params import NameParam
from slbctl.units import plural

COLUMNS: tuple[Column[OwnerView], ...] = (
    Column("OWNER", lambda row: row.owner),
    Column("VS", lambda row: str(row.vs), right=True),
    Column("RS", lambda row: str(row.rs), right=True),
    Column("EPOCH", lambda row: str(row.epoch), right=True),
    Column("GENERATION", lambda row: str(row.generation), right=True),
)


@click.group(cls=SlbGroup)
def owner() -> None:
    """Owners: who has sets of VS of their own, the operator and controllers."""


@owner.command("list", examples=("slbctl owner list", "slbctl owner list --json"))
@json_option
@click.pass_obj
def list_(target: Target, as_json: bool) -> None:
    """List the owners of VS; of slb-agent.

    EPOCH is the highest that was seen of it, GENERATION its own number of what it sent last.
    """
    rows = ask(target, lambda client: client.state(digest=True)).owners
    if as_json:
        output.show_json(Items(rows))
    else:
        output.show_table(rows, COLUMNS, empty="no owner yet")


@owner.command("del", examples=("slbctl owner del old-cluster --with-vs",))
@click.argument(
    "name", type=NameParam(owner_names), help="One of 'slbctl owner list', not operator."
)
@click.option("--with-vs", is_flag=True, help="Although it has VS: they are deleted, too.")
@click.pass_obj
def delete(target: Target, name: str, with_vs: bool) -> None:
    """Remove an owner that is over, and what is known of its epochs; of slb-agent.

    One that still runs comes back with what it sends next: take its token or certificate away
    first, or stop it.
    """
    done = ask(target, lambda client: client.owner_del(name, with_vs=with_vs))
    changes = plural(len(done.plan), "change")
    end = f"owner {name} removed, {changes} made (generation {done.generation})"
    output.show_lines([*done.plan, end])

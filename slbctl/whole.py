# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl apply` and `slbctl export`: the whole set of VS at once."""

from typing import TYPE_CHECKING, BinaryIO

import click

from slb.errors import BadRequest, Conflict, NotFound
from slb.model.desired import OPERATOR
from slb.model.service import ServiceSet
from slb.model.views import Plan
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbCommand
from slbctl.options import DurationParam, Target, json_option
from slbctl.units import plural

if TYPE_CHECKING:
    from slb.api.client import Client


@click.command(
    cls=SlbCommand,
    examples=(
        "slbctl apply services.yaml --dry-run",
        "slbctl apply services.yaml",
        "slbctl apply services.yaml --confirm 60s",
        "ssh lb1 slbctl export | slbctl apply -",
    ),
)
@click.argument("file", type=click.File("rb"), help="YAML or JSON; - is the standard input.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option(
    "--confirm",
    "confirm_s",
    metavar="TIME",
    type=DurationParam(),
    help="Undo it after TIME (60s, 5m) unless 'slbctl confirm' came; of slb-agent.",
)
@click.option(
    "--base",
    metavar="GENERATION",
    type=click.IntRange(0),
    help="Refuse it if something has changed since this one of 'slbctl export'; of slb-agent.",
)
@click.option("--allow-empty", is_flag=True, help="Also if FILE is without any VS: delete all.")
@json_option
@click.pass_obj
def apply(
    target: Target,
    file: BinaryIO,
    dry_run: bool,
    confirm_s: int | None,
    base: int | None,
    allow_empty: bool,
    as_json: bool,
) -> None:
    """Make the services of FILE the whole set of VS: all of it, or nothing.

    FILE is what 'slbctl export' wrote, or an slb.yaml, of which only the services are read. A VS
    that FILE does not name is deleted; all of them only with --allow-empty. With slb-agent, VS of
    other owners stay as they are.
    """
    # YAML is loaded by the two commands that need it.
    from slbctl import service_file

    name = str(getattr(file, "name", "<stdin>"))
    wanted = service_file.read(file, name)
    if not (wanted.services or allow_empty or dry_run):
        _check_nothing_is_there(target, name)
    try:
        done = ask(
            target,
            lambda client: client.apply(
                wanted.services, dry_run=dry_run, base=base, confirm_s=confirm_s
            ),
        )
    except BadRequest as error:
        text = wanted.place(str(error))
        if text.startswith("query: no such key"):
            given = "--confirm" if confirm_s is not None else "--base"
            text = f"{given} is for slb-agent, and slbd is at this socket"
        raise BadRequest(text) from None
    if as_json:
        output.show_json(done)
    else:
        output.show_lines([*done.plan, _summary(done, dry_run)])
        if done.plan and confirm_s is not None and not dry_run:
            output.show_line(f"undone in {confirm_s} s unless 'slbctl confirm' comes before")


@click.command(cls=SlbCommand, examples=("slbctl export > services.yaml", "slbctl export --json"))
@json_option
@click.pass_obj
def export(target: Target, as_json: bool) -> None:
    """Print every VS with its RS, as YAML that 'slbctl apply' takes.

    With slb-agent its first line is a comment with the generation, for 'slbctl apply --base'.
    """
    from slbctl import service_file

    if as_json:
        output.show_json(ask(target, lambda client: client.export()))
    else:
        services, generation = ask(target, _with_generation)
        output.show_text(service_file.write(services, generation))


def _with_generation(client: "Client") -> tuple[ServiceSet, int | None]:
    """Return the services, and their generation by the same answer; slbd has none of apply's."""
    try:
        state = client.state(OPERATOR)
    except NotFound:
        return client.export(), None
    owners = state.owners
    return ServiceSet(owners[0].services or () if owners else ()), state.generation


def _check_nothing_is_there(target: Target, name: str) -> None:
    """Refuse a set without any VS where there are some; raises Conflict."""
    gone = ask(target, lambda client: client.apply((), dry_run=True)).plan
    if gone:
        count = sum(line.startswith("- vs ") for line in gone)
        text = f"{name} has no services, so all {count} VS would be deleted"
        raise Conflict(f"{text}; give --allow-empty if that is meant")


def _summary(done: Plan, dry_run: bool) -> str:
    if not done.plan:
        return f"nothing to change (generation {done.generation})"
    changes = plural(len(done.plan), "change")
    if dry_run:
        return f"{changes} found, none made (generation {done.generation})"
    return f"{changes} made (generation {done.generation})"

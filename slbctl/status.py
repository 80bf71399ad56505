# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl status`: is everything well, if not what, and which command comes next."""

import click

from slbctl import output
from slbctl.command import SlbCommand
from slbctl.failures import REFUSED
from slbctl.options import SecondsParam, Target, json_option

APART_S = 1.0


@click.command(cls=SlbCommand, examples=("slbctl status", "slbctl status --json"))
@click.option(
    "--over",
    "apart_s",
    metavar="SECONDS",
    type=SecondsParam(),
    default=APART_S,
    help=f"Over which time to look whether workers turn and what is dropped; {APART_S:g}.",
)
@json_option
@click.pass_obj
def status(target: Target, apart_s: float, as_json: bool) -> None:
    """Show on one screen whether all is well, and if not, what to do next.

    The first line is 'well', or how many things need attention; each of them stands below it with
    the command to go on with. The exit status is 0 when all is well, else 1, also when no daemon
    answers. With slb-agent, the desired state is shown too.
    """
    # Its rules are for this command alone.
    from slbctl.status_screen import report, screen

    shown = report(target, apart_s)
    if as_json:
        output.show_json(shown)
    else:
        output.show_lines(screen(shown))
    if not shown.well:
        output.finish()
        raise click.exceptions.Exit(REFUSED)

# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl top`: rates by worker, VS and RS, and drops, as they are now."""

import sys

import click

from slb.model.endpoint import VsKey
from slbctl.command import SlbCommand
from slbctl.options import SecondsParam, Target
from slbctl.params import VsParam

INTERVAL_S = 1.0
ORDERS = ("rate", "packets", "new", "active", "name")


@click.command(
    cls=SlbCommand,
    examples=(
        "slbctl top",
        "slbctl top --sort new --interval 5",
        "slbctl top --vs 10.96.0.10:80/tcp",
        "slbctl top -n 1 --plain",
    ),
)
@click.option(
    "--sort",
    type=click.Choice(ORDERS),
    default=ORDERS[0],
    help="VS and RS with the most of it first: rate (bits), packets, new, active; or by name.",
)
@click.option(
    "--interval",
    "interval_s",
    metavar="SECONDS",
    type=SecondsParam(),
    default=INTERVAL_S,
    help=f"Between two readings; {INTERVAL_S:g}.",
)
@click.option("--vs", metavar="VS", type=VsParam(), help="Only the RS of this VS.")
@click.option("-n", "times", metavar="N", type=click.IntRange(1), help="End after N frames.")
@click.option(
    "--plain", is_flag=True, help="Print frames with all rows; also where there is no terminal."
)
@click.pass_obj
def top(
    target: Target,
    sort: str,
    interval_s: float,
    vs: VsKey | None,
    times: int | None,
    plain: bool,
) -> None:
    """Watch rates by worker, VS and RS, and drops by reason, until Ctrl-C.

    Keys: q ends it, s sorts by the next of --sort. While slbd does not answer, the last line of the
    head says so. More than 5000 RS are not read, unless --vs chooses some. Where the terminal is
    wide enough, it shows what became of sessions since the last reading: the share that their RS
    left unanswered, refused and reset ones per second, and the mean from SYN to SYN-ACK.
    """
    # What draws is for this command alone.
    from slbctl.top_view import View, show_plain

    # Who cannot be asked is told before anything is drawn.
    view = View(target, sort, interval_s, vs)
    if plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        show_plain(view, times)
        return
    from slbctl.top_screen import show

    show(view, times)

# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl events`: what has happened, and what happens."""

import time
from datetime import datetime

import click

from slb.errors import NoAnswer, Unreachable
from slb.model import codec
from slb.model.events import Event, Value
from slbctl import output
from slbctl.call import client
from slbctl.command import SlbCommand
from slbctl.options import Target, json_option

AGAIN_S = 0.5


@click.command(
    cls=SlbCommand,
    examples=("slbctl events", "slbctl events -f", "slbctl events -f --since 1795859846123 --json"),
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option(
    "--since",
    metavar="ID",
    type=click.IntRange(0),
    default=0,
    help="Only what came after this one; all that slb-agent keeps if not given.",
)
@json_option
@click.pass_obj
def events(target: Target, follow: bool, since: int, as_json: bool) -> None:
    """Show what has happened to the desired state, slbd and what slb-agent watches.

    With --json each is an object on a line of its own, whose id --since takes.
    """
    api, absence = client(target), Absence()
    while True:
        try:
            for event in api.events(since, follow=follow, begun=absence.end):
                since = event.id
                output.show_now(codec.encode(event).decode() if as_json else _line(event))
        except (Unreachable, NoAnswer) as gone:
            # Who has read already waits for an agent that is being started again.
            if not (follow and since):
                raise
            absence.tell(str(gone))
            time.sleep(AGAIN_S)
        # The agent ends streams when other clients may read them than before.
        if not follow:
            return


class Absence:
    """Says why the agent does not answer, each reason once in turn, and that it does again."""

    def __init__(self) -> None:
        self._reason = ""

    def tell(self, reason: str) -> None:
        """It does not answer."""
        if reason != self._reason:
            output.show_failure(f"{reason}; waiting for it")
        self._reason = reason

    def end(self) -> None:
        """It answers."""
        if self._reason:
            output.show_failure("it answers again")
        self._reason = ""


def _line(event: Event) -> str:
    when = datetime.fromtimestamp(event.time).isoformat(" ", "seconds")
    words = (f"{name}={_word(value)}" for name, value in event.data.items())
    return f"{when}  {event.kind:<14}  {' '.join(words)}".rstrip()


def _word(value: Value) -> str:
    text = "unknown" if value is None else str(value)
    return f'"{text}"' if " " in text else text

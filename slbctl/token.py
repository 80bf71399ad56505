# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl token new`: what slb-agent's clients over TCP prove themselves with."""

import os

import click

from slb.api import tokens
from slb.errors import HostError
from slbctl import output
from slbctl.command import SlbGroup
from slbctl.options import json_option


@click.group(cls=SlbGroup)
def token() -> None:
    """Tokens for slb-agent's API over TCP."""


@token.command("new", examples=("slbctl token new", "slbctl token new --file /etc/slb/token"))
@click.option("--file", metavar="PATH", help="Write the token there, for its owner alone.")
@json_option
def new(file: str | None, as_json: bool) -> None:
    """Make a token, and its hash for the agent's configuration; no daemon is asked."""
    made = tokens.new_token()
    shown = {"hash": tokens.hashed(made)}
    if file is None:
        shown = {"token": made, **shown}
    else:
        _write(file, made)
    if as_json:
        output.show_json(shown)
    else:
        output.show_pairs(list(shown.items()))


def _write(file: str, made: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w") as text:
            text.write(f"{made}\n")
    except OSError as error:
        raise HostError(f"{file}: cannot be written: {error.strerror}") from None

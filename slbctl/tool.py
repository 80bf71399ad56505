# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl version` and `slbctl completion`: about the tool itself."""

import click

import slb
from slb.errors import SlbError
from slb.model.views import Version
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbCommand
from slbctl.completion import SHELLS, script
from slbctl.options import Target, json_option


@click.command(cls=SlbCommand, examples=("slbctl version", "slbctl version --json"))
@json_option
@click.pass_obj
def version(target: Target, as_json: bool) -> None:
    """Show the versions of slbctl, of the daemon and of its DPDK."""
    own = ("slbctl", slb.__version__)
    try:
        answer = ask(target, lambda client: client.version())
    except SlbError:
        if not as_json:
            output.show_pairs([own])
        raise
    if as_json:
        output.show_json(answer)
    else:
        output.show_pairs([own, *_properties(answer)])


@click.command(
    cls=SlbCommand,
    examples=(
        "slbctl completion bash > /etc/bash_completion.d/slbctl",
        "slbctl completion zsh > /usr/local/share/zsh/site-functions/_slbctl",
        "slbctl completion fish > ~/.config/fish/completions/slbctl.fish",
    ),
)
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS), help="bash, zsh or fish.")
def completion(shell: str) -> None:
    """Print the script that teaches a shell to complete slbctl.

    Words, options, and the VS and RS of the daemon are completed; while no daemon answers, the
    latter are not.
    """
    output.show_text(script(click.get_current_context().find_root().command, shell))


def _properties(answer: Version) -> list[tuple[str, str]]:
    return [
        ("slbd", f"{answer.slb} (pid {answer.pid}, generation {answer.generation})"),
        ("ABI", str(answer.abi)),
        ("DPDK", answer.dpdk.removeprefix("DPDK ")),
    ]

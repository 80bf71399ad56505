# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl support-bundle`: all that who helps will ask for, in one file."""

import time
from pathlib import Path

import click

from slbctl import output
from slbctl.command import SlbCommand
from slbctl.options import SecondsParam, Target, of_this_host
from slbctl.units import plural

LIMIT_S = 20.0


@click.command(
    "support-bundle",
    cls=SlbCommand,
    examples=("slbctl support-bundle", "slbctl support-bundle slb.tar.gz --force"),
)
@click.argument(
    "file",
    metavar="[FILE.tar.gz]",
    required=False,
    type=click.Path(path_type=Path, dir_okay=False),
    help="slb-support-DATE-TIME.tar.gz in this folder if not given.",
)
@click.option("-c", "--config", metavar="FILE", help="slbd's; /etc/slb/slb.yaml if not given.")
@click.option(
    "--agent-config", metavar="FILE", help="slb-agent's; /etc/slb/agent.yaml if not given."
)
@click.option("--force", is_flag=True, help="Replace FILE.tar.gz if it is there.")
@click.option(
    "--limit",
    "limit_s",
    metavar="SECONDS",
    type=SecondsParam(),
    default=LIMIT_S,
    help=f"How long each part may take; {LIMIT_S:g}.",
)
@click.pass_obj
def support_bundle(
    target: Target,
    file: Path | None,
    config: str | None,
    agent_config: str | None,
    force: bool,
    limit_s: float,
) -> None:
    """Gather in one archive what a vendor would ask for.

    That is versions, both configurations, states, counters, metrics, logs, what BIRD says, and
    facts of the host. Each part is made by a command of its own; one that fails or takes too long
    leaves its error there, and parts.txt lists them. Passwords, tokens and keys are taken out, and
    sessions are only counted; addresses of services, servers and of the host stay: look through it
    before you send it. Only its owner may read the file.
    """
    of_this_host(target)
    # What packs, and what reads YAML, is for this command alone.
    from slb.config import agent, loader
    from slbctl.bundle import new_file, pack

    folder = f"slb-support-{time.strftime('%Y%m%d-%H%M%S')}"
    slbd, agents = config or loader.DEFAULT, agent_config or agent.DEFAULT
    path = file or Path(f"{folder}.tar.gz")
    with new_file(path, force) as archive:
        made = pack(archive, folder, target, slbd, agents, limit_s)
    failed = sum(bool(one.failed) for one in made)
    told = f", {failed} of them failed, as parts.txt in it says" if failed else ""
    output.show_line(f"{path}: {plural(len(made), 'part')}{told}")

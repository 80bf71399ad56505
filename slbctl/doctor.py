# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl doctor`: what this host lacks for slbd, before anything is started."""

from typing import TYPE_CHECKING

import click

from slbctl import output
from slbctl.command import SlbCommand
from slbctl.failures import REFUSED
from slbctl.options import Target, json_option, of_this_host
from slbctl.output import Column
from slbctl.units import plural

if TYPE_CHECKING:
    from slb.host.finding import Finding

COLUMNS: "tuple[Column[Finding], ...]" = (
    Column("STATUS", lambda row: row.status),
    Column("CHECK", lambda row: row.check),
    # One column, so that the length of a finding does not push the next one's cure to the side.
    Column("FOUND", lambda row: f"{row.found}; do: {row.fix}" if row.fix else row.found),
)


@click.command(
    cls=SlbCommand,
    examples=("slbctl doctor", "slbctl doctor -c configs/slb.yaml", "slbctl doctor --json"),
)
@click.option(
    "-c",
    "--config",
    "path",
    metavar="FILE",
    help="The slb.yaml that slbd is to run with; /etc/slb/slb.yaml if there is one.",
)
@json_option
@click.pass_obj
def doctor(target: Target, path: str | None, as_json: bool) -> None:
    """Check NICs, drivers, memory, CPUs, kernel and configuration of this host.

    Each line is ok, a warning or an error, and says what to do about it. Nothing need run for it,
    and nothing is changed. The exit status is 1 when there is an error.
    """
    of_this_host(target)
    # Reading the host brings netlink, ELF and YAML along, which no other command waits for.
    from slb.host import doctor as host_doctor
    from slb.host.files import Host

    findings = host_doctor.examine(Host(), path)
    errors = sum(finding.status == "error" for finding in findings)
    warnings = sum(finding.status == "warning" for finding in findings)
    foot = f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
    output.show_listing(findings, COLUMNS, as_json, empty="nothing found", foot=foot)
    if errors:
        output.finish()
        raise click.exceptions.Exit(REFUSED)

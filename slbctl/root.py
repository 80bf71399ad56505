# SPDX-License-Identifier: BSD-3-Clause
"""The tree of commands, and the one place where all of them end."""

import click

from slb.model.desired import AGENT_SOCKET
from slbctl import completion, output
from slbctl.command import RootGroup
from slbctl.desired import confirm, history, rollback
from slbctl.doctor import doctor
from slbctl.drops import drops
from slbctl.events import events
from slbctl.failures import BROKEN_PIPE, INTERRUPTED, STATUSES, explain
from slbctl.health import health
from slbctl.laddr import laddr
from slbctl.neigh import neigh
from slbctl.nic import nic
from slbctl.options import (
    SLBD_SOCKET,
    SecondsParam,
    Target,
    not_empty,
    remote_of,
    remote_options,
    usual_socket,
)
from slbctl.ospf import ospf
from slbctl.owner import owner
from slbctl.port import port
from slbctl.route import route
from slbctl.rs import rs
from slbctl.services import services
from slbctl.session import session
from slbctl.stats import stats
from slbctl.status import status
from slbctl.steering import steering
from slbctl.support import support_bundle
from slbctl.token import token
from slbctl.tool import completion as completion_command
from slbctl.tool import version
from slbctl.top import top
from slbctl.vs import vs
from slbctl.whole import apply, export
from slbctl.workers import workers

TIMEOUT_S = 30.0

CONTENTS = {
    "At a glance": (status, top),
    "Services": (vs,),
    "Real servers": (rs, health),
    "Traffic": (session, stats, drops, workers),
    "Network": (laddr, port, neigh, route, steering, ospf),
    "Whole configuration": (apply, confirm, rollback, history, export, services, owner, events),
    "Host": (doctor, nic, support_bundle),
    "Tool": (version, token, completion_command),
}


@click.group(
    cls=RootGroup,
    contents=CONTENTS,
    exit_statuses=STATUSES,
    examples=(
        "slbctl vs add 10.96.0.10:80/tcp --rs 10.10.0.1:8080 --rs 10.10.0.2:8080",
        "slbctl rs drain 10.96.0.10:80/tcp 10.10.0.1:8080",
        "slbctl session list --client 192.0.2.7",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--socket",
    envvar="SLB_SOCKET",
    metavar="PATH",
    default=usual_socket,
    callback=not_empty,
    help=f"SLB_SOCKET, else slb-agent's {AGENT_SOCKET} if it is there, else {SLBD_SOCKET}.",
)
@remote_options
@click.option(
    "--timeout",
    "timeout_s",
    metavar="SECONDS",
    type=SecondsParam(),
    default=TIMEOUT_S,
    help=f"How long the daemon may take to answer; {TIMEOUT_S:g}.",
)
@click.pass_context
def cli(ctx: click.Context, /, socket: str, timeout_s: float, **remote: str | None) -> None:
    """Configure and watch the load balancer of this host, or by --url that of another one.

    A VS (virtual server) is written ADDRESS:PORT/PROTOCOL, 10.96.0.10:80/tcp; an RS (real server)
    ADDRESS:PORT, 10.10.0.1:8080. 'slbctl COMMAND --help' tells more about each command.
    """
    ctx.obj = Target(socket, timeout_s, remote_of(remote))


def run(args: list[str]) -> int:
    """Runs one command line; returns its exit status, after a line about whatever failed."""
    try:
        # Not cli.main(): it has an end of its own for interrupts and broken pipes.
        with cli.make_context(completion.PROGRAM, args) as context:
            cli.invoke(context)
        output.finish()
    except click.exceptions.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, click.Abort):
        output.show_failure("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        output.give_up_stdout()
        return BROKEN_PIPE
    except Exception as error:
        lines, status = explain(error)
        if isinstance(error, OSError):
            # What could not be written is still buffered.
            output.give_up_stdout()
        for line in lines:
            output.show_failure(line)
        return status
    return 0

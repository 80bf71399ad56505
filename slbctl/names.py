# SPDX-License-Identifier: BSD-3-Clause
"""The names a shell completes: the operator waits, so they are asked for quickly and silently."""

import click

from slb.errors import SlbError
from slb.model.desired import OPERATOR
from slbctl.call import ask
from slbctl.options import Target, remote_of

PATIENCE_S = 1.0


def vs_names(ctx: click.Context) -> list[str]:
    """Every VS of the daemon; none when it does not answer at once."""
    try:
        return [view.vs for view in ask(_target(ctx), lambda client: client.vs_list())]
    except SlbError:
        return []


def rs_names(ctx: click.Context) -> list[str]:
    """Every RS of the VS given so far, of all VS without one; none when no daemon answers."""
    vs = ctx.params.get("vs")
    try:
        views = ask(_target(ctx), lambda client: client.rs_list(vs))
    except SlbError:
        return []
    return list(dict.fromkeys(view.rs for view in views))


def laddr_names(ctx: click.Context) -> list[str]:
    """Every local address that may be taken away; none when no daemon answers."""
    try:
        views = ask(_target(ctx), lambda client: client.laddr_list())
    except SlbError:
        return []
    return list(dict.fromkeys(view.address for view in views if view.state == "active"))


def port_names(ctx: click.Context) -> list[str]:
    """Every port; none when no daemon answers."""
    try:
        return [view.name for view in ask(_target(ctx), lambda client: client.port_list())]
    except SlbError:
        return []


def owner_names(ctx: click.Context) -> list[str]:
    """Every owner but the operator; none when no slb-agent answers."""
    try:
        owners = ask(_target(ctx), lambda client: client.state(digest=True)).owners
    except SlbError:
        return []
    return [one.owner for one in owners if one.owner != OPERATOR]


def _target(ctx: click.Context) -> Target:
    # While completing click runs no callback, so the root's options are still raw.
    params = ctx.find_root().params
    return Target(params["socket"], PATIENCE_S, remote_of(params))

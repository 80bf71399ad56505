# SPDX-License-Identifier: BSD-3-Clause
"""A change while 100 connections are always open: no request may fail, and no packet be lost."""

from collections.abc import Callable

from rig.rig import Rig
from rig.waiting import wait
from slb.model import codec
from slb.model.views import PortView
from slbctl.attention import OURS
from slbctl.port import lost as port_lost

WIDTH = 100
# So that the load leaves room for what is tested on a small host.
PAUSE_S = 0.25


def under_load(
    rig: Rig, change: Callable[[], object], per_connection: int = 5, later: int = 3
) -> None:
    """Make a change while requests flow, and check that none of them fails.

    The load goes on until each connection has had so many answers `later`. Lost packets would be
    sent again, and no request fail for it: so what drops them on the LB is looked at, too.
    """
    with rig.client.http_load(WIDTH, per_connection, PAUSE_S) as load:
        wait(lambda: load.outcome.answered > 2 * WIDTH, 20, "answers before the change")
        # The first ones may have waited for a neighbour.
        before = lost(rig)
        change()
        goal = load.outcome.answered + later * WIDTH
        wait(lambda: load.outcome.answered > goal, 20, "answers after the change")
        outcome = load.stop()
    assert outcome.failures == []
    after = lost(rig)
    more = {name: after[name] - before[name] for name in before if after[name] != before[name]}
    assert more == {}, more


def lost(rig: Rig) -> dict[str, int]:
    """Packets that the LB could not take, forward or send: drops by its doing, and its ports'."""
    found = {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}
    ports = codec.convert(rig.lb.items("/v1/ports"), list[PortView])
    return {reason: found.get(reason, 0) for reason in OURS} | {"ports": sum(map(port_lost, ports))}

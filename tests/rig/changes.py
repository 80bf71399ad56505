# SPDX-License-Identifier: BSD-3-Clause
"""A change while 100 connections are always open: no request may fail."""

from collections.abc import Callable

from rig.rig import Rig
from rig.waiting import wait

WIDTH = 100
# So that the load leaves room for what is tested on a small host.
PAUSE_S = 0.25


def under_load(
    rig: Rig, change: Callable[[], object], per_connection: int = 5, later: int = 3
) -> None:
    """Make a change while requests flow, and check that none of them fails.

    The load goes on until each connection has had so many answers `later`.
    """
    with rig.client.http_load(WIDTH, per_connection, PAUSE_S) as load:
        wait(lambda: load.outcome.answered > 2 * WIDTH, 20, "answers before the change")
        change()
        goal = load.outcome.answered + later * WIDTH
        wait(lambda: load.outcome.answered > goal, 20, "answers after the change")
        outcome = load.stop()
    assert outcome.failures == []

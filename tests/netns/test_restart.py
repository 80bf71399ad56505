# SPDX-License-Identifier: BSD-3-Clause
"""slbd killed without warning: nothing hinders the next one, with the same sockets and interfaces.

client ---- switch ---- lb: slbd, SIGKILL, slbd again
"""

import signal
from collections.abc import Iterator

import pytest

from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import all_services
from rig.waiting import wait

pytestmark = pytest.mark.netns


@pytest.fixture
def rig_to_kill() -> Iterator[Rig]:
    """A rig of two workers whose slbd the test may kill."""
    with Rig(LbSettings(workers=2, services=all_services())) as rig:
        rig.wait_ospf()
        yield rig


def test_killed_and_started_again(rig_to_kill: Rig) -> None:
    """The routes of a killed slbd go; the next one takes everything over and carries traffic."""
    first = rig_to_kill.lb.process
    first.send(signal.SIGKILL)
    first.wait(5)
    wait(lambda: not rig_to_kill.routes_to_lb(), 15, "the routes of a killed slbd gone")
    rig_to_kill.restart_lb()
    rig_to_kill.wait_ospf()
    assert rig_to_kill.lb.process.pid != first.pid
    assert rig_to_kill.client.http(200).failures == []
    assert rig_to_kill.client.dns(200).failures == []

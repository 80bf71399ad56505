# SPDX-License-Identifier: BSD-3-Clause
"""slbd killed without warning, started again, and ended as it should be.

client ---- switch ---- lb: slbd, SIGKILL, slbd again, SIGTERM
"""

import signal
from collections.abc import Iterator

import pytest

from rig.addresses import LB, SERVICE_SUBNET
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import all_services
from rig.waiting import wait

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module")
def own_rig() -> Iterator[Rig]:
    """A rig of two workers whose slbd the tests may kill."""
    with Rig(LbSettings(workers=2, services=all_services())) as rig:
        rig.wait_ospf()
        yield rig


def test_killed_and_started_again(own_rig: Rig) -> None:
    """The routes of a killed slbd go; the next one takes everything over and carries traffic."""
    first = own_rig.lb.process
    first.send(signal.SIGKILL)
    first.wait(5)
    wait(lambda: not own_rig.routes_to_lb(), 15, "the routes of a killed slbd gone")
    own_rig.restart_lb()
    own_rig.wait_ospf()
    assert own_rig.lb.process.pid != first.pid
    assert own_rig.client.http(200).failures == []
    assert own_rig.client.dns(200).failures == []


def test_requests_under_way_end_before_slbd(own_rig: Rig) -> None:
    """Told to stop, slbd still carries the connection that is open."""
    # Another LB host's packets would keep coming; here the withdrawn route must leave one behind.
    for prefix in (SERVICE_SUBNET, "198.18.0.0/24"):
        own_rig.switch.namespace.ip("route", "add", prefix, "via", LB, "metric", "4000")
    with own_rig.client.tcp() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(4096)
        own_rig.lb.process.send(signal.SIGTERM)
        wait(lambda: own_rig.routes_to_lb() == set(), 5, "the routes withdrawn")
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    assert own_rig.lb.process.wait(15) == 0

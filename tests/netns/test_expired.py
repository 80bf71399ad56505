# SPDX-License-Identifier: BSD-3-Clause
"""`tcp.expired: reset`: real clients and servers learn that their session has ended.

client ---- switch ---- lb (slbd)    client -> VIP:80 -> pod1a:9999, a listener of the test's own
           |      |
         node1  node2
"""

import time
from collections.abc import Iterator

import pytest

from rig.lb import LbSettings
from rig.rig import Rig
from rig.talks import PATIENCE_S, POD, PORT, all_reset, ask, connections, serve
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

DRAIN_S, IDLE_S = 2, 2


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def resetting_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig that tells both ends."""
    policies = {"tcp": {"expired": "reset"}, "drain": {"tcp_s": DRAIN_S}}
    with Rig(LbSettings(workers=request.param, ospf=False, policies=policies)) as rig:
        yield rig


def remove_rs(rig: Rig, way: Way, vs: str) -> None:
    """Remove the RS."""
    rig.lb.vs_api("DELETE", vs, f"/rs/{way.rs(POD, PORT)}")


def gone(rig: Rig) -> bool:
    """Whether no session is left."""
    return rig.lb.items("/v1/sessions") == []


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_idle_connections_are_reset_when_they_time_out(resetting_rig: Rig, way: Way) -> None:
    rig = resetting_rig
    serve(rig, way, timeouts={"tcp_established": IDLE_S})
    with connections(rig, way) as ends:
        begun = time.monotonic()
        all_reset(ends)
        assert IDLE_S - 0.5 < time.monotonic() - begun < IDLE_S + 3
        assert gone(rig)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_idle_connections_are_reset_at_the_end_of_the_drain(resetting_rig: Rig, way: Way) -> None:
    """Though by the timer wheel alone they would be noticed minutes later."""
    rig = resetting_rig
    vs = serve(rig, way)
    with connections(rig, way) as ends:
        remove_rs(rig, way, vs)
        begun = time.monotonic()
        all_reset(ends)
        assert DRAIN_S - 0.5 < time.monotonic() - begun < DRAIN_S + 3
        assert gone(rig)
        wait(lambda: not rig.lb.items("/v1/rs"), 5, "the removed RS gone")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_busy_connections_are_reset_at_the_end_of_the_drain(resetting_rig: Rig, way: Way) -> None:
    """One question after the other, until whoever spoke last is told."""
    rig = resetting_rig
    vs = serve(rig, way)
    with connections(rig, way) as ends:
        remove_rs(rig, way, vs)
        begun = time.monotonic()
        with pytest.raises(ConnectionResetError):
            while time.monotonic() - begun < PATIENCE_S:
                ask(*ends[0])
        assert DRAIN_S - 0.5 < time.monotonic() - begun < DRAIN_S + 3

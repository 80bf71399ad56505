# SPDX-License-Identifier: BSD-3-Clause
"""Sessions that end on demand: real clients and servers learn it at once, also those that idle.

client ---- switch ---- lb (slbd)    client -> VIP:80 -> pod1a:9999, a listener of the test's own
           |      |
         node1  node2
"""

import time
from collections.abc import Iterator

import pytest

from rig.lb import LbSettings
from rig.rig import Rig
from rig.talks import POD, PORT, all_reset, connections, serve
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

CLOSE_S = 2
AT_ONCE_S = 1.0


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def plain_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig that knows no numbers of its connections, and answers nobody without a session."""
    policies = {"tcp": {"expired": "drop", "no_session": "drop"}}
    timeouts = {"tcp_close": CLOSE_S}
    with Rig(LbSettings(workers=request.param, policies=policies, timeouts=timeouts)) as rig:
        rig.wait_ospf()
        yield rig


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_both_ends_of_idle_connections_are_reset(plain_rig: Rig, way: Way) -> None:
    rig = plain_rig
    vs = serve(rig, way)
    with connections(rig, way) as ends:
        begun = time.monotonic()
        said = rig.lb.ctl("session", "reset", vs, way.rs(POD, PORT))
        assert said == f"{len(ends)} sessions of RS {way.rs(POD, PORT)} of {vs} ended\n"
        all_reset(ends)
        assert time.monotonic() - begun < AT_ONCE_S

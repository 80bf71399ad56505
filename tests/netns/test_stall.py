# SPDX-License-Identifier: BSD-3-Clause
"""slbd forwards while its Python stands still for ten seconds.

    client ===> switch ===> lb [ C: workers, KNI | Python: held by SIGUSR2 ] ===> pods

`stalling_slbd.py` starts the installed slbd with a signal handler that sleeps while it holds the
interpreter's lock, so that no Python of slbd runs, in whichever thread.
"""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import all_services
from rig.stalling_slbd import STALL_S
from rig.waiting import holds, wait

pytestmark = pytest.mark.netns

LAUNCHER = Path(__file__).resolve().parents[1] / "rig" / "stalling_slbd.py"


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def stalling(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig whose slbd stalls at SIGUSR2."""
    words = (sys.executable, str(LAUNCHER))
    settings = LbSettings(workers=request.param, services=all_services(), launcher=words)
    with Rig(settings) as rig:
        rig.wait_ospf()
        yield rig


def answers(rig: Rig) -> bool:
    """Tell whether Python answers a request to the API."""
    try:
        rig.lb.api("/v1/version", timeout=0.5)
    except OSError:
        return False
    return True


def test_traffic_flows_while_python_stalls(stalling: Rig) -> None:
    """No request and no datagram is lost, none is late, and OSPF stays Full."""
    assert answers(stalling)
    with stalling.client.http_load(10) as http, stalling.client.dns_load(10, 0.02) as dns:
        wait(lambda: http.outcome.answered > 100, 10, "answers before the stall")
        stalling.lb.process.send(signal.SIGUSR2)
        wait(lambda: not answers(stalling), 5, "Python standing still")
        before = http.outcome.answered, dns.outcome.answered
        holds(stalling.switch.full, STALL_S - 3, "OSPF Full on the switch")
        assert not answers(stalling), "Python did not stand still for as long as was meant"
        after = http.outcome.answered, dns.outcome.answered
        wait(lambda: answers(stalling), 10, "Python going on")
        outcomes = http.stop(), dns.stop()
    assert [outcome.failures for outcome in outcomes] == [[], []]
    assert all(later - earlier > 300 for earlier, later in zip(before, after, strict=True))
    # A lost SYN or segment would be sent again after 200 ms or 1 s at the earliest.
    assert max(outcome.slowest_s for outcome in outcomes) < 0.9
    assert stalling.routes_to_lb()
    assert stalling.lb.api("/v1/ospf")["withheld"] is None

# SPDX-License-Identifier: BSD-3-Clause
"""slbd forwards while its Python stands still for ten seconds.

    client ===> switch ===> lb [ C: workers, KNI | Python: held by SIGUSR2 ] ===> pods

`stalling_slbd.py` starts the installed slbd with a signal handler that sleeps while it holds the
interpreter's lock, so that no Python of slbd runs, in whichever thread.
"""

import signal

import pytest

from rig.rig import Rig
from rig.stalling_slbd import STALL_S
from rig.waiting import holds, wait

pytestmark = [pytest.mark.netns, pytest.mark.calm]


def answers(rig: Rig) -> bool:
    """Tell whether Python answers a request to the API."""
    try:
        rig.lb.api("/v1/version", timeout=0.5)
    except OSError:
        return False
    return True


def test_traffic_flows_while_python_stalls(rig: Rig) -> None:
    """No request and no datagram is lost, none is late, and OSPF stays Full."""
    assert answers(rig)
    with rig.client.http_load(10, pause_s=0.05) as http, rig.client.dns_load(10, 0.05) as dns:
        wait(lambda: http.outcome.answered > 100, 10, "answers before the stall")
        rig.lb.process.send(signal.SIGUSR2)
        wait(lambda: not answers(rig), 5, "Python standing still")
        before = http.outcome.answered, dns.outcome.answered
        holds(rig.switch.full, STALL_S - 3, "OSPF Full on the switch")
        assert not answers(rig), "Python did not stand still for as long as was meant"
        after = http.outcome.answered, dns.outcome.answered
        wait(lambda: answers(rig), 10, "Python going on")
        outcomes = http.stop(), dns.stop()
    assert [outcome.failures for outcome in outcomes] == [[], []]
    assert all(later - earlier > 300 for earlier, later in zip(before, after, strict=True))
    # A lost SYN or segment would be sent again after 200 ms or 1 s at the earliest.
    assert max(outcome.slowest_s for outcome in outcomes) < 0.9
    assert rig.routes_to_lb()
    assert rig.lb.api("/v1/ospf")["withheld"] is None

# SPDX-License-Identifier: BSD-3-Clause
"""An RS is spoken to from the local addresses of the port that leads to it.

198.18.0.1 and .2, lan0 > ---- 10.10.0.0/16, by the default route
198.18.1.1 and .2, lan1 > ---- 10.20.0.0/16
"""

from dataclasses import replace

import pytest
from driver import Result
from lab import PLAIN, Lab, OpenLab
from packets.frames import FIRST_CLIENT, GATEWAY_MAC, VS_UDP, Clients, answer, udp
from packets.nat import endpoints
from values import Neighbour, Route, Settings, View

pytestmark = pytest.mark.path

LEFT, RIGHT = "10.10.0.1:53", "10.20.0.1:53"
GATEWAY1 = "192.0.3.1"
BOTH = replace(
    PLAIN,
    routes=(
        *PLAIN.routes,
        Route("192.0.3.0/24", port=1),
        Route("10.20.0.0/16", GATEWAY1, port=1),
    ),
    neighbours=(*PLAIN.neighbours, Neighbour(GATEWAY1, GATEWAY_MAC, port=1)),
)
# Address, worker, port.
EACH = (
    ("198.18.0.1", 0, 0),
    ("198.18.0.2", 1, 0),
    ("198.18.1.1", 0, 1),
    ("198.18.1.2", 1, 1),
)
ONE_SIDE = EACH[2:]
UDP = Clients(udp(b""))


def lab_of(
    open_lab: OpenLab, laddrs: tuple[tuple[str, int, int], ...] = EACH, view: View = BOTH
) -> Lab:
    """Two workers, two ports, and an RS behind each."""
    lab = open_lab(Settings(laddrs=laddrs, sessions=140_000))
    lab.harness.forward(view)
    lab.add_vs(VS_UDP, rs=[LEFT, RIGHT])
    return lab


def outside(result: Result) -> tuple[str, str, str]:
    """The port a packet left by, its local address and its RS."""
    (local, _), (rs, _) = endpoints(result.data)
    return result.what, local, rs


def send(lab: Lab, count: int, first: int = 0, worker: int = 0) -> list[Result]:
    """What becomes of first packets of so many clients."""
    return list(lab.harness.run_all(worker, UDP.frames(count, FIRST_CLIENT + first)))


def seen(lab: Lab, worker: int, count: int = 40, first: int = 0) -> set[tuple[str, str, str]]:
    """What a worker makes of clients that are new."""
    return {outside(r) for r in send(lab, count, 1000 * worker + first, worker)}


@pytest.mark.parametrize("worker", [0, 1])
def test_from_the_port_that_leads_there(open_lab: OpenLab, worker: int) -> None:
    lab = lab_of(open_lab)
    own = worker + 1
    assert seen(lab, worker) == {
        ("TX 0", f"198.18.0.{own}", "10.10.0.1"),
        ("TX 1", f"198.18.1.{own}", "10.20.0.1"),
    }


def test_from_all_where_that_port_has_none(open_lab: OpenLab) -> None:
    """As it is with two arms: clients on one side, servers on the other."""
    lab = lab_of(open_lab, ONE_SIDE)
    assert seen(lab, 0) == {
        ("TX 0", "198.18.1.1", "10.10.0.1"),
        ("TX 1", "198.18.1.1", "10.20.0.1"),
    }


def test_from_all_where_this_worker_has_none(open_lab: OpenLab) -> None:
    lab = lab_of(open_lab, EACH[:3])
    assert {local for _, local, _ in seen(lab, 1)} == {"198.18.0.2"}
    assert {local for _, local, _ in seen(lab, 0)} == {"198.18.0.1", "198.18.1.1"}


def test_a_route_that_moves(open_lab: OpenLab) -> None:
    """Sessions keep their address; new ones follow the route."""
    lab = lab_of(open_lab)
    first = send(lab, 2)[1]
    lab.harness.forward(replace(BOTH, routes=BOTH.routes[:-1]))
    assert {(what, local) for what, local, _ in seen(lab, 0, first=100)} == {("TX 0", "198.18.0.1")}
    again = send(lab, 2)[1]
    assert endpoints(again.data) == endpoints(first.data)
    (back,) = lab.harness.run(0, [bytes(answer(again.data))])
    assert back.verdict == "TX"


def test_no_route_at_all(open_lab: OpenLab) -> None:
    """Then any address will do: the packet is dropped, and its session waits for a route."""
    lab = lab_of(open_lab, view=View())
    assert {r.what for r in send(lab, 20)} == {"DROP NO_ROUTE"}


def test_every_port_of_each_side_is_used(open_lab: OpenLab) -> None:
    """64,512 sessions for each RS, from the one address that the worker has on its side."""
    lab = lab_of(open_lab)
    count = 2 * (65536 - 1024)
    results = [endpoints(r.data) for r in send(lab, count)]
    assert len(set(results)) == count
    assert {local for (local, _), (rs, _) in results if rs == "10.20.0.1"} == {"198.18.1.1"}
    (beyond,) = send(lab, 1, count)
    assert beyond.what == "DROP NO_LOCAL_PORT"


def test_an_address_that_comes_goes_to_the_worker_that_lacks_one_there(open_lab: OpenLab) -> None:
    lab = lab_of(open_lab, EACH[:3])
    wanted = [(address, port) for address, _, port in EACH[:3]] + [("198.18.1.9", 1)]
    lab.harness.set_laddrs_raw(wanted)
    (came,) = [row for row in lab.harness.laddrs() if row.address == "198.18.1.9"]
    assert came.worker == 1

# SPDX-License-Identifier: BSD-3-Clause
"""UDP through the load balancer: DNS, many replies to one request, idle sessions.

client ---- switch ---- lb (slbd)
           |      |
         node1  node2          client -> 10.96.0.10:53 -> pod:5353 (DNS)
        pod1a,b pod2a,b        client -> 10.96.0.10:7  -> pod:7007 (echo)
"""

import socket

import pytest

from rig.addresses import DNS_VS, ECHO, PODS, VIP
from rig.rig import Rig
from rig.services import EQUAL, dns_service, unfair
from rig.waiting import wait

pytestmark = pytest.mark.netns

SO_NO_CHECK = 11


def test_dig(rig: Rig) -> None:
    """A real resolver's client gets real answers."""
    dig = ("dig", f"@{VIP}", "who.example", "+short", "+tries=1")
    name = rig.client.namespace.run(*dig, "TXT").strip().strip('"')
    address = rig.client.namespace.run(*dig, "A").strip()
    assert name in {pod.name for pod in PODS}
    assert address in {pod.address for pod in PODS}


def test_1000_queries(rig: Rig) -> None:
    """All are answered, and shared evenly."""
    outcome = rig.client.dns(1000)
    assert outcome.failures == []
    assert outcome.answered == 1000
    assert unfair(outcome, EQUAL, rig.settings.workers) == []


def test_weighted_shares(rig: Rig) -> None:
    """wrr shares by weight."""
    weights = {"pod1a": 4, "pod1b": 3, "pod2a": 2, "pod2b": 1}
    rig.lb.apply([dns_service(weights, "wrr")])
    outcome = rig.client.dns(500)
    assert outcome.failures == []
    assert unfair(outcome, weights, rig.settings.workers) == []


def test_many_replies_to_one_request(rig: Rig) -> None:
    """Every datagram of the answer arrives, in order."""
    with rig.client.udp(ECHO) as client:
        client.send(b"repeat 300")
        replies = [client.recv(2048).decode().split() for _ in range(300)]
    assert len({name for name, _ in replies}) == 1
    assert [int(number) for _, number in replies] == list(range(300))


def test_one_socket_is_one_session(rig: Rig) -> None:
    """Requests from one port go to one server."""
    with rig.client.udp(ECHO) as client:
        names = set()
        for number in range(50):
            client.send(str(number).encode())
            name, payload = client.recv(2048).decode().split()
            assert payload == str(number)
            names.add(name)
        # An earlier test may have had this port, and a session with another VS.
        assert rig.lb.api(sessions_with_echo(client))["count"] == 1
    assert len(names) == 1


def sessions_with_echo(client: socket.socket) -> str:
    """The path that counts a client's sessions with the VS of the echo."""
    here, there = ("{}:{}".format(*end) for end in (client.getsockname(), ECHO))
    return f"/v1/sessions/count?client={here}&vs={there}/udp"


@pytest.mark.parametrize("size", [0, 1, 1460])
def test_datagrams_of_all_sizes(rig: Rig, size: int) -> None:
    """From the empty one to what fills the MTU, the payload is untouched."""
    payload = bytes(number % 251 for number in range(size))
    with rig.client.udp(ECHO) as client:
        client.send(payload)
        name, _, answer = client.recv(4096).partition(b" ")
    assert name.decode() in EQUAL
    assert answer == payload


def test_without_checksum(rig: Rig) -> None:
    """A datagram sent without a checksum stays one without, and is answered."""
    with rig.client.udp(ECHO) as client:
        client.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        client.send(b"bare")
        assert client.recv(2048).endswith(b" bare")


def test_idle_session_ends(rig: Rig) -> None:
    """A session is listed while it lives and ends after its idle time."""
    with rig.client.udp(ECHO) as client:
        client.send(b"x")
        client.recv(2048)
        path = sessions_with_echo(client)
        assert rig.lb.api(path)["count"] == 1
        wait(lambda: rig.lb.api(path)["count"] == 0, 15, "the end of the idle session")


def test_no_server_drops(rig: Rig) -> None:
    """A VS whose servers all drain answers nobody, and the drop says why."""
    rig.lb.apply([dns_service({"pod1a": 0})])

    def dropped() -> int:
        rows = {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}
        return int(rows["NO_RS"])

    before = dropped()
    with rig.client.udp((VIP, 53)) as client:
        client.send(b"?")
        wait(lambda: dropped() > before, 5, f"a NO_RS drop on {DNS_VS}")

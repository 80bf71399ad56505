# SPDX-License-Identifier: BSD-3-Clause
"""Connections that do not begin or end by the book: packets of the handshake lost, FINs that cross.

client ---- switch ---- lb (slbd)    the switch loses the first SYNs and SYN-ACKs, on either side
           |      |
         node1  node2
        pod1a,b pod2a,b
"""

import signal
import socket
from contextlib import ExitStack

import pytest

from rig.addresses import HTTP_PORT, PODS, endpoint
from rig.filters import losing
from rig.netns import Namespace
from rig.rig import Rig
from rig.services import service
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

EACH = 2
SYN, SYN_ACK = "syn", "syn | ack"
LOST = [
    f"tcp flags & (syn | ack) == {flags} tcp {port} numgen inc mod 99999 < {EACH} counter drop"
    for flags, port in (
        (SYN, "dport 80"),
        (SYN, f"dport {HTTP_PORT}"),
        (SYN_ACK, f"sport {HTTP_PORT}"),
        (SYN_ACK, "sport 80"),
    )
]
PORT = 9998


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_lost_syns_and_syn_acks(rig: Rig, way: Way) -> None:
    """Whatever gets lost is sent again, and all connections are made."""
    rig.lb.apply(way.services())
    with losing(rig.switch.namespace, *LOST) as counts:
        outcome = rig.client.http(5 * EACH, width=5 * EACH, target=way.http)
        assert outcome.failures == []
        assert counts() == [EACH] * len(LOST)
    assert outcome.slowest_s > 0.9, "nothing had to be sent again"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_fins_that_cross(rig: Rig, way: Way) -> None:
    """Both ends close before they hear of it: then both wait, as RFC 9293 has it (3.6, case 3)."""
    pod = PODS[0]
    rig.lb.apply([service(way.vs(80, "tcp"), {way.rs(pod, PORT): 1})])
    family = socket.AF_INET6 if way.pods.version == 6 else socket.AF_INET
    at = (pod.at(way.pods), PORT)
    with ExitStack() as stack:
        listener = rig.node(pod.node).call(lambda: socket.create_server(at, family=family))
        listener.settimeout(5)
        stack.enter_context(listener)
        client = stack.enter_context(rig.client.tcp(way.http))
        server = stack.enter_context(listener.accept()[0])
        ours, its = client.getsockname()[:2], server.getpeername()[:2]
        client.sendall(b"question")
        assert server.recv(99) == b"question"
        rig.lb.process.send(signal.SIGSTOP)
        try:
            for end in (client, server):
                end.shutdown(socket.SHUT_WR)
        finally:
            rig.lb.process.send(signal.SIGCONT)
        for end in (client, server):
            end.settimeout(5)
            assert end.recv(1) == b""
    for namespace, name in ((rig.client.namespace, ours), (rig.node(pod.node), its)):
        wait(lambda n=namespace, e=name: waits(n, endpoint(*e)), 2, "TIME_WAIT")  # type: ignore[misc]
    path = f"/v1/sessions?client={endpoint(*ours)}&vs={way.vs(80, 'tcp')}"
    (session,) = rig.lb.items(path)
    assert session["state"] == "time_wait"


def waits(namespace: Namespace, name: str) -> bool:
    """Whether a namespace has a connection with this end in TIME_WAIT."""
    return name in namespace.run("ss", "-Htn", "state", "time-wait")

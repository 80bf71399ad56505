# SPDX-License-Identifier: BSD-3-Clause
"""TCP whose session is lost: with `tcp.no_session: reset` whoever speaks next is told, else nobody.

client ---- switch ---- lb (slbd)    client -> VIP:80 -> pod1a:9999, a listener of the test's own;
           |      |                  after a second without a packet the session ends in silence
         node1  node2
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from scapy.layers.inet import IP, TCP

from rig.addresses import CLIENTS, HTTP, PODS, endpoint
from rig.lb import LbSettings
from rig.raw import Raw
from rig.rig import Rig
from rig.services import service
from rig.waiting import RigError, wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

POD, PORT = PODS[0], 9999
IDLE = {"tcp_established": 1}
Ends = tuple[socket.socket, socket.socket]


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def resetting_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig that resets, without OSPF."""
    policies = {"tcp": {"no_session": "reset"}}
    with Rig(LbSettings(workers=request.param, ospf=False, policies=policies)) as rig:
        yield rig


@contextmanager
def lost_connection(rig: Rig, way: Way) -> Iterator[Ends]:
    """Both ends of a connection of which the load balancer knows nothing any more."""
    rig.lb.apply([{**service(way.vs(80, "tcp"), {way.rs(POD, PORT): 1}), "timeouts": IDLE}])
    family = socket.AF_INET6 if way.pods.version == 6 else socket.AF_INET
    at = (POD.at(way.pods), PORT)
    listener = rig.node(POD.node).call(lambda: socket.create_server(at, family=family))
    with listener, rig.client.tcp(way.http) as client:
        listener.settimeout(5)
        with listener.accept()[0] as server:
            for sender, receiver in ((client, server), (server, client)):
                sender.settimeout(5)
                receiver.settimeout(5)
                sender.sendall(b"hello")
                assert receiver.recv(99) == b"hello"
            path = f"/v1/sessions/count?client={endpoint(*client.getsockname()[:2])}"
            assert rig.lb.api(path)["count"] == 1
            wait(lambda: rig.lb.api(path)["count"] == 0, 5, "the end of the session")
            yield client, server


def drops(rig: Rig) -> dict[str, int]:
    """What was dropped so far, by reason."""
    return {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("speaker", [0, 1], ids=["client", "server"])
def test_who_speaks_is_reset(resetting_rig: Rig, way: Way, speaker: int) -> None:
    reason = ("NOT_SYN", "NO_SESSION")[speaker]
    with lost_connection(resetting_rig, way) as ends:
        before = drops(resetting_rig)[reason]
        ends[speaker].sendall(b"still there?")
        with pytest.raises(ConnectionResetError):
            ends[speaker].recv(1)
        assert drops(resetting_rig)[reason] == before + 1
        # It has told nobody else.
        ends[1 - speaker].setblocking(False)
        with pytest.raises(BlockingIOError):
            ends[1 - speaker].recv(1)


@pytest.mark.parametrize("way", WAYS[:2], ids=lambda way: way.name)
@pytest.mark.parametrize("speaker", [0, 1], ids=["client", "server"])
def test_nobody_is_told(rig: Rig, way: Way, speaker: int) -> None:
    """By default: what is sent, and sent again, is dropped."""
    reason = ("NOT_SYN", "NO_SESSION")[speaker]
    with lost_connection(rig, way) as ends:
        before = drops(rig)[reason]
        ends[speaker].sendall(b"still there?")
        wait(lambda: drops(rig)[reason] >= before + 2, 5, "its dropped retransmission")
        ends[speaker].setblocking(False)
        with pytest.raises(BlockingIOError):
            ends[speaker].recv(1)


def test_an_ack_out_of_the_blue(resetting_rig: Rig) -> None:
    """The RST has the number that was acknowledged, so that who asked believes it (RFC 9293)."""
    resetting_rig.lb.apply(WAYS[0].services())
    ack = IP(src=CLIENTS[1], dst=HTTP[0]) / TCP(sport=7777, dport=80, flags="A", seq=10, ack=99)
    with Raw(resetting_rig.client.namespace) as raw:
        raw.send(bytes(ack))
        reply = raw.see(lambda p: TCP in p and p[TCP].dport == 7777)
    assert (reply[TCP].flags, reply[TCP].seq, reply[IP].src) == ("R", 99, HTTP[0])


def test_an_ack_out_of_the_blue_is_dropped(rig: Rig) -> None:
    before = drops(rig)["NOT_SYN"]
    ack = IP(src=CLIENTS[1], dst=HTTP[0]) / TCP(sport=7777, dport=80, flags="A", seq=10, ack=99)
    with Raw(rig.client.namespace) as raw:
        raw.send(bytes(ack))
        wait(lambda: drops(rig)["NOT_SYN"] == before + 1, 5, "the drop")
        with pytest.raises(RigError):
            raw.see(lambda p: TCP in p and p[TCP].dport == 7777, timeout=0.2)

# SPDX-License-Identifier: BSD-3-Clause
"""`tcp.expired: reset`: real clients and servers learn that their session has ended.

client ---- switch ---- lb (slbd)    client -> VIP:80 -> pod1a:9999, a listener of the test's own
           |      |
         node1  node2
"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from rig.addresses import PODS
from rig.lb import LbSettings
from rig.netns import Namespace
from rig.rig import Rig
from rig.services import service
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

POD, PORT = PODS[0], 9999
DRAIN_S, IDLE_S = 2, 2
EACH = 4  # connections, so that every worker has some
PATIENCE_S = 10
Ends = tuple[socket.socket, socket.socket]


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def resetting_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig that tells both ends."""
    policies = {"tcp": {"expired": "reset"}, "drain": {"tcp_s": DRAIN_S}}
    with Rig(LbSettings(workers=request.param, policies=policies)) as rig:
        rig.wait_ospf()
        yield rig


@contextmanager
def connections(rig: Rig, way: Way) -> Iterator[list[Ends]]:
    """Open connections through the load balancer, both ends of each; a word has gone both ways."""
    with ExitStack() as stack:
        listener = stack.enter_context(listen(rig.node(POD.node), POD.at(way.pods)))
        ends = []
        for _ in range(EACH):
            client = stack.enter_context(rig.client.tcp(way.http))
            server = stack.enter_context(listener.accept()[0])
            for end in (client, server):
                end.settimeout(PATIENCE_S)
            client.sendall(b"question")
            assert server.recv(99) == b"question"
            server.sendall(b"answer")
            assert client.recv(99) == b"answer"
            ends.append((client, server))
        yield ends


def listen(node: Namespace, address: str) -> socket.socket:
    """A listener in a pod."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def make() -> socket.socket:
        made = socket.create_server((address, PORT), family=family)
        made.settimeout(PATIENCE_S)
        return made

    return node.call(make)


def serve(rig: Rig, way: Way, **attributes: object) -> str:
    """Make the listener the only RS of the only VS, which is returned."""
    vs = way.vs(80, "tcp")
    rig.lb.apply([{**service(vs, {way.rs(POD, PORT): 1}), **attributes}])
    return vs


def remove_rs(rig: Rig, way: Way, vs: str) -> None:
    """Remove the RS."""
    rig.lb.vs_api("DELETE", vs, f"/rs/{way.rs(POD, PORT)}")


def all_reset(ends: list[Ends]) -> None:
    """Wait until every end has learnt it by an RST, not by a FIN."""
    for pair in ends:
        for end in pair:
            with pytest.raises(ConnectionResetError):
                end.recv(1)


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
        assert IDLE_S - 0.5 < time.monotonic() - begun < IDLE_S + 1
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
        assert DRAIN_S - 0.5 < time.monotonic() - begun < DRAIN_S + 1
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
        assert DRAIN_S - 0.5 < time.monotonic() - begun < DRAIN_S + 1


def ask(client: socket.socket, server: socket.socket) -> None:
    """A question and its answer."""
    client.sendall(b"question")
    assert server.recv(99) == b"question"
    server.sendall(b"answer")
    assert client.recv(99) == b"answer"

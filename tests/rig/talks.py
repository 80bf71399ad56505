# SPDX-License-Identifier: BSD-3-Clause
"""Connections through the load balancer of which a test holds both ends.

client -> VIP:80 -> pod1a:9999, a listener of the test's own
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from rig.addresses import PODS, Pod
from rig.netns import Namespace
from rig.rig import Rig
from rig.services import service
from rig.ways import Way

POD, PORT = PODS[0], 9999
EACH = 4  # connections, so that every worker has some
PATIENCE_S = 10
Ends = tuple[socket.socket, socket.socket]


@contextmanager
def connections(rig: Rig, way: Way, pod: Pod = POD) -> Iterator[list[Ends]]:
    """Open connections through the load balancer, both ends of each; a word has gone both ways."""
    with ExitStack() as stack:
        listener = stack.enter_context(listen(rig.node(pod.node), pod.at(way.pods)))
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


def all_reset(ends: list[Ends]) -> None:
    """Wait until every end has learnt it by an RST, not by a FIN."""
    for pair in ends:
        for end in pair:
            with pytest.raises(ConnectionResetError):
                end.recv(1)


def ask(client: socket.socket, server: socket.socket) -> None:
    """A question and its answer."""
    client.sendall(b"question")
    assert server.recv(99) == b"question"
    server.sendall(b"answer")
    assert client.recv(99) == b"answer"

# SPDX-License-Identifier: BSD-3-Clause
"""A UDP client that never stops moves to another RS once its own is removed.

client ---- switch ---- lb (slbd)    one socket, the next question on the heels of each answer
           |      |
         node1  node2
        pod1a,b pod2a,b
"""

import itertools
import socket
import threading

import pytest

from rig.addresses import ECHO_PORT, PODS, endpoint
from rig.rig import Rig
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns


def ask_on(client: socket.socket, names: list[str], over: threading.Event) -> None:
    """Ask until it is over and note who answers; raises TimeoutError when nobody does."""
    while not over.is_set():
        client.send(b"who?")
        names.append(client.recv(2048).decode().split()[0])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_client_that_never_stops(rig: Rig, way: Way) -> None:
    """Every question is answered, before and after, and the old session is gone."""
    vs = way.vs(7, "udp")
    rig.lb.apply(way.services())
    assert rig.client.http(4, target=way.http).failures == []
    names: list[str] = []
    over = threading.Event()
    with rig.client.udp(way.echo) as client:
        asking = rig.client.namespace.start(lambda: ask_on(client, names, over))
        try:
            wait(lambda: len(names) > 20, 5, "the first answers")
            first = next(pod for pod in PODS if pod.name == names[0])
            rig.lb.vs_api("DELETE", vs, f"/rs/{way.rs(first, ECHO_PORT)}")
            since = len(names)
            wait(lambda: len(names) > since + 20, 5, "answers after the removal")
            name = endpoint(*client.getsockname()[:2])
            sessions = rig.lb.items(f"/v1/sessions?client={name}&vs={vs}")
        finally:
            over.set()
            asking.result(timeout=15)
    assert len(list(itertools.groupby(names))) == 2, "one change, at once"
    # One question may have been under way.
    assert first.name not in names[since + 1 :]
    assert [row["rs"] for row in sessions] != [way.rs(first, ECHO_PORT)]
    assert len(sessions) == 1

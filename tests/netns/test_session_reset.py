# SPDX-License-Identifier: BSD-3-Clause
"""Sessions that end on demand: real clients and servers learn it at once, also those that idle.

client ---- switch ---- lb (slbd)    client -> VIP:80 -> pod1a:9999, a listener of the test's own
           |      |
         node1  node2
"""

import socket
import time
from collections.abc import Iterator

import pytest

from rig.addresses import ECHO, ECHO_VS, PODS
from rig.filters import losing
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import echo_service
from rig.talks import PATIENCE_S, POD, PORT, all_reset, ask, connections, serve
from rig.waiting import RigError, wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

CLOSE_S = 2
AT_ONCE_S = 3.0
OTHER = PODS[2]
# What asks an end has the number 0, as the probes of steering, which push, have.
ASKED = "tcp flags == ack tcp sequence 0 counter drop"


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def plain_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig that knows no numbers of its connections, and answers nobody without a session."""
    policies = {"tcp": {"expired": "drop", "no_session": "drop"}}
    timeouts = {"tcp_close": CLOSE_S}
    settings = LbSettings(request.param, ospf=False, policies=policies, timeouts=timeouts)
    with Rig(settings) as rig:
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


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_an_end_that_was_not_asked_learns_it_when_it_speaks(plain_rig: Rig, way: Way) -> None:
    rig = plain_rig
    vs = serve(rig, way)
    with connections(rig, way) as ends:
        with losing(rig.switch.namespace, ASKED) as lost:
            assert f"{len(ends)} sessions" in rig.lb.ctl("session", "reset", vs, "--all")
            wait(lambda: lost() == [2 * len(ends)], PATIENCE_S, "all questions lost")
        (client, _), (_, server) = ends[0], ends[1]
        client.sendall(b"question")
        server.sendall(b"answer")
        for end in (client, server):
            with pytest.raises(ConnectionResetError):
                end.recv(1)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_client_behind_a_firewall_learns_it_from_its_rs_s_answer(
    plain_rig: Rig, way: Way
) -> None:
    """One that lets through only numbers that are expected."""
    rig = plain_rig
    vs = serve(rig, way)
    with connections(rig, way) as ends:
        with losing(rig.switch.namespace, f"tcp sport 80 {ASKED}") as lost:
            rig.lb.ctl("session", "reset", vs, way.rs(POD, PORT))
            all_reset(ends)
            assert lost() == [len(ends)]


def test_clients_of_a_host_that_is_gone_are_told(plain_rig: Rig) -> None:
    """No packet of it comes any more, nor goes there."""
    rig, way = plain_rig, WAYS[0]
    vs = serve(rig, way)
    with connections(rig, way) as ends:
        address = POD.at(way.pods)
        with losing(rig.switch.namespace, f"ip saddr {address} drop", f"ip daddr {address} drop"):
            begun = time.monotonic()
            rig.lb.ctl("session", "reset", vs, way.rs(POD, PORT))
            for client, _ in ends:
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
            assert time.monotonic() - begun < AT_ONCE_S


def test_others_go_on(plain_rig: Rig) -> None:
    """Connections to another RS of the VS, whose next packets pass."""
    rig, way = plain_rig, WAYS[0]
    vs = serve(rig, way)
    with connections(rig, way) as ends:
        rig.lb.vs_api("POST", vs, "/rs", {"rs": way.rs(OTHER, PORT), "weight": 1})
        rig.lb.vs_api("PATCH", vs, f"/rs/{way.rs(POD, PORT)}", {"weight": 0})
        with connections(rig, way, OTHER) as others:
            rig.lb.ctl("session", "reset", vs, way.rs(POD, PORT))
            all_reset(ends)
            for client, server in others:
                ask(client, server)


def test_udp_clients_go_to_another_rs(plain_rig: Rig) -> None:
    """With the next datagram from the same port."""
    rig = plain_rig
    rig.lb.apply([echo_service()])
    with rig.client.udp(ECHO) as client:
        first = echoed(client)
        rs = next(pod.echo for pod in PODS if pod.name == first)
        rig.lb.vs_api("PATCH", ECHO_VS, f"/rs/{rs}", {"weight": 0})
        assert echoed(client) == first, "its session goes on"
        assert rig.lb.ctl("session", "reset", ECHO_VS, rs).startswith("1 session ")
        assert echoed(client) != first


def echoed(client: socket.socket) -> str:
    """The pod that answers."""
    client.send(b"hello")
    return client.recv(99).split()[0].decode()


def test_what_does_not_exist_is_one_line(plain_rig: Rig) -> None:
    rig = plain_rig
    vs = serve(rig, WAYS[0])
    with pytest.raises(RigError, match=r"VS 10\.96\.0\.99:80/tcp does not exist"):
        rig.lb.ctl("session", "reset", "10.96.0.99:80/tcp", "--all")
    with pytest.raises(RigError, match=f"VS {vs} has no RS 10.10.9.9:1"):
        rig.lb.ctl("session", "reset", vs, "10.10.9.9:1")

# SPDX-License-Identifier: BSD-3-Clause
"""An RS in TIME_WAIT takes the next connection from the same local port at once, since its numbers
go on; with the client's own numbers it does not.

client ---- switch ---- lb (slbd)
           |      |              one RS, two local addresses: after 129,024 sessions, the first
         node1  node2            local port of each comes round again, or changes places with its
        pod1a                    neighbour

The sessions between are SYNs with a wrong checksum: slbd, which does not look at it, makes a
session of each, and the RS's kernel drops them.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from rig.addresses import PODS, V4, V6, endpoint
from rig.lb import LbSettings
from rig.raw import Raw, flood_syn
from rig.rig import Rig
from rig.services import service
from rig.waiting import RigError, wait
from rig.ways import Way

# TIME_WAIT lasts a minute, in which so many sessions have to be made.
pytestmark = [pytest.mark.netns, pytest.mark.calm]

LAP = 2 * (65536 - 1024)
BURST = 400


RIGS = {
    "44": (1, Way(V4, V4), True),
    "44 two workers": (2, Way(V4, V4), True),
    "66": (1, Way(V6, V6), True),
    "64": (1, Way(V6, V4), True),
    "46": (1, Way(V4, V6), True),
    "44 as they are": (1, Way(V4, V4), False),
}


@pytest.fixture(scope="module", params=RIGS)
def ending(request: pytest.FixtureRequest) -> Iterator[tuple[Rig, Way]]:
    """So many workers, one RS and its clients of these families, and numbers as it says."""
    workers, way, renumber = RIGS[request.param]
    settings = LbSettings(
        workers=workers,
        ospf=False,
        services=[service(way.vs(80, "tcp"), {way.rs(PODS[0]): 1})],
        timeouts={"tcp_time_wait": 1},
        policies={"tcp": {"renumber": renumber}},
    )
    with Rig(settings) as rig:
        yield rig, way


@dataclass(frozen=True)
class Ended:
    """A connection that is over: the client's first numbers, and its local endpoint."""

    seq: int
    stamp: int
    local: str


def created(rig: Rig) -> list[int]:
    """Sessions that each worker ever made; each has taken its next local port."""
    return [int(row["sessions_created"]) for row in rig.lb.items("/v1/workers")]


def sessions_of(rig: Rig, way: Way, client: tuple[str, int]) -> list[tuple[int, str]]:
    """Worker and local endpoint of each session of a client's port with the web server's VS."""
    rows = rig.lb.items(f"/v1/sessions?client={endpoint(*client)}&vs={way.vs(80, 'tcp')}")
    return [(row["worker"], row["local"]) for row in rows]


def ended_connection(rig: Rig, way: Way, raw: Raw, port: int) -> tuple[int, Ended]:
    """A real connection that the server closes first, which then waits; and its worker."""
    source = (way.vip.clients[0], port)
    with rig.client.tcp(way.http, source) as client:
        syn = raw.see(lambda p: TCP in p and p[TCP].sport == port and p[TCP].flags == "S")
        ((worker, local),) = sessions_of(rig, way, source)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while client.recv(4096):
            pass
    wait(lambda: waits(rig, local), 5, "TIME_WAIT on the RS")
    wait(lambda: not sessions_of(rig, way, source), 5, "the end of the session")
    return worker, Ended(syn[TCP].seq, dict(syn[TCP].options)["Timestamp"][0], local)


def ended_connections(rig: Rig, way: Way, raw: Raw) -> list[Ended]:
    """The first two of worker 0's."""
    made = (ended_connection(rig, way, raw, port) for port in range(9000, 9064))
    return list(islice((ended for worker, ended in made if worker == 0), 2))


def waits(rig: Rig, local: str) -> bool:
    """Whether the RS has this peer in TIME_WAIT."""
    return local in rig.node(PODS[0].node).run("ss", "-Htn", "state", "time-wait")


def come_round(rig: Rig, way: Way, raw: Raw, turn: int) -> None:
    """Let worker 0 have made so many sessions, whatever gets lost on the way or comes to others."""
    number, deadline = 0, time.monotonic() + 120
    while (left := turn - (before := created(rig))[0]) > 0:
        for _ in range(min(left, BURST)):
            raw.send(flood_syn(way.http, number := number + 1))
        awaited = sum(before) + min(left, BURST)
        try:
            wait(lambda: sum(created(rig)) >= awaited, 0.1, "the sessions of a burst")  # noqa: B023
        except RigError:
            assert time.monotonic() < deadline
    assert created(rig)[0] == turn


def answer_to(rig: Rig, way: Way, raw: Raw, syn: TCP, awaited: list[str]) -> tuple[str, TCP]:
    """What the RS says to the SYN of the client that first gets one of these local endpoints."""
    layer = IP if way.vip is V4 else IPv6
    for port in range(syn.sport, syn.sport + 64):
        source, syn.sport = (way.vip.clients[1], port), port
        raw.send(bytes(layer(src=source[0], dst=way.vip.vip) / syn))
        reply = raw.see(lambda p: TCP in p and p[TCP].dport == port)  # noqa: B023
        ((worker, local),) = sessions_of(rig, way, source)
        if worker == 0 and local in awaited:
            return local, reply[TCP]
    raise AssertionError(f"nobody got any of {awaited}")


def behind(one: int, other: int) -> int:
    """A number that comes before both, by a million at least, modulo 2^32."""
    return ((one if (other - one) % 2**32 < 2**31 else other) - 1_000_000) % 2**32


def test_a_port_in_time_wait_is_used_again(ending: tuple[Rig, Way]) -> None:
    """The next clients' own numbers are behind those of the last, with and without time stamps."""
    rig, way = ending
    with Raw(rig.client.namespace) as raw:
        first, second = ended_connections(rig, way, raw)
        come_round(rig, way, raw, LAP - 2)
        raw.forget()
        left = [first.local, second.local]
        seq, stamp = behind(first.seq, second.seq), behind(first.stamp, second.stamp)
        assert all(waits(rig, local) for local in left)
        for sport, options in ((9100, []), (9200, [("Timestamp", (stamp, 0))])):
            syn = TCP(sport=sport, dport=way.http[1], flags="S", seq=seq, options=options)
            local, reply = answer_to(rig, way, raw, syn, left)
            left.remove(local)
            if rig.settings.policies["tcp"]["renumber"]:
                assert (reply.flags, reply.ack) == ("SA", (seq + 1) % 2**32)
            else:
                assert reply.flags == "A", "it speaks of the connection that is over"
                # The client's kernel, which has no such connection, has answered with an RST.
                raw.forget()
                again = IP(src=way.vip.clients[1], dst=way.vip.vip) / syn
                raw.send(bytes(again))
                reply = raw.see(lambda p: TCP in p and p[TCP].dport == again[TCP].sport)[TCP]  # noqa: B023
                assert (reply.flags, reply.ack) == ("SA", (seq + 1) % 2**32), "it has forgotten it"
                assert sessions_of(rig, way, (again.src, syn.sport)) == [(0, local)]

# SPDX-License-Identifier: BSD-3-Clause
"""An RS in TIME_WAIT takes the next connection from the same local port at once, since its numbers
go on; with the client's own numbers it does not.

client ---- switch ---- lb (slbd)
           |      |              one RS, two local addresses: after 129,024 sessions, the first
         node1  node2            local port of each comes round again
        pod1a

The sessions between are SYNs with a wrong checksum: slbd, which does not look at it, makes a
session of each, and the RS's kernel drops them.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from scapy.layers.inet import IP, TCP

from rig.addresses import CLIENTS, HTTP, PODS
from rig.lb import LbSettings
from rig.raw import Raw, flood_syn
from rig.rig import Rig
from rig.services import http_service
from rig.waiting import RigError, wait

pytestmark = pytest.mark.netns

LAP = 2 * (65536 - 1024)
BURST = 400


@pytest.fixture(scope="module", params=[True, False], ids=["renumbered", "as they are"])
def time_wait_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """One worker, one RS, and numbers as the parameter says."""
    settings = LbSettings(
        services=[http_service({"pod1a": 1})],
        timeouts={"tcp_time_wait": 1},
        policies={"tcp": {"renumber": request.param}},
    )
    with Rig(settings) as rig:
        rig.wait_ospf()
        yield rig


@dataclass(frozen=True)
class Ended:
    """A connection that is over: the client's first numbers, and its local endpoint."""

    seq: int
    stamp: int
    local: str


def created(rig: Rig) -> int:
    """Sessions ever made, each of which has taken the next local port."""
    (row,) = rig.lb.items("/v1/workers")
    return int(row["sessions_created"])


def local_of(rig: Rig, client: tuple[str, int]) -> list[str]:
    """Local endpoints of the sessions of a client's port."""
    rows = rig.lb.items(f"/v1/sessions?client={client[0]}:{client[1]}")
    return [row["local"] for row in rows]


def ended_connection(rig: Rig, raw: Raw, port: int) -> Ended:
    """A real connection that the server closes first, which then waits."""
    source = (CLIENTS[0], port)
    with rig.client.tcp(HTTP, source) as client:
        syn = raw.see(lambda p: TCP in p and p[TCP].sport == port and p[TCP].flags == "S")
        (local,) = local_of(rig, source)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while client.recv(4096):
            pass
    wait(lambda: waits(rig, local), 5, "TIME_WAIT on the RS")
    wait(lambda: not local_of(rig, source), 5, "the end of the session")
    return Ended(syn[TCP].seq, dict(syn[TCP].options)["Timestamp"][0], local)


def waits(rig: Rig, local: str) -> bool:
    """Whether the RS has this peer in TIME_WAIT."""
    return local in rig.node(PODS[0].node).run("ss", "-Htn", "state", "time-wait")


def come_round(rig: Rig, raw: Raw, turn: int) -> None:
    """Let so many sessions have been made, one after the other, whatever gets lost on the way."""
    number, deadline = 0, time.monotonic() + 60
    while (left := turn - created(rig)) > 0:
        before = created(rig)
        for _ in range(min(left, BURST)):
            raw.send(flood_syn(HTTP, number := number + 1))
        awaited = before + min(left, BURST)
        try:
            wait(lambda: created(rig) >= awaited, 0.1, "the sessions of a burst")  # noqa: B023
        except RigError:
            assert time.monotonic() < deadline
    assert created(rig) == turn


def answer_to(rig: Rig, raw: Raw, syn: TCP, local: str) -> TCP:
    """What the RS says to the SYN of another client that gets this local endpoint."""
    source = (CLIENTS[1], syn.sport)
    raw.send(bytes(IP(src=source[0], dst=HTTP[0]) / syn))
    reply = raw.see(lambda p: TCP in p and p[TCP].dport == syn.sport)
    assert local_of(rig, source) == [local]
    return reply[TCP]


def test_a_port_in_time_wait_is_used_again(time_wait_rig: Rig) -> None:
    """The next clients' own numbers are behind those of the last, with and without time stamps."""
    rig = time_wait_rig
    with Raw(rig.client.namespace) as raw:
        ended = [ended_connection(rig, raw, port) for port in (9000, 9001)]
        come_round(rig, raw, LAP)
        raw.forget()
        for number, was in enumerate(ended):
            assert waits(rig, was.local)
            stamp = ("Timestamp", ((was.stamp - 5000) % 2**32, 0))
            syn = TCP(sport=9100 + number, dport=HTTP[1], flags="S", options=[stamp][:number])
            syn.seq = (was.seq - 1_000_000) % 2**32
            reply = answer_to(rig, raw, syn, was.local)
            if rig.settings.policies["tcp"]["renumber"]:
                assert (reply.flags, reply.ack) == ("SA", (syn.seq + 1) % 2**32)
            else:
                assert reply.flags == "A", "it speaks of the connection that is over"

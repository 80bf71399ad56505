# SPDX-License-Identifier: BSD-3-Clause
"""A worker that runs out of sessions, or of room for fragments: counted, harmless, and soon over.

client ---- switch ---- lb (slbd)    room for 1,024 sessions a worker, and for the fragments of 16
           |      |                  datagrams
         node1  node2
        pod1a,b pod2a,b
"""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from rig.addresses import CLIENTS, ECHO, HTTP, VIP
from rig.lb import LbSettings
from rig.payload import data, digest
from rig.raw import Raw, flood_syn
from rig.rig import Rig
from rig.services import all_services
from rig.waiting import wait
from slb.model.config import Timeouts

pytestmark = pytest.mark.netns

SESSIONS, DATAGRAMS = 1024, 16
# Longer than a flood takes on a busy host.
HALF_OPEN_S = 12
QUESTION = data(30_000)
ENGINE = {
    "hugepages": False,
    "sessions": SESSIONS,
    "sessions6": SESSIONS,
    "mbufs": 8192,
    "vs_max": 64,
    "rs_max": 1024,
}


def small(workers: int, *, recycle: bool, half_open_s: int) -> Iterator[Rig]:
    """A rig without OSPF."""
    settings = LbSettings(
        workers=workers,
        ospf=False,
        services=all_services(),
        timeouts={"tcp_syn_sent": half_open_s, "tcp_time_wait": 1, "tcp_close": 1},
        policies={
            "engine": {**ENGINE, "workers": workers},
            "fragments": {"datagrams": DATAGRAMS},
            "recycle": recycle,
        },
    )
    with Rig(settings) as rig:
        assert rig.client.http(8).failures == []
        yield rig


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def small_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig in which no session makes room."""
    yield from small(request.param, recycle=False, half_open_s=HALF_OPEN_S)


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def recycling_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig in which idle ones do; half-open connections live as long as datagrams' sessions."""
    yield from small(request.param, recycle=True, half_open_s=Timeouts().udp_oneway)


def drops(rig: Rig, reason: str) -> int:
    """What was dropped for a reason so far."""
    return next(int(row["total"]) for row in rig.lb.items("/v1/drops") if row["reason"] == reason)


def flood(rig: Rig, packets: Callable[[int], bytes], number: int) -> None:
    """Send so many packets, no faster than the tap in between takes them."""
    with Raw(rig.client.namespace) as raw:
        for begin in range(0, number, 100):
            before = received(rig)
            for each in range(begin, begin + 100):
                raw.send(packets(each))
            wait(lambda b=before: received(rig) >= b + 100, 5, "the flood's arrival")  # type: ignore[misc]


def received(rig: Rig) -> int:
    """Packets that the port has received."""
    return int(rig.lb.items("/v1/ports")[0]["rx_packets"])


def half_open(number: int) -> bytes:
    """One of very many clients' SYNs."""
    return flood_syn(HTTP, number)


def refused(rig: Rig) -> bool:
    """Whether a new client gets no session now."""
    before = drops(rig, "SESSION_FULL")
    with rig.client.udp(ECHO) as client:
        client.settimeout(0.2)
        client.send(b"anybody?")
        try:
            client.recv(2048)
        except TimeoutError:
            return drops(rig, "SESSION_FULL") > before
    return False


def sessions(rig: Rig) -> int:
    """How many there are."""
    return int(rig.lb.api("/v1/sessions/count")["count"])


def ask(connection: socket.socket) -> None:
    """One request and its answer, on a connection that stays."""
    connection.sendall(b"GET /bytes/100000 HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    body = answer.partition(b"\r\n\r\n")[2]
    while len(body) < 100_000:
        body += connection.recv(65536)
    assert digest(body) == digest(data(100_000))


def test_a_syn_flood_fills_the_table(small_rig: Rig) -> None:
    """Open connections go on through it; afterwards there is room again."""
    rig = small_rig
    with rig.client.tcp() as connection:
        ask(connection)
        before = drops(rig, "SESSION_FULL")
        flooding = rig.client.namespace.start(lambda: flood(rig, half_open, 3 * SESSIONS))
        while not flooding.done():
            ask(connection)
        flooding.result()
        assert drops(rig, "SESSION_FULL") > before
        assert refused(rig)
        ask(connection)
        wait(lambda: not refused(rig), 2 * HALF_OPEN_S, "room for a new client")
        # The flood took as long as it did, and so does its end.
        left = SESSIONS // 2
        wait(lambda: sessions(rig) < left, 2 * HALF_OPEN_S, "room for many")
        ask(connection)
    assert rig.client.http(50).failures == []
    assert rig.client.dns(50).failures == []


@pytest.mark.parametrize("kind", ["half-open", "datagrams"])
def test_what_is_idle_makes_room(recycling_rig: Rig, kind: str) -> None:
    """New clients get in at once, and no open connection is lost, however many there are."""
    rig = recycling_rig
    packets = half_open if kind == "half-open" else datagram
    with ExitStack() as stack:
        connections = [stack.enter_context(rig.client.tcp()) for _ in range(100)]
        before = recycled(rig)
        flood(rig, packets, 3 * SESSIONS)
        filled = recycled(rig)
        assert all(after > was for after, was in zip(filled, before, strict=True))
        assert rig.client.http(100).failures == []
        assert rig.client.dns(100).failures == []
        # Not each of them, where sessions of an earlier test have just ended.
        assert sum(recycled(rig)) > sum(filled)
        for connection in connections:
            ask(connection)
    assert drops(rig, "SESSION_FULL") == 0


def recycled(rig: Rig) -> list[int]:
    """Sessions of each worker that have made room."""
    return [int(row["sessions_recycled"]) for row in rig.lb.items("/v1/workers")]


def datagram(number: int) -> bytes:
    """A question of one of very many clients; its checksum is wrong, so that nobody answers."""
    source = socket.inet_aton(f"203.0.113.{64 + number // 60_000}")
    header = struct.pack("!BBHHHBBH", 0x45, 0, 29, 0, 0, 64, 17, 0)
    ports = struct.pack("!HHHH", 1024 + number % 60_000, ECHO[1], 9, 1)
    return header + source + socket.inet_aton(VIP) + ports + b"?"


def headless(number: int) -> bytes:
    """A fragment whose datagram's first one never comes."""
    header = struct.pack("!BBHHHBBH", 0x45, 0, 60, 1 + number % 65535, 0x2000 + 100, 64, 17, 0)
    return header + socket.inet_aton(CLIENTS[3]) + socket.inet_aton(VIP) + bytes(40)


def test_fragments_without_a_first_one(small_rig: Rig) -> None:
    """They push out each other, and now and then others'; who asks again gets answers meanwhile."""
    rig = small_rig
    with rig.client.udp(ECHO) as client:
        client.settimeout(0.2)
        before, answers = drops(rig, "FRAGMENT_LIMIT"), 0
        flooding = rig.client.namespace.start(lambda: flood(rig, headless, 2000))
        while not flooding.done():
            answers += answered(client)
        flooding.result()
        assert answers > 0
        assert drops(rig, "FRAGMENT_LIMIT") >= before + 2000 - rig.settings.workers * DATAGRAMS
        client.settimeout(5)
        assert all(answered(client) for _ in range(10))


def answered(client: socket.socket) -> bool:
    """Ask in a datagram of many fragments; tells whether the answer came."""
    client.send(QUESTION)
    try:
        return client.recv(65536).partition(b" ")[2] == QUESTION
    except TimeoutError:
        return False

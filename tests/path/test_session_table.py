# SPDX-License-Identifier: BSD-3-Clause
"""The session table against a dictionary: nothing is lost and nothing made up, to the last entry.

A key may be moved between its two groups while others come and go, so after each round every
session is looked up by both of its keys.
"""

import random
from dataclasses import dataclass, field

import pytest
from driver import TICK_HZ, Harness
from lab import PLAIN, OpenLab
from packets.frames import VIP, VS_TCP, VS_UDP, Clients, answer, tcp, udp
from packets.nat import endpoints
from values import Settings

pytestmark = pytest.mark.path

RS = [f"10.10.0.{n}:80" for n in range(1, 9)]
FLAGS_AT = 47
# The fullest that 2, 256 and 1,024 groups of 12 keys are ever asked to be, and sizes in between.
CAPACITIES = [64, 72, 1000, 1152, 4608]
SYN = Clients(tcp())
QUESTION = Clients(udp(b""))


def with_flags(frame: bytes, flags: int) -> bytes:
    """The TCP frame with other flags."""
    return frame[:FLAGS_AT] + bytes([flags]) + frame[FLAGS_AT + 1 :]


@dataclass
class Model:
    """Clients and what the RS saw of their first packet."""

    harness: Harness
    rng: random.Random
    live: dict[int, bytes] = field(default_factory=dict)
    next_client: int = 0x14000000

    def open(self, count: int) -> None:
        """So many new clients, all of whom must find room."""
        clients = range(self.next_client, self.next_client + count)
        self.next_client += count
        results = self.harness.run_all(0, (SYN.frame(client) for client in clients))
        for client, result in zip(clients, results, strict=True):
            assert result.what == "TX 0"
            self.live[client] = result.data

    def close(self, count: int) -> None:
        """So many sessions are reset, and gone five seconds later."""
        gone = self.rng.sample(sorted(self.live), min(count, len(self.live)))
        frames = (with_flags(SYN.frame(client), 4 | 16) for client in gone)
        assert {result.what for result in self.harness.run_all(0, frames)} <= {"TX 0"}
        self.harness.advance(6)
        for client in gone:
            del self.live[client]

    def verify(self) -> None:
        """Every session by both keys, none too many."""
        clients = list(self.live)
        inward = self.harness.run_all(0, (with_flags(SYN.frame(c), 16) for c in clients))
        for client, result in zip(clients, inward, strict=True):
            assert result.what == "TX 0"
            assert endpoints(result.data) == endpoints(self.live[client])
        outward = self.harness.run_all(0, (_reply(self.live[client]) for client in clients))
        for client, result in zip(clients, outward, strict=True):
            assert result.what == "TX 0"
            assert endpoints(result.data) == ((VIP, 80), endpoints(SYN.frame(client))[0])
        assert len(self.harness.sessions()) == len(clients)


def _reply(seen: bytes) -> bytes:
    """An RS's ACK for what it saw, by swapping both ends in place."""
    frame = bytearray(seen)
    frame[26:30], frame[30:34] = seen[30:34], seen[26:30]
    frame[34:36], frame[36:38] = seen[36:38], seen[34:36]
    frame[FLAGS_AT] = 16
    return bytes(frame)


def model_of(open_lab: OpenLab, capacity: int, seed: int) -> Model:
    """A worker with room for so many sessions."""
    one = (("198.18.0.1", 0, 0),)
    lab = open_lab(
        Settings(workers=1, laddrs=one, sessions=capacity, timeouts={"TCP_SYN_SENT": 900})
    )
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_TCP, rs=RS)
    return Model(lab.harness, random.Random(seed))


def test_replies_of_the_model_are_replies(open_lab: OpenLab) -> None:
    model = model_of(open_lab, 64, 0)
    model.open(1)
    (seen,) = model.live.values()
    assert endpoints(_reply(seen)) == endpoints(bytes(answer(seen)))


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_filled_to_the_last_entry(open_lab: OpenLab, capacity: int) -> None:
    model = model_of(open_lab, capacity, capacity)
    for _ in range(3):
        model.open(capacity - len(model.live))
        model.verify()
        (beyond,) = model.harness.run(0, [SYN.frame(0x30000000)])
        assert beyond.what == "DROP SESSION_FULL"
        model.close(capacity // 3)
        model.verify()


@pytest.mark.parametrize("seed", range(4))
def test_coming_and_going(open_lab: OpenLab, seed: int) -> None:
    """Thousands of sessions through a table of 1,152 that is mostly almost full."""
    model = model_of(open_lab, 1152, seed)
    for _ in range(40):
        model.open(model.rng.randrange(1152 - len(model.live) + 1))
        model.close(model.rng.randrange(400))
        if model.rng.random() < 0.3:
            model.verify()
    model.verify()
    assert {row.traffic.active for row in model.harness.vs().values()} == {len(model.live)}


def test_pages_of_a_listing(open_lab: OpenLab) -> None:
    """Each session is listed once, whatever the size of the pages, and filters select."""
    model = model_of(open_lab, 2000, 1)
    model.open(1000)
    model.close(300)
    whole = {session.client for session in model.harness.sessions()}
    assert len(whole) == 700
    for page in (1, 7, 255, 512, 513, 5000):
        found = [session.client for session in model.harness.sessions(page=page)]
        assert len(found) == 700 and set(found) == whole
    for rs in RS:
        assert {session.rs for session in model.harness.sessions(rs=rs)} == {f"{rs}/tcp"}
    one = next(iter(whole))
    assert [s.client for s in model.harness.sessions(client=one)] == [one]
    assert not model.harness.sessions(vs=f"{VIP}:81/tcp")
    assert not model.harness.sessions(worker=1)


@pytest.mark.parametrize("seed", range(4))
def test_every_session_ends_on_its_tick(open_lab: OpenLab, seed: int) -> None:
    """Sessions with time-outs before and beyond the wheel's horizon, touched at random."""
    rng = random.Random(seed)
    timeout = rng.choice((7, 100, 400, 900)) * TICK_HZ
    one = (("198.18.0.1", 0, 0),)
    lab = open_lab(Settings(workers=1, laddrs=one, timeouts={"UDP_ONEWAY": timeout // TICK_HZ}))
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_UDP, rs=RS)
    now, last = 0, dict[int, int]()
    for _ in range(150):
        touched = rng.sample(range(300), rng.randrange(12))
        frames = [QUESTION.frame(0x14000000 + client) for client in touched]
        assert {result.what for result in lab.harness.run_all(0, frames)} <= {"TX 0"}
        last.update(dict.fromkeys(touched, now))
        step = rng.choice((1, 2, timeout // 10, timeout // 3, timeout // 2))
        lab.harness.advance(step / TICK_HZ)
        now += step
        last = {client: seen for client, seen in last.items() if now < seen + timeout}
        assert lab.active() == len(last)
    listed = {s.client: s.idle_ms for s in lab.harness.sessions()}
    idle = {
        f"20.0.{c >> 8}.{c & 255}:40000/udp": (now - seen) * 1000 // TICK_HZ
        for c, seen in last.items()
    }
    assert listed == idle

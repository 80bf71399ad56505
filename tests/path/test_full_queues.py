# SPDX-License-Identifier: BSD-3-Clause
"""What leaves a worker when nobody takes it: a full queue costs what does not fit, and no more.

The workers' own rounds run here, between rings that only the test empties.
"""

from collections import Counter

import pytest
from driver import BURST, Harness
from lab import Lab
from packets.frames import GATEWAY, LOCAL, SYN_ACK, answer, ip, patched, tcp, udp
from values import Settings

pytestmark = pytest.mark.path

SETTINGS = Settings(pps=dict.fromkeys(("ospf", "arp", "other"), 1_000_000))
TX_ROOM, OVER = 2 * BURST, 36
RING_ROOM = 1023  # SOFT_RING_SIZE, of which a ring keeps one place free
TOO_MANY = 1100
PROTO_AT, TCP, UDP = 23, 6, 17
ID_AT = 18  # of IPv4's identification, by which packets are told apart
QUERY = bytes(udp())
OSPF = bytes(ip(GATEWAY, "224.0.0.5", proto=89) / bytes(44))


def numbered(frame: bytes, count: int) -> list[bytes]:
    """So many frames with their numbers in them."""
    return [patched(frame, ID_AT, number.to_bytes(2, "big")) for number in range(count)]


def numbers(frames: list[bytes]) -> list[int]:
    """The numbers of frames that were numbered."""
    return [int.from_bytes(frame[ID_AT : ID_AT + 2], "big") for frame in frames]


@pytest.fixture
def before(harness: Harness) -> Counter[tuple[int, str]]:
    """What was dropped by earlier tests."""
    return harness.drops()


@pytest.fixture
def wired(lab: Lab, before: Counter[tuple[int, str]]) -> Harness:
    """The lab's harness with its workers between rings; both have a transmit queue."""
    lab.harness.wire(tx_queues=2, tx_room=TX_ROOM)
    return lab.harness


def replies(harness: Harness) -> bytes:
    """An RS's reply to a session of worker 1."""
    harness.receive(1, [bytes(tcp())])
    (forwarded,) = harness.take_sent(0, 1)
    assert forwarded[26:30] == bytes(map(int, LOCAL[1].split(".")))
    return bytes(answer(forwarded, SYN_ACK))


def test_a_full_transmit_queue(wired: Harness, before: Counter[tuple[int, str]]) -> None:
    wired.receive(0, numbered(QUERY, TX_ROOM + OVER))
    assert wired.drops() - before == {(0, "TX_FULL"): OVER}
    assert wired.mbufs_in_use() == TX_ROOM
    assert numbers(wired.take_sent(0, 0)) == list(range(TX_ROOM))
    assert wired.mbufs_in_use() == 0
    wired.receive(0, numbered(QUERY, TX_ROOM))
    assert len(wired.take_sent(0, 0)) == TX_ROOM
    assert wired.drops() - before == {(0, "TX_FULL"): OVER}


def test_a_full_transmit_queue_is_one_workers(
    wired: Harness, before: Counter[tuple[int, str]]
) -> None:
    wired.receive(0, numbered(QUERY, TX_ROOM))
    wired.receive(1, numbered(QUERY, 10))
    wired.receive(0, [OSPF])
    assert not wired.drops() - before
    assert len(wired.take_sent(0, 1)) == 10
    assert wired.take_punted(0) == [OSPF]
    assert len(wired.take_sent(0, 0)) == TX_ROOM


def test_a_full_ring_to_the_kni_core(wired: Harness, before: Counter[tuple[int, str]]) -> None:
    wired.receive(0, numbered(OSPF, TOO_MANY))
    wired.receive(0, [QUERY])
    assert wired.drops() - before == {(0, "PUNT_FULL"): TOO_MANY - RING_ROOM}
    assert len(wired.take_sent(0, 0)) == 1, "what is balanced does not wait for the kernel"
    assert wired.mbufs_in_use() == RING_ROOM
    assert numbers(wired.take_punted(0)) == list(range(RING_ROOM))
    assert wired.mbufs_in_use() == 0
    wired.receive(0, [OSPF])
    assert wired.take_punted(0) == [OSPF]
    assert wired.drops() - before == {(0, "PUNT_FULL"): TOO_MANY - RING_ROOM}


def test_a_full_ring_to_another_worker(wired: Harness, before: Counter[tuple[int, str]]) -> None:
    reply = replies(wired)
    wired.receive(0, numbered(reply, TOO_MANY))
    assert wired.drops() - before == {(0, "HANDOFF_FULL"): TOO_MANY - RING_ROOM}
    assert wired.mbufs_in_use() == RING_ROOM
    sent: list[bytes] = []
    while wired.round(1):
        sent += wired.take_sent(0, 1)
    assert numbers(sent) == list(range(RING_ROOM))
    assert wired.mbufs_in_use() == 0
    wired.receive(0, [reply])
    wired.rounds(1)
    assert len(wired.take_sent(0, 1)) == 1
    assert wired.drops() - before == {(0, "HANDOFF_FULL"): TOO_MANY - RING_ROOM}


def test_what_is_handed_over_leaves_room_for_its_own(wired: Harness) -> None:
    """A round takes one burst of another worker's ring, and one of the worker's own queue."""
    wired.receive(0, numbered(replies(wired), 3 * BURST))
    wired.queue(1, numbered(QUERY, 5))
    wired.round(1)
    sent = wired.take_sent(0, 1)
    assert Counter(frame[PROTO_AT] for frame in sent) == {TCP: BURST, UDP: 5}
    wired.rounds(1)
    assert len(wired.take_sent(0, 1)) == 2 * BURST


def test_a_full_ring_to_the_worker_that_sends(lab: Lab, before: Counter[tuple[int, str]]) -> None:
    """Worker 1 has no transmit queue; what it has finished goes out through worker 0's."""
    harness = lab.harness
    harness.wire(tx_queues=1, tx_room=TX_ROOM)
    harness.receive(1, numbered(QUERY, TOO_MANY))
    assert harness.drops() - before == {(1, "HANDOFF_FULL"): TOO_MANY - RING_ROOM}
    harness.rounds(0)
    assert numbers(harness.take_sent(0, 0)) == list(range(TX_ROOM))
    assert harness.drops() - before == {
        (1, "HANDOFF_FULL"): TOO_MANY - RING_ROOM,
        (0, "TX_FULL"): RING_ROOM - TX_ROOM,
    }
    assert harness.mbufs_in_use() == 0
    harness.receive(1, [QUERY])
    harness.rounds(0)
    assert len(harness.take_sent(0, 0)) == 1

# SPDX-License-Identifier: BSD-3-Clause
"""Numbers of TCP connections: what they are, how they go on, and that they may be left alone."""

import cases_tcp
import cases_tcp_numbers
import pytest
from case import Case
from cases_tcp_numbers import COMMON, LINUX_SYN, WAYS, Way, dressed
from lab import Lab, OpenLab
from packets.frames import RST_ACK, SYN, answer, patched
from packets.nat import Shift, endpoints, l4_at, tcp_options
from values import Settings

pytestmark = pytest.mark.path

PORTS = 65536 - 1024
TICKS = 16
FIRST = 40000  # port of the client
# One local address of each family, and room for a session on each of its ports.
ONE_LADDR = Settings(
    workers=1,
    laddrs=(("198.18.0.1", 0, 0), ("2001:db8:18::1", 0, 0)),
    sessions=PORTS + 1,
    sessions6=PORTS + 1,
)
OFF = [*cases_tcp_numbers.CASES, *cases_tcp.CASES]
BY_NAME = [way.name for way in WAYS]


@pytest.mark.parametrize("case", OFF, ids=lambda case: case.sentence)
def test_case_with_the_client_s_numbers(case: Case, open_lab: OpenLab) -> None:
    case.run(open_lab(Settings(renumber=False)).usual())


def numbers(frame: bytes) -> tuple[int, int]:
    """Sequence number and time stamp."""
    at = l4_at(frame) + 4
    (stamp,) = [at for at, kind, _ in tcp_options(frame) if kind == 8]
    read = [int.from_bytes(frame[place : place + 4], "big") for place in (at, stamp + 2)]
    return read[0], read[1]


def syn(way: Way, port: int, seq: int = 1000) -> bytes:
    """A client's SYN."""
    packet = way.segment(SYN)
    packet.sport = port
    return dressed(packet, LINUX_SYN, seq=seq)


def opened(lab: Lab, way: Way, port: int, seq: int = 1000) -> bytes:
    """What the RS sees of a new session."""
    (result,) = lab.harness.run(0, [syn(way, port, seq)])
    assert result.what == "TX 0"
    return result.data


def many(lab: Lab, way: Way, count: int, seq: int = 1000) -> list[bytes]:
    """So many half-open connections from all ports but the one that the tests name."""
    frame = syn(way, 1, seq)
    at = l4_at(frame)
    ports = [port for port in range(1, 65536) if port != FIRST][:count]
    # The checksum is wrong then, and left so.
    frames = (patched(frame, at, port.to_bytes(2, "big")) for port in ports)
    results = list(lab.harness.run_all(0, frames))
    assert {result.what for result in results} == {"TX 0"}
    return [result.data for result in results]


def used_again(lab: Lab, way: Way, first: bytes, seq: int) -> bytes:
    """The frame of a lap over all ports that has the first one's."""
    lap = {endpoints(frame): frame for frame in many(lab, way, PORTS, seq)}
    assert len(lap) == PORTS
    return lap[endpoints(first)]


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
def test_a_port_used_again_has_greater_numbers(way: Way, open_lab: OpenLab) -> None:
    """The walk over all ports comes round: the RS sees its last peer once more, later."""
    lab = open_lab(ONE_LADDR).usual()
    lab.harness.advance(1000)
    first = opened(lab, way, FIRST)
    lab.harness.run(0, [dressed(way.segment(RST_ACK))])
    lab.harness.advance(6)
    # The next client's numbers are far behind the first one's.
    again = used_again(lab, way, first, seq=2**32 - 2**30)
    (seq, stamp), (seq2, stamp2) = numbers(first), numbers(again)
    assert (seq2 - seq) % 2**32 == 6 * 250_000
    assert (stamp2 - stamp) % 2**32 == 6 * 1000


@pytest.mark.parametrize("ticks", [1, 3, 16, 16 * 3600 * 24 * 30])
def test_numbers_follow_the_clock(ticks: int, open_lab: OpenLab) -> None:
    """15,625 and 62.5 a tick, the half rounded down, modulo 2^32."""
    lab = open_lab(ONE_LADDR).usual()
    lab.harness.advance(5 / TICKS)
    first = opened(lab, WAYS[0], FIRST)
    lab.harness.run(0, [dressed(WAYS[0].segment(RST_ACK))])
    # Longer than any session lives, and only counted from when the last port was taken.
    lab.harness.advance(6 + ticks / TICKS)
    again = used_again(lab, WAYS[0], first, seq=1000)
    passed = 6 * TICKS + ticks
    (seq, stamp), (seq2, stamp2) = numbers(first), numbers(again)
    assert (seq2 - seq) % 2**32 == passed * 15625 % 2**32
    assert (stamp2 - stamp) % 2**32 == ((5 + passed) * 1000 // 16 - 5 * 1000 // 16) % 2**32


def test_each_port_has_numbers_of_its_own(open_lab: OpenLab) -> None:
    """The client's number is no help in guessing another connection's."""
    lab = open_lab(ONE_LADDR).usual()
    seen = [numbers(opened(lab, WAYS[0], 10000 + n)) for n in range(500)]
    for which in (0, 1):
        values = sorted(pair[which] for pair in seen)
        assert len(set(values)) == len(values)
        quarters = {value >> 30 for value in values}
        assert quarters == {0, 1, 2, 3}
    assert len({seq - stamp for seq, stamp in seen}) == len(seen)


def test_numbers_differ_from_one_worker_to_the_next_life(open_lab: OpenLab) -> None:
    """The keys are drawn anew whenever a worker begins."""
    seen = set()
    for _ in range(3):
        lab = open_lab(ONE_LADDR).usual()
        frames = many(lab, WAYS[0], PORTS)
        (one,) = [frame for frame in frames if endpoints(frame)[0][1] == 5000]
        seen.add(numbers(one))
    assert len(seen) == 3


def test_shifted_back_to_what_the_client_sent(open_lab: OpenLab) -> None:
    """An answer acknowledges and echoes the client's own numbers, whatever the RS saw."""
    lab = open_lab(ONE_LADDR).usual()
    seen = opened(lab, WAYS[0], FIRST)
    shift = Shift.learn(syn(WAYS[0], FIRST), seen)
    assert shift.seq != 0 and shift.stamp != 0
    seq, stamp = numbers(seen)
    options = COMMON[:8] + stamp.to_bytes(4, "big")
    reply = dressed(answer(seen), options, ack=(seq + 1) % 2**32)
    (back,) = lab.harness.run(0, [reply])
    at = l4_at(back.data)
    assert int.from_bytes(back.data[at + 8 : at + 12], "big") == 1001
    assert back.data[at + 28 : at + 32] == LINUX_SYN[8:12]

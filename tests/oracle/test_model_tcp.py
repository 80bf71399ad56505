# SPDX-License-Identifier: BSD-3-Clause
"""The model by itself, against frames that scapy makes: its word on the newest chapters."""

from ipaddress import ip_address

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from oracle.made import tcp_reset
from oracle.tcp_numbers import Shift
from oracle.tcp_state import Way

MACS = b"\xaa\xaa\xaa\x00\x00\x01", b"\x02\0\0\0\0\0"
ETHER = Ether(dst="aa:aa:aa:00:00:01", src="02:00:00:00:00:00")
Options = list[tuple[str, object]]


def header(options: Options, **fields: object) -> bytes:
    """A TCP header."""
    return bytes(TCP(sport=1, dport=2, chksum=0, options=options, **fields))


def sack(*edges: int) -> tuple[str, object]:
    """Acknowledged ranges."""
    return "SAck", edges


def test_a_client_s_numbers_are_shifted() -> None:
    before = header([("NOP", None), ("Timestamp", (0xFFFFFFFF, 7)), sack(1, 2)], seq=2**32 - 1)
    after = header([("NOP", None), ("Timestamp", (4, 7)), sack(1, 2)], seq=99)
    assert Shift(100, 5).apply(before, Way.IN, None) == after


def test_what_an_rs_acknowledges_is_shifted_back() -> None:
    options: Options = [sack(3, 200, 300, 2**32 - 1), ("Timestamp", (9, 4))]
    shifted: Options = [sack(2**32 - 97, 100, 200, 2**32 - 101), ("Timestamp", (9, 2**32 - 1))]
    before, after = header(options, ack=99, flags="A"), header(shifted, ack=2**32 - 1, flags="A")
    assert Shift(100, 5).apply(before, Way.OUT, None) == after


def test_what_is_not_acknowledged_stays() -> None:
    before = header([("Timestamp", (9, 4))], ack=99, flags="R")
    assert Shift(100, 5).apply(before, Way.OUT, None) == before


def test_options_that_cannot_be_read_end_the_reading() -> None:
    stamps = b"\x08\x0a" + bytes(8)
    before = header([])[:12] + b"\xb0\x10" + bytes(6) + stamps + b"\x02\x01" + stamps + bytes(2)
    after = Shift(0, 1).apply(before, Way.IN, None)
    assert after == before[:25] + b"\x01" + before[26:]


def test_what_was_added_is_learnt_from_the_first_packet_sent() -> None:
    shift = Shift(None, None)
    before = header([("Timestamp", (10, 0))], seq=1000)
    sent = header([("Timestamp", (8, 0))], seq=5000)
    assert shift.apply(before, Way.IN, sent) == sent
    assert shift == Shift(4000, 2**32 - 2)


@pytest.mark.parametrize(
    ("src", "dst", "net"),
    [
        ("10.96.0.10", "203.0.113.9", IP(id=0, flags="DF")),
        ("2001:db8:96::a", "2001:db8:c::9", IPv6()),
    ],
)
def test_reset(src: str, dst: str, net: IP | IPv6) -> None:
    made = tcp_reset(MACS, (ip_address(src).packed, 80), (ip_address(dst).packed, 40000), 77, 88)
    net.src, net.dst = src, dst
    segment = TCP(sport=80, dport=40000, flags="RA", seq=77, ack=88, window=0)
    assert made == bytes(ETHER / net / segment)

# SPDX-License-Identifier: BSD-3-Clause
"""The model's word on SYN proxies, by itself."""

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from oracle.packet import read
from oracle.syn_proxy import Cookies, Offer, Proxy, Wrong, scaled
from oracle.tcp_state import Way

PERIOD = 1024
OPTIONS = [("MSS", 1459), ("SAckOK", b""), ("Timestamp", (7, 0)), ("NOP", None), ("WScale", 5)]


def segment(flags: str, **fields: object) -> bytes:
    """A client's segment."""
    tcp = TCP(sport=40000, dport=80, flags=flags, **fields)
    return bytes(Ether() / IP(src="203.0.113.9", dst="10.96.0.10") / tcp)


def syn_ack(seq: int, stamp: int) -> bytes:
    """The TCP header of what the engine answered."""
    return bytes(TCP(flags="SA", seq=seq, options=[("Timestamp", (stamp, 7))]))


def cookies(seq: int = 32 * 77 + 3 * 8 + 5, stamp: int = 32 * 99 + 16 + 5) -> Cookies:
    """After a SYN in period 3, MSS 1440 kept, with SACK and scale 5."""
    known = Cookies()
    packet = read(segment("S", seq=1000, options=OPTIONS))
    made = read(known.answer(packet, 1460, 3 * PERIOD, syn_ack(seq, stamp)))
    assert Offer.of(made.l4_header) == Offer(1460, 7, True, (stamp, 7))
    assert made.acked == 1001
    return known


def test_a_cookie_comes_back() -> None:
    known = cookies()
    stamps = [("Timestamp", (8, 32 * 99 + 21))]
    ack = {"seq": 1001, "ack": 32 * 77 + 30, "options": stamps}
    cookie = known.accepts(read(segment("A", **ack)), 4 * PERIOD)
    assert cookie is not None and cookie.offer == Offer(1440, 5, True)
    assert known.accepts(read(segment("PA", **ack | {"seq": 1000})), 3 * PERIOD) == cookie
    for other in (
        segment("A", **ack | {"seq": 1002}),
        segment("A", **ack | {"ack": 1}),
        segment("A", **ack | {"options": []}),
        segment("RA", **ack),
        segment("A", **ack, chksum=7),
    ):
        assert known.accepts(read(other), 3 * PERIOD) is None
    assert known.accepts(read(segment("A", **ack)), 5 * PERIOD) is None


@pytest.mark.parametrize(("seq", "stamp"), [(32 * 77 + 4, 21), (32 * 77 + 29, 22), (29 ^ 8, 21)])
def test_a_cookie_that_stands_for_something_else(seq: int, stamp: int) -> None:
    with pytest.raises(Wrong):
        cookies(seq, stamp)


@pytest.mark.parametrize(
    ("rs", "into", "out"), [(9, (5, 5), (9, 7)), (15, (5, 0), (0, 7)), (0, (5, 5), (0, 7))]
)
def test_windows(rs: int, into: tuple[int, int], out: tuple[int, int]) -> None:
    (cookie,) = next(iter(cookies().sent.values()))
    proxy = Proxy(cookie, 500, 8, 0)
    proxy.establish(9, Offer(scale=rs, stamps=(1, 2)))
    assert (proxy.into, proxy.out, proxy.syn_window) == (into, out, 500 << 5)
    before = bytes(TCP(flags="A", seq=9, ack=77, window=1000))
    after = TCP(proxy.apply(before, Way.OUT))
    assert after.seq == cookie.seq and after.ack == 77
    assert after.window == int.from_bytes(scaled(1000, *out), "big")

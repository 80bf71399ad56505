# SPDX-License-Identifier: BSD-3-Clause
"""Packets that are too long for their way leave in pieces, while there are buffers for these."""

from collections.abc import Callable

import pytest
from case import Back, Case, Run, Send, ToClient, ToRs
from driver import BURST, SPARE
from errors import Told
from fragments import Datagram, Split, backwards, follow
from lab import Lab
from packets.fragments import ident_of, joined, place_of, split_for
from packets.frames import RS, RS6, VIP46, patched, tcp, udp, with_options
from scapy.layers.inet import IPOption_LSRR, IPOption_NOP, IPOption_RR
from scapy.packet import Packet
from values import Settings

pytestmark = pytest.mark.path

Opener = Callable[[Settings], Lab]

DATA = bytes(number % 251 for number in range(2000))
ROUTE = IPOption_RR(length=11, pointer=4, routers=["0.0.0.0", "0.0.0.0"])
SOURCE = IPOption_LSRR(length=7, pointer=8, routers=["192.0.2.9"])  # done
MIXED = (ROUTE, IPOption_NOP(), SOURCE, IPOption_NOP())


def udp46(payload: bytes, **fields: object) -> Packet:
    """A datagram of an IPv4 client for IPv6 servers."""
    return udp(payload, dst=VIP46, **fields)


@pytest.mark.parametrize("mtu", [576, 577, 600, 1280, 1500])
@pytest.mark.parametrize(
    "size", [550, 1000, 1252, 1253, 1472, 1473, 1480, 1980], ids=lambda size: f"{size}-bytes"
)
def test_sizes(open_lab: Opener, mtu: int, size: int) -> None:
    lab = open_lab(Settings(mtu=mtu)).usual()
    for packet, rs, header in (
        (udp(DATA[:size]), RS, 20),
        (tcp(payload=DATA[:size]), RS, 20),
        (udp46(DATA[:size]), RS6, 40),
    ):
        length = len(packet) - 34
        fits = header + length <= mtu
        outcome = ToRs(rs)
        Case("one", (Send if fits else _split(mtu))(packet, outcome)).run(lab)  # type: ignore[operator]
        lab.harness.advance(1000)
    lab.clear()


def _split(mtu: int) -> Callable[[Packet, ToRs], Split]:
    return lambda packet, outcome: Split(packet, outcome, mtu)


def test_answers_too(open_lab: Opener) -> None:
    lab = open_lab(Settings(mtu=576)).usual()
    Case(
        "both ways",
        Split(udp(DATA), ToRs(), 576),
        Split(Back(payload=DATA[1:]), ToClient(), 576),
        Split(udp46(DATA, sport=40001), ToRs(RS6), 576),
        Send(Back(payload=DATA[:1900]), Told("MTU", 1280, session="out")),
        Split(Back(payload=DATA[:1232]), ToClient(), 576),
    ).run(lab)
    lab.clear()


@pytest.mark.parametrize(
    "options", [(ROUTE,), (SOURCE,), MIXED, MIXED[::-1]], ids=["not-copied", "copied", "mixed", "x"]
)
def test_options(open_lab: Opener, options: tuple[Packet, ...]) -> None:
    lab = open_lab(Settings(mtu=576)).usual()
    Case("IPv4", Split(with_options(udp(DATA[:1900]), *options), ToRs(), 576)).run(lab)
    Case("NAT46", Split(with_options(udp46(DATA[:1900]), *options), ToRs(RS6), 576)).run(lab)
    lab.clear()


def test_options_that_cannot_be_read_are_left_behind(open_lab: Opener) -> None:
    lab = open_lab(Settings(mtu=576)).usual()
    odd = with_options(udp(DATA[:600]), SOURCE, IPOption_NOP())
    run = Run(lab)
    ended = follow(run, 0, [patched(odd, 35, b"\x20")])
    assert [len(result.data) - 14 for _, result in ended] == [572, 20 + 608 - 544]
    lab.clear()


@pytest.mark.parametrize("segments", [2, 3, 7])
def test_segments(open_lab: Opener, segments: int) -> None:
    lab = open_lab(Settings(mtu=576)).usual()
    Case(
        "pieces begin and end anywhere in a segment",
        Split(udp(DATA), ToRs(), 576, segments=segments),
        Split(udp46(DATA, sport=40001), ToRs(RS6), 576, segments=segments),
    ).run(lab)
    lab.clear()


def test_padding_is_left_behind(open_lab: Opener) -> None:
    lab = open_lab(Settings(mtu=576)).usual()
    ended = follow(Run(lab), 0, [bytes(udp(DATA[:600])) + bytes(9)])
    assert [len(result.data) for _, result in ended] == [586, 14 + 20 + 608 - 552]
    lab.clear()


def test_fragments(open_lab: Opener) -> None:
    """They are cut once more, and stay parts of their datagram."""
    lab = open_lab(Settings(mtu=576)).usual()
    big = DATA * 2
    Case(
        "in both directions",
        Datagram(udp(big), ToRs(), mtu=576),
        Datagram(Back(payload=big), ToClient(), mtu=576, order=backwards),
        Datagram(udp46(big, sport=40001), ToRs(RS6), mtu=576, order=backwards, segments=2),
    ).run(lab)
    lab.clear()


def test_a_wrong_header_checksum_stays_as_wrong_in_each_piece(open_lab: Opener) -> None:
    lab = open_lab(Settings(mtu=576)).usual()
    frame = bytes(with_options(udp(DATA[:1900]), *MIXED))
    right = [r.data for _, r in follow(Run(lab), 0, [frame])]
    wrong_sum = (int.from_bytes(frame[24:26], "big") + 0x1234) % 0xFFFF
    wrong = [r.data for _, r in follow(Run(lab), 0, [patched(frame, 24, wrong_sum.to_bytes(2))])]
    assert len(right) == len(wrong) > 1
    pairs = zip(right, wrong, strict=True)
    moved = {_sum(b) - _sum(a) - ident_of(a) + ident_of(b) for a, b in pairs}
    assert {distance % 0xFFFF for distance in moved} == {0x1234}
    lab.clear()


def _sum(frame: bytes) -> int:
    return int.from_bytes(frame[24:26], "big")


def test_each_datagram_gets_an_identification_of_its_own(open_lab: Opener) -> None:
    lab = open_lab(Settings(mtu=576)).usual()
    for make in (udp, udp46):
        idents = [
            {ident_of(r.data) for _, r in follow(Run(lab), worker, [bytes(make(DATA, sport=n))])}
            for n in range(20)
            for worker in (0, 1)
        ]
        assert all(len(ident) == 1 for ident in idents)
        assert len(set.union(*idents)) == 40
    lab.clear()


def test_pieces_carry_the_ports_tag(open_lab: Opener) -> None:
    lab = open_lab(Settings(mtu=576, vlans={0: 7})).usual()
    frame = bytes(udp(DATA))
    ended = follow(Run(lab), 0, [frame[:12] + b"\x81\x00\x00\x07" + frame[12:]])
    assert {result.data[12:16] for _, result in ended} == {b"\x81\x00\x00\x07"}
    bare = [result.data[:12] + result.data[16:] for _, result in ended]
    assert [place_of(piece) for piece in bare] == [0, 552, 1104, 1656]
    lab.clear()


def test_without_buffers_the_packet_is_dropped(open_lab: Opener) -> None:
    """Two for each packet of a burst are in reserve, and each packet here needs three."""
    lab = open_lab(Settings(mtu=576)).usual()
    frames = [bytes(udp(DATA, sport=1000 + n)) for n in range(BURST)]
    whole = SPARE // 3
    results = lab.harness.run(0, frames)
    words = [result.what for result in results]
    assert words == ["TX 0"] * whole + ["DROP NO_MBUF"] * (BURST - whole)
    assert lab.harness.drops() == {(0, "NO_MBUF"): BURST - whole}
    assert len(lab.harness.take(0)) == 3 * whole
    again = lab.harness.run(0, frames[whole:])
    assert {result.what for result in again} == {"TX 0"}, "the reserve is filled again"
    assert len(lab.harness.take(0)) == 3 * (BURST - whole)
    lab.clear()


def test_a_rounds_pieces_leave_behind_their_first(open_lab: Opener) -> None:
    lab = open_lab(Settings(mtu=576)).usual()
    lab.harness.wire(tx_queues=2, tx_room=256)
    # The reserve is filled between two rounds.
    lab.harness.receive(0, [bytes(udp())])
    lab.harness.take_sent(0, 0)
    lab.harness.receive(0, [bytes(udp(DATA))])
    sent = lab.harness.take_sent(0, 0)
    assert [place_of(piece) for piece in sent] == [0, 552, 1104, 1656]
    assert sent == split_for(joined(sent), 576, ident_of(sent[0]))
    lab.harness.close()

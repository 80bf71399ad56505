# SPDX-License-Identifier: BSD-3-Clause
"""PROXY protocol: sizes, long connections, resets of the balancer, and changes of the VS."""

from collections.abc import Iterator

import cases_client_address_errors
import cases_proxy_protocol
import pytest
from case import Case, Run, Send
from cases_tcp_mss import with_tcp_options
from cases_tcp_numbers import dressed
from client_address import FIRST, KEYS, Answers, Talk, Uncounts, talks
from driver import Refused
from errors import Told
from fragments import follow
from lab import Lab, OpenLab
from packets.client_address import behind, header_of
from packets.fragments import joined
from packets.frames import ACK, RST, SYN, SYN_ACK, VS_TCP, VS_UDP, answer
from packets.nat import l4_at, tcp_options, with_right_checksum
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from structs import number, put_ops
from values import Op, Settings

pytestmark = pytest.mark.path

TALKS = talks("proxy-v2")
BY_NAME = [talk.way.name for talk in TALKS]
CASES = [*cases_proxy_protocol.CASES, *cases_client_address_errors.CASES]
EACH = pytest.mark.parametrize("talk", TALKS, ids=BY_NAME)
GIB = 1 << 30


@pytest.fixture
def lab(open_lab: OpenLab) -> Iterator[Lab]:
    """The usual services."""
    opened = open_lab(Settings()).usual()
    yield opened
    opened.clear()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_case_with_the_client_s_numbers(case: Case, open_lab: OpenLab) -> None:
    case.run(open_lab(Settings(renumber=False)).usual())


@EACH
@pytest.mark.parametrize("start", [0, 5, 2**31, 2**32 - 3, 2**32 - 30], ids=hex)
def test_numbers_that_wrap(talk: Talk, start: int, lab: Lab) -> None:
    """Before, in and behind the header."""
    steps = [
        talk.opened()[0],
        talk.client(SYN, seq=(start - 1) % 2**32),
        Send(Answers(SYN_ACK, ack=start), Uncounts(first=start)),
        talk.tells("PA", payload=b"data", seq=start),
        talk.client("PA", b"", b"more", behind, seq=(start + 4) % 2**32),
        *(
            Send(Answers(ACK, ack=start, header=n), Uncounts(first=start))
            for n in (0, 2, talk.header - 1, talk.header, talk.header + 8)
        ),
        talk.client("PA", b"", b"data", behind, seq=start),
        talk.client(ACK, seq=(start - 1) % 2**32),
    ]
    Case("all numbers", *steps).run(lab)


@EACH
def test_more_than_fits_into_the_numbers(talk: Talk, lab: Lab) -> None:
    """Twice round, 1 GiB at a time: the first byte's number comes again, and is another's."""
    steps = [*talk.opened(), talk.tells("PA", payload=b"data")]
    for place in range(GIB // 2, 9 * GIB, GIB // 2):
        seq = (FIRST + place) % 2**32
        answer = Answers(ACK, ack=seq, header=talk.header)
        # From its place alone it looks like one before the first byte, or like that one.
        outcome = Uncounts(first=(seq - GIB) % 2**32)
        steps += [talk.client("PA", b"", b"data", behind, seq=seq), Send(answer, outcome)]
    Case("it goes on", *steps).run(lab)


def announced(frame: bytes) -> int:
    """The segment size of a SYN."""
    (at,) = [at for at, kind, _ in tcp_options(frame) if kind == 2]
    return int.from_bytes(frame[at + 2 : at + 4], "big")


@EACH
@pytest.mark.parametrize(
    ("clamp", "mss", "most"),
    [("OFF", 1460, 1460), ("OFF", 65535, 65535), ("AUTO", 9000, 0), ("AUTO", 1000, 1000)],
)
def test_the_segment_size_leaves_room(
    talk: Talk, clamp: str, mss: int, most: int, open_lab: OpenLab
) -> None:
    lab = open_lab(Settings(options={"tcp_mss": number(f"SLB_MSS_{clamp}")})).usual()
    most = most or (1440 if talk.way.name != "IPv4" else 1460)
    syn = with_tcp_options(talk.way.segment(SYN), [("MSS", mss)])
    lab.harness.commit([Op("VS_EDIT", KEYS[talk.way.name], client_address="proxy-v2")])
    (asked,) = lab.harness.run(0, [bytes(syn)])
    assert announced(asked.data) == most, "what the RS may send is as it was"
    for own, told in ((mss, most - talk.header), (64, 64), (talk.header + 64, 64), (90, None)):
        reply = with_tcp_options(answer(asked.data, SYN_ACK), [("MSS", own)])
        (back,) = lab.harness.run(0, [bytes(reply)])
        if told is not None:
            assert announced(back.data) == told
        assert announced(back.data) <= max(own - talk.header, 64) or own < talk.header + 64
    lab.clear()


def header_bytes(talk: Talk) -> int:
    """Of IP and TCP towards the RS."""
    return 60 if talk.way.name in ("IPv6", "NAT46") else 40


@EACH
def test_full_segments(talk: Talk, lab: Lab) -> None:
    """What the announced size allows fits, with the header and without."""
    most = 1500 - header_bytes(talk) - talk.header
    later = 1500 - header_bytes(talk) - (20 if talk.way.name == "NAT64" else 0)
    Case(
        "as long as can be",
        *talk.opened(),
        talk.tells("PA", payload=b"x" * most),
        talk.client("PA", b"", b"x" * most, behind, seq=FIRST + most),
        talk.server(ACK, ack=FIRST + 2 * most, header=talk.header),
        talk.client("PA", b"", b"x" * later, behind, seq=FIRST + 2 * most),
    ).run(lab)


@EACH
def test_a_client_whose_packet_gets_too_long_is_told_how_long_it_may_be(
    talk: Talk, lab: Lab
) -> None:
    most = 1500 - header_bytes(talk) - talk.header
    packet = talk.way.segment("PA", b"x" * (most + 1))
    if IP in packet:
        packet[IP].flags = "DF"
    frame = dressed(packet, seq=FIRST)
    mtu = most + (60 if talk.header == 52 else 40)
    Case(
        "one byte more",
        *talk.opened(),
        Send(frame, Told("MTU", mtu, session="in")),
        talk.tells("PA", payload=b"x" * most),
    ).run(lab)


@pytest.mark.parametrize(("talk", "mtu"), [(TALKS[0], 1500), (TALKS[2], 1280)], ids=["4", "64"])
def test_what_may_be_cut_is_cut(talk: Talk, mtu: int, open_lab: OpenLab) -> None:
    """An IPv6 client need not send less than 1,280 bytes, even if with the header they are more."""
    lab = open_lab(Settings(mtu=mtu)).usual()
    data = b"x" * (mtu - 40 if talk.way.name == "IPv4" else mtu - 60)
    run = Run(lab)
    for step in talk.opened():
        step.do(run)
    sent = dressed(talk.way.segment("PA", data), seq=FIRST)
    pieces = [result.data for _, result in follow(run, 0, [sent])]
    assert len(pieces) == 2 and max(map(len, pieces)) <= 14 + mtu
    assert not any(piece[20] & 0x40 for piece in pieces), "they may be cut again"
    whole = joined(pieces)
    assert whole[l4_at(whole) + 20 :] == header_of(sent) + data
    assert int.from_bytes(whole[l4_at(whole) + 16 : l4_at(whole) + 18]) == _right(whole)
    lab.clear()


def _right(frame: bytes) -> int:
    right = with_right_checksum(frame)
    return int.from_bytes(right[l4_at(frame) + 16 : l4_at(frame) + 18])


def test_ipv6_on_a_way_that_is_no_longer_than_it_must_be(open_lab: OpenLab) -> None:
    lab = open_lab(Settings(mtu=1280)).usual()
    talk = TALKS[1]
    frame = dressed(talk.way.segment("PA", b"x" * 1220), seq=FIRST)
    Case("no less", *talk.opened(), Send(frame, Told("MTU", 1280, session="in"))).run(lab)
    lab.clear()


@EACH
@pytest.mark.parametrize("renumber", [True, False])
def test_both_ends_are_told_of_the_end_in_their_own_numbers(
    talk: Talk, renumber: bool, open_lab: OpenLab
) -> None:
    """`tcp.expired: reset`: the client has sent no header, and is not told of one."""
    options = {"tcp_expired": number("SLB_EXPIRED_RESET")}
    for acked, header, told in ((0, 0, 0), (0, talk.header, 0), (9, talk.header, 9), (0, 3, 0)):
        lab = open_lab(Settings(options=options, renumber=renumber)).usual()
        Case(
            "open",
            *talk.opened(),
            talk.tells("PA", payload=b"data data"),
            talk.server(ACK, ack=FIRST + acked, header=header),
        ).run(lab)
        lab.harness.advance(901)
        resets = [Ether(result.data)[TCP] for result in lab.harness.take(0)]
        assert [one.flags for one in resets] == ["RA", "RA"]
        to_client, to_rs = resets
        assert (to_client.seq, to_client.ack) == (6, FIRST + told)
        assert to_rs.ack == 6
        if not renumber:
            assert to_rs.seq == FIRST + acked + header
        lab.clear()


def test_what_is_configured_counts_for_new_sessions(lab: Lab) -> None:
    talk = TALKS[0]
    other = Talk(talk.way, "toa")
    Case(
        "an old session goes on as it began",
        *talk.opened(),
        other.opened()[0],
        talk.tells("PA", payload=b"data"),
        talk.client(RST, b"", b"", behind),
    ).run(lab)
    Case(
        "a new one does not",
        other.client(SYN, seq=FIRST - 1),
        other.server(SYN_ACK),
        other.tells("PA", payload=b"data"),
    ).run(lab)


@pytest.mark.parametrize("how", ["toa", "proxy-v2"])
def test_refused_for_udp(how: str, lab: Lab) -> None:
    for kind in ("VS_ADD", "VS_EDIT"):
        with pytest.raises(Refused, match="client_address is for a TCP service only") as refused:
            lab.harness.commit([Op(kind, VS_UDP, client_address=how)])
        assert refused.value.reason == "BAD_VALUE"


def test_another_number_is_refused(lab: Lab) -> None:
    ops = put_ops([Op("VS_EDIT", VS_TCP)])
    ops[0].client_address = number("SLB_CLIENT_ADDRESS_COUNT")
    with pytest.raises(Refused, match="client_address 3 does not exist"):
        lab.harness.commit_raw(ops, 1)

# SPDX-License-Identifier: BSD-3-Clause
"""SYN proxy: a client's handshake comes first, and costs nothing until it is done."""

from dataclasses import replace

import pytest
import structs
from cases_tcp_numbers import NOP, WAYS, Way, sack, stamp
from driver import Refused
from lab import PLAIN, Lab, OpenLab
from packets.frames import RS_TCP, VIP, VS_TCP, VS_UDP, ether, patched, tcp
from packets.nat import l4_at, right_checksums
from proxied import Ends, each_way, made, proxied, vs_of
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.layers.l2 import Ether
from test_tcp_expired import TICK_S
from values import Op, Settings

pytestmark = pytest.mark.path

SMALL = Settings(workers=1, laddrs=Settings.laddrs[::2], sessions=64)


@pytest.fixture
def lab(open_lab: OpenLab) -> Lab:
    """The usual services, all TCP ones that have an RS with SYN proxy."""
    return proxied(open_lab(Settings()).usual(), *WAYS)


@each_way
def test_a_connection(way: Way, lab: Lab) -> None:
    """Every number of both ends, and the state."""
    ends = Ends(lab, way).syn()
    assert lab.active() == 0
    ends.acked().established()
    assert [one.state for one in lab.harness.sessions()] == ["TCP_ESTABLISHED"]
    ends.forth(ends.client("PA", b"GET /"))
    ends.back(ends.rs("PA", b"hello", ack=6, options=NOP + NOP + stamp(9100, 5)))
    ends.back(ends.rs("A", ack=6, options=NOP + NOP + sack(1, 2, 3, 4)))
    ends.forth(ends.client("A", seq=6, ack=6, options=sack(7, 9) + NOP + NOP))
    ends.back(ends.rs("FA", seq=6, ack=6))
    ends.forth(ends.client("FA", seq=6, ack=7))
    ends.back(ends.rs("A", seq=7, ack=7))
    assert [one.state for one in lab.harness.sessions()] == ["TCP_TIME_WAIT"]


PLAIN_SYN = b"\2\4\5\xb4"
STAMPED = PLAIN_SYN + NOP + NOP + stamp()
OFFERS = {
    "nothing": (b"", b"\2\4\5\xb4"),
    "MSS alone": (PLAIN_SYN, PLAIN_SYN),
    "SACK and scale without time stamps": (PLAIN_SYN + b"\4\2\3\3\7\0", PLAIN_SYN),
    "time stamps alone": (STAMPED, STAMPED),
    "no SACK": (STAMPED + NOP + b"\3\3\0", STAMPED + NOP + b"\3\3\7"),
    "no scale": (PLAIN_SYN + b"\4\2" + stamp(), PLAIN_SYN + b"\4\2" + stamp(7)),
    "the greatest scale": (STAMPED + NOP + b"\3\3\x0e", STAMPED + NOP + b"\3\3\x0e"),
    "an RS that does not scale": (STAMPED + NOP + b"\3\3\7", STAMPED),
    "an RS without SACK": (
        PLAIN_SYN + b"\4\2" + stamp() + NOP + b"\3\3\7",
        STAMPED + NOP + b"\3\3\7",
    ),
    "an RS of the LB's own scale": (STAMPED + NOP + b"\3\3\7", STAMPED + NOP + b"\3\3\7"),
    "an RS that does not scale to speak of": (STAMPED + NOP + b"\3\3\7", STAMPED + NOP + b"\3\3\0"),
    "odd places": (NOP + stamp() + b"\3\3\2" + b"\4\2\2\4\5\xb4", NOP + stamp(3) + b"\3\3\1\0\0"),
    "an RS with time stamps the client has not": (PLAIN_SYN, STAMPED + NOP + b"\3\3\7"),
}


@pytest.mark.parametrize("offer", OFFERS, ids=str)
@each_way
def test_what_either_end_offers(way: Way, offer: str, lab: Lab) -> None:
    """Windows are exact or rounded down, and never greater than what was meant."""
    client, rs = OFFERS[offer]
    ends = Ends(lab, way, options=client, rs_options=rs, window=700)
    ends.syn().acked(
        mss=1460 if client else (1220 if ":" in ends.ends[0][0] else 536)
    ).established()
    for window in (0, 1, 127, 128, 129, 1000, 65535):
        ends.forth(ends.client("PA", b"x", window=window))
        ends.back(ends.rs("A", window=window))
    ends.answered(ends.rs("SA", seq=0, options=rs, window=65535), 65535)


@each_way
def test_numbers_that_wrap(way: Way, lab: Lab) -> None:
    """The client's, and the RS's."""
    options = PLAIN_SYN + b"\4\2" + stamp(2**32 - 1)
    ends = Ends(lab, way, isn=2**32 - 1, rs_isn=2**32 - 1, options=options, rs_options=options)
    ends.shaken()
    ends.forth(ends.client("PA", b"x" * 9))
    ends.back(ends.rs("PA", b"y" * 9, ack=10, options=NOP + NOP + stamp(0, 5)))
    ends.back(ends.rs("A", seq=10, options=sack(2**31, 5)))


def test_a_probe_of_the_closed_window_does_for_a_lost_ack(lab: Lab) -> None:
    """It repeats the SYN's place, or is a byte of data."""
    Ends(lab, WAYS[0]).syn().acked(Ends.client(probed := Ends(lab, WAYS[0]).syn(), "A", seq=0))
    assert probed.lab.active() == 1
    ends = Ends(lab, WAYS[0], port=40001).syn()
    ends.acked(ends.client("PA", b"x"))
    ends.established()
    third = Ends(lab, WAYS[0], port=40002).syn()
    third.acked(third.client("FA")).established()
    third.forth(third.client("FA"))


def reset(ends: Ends) -> bytes:
    """The RST that a client gets that was answered and has no session."""
    client, service = ends.ends
    return made(service, client, "R", seq=ends.cookie + 1)


def refused(ends: Ends, reason: str) -> None:
    """The client's ACK is answered with an RST, and counted."""
    before = ends.lab.harness.drops()
    result = ends.run(ends.client("A"))
    assert (result.what, result.data) == ("TX 0", reset(ends))
    assert ends.lab.harness.drops() - before == {(0, reason): 1}


@each_way
def test_no_rs(way: Way, lab: Lab) -> None:
    """A SYN is not answered then; an ACK is, with an RST."""
    ends = Ends(lab, way).syn()
    (rs,) = lab.harness.rs(vs_of(way))
    lab.harness.commit([Op("RS_EDIT", vs_of(way), rs.rs, 0)])
    ends.dropped(ends.client("S", seq=0), "NO_RS")
    refused(ends, "NO_RS")
    assert lab.active() == 0


def test_no_session_free(open_lab: OpenLab) -> None:
    """The table is full."""
    lab = proxied(open_lab(SMALL).usual(), *WAYS)
    for port in range(1, SMALL.sessions + 1):
        Ends(lab, WAYS[0], port=port).shaken()
    refused(Ends(lab, WAYS[0]).syn(), "SESSION_FULL")


def test_no_local_port(open_lab: OpenLab) -> None:
    """There is no local address of the RS's family any more that has a port."""
    ports = 65536 - 1024
    laddrs = (("198.18.0.1", 0, 0),)
    settings = Settings(workers=1, laddrs=laddrs, sessions=ports + 9, sessions6=0)
    lab = proxied(open_lab(settings).usual(), WAYS[0])
    # The checksum is wrong then, and left so.
    frame = bytes(tcp(src="203.0.113.8", dst=VIP, dport=81))
    many = (patched(frame, 34, port.to_bytes(2, "big")) for port in range(1, ports + 1))
    lab.add_vs(f"{VIP}:81/tcp", rs=[RS_TCP])
    assert {result.what for result in lab.harness.run_all(0, many)} == {"TX 0"}
    refused(Ends(lab, WAYS[0]).syn(), "NO_LOCAL_PORT")


@each_way
def test_a_worker_that_takes_no_sessions(way: Way, open_lab: OpenLab) -> None:
    """slbd is about to stop: who has been answered is told."""
    ends = Ends(proxied(open_lab(Settings()).usual(), *WAYS), way).syn()
    live = Ends(ends.lab, way, port=41000).shaken()
    ends.lab.harness.quiesce()
    ends.dropped(ends.client("S", seq=0), "STOPPING")
    refused(ends, "STOPPING")
    live.forth(live.client("PA", b"still here"))


@each_way
def test_while_the_rs_is_silent(way: Way, lab: Lab) -> None:
    """Packets wait in vain; the SYN is repeated after 1 and 3 s, and after 7 the client is told."""
    ends = Ends(lab, way).syn().acked()
    for frame in (
        ends.client("A"),
        ends.client("PA", b"x"),
        ends.client("FA"),
        ends.client("S", seq=0),
    ):
        ends.dropped(frame, "SYN_PROXY")
    repeated = ends.expected_syn(1460, (0x01020400 + ends.rs_stamp) % 2**32)
    sent_at = []
    for quarter in range(1, 28):
        lab.harness.advance(0.25)
        ends.dropped(ends.client("A"), "SYN_PROXY")
        for frame in ends.sent():
            assert frame == repeated
            sent_at.append(quarter / 4)
    assert sent_at == [1, 3]
    lab.harness.advance(0.25)
    client, service = ends.ends
    assert ends.sent() == [made(service, client, "RA", seq=ends.cookie + 1, ack=ends.isn + 1)]
    assert lab.active() == 0


def test_a_late_answer_of_the_rs(lab: Lab) -> None:
    """The second SYN is answered; then the session lives as any does."""
    ends = Ends(lab, WAYS[0]).syn().acked()
    lab.harness.advance(2)
    assert len(ends.sent()) == 1
    ends.established()
    lab.harness.advance(20)
    assert ends.sent() == [] and lab.active() == 1


@each_way
def test_the_rs_refuses(way: Way, lab: Lab) -> None:
    """The client gets an RST that it takes for the RS's."""
    ends = Ends(lab, way).syn().acked()
    client, service = ends.ends
    for frame in (
        ends.rs("RA", seq=-ends.rs_isn, ack=0),
        ends.rs("R", seq=-ends.rs_isn, acks=False),
        ends.rs("S", seq=0, acks=False),
        ends.rs("A"),
        patched(ends.rs("RA", seq=-ends.rs_isn), l4_at(ends.syn_seen) + 16, b"\x12\x34"),
    ):
        ends.dropped(frame, "SYN_PROXY")
    result = ends.run(ends.rs("RA", seq=-ends.rs_isn))
    wanted = made(service, client, "RA", seq=ends.cookie + 1, ack=ends.isn + 1)
    assert result.what == "TX 0" and right_checksums(result.data)
    assert Ends.tcp_part(result.data) == Ends.tcp_part(wanted)
    assert [one.state for one in lab.harness.sessions()] == ["TCP_CLOSE"]
    Ends(lab, way).shaken()


@each_way
def test_an_rs_that_remembers_another_connection(way: Way, lab: Lab) -> None:
    """It gets the RST that makes it forget, and the next SYN is welcome."""
    ends = Ends(lab, way).syn().acked()
    for flags in ("A", "SA", "FA"):
        result = ends.run(ends.rs(flags, ack=500, seq=9999))
        wanted = made(ends.local, ends.server, "R", seq=ends.rs_seq + 500)
        assert (result.what, result.data) == ("TX 0", wanted)
    lab.harness.advance(1)
    assert len(ends.sent()) == 1
    ends.established()


@each_way
def test_an_rs_without_time_stamps(way: Way, lab: Lab) -> None:
    """The client counts on them, so both are told that it was in vain."""
    ends = Ends(lab, way).syn().acked()
    client, service = ends.ends
    before = lab.harness.drops()
    result = ends.run(ends.rs("SA", seq=0, options=PLAIN_SYN))
    wanted = made(service, client, "RA", seq=ends.cookie + 1, ack=ends.isn + 1)
    assert Ends.tcp_part(result.data) == Ends.tcp_part(wanted)
    assert ends.sent() == [made(ends.local, ends.server, "R", seq=ends.rs_seq + 1)]
    assert lab.harness.drops() - before == {(0, "SYN_STAMPS"): 1}
    assert [one.state for one in lab.harness.sessions()] == ["TCP_CLOSE"]


@each_way
def test_who_cannot_be_told_is_counted_too(way: Way, lab: Lab) -> None:
    """The SYN-ACK for what it was, and the RST that it became for having no way to its client."""
    ends = Ends(lab, way).syn().acked()
    lab.harness.forward(replace(PLAIN, neighbours=()))
    before = lab.harness.drops()
    result = ends.run(ends.rs("SA", seq=0, options=PLAIN_SYN))
    assert result.what == "DROP NO_NEIGHBOUR"
    assert ends.sent() == [], "nor has the RS a way"
    assert lab.harness.drops() - before == {(0, "SYN_STAMPS"): 1, (0, "NO_NEIGHBOUR"): 1}
    lab.harness.events()


@each_way
def test_a_client_that_gives_up_early(way: Way, lab: Lab) -> None:
    """Its RST goes on, without an acknowledgement that the RS would not understand."""
    ends = Ends(lab, way).syn().acked()
    ends.dropped(ends.client("R", seq=2), "SYN_PROXY")
    result = ends.run(ends.client("RA"))
    assert result.what == "TX 0"
    wanted = made(ends.local, ends.server, "R", seq=ends.rs_seq + 1)
    assert Ends.tcp_part(result.data) == Ends.tcp_part(wanted)
    assert [one.state for one in lab.harness.sessions()] == ["TCP_CLOSE"]
    Ends(lab, way).shaken()


@pytest.mark.parametrize("end", ["client", "rs"])
@each_way
def test_a_refused_session_ends_by_its_own_time_out(way: Way, end: str, open_lab: OpenLab) -> None:
    """It was armed for its next SYN, which may be due later."""
    settings = Settings(timeouts={"TCP_SYN_SENT": 1, "TCP_CLOSE": 1})
    ends = Ends(proxied(open_lab(settings).usual(), *WAYS), way).syn().acked()
    frame = ends.client("RA") if end == "client" else ends.rs("RA", seq=-ends.rs_isn)
    ends.lab.harness.advance(1)
    assert len(ends.sent()) == 1
    assert ends.run(frame).what == "TX 0"
    ends.lab.harness.advance(1 - TICK_S)
    assert ends.lab.active() == 1
    ends.lab.harness.advance(2 * TICK_S)
    assert (ends.sent(), ends.lab.active()) == ([], 0)


@each_way
def test_an_rs_that_answers_again(way: Way, lab: Lab) -> None:
    """Our ACK was lost: it gets another one, whatever the client has sent by then."""
    ends = Ends(lab, way).shaken()
    ends.forth(ends.client("PA", b"x"))
    ends.answered(ends.rs("SA", seq=0, options=ends.rs_options, window=300), 300)
    ends.dropped(ends.rs("SA", seq=1, options=ends.rs_options), "SYN_PROXY")
    ends.dropped(ends.rs("SA", seq=0, ack=2, options=ends.rs_options), "SYN_PROXY")
    ends.dropped(ends.rs("SA", seq=0, options=PLAIN_SYN), "SYN_PROXY")


@each_way
def test_a_client_that_begins_anew(way: Way, lab: Lab) -> None:
    """From the port of a connection that is over: the session ends, and its SYN is answered."""
    ends = Ends(lab, way).shaken()
    ends.forth(ends.client("FA"))
    ends.back(ends.rs("FA", ack=2))
    ends.forth(ends.client("A", seq=2, ack=2))
    again = Ends(lab, way, isn=50000).syn()
    assert lab.active() == 0
    again.acked().established()
    # While it lives, its RS is the one to judge a SYN.
    assert ends.run(again.client("S", seq=7)).what == "TX 0"


def test_all_in_one_burst(lab: Lab) -> None:
    """SYN, ACK, ACK again and data of a client: one session, one SYN."""
    ends = Ends(lab, WAYS[0]).syn()
    frames = [ends.client("S", seq=0), ends.client("A"), ends.client("A"), ends.client("PA", b"x")]
    results = lab.harness.run(0, frames)
    assert [r.what for r in results] == ["TX 0", "TX 0", "DROP SYN_PROXY", "DROP SYN_PROXY"]
    assert lab.active() == 1


def test_in_segments(lab: Lab) -> None:
    """Frames in several buffers."""
    ends = Ends(lab, WAYS[0]).syn()
    (result,) = lab.harness.run(0, [ends.client("PA", b"x" * 900)], segments=3)
    assert result.what == "TX 0" and len(result.data) == 14 + 20 + 40


def test_who_recycles_spares_it(open_lab: OpenLab) -> None:
    """Not before the RS has answered, but from then on."""
    lab = proxied(open_lab(replace(SMALL, options={"recycle": 1})).usual(), *WAYS)
    for port in range(1, SMALL.sessions + 1):
        Ends(lab, WAYS[0], port=port).syn().acked()
    for port in range(101, SMALL.sessions + 101):
        ends = Ends(lab, WAYS[0], port=port).shaken()
    refused(Ends(lab, WAYS[0], port=3).syn(), "SESSION_FULL")
    ends.forth(ends.client("PA", b"x"))


def test_numbers_of_the_last_acknowledgements(open_lab: OpenLab) -> None:
    """`tcp.expired: reset`: each end is told in the numbers that it knows."""
    options = {"tcp_expired": structs.number("SLB_EXPIRED_RESET")}
    settings = Settings(options=options, timeouts={"TCP_ESTABLISHED": 60})
    lab = proxied(open_lab(settings).usual(), *WAYS)
    for way in WAYS:
        ends = Ends(lab, way).shaken()
        ends.back(ends.rs("PA", b"hello"))
        ends.forth(ends.client("A", ack=6))
        lab.harness.advance(61)
        client, service = ends.ends
        assert ends.sent() == [
            made(service, client, "RA", seq=ends.cookie + 6, ack=ends.isn + 1),
            made(ends.local, ends.server, "RA", seq=ends.rs_seq + 1, ack=ends.rs_isn + 6),
        ]
        # As soon as the RS has answered the client's acknowledgement is known.
        ends = Ends(lab, way).shaken()
        lab.harness.advance(61)
        assert ends.sent() == [
            made(service, client, "RA", seq=ends.cookie + 1, ack=ends.isn + 1),
            made(ends.local, ends.server, "RA", seq=ends.rs_seq + 1, ack=ends.rs_isn + 1),
        ]


@each_way
def test_errors_quote_what_their_receiver_sent(way: Way, lab: Lab) -> None:
    """An ICMP error about either end's packet has that end's own numbers in it."""
    ends = Ends(lab, way).shaken()
    for frame, inwards in (
        (
            ends.client("PA", b"x" * 40, seq=5, options=ends.client_stamp() + sack(7, 9) + NOP * 2),
            True,
        ),
        (
            ends.rs(
                "PA", b"y" * 40, seq=5, options=NOP * 2 + stamp(9100, 5) + NOP * 2 + sack(1, 2)
            ),
            False,
        ),
    ):
        result = ends.run(frame)
        assert result.what == "TX 0"
        error = unreachable(result.data)
        told = ends.run(error)
        assert told.what == "TX 0"
        quoted = quoted_segment(told.data)
        want = frame[l4_at(frame) :]
        # The window stays as it was seen where the error was made, and the checksum goes with it.
        assert quoted[:14] == want[:14]
        assert quoted[20 : 20 + 28] == want[20 : 20 + 28], inwards


def unreachable(frame: bytes) -> bytes:
    """An error about a frame, from its destination to its source."""
    seen = Ether(frame)
    head = ether()
    if IPv6 in seen:
        quote = bytes(seen[IPv6])
        return bytes(
            head / IPv6(src=seen[IPv6].dst, dst=seen[IPv6].src) / ICMPv6DestUnreach(code=1) / quote
        )
    quote = bytes(seen[IP])
    return bytes(head / IP(src=seen[IP].dst, dst=seen[IP].src) / ICMP(type=3, code=1) / quote)


def quoted_segment(frame: bytes) -> bytes:
    """The TCP segment that an error quotes, whose IP header is plain."""
    start = 14 + (40 + 8 + 40 if frame[14] >> 4 == 6 else 20 + 8 + 20)
    return frame[start:]


def test_a_removed_rs_and_the_drain(open_lab: OpenLab) -> None:
    """The deadline of a removed RS ends a session that waits, and tells its client."""
    lab = proxied(open_lab(Settings(options={"drain_tcp_s": 2})).usual(), *WAYS)
    ends = Ends(lab, WAYS[0]).syn().acked()
    lab.harness.commit([Op("RS_DEL", VS_TCP, RS_TCP)])
    lab.harness.advance(1)
    assert len(ends.sent()) == 1
    lab.harness.advance(1.5)
    client, service = ends.ends
    assert ends.sent() == [made(service, client, "RA", seq=ends.cookie + 1, ack=ends.isn + 1)]
    assert lab.active() == 0


def test_no_syn_behind_the_drain(open_lab: OpenLab) -> None:
    """When the clock has passed both, the deadline counts, and not that a SYN was due before."""
    lab = proxied(open_lab(Settings(options={"drain_tcp_s": 2})).usual(), *WAYS)
    ends = Ends(lab, WAYS[0]).syn().acked()
    lab.harness.commit([Op("RS_DEL", VS_TCP, RS_TCP)])
    lab.harness.advance(60)
    client, service = ends.ends
    assert ends.sent() == [made(service, client, "RA", seq=ends.cookie + 1, ack=ends.isn + 1)]
    assert lab.active() == 0


@pytest.mark.parametrize(
    ("setting", "mtu", "announced", "passed"),
    [
        (0, 1500, 1460, 1460),
        (1, 1500, 1460, 1460),
        (1, 1400, 1360, 1360),
        (1, 9000, 8960, 1460),
        (900, 1500, 900, 900),
    ],
)
def test_mss_that_is_announced(
    setting: int, mtu: int, announced: int, passed: int, open_lab: OpenLab
) -> None:
    """As `tcp.mss` would clamp an RS's; the client's is clamped, at once and when repeated."""
    lab = open_lab(Settings(mtu=mtu, options={"tcp_mss": setting}))
    ends = Ends(proxied(lab.usual(), *WAYS), WAYS[0])
    ends.syn(mss=announced).acked(mss=passed)
    lab.harness.advance(1)
    assert ends.sent() == [ends.expected_syn(passed, (0x01020400 + ends.rs_stamp) % 2**32)]


def test_without_renumbering(open_lab: OpenLab) -> None:
    """`tcp.renumber: false`: the client's numbers are the RS's too."""
    ends = Ends(proxied(open_lab(Settings(renumber=False)).usual(), *WAYS), WAYS[0]).shaken()
    assert (ends.rs_seq, ends.rs_stamp) == (ends.isn, 0)
    ends.forth(ends.client("PA", b"x"))
    ends.back(ends.rs("PA", b"y", ack=2))


def test_no_syn_proxy_for_udp(lab: Lab) -> None:
    with pytest.raises(Refused, match="syn_proxy is for a TCP service only"):
        lab.harness.commit([Op("VS_EDIT", VS_UDP, syn_proxy=True)])


@pytest.mark.parametrize("how", ["toa", "proxy-v2"])
def test_not_with_client_address(how: str, lab: Lab) -> None:
    """An RS that speaks first would not be told by the balancer's own ACK."""
    with pytest.raises(Refused, match="a service has client_address or syn_proxy, not both"):
        lab.harness.commit([Op("VS_EDIT", VS_TCP, syn_proxy=True, client_address=how)])

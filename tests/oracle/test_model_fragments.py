# SPDX-License-Identifier: BSD-3-Clause
"""Fragments as the model has them, against frames that scapy makes."""

from ipaddress import ip_address

from scapy.layers.inet import ICMP, IP, UDP, IPOption, defragment, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Ether
from scapy.packet import Packet as Layers
from scapy.packet import Raw

from oracle.datagrams import LIFETIME, LIMIT, OVERLAP, Datagram, Home
from oracle.fragments import cut, echo_reply, nat, refused, renamed
from oracle.packet import Endpoint, read

HOP = Ether(dst="aa:aa:aa:00:00:01", src="02:00:00:00:00:00")
MACS = b"\xaa\xaa\xaa\x00\x00\x01", b"\x02\0\0\0\0\0"
CAME = Ether(dst="02:00:00:00:00:00", src="bb:bb:bb:00:00:01")
CLIENT, VIP, LOCAL, RS = "203.0.113.9", "10.96.0.10", "198.18.0.1", "10.10.0.1"
LOCAL6, RS6 = "2001:db8:18::1", "2001:db8:10::1"
DATA = bytes(n & 0xFF for n in range(1200))


def end(address: str, port: int) -> Endpoint:
    """An address and a port."""
    return ip_address(address).packed, port


def datagram(net: Layers, sport: int, dport: int) -> Layers:
    """A long datagram."""
    return type(net)(bytes(net / UDP(sport=sport, dport=dport) / Raw(DATA)))


def through(frame: bytes, src: Endpoint, dst: Endpoint) -> bytes:
    """What becomes of a fragment whose ports are known."""
    packet = read(frame)
    (after,) = nat(packet, MACS, src, dst, packet.l4_header)
    return after


def test_what_has_come_of_a_datagram() -> None:
    one = Datagram((17, b"", b"", 7), 0)
    assert one.wrong(0, 64, False) == ""
    assert one.wrong(128, 192, False) == ""
    assert one.wrong(8, 16, False) == OVERLAP, "it has come"
    assert one.wrong(64, 128, False) == "", "which leaves the others be"
    assert one.wrong(0, 192, False) == OVERLAP
    assert one.wrong(192, 200, True) == ""
    assert one.wrong(200, 208, False) == OVERLAP, "behind the end"
    assert one.wrong(300, 308, False) == OVERLAP, "whatever comes now"


def test_an_overlap_condemns() -> None:
    one = Datagram((17, b"", b"", 7), 0)
    assert one.wrong(0, 64, False) == "" and one.wrong(56, 72, False) == OVERLAP
    assert one.wrong(128, 136, False) == OVERLAP


def test_another_of_its_name_begins_behind_a_whole_one() -> None:
    home, name = Home(2, 9), (17, b"", b"", 7)
    first, _ = home.find(name, 0)
    assert first.wrong(64, 72, True) == "" and home.find(name, 0) == (first, 0)
    assert first.wrong(0, 64, False) == ""
    second, lost = home.find(name, 1)
    assert second is not first and lost == 0
    home.expire(LIFETIME)
    assert home.find(name, LIFETIME) == (second, 0), "the first is forgotten, not the second"
    home.expire(LIFETIME + 1)
    assert home.find(name, LIFETIME + 1)[0] is not second


def test_seventeen_ranges_are_too_many() -> None:
    one = Datagram((17, b"", b"", 7), 0)
    assert {one.wrong(at * 16, at * 16 + 8, False) for at in range(16)} == {""}
    assert one.wrong(16 * 16, 16 * 16 + 8, False) == LIMIT
    assert one.wrong(8, 16, False) == LIMIT


def test_fragments_of_a_client_make_a_whole_at_the_rs() -> None:
    pieces = fragment(datagram(IP(src=CLIENT, dst=VIP, id=7, tos=4), 4000, 53), 400)
    frames = [through(bytes(CAME / one), end(LOCAL, 2000), end(RS, 5353)) for one in pieces]
    (whole,) = defragment([Ether(frame)[IP] for frame in frames])
    assert bytes(whole) == bytes(datagram(IP(src=LOCAL, dst=RS, id=7, tos=4, ttl=63), 2000, 5353))


def test_between_the_families_and_back() -> None:
    pieces = fragment(datagram(IP(src=CLIENT, dst=VIP, id=7, tos=4), 4000, 53), 400)
    there = [through(bytes(CAME / one), end(LOCAL6, 2000), end(RS6, 5353)) for one in pieces]
    assert [Ether(frame)[IPv6ExtHdrFragment].offset for frame in there] == [0, 50, 100, 150]
    assert {Ether(frame)[IPv6ExtHdrFragment].id for frame in there} == {7}
    assert [Ether(frame)[IPv6ExtHdrFragment].m for frame in there] == [1, 1, 1, 0]
    assert {(Ether(frame)[IPv6].tc, Ether(frame)[IPv6].hlim) for frame in there} == {(4, 63)}
    back = [through(frame, end(LOCAL, 2000), end(RS, 5353)) for frame in there]
    (whole,) = defragment([Ether(frame)[IP] for frame in back])
    assert bytes(whole) == bytes(datagram(IP(src=LOCAL, dst=RS, id=7, tos=4, ttl=62), 2000, 5353))


def test_a_fragmented_ping_is_answered() -> None:
    pieces = fragment(IP(src=CLIENT, dst=VIP, id=7) / ICMP(id=3, seq=4) / Raw(DATA), 400)
    answers = [echo_reply(read(bytes(CAME / one)))[0] for one in pieces]
    (whole,) = defragment([Ether(frame)[IP] for frame in answers])
    wanted = IP(src=VIP, dst=CLIENT, id=7, ttl=64) / ICMP(type=0, id=3, seq=4) / Raw(DATA)
    assert bytes(whole) == bytes(wanted)
    back = Ether(answers[0])
    assert (back.src, back.dst) == (CAME.dst, CAME.src)


def test_another_identification() -> None:
    first, *_ = fragment(datagram(IP(src=CLIENT, dst=VIP, id=7), 1, 2), 400)
    wanted, *_ = fragment(datagram(IP(src=CLIENT, dst=VIP, id=0x1234), 1, 2), 400)
    assert renamed(read(bytes(CAME / first)), 0x1234) == bytes(CAME / wanted)


def test_refused() -> None:
    def first(size: int, proto: int = 17, **fields: object) -> str:
        data = Raw((b"\0\1\0\2" + b"\0\x63" * 9)[:size])
        return refused(read(bytes(CAME / IP(src=CLIENT, dst=VIP, proto=proto, **fields) / data)))

    assert first(8, flags="MF") == ""
    assert first(7, flags="MF") == "L4_SHORT"
    assert first(12, flags="MF") == "BAD_LENGTH"
    assert first(16, proto=6, flags="MF") == "L4_SHORT"
    assert first(3, frag=9) == ""
    assert first(0, frag=9) == "BAD_LENGTH"
    assert first(8, frag=0x1FFF) == "BAD_LENGTH"
    assert first(7, frag=0x1FFF) == ""


def test_a_long_packet_is_cut() -> None:
    whole = datagram(IP(src=CLIENT, dst=VIP, id=7), 1, 2)
    pieces = [one for (one,) in cut(bytes(HOP / whole), 576, 7)]
    assert pieces == [bytes(HOP / one) for one in fragment(whole, 552)]


def test_options_are_copied_or_not() -> None:
    copied, other = IPOption(b"\x94\x04\0\0"), IPOption(b"\x07\x07\x04\0\0\0\0")
    whole = IP(src=CLIENT, dst=VIP, options=[other, copied]) / UDP() / Raw(DATA)
    first, *later = [Ether(one)[IP] for (one,) in cut(bytes(HOP / whole), 576, 7)]
    assert first.ihl == 8 and {one.ihl for one in later} == {6}
    assert {bytes(one)[20:24] for one in later} == {b"\x94\x04\0\0"}
    assert {one.len for one in (first, *later[:-1])} <= {568, 576}
    (again,) = defragment([first, *later])
    assert again[Raw].load == DATA


def test_what_became_ipv6_is_cut_with_fragment_headers() -> None:
    whole = IPv6(src=LOCAL6, dst=RS6) / UDP(sport=1, dport=2) / Raw(DATA)
    pieces = [Ether(one)[IPv6] for (one,) in cut(bytes(HOP / whole), 576, 7)]
    data = b"".join(bytes(one[IPv6ExtHdrFragment].payload) for one in pieces)
    assert data == bytes(whole)[40:] and max(len(one) for one in pieces) <= 576
    assert [one[IPv6ExtHdrFragment].offset for one in pieces] == [0, 66, 132]

# SPDX-License-Identifier: BSD-3-Clause
"""ICMP errors as the model has them, against frames that scapy makes."""

from ipaddress import ip_address

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet as Layers
from scapy.packet import Raw

from oracle.icmp_errors import before, quotation, time_exceeded, too_big, translated
from oracle.packet import Endpoint, Malformed, read
from oracle.tcp_numbers import Shift
from oracle.tcp_state import Way

HOP = Ether(dst="aa:aa:aa:00:00:01", src="02:00:00:00:00:00")
MACS = b"\xaa\xaa\xaa\x00\x00\x01", b"\x02\0\0\0\0\0"
CAME = Ether(dst="02:00:00:00:00:00", src="bb:bb:bb:00:00:01")
CLIENT, VIP, LOCAL, RS = "203.0.113.9", "10.96.0.10", "198.18.0.1", "10.10.0.1"
CLIENT6, VIP6 = "2001:db8:c::9", "2001:db8:96::a"


def end(address: str, port: int) -> Endpoint:
    """An address and a port."""
    return ip_address(address).packed, port


def to_rs(ttl: int = 1, **fields: object) -> Layers:
    """What has been sent to an RS, as somebody quotes it."""
    segment = TCP(sport=2000, dport=8080, seq=1500, flags="PA", **fields)
    return IP(bytes(IP(src=LOCAL, dst=RS, ttl=ttl, id=77) / segment / Raw(b"data")))


def sent_by_client(**fields: object) -> Layers:
    """The original of that."""
    segment = TCP(sport=40000, dport=80, seq=1000, flags="PA", **fields)
    return IP(bytes(IP(src=CLIENT, dst=VIP, ttl=1, id=77) / segment / Raw(b"data")))


def through(frame: Layers, src: Endpoint, dst: Endpoint, added: int = 0) -> list[bytes]:
    """What becomes of an error; its quotation, where it changes the family, is as it should be."""
    packet = read(bytes(frame))
    quoted = quotation(packet)
    header = before(quoted, Shift(added, 0), Shift(), Way.OUT, None)
    return translated(packet, quoted, MACS, src, dst, header, lambda: 5)


def test_an_error_of_a_router_goes_to_the_client() -> None:
    router = CAME / IP(src="198.51.100.1", dst=LOCAL, ttl=9, id=3)
    wanted = HOP / IP(src=VIP, dst=CLIENT, ttl=8, id=3) / ICMP(type=11, code=0) / sent_by_client()
    error = router / ICMP(type=11, code=0) / to_rs()
    assert through(error, end(VIP, 80), end(CLIENT, 40000), 500) == [bytes(wanted)]


def test_eight_bytes_are_enough_and_a_checksum_beyond_them_is_not_looked_for() -> None:
    router, headers = CAME / IP(src=RS, dst=LOCAL, id=3), ICMP(type=3, code=3)
    error = router / headers / Raw(bytes(to_rs())[:28])
    told = IP(src=VIP, dst=CLIENT, ttl=63, id=3) / headers / Raw(bytes(sent_by_client())[:28])
    assert through(error, end(VIP, 80), end(CLIENT, 40000), 500) == [bytes(HOP / told)]
    short = router / headers / Raw(bytes(to_rs())[:27])
    with pytest.raises(Malformed, match="ICMP"):
        through(short, end(VIP, 80), end(CLIENT, 40000))


def test_a_client_s_error_goes_to_the_rs() -> None:
    def quoted(src: str, sport: int, dst: str, dport: int) -> Layers:
        return IP(bytes(IP(src=src, dst=dst) / UDP(sport=sport, dport=dport) / Raw(b"ping")))

    headers = ICMP(type=3, code=3)
    error = CAME / IP(src=CLIENT, dst=VIP) / headers / quoted(VIP, 53, CLIENT, 4000)
    told = IP(src=LOCAL, dst=RS, ttl=63) / headers / quoted(RS, 5353, LOCAL, 2000)
    assert through(error, end(LOCAL, 2000), end(RS, 5353)) == [bytes(HOP / told)]


def test_fragmentation_needed_becomes_packet_too_big() -> None:
    error = CAME / IP(src=RS, dst=LOCAL, tos=4) / ICMP(type=3, code=4, nexthopmtu=1400) / to_rs()
    datagram = bytes(sent_by_client())[20:]
    inner = IPv6(src=CLIENT6, dst=VIP6, hlim=1, nh=6, plen=len(datagram)) / TCP(datagram)
    del inner[TCP].chksum
    told = IPv6(src=VIP6, dst=CLIENT6, tc=4, hlim=63) / ICMPv6PacketTooBig(mtu=1420) / inner
    assert through(error, end(VIP6, 80), end(CLIENT6, 40000), 500) == [bytes(HOP / told)]


def test_an_old_router_s_mtu_of_zero_is_guessed() -> None:
    quoted = to_rs()
    quoted.len, quoted.chksum = 1500, None
    error = CAME / IP(src=RS, dst=LOCAL) / ICMP(type=3, code=4, nexthopmtu=0) / quoted
    (told,) = through(error, end(VIP6, 80), end(CLIENT6, 40000))
    assert Ether(told)[ICMPv6PacketTooBig].mtu == 1512


def test_no_route_becomes_host_unreachable() -> None:
    quoted = IPv6(src=VIP6, dst=CLIENT6, tc=3, hlim=5) / UDP(sport=53, dport=4000) / Raw(b"answer")
    error = CAME / IPv6(src="2001:db8::1", dst=VIP6) / ICMPv6DestUnreach(code=0) / quoted
    (told,) = through(error, end(LOCAL, 2000), end(RS, 5353))
    inner = IP(src=RS, dst=LOCAL, tos=3, ttl=5, id=0) / UDP(sport=5353, dport=2000) / Raw(b"answer")
    wanted = IP(src=LOCAL, dst=RS, ttl=63, id=5) / ICMP(type=3, code=1) / inner
    assert told == bytes(HOP / wanted)


@pytest.mark.parametrize(("kind", "code"), [(3, 14), (12, 1), (3, 16), (12, 3)])
def test_what_has_no_counterpart_is_not_translated(kind: int, code: int) -> None:
    error = CAME / IP(src=RS, dst=LOCAL) / ICMP(type=kind, code=code) / to_rs()
    with pytest.raises(Malformed, match="UNTRANSLATABLE"):
        through(error, end(VIP6, 80), end(CLIENT6, 40000))


def test_a_long_quotation_is_cut_on_its_way_to_ipv6() -> None:
    quoted = IP(bytes(IP(src=LOCAL, dst=RS) / TCP(sport=2000, dport=8080) / Raw(bytes(1300))))
    error = CAME / IP(src=RS, dst=LOCAL) / ICMP(type=11) / quoted
    (told,) = through(error, end(VIP6, 80), end(CLIENT6, 40000))
    assert len(told) == 14 + 1280 and read(told).l4_checksum()[0] == read(told).l4_checksum()[1]


def test_what_is_made_about_an_ipv4_packet() -> None:
    late = IP(src=CLIENT, dst=VIP, ttl=1, options=[]) / UDP(sport=1, dport=2) / Raw(bytes(900))
    frame = bytes(CAME / late)
    back = Ether(dst=CAME.src, src=CAME.dst)
    told = IP(src=VIP, dst=CLIENT, tos=0xC0, id=0, flags="DF", ttl=64)
    wanted = back / told / ICMP(type=11, code=0) / Raw(frame[14 : 14 + 548])
    assert time_exceeded(read(frame + b"padding")) == [bytes(wanted)]
    wanted = back / told / ICMP(type=3, code=4, nexthopmtu=1480) / Raw(frame[14 : 14 + 548])
    assert too_big(read(frame), 1480) == [bytes(wanted)]


def test_what_is_made_about_an_ipv6_packet() -> None:
    late = IPv6(src=CLIENT6, dst=VIP6, hlim=1) / TCP(sport=1, dport=2) / Raw(bytes(1300))
    frame = bytes(CAME / late)
    told = Ether(dst=CAME.src, src=CAME.dst) / IPv6(src=VIP6, dst=CLIENT6, hlim=64)
    wanted = told / ICMPv6TimeExceeded(code=0) / Raw(frame[14 : 14 + 1232])
    assert time_exceeded(read(frame)) == [bytes(wanted)]
    wanted = told / ICMPv6PacketTooBig(mtu=1300) / Raw(frame[14 : 14 + 1232])
    assert too_big(read(frame), 1300) == [bytes(wanted)]


def test_only_a_right_checksum_is_trusted() -> None:
    error = CAME / IP(src=RS, dst=LOCAL) / ICMP(type=11, chksum=1) / to_rs()
    with pytest.raises(Malformed, match="BAD_CHECKSUM"):
        through(error, end(VIP, 80), end(CLIENT, 40000))
    error = CAME / IP(src=RS, dst="198.18.0.2") / ICMP(type=11) / to_rs()
    with pytest.raises(Malformed, match="ICMP"):
        through(error, end(VIP, 80), end(CLIENT, 40000))

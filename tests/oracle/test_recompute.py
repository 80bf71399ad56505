# SPDX-License-Identifier: BSD-3-Clause
"""What is recomputed is compared: a datagram whose checksum changes on its way is found out."""

from collections.abc import Sequence

import pytest
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Ether

from oracle.packet import Packet, read
from oracle.recompute import Datagrams, agrees

L4 = {"tcp": TCP(sport=1, dport=2, flags="S"), "udp": UDP(sport=1, dport=2)}
MACS = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
BODY = bytes(range(256)) * 4


def pieces(dst: str, l4: TCP | UDP, off_by: int = 0) -> list[Packet]:
    """The three fragments of a datagram to this address, its checksum wrong by so much."""
    v6 = ":" in dst
    ip = IPv6(dst=dst) / IPv6ExtHdrFragment(id=7) if v6 else IP(dst=dst, id=7)
    ip.src = "2001:db8::9" if v6 else "10.0.0.9"
    whole = ip / l4 / BODY
    right = type(whole)(bytes(whole)).getlayer(type(l4)).chksum
    whole.getlayer(type(l4)).chksum = right + off_by
    parts = fragment6(whole, 400) if v6 else fragment(whole, 400)
    assert len(parts) == 3
    return [read(bytes(MACS / part)) for part in parts]


def play(came: Sequence[Packet], left: Sequence[Packet], order: Sequence[int]) -> list[bool]:
    """Whether the datagram was whole after each fragment."""
    datagrams = Datagrams()
    return [datagrams.sent(left[n], came[n]) for n in order]


@pytest.mark.parametrize("name", L4)
@pytest.mark.parametrize("came", ["10.0.0.1", "2001:db8::1"])
@pytest.mark.parametrize("left", ["10.0.0.2", "2001:db8::2"])
@pytest.mark.parametrize("off_by", [0, 5])
def test_as_right_or_wrong_as_it_came(name: str, came: str, left: str, off_by: int) -> None:
    before, after = pieces(came, L4[name], off_by), pieces(left, L4[name], off_by)
    assert play(before, after, [0, 1, 2]) == [False, False, True]
    assert play(before, after, [2, 0, 1]) == [False, False, True]
    changed = pieces(left, L4[name], off_by + 1)
    with pytest.raises(AssertionError, match=f"off by {off_by}, sent off by {off_by + 1}"):
        play(before, changed, range(3))


def test_a_datagram_that_left_incomplete_is_nothing_yet() -> None:
    before = pieces("10.0.0.1", L4["udp"])
    assert play(before, before, [0, 2]) == [False, False]


def test_each_fragment_s_header_is_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's own word is spoilt here, as it is what scapy has to agree with."""
    parts = pieces("10.0.0.1", L4["udp"])
    for part in parts:
        agrees(part)
    monkeypatch.setattr(Packet, "ip_checksum", lambda self: (0, 1))
    for part in parts:
        with pytest.raises(AssertionError, match="IPv4 checksum"):
            agrees(part)

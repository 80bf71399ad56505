# SPDX-License-Identifier: BSD-3-Clause
"""The keys of VS and RS: parse, format, order, equality."""

import pytest

from slb.errors import TextError
from slb.model.endpoint import Endpoint, VsKey
from slb.model.session_filter import Peer

KEYS = ["10.96.0.10:80/tcp", "10.96.0.10:53/udp", "[2001:db8::1]:80/tcp"]


@pytest.mark.parametrize("text", KEYS)
def test_a_key_comes_out_as_it_went_in(text: str) -> None:
    assert str(VsKey.parse(text)) == text


def test_an_ipv6_address_comes_out_in_its_one_form() -> None:
    assert str(VsKey.parse("[2001:DB8:0::0:1]:80/tcp")) == "[2001:db8::1]:80/tcp"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("10.96.0.10:80", "is not ADDRESS:PORT/tcp or ADDRESS:PORT/udp"),
        ("10.96.0.10:80/sctp", "is not ADDRESS:PORT/tcp or ADDRESS:PORT/udp"),
        ("10.96.0.10:80/TCP", "is not ADDRESS:PORT/tcp or ADDRESS:PORT/udp"),
        ("10.96.0.10/tcp", "'10.96.0.10' is not ADDRESS:PORT"),
        ("10.96.0.10:0/tcp", "port 0 is not within 1..65535"),
        ("10.96.0.10:65536/tcp", "port 65536 is not within 1..65535"),
        ("10.96.0.10:٨٠/tcp", "is not ADDRESS:PORT"),
        ("10.96.0.10:-1/tcp", "is not ADDRESS:PORT"),
        ("2001:db8::1:80/tcp", "is not ADDRESS:PORT"),
        ("[10.96.0.10]:80/tcp", "brackets are for IPv6 addresses alone"),
        ("10.96.0.300:80/tcp", "'10.96.0.300' is not an address"),
        ("10.96.0.10:80\n/tcp", "is not ADDRESS:PORT"),
        ("", "is not ADDRESS:PORT/tcp"),
    ],
)
def test_refused_vs(text: str, sentence: str) -> None:
    with pytest.raises(TextError) as error:
        VsKey.parse(text)
    assert sentence in str(error.value)


def test_order_is_by_number_not_by_text() -> None:
    texts = ["10.0.0.10:80/tcp", "10.0.0.9:443/tcp", "10.0.0.9:80/udp", "10.0.0.9:80/tcp"]
    found = [str(key) for key in sorted(VsKey.parse(text) for text in texts)]
    assert found == ["10.0.0.9:80/tcp", "10.0.0.9:80/udp", "10.0.0.9:443/tcp", "10.0.0.10:80/tcp"]


def test_equality() -> None:
    assert VsKey.parse(KEYS[0]) == VsKey.parse(KEYS[0])
    assert len({VsKey.parse(KEYS[0]), VsKey.parse(KEYS[0])}) == 1
    assert VsKey.parse(KEYS[0]) != Endpoint.parse("10.96.0.10:80")


def test_a_peer_may_leave_its_port_out() -> None:
    assert Peer.parse("192.0.2.7").port == 0
    assert Peer.parse("192.0.2.7:443").port == 443
    with pytest.raises(TextError, match="is not ADDRESS:PORT"):
        Peer.parse("nonsense")

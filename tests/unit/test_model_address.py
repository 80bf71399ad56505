# SPDX-License-Identifier: BSD-3-Clause
"""Texts of addresses, ranges and MACs: what is taken and what the refusal says."""

from collections.abc import Callable

import pytest

from slb.errors import TextError
from slb.model.address import (
    AddressRange,
    parse_address,
    parse_interface,
    parse_ipv4,
    parse_mac,
    parse_network,
)

REFUSED: list[tuple[Callable[[str], object], str, str]] = [
    (parse_address, "1.2.3", "'1.2.3' is not an address; write 192.0.2.1"),
    (parse_address, "01.2.3.4", "'01.2.3.4' is not an address; write 192.0.2.1"),
    (parse_address, "fe80::1%eth0", "'fe80::1%eth0' names a scope; write the address alone"),
    (parse_ipv4, "::1", "'::1' is not an IPv4 address; write 192.0.2.1"),
    (parse_address, "2001:db8:::1", "is not an address; write 192.0.2.1 or 2001:db8::1"),
    (parse_interface, "fe80::1%eth0/64", "'fe80::1%eth0/64' names a scope"),
    (parse_interface, "2001:db8::2", "'2001:db8::2' has no prefix length; write 2001:db8::2/64"),
    (parse_interface, "2001:db8::2/129", "is not an address with a prefix length"),
    (parse_network, "2001:db8::1/64", "has bits set in its host part; write 2001:db8::/64"),
    (parse_network, "fe80::%eth0/64", "names a scope"),
    (parse_interface, "192.0.2.2", "'192.0.2.2' has no prefix length; write 192.0.2.2/24"),
    (parse_interface, "192.0.2.2/33", "'192.0.2.2/33' is not an address with a prefix length"),
    (parse_network, "10.96.0.1/16", "'10.96.0.1/16' has bits set in its host part"),
    (parse_network, "10.96/16", "'10.96/16' is not a prefix; write 10.96.0.0/16"),
    (parse_mac, "02:00:00:00:00", "'02:00:00:00:00' is not a MAC; write 02:00:00:00:00:01"),
    (parse_mac, "01:00:5e:00:00:01", "01:00:5e:00:00:01 is no unicast MAC"),
    (parse_mac, "00:00:00:00:00:00", "00:00:00:00:00:00 is no unicast MAC"),
    (AddressRange.parse, "10.0.0.9-10.0.0.1", "runs backwards; write 10.0.0.1-10.0.0.9"),
    (AddressRange.parse, "10.0.0.0-10.0.255.255", "holds more than 1024 addresses"),
    (AddressRange.parse, "10.0.0.1-", "'' is not an address"),
    (AddressRange.parse, "fd00::9-fd00::1", "runs backwards; write fd00::1-fd00::9"),
    (AddressRange.parse, "fd00::-fd00::ffff:ffff", "holds more than 1024 addresses"),
    (AddressRange.parse, "10.0.0.1-fd00::1", "runs from one family to the other; write two"),
]


@pytest.mark.parametrize(("parse", "text", "sentence"), REFUSED)
def test_refused(parse: Callable[[str], object], text: str, sentence: str) -> None:
    with pytest.raises(TextError) as error:
        parse(text)
    assert sentence in str(error.value)


def test_a_hostile_text_stays_one_short_line() -> None:
    with pytest.raises(TextError) as error:
        parse_address("\n\x1b[31m" + "9" * 10000)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 120


def test_range() -> None:
    span = AddressRange.parse("198.18.0.2 - 198.18.0.4")
    assert [str(address) for address in span] == ["198.18.0.2", "198.18.0.3", "198.18.0.4"]
    assert len(span) == 3
    assert str(span) == "198.18.0.2-198.18.0.4"
    assert str(AddressRange.parse("198.18.0.1")) == "198.18.0.1"
    assert span == AddressRange.parse("198.18.0.2-198.18.0.4")
    assert len({span, AddressRange.parse("198.18.0.2-198.18.0.4")}) == 1


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        # The examples of RFC 5952, 1 and 4.
        ("2001:0db8::0001", "2001:db8::1"),
        ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:DB8::AbCd", "2001:db8::abcd"),
    ],
)
def test_an_ipv6_address_has_one_text(text: str, canonical: str) -> None:
    assert str(parse_address(text)) == canonical
    assert str(parse_interface(f"{text}/64")) == f"{canonical}/64"
    assert str(AddressRange.parse(text)) == canonical
    assert str(parse_network(f"{text}/128")) == f"{canonical}/128"


def test_a_range_of_ipv6() -> None:
    span = AddressRange.parse("fd00::fffe-fd00::1:1")
    assert [str(address) for address in span] == [
        "fd00::fffe",
        "fd00::ffff",
        "fd00::1:0",
        "fd00::1:1",
    ]
    assert len(AddressRange.parse("fd00::-fd00::3ff")) == 1024
    assert span.overlaps(parse_network("fd00::1:0/112"))
    assert not span.overlaps(parse_network("fd00::2:0/112"))
    assert not AddressRange.parse("0.0.0.1-0.0.0.9").overlaps(parse_network("::/96"))


def test_mac_comes_out_in_lower_case() -> None:
    assert parse_mac("02:AB:cd:00:00:01") == "02:ab:cd:00:00:01"

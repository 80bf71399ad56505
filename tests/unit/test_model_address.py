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
    (parse_ipv4, "::1", "::1: IPv6 is not supported yet; write an IPv4 address"),
    (parse_interface, "192.0.2.2", "'192.0.2.2' has no prefix length; write 192.0.2.2/24"),
    (parse_interface, "192.0.2.2/33", "'192.0.2.2/33' is not an address with a prefix length"),
    (parse_interface, "::1/64", "::1/64: IPv6 is not supported yet"),
    (parse_network, "10.96.0.1/16", "'10.96.0.1/16' has bits set in its host part"),
    (parse_network, "10.96/16", "'10.96/16' is not a prefix; write 10.96.0.0/16"),
    (parse_mac, "02:00:00:00:00", "'02:00:00:00:00' is not a MAC; write 02:00:00:00:00:01"),
    (parse_mac, "01:00:5e:00:00:01", "01:00:5e:00:00:01 is no unicast MAC"),
    (parse_mac, "00:00:00:00:00:00", "00:00:00:00:00:00 is no unicast MAC"),
    (AddressRange.parse, "10.0.0.9-10.0.0.1", "runs backwards; write 10.0.0.1-10.0.0.9"),
    (AddressRange.parse, "10.0.0.0-10.0.255.255", "holds more than 1024 addresses"),
    (AddressRange.parse, "10.0.0.1-", "'' is not an address"),
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


def test_mac_comes_out_in_lower_case() -> None:
    assert parse_mac("02:AB:cd:00:00:01") == "02:ab:cd:00:00:01"

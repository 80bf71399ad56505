# SPDX-License-Identifier: BSD-3-Clause
"""Addresses, ranges of addresses and MACs: parse and format."""

import re
from collections.abc import Callable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Final, TypeVar

from slb.errors import TextError

Address = IPv4Address | IPv6Address
T = TypeVar("T")

NO_IPV6 = "IPv6 is not supported yet; write an IPv4 address"
MAX_RANGE = 1024


def show(text: str) -> str:
    """Quote hostile text for one line of an error message."""
    shown = ascii(text)
    return shown if len(shown) <= 64 else f"{shown[:60]}…'"


def parse_address(text: str) -> Address:
    """Parse an IPv4 or IPv6 address; raises TextError."""
    if "%" in text:
        raise TextError(f"{show(text)} names a scope; write the address alone")
    return _parse(ip_address, text, "an address; write 192.0.2.1")


def parse_ipv4(text: str) -> IPv4Address:
    """Parse an IPv4 address; raises TextError, with its own sentence for IPv6."""
    return _only_ipv4(parse_address(text), IPv4Address)


def parse_interface(text: str) -> IPv4Interface:
    """Parse an interface's address, `192.0.2.2/24`; raises TextError."""
    if "/" not in text:
        raise TextError(f"{show(text)} has no prefix length; write {text[:40]}/24")
    found = _parse(ip_interface, text, "an address with a prefix length; write 192.0.2.2/24")
    return _only_ipv4(found, IPv4Interface)


def parse_network(text: str) -> IPv4Network:
    """Parse a prefix, `10.96.0.0/16`; raises TextError, also for bits set in the host part."""
    loose = _parse(lambda t: ip_network(t, strict=False), text, "a prefix; write 10.96.0.0/16")
    network = _only_ipv4(loose, IPv4Network)
    address = text.partition("/")[0]
    if address != str(network.network_address):
        raise TextError(f"{show(text)} has bits set in its host part; write {network}")
    return network


def parse_mac(text: str) -> str:
    """Parse a unicast MAC and return it in lower case; raises TextError."""
    if not re.fullmatch(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", text, re.ASCII):
        raise TextError(f"{show(text)} is not a MAC; write 02:00:00:00:00:01")
    mac = text.lower()
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise TextError(f"{mac} is no unicast MAC; the first octet must be even and not all zero")
    return mac


class AddressRange:
    """One address, or an inclusive range of them, `198.18.0.2-198.18.0.9`."""

    __slots__ = ("first", "last")

    def __init__(self, first: IPv4Address, last: IPv4Address) -> None:
        self.first: Final = first
        self.last: Final = last

    @classmethod
    def parse(cls, text: str) -> "AddressRange":
        """Parse one address or a range; raises TextError, also for too long a range."""
        first_text, dash, last_text = text.partition("-")
        first = parse_ipv4(first_text.strip())
        last = parse_ipv4(last_text.strip()) if dash else first
        if last < first:
            raise TextError(f"{show(text)} runs backwards; write {last}-{first}")
        if int(last) - int(first) >= MAX_RANGE:
            raise TextError(f"{show(text)} holds more than {MAX_RANGE} addresses; make it shorter")
        return cls(first, last)

    def __iter__(self) -> Iterator[IPv4Address]:
        return (IPv4Address(n) for n in range(int(self.first), int(self.last) + 1))

    def __len__(self) -> int:
        return int(self.last) - int(self.first) + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def __repr__(self) -> str:
        return f"AddressRange({self})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AddressRange):
            return NotImplemented
        return (self.first, self.last) == (other.first, other.last)

    def __hash__(self) -> int:
        return hash((self.first, self.last))


def _parse(parser: Callable[[str], T], text: str, form: str) -> T:
    try:
        return parser(text)
    except ValueError:
        raise TextError(f"{show(text)} is not {form}") from None


def _only_ipv4(value: object, wanted: type[T]) -> T:
    if not isinstance(value, wanted):
        raise TextError(f"{value}: {NO_IPV6}")
    return value

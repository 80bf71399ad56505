# SPDX-License-Identifier: BSD-3-Clause
"""Addresses of both families, ranges of addresses and MACs: parse and format.

An address's text is always the canonical one (RFC 5952 for IPv6): `2001:DB8:0::1` comes out as
`2001:db8::1`.
"""

import re
from abc import ABCMeta
from collections.abc import Callable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from socket import AF_INET, inet_pton
from typing import TYPE_CHECKING, Any, Final, TypeVar

from slb.errors import TextError


def _either(name: str, *kinds: type) -> Any:
    """Make a class for `isinstance` and for decoding, which takes no union of classes."""
    found = ABCMeta(name, (), {})
    for kind in kinds:
        found.register(kind)
    return found


if TYPE_CHECKING:
    Address = IPv4Address | IPv6Address
    Interface = IPv4Interface | IPv6Interface
    Network = IPv4Network | IPv6Network
else:
    Address = _either("Address", IPv4Address, IPv6Address)
    Interface = _either("Interface", IPv4Interface, IPv6Interface)
    Network = _either("Network", IPv4Network, IPv6Network)

T = TypeVar("T")

MAX_RANGE = 1024


def show(text: str) -> str:
    """Quote hostile text for one line of an error message."""
    shown = ascii(text)
    return shown if len(shown) <= 64 else f"{shown[:60]}…'"


def parse_address(text: str) -> Address:
    """Parse an IPv4 or IPv6 address; raises TextError."""
    try:
        # Many times as fast as ipaddress, and takes less.
        return IPv4Address(inet_pton(AF_INET, text))
    except (OSError, ValueError):
        pass
    return _parse(ip_address, text, "an address; write 192.0.2.1 or 2001:db8::1")


def parse_ipv4(text: str) -> IPv4Address:
    """Parse what is written as an IPv4 address, a router id; raises TextError."""
    return _parse(IPv4Address, text, "an IPv4 address; write 192.0.2.1")


def parse_interface(text: str) -> Interface:
    """Parse an interface's address, `192.0.2.2/24`; raises TextError."""
    if "/" not in text:
        length = 64 if ":" in text else 24
        raise TextError(f"{show(text)} has no prefix length; write {text[:40]}/{length}")
    form = "an address with a prefix length; write 192.0.2.2/24 or 2001:db8::2/64"
    return _parse(ip_interface, text, form)


def parse_network(text: str) -> Network:
    """Parse a prefix, `10.96.0.0/16`; raises TextError, also for bits set in the host part."""
    form = "a prefix; write 10.96.0.0/16 or 2001:db8:96::/64"
    network = _parse(lambda t: ip_network(t, strict=False), text, form)
    if ip_address(text.partition("/")[0]) != network.network_address:
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

    def __init__(self, first: Address, last: Address) -> None:
        self.first: Final = first
        self.last: Final = last

    @classmethod
    def parse(cls, text: str) -> "AddressRange":
        """Parse one address or a range; raises TextError, also for too long a range."""
        first_text, dash, last_text = text.partition("-")
        first = parse_address(first_text.strip())
        last = parse_address(last_text.strip()) if dash else first
        if first.version != last.version:
            raise TextError(f"{show(text)} runs from one family to the other; write two ranges")
        if int(last) < int(first):
            raise TextError(f"{show(text)} runs backwards; write {last}-{first}")
        if int(last) - int(first) >= MAX_RANGE:
            raise TextError(f"{show(text)} holds more than {MAX_RANGE} addresses; make it shorter")
        return cls(first, last)

    def overlaps(self, network: Network) -> bool:
        """Tell whether one of the addresses lies in `network`."""
        return self.first.version == network.version and (
            int(self.first) <= int(network.broadcast_address)
            and int(self.last) >= int(network.network_address)
        )

    def __iter__(self) -> Iterator[Address]:
        kind = type(self.first)
        return (kind(n) for n in range(int(self.first), int(self.last) + 1))

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
    if "%" in text:
        raise TextError(f"{show(text)} names a scope; write the address alone")
    try:
        return parser(text)
    except ValueError:
        raise TextError(f"{show(text)} is not {form}") from None

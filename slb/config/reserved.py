# SPDX-License-Identifier: BSD-3-Clause
"""Addresses that no host, service or server has, however they are routed."""

from ipaddress import IPv6Address, ip_network

from slb.model.address import Address, Network

# The first that fits names it. All of ::/64 but the loopback and unspecified addresses embeds an
# IPv4 address or is not assigned (RFC 4291, 2.5.5); the engine routes none of it.
RESERVED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), what)
    for text, what in (
        ("127.0.0.0/8", "a loopback address"),
        ("0.0.0.0/8", "reserved"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "reserved"),
        ("::1/128", "a loopback address"),
        ("::ffff:0:0/96", "an IPv4-mapped address"),
        ("::/64", "reserved"),
        ("fe80::/10", "a link-local address"),
        ("ff00::/8", "a multicast address"),
    )
)


def unusable(address: Address) -> str | None:
    """Say why an address cannot be a host's; None when it can."""
    what = next((what for network, what in RESERVED if address in network), None)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return f"{what}, {address.ipv4_mapped} written as IPv6"
    return what


def unusable_network(network: Network) -> str | None:
    """Say why hosts cannot have the addresses of a prefix; None when they can."""
    inside = next((what for found, what in RESERVED if _contains(found, network)), None)
    if inside:
        return f"is {inside}"
    held = next((found for found, _ in RESERVED if _contains(network, found)), None)
    return f"holds {held}, which is reserved" if held else None


def _contains(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]

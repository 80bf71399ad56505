# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 extension headers (RFC 8200, 4; authentication: RFC 4302), and when they are refused."""

from typing import NamedTuple

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION)
MOST = 8


class Chain(NamedTuple):
    """What has been found: the protocol behind the headers, their length, and the fragment header.

    `at` is where that is, None without one; of a whole packet `offset` and `more` are 0.
    """

    proto: int
    size: int
    at: int | None = None
    offset: int = 0  # in bytes
    more: bool = False
    ident: int = 0

    @property
    def fragment(self) -> bool:
        """Whether the packet is a fragment of another."""
        return self.offset > 0 or self.more


class OutOfPlace(Exception):
    """Cut off, too many, repeated or out of place, or source routing that is not done."""


def walk(proto: int, data: bytes) -> Chain:
    """Go through the headers, up to that of a fragment; raises OutOfPlace."""
    at = count = 0
    found = Chain(proto, 0)
    while proto in EXTENSIONS:
        count += 1
        header = data[at:]
        if count > MOST or len(header) < 8:
            raise OutOfPlace
        if proto == HOP_BY_HOP and count > 1:
            raise OutOfPlace
        if proto == ROUTING and header[3]:
            raise OutOfPlace
        if proto == FRAGMENT:
            if found.at is not None:
                raise OutOfPlace
            size, bits = 8, header[2] << 8 | header[3]
            ident = int.from_bytes(header[4:8], "big")
            found = Chain(0, 0, at, bits & 0xFFF8, bool(bits & 1), ident)
        elif proto == AUTHENTICATION:
            size, bits = (header[1] + 2) * 4, 0
        else:
            size, bits = (header[1] + 1) * 8, 0
        if size > len(header):
            raise OutOfPlace
        proto, at = header[0], at + size
        if found.fragment:
            break  # what follows may be somewhere in the middle
    return found._replace(proto=proto, size=at)

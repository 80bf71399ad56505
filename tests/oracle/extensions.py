# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 extension headers (RFC 8200, 4; authentication: RFC 4302), and when they are refused."""

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION)
MOST = 8


class OutOfPlace(Exception):
    """Cut off, too many, repeated or out of place, or source routing that is not done."""


def walk(proto: int, data: bytes) -> tuple[int, int, bool]:
    """The protocol behind them, their length, and whether the packet is a fragment of another."""
    at = count = 0
    whole = True
    fragments = 0
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
            fragments += 1
            size, bits = 8, header[2] << 8 | header[3]
            whole = bits & 0xFFF9 == 0
        elif proto == AUTHENTICATION:
            size, bits = (header[1] + 2) * 4, 0
        else:
            size, bits = (header[1] + 1) * 8, 0
        if size > len(header) or fragments > 1:
            raise OutOfPlace
        proto, at = header[0], at + size
        if bits & 0xFFF8:
            break  # what follows is somewhere in the middle
    return proto, at, not whole

# SPDX-License-Identifier: BSD-3-Clause
"""The Internet checksum (RFC 1071), and what becomes of one that was wrong.

2**16 is 1 modulo 65535, so a one's complement sum of 16-bit words is the whole data, read as one
big number, modulo 65535.
"""


def ones_sum(data: bytes) -> int:
    """Sum of the data's 16-bit words, modulo 65535; an odd byte is padded with zero."""
    return int.from_bytes(data if len(data) % 2 == 0 else data + b"\0", "big") % 0xFFFF


def checksum(data: bytes) -> int:
    """The checksum of data in which the checksum's own place is zero."""
    total = ones_sum(data)
    if total == 0 and any(data):
        total = 0xFFFF
    return 0xFFFF - total


def adjusted(was: int, before: bytes, after: bytes, of_udp: bool) -> tuple[int, ...]:
    """A checksum after a change of some of what it covers, where the rest is not there to sum up.

    UDP has a zero of its own: it means that there is none.
    """
    if of_udp and was == 0:
        return (0,)
    value = (was - ones_sum(after) + ones_sum(before)) % 0xFFFF
    if value:
        return (value,)
    return (0xFFFF,) if of_udp else (0, 0xFFFF)


def carried(was: int, right_before: int, right_after: int) -> tuple[int, ...]:
    """What a checksum may be after a change: right if it was, else wrong by as much as before.

    In one's complement zero has two spellings, and only for a right one it is known which.
    """
    if was == right_before:
        return (right_after,)
    value = (right_after + was - right_before) % 0xFFFF
    return (value,) if value else (0, 0xFFFF)

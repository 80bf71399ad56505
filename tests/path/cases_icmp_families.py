# SPDX-License-Identifier: BSD-3-Clause
"""Types, codes, MTUs and pointers of ICMP errors between the families (RFC 7915, 4.2 and 5.2)."""

from case import Case, Drop, Send
from cases_icmp_errors import TOO_BIG, TOO_BIG6, opened
from errors import Error, ToSender


def to_v6(kind: tuple[int, int], more: int, becomes: tuple[int, int] | None, word: int = 0) -> Case:
    """What becomes of an ICMPv4 error about a packet of an IPv6 client."""
    outcome = Drop("UNTRANSLATABLE") if becomes is None else ToSender(becomes, word)
    return Case(
        f"ICMPv4 {kind[0]}/{kind[1]} {more:#x} for IPv6",
        *opened("UDP64"),
        Send(Error(kind, more), outcome),
    )


def to_v4(kind: tuple[int, int], more: int, becomes: tuple[int, int] | None, word: int = 0) -> Case:
    """What becomes of an ICMPv6 error about a packet of an IPv4 client."""
    outcome = Drop("UNTRANSLATABLE") if becomes is None else ToSender(becomes, word)
    return Case(
        f"ICMPv6 {kind[0]}/{kind[1]} {more:#x} for IPv4",
        *opened("UDP46"),
        Send(Error(kind, more), outcome),
    )


# By code, RFC 7915, 4.2.
UNREACHABLE_6 = {
    **dict.fromkeys((0, 1, 5, 6, 7, 8, 11, 12), (1, 0)),
    **dict.fromkeys((9, 10, 13, 15), (1, 1)),
    3: (1, 4),
}
POINTERS_6 = {0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6} | {
    **dict.fromkeys(range(12, 16), 8),
    **dict.fromkeys(range(16, 20), 24),
}
# 5.2
UNREACHABLE_4 = {0: (3, 1), 1: (3, 10), 2: (3, 1), 3: (3, 1), 4: (3, 3)}
POINTERS_4 = {0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8} | {
    **dict.fromkeys(range(8, 24), 12),
    **dict.fromkeys(range(24, 40), 16),
}

MAPPED = [
    *(
        to_v6((3, code), 0xABCD, UNREACHABLE_6.get(code))
        for code in (*range(2), *range(5, 18), 3, 255)
    ),
    to_v6((3, 2), 0, (4, 1), 6),
    *(to_v6((11, code), 0xABCD, (3, code)) for code in (0, 1, 2, 255)),
    *(
        to_v6((12, code), pointer << 24 | 7, (4, 0) if pointer in POINTERS_6 else None, word)
        for code in (0, 2)
        for pointer in (*range(21), 255)
        for word in (POINTERS_6.get(pointer, 0),)
    ),
    to_v6((12, 1), 0, None),
    to_v6((12, 3), 0, None),
    *(to_v4((1, code), 0xABCD, UNREACHABLE_4.get(code)) for code in (*range(7), 255)),
    *(to_v4((3, code), 0xABCD, (11, code)) for code in (0, 1, 2, 255)),
    *(
        to_v4((4, 0), pointer, (12, 0) if pointer in POINTERS_4 else None, word)
        for pointer in (*range(41), 255, 256, 1 << 24)
        for word in (POINTERS_4.get(pointer, 0) << 24,)
    ),
    to_v4((4, 1), 6, (3, 2)),
    to_v4((4, 2), 40, None),
    to_v4((4, 3), 0, None),
]

MTUS = [
    *(
        to_v6(TOO_BIG, mtu, TOO_BIG6, told)
        for mtu, told in (
            (1, 1280),
            (68, 1280),
            (1260, 1280),
            (1261, 1281),
            (1480, 1500),
            (65535, 65555),
            (0xABCD << 16 | 1400, 1420),
        )
    ),
    *(
        to_v4(TOO_BIG6, mtu, TOO_BIG, told)
        for mtu, told in (
            (0, 68),
            (87, 68),
            (88, 68),
            (89, 69),
            (1280, 1260),
            (1500, 1480),
            (65555, 65535),
            (65556, 65535),
            (0xFFFFFFFF, 65535),
        )
    ),
    to_v4((2, 7), 1400, TOO_BIG, 1380),
    *(
        Case(
            f"a router that tells no MTU about {length} bytes",
            *opened("UDP64"),
            Send(
                Error(
                    TOO_BIG,
                    change=lambda q, n=length: q[:2] + n.to_bytes(2, "big") + q[4:],
                    size=28,
                ),
                ToSender(TOO_BIG6, told),
            ),
        )
        for length, told in (
            (65535, 32020),
            (32000, 17934),
            (17914, 8186),
            (8167, 8186),
            (8166, 4372),
            (4352, 2022),
            (2002, 1512),
            (1493, 1512),
            (1492, 1280),
            (68, 1280),
        )
    ),
    Case(
        "it is not asked within the family",
        *opened("UDP"),
        Send(Error(TOO_BIG), ToSender(more=0)),
    ),
]


CASES = [*MAPPED, *MTUS]

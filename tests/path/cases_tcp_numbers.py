# SPDX-License-Identifier: BSD-3-Clause
"""TCP numbers that go on: sequence numbers, SACK and time stamps of the client are shifted.

What a session adds is learnt from its SYN; every byte of all that follows is compared.
"""

from collections.abc import Callable
from dataclasses import dataclass

from case import Back, Burst, Case, Send, Sessions, ToClient, ToRs, Wait
from packets.frames import ACK, RS, RS6, RST, SYN, SYN_ACK, VIP46, VIP64, patched, tcp, tcp6
from packets.nat import l4_at, with_right_checksum
from scapy.layers.inet import IP, TCP
from scapy.packet import Packet

END, NOP = b"\0", b"\1"
MSS, SACK_OK, WINDOW_SCALE = b"\2\4\5\xb4", b"\4\2", b"\3\3\7"
LATE = 0xFFFF_FFFE


def stamp(value: int = 0x01020304, echo: int = 0) -> bytes:
    """A time stamp option."""
    return b"\x08\x0a" + value.to_bytes(4, "big") + echo.to_bytes(4, "big")


def sack(*edges: int) -> bytes:
    """A SACK option."""
    return bytes([5, 2 + 4 * len(edges)]) + b"".join(edge.to_bytes(4, "big") for edge in edges)


def dressed(packet: Packet, options: bytes = b"", seq: int = 1000, ack: int = 0) -> bytes:
    """The segment with these very bytes for options, and these numbers."""
    room = -(-len(options) // 4) * 4
    changed = packet.copy()
    changed[TCP].options = [("NOP", None)] * room
    changed[TCP].seq, changed[TCP].ack = seq, ack
    del changed[TCP].chksum, changed[TCP].dataofs
    if IP in changed:
        del changed[IP].len, changed[IP].chksum
    frame = bytes(changed)
    return with_right_checksum(patched(frame, l4_at(frame) + 20, options))


def spoilt(frame: bytes) -> bytes:
    """The frame with a wrong checksum."""
    return patched(frame, l4_at(frame) + 16, b"\x12\x34")


@dataclass(frozen=True)
class Way:
    """A client's segments, and the RS they go to."""

    name: str
    segment: Callable[..., Packet]
    rs: str

    def to_rs(self, flags: str, options: bytes = b"", payload: bytes = b"", **numbers: int) -> Send:
        """A segment of the client."""
        return Send(dressed(self.segment(flags, payload), options, **numbers), ToRs(self.rs))

    def wrong(self, flags: str, options: bytes = b"") -> Send:
        """One of the client's with a wrong checksum."""
        return Send(spoilt(dressed(self.segment(flags), options)), ToRs(self.rs))


def to_client(flags: str, options: bytes = b"", payload: bytes = b"", **numbers: int) -> Send:
    """A segment of the RS."""
    change = lambda packet: dressed(packet, options, **numbers)  # noqa: E731
    return Send(Back(flags, payload, change=change), ToClient())


def wrong_to_client(flags: str, options: bytes) -> Send:
    """One of the RS's with a wrong checksum."""
    return Send(Back(flags, change=lambda packet: spoilt(dressed(packet, options))), ToClient())


WAYS = (
    Way("IPv4", tcp, RS),
    Way("IPv6", tcp6, RS6),
    Way("NAT64", lambda *args: tcp6(*args, dst=VIP64), RS),
    Way("NAT46", lambda *args: tcp(*args, dst=VIP46), RS6),
)
LINUX_SYN = MSS + SACK_OK + stamp() + NOP + WINDOW_SCALE
COMMON = NOP + NOP + stamp(0x01020400, 0x55667788)


def blocks(count: int) -> list[int]:
    """Edges of so many SACK blocks, of which the last wraps."""
    return [1000, 2000, 3000, 4000, 5000, 6000, LATE, 77][-2 * count :]


def cases(way: Way) -> list[Case]:
    """The cases of one way."""
    opened = way.to_rs(SYN, LINUX_SYN), to_client(SYN_ACK, LINUX_SYN, ack=1001)
    return [
        Case(
            f"{way.name}: a connection with time stamps",
            *opened,
            way.to_rs(ACK, COMMON, seq=1001, ack=6),
            way.to_rs("PA", COMMON, b"GET / HTTP/1.1\r\n", seq=1001, ack=6),
            to_client("PA", COMMON, b"x" * 1001, ack=1017),
            way.to_rs("FA", COMMON, seq=1017, ack=1007),
            to_client("FA", COMMON, ack=1018),
            way.to_rs(ACK, COMMON, seq=1018, ack=1008),
            Sessions(1, "TCP_TIME_WAIT"),
        ),
        Case(
            f"{way.name}: a connection without options",
            way.to_rs(SYN),
            to_client(SYN_ACK, ack=1001),
            way.to_rs("PA", b"", b"odd", seq=1001, ack=6),
            to_client(ACK, ack=1004),
        ),
        Case(
            f"{way.name}: a repeated SYN stays a repetition",
            way.to_rs(SYN, LINUX_SYN),
            Wait(3),
            way.to_rs(SYN, LINUX_SYN),
            to_client(SYN_ACK, LINUX_SYN, ack=1001),
            way.to_rs(SYN, LINUX_SYN),
        ),
        Case(
            f"{way.name}: a SYN and data in one burst",
            Burst([way.to_rs(SYN, LINUX_SYN, b"fast"), way.to_rs("PA", COMMON, b"data")]),
        ),
        *(
            Case(
                f"{way.name}: {count} SACK blocks of the RS",
                *opened,
                to_client(ACK, NOP + NOP + sack(*blocks(count)), ack=1500),
            )
            for count in (1, 2, 3, 4)
        ),
        Case(
            f"{way.name}: SACK blocks behind a time stamp",
            *opened,
            *(to_client(ACK, COMMON + NOP + NOP + sack(*blocks(n)), ack=9) for n in (1, 2, 3)),
        ),
        Case(
            f"{way.name}: SACK blocks of the client count the RS's bytes",
            *opened,
            way.to_rs(ACK, COMMON + NOP + NOP + sack(*blocks(3)), ack=6),
            way.to_rs(ACK, sack(*blocks(4)), ack=6),
        ),
        Case(
            f"{way.name}: time stamps and SACK blocks at odd places",
            way.to_rs(SYN, NOP + stamp() + NOP),
            way.to_rs(ACK, NOP * 3 + stamp() + WINDOW_SCALE),
            to_client(ACK, WINDOW_SCALE + stamp(5, 6) + NOP * 2 + sack(*blocks(2)), ack=1500),
            to_client(ACK, NOP + sack(*blocks(1)) + WINDOW_SCALE + stamp(LATE, 1), ack=1500),
        ),
        Case(
            f"{way.name}: two time stamps are both shifted, as the first one is",
            way.to_rs(SYN, stamp() + stamp(99)),
            to_client(ACK, stamp() + stamp(1, 99), ack=1001),
        ),
        Case(
            f"{way.name}: nothing is read behind the end",
            *opened,
            way.to_rs(ACK, END + stamp()),
            to_client(ACK, stamp() + END + sack(*blocks(1)), ack=7),
        ),
        Case(
            f"{way.name}: nothing behind what cannot be read, but what was read is shifted",
            *opened,
            way.to_rs(ACK, stamp() + b"\x1e\0" + stamp()),
            way.to_rs(ACK, NOP + NOP + stamp() + b"\x1e\x40\0\0"),
            to_client(ACK, sack(*blocks(1)) + b"\x1e\x01" + stamp(), ack=7),
        ),
        Case(
            f"{way.name}: an option longer than the header",
            *opened,
            to_client(ACK, NOP + NOP + sack(*blocks(2))[:10], ack=7),
            way.to_rs(ACK, NOP * 3 + stamp()[:9]),
        ),
        Case(
            f"{way.name}: options of another length are none of ours",
            *opened,
            to_client(ACK, b"\x05\x0b" + b"x" * 9 + b"\x08\x09" + b"y" * 7 + b"\5\2", ack=7),
            way.to_rs(ACK, b"\x08\x0b" + b"y" * 9),
        ),
        Case(
            f"{way.name}: a SYN without a time stamp, then one",
            way.to_rs(SYN, MSS),
            way.to_rs(ACK, COMMON),
            to_client(ACK, COMMON, ack=1001),
        ),
        Case(
            f"{way.name}: without ACK neither acknowledgement nor echo is one, but SACK is SACK",
            *opened,
            to_client("P", COMMON, ack=1001),
            to_client("", NOP + stamp(1, 2) + NOP + sack(*blocks(1)), ack=1001),
        ),
        *(
            Case(
                f"{way.name}: {name} of {who}",
                *opened,
                way.to_rs(flags, options, seq=1001, ack=6)
                if who == "the client"
                else to_client(flags, options, ack=1001),
            )
            for who in ("the client", "the RS")
            for name, flags, options in (
                ("a RST", RST, b""),
                ("a RST with ACK", "RA", b""),
                ("a RST with ACK and time stamp", "RA", COMMON),
            )
        ),
        Case(
            f"{way.name}: the numbers wrap",
            way.to_rs(SYN, NOP + NOP + stamp(LATE), seq=LATE),
            to_client(SYN_ACK, NOP + NOP + stamp(7, LATE), ack=LATE + 1),
            way.to_rs("PA", NOP + NOP + stamp(0, 7), b"over", seq=LATE + 1, ack=6),
            to_client(ACK, NOP + NOP + stamp(8, 0), ack=3),
            way.to_rs(ACK, NOP + NOP + stamp(0x80000000), seq=0x80000000),
            to_client(ACK, NOP + NOP + stamp(8, 0x7FFFFFFF), ack=0x7FFFFFFF),
        ),
        Case(
            f"{way.name}: a wrong checksum stays wrong by as much",
            way.wrong(SYN, LINUX_SYN),
            wrong_to_client(SYN_ACK, LINUX_SYN),
            way.wrong(ACK, COMMON),
            way.wrong(ACK, NOP + stamp()),
            wrong_to_client(ACK, COMMON),
            wrong_to_client(ACK, NOP + sack(*blocks(1)) + stamp(3, 4)),
        ),
    ]


CASES = [case for way in WAYS for case in cases(way)]

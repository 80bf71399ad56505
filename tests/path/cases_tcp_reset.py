# SPDX-License-Identifier: BSD-3-Clause
"""`tcp.no_session: reset`: who speaks of a connection that is not known is told so."""

from dataclasses import dataclass

from case import Case, Drop, Run, Send, Sessions, ToRs
from driver import Result
from packets.frames import LOCAL, LOCAL6, OWN, VIP, VIP6, patched, tcp, tcp6, udp, with_options
from scapy.layers.inet import IP, TCP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import Ether

ACKED = 77


@dataclass(frozen=True)
class Reset:
    """An RST out of the port the packet came in by, counted as a drop."""

    reason: str
    seq: int = 0
    ack: int | None = None

    def check(self, run: Run, send: Send, frame: bytes, result: Result) -> None:
        """Compare every byte with an RST that scapy puts together."""
        assert result.what == f"TX {send.port}"
        asked = Ether(frame)
        if IPv6 in asked:
            net = IPv6(src=asked[IPv6].dst, dst=asked[IPv6].src, hlim=64)
        else:
            net = IP(src=asked[IP].dst, dst=asked[IP].src, id=0, flags="DF", ttl=64)
        segment = TCP(
            sport=asked[TCP].dport,
            dport=asked[TCP].sport,
            seq=self.seq,
            ack=self.ack or 0,
            flags="R" if self.ack is None else "RA",
            window=0,
        )
        wanted = Ether(src=asked.dst, dst=asked.src) / net / segment
        assert result.data == bytes(wanted)
        run.drops[send.worker, self.reason] += 1


def acking(flags: str, payload: bytes = b"", **fields: object) -> Ether:
    """A segment with an acknowledgement to take the RST's sequence number from."""
    packet = tcp(flags, payload, **fields)
    packet[TCP].ack = ACKED
    return packet


def late(flags: str, payload: bytes = b"") -> Ether:
    """A segment whose sequence numbers are about to wrap."""
    packet = tcp(flags, payload)
    packet[TCP].seq = 0xFFFFFFFE
    return packet


CASES = [
    Case("an ACK", Send(acking("A"), Reset("NOT_SYN", ACKED)), Sessions(0)),
    Case("data", Send(acking("PA", b"x" * 999), Reset("NOT_SYN", ACKED))),
    Case("SYN and ACK", Send(acking("SA"), Reset("NOT_SYN", ACKED))),
    Case("a FIN without ACK", Send(tcp("F"), Reset("NOT_SYN", ack=1001))),
    Case("data without ACK", Send(tcp("P", b"12345"), Reset("NOT_SYN", ack=1005))),
    Case("SYN, FIN and data", Send(tcp("SF", b"123"), Reset("NOT_SYN", ack=1005))),
    Case("the sequence wraps", Send(late("", b"123"), Reset("NOT_SYN", ack=1))),
    Case(
        "options go",
        Send(
            with_options(acking("A", options=[("Timestamp", (1, 2))]), *[IPOption_NOP()] * 8),
            Reset("NOT_SYN", ACKED),
        ),
    ),
    Case("padding goes", Send(bytes(acking("A")) + bytes(6), Reset("NOT_SYN", ACKED))),
    Case("by the port it came in", Send(acking("A"), Reset("NOT_SYN", ACKED), port=1)),
    Case("in segments", Send(acking("A", b"x" * 999), Reset("NOT_SYN", ACKED), segments=3)),
    Case("to a local address", Send(acking("A", dst=LOCAL[0]), Reset("NO_SESSION", ACKED))),
    Case("IPv6", Send(tcp6("F", b"12"), Reset("NOT_SYN", ack=1003))),
    Case(
        "IPv6 to a local address",
        Send(tcp6("", b"1", dst=LOCAL6[0]), Reset("NO_SESSION", ack=1001)),
    ),
    Case(
        "IPv6 extension headers go",
        Send(tcp6("F", extra=IPv6ExtHdrDestOpt()), Reset("NOT_SYN", ack=1001)),
    ),
    Case(
        "never an RST for an RST", Send(tcp("R"), Drop("NOT_SYN")), Send(tcp("RA"), Drop("NOT_SYN"))
    ),
    Case("never for a RST to a local address", Send(tcp("R", dst=LOCAL[0]), Drop("NO_SESSION"))),
    Case("not for a SYN to a local address", Send(tcp("S", dst=LOCAL[0]), Drop("NO_SESSION"))),
    Case("not for UDP", Send(udp(dst=LOCAL[0]), Drop("NO_SESSION"))),
    Case("not with a wrong checksum", Send(patched(acking("A"), 50, b"\x12\x34"), Drop("NOT_SYN"))),
    Case("not where there is no VS", Send(tcp("A", dport=81), Drop("NO_VS"))),
    *(
        Case(f"not to {src}", Send(tcp("A", src=src, dst=LOCAL[0]), Drop("NO_SESSION")))
        for src in (LOCAL[1], VIP, OWN, "127.0.0.1", "224.0.0.1")
    ),
    Case("not to a VIP over IPv6", Send(tcp6("A", src=VIP6, dst=LOCAL6[0]), Drop("NO_SESSION"))),
    Case("a session is served", Send(tcp(), ToRs()), Send(tcp("A"), ToRs())),
]

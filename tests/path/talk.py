# SPDX-License-Identifier: BSD-3-Clause
"""A TCP connection that a test goes through step by step, and the RSTs that would end it."""

from collections.abc import Callable
from dataclasses import dataclass

from cases_tcp_numbers import WAYS, Way, dressed
from driver import Result
from lab import Lab
from packets.frames import GATEWAY_MAC, answer
from packets.nat import endpoints, l4_at
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from structs import port_mac

BY_NAME = [way.name for way in WAYS]


@dataclass
class Talk:
    """A connection of one client, and what each end has acknowledged of it so far."""

    lab: Lab
    way: Way
    port: int = 40000
    seen: bytes = b""  # the SYN as the RS has it
    client: int | None = None
    server: int | None = None

    def ask(self, flags: str, ack: int = 0, seq: int = 1001) -> "Talk":
        """The client sends something."""
        packet = self.way.segment(flags)
        packet.sport = self.port
        (result,) = self.lab.harness.run(0, [dressed(packet, seq=seq, ack=ack)])
        assert result.what == "TX 0"
        self.seen = self.seen or result.data
        if "A" in flags:
            self.client = ack
        return self

    def reply(self, flags: str, after: int = 1) -> "Talk":
        """The RS sends something, and acknowledges so many bytes behind the SYN."""
        at = l4_at(self.seen) + 4
        ack = (int.from_bytes(self.seen[at : at + 4], "big") + after) % 2**32
        (result,) = self.lab.harness.run(0, [dressed(answer(self.seen, flags), ack=ack)])
        assert result.what == "TX 0"
        if "A" in flags:
            self.server = ack
        return self

    def shaken(self) -> "Talk":
        """The handshake."""
        return self.ask("S", seq=1000).reply("SA").ask("A", ack=6)

    def resets(self, mac: str = GATEWAY_MAC) -> list[bytes]:
        """What must be sent when it ends: to the client, to the RS."""
        local, server = endpoints(self.seen)
        client, service = endpoints(bytes(self.way.segment("S")))
        client = (client[0], self.port)
        at = l4_at(self.seen) + 4
        shift = int.from_bytes(self.seen[at : at + 4], "big") - 1000
        theirs = None if self.server is None else (self.server - shift) % 2**32
        rows = [(service, client, self.client, theirs), (local, server, self.server, self.client)]
        return [
            bytes(
                Ether(src=port_mac(0), dst=mac)
                / (
                    IPv6(src=src[0], dst=dst[0], hlim=64)
                    if ":" in src[0]
                    else IP(src=src[0], dst=dst[0], id=0, flags="DF", ttl=64)
                )
                / TCP(
                    sport=src[1],
                    dport=dst[1],
                    seq=own,
                    ack=other or 0,
                    flags="R" if other is None else "RA",
                    window=0,
                )
            )
            for src, dst, own, other in rows
            if own is not None
        ]


def taken(lab: Lab, worker: int = 0) -> list[bytes]:
    """What a worker has sent by itself."""
    results: list[Result] = lab.harness.take(worker)
    assert {result.what for result in results} <= {"TX 0"}
    return [result.data for result in results]


OPEN: dict[str, Callable[[Talk], Talk]] = {
    "ESTABLISHED": lambda t: t,
    "FIN_WAIT": lambda t: t.ask("FA", ack=6),
    "CLOSE_WAIT": lambda t: t.reply("FA"),
    "LAST_ACK": lambda t: t.ask("FA", ack=6).reply("FA", after=2),
}
OVER: dict[str, Callable[[Talk], Talk]] = {
    "SYN_SENT": lambda t: t.ask("S"),
    "SYN_RECV": lambda t: t.ask("S").reply("SA"),
    "TIME_WAIT": lambda t: OPEN["LAST_ACK"](t.shaken()).ask("A", ack=7),
    "CLOSE": lambda t: t.shaken().ask("RA", ack=6),
}

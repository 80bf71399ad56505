# SPDX-License-Identifier: BSD-3-Clause
"""Connections of which the sessions are ended, and what is sent for it."""

from collections import Counter
from collections.abc import Sequence

from cases_tcp_numbers import Way, dressed
from lab import Lab
from packets.frames import RS6_TCP, RS_TCP, VS_TCP, answer, tcp
from packets.nat import endpoints, l4_at
from proxied import made
from talk import OPEN, OVER, Talk


def opened(lab: Lab, way: Way, state: str, port: int = 40000) -> Talk:
    """A connection in a state."""
    talk = Talk(lab, way, port)
    if state == "SYN_RECV":
        return talk.ask("S", seq=1000).reply("SA")
    if state in OVER:
        return OVER[state](talk)
    return OPEN[state](talk.shaken())


def rs_of(way: Way) -> str:
    """The RS of the way's VS."""
    return RS6_TCP if ":" in way.rs else RS_TCP


def states(lab: Lab) -> list[str]:
    """The states of all sessions."""
    return [session.state.removeprefix("TCP_") for session in lab.harness.sessions()]


def sides(talk: Talk) -> tuple[tuple[tuple[str, int], tuple[str, int]], ...]:
    """Endpoints of what is sent to the client, and of what is sent to the RS."""
    local, server = endpoints(talk.seen)
    client, service = endpoints(bytes(talk.way.segment("S")))
    return (service, (client[0], talk.port)), (local, server)


def questions(talk: Talk) -> list[bytes]:
    """What an end answers of which nothing is known: the client's, the RS's."""
    return [made(*side, "A", seq=0) for side in sides(talk)]


def shift(talk: Talk) -> int:
    """What is added to the client's numbers."""
    at = l4_at(talk.seen) + 4
    return (int.from_bytes(talk.seen[at : at + 4], "big") - 1000) % 2**32


def from_client(
    talk: Talk, flags: str = "A", payload: bytes = b"", seq: int = 0, ack: int = 0
) -> bytes:
    """A packet of the client's."""
    packet = talk.way.segment(flags, payload)
    packet.sport = talk.port
    return bytes(dressed(packet, seq=seq, ack=ack))


def from_rs(
    talk: Talk, flags: str = "A", payload: bytes = b"", seq: int = 0, ack: int = 0
) -> bytes:
    """A packet of the RS's."""
    return bytes(dressed(answer(talk.seen, flags, payload), seq=seq, ack=ack))


def many(lab: Lab, ports: Sequence[int], workers: int = 2) -> None:
    """Connections on each worker."""
    for worker in range(workers):
        frames = [bytes(tcp("S", sport=port)) for port in ports]
        seen = [result.data for result in lab.harness.run_all(worker, frames)]
        list(lab.harness.run_all(worker, [bytes(answer(frame)) for frame in seen]))
        frames = [bytes(tcp("A", sport=port)) for port in ports]
        list(lab.harness.run_all(worker, frames))


def by_rs(lab: Lab, vs: str = VS_TCP) -> dict[str, int]:
    """Live connections by RS, without those that have been ended."""
    alive = [one.rs for one in lab.harness.sessions(vs=vs) if one.state != "TCP_CLOSE"]
    return dict(Counter(rs.removesuffix("/tcp") for rs in alive))

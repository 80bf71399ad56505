# SPDX-License-Identifier: BSD-3-Clause
"""Packets of sessions whose RS are told the client's address, on their way through."""

from dataclasses import replace

from oracle.outcome import Fate, Observed
from oracle.packet import PUSH, Packet
from oracle.routes import Hop
from oracle.tcp_numbers import FLAGS_AT, word
from oracle.tcp_state import Way
from oracle.telling import acks
from oracle.translate import rebuilt, translated_length


def plan(fate: Fate, hop: Hop | None, mtu: int) -> None:
    """What a client's packet needs that goes by this hop, as things stood before its burst."""
    packet, session = fate.packet, fate.session
    if fate.verdict is not None or packet is None or session is None or session.telling is None:
        return
    fate.telling = replace(session.telling)
    if fate.quoted is not None or fate.way is Way.OUT:
        return
    if packet.ttl <= 1 or hop is None or hop.mac is None:
        return
    length = translated_length(packet, 4 if len(session.rs.endpoint[0]) == 4 else 6)
    fate.plan = session.telling.plan(packet, max(mtu - length, 0))


def asked(fate: Fate, packet: Packet) -> Packet:
    """A client's packet with what it tells."""
    assert fate.session is not None and fate.session.telling is not None
    header, before = fate.session.telling.asked(packet.l4_header, fate.plan)
    if before and packet.end == packet.headers_end:
        header = header[:FLAGS_AT] + bytes((header[FLAGS_AT] | PUSH,)) + header[FLAGS_AT + 1 :]
    return _changed(fate, packet, header, before)


def answered(fate: Fate, packet: Packet, observed: Observed) -> tuple[Packet, bool]:
    """An RS's packet without what it says of a header; and whether there can be none any more."""
    session = fate.session
    assert session is not None and session.telling is not None
    telling, sent, header = session.telling, observed.l4_header(fate.place), packet.l4_header
    if session.shift.seq is None and telling.counts and sent is not None:
        # Of an RS's SYN without ACK a SACK edge says it, if anything does.
        for at in acks(header)[:1]:
            session.shift.seq = telling.learn(word(header, at), word(sent, at))
    if sent is None and session.shift.seq is None:
        # Dropped, perhaps with the header taken off numbers that nobody can tell from others.
        fate.changed = [
            one.frame for header in telling.guesses(header) for one in rebuilt(packet, header, b"")
        ]
        return packet, False
    shift = session.shift.seq or 0
    failed = telling.hear(header, shift)
    return _changed(fate, packet, telling.answered(header, shift), b""), failed


def _changed(fate: Fate, packet: Packet, header: bytes, before: bytes) -> Packet:
    if (header, before) == (packet.l4_header, b""):
        return packet
    changed = rebuilt(packet, header, before)
    fate.changed = [one.frame for one in changed]
    return changed[0]

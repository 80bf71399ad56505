# SPDX-License-Identifier: BSD-3-Clause
"""RSTs for both ends of a connection whose session ends before it does (docs/decisions/0011)."""

from collections.abc import Iterator, Sequence

from oracle.made import tcp_reset
from oracle.routes import Routes
from oracle.sessions import Session
from oracle.tcp_numbers import MODULO
from oracle.tcp_state import Way

TOLD = ("TCP_ESTABLISHED", "TCP_FIN_WAIT", "TCP_CLOSE_WAIT", "TCP_LAST_ACK")


def resets(
    session: Session, routes: Routes, macs: Sequence[bytes]
) -> Iterator[tuple[int, list[bytes]]]:
    """Frames by port; none for one that nobody can know yet."""
    if session.state not in TOLD:
        return
    ends = (
        (Way.IN, session.service, session.client),
        (Way.OUT, session.local, session.rs.endpoint),
    )
    for way, src, dst in ends:  # the way of that end's packets
        hop = routes.find(dst[0])
        if hop is None or hop.mac is None or way not in session.acked:
            continue
        ack, known = _other_end_acked(session, way)
        ways = hop.mac, macs[hop.port]
        reset = tcp_reset(ways, src, dst, session.acked[way], ack)
        yield hop.port, [reset] if known else []


def _other_end_acked(session: Session, way: Way) -> tuple[int | None, bool]:
    """What the end that sends this way has been acknowledged, as it counts, if at all.

    And whether that can be known: nobody has seen yet what is added to a client's numbers that have
    never been sent on.
    """
    if way is Way.OUT or Way.OUT not in session.acked:
        return session.acked.get(Way.IN if way is Way.OUT else Way.OUT), True
    added, acked = session.shift.seq, session.acked[Way.OUT]
    if added is not None and session.telling is not None and session.telling.counts:
        acked -= session.telling.less(acked, added)
    return (acked - (added or 0)) % MODULO, added is not None

# SPDX-License-Identifier: BSD-3-Clause
"""RSTs for both ends of a connection whose session ends before it does (docs/decisions/0011)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from oracle.made import tcp_reset, tcp_segment
from oracle.packet import SYN
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


def waited(
    session: Session, routes: Routes, macs: Sequence[bytes], now: int, most: int
) -> Iterator[tuple[int, list[bytes]]]:
    """What one sends that has waited for its RS: a SYN, or at last an RST to the client.

    A SYN announces this much at most.
    """
    proxy = session.proxy
    if proxy is None or not proxy.waits:
        return
    asks = session.asks_again(now)
    src, dst = session.service, session.client
    if asks:
        proxy.sent_syn(now)
        src, dst = session.local, session.rs.endpoint
    hop = routes.find(dst[0])
    if hop is None or hop.mac is None:
        return
    ways = hop.mac, macs[hop.port]
    if not asks:
        seq = (proxy.cookie.seq + 1) % MODULO
        yield hop.port, [tcp_reset(ways, src, dst, seq, proxy.first)]
        return
    shift = session.shift
    if shift.seq is None or shift.ts is None:
        yield hop.port, []  # nobody has seen yet what is added
        return
    seq, offer = (proxy.cookie.isn + shift.seq) % MODULO, proxy.syn_offer(shift.ts)
    data, window = replace(offer, mss=min(offer.mss, most)).written(), proxy.syn_window
    yield (
        hop.port,
        [tcp_segment(ways, src, dst, seq, 0, SYN, window=window, tcp_options=data)],
    )


def _other_end_acked(session: Session, way: Way) -> tuple[int | None, bool]:
    """What the end that sends this way has been acknowledged, as it counts, if at all.

    And whether that can be known: nobody has seen yet what is added to a client's numbers that have
    never been sent on.
    """
    if way is Way.OUT:
        theirs = 0 if session.proxy is None else session.proxy.mirror.seq or 0
        acked = session.acked.get(Way.IN)
        return None if acked is None else (acked - theirs) % MODULO, True
    if Way.OUT not in session.acked:
        return None, True
    added, counted = session.shift.seq, session.acked[Way.OUT]
    if added is not None and session.telling is not None and session.telling.counts:
        counted -= session.telling.less(counted, added)
    return (counted - (added or 0)) % MODULO, added is not None

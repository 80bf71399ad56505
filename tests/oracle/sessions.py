# SPDX-License-Identifier: BSD-3-Clause
"""Sessions of one worker: which packets are theirs, how long they live, what ports they hold."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from values import Settings

from oracle.packet import ACK, RST, TCP, UDP, Address, Endpoint, Key, Packet
from oracle.services import RealServer, VirtualServer
from oracle.syn_proxy import SYNS, Proxy
from oracle.tcp_numbers import SEQ_AT, Shift, word
from oracle.tcp_state import OVER, Way, after, begins
from oracle.telling import Telling

TICK_HZ = 16
FIRST_LOCAL_PORT = 1024
LOOKS = 16  # sessions that a search for one to give up looks at (docs/decisions/0008)
HORIZON = 4000  # ticks; of what ends beyond it nobody knows yet which is the first
WAITING = ("TCP_SYN_SENT", "UDP_ONEWAY")
OPEN = ("TCP_ESTABLISHED", "TCP_FIN_WAIT", "TCP_CLOSE_WAIT", "TCP_LAST_ACK")
NOT_AGAIN = 32  # a port just released is not used again at once against the same RS
BUILT_IN = {
    "TCP_SYN_SENT": 30,
    "TCP_SYN_RECV": 30,
    "TCP_ESTABLISHED": 900,
    "TCP_FIN_WAIT": 30,
    "TCP_CLOSE_WAIT": 30,
    "TCP_LAST_ACK": 30,
    "TCP_TIME_WAIT": 10,
    "TCP_CLOSE": 5,
    "UDP_ONEWAY": 30,
    "UDP_REPLIED": 60,
}


class Illegal(AssertionError):
    """The engine chose what it may not choose."""


@dataclass(eq=False)
class Session:
    """One client's connection; `seen` in ticks."""

    proto: int
    client: Endpoint
    service: Endpoint
    rs: RealServer
    local: Endpoint
    seen: int
    one_packet: bool  # over with its first reply
    timeouts: Mapping[str, int]  # in ticks
    shift: Shift = field(default_factory=Shift)
    telling: Telling | None = None
    acked: dict[Way, int] = field(default_factory=dict)  # last, by the packets of each way
    proxy: Proxy | None = None
    # Of one with a proxy: as the burst under way has found it, and as it would leave it.
    found: str = ""
    raw: str = "TCP_ESTABLISHED"
    drained: bool = False  # its RS has been removed for long enough
    state: str = field(init=False)

    def __post_init__(self) -> None:
        self.state = "TCP_SYN_SENT" if self.proto == TCP else "UDP_ONEWAY"

    @property
    def wide(self) -> bool:
        """Whether IPv6 is on a side."""
        return is_wide(self.service[0], self.rs.endpoint[0])

    @property
    def client_key(self) -> Key:
        """What the client's packets bear."""
        return (self.proto, *self.client, *self.service)

    @property
    def reply_key(self) -> Key:
        """What the RS's packets bear."""
        return (self.proto, *self.rs.endpoint, *self.local)

    def ends_with(self, packet: Packet, way: Way) -> bool:
        """Whether a client's packet ends it.

        A TCP connection is begun anew from the port of one that is over; or a client still sends
        datagrams to an RS that was removed, and gets another.
        """
        if way is Way.OUT or packet.offset:
            return False
        if packet.proto == TCP:
            state = self.state if self.proxy is None else self.raw
            return begins(packet.flags) and state in OVER
        return self.rs.removed

    def see(self, way: Way, packet: Packet, now: int) -> None:
        """A packet of the session came; whether it counts a proxy has yet to say."""
        if self.proxy is None:
            self.count(way, packet, now)
        elif not packet.offset:
            self.raw = after(self.raw, way, packet.flags)

    def count(self, way: Way, packet: Packet, now: int, repeated: int = 0) -> None:
        """A packet that counts; `repeated`: flags that it counts with, but is sent without."""
        self.seen = now
        if packet.offset:
            return
        before = self.state
        if self.proto == TCP:
            self.state = after(self.state, way, packet.flags | repeated)
            if packet.flags & ACK:
                self.acked[way] = packet.acked
        elif way is Way.OUT:
            self.state = "UDP_REPLIED"
        self._answer(before, way, bool(packet.flags & RST))

    def _answer(self, before: str, way: Way, reset: bool) -> None:
        if before in WAITING and self.state not in WAITING:
            answered = "refused" if way is Way.OUT else "aborted"
            self.rs.answers["answered" if self.state != "TCP_CLOSE" else answered] += 1
        elif reset and way is Way.OUT and before in ("TCP_SYN_RECV", "TCP_ESTABLISHED"):
            self.rs.answers["resets"] += 1

    def asks_again(self, now: int) -> bool:
        """Whether it waits for its RS, and will have sent another SYN."""
        proxy = self.proxy
        waits = proxy is not None and proxy.waits and proxy.syns < SYNS and proxy.due <= now
        return waits and not self.drained


class Sessions:
    """A worker's sessions."""

    def __init__(self, settings: Settings, laddrs: Iterable[Address]) -> None:
        self._drain = settings.options.get("drain_tcp_s", 0) * TICK_HZ
        self._recycle = bool(settings.options.get("recycle"))
        # By whether IPv6 is on a side.
        self._room = {False: settings.sessions, True: settings.sessions6}
        self.laddrs = dict.fromkeys(laddrs, 0)  # sessions ever made, by local address
        self._seconds = {**BUILT_IN, **settings.timeouts}
        self._by_key: dict[Key, tuple[Session, Way]] = {}
        self.live: dict[Session, None] = {}
        self.given_up = 0
        self._released: dict[RealServer, deque[Endpoint]] = {}

    def find(self, key: Key) -> tuple[Session, Way] | None:
        """The session a packet belongs to, and which way it goes."""
        return self._by_key.get(key)

    def full(self, wide: bool) -> bool:
        """Whether there is no room for another, with IPv6 on a side or without, nor may be made."""
        return self._room[wide] <= 0 and not self._yielding(wide)

    def _yielding(self, wide: bool) -> list[Session]:
        """Those that may give way to another one: all but open TCP connections."""
        if not self._recycle:
            return []
        return [one for one in self.live if one.wide is wide and one.state not in OPEN]

    def make_room(
        self, wide: bool, now: int, gone: Callable[[list[Session]], list[Session]]
    ) -> None:
        """End the one that was given up for another, if one had to be; raises Illegal.

        The first to end gives way, as far as a search that looks at so many can tell.
        """
        if self._room[wide] > 0:
            return
        yielding = self._yielding(wide)
        given_up = gone(yielding)
        if len(given_up) != 1:
            raise Illegal(f"{len(given_up)} sessions were given up for one")
        left = {one: self.left(one, now) for one in yielding}
        if len(yielding) <= LOOKS and left[given_up[0]] > min(*left.values(), HORIZON):
            raise Illegal(f"given up with {left[given_up[0]]} ticks left, {sorted(left.values())}")
        self.end(given_up[0])
        self.given_up += 1

    def open(
        self, packet: Packet, vs: VirtualServer, rs: RealServer, local: Endpoint, now: int
    ) -> Session:
        """Make the session of a client's first packet; raises Illegal if the local end is."""
        session = Session(
            packet.proto,
            (packet.src, packet.sport),
            (packet.dst, packet.dport),
            rs,
            local,
            now,
            vs.one_packet,
            {state: n * TICK_HZ for state, n in {**self._seconds, **vs.timeouts}.items()},
        )
        if vs.client_address != "none":
            first = word(packet.l4_header, SEQ_AT) + 1
            session.telling = Telling(vs.client_address, session.client, session.service, first)
        if local[0] not in self.laddrs:
            raise Illegal(f"{local} is not a local address of this worker")
        if len(local[0]) != len(rs.endpoint[0]):
            raise Illegal(f"{local} and {rs.text} are of two families")
        if local[1] < FIRST_LOCAL_PORT:
            raise Illegal(f"local port {local[1]} is none of ours")
        if session.reply_key in self._by_key:
            raise Illegal(f"{local} is taken towards {rs.text}")
        if local in self._released.get(rs, ()):
            raise Illegal(f"{local} was released just now by a session with {rs.text}")
        if not session.one_packet:
            self._by_key[session.client_key] = session, Way.IN
        self._by_key[session.reply_key] = session, Way.OUT
        self.live[session] = None
        self._room[session.wide] -= 1
        self.laddrs[local[0]] += 1
        rs.sessions += 1
        rs.active += 1
        return session

    def end(self, session: Session) -> None:
        """Forget a session."""
        if not session.one_packet:
            del self._by_key[session.client_key]
        del self._by_key[session.reply_key], self.live[session]
        session.rs.active -= 1
        session.rs.answers["unanswered"] += session.state in WAITING
        self._room[session.wide] += 1
        self._released.setdefault(session.rs, deque(maxlen=NOT_AGAIN)).append(session.local)

    def left(self, session: Session, now: int) -> int:
        """Ticks that a session has still to live."""
        until = session.seen + session.timeouts[session.state]
        if session.proxy is not None and session.proxy.waits:
            until = session.proxy.due
        deadline = self._deadline(session)
        return (until if deadline is None else min(until, deadline)) - now

    def _deadline(self, session: Session) -> int | None:
        """When it ends though packets come, because its RS was removed."""
        removed = session.rs.removed_at
        if not self._drain or session.proto != TCP or removed is None:
            return None
        return removed + self._drain

    def expire(self, now: int) -> list[Session]:
        """End what has heard nothing for long enough, or whose RS is gone for long enough."""
        over = [one for one in self.live if self.left(one, now) <= 0]
        for session in over:
            deadline = self._deadline(session)
            session.drained = deadline is not None and deadline <= now
            if not session.asks_again(now):
                self.end(session)
        return over


def is_wide(*addresses: Address) -> bool:
    """Whether any of them is IPv6."""
    return any(len(address) == 16 for address in addresses)


PROTOCOLS = {TCP: "tcp", UDP: "udp"}

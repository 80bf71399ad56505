# SPDX-License-Identifier: BSD-3-Clause
"""The balancer: what comes of each packet of a burst, and what is known afterwards.

A burst is taken in two steps. First every packet finds its session or its fate, in order of
arrival. A client that opens a connection anew ends the session of the old one; packets of the old
one earlier in the burst are then stragglers. Second, what is left is counted and sent on.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from values import Op, Settings, View

from oracle.packet import (
    ARP,
    BALANCED,
    ICMP,
    ICMP6,
    IPV4,
    IPV6,
    OSPF,
    TCP,
    Address,
    Endpoint,
    Malformed,
    Packet,
    number,
    read,
    tagged,
    untagged,
)
from oracle.routes import Routes, packed
from oracle.services import Limits, Service, Services, VirtualServer
from oracle.sessions import Illegal, Session, Sessions, is_wide
from oracle.tcp_state import OVER, Way, begins
from oracle.translate import echo_reply, full_nat, is_echo_request, translated_length

PUNT_OSPF, PUNT_ARP, PUNT_OTHER = range(3)
OSPF_GROUPS = {packed(group) for group in ("224.0.0.5", "224.0.0.6", "ff02::5", "ff02::6")}


@dataclass(frozen=True)
class Arrival:
    """How a burst came."""

    worker: int
    port: int
    handed: bool = False
    segments: int = 1


@dataclass(frozen=True)
class Verdict:
    """What must come of a packet, in the words of the harness; of the frames, any will do."""

    what: str
    frames: Sequence[bytes] = ()
    family: int = 0  # of the packet that came, where one is sent


@dataclass(frozen=True, order=True)
class Choice:
    """What the engine chose for a new session: local end and RS."""

    local: Endpoint
    rs: Endpoint


class Observed(Protocol):
    """What the engine chose for the packet at a place in the burst, where it has a choice."""

    def choice(
        self, place: int, packet: Packet, known: Collection[Endpoint], fits: Collection[Endpoint]
    ) -> Choice:
        """For its new session; the client's others are known by their local ends.

        Where nobody can tell which of several it is, one with an RS that fits.
        """

    def full(self, place: int) -> bool:
        """Whether there was no room for its session."""

    def worker(self, place: int) -> int:
        """Who works on it: another one that it was handed to, or this one."""

    def identification(self, place: int) -> int:
        """For the IPv4 packet that it became."""


class Model:
    """The whole balancer, all workers."""

    def __init__(self, settings: Settings, macs: Sequence[bytes]) -> None:
        self._settings, self._macs = settings, macs
        self._owner = {packed(text): worker for text, worker, _ in settings.laddrs}
        self.services = Services(settings.workers, settings.vs_max)
        self.workers = [
            Sessions(
                {False: settings.sessions, True: settings.sessions6},
                (address for address, owner in self._owner.items() if owner == worker),
                settings.timeouts,
            )
            for worker in range(settings.workers)
        ]
        self.routes = Routes(View())
        self.now = 0
        self.drops: Counter[tuple[int, str]] = Counter()
        # Neighbours that were missing in this tick, with their ports, and those asked for.
        self.wanted: set[tuple[Address, int]] = set()
        self.asked: set[tuple[Address, int]] = set()
        self.stopping = False
        self._spread: dict[tuple[int, Address, int, Address, int], int] = {}

    # What the operator and the clock do.

    def apply(self, ops: Sequence[Op]) -> None:
        """Carry a transaction out; raises Refusal."""
        sizes = [{len(address) for address in sessions.laddrs} for sessions in self.workers]
        taken = set(self._owner) | self.routes.own
        room = self._settings.sessions6 > 0
        self.services.apply(ops, Limits(taken, set.intersection(*sizes), room))

    def forward(self, view: View) -> None:
        """Other routes and neighbours."""
        self.routes = Routes(view)

    def advance(self, ticks: int) -> None:
        """Time passes."""
        self.now += ticks
        if ticks:
            self.wanted.clear()
            self.asked.clear()
        for sessions in self.workers:
            sessions.expire(self.now)

    # What packets do.

    def burst(self, arrival: Arrival, frames: Sequence[bytes], observed: Observed) -> list[Verdict]:
        """What must come of the packets."""
        fates = [_Fate(place, frame) for place, frame in enumerate(frames)]
        for fate in fates:
            self._admit(arrival, fate, fates, observed)
        verdicts = [
            replace(verdict, frames=verdict.frames or [fate.frame])
            for fate in fates
            for verdict in [fate.verdict or self._pass_on(fate, observed)]
        ]
        for session in {fate.session for fate in fates if fate.verdict is None and fate.session}:
            if session.one_packet and session.state == "UDP_REPLIED":
                self.workers[arrival.worker].end(session)
        for verdict in verdicts:
            if verdict.what.startswith("DROP "):
                self.drops[arrival.worker, verdict.what.removeprefix("DROP ")] += 1
        return verdicts

    def _admit(
        self, arrival: Arrival, fate: "_Fate", fates: Sequence["_Fate"], observed: Observed
    ) -> None:
        try:
            fate.packet = packet = self._balanced(arrival, fate)
            if packet is None:
                return
            sessions = self.workers[arrival.worker]
            found = sessions.find(packet.key)
            if found is not None and _is_over(packet, *found):
                sessions.end(found[0])
                for earlier in fates[: fate.place]:
                    if earlier.session is found[0]:
                        earlier.verdict = Verdict("DROP NO_SESSION")
                found = None
            if found is None:
                found = self._without_session(arrival, fate, packet, observed)
            if found is not None:
                fate.session, fate.way = found
                fate.session.see(fate.way, packet.flags, self.now)
        except Malformed as dropped:
            fate.verdict = Verdict(f"DROP {dropped}")

    def _balanced(self, arrival: Arrival, fate: "_Fate") -> Packet | None:
        """The packet if it is one that may have a session; else its fate is sealed."""
        # A worker that hands a frame over has taken the tag off.
        vlan = 0 if arrival.handed else self._settings.vlans.get(arrival.port, 0)
        received = len(fate.frame)
        fate.frame = untagged(fate.frame, vlan)
        kind = number(fate.frame, 12)
        if kind not in (IPV4, IPV6):
            fate.punt(PUNT_ARP if kind == ARP else PUNT_OTHER)
            return None
        packet = read(fate.frame)
        first = -(-received // arrival.segments) - received + len(fate.frame)
        if packet.headers_end > first:
            raise Malformed("MULTI_SEGMENT")
        balanced, own = packet.proto in BALANCED[packet.family], packet.dst in self.routes.own
        if packet.fragment or packet.group or not balanced:
            if not packet.group and not own:
                raise Malformed("FRAGMENT" if packet.fragment else "PROTOCOL")
            fate.punt(PUNT_OSPF if self._is_ospf(packet, own) else _punt_class(packet))
            return None
        if fate.frame[0] & 1 and not own:
            raise Malformed("NOT_FOR_US")
        if packet.proto in (ICMP, ICMP6):
            self._icmp(arrival, fate, packet, own)
            return None
        return packet

    def _is_ospf(self, packet: Packet, own: bool) -> bool:
        """Whether it is of an adjacency: from the link, to the OSPF routers on it or to us."""
        if packet.proto != OSPF or not (own or packet.dst in OSPF_GROUPS):
            return False
        if packet.family == 6 and packet.src[0] == 0xFE and packet.src[1] & 0xC0 == 0x80:
            return True
        hop = self.routes.find(packet.src)
        return hop is not None and hop.address == packet.src

    def _icmp(self, arrival: Arrival, fate: "_Fate", packet: Packet, own: bool) -> None:
        # The kernel speaks neighbour discovery, which never leaves the link, for local addresses.
        asked = packet.dst in self._owner and packet.ttl == 255
        if own or (asked and _punt_class(packet) == PUNT_ARP):
            fate.punt(_punt_class(packet))
        elif not (self.services.is_vip(packet.dst) or packet.dst in self._owner):
            raise Malformed("NOT_FOR_US")
        elif self._bad_source(packet.src):
            raise Malformed("BAD_SOURCE")
        elif not is_echo_request(packet):
            raise Malformed("ICMP")
        else:
            fate.verdict = self._sent(arrival.port, packet, echo_reply(packet))

    def _without_session(
        self, arrival: Arrival, fate: "_Fate", packet: Packet, observed: Observed
    ) -> tuple[Session, Way] | None:
        owner = self._owner.get(packet.dst)
        if owner is not None:
            if owner == arrival.worker or arrival.handed:
                raise Malformed("NO_SESSION")
            fate.verdict = Verdict(f"HANDOFF {owner}")
            return None
        if packet.dst in self.routes.own:
            fate.punt(PUNT_OTHER)
            return None
        service: Service = packet.proto, packet.dst, packet.dport
        vs = self.services.table.get(service)
        if vs is None:
            raise Malformed("NO_VS" if self.services.is_vip(packet.dst) else "NOT_FOR_US")
        if arrival.port in self._settings.spread_hash and not arrival.handed:
            target = self._spread.setdefault(packet.key, observed.worker(fate.place))
            if target != arrival.worker:
                fate.verdict = Verdict(f"HANDOFF {target}")
                return None
        return self._open(arrival.worker, fate.place, packet, vs, observed), Way.IN

    def _open(
        self, worker: int, place: int, packet: Packet, vs: VirtualServer, observed: Observed
    ) -> Session:
        if self._bad_source(packet.src):
            raise Malformed("BAD_SOURCE")
        if packet.ttl <= 1:
            raise Malformed("TTL")
        if self.stopping:
            raise Malformed("STOPPING")
        if packet.proto == TCP and not begins(packet.flags):
            raise Malformed("NOT_SYN")
        if not any(rs.weight for rs in vs.rs):
            raise Malformed("NO_RS")
        sessions, turn = self.workers[worker], vs.turns[worker]
        legal = turn.legal(vs.rs, packet.src)
        fits = [rs for rs in legal if not sessions.full(is_wide(packet.dst, rs.endpoint[0]))]
        if not fits or (len(fits) < len(legal) and observed.full(place)):
            # Whoever is refused for want of room has had his turn; with `sh` nobody has turns.
            if len(legal) == 1:
                turn.took(vs.rs, legal[0], packet.src)
            raise Malformed("SESSION_FULL")
        client = packet.src, packet.sport
        known = [one.local for one in sessions.live if one.client == client]
        chosen = observed.choice(place, packet, known, [one.endpoint for one in fits])
        rs = next((one for one in vs.rs if one.endpoint == chosen.rs), None)
        if rs is None or rs not in fits:
            raise Illegal(f"RS {chosen.rs} chosen, legal: {[one.endpoint for one in fits]}")
        turn.took(vs.rs, rs, packet.src)
        return sessions.open(packet, vs, rs, chosen.local, self.now)

    def _bad_source(self, address: Address) -> bool:
        """Whether nobody can be answered at this address."""
        if len(address) == 4:
            nobody = address[0] in (0, 127) or address[0] >= 224
        else:
            link_local = address[0] == 0xFE and address[1] & 0xC0 == 0x80
            nobody = address[:8] == bytes(8) or link_local or address[0] == 0xFF
        return (
            nobody
            or self.services.is_vip(address)
            or address in self._owner
            or address in self.routes.own
        )

    def _pass_on(self, fate: "_Fate", observed: Observed) -> Verdict:
        packet, session, way = fate.packet, fate.session, fate.way
        assert packet is not None and session is not None and way is not None
        session.rs.packets[way] += 1
        session.rs.octets[way] += packet.length
        src, dst = session.local, session.rs.endpoint
        if way is Way.OUT:
            src, dst = session.service, session.client
        hop = self.routes.find(dst[0])
        if packet.ttl <= 1:
            return Verdict("DROP TTL")
        if hop is None:
            return Verdict("DROP NO_ROUTE")
        if hop.mac is None:
            self.wanted.add((hop.address, hop.port))
            return Verdict("DROP NO_NEIGHBOUR")
        length = translated_length(packet, 4 if len(dst[0]) == 4 else 6)
        if length > self._settings.mtu:
            return Verdict("DROP MTU")
        # What stands behind the packet travels along where it fits.
        if length + len(packet.frame) - packet.end > self._settings.mtu:
            packet = replace(packet, frame=packet.frame[: packet.end])
        macs = hop.mac, self._macs[hop.port]
        try:
            frames = full_nat(packet, macs, src, dst, lambda: observed.identification(fate.place))
        except Malformed as dropped:
            return Verdict(f"DROP {dropped}")
        return self._sent(hop.port, packet, frames)

    def _sent(self, port: int, packet: Packet, frames: Sequence[bytes]) -> Verdict:
        vlan = self._settings.vlans.get(port, 0)
        return Verdict(f"TX {port}", [tagged(frame, vlan) for frame in frames], packet.family)


def _is_over(packet: Packet, session: Session, way: Way) -> bool:
    """Whether a client's packet finds a session that ends with it.

    A TCP connection is begun anew from the port of one that is over; or a client still sends
    datagrams to an RS that was removed, and gets another.
    """
    if way is Way.OUT:
        return False
    if packet.proto == TCP:
        return begins(packet.flags) and session.state in OVER
    return session.rs.removed


def _punt_class(packet: Packet) -> int:
    """Which of the kernel's meters it counts for; neighbour discovery is IPv6's ARP."""
    if packet.proto == ICMP6 and packet.family == 6 and not packet.fragment:
        return PUNT_ARP if 133 <= packet.frame[packet.l4] <= 137 else PUNT_OTHER
    return PUNT_OTHER


@dataclass
class _Fate:
    """A packet of the burst under way: a verdict, or a session."""

    place: int
    frame: bytes
    packet: Packet | None = None
    verdict: Verdict | None = None
    session: Session | None = None
    way: Way | None = None

    def punt(self, kind: int) -> None:
        """The kernel gets it."""
        self.verdict = Verdict(f"PUNT {kind}")

# SPDX-License-Identifier: BSD-3-Clause
"""The balancer: what comes of each packet of a burst, and what is known afterwards.

A burst is taken in two steps. First every packet finds its session or its fate, in order of
arrival. A client that opens a connection anew ends the session of the old one; packets of the old
one earlier in the burst are then stragglers. Second, what is left is counted and sent on.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from values import Op, Settings, View

from oracle import fragments, icmp_errors, refused, segment_size, told
from oracle.icmp_errors import LEAST_MTU6, is_error, quotation
from oracle.meter import Meters
from oracle.outcome import Arrival, Fate, Observed, Trail, Verdict
from oracle.owners import Owners
from oracle.packet import (
    ARP,
    BALANCED,
    ICMP,
    ICMP6,
    IPV4,
    IPV6,
    TCP,
    Address,
    Key,
    Malformed,
    Packet,
    number,
    read,
    untagged,
)
from oracle.proxied import Proxying
from oracle.punt import PUNT_ARP, PUNT_OSPF, PUNT_OTHER, is_ospf, punt_class
from oracle.reassembly import Reassembly, of_first
from oracle.routes import Routes
from oracle.services import Limits, Service, Services, VirtualServer
from oracle.sessions import Illegal, Session, Sessions, is_wide
from oracle.syn_proxy import Staged
from oracle.tcp_numbers import Shift, has_time_stamps
from oracle.tcp_state import Way, begins
from oracle.translate import (
    MAY_BE_FRAGMENTED,
    cuttable,
    echo_reply,
    full_nat,
    is_echo_request,
    translated_length,
)

SPARE = 64  # buffers of a worker for what it makes in a burst


class Model(Proxying):
    """The whole balancer, all workers."""

    def __init__(self, settings: Settings, macs: Sequence[bytes]) -> None:
        super().__init__()
        self._settings, self._macs = settings, macs
        self.owners = Owners(settings)
        self.services = Services(settings.workers, settings.vs_max)
        self.workers = [
            Sessions(settings, self.owners.of_worker(worker)) for worker in range(settings.workers)
        ]
        self.routes = Routes(View())
        self.now = 0
        self.drops: Counter[tuple[int, str]] = Counter()
        # Neighbours that were missing in this tick, with their ports, and those asked for.
        self.wanted: set[tuple[Address, int]] = set()
        self.asked: set[tuple[Address, int]] = set()
        self.stopping = False
        self._spread: dict[Key, int] = {}
        nobody, owners = self._bad_source, self.owners
        self.reassembly = Reassembly(settings, owners, self.services, self.drops, nobody)
        # Pieces of longer packets that go on behind the burst under way, by worker.
        self.made: list[list[Verdict]] = [[] for _ in self.workers]
        self._spare = SPARE
        self.untold = [0] * len(self.workers)
        self.tally: Counter[str] = Counter()
        self._meters = [Meters(settings) for _ in self.workers]

    # What the operator and the clock do.

    def apply(self, ops: Sequence[Op]) -> None:
        """Carry a transaction out; raises Refusal."""
        sizes = [{len(address) for address in sessions.laddrs} for sessions in self.workers]
        taken = {*self.owners, *self.routes.own}
        room = self._settings.sessions6 > 0
        self.services.apply(ops, Limits(taken, set.intersection(*sizes), room), self.now)

    def forward(self, view: View) -> None:
        """Other routes and neighbours."""
        self.routes = Routes(view)

    def advance(self, ticks: int) -> list[list[Verdict]]:
        """Time passes; what each worker then sends, in any order."""
        self.now += ticks
        if ticks:
            self.wanted.clear()
            self.asked.clear()
        self.reassembly.expire(self.now)
        over = [list(sessions.expire(self.now)) for sessions in self.workers]
        return [
            [
                self._sent(port, 0, frames)
                for session in sessions
                for port, frames in self._told(session)
            ]
            for sessions in over
        ]

    # What packets do.

    def burst(
        self,
        arrival: Arrival,
        frames: Sequence[bytes],
        observed: Observed,
        trails: Sequence[Trail] = (),
    ) -> list[Verdict]:
        """What must come of the packets; of those handed over their trails are known."""
        fates = [Fate(arrival, place, frame) for place, frame in enumerate(frames)]
        for fate, trail in zip(fates, trails, strict=False):
            fate.trail = trail
            if trail.port is not None:
                fate.arrival = replace(arrival, port=trail.port)
        if not any(trail.port is not None for trail in trails):
            self._spare = SPARE  # filled between bursts
        self._found(self.workers[arrival.worker].live)
        for fate in fates:
            self._admit(fate, fates, observed)
        for fate in fates:
            self._plan(fate)
        self._meters[arrival.worker].police(fates, observed, self.now)
        verdicts = [
            replace(verdict, frames=verdict.frames or fate.left_as(verdict))
            for fate in fates
            for verdict in [fate.verdict or self._pass_on(fate, observed)]
        ]
        for session in {fate.session for fate in fates if fate.answers and fate.session}:
            self.workers[arrival.worker].end(session)
        for verdict in verdicts:
            if reason := verdict.counted or verdict.what.partition("DROP ")[2]:
                self.drops[arrival.worker, reason] += 1
        return verdicts

    def _admit(self, fate: Fate, fates: Sequence[Fate], observed: Observed) -> None:
        try:
            packet = self._balanced(fate, observed)
            if packet is None:
                return
            fate.packet = packet
            sessions = self.workers[fate.arrival.worker]
            found = sessions.find(packet.key) or of_first(fate, packet, sessions, observed)
            if found is not None and found[0].ends_with(packet, found[1]):
                sessions.end(found[0])
                for earlier in fates[: fate.place]:
                    if earlier.session is found[0]:
                        earlier.verdict = Verdict("DROP NO_SESSION")
                found = None
            if found is None:
                found = self._without_session(fate, packet, observed)
            if found is not None:
                fate.session, fate.way = found
                fate.session.see(fate.way, packet, self.now)
        except Malformed as dropped:
            fate.verdict = self._dropped(fate, str(dropped))

    def _dropped(self, fate: Fate, reason: str, mtu: int = 0) -> Verdict:
        """The verdict of one that is not passed on; its sender may be told."""
        packet = fate.packet
        if packet is None or packet.offset or fate.quoted is not None:
            return Verdict(f"DROP {reason}")
        frames = refused.answer(packet, reason, mtu, self._settings)
        if not frames or packet.offset or self._bad_source(packet.src):
            return Verdict(f"DROP {reason}")
        return replace(self._sent(fate.arrival.port, packet.family, frames), counted=reason)

    def _balanced(self, fate: Fate, observed: Observed) -> Packet | None:
        """The packet if it is one that may have a session; else its fate is sealed."""
        arrival = fate.arrival
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
                if not packet.fragment:
                    raise Malformed("PROTOCOL")
                if not balanced:
                    raise Malformed("FRAGMENT")
                return self._fragment(fate, packet, observed)
            fate.punt(PUNT_OSPF if is_ospf(packet, own, self.routes) else punt_class(packet))
            return None
        if fate.frame[0] & 1 and not own:
            raise Malformed("NOT_FOR_US")
        if packet.proto in (ICMP, ICMP6):
            self._icmp(fate, packet, own, observed)
            return None
        return packet

    def _fragment(self, fate: Fate, packet: Packet, observed: Observed) -> Packet | None:
        """The fragment, if its ports are known, and so those of all; else its fate is sealed."""
        if fate.frame[0] & 1:
            raise Malformed("NOT_FOR_US")
        if reason := fragments.refused(packet):
            raise Malformed(reason)
        if fate.trail.ports is None and not self.reassembly.at_home(
            fate, packet, self.now, observed
        ):
            return None
        assert fate.trail.ports is not None
        datagram = fate.trail.datagram
        if fate.trail.home and datagram is not None:
            packet = self.reassembly.renamed(fate, packet, datagram, observed)
            if datagram.refused:
                raise Malformed(datagram.refused)
        if packet.proto in (ICMP, ICMP6):
            frames = fragments.echo_reply(packet)
            fate.verdict = self._sent(fate.arrival.port, packet.family, frames)
            return None
        packet.sport, packet.dport = fate.trail.ports
        return packet

    def _icmp(self, fate: Fate, packet: Packet, own: bool, observed: Observed) -> None:
        # The kernel speaks neighbour discovery, which never leaves the link, for local addresses.
        asked = packet.dst in self.owners and packet.ttl == 255
        if own or (asked and punt_class(packet) == PUNT_ARP):
            fate.punt(punt_class(packet))
        elif not (self.services.is_vip(packet.dst) or packet.dst in self.owners):
            raise Malformed("NOT_FOR_US")
        elif is_error(packet):
            self._error(fate, packet, observed)
        elif self._bad_source(packet.src):
            raise Malformed("BAD_SOURCE")
        elif not is_echo_request(packet):
            raise Malformed("ICMP")
        else:
            fate.verdict = self._sent(fate.arrival.port, packet.family, echo_reply(packet))

    def _error(self, fate: Fate, packet: Packet, observed: Observed) -> None:
        """An error goes on to the end of a session whose packet it quotes."""
        arrival = fate.arrival
        fate.packet, fate.quoted = packet, quotation(packet)
        flow = fate.quoted.answer_key
        found = self.workers[arrival.worker].find(flow)
        if found is not None:
            fate.session, fate.way = found
            if found[0].proxy is not None:
                fate.mirror = replace(found[0].proxy.mirror)
            return
        target = self.owners.of_flow(*flow[1:])
        if target is None and arrival.port not in self._settings.spread_hash:
            fate.verdict = self._search(fate, observed)
            if fate.verdict is None:
                raise Malformed("NO_SESSION")
            return
        if target is None and not arrival.handed:
            target = self._spread.setdefault(flow, observed.worker(fate.place))
        if arrival.handed or target == arrival.worker:
            raise Malformed("NO_SESSION")
        fate.verdict = Verdict(f"HANDOFF {target}")

    def _search(self, fate: Fate, observed: Observed) -> Verdict | None:
        """Nobody knows who has the session: all are asked, one after the other, none twice.

        But the one who began may be asked once more, in turn.
        """
        asked = (*fate.trail.asked, fate.arrival.worker)
        left = [worker for worker in range(len(self.workers)) if worker not in asked]
        target = observed.worker(fate.place)
        again = target != fate.arrival.worker and target == asked[0] not in asked[1:]
        if not left and not again:
            return None
        trail = replace(fate.trail, asked=asked, home=False, port=None)
        return Verdict(f"HANDOFF {target if again or target in left else left[0]}", trail=trail)

    def _worker_of(self, fate: Fate, packet: Packet, observed: Observed) -> Verdict | None:
        """Where a fragment goes whose session is not here; None if it is to be made here."""
        worker, trail = fate.arrival.worker, fate.trail
        on = replace(trail, home=False, port=None, passed=True)
        if trail.passed:
            return None
        if fate.arrival.port in self._settings.spread_hash:
            target = self._spread.setdefault(packet.key, observed.worker(fate.place))
            return None if target == worker else Verdict(f"HANDOFF {target}", trail=on)
        if (verdict := self._search(fate, observed)) is not None:
            return verdict
        # All have been asked: the first of them makes it, where the flow would be spread to; and
        # there the later fragments follow their first one.
        target = self._spread.setdefault(packet.key, observed.worker(fate.place))
        if target not in (*trail.asked, worker)[:2]:
            raise Illegal(f"worker {target} makes a session, asked were {trail.asked}")
        return None if target == worker else Verdict(f"HANDOFF {target}", trail=on)

    def _without_session(
        self, fate: Fate, packet: Packet, observed: Observed
    ) -> tuple[Session, Way] | None:
        arrival = fate.arrival
        owner = self.owners.of_flow(packet.src, packet.sport, packet.dst, packet.dport)
        if owner is not None:
            # A fragment comes from its datagram's home.
            if owner == arrival.worker or (arrival.handed and not packet.fragment):
                raise Malformed("NO_SESSION")
            on = replace(fate.trail, home=False, port=None, passed=True)
            fate.verdict = Verdict(f"HANDOFF {owner}", trail=on)
            return None
        if packet.dst in self.routes.own:
            fate.punt(punt_class(packet))
            return None
        service: Service = packet.proto, packet.dst, packet.dport
        vs = self.services.table.get(service)
        if vs is None:
            raise Malformed("NO_VS" if self.services.is_vip(packet.dst) else "NOT_FOR_US")
        if packet.fragment:
            fate.verdict = self._worker_of(fate, packet, observed)
            if fate.verdict is not None:
                return None
            if packet.offset:
                raise Malformed("NO_SESSION")
        elif arrival.port in self._settings.spread_hash and not arrival.handed:
            target = self._spread.setdefault(packet.key, observed.worker(fate.place))
            if target != arrival.worker:
                fate.verdict = Verdict(f"HANDOFF {target}")
                return None
        if vs.syn_proxy:
            return self._proxied(fate, packet, vs, observed)
        session = self._open(arrival.worker, fate.place, packet, vs, observed)
        if fate.trail.datagram is not None and session.one_packet:
            fate.trail.datagram.session = session
        return session, Way.IN

    def _open(
        self, worker: int, place: int, packet: Packet, vs: VirtualServer, observed: Observed
    ) -> Session:
        self._check_client(packet)
        if self.stopping:
            raise Malformed("STOPPING")
        if packet.proto == TCP and not (begins(packet.flags) or vs.syn_proxy):
            raise Malformed("NOT_SYN")
        if not any(rs.weight for rs in vs.rs):
            vs.refused += 1
            raise Malformed("NO_RS")
        sessions, turn = self.workers[worker], vs.turns[worker]
        legal = turn.legal(vs.rs, packet.src)
        fits = [rs for rs in legal if not sessions.full(is_wide(packet.dst, rs.endpoint[0]))]
        if not fits or (len(fits) < len(legal) and observed.full(place)):
            # Whoever is refused for want of room has had his turn; with `sh` nobody has turns.
            if len(legal) == 1:
                turn.took(vs.rs, legal[0], packet.src)
            vs.refused += 1
            raise Malformed("SESSION_FULL")
        client = packet.src, packet.sport
        known = [one.local for one in sessions.live if one.client == client]
        chosen = observed.choice(place, packet, known, [one.endpoint for one in fits])
        rs = next((one for one in vs.rs if one.endpoint == chosen.rs), None)
        if rs is None or rs not in fits:
            raise Illegal(f"RS {chosen.rs} chosen, legal: {[one.endpoint for one in fits]}")
        turn.took(vs.rs, rs, packet.src)
        sessions.make_room(is_wide(packet.dst, chosen.rs[0]), self.now, observed.gone)
        if self.owners.of_flow(*chosen.rs, *chosen.local) != worker:
            raise Illegal(f"replies to {chosen.local} come to another worker")
        session = sessions.open(packet, vs, rs, chosen.local, self.now)
        if packet.proto == TCP and self._settings.renumber:
            session.shift = Shift(None, None if has_time_stamps(packet.l4_header) else 0)
        return session

    def _pass_on(self, fate: Fate, observed: Observed) -> Verdict:
        packet, session, way = fate.packet, fate.session, fate.way
        assert packet is not None and session is not None and way is not None
        staged = Staged(packet)
        if session.proxy is not None and fate.quoted is None:
            staged = self._staged(fate, packet, session, session.proxy, way)
            if staged.packet is None:
                if staged.resets and not self._bad_source(packet.src):
                    return self._reset(fate, packet, staged.drop)
                return Verdict(f"DROP {staged.drop}")
            if staged.packet is not packet:
                fate.packet = packet = staged.packet
                fate.frame = packet.frame
            session.count(way, packet, self.now, staged.repeated)
        if fate.quoted is None:
            session.rs.packets[way] += 1
            session.rs.octets[way] += packet.length
        src, dst = session.local, session.rs.endpoint
        if way is Way.OUT:
            src, dst = session.service, session.client
        hop = self.routes.find(dst[0])
        telling = session.telling if fate.quoted is None else None
        if fate.plan.refused:
            return Verdict("DROP CLIENT_ADDRESS")
        if packet.ttl <= 1:
            return self._dropped(fate, "TTL")
        if hop is None:
            return Verdict("DROP NO_ROUTE")
        if hop.mac is None:
            self.wanted.add((hop.address, hop.port))
            return Verdict("DROP NO_NEIGHBOUR")
        family, mtu = 4 if len(dst[0]) == 4 else 6, self._settings.mtu
        original = packet
        if telling is not None and way is Way.IN and not packet.offset:
            packet = told.asked(fate, packet)
        if fate.quoted is not None:
            length = icmp_errors.translated_length(packet, fate.quoted, family)
        elif packet.fragment:
            length = fragments.translated_length(packet, family)
        else:
            length = translated_length(packet, family)
        # An IPv6 packet may be, if it becomes an IPv4 one that may be.
        short = packet.family > family and (
            packet.fragment or translated_length(original, family) <= MAY_BE_FRAGMENTED
        )
        cut = length > mtu and (packet.may_be_cut or short) and fate.quoted is None
        if length > mtu and not cut:
            room = length - translated_length(original, family) if fate.plan.tells else 0
            fits = mtu + 10 * (packet.family - family) - room
            least = LEAST_MTU6 if packet.family > family or (room and packet.family == 6) else 0
            return self._dropped(fate, "MTU", max(fits, least))
        if telling is not None and way is Way.OUT and not packet.offset:
            packet, failed = told.answered(fate, packet, observed)
            self.untold[fate.arrival.worker] += failed
        # What stands behind the packet travels along where it fits.
        if length + len(packet.frame) - packet.end > mtu:
            packet = replace(packet, frame=packet.frame[: packet.end])
            fate.original = packet.frame
            fate.changed = [*fate.changed, *(one[: packet.end] for one in fate.changed)]
        macs = hop.mac, self._macs[hop.port]
        try:
            ident = partial(observed.identification, fate.place)
            if fate.quoted is not None:
                sent = observed.quotation(fate.place)
                sent = observed.quotation(fate.place)
                was = fate.telling
                shifts = session.shift, fate.mirror
                header = icmp_errors.before(fate.quoted, *shifts, way, sent, was)
                if was is not None and way is Way.OUT:
                    packet = replace(packet, frame=was.lowered(packet))
                frames = icmp_errors.translated(packet, fate.quoted, macs, src, dst, header, ident)
            else:
                header = segment_size.allowed(packet, session, self._settings, self.routes)
                if telling is not None and way is Way.OUT and not packet.offset:
                    header = telling.announced(header)
                if packet.proto == TCP and not packet.offset:
                    header = session.shift.apply(header, way, observed.l4_header(fate.place))
                    if session.proxy is not None:
                        header = session.proxy.apply(header, way, staged.unscaled)
                datagram = fate.trail.datagram
                if packet.family != family and datagram is not None and datagram.unchecked:
                    raise Malformed("UNTRANSLATABLE")
                if packet.fragment:
                    frames = fragments.nat(packet, macs, src, dst, header)
                else:
                    frames = full_nat(packet, macs, src, dst, ident, header)
        except Malformed as dropped:
            return Verdict(f"DROP {dropped}")
        if cut:
            if packet.family > family and not packet.fragment:
                frames = [cuttable(frame) for frame in frames]
            return self._cut(fate, hop.port, frames, observed)
        return self._sent(hop.port, packet.family, frames)

    def _plan(self, fate: Fate) -> None:
        """What a client's packet needs, so that its RS is told the client's address."""
        if fate.session is None or fate.session.telling is None:
            return
        told.plan(fate, self.routes.find(fate.session.rs.endpoint[0]), self._settings.mtu)
        self.untold[fate.arrival.worker] += fate.plan.untold
        self.tally[f"told by {fate.session.telling.how}"] += fate.plan.tells
        self.tally["behind a PROXY header"] += fate.plan.behind

    def _cut(self, fate: Fate, port: int, frames: Sequence[bytes], observed: Observed) -> Verdict:
        """A packet that is too long leaves in pieces, all but the first behind the burst."""
        assert fate.packet is not None
        seen = observed.fragment(fate.place, fate.packet.ident)
        ident = seen[0] if seen is not None else 0
        if seen is not None and not fate.packet.fragment:
            self.reassembly.new_ident(fate.packet.family, ident)
        ways = [fragments.cut(frame, self._settings.mtu, ident) for frame in frames]
        pieces = [
            self._sent(port, fate.packet.family, [frame for one in same for frame in one])
            for same in zip(*ways, strict=True)
        ]
        if len(pieces) > self._spare and observed.without_buffer(fate.place):
            return Verdict("DROP NO_MBUF")
        self._spare -= len(pieces) - 1
        self.made[fate.arrival.worker] += pieces[1:]
        return pieces[0]

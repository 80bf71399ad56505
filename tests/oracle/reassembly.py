# SPDX-License-Identifier: BSD-3-Clause
"""Fragments on their way home: whether they go on, wait there, or are dropped."""

from collections import Counter, deque
from collections.abc import Callable

from values import Settings

from oracle import fragments
from oracle.datagrams import LIMIT, TIMEOUT, Datagram, Home, Waiting, covers, name_of
from oracle.outcome import Fate, Observed, Trail, Verdict
from oracle.owners import Owners
from oracle.packet import ICMP, ICMP6, UDP, Address, Malformed, Packet, read
from oracle.services import Services
from oracle.sessions import Illegal, Session, Sessions
from oracle.tcp_state import Way
from oracle.translate import is_echo_request


class Reassembly:
    """Which worker each datagram is at home on, and what is new there.

    `released` are fragments that go on behind the burst under way, by worker.
    """

    def __init__(
        self,
        settings: Settings,
        owners: Owners,
        services: Services,
        drops: Counter[tuple[int, str]],
        nobody: Callable[[Address], bool],
    ) -> None:
        self._owners, self._services, self._drops, self._nobody = owners, services, drops, nobody
        self._room = settings.datagrams
        self._at: dict[tuple[Address, Address, int], int] = {}
        self._idents: deque[tuple[int, int]] = deque(maxlen=100)  # given not long ago
        self._homes = [Home(settings.datagrams, settings.held) for _ in range(settings.workers)]
        self.released: list[list[tuple[bytes, Trail]]] = [[] for _ in self._homes]

    def expire(self, now: int) -> None:
        """Forget what has been under way for too long."""
        for worker, home in enumerate(self._homes):
            self._drops[worker, TIMEOUT] += home.expire(now)

    def buffers(self) -> int:
        """In how many buffers all that wait lie."""
        return sum(home.buffers() for home in self._homes)

    def at_home(self, fate: Fate, packet: Packet, now: int, observed: Observed) -> bool:
        """Whether the fragment may go on, as its ports are known; at the home of its datagram."""
        arrival, worker = fate.arrival, fate.arrival.worker
        target = self._owners.of_datagram(packet.src, packet.dst)
        if target is None and not self._services.is_vip(packet.dst):
            raise Malformed("NOT_FOR_US")
        if target is None:
            name = packet.src, packet.dst, packet.ident
            target = self._at.setdefault(name, observed.home(fate.place, fate.frame))
        if target != worker and not arrival.handed:
            fate.verdict = Verdict(f"HANDOFF {target}")
            return False
        if not self._room:
            raise Malformed(LIMIT)
        home = self._homes[worker]
        datagram, lost = home.find(name_of(packet), now)
        self._drops[worker, LIMIT] += lost
        known = datagram.ranges, datagram.end
        if reason := datagram.wrong(*covers(packet), not packet.more):
            self._lose(worker, datagram, datagram.condemned)
            raise Malformed(reason)
        if packet.offset == 0:
            self._first_of(worker, packet, datagram)
        if datagram.ports is None:
            waiting = Waiting(fate.frame, arrival.port, arrival.segments)
            if not home.has_room(waiting):
                datagram.ranges, datagram.end = known  # as if it had not come
                raise Malformed(LIMIT)
            datagram.waiting.append(waiting)
            fate.verdict = Verdict("HELD 0")
            return False
        fate.trail = Trail(ports=datagram.ports, datagram=datagram, home=True)
        return True

    def _first_of(self, worker: int, packet: Packet, datagram: Datagram) -> None:
        """The first fragment of a datagram has come; those that wait go on, if it does."""
        datagram.ports = packet.sport, packet.dport
        datagram.unchecked = packet.proto == UDP and not any(packet.l4_header[6:8])
        if packet.proto in (ICMP, ICMP6):
            if self._nobody(packet.src):
                datagram.refused = "BAD_SOURCE"
            elif not is_echo_request(packet):
                datagram.refused = "ICMP"
        for one in datagram.waiting:
            trail = Trail(ports=datagram.ports, datagram=datagram, home=True, port=one.port)
            self.released[worker].append((one.frame, trail))
        datagram.waiting.clear()

    def _lose(self, worker: int, datagram: Datagram, reason: str) -> None:
        """All that wait are dropped."""
        if reason:
            self._drops[worker, reason] += len(datagram.waiting)
            datagram.waiting.clear()

    def renamed(self, fate: Fate, packet: Packet, datagram: Datagram, observed: Observed) -> Packet:
        """The fragment with its datagram's new identification, if that has been seen."""
        seen = observed.fragment(fate.place, packet.ident)
        if seen is not None and datagram.learn(*seen):
            self.new_ident(packet.family, seen[0])
        if datagram.ident is None:
            return packet
        fate.original, fate.frame = fate.frame, fragments.renamed(packet, datagram.ident)
        return read(fate.frame)

    def new_ident(self, family: int, ident: int) -> None:
        """None is used again soon, whichever worker it is of."""
        name = family, ident & 0xFFFF
        if name in self._idents:
            raise Illegal(f"identification {ident} was used just now")
        self._idents.append(name)


def of_first(
    fate: Fate, packet: Packet, sessions: Sessions, observed: Observed
) -> tuple[Session, Way] | None:
    """The one-packet session that the first fragment of the same datagram has made here.

    It need not be found before all workers have been asked.
    """
    away = observed.worker(fate.place) != fate.arrival.worker
    if fate.trail.datagram is None or not packet.offset or away:
        return None
    session = fate.trail.datagram.session
    if isinstance(session, Session) and session in sessions.live:
        return session, Way.IN
    return None

# SPDX-License-Identifier: BSD-3-Clause
"""What a balancer does for VS with SYN proxy, and what else makes frames of its own."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from values import Settings

from oracle import segment_size
from oracle.made import tcp_reset, tcp_segment
from oracle.outcome import Fate, Observed, Verdict
from oracle.owners import Owners
from oracle.packet import RST, SYN, Address, Malformed, Packet, is_nobody, number, tagged
from oracle.resets import TOLD, resets, waited
from oracle.routes import Routes
from oracle.services import Services, VirtualServer
from oracle.sessions import Session
from oracle.syn_proxy import WINDOW_AT, Cookies, Offer, Proxy, Staged, again, stage
from oracle.tcp_numbers import MODULO
from oracle.tcp_state import Way, begins


class Proxying(ABC):
    """The part of a model that answers for its VS."""

    services: Services
    routes: Routes
    now: int
    stopping: bool
    drops: Counter[tuple[int, str]]
    made: list[list[Verdict]]
    _settings: Settings
    _macs: Sequence[bytes]
    owners: Owners
    _spare: int

    def __init__(self) -> None:
        self.cookies = Cookies()
        self.handshakes = 0  # that an RS has answered

    def _found(self, sessions: Iterable[Session]) -> None:
        """Keep what a burst has found of each."""
        for session in sessions:
            session.found = session.raw = session.state

    @abstractmethod
    def _open(
        self, worker: int, place: int, packet: Packet, vs: VirtualServer, observed: Observed
    ) -> Session: ...

    def _proxied(
        self, fate: Fate, packet: Packet, vs: VirtualServer, observed: Observed
    ) -> tuple[Session, Way] | None:
        """A session for who brings a cookie back; who wants to begin gets one."""
        self._check_client(packet)
        if begins(packet.flags):
            if self.stopping:
                raise Malformed("STOPPING")
            if not any(rs.weight for rs in vs.rs):
                vs.refused += 1
                raise Malformed("NO_RS")
            wide = packet.family == 6 or any(len(rs.endpoint[0]) == 16 for rs in vs.rs)
            most = segment_size.granted(self._settings, wide)
            seen = observed.l4_header(fate.place)
            frame = self.cookies.answer(packet, most, self.now, seen)
            fate.verdict = self._sent(fate.arrival.port, packet.family, [frame])
            return None
        cookie = self.cookies.accepts(packet, self.now)
        if cookie is None:
            raise Malformed("SYN_COOKIE")
        try:
            session = self._open(fate.arrival.worker, fate.place, packet, vs, observed)
        except Malformed as refused:
            fate.verdict = self._reset(fate, packet, str(refused))
            return None
        header = packet.l4_header
        stamps = Offer.of(header).stamps or (0, 0)
        session.proxy = Proxy(cookie, number(header, WINDOW_AT), stamps[0], self.now)
        return session, Way.IN

    def _reset(self, fate: Fate, packet: Packet, reason: str) -> Verdict:
        """An RST to the sender, counted as a drop."""
        macs = packet.frame[6:12], packet.frame[0:6]
        ends = (packet.dst, packet.dport), (packet.src, packet.sport)
        sent = self._sent(
            fate.arrival.port, packet.family, [tcp_reset(macs, *ends, packet.acked, None)]
        )
        return replace(sent, counted=reason)

    def _check_client(self, packet: Packet) -> None:
        if self._bad_source(packet.src):
            raise Malformed("BAD_SOURCE")
        if packet.ttl <= 1:
            raise Malformed("TTL")

    def _bad_source(self, address: Address) -> bool:
        """Whether nobody can be answered at this address."""
        return (
            is_nobody(address)
            or self.services.is_vip(address)
            or address in self.owners
            or address in self.routes.own
        )

    def _staged(
        self, fate: Fate, packet: Packet, session: Session, proxy: Proxy, way: Way
    ) -> Staged:
        """What a proxy makes of a packet; what it sends to the RS goes behind the burst."""
        shift = session.shift
        if proxy.waits and packet.offset:
            return Staged(drop="SYN_PROXY")
        if proxy.waits:
            staged = stage(proxy, packet, way, shift.seq, shift.ts or 0, self.now)
            if staged.unscaled:
                self.handshakes += 1
                session.found = session.state = "TCP_ESTABLISHED"
                session.rs.answers["answered"] += 1
                session.acked = {Way.IN: (proxy.cookie.seq + 1) % MODULO}
        elif (
            way is Way.OUT
            and packet.flags & (SYN | RST) == SYN
            and not packet.fragment
            and session.found in TOLD
        ):
            staged = again(proxy, packet, shift.seq or 0, shift.ts or 0)
        else:
            return Staged(packet)
        if staged.counted:
            self.drops[fate.arrival.worker, staged.counted] += 1
        hop = self.routes.find(session.rs.endpoint[0])
        for seq, ack, flags, window, data in staged.to_rs:
            if hop is None or hop.mac is None:
                continue
            if self._spare == 0:
                self.drops[fate.arrival.worker, "NO_MBUF"] += 1
                continue
            self._spare -= 1
            ends = (hop.mac, self._macs[hop.port]), session.local, session.rs.endpoint
            frame = tcp_segment(*ends, seq, ack, flags, window=window, tcp_options=data)
            self.made[fate.arrival.worker].append(self._sent(hop.port, packet.family, [frame]))
        return staged

    def _told(self, session: Session) -> Iterator[tuple[int, list[bytes]]]:
        ends = session.client[0], session.rs.endpoint[0]
        most = segment_size.most(self._settings, ends, self.routes)
        yield from waited(session, self.routes, self._macs, self.now, most)
        if self._settings.options.get("tcp_expired"):
            yield from resets(session, self.routes, self._macs)

    def _sent(self, port: int, family: int, frames: Sequence[bytes]) -> Verdict:
        vlan = self._settings.vlans.get(port, 0)
        return Verdict(f"TX {port}", [tagged(frame, vlan) for frame in frames], family)

# SPDX-License-Identifier: BSD-3-Clause
"""SYN proxy (docs/decisions/0013): cookies as they were seen, and sessions that wait for their RS.

What is hashed nobody else can know: a cookie is learnt from the SYN-ACK that bears it, and is good
if it comes back as it was. Everything else of it, and all later frames, follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from oracle.made import tcp_segment
from oracle.packet import ACK, RST, SYN, Endpoint, Key, Malformed, Packet, number, read
from oracle.tcp_numbers import MODULO, TIME_STAMPS, Shift, options, word
from oracle.tcp_state import Way

TICKS = 1024  # of a period
MSS = (88, 536, 1220, 1300, 1380, 1440, 1460, 8940)
MSS_OPTION, SCALE_OPTION, SACK_OK = 2, 3, 4
NO_SCALE, SCALE_MOST, OURS = 15, 14, 7
SYNS, TICK_HZ = 3, 16
SEQ_AT, ACK_AT, WINDOW_AT = 4, 8, 14
NOPS = b"\1\1"


class Wrong(AssertionError):
    """A cookie says what it must not say."""


@dataclass(frozen=True)
class Offer:
    """What the options of a segment say; the first of several of a kind counts."""

    mss: int = 0
    scale: int = NO_SCALE
    sack: bool = False
    stamps: tuple[int, int] | None = None

    @staticmethod
    def of(header: bytes) -> "Offer":
        """Read them."""
        found = Offer()
        for at, kind, size in options(header):
            if kind == MSS_OPTION and size == 4 and not found.mss:
                found = replace(found, mss=number(header, at + 2))
            elif kind == SCALE_OPTION and size == 3 and found.scale == NO_SCALE:
                found = replace(found, scale=min(header[at + 2], SCALE_MOST))
            elif kind == SACK_OK and size == 2:
                found = replace(found, sack=True)
            elif kind == TIME_STAMPS and size == 10 and found.stamps is None:
                found = replace(found, stamps=(word(header, at + 2), word(header, at + 6)))
        return found

    def written(self) -> bytes:
        """As the options of a segment that is made."""
        data = b""
        if self.mss:
            data += bytes((MSS_OPTION, 4)) + self.mss.to_bytes(2, "big")
        if self.stamps is not None:
            data += bytes((SACK_OK, 2)) if self.sack else NOPS
            data += bytes((TIME_STAMPS, 10))
            data += b"".join((stamp % MODULO).to_bytes(4, "big") for stamp in self.stamps)
        if self.scale != NO_SCALE:
            data += bytes((1, SCALE_OPTION, 3, self.scale))
        return data


@dataclass(frozen=True)
class Cookie:
    """One that was sent: what it must come back as, and what it stands for."""

    isn: int
    seq: int
    stamp: int | None
    period: int
    offer: Offer  # as far as it is kept


@dataclass
class Cookies:
    """All that were sent, by the key of the client's packets."""

    sent: dict[Key, list[Cookie]] = field(default_factory=dict)

    def answer(self, packet: Packet, most: int, now: int, sent: bytes | None) -> bytes:
        """What a client's SYN is answered with, from the SYN-ACK that was seen; with this MSS."""
        if packet.fragment or not whole(packet):
            raise Malformed("SYN_COOKIE")
        asked = Offer.of(packet.l4_header)
        seq, stamps = (word(sent, SEQ_AT), Offer.of(sent).stamps) if sent else (0, None)
        cookie = self._learnt(packet, asked, now // TICKS, seq, stamps)
        granted = Offer(most)
        if asked.stamps is not None:
            scale = NO_SCALE if asked.scale == NO_SCALE else OURS
            granted = Offer(granted.mss, scale, asked.sack, (cookie.stamp or 0, asked.stamps[0]))
        macs = packet.frame[6:12], packet.frame[0:6]
        ends = (packet.dst, packet.dport), (packet.src, packet.sport)
        ack, data = (cookie.isn + 1) % MODULO, granted.written()
        return tcp_segment(macs, *ends, cookie.seq, ack, SYN | ACK, tcp_options=data)

    def _learnt(
        self,
        packet: Packet,
        asked: Offer,
        period: int,
        seq: int,
        stamps: tuple[int, int] | None,
    ) -> Cookie:
        mss = asked.mss or (1220 if packet.family == 6 else 536)
        place = max([n for n, least in enumerate(MSS) if least <= mss], default=0)
        offer, stamp = Offer(MSS[place]), None
        if asked.stamps is not None:
            offer, stamp = Offer(MSS[place], asked.scale, asked.sack), stamps[0] if stamps else 0
            if stamp & 31 != asked.sack << 4 | asked.scale:
                raise Wrong(f"time stamp {stamp:#x} stands for another offer than {asked}")
        if seq & 31 != (period & 3) << 3 | place:
            raise Wrong(f"sequence number {seq:#x} in period {period}, MSS {mss}")
        cookie = Cookie(word(packet.l4_header, SEQ_AT), seq, stamp, period, offer)
        known = self.sent.setdefault(packet.key, [])
        for other in known:
            if replace(other, seq=0, stamp=None) == replace(cookie, seq=0, stamp=None) and (
                (other.stamp is None) == (stamp is None) and other != cookie
            ):
                raise Wrong(f"{cookie} was {other} before")
        known.append(cookie)
        return cookie

    def accepts(self, packet: Packet, now: int) -> Cookie | None:
        """The cookie that a client's segment brings back."""
        if packet.flags & (SYN | ACK | RST) != ACK or packet.fragment or not whole(packet):
            return None
        header = packet.l4_header
        seq, stamps = word(header, SEQ_AT), Offer.of(header).stamps
        for cookie in self.sent.get(packet.key, ()):
            if (
                cookie.seq == (packet.acked - 1) % MODULO
                and now // TICKS - cookie.period in (0, 1)
                and cookie.isn in (seq, (seq - 1) % MODULO)
                and cookie.stamp == (None if stamps is None else stamps[1])
            ):
                return cookie
        return None


@dataclass
class Proxy:
    """What is known of a session's handshakes, and what is done to its packets because of them."""

    cookie: Cookie
    window: int
    tsval: int
    due: int
    waits: bool = True
    syns: int = 0
    mirror: Shift = field(default_factory=Shift)
    into: tuple[int, int] = (0, 0)  # units of windows as they come and go
    out: tuple[int, int] = (0, 0)

    def apply(self, header: bytes, way: Way, unscaled: bool = False) -> bytes:
        """The header as the other end gets it, the client's numbers aside."""
        syn = bool(header[13] & SYN) or unscaled
        after = bytearray(self.mirror.apply(header, opposite(way), None))
        before, behind = self.into if way is Way.IN else self.out
        if syn and way is Way.IN:
            behind = before
        elif syn:
            before = 0
        after[WINDOW_AT : WINDOW_AT + 2] = scaled(number(header, WINDOW_AT), before, behind)
        return bytes(after)

    @property
    def first(self) -> int:
        """The client's first byte."""
        return (self.cookie.isn + 1) % MODULO

    def syn_offer(self, added: int = 0) -> Offer:
        """Of the SYN to the RS."""
        stamps = None if self.cookie.stamp is None else (self.tsval + added, 0)
        return replace(self.cookie.offer, stamps=stamps)

    @property
    def syn_window(self) -> int:
        """Of the SYN to the RS."""
        scale = self.cookie.offer.scale
        return int.from_bytes(scaled(self.window, 0 if scale == NO_SCALE else scale, 0), "big")

    def sent_syn(self, now: int) -> None:
        """Another one has gone to the RS."""
        self.due = now + (TICK_HZ << self.syns)
        self.syns += 1

    def establish(self, seq: int, offer: Offer) -> None:
        """The RS has answered."""
        self.waits = False
        self.mirror.seq = (self.cookie.seq - seq) % MODULO
        if self.cookie.stamp is not None and offer.stamps is not None:
            self.mirror.ts = (self.cookie.stamp - offer.stamps[0]) % MODULO
        if self.cookie.offer.scale != NO_SCALE:
            rs, client = offer.scale, self.cookie.offer.scale
            self.out = (0 if rs == NO_SCALE else rs), OURS
            self.into = client, (0 if rs == NO_SCALE else client)


@dataclass
class Staged:
    """What comes of a packet before it is forwarded as any other."""

    packet: Packet | None = None
    drop: str = ""
    counted: str = ""
    resets: bool = False  # the sender gets an RST instead
    unscaled: bool = False
    to_rs: Sequence[tuple[int, int, int, int, bytes]] = ()  # seq, ack, flags, window, options

    @property
    def repeated(self) -> int:
        """What it means without having the flag.

        A SYN-ACK that has become an ACK acknowledges no FIN. A client's RST ends the wait: to it
        the connection was open.
        """
        if self.unscaled:
            return SYN
        return ACK if self.packet is not None and self.packet.flags == RST else 0


def stage(
    proxy: Proxy, packet: Packet, way: Way, seq_added: int | None, ts_added: int, now: int
) -> Staged:
    """What comes of a packet of a session that waits; the client's numbers are shifted so far."""
    if way is Way.IN:
        return _from_client(proxy, packet, now)
    expected = None if seq_added is None else (proxy.first + seq_added) % MODULO
    if packet.fragment or not packet.flags & ACK or not whole(packet):
        return Staged(drop="SYN_PROXY")
    if packet.acked != expected:
        return Staged(drop="SYN_PROXY", resets=not packet.flags & RST)
    if packet.flags & RST:
        return _refused(proxy, packet, expected)
    if not packet.flags & SYN:
        return Staged(drop="SYN_PROXY")
    offer = Offer.of(packet.l4_header)
    if proxy.cookie.stamp is not None and offer.stamps is None:
        staged = _refused(proxy, packet, expected)
        return replace(staged, counted="SYN_STAMPS", to_rs=[(expected, 0, RST, 0, b"")])
    proxy.establish(word(packet.l4_header, SEQ_AT), offer)
    return _opened(proxy, packet, expected, ts_added)


def again(proxy: Proxy, packet: Packet, seq_added: int, ts_added: int) -> Staged:
    """What comes of another SYN-ACK of the RS."""
    expected = (proxy.first + seq_added) % MODULO
    seq = (word(packet.l4_header, SEQ_AT) + (proxy.mirror.seq or 0)) % MODULO
    right = packet.flags & ACK and packet.acked == expected and seq == proxy.cookie.seq
    stamps = Offer.of(packet.l4_header).stamps is not None or proxy.cookie.stamp is None
    if not whole(packet) or not right or not stamps:
        return Staged(drop="SYN_PROXY")
    return _opened(proxy, packet, expected, ts_added)


def _from_client(proxy: Proxy, packet: Packet, now: int) -> Staged:
    if proxy.syns == 0:
        proxy.sent_syn(now)
        offer = proxy.syn_offer().written()
        return Staged(made(packet, proxy.cookie.isn, 0, SYN, proxy.syn_window, offer))
    reset = packet.flags & RST and not packet.fragment
    if not reset or word(packet.l4_header, SEQ_AT) != proxy.first:
        return Staged(drop="SYN_PROXY")
    proxy.waits = False
    return Staged(made(packet, proxy.first, 0, RST))


def _refused(proxy: Proxy, packet: Packet, expected: int) -> Staged:
    proxy.waits = False
    proxy.mirror.seq = (proxy.cookie.seq + 1) % MODULO
    return Staged(made(packet, 0, expected, RST | ACK))


def _opened(proxy: Proxy, packet: Packet, expected: int, ts_added: int) -> Staged:
    header = packet.l4_header
    seq, theirs = (word(header, SEQ_AT) + 1) % MODULO, Offer.of(header).stamps
    to_client = to_rs = Offer()
    if proxy.cookie.stamp is not None and theirs is not None:
        to_client = Offer(stamps=theirs)
        to_rs = Offer(stamps=(proxy.tsval + ts_added, theirs[0]))
    window = int.from_bytes(scaled(proxy.window, *proxy.into), "big")
    return Staged(
        made(packet, seq, expected, ACK, number(header, WINDOW_AT), to_client.written()),
        unscaled=True,
        to_rs=[(expected, seq, ACK, window, to_rs.written())],
    )


def made(
    packet: Packet, seq: int, ack: int, flags: int, window: int = 0, data: bytes = b""
) -> Packet:
    """A segment in the place of one that came."""
    macs = packet.frame[0:6], packet.frame[6:12]
    ends: tuple[Endpoint, Endpoint] = (packet.src, packet.sport), (packet.dst, packet.dport)
    frame = tcp_segment(
        macs, *ends, seq, ack, flags, window=window, tcp_options=data, ttl=packet.ttl
    )
    return read(frame)


def whole(packet: Packet) -> bool:
    """Whether its checksum is right."""
    was, right = packet.l4_checksum()
    return (was - right) % 0xFFFF == 0


def scaled(window: int, before: int, after: int) -> bytes:
    """A window in other units."""
    return min(window << before >> after, 0xFFFF).to_bytes(2, "big")


def opposite(way: Way) -> Way:
    """The other one."""
    return Way.OUT if way is Way.IN else Way.IN

# SPDX-License-Identifier: BSD-3-Clause
"""From the words of a scenario to frames: who sends to whom, and what is odd about the packet."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address

from values import Settings

from oracle import quotes
from oracle.build import Draft
from oracle.events import Acks, ErrorAbout, FromClient, OfSession, Other, Quirks
from oracle.features import FEATURES
from oracle.packet import ACK, ETHERNET, ICMP, ICMP6, PUSH, SYN, TCP, UDP, Packet
from oracle.routes import packed
from oracle.services import service_of
from oracle.sessions import Session
from oracle.syn_proxy import NO_SCALE, Offer
from oracle.tcp_numbers import MODULO, word

PATTERN = bytes((n * 37 + (n >> 8) + 1) & 0xFF for n in range(2048))
OPTIONS = [
    b"\x83\x07\x04\xc0\x00\x02\x09\x00",  # loose source routing, still to do
    b"\x89\x07\x04\xc0\x00\x02\x09\x00",  # strict
    b"\x83\x07\x08\xc0\x00\x02\x09\x00",  # done
    b"\x01\x01\x01\x83",  # no length
    b"\x83\x00\x00\x00",  # of no length
    b"\x44\x09\x05\x00",  # longer than the header
    b"\x00\x83\x07\x04",  # behind the end
    b"\x94\x04\x00\x00",  # router alert
    b"\x01\x01\x5e\x02",  # the shortest, at the very end
    b"\x5e\x02\x5e\x02",
]
PADDING = b"\0"  # an option of one byte
EXTENSIONS = [
    (60, b"\0" + PADDING * 6),
    (0, b"\0" + PADDING * 6),
    (43, b"\x02\x02\0\0\0\0\0" + bytes(16)),  # routing, used up
    (43, b"\x02\x02\x01\0\0\0\0" + bytes(16)),  # one segment left
    (44, bytes(7)),  # a fragment that is whole
    (44, b"\0\0\x01\0\0\0\x07"),
    (44, b"\0\0\x08\0\0\0\x07"),
    (51, b"\x01" + bytes(10)),  # authentication
    (60, b"\x01" + PADDING * 14),
    (60, b"\xff" + PADDING * 6),  # longer than most packets
    (59, b"\0" + bytes(6)),  # no next header
]
ROUTERS = {
    4: ["198.51.100.77", "203.0.113.9", "10.10.0.1", "127.0.0.1", "10.96.0.10", "192.0.2.1"],
    6: ["2001:db8:77::1", "2001:db8:c::9", "2001:db8:10::1", "fe80::1", "2001:db8:96::a", "::"],
}
NOP, RECORD_ROUTE = b"\x01", b"\x07\x07\x04" + bytes(4)
MSS = b"\x02\x04"
SEGMENT_SIZES = [0, 535, 536, 1160, 1180, 1199, 1201, 1460, 1461, 8960, 65535]
STAMPS = b"\x08\x0a\xff\xff\xf0\x01\x80\x00\x12\x34"
SACK = b"\x05\x0a\xff\xff\xff\xf0\x00\x00\x00\x0b"
SACKS = b"\x05\x12\x12\x34\x56\x78\x80\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00"
PLACES = [0, 0, 0, 0, 0, 0, -1, 1, 5, 9, 1 << 29, 1 << 30, (1 << 31) - 100, 1 << 31, -2]
TOLD = [  # what a client might say in the balancer's place, and what takes room
    b"\xfe\x08\x01\x02\x03\x04\x05\x06",
    NOP + b"\xfe\x14" + bytes(range(18)) + NOP * 3,
    b"\x22\x0a" + bytes(8) + b"\xfe\x02" + b"\xfe\x04\xf9\x89" + NOP * 4,
    b"\x02\x04\x05\xb4" + b"\x04\x02" + b"\x00\x07",
    b"\x02\x04\xff\xff" + b"\x00" * 32,
    NOP * 32,
    b"\x01\x02\x04\x00\x60" + b"\xfe\x02\x00",
    b"\xfe\x09" + bytes(6),
]
DUE = {"TCP_SYN_SENT": (True, SYN | ACK), "TCP_SYN_RECV": (False, ACK)}
NUMBERS = [  # of TCP options, at odd places too
    NOP + NOP + STAMPS,
    NOP + NOP + STAMPS,
    b"\x02\x04\x05\xb4\x04\x02" + STAMPS + b"\x01\x03\x03\x07",  # as a SYN has them
    STAMPS,
    NOP + STAMPS + NOP,
    NOP * 2 + SACK,
    NOP + SACKS + NOP,
    NOP + STAMPS + SACKS,
    SACKS + STAMPS,
    NOP + SACK + NOP + STAMPS,
    b"\x02\x00" + STAMPS,  # cannot be read
    b"\x03\x01\x01\x01" + STAMPS,
    STAMPS + b"\x08\x0b",  # longer than the header
    b"\x00\x01" + STAMPS,  # behind the end
    b"\x08\x09" + STAMPS[2:9] + NOP + STAMPS,  # one byte short
    b"\x05\x06\x12\x34\x56\x78" + SACK,  # half a block
    b"\x05\x02" + STAMPS + STAMPS,
]


def draft_of(
    sent: FromClient | OfSession | Other | ErrorAbout | Acks,
    live: Sequence[Session],
    gone: Sequence[Packet],
    settings: Settings,
    answered: Sequence[Packet] = (),
) -> Draft | None:
    """The packet, or None when it is of a session, or about one that is gone, and there is none.

    `answered` are SYN-ACKs that clients have got.
    """
    if isinstance(sent, Acks):
        return _ack_of(sent, answered[-1 - sent.which % len(answered)]) if answered else None
    if isinstance(sent, ErrorAbout):
        return _error_about(sent, gone[-1 - sent.which % len(gone)]) if gone else None
    if isinstance(sent, FromClient):
        proto, vip, port = service_of(sent.vs)
        draft = Draft(proto, packed(sent.client), vip, sent.port, port, sent.flags)
    elif isinstance(sent, OfSession):
        if not live:
            return None
        tells = [one for one in live if one.telling is not None] if "place" in sent.quirks else []
        some = tells or (_waiting(live) if sent.flags is None and sent.who % 2 else []) or live
        session, outward, flags = some[sent.who % len(some)], sent.outward, sent.flags
        if flags is None:
            outward, flags = DUE.get(session.state, (outward, PUSH | ACK))
        draft = _of_session(session, outward, flags)
    else:
        to = sent.to
        if isinstance(to, int):
            to = settings.laddrs[to % len(settings.laddrs)][0]
        # A sender that is of the other family is left out: it could not write the packet.
        if ip_address(to).version != ip_address(sent.source).version:
            return None
        proto = ICMP6 if sent.proto == ICMP and ":" in to else sent.proto
        draft = Draft(proto, packed(sent.source), packed(to), sent.sport, sent.dport)
    draft.ack = 0x7FFFFF00 + sent.payload
    draft.payload = payload(sent.payload)
    if isinstance(sent, OfSession):
        _proxied(draft, session, outward, sent.payload)
    return _with_quirks(draft, sent.quirks)


def _ack_of(sent: Acks, packet: Packet) -> Draft:
    """What brings a SYN cookie back, if nothing is odd about it."""
    ends = packet.dst, packet.src, packet.dport, packet.sport
    draft = Draft(TCP, *ends, sent.flags)
    draft.seq, draft.ack = packet.acked, (word(packet.l4_header, 4) + 1) % MODULO
    if sent.payload % 8 == 7:
        draft.seq = (draft.seq - 1) % MODULO  # a probe of the closed window
    stamps = Offer.of(packet.l4_header).stamps
    if stamps is not None:
        draft.tcp_options = NOP * 2 + Offer(stamps=(sent.payload * 77, stamps[0])).written()[2:]
    draft.window, draft.payload = 40 * sent.payload % 0x10000, payload(sent.payload)
    return _with_quirks(draft, sent.quirks)


def _waiting(live: Sequence[Session]) -> list[Session]:
    """Those behind a SYN proxy whose RS has yet to answer, which few are for long."""
    return [one for one in live if one.proxy is not None and one.proxy.waits]


def _proxied(draft: Draft, session: Session, outward: bool, size: int) -> None:
    """With numbers that mean something to a session behind a SYN proxy."""
    proxy, added = session.proxy, session.shift.seq
    if proxy is None or added is None:
        return
    if outward:
        draft.ack = (proxy.first + added) % MODULO
        draft.seq = (proxy.cookie.seq - (proxy.mirror.seq or 0)) % MODULO
        scale = NO_SCALE if size % 3 == 0 else size % 15
        stamps = (size * 99, 1) if size % 5 else None
        draft.tcp_options = Offer(1460, scale, bool(size % 2), stamps).written()
        draft.tcp_options += NOP * (-len(draft.tcp_options) % 4)
    else:
        draft.seq, draft.ack = proxy.first, (proxy.cookie.seq + 1) % MODULO
    draft.window = 40 * size % 0x10000


def _with_quirks(draft: Draft, quirks: Quirks) -> Draft:
    for name, value in quirks.items():
        QUIRKS[name](draft, value)
    return draft


def _error_about(sent: ErrorAbout, packet: Packet) -> Draft:
    routers = ROUTERS[packet.family]
    proto, source = ICMP if packet.family == 4 else ICMP6, routers[sent.source % len(routers)]
    draft = Draft(proto, packed(source), packet.src)
    draft.icmp, draft.icmp_rest = quotes.says(packet.family, sent.says)
    draft.payload = quotes.quote(packet.frame[ETHERNET : packet.end], sent.size, sent.twist)
    return _with_quirks(draft, sent.quirks)


def _of_session(session: Session, outward: bool, flags: int) -> Draft:
    src, dst, after = session.client, session.service, (session.local, session.rs.endpoint)
    if outward:
        src, dst, after = session.rs.endpoint, session.local, (session.service, session.client)
    draft = Draft(session.proto, src[0], dst[0], src[1], dst[1], flags)
    draft.sums_as = (*after[0], *after[1])
    if session.telling is not None and (session.shift.seq is not None or not outward):
        first = session.telling.first + (session.shift.seq or 0 if outward else 0)
        draft.first = first, len(session.telling.header)
    return draft


def payload(size: int) -> bytes:
    """So many bytes, no two words alike for a while."""
    return PATTERN[:size]


def _ip_options(draft: Draft, words: int) -> None:
    """IPv4 options, or so much of IPv6 destination options."""
    words %= 11
    options = RECORD_ROUTE + NOP if words > 1 else b""
    draft.ip_options = options + NOP * (4 * words - len(options))
    draft.extensions = [(60, bytes((words % 4,)) + PADDING * (6 + 8 * (words % 4)))]


def _raw_options(draft: Draft, which: int) -> None:
    draft.ip_options = OPTIONS[which % len(OPTIONS)]


def _extensions(draft: Draft, which: int) -> None:
    """Some extension headers, by the digits of a number."""
    draft.extensions = []
    while which:
        which, kind = divmod(which, len(EXTENSIONS))
        draft.extensions.append(EXTENSIONS[kind])


def _tcp_options(draft: Draft, words: int) -> None:
    draft.tcp_options = NOP * (4 * (words % 11))


def _numbers(draft: Draft, which: int) -> None:
    """Other numbers, with time stamps and acknowledged ranges."""
    which, layout = divmod(which, len(NUMBERS))
    options = NUMBERS[layout]
    draft.tcp_options = options + bytes(-len(options) % 4)
    which, kind = divmod(which, 4)
    draft.seq = (0, 0xFFFFFFF0, 0x12345678, 0x80000000)[kind] + which % 7
    draft.ack = (1, 0xFFFFFFF0, 0x87654321, 0x80000000)[which // 7 % 4] + which // 28 % 7


def _place(draft: Draft, which: int) -> None:
    """Numbers at, around and behind a PROXY header, if the RS may get one."""
    if draft.first is None or draft.proto != TCP:
        return
    first, header = draft.first
    which, kind = divmod(which, len(PLACES))
    number = first + PLACES[kind] + header * (which % 2 if PLACES[kind] < 99 else 1)
    draft.ack, draft.seq = number % 2**32, (first + PLACES[kind]) % 2**32
    which, blocks = divmod(which // 2, 4)
    edges = [first + place for place in (-1, 0, 1, header - 1, header, header + 1, header + 9)]
    some = [edges[(which + n) % len(edges)] % 2**32 for n in range(2 * blocks)]
    if some and kind % 2:
        options = bytes((5, 2 + 4 * len(some))) + b"".join(n.to_bytes(4, "big") for n in some)
        draft.tcp_options = options + NOP * (-len(options) % 4)
    elif blocks:
        draft.tcp_options = TOLD[which % len(TOLD)]


def _mss(draft: Draft, which: int) -> None:
    """A segment size or two, at any place, in front of what options there are."""
    which, size = divmod(which, len(SEGMENT_SIZES))
    announced = MSS + SEGMENT_SIZES[size].to_bytes(2, "big")
    before, behind = which % 6, which // 6 % 3
    twice = announced if behind == 2 else NOP * behind
    options = NOP * before + announced + twice
    draft.tcp_options = (options + NOP * (-len(options) % 4) + draft.tcp_options)[:40]


def _sums_to(draft: Draft, how: int) -> None:
    """Make the checksum special as sent, or once translated."""
    if not how & 1:
        draft.sums_as = None
    draft.sums_to = (0, 0xFFFF, 1, 0xFFFE)[how >> 1 & 3]


def _udp_length(draft: Draft, value: int) -> None:
    """A length of its own; with some bytes behind it, or one beyond the packet."""
    draft.udp_length = value if value < 100 else 8 + len(draft.payload) + value - 200


def _cut(draft: Draft, value: int) -> None:
    draft.cut = value


def _set(name: str, bits: int = 0xFFFF) -> Callable[[Draft, int], None]:
    def quirk(draft: Draft, value: int) -> None:
        setattr(draft, name, value & bits)

    return quirk


def _bytes(name: str) -> Callable[[Draft, int], None]:
    def quirk(draft: Draft, value: int) -> None:
        setattr(draft, name, payload(value & 63))

    return quirk


def _zeros(draft: Draft, value: int) -> None:
    """Nothing but zeros: the sum of such an echo reply is zero."""
    draft.payload = bytes(value & 63)
    draft.icmp_rest = bytes(4)


def _group(draft: Draft, value: int) -> None:
    """A frame to all, or to a group, of hosts on the link."""
    draft.dst_mac = b"\xff" * 6 if value & 1 else b"\x01\0\x5e\0\0\x05"


def _whole(draft: Draft, value: int) -> None:
    """Not to be fragmented."""
    draft.fragment = 0x4000


def _unchecked(draft: Draft, value: int) -> None:
    """UDP without a checksum."""
    if draft.proto == UDP:
        draft.l4_checksum = 0


def _bad_l4(draft: Draft, value: int) -> None:
    draft.l4_checksum, draft.sums_to = value & 0xFFFF, None


def _icmp(draft: Draft, value: int) -> None:
    draft.icmp = (value & 0xFFFF).to_bytes(2, "big")


QUIRKS: dict[str, Callable[[Draft, int], None]] = {
    "ttl": _set("ttl", 0xFF),
    "tos": _set("tos", 0xFF),
    "ident": _set("ident"),
    "fragment": _set("fragment"),
    "whole": _whole,
    "ip_checksum": _set("ip_checksum"),
    "ip_options": _ip_options,
    "raw_options": _raw_options,
    "extensions": _extensions,
    "flow": _set("flow", 0xFFFFF),
    "vlan": _set("vlan"),
    "version": _set("version", 15),
    "ihl": _set("ihl", 15),
    "length": _set("length"),
    "seq": _set("seq", 0xFFFFFFFF),
    "urgent": _set("urgent"),
    "data_offset": _set("data_offset", 15),
    "tcp_options": _tcp_options,
    "numbers": _numbers,
    "place": _place,
    "mss": _mss,
    "udp_length": _udp_length,
    "l4_checksum": _bad_l4,
    "unchecked": _unchecked,
    "sums_to": _sums_to,
    "behind": _bytes("behind"),
    "padding": _bytes("padding"),
    "cut": _cut,
    "group": _group,
    "ether_type": _set("ether_type"),
    "icmp": _icmp,
    "zeros": _zeros,
    "proto": _set("proto", 0xFF),
}
# Those under which a packet stays one that is forwarded, more often than not.
MILD = [
    *(["place"] if "telling" in FEATURES else []),
    *["tos", "flow", "ident", "ip_checksum", "ip_options", "seq", "urgent", "tcp_options"],
    *["raw_options", "extensions", "l4_checksum", "sums_to", "padding", "behind", "zeros"],
    *["numbers", "mss", "ttl", "whole", "unchecked"],
]

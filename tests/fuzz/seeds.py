# SPDX-License-Identifier: BSD-3-Clause
"""What the fuzzer begins with: a sequence for each thing that the path does, by name."""

from collections.abc import Iterator

from packets.frames import OWN, VIP, ether, icmp, ip, tcp, udp, with_options
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, Dot1Q
from scapy.packet import Packet, Raw

from fuzz.program import (
    change,
    frame,
    program,
    quiesce,
    quote,
    repeat,
    reply,
    reset,
    routes,
    starve,
    wait,
)

CLIENT6, VIP6, ROUTER6 = "2001:db8:9::9", "2001:db8:96::a", "2001:db8:2::1"
VIP_BOTH6 = "2001:db8:96::c"
VIP_WEIGHTED = "10.96.0.12"
TWO_WORKERS, TWO_PORTS, SPREAD, NIC = 1, 4, 8, 128
VLAN = 32
PROXIED = 128
# A view of world_view().
NO_NEIGHBOURS = 2
SMALL_MTUS, FEW_SESSIONS, FEW_PUNTS, LONG = 0b1010, 16, 32, 0xC0
JUMBO, JUMBO_INTO_SMALL = 0b1111, 0b1011
EXPIRED_TOLD, FEW_FRAGMENTS = 4, 8
SHUFFLE, OVERLAP, LOSE = 32, 64, 128
OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("WScale", 7)]


def ip6(dst: str = VIP6, **fields: object) -> Packet:
    """Ethernet and IPv6."""
    return ether(type=0x86DD) / IPv6(**{"src": CLIENT6, "dst": dst, "hlim": 64} | fields)


def tcp6(flags: str = "S", *, dst: str = VIP6, dport: int = 80) -> Packet:
    """A TCP segment over IPv6."""
    return ip6(dst) / TCP(sport=40000, dport=dport, flags=flags, seq=1000, options=OPTIONS)


def udp6(payload: bytes = b"question", *, dst: str = VIP6, dport: int = 53) -> Packet:
    """A UDP datagram over IPv6."""
    return ip6(dst) / UDP(sport=40000, dport=dport) / payload


def icmp6(type: int, code: int = 0, payload: bytes = bytes(20), *, dst: str = VIP6) -> Packet:
    """An ICMPv6 message; its checksum is the fuzzer's to make right."""
    return ip6(dst, nh=58) / Raw(bytes([type, code, 0, 0]) + payload)


def handshake(first: Packet, worker: int = 0) -> list[bytes]:
    """SYN, SYN and ACK, ACK."""
    return [frame(first, worker=worker), reply("SA"), reply("A", worker=worker)]


def talk(first: Packet) -> list[bytes]:
    """A whole connection, closed by both ends."""
    data = [reply("PA", payload=20, which=1), reply("PA", payload=180), reply("A")]
    return [*handshake(first), *data, reply("FA", which=1), reply("FA"), reply("A")]


def proxied(first: Packet, worker: int = 0) -> list[bytes]:
    """The handshake of a SYN proxy: with the client, then with the RS, which gets the last ACK."""
    return [frame(first, worker=worker), reply("A", worker=worker), reply("SA")]


def proxied_talk(first: Packet) -> list[bytes]:
    """A whole connection behind one."""
    again = reply("SA", which=3)
    data = [reply("PA", payload=20, which=1), reply("PA", payload=180), again, reply("A", which=1)]
    return [*proxied(first), *data, reply("FA", which=1), reply("FA"), reply("A")]


def errors(types: tuple[tuple[int, int], ...]) -> list[bytes]:
    """ICMP errors about the last frame, short and long quotations."""
    return [
        quote(type, code, mtu=1280, quoted=quoted, worker=worker)
        for type, code in types
        for quoted, worker in ((28, 0), (80, 1), (1020, 0))
    ]


ERRORS4 = ((3, 1), (3, 3), (3, 4), (11, 0), (12, 0), (4, 0), (5, 1))
ERRORS6 = ((1, 0), (1, 4), (2, 0), (3, 0), (4, 1), (137, 0))
BIG = b"x" * 1400


def tcp_seeds() -> Iterator[tuple[str, bytes]]:
    """TCP over both families."""
    for name, first in {
        "v4": tcp("S", options=OPTIONS),
        "v6": tcp6(),
        "nat64": tcp6(dst=VIP_BOTH6, dport=443),
        "nat46": tcp("S", dst=VIP_WEIGHTED, dport=8080, options=OPTIONS),
    }.items():
        yield f"tcp-{name}-talk", program(talk(first))
        yield f"tcp-{name}-two-workers", program(talk(first), shape=TWO_WORKERS | TWO_PORTS)
        yield f"tcp-{name}-spread", program(talk(first), shape=3 | TWO_PORTS | SPREAD)
        yield f"tcp-{name}-nic", program(talk(first), shape=TWO_WORKERS | NIC)
        yield f"tcp-{name}-vlan", program(talk(first), shape=TWO_PORTS | VLAN)
        yield f"tcp-{name}-small-mtu", program(talk(first), sizes=SMALL_MTUS, shape=TWO_PORTS)
        yield f"tcp-{name}-reset", program(handshake(first), reply("R"), frame(first), reply("SA"))
        yield (
            f"tcp-{name}-times-out",
            program(handshake(first), wait(9000), reply("A"), frame(first)),
        )
        yield (
            f"tcp-{name}-rs-goes",
            program(
                handshake(first),
                *(change("RS_DEL", vs, rs, more=True) for vs in (0, 3, 5, 8, 10) for rs in (0, 4)),
                change("RS_DEL", 0, 1),
                *(change("RS_DEL", vs, rs) for vs in (0, 3, 5, 8, 10) for rs in (0, 1, 2, 4, 5)),
                reply("PA", payload=8),
                frame(first),
            ),
        )
        yield from proxy_seeds(name, first)
        yield (
            f"tcp-{name}-many",
            program(frame(first), repeat(100), repeat(40, "BY_ADDRESS"), sizes=FEW_SESSIONS),
        )
    yield (
        "tcp-flags",
        program(frame(tcp(flags)) for flags in ("A", "R", "FA", "SF", "", "SA", "FPU")),
    )
    yield "tcp-reopens", program(talk(tcp("S")), wait(500), talk(tcp("S")))
    yield (
        "tcp-burst",
        program(
            *(frame(tcp("S", sport=port), ends=False) for port in range(40000, 40016)),
            *(frame(tcp("A", sport=port), ends=False) for port in range(40000, 40016)),
        ),
    )
    yield (
        "tcp-long-lived",
        program(handshake(tcp("S")), *[wait(100000)] * 6, reply("A"), sizes=LONG),
    )


def telling_seeds() -> Iterator[tuple[str, bytes]]:
    """RS that are told their client: by TOA, by a PROXY header, and both for some."""
    forged = tcp("S", options=[("MSS", 9000), (254, b"\1\2\3\4\5\6"), (34, b"12345678")])
    for how in (1, 2, 3):
        for name, first in (
            ("4", tcp("S", options=OPTIONS)),
            ("6", tcp6()),
            ("64", tcp6(dst=VIP_BOTH6, dport=443)),
            ("46", tcp("S", dst=VIP_WEIGHTED, dport=8080)),
        ):
            yield f"told-{how}-{name}", program(talk(first), view=how << 6)
        yield (
            f"told-{how}-errors",
            program(handshake(tcp("S")), errors(ERRORS4), reply("A"), tcp=4, view=how << 6),
        )
        yield (
            f"told-{how}-again",
            program(
                handshake(forged / BIG),
                *(reply("A", payload=180, which=n) for n in (0, 0, 1, 2, 3)),
                reply("A", payload=180, cut=64),
                sizes=SMALL_MTUS,
                tcp=0x60,
                view=how << 6,
            ),
        )
        in_pieces = frame(tcp("S", BIG), cut=23)
        yield f"told-{how}-fragments", program(in_pieces, handshake(tcp("S")), view=how << 6)
        yield (
            f"told-{how}-changed",
            program(
                handshake(tcp("S")),
                change("VS_EDIT", 0, client_address=how),
                reply("A"),
                handshake(tcp("S", sport=40001)),
                change("VS_EDIT", 1, client_address=how),
            ),
        )


def proxy_seeds(name: str, first: Packet) -> Iterator[tuple[str, bytes]]:
    """TCP of one way, behind a SYN proxy."""
    # The time stamps of an RS become another option.
    unstamped = [reply("SA", patch=(n, 246)) for n in (46, 66)]
    for what, records in {
        "talk": proxied_talk(first),
        "errors": [*proxied(first), *errors(ERRORS4 + ERRORS6)],
        "refused": [frame(first), reply("A"), reply("RA"), frame(first)],
        "gives-up": [frame(first), reply("A"), reply("R", which=1)],
        "silent": [frame(first), reply("A"), *[wait(1000)] * 9, reply("SA")],
        "late": [frame(first), reply("A"), wait(2000), reply("SA"), reply("PA", payload=3)],
        "no-cookie": [frame(first), wait(200000), reply("A"), reply("PA", payload=2)],
        "stopping": [frame(first), quiesce(), reply("A")],
        "no-stamps": [frame(first), reply("A"), *unstamped],
        # One RST is not sent, another is, for a reason that comes later in enum slb_drop.
        "no-stamps-unsent": [
            *(frame(first), reply("A"), routes(NO_NEIGHBOURS), *unstamped),
            *(routes(0), repeat(1), quiesce(), reply("A")),
        ],
        "flood": [frame(first), repeat(60), repeat(60, "BY_ADDRESS"), reply("A", which=5)],
        "times-out": [*proxied(first), wait(9000), reply("A"), frame(first)],
    }.items():
        for sort, tcp_bits in (("", 0), ("-told", 4 | 1), ("-as-they-are", 2), ("-recycled", 16)):
            yield (
                f"tcp-{name}-proxied-{what}{sort}",
                program(records, services=PROXIED, tcp=tcp_bits, shape=TWO_WORKERS),
            )


def udp_seeds() -> Iterator[tuple[str, bytes]]:
    """UDP, fragments of it, and errors about it."""
    for name, first, types in (
        ("v4", udp(BIG), ERRORS4),
        ("v6", udp6(BIG), ERRORS6),
        ("nat64", udp6(BIG, dst=VIP_BOTH6, dport=443), ERRORS6),
        ("nat46", udp(BIG, dst=VIP_WEIGHTED, dport=5353), ERRORS4),
    ):
        answers = [reply(payload=30), reply(which=1, payload=180), reply()]
        yield f"udp-{name}", program(frame(first), *answers)
        yield f"udp-{name}-errors-in", program(frame(first), errors(types), shape=TWO_WORKERS)
        yield f"udp-{name}-errors-out", program(frame(first), reply(payload=30), errors(types))
        for order, bits in {"in": 0, "out-of": SHUFFLE, "overlaps": OVERLAP, "lost": LOSE}.items():
            cut = 23 | bits
            yield (
                f"udp-{name}-fragments-{order}",
                program(
                    frame(first, cut=cut),
                    reply(payload=150, cut=cut),
                    wait(2000),
                    frame(first, cut=cut),
                ),
            )
            for how, bit in (("spread", SPREAD), ("nic", NIC)):
                yield (
                    f"udp-{name}-fragments-{order}-{how}",
                    program(
                        frame(first, cut=cut, ends=False),
                        reply(payload=150, cut=cut, worker=1, late=True),
                        wait(100),
                        reply(payload=150, cut=cut),
                        shape=TWO_WORKERS | bit,
                    ),
                )
    yield "udp-no-checksum", program(frame(udp(chksum=0), fix=3), reply())
    # What stands behind the packet, and a tag, would make it longer than any frame.
    long = bytes(udp()) + bytes(2048 - len(udp()))
    yield "udp-trailer", program(frame(long, fix=0), reply(), shape=TWO_PORTS | 2 * VLAN)
    yield "udp-hash", program(frame(udp(dst=VIP_WEIGHTED, dport=443)), repeat(60, "BY_ADDRESS"))


def icmp_seeds() -> Iterator[tuple[str, bytes]]:
    """Echo, and errors about nothing of ours."""
    yield "icmp-echo", program(frame(icmp(dst)) for dst in (VIP, "198.18.0.1", OWN, "10.9.9.9"))
    yield "icmp-types", program(frame(icmp(type=t, code=c)) for t in range(20) for c in (0, 4))
    inner = bytes(IP(src=VIP, dst="203.0.113.9") / UDP(sport=53, dport=9) / b"12345678")
    outer = ip(dst=VIP, proto=1) / ICMP(type=3, code=4) / inner
    yield "icmp-of-others", program(frame(bytes(outer)[:size]) for size in range(34, 70, 3))
    targets = (VIP6, "2001:db8:12::1", "2001:db8:2::2", "ff02::1")
    yield "icmp6-echo", program(frame(icmp6(128, dst=dst)) for dst in targets)
    yield "icmp6-types", program(frame(icmp6(t)) for t in (*range(6), *range(127, 144)))
    yield "icmp-fragments", program(frame(icmp(), cut=1), frame(icmp6(128, payload=BIG), cut=9))


def other_seeds() -> Iterator[tuple[str, bytes]]:
    """The kernel's packets, headers in front of L4, tags, segments, changes."""
    ospf = ip(dst="224.0.0.5", proto=89) / bytes(44)
    yield (
        "punt",
        program(
            frame(ospf),
            frame(ether() / ARP()),
            frame(ip(dst=OWN) / TCP(dport=179)),
            sizes=FEW_PUNTS,
        ),
    )
    yield "punt-flood", program(frame(ospf), repeat(60, "BY_NOTHING"), sizes=FEW_PUNTS)
    segment = TCP(sport=40000, dport=80, flags="S")
    for name, headers in {
        "hop": IPv6ExtHdrHopByHop(),
        "dest": IPv6ExtHdrDestOpt(),
        "route": IPv6ExtHdrRouting(addresses=[ROUTER6]),
        "atomic": IPv6ExtHdrFragment(id=1),
        "later": IPv6ExtHdrFragment(id=1, offset=3),
        "all": IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(),
        "many": IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt(),
    }.items():
        yield f"v6-header-{name}", program(frame(ip6() / headers / segment), reply())
    yield (
        "v4-options",
        program(
            frame(
                with_options(tcp("S"), IPOption_RR(length=7, routers=["0.0.0.0"]), IPOption_NOP())
            ),
            frame(with_options(tcp("A"), *[IPOption_NOP()] * 40)),
            reply(),
        ),
    )
    tagged = ether(type=0x8100) / Dot1Q(vlan=100, type=0x0800) / bytes(tcp("S"))[14:]
    yield "vlan", program(frame(tagged), frame(ether(type=0x8100) / Dot1Q(vlan=5) / tagged[Dot1Q]))
    yield "segments", program(frame(tcp("S", BIG), segments=n) for n in (2, 3, 4))
    yield "cut-short", program(frame(bytes(tcp("S"))[:size], fix=0) for size in range(0, 54, 2))
    yield "cut-short-fixed", program(frame(bytes(tcp("S"))[:size]) for size in range(0, 54, 2))
    yield "ttl", program(frame(tcp("S", ttl=n)) for n in (0, 1, 2, 255))
    yield (
        "bad-sources",
        program(
            frame(tcp("S", src=src)) for src in ("0.0.0.0", "127.0.0.1", "224.0.0.1", VIP, OWN)
        ),
    )
    yield "quiesce", program(handshake(tcp("S")), quiesce(), reply("A"), frame(udp()))
    late = [reply("PA", payload=3), reply("PA", payload=3, which=1), reply("R"), frame(tcp("S"))]
    yield "reset", program(handshake(tcp("S")), reset(0), late, wait(9000))
    yield "reset-server", program(handshake(tcp6()), reset(5, 4), late, reset(5, 5), late)
    yield "reset-unheard", program(handshake(tcp("S")), starve(0), reset(0), starve(), late)
    yield "reset-others", program(frame(udp()), handshake(tcp("SEC")), reset(1), reset(2), late)
    yield (
        "routes",
        program(
            handshake(tcp("S")),
            *(part for n in range(6) for part in (routes(n), reply("A"), wait(100))),
        ),
    )
    yield (
        "vs-goes",
        program(
            handshake(tcp("S")),
            change("VS_DEL", 0),
            reply("A"),
            change("VS_ADD", 0),
            frame(tcp("S")),
        ),
    )
    yield (
        "schedulers",
        program(
            *(change("VS_EDIT", vs, scheduler=s) for vs in (0, 3, 4) for s in range(3)),
            frame(tcp("S")),
            repeat(20),
            change("RS_EDIT", 0, 0, weight=0),
            repeat(20),
        ),
    )


def part(ident: int, offset: int, size: int = 16, flags: str = "MF", proto: int = 17) -> Packet:
    """A fragment, which by itself is nobody's."""
    first = UDP(sport=40000, dport=53, len=2000) / bytes(size - 8)
    body = Raw(bytes(size)) if offset else first
    return ip(id=ident, frag=offset // 8, flags=flags, proto=proto) / body


def refused_seeds() -> Iterator[tuple[str, bytes]]:
    """A packet for each reason to drop one that the others do not meet."""
    yield "no-vs-no-rs", program(frame(tcp("S", dport=81)), frame(tcp("S", dst="10.96.0.11")))
    yield "protocol", program(frame(ip(proto=47) / bytes(20)), frame(part(1, 0, proto=47)))
    yield "ttl-of-a-fragment", program(frame(udp(BIG, ttl=1), cut=23))
    yield "fragment-times-out", program(frame(part(1, 800)), wait(3000))
    yield "fragments-no-room", program((frame(part(n, 800)) for n in range(9)), tcp=FEW_FRAGMENTS)
    for version in (0x44, 0x65):
        header = bytearray(bytes(tcp("S")))
        header[14] = version
        yield f"v4-header-{version:x}", program(frame(bytes(header), fix=0))
    yield "headers-in-segments", program(frame(tcp("S", BIG[:100]), segments=4, fix=7))
    unsummed = udp6(dst=VIP_BOTH6, dport=443)
    unsummed[UDP].chksum = 0
    clients = [ip6(VIP_BOTH6, src=f"{CLIENT6}{n}") / unsummed[UDP] for n in range(8)]
    yield "nat64-no-checksum", program(frame(client, fix=11) for client in clients)
    inner = bytes(IP(src=VIP, dst="203.0.113.9") / UDP(sport=53, dport=40000) / b"12345678")
    error = ip(proto=1) / ICMP(type=3, code=3, chksum=1) / inner
    yield "error-with-a-wrong-checksum", program(frame(udp()), frame(error, fix=11))
    yield (
        "fragments-too-long",
        program(*(frame(part(1, n, 800, "DF+MF")) for n in (0, 800)), sizes=SMALL_MTUS),
    )


def memory_seeds() -> Iterator[tuple[str, bytes]]:
    """Buffers and memory run short, and are there again."""
    long = frame(udp(BIG))
    yield "no-buffers", program(starve(0), long, starve(1), long, starve(), long, sizes=SMALL_MTUS)
    yield (
        "no-buffers-for-resets",
        program(handshake(tcp("S")), starve(1), wait(20000), tcp=EXPIRED_TOLD),
    )
    ops = [
        ("VS_ADD", 2, 0),
        ("VS_EDIT", 0, 0),
        ("RS_ADD", 0, 3),
        ("RS_DEL", 0, 0),
        ("VS_DEL", 1, 0),
    ]
    for op, vs, rs in ops:
        tries = [
            [starve(fails=n), change(op, vs, rs, timeouts=n), frame(udp())] for n in range(1, 20)
        ]
        yield f"no-memory-{op}", program(handshake(tcp("S")), *tries, reply("A"))
    tries = [[starve(fails=n), routes(n), reply("A")] for n in range(1, 20)]
    yield "no-memory-for-routes", program(handshake(tcp("S")), *tries)


def jumbo_seeds() -> Iterator[tuple[str, bytes]]:
    """Packets of 9,000 bytes, and what becomes of them on the way to a port with less."""
    long = b"x" * 8972
    for name, sizes, shape in (
        ("both", JUMBO, 0),
        ("into-small", JUMBO_INTO_SMALL, TWO_PORTS),
        ("out-of-small", JUMBO_INTO_SMALL, TWO_PORTS | TWO_WORKERS | SPREAD),
    ):
        port = int(name == "out-of-small")
        for family, first in (("v4", udp(long)), ("v6", udp6(long[20:]))):
            again = frame(first, port=port, cut=31), reply(payload=1100, cut=31)
            yield (
                f"jumbo-{name}-{family}",
                program(
                    frame(first, port=port), reply(payload=1100), again, shape=shape, sizes=sizes
                ),
            )


def lifetime_seeds() -> Iterator[tuple[str, bytes]]:
    """Each VS has time-outs of its own, and gets others."""
    for timeouts in (1, 0x55, 0xFF):
        steps = [
            *handshake(tcp("S")),
            *(frame(udp()), reply(), wait(2000)),
            change("VS_EDIT", 0, timeouts=timeouts ^ 0xFF),
            *(reply("FA", which=1), wait(3000), frame(tcp("S")), reply("R"), wait(1000)),
        ]
        yield f"lifetimes-{timeouts}", program(steps, timeouts=timeouts)


def seeds() -> dict[str, bytes]:
    """All of them."""
    return {
        name: data
        for some in (
            *(
                tcp_seeds(),
                telling_seeds(),
                udp_seeds(),
                icmp_seeds(),
                other_seeds(),
                refused_seeds(),
            ),
            *(memory_seeds(), jumbo_seeds(), lifetime_seeds()),
        )
        for name, data in some
    }

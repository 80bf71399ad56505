# SPDX-License-Identifier: BSD-3-Clause
"""Random topologies, configurations and sequences of packets and changes, for hypothesis.

Addresses come from small pools, so that things meet; numbers lean towards the edges.
"""

from random import Random
from typing import TypeVar

from hypothesis import strategies as st
from packets.nic import Nic
from packets.rss import MICROSOFT_KEY, Rss
from values import Neighbour, Op, Route, Settings, View

from oracle.dice import BYTES, OWN, SERVICES, packet
from oracle.events import Burst, Change, Event, FromClient, Quiesce, Reroute, Scenario, Wait
from oracle.features import FEATURES
from oracle.meter import CLASSES

BURST = 32
T = TypeVar("T")
RS = [
    *[f"10.10.{net}.{host}:{port}" for net in (0, 1) for host in (1, 2) for port in (80, 5353)],
    *[f"[2001:db8:10::{host}]:{port}" for host in (1, 2) for port in (80, 5353)],
]
GATEWAYS = {
    4: [("192.0.2.1", 0), ("192.0.2.254", 0), ("198.51.100.1", 1)],
    6: [("fe80::1", 0), ("fe80::1", 1), ("2001:db8:2::fe", 1)],
}
LINKS = [
    Route("192.0.2.0/24", port=0),
    Route("198.51.100.0/24", port=1),
    Route("2001:db8:2::/64", port=1),
]
PREFIXES = {
    4: ["10.10.0.0/16", "10.10.1.0/24", "10.10.0.1/32", "203.0.113.0/24", "203.0.113.9/32"],
    6: ["2001:db8:10::/64", "2001:db8:10::1/128", "2001:db8:c::/48", "3000::/4"],
}
DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}
NEIGHBOURS = [
    *[*GATEWAYS[4], ("10.10.0.1", 0), ("10.10.0.1", 1), ("203.0.113.9", 1), ("10.10.1.2", 1)],
    *[*GATEWAYS[6], ("2001:db8:10::1", 0), ("2001:db8:10::2", 1), ("2001:db8:c::9", 1)],
]
TELLING = ["none", "toa", "proxy-v2"] if "telling" in FEATURES else ["none"]
MACS = ["aa:aa:aa:00:00:01", "aa:aa:aa:00:00:fe", "bb:bb:bb:00:00:01"]


def weighted(*ways: tuple[int, st.SearchStrategy[T]]) -> st.SearchStrategy[T]:
    """One of several, each as often as its number says; one_of() would not count twice."""
    each = [way for count, way in ways for _ in range(count)]
    return st.integers(0, len(each) - 1).flatmap(each.__getitem__)


def many(one: st.SearchStrategy[T], size: int) -> st.SearchStrategy[list[T]]:
    """So many of something, few of them left out. To shrink is to leave out more."""
    maybe = weighted((1, st.none()), (15, one))
    whole = st.lists(maybe, min_size=size, max_size=size)
    return whole.map(lambda drawn: [each for each in drawn if each is not None])


@st.composite
def bursts(draw: st.DrawFn) -> Burst:
    """Packets on some worker and port, now and then in two pieces each."""
    one = st.binary(min_size=BYTES, max_size=BYTES)
    packets = map(packet, draw(st.lists(one, min_size=BURST, max_size=BURST)))
    worker, port = draw(st.integers(0, 3)), draw(st.integers(0, 1))
    segments = draw(weighted((15, st.just(1)), (1, st.just(2))))
    return Burst([sent for sent in packets if sent is not None], worker, port, segments)


waits = st.builds(Wait, st.sampled_from([1, 8, 16, 79, 80, 159, 160, 479, 480, 960, 14400, 20000]))
lifetimes = st.dictionaries(
    st.sampled_from(["TCP_SYN_SENT", "TCP_ESTABLISHED", "UDP_ONEWAY", "UDP_REPLIED"]),
    st.sampled_from([1, 2, 7, 60]),
    max_size=2,
)
ops = st.builds(
    Op,
    st.sampled_from(["RS_ADD"] * 4 + ["RS_EDIT"] * 3 + ["RS_DEL", "VS_ADD", "VS_EDIT", "VS_DEL"]),
    st.sampled_from(SERVICES),
    st.sampled_from(RS),
    st.sampled_from([0, 1, 1, 2, 3, 10, 1000]),
    st.sampled_from(["rr", "wrr", "sh"]),
    weighted((9, st.just(False)), (1, st.just(True))),
    lifetimes,
    weighted((3, st.just("none")), (1, st.sampled_from(TELLING))),
    weighted((9, st.just(False)), (1, st.just("proxies" in FEATURES))),
)
changes = st.builds(Change, st.lists(ops, min_size=1, max_size=6))


@st.composite
def views(draw: st.DrawFn) -> View:
    """Routes and neighbours, seldom all that it takes."""
    usual = draw(st.integers(0, 9)) > 0
    routes = [*LINKS]
    for family in (4, 6):
        prefixes = draw(st.lists(st.sampled_from(PREFIXES[family]), unique=True, max_size=3))
        for prefix in [*prefixes, *([DEFAULT[family]] if usual else [])]:
            hops = [*GATEWAYS[family] * 5, ("", 0), ("", 1)]
            gateway, port = draw(st.sampled_from(hops))
            routes.append(Route(prefix, gateway, port))
    missing = set() if usual else set(draw(st.lists(st.sampled_from(NEIGHBOURS), max_size=4)))
    known = [
        Neighbour(address, draw(st.sampled_from(MACS)), port)
        for address, port in NEIGHBOURS
        if (address, port) not in missing
    ]
    return View(routes, known, OWN)


datagrams = weighted((1, st.just(0)), (2, st.sampled_from([1, 2])), (6, st.just(1000)))


sessions6 = weighted((4, st.just(1000)), (4, st.just(16)), (1, st.just(0)))


KEYS = (MICROSOFT_KEY, b"\x6d\x5a" * 20, *(Random(n).randbytes(40) for n in range(3)))


@st.composite
def nics(draw: st.DrawFn, workers: int) -> Nic:
    """Room for a few rules, and RSS as it is."""
    size = draw(st.sampled_from([4, 64, 128]))
    table = [place % workers for place in range(size)]
    Random(draw(st.integers(0, 99))).shuffle(table)
    rules = draw(st.sampled_from([0, 0, 1, 2, 500]))
    fixed = ("KEY_FIXED", "TABLE_FIXED")
    return Nic(Rss(draw(st.sampled_from(KEYS)), tuple(table)), rules_max=rules, faults=fixed)


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    """One to three workers with one or two local addresses each."""
    workers = draw(st.integers(1, 3))
    each = draw(st.integers(1, 2))
    laddrs = [
        (f"198.18.{worker}.{n + 1}", worker, n) for n in range(each) for worker in range(workers)
    ]
    if draw(st.integers(0, 7)) > 0:
        laddrs += [(f"2001:db8:18::{worker + 1}", worker, 0) for worker in range(workers)]
    states = ["TCP_SYN_SENT", "TCP_ESTABLISHED", "TCP_CLOSE", "TCP_TIME_WAIT", "UDP_REPLIED"]
    timeouts = draw(st.dictionaries(st.sampled_from(states), st.sampled_from([1, 7, 60])))
    options = {
        "tcp_no_session": draw(st.integers(0, 1)),
        "tcp_mss": draw(st.sampled_from([0, 1, 1, 536, 1200, 9000])),
        "recycle": int(draw(st.integers(0, 3)) == 3),
    }
    if "resets" in FEATURES:
        options["drain_tcp_s"] = draw(st.sampled_from([0, 1, 7, 60]))
        options["tcp_expired"] = draw(st.integers(0, 1))
        timeouts["TCP_ESTABLISHED"] = draw(st.sampled_from([1, 1, 7, 60, 900]))
    return Settings(
        workers=workers,
        ports=2,
        laddrs=laddrs,
        sessions=64 if options["recycle"] else draw(st.sampled_from([1000, 64])),
        sessions6=16 if options["recycle"] else draw(sessions6),
        mtu=draw(st.sampled_from([1500, 1500, 1492, 1280, 576])),
        timeouts=timeouts,
        spread_hash=draw(st.sampled_from([frozenset(), frozenset({0}), frozenset({1})])),
        renumber="numbers" in FEATURES and draw(st.booleans()),
        datagrams=draw(datagrams),
        held=draw(st.sampled_from([1, 64, 500, 500])),
        options=options,
        pps=draw(st.sampled_from([{}, dict.fromkeys(CLASSES, 6), dict.fromkeys(CLASSES, 96)])),
        vlans=draw(st.sampled_from([{}, {}, {0: 5}, {1: 0x123}, {0: 5, 1: 5}])),
        nics={port: draw(nics(workers)) for port in draw(st.sampled_from([(), (0,), (0, 1)]))},
    )


@st.composite
def services(draw: st.DrawFn, settings: Settings) -> Change:
    """Some VS, most of them with RS, which there may be with these settings."""
    v6 = settings.sessions6 > 0 and any(":" in address for address, *_ in settings.laddrs)
    made = []
    for vs in draw(st.lists(st.sampled_from(SERVICES), unique=True, min_size=4)):
        one_packet = vs.endswith("/udp") and draw(st.integers(0, 3)) == 0
        scheduler = draw(st.sampled_from(["rr", "wrr", "sh"]))
        tcp = vs.endswith("/tcp")
        proxy = "proxies" in FEATURES and tcp and draw(st.booleans())
        tells = draw(st.sampled_from(TELLING)) if tcp and not proxy else "none"
        own = draw(lifetimes)
        made.append(Op("VS_ADD", vs, "", 1, scheduler, one_packet, own, tells, proxy))
        fit = [rs for rs in RS if "[" not in rs] if not v6 else RS
        if settings.sessions6 or "[" not in vs:
            servers = draw(st.lists(st.sampled_from(fit), unique=True, min_size=1, max_size=4))
            made += [Op("RS_ADD", vs, rs, draw(st.sampled_from([1, 1, 2, 5, 0]))) for rs in servers]
    return Change(made)


def flood(vs: str, first: int) -> Burst:
    """A burst of new clients, so that the table is full before long."""
    client = "2001:db8:c::9" if "[" in vs else "203.0.113.9"
    return Burst([FromClient(client, 2000 + 100 * first + n, vs) for n in range(BURST)])


events: st.SearchStrategy[Event] = weighted(
    (60, bursts()),
    (12, waits),
    (6, changes),
    (6, st.builds(Reroute, views())),
    (1, st.just(Quiesce())),
)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A topology with services, and up to thirty things that happen."""
    chosen = draw(settings())
    served = draw(services(chosen))
    start: list[Event] = [Reroute(draw(views())), served]
    if chosen.options["recycle"]:
        start += [flood(op.vs, n) for n, op in enumerate(served.ops) if op.kind == "VS_ADD"]
    return Scenario(chosen, [*start, *draw(many(events, 12))])

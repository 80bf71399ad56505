# SPDX-License-Identifier: BSD-3-Clause
"""Local ports whose replies a NIC brings to their worker by RSS: any key, any table, all workers on
the same local addresses."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from case import Run, Send, ToRs
from cases_fragments import BIG, FIRST, LAST, SECOND
from driver import Harness, Result
from errors import Error, ToSender
from fragments import follow
from lab import PLAIN, Lab, OpenLab
from packets.fragments import cut
from packets.frames import (
    ACK,
    FIRST_CLIENT,
    GATEWAY_MAC,
    RS,
    RS6,
    VS6_UDP,
    VS_UDP,
    Clients,
    answer,
    tcp,
    tcp6,
    udp,
    udp6,
)
from packets.nat import endpoints, turned
from packets.nic import Nic
from packets.rss import MICROSOFT_KEY, Rss, random_rss, toeplitz
from values import Neighbour, Route, Settings

pytestmark = pytest.mark.path

ONE4, ONE6 = ("198.18.0.1", 0, 0), ("2001:db8:18::1", 0, 0)
FOUR = (ONE4, ("198.18.0.2", 0, 0), ONE6, ("2001:db8:18::2", 0, 0))
WORKERS = [1, 2, 3, 4, 7]
PORTS = range(1024, 65536)
SESSION_S = 30
SIZES = {1: (1, 2, 128), 2: (2, 128, 512), 3: (4, 64, 512), 4: (8, 128, 256), 7: (8, 64, 512)}
UDP = Clients(udp(b""))
RS_UDP, RS6_UDP = "10.10.0.1:53", "[2001:db8:10::1]:53"

CLIENTS = {"TCP IPv4": tcp, "TCP IPv6": tcp6, "UDP IPv4": udp, "UDP IPv6": udp6}


def settings(rss: Rss, workers: int, laddrs: Any = FOUR, **changes: Any) -> Settings:
    """All workers on the same local addresses of a port."""
    nic = Nic(rss, faults=("KEY_FIXED", "TABLE_FIXED"))
    wanted = Settings(workers=workers, laddrs=laddrs, nics={0: nic}, steering="RSS_PORT")
    return replace(wanted, **changes)


def open_random(
    open_lab: OpenLab, dice: random.Random, workers: int, size: int, **changes: Any
) -> tuple[Lab, Rss]:
    """A lab with a random key that does, and a random table."""
    for _ in range(9):
        rss = random_rss(dice, workers, size, dice.choice((40, 52)))
        try:
            return open_lab(settings(rss, workers, **changes)), rss
        except OSError as refused:
            assert "too regular" in str(refused)
    raise AssertionError("random keys are not that regular")


def of_one_rs(
    open_lab: OpenLab, dice: random.Random, workers: int, size: int, family: int, **changes: Any
) -> tuple[Lab, Rss]:
    """A lab with one UDP service of one RS of the family, and one local address."""
    one = ONE4 if family == 4 else ONE6
    room = {"laddrs": (one,), "sessions": 70_000, "sessions6": 70_000} | changes
    lab, rss = open_random(open_lab, dice, workers, size, **room)
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_UDP if family == 4 else VS6_UDP, rs=[RS_UDP if family == 4 else RS6_UDP])
    return lab, rss


def frames6(count: int, first: int) -> Iterator[bytes]:
    """First packets of so many IPv6 clients."""
    frame = bytearray(bytes(udp6(b"")))
    for n in range(first, first + count):
        frame[34:38] = n.to_bytes(4, "big")
        yield bytes(frame)


def fill(
    harness: Harness, worker: int, family: int, count: int, first: int = FIRST_CLIENT
) -> list[Result]:
    """New sessions of so many clients, on one worker."""
    frames = UDP.frames if family == 4 else frames6
    return list(harness.run_all(worker, frames(count, first)))


def shares(rss: Rss, forwarded: bytes) -> dict[int, list[int]]:
    """The local ports of each worker, for the local address and RS of a packet sent to the RS."""
    reply = bytes(answer(forwarded))
    (_, _), (_, local) = endpoints(reply)
    place = 34 if len(reply) > 14 + 40 else 10
    bits = [toeplitz(rss.key, bytes(place) + (1 << n).to_bytes(2, "big")) for n in range(16)]

    def hash_of(port: int) -> int:
        value = 0
        for n in range(16):
            value ^= bits[n] if port >> n & 1 else 0
        return value

    rest = rss.hash(reply) ^ hash_of(local)
    found: dict[int, list[int]] = {}
    for port in PORTS:
        found.setdefault(rss.table[(rest ^ hash_of(port)) % len(rss.table)], []).append(port)
    return found


def local_port(result: Result) -> int:
    """Of a packet that was sent to the RS."""
    assert result.what == "TX 0"
    return endpoints(result.data)[0][1]


@cache
def question(kind: str, port: int) -> bytes:
    """What a client sends first from a port."""
    return bytes(CLIENTS[kind](sport=port))


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("workers", WORKERS)
def test_every_reply_comes_to_its_worker(open_lab: OpenLab, workers: int, kind: str) -> None:
    """The one that software RSS selects has the session; any other one hands the reply to it."""
    dice = random.Random(f"{workers} {kind}")
    for size in SIZES[workers]:
        lab, rss = open_random(open_lab, dice, workers, size)
        lab.usual()
        for worker in range(workers):
            frames = [question(kind, 5000 + 100 * worker + n) for n in range(32)]
            sent = lab.harness.run(worker, frames)
            assert {result.what for result in sent} == {"TX 0"}
            replies = [turned(result.data) for result in sent]
            assert {rss.worker(reply) for reply in replies} == {worker}
            for other in set(range(workers)) - {worker}:
                there = lab.harness.run(other, replies)
                assert {result.what for result in there} == {f"HANDOFF {worker}"}
            back = lab.harness.run(worker, replies)
            assert {result.what for result in back} == {"TX 0"}
            assert [endpoints(r.data)[1][1] for r in back] == [
                endpoints(frame)[0][1] for frame in frames
            ]
        assert lab.harness.drops() == {}
        lab.clear()


def test_without_session_no_worker_is_asked_twice(open_lab: OpenLab) -> None:
    lab, rss = open_random(open_lab, random.Random(1), 4, 128)
    lab.usual()
    reply = bytes(udp(src=RS, sport=5353, dst="198.18.0.1", dport=4711))
    owner = rss.worker(reply)
    for worker in set(range(4)) - {owner}:
        assert lab.harness.run(worker, [reply])[0].what == f"HANDOFF {owner}"
    for handed in (False, True):
        assert lab.harness.run(owner, [reply], handed=handed)[0].what == "DROP NO_SESSION"
    lab.clear()


@pytest.mark.parametrize(
    ("workers", "size", "family"), [(1, 128, 4), (2, 128, 6), (3, 512, 4), (4, 16, 6), (7, 512, 4)]
)
def test_every_port_is_used_by_its_worker(
    open_lab: OpenLab, workers: int, size: int, family: int
) -> None:
    """To the last one, of those from 1024 on; then there is none, and later there are again."""
    lab, rss = of_one_rs(open_lab, random.Random(size + workers), workers, size, family)
    wanted: dict[int, list[int]] = {}
    first, drops = FIRST_CLIENT, Counter[tuple[int, str]]()
    for worker in range(workers):
        (one,) = fill(lab.harness, worker, family, 1, first)
        wanted = wanted or shares(rss, one.data)
        share = len(wanted[worker])
        taken = [local_port(one)]
        taken += map(local_port, fill(lab.harness, worker, family, share - 1, first + 1))
        assert sorted(taken) == wanted[worker]
        beyond = fill(lab.harness, worker, family, 50, first + share)
        assert {result.what for result in beyond} == {"DROP NO_LOCAL_PORT"}
        drops[worker, "NO_LOCAL_PORT"] += 50
        first += share + 50
    assert sum(map(len, wanted.values())) == lab.active() == len(PORTS)
    assert lab.harness.drops() == drops
    lab.harness.advance(SESSION_S + 1)
    for worker in range(workers):
        share = len(wanted[worker])
        again = fill(lab.harness, worker, family, share * 9 // 10, first)
        assert {result.what for result in again} == {"TX 0"}


@pytest.mark.parametrize(("workers", "size"), [(3, 512), (7, 64)])
def test_some_of_many_ports_come_free(open_lab: OpenLab, workers: int, size: int) -> None:
    """Nine of ten ports stay taken, those in a row that one lap took: a new session finds one of
    the others at once, lap after lap."""
    lab, rss = of_one_rs(open_lab, random.Random(size), workers, size, 4)
    (one,) = fill(lab.harness, 0, 4, 1)
    share = len(shares(rss, one.data)[0])
    fill(lab.harness, 0, 4, share - 1, FIRST_CLIENT + 1)
    kept = share * 9 // 10
    for _ in range(5):
        lab.harness.advance(SESSION_S - 1)
        fill(lab.harness, 0, 4, kept)
        lab.harness.advance(2)
        assert lab.active() == kept
        fresh = fill(lab.harness, 0, 4, share // 20, FIRST_CLIENT + share)
        assert {result.what for result in fresh} == {"TX 0"}


def test_a_port_is_not_used_again_at_once(open_lab: OpenLab) -> None:
    """Through several laps, many sessions lie between two uses of a port."""
    lab, rss = of_one_rs(open_lab, random.Random(5), 4, 128, 4, timeouts={"UDP_ONEWAY": 1})
    (one,) = fill(lab.harness, 0, 4, 1)
    share = len(shares(rss, one.data)[0])
    last: dict[int, int] = {}
    turn, nearest = 0, share
    for _ in range(3 * share // 64):
        for port in map(local_port, fill(lab.harness, 0, 4, 64)):
            nearest = min(nearest, turn - last.get(port, -share))
            last[port] = turn
            turn += 1
        lab.harness.advance(1.5)
    assert len(last) == share and nearest >= 64


def test_local_addresses_take_turns(open_lab: OpenLab) -> None:
    addresses = tuple((f"198.18.0.{n}", 0, 0) for n in range(1, 6))
    lab, _ = of_one_rs(open_lab, random.Random(6), 3, 128, 4, laddrs=addresses)
    for worker in range(3):
        used = Counter(
            endpoints(result.data)[0][0]
            for result in fill(lab.harness, worker, 4, 2000, FIRST_CLIENT + 5000 * worker)
        )
        assert len(used) == 5
        assert all(count == pytest.approx(400, abs=40) for count in used.values())
    rows = {(row.address, row.worker): row.active for row in lab.harness.laddrs()}
    assert len(rows) == 15 and sum(rows.values()) == 6000


def test_ports_are_spread_over_the_range(open_lab: OpenLab) -> None:
    """A tenth of a worker's ports comes from all over, and does not follow one after the other."""
    lab, _ = of_one_rs(open_lab, random.Random(7), 4, 128, 4)
    ports = [local_port(result) for result in fill(lab.harness, 1, 4, 1600)]
    parts = Counter(port // 8192 for port in ports)
    assert set(parts) == set(range(8))
    assert all(100 < count < 320 for count in parts.values())
    assert sum(abs(a - b) < 16 for a, b in pairwise(ports)) < 32


# The same RS, behind the second port.
BEHIND = replace(
    PLAIN,
    routes=(
        *PLAIN.routes,
        *(
            Route(f"{gateway}/{bits}", port=1)
            for gateway, bits in (("192.0.3.1", 32), ("fe80::3", 128))
        ),
        Route(f"{RS}/32", "192.0.3.1", port=1),
        Route(f"{RS6}/128", "fe80::3", port=1),
    ),
    neighbours=(
        *PLAIN.neighbours,
        *(Neighbour(gateway, GATEWAY_MAC, port=1) for gateway in ("192.0.3.1", "fe80::3")),
    ),
)


def test_addresses_of_two_ports(open_lab: OpenLab) -> None:
    """One port's are all workers', the other's are their workers' own; both families mixed."""
    own = (*((f"198.18.1.{w + 1}", w, 1) for w in range(3)), ("2001:db8:19::1", 2, 1))
    dice = random.Random(8)
    lab, rss = open_random(open_lab, dice, 3, 128, laddrs=(own[0], ONE6, *own[1:], ONE4))
    lab.usual()
    for first, view in ((7000, PLAIN), (8000, BEHIND)):
        lab.harness.forward(view)
        for worker in range(3):
            for make in (udp, udp6):
                frames = [bytes(make(sport=first + 100 * worker + n)) for n in range(30)]
                for result in lab.harness.run(worker, frames):
                    reply = bytes(answer(result.data))
                    local = endpoints(reply)[1][0]
                    owner = next((w for a, w, _ in own if a == local), None)
                    assert (rss.worker(reply) if owner is None else owner) == worker
                    astray = lab.harness.run((worker + 1) % 3, [reply])
                    assert astray[0].what == f"HANDOFF {worker}"
                    assert lab.harness.run(worker, [reply])[0].what == "TX 0"
    used = {(row.address, row.worker) for row in lab.harness.laddrs() if row.active}
    assert used == {(a, w) for a, w, _ in own} | {
        (a, w) for a in (ONE4[0], ONE6[0]) for w in range(3)
    }
    lab.clear()


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("workers", [2, 3, 7])
def test_an_icmp_error_finds_the_worker(open_lab: OpenLab, workers: int, family: int) -> None:
    """A NIC brings it anywhere; the packet that it quotes says whose it is."""
    lab, _ = open_random(open_lab, random.Random(9), workers, 128, laddrs=(ONE4, ONE6))
    lab.usual()
    client, rs, local, kind = (
        (udp, RS, ONE4[0], (3, 3)) if family == 4 else (udp6, RS6, ONE6[0], (1, 4))
    )
    for owner in range(workers):
        run = Run(lab)
        Send(client(sport=6000 + owner), ToRs(rs, local=local), owner).do(run)
        send = Send(Error(kind), ToSender(), owner)
        frame = send.frame(run)
        for first in range(workers):
            ((at, result),) = follow(run, first, [frame])
            assert at == owner
            send.outcome.check(run, send, frame, result)
    lab.clear()


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("workers", [2, 3, 7])
def test_fragments_find_the_worker(open_lab: OpenLab, workers: int, family: int) -> None:
    """A NIC hashes them without ports: where it brings them they meet, and go on from there."""
    lab, rss = open_random(open_lab, random.Random(10), workers, 128)
    lab.usual()
    make = udp if family == 4 else udp6
    for owner in range(workers):
        run = Run(lab)
        (sent,) = lab.harness.run(owner, [bytes(make(sport=6000 + owner))])
        whole = bytes(answer(sent.data, payload=BIG))
        pieces = cut(whole, [FIRST, SECOND, LAST], 40 + owner)
        (home,) = {rss.worker(piece) for piece in pieces}
        (first, *_) = lab.harness.run(home, pieces[1:2])
        assert first.what == "HELD 0"
        ended = follow(run, home, pieces[:1]) + follow(run, (home + 1) % workers, pieces[2:])
        assert [(at, result.what) for at, result in ended] == [(owner, "TX 0")] * 3
    lab.harness.advance(2)
    assert lab.harness.drops() == {}
    lab.clear()


def test_a_connection_keeps_its_port(open_lab: OpenLab) -> None:
    """Also when a straggler's session is made anew, every packet of both ends is on one worker."""
    lab, rss = open_random(open_lab, random.Random(11), 4, 128)
    lab.usual()
    for flags in ("S", ACK, ACK):
        (sent,) = lab.harness.run(2, [bytes(tcp(flags, sport=7007))])
        reply = bytes(answer(sent.data, "SA" if flags == "S" else "A"))
        assert rss.worker(reply) == 2
        assert lab.harness.run(2, [reply])[0].what == "TX 0"
    assert [session.state for session in lab.harness.sessions()] == ["TCP_ESTABLISHED"]
    lab.clear()


REFUSED = {
    "a key of zeros": (Rss(bytes(40), (0, 1) * 64), "too regular: the local ports of IPv4"),
    "a key of ones": (Rss(b"\xff" * 40, (0, 1) * 64), "too regular: the local ports of IPv4"),
    "a key of one byte": (Rss(b"\x6d" * 40, (0, 1) * 256), "too regular"),
    "no use for IPv6": (Rss(MICROSOFT_KEY[:20] + bytes(20), (0, 1) * 64), "ports of IPv6"),
    "a short key": (Rss(MICROSOFT_KEY[:39], (0, 1) * 64), "RSS key of 39 bytes, 40 are needed"),
    "no table": (Rss(MICROSOFT_KEY, ()), "no RSS with a redirection table"),
    "an odd table": (Rss(MICROSOFT_KEY, (0, 1) * 48), "a redirection table of 96 entries"),
    "a large table": (Rss(MICROSOFT_KEY, (0, 1) * 512), "RSS has 1024 table entries"),
    "a worker left out": (Rss(MICROSOFT_KEY, (1,) * 128), "does not lead to all 2 workers"),
    "no such worker": (Rss(MICROSOFT_KEY, (0, 1, 2, 1)), "entry 2 of the redirection table leads"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What would not give every worker ports of its own for every RS."""
    rss, words = REFUSED[name]
    with pytest.raises(OSError, match=words):
        Harness(settings(rss, 2))


@pytest.mark.parametrize("key", [MICROSOFT_KEY, b"\x6d\x5a" * 20], ids=["Microsoft", "symmetric"])
def test_well_known_keys(open_lab: OpenLab, key: bytes) -> None:
    """Of NICs whose key cannot be changed: also the one that hashes both directions alike."""
    rss = Rss(key, tuple(n % 4 for n in range(512)))
    lab = open_lab(settings(rss, 4)).usual()
    for worker in range(4):
        for make in (udp, udp6):
            frames = [bytes(make(sport=7000 + 100 * worker + n)) for n in range(32)]
            replies = [bytes(answer(r.data)) for r in lab.harness.run(worker, frames)]
            assert {rss.worker(reply) for reply in replies} == {worker}
    lab.clear()


def test_no_use_for_a_family_without_addresses(open_lab: OpenLab) -> None:
    """A key that is too regular for IPv6 does where no local address is one."""
    rss = Rss(MICROSOFT_KEY[:20] + bytes(20), (0, 1) * 64)
    lab = open_lab(settings(rss, 2, laddrs=(ONE4,)))
    lab.harness.forward(PLAIN)
    lab.add_vs(VS_UDP, rs=[RS_UDP])
    (sent,) = fill(lab.harness, 1, 4, 1)
    assert rss.worker(bytes(answer(sent.data))) == 1
    lab.clear()

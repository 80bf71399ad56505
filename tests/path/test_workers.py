# SPDX-License-Identifier: BSD-3-Clause
"""More and fewer workers while there are sessions: none is lost, and new ones go where they should.

client -> [the worker that the NIC, or the hash, says] -> RS
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest
from cases_fragments import BIG, FIRST, LAST, SECOND
from cases_tcp_numbers import WAYS as WAYS4
from driver import Refused
from lab import Lab, OpenLab
from packets.fragments import cut
from packets.frames import ACK, VS_TCP, Clients, answer, tcp, tcp6, udp, udp6
from packets.nat import endpoints
from packets.nic import Nic
from proxied import Ends, proxied
from test_steering import port_unreachable, quoted_port
from values import Settings
from wire import KINDS, MANY, Kind, Wire, rss_of

pytestmark = pytest.mark.path

WORKERS = 4
CLIENTS = (tcp, tcp6, udp, udp6)
EACH = 12
LONG = 2000
SETTLES = 2
WAYS = {
    "flow, RSS": (KINDS["rules and RSS"], "AUTO"),
    "ixgbe": (KINDS["ixgbe"], "AUTO"),
    "flow, hash": (KINDS["plain rules"], "AUTO"),
    "soft, RSS": (KINDS["rules and RSS"], "SOFT"),
    "rss-port, RSS": (KINDS["no rules"], "AUTO"),
    "rss-port, RSS that is as it is": (KINDS["fixed key and table"], "RSS_PORT"),
    "soft, hash": (KINDS["neither rules nor RSS"], "AUTO"),
    "a table that cannot be written": (
        Kind(Nic(rss_of(1), rules_max=MANY, faults=("TABLE_FIXED",)), "FLOW", True),
        "AUTO",
    ),
}
SOME = ["flow, RSS", "rss-port, RSS", "soft, hash"]
CHANGES = [(1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)]


@dataclass(frozen=True)
class Live:
    """A session: its worker, the client's packet and what the RS got."""

    worker: int
    asked: bytes
    forwarded: bytes


class Clientele:
    """Clients in front of the NIC: their packets come in by the queue that it gives them."""

    def __init__(self, open_lab: OpenLab, way: str, active: int) -> None:
        kind, steering = WAYS[way]
        self.wire = Wire(open_lab, kind, WORKERS, steering, active)
        self.harness = self.wire.harness
        # What the device does not spread comes in by any queue.
        self.by_hash = "RSS" not in way and way != "ixgbe"
        self._turn = 0

    def send(self, frame: bytes) -> tuple[int, bytes]:
        """One packet; what leaves, and who sends it."""
        queue = self.wire.queue(frame)
        if self.by_hash:
            self._turn += 1
            queue = self._turn % WORKERS
        self.harness.queue(queue, [frame])
        ((worker, sent),) = self.wire.sent()
        return worker, sent

    def open(self, port: int) -> list[Live]:
        """Sessions of both protocols and families, each answered once."""
        found = []
        for make in CLIENTS:
            for n in range(EACH):
                asked = bytes(make(sport=port + n))
                worker, sent = self.send(asked)
                found.append(Live(worker, asked, sent))
        for one in found:
            self.reply(one)
        return found

    def reply(self, one: Live) -> None:
        """The RS's answer reaches the client through the worker that has the session."""
        (back,) = self.wire.reply([bytes(answer(one.forwarded))], one.worker)
        assert endpoints(back)[1] == endpoints(one.asked)[0]

    def go_on(self, sessions: Iterable[Live]) -> None:
        """Both ends still reach each other."""
        for one in sessions:
            self.reply(one)
            worker, sent = self.send(later(one.asked))
            assert (worker, endpoints(sent)) == (one.worker, endpoints(one.forwarded))

    def settle(self) -> None:
        """Let what follows a change be done, as a listing each second does."""
        for _ in range(3):
            self.harness.advance(SETTLES)
            self.harness.laddrs()


def is_udp(frame: bytes) -> bool:
    """By the IP header."""
    return (frame[20] if frame[12:14] == b"\x86\xdd" else frame[23]) == 17


def later(frame: bytes) -> bytes:
    """The client's next packet: an ACK of TCP, the same of UDP."""
    if is_udp(frame):
        return frame
    flags = 47 if frame[12:14] == b"\x08\x00" else 67
    return frame[:flags] + bytes([0x10]) + frame[flags + 1 :]


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: f"{c[0]}-{c[1]}")
@pytest.mark.parametrize("way", WAYS)
def test_sessions_live_through_a_change(
    open_lab: OpenLab, way: str, change: tuple[int, int]
) -> None:
    """Those from before go on where they are, new ones are spread over the workers of now."""
    clients = Clientele(open_lab, way, change[0])
    before = clients.open(5000)
    assert {one.worker for one in before} == set(range(change[0]))
    clients.wire.set_workers(change[1])
    clients.go_on(before)
    after = clients.open(6000)
    assert {one.worker for one in after} == set(range(change[1]))
    clients.settle()
    clients.go_on((*before, *after))
    third = clients.open(7000)
    clients.wire.set_workers(change[0])
    clients.go_on((*before, *after, *third))
    assert clients.harness.drops() == {}
    clients.harness.advance(LONG)
    clients.settle()
    fourth = clients.open(8000)
    assert {one.worker for one in fourth} == set(range(change[0]))
    clients.wire.lab.clear()


@pytest.mark.parametrize("way", SOME)
def test_any_number_one_after_the_other(open_lab: OpenLab, way: str) -> None:
    """Sessions from each number of workers find their packets, whatever came in between."""
    clients, live = Clientele(open_lab, way, 1), list[Live]()
    for turn, count in enumerate((1, 3, 2, 1, 3, 1, 2)):
        clients.wire.set_workers(count)
        clients.go_on(live)
        live += clients.open(2000 + 100 * turn)[:: 5 + turn]
        if turn % 2:
            clients.settle()
    clients.go_on(live)
    assert clients.harness.drops() == {}
    clients.wire.lab.clear()


@pytest.mark.parametrize("way", SOME)
def test_places_move_as_little_as_they_can(open_lab: OpenLab, way: str) -> None:
    """Of the clients of two workers a third gets its share; those of others stay."""
    clients = Clientele(open_lab, way, 2)
    before = {endpoints(one.asked)[0]: one.worker for one in clients.open(5000)}
    clients.harness.advance(LONG)
    clients.wire.set_workers(3)
    after = {endpoints(one.asked)[0]: one.worker for one in clients.open(5000)}
    moved = {client for client in before if before[client] != after[client]}
    assert {after[client] for client in moved} == {2}
    assert Counter(after.values())[2] == len(moved)
    clients.wire.lab.clear()


@pytest.mark.parametrize("way", SOME)
def test_what_comes_without_ports(open_lab: OpenLab, way: str) -> None:
    """Fragments of a client's datagram, and its ICMP error, find the session from before."""
    clients = Clientele(open_lab, way, 1)
    before = [one for one in clients.open(5000) if is_udp(one.asked)]
    clients.wire.set_workers(3)
    for ident, one in enumerate(before):
        make = udp6 if one.asked[12:14] == b"\x86\xdd" else udp
        whole = bytes(make(BIG, sport=endpoints(one.asked)[0][1]))
        pieces = cut(whole, [FIRST, SECOND, LAST], ident)
        for piece in reversed(pieces):
            clients.harness.queue(clients.wire.queue(piece), [piece])
        sent = list(clients.wire.sent())
        assert [worker for worker, _ in sent] == [one.worker] * len(pieces)
        assert endpoints(one.forwarded) in [endpoints(frame) for _, frame in sent]
        (back,) = clients.wire.reply([bytes(answer(one.forwarded))], one.worker)
        error = port_unreachable(back)
        clients.harness.queue(clients.wire.queue(error), [error])
        ((worker, told),) = clients.wire.sent()
        assert (worker, quoted_port(told)) == (one.worker, endpoints(one.forwarded)[1][1])
    assert clients.harness.drops() == {}
    clients.wire.lab.clear()


def test_a_table_that_ports_are_chosen_by_stays(open_lab: OpenLab) -> None:
    """What comes to an idle worker is handed on; an active one keeps what it is brought."""
    clients = Clientele(open_lab, "rss-port, RSS", 2)
    table = clients.harness.nic()[0].table
    assert clients.harness.steering()[0] == "RSS_PORT"
    opened = clients.open(5000)
    for one in opened:
        queue = clients.wire.queue(one.asked)
        assert one.worker == queue if queue < 2 else one.worker < 2
    clients.wire.set_workers(WORKERS)
    assert clients.harness.nic()[0].table == table
    clients.go_on(opened)
    assert all(one.worker == clients.wire.queue(one.asked) for one in clients.open(6000))
    clients.wire.lab.clear()


# ---- whom a worker asks, by the path alone ----

SPREAD = Settings(
    workers=2,
    laddrs=(("198.18.0.1", 0, 0), ("198.18.0.2", 1, 0)),
    spread_hash=frozenset({0}),
    options={"n_active": 1},
)
THREE = tuple((f"198.18.0.{w + 1}", w, 0) for w in range(3))


def moved_client(lab: Lab) -> bytes:
    """The first packet of a client whose place worker 1 gets when it comes."""
    frames = list(Clients(tcp()).frames(40))
    lab.harness.set_workers(2)
    (frame, *_) = [f for f in frames if lab.harness.run(0, [f])[0].what == "HANDOFF 1"]
    lab.harness.set_workers(1)
    lab.harness.advance(LONG)
    for _ in range(3):
        lab.harness.laddrs()
        lab.harness.advance(SETTLES)
    return frame


def test_who_asks_and_who_makes_it(open_lab: OpenLab) -> None:
    """A worker asks the one that had the client before; if that has nothing, it makes it itself."""
    lab = open_lab(SPREAD).usual()
    frame = moved_client(lab)
    (kept,) = lab.harness.run(0, [bytes(tcp(sport=7))])
    assert kept.what == "TX 0"
    lab.harness.set_workers(2)
    (asked,) = lab.harness.run(1, [frame])
    assert asked.what == "HANDOFF 0"
    (back,) = lab.harness.run(0, [frame], handed=True, notes=[asked.note])
    assert (back.what, back.data) == ("HANDOFF 1", frame)
    (made,) = lab.harness.run(1, [frame], handed=True, notes=[back.note])
    assert made.what == "TX 0"
    assert [session.worker for session in lab.harness.sessions()] == [0, 1]
    lab.clear()


def test_a_minute_later_a_syn_begins_a_connection(open_lab: OpenLab) -> None:
    """So nobody is asked for it, though there are connections from before; for others they are."""
    lab = open_lab(SPREAD).usual()
    frame = moved_client(lab)
    (kept,) = lab.harness.run(0, [bytes(tcp(sport=7))])
    lab.harness.run(0, [bytes(answer(kept.data)), bytes(tcp(ACK, sport=7))])
    lab.harness.set_workers(2)
    lab.harness.advance(70)
    lab.harness.laddrs()
    assert lab.harness.run(1, [later(frame)])[0].what == "HANDOFF 0"
    assert lab.harness.run(1, [frame])[0].what == "TX 0"
    assert lab.harness.run(1, [later(frame)])[0].what == "TX 0"
    lab.clear()


def test_a_handshake_with_the_lb_goes_on_elsewhere(open_lab: OpenLab) -> None:
    """The cookie is good on the worker that has the client by now."""
    lab = proxied(open_lab(SPREAD).usual(), WAYS4[0])
    everyone = [Ends(lab, WAYS4[0], port=40000 + n).syn() for n in range(20)]
    kept = lab.harness.run(0, [bytes(udp(sport=7))])
    assert kept[0].what == "TX 0"
    lab.harness.set_workers(2)
    moved = 0
    for ends in everyone:
        frame = ends.client("A")
        (asked,) = lab.harness.run(1, [frame])
        if asked.note[0] >> 24 == 0:
            continue  # for worker 0 as before
        (back,) = lab.harness.run(0, [frame], handed=True, notes=[asked.note])
        assert (asked.what, back.what) == ("HANDOFF 0", "HANDOFF 1")
        (syn,) = lab.harness.run(1, [frame], handed=True, notes=[back.note])
        assert syn.what == "TX 0"
        moved += 1
    assert moved > 2
    made = Counter(session.worker for session in lab.harness.sessions(vs=VS_TCP))
    assert made == {1: moved}


def test_nobody_asks_when_the_last_from_before_has_ended(open_lab: OpenLab) -> None:
    """It costs nothing any more: a client's first packet makes its session where it comes."""
    lab = open_lab(SPREAD).usual()
    frame = moved_client(lab)
    lab.harness.run(0, [bytes(tcp(sport=7))])
    lab.harness.set_workers(2)
    assert lab.harness.run(1, [frame])[0].what == "HANDOFF 0"
    lab.harness.advance(LONG)
    for _ in range(3):
        lab.harness.laddrs()
        lab.harness.advance(SETTLES)
    assert lab.harness.run(1, [frame])[0].what == "TX 0"
    lab.clear()


def test_sessions_end_at_once(open_lab: OpenLab) -> None:
    """Where that is wanted, of the workers that go alone."""
    clients = Clientele(open_lab, "soft, hash", 2)
    clients.open(5000)
    count = Counter(session.worker for session in clients.harness.sessions())
    assert count[1] > 0
    clients.wire.set_workers(1, end=True)
    for _ in range(40):
        clients.harness.round(1)
        clients.harness.advance(0.1)
    left = Counter(session.worker for session in clients.harness.sessions())
    assert left == {0: count[0]}
    clients.wire.set_workers(2)
    assert {one.worker for one in clients.open(6000)} == {0, 1}
    clients.wire.lab.clear()


# ---- refused, or not done to the end ----


@pytest.mark.parametrize("count", [0, 4, 40])
def test_a_number_that_cannot_be(open_lab: OpenLab, count: int) -> None:
    lab = open_lab(replace(SPREAD, workers=3, laddrs=THREE))
    with pytest.raises(Refused, match=r"raise engine\.workers_max and restart") as refused:
        lab.harness.set_workers(count)
    assert refused.value.reason == "BAD_VALUE"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            Kind(Nic(rss_of(1), rules_max=MANY, faults=("TABLE_FIXED",)), "FLOW", True),
            "redirection table cannot be written",
        ),
        (
            Kind(Nic(rss_of(1), rules_max=MANY, faults=("TABLE_STUCK",)), "FLOW", True),
            "redirection table is not as it was written",
        ),
        (
            Kind(Nic(rss_of(1), rules_max=MANY, faults=("TABLE_HIDDEN",)), "FLOW", True),
            "redirection table cannot be read",
        ),
    ],
    ids=["fixed", "stuck", "hidden"],
)
def test_where_the_device_keeps_it_from_being_done(
    open_lab: OpenLab, kind: Kind, words: str
) -> None:
    """With the reason; clients and sessions are where they were."""
    wire = Wire(open_lab, kind, WORKERS)
    table = wire.harness.nic()[0].table
    asked = bytes(udp(sport=5000))
    ((has, (sent,)),) = wire.client(1, [asked]).items()
    with pytest.raises(Refused, match=words) as refused:
        wire.set_workers(2)
    assert refused.value.reason == "STEERING"
    assert wire.harness.nic()[0].table == table
    wire.reply([bytes(answer(sent))], has)
    ((again, _),) = wire.client(1, [asked]).items()
    assert again == has
    wire.harness.advance(SETTLES)
    wire.harness.laddrs()
    assert wire.harness.drops() == {}
    wire.lab.clear()


@pytest.mark.parametrize("messages", [0, 1])
def test_a_worker_that_does_not_answer(open_lab: OpenLab, messages: int) -> None:
    """The change is taken back, also when half of it is done."""
    clients = Clientele(open_lab, "flow, RSS", 1)
    before = clients.open(5000)
    table = clients.harness.nic()[0].table
    clients.harness.set_answer_timeout(0.05)
    if messages:
        clients.harness.stall_after(2, messages)
    else:
        clients.harness.stall(2)
    with pytest.raises(Refused, match="worker 2 did not answer in time"):
        clients.wire.set_workers(3)
    assert clients.harness.nic()[0].table == table
    clients.harness.stall(2, stalled=False)
    clients.wire.look()
    clients.go_on(before)
    clients.settle()
    assert {one.worker for one in clients.open(6000)} == {0}
    clients.go_on(before)
    clients.wire.set_workers(3)
    clients.go_on(before)
    assert {one.worker for one in clients.open(7000)} == {0, 1, 2}
    clients.wire.lab.clear()

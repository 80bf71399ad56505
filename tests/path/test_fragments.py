# SPDX-License-Identifier: BSD-3-Clause
"""Fragments over one to four workers, and at the bounds of what is kept of them."""

from collections.abc import Callable

import pytest
from case import Back, Case, Send, Sessions, ToClient, ToRs, Wait
from cases_fragments import BIG, FIRST, LAST, SECOND, WAYS, echo, echo6
from driver import BURST
from fragments import Datagram, Lost, Piece, Ping, Waiting, backwards, shuffled
from lab import Lab
from packets.fragments import cut, ident_of
from packets.frames import ACK, CLIENT, FIN_ACK, RS6_UDP, RS_UDP, SYN, answer, tcp, udp
from packets.nat import endpoints
from values import Op, Settings

pytestmark = pytest.mark.path

Opener = Callable[[Settings], Lab]

ONE_PACKET_VIP = "10.96.0.99"
OTHER_RS = "10.10.0.2:5353"


def settings(workers: int, **changes: object) -> Settings:
    """So many workers, each with an address of either family."""
    numbers = range(workers)
    v4 = tuple((f"198.18.0.{n + 1}", n, 0) for n in numbers)
    v6 = tuple((f"2001:db8:18::{n + 1}", n, 0) for n in numbers)
    return Settings(workers=workers, laddrs=v4 + v6, **changes)  # type: ignore[arg-type]


def port_of(frame: bytes) -> int:
    """The local port of a first fragment for an RS."""
    return endpoints(frame)[0][1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spread", ["hash", "device"])
@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_every_worker_passes_them_on(open_lab: Opener, workers: int, spread: str, way: str) -> None:
    ports = frozenset({0} if spread == "hash" else ())
    lab = open_lab(settings(workers, spread_hash=ports)).usual()
    make, rs = WAYS[way]
    arrive = [n % workers for n in (0, 3, 1, 2)]
    Case(
        "many flows, each with two questions and an answer",
        *(
            step
            for sport in range(40000, 40012)
            for step in (
                Datagram(make(BIG, sport=sport), ToRs(rs), workers=arrive, order=shuffled),
                Datagram(make(BIG, sport=sport), ToRs(rs), workers=arrive[::-1], order=backwards),
                Datagram(Back(payload=BIG, of=sport), ToClient(), workers=arrive[1:]),
            )
        ),
        Sessions(12, "UDP_REPLIED"),
    ).run(lab)
    made = {session.worker for session in lab.harness.sessions()}
    assert len(made) > 1 or workers == 1
    lab.clear()


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_where_the_device_spreads_a_session_is_found_on_any_worker(
    open_lab: Opener, workers: int
) -> None:
    lab = open_lab(settings(workers)).usual()
    for number in range(workers):
        packet = udp(BIG, sport=40000 + number)
        Case(
            "the question in one piece, the next one in fragments",
            Send(udp(sport=40000 + number), ToRs(), worker=number)
            if workers <= 2
            else Datagram(udp(b"?", sport=40000 + number), ToRs(), workers=(number,)),
            *(Datagram(packet, ToRs(), workers=(at,)) for at in range(workers)),
            Sessions(number + 1),
        ).run(lab)
        lab.harness.advance(2)
    assert [s.worker for s in lab.harness.sessions()] == sorted(range(workers))
    lab.clear()


@pytest.mark.parametrize("workers", [2, 4])
def test_all_agree_on_a_datagrams_home(open_lab: Opener, workers: int) -> None:
    lab = open_lab(settings(workers)).usual()
    homes = set()
    for ident in range(64):
        (frame,) = cut(bytes(udp(BIG)), [SECOND], ident)
        ended = [follow_once(lab, at, frame) for at in range(workers)]
        (home,) = set(ended)
        homes.add(home)
    assert homes == set(range(workers))
    lab.harness.advance(2)
    lab.clear()


def follow_once(lab: Lab, worker: int, frame: bytes) -> int:
    """The worker that a fragment is handed to, or stays on."""
    (result,) = lab.harness.run(worker, [frame])
    return worker if result.verdict == "HELD" or "OVERLAP" in result.what else result.arg


@pytest.mark.parametrize("workers", [1, 3])
def test_identifications_come_again_only_when_all_were_used(open_lab: Opener, workers: int) -> None:
    """Each worker has its own share of the 65,536."""
    lab = open_lab(settings(workers, datagrams=64)).usual()
    share = 65536 // workers
    (fragment,) = cut(bytes(udp(BIG)), [FIRST], 5)
    seen: dict[int, list[int]] = {worker: [] for worker in range(workers)}
    # Of many addresses, so that each datagram is another.
    for number in range(9600 // BURST):
        sources = range(0x14000000 + number * BURST, 0x14000000 + (number + 1) * BURST)
        frames = [fragment[:26] + n.to_bytes(4, "big") + fragment[30:] for n in sources]
        for worker in range(workers):
            for result in lab.harness.run(worker, frames, handed=True):
                seen[worker].append(ident_of(result.data))
    for worker, idents in seen.items():
        assert len(idents) == len(set(idents)) == 9600
        assert all(worker * share <= ident < (worker + 1) * share for ident in idents)
    lab.clear()


def test_the_oldest_datagram_gives_way(open_lab: Opener) -> None:
    lab = open_lab(settings(1, datagrams=3)).usual()
    Case(
        "room for three",
        *(Piece(udp(BIG), SECOND, "HELD", ident=ident) for ident in (1, 2, 3)),
        Piece(udp(BIG), FIRST, "TX", ["TX"], ident=2),
        Piece(udp(BIG), LAST, "HELD", ident=4),
        Lost("FRAGMENT_LIMIT"),
        Waiting(2),
        Piece(udp(BIG), LAST, "TX", ident=2),
        Piece(udp(BIG), LAST, "HELD", ident=1),
        Piece(udp(BIG), LAST, "HELD", ident=2),
        Lost("FRAGMENT_LIMIT"),
        Piece(udp(BIG), FIRST, "TX", ["TX"], ident=4),
        Piece(udp(BIG), FIRST, "TX", ["TX"], ident=1),
        Piece(udp(BIG), FIRST, "TX", ["TX"], ident=2),
        Waiting(0),
    ).run(lab)
    lab.clear()


def test_no_room_for_datagrams(open_lab: Opener) -> None:
    lab = open_lab(settings(1, datagrams=0)).usual()
    Case(
        "none at all",
        Piece(udp(BIG), FIRST, "DROP FRAGMENT_LIMIT"),
        Piece(udp(BIG), SECOND, "DROP FRAGMENT_LIMIT"),
    ).run(lab)
    lab.clear()


def test_so_many_may_wait(open_lab: Opener) -> None:
    """One that may not is as if it had not come: it may come again."""
    lab = open_lab(settings(1, held=2)).usual()
    Case(
        "room for two",
        Piece(udp(BIG), SECOND, "HELD"),
        Piece(udp(BIG, sport=2), SECOND, "HELD", ident=2),
        Piece(udp(BIG), LAST, "DROP FRAGMENT_LIMIT"),
        Piece(udp(BIG), FIRST, "TX", ["TX"]),
        Piece(udp(BIG), LAST, "TX"),
        Piece(udp(BIG), SECOND, "HELD", ident=3),
        Waiting(2),
        Wait(2),
        Lost("FRAGMENT_TIMEOUT", 2),
    ).run(lab)
    lab.clear()


def test_a_mebibyte_may_wait(open_lab: Opener) -> None:
    lab = open_lab(settings(1, held=4000, datagrams=4000)).usual()
    size = 2020
    (frame,) = cut(bytes(udp(bytes(5000))), [(8, 8 + size - 20)], 0)
    room = (1 << 20) // size
    for number in range(room + 1):
        sent = frame[:18] + number.to_bytes(2, "big") + frame[20:]
        (result,) = lab.harness.run(0, [sent])
        assert result.what == ("HELD 0" if number < room else "DROP FRAGMENT_LIMIT")
    assert lab.harness.mbufs_in_use() == room
    lab.harness.advance(2)
    assert lab.harness.drops() == {(0, "FRAGMENT_LIMIT"): 1, (0, "FRAGMENT_TIMEOUT"): room}
    lab.clear()


def test_more_are_released_than_go_through_at_once(open_lab: Opener) -> None:
    """The list of those that go on has room for 512."""
    lab = open_lab(settings(1, held=600)).usual()
    fragments = cut(bytes(udp(bytes(5000))), [(at, at + 8) for at in range(0, 5008, 8)], 9)
    for first in range(1, 601, BURST):
        burst = fragments[first : min(first + BURST, 601)]
        assert {r.verdict for r in lab.harness.run(0, burst)} == {"HELD"}
    assert lab.harness.run(0, fragments[:1])[0].what == "TX 0"
    taken = lab.harness.take(0)
    assert [result.what for result in taken] == ["TX 0"] * 512
    assert lab.harness.drops() == {(0, "FRAGMENT_LIMIT"): 88}
    lab.clear()


def test_what_waits_goes_when_the_engine_closes(open_lab: Opener) -> None:
    lab = open_lab(settings(2)).usual()
    (frame,) = cut(bytes(udp(BIG)), [SECOND], 1)
    for worker in (0, 1):
        assert lab.harness.run(worker, [frame], handed=True)[0].verdict == "HELD"
    assert lab.harness.mbufs_in_use() == 2
    again = open_lab(settings(2))
    assert again.harness.mbufs_in_use() == 0


def test_each_one_packet_question_in_fragments_has_its_own_session(open_lab: Opener) -> None:
    """Two of one client's port are told apart, though they arrive mixed."""
    lab = open_lab(settings(1)).usual()
    vs = f"{ONE_PACKET_VIP}:53/udp"
    lab.harness.commit([Op("VS_ADD", vs, one_packet=True), Op("RS_ADD", vs, RS_UDP)])
    packet = bytes(udp(BIG, dst=ONE_PACKET_VIP))
    one, other = (cut(packet, [FIRST, SECOND, LAST], ident) for ident in (1, 2))
    sent = lab.harness.run(0, [one[0], other[0], other[1], one[1], one[2], other[2]])
    assert {result.what for result in sent} == {"TX 0"}
    new = [ident_of(result.data) for result in sent]
    assert new == [new[0], new[1], new[1], new[0], new[0], new[1]] and new[0] != new[1]
    assert port_of(sent[0].data) != port_of(sent[1].data)
    assert lab.active() == 2
    (reply,) = lab.harness.run(0, [bytes(answer(sent[0].data, payload=b"yes"))])
    assert reply.what == "TX 0" and lab.active() == 1
    # Its session is over, and with it what would come of it.
    (late,) = lab.harness.run(0, [cut(packet, [(2800, 2808)], 3)[0]])
    assert late.verdict == "HELD"
    lab.harness.advance(2)
    lab.clear()


def test_what_waited_goes_with_its_question_though_others_come_behind_it(open_lab: Opener) -> None:
    """In one burst, with a table of one datagram."""
    lab = open_lab(settings(1, datagrams=1, held=1)).usual()
    vs = f"{ONE_PACKET_VIP}:53/udp"
    lab.harness.commit([Op("VS_ADD", vs, one_packet=True), Op("RS_ADD", vs, RS_UDP)])
    packet = bytes(udp(BIG, dst=ONE_PACKET_VIP))
    (waits, first), *others = (cut(packet, [SECOND, FIRST], ident) for ident in range(1, BURST))
    results = lab.harness.run(0, [waits, first, *(other[1] for other in others)])
    assert [result.verdict for result in results] == ["HELD"] + ["TX"] * (BURST - 1)
    (released,) = lab.harness.take(0)
    assert released.what == "TX 0" and ident_of(released.data) == ident_of(results[1].data)
    lab.clear()


def test_questions_with_like_identifications_do_not_push_each_other_out(open_lab: Opener) -> None:
    """All begin before the first goes on, and their numbers are the same but for the upper bits."""
    lab = open_lab(settings(1, datagrams=128)).usual()
    vs = f"{ONE_PACKET_VIP}:53/udp"
    lab.harness.commit([Op("VS_ADD", vs, one_packet=True), Op("RS_ADD", vs, RS_UDP)])
    packet = bytes(udp(BIG, dst=ONE_PACKET_VIP))
    begun, ended = zip(*(cut(packet, [FIRST, SECOND], 128 * n) for n in range(BURST)), strict=True)
    for fragments in (begun, ended):
        assert [r.what for r in lab.harness.run(0, list(fragments))] == ["TX 0"] * BURST
    lab.clear()


def test_a_later_fragment_of_an_answered_question(open_lab: Opener) -> None:
    lab = open_lab(settings(1)).usual()
    vs = f"{ONE_PACKET_VIP}:53/udp"
    lab.harness.commit([Op("VS_ADD", vs, one_packet=True), Op("RS_ADD", vs, RS_UDP)])
    fragments = cut(bytes(udp(BIG, dst=ONE_PACKET_VIP)), [FIRST, SECOND], 1)
    (first,) = lab.harness.run(0, fragments[:1])
    lab.harness.run(0, [bytes(answer(first.data, payload=b"yes"))])
    assert lab.active() == 0
    assert lab.harness.run(0, fragments[1:])[0].what == "DROP NO_SESSION"
    lab.clear()


@pytest.mark.parametrize(
    "servers", [[RS_UDP], [RS6_UDP], [RS_UDP, OTHER_RS]], ids=["4", "6", "two"]
)
@pytest.mark.parametrize("addresses", [1, 2, 3])
def test_a_later_fragment_does_not_follow_who_came_after(
    open_lab: Opener, addresses: int, servers: list[str]
) -> None:
    """The next question of the same client's port has the place of the one that was answered.

    Where a worker has more than one local address, the next one's local port is the same.
    """
    numbers = range(1, addresses + 1)
    v4 = tuple((f"198.18.0.{n}", 0, 0) for n in numbers)
    v6 = tuple((f"2001:db8:18::{n}", 0, 0) for n in numbers)
    lab = open_lab(Settings(workers=1, laddrs=v4 + v6)).usual()
    vs = f"{ONE_PACKET_VIP}:53/udp"
    adds = [Op("RS_ADD", vs, rs) for rs in servers]
    lab.harness.commit([Op("VS_ADD", vs, one_packet=True), *adds])
    packet = bytes(udp(BIG, dst=ONE_PACKET_VIP))
    one, other = (cut(packet, [FIRST, SECOND], ident) for ident in (1, 2))
    (first,) = lab.harness.run(0, one[:1])
    lab.harness.run(0, [bytes(answer(first.data, payload=b"yes"))])
    assert lab.harness.run(0, other[:1])[0].what == "TX 0"
    assert lab.active() == 1
    assert lab.harness.run(0, one[1:])[0].what == "DROP NO_SESSION"
    assert lab.harness.run(0, other[1:])[0].what == "TX 0"
    lab.clear()


def test_a_whole_answer_beside_fragments_of_another(open_lab: Opener) -> None:
    """One burst: the session that is answered in fragments outlives the one that is not."""
    lab = open_lab(settings(1)).usual()
    vs = f"{ONE_PACKET_VIP}:53/udp"
    lab.harness.commit([Op("VS_ADD", vs, one_packet=True), Op("RS_ADD", vs, RS_UDP)])
    asked = [udp(dst=ONE_PACKET_VIP, sport=sport) for sport in (1, 2)]
    one, other = (r.data for r in lab.harness.run(0, [bytes(packet) for packet in asked]))
    fragments = cut(bytes(answer(one, payload=BIG)), [FIRST, SECOND, LAST], 7)
    whole = bytes(answer(other, payload=b"yes"))
    results = lab.harness.run(0, [*fragments[:2], whole, fragments[2]])
    assert {result.what for result in results} == {"TX 0"}
    assert [session.client for session in lab.harness.sessions()] == [f"{CLIENT}:1/udp"]
    lab.clear()


def test_a_later_fragment_does_not_open_a_closing_connection(open_lab: Opener) -> None:
    """In one burst, with the SYN that would follow the end which an ACK would have been."""
    lab = open_lab(settings(1)).usual()
    Case(
        "both have closed, the client's last ACK is missing",
        Send(tcp(), ToRs()),
        Send(Back(), ToClient()),
        Send(tcp(ACK), ToRs()),
        Send(tcp(FIN_ACK), ToRs()),
        Send(Back(FIN_ACK), ToClient()),
        Sessions(1, "TCP_LAST_ACK"),
    ).run(lab)
    fragments = cut(bytes(tcp(FIN_ACK, BIG)), [FIRST, SECOND], 1)
    results = lab.harness.run(0, [*fragments, bytes(tcp(SYN))])
    assert {result.what for result in results} == {"TX 0"}
    assert port_of(results[0].data) == port_of(results[2].data)
    assert [session.state for session in lab.harness.sessions()] == ["TCP_LAST_ACK"]
    lab.clear()


def test_fragments_get_no_reset(open_lab: Opener) -> None:
    lab = open_lab(settings(1, options={"tcp_no_session": 1})).usual()
    Case(
        "of TCP that belongs to no session",
        Piece(tcp(ACK, BIG), FIRST, "DROP NOT_SYN"),
        Piece(tcp(ACK, BIG), SECOND, "DROP NO_SESSION"),
        Piece(tcp(ACK, BIG, dst="198.18.0.1"), FIRST, "DROP NO_SESSION", ident=3),
        Piece(tcp(ACK, BIG, dst="198.18.0.1"), SECOND, "DROP NO_SESSION", ident=3),
    ).run(lab)
    lab.clear()


@pytest.mark.parametrize("workers", [1, 4])
def test_ping(open_lab: Opener, workers: int) -> None:
    lab = open_lab(settings(workers)).usual()
    Case(
        "on whatever worker the fragments arrive",
        *(
            Ping(packet, order, workers=range(workers))
            for packet in (echo(), echo6())
            for order in (backwards,)
        ),
    ).run(lab)
    lab.clear()


def test_rounds_release_and_expire(open_lab: Opener) -> None:
    """The worker's own round: what waits goes out in the round that brings the first one."""
    lab = open_lab(settings(1)).usual()
    lab.harness.wire(tx_queues=1, tx_room=64)
    fragments = cut(bytes(udp(BIG)), [FIRST, SECOND, LAST], 1)
    lab.harness.receive(0, fragments[1:])
    assert lab.harness.take_sent(0, 0) == []
    lab.harness.receive(0, fragments[:1])
    assert [len(sent) for sent in lab.harness.take_sent(0, 0)] == [1434, 1434, 242]
    lab.harness.close()

# SPDX-License-Identifier: BSD-3-Clause
"""How long sessions live: time-outs of a VS, one-packet services, removed RS."""

from collections.abc import Callable

import pytest
from driver import Refused
from lab import PLAIN, Lab
from packets.frames import (
    ACK,
    RS6_UDP,
    RS_TCP,
    RS_UDP,
    VS6_UDP,
    VS_TCP,
    VS_UDP,
    answer,
    tcp,
    udp,
    udp6,
)
from packets.nat import endpoints
from values import Op, Settings

pytestmark = pytest.mark.path

OTHER_UDP, OTHER_TCP = "10.10.0.2:5353", "10.10.0.2:8080"
QUICK = {"UDP_ONEWAY": 2, "UDP_REPLIED": 3, "TCP_SYN_SENT": 4}


@pytest.fixture
def plain(open_lab: Callable[[Settings], Lab]) -> Callable[..., Lab]:
    """A lab with routes, and no services yet; its options are those of struct slb_config."""

    def make(sessions: int = 1000, **options: int) -> Lab:
        laddrs = (("198.18.0.1", 0, 0), ("2001:db8:18::1", 0, 0))
        lab = open_lab(Settings(workers=1, laddrs=laddrs, sessions=sessions, options=options))
        lab.harness.forward(PLAIN)
        return lab

    return make


def one(lab: Lab, packet: object) -> object:
    """What becomes of one packet."""
    (result,) = lab.harness.run(0, [bytes(packet)])
    return result


def test_time_outs_of_a_vs(plain: Callable[..., Lab]) -> None:
    lab = plain()
    lab.add_vs(VS_UDP, rs=[RS_UDP], timeouts=QUICK)
    lab.add_vs(VS_TCP, rs=[RS_TCP])
    one(lab, udp())
    one(lab, tcp())
    lab.harness.advance(3)
    assert {session.vs for session in lab.harness.sessions()} == {VS_TCP}
    forwarded = one(lab, udp(sport=2))
    lab.harness.advance(1)
    one(lab, answer(forwarded.data))
    lab.harness.advance(2.5)
    assert lab.active() == 2
    lab.harness.advance(1)
    assert lab.active() == 1, "the other service has the time-outs of the engine"


def test_other_time_outs_are_for_sessions_from_then_on(plain: Callable[..., Lab]) -> None:
    lab = plain()
    lab.add_vs(VS_UDP, rs=[RS_UDP])
    one(lab, udp(sport=1))
    lab.harness.commit([Op("VS_EDIT", VS_UDP, timeouts=QUICK)])
    one(lab, udp(sport=2))
    lab.harness.advance(5)
    assert [session.client for session in lab.harness.sessions()] == ["203.0.113.9:1/udp"]


def test_sets_of_time_outs_are_kept_once_and_used_again(plain: Callable[..., Lab]) -> None:
    lab = plain()
    lab.harness.commit([Op("VS_ADD", f"10.96.1.{n}:53/udp", timeouts=QUICK) for n in range(60)])
    for n in range(1000):
        lab.harness.commit([Op("VS_EDIT", "10.96.1.1:53/udp", timeouts={"UDP_ONEWAY": n + 5})])
    lab.harness.commit([Op("RS_ADD", "10.96.1.1:53/udp", RS_UDP)])
    # A session keeps the set it was made with.
    with pytest.raises(Refused, match="255 different sets of time-outs"):
        for n in range(300):
            edit = Op("VS_EDIT", "10.96.1.1:53/udp", timeouts={"UDP_ONEWAY": 9000 + n})
            lab.harness.commit([edit])
            one(lab, udp(dst="10.96.1.1", sport=n + 1))
    assert lab.active() > 200
    lab.harness.advance(20_000)
    lab.harness.commit([Op("VS_EDIT", "10.96.1.1:53/udp", timeouts={"UDP_ONEWAY": 77})])
    lab.harness.commit([Op("VS_DEL", key) for key in lab.harness.vs()])


def test_one_packet_questions_of_one_port_are_told_apart(plain: Callable[..., Lab]) -> None:
    lab = plain()
    lab.add_vs(VS_UDP, rs=[RS_UDP, OTHER_UDP], one_packet=True)
    asked = lab.harness.run(0, [bytes(udp(b"A")), bytes(udp(b"AAAA")), bytes(udp(b"MX"))])
    assert [result.what for result in asked] == ["TX 0"] * 3
    assert len({endpoints(result.data)[0] for result in asked}) == 3
    assert {endpoints(result.data)[1][0] for result in asked} == {"10.10.0.1", "10.10.0.2"}
    assert lab.active() == 3
    for left, result in ((2, asked[2]), (1, asked[0]), (0, asked[1])):
        reply = one(lab, answer(result.data))
        assert reply.what == "TX 0"
        assert endpoints(reply.data) == (("10.96.0.10", 53), ("203.0.113.9", 40000))
        assert lab.active() == left
    assert one(lab, answer(asked[0].data)).what == "DROP NO_SESSION"


def test_two_answers_in_one_burst_both_pass(plain: Callable[..., Lab]) -> None:
    lab = plain()
    lab.add_vs(VS6_UDP, rs=[RS6_UDP], one_packet=True)
    asked = one(lab, udp6())
    reply = bytes(answer(asked.data))
    assert [r.what for r in lab.harness.run(0, [reply, reply])] == ["TX 0", "TX 0"]
    assert lab.active() == 0


def test_a_question_without_an_answer_times_out(plain: Callable[..., Lab]) -> None:
    lab = plain()
    lab.add_vs(VS_UDP, rs=[RS_UDP], one_packet=True, timeouts={"UDP_ONEWAY": 2})
    one(lab, udp())
    lab.harness.advance(3)
    assert lab.active() == 0
    with pytest.raises(Refused, match="for a UDP service only"):
        lab.harness.commit([Op("VS_ADD", VS_TCP, one_packet=True)])


def test_a_udp_client_that_never_stops_moves_to_a_live_rs(plain: Callable[..., Lab]) -> None:
    lab = plain()
    server = lab.add_vs(VS_UDP, rs=[RS_UDP])
    first = one(lab, udp())
    server.add_rs(OTHER_UDP)
    server.remove_rs(RS_UDP)
    assert one(lab, answer(first.data)).what == "TX 0", "an answer under way still arrives"
    moved = lab.harness.run(0, [bytes(udp()), bytes(udp())])
    assert {endpoints(result.data)[1] for result in moved} == {("10.10.0.2", 5353)}
    assert lab.active() == 1


def test_a_udp_client_of_a_removed_vs(plain: Callable[..., Lab]) -> None:
    lab = plain()
    server = lab.add_vs(VS_UDP, rs=[RS_UDP])
    one(lab, udp())
    server.remove()
    assert one(lab, udp()).what == "DROP NOT_FOR_US"
    assert lab.active() == 0


def test_a_removal_that_was_undone_changes_nothing(open_lab: Callable[[Settings], Lab]) -> None:
    lab = open_lab(Settings()).usual()
    first = one(lab, udp())
    lab.harness.set_generation(1, 99)
    with pytest.raises(Refused):
        lab.harness.commit([Op("RS_DEL", VS_UDP, RS_UDP)])
    again = one(lab, udp())
    assert endpoints(again.data) == endpoints(first.data)
    lab.harness.set_generation(1, lab.harness.generation(0))


@pytest.mark.parametrize("drain", [0, 20])
def test_tcp_of_a_removed_rs_lives_on_until_its_time_is_over(
    plain: Callable[..., Lab], drain: int
) -> None:
    lab = plain(drain_tcp_s=drain)
    server = lab.add_vs(VS_TCP, rs=[RS_TCP])
    first = one(lab, tcp())
    one(lab, answer(first.data))
    one(lab, tcp(ACK))
    server.add_rs(OTHER_TCP)
    server.remove_rs(RS_TCP)
    for _ in range(3):
        lab.harness.advance(5)
        assert endpoints(one(lab, tcp(ACK)).data) == endpoints(first.data)
    lab.harness.advance(6)
    after = one(lab, tcp(ACK)).what
    assert after == ("DROP NOT_SYN" if drain else "TX 0")
    assert lab.active() == (0 if drain else 1)
    assert endpoints(one(lab, tcp(sport=7)).data)[1] == ("10.10.0.2", 8080)

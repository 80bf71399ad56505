# SPDX-License-Identifier: BSD-3-Clause
"""Sessions of an RS that end on demand.

An open TCP connection is told to both ends: by an RST where what they expect is known, else by a
segment that has them say so, and each packet that comes of it then is answered by an RST.
"""

from collections.abc import Callable

import pytest
from cases_tcp_numbers import WAYS, Way
from driver import Refused
from ending import by_rs, from_client, from_rs, many, opened, questions, rs_of, shift, sides, states
from lab import Lab
from packets.fragments import cut, every
from packets.frames import (
    RS_TCP,
    RS_UDP,
    VIP,
    VS_TCP,
    VS_UDP,
    answer,
    tcp,
    udp,
)
from packets.nat import endpoints, l4_at
from proxied import Ends, made, proxied, vs_of
from talk import BY_NAME, OPEN, taken
from values import Op, Settings

pytestmark = pytest.mark.path
SETTINGS = Settings(timeouts={"TCP_CLOSE": 5})

CLOSE_S = 5
OTHER_RS = "10.10.0.77:8080"

TOLD = ("SYN_RECV", *OPEN)
Drops = Callable[[], dict[tuple[int, str], int]]


@pytest.fixture
def drops(lab: Lab) -> Drops:
    """What has been dropped in the test."""
    before = lab.harness.drops()
    return lambda: lab.harness.drops() - before


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
@pytest.mark.parametrize("state", TOLD)
def test_both_ends_are_asked_and_told(way: Way, state: str, lab: Lab, drops: Drops) -> None:
    """Each by an RST with the number that it says it expects; the RS's answer tells both."""
    talk = opened(lab, way, state)
    assert states(lab) == [state]
    assert lab.harness.reset((vs_of(way), rs_of(way))) == 1
    assert taken(lab) == questions(talk) and states(lab) == ["CLOSE"]
    (to_client, to_rs) = sides(talk)
    (result,) = lab.harness.run(0, [from_client(talk, seq=1001, ack=4711)])
    assert (result.what, result.data) == ("TX 0", made(*to_client, "R", seq=4711))
    assert taken(lab) == []
    has = (1001 + shift(talk)) % 2**32
    (result,) = lab.harness.run(0, [from_rs(talk, seq=815, ack=has)])
    assert (result.what, result.data) == ("TX 0", made(*to_rs, "R", seq=has))
    assert taken(lab) == [made(*to_client, "RA", seq=815, ack=1001)]
    assert drops() == {(0, "SESSION_RESET"): 2}
    assert lab.active() == 1
    lab.harness.advance(CLOSE_S + 1)
    assert lab.active() == 0


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
@pytest.mark.parametrize("state", ["SYN_SENT", "TIME_WAIT", "CLOSE"])
def test_half_open_and_finished_ones_end_at_once(
    way: Way, state: str, lab: Lab, drops: Drops
) -> None:
    """A client that still waits for an answer goes to another RS with its next SYN."""
    opened(lab, way, state)
    assert lab.harness.reset((vs_of(way), rs_of(way))) == 1
    assert lab.active() == 0 and taken(lab) == [] and drops() == {}


@pytest.mark.parametrize("replied", [False, True])
def test_udp_ends_at_once(replied: bool, lab: Lab) -> None:
    (result,) = lab.harness.run(0, [bytes(udp())])
    if replied:
        lab.harness.run(0, [bytes(answer(result.data))])
    assert lab.harness.reset((VS_UDP, RS_UDP)) == 1
    assert lab.active() == 0 and taken(lab) == []
    (late,) = lab.harness.run(0, [bytes(answer(result.data))])
    assert late.what == "DROP NO_SESSION"
    (again,) = lab.harness.run(0, [bytes(udp())])
    assert again.what == "TX 0" and lab.active() == 1


def test_a_client_that_comes_again_from_its_port_gets_another_rs(lab: Lab) -> None:
    talk = opened(lab, WAYS[0], "ESTABLISHED")
    lab.servers[0].add_rs(OTHER_RS).weigh(RS_TCP, 0)
    lab.harness.reset((VS_TCP, RS_TCP))
    taken(lab)
    (result,) = lab.harness.run(0, [from_client(talk, "S", seq=9000)])
    assert endpoints(result.data)[1] == ("10.10.0.77", 8080)
    assert states(lab) == ["SYN_SENT"]


def test_an_rst_of_one_end_goes_on_to_the_other(lab: Lab, drops: Drops) -> None:
    talk = opened(lab, WAYS[0], "ESTABLISHED")
    lab.harness.reset((VS_TCP, RS_TCP))
    taken(lab)
    (result,) = lab.harness.run(0, [from_client(talk, "R", seq=1001)])
    assert endpoints(result.data) == sides(talk)[1] and drops() == {}
    (result,) = lab.harness.run(0, [from_rs(talk, "RA", seq=6, ack=7)])
    assert endpoints(result.data) == sides(talk)[0]
    assert taken(lab) == []


@pytest.mark.parametrize("flags", ["", "P", "F"])
def test_what_acknowledges_nothing_is_acknowledged(flags: str, lab: Lab) -> None:
    talk = opened(lab, WAYS[0], "ESTABLISHED")
    lab.harness.reset((VS_TCP, RS_TCP))
    taken(lab)
    (result,) = lab.harness.run(0, [from_client(talk, flags, b"12345", seq=1001)])
    ack = 1006 + (flags == "F")
    assert result.data == made(*sides(talk)[0], "RA", seq=0, ack=ack)
    lab.harness.run(0, [from_rs(talk, flags, seq=5)])
    assert taken(lab) == [], "nothing that the client could be told"


def test_what_cannot_be_judged_is_dropped(lab: Lab) -> None:
    """A damaged segment, and one in fragments."""
    talk = opened(lab, WAYS[0], "ESTABLISHED")
    lab.harness.reset((VS_TCP, RS_TCP))
    taken(lab)
    for frame in (from_client(talk, ack=5), from_rs(talk, ack=5)):
        spoilt = bytearray(frame)
        spoilt[l4_at(frame) + 16] ^= 1
        (result,) = lab.harness.run(0, [bytes(spoilt)])
        assert result.what == "DROP SESSION_RESET"
    whole = from_client(talk, "PA", bytes(40))
    # Of as many as it takes that one of them is at home on this worker.
    cuts = (cut(whole, every(60, 24), ident) for ident in range(64))
    runs = ([lab.harness.run(0, [part])[0].what for part in parts] for parts in cuts)
    assert ["DROP SESSION_RESET"] * 3 in runs
    assert taken(lab) == []


def test_answers_have_no_rate(lab: Lab, drops: Drops) -> None:
    """Whom a whole VS's sessions are taken from, each of them must learn it."""
    talk = opened(lab, WAYS[0], "ESTABLISHED")
    lab.harness.reset((VS_TCP, RS_TCP))
    taken(lab)
    results = list(lab.harness.run_all(0, [from_client(talk, ack=5)] * 3000))
    assert {result.what for result in results} == {"TX 0"}
    assert drops() == {(0, "SESSION_RESET"): 3000}


def test_a_session_is_ended_once(lab: Lab) -> None:
    opened(lab, WAYS[0], "ESTABLISHED")
    assert lab.harness.reset((VS_TCP, RS_TCP)) == 1
    taken(lab)
    lab.harness.advance(CLOSE_S - 1)
    assert lab.harness.reset((VS_TCP, RS_TCP), (VS_TCP, "")) == 0
    assert taken(lab) == []
    lab.harness.advance(1.5)
    assert lab.active() == 0, "its time goes on"


def test_sessions_of_others_stay_on_all_workers(lab: Lab) -> None:
    """Of the same VS with other RS, and of the same RS in another VS."""
    second = lab.add_vs(f"{VIP}:81/tcp", rs=[RS_TCP])
    lab.servers[0].add_rs(OTHER_RS)
    many(lab, range(10000, 10100))
    for worker in (0, 1):
        lab.harness.run(worker, [bytes(tcp("S", sport=7, dport=81))])
    before = by_rs(lab)
    assert before == {RS_TCP: 100, OTHER_RS: 100}
    counted = [lab.harness.resets(worker) for worker in (0, 1)]
    assert lab.harness.reset((VS_TCP, RS_TCP)) == 100
    assert [lab.harness.resets(worker) for worker in (0, 1)] == [one + 50 for one in counted]
    assert by_rs(lab) == {OTHER_RS: 100}
    assert by_rs(lab, second.key) == {RS_TCP: 2}
    taken(lab), taken(lab, 1)
    lab.harness.advance(CLOSE_S + 1)
    assert lab.active() == 102
    assert lab.harness.reset((VS_TCP, "")) == 100
    assert lab.harness.reset((second.key, RS_TCP), (VS_TCP, OTHER_RS)) == 2
    taken(lab), taken(lab, 1)


def test_several_rs_by_one_walk(lab: Lab) -> None:
    lab.servers[0].add_rs(OTHER_RS, "10.10.0.78:8080")
    many(lab, range(10000, 10090))
    assert lab.harness.reset((VS_TCP, OTHER_RS), (VS_TCP, RS_TCP), (VS_UDP, "")) == 120
    assert by_rs(lab) == {"10.10.0.78:8080": 60}
    taken(lab), taken(lab, 1)


def test_of_an_rs_that_was_removed_and_added_again(lab: Lab) -> None:
    """Each time that it was added."""
    for port in (10000, 10001):
        opened(lab, WAYS[0], "ESTABLISHED", port)
        lab.servers[0].remove_rs(RS_TCP)
        lab.servers[0].add_rs(RS_TCP)
    opened(lab, WAYS[0], "ESTABLISHED", 10002)
    lab.servers[0].remove_rs(RS_TCP)
    assert lab.harness.reset((VS_TCP, RS_TCP)) == 3
    taken(lab)


def test_of_a_vs_that_was_removed(lab: Lab) -> None:
    opened(lab, WAYS[0], "ESTABLISHED")
    lab.servers[0].remove()
    assert lab.harness.reset((VS_TCP, "")) == 1
    taken(lab)
    lab.harness.advance(CLOSE_S + 1)
    assert lab.active() == 0
    with pytest.raises(Refused, match=f"VS {VS_TCP} does not exist"):
        lab.harness.reset((VS_TCP, ""))


def test_what_is_not_there_is_refused(lab: Lab) -> None:
    opened(lab, WAYS[0], "ESTABLISHED")
    for number_, (vs, rs, reason, text) in enumerate(
        (
            ("10.99.0.1:80/tcp", "", "VS_UNKNOWN", "VS 10.99.0.1:80/tcp does not exist"),
            (VS_TCP, OTHER_RS, "RS_UNKNOWN", f"VS {VS_TCP} has no RS {OTHER_RS}"),
        )
    ):
        whose = [(VS_TCP, RS_TCP)] * number_ + [(vs, rs)]
        with pytest.raises(Refused) as refused:
            lab.harness.reset(*whose)
        assert (refused.value.error, refused.value.reason) == ("ENOENT", reason)
        assert (refused.value.text, refused.value.op) == (text, number_)
    assert states(lab) == ["ESTABLISHED"], "all or nothing"
    assert lab.harness.reset((f"{VS_TCP}", "")) == 1
    taken(lab)
    for whose in ([], [(VS_TCP, RS_TCP)] * 4097):
        with pytest.raises(Refused, match="resets at once: 1 to 4096 can be"):
            lab.harness.reset(*whose)


def test_a_vs_without_sessions_has_none_to_end(lab: Lab) -> None:
    assert lab.harness.reset((VS_TCP, "")) == lab.harness.reset((VS_TCP, RS_TCP)) == 0


def test_without_mbufs_sessions_end_all_the_same(lab: Lab, drops: Drops) -> None:
    many(lab, range(10000, 10050), workers=1)
    lab.harness.spare(0)
    assert lab.harness.reset((VS_TCP, RS_TCP)) == 50
    assert taken(lab) == [] and drops() == {(0, "NO_MBUF"): 100}
    assert states(lab) == ["CLOSE"] * 50
    lab.harness.spare(64)


# SYN proxy and client address


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
def test_a_client_whose_rs_has_not_answered_yet(way: Way, lab: Lab) -> None:
    """What it expects the LB has chosen itself."""
    proxied(lab, way)
    ends = Ends(lab, way).syn().acked()
    assert states(lab) == ["SYN_SENT"]
    assert lab.harness.reset((vs_of(way), rs_of(way))) == 1
    (to_client,) = taken(lab)
    assert to_client == made(*ends.ends[::-1], "RA", seq=ends.cookie + 1, ack=ends.isn + 1)
    assert lab.active() == 0


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
def test_numbers_of_a_proxied_connection(way: Way, lab: Lab) -> None:
    proxied(lab, way)
    ends = Ends(lab, way).syn().acked().established()
    assert lab.harness.reset((vs_of(way), rs_of(way))) == 1
    assert len(taken(lab)) == 2 and states(lab) == ["CLOSE"]
    result = ends.run(ends.rs("A", seq=3, ack=8))
    assert result.data == made(ends.local, ends.server, "R", seq=ends.rs_seq + 8)
    client, service = ends.ends
    service_to_client = (service, client)
    assert taken(lab) == [made(*service_to_client, "RA", seq=ends.cookie + 3, ack=ends.isn + 8)]
    result = ends.run(ends.client("A", ack=3))
    assert result.data == made(*service_to_client, "R", seq=ends.cookie + 3)
    lab.harness.advance(CLOSE_S + 1)
    assert lab.active() == 0


def test_of_what_an_rs_acknowledges_the_header_is_not_the_client_s(lab: Lab) -> None:
    """PROXY protocol: the RS counts 28 bytes more."""
    lab.harness.commit([Op("VS_EDIT", VS_TCP, client_address="proxy-v2")])
    talk = opened(lab, WAYS[0], "SYN_RECV").ask("A", ack=6)
    lab.harness.reset((VS_TCP, RS_TCP))
    taken(lab)
    lab.harness.run(0, [from_rs(talk, seq=6, ack=1001 + shift(talk) + 28)])
    assert taken(lab) == [made(*sides(talk)[0], "RA", seq=6, ack=1001)]

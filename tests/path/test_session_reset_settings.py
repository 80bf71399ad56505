# SPDX-License-Identifier: BSD-3-Clause
"""Sessions of an RS that end on demand, where that depends on settings, or takes several parts."""

from dataclasses import replace

import pytest
from cases_tcp_numbers import WAYS, Way
from driver import Refused
from ending import by_rs, from_client, many, opened, questions, rs_of, sides, states
from lab import OpenLab
from packets.frames import RS_TCP, RS_UDP, VS_TCP, VS_UDP, patched, udp
from proxied import made, vs_of
from structs import number
from talk import BY_NAME, OPEN, Talk, taken
from values import Settings

pytestmark = pytest.mark.path

KNOWS = Settings(options={"tcp_expired": number("SLB_EXPIRED_RESET")})
ONE = Settings(workers=1, laddrs=Settings.laddrs[::2])
SPORT_AT = 34  # behind Ethernet and IPv4
SLICE = 16384  # entries that a worker goes through for one message
ENDS_A_ROUND, LOOKS_A_ROUND = 16, 128


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
@pytest.mark.parametrize("state", OPEN)
def test_known_numbers_need_no_question(way: Way, state: str, open_lab: OpenLab) -> None:
    lab = open_lab(KNOWS).usual()
    talk = opened(lab, way, state)
    assert lab.harness.reset((vs_of(way), "")) == 1
    assert taken(lab) == talk.resets() and len(talk.resets()) == 2
    assert states(lab) == ["CLOSE"]
    (result,) = lab.harness.run(0, [from_client(talk, ack=99)])
    assert result.data == made(*sides(talk)[0], "R", seq=99), "what it knew was old by then"


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
def test_only_who_is_not_known_is_asked(way: Way, open_lab: OpenLab) -> None:
    lab = open_lab(KNOWS).usual()
    talk = Talk(lab, way).ask("S", seq=1000).reply("SA").ask("P")
    assert lab.harness.reset((vs_of(way), rs_of(way))) == 1
    assert taken(lab) == [questions(talk)[0], *talk.resets()]


def test_a_round_does_no_more_than_it_may(open_lab: OpenLab) -> None:
    """So many ends, or so many looks, and the packets that came meanwhile are not kept waiting."""
    lab = open_lab(ONE).usual()
    many(lab, range(10000, 10400), workers=1)
    rounds = 10
    lab.harness.set_answer_timeout(0.05)
    lab.harness.stall_after(0, rounds)
    with pytest.raises(Refused, match="worker 0 has not answered") as refused:
        lab.harness.reset((VS_TCP, RS_TCP))
    assert (refused.value.error, refused.value.worker) == ("ETIMEDOUT", 0)
    assert lab.harness.resets(0) == rounds * ENDS_A_ROUND
    lab.harness.stall(0, False)
    lab.harness.set_answer_timeout(2)
    assert lab.harness.reset((VS_TCP, RS_TCP)) <= 400 - rounds * ENDS_A_ROUND
    assert by_rs(lab) == {} and len(taken(lab)) == 800


def test_looks_of_a_round(open_lab: OpenLab) -> None:
    lab = open_lab(ONE).usual()
    many(lab, range(10000, 11000), workers=1)
    lab.harness.set_answer_timeout(0.05)
    lab.harness.stall_after(0, 1000 // LOOKS_A_ROUND)
    with pytest.raises(Refused, match="worker 0 has not answered"):
        lab.harness.reset((VS_UDP, RS_UDP))
    lab.harness.stall(0, False)
    lab.harness.set_answer_timeout(2)
    lab.harness.stall_after(0, 1000 // LOOKS_A_ROUND + 2)
    assert lab.harness.reset((VS_UDP, RS_UDP)) == 0


def test_a_table_of_several_parts(open_lab: OpenLab) -> None:
    """Both widths of entries, and free ones between them."""
    lab = open_lab(replace(ONE, sessions=3 * SLICE, sessions6=SLICE)).usual()
    one = bytes(udp(chksum=0))
    frames = (patched(one, SPORT_AT, port.to_bytes(2)) for port in range(1024, 41024))
    list(lab.harness.run_all(0, frames))
    opened(lab, WAYS[1], "ESTABLISHED")
    assert lab.harness.reset((VS_UDP, RS_UDP), (vs_of(WAYS[1]), "")) == 40001
    assert len(taken(lab)) == 2 and states(lab) == ["CLOSE"]


def test_what_was_ended_yields_to_new_sessions(open_lab: OpenLab) -> None:
    small = replace(ONE, sessions=64, options={"recycle": 1})
    lab = open_lab(small).usual()
    many(lab, range(10000, 10064), workers=1)
    assert lab.harness.reset((VS_TCP, "")) == 64
    taken(lab)
    many(lab, range(20000, 20064), workers=1)
    assert set(states(lab)) == {"ESTABLISHED"} and lab.harness.recycled(0) == 64

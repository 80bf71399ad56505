# SPDX-License-Identifier: BSD-3-Clause
"""`tcp.expired: reset`: both ends of a connection are told when its session ends before it does."""

from dataclasses import replace

import pytest
from cases_tcp_numbers import WAYS, Way, dressed
from driver import SPARE, Result
from lab import PLAIN, Lab, OpenLab
from packets.frames import (
    GATEWAY,
    RS6_TCP,
    RS_TCP,
    VIP,
    VIP6,
    VIP46,
    VIP64,
    answer,
    tcp,
    udp,
)
from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether
from structs import number, port_mac
from talk import BY_NAME, OPEN, OVER, Talk, taken
from values import Op, Route, Settings, View

pytestmark = pytest.mark.path

TICK_S = 0.0625
RESET = {"tcp_expired": number("SLB_EXPIRED_RESET")}
TIMEOUTS = {"TCP_ESTABLISHED": 60, "TCP_FIN_WAIT": 20, "TCP_CLOSE_WAIT": 20, "TCP_LAST_ACK": 20}
EXPIRES = Settings(options=RESET, timeouts=TIMEOUTS)
DRAIN_S = 10
DRAINS = Settings(options={**RESET, "drain_tcp_s": DRAIN_S})

MOVED_A_ROUND = 16  # of 128 looks, each of which counts for eight


def silent(lab: Lab) -> bool:
    """Nothing was sent, and nothing is left."""
    return taken(lab) == [] and lab.active() == 0 and lab.harness.drops() == {}


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
@pytest.mark.parametrize("state", OPEN)
def test_both_ends_of_an_open_connection_are_told(way: Way, state: str, open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    talk = OPEN[state](Talk(lab, way).shaken())
    assert [session.state for session in lab.harness.sessions()] == [f"TCP_{state}"]
    lab.harness.advance(TIMEOUTS[f"TCP_{state}"] - TICK_S)
    assert taken(lab) == [] and lab.active() == 1
    lab.harness.advance(2 * TICK_S)
    assert taken(lab) == talk.resets() and len(talk.resets()) == 2
    assert silent(lab)
    traffic = [rs.traffic for rs in lab.harness.rs()]
    assert sum(row.sessions for row in traffic) == 1
    assert sum(row.active for row in traffic) == 0
    assert sum(row.in_packets + row.out_packets for row in traffic) == len_of(state)


def len_of(state: str) -> int:
    """Packets that the connection had: RSTs are not counted as its traffic."""
    return {"ESTABLISHED": 3, "FIN_WAIT": 4, "CLOSE_WAIT": 4, "LAST_ACK": 5}[state]


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
@pytest.mark.parametrize("state", OVER)
def test_who_is_half_open_or_finished_ends_in_silence(
    way: Way, state: str, open_lab: OpenLab
) -> None:
    lab = open_lab(EXPIRES).usual()
    OVER[state](Talk(lab, way))
    assert [session.state for session in lab.harness.sessions()] == [f"TCP_{state}"]
    lab.harness.advance(100)
    assert silent(lab)


def test_nothing_without_the_setting(open_lab: OpenLab) -> None:
    lab = open_lab(replace(EXPIRES, options={})).usual()
    Talk(lab, WAYS[0]).shaken()
    lab.harness.advance(100)
    assert silent(lab)


def test_udp_ends_in_silence(open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    (result,) = lab.harness.run(0, [bytes(udp())])
    lab.harness.run(0, [bytes(answer(result.data))])
    lab.harness.advance(100)
    assert silent(lab)


def test_the_last_acknowledgements_count(open_lab: OpenLab) -> None:
    """Each end's latest; what has none leaves it as it is, and 0 is one too."""
    lab = open_lab(EXPIRES).usual()
    talk = Talk(lab, WAYS[0]).shaken().reply("PA", after=500).ask("A", ack=2**32 - 1)
    talk.ask("A", ack=0).ask("P", ack=77).reply("P", after=900)
    lab.harness.advance(61)
    assert talk.client == 0
    assert taken(lab) == talk.resets()


def test_numbers_of_the_client_s_own(open_lab: OpenLab) -> None:
    lab = open_lab(replace(EXPIRES, renumber=False)).usual()
    talk = Talk(lab, WAYS[0]).shaken()
    lab.harness.advance(61)
    sent = taken(lab)
    assert sent == talk.resets()
    to_rs = Ether(sent[1])[TCP]
    assert (to_rs.seq, to_rs.ack) == (1001, 6)


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
def test_only_who_has_acknowledged_is_told(way: Way, open_lab: OpenLab) -> None:
    """Without the other's acknowledgement it is an RST without one."""
    lab = open_lab(EXPIRES).usual()
    talk = Talk(lab, way).ask("S", seq=1000).reply("SA").ask("P")
    assert talk.client is None
    lab.harness.advance(61)
    (to_rs,) = taken(lab)
    assert [to_rs] == talk.resets() and Ether(to_rs)[TCP].flags == "R"
    talk = Talk(lab, way).ask("S", seq=1000).reply("S").ask("A", ack=6)
    lab.harness.advance(61)
    (to_client,) = taken(lab)
    assert [to_client] == talk.resets() and Ether(to_client)[TCP].ack == 0
    Talk(lab, way).ask("S", seq=1000).reply("S").ask("P")
    lab.harness.advance(61)
    assert silent(lab)


def test_an_entry_used_again_knows_nothing_of_the_last(open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    Talk(lab, WAYS[0]).shaken().ask("RA", ack=9)
    lab.harness.advance(10)
    Talk(lab, WAYS[0]).ask("S", seq=1000).reply("S").ask("P")
    lab.harness.advance(61)
    assert silent(lab)


@pytest.mark.parametrize("end", [0, 1], ids=["client", "RS"])
def test_an_end_that_no_way_leads_to_is_left_out(end: int, open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    talk = Talk(lab, WAYS[0]).shaken()
    kept = Route("10.10.0.0/16" if end == 0 else "203.0.113.0/24", GATEWAY)
    lab.harness.forward(View([Route("192.0.2.0/24"), kept], PLAIN.neighbours, PLAIN.own))
    lab.harness.advance(61)
    assert taken(lab) == [talk.resets()[1 - end]]
    assert silent(lab)


def test_without_neighbours_both_are_left_out(open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    Talk(lab, WAYS[0]).shaken()
    lab.harness.forward(replace(PLAIN, neighbours=()))
    lab.harness.advance(61)
    assert silent(lab) and lab.harness.events() == []


def test_with_the_tag_of_the_port(open_lab: OpenLab) -> None:
    lab = open_lab(replace(EXPIRES, vlans={0: 5})).usual()
    talk = Talk(lab, WAYS[0])
    plain = lab.harness.run
    tag, untag = lambda f: f[:12] + b"\x81\0\0\5" + f[12:], lambda f: f[:12] + f[16:]

    def run(worker: int, frames: list[bytes]) -> list[Result]:
        results = plain(worker, [tag(frame) for frame in frames])
        return [replace(result, data=untag(result.data)) for result in results]

    lab.harness.run = run  # type: ignore[assignment,method-assign]
    talk.shaken()
    lab.harness.advance(61)
    assert taken(lab) == [tag(frame) for frame in talk.resets()]


def test_by_the_port_that_the_way_leads_to(open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    talk = Talk(lab, WAYS[0]).shaken()
    neighbours = [replace(PLAIN.neighbours[0], port=1)]
    routes = [Route("192.0.2.0/24", port=1), Route("0.0.0.0/0", GATEWAY, 1)]
    lab.harness.forward(View(routes, neighbours, PLAIN.own))
    lab.harness.advance(61)
    results = lab.harness.take(0)
    assert [result.what for result in results] == ["TX 1", "TX 1"]
    wanted = [
        frame[:6] + bytes.fromhex(port_mac(1).replace(":", "")) + frame[12:]
        for frame in talk.resets()
    ]
    assert [result.data for result in results] == wanted


def test_hundreds_at_once_are_all_told(open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    talks = [Talk(lab, WAYS[0], port).shaken() for port in range(10000, 10400)]
    lab.harness.advance(61)
    assert sorted(taken(lab)) == sorted(frame for talk in talks for frame in talk.resets())
    assert silent(lab)


def test_without_mbufs_they_are_left_out(open_lab: OpenLab) -> None:
    """What the worker has in reserve is used up, and no more asked for."""
    lab = open_lab(EXPIRES).usual()
    lab.harness.wire(tx_queues=2, tx_room=64)
    for port in range(10000, 10000 + SPARE):
        Talk(lab, WAYS[0], port).shaken()
    held = 0
    with pytest.raises(OSError, match="harness_receive"):
        for worker, port in ((0, 0), (0, 1), (1, 0), (1, 1)):
            for _ in range(1023):
                lab.harness.queue(worker, [bytes(tcp("R"))], port=port)
                held += 1
    lab.harness.advance(61)
    told = len(taken(lab))
    assert 0 < told <= SPARE
    assert taken(lab) == [] and lab.active() == 0
    for worker in (0, 1):
        lab.harness.rounds(worker)
    drops = lab.harness.drops()
    assert drops[0, "NO_MBUF"] + drops[1, "NO_MBUF"] == 2 * SPARE - told
    assert (drops[0, "NOT_SYN"], drops[1, "NOT_SYN"]) == (2046, held - 2046)
    for port in range(20000, 20004):
        Talk(lab, WAYS[0], port).shaken()
    lab.harness.advance(61)
    assert len(taken(lab)) == 8, "once there are buffers again, they are told again"


def test_recycling_is_silent(open_lab: OpenLab) -> None:
    """A session given up for another was half-open, or over."""
    options = {**RESET, "recycle": 1}
    lab = open_lab(replace(EXPIRES, sessions=64, options=options)).usual()
    for port in range(10000, 10100):
        OVER["SYN_RECV"](Talk(lab, WAYS[0], port))
    assert taken(lab) == [] and lab.active() == 64


def test_opening_anew_is_silent(open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    OVER["CLOSE"](Talk(lab, WAYS[0]))
    Talk(lab, WAYS[0]).ask("S")
    assert taken(lab) == [] and lab.active() == 1


def test_they_leave_in_the_round_that_ends_the_session(open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    lab.harness.wire(tx_queues=2, tx_room=64)
    talk = Talk(lab, WAYS[0]).shaken()
    lab.harness.move_clock(61)
    lab.harness.round(0)
    assert lab.harness.take_sent(0, 0) == talk.resets()


def test_a_worker_without_the_port_s_queue_hands_them_on(open_lab: OpenLab) -> None:
    lab = open_lab(EXPIRES).usual()
    lab.harness.wire(tx_queues=1, tx_room=64)
    packet = tcp("S")
    lab.harness.queue(1, [dressed(packet)])
    lab.harness.rounds(1), lab.harness.rounds(0)
    (seen,) = lab.harness.take_sent(0, 0)
    lab.harness.queue(1, [dressed(answer(seen, "SA"), ack=1), dressed(tcp("A"), ack=6)])
    lab.harness.rounds(1), lab.harness.rounds(0)
    lab.harness.take_sent(0, 0)
    lab.harness.move_clock(61)
    lab.harness.round(1)
    assert lab.harness.take_sent(0, 0) == []
    lab.harness.round(0)
    assert [Ether(frame)[TCP].flags for frame in lab.harness.take_sent(0, 0)] == ["RA", "RA"]


# The end of a drain


VS_OF = dict(
    zip(
        BY_NAME,
        (f"{VIP}:80/tcp", f"[{VIP6}]:80/tcp", f"[{VIP64}]:80/tcp", f"{VIP46}:80/tcp"),
        strict=True,
    )
)


def remove(lab: Lab, way: Way) -> None:
    """Remove the RS."""
    rs = RS6_TCP if ":" in way.rs else RS_TCP
    lab.harness.commit([Op("RS_DEL", VS_OF[way.name], rs)])


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
def test_the_end_of_a_drain_is_told_at_its_time(way: Way, open_lab: OpenLab) -> None:
    """The session idles, and the wheel would come to it only after minutes."""
    lab = open_lab(DRAINS).usual()
    talk = Talk(lab, way).shaken()
    lab.harness.advance(3)
    remove(lab, way)
    lab.harness.advance(DRAIN_S - TICK_S)
    assert taken(lab) == [] and lab.active() == 1
    lab.harness.advance(2 * TICK_S)
    assert taken(lab) == talk.resets()
    assert silent(lab)


def test_a_drain_s_end_without_the_setting_is_silent_and_in_time(open_lab: OpenLab) -> None:
    lab = open_lab(Settings(options={"drain_tcp_s": DRAIN_S})).usual()
    Talk(lab, WAYS[0]).shaken()
    remove(lab, WAYS[0])
    lab.harness.advance(DRAIN_S + TICK_S)
    assert silent(lab)


@pytest.mark.parametrize("way", WAYS, ids=BY_NAME)
def test_a_busy_connection_is_told_by_the_packet_that_comes_too_late(
    way: Way, open_lab: OpenLab
) -> None:
    """It reaches the worker before the round has looked at what is due."""
    lab = open_lab(DRAINS).usual()
    talk = Talk(lab, way).shaken()
    remove(lab, way)
    lab.harness.move_clock(DRAIN_S)
    late = dressed(way.segment("PA"), seq=1001, ack=50)
    reply = dressed(answer(talk.seen, "A"), ack=5)
    first, second = lab.harness.run(0, [late, reply])
    assert (first.what, second.what) == ("DROP NOT_SYN", "DROP NO_SESSION")
    talk.client = 50
    assert taken(lab) == talk.resets()
    assert lab.active() == 0
    lab.harness.advance(1)
    assert taken(lab) == []


def test_a_removal_that_was_undone_ends_nothing(open_lab: OpenLab) -> None:
    lab = open_lab(DRAINS).usual()
    Talk(lab, WAYS[0]).shaken()
    remove(lab, WAYS[0])
    lab.servers[0].add_rs(RS_TCP)
    # A new one: the old one's session drains all the same.
    lab.harness.advance(DRAIN_S + 1)
    assert lab.active() == 0 and len(taken(lab)) == 2


def fill(lab: Lab, count: int) -> None:
    """So many open sessions."""
    talks = [Talk(lab, WAYS[0], 10000 + n) for n in range(count)]
    for talk in talks:
        talk.ask("S", seq=1000).reply("SA").ask("A", ack=6)


def test_a_sweep_looks_at_a_bounded_number_each_round(open_lab: OpenLab) -> None:
    lab = open_lab(DRAINS).usual()
    fill(lab, 900)
    lab.harness.wire(tx_queues=2, tx_room=4096)
    lab.harness.rounds(0)
    remove(lab, WAYS[0])
    # 900 sessions, and one step over what was never used.
    assert lab.harness.rounds(0) == 900 // MOVED_A_ROUND + 1
    lab.harness.move_clock(DRAIN_S)
    lab.harness.rounds(0)
    assert lab.active() == 0 and len(lab.harness.take_sent(0, 0)) == 2 * 900
    assert lab.harness.drops() == {}


def test_a_removal_during_a_sweep_goes_round_once_more(open_lab: OpenLab) -> None:
    lab = open_lab(DRAINS).usual()
    second = "10.10.0.2:8080"
    lab.servers[0].add_rs(second)
    fill(lab, 900)
    lab.harness.wire(tx_queues=2, tx_room=4096)
    lab.harness.rounds(0)
    remove(lab, WAYS[0])
    for _ in range(5):
        assert lab.harness.round(0)
    lab.servers[0].remove_rs(second)
    assert lab.harness.rounds(0) == 900 // MOVED_A_ROUND + 1
    lab.harness.move_clock(DRAIN_S)
    lab.harness.rounds(0)
    assert lab.active() == 0 and len(lab.harness.take_sent(0, 0)) == 2 * 900
    assert lab.harness.drops() == {}

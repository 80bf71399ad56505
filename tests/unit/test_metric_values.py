# SPDX-License-Identifier: BSD-3-Clause
"""Every figure of slbd's exposition is the one that its name says: no two fields are alike."""

import dataclasses

import pytest
from msgspec.structs import replace

from rig.exposition import Samples, samples, written
from slb.metrics.exposition import exposition
from slb.metrics.facts import DONE, FAILED, REFUSED, Facts
from slb.metrics.reading import Reading
from slb.model import views

WORKER = views.WorkerView(
    worker=0,
    cpu=1,
    lcore=2,
    numa=3,
    idle="adaptive",
    generation=101,
    rounds=102,
    busy_cycles=103,
    idle_cycles=104,
    rx_packets=105,
    tx_packets=106,
    handed_off=107,
    handed_in=108,
    punted=109,
    dropped=110,
    sessions_active=111,
    sessions_created=112,
    sessions_ended=113,
    sessions_recycled=114,
    sessions_reset=115,
    sessions_capacity=116,
    untold=117,
    session_bytes=118,
    state="draining",
    share=0.25,
)
MEMBER = views.MemberView("eth0", "net_d", "waiting", True, 220, 221, 222, 223, 224, 225)
PORT = views.PortView(
    name="lan0",
    driver="net_bonding",
    mac="02:00:00:00:00:01",
    mtu=201,
    link_up=True,
    speed_mbps=10,
    kernel_interface="slb0",
    kni_kind="tap",
    rx_queues=203,
    tx_queues=204,
    rx_checksum=True,
    tx_checksum=True,
    rx_packets=205,
    rx_bytes=206,
    rx_missed=207,
    rx_no_mbuf=208,
    rx_errors=209,
    tx_packets=210,
    tx_bytes=211,
    tx_errors=212,
    kni_to_kernel=213,
    kni_from_kernel=214,
    kni_dropped=215,
    members=[MEMBER, replace(MEMBER, device="eth1", state="down", link_up=False)],
)
STEERING = views.SteeringView(
    port="lan0",
    method="flow",
    spread="queues",
    reason="",
    rx_queues=301,
    handed_off=302,
    laddrs=303,
    ruled_laddrs=304,
    rules=305,
    misdirected=306,
    misdirected_pps=307,
    proved=308,
    unproved=309,
    wrong=["198.18.0.1", "198.18.0.2"],
    stuck_rules=310,
)
LADDRS = [
    views.LaddrView("198.18.0.1", 0, "lan0", active=321, sessions=322),
    views.LaddrView("198.18.0.1", 1, "lan0", active=323, sessions=324),
    views.LaddrView("198.18.0.2", 0, "lan0", 325, 326, "waiting"),
    views.LaddrView("198.18.0.3", 0, "lan0", 327, 328, "waiting"),
    views.LaddrView("198.18.0.4", 0, "lan0", 329, 330, "draining"),
]
VS = views.VsView(
    vs="v",
    scheduler="wrr",
    rs_count=409,
    draining=100,
    removed=402,
    generation=403,
    traffic=views.Traffic(404, 405, 406, 407, 408, 410),
    refused=411,
    answers=views.Answers(412, 413, 414, 415, 416, 417_000_000, 418),
)
RS = views.RsView(
    vs="v",
    rs="r",
    weight=501,
    removed=False,
    traffic=views.Traffic(502, 503, 504, 505, 506, 507),
    answers=views.Answers(508, 509, 510, 511, 512, 513_000_000, 514),
)
OFF = views.OspfView("off", False, "", [], [], None)
READING = Reading(
    version=views.Version("0.9", 7, "DPDK 22.11", 8, 9),
    facts=Facts(
        vs_capacity=11,
        rs_capacity=12,
        started=13.5,
        last_reload=REFUSED,
        reloaded_at={DONE: 17.5, REFUSED: 18.5, FAILED: 19.5},
    ),
    transactions={DONE: 20, REFUSED: 21},
    transacted_at={DONE: 22.5, REFUSED: 23.5},
    workers=[WORKER],
    worker_bytes=[views.WorkerBytes(121, 122), views.WorkerBytes(123, 124)],
    drops=[views.DropView("NO_VS", 131, [132, 133]), views.DropView("NO_RS", 134, [135, 136])],
    ports=[PORT],
    steering=[STEERING],
    laddrs=LADDRS,
    vs=[VS],
    rs=[RS, replace(RS, removed=True), replace(RS, removed=True)],
    ospf=OFF,
)
READING.facts.reloads.update({DONE: 14, REFUSED: 15, FAILED: 16})

PROCESS = """
slb_build_info{version="0.9",abi="7",dpdk="DPDK 22.11"} 1
slb_start_time_seconds 13.5
slb_generation 9
slb_transactions_total{result="done"} 20
slb_transactions_total{result="refused"} 21
slb_last_transaction_time_seconds{result="done"} 22.5
slb_last_transaction_time_seconds{result="refused"} 23.5
slb_reloads_total{result="done"} 14
slb_reloads_total{result="refused"} 15
slb_reloads_total{result="failed"} 16
slb_last_reload_time_seconds{result="done"} 17.5
slb_last_reload_time_seconds{result="refused"} 18.5
slb_last_reload_time_seconds{result="failed"} 19.5
slb_reload_failed 1
slb_table_entries{table="vs"} 1
slb_table_entries{table="rs"} 3
slb_table_capacity{table="vs"} 11
slb_table_capacity{table="rs"} 12
"""
WORKERS = """
slb_worker_info{worker="0",cpu="1",numa="3",idle="adaptive"} 1
slb_worker_state{worker="0",state="active"} 0
slb_worker_state{worker="0",state="draining"} 1
slb_worker_state{worker="0",state="idle"} 0
slb_worker_generation{worker="0"} 101
slb_worker_rounds_total{worker="0"} 102
slb_worker_busy_cycles_total{worker="0"} 103
slb_worker_idle_cycles_total{worker="0"} 104
slb_worker_rx_packets_total{worker="0"} 105
slb_worker_tx_packets_total{worker="0"} 106
slb_worker_handed_off_packets_total{worker="0"} 107
slb_worker_handed_in_packets_total{worker="0"} 108
slb_worker_punted_packets_total{worker="0"} 109
slb_worker_sessions{worker="0"} 111
slb_worker_sessions_created_total{worker="0"} 112
slb_worker_sessions_ended_total{worker="0"} 113
slb_worker_sessions_recycled_total{worker="0"} 114
slb_worker_sessions_reset_total{worker="0"} 115
slb_worker_session_capacity{worker="0"} 116
slb_worker_untold_segments_total{worker="0"} 117
slb_worker_session_memory_bytes{worker="0"} 118
slb_worker_share_ratio{worker="0"} 0.25
slb_worker_bytes_total{worker="0",direction="in"} 121
slb_worker_bytes_total{worker="0",direction="out"} 122
slb_worker_bytes_total{worker="1",direction="in"} 123
slb_worker_bytes_total{worker="1",direction="out"} 124
slb_dropped_packets_total{worker="0",reason="NO_VS"} 132
slb_dropped_packets_total{worker="1",reason="NO_VS"} 133
slb_dropped_packets_total{worker="0",reason="NO_RS"} 135
slb_dropped_packets_total{worker="1",reason="NO_RS"} 136
"""
PORTS = """
slb_port_info{port="lan0",driver="net_bonding",mac="02:00:00:00:00:01",kernel_interface="slb0"} 1
slb_port_link_up{port="lan0"} 1
slb_port_speed_bytes{port="lan0"} 1250000
slb_port_rx_packets_total{port="lan0"} 205
slb_port_rx_bytes_total{port="lan0"} 206
slb_port_rx_missed_packets_total{port="lan0"} 207
slb_port_rx_no_mbuf_packets_total{port="lan0"} 208
slb_port_rx_error_packets_total{port="lan0"} 209
slb_port_tx_packets_total{port="lan0"} 210
slb_port_tx_bytes_total{port="lan0"} 211
slb_port_tx_error_packets_total{port="lan0"} 212
slb_port_to_kernel_packets_total{port="lan0"} 213
slb_port_from_kernel_packets_total{port="lan0"} 214
slb_port_kernel_dropped_packets_total{port="lan0"} 215
slb_port_member_state{port="lan0",device="eth0",state="active"} 0
slb_port_member_state{port="lan0",device="eth0",state="standby"} 0
slb_port_member_state{port="lan0",device="eth0",state="waiting"} 1
slb_port_member_state{port="lan0",device="eth0",state="down"} 0
slb_port_member_state{port="lan0",device="eth1",state="active"} 0
slb_port_member_state{port="lan0",device="eth1",state="standby"} 0
slb_port_member_state{port="lan0",device="eth1",state="waiting"} 0
slb_port_member_state{port="lan0",device="eth1",state="down"} 1
slb_port_member_link_up{port="lan0",device="eth0"} 1
slb_port_member_link_up{port="lan0",device="eth1"} 0
"""
REPLIES = """
slb_steering_info{port="lan0",method="flow",spread="queues"} 1
slb_steering_ok{port="lan0"} 1
slb_steering_misdirected_packets_total{port="lan0"} 306
slb_steering_rules{port="lan0"} 305
slb_steering_stuck_rules{port="lan0"} 310
slb_steering_misdirected_rate{port="lan0"} 307
slb_steering_proofs{port="lan0",state="proved"} 308
slb_steering_proofs{port="lan0",state="unproved"} 309
slb_steering_proofs{port="lan0",state="wrong"} 2
slb_laddrs{port="lan0",state="active"} 1
slb_laddrs{port="lan0",state="waiting"} 2
slb_laddrs{port="lan0",state="draining"} 1
slb_laddr_ports_used{port="lan0",address="198.18.0.1"} 644
slb_laddr_ports_used{port="lan0",address="198.18.0.2"} 325
slb_laddr_ports_used{port="lan0",address="198.18.0.3"} 327
slb_laddr_ports_used{port="lan0",address="198.18.0.4"} 329
"""
# The same RS three times, removed twice and added again: all its sessions count.
SERVICES = """
slb_vs_packets_total{vs="v",direction="in"} 404
slb_vs_packets_total{vs="v",direction="out"} 406
slb_vs_bytes_total{vs="v",direction="in"} 405
slb_vs_bytes_total{vs="v",direction="out"} 407
slb_vs_sessions_created_total{vs="v"} 408
slb_vs_sessions{vs="v"} 410
slb_vs_refused_packets_total{vs="v"} 411
slb_vs_answers_total{vs="v",outcome="answered"} 412
slb_vs_answers_total{vs="v",outcome="unanswered"} 413
slb_vs_answers_total{vs="v",outcome="refused"} 414
slb_vs_answers_total{vs="v",outcome="aborted"} 415
slb_vs_resets_total{vs="v"} 416
slb_vs_answer_seconds_total{vs="v"} 417
slb_vs_answer_samples_total{vs="v"} 418
slb_vs_rs{vs="v",state="serving"} 309
slb_vs_rs{vs="v",state="draining"} 100
slb_vs_rs{vs="v",state="removed"} 402
slb_rs_left_out 0
slb_rs_packets_total{vs="v",rs="r",direction="in"} 1506
slb_rs_packets_total{vs="v",rs="r",direction="out"} 1512
slb_rs_bytes_total{vs="v",rs="r",direction="in"} 1509
slb_rs_bytes_total{vs="v",rs="r",direction="out"} 1515
slb_rs_sessions_created_total{vs="v",rs="r"} 1518
slb_rs_sessions{vs="v",rs="r"} 1521
slb_rs_answers_total{vs="v",rs="r",outcome="answered"} 1524
slb_rs_answers_total{vs="v",rs="r",outcome="unanswered"} 1527
slb_rs_answers_total{vs="v",rs="r",outcome="refused"} 1530
slb_rs_answers_total{vs="v",rs="r",outcome="aborted"} 1533
slb_rs_resets_total{vs="v",rs="r"} 1536
slb_rs_answer_seconds_total{vs="v",rs="r"} 1539
slb_rs_answer_samples_total{vs="v",rs="r"} 1542
slb_rs_weight{vs="v",rs="r"} 501
"""
NO_OSPF = "slb_ospf_enabled 0"
NEIGHBOUR = views.OspfNeighbour("192.0.2.1", "192.0.2.1", "slb0", "Full/DR", True)
# All is well; the other views differ from it by what their name says.
ON = views.OspfView(
    mode="managed",
    running=True,
    router_id="192.0.2.2",
    neighbours=[NEIGHBOUR, NEIGHBOUR, replace(NEIGHBOUR, state="2-Way/Other", full=False)],
    announced=["10.96.0.1/32", "10.96.0.2/32", "10.96.0.3/32", "198.18.0.1/32"],
    withheld=None,
    adjacency={"OSPFv2": "full", "OSPFv3": "none"},
)
SPOKEN = """
slb_ospf_enabled 1
slb_ospf_running 1
slb_ospf_adjacency_full{protocol="OSPFv2"} 1
slb_ospf_adjacency_full{protocol="OSPFv3"} 0
slb_ospf_neighbours{state="full"} 2
slb_ospf_neighbours{state="other"} 1
slb_ospf_neighbours{state="lost"} 0
slb_ospf_announced_prefixes{kind="services"} 3
slb_ospf_announced_prefixes{kind="local_addresses"} 1
slb_ospf_held_prefixes{reason="quorum"} 0
slb_ospf_held_prefixes{reason="hold"} 0
slb_ospf_draining 0
slb_ospf_withheld 0
slb_ospf_failing 0
"""
HELD = {
    "10.96.0.1/32": views.NO_QUORUM,
    "10.96.0.2/32": views.NO_QUORUM,
    "10.96.0.3/32": "well again, announced in 9 s",
}
OSPF = [
    pytest.param(replace(ON, running=False), "slb_ospf_running 0", id="running"),
    pytest.param(
        replace(ON, held=HELD),
        """
        slb_ospf_held_prefixes{reason="quorum"} 2
        slb_ospf_held_prefixes{reason="hold"} 1
        """,
        id="held",
    ),
    pytest.param(
        replace(ON, held={"all": "well again, announced in 9 s"}),
        'slb_ospf_held_prefixes{reason="hold"} 1',
        id="all-held",
    ),
    pytest.param(replace(ON, lost=["a", "b"]), 'slb_ospf_neighbours{state="lost"} 2', id="lost"),
    pytest.param(replace(ON, draining=True), "slb_ospf_draining 1", id="draining"),
    pytest.param(replace(ON, withheld="worker 1 stands still"), "slb_ospf_withheld 1", id="still"),
    pytest.param(replace(ON, error="no answer"), "slb_ospf_failing 1", id="failing"),
]


def test_every_figure() -> None:
    """A written table, whole: nothing is shown that is not in it, and nothing is missing."""
    table = PROCESS + WORKERS + PORTS + REPLIES + SERVICES + NO_OSPF
    assert exposed(READING) == written(table)


def test_ospf() -> None:
    assert of_ospf(ON) == written(SPOKEN)


@pytest.mark.parametrize(("view", "changed"), OSPF)
def test_what_goes_wrong_with_ospf(view: views.OspfView, changed: str) -> None:
    """Shows in that figure, and in no other."""
    assert of_ospf(view) == {**of_ospf(ON), **written(changed)}


def test_links() -> None:
    """Down, or not to be seen, which is no figure."""
    ports = [replace(PORT, name="p", link_up=False), replace(PORT, name="q", link_up=None)]
    found = exposed(dataclasses.replace(READING, ports=ports))
    links = {key: value for key, value in found.items() if key[0] == "slb_port_link_up"}
    assert links == written('slb_port_link_up{port="p"} 0')


@pytest.mark.parametrize("health", ["misdirecting", "stuck-rules", "wrong-worker"])
def test_steering_that_is_not_ok(health: str) -> None:
    steering = [replace(STEERING, health=health)]
    found = exposed(dataclasses.replace(READING, steering=steering))
    assert found == {**exposed(READING), **written('slb_steering_ok{port="lan0"} 0')}


def test_a_reload_that_is_done() -> None:
    facts = dataclasses.replace(READING.facts, last_reload=DONE)
    found = exposed(dataclasses.replace(READING, facts=facts))
    assert found == {**exposed(READING), **written("slb_reload_failed 0")}


def test_figures_of_a_start() -> None:
    """Nothing has been changed or reloaded: every result is there, and is 0."""
    nothing = dataclasses.replace(READING, facts=Facts(), transactions={}, transacted_at={})
    found = exposed(nothing)
    results = {
        key: value
        for key, value in found.items()
        if key[0].startswith(("slb_transactions", "slb_reloads", "slb_last_"))
    }
    assert set(results) == {key for key in written(PROCESS) if dict(key[1]).get("result")}
    assert set(results.values()) == {0}


def test_more_rs_than_wanted() -> None:
    """How many of those that have figures, which are none of the removed ones again."""
    more = [RS, replace(RS, rs="s"), replace(RS, rs="s", removed=True)]
    facts = dataclasses.replace(READING.facts, rs_max=1)
    found = exposed(dataclasses.replace(READING, rs=more, facts=facts))
    left = {key: value for key, value in found.items() if key[0].startswith("slb_rs_")}
    assert left == written("slb_rs_left_out 2")


def exposed(reading: Reading) -> Samples:
    """What a scrape of that reading shows."""
    return samples(exposition(reading).decode())


def of_ospf(view: views.OspfView) -> Samples:
    """The figures of OSPF."""
    found = exposed(dataclasses.replace(READING, ospf=view))
    return {key: value for key, value in found.items() if key[0].startswith("slb_ospf_")}

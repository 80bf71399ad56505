# SPDX-License-Identifier: BSD-3-Clause
"""The verbs that read: what their tables show, and that --json gives the API's objects."""

import pytest
from msgspec.structs import replace
from unit import fake_answers
from unit.fake_daemon import FakeDaemon
from unit.slbctl_run import slbctl

from slb.model.views import Answers, MemberView, OspfView, RsView, Traffic
from slbctl.output import table
from slbctl.rs import ANSWERS

pytest_plugins = ["unit.daemon_fixture"]

VS = "10.96.0.10:80/tcp"
DNS = "10.96.0.10:53/udp"


def test_vs_list(daemon: FakeDaemon) -> None:
    daemon.add(VS, "wrr", r1=1, r2=5, r3=0, r9=0)
    daemon.add(DNS)
    assert slbctl(daemon.socket, "vs", "list").lines == [
        "VS SCHED CLIENT ADDRESS RS DRAINING REMOVED ACTIVE SESSIONS BYTES IN BYTES OUT",
        f"{VS} wrr - 3 1 1 702 122k 578 MB 13.7 GB",
        f"{DNS} rr - 0 - - 0 10 64.0 kB 3.00 MB",
        "",
        "2 VS, 3 RS, 1 draining, 1 removed, 702 active sessions",
    ]


def test_what_became_of_the_sessions_of_rs() -> None:
    seen = Answers(answered=70, unanswered=20, refused=10, aborted=3, resets=4)
    rows = [
        RsView(VS, "10.10.0.1:80", 1, False, Traffic(sessions=105), answers=seen),
        RsView(VS, "10.10.0.2:80", 1, False, Traffic(), answers=Answers(samples=2, latency_us=700)),
    ]
    assert [" ".join(line.split()) for line in table(rows, ANSWERS)] == [
        "VS RS STATE SESSIONS ANSWERED UNANSWERED SHARE REFUSED ABORTED RESET LATENCY",
        f"{VS} 10.10.0.1:80 serving 105 70 20 20.0% 10 3 4 -",
        f"{VS} 10.10.0.2:80 serving 0 0 0 - 0 0 0 0.35 ms",
    ]


def test_columns_stand_under_their_headings_and_numbers_to_the_right(daemon: FakeDaemon) -> None:
    daemon.add(VS, "wrr", r1=1, r2=1000)
    heading, first, second, *_ = slbctl(daemon.socket, "rs", "list").out.splitlines()
    assert heading.startswith(f"{'VS':{len(VS)}}  RS")
    for name in ("WEIGHT", "ACTIVE", "SESSIONS", "PKTS IN", "BYTES OUT"):
        end = heading.index(name) + len(name)
        assert all(row[end - 1 : end + 1].rstrip() == row[end - 1] for row in (first, second))
        assert " " not in (first[end - 1], second[end - 1])


def test_rs_list_marks_draining_and_removed(daemon: FakeDaemon) -> None:
    daemon.add(VS, "wrr", r1=1, r3=0, r9=1)
    lines = slbctl(daemon.socket, "rs", "list").lines
    assert lines[0] == "VS RS WEIGHT STATE ACTIVE SESSIONS PKTS IN PKTS OUT BYTES IN BYTES OUT"
    assert lines[1].startswith(f"{VS} 10.10.0.1:8080 1 serving 117 20412 1.20M 1.60M 96.4 MB")
    assert lines[2] == f"{VS} 10.10.0.3:8080 0 draining 0 0 0 0 0 B 0 B"
    assert lines[3] == f"{VS} 10.10.0.9:8080 1 removed 3 412 0 0 0 B 0 B"
    assert lines[5] == "2 RS, 1 draining, 1 removed, 120 active sessions"


def test_the_lists_agree_on_draining_and_removed(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1, r3=0, r9=1)
    daemon.add(DNS, r3=0)
    feet = {words: slbctl(daemon.socket, words, "list").lines[-1] for words in ("vs", "rs")}
    assert feet["vs"].startswith("2 VS, 3 RS, 2 draining, 1 removed, ")
    assert feet["rs"].startswith("3 RS, 2 draining, 1 removed, ")
    assert slbctl(daemon.socket, "vs", "show", VS).lines[2] == "RS 2, 1 draining, 1 removed"


def test_rs_list_of_one_vs(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1)
    daemon.add(DNS, r2=1)
    assert DNS not in slbctl(daemon.socket, "rs", "list", VS).out
    assert daemon.requests[0] == "GET /v1/rs?vs=10.96.0.10%3A80%2Ftcp"


def test_vs_show(daemon: FakeDaemon) -> None:
    daemon.add(VS, "wrr", r1=1, r3=0)
    lines = slbctl(daemon.socket, "vs", "show", VS).lines
    assert lines[:8] == [
        f"VS {VS}",
        "Scheduler wrr",
        "RS 2, 1 draining",
        "Sessions 117 active, 20422 since the start",
        "In 1.21M packets, 96.4 MB",
        "Out 1.61M packets, 2.29 GB",
        "Changed in generation 1",
        "",
    ]
    assert lines[9].startswith("10.10.0.1:8080 1 serving")


def test_vs_show_tells_what_a_vs_has_of_its_own(daemon: FakeDaemon) -> None:
    words = ("--one-packet", "--timeout", "udp_replied=5")
    slbctl(daemon.socket, "vs", "add", DNS, *words)
    assert slbctl(daemon.socket, "vs", "show", DNS).lines[1:4] == [
        "Scheduler rr",
        "One packet a session is over with its first reply",
        "Timeouts udp_replied 5 s",
    ]
    assert slbctl(daemon.socket, "vs", "show", DNS, "--json").json["timeouts"] == {"udp_replied": 5}


def test_vs_stats(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1)
    daemon.add(DNS)
    heading, *rows = slbctl(daemon.socket, "vs", "stats").lines
    assert heading == "VS ACTIVE SESSIONS PKTS IN PKTS OUT BYTES IN BYTES OUT"
    assert [row.split()[0] for row in rows] == [VS, DNS]
    assert len(slbctl(daemon.socket, "vs", "stats", DNS).lines) == 2


def test_rates_are_what_happened_between_two_readings(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1)
    heading, row = slbctl(daemon.socket, "vs", "stats", "--rate", "0.05").lines
    assert heading == "VS ACTIVE SESSIONS/s PPS IN PPS OUT RATE IN RATE OUT"
    _, active, sessions, pps_in, pps_out, *_ = row.split()
    # A reading adds 10 sessions, 1000 packets in and 2000 out; at least 0.05 s lie in between.
    assert active == "117" and 0 < float(sessions) <= 200
    assert pps_in.endswith("k") and 0 < float(pps_in[:-1]) <= 20
    assert pps_out.endswith("k") and 0 < float(pps_out[:-1]) <= 40
    assert row.endswith("b/s")


def test_a_vs_added_between_two_readings_starts_at_zero(daemon: FakeDaemon) -> None:
    daemon.answer("vs", b'{"items":[]}')
    assert slbctl(daemon.socket, "vs", "stats", "--rate", "0.01").lines == [
        "no VS; 'slbctl vs add' adds one"
    ]


def test_stats(daemon: FakeDaemon) -> None:
    assert slbctl(daemon.socket, "stats").lines == [
        "WORKER CPU IDLE BUSY ACTIVE CAPACITY CREATED RX TX HANDED OFF HANDED IN PUNTED DROPPED "
        "UNTOLD",
        "0 1 busy 25.0% 107 1.00M 10 1000 1000 0 12.0M 2560 1221 3",
        "1 2 adaptive 25.0% 108 1.00M 617k 24.1M 24.1M 12.0M 0 2560 1221 4",
        "all 25.0% 215 2.00M 617k 24.1M 24.1M 12.0M 12.0M 5120 2442 7",
        "",
        "generation 0",
    ]


def test_stats_of_one_worker_need_no_sum(daemon: FakeDaemon) -> None:
    daemon.engine.only_one_worker()
    assert [line.split()[0] for line in slbctl(daemon.socket, "stats").lines if line] == [
        "WORKER",
        "0",
        "generation",
    ]


def test_stats_per_second(daemon: FakeDaemon) -> None:
    heading, first, *_ = slbctl(daemon.socket, "stats", "--rate", "0.05").lines
    assert heading.startswith("WORKER CPU IDLE BUSY ACTIVE CREATED/s RX/s TX/s")
    assert first.startswith("0 1 busy 25.0% 107 ") and first.endswith(" 0 0 0 0")


def test_drops(daemon: FakeDaemon) -> None:
    assert slbctl(daemon.socket, "drops").lines == [
        "REASON PACKETS WORKER 0 WORKER 1",
        "NO_VS 2402 1204 1198",
        "NOT_SYN 250k 22 250k",
        "",
        "252k packets dropped; 1 other reason never occurred (--all)",
    ]
    assert "SHORT 0 0 0" in slbctl(daemon.socket, "drops", "--all").lines


def test_drops_per_second_name_only_what_goes_on(daemon: FakeDaemon) -> None:
    heading, row = slbctl(daemon.socket, "drops", "--rate", "0.05").lines
    assert heading == "REASON PACKETS/s PACKETS" and row.startswith("NOT_SYN ")
    assert 0 < float(row.split()[1]) <= 100


def test_session_list(daemon: FakeDaemon) -> None:
    lines = slbctl(daemon.socket, "session", "list").lines
    assert lines[0] == "CLIENT VS LOCAL RS WORKER STATE IDLE EXPIRES"
    local, rs = "198.18.0.2:1025", "10.10.0.2:8080"
    assert lines[1] == f"203.0.113.1:40001 {VS} {local} {rs} 1 established 0.4s 14m59s"
    assert lines[-1] == "6 sessions"


@pytest.mark.parametrize(
    ("words", "clients"),
    [
        (("--vs", VS), "123456"),
        (("--vs", DNS), ""),
        (("--rs", "10.10.0.2:8080"), "135"),
        (("--rs", "10.10.0.1"), "246"),
        (("--client", "203.0.113.4"), "4"),
        (("--client", "203.0.113.4:40004"), "4"),
        (("--client", "203.0.113.4:1"), ""),
        (("--worker", "1"), "135"),
        (("--worker", "1", "--rs", "10.10.0.1"), ""),
        (("--limit", "2"), "12"),
    ],
)
def test_session_filters(daemon: FakeDaemon, words: tuple[str, ...], clients: str) -> None:
    listed = slbctl(daemon.socket, "session", "list", "--json", *words).json
    assert "".join(row["client"][10] for row in listed["items"]) == clients
    assert listed["more"] is ("--limit" in words)
    if "--limit" not in words:
        counted = slbctl(daemon.socket, "session", "count", *words)
        assert counted.out == f"{len(clients)}\n"


def test_a_cut_list_says_so(daemon: FakeDaemon) -> None:
    last = slbctl(daemon.socket, "session", "list", "--limit", "1").lines[-1]
    assert last.startswith("the first 1 session; --limit shows more")


def test_the_members_of_a_bond(daemon: FakeDaemon) -> None:
    counts = (1500, 2_000_000, 7, 420, 3)
    members = [
        MemberView("0000:3b:00.0", "net_ixgbe", "waiting", True, 10000, *counts),
        MemberView("0000:3b:00.1", "net_ixgbe", "active", True, 10000, *counts),
    ]
    daemon.engine.ports = [replace(fake_answers.PORT, driver="net_bonding", members=members)]
    port = slbctl(daemon.socket, "port", "list").lines[1]
    assert " net_bonding " in port and " 2 rx, 3 tx 1 of 2 rx tx " in port
    assert slbctl(daemon.socket, "port", "list", "--members").lines == [
        "PORT MEMBER DRIVER STATE LINK SPEED PKTS RX BYTES RX PKTS TX BYTES TX LOST",
        "lan0 0000:3b:00.0 net_ixgbe waiting up 10G 1500 2.00 MB 7 420 B 3",
        "lan0 0000:3b:00.1 net_ixgbe active up 10G 1500 2.00 MB 7 420 B 3",
    ]


def test_network_tables(daemon: FakeDaemon) -> None:
    port = slbctl(daemon.socket, "port", "list").lines[1]
    kernel = "2 rx, 3 tx - rx tx slb0 (tap)"
    assert port == f"lan0 net_ixgbe 02:00:00:00:00:10 1500 up 10G {kernel} 48.1M 48.1M 6"
    counters = slbctl(daemon.socket, "port", "list", "--counters").lines[1]
    assert counters == "lan0 48.1M 3.51 GB 3 0 1 48.1M 61.2 GB 0 5120 4801 2"
    assert slbctl(daemon.socket, "port", "list", "--members").lines == ["no port is a bond"]
    laddr = slbctl(daemon.socket, "laddr", "list").lines
    assert laddr == [
        "ADDRESS PORT WORKER STATE ACTIVE SESSIONS IN SLB.YAML",
        "198.18.0.1 lan0 0 active 117 20412 yes",
        "198.18.0.2 lan0 1 active 98 1.23M yes",
    ]
    neighbours = slbctl(daemon.socket, "neigh", "list").lines
    assert neighbours == ["ADDRESS MAC PORT", "192.0.2.1 02:00:00:00:00:01 lan0"]
    routes = slbctl(daemon.socket, "route", "list").lines
    assert routes[1:] == ["192.0.2.0/24 connected lan0", "0.0.0.0/0 192.0.2.1 lan0"]
    steering = slbctl(daemon.socket, "steering").lines
    counts = "2 1 of 2 1 of 2 own 48123 24.1M"
    assert steering[1] == f"lan0 flow wrong-worker queues {counts} the device has room for 1 rules"
    probes = slbctl(daemon.socket, "steering", "--probes").lines
    assert probes == [
        "PORT ADDRESS METHOD STATE WORKERS SEEN BY ATTEMPTS",
        "lan0 198.18.0.1 flow proved 0 0 1",
        "lan0 198.18.0.2 flow wrong 1 0 1",
    ]
    rules = slbctl(daemon.socket, "steering", "--rules").lines
    assert rules == [
        "PORT ADDRESS PACKETS WORKER STATE HITS",
        "lan0 224.0.0.5 any kni in use 350",
        "lan0 198.18.0.1 any 0 in use 117000",
        "lan0 2001:db8:18::1 tcp 1 stuck -",
    ]


def test_ospf_status(daemon: FakeDaemon) -> None:
    assert slbctl(daemon.socket, "ospf", "status").lines == [
        "BIRD running, managed",
        "Router ID 192.0.2.2",
        "Adjacency OSPFv2 full",
        "Announced 10.96.0.0/16, 198.18.0.1/32, 198.18.0.2/32",
        "",
        "NEIGHBOUR ADDRESS INTERFACE STATE FULL",
        "192.0.2.1 192.0.2.1 slb0 Full/DR yes",
    ]


def test_ospf_status_says_why_nothing_is_announced(daemon: FakeDaemon) -> None:
    daemon.ospf = replace(
        daemon.ospf, announced=[], withheld="a worker stands still", neighbours=[]
    )
    lines = slbctl(daemon.socket, "ospf", "status").lines
    assert lines[3:] == [
        "Announced nothing",
        "Withheld a worker stands still",
        "",
        "no OSPF neighbours",
    ]


def test_ospf_status_says_why_nothing_is_known(daemon: FakeDaemon) -> None:
    error = "birdc: no answer to 'show ospf neighbors slb_ospf' within 3 s"
    both = {"OSPFv2": "unknown", "OSPFv3": "unknown"}
    daemon.ospf = OspfView("managed", False, "192.0.2.2", [], [], None, both, error)
    assert slbctl(daemon.socket, "ospf", "status").lines == [
        "BIRD gives no answer, managed",
        "Router ID 192.0.2.2",
        "Adjacency OSPFv2 unknown, OSPFv3 unknown",
        "Announced not known",
        f"Error {error}",
        "",
        "OSPF neighbours: not known",
    ]


def test_a_restart_of_bird(daemon: FakeDaemon) -> None:
    said = "the neighbours know that BIRD restarts, and keep the routes\n"
    assert slbctl(daemon.socket, "ospf", "restart").out == said
    lines = slbctl(daemon.socket, "ospf", "status").lines
    assert "Restart under way, the neighbours wait" in lines
    daemon.ospf = replace(daemon.ospf, mode="system")
    hint = "start BIRD again now, with -R, within 100 s\n"
    assert slbctl(daemon.socket, "ospf", "restart").out == said + hint


def test_ospf_off_is_one_line(daemon: FakeDaemon) -> None:
    daemon.ospf = replace(daemon.ospf, mode="off")
    said = slbctl(daemon.socket, "ospf", "status").out
    assert said == "OSPF is off; ospf.mode in slb.yaml turns it on\n"


def test_version(daemon: FakeDaemon) -> None:
    own, slbd, abi, dpdk = slbctl(daemon.socket, "version").lines
    assert own.startswith("slbctl ") and slbd.startswith("slbd ") and "pid" in slbd
    assert (abi, dpdk) == ("ABI 1", "DPDK 22.11.11")


EMPTY = {
    "vs list": "no VS; 'slbctl vs add' adds one",
    "vs stats": "no VS; 'slbctl vs add' adds one",
    "rs list": "no RS; 'slbctl rs add' adds one to a VS",
    "session list": "no session matches",
    "drops": "no packet was dropped",
    "laddr list": "no local addresses",
    "port list": "no ports",
    "port list --members": "no port is a bond",
    "neigh list": "no neighbours; the kernel interface resolved none yet",
    "route list": "no routes; the kernel interface has none",
    "steering": "no ports",
    "steering --rules": "no device has rules",
    "steering --probes": "no local addresses",
}
PATHS = {
    "steering --rules": "steering/rules",
    "steering --probes": "steering/probes",
    "vs list": "vs",
    "vs stats": "vs",
    "rs list": "rs",
    "session list": "sessions",
    "port list": "ports",
    "port list --members": "ports",
    "neigh list": "neighbours",
    "route list": "routes",
    "laddr list": "laddr",
}


@pytest.mark.parametrize("words", EMPTY)
def test_an_empty_table_is_one_line(daemon: FakeDaemon, words: str) -> None:
    daemon.answer(PATHS.get(words, words), b'{"items":[],"more":false}')
    result = slbctl(daemon.socket, *words.split())
    assert (result.status, result.out) == (0, f"{EMPTY[words]}\n")


TRAFFIC = {"in_packets", "in_bytes", "out_packets", "out_bytes", "sessions", "active"}
JSON_KEYS = {
    "vs list": "vs scheduler rs_count draining removed generation traffic one_packet timeouts "
    "client_address syn_proxy refused answers",
    "vs stats": "vs scheduler rs_count draining removed generation traffic one_packet timeouts "
    "client_address syn_proxy refused answers",
    "rs list": "vs rs weight removed traffic vs_removed answers",
    "rs answers": "vs rs weight removed traffic vs_removed answers",
    "laddr list": "address worker port active sessions state configured",
    "port list": "name driver mac mtu link_up speed_mbps kernel_interface kni_kind rx_queues "
    "tx_queues rx_checksum tx_checksum rx_packets rx_bytes rx_missed rx_no_mbuf rx_errors "
    "tx_packets tx_bytes tx_errors "
    "kni_to_kernel kni_from_kernel kni_dropped members",
    "neigh list": "address mac port",
    "route list": "prefix gateway port",
    "steering": "port method spread reason rx_queues handed_off laddrs ruled_laddrs rules "
    "misdirected misdirected_pps health kni_queue proved unproved wrong stuck_rules",
    "steering --rules": "port address packets worker hits stuck",
    "steering --probes": "port address method state workers seen_by attempts",
    "drops": "reason total workers",
    "workers list": "worker cpu lcore numa idle generation rounds busy_cycles idle_cycles "
    "rx_packets tx_packets handed_off handed_in punted dropped sessions_active sessions_created "
    "sessions_ended sessions_recycled sessions_reset sessions_capacity untold session_bytes "
    "state share",
    "session list": "client vs local rs worker state idle_ms expires_ms",
}


@pytest.mark.parametrize("words", JSON_KEYS)
def test_json_of_a_listing(daemon: FakeDaemon, words: str) -> None:
    daemon.add(VS, r1=1)
    result = slbctl(daemon.socket, *words.split(), "--json")
    first = result.json["items"][0]
    assert set(first) == set(JSON_KEYS[words].split()) and result.err == ""
    if "traffic" in first:
        assert set(first["traffic"]) == TRAFFIC


def test_json_of_what_is_no_listing(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1, r2=1)
    show = slbctl(daemon.socket, "vs", "show", VS, "--json").json
    assert (show["vs"], [row["rs"][8] for row in show["rs"]]) == (VS, ["1", "2"])
    assert set(slbctl(daemon.socket, "stats", "--json").json) == {"generation", "totals", "workers"}
    assert slbctl(daemon.socket, "session", "count", "--json").json == {"count": 6}
    assert slbctl(daemon.socket, "ospf", "status", "--json").json["router_id"] == "192.0.2.2"
    version = slbctl(daemon.socket, "version", "--json").json
    assert set(version) == {
        *("slb", "abi", "dpdk", "pid", "generation", "instance", "uptime_s"),
        "reload_trouble",
    }
    assert slbctl(daemon.socket, "export", "--json").json["services"][0]["vs"] == VS


def test_what_the_daemon_says_cannot_move_the_cursor(daemon: FakeDaemon) -> None:
    daemon.ospf = replace(daemon.ospf, withheld="\x1b[2Jgone\nnext")
    assert "Withheld   ?[2Jgone?next\n" in slbctl(daemon.socket, "ospf", "status").out

# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl status`: one screen that says whether all is well, and if not, what to do next."""

import re
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit import fake_answers
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, RunningAgent
from unit.slbctl_run import Result, slbctl

from slb.model.desired import OwnerView, StatusView
from slb.model.views import (
    NO_QUORUM,
    LaddrView,
    MemberView,
    OspfView,
    RsView,
    SteeringView,
    Traffic,
    Version,
)
from slbctl import attention
from slbctl.facts import Facts, PortFacts, ServiceFacts, WorkerFacts, facts
from slbctl.reading import Moving, Reading, Trouble

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

VS = "10.96.0.10:80/tcp"
DROPS = Path(__file__).parents[2] / "docs/drops.md"
WELL = Facts(
    seconds=1.0,
    version=None,
    workers=[WorkerFacts(0, "active", False, 0.5, 10, 100)],
    ports=[PortFacts("lan0", True, 10_000, 0, [], 0.0)],
    drops={"NO_VS": 12.0, "STEERING_PROBE": 1.0},
    services=ServiceFacts(1, 2, 0, []),
    local_ports=None,
    unsaved_laddrs={},
    steering=[SteeringView("lan0", "flow", "queues", "", 1, 0, proved=2)],
    ospf=fake_answers.OSPF,
    desired=StatusView(3, 3, "applied", "", 1, 1, 0, []),
)
NOTHING = Moving([], [], [])
VERSION = Version("0.1.0", 1, "DPDK 22.11", 7, 1)


def status(where: Path, *words: str) -> Result:
    return slbctl(where, "status", "--over", "0.05", *words)


def without_trouble(daemon: FakeDaemon) -> None:
    """Lets the fake engine's steering be as it should."""
    row = replace(fake_answers.STEERING, proved=2)
    body = b'{"items":[{"port":"lan0","method":"%s","spread":"queues","reason":"","rx_queues":2,'
    daemon.answer("steering", body % row.method.encode() + b'"handed_off":0,"proved":2}]}')


def test_all_is_well(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1, r2=1)
    without_trouble(daemon)
    result = status(daemon.socket)
    assert (result.status, result.err) == (0, "")
    first, blank, slbd, *rest = result.lines
    assert (first, blank) == ("well", "")
    assert re.fullmatch(r"slbd 0\.1\.0, up \d\.\ds, pid \d+, generation 1, DPDK 22\.11\.11", slbd)
    drops = rest.pop(4)
    assert re.fullmatch(r"drops NOT_SYN \S+/s", drops)
    assert rest == [
        "workers 2 active; the busiest 25.0%",
        "services 1 VS, 2 RS",
        "sessions 215 of 2.00M, 0.0%",
        "local ports 0.1% in use towards 10.10.0.1:8080/tcp, the most used RS",
        "port lan0 link up, 10G",
        "steering lan0 flow, 2 of 2 proved, ok",
        "OSPF OSPFv2 full; 3 routes announced",
    ]


def test_it_fits_on_a_terminal(agent: RunningAgent, daemon: FakeDaemon) -> None:
    without_trouble(daemon)
    lines = status(agent.socket).out.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert lines[-2].split() == ["desired", "generation", "1,", "applied"]
    assert lines[-1].split() == ["owner", "operator", "1", "VS,", "2", "RS"]


def test_each_trouble_names_the_next_command(daemon: FakeDaemon) -> None:
    """Of the fake engine, probes come back to the wrong worker; and a VS has nobody to serve it."""
    daemon.add(VS, r3=0)
    result = status(daemon.socket)
    assert (result.status, result.err) == (1, "")
    assert result.lines[:5] == [
        "2 things need attention",
        f"- VS without an RS of a weight above 0: {VS}",
        f"next: slbctl rs list {VS}",
        "- port lan0: replies by flow: wrong-worker",
        "next: slbctl steering --probes; slbctl steering --rules",
    ]
    shown = status(daemon.socket, "--json")
    assert (shown.status, shown.json["well"]) == (1, False)
    assert [set(row) for row in shown.json["attention"]] == [{"what", "next"}] * 2
    assert shown.json["facts"]["services"]["without_rs"] == [VS]


def test_a_change_to_be_confirmed(tmp_path: Path, agent: RunningAgent) -> None:
    file = tmp_path / "services.yaml"
    file.write_text(f"services: [{{vs: '{FIRST}', rs: [{{rs: '10.10.0.1:80'}}]}}]")
    slbctl(agent.socket, "apply", str(file), "--confirm", "5m")
    lines = status(agent.socket).lines
    at = next(n for n, line in enumerate(lines) if "to be confirmed within" in line)
    assert re.search(r"a change of operator's is to be confirmed within (300|299) s", lines[at])
    assert lines[at + 1] == "next: slbctl confirm"


def test_nobody_answers(tmp_path: Path) -> None:
    """An exit status and a screen as ever: this is the command that is run first then."""
    result = status(tmp_path / "slbd.sock")
    assert (result.status, result.err) == (1, "")
    assert result.lines[0] == "1 thing needs attention"
    assert result.lines[1].startswith(f"- no slbd at {tmp_path}/slbd.sock: no such socket")
    assert result.lines[2:] == ["next: systemctl status slbd; journalctl -u slbd -n 50"]


def test_slbd_is_looked_at_where_slb_agent_is_away(
    tmp_path: Path, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "agent.sock"
    monkeypatch.setattr("slbctl.options.AGENT_SOCKET", str(there))
    monkeypatch.setattr("slbctl.options.SLBD_SOCKET", str(daemon.socket))
    without_trouble(daemon)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(there))
    result = slbctl(None, "status", "--over", "0.05")
    assert result.lines[0] == "1 thing needs attention"
    assert result.lines[1].startswith(f"- no slb-agent at {there}")
    assert result.lines[2] == "next: systemctl status slb-agent; journalctl -u slb-agent -n 50"
    assert "workers 2 active; the busiest 25.0%" in result.lines


def test_slb_agent_without_slbd(agent: RunningAgent, daemon: FakeDaemon) -> None:
    """What the agent knows is shown, and slbd's absence is told by one trouble."""
    refusal = b'{"error":{"code":"not_ready","message":"no slbd at here"}}'
    daemon.answer("workers", refusal, 503)
    result = status(agent.socket)
    assert (result.status, result.lines[:2]) == (
        1,
        ["1 thing needs attention", "- no slbd at here"],
    )
    assert "desired generation 1, applied" in result.lines


def test_well_is_well() -> None:
    assert attention.look(WELL) == []


def worker(**changed: object) -> Facts:
    return replace(WELL, workers=[replace(WELL.workers[0], **changed)])


def port(**changed: object) -> Facts:
    return replace(WELL, ports=[replace(WELL.ports[0], **changed)])


def ospf(**changed: object) -> Facts:
    return replace(WELL, ospf=replace(fake_answers.OSPF, **changed))


def desired(**changed: object) -> Facts:
    assert WELL.desired is not None
    return replace(WELL, desired=replace(WELL.desired, **changed))


CASES = [
    (worker(stalled=True, busy=None), "worker 0 stands still", "journalctl -u slbd -n 50"),
    (
        worker(generation=7, behind=2),
        "worker 0 is behind the others, at generation 7",
        "slbctl workers list",
    ),
    (worker(busy=0.97), "worker 0 is busy 97.0% of the time", "slbctl stats --rate 1"),
    (worker(sessions=91), "worker 0: 91.0% of its session table is in use", "slbctl stats"),
    (port(link_up=False), "port lan0: the link is down", "slbctl port list"),
    (port(lost_per_s=3.0), "port lan0 loses 3 packets a second", "slbctl port list --counters"),
    (
        port(members=2, members_down=["0000:3b:00.0"]),
        "port lan0: 1 of 2 members down: 0000:3b:00.0",
        "slbctl port list --members",
    ),
    (
        ospf(running=False, error="no socket"),
        "OSPF: BIRD gives no answer: no socket",
        "slbctl ospf",
    ),
    (ospf(error="refused"), "OSPF: refused", "slbctl ospf status"),
    (ospf(withheld="worker 1 stands still"), "OSPF announces nothing: worker 1", "slbctl ospf"),
    (
        replace(WELL, services_announced=0),
        "OSPF announces no services, for there are none",
        "slbctl ospf status; slbctl vs list",
    ),
    (
        ospf(held={f"10.96.0.{n}/32": NO_QUORUM for n in range(1, 5)}),
        "not announced for want of RS: 10.96.0.1/32, 10.96.0.2/32, 10.96.0.3/32 and 1 more",
        "slbctl ospf status; slbctl health",
    ),
    (
        ospf(held={"10.96.0.1/32": "well again, announced in 9 s"}),
        "not announced yet, though well again: 10.96.0.1/32",
        "slbctl ospf status",
    ),
    (ospf(adjacency={"OSPFv3": "lost"}), "OSPFv3: the adjacency is lost", "slbctl ospf status"),
    (
        ospf(lost=["192.0.2.9 (192.0.2.9) on slb0"]),
        "OSPF neighbours that were Full are gone: 192.0.2.9 (192.0.2.9) on slb0",
        "slbctl ospf status",
    ),
    (
        desired(slbd="refused", reason="vs_max"),
        "slbd has not all of the desired state, refused: vs_max",
        "slbctl history",
    ),
    (
        replace(desired(slbd="unreachable", reason="no slbd"), version=VERSION),
        "slb-agent does not know whether slbd has the desired state, unreachable: no slbd",
        "journalctl -u slb-agent",
    ),
    (
        replace(WELL, version=replace(VERSION, reload_trouble="slb.yaml:3: no such key")),
        "slbd has not taken slb.yaml: slb.yaml:3: no such key",
        "slbd --check",
    ),
    (
        desired(reload_trouble="agent.yaml:1: no"),
        "slb-agent has not taken agent.yaml: agent.yaml:1: no",
        "systemctl reload slb-agent",
    ),
    (desired(certificate_ends_in_s=-1.0), "slb-agent's certificate has ended", "renew tls"),
    (
        desired(certificate_ends_in_s=2 * 86400 + 4 * 3600),
        "slb-agent's certificate ends in 2d04h",
        "renew tls",
    ),
    (
        desired(damaged=9),
        "generation 9 was damaged on disk when slb-agent started, so the one before counts",
        "slbctl history",
    ),
    (
        desired(mended=7, mended_ago_s=2.0),
        "slbd was changed beside slb-agent 2 s ago, and mended; by slbctl at slbd's socket?",
        "journalctl -u slb-agent",
    ),
    (
        desired(checks_stopped=True),
        "no RS is checked: the health checks have ended, or hang",
        "journalctl -u slb-agent",
    ),
    (desired(rs_checked=9, rs_down=2), "2 of 9 RS that are checked are down", "slbctl health"),
    (
        desired(rs_checked=9, rs_silent=3, silent_reason="no route"),
        "checks of 3 of 9 RS say nothing: no route",
        "slbctl health",
    ),
    (
        desired(owners=[OwnerView("operator", 0, 0, "", 1, 2, 40.2)]),
        "a change of operator's is to be confirmed within 40 s",
        "slbctl confirm",
    ),
    (
        replace(WELL, services=ServiceFacts(9, 9, 9, ["a", "b", "c", "d", "e"])),
        "VS without an RS of a weight above 0: a, b, c and 2 more",
        "slbctl rs list a",
    ),
    (
        replace(WELL, unsaved_laddrs={"lan0": ["a", "b", "c", "d"]}),
        "port lan0: gone after slbd's next start, since slb.yaml does not have them: a, b, c and 1",
        "add to local_addresses of port lan0 in slb.yaml: a, b, c, d; systemctl reload slbd",
    ),
    (
        replace(WELL, drops={"SESSION_FULL": 1234.0}),
        "1.23k packets a second dropped: SESSION_FULL",
        "slbctl stats; raise engine.sessions",
    ),
    (
        replace(WELL, steering=[SteeringView("lan0", "soft", "", "", 1, 0, proved=1, unproved=1)]),
        "port lan0: 1 of 2 local addresses are not proved",
        "slbctl steering --probes",
    ),
]


@pytest.mark.parametrize(("seen", "what", "command"), CASES, ids=[case[1] for case in CASES])
def test_what_needs_attention(seen: Facts, what: str, command: str) -> None:
    (trouble,) = attention.look(seen)
    assert trouble.what.startswith(what) and trouble.next.startswith(command)


def test_a_local_address_that_only_slbctl_knows(daemon: FakeDaemon) -> None:
    """It is marked, and what to add to slb.yaml is said; nothing of one that drains."""
    daemon.add(VS, r1=1)
    without_trouble(daemon)
    rows = [
        LaddrView(f"198.18.0.{number}", 0, "lan0", 1, 1, state, configured)
        for number, state, configured in [
            (1, "active", True),
            (7, "active", False),
            (8, "waiting", False),
            (9, "draining", False),
        ]
    ]
    daemon.engine.laddrs = rows
    listed = slbctl(daemon.socket, "laddr", "list").lines
    assert [line.split()[-1] for line in listed[1:]] == ["yes", "no", "no", "no"]
    result = status(daemon.socket)
    assert (result.status, result.lines[0]) == (1, "1 thing needs attention")
    assert result.lines[1].endswith("does not have them: 198.18.0.7, 198.18.0.8")
    assert "slb.yaml: 198.18.0.7, 198.18.0.8; systemctl" in result.lines[2]


def test_what_needs_none() -> None:
    """What is long ago or far off; and that slbd is away stands there already, if it is."""
    seen = desired(mended=7, mended_ago_s=61.0, certificate_ends_in_s=8 * 86400.0)
    assert attention.look(seen) == []
    assert attention.look(desired(slbd="unreachable", reason="no slbd")) == []


def test_a_wrong_file_of_its_own_is_told_once(tmp_path: Path) -> None:
    """Nobody was asked, so it is no screen."""
    url = ("--url", "https://127.0.0.1:1", "--ca", str(tmp_path / "none.pem"))
    result = slbctl(None, *url, "status")
    assert (result.status, result.out) == (2, "")
    assert result.err.count("none.pem: cannot be read") == 1


def test_the_same_refusal_is_told_once(daemon: FakeDaemon) -> None:
    body = b'{"error":{"code":"unauthorized","message":"nobody knows who asks"}}'
    for path in ("status", "workers", "drops", "ports", "version", "vs", "rs", "laddr"):
        daemon.answer(path, body, 401)
    assert status(daemon.socket).lines.count("- nobody knows who asks") == 1


def test_drops_that_are_ours_are_drop_reasons() -> None:
    assert set(attention.OURS) <= set(re.findall(r"^\| `(\w+)` \|", DROPS.read_text(), re.M))


def test_what_moves_between_two_readings() -> None:
    """A counter that went back belongs to a daemon started anew."""
    before = Moving(
        [fake_answers.worker(0, 1, 1), fake_answers.worker(1, 1, 1)],
        fake_answers.drops(1),
        [replace(fake_answers.PORT, rx_missed=10)],
    )
    after = Moving(
        [fake_answers.worker(0, 1, 1), fake_answers.worker(1, 1, 0)],
        fake_answers.drops(3),
        [fake_answers.PORT],
    )
    seen = facts(Reading(2.0, before, after))
    assert [(row.stalled, row.busy) for row in seen.workers] == [(True, None), (False, None)]
    assert seen.drops == {"NOT_SYN": 5.0}
    assert seen.ports[0].lost_per_s == 0.0
    assert facts(Reading(2.0, after, before)).ports[0].lost_per_s == 3.5


def test_a_worker_that_is_behind() -> None:
    """None whose second reading has what was the newest at the first: it takes changes over."""
    first, second = ([fake_answers.worker(n, 1, 1) for n in range(3)] for _ in range(2))
    before = [replace(row, generation=g) for row, g in zip(first, (7, 6, 5), strict=True)]
    after = [replace(row, generation=g) for row, g in zip(second, (9, 7, 5), strict=True)]
    seen = facts(Reading(1.0, Moving(before, [], []), Moving(after, [], [])))
    assert [(row.generation, row.behind) for row in seen.workers] == [(9, 0), (7, 0), (5, 2)]


def test_what_is_held_back_is_counted(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1)
    without_trouble(daemon)
    daemon.ospf = replace(fake_answers.OSPF, held={"10.96.0.1/32": NO_QUORUM}, draining=True)
    shown = "OSPF OSPFv2 full; 3 routes announced, 1 held back; at the drain metric, slbd is about"
    assert status(daemon.socket).lines[-1].startswith(shown)


def test_members_that_carry_nothing() -> None:
    states = ("active", "standby", "waiting", "down")
    members = [MemberView(state, "x", state, True, 0, 0, 0, 0, 0, 0) for state in states]
    ports = [replace(fake_answers.PORT, members=members)]
    (seen,) = facts(Reading(1.0, NOTHING, Moving([], [], ports))).ports
    assert seen.members_down == ["waiting", "down"]


def test_local_ports_by_family_and_protocol() -> None:
    """VS with the same RS share them; those of a draining address are not for new sessions."""
    half = Traffic(active=32_256)
    rs = [
        RsView("10.96.0.1:80/tcp", "10.10.0.1:80", 1, False, half),
        RsView("10.96.0.2:80/tcp", "10.10.0.1:80", 1, False, half),
        RsView("10.96.0.2:80/udp", "10.10.0.1:80", 1, False, half),
        RsView("10.96.0.1:80/tcp", "[2001:db8::1]:80", 1, False, half),
    ]
    addresses = [("198.18.0.1", "active"), ("198.18.0.2", "draining"), ("2001:db8::9", "active")]
    laddrs = [LaddrView(address, 0, "lan0", 0, 0, state) for address, state in addresses]
    seen = facts(Reading(1.0, NOTHING, NOTHING, rs=rs, laddrs=laddrs))
    assert seen.local_ports is not None
    assert (seen.local_ports.towards, seen.local_ports.used) == ("10.10.0.1:80/tcp", 64_512)
    (trouble,) = attention.look(replace(seen, ospf=None))
    assert trouble == Trouble(
        "100.0% of the local ports towards 10.10.0.1:80/tcp are in use",
        "slbctl laddr add ADDRESS --port PORT",
    )


def test_ospf_that_is_off(daemon: FakeDaemon) -> None:
    daemon.ospf = OspfView("off", False, "", [], [], "ospf.mode is off")
    without_trouble(daemon)
    result = status(daemon.socket)
    assert (result.status, result.lines[-1]) == (0, "OSPF off")

# SPDX-License-Identifier: BSD-3-Clause
"""The verbs that change something: what they send, say and refuse."""

from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon
from unit.slbctl_run import failure, slbctl

from slb.model.policy import Policy, VsTimeouts

pytest_plugins = ["unit.daemon_fixture"]

VS = "10.96.0.10:80/tcp"
DNS = "10.96.0.10:53/udp"
RS = "10.10.0.1:8080"


def test_vs_add_with_weighted_rs(daemon: FakeDaemon) -> None:
    words = ("--scheduler", "wrr", "--rs", RS, "--rs", "10.10.0.2:8080=5")
    result = slbctl(daemon.socket, "vs", "add", VS, *words)
    assert result.out == f"VS {VS} added, wrr, 2 RS (generation 1)\n"
    assert daemon.services == {VS: ("wrr", {RS: 1, "10.10.0.2:8080": 5})}
    assert result.status == 0 and result.err == ""


def test_vs_add_takes_round_robin_and_no_rs_unless_told(daemon: FakeDaemon) -> None:
    assert slbctl(daemon.socket, "vs", "add", VS).status == 0
    assert daemon.services == {VS: ("rr", {})}


def test_vs_edit_and_del(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1)
    result = slbctl(daemon.socket, "vs", "edit", VS, "--scheduler", "sh")
    assert result.out == f"VS {VS} changed, sh (generation 2)\n"
    assert daemon.services[VS][0] == "sh"
    assert slbctl(daemon.socket, "vs", "del", VS).out == f"VS {VS} deleted (generation 3)\n"
    assert daemon.services == {}


def test_what_a_vs_has_of_its_own(daemon: FakeDaemon) -> None:
    words = ("--one-packet", "--timeout", "udp_replied=5", "--timeout", "udp_oneway=2")
    result = slbctl(daemon.socket, "vs", "add", DNS, *words)
    assert result.out == (
        f"VS {DNS} added, rr, one packet a session, udp_replied 5 s, udp_oneway 2 s, 0 RS "
        "(generation 1)\n"
    )
    words = ("--no-one-packet", "--timeout", "udp_replied=default", "--timeout", "udp_oneway=3")
    result = slbctl(daemon.socket, "vs", "edit", DNS, *words)
    assert result.out == (
        f"VS {DNS} changed, all packets of a session, udp_replied default, udp_oneway 3 s "
        "(generation 2)\n"
    )
    (policy,) = (policy for policy, _ in daemon.engine.tables.values())
    assert policy == Policy("rr", False, VsTimeouts(udp_oneway=3))


def test_how_an_rs_is_told_its_client(daemon: FakeDaemon) -> None:
    words = ("vs", "add", VS, "--client-address", "toa", "--rs", RS)
    said = slbctl(daemon.socket, *words).out
    assert said == f"VS {VS} added, rr, client address toa, 1 RS (generation 1)\n"
    assert f"{VS} rr toa 1" in slbctl(daemon.socket, "vs", "list").lines[1]
    assert "Client address toa" in slbctl(daemon.socket, "vs", "show", VS).lines
    said = slbctl(daemon.socket, "vs", "edit", VS, "--client-address", "proxy-v2").out
    assert said == f"VS {VS} changed, client address proxy-v2 (generation 2)\n"
    exported = slbctl(daemon.socket, "export").out
    assert "  client_address: proxy-v2\n" in exported
    before = daemon.engine.tables
    daemon.engine.tables = {}
    slbctl(daemon.socket, "apply", "-", stdin=exported)
    assert daemon.engine.tables == before
    slbctl(daemon.socket, "vs", "edit", VS, "--client-address", "none")
    assert "client_address" not in slbctl(daemon.socket, "export").out


def test_rs_from_its_birth_to_its_end(daemon: FakeDaemon) -> None:
    daemon.add(VS)
    said = slbctl(daemon.socket, "rs", "add", VS, RS, "--weight", "3").out
    assert said == f"RS {RS} added to {VS}, weight 3 (generation 2)\n"
    assert daemon.services[VS][1] == {RS: 3}
    said = slbctl(daemon.socket, "rs", "edit", VS, RS, "--weight", "7").out
    assert said == f"RS {RS} of {VS} changed, weight 7 (generation 3)\n"
    assert daemon.services[VS][1] == {RS: 7}
    said = slbctl(daemon.socket, "rs", "drain", VS, RS).out
    assert said == f"RS {RS} of {VS} is draining (generation 4)\n"
    assert daemon.services[VS][1] == {RS: 0}
    said = slbctl(daemon.socket, "rs", "del", VS, RS).out
    assert said == f"RS {RS} deleted from {VS} (generation 5)\n"
    assert daemon.services[VS][1] == {}


def test_keys_are_percent_encoded(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1)
    slbctl(daemon.socket, "rs", "drain", VS, RS)
    assert daemon.requests == [f"PATCH /v1/vs/10.96.0.10:80%2Ftcp/rs/{RS}"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("vs", "show", "10.96.0.11:80/tcp"),
            "VS 10.96.0.11:80/tcp does not exist; 'slbctl vs list' shows those that do",
        ),
        (
            ("rs", "drain", VS, "10.10.0.7:8080"),
            f"RS 10.10.0.7:8080 of VS {VS} does not exist; 'slbctl rs list' shows those that do",
        ),
        (
            ("vs", "add", VS),
            f"VS {VS} exists already; 'slbctl vs edit' and 'slbctl rs edit' change what is there",
        ),
        (
            ("rs", "add", VS, RS),
            f"RS {RS} of VS {VS} exists already; "
            "'slbctl vs edit' and 'slbctl rs edit' change what is there",
        ),
    ],
)
def test_a_refusal_is_one_line_and_status_1(
    daemon: FakeDaemon, words: tuple[str, ...], line: str
) -> None:
    daemon.add(VS, r1=1)
    assert failure(slbctl(daemon.socket, *words), 1) == line


def test_a_full_table_names_the_limit(daemon: FakeDaemon) -> None:
    for port in range(1, 9):
        daemon.add(f"10.96.0.10:{port}/udp")
    line = failure(slbctl(daemon.socket, "vs", "add", VS), 1)
    assert line.endswith("the most there may be; raise the limit in slb.yaml and restart slbd")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("vs", "add", "10.96.0.10:80"),
            "'VS': '10.96.0.10:80' is not ADDRESS:PORT/tcp or ADDRESS:PORT/udp; "
            "write 10.96.0.10:80/tcp",
        ),
        (
            ("vs", "add", VS, "--rs", "10.10.0.1"),
            "'--rs': '10.10.0.1' is not ADDRESS:PORT; write 10.10.0.1:8080",
        ),
        (
            ("vs", "add", VS, "--rs", "10.10.0.1:80,weight=3"),
            "'--rs': '10.10.0.1:80,weight=3' is not ADDRESS:PORT=WEIGHT; write 10.10.0.1:80=3",
        ),
        (
            ("rs", "add", VS, "10.10.0.1:80,weight=3"),
            "'RS': '10.10.0.1:80,weight=3' is not ADDRESS:PORT; "
            "write 10.10.0.1:80; a weight, where one is taken, is --weight 3",
        ),
        (
            ("rs", "add", VS, "[2001:db8::1]:80=3"),
            "'RS': '[2001:db8::1]:80=3' is not ADDRESS:PORT; "
            "write [2001:db8::1]:80; a weight, where one is taken, is --weight 3",
        ),
        (
            ("rs", "add", VS, "2001:db8::1:80"),
            "'RS': '2001:db8::1:80' is not ADDRESS:PORT; write [2001:db8::1]:80",
        ),
        (
            ("vs", "add", "2001:db8::1:80/tcp"),
            "'VS': '2001:db8::1:80' is not ADDRESS:PORT; write [2001:db8::1]:80",
        ),
        (
            ("rs", "add", VS, "2001:db8::beef"),
            "'RS': '2001:db8::beef' is not ADDRESS:PORT; write [2001:db8::beef]:8080",
        ),
        (
            ("--socket", "", "vs", "list"),
            "'--socket': it is empty; write a path, or leave it out",
        ),
        (
            ("vs", "add", VS, "--rs", "10.10.0.1:8080=1001"),
            "'--rs': the weight of 10.10.0.1:8080 is a number from 0 to 1000",
        ),
        (
            ("vs", "add", VS, "--rs", f"10.10.0.1:8080={'9' * 5000}"),
            "'--rs': the weight of 10.10.0.1:8080 is a number from 0 to 1000",
        ),
        (
            ("rs", "add", VS, "10.10.0.300:80"),
            "'RS': '10.10.0.300' is not an address; write 192.0.2.1 or 2001:db8::1",
        ),
        (
            ("rs", "edit", VS, RS, "--weight", "-1"),
            "'--weight': -1 is not in the range 0<=x<=1000",
        ),
        (
            ("rs", "edit", VS, RS),
            "missing option '--weight' (see 'slbctl rs edit --help')",
        ),
        (
            ("vs", "edit", VS),
            "nothing to change: give --scheduler, --one-packet, --client-address, --syn-proxy, "
            "--timeout, --health or --no-health "
            "(see 'slbctl vs edit --help')",
        ),
        (
            ("vs", "add", VS, "--client-address", "proxy"),
            "'--client-address': 'proxy' is not one of 'none', 'toa', 'proxy-v2'",
        ),
        (
            ("vs", "edit", VS, "--timeout", "tcp_closed=5"),
            "'--timeout': 'tcp_closed' is no timeout; known: tcp_syn_sent, tcp_syn_recv, "
            "tcp_established, tcp_fin_wait, tcp_close_wait, tcp_last_ack, tcp_time_wait, "
            "tcp_close, udp_oneway, udp_replied",
        ),
        (
            ("vs", "edit", VS, "--timeout", "tcp_close=99999"),
            "'--timeout': write tcp_close=SECONDS, 1 to 86400, or tcp_close=default",
        ),
        (
            ("vs", "add", VS, "--timeout", "tcp_close=default"),
            "'--timeout': write tcp_close=SECONDS, 1 to 86400",
        ),
        (("rs", "add", VS), "missing argument 'RS' (see 'slbctl rs add --help')"),
        (("vs", "lst"), "no such command 'lst'. Did you mean 'list'? (see 'slbctl vs --help')"),
        (("vs",), "a command is missing (see 'slbctl vs --help')"),
        ((), "a command is missing (see 'slbctl --help')"),
        (
            ("vs", "list", "--jsn"),
            "no such option '--jsn'. Did you mean '--json'? (see 'slbctl vs list --help')",
        ),
        (
            ("stats", "--json", "--rate", "1"),
            "--rate and --json exclude each other; use --json twice (see 'slbctl stats --help')",
        ),
        (
            ("stats", "--rate", "1", "--json"),
            "--rate and --json exclude each other; use --json twice (see 'slbctl stats --help')",
        ),
        (
            ("session", "list", "--client", "192.0.2"),
            "'--client': '192.0.2' is no address; write 192.0.2.7 or 192.0.2.7:443",
        ),
        (("apply", "/nowhere.yaml"), "'FILE': '/nowhere.yaml': No such file or directory"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    daemon: FakeDaemon, words: tuple[str, ...], line: str
) -> None:
    assert failure(slbctl(daemon.socket, *words), 2) == line
    assert daemon.requests == []


def test_apply_shows_the_plan_and_makes_it(daemon: FakeDaemon, tmp_path: Path) -> None:
    daemon.add("10.96.0.9:53/udp", r1=1)
    file = tmp_path / "services.yaml"
    file.write_text(f"services:\n  - vs: {VS}\n    scheduler: wrr\n    rs:\n      - rs: {RS}\n")
    dry = slbctl(daemon.socket, "apply", str(file), "--dry-run")
    plan = ["- vs 10.96.0.9:53/udp", f"+ vs {VS} scheduler wrr", f"+ rs {VS} {RS} weight 1"]
    assert dry.lines == [*plan, "3 changes found, none made (generation 1)"]
    assert list(daemon.services) == ["10.96.0.9:53/udp"]
    assert slbctl(daemon.socket, "apply", str(file)).lines == [
        *plan,
        "3 changes made (generation 2)",
    ]
    assert daemon.services == {VS: ("wrr", {RS: 1})}
    again = slbctl(daemon.socket, "apply", str(file), "--json").json
    assert again == {"plan": [], "generation": 2}
    assert slbctl(daemon.socket, "apply", str(file)).out == "nothing to change (generation 2)\n"


def test_apply_says_where_in_the_file_a_refused_service_stands(
    daemon: FakeDaemon, tmp_path: Path
) -> None:
    file = tmp_path / "services.yaml"
    file.write_text(f"services:\n  - vs: {VS}\n  - vs: 10.97.0.1:80/tcp\n")
    line = failure(slbctl(daemon.socket, "apply", str(file)), 1)
    assert line.startswith(f"{file}:3: services[1].vs: VS 10.97.0.1:80/tcp lies in no service")
    assert daemon.services == {}


def test_apply_tells_every_mistake_of_a_file_on_a_line_of_its_own(
    daemon: FakeDaemon, tmp_path: Path
) -> None:
    file = tmp_path / "services.yaml"
    file.write_text("services:\n  - vs: nonsense\n  - {vs: 10.96.0.1:80/tcp, scheduler: lc}\n")
    result = slbctl(daemon.socket, "apply", str(file))
    starts = [f"slbctl: {file}:2: services[0].vs: ", f"slbctl: {file}:3: services[1].scheduler: "]
    assert result.status == 2 and daemon.requests == []
    for line, start in zip(result.err.splitlines(), starts, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_apply_takes_what_export_gives(daemon: FakeDaemon, form: tuple[str, ...]) -> None:
    daemon.add(VS, "wrr", r1=1, r2=5)
    daemon.add("10.96.0.9:53/udp", "sh")
    exported = slbctl(daemon.socket, "export", *form)
    before = daemon.services
    daemon.engine.tables.clear()
    assert slbctl(daemon.socket, "apply", "-", stdin=exported.out).status == 0
    assert daemon.services == before


def test_syn_proxy(daemon: FakeDaemon) -> None:
    said = slbctl(daemon.socket, "vs", "add", VS, "--syn-proxy").out
    assert said == f"VS {VS} added, rr, SYN proxy, 0 RS (generation 1)\n"
    assert "SYN proxy" in slbctl(daemon.socket, "vs", "show", VS).out
    assert "  syn_proxy: true\n" in slbctl(daemon.socket, "export").out
    said = slbctl(daemon.socket, "vs", "edit", VS, "--no-syn-proxy").out
    assert said == f"VS {VS} changed, no SYN proxy (generation 2)\n"
    assert "SYN proxy" not in slbctl(daemon.socket, "vs", "show", VS).out
    refused = slbctl(daemon.socket, "vs", "add", DNS, "--syn-proxy")
    assert refused.status != 0
    assert f"VS {DNS} is not TCP, and syn_proxy is for TCP alone; remove it" in refused.err


def test_export_has_what_a_vs_has_of_its_own(daemon: FakeDaemon) -> None:
    words = ("--rs", RS, "--one-packet", "--timeout", "udp_replied=5")
    slbctl(daemon.socket, "vs", "add", DNS, *words)
    exported = slbctl(daemon.socket, "export").out
    assert exported == (
        "services:\n"
        f"- vs: {DNS}\n"
        "  scheduler: rr\n"
        "  one_packet: true\n"
        "  timeouts: {udp_replied: 5}\n"
        "  rs:\n"
        f"  - {{rs: '{RS}', weight: 1}}\n"
    )
    before = daemon.engine.tables
    daemon.engine.tables = {}
    slbctl(daemon.socket, "apply", "-", stdin=exported)
    assert daemon.engine.tables == before


def test_export_is_a_file_one_likes_to_edit(daemon: FakeDaemon) -> None:
    daemon.add(VS, "wrr", r1=1, r2=5)
    assert slbctl(daemon.socket, "export").out == (
        "services:\n"
        "- vs: 10.96.0.10:80/tcp\n"
        "  scheduler: wrr\n"
        "  rs:\n"
        "  - {rs: '10.10.0.1:8080', weight: 1}\n"
        "  - {rs: '10.10.0.2:8080', weight: 5}\n"
    )

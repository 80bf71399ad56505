# SPDX-License-Identifier: BSD-3-Clause
"""slbctl's verbs against a running slbd.

slbctl --socket <run>/slbd.sock VERB ... --> slbd in the lb namespace
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from rig.addresses import HTTP_VS, KERNEL_LINK, LB, PODS, SERVICE_SUBNET, SWITCH, family_of
from rig.rig import Rig
from rig.waiting import wait
from slbctl import root

pytestmark = [
    pytest.mark.netns,
    pytest.mark.parametrize("shared_rig", [2], indirect=True, ids=["shared-w2"]),
]

VS = "10.96.0.30:8000/tcp"
RS = "10.10.1.1:8000"
VS6 = "[2001:db8:96::30]:8000/tcp"
SERVED = {  # a VS and two RS
    "44": (VS, RS, "10.10.1.2:8000"),
    "66": (VS6, "[2001:db8:10:1::1]:8000", "[2001:db8:10:1::2]:8000"),
    "64": (VS6, RS, "10.10.1.2:8000"),
}


class Ctl:
    """slbctl, run in this process: starting Python for every call would take most of the time."""

    def __init__(self, rig: Rig) -> None:
        self._socket = str(rig.lb.socket)

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, output and complaints of one command."""
        out, complaints = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(complaints):
            status = root.run(["--socket", self._socket, *words])
        return status, out.getvalue(), complaints.getvalue()

    def __call__(self, *words: str) -> str:
        """What a command prints that must succeed."""
        status, out, complaints = self.run(*words)
        assert (status, complaints) == (0, ""), words
        return out

    def read(self, *words: str) -> Any:
        """What a reading verb prints with --json."""
        return json.loads(self(*words, "--json"))

    def refused(self, *words: str, status: int = 1) -> str:
        """The one line that a refused command prints."""
        ended, out, complaints = self.run(*words)
        assert (ended, out) == (status, ""), complaints
        assert len(complaints.splitlines()) == 1, complaints
        return complaints


@pytest.fixture
def ctl(rig: Rig) -> Ctl:
    """slbctl for the rig's slbd."""
    return Ctl(rig)


@pytest.fixture
def vs(ctl: Ctl) -> Iterator[str]:
    """A VS with one RS, made by slbctl."""
    ctl("vs", "add", VS, "--scheduler", "wrr", "--rs", f"{RS}=3")
    yield VS
    ctl.run("vs", "del", VS)


def test_vs_verbs(ctl: Ctl, vs: str) -> None:
    """A VS is listed, shown, edited, counted and deleted."""
    assert vs in ctl("vs", "list")
    rows = {row["vs"]: row for row in ctl.read("vs", "list")["items"]}
    assert rows[vs]["scheduler"] == "wrr"
    assert rows[vs]["rs_count"] == 1
    ctl("vs", "edit", vs, "--scheduler", "sh")
    shown = ctl.read("vs", "show", vs)
    assert shown["scheduler"] == "sh"
    assert shown["generation"] > rows[vs]["generation"]
    assert RS in ctl("vs", "show", vs)
    assert vs in ctl("vs", "stats")
    ctl("vs", "del", vs)
    assert vs not in ctl("vs", "list")


@pytest.mark.parametrize("served", SERVED.values(), ids=SERVED)
def test_rs_verbs(ctl: Ctl, served: tuple[str, str, str]) -> None:
    """RS are added, edited, drained, listed and deleted."""
    vs, first, second = served

    def weights() -> dict[str, int]:
        return {row["rs"]: row["weight"] for row in ctl.read("rs", "list", vs)["items"]}

    ctl("vs", "add", vs, "--rs", f"{first}=3")
    try:
        assert weights() == {first: 3}
        ctl("rs", "add", vs, second, "--weight", "5")
        ctl("rs", "edit", vs, first, "--weight", "7")
        assert weights() == {first: 7, second: 5}
        ctl("rs", "drain", vs, first)
        assert weights()[first] == 0
        assert "draining" in ctl("rs", "list", vs)
        ctl("rs", "del", vs, first)
        assert weights() == {second: 5}
    finally:
        ctl.run("vs", "del", vs)


def test_traffic_counters_agree(rig: Rig, ctl: Ctl) -> None:
    """What slbctl counts for the VS is what it counts for its RS, and what the client did."""

    def counted() -> tuple[int, int, int]:
        row = ctl.read("vs", "show", HTTP_VS)
        rows = ctl.read("rs", "list", HTTP_VS)["items"]
        packets = row["traffic"]["in_packets"]
        return row["traffic"]["sessions"], sum(r["traffic"]["sessions"] for r in rows), packets

    before = counted()
    assert rig.client.http(100).failures == []
    after = counted()
    assert after[0] - before[0] == 100
    assert after[1] - before[1] == 100
    # SYN, request and ACKs, FIN: at least four packets a connection.
    assert after[2] - before[2] >= 400


def test_session_verbs(rig: Rig, ctl: Ctl) -> None:
    """An open connection is listed and counted, by every filter."""
    with rig.client.tcp() as client:
        name = "{}:{}".format(*client.getsockname())
        (row,) = ctl.read("session", "list", "--client", name)["items"]
        assert row["client"] == name
        assert row["vs"] == HTTP_VS
        assert row["rs"] in {pod.http for pod in PODS}
        assert name in ctl("session", "list", "--client", name)
        for words in (
            ("--client", name),
            ("--client", name, "--vs", HTTP_VS),
            ("--client", name, "--rs", row["rs"]),
            ("--client", name, "--worker", str(row["worker"])),
        ):
            assert ctl.read("session", "count", *words)["count"] == 1
        other = str(1 - row["worker"])
        assert ctl.read("session", "count", "--client", name, "--worker", other)["count"] == 0


def test_network_verbs(rig: Rig, ctl: Ctl) -> None:
    """Ports, local addresses, neighbours, routes and steering are what the rig has."""
    (port,) = ctl.read("port", "list")["items"]
    assert port["kernel_interface"] == KERNEL_LINK
    assert port["rx_packets"] > 0
    laddrs = ctl.read("laddr", "list")["items"]
    owners = [(family_of(row["address"]).version, row["worker"]) for row in laddrs]
    assert sorted(owners) == [(4, 0), (4, 0), (4, 1), (4, 1), (6, 0), (6, 0), (6, 1), (6, 1)]
    assert SWITCH in ctl("neigh", "list")
    assert "0.0.0.0/0" in ctl("route", "list")
    (steering,) = ctl.read("steering")["items"]
    assert steering["method"] == "soft"
    assert steering["port"] == port["name"]
    for words in ("port list", "laddr list", "steering"):
        assert ctl(*words.split())


def test_counter_verbs(ctl: Ctl) -> None:
    """Workers, with their room for sessions, and drop reasons are counted."""
    stats = ctl.read("stats")
    assert [row["sessions_capacity"] for row in stats["workers"]] == [20480, 20480]
    assert [row["worker"] for row in stats["workers"]] == [0, 1]
    assert stats["totals"]["rx_packets"] == sum(row["rx_packets"] for row in stats["workers"])
    reasons = {row["reason"] for row in ctl.read("drops")["items"]}
    assert {"NO_VS", "NO_RS", "PUNT_RATE", "TTL"} <= reasons
    assert ctl("stats")
    assert ctl("drops", "--all")


def test_ospf_status(ctl: Ctl) -> None:
    """The neighbour and the announced prefixes are shown."""
    text = ctl("ospf", "status")
    assert SWITCH in text
    assert SERVICE_SUBNET in text
    status = ctl.read("ospf", "status")
    assert status["router_id"] == LB
    assert [row["full"] for row in status["neighbours"]] == [True, True]


def test_export_and_apply(ctl: Ctl, vs: str, tmp_path: Path) -> None:
    """What export wrote, apply takes: back and forth the set is the same."""
    file = tmp_path / "services.yaml"
    file.write_text(ctl("export"))
    assert ctl.read("apply", str(file))["plan"] == []
    ctl("rs", "edit", vs, RS, "--weight", "9")
    ctl("vs", "add", "10.96.0.31:80/tcp")
    dry = ctl.read("apply", str(file), "--dry-run")["plan"]
    assert len(dry) == 2
    assert "10.96.0.31:80/tcp" in ctl("vs", "list")
    assert ctl.read("apply", str(file))["plan"] == dry
    assert ctl("export") == file.read_text()


def test_installed_command(rig: Rig) -> None:
    """The command as installed answers, refuses and finds nobody, each with its exit status."""
    assert HTTP_VS in rig.lb.ctl("vs", "list")
    refused = rig.lb.try_ctl("vs", "add", HTTP_VS)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert HTTP_VS in refused.stderr
    nobody = rig.lb.try_ctl("--socket", "/nonexistent/slbd.sock", "vs", "list")
    assert nobody.returncode == 3
    assert len(nobody.stderr.splitlines()) == 1


def test_version(rig: Rig, ctl: Ctl) -> None:
    """Client, daemon and DPDK tell their versions."""
    assert "DPDK" in ctl("version")
    assert ctl.read("version")["pid"] == rig.lb.process.pid


def test_refusals(ctl: Ctl, vs: str) -> None:
    """Unknown, duplicate and wrong ones give one line each, and change nothing."""
    before = ctl("export")
    assert "10.96.0.99:80/tcp" in ctl.refused("vs", "del", "10.96.0.99:80/tcp")
    assert "10.10.9.9:1" in ctl.refused("rs", "del", vs, "10.10.9.9:1")
    assert vs in ctl.refused("vs", "add", vs)
    assert RS in ctl.refused("rs", "add", vs, RS)
    assert "10.97.0.1" in ctl.refused("vs", "add", "10.97.0.1:80/tcp")
    assert "10.96.0.300" in ctl.refused("vs", "add", "10.96.0.300:80/tcp", status=2)
    assert ctl("export") == before


def test_transaction_is_all_or_nothing(rig: Rig, ctl: Ctl, tmp_path: Path) -> None:
    """A set with one VS too many for the tables changes nothing at all."""
    before = ctl("export")
    file = tmp_path / "many.yaml"
    rows = [{"vs": f"10.96.7.{number}:80/tcp"} for number in range(100)]
    file.write_text(json.dumps({"services": rows}))
    ctl.refused("apply", str(file))
    assert ctl("export") == before
    assert rig.client.http(20).failures == []


def test_status(ctl: Ctl, rig: Rig, vs: str) -> None:
    """A rig in which all is as it should be; then a VS that nobody serves."""

    def well() -> bool:
        # Probes and adjacencies take their time after a start.
        return ctl.run("status", "--over", "0.3")[0] == 0

    wait(well, 40, "all being well")
    lines = ctl("status", "--over", "0.3").splitlines()
    assert lines[0] == "well" and len(lines) <= 24
    facts = ctl.read("status", "--over", "0.3")["facts"]
    assert [row["stalled"] for row in facts["workers"]] == [False, False]
    assert facts["version"]["uptime_s"] > 0 and facts["desired"] is None
    ctl("rs", "drain", vs, RS)
    status, out, complaints = ctl.run("status", "--over", "0.3")
    assert (status, complaints) == (1, "")
    assert f"- VS without an RS of a weight above 0: {vs}" in out.splitlines()


def test_top(ctl: Ctl, rig: Rig) -> None:
    with rig.client.http_load(2, 1, 0.01):
        lines = ctl("top", "--plain", "-n", "1", "--interval", "0.5").splitlines()
    assert re.match(r"packets/s +[1-9]", lines[1])
    (vs,) = (line.split() for line in lines if line.startswith(f"{HTTP_VS} "))
    assert float(vs[2].rstrip("k")) > 0

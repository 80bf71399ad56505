# SPDX-License-Identifier: BSD-3-Clause
"""slbctl's verbs against a running slbd.

slbctl --socket <run>/slbd.sock VERB ... --> slbd in the lb namespace
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.addresses import HTTP_VS, KERNEL_LINK, LB, PODS, SERVICE_SUBNET, SWITCH
from rig.rig import Rig

pytestmark = [
    pytest.mark.netns,
    pytest.mark.parametrize("shared_rig", [2], indirect=True, ids=["w2"]),
]

VS = "10.96.0.30:8000/tcp"
RS = "10.10.1.1:8000"


def read(rig: Rig, *words: str) -> Any:
    """What a reading verb prints with --json."""
    return json.loads(rig.lb.ctl(*words, "--json"))


def refused(rig: Rig, *words: str) -> str:
    """The one line that a refused command prints."""
    done = rig.lb.try_ctl(*words)
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


@pytest.fixture
def vs(rig: Rig) -> Iterator[str]:
    """A VS with one RS, made by slbctl."""
    rig.lb.ctl("vs", "add", VS, "--scheduler", "wrr", "--rs", f"{RS}=3")
    yield VS
    rig.lb.try_ctl("vs", "del", VS)


def test_vs_verbs(rig: Rig, vs: str) -> None:
    """A VS is listed, shown, edited, counted and deleted."""
    assert vs in rig.lb.ctl("vs", "list")
    rows = {row["vs"]: row for row in read(rig, "vs", "list")["items"]}
    assert rows[vs]["scheduler"] == "wrr"
    assert rows[vs]["rs_count"] == 1
    rig.lb.ctl("vs", "edit", vs, "--scheduler", "sh")
    shown = read(rig, "vs", "show", vs)
    assert shown["scheduler"] == "sh"
    assert shown["generation"] > rows[vs]["generation"]
    assert RS in rig.lb.ctl("vs", "show", vs)
    assert vs in rig.lb.ctl("vs", "stats")
    rig.lb.ctl("vs", "del", vs)
    assert vs not in rig.lb.ctl("vs", "list")


def test_rs_verbs(rig: Rig, vs: str) -> None:
    """RS are added, edited, drained, listed and deleted."""

    def weights() -> dict[str, int]:
        return {row["rs"]: row["weight"] for row in read(rig, "rs", "list", vs)["items"]}

    assert weights() == {RS: 3}
    rig.lb.ctl("rs", "add", vs, "10.10.1.2:8000", "--weight", "5")
    rig.lb.ctl("rs", "edit", vs, RS, "--weight", "7")
    assert weights() == {RS: 7, "10.10.1.2:8000": 5}
    rig.lb.ctl("rs", "drain", vs, RS)
    assert weights()[RS] == 0
    assert "draining" in rig.lb.ctl("rs", "list", vs)
    rig.lb.ctl("rs", "del", vs, RS)
    assert weights() == {"10.10.1.2:8000": 5}


def test_traffic_counters_agree(rig: Rig) -> None:
    """What slbctl counts for the VS is what it counts for its RS, and what the client did."""

    def counted() -> tuple[int, int, int]:
        row = read(rig, "vs", "show", HTTP_VS)
        rows = read(rig, "rs", "list", HTTP_VS)["items"]
        packets = row["traffic"]["in_packets"]
        return row["traffic"]["sessions"], sum(r["traffic"]["sessions"] for r in rows), packets

    before = counted()
    assert rig.client.http(100).failures == []
    after = counted()
    assert after[0] - before[0] == 100
    assert after[1] - before[1] == 100
    # SYN, request and ACKs, FIN: at least four packets a connection.
    assert after[2] - before[2] >= 400


def test_session_verbs(rig: Rig) -> None:
    """An open connection is listed and counted, by every filter."""
    with rig.client.tcp() as client:
        name = "{}:{}".format(*client.getsockname())
        (row,) = read(rig, "session", "list", "--client", name)["items"]
        assert row["client"] == name
        assert row["vs"] == HTTP_VS
        assert row["rs"] in {pod.http for pod in PODS}
        assert name in rig.lb.ctl("session", "list", "--client", name)
        for words in (
            ("--client", name),
            ("--client", name, "--vs", HTTP_VS),
            ("--client", name, "--rs", row["rs"]),
            ("--client", name, "--worker", str(row["worker"])),
        ):
            assert read(rig, "session", "count", *words)["count"] == 1
        other = str(1 - row["worker"])
        assert read(rig, "session", "count", "--client", name, "--worker", other)["count"] == 0


def test_network_verbs(rig: Rig) -> None:
    """Ports, local addresses, neighbours, routes and steering are what the rig has."""
    (port,) = read(rig, "port", "list")["items"]
    assert port["kernel_interface"] == KERNEL_LINK
    assert port["rx_packets"] > 0
    laddrs = read(rig, "laddr", "list")["items"]
    assert sorted(row["worker"] for row in laddrs) == [0, 0, 1, 1]
    assert SWITCH in rig.lb.ctl("neigh", "list")
    assert "0.0.0.0/0" in rig.lb.ctl("route", "list")
    (steering,) = read(rig, "steering")["items"]
    assert steering["method"] == "soft"
    assert steering["port"] == port["name"]
    for words in ("port list", "laddr list", "steering"):
        assert rig.lb.ctl(*words.split())


def test_counter_verbs(rig: Rig) -> None:
    """Workers and drop reasons are counted."""
    stats = read(rig, "stats")
    assert [row["worker"] for row in stats["workers"]] == [0, 1]
    assert stats["totals"]["rx_packets"] == sum(row["rx_packets"] for row in stats["workers"])
    reasons = {row["reason"] for row in read(rig, "drops")["items"]}
    assert {"NO_VS", "NO_RS", "PUNT_RATE", "TTL"} <= reasons
    assert rig.lb.ctl("stats")
    assert rig.lb.ctl("drops", "--all")


def test_ospf_status(rig: Rig) -> None:
    """The neighbour and the announced prefixes are shown."""
    text = rig.lb.ctl("ospf", "status")
    assert SWITCH in text
    assert SERVICE_SUBNET in text
    status = read(rig, "ospf", "status")
    assert status["router_id"] == LB
    assert [row["full"] for row in status["neighbours"]] == [True]


def test_export_and_apply(rig: Rig, vs: str, tmp_path: Path) -> None:
    """What export wrote, apply takes: back and forth the set is the same."""
    file = tmp_path / "services.yaml"
    file.write_text(rig.lb.ctl("export"))
    assert read(rig, "apply", str(file))["plan"] == []
    rig.lb.ctl("rs", "edit", vs, RS, "--weight", "9")
    rig.lb.ctl("vs", "add", "10.96.0.31:80/tcp")
    dry = read(rig, "apply", str(file), "--dry-run")["plan"]
    assert len(dry) == 2
    assert "10.96.0.31:80/tcp" in rig.lb.ctl("vs", "list")
    assert read(rig, "apply", str(file))["plan"] == dry
    assert rig.lb.ctl("export") == file.read_text()


def test_version(rig: Rig) -> None:
    """Client, daemon and DPDK tell their versions."""
    assert "DPDK" in rig.lb.ctl("version")
    assert read(rig, "version")["pid"] == rig.lb.process.pid


def test_refusals(rig: Rig, vs: str) -> None:
    """Unknown, duplicate and wrong ones give one line each, and change nothing."""
    before = rig.lb.ctl("export")
    assert "10.96.0.99:80/tcp" in refused(rig, "vs", "del", "10.96.0.99:80/tcp")
    assert "10.10.9.9:1" in refused(rig, "rs", "del", vs, "10.10.9.9:1")
    assert vs in refused(rig, "vs", "add", vs)
    assert RS in refused(rig, "rs", "add", vs, RS)
    assert "10.97.0.1" in refused(rig, "vs", "add", "10.97.0.1:80/tcp")
    assert "10.96.0.300" in refused(rig, "vs", "add", "10.96.0.300:80/tcp")
    assert rig.lb.ctl("export") == before


def test_transaction_is_all_or_nothing(rig: Rig, tmp_path: Path) -> None:
    """A set with one VS too many for the tables changes nothing at all."""
    before = rig.lb.ctl("export")
    file = tmp_path / "many.yaml"
    rows = [{"vs": f"10.96.7.{number}:80/tcp"} for number in range(100)]
    file.write_text(json.dumps({"services": rows}))
    refused(rig, "apply", str(file))
    assert rig.lb.ctl("export") == before
    assert rig.client.http(20).failures == []

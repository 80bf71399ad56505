# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl doctor` and `slbctl nic` on this very host, whatever it is like."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from unit.slbctl_run import failure, slbctl

from slb.errors import HostError
from slb.host import doctor as host_doctor
from slb.host import listing
from slb.host.finding import Finding, error, ok, warning
from slb.host.listing import NicView

ROOT = Path(__file__).parents[2]
SYS = Path("/sys/bus/pci/devices")
CHECKS = {"engine", "dpdk", "bird", "vfio", "hugepages", "cpus", "governor", "vhost-net", "tun"}


def real_nics() -> list[str]:
    """The PCI addresses of this host's NICs."""
    return sorted(p.name for p in SYS.glob("*") if (p / "class").read_text().startswith("0x02"))


def test_doctor_examines_this_host() -> None:
    result = slbctl("/nowhere", "doctor", "--json")
    items = result.json["items"]
    assert result.err == "" and {row["check"] for row in items} >= CHECKS
    assert [r["check"][4:] for r in items if r["check"].startswith("nic 0")] == real_nics()
    assert result.status == any(row["status"] == "error" for row in items)
    (engine,) = (row for row in items if row["check"] == "engine")
    assert engine["status"] == "ok" and " ms" in engine["found"]


def test_doctor_with_a_configuration() -> None:
    result = slbctl("/nowhere", "doctor", "-c", str(ROOT / "configs/slb.yaml"))
    assert f"ok config {ROOT}/configs/slb.yaml: good" in result.lines


def test_doctor_with_a_wrong_one(tmp_path: Path) -> None:
    result = slbctl("/nowhere", "doctor", "-c", str(tmp_path / "none.yaml"))
    assert (result.status, result.err) == (1, "")
    assert result.lines[1] == (
        f"error config {tmp_path}/none.yaml: cannot be read: No such file or directory; "
        "do: check the path"
    )


FOUND = [ok("a", "good"), warning("b b", "so so", "do that")]


@pytest.mark.parametrize(
    ("found", "status", "foot"),
    [
        (FOUND, 0, "0 errors, 1 warning"),
        ([*FOUND, error("c", "bad", "cure it")], 1, "1 error, 1 warning"),
    ],
)
def test_what_doctor_prints(
    monkeypatch: pytest.MonkeyPatch, found: list[Finding], status: int, foot: str
) -> None:
    monkeypatch.setattr(host_doctor, "examine", lambda host, path: found)
    result = slbctl("/nowhere", "doctor")
    assert (result.status, result.err) == (status, "")
    assert result.lines[:3] == ["STATUS CHECK FOUND", "ok a good", "warning b b so so; do: do that"]
    assert result.lines[-1] == foot
    as_json = slbctl("/nowhere", "doctor", "--json")
    assert as_json.status == status
    assert as_json.json["items"][1] == {
        "check": "b b",
        "status": "warning",
        "found": "so so",
        "fix": "do that",
    }


def test_a_reader_that_has_seen_enough_of_errors(tmp_path: Path) -> None:
    """The status of a broken pipe, not that of the error, and no traceback."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "slbctl", "doctor", "-c", str(tmp_path / "none")]
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, text=True)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, "")


def test_nic_list_of_this_host() -> None:
    rows = slbctl("/nowhere", "nic", "list", "--json").json["items"]
    assert [row["address"] for row in rows] == real_nics()
    for row in rows:
        driver = SYS / row["address"] / "driver"
        assert row["driver"] == (driver.resolve().name if driver.exists() else None)


def test_nic_list_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    nic = NicView(
        *("0000:3b:00.0", "8086:10fb", "ixgbe", ["eth1"], 1, None, True, 10_000),
        *(["net_ixgbe"], None),
    )
    bare = NicView("0000:3b:00.1", "10ec:8168", None, [], None, 7, None, 0, [], None)
    monkeypatch.setattr(listing, "listing", lambda host: [nic, bare])
    assert slbctl("/nowhere", "nic", "list").lines[1:] == [
        "0000:3b:00.0 8086:10fb ixgbe eth1 1 - up 10G net_ixgbe -",
        "0000:3b:00.1 10ec:8168 - - - 7 - - - -",
    ]


@pytest.mark.parametrize("words", [("bind",), ("unbind",)])
def test_no_such_nic(words: tuple[str, ...]) -> None:
    line = failure(slbctl("/nowhere", "nic", *words, "ffff:ff:1f.7"), 1)
    assert line == "'ffff:ff:1f.7': no such NIC; 'slbctl nic list' shows those there are"


def test_a_nic_is_named(tmp_path: Path) -> None:
    assert "missing argument" in failure(slbctl("/nowhere", "nic", "bind"), 2)


def test_the_way_out_of_this_host_stays() -> None:
    """Whatever is asked for, with or without force; were it taken, nobody would hear of it."""
    rows = slbctl("/nowhere", "nic", "list", "--json").json["items"]
    ways_out = [row for row in rows if "default route" in (row["in_use"] or "")]
    if not ways_out:
        pytest.skip("no NIC of this host carries a default route")
    address, driver = ways_out[0]["address"], ways_out[0]["driver"]
    line = failure(slbctl("/nowhere", "nic", "unbind", "--force", address), 1)
    assert line.startswith(f"{address}: the default route leaves by ")
    assert (SYS / address / "driver").resolve().name == driver


def test_a_broken_engine_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(host: object) -> None:
        raise HostError("libslb.so: no ELF file")

    monkeypatch.setattr(listing, "listing", broken)
    assert failure(slbctl("/nowhere", "nic", "list"), 1) == "libslb.so: no ELF file"

# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-dumpcap and dpdk-proc-info of the distribution, attached to an slbd under traffic.

client ==HTTP==> switch ==> lb (slbd, engine.shared_memory) ==> pods
                              ^
        dpdk-dumpcap ---------+
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig import hugetlb
from rig.addresses import HTTP, PODS
from rig.dpdk_tools import PORT, PREFIX, Dumpcap, figure, memory_zones, proc_info, telemetry
from rig.lb import LbSettings, config, program, slbd_arguments
from rig.probes import missing
from rig.rig import Rig
from rig.services import all_services
from rig.waiting import wait

pytestmark = pytest.mark.netns

PAGES = 160
REQUESTS = 100
ENGINE = {
    "workers": 2,
    "shared_memory": True,
    "telemetry": True,
    "file_prefix": PREFIX,
    "sessions": 16384,
    "mbufs": 8192,
    "vs_max": 64,
    "rs_max": 1024,
}


@pytest.fixture(scope="module")
def pages() -> Iterator[Path]:
    """A hugetlbfs."""
    if reason := missing("root", "dpdk-tools"):
        pytest.skip(reason)
    with hugetlb.hugetlbfs(PAGES) as folder:
        yield folder


@pytest.fixture(scope="module", params=[2], ids=["w2"])
def tools_rig(pages: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig with shared memory."""
    settings = LbSettings(
        workers=request.param,
        ospf=False,
        ipv6=False,
        services=all_services(),
        policies={"engine": ENGINE},
    )
    with Rig(settings) as rig:
        # The first packets wait for neighbours.
        assert rig.client.http(20).failures == []
        yield rig


def test_only_root_may_attach(tools_rig: Rig, pages: Path) -> None:
    """Nobody else reads the files, or enters their directory."""
    runtime = tools_rig.registry.directory / "dpdk" / PREFIX
    assert runtime.stat().st_mode & 0o077 == 0
    files = list(pages.iterdir())
    assert len(files) > 50
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


def test_capture_has_both_sides(tools_rig: Rig) -> None:
    """Every connection four times: from the client, to a pod, and both ways back."""
    began = time.time()
    capture = Dumpcap(tools_rig, "both")
    capture.wait_capturing()
    assert tools_rig.client.http(REQUESTS).failures == []
    said = capture.end()
    assert f"'{PORT}': " in said, said
    vip, port = HTTP
    syn, synack = "tcp[tcpflags]&(tcp-syn|tcp-ack)==tcp-syn", "tcp[tcpflags]&tcp-ack!=0"
    flags = f"and {syn}", f"and tcp[tcpflags]&tcp-syn!=0 and {synack}"
    wanted = (
        f"dst host {vip} and dst port {port} {flags[0]}",
        f"src net 192.0.2.0/24 and dst port {PODS[0].http.rpartition(':')[2]} {flags[0]}",
        f"dst net 192.0.2.0/24 and src port {PODS[0].http.rpartition(':')[2]} {flags[1]}",
        f"src host {vip} and src port {port} {flags[1]}",
    )
    for expression in wanted:
        lines = capture.lines(expression)
        assert len(lines) >= REQUESTS, (expression, len(lines))
        assert all(began - 5 < float(line.split()[0]) < time.time() + 5 for line in lines)


def test_capture_with_a_filter(tools_rig: Rig) -> None:
    """Only what the filter takes, in libpcap's old format."""
    vip, port = HTTP
    capture = Dumpcap(tools_rig, "some", "-f", f"dst host {vip} and tcp port {port}", "-P")
    capture.wait_capturing()
    assert tools_rig.client.http(REQUESTS).failures == []
    capture.end()
    assert len(capture.lines()) == len(capture.lines(f"dst host {vip}")) >= REQUESTS


def test_proc_info(tools_rig: Rig) -> None:
    """The port's figures are slbctl's, and pools are counted in the pool's own way."""
    before = tools_rig.lb.items("/v1/ports")[0]
    statistics, extended = proc_info(tools_rig, "--stats"), proc_info(tools_rig, "--xstats")
    after = tools_rig.lb.items("/v1/ports")[0]
    for field, name in (("rx_packets", "RX-packets"), ("tx_packets", "TX-packets")):
        assert 0 < before[field] <= figure(statistics, name) <= after[field]
    assert before["rx_packets"] <= figure(extended, "rx_good_packets") <= after["rx_packets"]
    assert f"device {PORT} " in proc_info(tools_rig, "--show-port")
    pools = proc_info(tools_rig, "--show-mempool")
    assert figure(pools, "size") == ENGINE["mbufs"]
    assert 0 < figure(pools, "common_pool_count") <= ENGINE["mbufs"]


def test_telemetry_under_traffic(tools_rig: Rig) -> None:
    """Each figure is between slbctl's of before and after; none of those that must move is 0."""
    assert tools_rig.client.http(REQUESTS).failures == []
    with tools_rig.client.udp((HTTP[0], 9)) as nobody:
        nobody.send(b"to no VS")
        wait(lambda: dropped(tools_rig)["NO_VS"] > 0, 5, "a NO_VS drop")
    workers = range(tools_rig.settings.workers)
    stats = [f"/slb/worker/stats,{number}" for number in workers]
    drops = [f"/slb/drops,{number}" for number in workers]
    before, fell, port = figures(tools_rig)
    with tools_rig.client.http_load(20, 1, 0.01) as load:
        wait(lambda: load.outcome.answered > 0, 20, "answers")
        seen = telemetry(tools_rig, *stats, *drops, "/slb/drops", "/ethdev/stats,0")
    after, fallen, port_after = figures(tools_rig)
    for number in workers:
        found = seen[stats[number]]
        assert len(found) > 12
        for name in found.keys() - {"sessions_active"}:
            assert before[number][name] <= found[name] <= after[number][name], name
        # What goes back by itself is no more than there have been.
        assert found["sessions_active"] <= found["sessions_created"]
        assert found["rx_packets"] > 0 and found["tx_packets"] > 0
    assert sum(seen[command]["sessions_created"] for command in stats) >= REQUESTS
    assert seen["/slb/drops"].keys() == fell.keys()
    for reason, low in fell.items():
        parts = sum(seen[command][reason] for command in drops)
        assert low <= parts <= seen["/slb/drops"][reason] <= fallen[reason], reason
    assert seen["/slb/drops"]["NO_VS"] > 0
    device = seen["/ethdev/stats,0"]
    for field, name in (("rx_packets", "ipackets"), ("tx_packets", "opackets")):
        assert 0 < port[field] <= device[name] <= port_after[field]


def test_second_capture_is_refused(tools_rig: Rig) -> None:
    """Two on one port: the second is told so, and the first goes on."""
    first = Dumpcap(tools_rig, "first")
    first.wait_capturing()
    second = Dumpcap(tools_rig, "second")
    assert second.process.wait(20) != 0
    assert "another one captures there" in tools_rig.lb.process.text()
    assert tools_rig.client.http(10).failures == []
    first.wait_grown()
    assert f"'{PORT}': " in first.end()


def test_capture_killed_under_load(tools_rig: Rig) -> None:
    """No request fails; the port is free for the next capture, and memory is as before."""
    zones = memory_zones(tools_rig)
    with tools_rig.client.http_load(20, 1, 0.01) as load:
        for number in range(3):
            capture = Dumpcap(tools_rig, f"killed{number}")
            capture.wait_capturing()
            capture.wait_grown()
            capture.end(signal.SIGKILL)
            died = f"mp_socket_{capture.process.pid}_"
            wait(lambda died=died: died in tools_rig.lb.process.text(), 5, "its capture's end")  # type: ignore[misc]
            wait(lambda: memory_zones(tools_rig) == zones, 5, "what it had allocated")
        goal = load.outcome.answered + 100
        wait(lambda: load.outcome.answered > goal, 20, "answers")
        outcome = load.stop()
    assert outcome.failures == []
    after = Dumpcap(tools_rig, "after")
    after.wait_capturing()
    assert tools_rig.client.http(10).failures == []
    after.wait_grown()
    after.end()


def test_stopped_capture_harms_nobody(tools_rig: Rig) -> None:
    """A tool that hangs, with its ring full, costs no request."""
    capture = Dumpcap(tools_rig, "hangs")
    capture.wait_capturing()
    capture.process.send(signal.SIGSTOP)
    try:
        # Many more packets than the ring has places for.
        assert tools_rig.client.http(1500).failures == []
    finally:
        capture.process.send(signal.SIGCONT)
    assert int(re.findall(r": \d+/(\d+) ", capture.end())[-1]) > 0


def test_killed_slbd_is_started_again(tools_rig: Rig, pages: Path) -> None:
    """With a tool attached that is stopped: hugepages come back, and captures work again."""
    capture = Dumpcap(tools_rig, "outlives")
    capture.wait_capturing()
    taken = len(list(pages.iterdir()))
    assert taken > 0
    before = hugetlb.free()
    for _ in range(2):
        tools_rig.lb.process.send(signal.SIGKILL)
        tools_rig.lb.process.wait(5)
        assert list(pages.iterdir()) != []
        tools_rig.restart_lb()
        assert len(list(pages.iterdir())) <= taken
    assert capture.process.wait(5) == 0, "a tool ends with the slbd that it was attached to"
    wait(lambda: hugetlb.free() >= before, 5, "hugepages")
    assert tools_rig.client.http(20).failures == []
    again = Dumpcap(tools_rig, "again")
    again.wait_capturing()
    assert tools_rig.client.http(10).failures == []
    again.wait_grown()
    again.end()


@pytest.mark.parametrize(
    ("runtime", "under", "words"),
    [
        ("", (), f"engine.file_prefix: {PREFIX} is in use by process"),
        ("elsewhere", (), f"hugepage files {PREFIX}map_* are in use by another process"),
        (
            "",
            ("unshare", "-m", "sh", "-c", f'umount {hugetlb.FOLDER} && exec "$@"', "sh"),
            "mount -t",
        ),
    ],
    ids=["same", "elsewhere", "no-hugetlbfs"],
)
def test_second_slbd_of_one_name(
    tools_rig: Rig, tmp_path: Path, runtime: str, under: tuple[str, ...], words: str
) -> None:
    """It is refused in one line, and the first one keeps its memory."""
    directory = tools_rig.registry.directory / runtime
    content = {**config(tools_rig.settings, tmp_path / "slbd.sock")}
    if not runtime and under:
        content["engine"] = {**ENGINE, "file_prefix": "other"}
    (tmp_path / "slb.yaml").write_text(yaml.safe_dump(content))
    done = subprocess.run(
        [
            *tools_rig.lb.namespace.prefix(),
            *under,
            program("slbd"),
            *slbd_arguments(tmp_path / "slb.yaml"),
        ],
        env={**os.environ, "RUNTIME_DIRECTORY": str(directory)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode > 0
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert words in done.stderr
    assert tools_rig.client.http(10).failures == []


def test_nothing_stays(tools_rig: Rig, pages: Path) -> None:
    """Whose end is orderly leaves no file, nor does it wait for a tool that hangs."""
    runtime = tools_rig.registry.directory / "dpdk" / PREFIX
    capture = Dumpcap(tools_rig, "last")
    capture.wait_capturing()
    capture.process.send(signal.SIGSTOP)
    # As killed tools leave. Workers would go on, with captures, while so many are removed.
    for number in range(5000):
        (runtime / f"mp_socket_{number}_0").touch()
    try:
        tools_rig.lb.process.send(signal.SIGTERM)
        # DPDK would wait for 5 s.
        assert tools_rig.lb.process.wait(4) == 0
        assert list(pages.iterdir()) == []
    finally:
        capture.process.send(signal.SIGCONT)
    assert "no longer active" in capture.wait_end()
    wait(lambda: hugetlb.free() >= PAGES, 5, "hugepages")
    assert list((tools_rig.registry.directory / "dpdk").iterdir()) == []


def figures(rig: Rig) -> tuple[list[dict[str, Any]], dict[str, int], dict[str, Any]]:
    """What slbd's API says of its workers, of drops, and of its port."""
    return rig.lb.api("/v1/stats")["workers"], dropped(rig), rig.lb.items("/v1/ports")[0]


def dropped(rig: Rig) -> dict[str, int]:
    """How many packets were dropped, by reason."""
    return {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}

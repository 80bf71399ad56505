# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-dumpcap and dpdk-proc-info of the distribution, attached to an slbd under traffic.

client ==HTTP==> switch ==> lb (slbd, engine.shared_memory) ==> pods
                              ^
        dpdk-dumpcap ---------+
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig import hugetlb
from rig.addresses import HTTP, PODS
from rig.dpdk_tools import PORT, PREFIX, Dumpcap, figure, proc_info
from rig.lb import LbSettings
from rig.probes import missing
from rig.rig import Rig
from rig.services import all_services

pytestmark = pytest.mark.netns

PAGES = 160
REQUESTS = 100
ENGINE = {
    "workers": 2,
    "shared_memory": True,
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

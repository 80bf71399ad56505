# SPDX-License-Identifier: BSD-3-Clause
"""/metrics of a running slbd under traffic, also with 1000 VS of 10 RS.

client ==HTTP==> switch ==> lb (slbd) ==> pods
                             ^
             Prometheus -----+
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from rig.addresses import HTTP_VS, PODS
from rig.exposition import Samples, documented, fallen, names, samples, total, value
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import all_services, http_service, service
from rig.waiting import wait

pytestmark = pytest.mark.netns

MANY_VS, RS_EACH = 1000, 10
ADDRESS = "127.0.0.1:9345"
DROPS = "slb_dropped_packets_total"
LEFT = PODS[3]
OTHER_VS = "10.96.0.21:80/tcp"


def scrape(rig: Rig) -> Samples:
    """What a scrape shows."""
    return samples(rig.lb.text("/metrics"))


def per_worker(stats: dict[str, Any], field: str) -> list[float]:
    """A field of slbctl stats for each worker."""
    return [float(row[field]) for row in stats["workers"]]


@pytest.mark.parametrize("shared_rig", [2], indirect=True, ids=["shared-w2"])
def test_figures_add_up(rig: Rig) -> None:
    """They are those of `slbctl stats`, read before and after; sums agree with each other."""
    assert rig.client.http(100).failures == []

    def idle() -> bool:
        return sum(per_worker(rig.lb.api("/v1/stats"), "sessions_active")) == 0

    wait(idle, 10, "the end of all sessions")
    before = rig.lb.api("/v1/stats")
    found = scrape(rig)
    after = rig.lb.api("/v1/stats")
    for field, name in (
        ("rx_packets", "slb_worker_rx_packets_total"),
        ("tx_packets", "slb_worker_tx_packets_total"),
        ("handed_off", "slb_worker_handed_off_packets_total"),
        ("punted", "slb_worker_punted_packets_total"),
        ("sessions_created", "slb_worker_sessions_created_total"),
        ("sessions_capacity", "slb_worker_session_capacity"),
        ("rounds", "slb_worker_rounds_total"),
    ):
        rows = enumerate(zip(per_worker(before, field), per_worker(after, field), strict=True))
        for worker, (low, high) in rows:
            assert low <= value(found, name, worker=str(worker)) <= high, name
    for worker, (low, high) in enumerate(
        zip(per_worker(before, "dropped"), per_worker(after, "dropped"), strict=True)
    ):
        assert low <= total(found, DROPS, worker=str(worker)) <= high
    rs = total(found, "slb_rs_sessions_created_total", vs=HTTP_VS)
    assert rs == value(found, "slb_vs_sessions_created_total", vs=HTTP_VS) >= 100
    packets = total(found, "slb_vs_packets_total", vs=HTTP_VS)
    assert packets == total(found, "slb_rs_packets_total", vs=HTTP_VS) >= 800
    assert value(found, "slb_generation") == before["generation"]
    for protocol in ("OSPFv2", "OSPFv3"):
        assert value(found, "slb_ospf_adjacency_full", protocol=protocol) == 1
    # Of both families the service subnet, and the local addresses of two workers.
    for kind in ("services", "local_addresses"):
        assert value(found, "slb_ospf_announced_prefixes", kind=kind) >= 2
    assert total(found, "slb_steering_proofs") == total(found, "slb_laddrs", state="active")
    members = {"slb_port_member_state", "slb_port_member_link_up"}
    unknown_here = {"slb_port_link_up"}  # the tap's other end is in another namespace
    assert documented().keys() - members - unknown_here <= names(found) <= documented().keys()


@pytest.mark.parametrize("shared_rig", [2], indirect=True, ids=["shared-w2"])
def test_counters_never_go_back(rig: Rig) -> None:
    """While RS and another VS go and come under load, and their old sessions end."""
    without = [http_service({pod.name: 1 for pod in PODS[:3]}), *all_services()[1:]]
    whole = all_services()
    other = service(OTHER_VS, {PODS[0].http: 1})
    last = scrape(rig)
    with rig.client.http_load(20, 3, 0.02) as load:
        for services in (without, whole, [*without, other], whole, without, [*whole, other]) * 2:
            rig.lb.apply(services)
            goal = load.outcome.answered + 60
            wait(lambda goal=goal: load.outcome.answered > goal, 20, "answers")  # type: ignore[misc]
            found = scrape(rig)
            assert fallen(last, found) == []
            last = {**last, **found}
        outcome = load.stop()
    assert outcome.failures == []

    def settled() -> bool:
        nonlocal last
        found = scrape(rig)
        assert fallen(last, found) == []
        last = {**last, **found}
        return total(found, "slb_vs_sessions") == total(found, "slb_vs_rs", state="removed") == 0

    wait(settled, 20, "the end of all sessions")
    assert total(last, "slb_rs_sessions_created_total", rs=LEFT.http) > 0


@pytest.fixture(scope="module", params=[1], ids=["w1"])
def large_rig() -> Iterator[Rig]:
    """A rig with room for many services, whose metrics are on an address."""
    engine = {
        "workers": 1,
        "hugepages": False,
        "sessions": 16384,
        "mbufs": 8192,
        "vs_max": MANY_VS + 8,
        "rs_max": (MANY_VS + 8) * RS_EACH,
    }
    metrics = {"address": ADDRESS, "rs_max": (MANY_VS + 8) * RS_EACH}
    policies = {"engine": engine, "metrics": metrics}
    with Rig(LbSettings(ospf=False, ipv6=False, policies=policies)) as rig:
        yield rig


def many() -> list[dict[str, Any]]:
    """HTTP on the pods, and many more services."""
    servers = {f"10.20.0.{n}:8080": 1 for n in range(1, RS_EACH + 1)}
    first = int(ip_address("10.96.16.0"))
    others = [service(f"{ip_address(first + n)}:80/tcp", servers) for n in range(MANY_VS)]
    return [http_service(), *others]


def lost(found: Samples) -> dict[str, float]:
    """Packets that nobody has got, but for those that were for nobody."""
    for_nobody = {"STEERING_PROBE", "NOT_FOR_US", "NO_SESSION", "ICMP"}
    reasons = {dict(labels)["reason"] for name, labels in found if name == DROPS}
    counts = {reason: total(found, DROPS, reason=reason) for reason in reasons - for_nobody}
    for name in ("slb_port_rx_missed_packets_total", "slb_port_rx_no_mbuf_packets_total"):
        counts[name] = total(found, name)
    return counts


def test_many_services(large_rig: Rig) -> None:
    """A scrape has every VS and RS; meanwhile workers go on, and nothing is lost."""
    rig = large_rig
    rig.lb.api("/v1/apply", "POST", {"services": many()}, timeout=60)

    def by_address() -> tuple[str, float]:
        argv = ("-sS", "--fail", "-w", "\n# %{time_total}", f"http://{ADDRESS}/metrics")
        text, _, seconds = rig.lb.namespace.run("curl", *argv, timeout=60).rpartition("\n# ")
        return text, float(seconds)

    # The first packets wait for neighbours.
    assert rig.client.http(20).failures == []
    before = samples(by_address()[0])
    with rig.client.http_load(20, 5, 0.02) as load:
        wait(lambda: load.outcome.answered > 100, 20, "answers before the scrapes")
        answered = load.outcome.answered
        texts, times = zip(*(by_address() for _ in range(3)), strict=True)
        answered = load.outcome.answered - answered
        outcome = load.stop()
    print(f"scrapes: {times} s, {len(texts[-1])} octets; slowest answer: {outcome.slowest_s:.3f} s")
    found = samples(texts[-1])
    assert outcome.failures == []
    assert answered > 0
    assert total(found, "slb_vs_rs", state="serving") == MANY_VS * RS_EACH + len(PODS)
    assert sum(name == "slb_rs_weight" for name, _ in found) == MANY_VS * RS_EACH + len(PODS)
    assert value(found, "slb_rs_left_out") == 0
    assert fallen(before, found) == []
    for name in ("slb_worker_rounds_total", "slb_worker_rx_packets_total"):
        assert total(found, name) > total(before, name)
    assert lost(found) == lost(before)
    assert "stands still" not in rig.lb.process.text()

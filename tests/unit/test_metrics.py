# SPDX-License-Identifier: BSD-3-Clause
"""GET /metrics over the API's socket: what Prometheus would make of it."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit.memory_engine import port_view
from unit.test_api_routes import VS, Api
from unit.threaded_client import Client

from rig.exposition import Samples, documented, samples, value
from slb.api.unix_http import Answer, exchange
from slb.model import views
from slb.model.endpoint import Endpoint
from slb.model.service import RealServer, Service

RS = Endpoint.parse("10.10.0.1:8080")
MEMBER = views.MemberView("net_tap0", "net_tap", "active", True, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """An API with an engine that has a port."""
    api = Api(tmp_path)
    api.engine.ports = [port_view("lan0", "02:00:00:00:00:aa")]
    return api


def get(api: Api, target: str = "/metrics", method: str = "GET") -> Answer:
    """One request."""

    async def action(_: Client) -> Answer:
        return await asyncio.to_thread(exchange, api.path, method, target, None, 10)

    return api.ask(action)


def scrape(api: Api) -> Samples:
    """What one scrape shows."""
    answer = get(api)
    assert (answer.status, answer.content_type) == (200, "text/plain")
    return samples(answer.body.decode())


def test_every_kind_of_figures(api: Api) -> None:
    """One figure of each family of modules is what the engine says."""

    async def add(client: Client) -> None:
        await client.vs_add(Service(VS, "wrr", (RealServer(RS, 5),)))

    api.ask(add)
    found = scrape(api)
    assert value(found, "slb_build_info", version="0.1.0", abi="1", dpdk="DPDK in memory") == 1
    assert value(found, "slb_generation") == 0
    assert value(found, "slb_worker_rx_packets_total", worker="1") == 5
    assert value(found, "slb_dropped_packets_total", worker="1", reason="NO_VS") == 2
    assert value(found, "slb_port_link_up", port="lan0") == 1
    assert value(found, "slb_steering_info", port="lan0", method="soft", spread="hash") == 1
    assert value(found, "slb_laddr_ports_used", port="lan0", address="198.18.0.1") == 1
    assert value(found, "slb_ospf_adjacency_full", protocol="OSPFv2") == 1
    assert value(found, "slb_ospf_announced_prefixes", kind="services") == 1
    assert value(found, "slb_vs_rs", vs=str(VS), state="serving") == 1
    assert value(found, "slb_rs_weight", vs=str(VS), rs=str(RS)) == 5
    assert value(found, "slb_table_entries", table="rs") == 1
    assert value(found, "slb_rs_left_out") == 0


def test_sessions_of_a_removed_rs_count(api: Api) -> None:
    """They are the RS's that was added again; those of a former VS are nobody's."""
    traffic = views.Traffic(1, 2, 3, 4, 5, 6)

    async def add(client: Client) -> None:
        await client.vs_add(Service(VS, "wrr", (RealServer(RS, 5),)))

    api.ask(add)
    answers = views.Answers(1, 2, 3, 4, 5, 6_000_000, 7)
    row = views.RsView(str(VS), str(RS), 0, True, traffic, False, answers)
    api.engine.removed = [row, row, replace(row, vs_removed=True)]
    found = scrape(api)
    of_rs = {"vs": str(VS), "rs": str(RS)}
    assert value(found, "slb_rs_packets_total", **of_rs, direction="in") == 2
    assert value(found, "slb_rs_bytes_total", **of_rs, direction="out") == 8
    assert value(found, "slb_rs_sessions_created_total", **of_rs) == 10
    assert value(found, "slb_rs_sessions", **of_rs) == 12
    assert value(found, "slb_rs_answers_total", **of_rs, outcome="refused") == 6
    assert value(found, "slb_rs_resets_total", **of_rs) == 10
    assert value(found, "slb_rs_answer_seconds_total", **of_rs) == 12
    assert value(found, "slb_rs_answer_samples_total", **of_rs) == 14
    assert value(found, "slb_rs_weight", **of_rs) == 5
    assert value(found, "slb_table_entries", table="rs") == 4


def test_every_family_is_documented(api: Api) -> None:
    """docs/metrics.md names what is exposed, with its labels, and nothing else."""

    async def add(client: Client) -> None:
        await client.vs_add(Service(VS, "wrr", (RealServer(RS, 5),)))

    api.ask(add)
    api.engine.ports = [replace(api.engine.ports[0], members=[MEMBER])]
    labels: dict[str, set[str]] = {}
    for name, found in scrape(api):
        labels.setdefault(name, set()).update(label for label, _ in found)
    assert documented() == labels

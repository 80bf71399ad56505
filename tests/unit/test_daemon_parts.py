# SPDX-License-Identifier: BSD-3-Clause
"""The daemon's pure parts: heartbeat, what a reload may change, what is announced."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from msgspec.structs import replace
from unit.memory_engine import MemoryEngine, worker_view
from unit.test_config_loader import GOOD

from ospf.model import IPV4, IPV6
from slb.config.loader import parse
from slb.daemon import daemon, ports, reload
from slb.daemon.announce import collapsed, prefixes, spoken
from slb.daemon.heartbeat import Heartbeat
from slb.daemon.quorum import quorums
from slb.model.address import AddressRange
from slb.model.config import Config
from slb.model.endpoint import VsKey
from slb.model.service import Service
from slb.model.views import WorkerView


def config(*edits: tuple[str, str], extra: str = "") -> Config:
    """GOOD after some edits."""
    text = GOOD + extra
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return parse("slb.yaml", text, range(4))


def test_a_worker_that_turns_lives() -> None:
    heartbeat = Heartbeat()
    for second in range(5):
        assert heartbeat.still([worker_view(0, second)], float(second)) == []


def test_a_worker_that_stands_still_is_told_after_a_second() -> None:
    heartbeat = Heartbeat()
    heartbeat.still([worker_view(0, 1), worker_view(1, 1)], 0.0)
    assert heartbeat.still([worker_view(0, 2), worker_view(1, 1)], 1.0) == []
    assert heartbeat.still([worker_view(0, 3), worker_view(1, 1)], 1.1) == [1]
    assert heartbeat.still([worker_view(0, 4), worker_view(1, 2)], 1.2) == []


def test_a_stall_of_python_is_no_stall_of_workers() -> None:
    heartbeat = Heartbeat()
    heartbeat.still([worker_view(0, 1)], 0.0)
    assert heartbeat.still([worker_view(0, 900)], 10.0) == []


@pytest.mark.parametrize(("late", "said"), [(1.3, ""), (60.0, "the engine does not answer")])
def test_an_answer_that_is_late_once_is_no_dead_engine(
    monkeypatch: pytest.MonkeyPatch, late: float, said: str
) -> None:
    monkeypatch.setattr(daemon, "BEAT_TIMEOUT_S", 1.0)
    end = threading.Event()

    class Late(MemoryEngine):
        def worker_list(self) -> list[WorkerView]:
            end.wait(late)
            return super().worker_list()

    async def ask() -> str:
        found = await daemon._ailing(Late(), Heartbeat(), ThreadPoolExecutor(1))
        end.set()
        return found

    assert asyncio.run(ask()) == said


@pytest.mark.parametrize(
    ("idle", "left"),
    [("[busy, adaptive]", {0, 2, 3}), ("busy", {0, 3}), ("adaptive", None)],
)
def test_python_leaves_the_cpus_of_busy_workers(
    monkeypatch: pytest.MonkeyPatch, idle: str, left: set[int] | None
) -> None:
    now: list[set[int]] = []
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3})
    monkeypatch.setattr("os.sched_setaffinity", lambda pid, cpus: now.append(cpus))
    two = "workers: 2\n  cpus: {workers: [1, 2]}\n  idle: {workers: " + idle + "}"
    daemon._leave_busy_cpus(
        config(("workers: 1", two), ("[198.18.0.1]", "[198.18.0.1, 198.18.0.2]"))
    )
    assert now == ([] if left is None else [left])


@pytest.mark.parametrize(
    ("edits", "fields"),
    [
        ([], []),
        ([("workers: 1", "workers: 1\n  idle: {workers: [busy]}")], ["engine.idle.workers"]),
        ([("workers: 1", "sessions: 5000")], ["engine.sessions"]),
        ([("iface=lan0", "iface=lan9")], ["ports[0].device"]),
        ([("198.18.0.1]", "198.18.0.1, 198.18.0.2]")], []),
        (
            [("service_subnets", "timeouts: {tcp_close: 9}\nservice_subnets")],
            ["timeouts.tcp_close"],
        ),
        ([("service_subnets", "api: {socket: /x}\nservice_subnets")], ["api.socket"]),
        ([("lan0\n", "lan1\n")], ["ports"]),
        ([("[10.96.0.0/16]", "[10.97.0.0/16]")], []),
        ([("service_subnets", "api: {mode: '0600'}\nservice_subnets")], []),
        ([("service_subnets", "ospf: {announce: vips}\nservice_subnets")], []),
        ([("192.0.2.2", "192.0.2.3")], ["ospf.router_id"]),
    ],
)
def test_what_needs_a_restart(edits: list[tuple[str, str]], fields: list[str]) -> None:
    assert reload.needs_restart(config(), config(*edits)) == fields


def test_what_takes_effect_is_the_rest() -> None:
    old, read = config(), config(("workers: 1", "sessions: 5000"), ("10.96.0.0", "10.97.0.0"))
    new = reload.effective(old, read)
    assert new.engine == old.engine
    assert new.service_subnets == read.service_subnets
    assert reload.needs_restart(new, read) == ["engine.sessions"], "told again at the next reload"


def test_external_routes_are_not_brought_into_a_stub_area() -> None:
    """What announces them is there until a restart, so the stub areas wait for it, too."""
    here = "service_subnets"
    words = "ospf: {{mode: managed, area: 0.0.0.7, route_type: {}, stub_areas: {}}}\n" + here
    external, normal, stub = (
        config((here, words.format(*kinds)))
        for kinds in (("external", "[]"), ("stub", "[]"), ("stub", "[0.0.0.7]"))
    )
    assert reload.needs_restart(external, stub) == ["ospf.route_type", "ospf.stub_areas"]
    assert reload.effective(external, stub).ospf == external.ospf
    for old, new in ((normal, stub), (stub, normal)):
        assert reload.needs_restart(old, new) == []
        assert reload.effective(old, new).ospf == new.ospf


def test_what_the_kernel_may_have_while_it_changes() -> None:
    old, new = config(), config(("[192.0.2.2/24]", "[192.0.2.3/24, 192.0.2.2/24]"))
    (port,) = reload.either(old, new).ports
    assert [str(address) for address in port.addresses] == ["192.0.2.2/24", "192.0.2.3/24"]


def test_a_port_without_kernel_interface_brings_its_own_view() -> None:
    none = ("    addresses", "    kernel_interface: {kind: none}\n    addresses")
    found = config(none)
    assert ports.names(found) == [None]
    view = ports.static_view(found)
    assert [str(route.prefix) for route in view.routes] == ["192.0.2.0/24"]
    assert [str(own.address) for own in view.own] == ["192.0.2.2"]
    assert ports.static_view(config()).routes == ()


LOCAL = ("198.18.0.2", "198.18.0.3", "2001:db8:18::2", "2001:db8:18::3")
SERVICES = [Service(VsKey.parse(f"10.96.0.{n}:{port}/tcp")) for n in (7, 8) for port in (80, 443)]


@pytest.mark.parametrize(
    ("edits", "shown"),
    [
        ([], "10.96.0.0/16 198.18.0.1/32"),
        (
            [("service_subnets", "ospf: {announce: vips}\nservice_subnets")],
            "10.96.0.7/32 10.96.0.8/32 198.18.0.1/32",
        ),
        (
            [("[198.18.0.1]", "[198.18.0.0-198.18.0.7, 198.18.0.9]")],
            "10.96.0.0/16 198.18.0.0/29 198.18.0.9/32",
        ),
        ([("[198.18.0.1]", "[192.0.2.9]")], "10.96.0.0/16"),
    ],
)
def test_what_is_announced(edits: list[tuple[str, str]], shown: str) -> None:
    assert " ".join(announced(config(*edits), SERVICES)) == shown


def announced(config: Config, services: list[Service]) -> list[str]:
    """What is announced of these."""
    return [str(prefix) for prefix in prefixes(config, quorums(config, services))]


def span(text: str) -> Any:
    """A local address of either family."""
    address: Any = ip_address(text)
    return AddressRange(address, address)


def with_ipv6(**fields: Any) -> Config:
    """A config with some of its fields replaced, ports[0]'s among them."""
    found = config()
    port = {name: fields.pop(name) for name in tuple(fields) if hasattr(found.ports[0], name)}
    return replace(found, ports=(replace(found.ports[0], **port),), **fields)


def test_addresses_are_merged_family_by_family() -> None:
    local = [ip_network(text) for text in LOCAL]
    found = [str(prefix) for prefix in collapsed(local)]
    assert found == ["198.18.0.2/31", "2001:db8:18::2/127"]


def test_announced_vips_of_both_families() -> None:
    both = [Service(VsKey.parse(vs)) for vs in ("[2001:db8::1]:80/tcp", "10.96.0.7:80/tcp")]
    wanted = config(("service_subnets", "ospf: {announce: vips}\nservice_subnets"))
    shown = ["10.96.0.7/32", "2001:db8::1/128", "198.18.0.1/32"]
    assert announced(wanted, both) == shown


@pytest.mark.parametrize(
    "fields",
    [
        {"service_subnets": (ip_network("2001:db8:96::/48"),)},
        {"addresses": (ip_interface("2001:db8:2::2/64"),)},
        {"local_addresses": (span(LOCAL[2]),)},
    ],
)
def test_ospf_speaks_the_families_of_the_configuration(fields: dict[str, Any]) -> None:
    assert spoken(config()) == (IPV4,)
    assert spoken(with_ipv6(**fields)) == (IPV4, IPV6)


def test_what_is_announced_takes_no_time_the_api_would_miss() -> None:
    """It is worked out in the event loop, after every change of the tables."""
    most = config(
        ("[198.18.0.1]", "[198.18.0.0-198.18.3.255]"),
        ("[192.0.2.2/24]", "[192.0.2.2/24, 192.0.3.2/24, 192.0.4.2/24]"),
    )
    started = time.process_time()
    assert len(announced(most, SERVICES)) == 2
    assert time.process_time() - started < 0.5

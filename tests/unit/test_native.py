# SPDX-License-Identifier: BSD-3-Clause
"""slbd with the real engine over a tap, in a namespace: it starts, answers, and leaves nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from unit.threaded_client import Client
from unit.until import until

from slb.errors import BadRequest, Duplicate, NotReady, UnknownRs, Unreachable
from slb.model.endpoint import Endpoint, VsKey
from slb.model.service import RealServer, Service

pytest.importorskip("slb._engine", reason="the engine is not built")
pytest_plugins = ["unit.netns_fixture"]

Ip = Callable[[str], str]

FILE = """\
engine:
  workers: 2
  hugepages: false
  sessions: 40960
  mbufs: 8192
ports:
  - name: lan0
    device: "net_tap0,iface=lan0"
    kernel_interface: {{kind: tap}}
    addresses: [192.0.2.2/24]
    routes: [{{to: 0.0.0.0/0, via: 192.0.2.1}}]
    local_addresses: [198.18.0.1-198.18.0.4]
service_subnets: [10.96.0.0/16]
api: {{socket: {folder}/slbd.sock}}
services:
  - vs: 10.96.0.10:80/tcp
    scheduler: wrr
    rs: [{{rs: "10.10.0.1:8080", weight: 5}}]
"""


@pytest.fixture(autouse=True)
def shared(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where EAL keeps what processes share: nothing of it may stay, however slbd ends."""
    folder = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    return folder


def shared_files(folder: Path) -> list[Path]:
    """What is there now."""
    assert (folder / "dpdk").is_dir(), "EAL looks for its directory elsewhere"
    return list((folder / "dpdk").iterdir())


VS = VsKey.parse("10.96.0.10:80/tcp")
RS = Endpoint.parse("10.10.0.1:8080")


async def slbd(file: Path) -> Process:
    """Start slbd."""
    words = (sys.executable, "-P", "-m", "slb.daemon.main", "-c", str(file))
    return await asyncio.create_subprocess_exec(*words, stderr=PIPE)


async def end(process: Process) -> str:
    """Stop slbd and return what it said."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        return (await process.communicate())[1].decode()


def live(
    folder: Path, scenario: Callable[[Client, Process], Awaitable[None]], content: str = FILE
) -> str:
    """Run slbd, the scenario when it answers, and stop it; returns what it said."""

    async def run() -> str:
        file = folder / "slb.yaml"
        file.write_text(content.format(folder=folder))
        process = await slbd(file)
        try:
            client = Client(f"{folder}/slbd.sock")

            async def ready() -> bool:
                if process.returncode is not None:
                    pytest.fail(await end(process))
                try:
                    return bool((await client.version()).pid == process.pid)
                except (Unreachable, NotReady):
                    return False

            await until(ready, "slbd answers")
            await scenario(client, process)
        finally:
            said = await end(process)
        assert process.returncode == 0
        return said

    return asyncio.run(run())


async def check_readings(client: Client) -> None:
    """Every reading has what the file says."""
    (vs,) = await client.vs_list()
    assert (vs.vs, vs.scheduler, vs.rs_count) == (str(VS), "wrr", 1)
    (rs,) = await client.rs_list(VS)
    assert (rs.rs, rs.weight, rs.removed) == (str(RS), 5, False)
    local = {row.address: row.worker for row in await client.laddr_list()}
    assert local == {"198.18.0.1": 0, "198.18.0.2": 1, "198.18.0.3": 0, "198.18.0.4": 1}
    (port,) = await client.port_list()
    assert (port.name, port.kernel_interface, port.kni_kind) == ("lan0", "slb0", "tap")
    routes = {(row.prefix, row.gateway) for row in await client.route_list()}
    assert routes == {("0.0.0.0/0", "192.0.2.1"), ("192.0.2.0/24", None)}
    assert len(await client.steering()) == 1
    assert len((await client.stats()).workers) == 2
    assert "NO_VS" in {row.reason for row in await client.drops()}
    assert await client.session_count() == 0
    assert await client.session_count(vs=VS) == 0
    assert (await client.session_list()).items == []


async def check_changes(client: Client) -> None:
    """Changes take effect and refusals say why."""
    with pytest.raises(Duplicate, match=f"VS {VS} exists already"):
        await client.vs_add(Service(VS))
    with pytest.raises(UnknownRs, match="does not exist"):
        await client.rs_del(VS, Endpoint.parse("10.10.0.9:1"))
    with pytest.raises(BadRequest, match="the address is this host's own"):
        await client.rs_add(VS, RealServer(Endpoint.parse("192.0.2.2:80")))
    before = (await client.version()).generation
    wanted = [Service(VsKey.parse(f"10.96.1.{n}:80/tcp"), "sh") for n in range(1, 201)]
    plan = await client.apply(wanted)
    assert (len(plan.plan), plan.generation) == (201, before + 1)
    assert list((await client.export()).services) == wanted


def affinities(pid: int) -> dict[str, set[frozenset[int]]]:
    """Where threads may run: the lcores, EAL's helper for interrupts, and Python's."""
    found: dict[str, set[frozenset[int]]] = {"lcore": set(), "helper": set(), "python": set()}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text()
        eal = name.startswith(("rte", "eal", "lcore", "dpdk"))
        kind = "python" if not eal else "helper" if "intr" in name else "lcore"
        found[kind].add(frozenset(os.sched_getaffinity(int(task.name))))
    return found


def test_a_whole_life(tmp_path: Path, ip: Ip, shared: Path) -> None:
    async def scenario(client: Client, process: Process) -> None:
        assert shared_files(shared) == [], (
            "what is not there cannot outlive a process that is killed"
        )
        await check_readings(client)
        await check_changes(client)
        assert "192.0.2.2/24" in ip("addr show dev slb0")
        ip("neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev slb0")

        for state in ("down", "up"):
            ip(f"link set lan0 {state}")
            (port,) = await client.port_list()
            assert port.link_up == (state == "up")

        async def mirrored() -> bool:
            return bool(await client.neighbour_list())

        await until(mirrored, "the neighbour")
        seen = await asyncio.to_thread(affinities, process.pid)
        assert seen["python"] == {frozenset(os.sched_getaffinity(0))}
        (helper,) = seen["helper"]
        lcores = frozenset().union(*seen["lcore"])
        assert helper & lcores <= {0}, "but for the admin core's, lcores have their CPUs alone"

    said = live(tmp_path, scenario)
    # Beside who has changed something.
    assert [line for line in said.splitlines() if " by uid " not in line] == [
        # Of both: 4 MB each.
        f"slbd: ready, 2 workers, 1 ports, socket {tmp_path}/slbd.sock, 8 MB for sessions",
        "slbd: stopping",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["slb.yaml"]
    assert shared_files(shared) == []
    assert "slb0" not in ip("link")


def test_less_memory_than_the_kni_core_wants(tmp_path: Path, ip: Ip) -> None:
    """A configuration that names its memory gets what fits into it."""

    async def scenario(client: Client, _: Process) -> None:
        (row,) = await client.steering()
        assert (row.rx_queues, row.kni_queue) == (2, False)
        assert "no queue for the KNI core: engine.memory_mb is 128, and " in row.reason

    content = FILE.replace("net_tap0,iface=lan0", "net_null0,no-rx=1")
    live(tmp_path, scenario, content.replace("workers: 2", "workers: 2\n  memory_mb: 128"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_device_without_rules_is_started_anew(tmp_path: Path, ip: Ip, workers: int) -> None:
    """It has RSS and queues enough for the KNI core to have one, until the rules are refused."""

    async def scenario(client: Client, _: Process) -> None:
        (row,) = await client.steering()
        assert (row.rx_queues, row.kni_queue, row.rules) == (workers, False, 0)
        text = "no queue for the KNI core: the device takes no rule by destination: "
        assert text in row.reason
        assert row.method == ("single" if workers == 1 else "rss-port")
        assert await client.steering_rules() == []
        assert (await client.port_list())[0].rx_queues == workers

    content = FILE.replace("net_tap0,iface=lan0", "net_null0,no-rx=1")
    live(tmp_path, scenario, content.replace("workers: 2", f"workers: {workers}"))
    assert "slb0" not in ip("link")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("net_tap0,iface=lan0", "net_nosuch0"),
        ("net_tap0,iface=lan0", "0000:ff:1f.7"),
        ("{kind: tap}", "{kind: tap, name: lo}"),
    ],
)
def test_a_start_that_fails_is_one_line(
    tmp_path: Path, ip: Ip, shared: Path, old: str, new: str
) -> None:
    async def run() -> None:
        file = tmp_path / "slb.yaml"
        file.write_text(FILE.format(folder=tmp_path).replace(old, new.replace("{{", "{")))
        process = await slbd(file)
        async with asyncio.timeout(20):
            said = (await process.communicate())[1].decode()
        assert process.returncode == 1
        assert said.count("\n") == 1, said
        assert said.startswith("slbd: ")

    asyncio.run(run())
    assert [path.name for path in tmp_path.iterdir()] == ["slb.yaml"]
    assert shared_files(shared) == []
    assert "lan0" not in ip("link")
    assert "slb0" not in ip("link")


TWICE = """\
from slb.engine.native import NativeEngine
from slb.model.codec import convert
from slb.model.config import Config
kernel = {"name": "slb0", "kind": "none"}
port = {"device": "net_null0", "kernel_interface": kernel}
engine = {"hugepages": False, "sessions": 1024, "mbufs": 4096}
engine["cpus"] = {"workers": [0], "admin": 0, "kni": 0}
engine["idle"] = {"workers": "adaptive"}
ports = [{"name": f"lan{n}", "local_addresses": [f"198.18.0.{n}"], **port} for n in (0, 1)]
NativeEngine(convert({"engine": engine, "ports": ports}, Config))
"""


def test_one_device_for_two_ports() -> None:
    """Found by the engine too, which alone knows that two addresses are the same NIC."""
    words = (sys.executable, "-P", "-c", TWICE)
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "EngineError: port lan1: device net_null0 is port lan0's already" in ended.stderr


def test_sigterm_while_the_engine_starts(tmp_path: Path, ip: Ip) -> None:
    async def run() -> None:
        file = tmp_path / "slb.yaml"
        file.write_text(FILE.format(folder=tmp_path))
        process = await slbd(file)

        async def bound() -> bool:
            return (tmp_path / "slbd.sock").exists()

        await until(bound, "the socket")
        assert "Traceback" not in await end(process)
        assert process.returncode == 0

    asyncio.run(run())
    assert [path.name for path in tmp_path.iterdir()] == ["slb.yaml"]
    assert "lan0" not in ip("link")

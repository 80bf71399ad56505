# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's telemetry of a running slbd, as its own tool and as other programs read it."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
from asyncio.subprocess import Process
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.test_native import FILE, live, shared_files, slbd
from unit.threaded_client import Client
from unit.until import until

pytest.importorskip("slb._engine", reason="the engine is not built")
pytest_plugins = ["unit.netns_fixture"]

Ip = Callable[[str], str]
SOCKET = "dpdk_telemetry.v2"
ON = FILE.replace("workers: 2", "workers: 2\n  telemetry: true")
TOOL = shutil.which("dpdk-telemetry.py")
FIELDS = ("rx_packets", "tx_packets", "dropped", "sessions_active", "sessions_capacity", "cpu")


@pytest.fixture(autouse=True)
def shared(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where EAL keeps what processes share."""
    folder = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    return folder


@contextlib.contextmanager
def connected(shared: Path) -> Iterator[Callable[[str], Any]]:
    """What a command of the socket answers."""
    (path,) = (shared / "dpdk").glob(f"*/{SOCKET}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as end:
        end.settimeout(10)
        end.connect(str(path))
        room = json.loads(end.recv(1024))["max_output_len"]

        def ask(command: str) -> Any:
            end.send(command.encode())
            return json.loads(end.recv(room))[command.partition(",")[0]]

        yield ask


def by_tool(shared: Path, *commands: str) -> list[Any]:
    """What dpdk-telemetry.py prints."""
    assert TOOL is not None
    (directory,) = shared_files(shared)
    lines = "".join(f"{command}\n" for command in (*commands, "quit"))
    words = [TOOL, "-f", directory.name]
    done = subprocess.run(words, input=lines, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_slb_beside_ethdev(tmp_path: Path, ip: Ip, shared: Path) -> None:
    """Every figure is the API's; wrong parameters get nothing; nothing is left at the end."""

    async def scenario(client: Client, _: Process) -> None:
        version = await client.version()
        workers = {row.worker: row for row in (await client.stats()).workers}
        drops = [row.reason for row in await client.drops()]
        with connected(shared) as ask:
            assert ask("/slb/info") == {"generation": version.generation, "workers": 2, "vs": 1}
            assert ask("/slb/worker/list") == [0, 1]
            for number, row in workers.items():
                found = ask(f"/slb/worker/stats,{number}")
                assert all(found[name] >= getattr(row, name) for name in FIELDS)
                assert found["sessions_capacity"] == row.sessions_capacity > 0
            assert sorted(ask("/slb/drops")) == sorted(drops)
            each = [ask(f"/slb/drops,{worker}") for worker in workers]
            for wrong in ("2", "-1", "x", "0x", "99999999999999999999"):
                assert ask(f"/slb/worker/stats,{wrong}") is None
                assert ask(f"/slb/drops,{wrong}") is None
            assert ask("/slb/worker/stats") is None
            total = ask("/slb/drops")
            assert all(total[name] >= sum(one[name] for one in each) for name in drops)
            assert ask("/ethdev/list") == [0]
            assert "ipackets" in ask("/ethdev/stats,0")

    live(tmp_path, scenario, ON)
    assert shared_files(shared) == []


@pytest.mark.skipif(TOOL is None, reason="this DPDK has no dpdk-telemetry.py")
def test_dpdks_own_tool(tmp_path: Path, ip: Ip, shared: Path) -> None:
    async def scenario(_client: Client, _process: Process) -> None:
        info, links = await asyncio.to_thread(by_tool, shared, "/slb/info", "/ethdev/list")
        assert info["/slb/info"]["workers"] == 2
        assert links["/ethdev/list"] == [0]

    live(tmp_path, scenario, ON)


def test_after_a_crash(tmp_path: Path, ip: Ip, shared: Path) -> None:
    """The socket that a killed slbd leaves behind is the next one's; also while it is read."""

    async def crash() -> None:
        (tmp_path / "slb.yaml").write_text(ON.format(folder=tmp_path))
        process = await slbd(tmp_path / "slb.yaml")

        async def shown() -> bool:
            assert process.returncode is None
            try:
                with connected(shared) as ask:
                    return ask("/slb/info") is not None
            except (OSError, ValueError, KeyError):
                return False

        await until(shown, "the telemetry answers")
        process.kill()
        await process.communicate()

    asyncio.run(crash())
    assert shared_files(shared) != []

    def read_on(ask: Callable[[str], Any]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                ask("/slb/drops")

    async def scenario(_: Client, process: Process) -> None:
        with connected(shared) as ask:
            assert ask("/slb/info")["vs"] == 1
            process.terminate()
            await asyncio.to_thread(read_on, ask)
        await process.wait()

    live(tmp_path, scenario, ON)
    assert shared_files(shared) == []
    assert os.listdir(tmp_path) == ["slb.yaml"]

# SPDX-License-Identifier: BSD-3-Clause
"""The life of slbd around an engine in memory: start, serve, reload, stop, in a namespace."""

import asyncio
import math
import os
import signal
import socket
import sys
import threading
import urllib.request
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from unit.daemon_life import FILE, MAC, Life, reload, said
from unit.memory_engine import MemoryEngine, port_view
from unit.threaded_client import Client
from unit.until import until

from slb.config.loader import load
from slb.daemon.daemon import Daemon
from slb.daemon.main import main
from slb.engine.protocol import Engine
from slb.errors import EngineError, KernelError, NotReady, SlbError
from slb.model.config import Config
from slb.model.endpoint import Endpoint, VsKey
from slb.model.forwarding import Wanted
from slb.model.service import Service

pytest_plugins = ["unit.daemon_life_fixture"]


def test_a_whole_life(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        assert [row.vs for row in await client.vs_list()] == ["10.96.0.10:80/tcp"]
        assert "192.0.2.2/24" in life.ip("addr show dev slb0")
        own = life.engine.views[-1].own
        assert [str(one.address) for one in own] == ["192.0.2.2", "fe80::ff:fe00:aa"]
        assert [r for r in life.engine.views[-1].routes if r.gateway]
        assert (await client.ospf()).mode == "off"

    life.live(scenario)
    assert life.engine.calls == ["quiesce", "close"]
    assert life.left() == []
    mb = math.ceil(sum(row.session_bytes for row in life.engine.worker_list()) / 2**20)
    said = f"ready, 1 workers, 1 ports, socket {life.socket}, {mb} MB for sessions"
    assert said in caplog.text


def test_a_wanted_neighbour_is_asked_for(life: Life) -> None:
    async def scenario(_: Client) -> None:
        life.engine.events = [Wanted(IPv4Address("192.0.2.77"), 0)]

        async def asked() -> bool:
            return "192.0.2.77" in await asyncio.to_thread(life.ip, "neigh show dev slb0")

        await until(asked, "the kernel asks for the neighbour")

    life.live(scenario)


@pytest.mark.parametrize("broken", ["engine", "kernel", "service"])
def test_a_start_that_fails_leaves_nothing(life: Life, broken: str) -> None:
    def opener(config: Config) -> Engine:
        if broken == "engine":
            raise EngineError(12, "no hugepages are free; reserve some or set hugepages: false")
        return life.open(config)

    if broken == "kernel":
        life.engine.ports = [port_view("lan0", "01:00:5e:00:00:01")]
    if broken == "service":
        life.engine = MemoryEngine(vs_max=0)
        life.engine.ports = [port_view("lan0", MAC)]

    async def scenario(_: Client) -> None:
        pytest.fail("it started")

    with pytest.raises(SlbError) as error:
        life.live(scenario, opener)
    assert "\n" not in str(error.value)
    assert life.left() == []
    assert life.engine.calls == ([] if broken == "engine" else ["close"])


def test_an_interface_that_the_engine_did_not_make(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slb.kernel.interface.APPEAR_S", 0.1)

    async def scenario(_: Client) -> None:
        pytest.fail("it started")

    with pytest.raises(KernelError, match="slb0 did not appear"):
        life.live(scenario, lambda _: life.engine)
    assert life.engine.calls == ["close"]


def test_sigterm_during_the_start(life: Life) -> None:
    """EAL's start cannot be broken off: the stop waits for it, then everything is undone."""
    opening, go_on = threading.Event(), threading.Event()

    def opener(config: Config) -> Engine:
        opening.set()
        go_on.wait(10)
        return life.open(config)

    async def run() -> None:
        config = load(str(life.file), range(4))
        running = asyncio.create_task(Daemon(str(life.file), config, opener).run())
        await asyncio.to_thread(opening.wait, 10)
        with pytest.raises(NotReady, match="slbd is starting"):
            await Client(life.socket).version()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)
        go_on.set()
        await running

    asyncio.run(run())
    assert life.engine.calls == ["close"]
    assert life.left() == []


def test_a_second_daemon_is_refused(life: Life) -> None:
    async def scenario(client: Client) -> None:
        words = (sys.executable, "-P", "-m", "slb.daemon.main", "-c", str(life.file))
        second = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
        _, said = await second.communicate()
        text = "another slbd serves it; stop that one, or give this one another api.socket"
        assert said.decode() == f"slbd: api.socket {life.socket}: {text}\n"
        assert second.returncode == 2
        assert (await client.version()).pid == os.getpid()

    life.live(scenario)


def test_reload(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        by_hand = VsKey.parse("10.96.0.99:80/tcp")
        await client.vs_add(Service(by_hand))
        life.edit('"10.10.0.1:8080"', '"10.10.0.2:8080"')
        life.edit("[192.0.2.2/24]", "[192.0.2.2/24, 192.0.2.3/24]")
        life.edit("[10.96.0.0/16]", "[10.96.0.0/16, 10.97.0.0/16]")
        life.edit("    routes", "    mtu: 1400\n    routes")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(said(caplog, "reloaded"), "the reload")
        assert "ports[0].mtu: needs a restart" in caplog.text
        assert caplog.text.count("needs a restart") == 1
        assert [row.rs for row in await client.rs_list()] == ["10.10.0.2:8080"]
        assert [row.vs for row in await client.vs_list()] == ["10.96.0.10:80/tcp", str(by_hand)]
        assert "192.0.2.3/24" in life.ip("addr show dev slb0")
        await client.vs_add(Service(VsKey.parse("10.97.0.1:80/tcp")))

    life.live(scenario)


def test_a_reload_names_what_slbctl_added_to_a_subnet_that_is_gone(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        await client.vs_add(Service(VsKey.parse("10.96.0.99:80/tcp")))
        life.edit("10.96.0.0/16", "10.97.0.0/16")
        life.edit("10.96.0.10", "10.97.0.10")
        await reload(caplog, "reloaded")
        assert "VS 10.96.0.99:80/tcp lies in no service subnet (10.97.0.0/16)" in caplog.text
        assert caplog.text.count("it stays until slbctl deletes it") == 1
        listed = [row.vs for row in await client.vs_list()]
        assert listed == ["10.96.0.99:80/tcp", "10.97.0.10:80/tcp"]

    life.live(scenario)


def test_a_reload_of_a_wrong_file_changes_nothing(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        before = life.engine.generation()
        life.edit("services:", "colour: red\nservices:")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(said(caplog, "reload refused, nothing has changed"), "the refusal")
        assert f"{life.file}:9: colour: no such key" in caplog.text
        assert life.engine.generation() == before
        trouble = (await client.version()).reload_trouble
        assert trouble.startswith(f"{life.file}:9: colour: no such key")
        life.edit("colour: red\n", "")
        life.edit("10.96.0.10:80/tcp", "10.96.0.11:80/tcp")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(said(caplog, "reloaded"), "the reload")
        assert (await client.version()).reload_trouble == ""
        assert [row.vs for row in await client.vs_list()] == ["10.96.0.11:80/tcp"]

    life.live(scenario)


def test_a_reload_that_the_kernel_refused_is_completed_by_the_next(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        life.ip("link set slb0 down")
        life.edit("[192.0.2.2/24]", "[192.0.2.2/24, 192.0.2.3/24]")
        life.edit("10.10.0.1", "10.10.0.2")
        await reload(caplog, "reload failed: kernel interface slb0: route to 10.0.0.0/8: ")
        assert [row.rs for row in await client.rs_list()] == ["10.10.0.2:8080"]
        life.ip("link set slb0 up")
        await reload(caplog, "reloaded")
        assert "10.0.0.0/8 via 192.0.2.1" in life.ip("route"), "lost with the link, set again"

    life.live(scenario)


def test_a_refused_address_is_taken_back_by_a_reload_of_the_old_file(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    before = life.file.read_text()

    async def scenario(_: Client) -> None:
        life.ip("link set slb0 down")
        life.edit("[192.0.2.2/24]", "[192.0.2.2/24, 192.0.2.3/24]")
        await reload(caplog, "reload failed")
        assert "192.0.2.3/24" in life.ip("addr show dev slb0")
        life.ip("link set slb0 up")
        life.write(before)
        await reload(caplog, "reloaded")
        assert "192.0.2.3/24" not in life.ip("addr show dev slb0")

    life.live(scenario)


def test_a_reload_without_the_interface_says_so(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(client: Client) -> None:
        life.ip("link del slb0")
        await reload(caplog, "reload failed: kernel interface slb0 is gone; restart slbd")
        await client.version()

    life.live(scenario)


def test_a_reload_outlives_the_loss_of_the_socket(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        moved = f"{life.folder}/moved.sock"
        os.rename(life.socket, moved)
        await reload(caplog, "reloaded")
        lost = f"api.socket {life.socket}: No such file or directory; slbctl finds slbd again"
        assert lost in caplog.text
        await Client(moved).version()

    life.live(scenario)
    assert life.engine.calls == ["quiesce", "close"]


def test_routes_are_withdrawn_before_anything_stops(life: Life, recorded: list[str]) -> None:
    async def scenario(client: Client) -> None:
        assert recorded[:2] == ["start", "10.96.0.10/32 198.18.0.1/32"]
        await client.vs_add(Service(VsKey.parse("10.96.0.20:80/tcp")))

        async def announced() -> bool:
            return recorded[-1] == "10.96.0.10/32 10.96.0.20/32 198.18.0.1/32"

        await until(announced, "the new VIP")
        del recorded[:]

    life.live(scenario)
    assert recorded == ["withdraw: slbd is stopping", "quiesce", "stop", "close"]


def test_other_ways_are_taken_before_the_routes_go(life: Life, recorded: list[str]) -> None:
    life.edit("announce: vips", "announce: vips, drain_s: 7")

    async def scenario(_: Client) -> None:
        del recorded[:]

    life.live(scenario)
    assert recorded[:3] == ["drain: 7", "withdraw: slbd is stopping", "quiesce"]


def test_without_announcements_nobody_drains(life: Life, recorded: list[str]) -> None:
    """The VIP has gone, and the neighbours ask for the local address themselves."""
    life.edit("announce: vips", "announce: vips, drain_s: 7")
    life.edit("[192.0.2.2/24]", "[192.0.2.2/24, 198.18.0.254/24]")

    async def scenario(client: Client) -> None:
        assert recorded[-1] == "10.96.0.10/32"
        await client.apply([])

        async def gone() -> bool:
            return recorded[-1] == ""

        await until(gone, "no prefix")

    life.live(scenario)
    assert recorded[-5:] == ["", "withdraw: slbd is stopping", "quiesce", "stop", "close"]


def test_what_is_well_again_is_held_back(life: Life, recorded: list[str]) -> None:
    """All of it when workers stood still; one VIP whose RS were too few; and it is told why."""
    life.edit("announce: vips", "announce: vips, hold_s: 3600, quorum: 1")

    async def scenario(client: Client) -> None:
        await until(told("10.96.0.10/32 198.18.0.1/32"), "the VIP")
        vs = VsKey.parse("10.96.0.10:80/tcp")
        rs = Endpoint.parse("10.10.0.1:8080")
        await client.rs_edit(vs, rs, 0)
        await until(told("198.18.0.1/32"), "the VIP withdrawn")
        assert (await client.ospf()).held == {"10.96.0.10/32": "no quorum"}
        await client.rs_edit(vs, rs, 1)
        life.engine.running = False
        await until(told("withdraw: worker 0, 1 stands still"), "the withdrawal")
        life.engine.running = True

        async def waiting() -> bool:
            return len((await client.ospf()).held) == 2

        await until(waiting, "both held")
        assert all("well again" in why for why in (await client.ospf()).held.values())
        since = recorded[recorded.index("198.18.0.1/32") :]
        assert "resume" not in since and "10.96.0.10/32 198.18.0.1/32" not in since

    def told(what: str) -> Callable[[], Awaitable[bool]]:
        async def condition() -> bool:
            return what in recorded

        return condition

    life.live(scenario)


def test_workers_that_stand_still_withdraw_and_come_back(life: Life, recorded: list[str]) -> None:
    async def scenario(_: Client) -> None:
        life.engine.running = False
        await until(told("withdraw: worker 0, 1 stands still"), "the withdrawal")
        life.engine.running = True
        await until(told("resume"), "the return")

    def told(what: str) -> Callable[[], Awaitable[bool]]:
        async def condition() -> bool:
            return what in recorded

        return condition

    life.live(scenario)


def test_reload_of_what_is_announced(life: Life, recorded: list[str]) -> None:
    async def scenario(_: Client) -> None:
        life.edit("announce: vips", "announce: subnets")
        os.kill(os.getpid(), signal.SIGHUP)

        async def announced() -> bool:
            return recorded[-1] == "10.96.0.0/16 198.18.0.1/32"

        await until(announced, "the subnet")

    life.live(scenario)


def test_reload_of_keys_and_costs(life: Life, recorded: list[str]) -> None:
    """The files are read again, though slb.yaml may say what it said."""
    key = life.file.with_name("key")
    key.write_text("one\n")
    key.chmod(0o600)
    keys = f"auth: {{algorithm: md5, keys: [{{id: 1, secret_file: {key}}}]}}"
    life.edit("announce: vips", f"announce: vips, cost: 5, {keys}")

    def told(what: str) -> Callable[[], Awaitable[bool]]:
        async def condition() -> bool:
            return what in recorded

        return condition

    async def scenario(_: Client) -> None:
        key.write_text("two\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(told("cost 5, two"), "the key")
        life.edit("cost: 5", "cost: 7")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(told("cost 7, two"), "the cost")

    life.live(scenario)


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["--check", "-c", "{good}"], 0, "good"),
        (["-c", "{wrong}"], 2, "wrong.yaml:1: colour: no such key"),
        (["-c", "/nowhere.yaml"], 2, "/nowhere.yaml: cannot be read"),
    ],
)
def test_exit_status(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, words: list[str], status: int, text: str
) -> None:
    caplog.set_level("INFO")
    paths = {"good": tmp_path / "good.yaml", "wrong": tmp_path / "wrong.yaml"}
    paths["good"].write_text(FILE.format(folder=tmp_path))
    paths["wrong"].write_text("colour: red\n" + FILE.format(folder=tmp_path))
    assert main([word.format(**paths) for word in words]) == status
    assert text in caplog.text


def test_a_defect_is_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ExceptionGroup("several", [ZeroDivisionError("by zero")])

    monkeypatch.setattr("slb.daemon.command.load", broken)
    assert main(["-c", "x"]) == 1
    assert "a defect: ZeroDivisionError: by zero; --verbose shows where" in caplog.text
    assert "Traceback" not in caplog.text


def test_interrupted_while_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("slb.daemon.command.run", interrupted)
    assert main([]) == 130


def test_metrics_on_an_address(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """Served from the start to the end; reloads are counted, and change metrics.rs_max."""
    caplog.set_level("INFO")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = "{}:{}".format(*free.getsockname())
    life.write(f'{life.file.read_text()}metrics: {{address: "{address}", rs_max: 1}}\n')

    def scrape() -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    async def scenario(_: Client) -> None:
        text = await asyncio.to_thread(scrape)
        assert 'slb_rs_weight{rs="10.10.0.1:8080",vs="10.96.0.10:80/tcp"} 1.0' in text
        assert "slb_rs_left_out 0.0" in text
        assert 'slb_transactions_total{result="done"} 1.0' in text
        life.edit("rs_max: 1", "rs_max: 0")
        await reload(caplog, "reloaded")
        text = await asyncio.to_thread(scrape)
        assert "slb_rs_left_out 1.0" in text
        assert "slb_rs_weight" not in text
        assert 'slb_reloads_total{result="done"} 1.0' in text
        assert "slb_reload_failed 0.0" in text
        life.edit("rs_max: 0", "rs_max: -1")
        await reload(caplog, "reload refused")
        text = await asyncio.to_thread(scrape)
        assert 'slb_reloads_total{result="refused"} 1.0' in text
        assert "slb_reload_failed 1.0" in text

    life.live(scenario)
    with pytest.raises(OSError):
        scrape()

# SPDX-License-Identifier: BSD-3-Clause
"""What systemd hears of slbd's life."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.daemon_life import Life, reload
from unit.threaded_client import Client
from unit.until import until

from slb.api.backend import LISTINGS
from slb.daemon.announce import Announce
from slb.daemon.daemon import THREADS
from slb.model.views import RsView
from slb.notify import Notify

pytest_plugins = ["unit.daemon_life_fixture"]


class Listener:
    """systemd's end; collects the datagrams, each a set of lines."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        self.heard: list[str] = []

    def hear(self) -> list[str]:
        """Everything until now but the signs of life."""
        try:
            while True:
                self.heard.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return [text for text in self.heard if text != "WATCHDOG=1"]

    def beats(self) -> int:
        """How many signs of life there were."""
        self.hear()
        return self.heard.count("WATCHDOG=1")


@pytest.fixture
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    listener = Listener(str(tmp_path_factory.mktemp("systemd") / "notify"))
    yield listener
    listener.socket.close()


@pytest.fixture
def watched(systemd: Listener, monkeypatch: pytest.MonkeyPatch) -> Listener:
    """With a watchdog, and before the daemon is made."""
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.socket.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    return systemd


def test_a_life(watched: Listener, life: Life, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def scenario(client: Client) -> None:
        async def beating() -> bool:
            return watched.beats() > 2

        await until(beating, "signs of life")
        await reload(caplog, "reloaded")
        life.edit("[198.18.0.1]", "[198.18.0.x]")
        await reload(caplog, "reload refused")

    life.live(scenario)
    ready, *reloads, stopping = watched.hear()
    assert ready == "READY=1\nSTATUS=forwarding"
    assert stopping == "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=30000000"
    assert [text.split("=")[0] for text in reloads] == ["RELOADING", "READY"] * 2
    assert "\nMONOTONIC_USEC=" in reloads[0]
    assert reloads[1] == "READY=1\nSTATUS=forwarding"
    assert reloads[3].startswith("READY=1\nSTATUS=forwarding; reload refused: ")
    assert "198.18.0.x" in reloads[3] and reloads[3].count("\n") == 1


def test_no_sign_of_life_of_a_worker_that_stands_still(watched: Listener, life: Life) -> None:
    async def scenario(client: Client) -> None:
        async def stands() -> bool:
            return "STATUS=worker 0, 1 stands still" in watched.hear()

        async def lives() -> bool:
            return watched.hear()[-1] == "STATUS=forwarding"

        life.engine.running = False
        await until(stands, "the word of it")
        before = watched.beats()
        # A round of the heartbeat later than the word.
        await client.version()
        assert watched.beats() == before
        life.engine.running = True
        await until(lives, "the word that they turn")

    life.live(scenario)


def test_signs_of_life_while_neighbours_do_not_acknowledge(
    watched: Listener, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawal may take longer than the watchdog waits, while the workers run again."""
    acknowledged = asyncio.Event()

    async def slow(_: Announce, reason: str) -> None:
        await acknowledged.wait()

    monkeypatch.setattr(Announce, "withdraw", slow)

    async def scenario(client: Client) -> None:
        async def stands() -> bool:
            return "STATUS=worker 0, 1 stands still" in watched.hear()

        life.engine.running = False
        await until(stands, "the word of it")
        life.engine.running = True
        before = watched.beats()

        async def beating() -> bool:
            return watched.beats() > before + 2

        await until(beating, "signs of life")
        assert watched.hear()[-1] == "STATUS=worker 0, 1 stands still"
        acknowledged.set()

        async def lives() -> bool:
            return watched.hear()[-1] == "STATUS=forwarding"

        await until(lives, "the word that they turn")

    life.live(scenario)


def test_signs_of_life_while_everything_is_listed(watched: Listener, life: Life) -> None:
    """Readers who have every thread wait are no stalled workers; few lists are made at a time."""
    go_on, at_once, most = threading.Event(), [0], [0]
    rs_list = life.engine.rs_list

    def slow() -> list[RsView]:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        go_on.wait(30)
        at_once[0] -= 1
        return rs_list()

    life.engine.rs_list = slow  # type: ignore[method-assign]

    async def scenario(client: Client) -> None:
        others = [Client(life.socket) for _ in range(3)]
        ask = [other.rs_list() for other in others for _ in range(16)]
        assert len(ask) > THREADS
        readers = [asyncio.ensure_future(one) for one in ask]

        async def all_wait() -> bool:
            return most[0] == LISTINGS

        await until(all_wait, "lists under way")
        before = watched.beats()

        async def beating() -> bool:
            return watched.beats() > before + 4

        await until(beating, "signs of life")
        assert (await client.version()).generation
        go_on.set()
        await asyncio.gather(*readers)
        assert most[0] == LISTINGS

    life.live(scenario)


def test_readiness_is_not_told_before_it_is_there(watched: Listener, life: Life) -> None:
    life.write("ports: []\n")
    with pytest.raises(Exception, match="ports"):
        life.live(lambda client: pytest.fail("it answers"))
    assert watched.hear() == []


def test_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"slb-test-{os.getpid()}"
    listener = Listener(f"\0{name}")
    notify = Notify({"NOTIFY_SOCKET": f"@{name}"})
    notify.status("one\nline")
    notify.alive()
    assert listener.hear() == ["STATUS=one line"]
    assert listener.beats() == 0, "there is no watchdog"
    listener.socket.close()


@pytest.mark.parametrize("address", ["", "/nowhere/at/all"])
def test_nobody_listens(address: str, tmp_path: Path) -> None:
    Notify({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"}).alive()
    Notify({}).ready("forwarding")


def test_the_signal_of_the_unit_is_that_of_a_reload() -> None:
    unit = Path(__file__).parents[2] / "configs/systemd/slbd.service"
    assert f"-{signal.SIGHUP.name.removeprefix('SIG')} $MAINPID" in unit.read_text()

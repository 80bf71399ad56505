# SPDX-License-Identifier: BSD-3-Clause
"""The process slb-agent with agent.yaml: its signals, and what it writes to its log."""

import contextlib
import grp
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S
from unit.secure_agent import Place

from rig.waiting import wait
from slb.api.tokens import new_token

pytest_plugins = ["unit.daemon_fixture", "unit.secure_fixture"]

AGENT = str(Path(sys.executable).with_name("slb-agent"))


@pytest.fixture
def start(
    place: Place, daemon: FakeDaemon
) -> Iterator[Callable[[], tuple[subprocess.Popen[bytes], Path]]]:
    """Starts the agent, logging all it can, and tells its log."""
    daemon.add(FIRST, r1=1)
    log = place.folder / "log"
    with contextlib.ExitStack() as stack:

        def start() -> tuple[subprocess.Popen[bytes], Path]:
            words = ["--config", str(place.config), "--socket", str(place.folder / "a.sock")]
            words += ["--state", str(place.folder / "state"), "--slbd", str(daemon.socket), "-v"]
            out = stack.enter_context(log.open("wb"))
            process = subprocess.Popen([AGENT, *words], stderr=out)
            stack.callback(process.wait, 10)
            stack.callback(process.kill)
            wait(lambda: "ready, socket" in log.read_text(), PATIENCE_S, "the agent's start")
            return process, log

        yield start


def test_sighup_and_a_log_without_secrets(
    place: Place, start: Callable[[], tuple[subprocess.Popen[bytes], Path]]
) -> None:
    process, log = start()
    token, wrong, short = place.tokens["operator"], new_token(), "slb_short-and-wrong"
    wait(lambda: place.ask("GET", "/status", token=token).body["slbd"] == "applied", 10, "slbd")
    assert place.ask("POST", "/rollback", {"generation": 7}, token=token).status == 409
    for other in (wrong, short):
        assert place.ask("GET", "/vs", token=other).status == 401
    place.config.write_text("tokens: 5\n")
    process.send_signal(signal.SIGHUP)
    wait(lambda: "stays in force as it was" in log.read_text(), PATIENCE_S, "the reload")
    assert place.ask("GET", "/vs", token=token).status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    text = log.read_text()
    assert not [part for part in (token, wrong, short) if part in text or part[4:] in text]
    records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert [(line["who"], line["status"]) for line in records] == [
        ("token operator", 409),
        (None, 401),
        (None, 401),
    ]
    others = [line for line in text.splitlines() if not line.startswith("{")]
    assert all(line.startswith("slb-agent: ") for line in others)


def test_signs_of_life(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[[], tuple[subprocess.Popen[bytes], Path]],
) -> None:
    """They go on coming, and none comes of an agent that hangs."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", systemd.getsockname())
        monkeypatch.setenv("WATCHDOG_USEC", "600000")
        process, _ = start()
        assert systemd.recv(4096).decode().startswith("READY=1")
        assert {systemd.recv(4096) for _ in range(5)} == {b"WATCHDOG=1"}
        process.send_signal(signal.SIGSTOP)
        wait(lambda: "T (stopped)" in Path(f"/proc/{process.pid}/status").read_text(), 5, "a stop")
        systemd.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                systemd.recv(4096)
        systemd.settimeout(0.6)
        with pytest.raises(TimeoutError):
            systemd.recv(4096)


def test_a_wrong_file_ends_the_start(place: Place, daemon: FakeDaemon) -> None:
    place.config.write_text("listen: [127.0.0.1:8443]\n")
    words = ["--config", str(place.config), "--socket", str(place.folder / "a.sock")]
    words += ["--state", str(place.folder / "state"), "--slbd", str(daemon.socket)]
    done = subprocess.run([AGENT, *words], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    first = done.stderr.splitlines()[0]
    assert first.startswith(f"slb-agent: {place.config}:1: listen: there is no TLS without")


@pytest.mark.parametrize("option", ["--socket", "--slbd", "--state"])
def test_an_empty_path(option: str) -> None:
    """As of a variable that is unset; the usual path would be a surprise."""
    done = subprocess.run([AGENT, option, ""], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    line = f"slb-agent: error: argument {option}: it is empty; write a path, or leave it out"
    assert done.stderr.splitlines()[-1] == line


def test_who_may_have_the_socket(tmp_path: Path, daemon: FakeDaemon) -> None:
    """Its mode and group, as the command line says, or as usual; and what is on disk is its own."""
    group = next(one for one in grp.getgrall() if one.gr_gid not in os.getgroups())
    for words, mode, gid in (
        ([], 0o660, os.getgid()),
        (["--mode", "0600"], 0o600, os.getgid()),
        (["--group", group.gr_name, "--mode", "0640"], 0o640, group.gr_gid),
    ):
        sock, state = tmp_path / "agent.sock", tmp_path / "state"
        asked = ["--socket", str(sock), "--state", str(state), "--slbd", str(daemon.socket)]
        # Whatever umask whoever starts it has.
        process = subprocess.Popen([AGENT, *asked, *words], umask=0, stderr=subprocess.DEVNULL)
        try:
            wait(lambda: sock.exists() and [*state.glob("state-*")], PATIENCE_S, "its socket")  # noqa: B023
            found = sock.stat()
            assert (stat.S_IMODE(found.st_mode), found.st_gid) == (mode, gid)
            assert stat.S_IMODE(state.stat().st_mode) == 0o700
            assert {stat.S_IMODE(file.stat().st_mode) for file in state.iterdir()} == {0o600}
        finally:
            process.terminate()
            assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mode", "1777"], "1777"),
        (["--mode", "abc"], "abc"),
        (["--group", "nobody-has-this"], "there is no group nobody-has-this; see --group"),
    ],
)
def test_a_socket_that_cannot_be(tmp_path: Path, words: list[str], said: str) -> None:
    asked = ["--socket", str(tmp_path / "a.sock"), "--state", str(tmp_path / "state")]
    done = subprocess.run([AGENT, *asked, *words], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr

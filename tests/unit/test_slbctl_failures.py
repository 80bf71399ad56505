# SPDX-License-Identifier: BSD-3-Clause
"""Whatever goes wrong: one line on stderr, the right exit status, never a traceback."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon
from unit.slbctl_run import failure, slbctl

from slbctl.root import cli

pytest_plugins = ["unit.daemon_fixture"]

VS = "10.96.0.10:80/tcp"


@contextmanager
def listening(path: Path, says: bytes | None) -> Iterator[None]:
    """Something that is no daemon: it says its line to everybody, or nothing, and hangs up."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=_talk, args=(server, says), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _talk(server: socket.socket, says: bytes | None) -> None:
    while True:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        with peer:
            peer.recv(65536)
            if says is not None:
                peer.sendall(says)


def test_no_socket(tmp_path: Path) -> None:
    line = failure(slbctl(tmp_path / "none.sock", "vs", "list"), 3)
    assert line.startswith(f"no slbd at {tmp_path}/none.sock: ") and "slbd running" in line


def test_a_socket_that_nobody_serves(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "dead.sock"))
        line = failure(slbctl(tmp_path / "dead.sock", "vs", "add", VS), 3)
    assert "nobody listens there" in line


def test_a_path_that_can_be_no_socket(tmp_path: Path) -> None:
    failure(slbctl(tmp_path / ("x" * 200), "vs", "list"), 3)
    failure(slbctl(tmp_path, "vs", "list"), 3)
    failure(slbctl("a\nb", "vs", "list"), 3)


@pytest.mark.parametrize("says", [None, b"SSH-2.0-OpenSSH_9.2\r\n", b"\xff" * 5000])
def test_something_else_at_the_socket(tmp_path: Path, says: bytes | None) -> None:
    path = tmp_path / "other.sock"
    with listening(path, says):
        assert failure(slbctl(path, "vs", "list"), 3).startswith(f"no slbd at {path}: ")


def test_version_tells_its_own_when_no_daemon_answers(tmp_path: Path) -> None:
    result = slbctl(tmp_path / "none.sock", "version")
    assert (result.status, result.out.split()[0], len(result.lines)) == (3, "slbctl", 1)
    failure(slbctl(tmp_path / "none.sock", "version", "--json"), 3)


def test_a_daemon_that_is_late(daemon: FakeDaemon) -> None:
    daemon.hold = threading.Event()
    line = failure(slbctl(daemon.socket, "--timeout", "0.2", "vs", "add", VS), 4)
    assert line == (
        f"slbd at {daemon.socket} did not answer within 0.2 s; "
        "a change may still happen, so look before repeating it"
    )


def test_a_reading_that_is_late_changes_nothing(daemon: FakeDaemon) -> None:
    daemon.hold = threading.Event()
    line = failure(slbctl(daemon.socket, "--timeout", "0.2", "vs", "list"), 4)
    assert line == f"slbd at {daemon.socket} did not answer within 0.2 s"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "3601", "soon"])
def test_a_timeout_that_is_none(daemon: FakeDaemon, seconds: str) -> None:
    line = failure(slbctl(daemon.socket, "--timeout", seconds, "vs", "list"), 2)
    assert line == f"'--timeout': {seconds!r} is no time; write seconds above 0, at most 3600"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b'{"items":[{"vs":"\xff"}]}',
        b'{"items":[{"vs":"10.96.0.10:80/tcp","rules":[]}]}',
        b'{"items":{}}',
        b'{"rows":[]}',
        b'{"items":[],"more":' + b"[" * 100_000,
        b'{"items":[{"vs":' + b"9" * 10_000,
    ],
)
@pytest.mark.parametrize("status", [200, 404])
def test_an_answer_that_cannot_be_read(daemon: FakeDaemon, body: bytes, status: int) -> None:
    daemon.answer("vs", body, status)
    line = failure(slbctl(daemon.socket, "vs", "list", "--json"), 4)
    assert len(line) < 300


def test_an_answer_of_a_newer_daemon_may_hold_more(daemon: FakeDaemon) -> None:
    daemon.answer("neighbours", b'{"items":[{"address":"a","mac":"m","port":"p","vlan":7}],"of":1}')
    assert slbctl(daemon.socket, "neigh", "list").lines == ["ADDRESS MAC PORT", "a m p"]


def test_an_error_of_another_version(daemon: FakeDaemon) -> None:
    daemon.answer("vs", b'{"error":{"code":"teapot","message":"short\\nand \\u001b[1mstout"}}', 418)
    assert failure(slbctl(daemon.socket, "vs", "list"), 4) == "short and ?[1mstout"


def test_a_daemon_that_is_not_ready(daemon: FakeDaemon) -> None:
    body = b'{"error":{"code":"not_ready","message":"slbd is starting"}}'
    daemon.answer("vs", body, 503)
    assert failure(slbctl(daemon.socket, "vs", "list"), 1) == "slbd is starting; try again shortly"


def test_a_defect_of_ours_is_a_line_too(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("no\nway")

    monkeypatch.setattr(cli.commands["steering"], "callback", broken)
    line = failure(slbctl(daemon.socket, "steering"), 4)
    assert line == "unexpected ZeroDivisionError: no way; please report it"


def test_the_socket_may_be_given_either_way(daemon: FakeDaemon, tmp_path: Path) -> None:
    words = ("--socket", str(daemon.socket), "session", "count")
    assert slbctl(tmp_path / "none.sock", *words).out == "6\n"


def start(daemon: FakeDaemon, *words: str, stdout: int) -> "subprocess.Popen[str]":
    """A process of its own, as a shell starts it."""
    env = {**os.environ, "SLB_SOCKET": str(daemon.socket)}
    command = [sys.executable, "-m", "slbctl", *words]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, stdout=stdout)


def test_a_reader_that_has_seen_enough(daemon: FakeDaemon) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = start(daemon, "drops", stdout=write_end)
    os.close(write_end)
    assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == 141


def test_a_full_disk(daemon: FakeDaemon) -> None:
    with open("/dev/full", "w") as full:
        process = start(daemon, "drops", stdout=full.fileno())
        errors = process.communicate(timeout=30)[1]
    assert errors == "slbctl: cannot write the output: No space left on device\n"
    assert process.returncode == 4


@pytest.mark.parametrize(
    ("words", "status", "errors"),
    [
        ("vs list >&-", 4, "slbctl: cannot write the output: it is closed\n"),
        ("vs show 10.96.9.9:80/tcp 2>&-", 1, ""),
        ("vs list >&- 2>&-", 4, ""),
    ],
)
def test_a_closed_descriptor(daemon: FakeDaemon, words: str, status: int, errors: str) -> None:
    """Python has None for it then; and what is for stderr does not come to stdout."""
    env = {**os.environ, "SLB_SOCKET": str(daemon.socket)}
    shell = ["sh", "-c", f"'{sys.executable}' -m slbctl {words}"]
    done = subprocess.run(shell, env=env, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", errors)


def test_ctrl_c(daemon: FakeDaemon) -> None:
    daemon.hold = threading.Event()
    process = start(daemon, "stats", stdout=subprocess.PIPE)
    while not daemon.requests and process.poll() is None:
        threading.Event().wait(0.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "slbctl: interrupted\n")
    assert process.returncode == 130

# SPDX-License-Identifier: BSD-3-Clause
"""Completion: the scripts, run by the shells that are there, and the names asked of the daemon."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon
from unit.slbctl_run import slbctl

pytest_plugins = ["unit.daemon_fixture"]

VS = "10.96.0.10:80/tcp"
DNS = "10.96.0.10:53/udp"

ASK_BASH = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_slbctl_completion slbctl
printf '%s\\n' "${COMPREPLY[@]}"
"""

ASK_ZSH = """
compdef() { : }
source $1
compadd() { print -l -- ${(P)@[-1]} }
_describe() { print -l -- ${(P)3} }
words=(${(z)2}); [[ $2 == *' ' ]] && words+=('')
CURRENT=$#words
_slbctl_completion
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder with slbctl in it, to stand first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "slbctl"
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m slbctl "$@"\n')
    file.chmod(0o755)
    return folder


def offered(shell: str, line: str, socket: Path, program: Path) -> list[str]:
    """What the shell offers at the end of the line."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = program / f"slbctl.{shell}"
    script.write_text(slbctl(socket, "completion", shell).out)
    commands = {
        "bash": ["bash", "--norc", "-c", ASK_BASH, "bash", str(script), line],
        "zsh": ["zsh", "-f", "-c", ASK_ZSH, "zsh", str(script), line],
        "fish": ["fish", "-N", "-c", f"source {script}; complete -C '{line}'"],
    }
    env = {
        **os.environ,
        "PATH": f"{program}:{os.environ['PATH']}",
        "SLB_SOCKET": str(socket),
        "HOME": str(program),
    }
    done = subprocess.run(commands[shell], env=env, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    # Fish and zsh show a help text after a tab, or a colon that is not escaped.
    return sorted(
        re.split(r"\t|(?<!\\):(?=\D)", row)[0].replace("\\:", ":")
        for row in done.stdout.split("\n")
        if row
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_words_and_names(daemon: FakeDaemon, program: Path, shell: str) -> None:
    daemon.add(VS, r1=1, r2=1)
    daemon.add(DNS, r3=1)
    assert offered(shell, "slbctl v", daemon.socket, program) == ["version", "vs"]
    assert "--scheduler" in offered(shell, "slbctl vs add --sch", daemon.socket, program)
    found = offered(shell, "slbctl vs show ", daemon.socket, program)
    assert found == [DNS, VS]
    found = offered(shell, "slbctl vs edit --timeout udp", daemon.socket, program)
    assert found == ["udp_oneway=", "udp_replied="]
    found = offered(shell, f"slbctl rs drain {VS} 10.10", daemon.socket, program)
    assert found == ["10.10.0.1:8080", "10.10.0.2:8080"]


def test_bash_gets_what_follows_the_colon(daemon: FakeDaemon, program: Path) -> None:
    daemon.add(VS, r1=1)
    daemon.add(DNS, r3=1)
    assert offered("bash", "slbctl vs show 10.96.0.10:8", daemon.socket, program) == ["80/tcp"]
    line = "slbctl session list --client 192.0.2.1:7 --vs 10.96.0.10:"
    assert offered("bash", line, daemon.socket, program) == ["53/udp", "80/tcp"]
    assert offered("bash", "slbctl vs add --scheduler=w", daemon.socket, program) == ["wrr"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_without_a_daemon_only_words_are_completed(
    tmp_path: Path, program: Path, shell: str
) -> None:
    nowhere = tmp_path / "none.sock"
    assert offered(shell, "slbctl vs show ", nowhere, program) == []
    assert "list" in offered(shell, "slbctl vs l", nowhere, program)


def complete(line: str, **env: str) -> list[str]:
    """What slbctl answers to the bash script."""
    environ = {**os.environ, "COMP_LINE": line, "_SLBCTL_COMPLETE": "bash_complete", **env}
    command = [sys.executable, "-m", "slbctl"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return [row.partition(",")[2] for row in done.stdout.split()]


def test_the_socket_of_the_line_is_asked(daemon: FakeDaemon, tmp_path: Path) -> None:
    daemon.add(VS, r1=1)
    line = f"slbctl --socket {daemon.socket} vs del "
    assert complete(line, SLB_SOCKET=str(tmp_path / "none.sock")) == [VS]


def test_filters_know_every_rs_once_and_a_new_rs_none(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1, r2=1)
    daemon.add(DNS, r1=1)
    socket = str(daemon.socket)
    known = ["10.10.0.1:8080", "10.10.0.2:8080"]
    assert complete("slbctl session list --rs ", SLB_SOCKET=socket) == known
    assert complete(f"slbctl session list --vs {DNS} --rs ", SLB_SOCKET=socket) == known[:1]
    assert complete(f"slbctl rs add {VS} ", SLB_SOCKET=socket) == []
    assert complete("slbctl rs drain 10.96.9.9:1/tcp ", SLB_SOCKET=socket) == []


def test_a_daemon_that_talks_nonsense_is_not_heard(daemon: FakeDaemon) -> None:
    daemon.answer("vs", b"\xff" + b"[" * 100_000)
    assert complete("slbctl vs show ", SLB_SOCKET=str(daemon.socket)) == []


def test_an_unknown_shell(tmp_path: Path) -> None:
    result = slbctl(tmp_path / "s", "completion", "tcsh")
    assert result.status == 2 and "'bash', 'zsh', 'fish'" in result.err

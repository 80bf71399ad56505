# SPDX-License-Identifier: BSD-3-Clause
"""The socket file: who may have it, what is left of it."""

import grp
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from slb.api.socket_file import SocketFile
from slb.errors import ConfigError


def test_mode_and_end(tmp_path: Path) -> None:
    path = tmp_path / "run" / "slbd.sock"
    taken = SocketFile(str(path), 0o660)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    taken.set_mode(0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    taken.close()
    assert list(path.parent.iterdir()) == [], "nothing is left"


def test_group(tmp_path: Path) -> None:
    group = next(one for one in grp.getgrall() if one.gr_gid not in os.getgroups())
    path = tmp_path / "slbd.sock"
    taken = SocketFile(str(path), 0o660, group.gr_name)
    assert (path.stat().st_uid, path.stat().st_gid) == (os.getuid(), group.gr_gid)
    taken.close()


def test_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    taken = SocketFile("slbd.sock", 0o600)
    assert (tmp_path / "slbd.sock").is_socket()
    taken.close()


def test_a_live_daemon_keeps_its_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "slbd.sock")
    first = SocketFile(path, 0o600)
    with pytest.raises(ConfigError, match="another slbd serves it; stop that one"):
        SocketFile(path, 0o600)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    first.close()
    SocketFile(path, 0o600).close()


def test_a_dead_daemons_socket_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "slbd.sock")
    script = (
        "import os, sys; from slb.api.socket_file import SocketFile; "
        "SocketFile(sys.argv[1], 0o600); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == 9
    assert os.path.exists(path)
    SocketFile(path, 0o600).close()
    assert not os.path.exists(path)


def test_a_socket_that_somebody_else_serves_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "slbd.sock")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        with pytest.raises(ConfigError, match="another slbd serves it"):
            SocketFile(path, 0o600)
        assert os.path.exists(path)
    assert not os.path.exists(f"{path}.lock")


def test_a_file_in_its_place_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "slbd.sock"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="exists and is not a socket; remove it"):
        SocketFile(str(path), 0o600)
    assert path.read_text() == "mine"


def test_a_place_that_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made: "):
        SocketFile(str(tmp_path / "file" / "slbd.sock"), 0o600)
    with pytest.raises(ConfigError, match="there is no group nobody-has-this"):
        SocketFile(str(tmp_path / "slbd.sock"), 0o600, "nobody-has-this")
    with pytest.raises(ConfigError, match="cannot be made: AF_UNIX path too long"):
        SocketFile(str(tmp_path / ("x" * 120)), 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

# SPDX-License-Identifier: BSD-3-Clause
"""A BIRD of our own that cannot be started: one line says why, and nothing is left."""

import asyncio
from pathlib import Path

import pytest
from unit.bird_setup import setup

from ospf.announce import Announcer
from ospf.bird_process import ManagedBird
from ospf.model import IPV4
from slb.errors import OspfError


def test_socket_path_too_long(tmp_path: Path) -> None:
    bird = ManagedBird(setup(tmp_path / ("x" * 100)))
    with pytest.raises(OspfError, match="too long a path for a socket"):
        asyncio.run(bird.start([IPV4]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "ready_s", "message"),
    [
        ("echo 'bird: cannot go on' >&2; exit 1", 30, "BIRD ended at once: bird: cannot go on"),
        ("exit 0", 30, "BIRD ended at once: it said nothing"),
        ("exec sleep 60", 1, "BIRD was not ready within 1 s"),
    ],
)
def test_bird_that_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, ready_s: float, message: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "bird").write_text(f"#!/bin/sh\n{text}\n")
    (programs / "bird").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr("ospf.bird_process.READY_S", ready_s)
    with pytest.raises(OspfError, match=message):
        asyncio.run(Announcer(setup(tmp_path / "run")).start())
    assert not (tmp_path / "run").exists()


def test_runtime_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OspfError, match=r"cannot start BIRD in .*: Not a directory"):
        asyncio.run(Announcer(setup(tmp_path / "file" / "run")).start())


def test_a_missing_program_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda program, path: None)
    with pytest.raises(OspfError, match=r"setpriv is not installed; .* the package util-linux"):
        asyncio.run(Announcer(setup(tmp_path / "run")).start())

# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures `place` and `secure`: the files of an agent that serves TCP, and that agent."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent, at_rest
from unit.secure_agent import Place, make_place, running

from rig.waiting import wait


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Certificates and tokens for all tests."""
    return make_place(tmp_path_factory.mktemp("secure"))


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    """A copy of the files, for a test to change."""
    shutil.copytree(made.folder / "tls", tmp_path / "tls")
    own = Place(tmp_path, made.clients_ca, made.server_ca, made.port, dict(made.tokens))
    own.write()
    return own


@pytest.fixture
def secure(
    place: Place, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningAgent]:
    """An agent that serves TCP, and slbd has what it wants."""
    monkeypatch.setattr("slb.agent.secure.LOOK_S", 0.05)
    daemon.add(FIRST, r1=1)
    with running(place, daemon.socket) as agent:
        wait(lambda: at_rest(agent), PATIENCE_S, "what slbd has taken over")
        yield agent

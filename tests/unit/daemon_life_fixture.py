# SPDX-License-Identifier: BSD-3-Clause
"""The fixtures `life` and `recorded`, for test files that say
`pytest_plugins = ["unit.daemon_life_fixture"]`."""

from pathlib import Path

import pytest
from unit.daemon_life import Ip, Life, Recorder

from slb.daemon import announce, daemon

pytest_plugins = ["unit.netns_fixture"]


@pytest.fixture
def life(tmp_path: Path, ip: Ip) -> Life:
    """A daemon that has not started yet."""
    return Life(tmp_path, ip)


@pytest.fixture
def recorded(life: Life, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the announcer was told, with the engine's last calls."""
    monkeypatch.setattr(Recorder, "calls", life.engine.calls, raising=False)
    monkeypatch.setattr(announce, "Announcer", Recorder)
    monkeypatch.setattr(daemon, "LEAD_S", 0.3)
    life.write(life.file.read_text() + "ospf: {mode: managed, announce: vips}\n")
    return life.engine.calls

# SPDX-License-Identifier: BSD-3-Clause
"""Fixture `agent`: slb-agent over the fixture `daemon`, at rest: slbd has what it wants."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent, at_rest

from rig.waiting import wait


@pytest.fixture
def agent(tmp_path: Path, daemon: FakeDaemon) -> Iterator[RunningAgent]:
    """An agent of the test's own, which has taken over what the daemon had: FIRST with two RS."""
    daemon.add(FIRST, r1=1, r2=2)
    with RunningAgent(tmp_path, daemon.socket) as running:
        wait(lambda: at_rest(running), PATIENCE_S, "what slbd has taken over")
        yield running

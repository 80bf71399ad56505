# SPDX-License-Identifier: BSD-3-Clause
"""The fixture `daemon`, for test files that say `pytest_plugins = ["unit.daemon_fixture"]`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    """An empty daemon of the test's own."""
    with FakeDaemon(tmp_path / "slbd.sock") as running:
        yield running

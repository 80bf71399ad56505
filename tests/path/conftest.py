# SPDX-License-Identifier: BSD-3-Clause
"""Harnesses for the path tests: one for each module, another wherever settings differ."""

from collections.abc import Callable, Iterator

import pytest
from driver import Harness
from lab import Lab
from values import Settings


@pytest.fixture(scope="module")
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """A harness with the module's SETTINGS."""
    opened = Harness(getattr(request.module, "SETTINGS", Settings()))
    yield opened
    opened.close()


@pytest.fixture
def bare(harness: Harness) -> Iterator[Lab]:
    """A lab with nothing configured; whatever is added goes away with it."""
    lab = Lab(harness)
    yield lab
    lab.clear()


@pytest.fixture
def lab(bare: Lab) -> Lab:
    """A lab with the usual services."""
    return bare.usual()


@pytest.fixture
def open_lab() -> Iterator[Callable[[Settings], Lab]]:
    """Open a lab of one's own, in modules that use no shared one."""
    opened: list[Harness] = []

    def open_one(settings: Settings) -> Lab:
        opened.append(Harness(settings))
        return Lab(opened[-1])

    yield open_one
    for one in opened[-1:]:
        assert one.mbufs_in_use() == 0
        one.close()

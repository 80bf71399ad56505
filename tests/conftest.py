# SPDX-License-Identifier: BSD-3-Clause
"""What the host offers, and skipping what it does not allow, with the reason."""

import pytest

from rig.probes import PROBES, missing

NEEDS = {
    "netns": ("root", "netns", "tun", "bird", "tools", "slbd"),
    "guest": ("root", "netns", "tun", "tools", "slbd", "guest"),
}


def pytest_report_header() -> list[str]:
    """Tell what this host lacks."""
    lacks = [reason for probe in PROBES.values() if (reason := probe())]
    return [f"this host: {'; '.join(lacks) or 'offers everything the tests use'}"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a marked test where something it needs is missing."""
    for marker, names in NEEDS.items():
        if item.get_closest_marker(marker) and (reason := missing(*names)):
            pytest.skip(reason)


@pytest.fixture
def hugepages() -> None:
    """Skip where no hugepage is free."""
    if reason := missing("hugepages"):
        pytest.skip(reason)


@pytest.fixture
def no_hugepages() -> None:
    """Skip where hugepages are free."""
    if not missing("hugepages"):
        pytest.skip("hugepages are free on this host")


@pytest.fixture
def vhost_net() -> None:
    """Skip where the kernel has no vhost-net."""
    if reason := missing("vhost-net"):
        pytest.skip(reason)

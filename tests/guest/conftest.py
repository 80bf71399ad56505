# SPDX-License-Identifier: BSD-3-Clause
"""One guest for all tests, booted when the first asks for it; a failed test shows its logs."""

from collections.abc import Iterator

import pytest
from guest import Guest, booted


@pytest.fixture(scope="session", name="guest")
def booted_guest() -> Iterator[Guest]:
    """Boot it; on two CPUs half a minute."""
    with booted() as guest:
        yield guest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the guest's logs to the report of a failed test."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    arguments: dict[str, object] = getattr(item, "funcargs", {})
    for value in arguments.values():
        found = value if isinstance(value, Guest) else getattr(value, "guest", None)
        if report.failed and isinstance(found, Guest):
            report.sections += found.logs()
            break
    return report  # type: ignore[return-value]

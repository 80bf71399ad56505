# SPDX-License-Identifier: BSD-3-Clause
"""The fixture `bench_programs`, for files that say `pytest_plugins = ["unit.bench_fixture"]`."""

import subprocess

import pytest
from bench import native

PROGRAMS = ("csrc/bench/slb-bench", "csrc/bench/slb-bench-accounts", "csrc/bench/slb-flood")
LIMIT_S = 300


@pytest.fixture(scope="session")
def bench_programs() -> None:
    """Of this checkout, as `./dev bench` makes them."""
    subprocess.run(
        ["ninja", "--quiet", "-C", str(native.ROOT / "build/release"), *PROGRAMS],
        check=True,
        capture_output=True,
        timeout=LIMIT_S,
    )

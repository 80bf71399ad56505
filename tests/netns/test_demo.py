# SPDX-License-Identifier: BSD-3-Clause
"""The demo, broken off: whatever ends it, nothing of it is left."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.netns import environment
from rig.registry import NETNS, ROOT
from rig.sweep import sweep

pytestmark = pytest.mark.netns

DEMO = Path(__file__).resolve().parents[1] / "demo.py"


@pytest.fixture
def demo() -> Iterator["subprocess.Popen[str]"]:
    """A demo that has taken its first step: everything runs."""
    words = [sys.executable, str(DEMO), "--workers", "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert process.stdout is not None
            steps = [next(process.stdout) for _ in range(2)]
            assert steps[1].startswith("ok"), steps
            yield process
        finally:
            process.kill()
    sweep()


def left(pid: int) -> list[Path]:
    """Directories and namespaces of the demo's run."""
    return [*ROOT.glob(f"slbd{pid}-*"), *NETNS.glob(f"slbd{pid}-*")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(demo: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """It takes everything down and says so by its exit status."""
    assert left(demo.pid)
    demo.send_signal(number)
    assert demo.wait(60) == 130
    assert left(demo.pid) == []

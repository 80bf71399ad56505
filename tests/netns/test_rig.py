# SPDX-License-Identifier: BSD-3-Clause
"""What an aborted run leaves is removed by the next one, and nothing else is."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.netns import Namespace
from rig.registry import NETNS, ProcessId, Registry
from rig.sweep import sweep

pytestmark = pytest.mark.netns

TESTS = Path(__file__).resolve().parents[1]
ABORTED = textwrap.dedent("""
    import os
    import pathlib
    import sys
    import rig.registry
    from rig.netns import Namespace
    from rig.process import Process
    from rig.registry import Registry

    rig.registry.ROOT = pathlib.Path(sys.argv[1])
    registry = Registry.create("slbt")
    namespace = Namespace(registry, "left")
    process = Process(registry, namespace, "sleeper", ["sleep", "1000"])
    print(registry.run, process.pid, flush=True)
    os._exit(1)
""")


@pytest.fixture
def own() -> Iterator[Registry]:
    """A run that lives."""
    registry = Registry.create("slbt")
    yield registry
    registry.remove()


def test_aborted_run_is_swept(tmp_path: Path) -> None:
    """Its process, namespace and directory are gone."""
    # In a folder of its own, where no rig of another process sweeps it first.
    words = [sys.executable, "-c", ABORTED, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    run, pid = done.stdout.split()
    assert (NETNS / f"{run}-left").exists()
    assert ProcessId.of(int(pid)) is not None
    assert (tmp_path / run).exists()
    assert sweep(tmp_path) == [run]
    assert ProcessId.of(int(pid)) is None
    assert not (NETNS / f"{run}-left").exists()
    assert not (tmp_path / run).exists()


def test_living_run_is_left_alone(own: Registry) -> None:
    """A run whose owner lives is not touched."""
    namespace = Namespace(own, "kept")
    assert own.run not in sweep()
    assert (NETNS / namespace.name).exists()
    assert (own.directory / "registry").exists()


def test_reused_pid_is_left_alone(own: Registry) -> None:
    """A process that merely has a recorded pid is not ended."""
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        own.record("process", pid=stranger.pid, start=1, name="ended long ago")
        own.remove()
        assert stranger.poll() is None
        stranger.kill()


def test_reused_namespace_name_is_left_alone(own: Registry) -> None:
    """A namespace that merely has a recorded name is not removed."""
    namespace = Namespace(own, "other")
    ghost = Registry.create("slbt")
    ghost.record("netns", name=namespace.name, inode=1)
    ghost.remove()
    assert (NETNS / namespace.name).exists()

# SPDX-License-Identifier: BSD-3-Clause
"""A process that fed the path from memory leaves nothing of EAL's behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.path

HERE = Path(__file__).parent


def test_no_runtime_directory_stays(tmp_path: Path) -> None:
    """Not even while it runs, so that it may be killed."""
    script = "import os, driver; driver.Harness(); os._exit(0)"
    # The sanitized product, if tested, is in PYTHONPATH; an empty entry would be this folder.
    folders = [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    path = ":".join(filter(None, folders))
    env = {**os.environ, "RUNTIME_DIRECTORY": str(tmp_path), "PYTHONPATH": path}
    subprocess.run([sys.executable, "-P", "-c", script], env=env, check=True, timeout=60)
    assert list((tmp_path / "dpdk").iterdir()) == []

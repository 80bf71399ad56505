# SPDX-License-Identifier: BSD-3-Clause
"""./dev, with a set-up that only tells what it would work with."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEV = Path(__file__).parents[2] / "dev"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a .venv whose python3 must not be taken."""
    shutil.copy(DEV, tmp_path / "dev")
    (tmp_path / ".ci").mkdir()
    for name in re.findall(r"^\. (\.ci/\S+)", DEV.read_text(), re.MULTILINE):
        (tmp_path / name).touch()
    (tmp_path / ".ci/setup.sh").write_text('setup() { command -v python3; echo "$PATH"; }\n')
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python3").write_text("#!/bin/sh\n")
    (tmp_path / ".venv/bin/python3").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("path", ["{own}:{rest}", "{rest}:{own}", "/nowhere:{own}:{own}:{rest}"])
def test_an_activated_environment_is_not_made_of_itself(checkout: Path, path: str) -> None:
    rest = "/usr/bin:/bin"
    own = f"{checkout}/.venv/bin"
    env = {**os.environ, "PATH": path.format(own=own, rest=rest), "PYTHONPATH": "/nowhere"}
    done = subprocess.run(
        [checkout / "dev", "setup"], env=env, capture_output=True, text=True, check=True
    )
    python, found = done.stdout.splitlines()
    assert not python.startswith(own)
    assert own not in found and found.endswith(":/usr/sbin:/sbin")

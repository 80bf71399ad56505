# SPDX-License-Identifier: BSD-3-Clause
"""./dev, with a set-up that only tells what it would work with."""

import os
import re
import shutil
import subprocess
import sys
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


def test_package_builds_what_was_set_up(checkout: Path) -> None:
    """With the Python of the set-up and what was asked for; the rest is in test_package."""
    shutil.copytree(DEV.parent / ".ci/deb", checkout / ".ci/deb")
    ours = Path(sys.executable).parent
    (checkout / ".ci/setup.sh").write_text(f'setup() {{ echo set up; PATH="{ours}:$PATH"; }}\n')
    words = [checkout / "dev", "package", "--to", checkout / "to", "--version", "1 0"]
    env = {**os.environ, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "set up\n")
    assert done.stderr == "dev: '1 0' is no version of a Debian package\n"


# Each layer's work, said instead of done, and a Python that makes .venv at once.
LAYERS = """
set -euo pipefail
. .ci/setup.sh
apt_install() { die "would install $1"; }
usable_python() { echo "$PWD/python"; }
pip_install() { echo pip; }
build_wheel() { echo wheel; }
setup
"""
PYTHON = """#!/bin/sh
[ "$1" = --version ] || { echo venv; mkdir "$3"; }
"""


def test_a_second_set_up_does_nothing(tmp_path: Path) -> None:
    """It works again for what has changed, and for what is made of that."""
    for name in ("csrc", "slb", "slbctl", "ospf", ".ci"):
        (tmp_path / name).mkdir()
    for name in ("setup.sh", "lock.txt", "packages.txt"):
        shutil.copy(DEV.parent / ".ci" / name, tmp_path / ".ci")
    for name in ("meson.build", "pyproject.toml", "csrc/engine.c"):
        (tmp_path / name).touch()
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)

    def work() -> list[str]:
        words = ["bash", "-c", LAYERS]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    everything = ["venv", "pip", "pip", "wheel"]
    assert work() == everything
    assert work() == []
    (tmp_path / "csrc/engine.c").write_text("int main;\n")
    assert work() == ["wheel"]
    assert work() == []
    (tmp_path / ".ci/lock.txt").write_text("pip==1\n")
    assert work() == everything

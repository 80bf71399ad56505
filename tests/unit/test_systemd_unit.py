# SPDX-License-Identifier: BSD-3-Clause
"""The unit file that we ship, as systemd reads it; tests/guest runs it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "configs/systemd"
DROP_INS = sorted(path.name for path in SHIPPED.glob("*.conf"))
# Of `systemd-analyze security`, from 0 to 10.
EXPOSURE = {"": 3.3, "system-bird.conf": 3.5, "uio.conf": 3.6}

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="not installed: systemd-analyze"
)


def installed(folder: Path, drop_in: str = "") -> Path:
    """The unit as an operator has it, with the slbd that is there."""
    text = (SHIPPED / "slbd.service").read_text()
    assert "ExecStart=/opt/slb/bin/slbd\n" in text, "where the README installs it"
    unit = folder / "slbd.service"
    unit.write_text(text.replace("/opt/slb/bin", str(Path(sys.executable).parent)))
    if drop_in:
        (folder / "slbd.service.d").mkdir()
        shutil.copy(SHIPPED / drop_in, folder / "slbd.service.d" / drop_in)
    return unit


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("drop_in", ["", *DROP_INS])
def test_systemd_understands_every_line(tmp_path: Path, drop_in: str) -> None:
    done = analyze("verify", "--man=no", str(installed(tmp_path, drop_in)))
    ours = [line for line in done.stderr.splitlines() if "slbd" in line or ".conf" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("drop_in", ["", *DROP_INS])
def test_how_exposed_it_is(tmp_path: Path, drop_in: str) -> None:
    """A line that is lost, or that systemd does not heed, shows here."""
    unit = installed(tmp_path, drop_in)
    # What is not a running system's unit is analyzed without its drop-ins.
    if drop_in:
        unit.write_text(unit.read_text() + (SHIPPED / drop_in).read_text())
    done = analyze("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= EXPOSURE[drop_in]

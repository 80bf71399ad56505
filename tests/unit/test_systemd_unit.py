# SPDX-License-Identifier: BSD-3-Clause
"""The unit files that we ship, as systemd reads them; tests/guest runs slbd's."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "configs/systemd"
FILES = sorted(path.name for path in SHIPPED.glob("*.conf"))
DROP_INS = [name for name in FILES if not name.startswith("agent-")]
# Of `systemd-analyze security`, from 0 to 10.
EXPOSURE = {"": 3.3, "system-bird.conf": 3.5, "uio.conf": 3.6}
AGENT_EXPOSURE = {"": 1.8, "agent-tcp.conf": 2.0}

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="not installed: systemd-analyze"
)


def installed(folder: Path, drop_in: str = "", program: str = "slbd") -> Path:
    """The unit as an operator has it, with the program that is there."""
    text = (SHIPPED / f"{program}.service").read_text()
    assert f"ExecStart=/opt/slb/bin/{program}\n" in text, "where the README installs it"
    unit = folder / f"{program}.service"
    unit.write_text(text.replace("/opt/slb/bin", str(Path(sys.executable).parent)))
    if drop_in:
        (folder / f"{program}.service.d").mkdir()
        shutil.copy(SHIPPED / drop_in, folder / f"{program}.service.d" / drop_in)
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
    assert exposure(unit) <= EXPOSURE[drop_in]


def test_every_drop_in_is_looked_at() -> None:
    assert sorted({*EXPOSURE, *AGENT_EXPOSURE} - {""}) == FILES


@pytest.mark.parametrize("drop_in", AGENT_EXPOSURE)
def test_the_agents_unit(tmp_path: Path, drop_in: str) -> None:
    """It needs nothing of what slbd needs but the network, for health checks."""
    unit = installed(tmp_path, drop_in, "slb-agent")
    done = analyze("verify", "--man=no", str(unit))
    ours = [line for line in done.stderr.splitlines() if "slb-agent" in line]
    assert (done.returncode, ours) == (0, [])
    if drop_in:
        unit.write_text(unit.read_text() + (SHIPPED / drop_in).read_text())
    assert exposure(unit) <= AGENT_EXPOSURE[drop_in]


def exposure(unit: Path) -> float:
    """What `systemd-analyze security` gives it."""
    done = analyze("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    return float(found[1])

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
EXPOSURE = {"": 3.2, "system-bird.conf": 3.4, "uio.conf": 3.5}
AGENT_EXPOSURE = {"": 1.8, "agent-group.conf": 1.9, "agent-tcp.conf": 1.8}

# What systemd-analyze does not weigh, or so little that its figure stays the same without it.
KEPT = {
    "slbd": {
        # Ready when it forwards, killed when it hangs, tried for ever but for a wrong file.
        "StartLimitIntervalSec": ["0"],
        "Type": ["notify"],
        "NotifyAccess": ["main"],
        "Restart": ["on-failure"],
        "RestartSec": ["1"],
        "RestartPreventExitStatus": ["2"],
        "WatchdogSec": ["10"],
        "WatchdogSignal": ["SIGKILL"],
        # Its BIRD goes on announcing, at the drain metric, while it drains.
        "KillMode": ["mixed"],
        "TimeoutStopSec": ["30"],
        # What is found after a crash, and who may enter.
        "RuntimeDirectory": ["slb"],
        "RuntimeDirectoryMode": ["0755"],
        "RuntimeDirectoryPreserve": ["restart"],
        "UMask": ["0077"],
        # VFIO pins memory.
        "LimitMEMLOCK": ["infinity"],
        # The socket's group, and nothing else of other users'.
        "CapabilityBoundingSet": ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_CHOWN"],
        "DevicePolicy": ["closed"],
        "ProtectHostname": ["yes"],
        "RestrictRealtime": ["yes"],
        "LockPersonality": ["yes"],
        "MemoryDenyWriteExecute": ["yes"],
    },
    "slb-agent": {
        "StartLimitIntervalSec": ["0"],
        "Type": ["notify"],
        "NotifyAccess": ["main"],
        "Restart": ["on-failure"],
        "RestartSec": ["1"],
        # Of a state that is damaged whole the start after makes nothing good.
        "RestartPreventExitStatus": ["2"],
        "WatchdogSec": ["30"],
        "WatchdogSignal": ["SIGKILL"],
        "StateDirectory": ["slb"],
        "StateDirectoryMode": ["0700"],
        "RuntimeDirectory": ["slb-agent"],
        "RuntimeDirectoryMode": ["0755"],
        "UMask": ["0077"],
        "CapabilityBoundingSet": [""],
        "DevicePolicy": ["closed"],
        # It listens on TCP only with agent-tcp.conf.
        "SocketBindDeny": ["any"],
        "PrivateIPC": ["yes"],
        "ProtectHostname": ["yes"],
        "ProcSubset": ["pid"],
        "LockPersonality": ["yes"],
        "MemoryDenyWriteExecute": ["yes"],
    },
}

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="not installed: systemd-analyze"
)


def installed(folder: Path, drop_in: str = "", program: str = "slbd") -> Path:
    """The unit as an operator has it, with the program that is there."""
    text = (SHIPPED / f"{program}.service").read_text()
    assert f"ExecStart=/opt/slb/bin/{program}\n" in text, "where the README installs it"
    unit = folder / f"{program}.service"
    programs = str(Path(sys.executable).parent)
    unit.write_text(text.replace("/opt/slb/bin", programs))
    if drop_in:
        (folder / f"{program}.service.d").mkdir()
        more = (SHIPPED / drop_in).read_text().replace("/opt/slb/bin", programs)
        (folder / f"{program}.service.d" / drop_in).write_text(more)
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


@pytest.mark.parametrize("program", KEPT)
def test_what_the_figure_does_not_show(program: str) -> None:
    lines = (SHIPPED / f"{program}.service").read_text().splitlines()
    said = [line.split("=", 1) for line in lines if re.match(r"[A-Z]\w*=", line)]
    found = {name: [value for other, value in said if other == name] for name, _ in said}
    kept = KEPT[program]
    assert {name: found.get(name) for name in kept} == kept


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

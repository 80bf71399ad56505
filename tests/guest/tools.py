# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own tools in the guest, run by root outside of slbd's unit."""

import json
from pathlib import Path
from typing import Any

from machine import SHARE, Machine

from rig.dpdk_tools import read
from rig.process import tail
from rig.waiting import RigError, wait

PREFIX = "slb"
# The unit's, which a tool is told by its environment.
RUNTIME = "RUNTIME_DIRECTORY=/run/slb"
_PATIENCE_S = 120

# EAL of a tool loads every driver of that folder, which takes minutes over 9p.
_FEW = """\
set -e
folder=$(echo /usr/lib/*-linux-gnu/dpdk/pmds-*)
mkdir /run/pmds
for name in bus_pci bus_vdev mempool_ring mempool_stack net_virtio net_tap; do
    cp -a "$folder/librte_$name".so* /run/pmds
done
mount --bind /run/pmds "$folder"
"""


def few_drivers(machine: Machine) -> None:
    """Hide those that are not needed from all that is started from now on."""
    machine.run("/bin/sh", "-c", _FEW)


class Tools:
    """They find slbd by its prefix."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def proc_info(self, *words: str) -> str:
        """What dpdk-proc-info prints; raises RigError when it fails."""
        argv = ("dpdk-proc-info", "--file-prefix", PREFIX, "--", *words)
        return self._machine.run("env", RUNTIME, *argv, timeout=_PATIENCE_S)

    def telemetry(self, *commands: str) -> list[Any]:
        """What dpdk-telemetry.py prints for each command."""
        lines = "".join(f"{command}\n" for command in (*commands, "quit"))
        (self._machine.share / "telemetry.in").write_text(lines)
        argv = f"dpdk-telemetry.py -f {PREFIX} <{SHARE}/telemetry.in"
        out = self._machine.run("env", RUNTIME, "/bin/sh", "-c", argv, timeout=_PATIENCE_S)
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    def capture(self, name: str) -> "Capture":
        """Start dpdk-dumpcap on the first port, and wait until it captures."""
        return Capture(self._machine, name)


class Capture:
    """dpdk-dumpcap as a service of its own, which writes into a file of the share."""

    def __init__(self, machine: Machine, name: str) -> None:
        self._machine, self._unit = machine, f"capture-{name}"
        self._file = machine.share / f"{name}.pcapng"
        self._log = machine.share / f"{name}.log"
        log = f"append:{SHARE / self._log.name}"
        how = ("--quiet", f"--unit={self._unit}", "-p", f"StandardOutput={log}")
        how += ("-p", f"StandardError={log}", "-p", "KillSignal=SIGINT", "-E", RUNTIME)
        argv = ("dpdk-dumpcap", f"--file-prefix={PREFIX}", "-p", "-i", "0")
        machine.run("systemd-run", *how, *argv, "-w", str(SHARE / self._file.name))
        wait(self._captures, _PATIENCE_S, "dpdk-dumpcap to capture")

    def signal(self, name: str) -> None:
        """Send it a signal."""
        self._machine.run("systemctl", "kill", f"--signal={name}", self._unit)

    def end(self) -> str:
        """Have it end; returns what it said."""
        self._machine.run("systemctl", "stop", self._unit)
        return self._log.read_text()

    def lines(self, expression: str) -> list[str]:
        """The packets as tcpdump reads them."""
        return read(self._file, expression)

    def _captures(self) -> bool:
        if "Packets captured" in (said := _text(self._log)):
            return True
        if self._machine.try_run("systemctl", "is-active", self._unit)[0] != 0:
            raise RigError(f"dpdk-dumpcap: {said or tail(self._log)}")
        return False


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""

# SPDX-License-Identifier: BSD-3-Clause
"""What the figures were taken on."""

import os
import platform
import subprocess
from pathlib import Path
from typing import TypedDict

from bench.native import ROOT, tsc_hz

LIMIT_S = 30
UNKNOWN = "unknown"


class Machine(TypedDict):
    """As `--json` has it."""

    cpu: str
    cpus: int
    tsc_hz: int
    hugepages: dict[str, int]  # reserved, by size
    load: tuple[float, float, float]
    kernel: str
    dpdk: str
    commit: str


def record() -> Machine:
    """Machine, software and load, as they are now."""
    return {
        "cpu": cpu(),
        "cpus": os.cpu_count() or 0,
        "tsc_hz": int(tsc_hz()),
        "hugepages": hugepages(),
        "load": os.getloadavg(),
        "kernel": platform.release(),
        "dpdk": _said("pkg-config", "--modversion", "libdpdk") or UNKNOWN,
        "commit": commit(),
    }


def lines(machine: Machine) -> str:
    """The same for people."""
    load = " ".join(f"{value:.2f}" for value in machine["load"])
    reserved = ", ".join(f"{n} x {size}" for size, n in machine["hugepages"].items() if n)
    return (
        f"{machine['cpu']}, {machine['cpus']} CPUs, TSC {machine['tsc_hz'] / 1e6:,.0f} MHz, "
        f"load {load}\n"
        f"kernel {machine['kernel']}, DPDK {machine['dpdk']}, commit {machine['commit']}, "
        f"hugepages reserved: {reserved or 'none'}; cycles of the TSC"
    )


def commit(checkout: Path = ROOT) -> str:
    """The commit that is measured, `-dirty` when the files differ from it."""
    git = ("git", "-C", str(checkout))
    head = _said(*git, "rev-parse", "--short=12", "HEAD")
    if not head:
        return UNKNOWN
    return head + ("-dirty" if _said(*git, "status", "--porcelain") else "")


def cpu(info: Path = Path("/proc/cpuinfo")) -> str:
    """What the CPU is called."""
    lines = info.read_text().splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), UNKNOWN)


def hugepages(folder: Path = Path("/sys/kernel/mm/hugepages")) -> dict[str, int]:
    """How many are reserved of each size."""
    pools = sorted(folder.glob("hugepages-*"))
    return {
        pool.name.removeprefix("hugepages-"): int((pool / "nr_hugepages").read_text())
        for pool in pools
    }


def _said(*command: str) -> str:
    """What a command printed; nothing when it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

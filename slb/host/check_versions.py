# SPDX-License-Identifier: BSD-3-Clause
"""The engine, DPDK and BIRD: which there are, and whether they are of the supported range."""

import re
import subprocess
from collections.abc import Iterator

from ospf.birdc import find as program
from slb.errors import OspfError
from slb.host import pmd
from slb.host.facts import Facts
from slb.host.files import Host, text
from slb.host.finding import Finding, error, ok, warning

Version = tuple[int, ...]

# What slbd is built with and tested on, from and up to which.
DPDK: tuple[Version, Version] = ((22, 11), (24, 11))
BIRD: tuple[Version, Version] = ((2, 0, 12), (2, 99))
PROGRAM_S = 5.0
PC_FILES = tuple(
    f"usr/{place}/pkgconfig/libdpdk.pc" for place in ("local/lib/*", "local/lib*", "lib/*", "lib*")
)


def find(facts: Facts) -> Iterator[Finding]:
    """Yield a line for each."""
    if facts.engine:
        count, took = len(facts.engine.pmds), facts.engine.seconds * 1000
        yield ok("engine", f"{count} DPDK drivers for ports in slbd, read in {took:.0f} ms")
    yield _dpdk(facts)
    yield _bird(facts)


def _dpdk(facts: Facts) -> Finding:
    version = dpdk_version(facts.host)
    if version is None:
        # Linked into slbd, it need not be installed.
        return ok("dpdk", "none installed beside the one in slbd")
    (low, high), shown = DPDK, _show(version)
    if version < low:
        fix = f"install DPDK {_show(low)} or later: apt install libdpdk-dev"
        return error("dpdk", f"{shown} installed, older than slbd can be built with", fix)
    if version[:2] > high:
        fix = f"use one from {_show(low)} to {_show(high)}"
        return warning("dpdk", f"{shown} installed, newer than slbd was tried with", fix)
    return ok("dpdk", f"{shown} installed")


def dpdk_version(host: Host) -> Version | None:
    """The installed DPDK's version, from what pkg-config reads, else its drivers' folder."""
    files = [file for pattern in PC_FILES for file in host.root.glob(pattern)]
    for file in files:
        if match := re.search(r"^Version:\s*(\S+)", text(file), re.MULTILINE):
            return _parse(match[1])
    if (found := pmd.folders(host)) and (match := re.search(r"(\d+)\.(\d+)$", found[-1].name)):
        # The ABI's major number counts years from the LTS of November on (DPDK: ABI policy).
        major, minor = int(match[1]), int(match[2])
        return {0: (major - 1, 11), 1: (major, 3), 2: (major, 7)}.get(minor, (major,))
    return None


def _bird(facts: Facts) -> Finding:
    needed = facts.config is not None and facts.config.ospf.mode == "managed"
    try:
        version = bird_version()
    except OspfError as failure:
        say = error if needed else warning
        return say("bird", f"{failure}; OSPF needs it", "apt install bird2")
    low, high = BIRD
    if version is None:
        return warning("bird", "its version cannot be read", "bird --version must say it")
    shown = _show(version)
    if version < low:
        return warning("bird", f"{shown}, older than {_show(low)}", "apt install bird2")
    if version > high:
        return warning("bird", f"{shown}; slbd was tried with BIRD 2", "apt install bird2")
    return ok("bird", shown)


def bird_version() -> Version | None:
    """BIRD's version, None when it does not say; raises OspfError when there is no BIRD."""
    try:
        done = subprocess.run(
            [program("bird"), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROGRAM_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = (done.stdout + done.stderr).decode(errors="replace")
    match = re.search(r"BIRD version v?(\d+(?:\.\d+)+)", said)
    return _parse(match[1]) if match else None


def _parse(version: str) -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _show(version: Version) -> str:
    # DPDK counts months with two digits.
    year_and_month = len(version) > 1 and version[0] > 15
    parts = [
        f"{part:02d}" if year_and_month and at == 1 else str(part)
        for at, part in enumerate(version)
    ]
    return ".".join(parts)

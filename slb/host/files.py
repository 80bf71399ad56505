# SPDX-License-Identifier: BSD-3-Clause
"""Where the host shows itself, and reading it. What cannot be read counts as not there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 1 << 20
# Beside this package: the engine with all of DPDK's drivers in it.
ENGINE = Path(__file__).resolve().parents[1] / "libslb.so"


@dataclass(frozen=True)
class Host:
    """A host's files, those of this one unless another root is given, as for a recorded one."""

    root: Path = Path("/")
    engine: Path = ENGINE

    @property
    def sys(self) -> Path:
        """Devices and drivers."""
        return self.root / "sys"

    @property
    def proc(self) -> Path:
        """Processes."""
        return self.root / "proc"

    @property
    def dev(self) -> Path:
        """Device nodes."""
        return self.root / "dev"

    @property
    def release(self) -> str:
        """The kernel's release."""
        return text(self.proc / "sys/kernel/osrelease")

    def at(self, path: str) -> Path:
        """Any other absolute path, under the root."""
        return self.root / path.lstrip("/")


def text(path: Path) -> str:
    """A small file's text without blanks around it."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode(errors="replace").strip()
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """A file's number, decimal or as 0x1f."""
    try:
        return int(text(path), 0)
    except ValueError:
        return None


def numbers(path: Path) -> frozenset[int]:
    """A file's list of CPUs or nodes: 0-3,8."""
    return frozenset(_spans(text(path)))


def target(path: Path) -> str:
    """The last part of what a link points to."""
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return ""


def entries(folder: Path) -> list[Path]:
    """What is in a folder, in order."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def as_list(found: frozenset[int]) -> str:
    """Numbers as the kernel lists them: 0-3,8."""
    spans: list[list[int]] = []
    for one in sorted(found):
        if spans and one == spans[-1][1] + 1:
            spans[-1][1] = one
        else:
            spans.append([one, one])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def _spans(listed: str) -> Iterator[int]:
    for span in listed.split(","):
        first, _, last = span.strip().partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            # No kernel has more CPUs than that.
            yield from range(int(first), min(int(last or first), 65535) + 1)

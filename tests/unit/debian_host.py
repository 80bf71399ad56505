# SPDX-License-Identifier: BSD-3-Clause
"""A copy of this host that can be changed: its root below, what is written above, in memory."""

import os
import subprocess
from pathlib import Path
from types import TracebackType

SETUP = """set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
for folder in dev proc sys; do mount --rbind "/$folder" "$1/root/$folder"; done
mount -t tmpfs tmpfs "$1/root/run"
echo ready
read forever
"""
# dpkg's own books, and what it keeps of them.
BOOKS = ("var/lib/dpkg/", "var/log/", "var/cache/", "tmp/")


class NoHost(Exception):
    """There cannot be one here; the text says why."""


class DebianHost:
    """`with DebianHost(folder) as host`: in a mount namespace that ends with the block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder / "root"

    def __enter__(self) -> "DebianHost":
        command = ["unshare", "--mount", "--propagation", "private"]
        self._keeper = subprocess.Popen(
            [*command, "sh", "-c", SETUP, "sh", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout is not None and self._keeper.stderr is not None
        if self._keeper.stdout.readline() != "ready\n":
            self._keeper.wait(10)
            raise NoHost(self._keeper.stderr.read().strip())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The namespace goes with the last process in it, and all that was written with it.
        self._keeper.communicate("\n", timeout=10)

    def popen(self, *words: str) -> subprocess.Popen[str]:
        """Start a program there."""
        inside = ["nsenter", f"--mount=/proc/{self._keeper.pid}/ns/mnt", "chroot", str(self._root)]
        # As a new login has it: nothing of .venv.
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.Popen(
            [*inside, *words],
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str, status: int = 0) -> str:
        """Run a program there to its end, which must be this; returns what it said."""
        process = self.popen(*words)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == status, (words, process.returncode, out)
        return out

    def file(self, path: str) -> Path:
        """A file there, from here."""
        return Path(f"/proc/{self._keeper.pid}/root{self._root}/{path}")

    def written(self) -> list[str]:
        """The files that are there and were not before, or are others now."""
        up = f"/proc/{self._keeper.pid}/root{self._folder}/up"
        found = (
            os.path.relpath(os.path.join(folder, name), up)
            for folder, _, names in os.walk(up)
            for name in names
        )
        return sorted(name for name in found if not name.startswith(BOOKS))

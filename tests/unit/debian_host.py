# SPDX-License-Identifier: BSD-3-Clause
"""A copy of this host that can be changed: its root below, what is written above, in memory.

It has namespaces of its own for all but users, and may have a systemd of its own as PID 1, in a
control group of its own. With the block all of it is gone.
"""

import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType

from rig.waiting import wait

PATIENCE_S = 30.0
SPACES = ("--mount", "--pid", "--net", "--ipc", "--uts")
# What of systemd would reach beyond the copy, or wait for devices that it does not have.
MASKED = (
    "systemd-modules-load.service systemd-remount-fs.service systemd-sysctl.service "
    "systemd-update-utmp.service dev-hugepages.mount sys-fs-fuse-connections.mount "
    "sys-kernel-debug.mount sys-kernel-tracing.mount"
)
SETUP = f"""set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/net dev/pts dev/shm
for name in null zero full random urandom tty net/tun; do
    touch "dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir run/old run/up
mount --bind "$1/up" run/up
if [ "$2" = systemd ]; then
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    for unit in {MASKED}; do ln -sf /dev/null "etc/systemd/system/$unit"; done
    : > etc/fstab
    : > etc/machine-id
fi
# Of this host's own: that nothing is started by an installation.
rm -f usr/sbin/policy-rc.d
find run/up -type f -o -type l -o -type c | sort > run/before
pivot_root . run/old
umount -l run/old
ip link set lo up
echo ready
[ "$2" != systemd ] || exec env -i container=copy /lib/systemd/systemd --unit=sysinit.target
read forever
"""
# dpkg's own books, systemd's, and what they keep of them.
BOOKS = ("var/lib/dpkg/", "var/log/", "var/cache/", "tmp/")


class NoHost(Exception):
    """There cannot be one here; the text says why."""


class DebianHost:
    """`with DebianHost(folder) as host`; `systemd`: with one as PID 1."""

    def __init__(self, folder: Path, systemd: bool = False) -> None:
        self._folder = folder
        self._systemd = systemd
        self._group = _group(f"slb-test-{os.getpid()}") if systemd else None

    def __enter__(self) -> "DebianHost":
        spaces = [*SPACES, *(["--cgroup"] if self._systemd else [])]
        join = 'echo 0 > "$0/cgroup.procs" && ' if self._group else ""
        unshare = f'{join}exec unshare "$@"'
        words = [*spaces, "--fork", "--kill-child", "--propagation", "private", "sh", "-c", SETUP]
        words += ["sh", str(self._folder), "systemd" if self._systemd else "alone"]
        # Should we be killed, the kernel ends it.
        keeper = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", unshare, str(self._group)]
        self._keeper = subprocess.Popen(
            [*keeper, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != "ready\n":
            raise NoHost(self._end().strip())
        pid = self._keeper.pid
        self._init = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        if self._systemd:
            try:
                wait(self._is_up, PATIENCE_S, "systemd")
            except BaseException:
                self._end()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> str:
        """End it all; returns what was complained of."""
        # PID 1 takes all others of its namespace along, and the mounts go with the last of them.
        self._keeper.kill()
        _, complaints = self._keeper.communicate(timeout=PATIENCE_S)
        if self._group is not None:
            wait(lambda: _removed(self._group), PATIENCE_S, "the control group without processes")
        return complaints

    def popen(self, *words: str) -> subprocess.Popen[str]:
        """Start a program there."""
        spaces = [*SPACES, *(["--cgroup"] if self._systemd else [])]
        inside = ["nsenter", "--target", str(self._init), *spaces, "--root", "--wdns=/"]
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

    def try_run(self, *words: str) -> tuple[int, str]:
        """Run a program there to its end; returns its exit status and what it said."""
        process = self.popen(*words)
        try:
            out, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.send_signal(signal.SIGKILL)
        return process.returncode, out

    def run(self, *words: str, status: int = 0) -> str:
        """Run a program there to its end, which must be this; returns what it said."""
        ended, out = self.try_run(*words)
        assert ended == status, (words, ended, out)
        return out

    def file(self, path: str) -> Path:
        """A file there, from here."""
        return Path(f"/proc/{self._init}/root/{path}")

    def written(self) -> list[str]:
        """The files that are there and were not before, or are others now."""
        before = set(self.file("run/before").read_text().splitlines())
        found = self.run("find", "run/up", "-type", "f", "-o", "-type", "l").splitlines()
        names = (name.removeprefix("run/up/") for name in found if name not in before)
        return sorted(name for name in names if not name.startswith(BOOKS))

    def _is_up(self) -> bool:
        return self.try_run("systemctl", "is-system-running")[1].strip() in ("running", "degraded")


def _group(name: str) -> Path:
    """A new control group for a systemd that is to be the master of all below it."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            group = Path(where) / name
            try:
                group.mkdir()
            except OSError as error:
                raise NoHost(f"{group}: {error.strerror}") from None
            return group
    raise NoHost("no writable cgroup2")


def _removed(group: Path | None) -> bool:
    """Remove it with all below it; tells whether it is gone."""
    for folder, _, _ in os.walk(str(group), topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            return False
    return True

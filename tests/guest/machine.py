# SPDX-License-Identifier: BSD-3-Clause
"""The guest: QEMU in a namespace of the run, and the agent in it that does what tests ask for.

The guest has this host's files, read-only, so the installed product and all tools are at the same
places. What it may write is the run's share, /run/share in there, and memory.
"""

import contextlib
import json
import os
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from units import write_units

from rig.netns import Namespace
from rig.process import Process, tail
from rig.registry import Registry
from rig.waiting import RigError, wait

BUILT = Path(__file__).resolve().parents[2] / "build/guest"
SHARE = Path("/run/share")

_AGENT = Path(__file__).with_name("agent.py")
_BOOT_S = 180
_END_S = 15


class Machine:
    """A booted guest with two CPUs."""

    def __init__(self, registry: Registry, namespace: Namespace, devices: Sequence[str]) -> None:
        """Start QEMU with `devices`, words of its command line, and wait for the agent's hello."""
        self.share = registry.directory / "share"
        self.share.mkdir()
        self._write_start()
        write_units(self.share / "units", SHARE)
        door = registry.directory / "agent.sock"
        words = [*_qemu(self.share, door), *devices]
        self.process = Process(registry, namespace, "serial", words)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._lines = self._socket.makefile("rb")
        try:
            wait(door.exists, 10, "QEMU's socket")
            self._socket.connect(str(door))
            self._hello()
        except BaseException:
            self.close()
            raise

    def run(self, *argv: str, timeout: float = 60, check: bool = True) -> str:
        """Run a command in the guest and return what it printed; raises RigError when it fails."""
        status, out, err = self.try_run(*argv, timeout=timeout)
        if check and status != 0:
            raise RigError(f"guest: {' '.join(argv)}: {status} {err.strip() or out.strip()}")
        return out

    def try_run(self, *argv: str, timeout: float = 60) -> tuple[int, str, str]:
        """Run a command in the guest; returns its exit status and what it wrote to out and err."""
        done = self._ask({"run": argv, "timeout": timeout}, timeout + 10)
        return done["status"], done["out"], done["err"]

    def slbd(self, name: str, argv: Sequence[str]) -> None:
        """Start slbd in the guest; it logs into <share>/<name>.log."""
        self._ask({"slbd": argv, "name": name})

    def end(self, name: str, number: int, timeout: float = 0) -> int | None:
        """Signal a started process unless `number` is 0; its status, or None while it runs."""
        status: int | None = self._ask(
            {"end": name, "signal": number, "timeout": timeout}, timeout + 10
        )["status"]
        return status

    def write(self, path: str, text: str) -> None:
        """Write a file of the guest's; raises RigError."""
        self.run("/bin/sh", "-c", 'printf %s "$2" >"$1"', "sh", path, text)

    def close(self) -> None:
        """End the guest."""
        self._lines.close()
        self._socket.close()
        self.process.stop(_END_S)

    def _write_start(self) -> None:
        agent = shlex.join([sys.executable, "-P", str(_AGENT), "/dev/ttyS1"])
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        (self.share / "start").write_text(
            "export PYTHONDONTWRITEBYTECODE=1 RUNTIME_DIRECTORY=/run TMPDIR=/run LANG=C.UTF-8\n"
            f"export PATH={shlex.quote(path)}:/usr/sbin:/sbin\n"
            "ip link set lo up\n"
            f"exec {agent} </dev/null\n"
        )

    def _hello(self) -> None:
        self._socket.settimeout(_BOOT_S)
        with contextlib.suppress(OSError):
            while line := self._lines.readline():
                # Firmware may have spoken before.
                if b'"hello"' in line:
                    return
        raise RigError(f"the guest has not come up: {tail(self.process.log)}")

    def _ask(self, request: Mapping[str, Any], timeout: float = 30) -> dict[str, Any]:
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise RigError(f"guest, asked {request}: {error}") from error
        if not line:
            raise RigError(f"the guest has ended: {tail(self.process.log)}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RigError(f"guest, asked {request}: {answer['error']}")
        return answer


def _qemu(share: Path, door: Path) -> list[str]:
    """QEMU's command line without network devices; it ends with us even when we are killed."""
    files = "security_model=none,multidevs=remap"
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-machine", "q35"),
        # Slower than KVM, which a host that is a guest itself may offer without it working.
        *("-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"),
        *("-kernel", str(BUILT / "vmlinuz"), "-initrd", str(BUILT / "initrd.gz")),
        *("-append", "console=ttyS0 quiet panic=-1"),
        *("-serial", "stdio"),
        *("-chardev", f"socket,id=agent,path={door},server=on,wait=off"),
        *("-serial", "chardev:agent"),
        *("-virtfs", f"local,path=/,mount_tag=root,readonly=on,{files}"),
        *("-virtfs", f"local,path={share},mount_tag=share,{files}"),
    ]

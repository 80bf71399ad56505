# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own tools, attached to a running slbd."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rig.process import Process
from rig.rig import Rig
from rig.waiting import RigError, wait

PREFIX = "slbt"
PORT = "net_tap0"
_ATTACH_S, _END_S = 15, 10


def environment(rig: Rig) -> Mapping[str, str]:
    """With the directory in which they look for a process to attach to."""
    return {**os.environ, "RUNTIME_DIRECTORY": str(rig.registry.directory)}


def proc_info(rig: Rig, *words: str) -> str:
    """What dpdk-proc-info prints; raises RigError when it fails."""
    argv = ["dpdk-proc-info", "--file-prefix", PREFIX, "--", *words]
    done = subprocess.run(
        argv, env=environment(rig), capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode != 0:
        raise RigError(f"{' '.join(argv)}: {done.returncode} {done.stderr.strip()}")
    return done.stdout


def telemetry(rig: Rig, *commands: str) -> dict[str, Any]:
    """What dpdk-telemetry.py prints, by command; raises RigError when it fails."""
    lines = "".join(f"{command}\n" for command in (*commands, "quit"))
    argv = ["dpdk-telemetry.py", "-f", PREFIX]
    done = subprocess.run(
        argv,
        input=lines,
        env=environment(rig),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    # First it says whom it has found; an answer has its command without parameters.
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"/')]
    if done.returncode != 0 or len(found) != len(commands):
        raise RigError(f"{' '.join(argv)}: {done.returncode} {done.stderr.strip()} {done.stdout}")
    return {
        command: answer[command.partition(",")[0]]
        for command, answer in zip(commands, found, strict=True)
    }


def memory_zones(rig: Rig) -> int:
    """How many pieces of shared memory have a name, by DPDK's telemetry."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as end:
        end.settimeout(10)
        end.connect(str(rig.registry.directory / "dpdk" / PREFIX / "dpdk_telemetry.v2"))
        end.recv(1024)
        end.send(b"/eal/memzone_list")
        return len(json.loads(end.recv(65536))["/eal/memzone_list"])


class Dumpcap:
    """dpdk-dumpcap, which writes into a file of the run's directory."""

    def __init__(self, rig: Rig, name: str, *words: str) -> None:
        """Start it; more words are options of it."""
        self.file = rig.registry.directory / f"{name}.pcapng"
        argv = ["dpdk-dumpcap", f"--file-prefix={PREFIX}", "-i", PORT, "-w", str(self.file)]
        place = rig.lb.namespace
        self.process = Process(rig.registry, place, name, [*argv, *words], environment(rig))
        rig.adopt(self.process)

    def wait_capturing(self) -> None:
        """Wait until it says so; raises RigError when it ends instead."""

        def capturing() -> bool:
            if self.process.status() is not None:
                raise RigError(f"dpdk-dumpcap: {self.process.text()}")
            return "Packets captured" in self.process.text()

        wait(capturing, _ATTACH_S, "dpdk-dumpcap to capture")

    def wait_grown(self) -> None:
        """Wait until packets have come since."""
        size = self.file.stat().st_size
        wait(lambda: self.file.stat().st_size > size, _ATTACH_S, "captured packets")

    def end(self, number: int = signal.SIGINT) -> str:
        """Have it end; returns what it said."""
        self.process.send(number)
        return self.wait_end()

    def wait_end(self) -> str:
        """Wait until it ends by itself; returns what it said."""
        self.process.wait(_END_S)
        return self.process.text()

    def lines(self, expression: str = "") -> list[str]:
        """The packets as tcpdump reads them, with seconds since 1970 in front."""
        return read(self.file, expression)


def read(file: Path, expression: str = "") -> list[str]:
    """The packets of a file."""
    words = ["tcpdump", "-ttnr", str(file), *expression.split()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0 and "truncated" not in done.stderr:
        raise RigError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout.splitlines()


def figure(text: str, name: str) -> int:
    """A figure that proc_info printed, `name: 5`."""
    found = re.search(rf"{re.escape(name)}\s*[:=]\s*(\d+)", text)
    if found is None:
        raise RigError(f"no {name} in: {text}")
    return int(found[1])

# SPDX-License-Identifier: BSD-3-Clause
"""The yardstick: dpdk-testpmd's 5tswap on the same file, over the same driver."""

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

CYCLES = re.compile(r"CPU cycles/packet=([0-9.]+)")
LIMIT_S = 120
# Forwarding goes on until standard input ends.
SECONDS = 3


def cycles(capture: Path, mbufs: int, memory_mb: int, huge: bool) -> float:
    """Return testpmd's own figure of cycles a packet; raises RuntimeError without one."""
    memory = ["--in-memory"] if huge else ["--no-huge", "--no-shconf"]
    eal = ["--lcores", "0@0,1@1", "--no-pci", *memory, "-m", str(memory_mb), "--log-level=4"]
    vdev = ["--vdev", f"net_pcap0,rx_pcap={capture},infinite_rx=1"]
    run = ["--port-topology=loop", "--forward-mode=5tswap", "--record-core-cycles"]
    command = ["dpdk-testpmd", *eal, *vdev, "--", *run, f"--total-num-mbufs={mbufs}"]
    with TemporaryDirectory(prefix="slb-bench") as runtime:
        # What EAL leaves behind goes with the directory.
        done = _run(command, {**os.environ, "RUNTIME_DIRECTORY": runtime}, _load_s(capture))
    found = CYCLES.search(done.stdout)
    if found is None:
        raise RuntimeError(f"testpmd gave no figure: {(done.stdout + done.stderr)[-800:]}")
    return float(found[1])


def _run(
    command: list[str], env: dict[str, str], load_s: int
) -> "subprocess.CompletedProcess[str]":
    fed = subprocess.Popen(["sleep", str(SECONDS + load_s)], stdout=subprocess.PIPE)
    try:
        return subprocess.run(
            command,
            stdin=fed.stdout,
            env=env,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    finally:
        fed.kill()
        fed.wait()
        if fed.stdout is not None:
            fed.stdout.close()


def _load_s(capture: Path) -> int:
    """Time for loading the driver libraries and the file."""
    return 6 + capture.stat().st_size // 20_000_000

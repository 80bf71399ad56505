# SPDX-License-Identifier: BSD-3-Clause
"""The yardstick: dpdk-testpmd's 5tswap on the same file, over the same driver."""

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import native
from bench.slices import Point, Reading, read

COUNTED = re.compile(r"total cycles=(\d+) / total \w+ packets=(\d+)\) at (\d+) MHz")
LIMIT_S = 180
BURST = 64  # with which it is fastest; with 128, as the engine has, it takes a fifth longer
# Each takes a fraction of a millisecond to print.
READINGS = 4_000
ASKED = ["start", *["show fwd stats all"] * READINGS, "stop", "quit", ""]


def cycles(capture: Path, mbufs: int, memory_mb: int, huge: bool) -> Reading:
    """Return testpmd's own figure of cycles a packet; raises RuntimeError without one."""
    measures, *others = native.cpus()
    lcores = f"0@{others[0] if others else measures},1@{measures}"
    memory = ["--in-memory"] if huge else ["--no-huge", "--no-shconf"]
    eal = ["--lcores", lcores, "--no-pci", *memory, "-m", str(memory_mb), "--log-level=4"]
    vdev = ["--vdev", f"net_pcap0,rx_pcap={capture},infinite_rx=1"]
    run = ["-i", "--port-topology=loop", "--forward-mode=5tswap", "--record-core-cycles"]
    sizes = [f"--burst={BURST}", f"--total-num-mbufs={mbufs}"]
    command = ["dpdk-testpmd", *eal, *vdev, "--", *run, *sizes]
    with TemporaryDirectory(prefix="slb-bench") as runtime:
        # What EAL leaves behind goes with the directory.
        done = subprocess.run(
            command,
            input="\n".join(ASKED),
            env={**os.environ, "RUNTIME_DIRECTORY": runtime},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    found = COUNTED.findall(done.stdout)
    if not found:
        raise RuntimeError(f"testpmd gave no figure: {(done.stdout + done.stderr)[-800:]}")
    return read((Point(int(c), int(p)) for c, p, _ in found), int(found[0][2]) * 1e6)

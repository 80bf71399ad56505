# SPDX-License-Identifier: BSD-3-Clause
"""engine.memory_mb: 0 is enough for tables that are full, with a change to them under way."""

import re
import subprocess
import sys

import pytest

pytest.importorskip("slb._engine", reason="the engine is not built")

WORKERS = 4
MOST_RS = 1_048_576
AN_RS = 64 + 2 * 32  # bytes a worker: its counters, and what schedulers read, old and new
SCRIPT = """\
import sys
from slb.engine.native import NativeEngine
from slb.model.codec import convert
from slb.model.config import Config
# So many sessions that the engine refuses and says what it would need.
engine = {"hugepages": False, "sessions": 1_000_000_000, "workers": 4, "rs_max": int(sys.argv[1])}
engine["cpus"] = {"workers": [0, 0, 0, 0], "admin": 0, "kni": 0}
engine["idle"] = {"workers": "adaptive"}
port = {"name": "lan0", "device": "net_null0", "local_addresses": ["198.18.0.1-198.18.0.4"]}
port["kernel_interface"] = {"name": "slb0", "kind": "none"}
NativeEngine(convert({"engine": engine, "ports": [port]}, Config))
"""


def needed_mb(rs_max: int) -> int:
    """What the engine would need for so many RS."""
    words = (sys.executable, "-P", "-c", SCRIPT, str(rs_max))
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"memory: (\d+) MB needed", ended.stderr)
    assert found, ended.stderr
    return int(found[1])


def test_room_for_all_rs() -> None:
    assert needed_mb(MOST_RS) - needed_mb(1) >= WORKERS * MOST_RS * AN_RS // 2**20

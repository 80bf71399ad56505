# SPDX-License-Identifier: BSD-3-Clause
"""A worker's busy and idle cycles are all the cycles there were, however it idles."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("slb._engine", reason="the engine is not built")

SCRIPT = """\
import json, sys, time
from slb.engine.native import NativeEngine
from slb.model.codec import convert
from slb.model.config import Config
engine = {"hugepages": False, "sessions": 1024, "mbufs": 4096}
engine["cpus"] = {"workers": [0], "admin": 0, "kni": 0}
engine["idle"] = {"workers": sys.argv[1]}
kernel = {"name": "slb0", "kind": "none"}
port = {"name": "lan0", "device": sys.argv[2], "local_addresses": ["198.18.0.1"]}
plain = {"engine": engine, "ports": [{**port, "kernel_interface": kernel}]}
native = NativeEngine(convert(plain, Config))

def reading():
    now, (worker,) = time.monotonic(), native.worker_list()
    return now, worker.busy_cycles, worker.idle_cycles

first = reading()
time.sleep(1)
seconds, busy, idle = (after - before for before, after in zip(first, reading()))
native.close()
print(json.dumps([busy / seconds, idle / seconds]))
"""


def cycles(idle: str, device: str = "net_ring0") -> tuple[float, float]:
    """Busy and idle cycles a second of a worker; over net_ring it gets no packets."""
    words = (sys.executable, "-P", "-c", SCRIPT, idle, device)
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    busy, idle_cycles = json.loads(done.stdout)
    return busy, idle_cycles


def test_polling_in_vain_is_idle_time() -> None:
    """A sleeping worker's cycles are the clock's; a polling one has as many."""
    (busy, polled), (_, slept) = cycles("busy"), cycles("adaptive")
    assert polled == pytest.approx(slept, rel=0.1)
    assert busy < polled / 10


def test_a_round_that_has_packets_is_busy_as_a_whole() -> None:
    """Over net_null there are always some: all cycles are busy, with what is around the path."""
    (busy, idle), (_, slept) = cycles("busy", "net_null0"), cycles("adaptive")
    assert busy == pytest.approx(slept, rel=0.1)
    assert idle < busy / 10

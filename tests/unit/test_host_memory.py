# SPDX-License-Identifier: BSD-3-Clause
"""doctor's idea of the memory needed, held against the engine's own number."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from slb.host.memory import needed_mb
from slb.model.codec import convert
from slb.model.config import Config

pytest.importorskip("slb._engine", reason="the engine is not built")

SLACK_MB = 8
SLACK = 0.04
SCRIPT = """\
import json
import sys
from slb.engine.native import NativeEngine
from slb.model.codec import convert
from slb.model.config import Config
NativeEngine(convert(json.loads(sys.argv[1]), Config))
"""
# Four workers of so many sessions want more hugepages than are ever free, or more memory than is.
MANY, MOST = 200_000_000, 1_000_000_000


def content(engine: dict[str, Any], top: dict[str, Any], mtu: int = 1500) -> dict[str, Any]:
    """A configuration of four workers on one CPU."""
    cpus = {"workers": [0, 0, 0, 0], "admin": 0, "kni": 0}
    shared = {"workers": 4, "cpus": cpus, "idle": {"workers": "adaptive"}}
    port = {
        "name": "lan0",
        "device": "net_null0",
        "mtu": mtu,
        "local_addresses": ["198.18.0.1-198.18.0.4"],
        "kernel_interface": {"name": "slb0", "kind": "none"},
    }
    return {"engine": {**shared, **engine}, "ports": [port], **top}


def engines_mb(wanted: dict[str, Any]) -> int:
    """What the engine wants; it refuses to start with more than there is, and says how much."""
    words = (sys.executable, "-P", "-c", SCRIPT, json.dumps(wanted))
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"(\d+) MB needed", ended.stderr)
    assert found, ended.stderr
    return int(found[1])


def test_ten_million_sessions_fit() -> None:
    """In 1.5 GB of IPv4, all that a worker needs beside them included; of IPv6 in 1.5 GiB."""

    def mb(**sessions: int) -> int:
        alone = {"workers": 1, "cpus": {"workers": [0], "admin": 0, "kni": 0}, **sessions}
        return needed_mb(convert(content(alone, {}), Config))

    few, many = mb(sessions=1_024), mb(sessions=10_000_000)
    assert many * 2**20 < 1.5e9
    assert (many - few) * 2**20 / 10_000_000 <= 96
    six = mb(sessions=1_024, sessions6=10_000_000) - few
    assert six < 1536 and six * 2**20 / 10_000_000 <= 160


@pytest.mark.parametrize(
    ("engine", "top", "mtu"),
    [
        ({"sessions": MANY}, {}, 1500),
        ({"sessions": MOST, "hugepages": False}, {}, 1500),
        ({"sessions": MANY, "sessions6": MANY // 2}, {}, 1500),
        ({"sessions": MANY}, {"tcp": {"expired": "reset"}}, 1500),
        ({"mbufs": 16_000_000}, {}, 1500),
        ({"mbufs": 16_000_000, "sessions": MOST, "hugepages": False}, {}, 1500),
        ({"mbufs": 16_000_000}, {}, 9000),
        ({"rs_max": 1_048_576, "sessions": MANY}, {}, 1500),
        ({"vs_max": 65_534, "sessions": MANY}, {"fragments": {"datagrams": 1_048_576}}, 1500),
    ],
)
def test_as_the_engine_says(engine: dict[str, Any], top: dict[str, Any], mtu: int) -> None:
    """Within a few per cent."""
    wanted = content(engine, top, mtu)
    exact = engines_mb(wanted)
    assert abs(needed_mb(convert(wanted, Config)) - exact) < exact * SLACK + SLACK_MB, exact


@pytest.mark.parametrize(("kind", "steering"), [("tap", "auto"), ("tap", "soft"), ("none", "flow")])
def test_buffers_for_the_kni_core(kind: str, steering: str) -> None:
    """Its own queues have some beside those of engine.mbufs: so many that it shows here."""
    ports = [
        {
            "name": f"lan{n}",
            "device": f"net_null{n}",
            "rx_descriptors": 32768,
            "steering": steering,
            "local_addresses": [f"198.18.{n}.1-198.18.{n}.4"],
            "kernel_interface": {"name": f"slb{n}", "kind": kind},
        }
        for n in range(8)
    ]
    wanted = content({"sessions": MANY}, {"ports": ports})
    less = {**wanted, "ports": [{**port, "steering": "soft"} for port in ports]}
    more = engines_mb(wanted) - engines_mb(less)
    own = kind == "tap" and steering == "auto"
    assert (more > 8 * 32768 * 2176 >> 20) == own
    assert more == 0 or own
    assert abs(needed_mb(convert(wanted, Config)) - needed_mb(convert(less, Config)) - more) < 8


@pytest.mark.parametrize("mode", ["active-backup", "lacp"])
def test_buffers_for_the_members_of_a_bond(mode: str) -> None:
    """The KNI core's queue is on each; LACP's frames have some besides."""
    bond = {
        "name": "lan0",
        "members": [f"net_null{n}" for n in range(8)],
        "bond": {"mode": mode},
        "rx_descriptors": 32768,
        "tx_descriptors": 32768,
        "local_addresses": ["198.18.0.1-198.18.0.4"],
        "kernel_interface": {"name": "slb0", "kind": "tap"},
    }
    wanted = content({"sessions": MANY, "mbufs": 4_000_000}, {"ports": [bond]})
    exact = engines_mb(wanted)
    single = {"bond": None, "members": [], "device": "net_null0"}
    less = {key: value for key, value in {**bond, **single}.items() if value}
    alone = engines_mb({**wanted, "ports": [less]})
    lacp = 8 * 4 * 32768 * 512 >> 20 if mode == "lacp" else 0
    assert exact - alone > (7 * 32768 * 2432 >> 20) + lacp
    assert abs(needed_mb(convert(wanted, Config)) - exact) < exact * SLACK + SLACK_MB


def test_memory_that_the_file_names() -> None:
    assert needed_mb(convert(content({"memory_mb": 77}, {}), Config)) == 77

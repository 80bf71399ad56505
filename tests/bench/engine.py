# SPDX-License-Identifier: BSD-3-Clause
"""One measurement of the engine, in a process of its own because EAL starts once a process.

Prints one JSON object: cycles a packet while all sessions are established, and what it checked. Or,
with another file to send them to, looks at what the frames became until all had a session.
"""

import json
import sys
import time
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from bench import capture, native, sent, slices
from slb.engine.native import NativeEngine
from slb.model import config as model
from slb.model.codec import convert
from slb.model.endpoint import Endpoint, VsKey
from slb.model.forwarding import Forwarding, Neighbour, Route
from slb.model.op import Op, OpKind
from slb.model.policy import Policy
from slb.model.views import WorkerView

RS = [IPv4Address("10.10.0.1") + i for i in range(64)]
RS_PORT = 8080
LADDRS = [IPv4Address("198.18.0.1") + i for i in range(16)]
GATEWAY = IPv4Address("192.0.2.1")
SECONDS = 2
SLICE_S = 0.0005
FILL_LIMIT_S = 60
BURST = 128  # csrc/path/pkt.h
VS = VsKey(capture.VIP, capture.VIP_PORT, "udp")


def settings(device: str, sessions: int, mbufs: int, huge: bool) -> model.Config:
    """One busy-polling worker on a CPU, everything else on another one."""
    measures, *others = native.cpus()
    rest = others[0] if others else measures
    plain = {
        "engine": {
            "workers": 1,
            "cpus": {"workers": [measures], "admin": rest, "kni": rest},
            "idle": {"workers": "busy", "admin": "adaptive", "kni": "adaptive"},
            "hugepages": huge,
            "sessions": max(sessions, 1024),
            "mbufs": mbufs,
        },
        "ports": [
            {
                "name": "bench0",
                "device": device,
                "kernel_interface": {"name": "bench0", "kind": "none"},
                "local_addresses": [f"{LADDRS[0]}-{LADDRS[-1]}"],
            }
        ],
        "service_subnets": ["10.96.0.0/16"],
    }
    return convert(plain, model.Config)


def prepare(engine: NativeEngine) -> None:
    """Give the engine its way out and its service."""
    engine.forward_set(
        Forwarding(
            routes=(
                Route(IPv4Network("192.0.2.0/24"), None, 0),
                Route(IPv4Network("0.0.0.0/0"), GATEWAY, 0),
            ),
            neighbours=(Neighbour(GATEWAY, "02:00:00:00:00:03", 0),),
        )
    )
    adds = [Op(OpKind.RS_ADD, VS, rs=Endpoint(each, RS_PORT), weight=1) for each in RS]
    engine.commit([Op(OpKind.VS_ADD, VS, policy=Policy("rr")), *adds])


def fill(engine: NativeEngine, sessions: int) -> None:
    """Wait until every session exists; raises RuntimeError when they do not come."""
    limit = time.monotonic() + FILL_LIMIT_S
    while engine.worker_list()[0].sessions_active < sessions:
        if time.monotonic() > limit:
            raise RuntimeError(f"{engine.worker_list()[0].sessions_active} of {sessions} sessions")
        time.sleep(0.05)


def measure(engine: NativeEngine) -> dict[str, float]:
    """Count cycles and packets over a while in which nothing is created, ended or dropped."""
    views = [engine.worker_list()[0]]
    began = time.monotonic()
    while time.monotonic() < began + SECONDS:
        time.sleep(SLICE_S)
        views.append(engine.worker_list()[0])
    took = time.monotonic() - began
    before, after = views[0], views[-1]
    check(before, after)
    hz = (_cycles(after) - _cycles(before)) / took
    reading = slices.read((slices.Point(v.busy_cycles, v.rx_packets) for v in views), hz)
    return {
        "cycles": reading.cycles,
        "left_out": reading.left_out,
        "bytes_a_session": after.session_bytes / after.sessions_capacity,
    }


def check(before: WorkerView, after: WorkerView) -> None:
    """Raise RuntimeError unless all that a worker did between the two was to forward."""
    for name in ("sessions_created", "sessions_ended", "dropped"):
        if getattr(after, name) != getattr(before, name):
            raise RuntimeError(f"{name} moved during the measurement")
    received = after.rx_packets - before.rx_packets
    sent = after.tx_packets - before.tx_packets
    # Of one burst the worker may have counted only that it has come.
    if not received or abs(sent - received) > BURST:
        raise RuntimeError(f"{received} packets received, {sent} sent")


def _cycles(view: WorkerView) -> int:
    return view.busy_cycles + view.idle_cycles


def main(file: str, sessions: int, mbufs: int, huge: bool, out: Iterable[str]) -> None:
    """Measure once and print; or send to a file until all sessions are there, and look at it."""
    into = [f"tx_pcap={path}" for path in out]
    device = ",".join(["net_pcap0", f"rx_pcap={file}", "infinite_rx=1", *into])
    engine = NativeEngine(settings(device, sessions, mbufs, huge))
    try:
        prepare(engine)
        fill(engine, sessions)
        if not into:
            print(json.dumps(measure(engine)))
    finally:
        engine.close()
    for path in out:
        sent.check(Path(path), sessions, set(RS), RS_PORT, set(LADDRS))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "huge", sys.argv[5:])

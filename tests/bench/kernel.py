# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's full NAT beside ours: nftables, DNAT and SNAT of UDP, in namespaces.

    gen ----- lb ----- sink
       gen0  lb0  lb1  sink0

Everything is on one CPU: behind a veth the kernel works on a packet there, so the sender's CPU
time, and that of the CPU's ksoftirqd, is that of all that is done. How many arrived, rightly
translated, is what nftables counts, and drops, at the sink's ingress. The sender alone is measured
the same way, with what drops at lb's ingress, and taken off.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import capture, child
from bench.figure import Figure, Goal
from bench.native import PROGRAM, Runs, cpus, measure
from rig.netns import Namespace
from rig.registry import Registry
from rig.waiting import RigError

FLOOD = PROGRAM.with_name("slb-flood")
SESSIONS = 1_000
PACKETS = 20_000  # that are timed together
TIMES = 5
LIMIT_S = 120
LEAST_ARRIVED = 0.99
GOAL = Goal(25, 10, more=True)

RS = "10.10.0.1"
RS_PORT = 8080
LOCAL = "198.18.0.1"
NEXT_HOP = "192.0.2.2"
SINK_MAC = "02:00:00:00:00:03"

NAT = f"""
table ip nat {{
    chain to_rs {{
        type nat hook prerouting priority dstnat
        ip daddr {capture.VIP} udp dport {capture.VIP_PORT} dnat to {RS}:{RS_PORT}
    }}
    chain from_local {{
        type nat hook postrouting priority srcnat
        ip daddr {RS} snat to {LOCAL}
    }}
}}
"""
COUNTED = """
table netdev counted {{
    chain arriving {{
        type filter hook ingress device {device} priority 0
        {match} counter drop
        drop
    }}
}}
"""
TRANSLATED = f"ip saddr {LOCAL} ip daddr {RS} udp dport {RS_PORT}"
UNTOUCHED = f"ip daddr {capture.VIP} udp dport {capture.VIP_PORT}"


class Unable(Exception):
    """This kernel has no NAT that nftables can use; the message is its own."""


class Lab:
    """The three namespaces, and a sender."""

    def __init__(self, registry: Registry, frames: Path) -> None:
        """Make them, connected and with routes; raises RigError."""
        self._frames = frames
        self._cycles_a_ns = measure("clock", 0, 1).least("tsc") / 1e9
        self.gen, self.lb, self.sink = (Namespace(registry, role) for role in ("gen", "lb", "sink"))
        self._connect(self.gen, "gen0", self.lb, "lb0")
        self._connect(self.lb, "lb1", self.sink, "sink0")
        self.lb.ip("link", "set", "lb0", "address", capture.MAC.hex(":"))
        self.sink.ip("link", "set", "sink0", "address", SINK_MAC)
        self.lb.ip("address", "add", "192.0.2.1/24", "dev", "lb1")
        self.lb.ip("neighbour", "add", NEXT_HOP, "lladdr", SINK_MAC, "dev", "lb1")
        self.lb.ip("route", "add", "default", "via", NEXT_HOP)
        self.lb.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")

    @staticmethod
    def _connect(one: Namespace, name: str, other: Namespace, other_name: str) -> None:
        peer = ("peer", "name", other_name, "netns", other.name)
        one.ip("link", "add", name, "type", "veth", *peer)
        one.ip("link", "set", name, "up")
        other.ip("link", "set", other_name, "up")

    def rules(self, where: Namespace, text: str) -> None:
        """Give a namespace these rules and no others; raises RigError."""
        command = [*where.prefix(), "nft", "-f", "-"]
        done = subprocess.run(
            command, input=f"flush ruleset\n{text}", capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RigError(done.stderr.strip())

    def cycles(self, lb: str, counts: Namespace, device: str, match: str) -> float:
        """Cycles a packet that arrived and matched, at best; raises RuntimeError."""
        self.rules(self.lb, lb)
        self.rules(self.sink, "")
        where = lb if counts is self.lb else ""
        self.rules(counts, where + COUNTED.format(device=device, match=match))
        # Every flow has its entry before anything is timed.
        self._flood(SESSIONS, 1)
        before = self._arrived(counts)
        least = min(self._flood(PACKETS, TIMES)) * self._cycles_a_ns
        share = (self._arrived(counts) - before) / (PACKETS * TIMES)
        if share < LEAST_ARRIVED:
            raise RuntimeError(f"of the kernel's packets {share:.1%} came through")
        return least / share

    def _flood(self, packets: int, times: int) -> list[float]:
        cpu = str(cpus()[0])
        here = [*self.gen.prefix(), "taskset", "-c", cpu, str(FLOOD)]
        words = ["gen0", str(self._frames), str(_softirqs(cpu)), str(packets), str(times)]
        said = child.output([*here, *words], LIMIT_S)
        return [float(line) for line in said.splitlines()]

    @staticmethod
    def _arrived(where: Namespace) -> int:
        table = json.loads(where.run("nft", "-j", "list", "table", "netdev", "counted"))
        return sum(
            int(expression["counter"]["packets"])
            for item in table["nftables"]
            for expression in item.get("rule", {}).get("expr", [])
            if "counter" in expression
        )


def _softirqs(cpu: str) -> Path:
    """Where the kernel says how long the CPU's ksoftirqd has run; raises RuntimeError."""
    for comm in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if comm.read_text().strip() == f"ksoftirqd/{cpu}":
                return comm.with_name("schedstat")
    raise RuntimeError(f"there is no ksoftirqd/{cpu}: m6 does not run in a container")


@contextmanager
def lab() -> Iterator[Lab]:
    """The namespaces for as long as they are needed; raises Unable."""
    registry = Registry.create("bench")
    try:
        with TemporaryDirectory(prefix="slb-bench-") as folder:
            frames = Path(folder) / "frames.pcap"
            capture.write(frames, SESSIONS)
            made = Lab(registry, frames)
            try:
                made.rules(made.lb, NAT)
                made.rules(made.lb, COUNTED.format(device="lb0", match=UNTOUCHED))
            except RigError as error:
                raise Unable(str(error)) from None
            yield made
    finally:
        registry.remove()


def figures(runs: int) -> list[Figure]:
    """The kernel's cycles, net of the sender's, divided by ours, net of I/O."""
    sides: dict[str, list[float]] = {"kernel": [], "routed": [], "generator": []}
    ours = Runs()
    what = "kernel nftables DNAT and SNAT beside ours, cycles a packet from a client"
    try:
        with lab() as there:
            for _ in range(runs):
                sides["generator"].append(there.cycles("", there.lb, "lb0", UNTOUCHED))
                sides["routed"].append(there.cycles("", there.sink, "sink0", UNTOUCHED))
                sides["kernel"].append(there.cycles(NAT, there.sink, "sink0", TRANSLATED))
                ours.add(measure("path", SESSIONS, 1))
    except Unable as why:
        raise RuntimeError(f"m6: this kernel's nftables has no NAT: {why}") from None
    except RigError as failed:
        raise RuntimeError(f"m6: {failed}") from None
    sides["ours"] = ours.cycles["ours"]
    net = min(sides["kernel"]) - min(sides["generator"])
    return [
        Figure("m6.ratio", what, round(net / min(sides["ours"]), 1), GOAL, sides, ours.left_out),
        Figure("m6.cycles", "of the kernel, net of the sender", round(net, 1)),
    ]

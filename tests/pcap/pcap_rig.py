# SPDX-License-Identifier: BSD-3-Clause
"""An engine between captures: starts runner.py, feeds its ports and reads what they send."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from packets.frames import GATEWAY, GATEWAY_MAC, OWN, RS_TCP, RS_UDP, VS_TCP, VS_UDP
from wire import Tape, Wire

from rig.waiting import wait

RUNNER = Path(__file__).with_name("runner.py")
PATIENCE_S = 60.0
SERVICES = [
    {"vs": VS_TCP, "rs": [{"rs": RS_TCP}]},
    {"vs": VS_UDP, "rs": [{"rs": RS_UDP}]},
]
ONE_ARM = {
    "routes": [
        {"prefix": "192.0.2.0/24", "gateway": None, "port": 0},
        {"prefix": "0.0.0.0/0", "gateway": GATEWAY, "port": 0},
    ],
    "neighbours": [{"address": GATEWAY, "mac": GATEWAY_MAC, "port": 0}],
    "own": [{"address": OWN, "port": 0}],
}


@dataclass(frozen=True)
class Reading:
    """All of the engine's counters at one time."""

    raw: dict[str, Any]

    @property
    def drops(self) -> Counter[str]:
        """Drops by reason."""
        return Counter({row["reason"]: row["total"] for row in self.raw["drops"] if row["total"]})

    def total(self, name: str) -> int:
        """The sum of a worker's counter over all workers."""
        return sum(worker[name] for worker in self.raw["workers"])

    def settled(self) -> int:
        """Packets that reached an end: sent or dropped."""
        return self.total("tx_packets") + self.drops.total()


class PcapRig:
    """A running engine; leaving the context ends it and checks that it went well."""

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 1,
        ports: int = 1,
        queues: int = 1,
        view: dict[str, Any] | None = None,
        inputs: Sequence[Path] = (),
        idle: str | Sequence[str] = "adaptive",
        mtu: int = 1500,
    ) -> None:
        self._folder = folder
        self._mtu = mtu
        self._idle = idle
        self.wires = [
            Wire(folder / f"in{port}.{queue}")
            for port in range(ports)
            for queue in range(0 if inputs else queues)
        ]
        self.tapes = [Tape(folder / f"out{port}.pcap") for port in range(ports)]
        sources = [*inputs] or [wire.path for wire in self.wires]
        job = {"config": self._config(workers, ports, sources), "view": view or ONE_ARM}
        (folder / "job.json").write_text(json.dumps(job))
        self.macs: list[str] = []

    def _config(self, workers: int, ports: int, sources: Sequence[Path]) -> dict[str, Any]:
        each = len(sources) // ports
        return {
            "engine": {
                "workers": workers,
                "cpus": {"workers": [0] * workers, "admin": 0, "kni": 0},
                "idle": {"workers": self._idle},
                "hugepages": False,
                "sessions": 4096,
                "mbufs": 16384,
            },
            "ports": [
                {
                    "name": f"lan{port}",
                    "device": self._device(port, sources[port * each : (port + 1) * each]),
                    "mtu": self._mtu,
                    "kernel_interface": {"name": f"lan{port}", "kind": "none"},
                    "local_addresses": [f"198.18.{port}.1-198.18.{port}.{workers}"],
                }
                for port in range(ports)
            ],
            "service_subnets": ["10.96.0.0/16"],
            # Idle frames pile up while the engine starts, and none may be over the rate.
            "punt": {"other_pps": 10_000_000},
            "services": SERVICES,
            "api": {"socket": str(self._folder / "unused.sock")},
        }

    def _device(self, port: int, sources: Sequence[Path]) -> str:
        rx = ",".join(f"rx_pcap={source}" for source in sources)
        return f"net_pcap{port},{rx},tx_pcap={self.tapes[port].path}"

    def __enter__(self) -> "PcapRig":
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(RUNNER), str(self._folder / "job.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.macs = self._line()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._process.kill()
        try:
            # A worker that waits for its FIFO comes back when that ends.
            for wire in self.wires:
                wire.end()
            self._process.communicate(timeout=PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()
        assert kind is not None or self._process.returncode == 0

    def read(self) -> Reading:
        """Ask for all counters."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Reading(self._line())

    def receive(self, count: int, port: int = 0) -> list[bytes]:
        """Wait for so many frames out of a port."""
        got: list[bytes] = []

        def enough() -> bool:
            got.extend(self.tapes[port].frames())
            return len(got) >= count

        wait(enough, PATIENCE_S, f"{count} frames out of port {port}")
        return got

    def finish(self) -> Reading:
        """End the input, and wait until every frame of it is accounted for."""
        for wire in self.wires:
            wire.end()
        fed = sum(wire.sent + wire.idle for wire in self.wires)
        return self.await_settled(fed)

    def await_settled(self, fed: int) -> Reading:
        """Wait until so many frames were received, and each was sent or dropped."""

        def reading() -> Reading | None:
            now = self.read()
            return now if now.total("rx_packets") == now.settled() == fed else None

        found = wait(reading, PATIENCE_S, f"{fed} frames accounted for")
        assert found is not None
        return found

    def idle_frames(self) -> int:
        """Idle frames sent so far."""
        return sum(wire.idle for wire in self.wires)

    def _line(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the engine's process ended"
        return json.loads(line)

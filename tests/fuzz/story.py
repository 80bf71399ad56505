# SPDX-License-Identifier: BSD-3-Clause
"""The steps of an input as csrc/fuzz/trace.c prints them, and in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from scapy.layers.l2 import Ether


@dataclass(frozen=True)
class Step:
    """A packet that went through a worker's path, and what became of it."""

    worker: int
    port: int
    segments: int
    handed: bool
    before: bytes
    verdict: str
    arg: int
    after: bytes

    def __str__(self) -> str:
        came = f"worker {self.worker} port {self.port}"
        came += f" in {self.segments} segments" if self.segments > 1 else ""
        came += " handed over" if self.handed else ""
        told = (
            f"{came}: {_words(self.before)}\n    {self.before.hex()}\n    {self.verdict} {self.arg}"
        )
        if self.after != self.before:
            told += f": {_words(self.after)}\n    {self.after.hex()}"
        return told


def _words(frame: bytes) -> str:
    return str(Ether(frame).summary()) if len(frame) >= 14 else f"{len(frame)} bytes"


def steps(trace: str) -> Iterator[Step | str]:
    """Read a trace; what is no packet comes as it is."""
    for line in trace.splitlines():
        words = line.split(" ")
        if words[0] != "packet":
            yield line
            continue
        worker, port, segments, handed = (int(word) for word in words[1:5])
        before, _, verdict, arg, after = words[5:]
        yield Step(
            worker,
            port,
            segments,
            bool(handed),
            bytes.fromhex(before),
            verdict,
            int(arg),
            bytes.fromhex(after),
        )


def packets(trace: str) -> list[Step]:
    """The packets of a trace."""
    return [step for step in steps(trace) if isinstance(step, Step)]


def tell(trace: str) -> Iterator[str]:
    """A trace in words."""
    return (str(step) for step in steps(trace))

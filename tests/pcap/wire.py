# SPDX-License-Identifier: BSD-3-Clause
"""Packet captures that are still being written, on both sides of a net_pcap port.

net_pcap reads its input from the moment it starts, and an engine has no services then yet. So the
input is a FIFO that a thread keeps alive: while there is nothing to say it sends idle frames, of an
Ethernet type kept free for experiments, because a worker that waits in read() would answer nobody.
The engine has to count the idle frames like all others.
"""

import os
import queue
import struct
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

ETHERNET, SNAPLEN = 1, 262144
FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN, ETHERNET)
RECORD = struct.Struct("<IIII")
IDLE_TYPE = 0x88B5
IDLE_FRAME = bytes(12) + IDLE_TYPE.to_bytes(2, "big") + b"nothing to say".ljust(46)
IDLE_S = 0.002


def record(frame: bytes) -> bytes:
    """A frame as it stands in a capture."""
    return RECORD.pack(0, 0, len(frame), len(frame)) + frame


def capture(frames: Iterable[bytes]) -> bytes:
    """A whole capture."""
    return FILE_HEADER + b"".join(record(frame) for frame in frames)


class Wire:
    """One receive queue of a port, fed through a FIFO."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sent = self.idle = 0  # frames of ours, idle frames
        self._waiting: queue.SimpleQueue[list[bytes] | None] = queue.SimpleQueue()
        os.mkfifo(path)
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def send(self, frames: Iterable[bytes]) -> None:
        """Send frames, in this order, as soon as the engine takes them."""
        batch = list(frames)
        self.sent += len(batch)
        self._waiting.put(batch)

    def end(self) -> None:
        """Say no more; the capture ends."""
        self._waiting.put(None)
        # Should nobody ever have opened the FIFO for reading, the thread would wait for ever.
        os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))
        self._thread.join()

    def _feed(self) -> None:
        try:
            with self.path.open("wb", buffering=0) as fifo:
                fifo.write(FILE_HEADER)
                while (batch := self._next()) is not None:
                    for frame in batch:
                        fifo.write(record(frame))
        except BrokenPipeError:
            return

    def _next(self) -> list[bytes] | None:
        try:
            return self._waiting.get(timeout=IDLE_S)
        except queue.Empty:
            self.idle += 1
            return [IDLE_FRAME]


class Tape:
    """What a port has sent, read while it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = len(FILE_HEADER)

    def frames(self) -> list[bytes]:
        """The frames that came since the last call."""
        return list(self._new())

    def _new(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(self._at)
            while len(header := file.read(RECORD.size)) == RECORD.size:
                size = RECORD.unpack(header)[2]
                frame = file.read(size)
                if len(frame) < size:
                    return
                self._at += RECORD.size + size
                yield frame

# SPDX-License-Identifier: BSD-3-Clause
"""Garbage through the whole engine: nothing crashes, every frame is counted, work goes on."""

import random
import struct
from pathlib import Path

import pytest
from packets.frames import LOCAL, OWN, VIP, VIP_EMPTY, icmp, tcp, udp
from pcap_rig import PcapRig
from wire import ETHERNET, SNAPLEN

pytestmark = pytest.mark.pcap

FRAMES = 6000


def garbage(seed: int) -> list[bytes]:
    """Random bytes of every length, and real packets with bytes turned."""
    rng = random.Random(seed)
    seeds = [bytes(p) for p in (tcp(), udp(), icmp(), tcp(dst=LOCAL[0]), udp(dst=OWN), tcp("A"))]
    seeds += [bytes(tcp(dst=VIP_EMPTY)), bytes(icmp(VIP))]
    frames = []
    for _ in range(FRAMES):
        if rng.random() < 0.3:
            frames.append(rng.randbytes(rng.choice((0, 1, 13, 14, 60, 1514, 2048, 9000))))
            continue
        frame = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(6)):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        frames.append(
            bytes(frame[: rng.randrange(1, len(frame) + 1)]) if rng.random() < 0.2 else bytes(frame)
        )
    return frames


def block(kind: int, body: bytes) -> bytes:
    """A block of a pcapng file."""
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def pcapng(frames: list[bytes]) -> bytes:
    """A pcapng file."""
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block(1, struct.pack("<HHI", ETHERNET, 0, SNAPLEN))
    packets = (
        block(6, struct.pack("<IIIII", 0, 0, 0, len(frame), len(frame)) + frame) for frame in frames
    )
    return section + interface + b"".join(packets)


@pytest.mark.parametrize("workers", [1, 2])
def test_garbage_on_a_live_wire(tmp_path: Path, workers: int) -> None:
    with PcapRig(tmp_path, workers=workers) as rig:
        rig.wires[0].send(garbage(workers))
        rig.wires[0].send([bytes(tcp(sport=9))])
        end = rig.finish()
        assert end.total("tx_packets") > 0
        assert {"SHORT", "BAD_VERSION", "NOT_FOR_US"} <= set(end.drops)
        clients = [session["client"] for session in end.raw["sessions"]]
        assert "203.0.113.9:9" in clients, "what came after the garbage was served"


def test_garbage_in_a_pcapng_file(tmp_path: Path) -> None:
    file = tmp_path / "garbage.pcapng"
    file.write_bytes(pcapng(garbage(3)))
    with PcapRig(tmp_path, inputs=[file]) as rig:
        end = rig.await_settled(FRAMES)
        assert end.drops.total() + end.total("tx_packets") == FRAMES

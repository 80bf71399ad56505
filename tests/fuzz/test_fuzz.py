# SPDX-License-Identifier: BSD-3-Clause
"""The fuzzer's seeds, its checks, and a run of it that is bounded in packets and time."""

import os
from collections import Counter
from pathlib import Path

import pytest
from packets.frames import tcp, udp
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from fuzz.campaign import fuzz, replay, write_seeds
from fuzz.program import frame, program, reply
from fuzz.seeds import seeds
from fuzz.story import packets

PACKETS = int(os.environ.get("SLB_FUZZ_PACKETS", 10_000_000))
MINUTES = float(os.environ.get("SLB_FUZZ_MINUTES", 10))
CLEAN = {
    "ip_sum": "a right IPv4 checksum became wrong",
    "l4_sum": "a right L4 checksum became wrong",
    "no_udp_sum": "a UDP checksum was lost",
    "ip_length": "that is no whole IP packet",
    "source": "from an address that is not ours",
    "mac": "from a MAC that is not the port's",
    "ttl": "no time to live left",
    "port": "is sent to port",
    "tag": "leaves in VLAN 1",
    "no_verdict": "has the verdict 0",
    "uncounted_drop": "drops for reason",
    "lost_object": "were not freed",
    "past_the_end": "heap-buffer-overflow",
    "behind_a_packet": "use-after-poison",
    "before_a_packet": "use-after-poison",
    "given_back": "use-after-poison",
    "given_back_twice": "given back twice",
}


def file_of(folder: Path, data: bytes) -> Path:
    """Write an input."""
    path = folder / "input"
    path.write_bytes(data)
    return path


def test_seeds_break_nothing() -> None:
    done = replay(write_seeds())
    assert done.returncode == 0, done.stderr[-4000:]


def test_a_connection_goes_both_ways(tmp_path: Path) -> None:
    done = replay([file_of(tmp_path, seeds()["tcp-v4-talk"])], TRACE="1")
    run = packets(done.stdout)
    assert [step.verdict for step in run] == ["TX"] * len(run)
    assert len(run) == 9
    sources = [Ether(step.after)[IP].src for step in run]
    assert Counter(sources) == {"198.18.0.1": 6, "10.96.0.10": 3}


def test_a_reply_is_what_the_other_end_would_send(tmp_path: Path) -> None:
    first = tcp("S", b"early")
    done = replay([file_of(tmp_path, program(frame(first), reply("SA", payload=2)))], TRACE="1")
    syn, answer = (Ether(step.before) for step in packets(done.stdout))
    seen = Ether(packets(done.stdout)[0].after)
    assert bytes(syn) == bytes(first)
    assert (answer[IP].src, answer[IP].dst) == (seen[IP].dst, seen[IP].src)
    assert (answer.sport, answer.dport) == (seen.dport, seen.sport)
    assert (answer.seq, answer.ack) == (0, (seen.seq + 1 + len(b"early")) % 2**32)
    assert str(answer[TCP].flags) == "SA" and len(answer[TCP].payload) == 16


@pytest.mark.parametrize("first", [tcp("S", b"odd"), udp(b"odd")], ids=["tcp", "udp"])
def test_lengths_and_checksums_are_made_right(tmp_path: Path, first: Ether) -> None:
    spoilt = bytearray(bytes(first))
    for at in (16, 24, 50 if TCP in first else 40, 38):
        if at != 38 or UDP in first:
            spoilt[at] ^= 0xFF
    done = replay([file_of(tmp_path, program(frame(bytes(spoilt))))], TRACE="1")
    assert packets(done.stdout)[0].before == bytes(first)


@pytest.mark.parametrize("fault", CLEAN)
def test_a_fault_is_found(tmp_path: Path, fault: str) -> None:
    data = program(frame(udp()), reply())
    done = replay([file_of(tmp_path, data)], SPOIL=fault)
    assert done.returncode != 0
    assert CLEAN[fault] in done.stderr


def test_a_wrong_answer_is_found(tmp_path: Path) -> None:
    """An error that the path makes has nobody's checksum to excuse its own."""
    done = replay([file_of(tmp_path, program(frame(udp(ttl=1))))], SPOIL="l4_sum")
    assert done.returncode != 0
    assert "a wrong L4 checksum is made" in done.stderr


def test_the_same_input_does_the_same(tmp_path: Path) -> None:
    path = file_of(tmp_path, seeds()["tcp-v4-spread"])
    traces = replay([path, path], TRACE="1").stdout.splitlines()
    assert traces[: len(traces) // 2] == traces[len(traces) // 2 :]


@pytest.mark.timeout(MINUTES * 60 + 240)
def test_fuzz(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = fuzz(MINUTES, PACKETS, os.cpu_count() or 1)
    with capsys.disabled():
        print(f"\nfuzz: {outcome}")
    assert not outcome.findings, "\n".join(map(str, outcome.findings))
    assert outcome.totals.packets >= PACKETS or outcome.seconds >= MINUTES * 60

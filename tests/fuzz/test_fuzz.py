# SPDX-License-Identifier: BSD-3-Clause
"""The fuzzer's seeds, its checks, and a run of it that is bounded in packets and time."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from packets.frames import tcp, udp
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from fuzz.campaign import DROPS, Totals, fuzz, replay, write_seeds
from fuzz.faults import FAULTS, Fault
from fuzz.program import CSRC, frame, program, reply
from fuzz.seeds import seeds
from fuzz.story import packets

PACKETS = int(os.environ.get("SLB_FUZZ_PACKETS", 10_000_000))
MINUTES = float(os.environ.get("SLB_FUZZ_MINUTES", 10))
CHECKS = re.compile(r'broken\(\s*((?:"[^"]*"\s*(?:PRIu64)?\s*)+)')
# What the harness answers of itself; no input makes it say so.
OF_THE_HARNESS = {
    "a burst of %u packets was refused: error %d",
    "the engine does not open: %s",
    "sessions cannot be listed: error %d",
}
# What no input can reach, and why.
NEVER = {
    "NO_LOCAL_PORT": "64,512 sessions towards one RS; tests/path/test_local_ports.py",
    "PUNT_FULL": "a ring; there are none here. tests/path/test_full_queues.py has these four",
    "HANDOFF_FULL": "a ring",
    "TX_FULL": "a ring",
    "PUNT_NO_KNI": "a ring",
    "STEERING_PROBE": "its nonce is drawn at the start; tests/path/test_probe.py",
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


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{one.name}: {one.said}" for one in FAULTS])
def test_a_fault_is_found(tmp_path: Path, fault: Fault) -> None:
    path = file_of(tmp_path, fault.program)
    done = replay([path], SPOIL=fault.name)
    assert done.returncode != 0
    assert fault.said in done.stderr
    assert replay([path]).returncode == 0


def test_there_is_a_fault_for_each_check() -> None:
    """Whatever a check may say, some fault has heard it."""
    checks = {
        "".join(re.findall(r'"([^"]*)"', said))
        for file in sorted((CSRC / "fuzz").glob("*.c"))
        for said in CHECKS.findall(file.read_text())
    }
    assert len(checks) > 25 and checks > OF_THE_HARNESS
    for check in checks - OF_THE_HARNESS:
        assert any(_hears(fault.said, check) for fault in FAULTS), check


def _hears(said: str, check: str) -> bool:
    """Whether a part of what the check says was heard, whatever the numbers in it are."""
    numbers = [re.sub(r"%\w?", number, check) for number in "0123"]
    return any(said in one for one in numbers)


def test_seeds_reach_every_verdict_and_drop_reason(tmp_path: Path) -> None:
    totals = tmp_path / "totals"
    done = replay(write_seeds(), TOTALS=str(totals))
    assert done.returncode == 0
    seen = Totals.read([totals])
    assert min(seen.sent, seen.punted, seen.handed_off, seen.held) > 0
    missing = {name for name, count in zip(DROPS, seen.dropped, strict=True) if not count}
    assert missing == set(NEVER)


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

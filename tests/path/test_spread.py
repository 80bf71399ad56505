# SPDX-License-Identifier: BSD-3-Clause
"""Spreading clients over workers by hash, on a port whose device cannot be relied on for it."""

from collections import Counter

import pytest
from lab import Lab
from packets.frames import ACK, OWN, VIP, Clients, answer, icmp, tcp, udp
from packets.nat import endpoints
from values import Settings

pytestmark = pytest.mark.path

WORKERS = 4
SETTINGS = Settings(
    workers=WORKERS,
    laddrs=tuple((f"198.18.0.{w + 1}", w, 0) for w in range(WORKERS)),
    spread_hash=frozenset({0}),
    sessions=4000,
)
SYN = Clients(tcp())


def target(lab: Lab, worker: int, frame: bytes) -> int:
    """The worker that a first packet belongs to, as this one sees it."""
    (result,) = lab.harness.run(worker, [frame])
    if result.verdict == "HANDOFF":
        assert result.data == frame
        return result.arg
    assert result.what == "TX 0"
    return worker


def test_all_workers_agree(lab: Lab) -> None:
    for frame in (*SYN.frames(200), bytes(udp()), bytes(tcp(sport=7))):
        assert len({target(lab, worker, frame) for worker in range(WORKERS)}) == 1


def test_clients_are_spread_evenly(lab: Lab) -> None:
    shares = Counter(target(lab, 0, frame) for frame in SYN.frames(2000))
    assert set(shares) == set(range(WORKERS))
    assert all(count == pytest.approx(500, abs=100) for count in shares.values())


def test_one_clients_ports_are_spread(lab: Lab) -> None:
    frames = [SYN.frame(0x14000001, port) for port in range(1024, 1224)]
    shares = Counter(target(lab, 0, frame) for frame in frames)
    assert all(count > 20 for count in shares.values()) and len(shares) == WORKERS


def test_a_flow_from_first_packet_to_last(lab: Lab) -> None:
    """Every packet comes in on worker 0, as from a device with one queue."""
    frame = next(frame for frame in SYN.frames(100) if target(lab, 0, frame) == 2)
    for flags in ("S", ACK):
        sent = frame[:47] + (b"\x02" if flags == "S" else b"\x10") + frame[48:]
        assert target(lab, 0, sent) == 2
        (forwarded,) = lab.harness.run(2, [sent], handed=True)
        assert forwarded.what == "TX 0"
    reply = bytes(answer(forwarded.data))
    assert lab.harness.run(0, [reply])[0].what == "HANDOFF 2"
    assert lab.harness.run(2, [reply], handed=True)[0].what == "TX 0"
    client = f"{endpoints(frame)[0][0]}"
    assert [session.worker for session in lab.harness.sessions(client=client)] == [2]


def test_a_session_stays_where_it_was_made(lab: Lab) -> None:
    """Handing over is decided by the session first and by the hash only without one."""
    frame = next(frame for frame in SYN.frames(100) if target(lab, 0, frame) == 2)
    assert lab.harness.run(1, [frame], handed=True)[0].what == "TX 0"
    assert lab.harness.run(1, [frame])[0].what == "TX 0"


def test_only_first_packets_for_a_vs_are_spread(lab: Lab) -> None:
    for packet, what in (
        (tcp(dport=81), "DROP NO_VS"),
        (tcp(dst="10.96.9.9"), "DROP NOT_FOR_US"),
        (icmp(VIP), "TX 0"),
        (tcp(dst=OWN), "PUNT 2"),
    ):
        for worker in range(WORKERS):
            assert lab.harness.run(worker, [bytes(packet)])[0].what == what


def test_a_port_that_spreads_by_itself_is_believed(lab: Lab) -> None:
    results = [
        lab.harness.run(worker, [frame], port=1)[0].what
        for worker in range(WORKERS)
        for frame in SYN.frames(20)
    ]
    assert set(results) == {"TX 0"}

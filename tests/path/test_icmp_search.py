# SPDX-License-Identifier: BSD-3-Clause
"""An ICMP error for a VIP finds the worker of its session, whoever spread the client's flow."""

from collections.abc import Sequence

import pytest
from case import OUT, Case, Run, Send, ToClient, ToRs
from case import Back as Answer
from driver import Result
from errors import Error, Told, ToSender
from lab import Lab
from packets.frames import RS, RS6, patched, udp, udp6
from values import Settings

pytestmark = pytest.mark.path

WORKERS = 4
SETTINGS = Settings(
    workers=WORKERS,
    laddrs=tuple(
        address
        for w in range(WORKERS)
        for address in ((f"198.18.0.{w + 1}", w, 0), (f"2001:db8:18::{w + 1}", w, 0))
    ),
    spread_hash=frozenset({1}),
)
FAMILIES = [(udp, RS, (3, 3)), (udp6, RS6, (1, 4))]
IDS = ["IPv4", "IPv6"]


def asked(lab: Lab, first: int, frame: bytes, port: int = 0) -> tuple[list[int], Result]:
    """The workers that get to see an error, and what the last one makes of it."""
    seen, notes = [first], [(0, 0)]
    while True:
        (result,) = lab.harness.run(seen[-1], [frame], port=port, handed=len(seen) > 1, notes=notes)
        if result.verdict != "HANDOFF":
            return seen, result
        assert result.data == frame
        seen.append(result.arg)
        notes = [result.note]
        assert len(seen) <= 2 * WORKERS


def session_on(lab: Lab, worker: int, family: int, port: int = 0) -> tuple[Run, Send]:
    """A session with an answer, and an error about the answer."""
    client, rs, kind = FAMILIES[family]
    run = Run(lab)
    Send(client(), ToRs(rs, local=_local(worker, family)), worker, port=port).do(run)
    Send(Answer(), ToClient(), worker, port=port).do(run)
    return run, Send(Error(kind, about=OUT), ToSender(), worker, port=port)


def _local(worker: int, family: int) -> str:
    return f"198.18.0.{worker + 1}" if family == 0 else f"2001:db8:18::{worker + 1}"


@pytest.mark.parametrize("family", [0, 1], ids=IDS)
@pytest.mark.parametrize("owner", range(WORKERS))
@pytest.mark.parametrize("first", range(WORKERS))
def test_where_the_device_spreads_all_are_asked(
    lab: Lab, first: int, owner: int, family: int
) -> None:
    """One after the other, until one has the session."""
    run, send = session_on(lab, owner, family)
    frame = send.frame(run)
    seen, result = asked(lab, first, frame)
    assert seen[-1] == owner
    # Who got it out of turn may be asked once more.
    assert len(seen[1:]) == len(set(seen[1:]))
    send.outcome.check(run, send, frame, result)


@pytest.mark.parametrize("family", [0, 1], ids=IDS)
@pytest.mark.parametrize("first", range(WORKERS))
def test_when_all_were_asked_it_is_dropped(lab: Lab, first: int, family: int) -> None:
    """The round has an end."""
    run, send = session_on(lab, 0, family)
    frame = send.frame(run)
    lab.harness.advance(100)
    seen, result = asked(lab, first, frame)
    assert result.what == "DROP NO_SESSION"
    assert set(seen) == set(range(WORKERS))
    assert len(seen) <= WORKERS + 1


@pytest.mark.parametrize("family", [0, 1], ids=IDS)
def test_the_round_is_the_same_for_all_of_a_flow(lab: Lab, family: int) -> None:
    """It begins where the hash says, so that errors of one flow stay in order."""
    run, send = session_on(lab, 0, family)
    frame = send.frame(run)
    lab.harness.advance(100)
    rounds = {tuple(asked(lab, first, frame)[0][-WORKERS:]) for first in range(WORKERS)}
    assert len(rounds) == 1


@pytest.mark.parametrize("family", [0, 1], ids=IDS)
def test_where_it_is_spread_by_hash_the_one_is_known(lab: Lab, family: int) -> None:
    """The error goes where the client's first packet went."""
    client, _, _ = FAMILIES[family]
    (owner,) = {_target(lab, w, bytes(client())) for w in range(WORKERS)}
    run, send = session_on(lab, owner, family, port=1)
    frame = send.frame(run)
    for first in range(WORKERS):
        seen, result = asked(lab, first, frame, port=1)
        assert seen == ([owner] if first == owner else [first, owner])
        send.outcome.check(run, send, frame, result)
    lab.harness.advance(100)
    for first in range(WORKERS):
        seen, result = asked(lab, first, frame, port=1)
        assert result.what == "DROP NO_SESSION"
        assert seen == ([owner] if first == owner else [first, owner])


def _target(lab: Lab, worker: int, frame: bytes) -> int:
    (result,) = lab.harness.run(worker, [frame], port=1)
    return result.arg if result.verdict == "HANDOFF" else worker


def test_a_bad_error_is_dropped_where_it_arrives(lab: Lab) -> None:
    run, send = session_on(lab, 2, 0)
    frame = send.frame(run)
    for spoilt in (patched(frame, 36, b"\0\0"), patched(frame, 60, b"\xff")):
        seen, result = asked(lab, 0, spoilt)
        assert seen == [0]
        assert result.what == "DROP BAD_CHECKSUM"


@pytest.mark.parametrize("pps", [1024])
def test_rate_of_errors_made(lab: Lab, pps: int) -> None:
    """Each worker makes so many in a second, however fast what they are about comes."""
    made, frames = 0, _expired(32)
    for _ in range(64):
        lab.harness.advance(1 / 16)
        results = [lab.harness.run(0, frames) for _ in range(4)]
        made += sum(r.verdict == "TX" for burst in results for r in burst)
    assert made == pytest.approx(4 * pps, abs=pps / 4)


def _expired(count: int) -> Sequence[bytes]:
    return [bytes(udp(ttl=1, sport=1000 + n)) for n in range(count)]


def test_told_on_the_worker_that_the_flow_belongs_to(lab: Lab) -> None:
    """A packet is not answered before it is where it would have been forwarded."""
    frame = bytes(udp(ttl=1))
    (owner,) = {_target(lab, w, frame) for w in range(WORKERS)}
    for worker in range(WORKERS):
        (result,) = lab.harness.run(worker, [frame], port=1)
        assert result.what == ("TX 1" if worker == owner else f"HANDOFF {owner}")
    Case("", Send(udp(ttl=1), Told("TTL"), owner, handed=True, port=1)).run(lab)

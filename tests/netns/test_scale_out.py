# SPDX-License-Identifier: BSD-3-Clause
"""Two LB hosts behind an FRR switch: one leaves, one dies, and clients go on with the other.

Both families; OSPFv2 is signed by MD5, and BFD watches the neighbours: rig/scale_out.py.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.addresses import FAMILIES
from rig.load import BackgroundLoad, Outcome
from rig.registry import Registry
from rig.scale_out import HOSTS, SECRET, ScaleOut
from rig.sweep import sweep
from rig.waiting import RigError, holds, wait

pytestmark = [pytest.mark.netns, pytest.mark.calm]

TARGETS = tuple((family.vip, 80) for family in FAMILIES)
ONE, BOTH = {HOSTS[1]}, set(HOSTS)
SUBNETS = [family.service_subnet for family in FAMILIES]
LEFT_S = 0.3
# A router's LSA is said anew every 5 s at most, so the metric may be so late.
DRAIN_S = 7
USUAL, DRAINED = 10_000, 65_535


@pytest.fixture(scope="module")
def rig() -> Iterator[ScaleOut]:
    """Both hosts in use."""
    sweep()
    registry = Registry.create("slbt")
    try:
        rig = ScaleOut(registry, DRAIN_S)
        try:
            rig.start()
            yield rig
        finally:
            rig.close()
    finally:
        registry.remove()


def answers(rig: ScaleOut) -> None:
    """A hundred new connections of each family, of which none fails."""
    for target in TARGETS:
        assert rig.client.http(100, target=target).failures == []


@contextlib.contextmanager
def loads(rig: ScaleOut) -> Iterator[list[BackgroundLoad]]:
    """Connections of each family, one after the other, which have begun to be answered."""
    with contextlib.ExitStack() as stack:
        running = [rig.client.http_load(8, pause_s=0.02, target=target) for target in TARGETS]
        for load in running:
            stack.enter_context(load)
            wait(lambda load=load: load.outcome.answered > 100, 10, "a load that runs")  # type: ignore[misc]
        yield running


def metrics(rig: ScaleOut) -> dict[str, int]:
    """What the switch knows of the first host: its service subnets, and at which metric."""
    known = rig.frr.stub_networks(HOSTS[0])
    return {subnet: known[subnet] for subnet in SUBNETS if subnet in known}


def created(rig: ScaleOut, number: int) -> int:
    """The sessions that a host has made."""
    return sum(w["sessions_created"] for w in rig.lbs[number].items("/v1/workers"))


@dataclass
class Leave:
    """What there was to see while the first host left."""

    # When the switch took the other one.
    moved: float
    # What the switch knew of the host at that moment, and whether slbd lived.
    known: dict[str, int]
    lived: bool
    # Whether BFD gave up a host that was there: the machine stood still for too long.
    disturbed: bool
    outcomes: list[Outcome]


def leave(rig: ScaleOut) -> Leave:
    """End the first host under a load."""
    first = rig.lbs[0].process
    with loads(rig) as running:
        assert metrics(rig) == dict.fromkeys(SUBNETS, USUAL)
        before = rig.watched()
        first.send(signal.SIGTERM)
        wait(lambda: rig.used() == (ONE, ONE), 20, "the switch's use of the other host alone")
        moved, known, lived = time.monotonic(), metrics(rig), first.status() is None
        disturbed = rig.watched() != before
        assert first.wait(20) == 0
        wait(lambda: metrics(rig) == {}, 5, "the networks withdrawn")
        outcomes = [load.stop() for load in running]
    disturbed |= rig.watched()[1] != before[1]
    return Leave(moved, known, lived, disturbed, outcomes)


def test_a_host_leaves_and_no_new_connection_fails(rig: ScaleOut) -> None:
    """Its metric goes up, the switch takes the other one, and only then the routes go."""
    answers(rig)
    assert all(created(rig, number) for number in range(len(HOSTS)))
    seen = leave(rig)
    for _ in range(2):
        if seen.disturbed:
            rig.restart(0)
            rig.wait_hosts(*HOSTS)
            seen = leave(rig)
    assert seen.known == dict.fromkeys(SUBNETS, DRAINED)
    assert seen.lived
    for outcome in seen.outcomes:
        assert outcome.unopened == []
        # A connection that was open at that moment went to a host that does not know it.
        lost = outcome.lost
        assert all(one.begun < seen.moved for one in lost) and len(lost) <= 8, outcome
    answers(rig)
    rig.restart(0)
    rig.wait_hosts(*HOSTS)


def test_a_bird_is_restarted_and_nobody_notices(rig: ScaleOut) -> None:
    """The switch sends to both hosts all the while, though BFD is down until the new one is up."""
    lb, before = rig.lbs[0], rig.bird_pid(0)
    found: list[tuple[set[str], set[str]]] = []

    def over() -> bool:
        found.append(rig.used())
        return not lb.api("/v1/ospf")["restarting"]

    with loads(rig) as running:
        lb.ctl("ospf", "restart")
        wait(over, 40, "the end of the restart")
        outcomes = [load.stop() for load in running]
    assert rig.bird_pid(0) != before
    assert all(used == (BOTH, BOTH) for used in found), found
    for outcome in outcomes:
        assert outcome.lost == [] and outcome.answered > 1000, outcome
    rig.wait_hosts(*HOSTS)


def kill(rig: ScaleOut) -> None:
    """BIRD first: it takes its leave of the neighbours when slbd dies before it."""
    os.kill(rig.bird_pid(0), signal.SIGKILL)
    rig.lbs[0].process.send(signal.SIGKILL)


def left_after(rig: ScaleOut, begun: float) -> float:
    """How long the switch goes on sending to the first host."""
    with contextlib.suppress(RigError):
        holds(lambda: any(HOSTS[0] in used for used in rig.used()), 10, "its use")
    took = time.monotonic() - begun
    print(f"left after {took:.3f} s")
    assert rig.used() == (ONE, ONE)
    return took


def test_a_host_that_dies_is_left_at_once_and_taken_back(rig: ScaleOut) -> None:
    """Without its leave, and when its link is lost; the machine may be too busy once or twice."""
    took: list[float] = []
    while not took or (took[-1] > LEFT_S and len(took) < 3):
        begun = time.monotonic()
        kill(rig)
        took.append(left_after(rig, begun))
        answers(rig)
        rig.lbs[0].process.wait(5)
        rig.restart(0)
        rig.wait_hosts(*HOSTS)
    assert took[-1] <= LEFT_S, took
    answers(rig)
    switch = rig.topology.switch
    begun = time.monotonic()
    switch.ip("link", "set", "port1", "down")
    took.append(left_after(rig, begun))
    assert took[-1] <= LEFT_S, took
    answers(rig)
    switch.ip("link", "set", "port1", "up")
    rig.wait_hosts(*HOSTS)
    answers(rig)


def test_connections_begun_while_a_host_dies_come_through(rig: ScaleOut) -> None:
    """By the client's own repetition, to the other host; those that are open there end."""
    with loads(rig) as running:
        kill(rig)
        wait(lambda: rig.used() == (ONE, ONE), 10, "the use of the other host alone")
        outcomes = [load.stop() for load in running]
    rig.lbs[0].process.wait(5)
    for outcome in outcomes:
        assert outcome.unopened == []
        assert len(outcome.lost) <= 8 < outcome.answered, outcome
    rig.restart(0)
    rig.wait_hosts(*HOSTS)
    answers(rig)


def test_the_secret_is_in_no_log_and_no_argument(rig: ScaleOut) -> None:
    """The neighbours' secret is in BIRD's own file, closed to others, and nowhere else."""
    for number, lb in enumerate(rig.lbs):
        folder = lb.socket.with_suffix(".bird")
        config = folder / "bird.conf"
        assert SECRET in config.read_text() and config.stat().st_mode & 0o077 == 0
        pids = lb.process.pid, rig.bird_pid(number)
        files = [folder / "bird.log", folder / "bird.err"]
        files += [Path(f"/proc/{pid}/{what}") for pid in pids for what in ("cmdline", "environ")]
        said = [path.read_text() for path in files]
        said += [lb.process.text(), json.dumps(lb.api("/v1/ospf")), lb.ctl("ospf", "status")]
        shown = "\n".join(said)
        assert "bird.conf" in shown and "adjacency" in shown and SECRET not in shown


def test_a_bird_that_dies_alone_costs_no_new_connection(rig: ScaleOut) -> None:
    """The switch leaves its host, whose slbd goes on, and comes back to the next BIRD.

    It may do so twice: the next BIRD gets its predecessor's router LSA back after it has said its
    own, and the links in it only a MinLSInterval later (0037). FRR 8.4's ospf6d, whose table has
    both hosts then, leaves the kernel with one; hence this test is the last one, and asks the
    switch's database for IPv6.
    """
    before = rig.bird_pid(0)
    with loads(rig) as running:
        os.kill(before, signal.SIGKILL)
        over = "OSPF: the return of the BIRD that had died is over"
        wait(lambda: over in rig.lbs[0].process.text(), 40, "the end of its return")
        wait(lambda: rig.used()[0] == BOTH, 5, "the use of both hosts")
        outcomes = [load.stop() for load in running]
    assert rig.bird_pid(0) != before
    assert metrics(rig) == dict.fromkeys(SUBNETS, USUAL)
    for outcome in outcomes:
        assert outcome.unopened == []
        # What was open when the switch moved: twice to the other host, twice back.
        assert len(outcome.lost) <= 4 * 8 < outcome.answered, outcome
    sessions = created(rig, 0)
    answers(rig)
    assert created(rig, 0) > sessions

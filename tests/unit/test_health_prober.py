# SPDX-License-Identifier: BSD-3-Clause
"""The thread that makes the checks: many at once, its own troubles, and what it leaves behind."""

import errno
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Address
from itertools import pairwise

import pytest

from rig.waiting import holds, wait
from slb.health.kinds import PROBES
from slb.health.probe import DONE, READ, NoResult, Probe, Waiting, tcp
from slb.health.prober import Prober
from slb.health.target import Target
from slb.model.endpoint import Endpoint
from slb.model.health import TcpCheck

PATIENCE_S = 10.0
FIRST = IPv4Address("127.0.0.1")
FAST = TcpCheck(interval_s=0.1, timeout_s=0.1, rise=1, fall=1)


@contextmanager
def probing(
    targets: list[Target], probes: Mapping[str, Probe] = PROBES, max_open: int = 100
) -> Iterator[Prober]:
    """A prober of these."""
    prober = Prober(lambda: None, max_open, probes)
    prober.start()
    try:
        prober.set(targets)
        yield prober
    finally:
        prober.stop()


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def targets(count: int, port: int) -> list[Target]:
    """That many addresses of loopback, at one port."""
    return [Target(Endpoint(FIRST + n, port), FAST) for n in range(count)]


def states(prober: Prober) -> list[str]:
    """The states of all."""
    return [result.state for result in prober.results().values()]


def test_more_than_may_be_open_at_once() -> None:
    """None is left out when those before it get no answer at all."""
    open_now, most = 0, 0

    def silent(target: Target) -> Waiting:
        nonlocal open_now, most
        one, other = socket.socketpair()
        with one, other:
            open_now += 1
            most = max(most, open_now)
            try:
                yield one.fileno(), 1
            finally:
                open_now -= 1

    with probing(targets(9, 1), {"tcp": silent}, max_open=2) as prober:
        wait(lambda: states(prober) == ["down"] * 9, PATIENCE_S, "all are found out")
    assert most == 2


def test_checks_do_not_come_all_at_once() -> None:
    """The first ones are spread over the interval, and each comes sooner or later by the jitter."""
    check = TcpCheck(interval_s=0.4, timeout_s=0.4, jitter_percent=50)
    begun = defaultdict[Endpoint, list[float]](list)

    def noted(target: Target) -> Waiting:
        begun[target.at].append(time.monotonic())
        return
        yield

    with probing([Target(Endpoint(FIRST + n, 1), check) for n in range(40)], {"tcp": noted}):
        wait(
            lambda: len(begun) == 40 and min(map(len, begun.values())) > 2,
            PATIENCE_S,
            "three checks of each",
        )
    first = [times[0] for times in begun.values()]
    assert max(first) - min(first) > check.interval_s / 2
    pauses = [after - before for times in begun.values() for before, after in pairwise(times)]
    assert min(pauses) < 0.9 * check.interval_s
    assert max(pauses) > 1.1 * check.interval_s


def test_our_own_trouble_says_nothing() -> None:
    made = dict.fromkeys(range(1, 5), 0)

    def troubled(target: Target) -> Waiting:
        number = int(target.at.address) - int(FIRST)
        made[number + 1] += 1
        if number == 0:
            raise OSError(errno.EMFILE, "socket")
        if number == 1:
            raise OSError(errno.ENETUNREACH, "connect")
        if number == 2:
            raise NoResult("no program")
        raise ValueError("a defect")
        yield

    with probing(targets(4, 1), {"tcp": troubled}) as prober:
        wait(lambda: min(made.values()) > 2, PATIENCE_S, "some checks of each")
        assert states(prober) == ["unknown"] * 4
        assert sorted(prober.silent().values()) == [
            "a defect: ValueError: a defect",
            "network is unreachable",
            "no program",
            "too many open files",
        ]
        assert prober.alive


def test_a_pause() -> None:
    made = 0

    def counted(target: Target) -> Waiting:
        nonlocal made
        made += 1
        return tcp(target)

    with probing([], {"tcp": counted}) as prober:
        prober.pause(True)
        prober.set(targets(1, closed_port()))
        wait(lambda: made > 3, PATIENCE_S, "some checks")
        assert states(prober) == ["unknown"]
        prober.pause(False)
        wait(lambda: states(prober) == ["down"], PATIENCE_S, "what they say now")


def test_a_thread_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In a call that does not return: it is told of, and neither waited for nor robbed."""
    monkeypatch.setattr("slb.health.prober.HANGS_S", 0.3)
    monkeypatch.setattr("slb.health.prober.STOP_S", 0.1)
    over = threading.Event()

    def hanging(target: Target) -> Waiting:
        over.wait(PATIENCE_S)
        yield from ()

    with probing(targets(1, 1), {"tcp": hanging}) as prober:
        wait(lambda: prober.hangs, PATIENCE_S, "it hangs")
        assert prober.alive
        over.set()
        wait(lambda: not prober.hangs, PATIENCE_S, "it goes on")
        assert caplog.records == []
        over.clear()
        wait(lambda: prober.hangs, PATIENCE_S, "it hangs again")
    assert "the checks' thread hangs, and is left behind" in caplog.text
    over.set()
    wait(lambda: not prober.alive, PATIENCE_S, "its end")


def test_what_is_not_wanted_any_more() -> None:
    """Its state goes with it; the others keep theirs."""
    both = targets(2, closed_port())
    with probing(both) as prober:
        wait(lambda: prober.fallen().keys() == set(both), PATIENCE_S, "both down")
        since = prober.fallen()[both[0]]
        prober.set(both[:1])
        wait(lambda: prober.fallen() == {both[0]: since}, PATIENCE_S, "one is gone")
        prober.set(both)
        assert "down" in states(prober)


def test_nothing_stays_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        port = server.getsockname()[1]
        with probing(targets(20, port) + targets(20, closed_port())) as prober:
            wait(lambda: "down" in states(prober), PATIENCE_S, "some results")
            holds(lambda: prober.alive, 0.2, "it goes on")
    assert len(os.listdir("/proc/self/fd")) == before


def test_connections_that_are_kept() -> None:
    """No more than three quarters of those that may be open; and they go with their target."""
    counted = "the sockets of the checks"
    before = len(os.listdir("/proc/self/fd"))

    def kept(target: Target) -> Waiting:
        one, other = socket.socketpair()
        with one, other:
            while True:
                other.send(b"x")
                yield one.fileno(), READ
                one.recv(1)
                yield one.fileno(), DONE

    def pairs() -> float:
        # The prober has two of its own.
        return (len(os.listdir("/proc/self/fd")) - before - 2) / 2

    with probing(targets(12, 1), {"tcp": kept}, max_open=8) as prober:
        wait(
            lambda: min((r.counts.good for r in prober.results().values()), default=0) > 3,
            PATIENCE_S,
            "checks of all",
        )
        assert {r.counts.bad for r in prober.results().values()} == {0}
        wait(lambda: pairs() == 6 == prober.load()[2], PATIENCE_S, counted)
        prober.set(targets(2, 1))
        wait(lambda: pairs() == 2, PATIENCE_S, counted)
        prober.set([])
        wait(lambda: pairs() == 0, PATIENCE_S, counted)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_kept_descriptor_whose_number_is_taken_again() -> None:
    """As when a kept connection has ended and the same check goes on with a new one."""
    numbers = set()

    def renewed(target: Target) -> Waiting:
        while True:
            for last in (False, True):
                one, other = socket.socketpair()
                with one, other:
                    numbers.add(one.fileno())
                    other.send(b"x")
                    yield one.fileno(), READ
                    if last:
                        yield one.fileno(), DONE

    with probing(targets(1, 1), {"tcp": renewed}) as prober:
        wait(lambda: prober.counts().good > 4, PATIENCE_S, "some checks")
        assert prober.counts()[1:] == (0, 0)
    assert len(numbers) == 1


def test_more_to_do_than_can_be_done() -> None:
    """Checks come late then, but RS that answer are not found down."""
    check = TcpCheck(interval_s=0.5, timeout_s=0.5, rise=1, fall=1)
    # Of steps that take 0.1 ms of CPU and more: at least twice as much as there is time for.
    all_of_them = [Target(Endpoint(FIRST + n, 1), check) for n in range(2000)]

    def costly(target: Target) -> Waiting:
        one, other = socket.socketpair()
        with one, other:
            for _ in range(6):
                other.send(b"x")
                yield one.fileno(), READ
                one.recv(1)
                end = time.thread_time() + 0.0001
                while time.thread_time() < end:
                    pass

    with probing(all_of_them, {"tcp": costly}, max_open=4000) as prober:
        wait(lambda: prober.load()[1] > 100, PATIENCE_S, "some that come late")
        wait(lambda: sum(prober.counts()) > 4000, PATIENCE_S, "two checks of each")
        assert prober.counts()[1:] == (0, 0)

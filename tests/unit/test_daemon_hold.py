# SPDX-License-Identifier: BSD-3-Clause
"""What is not announced though it is wanted: too few RS, or it was lost a moment ago."""

import asyncio
from types import SimpleNamespace

import pytest
from unit.daemon_life import Recorder
from unit.memory_engine import MemoryEngine
from unit.test_config_loader import good

from slb.daemon import announce
from slb.daemon.announce import ALL, Announce
from slb.daemon.hold import Hold
from slb.daemon.quorum import quorums
from slb.errors import NotReady
from slb.model.config import Config
from slb.model.down import DownRs
from slb.model.endpoint import Endpoint, VsKey
from slb.model.service import RealServer, Service
from slb.tables.apply import Tables


def test_first_sight_waits_for_nothing() -> None:
    hold = Hold(8, 100)
    assert hold.look("new", True, 0)
    assert not hold.look("late", False, 0) and hold.look("late", True, 1)
    assert hold.next(1) is None


def test_waits_twice_as_long_each_time_and_not_for_ever() -> None:
    hold, now, waits = Hold(8, 20), 0.0, []
    assert hold.look("x", True, now)
    for _ in range(4):
        assert not hold.look("x", False, now)
        assert not hold.look("x", True, now)
        wait = hold.next(now)
        assert wait is not None and hold.waiting(now) == [("x", wait)]
        waits.append(wait)
        assert not hold.look("x", True, now + wait - 0.1)
        now += wait
        assert hold.look("x", True, now)
    assert waits == [8, 16, 20, 20]
    now += 20
    hold.look("x", False, now)
    hold.look("x", True, now)
    assert hold.next(now) == 8


def test_a_relapse_begins_the_wait_again() -> None:
    hold = Hold(8, 100)
    hold.look("x", True, 0)
    hold.look("x", False, 1)
    hold.look("x", True, 2)
    assert not hold.look("x", False, 9)
    assert hold.next(9) is None
    hold.look("x", True, 10)
    assert not hold.look("x", True, 17.9) and hold.look("x", True, 18)


def test_without_a_hold_nothing_waits() -> None:
    hold = Hold(0, 300)
    for now in range(3):
        assert not hold.look("x", False, now) and hold.look("x", True, now)


def test_forgets_what_is_gone() -> None:
    hold = Hold(8, 100)
    for well in True, False, True:
        hold.look("x", well, 0)
    hold.keep([])
    assert hold.next(0) is None and hold.look("x", True, 0)


def test_the_file_says_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """`hold_s` the first time, then twice as long, `hold_max_s` at most."""
    now = 0.0
    monkeypatch.setattr(announce, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(announce, "Announcer", Recorder)
    monkeypatch.setattr(Recorder, "calls", [], raising=False)
    config = good("ospf: {mode: managed, hold_s: 8, hold_max_s: 20}\n")
    held = []

    async def scenario() -> None:
        nonlocal now
        tested = Announce(config, Tables(MemoryEngine(), config.service_subnets))
        await tested.start()
        for wait_s in 8, 16, 20, 20:
            await tested.withdraw("test")
            await tested.resume()
            held.append((await tested.view()).held[ALL])
            now += wait_s
            await tested.resume()
            assert Recorder.calls[-1] == "resume"

    asyncio.run(scenario())
    assert held == [f"well again, announced in {wait_s} s" for wait_s in (8, 16, 20, 20)]


def test_services_that_cannot_be_read_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not without a pause, though a prefix may be due."""
    monkeypatch.setattr(announce, "Announcer", Recorder)
    monkeypatch.setattr(announce, "AGAIN_S", 0.05)
    monkeypatch.setattr(Recorder, "calls", [], raising=False)
    config = good("ospf: {mode: managed, announce: vips}\n")
    tables, asked = Tables(MemoryEngine(), config.service_subnets), 0

    async def services() -> tuple[Service, ...]:
        nonlocal asked
        if (asked := asked + 1) <= 3:
            raise NotReady("a worker stands still")
        return (SERVICES[1],)

    monkeypatch.setattr(tables, "services", services)

    async def scenario() -> None:
        tested = Announce(config, tables)
        running = asyncio.create_task(tested.run())
        tested.touch()
        async with asyncio.timeout(10):
            while not Recorder.calls:
                await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(scenario())
    assert asked == 4 and "10.96.0.1/32" in Recorder.calls[0]


def vs(key: str, *weights: int) -> Service:
    rs = (RealServer(Endpoint.parse(f"10.10.0.{n}:80"), w) for n, w in enumerate(weights, 1))
    return Service(VsKey.parse(key), rs=tuple(rs))


SERVICES = [
    vs("10.96.0.1:80/tcp", 1, 0, 1),
    vs("10.96.0.1:443/tcp"),
    vs("10.96.0.2:80/tcp", 1, 0),
    vs("[2001:db8::1]:80/tcp", 1, 1),
]


def met(config: Config, *down: DownRs) -> str:
    """The prefixes whose quorum is met."""
    found = quorums(config, SERVICES, frozenset(down))
    return " ".join(str(prefix) for prefix, enough in found.items() if enough)


def test_quorum() -> None:
    """RS of weight 0 do not count, and one VS of the address is enough."""
    vips = "ospf: {announce: vips, quorum: 2}\n"
    assert met(good(vips)) == "10.96.0.1/32 2001:db8::1/128"
    assert met(good(vips.replace("2", "3"))) == ""
    assert met(good(vips.replace("2", "0"))) == "10.96.0.1/32 10.96.0.2/32 2001:db8::1/128"
    assert met(good("ospf: {quorum: 2}\n")) == "10.96.0.0/16"
    assert met(good("ospf: {quorum: 3}\n")) == ""


def test_who_is_down_does_not_count() -> None:
    """Whatever his weight; of another VS he may count."""
    vips, rs = good("ospf: {announce: vips, quorum: 1}\n"), Endpoint.parse("10.10.0.1:80")
    six = DownRs(VsKey.parse("[2001:db8::1]:80/tcp"), rs)
    assert met(vips, six) == "10.96.0.1/32 10.96.0.2/32 2001:db8::1/128"
    assert met(vips, six, DownRs(six.vs, Endpoint.parse("10.10.0.2:80"))) == (
        "10.96.0.1/32 10.96.0.2/32"
    )
    assert met(vips, DownRs(VsKey.parse("10.96.0.2:80/tcp"), rs)) == "10.96.0.1/32 2001:db8::1/128"

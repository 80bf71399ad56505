# SPDX-License-Identifier: BSD-3-Clause
"""A BIRD that somebody changed beside slbd: seen, said, and told again."""

from pathlib import Path

import pytest
from unit.bird_setup import recorded
from unit.test_ospf_announcer import SUBNET, VIP, Bench, run

from ospf import announce
from ospf.model import IPV4


def test_what_somebody_took_away_is_told_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at the first sight: what was told a moment ago may be on its way."""

    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET, VIP])
        bench.fake.asked.clear()
        bench.fake.routes = [str(VIP)]
        await bench.let_it_watch()
        assert (await bench.announcer.status()).error is None
        await bench.let_it_watch()
        error = (await bench.announcer.status()).error
        assert error and error.startswith("BIRD announces 1 of 2 prefixes, though")
        assert bench.fake.asked == []
        await bench.let_it_watch()
        status = await bench.announcer.status()
        assert (status.error, status.announced) == (None, (SUBNET, VIP))
        assert caplog.text.count(error) == 1
        await bench.announcer.stop()

    run(body())


def test_an_ospf_that_somebody_disabled_is_told_again_now_and_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        bench.fake.asked.clear()
        bench.fake.neighbours[IPV4] = recorded("neighbors-not-up")
        for _ in range(announce.ASTRAY + 2 * announce.ASTRAY_STILL):
            await bench.let_it_watch()
        assert bench.fake.asked == 2 * ["configure check", "configure"]
        assert caplog.text.count("OSPF: BIRD does not speak OSPFv2, though") == 1
        await bench.announcer.withdraw("nothing is spoken, and nothing need be")
        await bench.let_it_watch()
        assert (await bench.announcer.status()).error is None
        await bench.announcer.stop()

    run(body())


def test_what_somebody_had_announced_that_must_not_be_is_told_as_that(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET, VIP])
        await bench.announcer.withdraw("a worker stands still")
        bench.fake.routes = [str(SUBNET), str(VIP)]
        for _ in range(announce.ASTRAY):
            await bench.let_it_watch()
        error = (await bench.announcer.status()).error
        assert error and error.startswith("BIRD announces 2 prefixes that it must not; changed by")
        await bench.let_it_watch()
        status = await bench.announcer.status()
        assert (status.error, status.announced) == (None, ())
        await bench.announcer.stop()

    run(body())

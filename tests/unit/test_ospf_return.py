# SPDX-License-Identifier: BSD-3-Clause
"""What a BIRD that died had learnt, and for how long the next one leaves it in the kernel."""

from pathlib import Path

import pytest
from unit.bird_setup import networks, recorded
from unit.test_ospf_announcer import Bench, run

from ospf import announce, restart
from ospf.model import IPV4, Phase

SUBNET, VIP = networks("10.96.0.0/16", "10.97.0.1/32")


def test_what_a_dead_bird_had_learnt_is_kept_until_it_is_learnt_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as long as neighbours take; a BIRD that nobody was Full with had learnt nothing."""
    monkeypatch.setattr(announce, "LEARN_S", 0)

    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        await bench.let_it_watch()
        bench.bird.running = False
        bench.fake.neighbours[IPV4] = recorded("neighbors-none")
        await bench.let_it_watch()
        assert bench.bird.phases[-1] == Phase.KEEPING
        # Changes reach it all the while.
        await bench.announcer.set_prefixes([VIP])
        assert bench.bird.phases[-1] == Phase.KEEPING and bench.fake.routes == [str(VIP)]
        bench.fake.neighbours[IPV4] = recorded("neighbors-full")
        await bench.let_it_watch()
        assert bench.bird.phases[-1] == Phase.USUAL
        bench.fake.neighbours[IPV4] = recorded("neighbors-none")
        await bench.let_it_watch()
        bench.bird.running = False
        await bench.let_it_watch()
        assert bench.bird.running and bench.bird.phases[-1] == Phase.USUAL
        await bench.announcer.stop()

    run(body())


def test_nothing_is_kept_for_neighbours_that_do_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "BACK_S", -8)

    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.let_it_watch()
        bench.bird.running = False
        bench.fake.neighbours[IPV4] = recorded("neighbors-none")
        await bench.let_it_watch()
        assert bench.bird.phases[-2:] == [Phase.KEEPING, Phase.USUAL]
        await bench.announcer.stop()

    run(body())

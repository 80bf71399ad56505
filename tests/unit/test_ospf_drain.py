# SPDX-License-Identifier: BSD-3-Clause
"""Time for the neighbours before a withdrawal, where there are any."""

from pathlib import Path

import pytest
from unit.bird_setup import recorded
from unit.test_ospf_announcer import SUBNET, Bench, run

from ospf import announce
from ospf.model import IPV4, Phase


@pytest.mark.parametrize(
    ("reply", "waits"), [("neighbors-full", True), ("neighbors-none", False), ("", True)]
)
def test_a_drain_gives_time_to_who_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: str, waits: bool
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        # An empty one is none that can be read.
        bench.fake.neighbours[IPV4] = recorded(reply) if reply else b""
        monkeypatch.setattr(announce.asyncio, "sleep", sleep)
        await bench.announcer.drain(7)
        monkeypatch.undo()
        assert (7 in slept) is waits
        assert bench.bird.phases[-1] & Phase.DRAINING

    run(body())

# SPDX-License-Identifier: BSD-3-Clause
"""Neighbours that were Full and are no more: who counts as lost, and for how long."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from unit.bird_setup import recorded, setup
from unit.test_ospf_announcer import Bench, run

from ospf.lost import FORGOTTEN_S, Lost
from ospf.model import FAMILIES, IPV4, IPV6
from slb.errors import OspfError
from slb.model.views import OspfNeighbour

ONE = OspfNeighbour("192.0.2.1", "192.0.2.1", "slb0", "Full/DR", True)
TWO = OspfNeighbour("192.0.2.9", "192.0.2.9", "slb1", "Full/PtP", True)
TWO_BY_V6 = replace(TWO, address="fe80::9")


def lost(*looks: list[OspfNeighbour]) -> tuple[str, ...]:
    """Who is lost at the last of these looks, a second apart."""
    memory = Lost()
    for second, seen in enumerate(looks):
        memory.see(seen, float(second))
    return memory.at(float(len(looks) - 1))


@pytest.mark.parametrize(
    "state", [None, "Down/PtP", "Init/PtP", "ExStart/PtP", "Exchange/PtP", "Loading/PtP"]
)
def test_who_was_full_is_lost_in_any_state_below(state: str | None) -> None:
    left = [ONE] if state is None else [ONE, replace(TWO, state=state, full=False)]
    assert lost([ONE, TWO], left) == ("192.0.2.9 (192.0.2.9) on slb1",)
    assert lost([ONE, TWO], left, [ONE, TWO]) == ()


def test_who_never_was_full_is_not_lost() -> None:
    assert lost([ONE, replace(TWO, state="2-Way/Other", full=False)], [ONE]) == ()
    assert lost([ONE, replace(TWO, state="ExStart/PtP", full=False)], [ONE]) == ()


def test_a_designated_router_that_is_none_any_more_is_well() -> None:
    assert lost([ONE, TWO], [ONE, replace(TWO, state="2-Way/Other", full=False)]) == ()


def test_that_all_of_a_family_are_gone_is_the_adjacency_s_to_say() -> None:
    assert lost([ONE, TWO], []) == ()
    assert lost([ONE, TWO, TWO_BY_V6], [ONE, TWO]) == ()
    assert lost([ONE, TWO, TWO_BY_V6], [TWO_BY_V6, ONE]) == ("192.0.2.9 (192.0.2.9) on slb1",)


def test_who_is_away_for_long_was_taken_away() -> None:
    memory = Lost()
    memory.see([ONE, TWO], 0.0)
    memory.see([ONE], FORGOTTEN_S)
    assert memory.at(FORGOTTEN_S) != ()
    memory.see([ONE], FORGOTTEN_S + 1)
    assert memory.at(FORGOTTEN_S + 1) == ()


def test_the_status_has_them_unless_bird_is_silent_or_starts_again(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path, FAMILIES)
        await bench.announcer.start()
        alone = recorded("neighbors-full")
        rows = alone.splitlines()
        other = rows[-1].replace(b"192.0.2.1", b"192.0.2.9")
        bench.fake.neighbours[IPV4] = b"\n".join([*rows, other])
        assert (await bench.announcer.status()).lost == ()
        bench.fake.neighbours[IPV4] = alone
        status = await bench.announcer.status()
        assert status.lost == ("192.0.2.9 (192.0.2.9) on slb0",)
        assert status.view().lost == list(status.lost)
        bench.fake.neighbours[IPV6] = b"0001 BIRD\n1013-slb_ospf6:\n     garbage\n"
        assert (await bench.announcer.status()).lost == ()
        await bench.announcer.stop()

    run(body())


def test_who_is_at_an_interface_that_is_left_is_not_lost(tmp_path: Path) -> None:
    """Though BIRD has not left it yet, because it refuses the file for another reason."""

    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.use(setup(tmp_path, interfaces=("slb0", "slb1")))
        await bench.announcer.start()
        both = b"\n".join([recorded("neighbors-full"), recorded("neighbors-full").splitlines()[-1]])
        at_one, at_two = both.rsplit(b"\n", 1)
        bench.fake.neighbours[IPV4] = at_one + b"\n" + at_two.replace(b"slb0", b"slb1")
        assert (await bench.announcer.status()).lost == ()
        bench.fake.refuses = "configure"
        with pytest.raises(OspfError, match="BIRD refuses"):
            await bench.announcer.use(setup(tmp_path))
        assert (await bench.announcer.status()).lost == ()
        bench.fake.refuses = ""
        await bench.let_it_watch()
        bench.fake.neighbours[IPV4] = at_one
        assert (await bench.announcer.status()).lost == ()
        await bench.announcer.stop()

    run(body())

# SPDX-License-Identifier: BSD-3-Clause
"""When a restart of BIRD that its neighbours wait for is over."""

from ospf.restart import GRACE_S, SETTLE_S, Restart, kept_s
from slb.model.views import OspfNeighbour


def seen(router: str, address: str = "192.0.2.1", full: bool = True) -> OspfNeighbour:
    """A neighbour on slb0."""
    return OspfNeighbour(router, address, "slb0", "Full/DR" if full else "ExStart/DR", full)


def test_all_must_have_been_full_for_a_while() -> None:
    one, other = seen("192.0.2.1"), seen("192.0.2.9")
    restart = Restart([one, other], 100)
    assert not restart.nobody_waits
    assert not restart.over([], 101)
    assert not restart.over([one, seen("192.0.2.9", full=False)], 103)
    assert not restart.over([one, other], 104)
    # A relapse begins the time again.
    assert not restart.over([one], 109)
    assert not restart.over([one, other], 110)
    assert not restart.over([one, other], 110 + SETTLE_S - 0.1)
    assert restart.over([one, other], 110 + SETTLE_S)


def test_a_router_is_a_neighbour_in_each_family() -> None:
    four, six = seen("192.0.2.1"), seen("192.0.2.1", "fe80::1")
    restart = Restart([four, six], 0)
    assert not any(restart.over([four], now) for now in (1, 20))
    assert not restart.over([four, six], 21)
    assert restart.over([six, four], 21 + SETTLE_S)


def test_neighbours_do_not_wait_for_ever() -> None:
    restart = Restart([seen("192.0.2.1")], 0)
    assert not restart.over([], GRACE_S - 1)
    assert restart.over([], GRACE_S)


def test_of_a_death_the_times_are_others() -> None:
    death = Restart([seen("192.0.2.1")], 0, settle_s=12, limit_s=kept_s(dead_s=4))
    assert not death.over([], kept_s(4) - 1) and death.over([], kept_s(4))
    death = Restart([seen("192.0.2.1")], 0, settle_s=12, limit_s=kept_s(dead_s=40))
    assert not any(death.over([seen("192.0.2.1")], now) for now in (50, 61))
    assert death.over([seen("192.0.2.1")], 62)


def test_nobody_waits() -> None:
    assert Restart([seen("192.0.2.1", full=False)], 0).nobody_waits

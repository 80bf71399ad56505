# SPDX-License-Identifier: BSD-3-Clause
"""Results of checks one after the other, and what they come to."""

from slb.health.tally import FLAPS_S, MAX_RISE, Tally
from slb.model.health import TcpCheck


def fed(tally: Tally, results: str, now: float = 0.0) -> str:
    """The state after good (+) and bad (-) results."""
    for result in results:
        if result == "+":
            tally.good(now)
        else:
            tally.bad("refused", now)
    return tally.state


def test_from_unknown() -> None:
    assert fed(Tally(TcpCheck(), 0), "") == "unknown"
    assert fed(Tally(TcpCheck(), 0), "+") == "up"
    assert fed(Tally(TcpCheck(fall=3), 0), "--") == "unknown"
    assert fed(Tally(TcpCheck(fall=3), 0), "---") == "down"


def test_rise_and_fall_count_results_in_turn() -> None:
    tally = Tally(TcpCheck(rise=2, fall=3), 0)
    assert fed(tally, "+--+--") == "up"
    assert fed(tally, "-") == "down"
    assert fed(tally, "+-+") == "down"
    assert fed(tally, "+") == "up"
    assert tally.reason == "refused"


def test_what_was_before_a_pause_does_not_count() -> None:
    tally = Tally(TcpCheck(fall=2), 0)
    fed(tally, "+-")
    tally.forget()
    assert fed(tally, "-") == "up"


def test_only_a_change_is_told() -> None:
    tally = Tally(TcpCheck(rise=1, fall=1), 0)
    told = [tally.good(0), tally.good(0), tally.bad("x", 0), tally.bad("x", 0), tally.good(0)]
    assert told == [True, False, True, False, True]


def test_flapping_takes_longer_each_time() -> None:
    tally, needed = Tally(TcpCheck(rise=2, fall=1), 0), []
    for _ in range(8):
        fed(tally, "-", 1.0)
        needed.append(tally.rise(1.0))
        fed(tally, "+" * needed[-1], 1.0)
        assert tally.state == "up"
    assert needed == [2, 2, 4, 8, 16, 32, 32, 32] and max(needed) == 2 * MAX_RISE
    fed(tally, "-", 2.0 + FLAPS_S)
    assert tally.rise(2.0 + FLAPS_S) == 2

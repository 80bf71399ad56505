# SPDX-License-Identifier: BSD-3-Clause
"""Lines that strangers cause do not fill the log."""

import logging

import pytest

from slb.agent.seldom import MOST, WITHIN_S, Seldom


def test_so_many_in_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = 0.0
    seldom = Seldom(logging.getLogger("slb.test"), lambda: now)
    for number in range(1000):
        seldom.tell("%d failed", number)
    first = [f"{number} failed" for number in range(MOST)]
    assert caplog.messages == [*first, "more of these follow, and are counted"]
    caplog.clear()
    now = WITHIN_S
    seldom.tell("%d failed", 1000)
    assert caplog.messages == [f"{1000 - MOST} more of these were not logged", "1000 failed"]

# SPDX-License-Identifier: BSD-3-Clause
"""A list of sessions is read a part in each of the worker's rounds, so that packets do not wait."""

import pytest
from ending import many
from lab import OpenLab
from values import Settings

pytestmark = pytest.mark.path

ONE = Settings(workers=1, laddrs=Settings.laddrs[::2])
LISTED_A_ROUND, LOOKS_A_ROUND = 16, 128
SESSIONS = 400


@pytest.mark.parametrize(
    ("client", "rounds", "listed"),
    [("", SESSIONS // LISTED_A_ROUND, SESSIONS), ("192.0.2.250", SESSIONS // LOOKS_A_ROUND, 0)],
    ids=["all", "none"],
)
def test_a_round_does_no_more_than_it_may(
    client: str, rounds: int, listed: int, open_lab: OpenLab
) -> None:
    lab = open_lab(ONE).usual()
    many(lab, range(10000, 10000 + SESSIONS), workers=1)
    lab.harness.set_answer_timeout(0.05)
    lab.harness.stall_after(0, rounds - 1)
    with pytest.raises(OSError, match="harness_session_list"):
        lab.harness.sessions(client=client)
    lab.harness.stall(0, False)
    lab.harness.set_answer_timeout(2)
    # What was left undone comes first.
    assert len(lab.harness.sessions()) == SESSIONS
    lab.harness.stall_after(0, rounds + 1)
    assert len(lab.harness.sessions(client=client)) == listed

# SPDX-License-Identifier: BSD-3-Clause
"""A list of sessions is read a part in each of the worker's rounds, so that packets do not wait."""

import pytest
from driver import DONE, ffi, lib
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


def test_a_call_sends_so_many_messages_at_most(open_lab: OpenLab) -> None:
    """Changes get in between two calls, though none of the sessions is wanted."""
    workers, most = 12, 8
    laddrs = [(f"198.18.0.{n}", n, 0) for n in range(workers)]
    lab = open_lab(Settings(workers=workers, laddrs=laddrs)).usual()
    wanted, cursor = ffi.new("struct slb_session_filter *"), ffi.new("uint64_t *")
    wanted.worker = -1
    room = ffi.new("struct slb_session_info[]", 1)
    # The worker that is next stands in the upper half.
    for next_worker in (most, DONE >> 32):
        assert lib.harness_session_list(wanted, cursor, room, 1) == 0
        assert cursor[0] >> 32 == next_worker
    assert lab.active() == 0

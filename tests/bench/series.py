# SPDX-License-Identifier: BSD-3-Clause
"""How the path's cycles, and its memory, go with the number of sessions."""

from bench.figure import Figure, short
from bench.native import measure

MEGABYTES = {1_000: 512, 10_000: 512, 100_000: 512, 1_000_000: 640, 10_000_000: 1536}


def figures(runs: int) -> list[Figure]:
    """Established full NAT of bursts in memory, as m1b, with more and more sessions."""
    made = []
    for sessions, megabytes in MEGABYTES.items():
        found = measure("sessions", sessions, runs, megabytes)
        sides = {side: found.cycles[side] for side in ("ours", "5tswap")}
        what = f"cycles a packet, {sessions:,} sessions"
        key = f"sessions.{short(sessions)}"
        made.append(Figure(key, what, round(found.least("ours"), 1), None, sides, found.left_out))
        of_table = "bytes a session of entries and index"
        made.append(Figure(f"{key}.bytes", of_table, round(found.least("bytes"), 1)))
    return made

# SPDX-License-Identifier: BSD-3-Clause
"""The adjacency: every cell of its table, and what a look at the neighbours is called."""

import pytest

from ospf.adjacency import TRANSITIONS, Adjacency, Sighting, sighting
from slb.model.views import OspfNeighbour

# Rows: the state before. Columns: no answer, nobody, partial, full.
TABLE = """
    unknown   unknown down    forming full
    down      unknown down    forming full
    forming   unknown down    forming full
    full      unknown lost    lost    full
    lost      unknown lost    lost    full
"""
SEEN = (Sighting.NO_ANSWER, Sighting.NOBODY, Sighting.PARTIAL, Sighting.FULL)
CELLS = [
    (row.split()[0], seen, after)
    for row in TABLE.strip().splitlines()
    for seen, after in zip(SEEN, row.split()[1:], strict=True)
]


@pytest.mark.parametrize(("before", "seen", "after"), CELLS)
def test_transition(before: str, seen: Sighting, after: str) -> None:
    assert TRANSITIONS[Adjacency(before)][seen] is Adjacency(after)


def test_table_is_whole() -> None:
    assert len(CELLS) == len(Adjacency) * len(Sighting)
    assert set(TRANSITIONS) == set(Adjacency)
    assert all(set(row) == set(Sighting) for row in TRANSITIONS.values())


def neighbour(state: str) -> OspfNeighbour:
    return OspfNeighbour("192.0.2.1", "192.0.2.1", "slb0", state, state.startswith("Full/"))


def test_sightings() -> None:
    assert sighting(None) is Sighting.NO_ANSWER
    assert sighting(()) is Sighting.NOBODY
    assert sighting([neighbour("2-Way/Other"), neighbour("ExStart/DR")]) is Sighting.PARTIAL
    assert sighting([neighbour("2-Way/Other"), neighbour("Full/DR")]) is Sighting.FULL

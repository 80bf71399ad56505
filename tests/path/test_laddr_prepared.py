# SPDX-License-Identifier: BSD-3-Clause
"""Local addresses that are prepared: steered and probed, but not used before the next call."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from driver import Harness, Refused
from lab import OpenLab
from laddr_sets import OLD, SOFT
from packets.frames import answer, tcp, udp
from packets.nat import endpoints
from test_probe import Wired, until
from wire import KINDS, Wire, laddrs

from slb.steering.probe import GOOD, Probes

pytestmark = pytest.mark.path

METHODS = ["plain rules", "no rules", "neither rules nor RSS"]
NEW = ["198.18.1.1", "198.18.1.2", "2001:db8:19::1", "2001:db8:19::2"]


def first(workers: int) -> list[str]:
    """Those that the harness is opened with."""
    return [address for address, _, _ in laddrs(workers)]


def prepare(harness: Harness, addresses: Sequence[str]) -> None:
    """Prepare those of port 0."""
    harness.set_laddrs_raw([(address, 0) for address in addresses], only_prepare=True)


def waiting(harness: Harness) -> set[str]:
    """Those that wait."""
    return {row.address for row in harness.laddrs() if row.waiting}


def used(wire: Wire, sport: int) -> set[str]:
    """The local addresses that clients' new sessions get, on all workers."""
    found = set()
    for worker in range(wire.workers):
        start = sport + 100 * worker
        asked = [bytes(make(sport=n)) for make in (tcp, udp) for n in range(start, start + 8)]
        for has, sent in wire.client(worker, asked).items():
            for frame in sent:
                found.add(endpoints(frame)[0][0])
                wire.reply([bytes(answer(frame))], has)
    return found


@pytest.mark.parametrize("name", METHODS)
def test_proved_before_they_are_used(open_lab: OpenLab, name: str) -> None:
    wire = Wire(open_lab, KINDS[name], 2)
    old = first(2)
    wire.prepare_laddrs(*old, *NEW)
    assert waiting(wire.harness) == set(NEW)
    assert not any(row.draining for row in wire.harness.laddrs())
    states = until(wire, Probes(Wired(wire)), lambda found: found <= set(GOOD))
    assert set(states) == {*old, *NEW}
    assert used(wire, 20000) <= set(old)
    before = {(row.address, row.worker) for row in wire.harness.laddrs()}
    wire.set_laddrs(*old, *NEW)
    assert waiting(wire.harness) == set()
    assert {(row.address, row.worker) for row in wire.harness.laddrs()} == before
    assert set(NEW[:2]) <= used(wire, 40000)
    wire.lab.clear()


def test_rules_come_with_the_preparation(open_lab: OpenLab) -> None:
    """And go when nothing comes of it, whether it is given up or another set is refused."""
    wire = Wire(open_lab, KINDS["plain rules"], 2)
    old = first(2)
    rules, rows = wire.harness.nic()[1], wire.harness.laddrs()
    for undo in (lambda: wire.harness.set_laddrs(*old), lambda: refused(wire.harness)):
        wire.prepare_laddrs(*old, *NEW)
        assert {rule.to for rule in wire.rules} == {*old, *NEW}
        undo()
        assert wire.harness.laddrs() == rows
        assert wire.harness.nic()[1] == rules


def refused(harness: Harness) -> None:
    """A set that cannot be."""
    with pytest.raises(Refused):
        harness.set_laddrs("224.0.0.1")


def test_the_last_preparation_counts(open_lab: OpenLab) -> None:
    harness = open_lab(SOFT).harness
    prepare(harness, [*OLD, "198.18.1.1", "198.18.1.2"])
    prepare(harness, [*OLD, "198.18.1.2", "198.18.1.3"])
    assert waiting(harness) == {"198.18.1.2", "198.18.1.3"}
    assert "198.18.1.1" not in {row.address for row in harness.laddrs()}


def test_those_that_go_stay_until_then(open_lab: OpenLab) -> None:
    harness = open_lab(replace(SOFT, workers=1, laddrs=(("198.18.0.1", 0, 0),))).harness
    prepare(harness, ["198.18.1.1"])
    rows = {row.address: (row.draining, row.waiting) for row in harness.laddrs()}
    assert rows == {"198.18.0.1": (False, False), "198.18.1.1": (False, True)}
    harness.set_laddrs("198.18.1.1")
    assert [(row.address, row.waiting) for row in harness.laddrs()] == [("198.18.1.1", False)]

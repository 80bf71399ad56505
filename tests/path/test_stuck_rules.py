# SPDX-License-Identifier: BSD-3-Clause
"""A device that refuses to remove a rule: the rule is still there, and takes up room."""

from dataclasses import replace

import pytest
from lab import OpenLab
from laddr_sets import LONG
from packets.frames import answer, udp
from packets.nat import endpoints
from packets.nic import Nic, NicRule
from wire import KINDS, Wire, rss_of

pytestmark = pytest.mark.path

FIRST = ["198.18.0.1", "198.18.0.2", "198.18.0.3", "198.18.0.4"]
NEW = "198.18.0.9"


def wire_of(open_lab: OpenLab, nic: Nic | None = None) -> Wire:
    """Two workers with the first four addresses of IPv4, behind a NIC that takes rules."""
    kind = KINDS["plain rules"]
    wire = Wire(open_lab, replace(kind, nic=nic) if nic else kind, 2)
    wire.set_laddrs(*FIRST, *(f"2001:db8:18::{n}" for n in (1, 2)))
    return wire


def keep(wire: Wire, *addresses: str) -> None:
    """The local addresses are these, and those of IPv6."""
    wire.set_laddrs(*addresses, *(f"2001:db8:18::{n}" for n in (1, 2)))
    # What has no session any more goes at once.
    wire.harness.advance(0)


def of(wire: Wire, address: str) -> list[NicRule]:
    """The NIC's rules for an address."""
    return [rule for rule in wire.rules if rule.to == address]


def test_it_is_counted_and_tried_again(open_lab: OpenLab) -> None:
    wire = wire_of(open_lab)
    (kept,) = of(wire, FIRST[3])
    wire.harness.set_faults("KEEPS_RULES")
    keep(wire, *FIRST[:3])
    assert of(wire, FIRST[3]) == [kept]
    assert wire.harness.stuck_rules() == 1
    keep(wire, *FIRST[:2])
    assert wire.harness.stuck_rules() == 2
    wire.harness.set_faults()
    keep(wire, *FIRST[:2], NEW)
    assert wire.harness.stuck_rules() == 0
    assert [rule.to for rule in wire.rules if "." in rule.to] == [*FIRST[:2], NEW]


def test_an_address_that_comes_back_to_a_rule_of_old(open_lab: OpenLab) -> None:
    """It gets none besides; where the old one leads to another worker, replies are handed over."""
    wire = wire_of(open_lab)
    wire.harness.set_faults("KEEPS_RULES")
    keep(wire, *FIRST[:3])
    before = wire.rules
    keep(wire, *FIRST)
    assert wire.rules == before and wire.harness.stuck_rules() == 1
    asked = [bytes(udp(sport=n)) for n in range(2000, 2030)]
    for has, sent in wire.client(0, asked).items():
        for frame in sent:
            (back,) = wire.reply([bytes(answer(frame))], has)
            assert endpoints(back)[1] in {endpoints(one)[0] for one in asked}
    wire.harness.set_faults()
    keep(wire, *FIRST[:3])
    wire.harness.advance(LONG)
    keep(wire, *FIRST[:3])
    assert wire.harness.stuck_rules() == 0 and of(wire, FIRST[3]) == []
    keep(wire, *FIRST)
    assert len(of(wire, FIRST[3])) == 1


def test_it_takes_up_room(open_lab: OpenLab) -> None:
    """Of ixgbe's 128 rules: what it keeps is not there for others, and is when it lets go."""
    nic = Nic(rss_of(2), driver="net_ixgbe", rules_max=128, faults=("NO_V6",))
    wire = wire_of(open_lab, nic)
    many = [f"198.18.9.{n}" for n in range(1, 125)]
    keep(wire, *FIRST, *many)
    assert len(wire.rules) == 128
    wire.harness.set_faults("NO_V6", "KEEPS_RULES")
    keep(wire, *FIRST, *many[1:])
    assert wire.harness.stuck_rules() == 1
    keep(wire, *FIRST, *many[1:], NEW)
    assert len(wire.rules) == 128 and of(wire, NEW) == []
    wire.harness.set_faults("NO_V6")
    keep(wire, *FIRST, *many[1:])
    keep(wire, *FIRST, *many[1:], NEW)
    assert wire.harness.stuck_rules() == 0
    assert len(wire.rules) == 128 and len(of(wire, NEW)) == 1

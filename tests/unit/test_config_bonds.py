# SPDX-License-Identifier: BSD-3-Clause
"""Ports of several devices in a file: what is refused, and what is made of the rest."""

import pytest
from unit.test_config_loader import GOOD, good, problems

from slb.config.loader import parse
from slb.model.config import Bond, Port

DEVICE = '    device: "net_tap0,iface=lan0"\n'
PAIR = "    members: [net_tap0, net_tap1]\n"
BACKUP = PAIR + "    bond: {mode: active-backup}\n"


def bonded(lines: str) -> str:
    """GOOD with other lines in place of its port's device."""
    assert DEVICE in GOOD
    return GOOD.replace(DEVICE, lines)


def port(lines: str) -> Port:
    """The port of such a file."""
    (found,) = parse("slb.yaml", bonded(lines), range(4)).ports
    return found


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (
            "",
            "4: ports[0].device: is missing; add `device:` with a PCI address or a vdev, "
            '"0000:3b:00.0" or "net_tap0,iface=lan0", or the `members:` of a bond',
        ),
        (
            "    device: net_tap2\n" + BACKUP,
            "5: ports[0].device: is there beside members, and a port is either one device or a "
            "bond; remove one of them",
        ),
        (
            PAIR,
            "4: ports[0].bond: is missing, but the port has members; add `bond:` with `mode:` "
            "active-backup, balance-xor or lacp",
        ),
        (
            "    device: net_tap0\n    bond: {mode: lacp}\n",
            "6: ports[0].bond: is there without members; add `members:`, or remove it",
        ),
        (
            "    members: [net_tap0]\n    bond: {mode: lacp}\n",
            "5: ports[0].members: a list of 1 is not valid; write a list of 2 to 8",
        ),
        (
            "    members: [a, b, c, d, e, f, g, h, i]\n    bond: {mode: lacp}\n",
            "5: ports[0].members: a list of 9 is not valid; write a list of 2 to 8",
        ),
        (
            "    members: [net_tap0, 'net_tap0,iface=x']\n    bond: {mode: lacp}\n",
            "5: ports[0].members[1]: the device net_tap0 is used twice; give each its own",
        ),
        (
            "    members: [net_tap0, 7]\n    bond: {mode: lacp}\n",
            "5: ports[0].members[1]: 7 is not valid; write a PCI address or a vdev, "
            '"0000:3b:00.0" or "net_tap0,iface=lan0"',
        ),
        (
            "    members: [net_tap0, 'net_bonding0,mode=1']\n    bond: {mode: lacp}\n",
            "5: ports[0].members[1]: net_bonding0 is a bond; write its devices as the port's "
            "members",
        ),
        (
            "    device: net_bonding0,mode=1,slave=net_tap0\n",
            "5: ports[0].device: net_bonding0 is a bond; write its devices as the port's members",
        ),
        (
            PAIR + "    bond: {mode: round-robin}\n",
            "6: ports[0].bond.mode: 'round-robin' is not valid; "
            "write one of active-backup, balance-xor, lacp",
        ),
        (
            PAIR + "    bond: {}\n",
            "6: ports[0].bond.mode: is missing; "
            "add `mode:` with one of active-backup, balance-xor, lacp",
        ),
        (
            PAIR + "    bond: {mode: lacp, policy: l4}\n",
            "6: ports[0].bond.policy: 'l4' is not valid; write one of l2, l23, l34",
        ),
        (
            PAIR + "    bond: {mode: active-backup, policy: l34}\n",
            "6: ports[0].bond.policy: active-backup sends by one member at a time, which no "
            "policy chooses; remove it",
        ),
        (
            PAIR + "    bond: {mode: lacp, primary: net_tap0}\n",
            "6: ports[0].bond.primary: lacp uses all members alike; remove it",
        ),
        (
            PAIR + "    bond: {mode: active-backup, primary: net_tap2}\n",
            "6: ports[0].bond.primary: net_tap2 is none of the members; "
            "write one of net_tap0, net_tap1",
        ),
        (
            PAIR + "    bond: {mode: balance-xor, dedicated_queues: true}\n",
            "6: ports[0].bond.dedicated_queues: balance-xor has no frames of LACP to keep apart; "
            "remove it",
        ),
        (
            PAIR + "    bond: {mode: lacp, rate: fast}\n",
            "6: ports[0].bond.rate: no such key; "
            "known here: mode, policy, primary, dedicated_queues",
        ),
    ],
)
def test_one_broken_rule(lines: str, line: str) -> None:
    assert problems(bonded(lines)) == [f"slb.yaml:{line}"]


def test_a_member_is_no_port_of_its_own() -> None:
    other = '  - name: wan0\n    device: "net_tap1,iface=wan0"\n'
    text = bonded(BACKUP).replace("service_subnets", other + "service_subnets")
    assert problems(text) == [
        "slb.yaml:10: ports[1].device: the device net_tap1 is used twice; give each its own"
    ]


def test_what_is_left_out() -> None:
    found = port(BACKUP)
    assert found.bond == Bond("active-backup")
    assert (found.device, found.devices()) == ("", ("net_tap0", "net_tap1"))
    (single,) = good().ports
    assert (single.members, single.bond) == ((), None)
    assert single.devices() == ("net_tap0,iface=lan0",)


def test_whatever_can_be_written() -> None:
    lines = (
        '    members: ["0000:3b:00.0", "0000:3b:00.1,arg=1"]\n'
        "    bond: {mode: active-backup, primary: '0000:3b:00.1'}\n"
    )
    assert port(lines).bond == Bond("active-backup", primary="0000:3b:00.1")
    lacp = PAIR + "    bond: {mode: lacp, policy: l23, dedicated_queues: true}\n"
    assert port(lacp).bond == Bond("lacp", policy="l23", dedicated_queues=True)


@pytest.mark.parametrize(("second", "idle"), [("net_tap1", "adaptive"), ("3b:00.0", "busy")])
def test_a_bond_with_a_nic_is_polled_as_one(second: str, idle: str) -> None:
    text = bonded(f"    members: [net_tap0, '{second}']\n    bond: {{mode: lacp}}\n")
    assert parse("slb.yaml", text, range(4)).engine.idle.workers == (idle,)

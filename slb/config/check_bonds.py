# SPDX-License-Identifier: BSD-3-Clause
"""Rules about the devices of ports, one or the members of a bond."""

from collections.abc import Iterator

from slb.config.check_addresses import repeated
from slb.config.tree import Path
from slb.model.config import Bond, Config, Port

Finding = tuple[Path, str]

MODES = "active-backup, balance-xor or lacp"


def find(config: Config) -> Iterator[Finding]:
    """Yield what is wrong with the devices and bonds of a config."""
    yield from repeated(_names(config), "the device")
    for i, port in enumerate(config.ports):
        path: Path = ("ports", i)
        yield from _which(port, path)
        if port.bond and port.members:
            yield from _bond(port.bond, port.members, (*path, "bond"))
        for inner, device in _devices(port, path):
            if device.startswith("net_bonding"):
                text = f"{name_of(device)} is a bond; write its devices as the port's members"
                yield inner, text


def name_of(device: str) -> str:
    """Return a device without its driver's arguments."""
    return device.partition(",")[0]


def _names(config: Config) -> Iterator[tuple[Path, str]]:
    for i, port in enumerate(config.ports):
        for path, device in _devices(port, ("ports", i)):
            yield path, name_of(device)


def _devices(port: Port, path: Path) -> Iterator[tuple[Path, str]]:
    if port.device:
        yield (*path, "device"), port.device
    for j, device in enumerate(port.members):
        yield (*path, "members", j), device


def _which(port: Port, path: Path) -> Iterator[Finding]:
    if port.device and port.members:
        text = "is there beside members, and a port is either one device or a bond"
        yield (*path, "device"), f"{text}; remove one of them"
    elif not port.device and not port.members:
        text = 'is missing; add `device:` with a PCI address or a vdev, "0000:3b:00.0" or'
        yield (*path, "device"), f'{text} "net_tap0,iface=lan0", or the `members:` of a bond'
    if port.members and port.bond is None:
        text = f"is missing, but the port has members; add `bond:` with `mode:` {MODES}"
        yield (*path, "bond"), text
    if port.bond is not None and not port.members:
        yield (*path, "bond"), "is there without members; add `members:`, or remove it"


def _bond(bond: Bond, members: tuple[str, ...], path: Path) -> Iterator[Finding]:
    if bond.policy and bond.mode == "active-backup":
        text = "active-backup sends by one member at a time, which no policy chooses; remove it"
        yield (*path, "policy"), text
    if bond.primary and bond.mode != "active-backup":
        yield (*path, "primary"), f"{bond.mode} uses all members alike; remove it"
    elif bond.primary and bond.primary not in map(name_of, members):
        names = ", ".join(map(name_of, members))
        yield (*path, "primary"), f"{bond.primary} is none of the members; write one of {names}"
    if bond.dedicated_queues and bond.mode != "lacp":
        text = f"{bond.mode} has no frames of LACP to keep apart; remove it"
        yield (*path, "dedicated_queues"), text

# SPDX-License-Identifier: BSD-3-Clause
"""Settings, recorded replies and stand-ins for the tests of ospf."""

from collections.abc import Iterable
from ipaddress import IPv4Address, ip_network
from pathlib import Path

from ospf.birdc import Birdc
from ospf.model import IPV4, Family, Network, Setup
from slb.model.config import Ospf

REPLIES = Path(__file__).with_name("bird_replies")


def recorded(name: str) -> bytes:
    """What BIRD 2.0.12 once answered, as `birdc -v` printed it."""
    return (REPLIES / f"{name}.txt").read_bytes()


def setup(
    directory: Path,
    ospf: Ospf | None = None,
    interfaces: Iterable[str] = ("slb0",),
    families: tuple[Family, ...] = (IPV4,),
) -> Setup:
    """Settings with a router of 192.0.2.2."""
    settings = ospf or Ospf(mode="managed")
    router_id = IPv4Address("192.0.2.2")
    return Setup(settings, router_id, tuple(interfaces), directory, families)


def networks(*texts: str) -> list[Network]:
    """Networks from their texts."""
    return [ip_network(text) for text in texts]


def script(directory: Path, text: str) -> str:
    """Make a program that stands in for birdc."""
    path = directory / "birdc"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def birdc(directory: Path, text: str, timeout_s: float = 5) -> Birdc:
    """Make a Birdc that runs such a program."""
    return Birdc(directory / "bird.ctl", script(directory, text), timeout_s)

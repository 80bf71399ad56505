# SPDX-License-Identifier: BSD-3-Clause
"""What the workers need to know of the kernel's routes, neighbours and addresses."""

from msgspec import Struct

from slb.model.address import Address, Network


class Route(Struct, frozen=True):
    """A route over a port; `gateway` None: directly connected."""

    prefix: Network
    gateway: Address | None
    port: int


class Neighbour(Struct, frozen=True):
    """A host on a port's link with its MAC."""

    address: Address
    mac: str
    port: int


class OwnAddress(Struct, frozen=True):
    """An address of the kernel interface of a port: packets to it go to the kernel."""

    address: Address
    port: int


class Forwarding(Struct, frozen=True):
    """The whole view; compares equal when nothing changed."""

    routes: tuple[Route, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    own: tuple[OwnAddress, ...] = ()


class Wanted(Struct, frozen=True):
    """A host whose MAC a worker misses."""

    address: Address
    port: int

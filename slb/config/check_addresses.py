# SPDX-License-Identifier: BSD-3-Clause
"""Rules between addresses: those of ports, local addresses, routes and service subnets."""

from collections.abc import Hashable, Iterable, Iterator

from slb.config.defaults import has_kernel_interface, local_addresses
from slb.config.reserved import unusable, unusable_network
from slb.config.tree import Path
from slb.errors import TextError
from slb.model.address import parse_mac
from slb.model.config import Config, Port, StaticRoute

Finding = tuple[Path, str]

MAX_LADDRS = 1024
# The least that a link with IPv6 must carry (RFC 8200, 5); below it the kernel has no IPv6 there.
MIN_MTU6 = 1280


def find(config: Config) -> Iterator[Finding]:
    """Yield what is wrong with the addresses of a config."""
    yield from _ports(config)
    yield from _local_addresses(config)
    yield from _subnets(config)


def repeated(values: Iterable[tuple[Path, Hashable]], what: str) -> Iterator[Finding]:
    """Yield a finding for each value that stood before."""
    seen: set[Hashable] = set()
    for path, value in values:
        if value in seen:
            yield path, f"{what} {value} is used twice; give each its own"
        seen.add(value)


def _ports(config: Config) -> Iterator[Finding]:
    own = (
        (("ports", i, "addresses", j), address.ip)
        for i, port in enumerate(config.ports)
        for j, address in enumerate(port.addresses)
    )
    yield from repeated(own, "the address")
    for i, port in enumerate(config.ports):
        try:
            _ = port.mac and parse_mac(port.mac)
        except TextError as error:
            yield ("ports", i, "mac"), str(error)
        for j, address in enumerate(port.addresses):
            if reason := unusable(address.ip):
                yield ("ports", i, "addresses", j), f"{address.ip} is {reason}; write a host's"
        for j, route in enumerate(port.routes):
            yield from _route(port, route, ("ports", i, "routes", j))
        if port.mtu < MIN_MTU6 and any(address.version == 6 for address in port.addresses):
            text = (
                f"{port.mtu} is too small for the port's IPv6 addresses; write {MIN_MTU6} or more"
            )
            yield ("ports", i, "mtu"), text


def _route(port: Port, route: StaticRoute, path: Path) -> Iterator[Finding]:
    via = route.via
    if via.version != route.to.version:
        text = f"{via} is an IPv{via.version} address, but the route is to {route.to}"
        yield (*path, "via"), f"{text}; write a gateway of its family"
    elif via.version == 6 and via.is_link_local:
        # Every link has these, so no network need hold it; the kernel's own gateways are such.
        if not has_kernel_interface(port):
            text = f"{via} is a link-local address, which needs a kernel interface"
            yield (*path, "via"), f"{text}; write the gateway's other address"
    elif not any(via in address.network for address in port.addresses):
        text = f"{via} is in no network of {port.name}'s addresses; correct one"
        yield (*path, "via"), text
    elif any(via == address.ip for address in port.addresses):
        yield (*path, "via"), f"{via} is an address of {port.name} itself; write the router's"


def _local_addresses(config: Config) -> Iterator[Finding]:
    taken = {a.ip: f"the address of port {p.name}" for p in config.ports for a in p.addresses}
    for i, port in enumerate(config.ports):
        for j, span in enumerate(port.local_addresses):
            path = ("ports", i, "local_addresses", j)
            for address in span:
                if (reason := unusable(address) or taken.get(address)) is not None:
                    yield path, f"{address} is {reason}; choose another local address"
                    break
                taken[address] = "a local address already"
    count = local_addresses(config)
    # Each family is dealt by itself, so the larger number says how many workers have one.
    shared = any(port.steering == "rss-port" and port.local_addresses for port in config.ports)
    engine = config.engine
    if max(count.values()) < engine.workers_max and not shared:
        key = "workers" if engine.workers == engine.workers_max else "workers_max"
        text = (
            f"too few local addresses for the workers: {_counted(count)} for "
            f"{engine.workers_max}; give at least one a worker, or lower engine.{key}"
        )
        yield ("ports", 0, "local_addresses"), text
    if (total := sum(count.values())) > MAX_LADDRS:
        text = f"{total} local addresses in all, more than {MAX_LADDRS}; remove some"
        yield ("ports", 0, "local_addresses"), text


def _counted(count: dict[int, int]) -> str:
    if all(count.values()):
        return " and ".join(f"{n} IPv{version}" for version, n in count.items())
    return str(sum(count.values()))


def _subnets(config: Config) -> Iterator[Finding]:
    for i, subnet in enumerate(config.service_subnets):
        path = ("service_subnets", i)
        for earlier in config.service_subnets[:i]:
            if subnet.overlaps(earlier):
                yield path, f"{subnet} overlaps {earlier}; keep one of them"
        if reason := unusable_network(subnet):
            yield path, f"{subnet} {reason}; write a subnet of services"
        for port in config.ports:
            for address in port.addresses:
                if address.ip in subnet:
                    text = f"{subnet} holds {address.ip}, an address of port {port.name}"
                    yield path, f"{text}; services need a subnet of their own"
            for span in port.local_addresses:
                if span.overlaps(subnet):
                    yield path, f"{subnet} holds local addresses {span}; keep them apart"

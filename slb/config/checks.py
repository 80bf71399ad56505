# SPDX-License-Identifier: BSD-3-Clause
"""What a schema cannot say: rules between keys. Each check yields the path and the sentence."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from ipaddress import IPv4Address

from slb.config import check_services
from slb.config.defaults import has_kernel_interface
from slb.config.tree import Path
from slb.errors import TextError
from slb.model.address import parse_mac
from slb.model.config import Config

Finding = tuple[Path, str]

MAX_LADDRS = 1024


def find(config: Config, cpus: frozenset[int]) -> list[Finding]:
    """Return every broken rule of a config whose defaults are filled in."""
    checks: tuple[Callable[[Config], Iterable[Finding]], ...] = (
        _names,
        lambda c: _cpus(c, cpus),
        _ports,
        _local_addresses,
        _subnets,
        _ospf,
        check_services.find,
    )
    return [finding for check in checks for finding in check(config)]


def repeated(values: Iterable[tuple[Path, Hashable]], what: str) -> Iterator[Finding]:
    """Yield a finding for each value that stood before."""
    seen: set[Hashable] = set()
    for path, value in values:
        if value in seen:
            yield path, f"{what} {value} is used twice; give each its own"
        seen.add(value)


def _names(config: Config) -> Iterator[Finding]:
    ports = list(enumerate(config.ports))
    yield from repeated(((("ports", i, "name"), p.name) for i, p in ports), "the name")
    devices = ((("ports", i, "device"), p.device.partition(",")[0]) for i, p in ports)
    yield from repeated(devices, "the device")
    names = (
        (("ports", i, "kernel_interface", "name"), p.kernel_interface.name)
        for i, p in ports
        if has_kernel_interface(p)
    )
    yield from repeated(names, "the kernel interface")


def _cpus(config: Config, available: frozenset[int]) -> Iterator[Finding]:
    engine = config.engine
    have = ", ".join(str(cpu) for cpu in sorted(available))
    if (count := len(engine.cpus.workers)) != engine.workers:
        text = f"{count} CPUs for {engine.workers} workers; name one for each worker"
        yield ("engine", "cpus", "workers"), text
    if (count := len(engine.idle.workers)) != engine.workers:
        text = f"{count} policies for {engine.workers} workers; write one word for all, or a list"
        yield ("engine", "idle", "workers"), f"{text} with one for each"
    used: list[Finding] = [
        (("engine", "cpus", "workers", i), str(cpu)) for i, cpu in enumerate(engine.cpus.workers)
    ]
    used.append((("engine", "cpus", "admin"), str(engine.cpus.admin)))
    used.append((("engine", "cpus", "kni"), str(engine.cpus.kni)))
    for path, cpu in used:
        if int(cpu) not in available:
            yield path, f"CPU {cpu} does not exist or is not ours to use; choose from {have}"


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
            if not any(route.via in address.network for address in port.addresses):
                text = f"{route.via} is in no network of {port.name}'s addresses; correct one"
                yield ("ports", i, "routes", j, "via"), text


def unusable(address: IPv4Address) -> str | None:
    """Say why an address cannot be a host's; None when it can."""
    if address.is_multicast:
        return "a multicast address"
    if address.is_loopback:
        return "a loopback address"
    if address.is_unspecified or int(address) >> 24 == 0 or int(address) >> 28 == 15:
        return "reserved"
    return None


def _local_addresses(config: Config) -> Iterator[Finding]:
    taken = {a.ip: f"the address of port {p.name}" for p in config.ports for a in p.addresses}
    total = 0
    for i, port in enumerate(config.ports):
        for j, span in enumerate(port.local_addresses):
            path = ("ports", i, "local_addresses", j)
            total += len(span)
            for address in span:
                if (reason := unusable(address) or taken.get(address)) is not None:
                    yield path, f"{address} is {reason}; choose another local address"
                    break
                taken[address] = "a local address already"
    if total < config.engine.workers:
        text = (
            f"too few local addresses for the workers: {total} for {config.engine.workers}; "
            "give at least one a worker, or lower engine.workers"
        )
        yield ("ports", 0, "local_addresses"), text
    if total > MAX_LADDRS:
        text = f"{total} local addresses in all, more than {MAX_LADDRS}; remove some"
        yield ("ports", 0, "local_addresses"), text


def _subnets(config: Config) -> Iterator[Finding]:
    for i, subnet in enumerate(config.service_subnets):
        path = ("service_subnets", i)
        for earlier in config.service_subnets[:i]:
            if subnet.overlaps(earlier):
                yield path, f"{subnet} overlaps {earlier}; keep one of them"
        if reason := unusable(subnet.network_address):
            yield path, f"{subnet} is {reason}; write a subnet of services"
        for port in config.ports:
            for address in port.addresses:
                if address.ip in subnet:
                    text = f"{subnet} holds {address.ip}, an address of port {port.name}"
                    yield path, f"{text}; services need a subnet of their own"
            for span in port.local_addresses:
                if span.first <= subnet.broadcast_address and span.last >= subnet.network_address:
                    yield path, f"{subnet} holds local addresses {span}; keep them apart"


def _ospf(config: Config) -> Iterator[Finding]:
    ospf = config.ospf
    if ospf.dead_s <= ospf.hello_s:
        text = f"{ospf.dead_s} s is not longer than hello_s ({ospf.hello_s} s); make it 4 times it"
        yield ("ospf", "dead_s"), text
    if ospf.mode == "off":
        return
    if ospf.router_id is None:
        text = "is missing, and no port has an address to take it from; write one"
        yield ("ospf", "router_id"), text
    elif unusable(ospf.router_id):
        yield ("ospf", "router_id"), f"{ospf.router_id} cannot be a router id; write a host address"
    if not ospf.interfaces:
        text = "no port has a kernel interface for OSPF to run on; set kernel_interface.kind"
        yield ("ospf", "interfaces"), text
    if ospf.announce == "subnets" and not config.service_subnets:
        yield ("ospf", "announce"), "there are no service_subnets to announce; add them"

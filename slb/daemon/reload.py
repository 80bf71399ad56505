# SPDX-License-Identifier: BSD-3-Clause
"""What SIGHUP changes: compares two configs and says what takes effect and what needs a restart."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from slb.config.defaults import local_addresses
from slb.config.tree import Path, show_path
from slb.model import codec
from slb.model.address import Address, AddressRange
from slb.model.config import Config

T = TypeVar("T")

# What BIRD takes while it runs, and what is decided anew each time.
OSPF_LIVE = (
    "announce",
    "area",
    "auth",
    "auth_v3",
    "bfd",
    "cost",
    "dead_s",
    "drain_metric",
    "drain_s",
    "graceful_restart",
    "hello_s",
    "interfaces",
    "links",
    "metric",
    "metric_type",
    "network_type",
    "priority",
    "quorum",
    "stub_areas",
)
# Paths without indices; what is not under one of these is read at the start alone.
LIVE: frozenset[Path] = frozenset(
    {
        ("services",),
        ("service_subnets",),
        *(("ospf", key) for key in OSPF_LIVE),
        ("api", "mode"),
        ("metrics", "rs_max"),
        ("ports", "addresses"),
        ("ports", "routes"),
        ("ports", "local_addresses"),
        ("engine", "workers"),
    }
)


def needs_restart(old: Config, new: Config) -> list[str]:
    """Return the fields that differ and cannot change while the engine runs."""
    found = {show_path(path) for path in _differences(codec.to_plain(old), codec.to_plain(new), ())}
    if new.engine.workers != old.engine.workers and not workers_may_change(old, new):
        found.add("engine.workers")
    if _waits_to_be_stub(old, new):
        found.add("ospf.stub_areas")
    return sorted(found)


def effective(old: Config, new: Config) -> Config:
    """Return `old` with what a reload may change taken from `new`, but for engine.workers."""
    ports, ospf = old.ports, {key: getattr(new.ospf, key) for key in OSPF_LIVE}
    if _waits_to_be_stub(old, new):
        ospf["stub_areas"] = old.ospf.stub_areas
    if [port.name for port in old.ports] == [port.name for port in new.ports]:
        ports = tuple(
            replace(
                was,
                addresses=now.addresses,
                routes=now.routes,
                local_addresses=now.local_addresses,
            )
            for was, now in zip(old.ports, new.ports, strict=True)
        )
    return replace(
        old,
        ports=ports,
        services=new.services,
        service_subnets=new.service_subnets,
        ospf=replace(old.ospf, **ospf),
        api=replace(old.api, mode=new.api.mode),
        metrics=replace(old.metrics, rs_max=new.metrics.rs_max),
    )


def workers_may_change(old: Config, new: Config) -> bool:
    """Tell whether those that `new` wants are ready: the maximum is what it was."""
    return new.engine.workers_max == old.engine.workers_max


def either(old: Config, new: Config) -> Config:
    """Return `new` with the addresses and routes of both: what the kernel may have in between.

    The local addresses are those of `old`.
    """
    ports = tuple(
        replace(
            now,
            addresses=_union(was.addresses, now.addresses),
            routes=_union(was.routes, now.routes),
            local_addresses=was.local_addresses,
        )
        for was, now in zip(old.ports, new.ports, strict=True)
    )
    return replace(new, ports=ports)


def with_laddrs_of(config: Config, new: Config) -> Config:
    """Return `config` with the local addresses of `new`, whose ports are the same."""
    ports = (
        replace(port, local_addresses=other.local_addresses)
        for port, other in zip(config.ports, new.ports, strict=True)
    )
    return replace(config, ports=tuple(ports))


def with_laddrs(config: Config, there: Mapping[Address, str]) -> Config:
    """Return `config` with other local addresses, each of the port named."""
    of_port: dict[str, list[AddressRange]] = {port.name: [] for port in config.ports}
    for address, port in there.items():
        of_port[port].append(AddressRange(address, address))
    ports = (replace(port, local_addresses=tuple(of_port[port.name])) for port in config.ports)
    return replace(config, ports=tuple(ports))


def loses_family(old: Config, new: Config) -> bool:
    """Tell whether `old` has local addresses of a family of which `new` has none."""
    before, after = local_addresses(old), local_addresses(new)
    return any(before[version] and not after[version] for version in before)


def _waits_to_be_stub(old: Config, new: Config) -> bool:
    """Tell whether routes are external until a restart, which BIRD refuses in a stub area."""
    return old.ospf.route_type == "external" and bool(new.ospf.stub_areas)


def _union(one: tuple[T, ...], other: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys([*one, *other]))


def _differences(old: Any, new: Any, path: Path) -> Iterator[Path]:
    if old == new or tuple(step for step in path if isinstance(step, str)) in LIVE:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old:
            yield from _differences(old[key], new.get(key), (*path, key))
    elif path == ("ports",) and [p["name"] for p in old] == [p["name"] for p in new]:
        for index, (was, now) in enumerate(zip(old, new, strict=True)):
            yield from _differences(was, now, (*path, index))
    else:
        yield path

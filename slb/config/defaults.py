# SPDX-License-Identifier: BSD-3-Clause
"""Fills in what a file leaves to us, so that nobody downstream asks what an empty value means."""

import re
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from slb.model.config import Config, Cpus, Idle, IdlePolicy, Ospf, Port

VHOST = "/dev/vhost-net"
PCI = re.compile(r"([0-9a-fA-F]{4,}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7](,.*)?")


def fill(config: Config, cpus: frozenset[int]) -> Config:
    """Return the config with names, CPUs, idle policies and OSPF's defaults written out."""
    config = replace(config, ports=tuple(_named(p, i) for i, p in enumerate(config.ports)))
    config = replace(config, ospf=_ospf(config))
    config = replace(config, engine=replace(config.engine, workers_max=config.engine.ready))
    chosen = _cpus(config, sorted(cpus))
    engine = replace(config.engine, cpus=chosen, idle=_idle(config, chosen))
    return replace(config, engine=replace(engine, sessions6=_sessions6(config)))


def _sessions6(config: Config) -> int:
    engine = config.engine
    if engine.sessions6 or 6 not in versions(config):
        return engine.sessions6
    return engine.sessions // 4


def is_virtual(device: str) -> bool:
    """Tell a vdev from a PCI address."""
    return PCI.fullmatch(device) is None


def _named(port: Port, index: int) -> Port:
    name = port.kernel_interface.name or f"slb{index}"
    kernel_interface = replace(port.kernel_interface, name=name)
    return replace(port, kernel_interface=kernel_interface, mac=port.mac.lower())


def _ospf(config: Config) -> Ospf:
    ospf = config.ospf
    addresses = [
        address.ip
        for port in config.ports
        for address in port.addresses
        if isinstance(address.ip, IPv4Address)
    ]
    names = tuple(
        port.kernel_interface.name or "" for port in config.ports if has_kernel_interface(port)
    )
    return replace(
        ospf,
        router_id=ospf.router_id or next(iter(addresses), None),
        interfaces=ospf.interfaces or names,
    )


def versions(config: Config) -> frozenset[int]:
    """Return the families of the addresses in a config: 4, 6 or both."""
    found = {subnet.version for subnet in config.service_subnets}
    for port in config.ports:
        found |= {address.version for address in port.addresses}
        found |= {span.first.version for span in port.local_addresses}
    return frozenset(found)


def local_addresses(config: Config) -> dict[int, int]:
    """Count the local addresses of each family, 4 and 6."""
    count = {4: 0, 6: 0}
    for port in config.ports:
        for span in port.local_addresses:
            count[span.first.version] += len(span)
    return count


def bird_directory(config: Config) -> Path:
    """Return where slbd keeps the files of a BIRD of its own, beside its socket."""
    return Path(config.api.socket).with_suffix(".bird")


def has_kernel_interface(port: Port) -> bool:
    """Tell whether the kernel sees this port."""
    return port.kernel_interface.kind != "none"


def _cpus(config: Config, available: list[int]) -> Cpus:
    given, count = config.engine.cpus, config.engine.workers_max
    # The first CPU comes last: it has the admin and KNI cores and the rest of the system already.
    in_turn = tuple(available[(n + 1) % len(available)] for n in range(count))
    return Cpus(
        workers=given.workers or in_turn,
        admin=available[0] if given.admin is None else given.admin,
        kni=available[0] if given.kni is None else given.kni,
    )


def _idle(config: Config, cpus: Cpus) -> IdlePolicy:
    used = [*cpus.workers, cpus.admin, cpus.kni]
    virtual = all(is_virtual(name) for port in config.ports for name in port.devices())

    def settle(policy: Idle, cpu: int | None) -> Literal["busy", "adaptive"]:
        if policy != "auto":
            return policy
        return "adaptive" if virtual or used.count(cpu) > 1 else "busy"

    idle = config.engine.idle
    count = config.engine.workers_max
    words = (idle.workers,) * count if isinstance(idle.workers, str) else idle.workers
    # Lists of other lengths stay as they are: the checks refuse them.
    if len(words) == len(cpus.workers):
        words = tuple(settle(word, cpu) for word, cpu in zip(words, cpus.workers, strict=True))
    return IdlePolicy(
        workers=words,
        admin=settle(idle.admin, cpus.admin),
        kni=settle(idle.kni, cpus.kni),
    )

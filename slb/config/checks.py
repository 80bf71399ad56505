# SPDX-License-Identifier: BSD-3-Clause
"""What a schema cannot say: rules between keys. Each check yields the path and the sentence."""

from collections.abc import Callable, Iterable, Iterator

from slb.config import check_addresses, check_bonds, check_ospf, check_services
from slb.config.check_addresses import repeated
from slb.config.defaults import has_kernel_interface
from slb.config.tree import Path
from slb.model.config import Config

Finding = tuple[Path, str]


def find(config: Config, cpus: frozenset[int]) -> list[Finding]:
    """Return every broken rule of a config whose defaults are filled in."""
    checks: tuple[Callable[[Config], Iterable[Finding]], ...] = (
        _names,
        lambda c: _cpus(c, cpus),
        check_bonds.find,
        check_addresses.find,
        check_ospf.find,
        check_services.find,
    )
    return [finding for check in checks for finding in check(config)]


def _names(config: Config) -> Iterator[Finding]:
    ports = list(enumerate(config.ports))
    yield from repeated(((("ports", i, "name"), p.name) for i, p in ports), "the name")
    names = (
        (("ports", i, "kernel_interface", "name"), p.kernel_interface.name)
        for i, p in ports
        if has_kernel_interface(p)
    )
    yield from repeated(names, "the kernel interface")


def _cpus(config: Config, available: frozenset[int]) -> Iterator[Finding]:
    engine = config.engine
    if engine.shared_memory and not engine.hugepages:
        text = "needs hugepages; set engine.hugepages: true, or leave shared_memory out"
        yield ("engine", "shared_memory"), text
    have = ", ".join(str(cpu) for cpu in sorted(available))
    if engine.workers > engine.workers_max:
        text = f"{engine.workers_max} are fewer than engine.workers ({engine.workers})"
        yield ("engine", "workers_max"), f"{text}; raise it, or leave it out"
    if (count := len(engine.cpus.workers)) != engine.workers_max:
        text = f"{count} CPUs for {engine.workers_max} workers; name one for each worker"
        yield ("engine", "cpus", "workers"), text
    if (count := len(engine.idle.workers)) != engine.workers_max:
        text = f"{count} policies for {engine.workers_max} workers; write one word for all"
        text = f"{text}, or a list"
        yield ("engine", "idle", "workers"), f"{text} with one for each"
    used: list[Finding] = [
        (("engine", "cpus", "workers", i), str(cpu)) for i, cpu in enumerate(engine.cpus.workers)
    ]
    used.append((("engine", "cpus", "admin"), str(engine.cpus.admin)))
    used.append((("engine", "cpus", "kni"), str(engine.cpus.kni)))
    for path, cpu in used:
        if int(cpu) not in available:
            yield path, f"CPU {cpu} does not exist or is not ours to use; choose from {have}"
